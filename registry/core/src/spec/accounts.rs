//! Accounts, organizations and teams.

use super::world::{HERE, PASSWORD, World, word};
use crate::perms::ViewNamespace;
use crate::{EnsuredSuperuser, Error, NewUser, Result, TeamRole, User};

fn new(username: &str, email: Option<&str>) -> NewUser {
    NewUser { username: username.to_owned(), email: email.map(str::to_owned), password: PASSWORD.into() }
}

fn told<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().message()
}

#[tokio::test]
async fn signing_up_follows_quays_rules_and_texts() {
    let w = World::new().await;
    let sign_up = async |new: NewUser| -> Result<User> { w.core.create_user(&w.anybody(), new).await };
    let alice = sign_up(new("alice", Some("alice@example.com"))).await.unwrap();
    assert!(alice.enabled && alice.verified && !alice.superuser);
    assert_eq!(told(sign_up(new("alice", None)).await), "The username already exists");
    assert_eq!(
        told(sign_up(new("bob", Some("ALICE@example.com"))).await),
        "Email has already been used: alice@example.com"
    );
    assert_eq!(told(sign_up(new("bob", Some("nowhere"))).await), "Invalid email address: nowhere");
    assert!(
        told(sign_up(new("Bob", None)).await)
            .starts_with("Invalid namespace Bob: Namespace must match expression")
    );
    let short = NewUser { password: "short".into(), ..new("bob", None) };
    assert_eq!(
        told(sign_up(short).await),
        "Invalid password, password must be at least 8 characters and contain no whitespace."
    );
    w.organization(&w.log_in("alice").await.unwrap(), "charts").await;
    assert_eq!(told(sign_up(new("charts", None)).await), "The username already exists");
}

#[tokio::test]
async fn names_of_superusers_are_kept_for_them() {
    let w = World::with(|config| config.super_users = vec!["root".to_owned()]).await;
    assert_eq!(
        told(w.core.create_user(&w.anybody(), new("root", None)).await),
        "The username already exists"
    );
    let alice = w.person("alice").await;
    let account = w.account(&alice).await;
    assert!(w.core.create_organization(&account, "root", None).await.is_err());
}

#[tokio::test]
async fn signing_up_can_be_switched_off() {
    let w = World::with(|config| config.feature_user_creation = false).await;
    assert_eq!(word(w.core.create_user(&w.anybody(), new("alice", None)).await), "not found");
}

#[tokio::test]
async fn the_installations_superuser_is_made_kept_and_follows_its_password() {
    let w = World::new().await;
    let ensure =
        async |password: &str| w.core.ensure_superuser("quayadmin", "", &password.into()).await.unwrap();
    assert_eq!(ensure(PASSWORD).await, EnsuredSuperuser::Created);
    assert_eq!(ensure(PASSWORD).await, EnsuredSuperuser::Unchanged);
    let admin = w.log_in("quayadmin").await.unwrap();
    assert_eq!(word(w.core.allow_superuser(&admin).await), "allowed");
    assert_eq!(ensure("another-horse").await, EnsuredSuperuser::PasswordChanged);
    assert_eq!(word(w.log_in("quayadmin").await), "bad credentials");

    // Also when the configuration changes underneath.
    w.core.swap_config(w.config.clone());
    assert!(w.core.is_superuser("quayadmin"));
}

#[tokio::test]
async fn nobody_becomes_owner_by_being_first() {
    let w = World::new().await;
    let initialize =
        async |w: &World| w.core.initialize_first_user(&w.anybody(), new("first", None), true).await;
    assert_eq!(word(initialize(&w).await), "not found");

    let w = World::with(|config| config.feature_user_initialize = true).await;
    let first = initialize(&w).await.unwrap();
    assert!(!first.user.superuser, "that is for SUPER_USERS to say");
    let token = first.access_token.unwrap();
    let caller = w.core.authenticate_access_token(token.expose(), HERE).await.unwrap();
    w.organization(&caller, "charts").await;
    assert_eq!(told(initialize(&w).await), "Cannot initialize user in a non-empty database");
}

