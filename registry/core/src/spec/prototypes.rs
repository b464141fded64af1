//! Default permissions, and what a member of a team with the creator role gets by pushing.

use crate::perms::{Administer, Pull, Push};
use crate::{Caller, Grantee, RepositoryRole, TeamRole};

use super::world::{SERVICE, World, name, word};

async fn give(w: &World, owner: &Caller, activator: Option<&str>, to: Grantee, role: RepositoryRole) {
    let at = w.manage(owner, "charts").await;
    w.core.create_default_permission(&at, activator, &to, role).await.unwrap();
}

fn user(name: &str) -> Grantee {
    Grantee::User(name.to_owned())
}

async fn grants(w: &World, owner: &Caller, repository: &str) -> Vec<String> {
    let at = w.core.allow::<Administer>(owner, &name(repository)).await.unwrap();
    let grants = w.core.grants(&at).await.unwrap();
    let told = |grantee| match grantee {
        Grantee::User(name) => name,
        Grantee::Team(name) => format!("team {name}"),
    };
    grants.into_iter().map(|grant| format!("{}:{}", told(grant.grantee), grant.role.as_str())).collect()
}

#[tokio::test]
async fn default_permissions_are_given_on_what_is_made_by_pushing_and_by_hand() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    w.person("bob").await;
    let robot = w.robot(&owner, "charts", "ci").await;
    w.enlist(&owner, "charts", TeamRole::Creator, "charts+ci").await;
    w.push_image(&owner, "charts/before", "v1", b"layer").await;
    give(&w, &owner, None, user("bob"), RepositoryRole::Read).await;
    give(&w, &owner, None, Grantee::Team("the-creators".to_owned()), RepositoryRole::Write).await;
    give(&w, &owner, Some("charts+ci"), user("bob"), RepositoryRole::Admin).await;
    give(&w, &owner, None, user("charts+ci"), RepositoryRole::Read).await;

    w.push_image(&owner, "charts/pushed", "v1", b"layer").await;
    assert_eq!(
        grants(&w, &owner, "charts/pushed").await,
        ["bob:read", "charts+ci:read", "owner:admin", "team the-creators:write"]
    );
    // Of two for one, the higher counts; and whoever made it keeps what makers have.
    w.push_image(&robot, "charts/by-robot", "v1", b"layer").await;
    assert_eq!(
        grants(&w, &owner, "charts/by-robot").await,
        ["bob:admin", "charts+ci:admin", "team the-creators:write"]
    );
    let at = w.core.allow_in(&owner, "charts").await.unwrap();
    w.core.create_repository(&at, &name("charts/made"), crate::Visibility::Private, "").await.unwrap();
    assert_eq!(grants(&w, &owner, "charts/made").await, grants(&w, &owner, "charts/pushed").await);
    // The control: nothing is given on what was there.
    assert_eq!(grants(&w, &owner, "charts/before").await, ["owner:admin"]);
}

#[tokio::test]
async fn default_permissions_are_listed_changed_and_deleted() {
    let w = World::new().await;
    let (owner, bob) = (w.person("owner").await, w.person("bob").await);
    w.organization(&owner, "charts").await;
    let at = w.manage(&owner, "charts").await;
    let made = w.core.create_default_permission(&at, None, &user("bob"), RepositoryRole::Read).await.unwrap();
    let changed = w.core.change_default_permission(&at, &made.id, RepositoryRole::Write).await.unwrap();
    assert_eq!((changed.role, changed.activator.clone()), (RepositoryRole::Write, None));
    assert_eq!(w.core.default_permissions(&at).await.unwrap(), [changed]);

    // Neither strangers' robots, nor who is in no team, nor another organization's.
    w.robot(&bob, "bob", "mine").await;
    let refused = w.core.create_default_permission(&at, None, &user("bob+mine"), RepositoryRole::Read).await;
    assert!(refused.is_err());
    let refused =
        w.core.create_default_permission(&at, Some("bob"), &user("owner"), RepositoryRole::Read).await;
    assert!(refused.unwrap_err().message().contains("in no team"));
    w.organization(&bob, "other").await;
    let elsewhere = w.manage(&bob, "other").await;
    assert_eq!(word(w.core.delete_default_permission(&elsewhere, &made.id).await), "not found");
    let changed = w.core.change_default_permission(&elsewhere, &made.id, RepositoryRole::Admin).await;
    assert_eq!(word(changed), "not found");

    w.core.delete_default_permission(&at, &made.id).await.unwrap();
    assert!(w.core.default_permissions(&at).await.unwrap().is_empty());
    assert_eq!(word(w.core.delete_default_permission(&at, &made.id).await), "not found");
}

#[tokio::test]
async fn a_default_permission_ends_with_its_team_or_robot() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    w.robot(&owner, "charts", "ci").await;
    let at = w.manage(&owner, "charts").await;
    w.core.put_team(&at, "devs", TeamRole::Member, None).await.unwrap();
    give(&w, &owner, None, Grantee::Team("devs".to_owned()), RepositoryRole::Read).await;
    give(&w, &owner, None, user("charts+ci"), RepositoryRole::Read).await;
    w.core.delete_team(&at, "devs").await.unwrap();
    w.core.delete_robot(&at, "ci").await.unwrap();
    assert!(w.core.default_permissions(&at).await.unwrap().is_empty());
    w.push_image(&owner, "charts/demo", "v1", b"layer").await;
    assert_eq!(grants(&w, &owner, "charts/demo").await, ["owner:admin"]);
}

#[tokio::test]
async fn a_creator_makes_repositories_by_pushing_and_administers_what_they_made_and_nothing_else() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    w.push_image(&owner, "charts/theirs", "v1", b"layer").await;
    let (creator, member) = (w.person("creator").await, w.person("member").await);
    w.enlist(&owner, "charts", TeamRole::Creator, "creator").await;
    w.enlist(&owner, "charts", TeamRole::Member, "member").await;

    // As helm does it: a token for a repository that is not there yet, and then everything with it.
    let scope = ["repository:charts/new:pull,push".to_owned()];
    let token = w.core.issue_token(&creator, SERVICE, &scope).await.unwrap();
    let holder = w
        .core
        .authenticate_bearer(token.token.expose(), super::world::HERE, &|aud| aud == SERVICE)
        .await
        .unwrap();
    w.push_image(&holder, "charts/new", "v1", b"layer").await;
    assert_eq!(word(w.core.allow::<Administer>(&creator, &name("charts/new")).await), "allowed");
    for repository in ["charts/theirs", "charts/new"] {
        assert_eq!(word(w.core.allow::<Pull>(&member, &name(repository)).await), "denied", "{repository}");
    }
    assert_eq!(word(w.core.allow::<Push>(&creator, &name("charts/theirs")).await), "denied");
    assert_eq!(word(w.core.allow::<Push>(&member, &name("charts/newer")).await), "denied");
    // Taken out of the team, they keep what they made and make nothing more.
    let at = w.manage(&owner, "charts").await;
    w.core.remove_team_member(&at, "the-creators", "creator").await.unwrap();
    assert_eq!(word(w.core.allow::<Push>(&creator, &name("charts/new")).await), "allowed");
    assert_eq!(word(w.core.allow::<Push>(&creator, &name("charts/newer")).await), "denied");
}
