//! Repositories: lists, permissions, visibility, deletion.

use super::world::{World, name, word};
use crate::perms::{Administer, CreateRepository};
use crate::{Caller, Error, Grantee, RepositoryRole, TagQuery, Visibility};

#[tokio::test]
async fn a_repository_is_made_shown_and_deleted() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let home = w.core.allow_in::<CreateRepository>(&alice, "alice").await.unwrap();
    let demo = name("alice/demo");
    let made = w.core.create_repository(&home, &demo, Visibility::Public, "a demo").await.unwrap();
    assert_eq!((&*made.namespace, &*made.name, made.state), ("alice", "demo", "NORMAL"));
    let again = w.core.create_repository(&home, &demo, Visibility::Public, "").await;
    assert!(matches!(again, Err(Error::Conflict(text)) if text == "Repository already exists"));
    let elsewhere = w.core.create_repository(&home, &name("bob/demo"), Visibility::Public, "").await;
    assert_eq!(word(elsewhere), "denied");

    let view = w.core.repository(&w.may_pull(&w.anybody(), "alice/demo").await).await.unwrap();
    assert!(!view.can_write && !view.can_admin && !view.is_organization);
    assert_eq!(view.repository.description, "a demo");

    w.push_image(&alice, "alice/demo", "v1", b"layer").await;
    let at = w.core.allow::<Administer>(&alice, &demo).await.unwrap();
    w.core.delete_repository(&at).await.unwrap();
    assert_eq!(word(w.get(&alice, "alice/demo", "v1").await), "name unknown");
    assert_eq!(word(w.core.delete_repository(&at).await), "not found");
    w.push_image(&alice, "alice/demo", "v2", b"layer").await;
    assert_eq!(
        word(w.get(&alice, "alice/demo", "v1").await),
        "not found",
        "the name is free, the past is not back"
    );
}

#[tokio::test]
async fn a_right_proven_before_a_deletion_does_not_write_to_what_is_gone() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    w.push_image(&alice, "alice/demo", "v1", b"layer").await;
    let stale = w.may_push(&alice, "alice/demo").await;
    let at = w.core.allow::<Administer>(&alice, &name("alice/demo")).await.unwrap();
    w.core.delete_repository(&at).await.unwrap();
    assert_eq!(word(w.core.start_upload(&stale).await), "name unknown");
}

#[tokio::test]
async fn lists_hold_what_the_caller_may_pull() {
    let w = World::new().await;
    let (alice, bob) = (w.person("alice").await, w.person("bob").await);
    let home = w.core.allow_in::<CreateRepository>(&alice, "alice").await.unwrap();
    for (repository, visibility) in
        [("alice/a", Visibility::Private), ("alice/b", Visibility::Public), ("alice/c", Visibility::Private)]
    {
        w.core.create_repository(&home, &name(repository), visibility, "").await.unwrap();
    }
    w.grant(&alice, "alice/c", "bob", RepositoryRole::Read).await;
    let list = async |who: &Caller, namespace: Option<&str>, public| {
        let page = w.core.repositories(who, namespace, public, 100, None).await.unwrap();
        page.items.into_iter().map(|repo| repo.name).collect::<String>()
    };
    assert_eq!(list(&alice, Some("alice"), false).await, "abc");
    assert_eq!(list(&bob, Some("alice"), false).await, "bc");
    assert_eq!(list(&bob, None, false).await, "bc");
    assert_eq!(list(&alice, Some("alice"), true).await, "b");
    assert_eq!(list(&w.anybody(), Some("alice"), false).await, "b");
    assert_eq!(list(&w.anybody(), None, true).await, "b");
    assert_eq!(list(&alice, Some("nobody"), false).await, "");
    let page = w.core.repositories(&alice, Some("alice"), false, 2, Some("a")).await.unwrap();
    assert_eq!((page.items.len(), page.more), (2, false));
}

