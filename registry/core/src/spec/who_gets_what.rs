//! Permissions as a caller meets them, with the refusals that tell what would help.

use crate::perms::{Administer, CreateRepository, Delete, ManageNamespace, Pull, Push, ViewNamespace};
use crate::{Error, Grantee, Refusal, RepositoryRole, TeamRole, Visibility};

use super::world::{SERVICE, World, name, word};

#[tokio::test]
async fn a_refusal_tells_what_would_help_and_nothing_about_what_is_private() {
    let w = World::new().await;
    let (alice, mallory) = (w.person("alice").await, w.person("mallory").await);
    w.push_image(&alice, "alice/private", "v1", b"layer").await;

    let anybody = w.anybody();
    for repository in ["alice/private", "alice/missing", "nobody/missing"] {
        assert_eq!(
            word(w.core.allow::<Pull>(&anybody, &name(repository)).await),
            "challenge",
            "{repository}"
        );
        assert_eq!(
            word(w.core.allow::<Push>(&anybody, &name(repository)).await),
            "challenge",
            "{repository}"
        );
        assert_eq!(word(w.core.allow::<Pull>(&mallory, &name(repository)).await), "denied", "{repository}");
        assert_eq!(word(w.core.allow::<Push>(&mallory, &name(repository)).await), "denied", "{repository}");
    }
    assert_eq!(word(w.core.allow::<Pull>(&alice, &name("alice/private")).await), "allowed");
    assert_eq!(word(w.core.allow::<Pull>(&alice, &name("alice/missing")).await), "name unknown");
    assert_eq!(word(w.core.allow::<Delete>(&alice, &name("alice/missing")).await), "name unknown");
    assert_eq!(word(w.core.allow::<Push>(&alice, &name("alice/missing")).await), "allowed");
}

#[tokio::test]
async fn a_challenge_names_the_scope_that_would_be_enough() {
    let w = World::new().await;
    let refused = w.core.allow::<Push>(&w.anybody(), &name("a1/b")).await.unwrap_err();
    let Error::Refused(Refusal::Challenge { scope: Some(scope) }) = refused else { panic!("{refused:?}") };
    assert_eq!(scope.to_string(), "repository:a1/b:pull,push");
}

#[tokio::test]
async fn public_repositories_are_read_by_anybody_unless_that_is_switched_off() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    let at = w.core.allow::<Administer>(&alice, &name("alice/tools")).await.unwrap();
    w.core.set_visibility(&at, Visibility::Public).await.unwrap();

    let seen = w.core.allow::<Pull>(&w.anybody(), &name("alice/tools")).await.unwrap();
    assert!(seen.is_public());
    assert_eq!(word(w.core.allow::<Push>(&w.anybody(), &name("alice/tools")).await), "challenge");

    let mut config = w.config.clone();
    config.feature_anonymous_access = false;
    w.core.swap_config(config);
    assert_eq!(word(w.core.allow::<Pull>(&w.anybody(), &name("alice/tools")).await), "challenge");
}

#[tokio::test]
async fn roles_on_a_repository_and_in_a_team_give_what_the_matrix_says() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    w.push_image(&owner, "charts/demo", "v1", b"layer").await;
    let (reader, writer, admin) =
        (w.person("reader").await, w.person("writer").await, w.person("admin").await);
    let (member, creator) = (w.person("member").await, w.person("creator").await);
    w.grant(&owner, "charts/demo", "reader", RepositoryRole::Read).await;
    w.grant(&owner, "charts/demo", "writer", RepositoryRole::Write).await;
    w.grant(&owner, "charts/demo", "admin", RepositoryRole::Admin).await;
    w.enlist(&owner, "charts", TeamRole::Member, "member").await;
    w.enlist(&owner, "charts", TeamRole::Creator, "creator").await;

    let demo = name("charts/demo");
    // pull, push, administer, create in the organization, see it, manage it
    let table = [
        (&owner, ["allowed"; 6]),
        (&admin, ["allowed", "allowed", "allowed", "denied", "denied", "denied"]),
        (&writer, ["allowed", "allowed", "denied", "denied", "denied", "denied"]),
        (&reader, ["allowed", "denied", "denied", "denied", "denied", "denied"]),
        (&member, ["denied", "denied", "denied", "denied", "allowed", "denied"]),
        (&creator, ["denied", "denied", "denied", "allowed", "allowed", "denied"]),
    ];
    for (who, expected) in table {
        let got = [
            word(w.core.allow::<Pull>(who, &demo).await),
            word(w.core.allow::<Push>(who, &demo).await),
            word(w.core.allow::<Administer>(who, &demo).await),
            word(w.core.allow_in::<CreateRepository>(who, "charts").await),
            word(w.core.allow_in::<ViewNamespace>(who, "charts").await),
            word(w.core.allow_in::<ManageNamespace>(who, "charts").await),
        ];
        assert_eq!(got, expected, "{:?}", who.name());
    }
}

