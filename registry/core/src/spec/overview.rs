//! Lists as people look at them.

use std::time::Duration;

use crate::perms::{Pull, ViewNamespace};
use crate::{Caller, NamespaceQuery, RepositoryQuery, RepositoryRole, RepositorySort, TeamRole, Visibility};

use super::world::{PASSWORD, World, name, word};

async fn names(w: &World, who: &Caller, query: &RepositoryQuery) -> Vec<String> {
    let mut query = RepositoryQuery { limit: 2, ..query.clone() };
    let mut all = Vec::new();
    loop {
        let page = w.core.repository_rows(who, &query).await.unwrap();
        assert!(page.rows.len() <= 2);
        all.extend(
            page.rows.into_iter().map(|row| format!("{}/{}", row.repository.namespace, row.repository.name)),
        );
        match page.next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

async fn create(w: &World, who: &Caller, repository: &str, visibility: Visibility) {
    let name = name(repository);
    let at = w.core.allow_in(who, name.namespace()).await.unwrap();
    w.core.create_repository(&at, &name, visibility, "").await.unwrap();
    w.clock.advance(Duration::from_secs(1));
}

async fn world() -> (World, Caller, Caller) {
    let w = World::new().await;
    let (owner, bob) = (w.person("owner").await, w.person("bob").await);
    w.organization(&owner, "charts").await;
    for (repository, visibility) in [
        ("charts/web", Visibility::Private),
        ("charts/api", Visibility::Public),
        ("charts/web_2", Visibility::Public),
        ("charts/deep/web", Visibility::Private),
        ("owner/own", Visibility::Private),
    ] {
        create(&w, &owner, repository, visibility).await;
    }
    (w, owner, bob)
}

#[tokio::test]
async fn repositories_come_sorted_in_pages_either_way_round() {
    let (w, owner, bob) = world().await;
    let of = |namespace: Option<&str>, sort, descending| RepositoryQuery {
        namespace: namespace.map(str::to_owned),
        sort,
        descending,
        ..RepositoryQuery::default()
    };
    let by_name = ["charts/api", "charts/deep/web", "charts/web", "charts/web_2"];
    let by_time = ["charts/web", "charts/api", "charts/web_2", "charts/deep/web"];
    let reversed = |list: &[&'static str]| list.iter().rev().copied().collect::<Vec<_>>();
    let charts = Some("charts");
    assert_eq!(names(&w, &owner, &of(charts, RepositorySort::Name, false)).await, by_name);
    assert_eq!(names(&w, &owner, &of(charts, RepositorySort::Name, true)).await, reversed(&by_name));
    assert_eq!(names(&w, &owner, &of(charts, RepositorySort::Modified, false)).await, by_time);
    assert_eq!(names(&w, &owner, &of(charts, RepositorySort::Modified, true)).await, reversed(&by_time));
    let everywhere = [&by_name[..], &["owner/own"]].concat();
    assert_eq!(names(&w, &owner, &of(None, RepositorySort::Name, false)).await, everywhere);
    assert_eq!(names(&w, &owner, &of(None, RepositorySort::Name, true)).await, reversed(&everywhere));
    let by_time_everywhere = [&by_time[..], &["owner/own"]].concat();
    assert_eq!(names(&w, &owner, &of(None, RepositorySort::Modified, false)).await, by_time_everywhere);
    assert_eq!(
        names(&w, &owner, &of(None, RepositorySort::Modified, true)).await,
        reversed(&by_time_everywhere)
    );

    // What is private is not there for others, and nothing is there in a namespace that does not exist.
    let public = ["charts/api", "charts/web_2"];
    for who in [&bob, &w.anybody()] {
        assert_eq!(names(&w, who, &of(charts, RepositorySort::Name, false)).await, public);
        assert_eq!(names(&w, who, &of(None, RepositorySort::Modified, false)).await, public);
        assert!(names(&w, who, &of(Some("nowhere"), RepositorySort::Name, false)).await.is_empty());
    }
    let seen = RepositoryQuery { public_only: true, ..of(charts, RepositorySort::Name, false) };
    assert_eq!(names(&w, &owner, &seen).await, public);
}

#[tokio::test]
async fn repositories_are_found_by_a_part_of_their_name_without_wildcards() {
    let (w, owner, _) = world().await;
    let find = async |text: &str| {
        let query = RepositoryQuery { search: Some(text.to_owned()), ..RepositoryQuery::default() };
        names(&w, &owner, &query).await
    };
    assert_eq!(find("WEB").await, ["charts/deep/web", "charts/web", "charts/web_2"]);
    assert_eq!(find("_").await, ["charts/web_2"]);
    assert_eq!(find("eep/w").await, ["charts/deep/web"]);
    assert!(find("%").await.is_empty() && find("\\").await.is_empty());
}

#[tokio::test]
async fn a_place_of_another_order_is_refused() {
    let (w, owner, _) = world().await;
    let query = RepositoryQuery {
        sort: RepositorySort::Modified,
        after: Some("charts/api".to_owned()),
        ..RepositoryQuery::default()
    };
    assert!(w.core.repository_rows(&owner, &query).await.is_err());
}

#[tokio::test]
async fn namespaces_are_listed_with_numbers_as_far_as_one_may_see() {
    let (w, owner, bob) = world().await;
    w.enlist(&owner, "charts", TeamRole::Member, "bob").await;
    w.grant(&owner, "charts/web", "bob", RepositoryRole::Read).await;
    w.robot(&owner, "charts", "ci").await;
    let at = w.manage(&owner, "charts").await;
    w.core.add_team_member(&at, "the-members", "charts+ci").await.unwrap();

    let list = async |who: &Caller, query: NamespaceQuery<'_>| {
        let page = w.core.namespaces(&w.account(who).await, &query).await.unwrap();
        let row = |n: crate::Namespace| {
            (n.name, n.organization, n.is_admin, n.repositories, n.teams, n.members, n.robots)
        };
        (page.items.into_iter().map(row).collect::<Vec<_>>(), page.more)
    };
    let all = NamespaceQuery { limit: 10, ..NamespaceQuery::default() };
    let charts = |admin, repositories| ("charts".to_owned(), true, admin, repositories, 2, 2, 1);
    let own = |name: &str, repositories| (name.to_owned(), false, true, repositories, 0, 0, 0);
    assert_eq!(list(&owner, all).await, (vec![charts(true, 4), own("owner", 1)], false));
    assert_eq!(list(&bob, all).await, (vec![own("bob", 0), charts(false, 3)], false));
    // In pages, and searched.
    assert_eq!(list(&bob, NamespaceQuery { limit: 1, ..all }).await, (vec![own("bob", 0)], true));
    let next = NamespaceQuery { last: Some("bob"), ..all };
    assert_eq!(list(&bob, next).await, (vec![charts(false, 3)], false));
    let found = NamespaceQuery { search: Some("har"), ..all };
    assert_eq!(list(&bob, found).await, (vec![charts(false, 3)], false));
    // Nobody sees more by asking for everything.
    assert_eq!(list(&bob, NamespaceQuery { every: true, ..all }).await, list(&bob, all).await);
}

#[tokio::test]
async fn superusers_see_every_organization_when_they_ask_for_it() {
    let (w, _, _) = world().await;
    w.core.ensure_superuser("root", "", &PASSWORD.into()).await.unwrap();
    let root = w.log_in("root").await.unwrap();
    let query = NamespaceQuery { limit: 10, every: true, ..NamespaceQuery::default() };
    let page = w.core.namespaces(&w.account(&root).await, &query).await.unwrap();
    let seen: Vec<_> = page.items.into_iter().map(|n| (n.name, n.is_admin)).collect();
    assert_eq!(seen, [("charts".to_owned(), false), ("library".to_owned(), true)]);
}

#[tokio::test]
async fn a_stranger_learns_of_a_namespace_its_name_and_what_is_public() {
    let (w, owner, bob) = world().await;
    for who in [&bob, &w.anybody()] {
        let seen = w.core.namespace(who, "charts").await.unwrap();
        assert!(!seen.is_admin && !seen.is_member && !seen.can_create && seen.email.is_none());
        assert_eq!((seen.repositories, seen.teams, seen.members, seen.robots), (2, 0, 0, 0));
    }
    let seen = w.core.namespace(&owner, "charts").await.unwrap();
    assert!(seen.is_admin && seen.is_member && seen.can_create && seen.organization);
    assert_eq!((seen.repositories, seen.teams, seen.members), (4, 1, 1));
    let own = w.core.namespace(&owner, "owner").await.unwrap();
    assert!(own.is_admin && !own.organization && own.tag_expiration_s > 0);
    assert_eq!(word(w.core.namespace(&owner, "nowhere").await), "not found");
    let mut config = w.config.clone();
    config.feature_anonymous_access = false;
    w.core.swap_config(config);
    assert_eq!(word(w.core.namespace(&w.anybody(), "charts").await), "challenge");
}

#[tokio::test]
async fn robots_come_with_what_they_may_do_for_those_who_manage_them() {
    let (w, owner, bob) = world().await;
    w.enlist(&owner, "charts", TeamRole::Member, "bob").await;
    for short in ["ci", "deploy", "ci-2"] {
        w.robot(&owner, "charts", short).await;
    }
    w.enlist(&owner, "charts", TeamRole::Creator, "charts+ci").await;
    w.grant(&owner, "charts/web", "charts+ci", RepositoryRole::Write).await;
    w.grant(&owner, "charts/api", "charts+deploy", RepositoryRole::Read).await;
    let rows = async |who: &Caller, search: Option<&str>, n, last: Option<&str>| {
        let at = w.core.allow_in::<ViewNamespace>(who, "charts").await.unwrap();
        let page = w.core.robot_rows(&at, search, true, n, last).await.unwrap();
        let row = |row: crate::RobotRow| {
            let repositories: Vec<_> = row
                .repositories
                .iter()
                .map(|held| format!("{}:{}", held.repository, held.role.as_str()))
                .collect();
            format!(
                "{} {} {} {}",
                row.robot.name,
                row.robot.token.is_some(),
                row.teams.join(","),
                repositories.join(",")
            )
        };
        (page.items.into_iter().map(row).collect::<Vec<_>>(), page.more)
    };
    assert_eq!(
        rows(&owner, None, 10, None).await.0,
        ["charts+ci true the-creators web:write", "charts+ci-2 true  ", "charts+deploy true  api:read"]
    );
    assert_eq!(rows(&owner, Some("dep"), 10, None).await.0, ["charts+deploy true  api:read"]);
    // The name of the namespace is no part of a robot's own name.
    assert!(rows(&owner, Some("charts"), 10, None).await.0.is_empty());
    let (page, more) = rows(&owner, None, 1, Some("charts+ci")).await;
    assert_eq!((page, more), (vec!["charts+ci-2 true  ".to_owned()], true));
    assert_eq!(
        rows(&bob, None, 10, None).await.0,
        ["charts+ci false  ", "charts+ci-2 false  ", "charts+deploy false  "]
    );
}

#[tokio::test]
async fn members_and_collaborators_are_told_apart() {
    let (w, owner, _) = world().await;
    w.person("carol").await;
    w.enlist(&owner, "charts", TeamRole::Member, "bob").await;
    w.grant(&owner, "charts/web", "bob", RepositoryRole::Read).await;
    w.grant(&owner, "charts/api", "carol", RepositoryRole::Write).await;
    w.grant(&owner, "charts/web", "carol", RepositoryRole::Read).await;
    let at = w.manage(&owner, "charts").await;
    let told = |members: Vec<crate::Member>| {
        members
            .into_iter()
            .map(|m| format!("{} {} {}", m.name, m.teams.join(","), m.repositories.join(",")))
            .collect::<Vec<_>>()
    };
    let members = told(w.core.organization_members(&at).await.unwrap());
    // Whoever makes a repository has a permission of their own on it.
    assert_eq!(members, ["bob the-members web", "owner owners api,deep/web,web,web_2"]);
    assert_eq!(told(w.core.collaborators(&at).await.unwrap()), ["carol  api,web"]);
}

#[tokio::test]
async fn stars_are_ones_own_and_end_with_the_right_to_see() {
    let (w, owner, bob) = world().await;
    w.grant(&owner, "charts/web", "bob", RepositoryRole::Read).await;
    let account = w.account(&bob).await;
    for repository in ["charts/web", "charts/api"] {
        let at = w.core.allow::<Pull>(&bob, &name(repository)).await.unwrap();
        w.core.star(&account, &at).await.unwrap();
        w.core.star(&account, &at).await.unwrap();
        assert!(w.core.is_starred(&account, &at).await.unwrap());
    }
    let starred = async || -> Vec<String> {
        let rows = w.core.starred(&account).await.unwrap();
        rows.into_iter().map(|row| row.repository.name).collect()
    };
    assert_eq!(starred().await, ["api", "web"]);
    let query = RepositoryQuery { limit: 9, ..RepositoryQuery::default() };
    let rows = w.core.repository_rows(&bob, &query).await.unwrap();
    assert_eq!(rows.rows.into_iter().map(|r| r.starred).collect::<Vec<_>>(), [true, true, false]);
    assert!(w.core.starred(&w.account(&owner).await).await.unwrap().is_empty());

    let at = w.core.allow(&owner, &name("charts/web")).await.unwrap();
    w.core.revoke(&at, &crate::Grantee::User("bob".to_owned())).await.unwrap();
    assert_eq!(starred().await, ["api"]);
    let at = w.core.allow::<Pull>(&bob, &name("charts/api")).await.unwrap();
    w.core.unstar(&account, &at).await.unwrap();
    assert!(starred().await.is_empty());
}