#[tokio::test]
async fn permissions_are_given_to_people_robots_and_teams_and_taken_away() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    w.person("bob").await;
    w.robot(&owner, "charts", "ci").await;
    w.robot(&owner, "owner", "mine").await;
    w.push_image(&owner, "charts/demo", "v1", b"layer").await;
    let at = w.core.allow::<Administer>(&owner, &name("charts/demo")).await.unwrap();
    let user = |name: &str| Grantee::User(name.to_owned());
    let team = |name: &str| Grantee::Team(name.to_owned());
    w.core.grant(&at, &user("bob"), RepositoryRole::Read).await.unwrap();
    w.core.grant(&at, &user("bob"), RepositoryRole::Write).await.unwrap();
    w.core.grant(&at, &user("charts+ci"), RepositoryRole::Read).await.unwrap();
    w.core.grant(&at, &team("owners"), RepositoryRole::Admin).await.unwrap();
    for missing in [user("nobody"), team("nothing"), user("charts")] {
        assert_eq!(word(w.core.grant(&at, &missing, RepositoryRole::Read).await), "not found", "{missing:?}");
    }
    assert!(
        w.core.grant(&at, &user("owner+mine"), RepositoryRole::Read).await.is_err(),
        "of another namespace"
    );

    let grants = w.core.grants(&at).await.unwrap();
    let told: Vec<_> = grants.iter().map(|grant| (grant.grantee.clone(), grant.robot, grant.role)).collect();
    assert_eq!(
        told,
        [
            (user("bob"), false, RepositoryRole::Write),
            (user("charts+ci"), true, RepositoryRole::Read),
            (user("owner"), false, RepositoryRole::Admin),
            (team("owners"), false, RepositoryRole::Admin),
        ]
    );
    w.core.revoke(&at, &user("bob")).await.unwrap();
    assert_eq!(word(w.core.revoke(&at, &user("bob")).await), "not found");
    let of_robot = w.core.robot_permissions(&w.manage(&owner, "charts").await, "ci").await.unwrap();
    assert_eq!(
        of_robot.iter().map(|p| (&*p.repository, p.role)).collect::<Vec<_>>(),
        [("demo", RepositoryRole::Read)]
    );
}

#[tokio::test]
async fn tags_are_shown_filtered_and_paged() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    for tag in ["v1", "v2", "latest"] {
        w.push_image(&alice, "alice/demo", tag, tag.as_bytes()).await;
        w.clock.advance(std::time::Duration::from_secs(1));
    }
    w.push_image(&alice, "alice/demo", "latest", b"newer").await;
    let at = w.may_pull(&alice, "alice/demo").await;
    let ask = async |query: TagQuery| {
        let page = w.core.tag_history(&at, &query).await.unwrap();
        let names: Vec<String> = page.items.into_iter().map(|tag| tag.name).collect();
        (names.join(" "), page.more)
    };
    let all = || TagQuery { limit: 100, page: 1, ..TagQuery::default() };
    assert_eq!(ask(all()).await, ("latest latest v2 v1".to_owned(), false));
    assert_eq!(ask(TagQuery { only_active: true, ..all() }).await, ("latest v2 v1".to_owned(), false));
    assert_eq!(ask(TagQuery { name: Some("latest".to_owned()), ..all() }).await.0, "latest latest");
    assert_eq!(
        ask(TagQuery { name: Some("latest".to_owned()), only_active: true, ..all() }).await.0,
        "latest"
    );
    assert_eq!(ask(TagQuery { like: Some("V".to_owned()), ..all() }).await.0, "v2 v1");
    assert_eq!(ask(TagQuery { limit: 3, ..all() }).await, ("latest latest v2".to_owned(), true));
    assert_eq!(ask(TagQuery { limit: 3, page: 2, ..all() }).await, ("v1".to_owned(), false));
    assert_eq!(ask(TagQuery { limit: 3, page: 3, ..all() }).await, (String::new(), false));
}

#[tokio::test]
async fn a_tag_with_an_end_is_gone_when_it_comes() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let digest = w.push_image(&alice, "alice/demo", "v1", b"layer").await;
    let at = w.may_push(&alice, "alice/demo").await;
    let tag = "v1".parse().unwrap();
    let in_an_hour = jiff::Timestamp::from_millisecond(w.now_ms() + 3_600_000).unwrap();
    w.core.set_tag_end(&at, &tag, Some(in_an_hour)).await.unwrap();
    assert!(w.core.set_tag_end(&at, &tag, Some(jiff::Timestamp::UNIX_EPOCH)).await.is_err());
    assert!(w.get(&alice, "alice/demo", "v1").await.is_ok());
    w.clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(word(w.get(&alice, "alice/demo", "v1").await), "not found");
    w.core.set_tag(&at, &"v2".parse().unwrap(), &digest).await.unwrap();
    assert!(w.get(&alice, "alice/demo", "v2").await.is_ok());
    assert_eq!(w.deeds(&alice, "alice/demo").await.last().unwrap(), "create_tag");
}