#[tokio::test]
async fn a_robot_has_no_rights_until_it_is_given_some() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    w.push_image(&owner, "charts/demo", "v1", b"layer").await;
    let robot = w.robot(&owner, "charts", "ci").await;
    assert_eq!(word(w.core.allow::<Pull>(&robot, &name("charts/demo")).await), "denied");
    assert_eq!(word(w.core.allow::<Push>(&robot, &name("charts/new")).await), "denied");

    w.grant(&owner, "charts/demo", "charts+ci", RepositoryRole::Read).await;
    assert_eq!(word(w.core.allow::<Pull>(&robot, &name("charts/demo")).await), "allowed");
    assert_eq!(word(w.core.allow::<Push>(&robot, &name("charts/demo")).await), "denied");

    w.enlist(&owner, "charts", TeamRole::Creator, "charts+ci").await;
    assert_eq!(word(w.core.allow::<Push>(&robot, &name("charts/new")).await), "allowed");
    w.push_image(&robot, "charts/new", "v1", b"layer").await;
    assert_eq!(word(w.core.allow::<Administer>(&robot, &name("charts/new")).await), "allowed");
}

#[tokio::test]
async fn a_robot_of_a_person_does_not_own_that_persons_namespace() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    let robot = w.robot(&alice, "alice", "ci").await;
    assert_eq!(word(w.core.allow::<Pull>(&robot, &name("alice/tools")).await), "denied");
    assert_eq!(word(w.core.allow_in::<ManageNamespace>(&robot, "alice").await), "denied");
}

#[tokio::test]
async fn a_permission_that_is_taken_away_is_gone_at_the_next_request_even_with_an_old_token() {
    let w = World::new().await;
    let (alice, bob) = (w.person("alice").await, w.person("bob").await);
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    w.grant(&alice, "alice/tools", "bob", RepositoryRole::Write).await;
    let scope = ["repository:alice/tools:pull,push".to_owned()];
    let token = w.core.issue_token(&bob, SERVICE, &scope).await.unwrap().token;
    let bearer =
        w.core.authenticate_bearer(token.expose(), super::world::HERE, &|aud| aud == SERVICE).await.unwrap();
    assert_eq!(word(w.core.allow::<Push>(&bearer, &name("alice/tools")).await), "allowed");

    let at = w.core.allow::<Administer>(&alice, &name("alice/tools")).await.unwrap();
    w.core.revoke(&at, &Grantee::User("bob".to_owned())).await.unwrap();
    assert_eq!(word(w.core.allow::<Push>(&bearer, &name("alice/tools")).await), "denied");
}

#[tokio::test]
async fn superusers_own_other_peoples_content_only_where_that_is_switched_on() {
    let w = World::with(|config| config.super_users = vec!["root".to_owned()]).await;
    w.core.ensure_superuser("root", "", &super::world::PASSWORD.into()).await.unwrap();
    let (root, alice) = (w.log_in("root").await.unwrap(), w.person("alice").await);
    w.push_image(&alice, "alice/private", "v1", b"layer").await;
    assert_eq!(word(w.core.allow_superuser(&root).await), "allowed");
    assert_eq!(word(w.core.allow_superuser(&alice).await), "denied");
    assert_eq!(word(w.core.allow::<Pull>(&root, &name("alice/private")).await), "denied");

    let mut config = w.config.clone();
    config.feature_superusers_full_access = true;
    w.core.swap_config(config);
    assert_eq!(word(w.core.allow::<Push>(&root, &name("alice/private")).await), "allowed");
}