#[tokio::test]
async fn an_organization_belongs_to_its_founder_and_tells_strangers_only_its_name() {
    let w = World::new().await;
    let (owner, stranger) = (w.person("owner").await, w.person("stranger").await);
    let account = w.account(&owner).await;
    let org = w.core.create_organization(&account, "charts", Some("charts@example.com")).await.unwrap();
    assert!(org.is_admin && org.is_member);
    assert_eq!(org.teams.iter().map(|team| (&*team.name, team.members)).collect::<Vec<_>>(), [("owners", 1)]);
    assert_eq!(
        told(w.core.create_organization(&account, "charts", None).await),
        "A user or organization with this name already exists"
    );
    let seen = w.core.organization(&stranger, "charts").await.unwrap();
    assert!(!seen.is_admin && !seen.is_member && seen.teams.is_empty() && seen.email.is_none());
    assert_eq!(word(w.core.organization(&owner, "owner").await), "not found", "a person is no organization");
    assert_eq!(word(w.core.organization(&owner, "nobody").await), "not found");

    let mine = w.core.my_organizations(&account).await.unwrap();
    assert_eq!(mine.iter().map(|m| (&*m.organization, m.admin)).collect::<Vec<_>>(), [("charts", true)]);
}

#[tokio::test]
async fn teams_are_made_changed_filled_and_deleted() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    w.person("bob").await;
    w.robot(&owner, "charts", "ci").await;
    w.robot(&owner, "owner", "mine").await;
    let at = w.manage(&owner, "charts").await;
    let (team, new) = w.core.put_team(&at, "devs", TeamRole::Member, Some("who builds")).await.unwrap();
    assert!(new && team.description == "who builds");
    let (team, new) = w.core.put_team(&at, "devs", TeamRole::Creator, None).await.unwrap();
    assert!(!new && team.role == TeamRole::Creator && team.description == "who builds");
    w.core.add_team_member(&at, "devs", "bob").await.unwrap();
    w.core.add_team_member(&at, "devs", "charts+ci").await.unwrap();
    assert!(matches!(w.core.add_team_member(&at, "devs", "owner+mine").await, Err(Error::Invalid { .. })));
    assert_eq!(word(w.core.add_team_member(&at, "devs", "nobody").await), "not found");
    assert_eq!(word(w.core.add_team_member(&at, "nothing", "bob").await), "not found");

    let bob = w.log_in("bob").await.unwrap();
    let inside = w.core.allow_in::<ViewNamespace>(&bob, "charts").await.unwrap();
    let names: Vec<_> =
        w.core.team_members(&inside, "devs").await.unwrap().into_iter().map(|m| (m.name, m.robot)).collect();
    assert_eq!(names, [("bob".to_owned(), false), ("charts+ci".to_owned(), true)]);
    assert_eq!(word(w.core.team_members(&inside, "owners").await), "denied");

    w.core.remove_team_member(&at, "devs", "bob").await.unwrap();
    assert_eq!(word(w.core.remove_team_member(&at, "devs", "bob").await), "not found");
    w.core.delete_team(&at, "devs").await.unwrap();
    assert_eq!(word(w.core.delete_team(&at, "devs").await), "not found");
}

#[tokio::test]
async fn an_organization_keeps_an_owner() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    let at = w.manage(&owner, "charts").await;
    assert!(w.core.remove_team_member(&at, "owners", "owner").await.is_err());
    assert!(w.core.remove_member(&at, "owner").await.is_err());
    assert!(w.core.delete_team(&at, "owners").await.is_err());
    assert!(w.core.put_team(&at, "owners", TeamRole::Member, None).await.is_err());
    assert_eq!(word(w.core.allow_in::<crate::perms::ManageNamespace>(&owner, "charts").await), "allowed");
}

#[tokio::test]
async fn a_deleted_organization_is_gone_with_everything_in_it_and_its_name_is_free() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    w.push_image(&owner, "charts/demo", "v1", b"layer").await;
    let robot = w.core.create_robot(&w.manage(&owner, "charts").await, "ci", "", None).await.unwrap();
    w.core.delete_organization(&w.manage(&owner, "charts").await).await.unwrap();
    assert_eq!(word(w.core.organization(&owner, "charts").await), "not found");
    assert_eq!(word(w.get(&owner, "charts/demo", "v1").await), "denied");
    let token = robot.token.unwrap();
    assert_eq!(word(w.core.authenticate_basic("charts+ci", &token, HERE).await), "bad credentials");

    let next = w.person("next").await;
    w.organization(&next, "charts").await;
    assert_eq!(word(w.get(&next, "charts/demo", "v1").await), "name unknown");
    assert_eq!(word(w.get(&owner, "charts/demo", "v1").await), "denied");
}

#[tokio::test]
async fn a_push_founds_an_organization_only_where_that_is_switched_on() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    assert_eq!(
        word(w.core.allow::<crate::perms::Push>(&alice, &"charts/demo".parse().unwrap()).await),
        "denied"
    );
    let mut config = w.config.clone();
    config.create_namespace_on_push = true;
    w.core.swap_config(config);
    w.push_image(&alice, "charts/demo", "v1", b"layer").await;
    assert!(w.core.organization(&alice, "charts").await.unwrap().is_admin);
}
