//! An account that becomes an organization.

use super::world::{HERE, PASSWORD, SERVICE, World, word};
use crate::perms::ManageNamespace;
use crate::{RepositoryRole, TeamRole};

#[tokio::test]
async fn an_account_becomes_an_organization_of_another_person() {
    let (w, alice, bob) = World::with_two().await;
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    w.push_image(&bob, "bob/app", "v1", b"layer").await;
    w.grant(&bob, "bob/app", "alice", RepositoryRole::Read).await;
    let at = w.manage(&alice, "alice").await;
    let robot = w.core.create_robot(&at, "ci", "", None).await.unwrap().token.unwrap();
    let account = w.account(&alice).await;
    let (_, app) = w.core.create_app_token(&account, "laptop").await.unwrap();
    let key = w.core.client_key(&account, &PASSWORD.into()).await.unwrap();
    let cookie = w.core.sign_in("alice", &PASSWORD.into(), HERE).await.unwrap().cookie;
    let token = w.core.issue_token(&alice, SERVICE, &[]).await.unwrap();
    let access = w
        .core
        .create_access_token(&account, "script", crate::ApiScopes::ALL, std::time::Duration::from_secs(3600))
        .await
        .unwrap();

    w.core.convert_account(&account, "bob", &PASSWORD.into()).await.unwrap();
    // It is bob's, with what was in it, and the robot goes on.
    let organization = w.core.organization(&bob, "alice").await.unwrap();
    assert!(organization.is_admin && organization.is_member);
    assert_eq!(
        organization.teams.iter().map(|team| (&*team.name, team.members)).collect::<Vec<_>>(),
        [("owners", 1)]
    );
    assert!(w.get(&bob, "alice/tools", "v1").await.is_ok());
    assert_eq!(word(w.core.authenticate_basic("alice+ci", &robot, HERE).await), "allowed");
    // Nobody is alice any more.
    for password in [&PASSWORD.into(), &key] {
        assert_eq!(word(w.core.authenticate_client("alice", password, HERE).await), "bad credentials");
    }
    assert_eq!(word(w.core.authenticate_basic("$app", &app, HERE).await), "bad credentials");
    assert_eq!(word(w.core.authenticate_access_token(access.expose(), HERE).await), "bad credentials");
    let bearer = w.core.authenticate_bearer(token.token.expose(), HERE, &|a| a == SERVICE).await;
    assert_eq!(word(bearer), "bad credentials");
    assert!(w.core.session(cookie.expose(), HERE).await.unwrap().is_none());
    let at = w.core.allow(&bob, &"bob/app".parse().unwrap()).await.unwrap();
    let held = w.core.grants(&at).await.unwrap();
    assert!(!format!("{held:?}").contains("alice"), "an organization has no permissions: {held:?}");
    let at = w.manage(&bob, "alice").await;
    let (from, to) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
    let page = w.core.logs(crate::LogScope::Namespace(&at), from, to, None, 100).await.unwrap();
    assert!(page.items.iter().any(|line| line.kind == "account_convert"));
}

#[tokio::test]
async fn an_account_stays_what_it_is_without_a_right_owner() {
    let (w, alice, _) = World::with_two().await;
    let account = w.account(&alice).await;
    let convert = async |owner: &str, password: &str| {
        w.core.convert_account(&account, owner, &password.into()).await.unwrap_err().message()
    };
    assert_eq!(convert("bob", "wrong-horse").await, "The admin user credentials are not valid");
    assert_eq!(convert("nobody", PASSWORD).await, "The admin user credentials are not valid");
    assert!(convert("alice", PASSWORD).await.starts_with("The admin user is not valid"));
    for _ in 0..6 {
        convert("bob", "wrong-horse").await;
    }
    let refused = w.core.convert_account(&account, "bob", &PASSWORD.into()).await;
    assert_eq!(word(refused), "too many attempts", "it is a guess like any other");
    assert_eq!(word(w.log_in("alice").await), "allowed");
}

#[tokio::test]
async fn superusers_and_members_of_teams_stay_people() {
    let w = World::with(|config| config.super_users = vec!["root".to_owned()]).await;
    w.core.ensure_superuser("root", "", &PASSWORD.into()).await.unwrap();
    let (alice, root) = (w.person("alice").await, w.log_in("root").await.unwrap());
    let refused = w.core.convert_account(&w.account(&root).await, "alice", &PASSWORD.into()).await;
    assert!(refused.unwrap_err().message().starts_with("root cannot become an organization"));

    let bob = w.person("bob").await;
    w.organization(&bob, "charts").await;
    w.enlist(&bob, "charts", TeamRole::Member, "alice").await;
    let account = w.account(&alice).await;
    let refused = w.core.convert_account(&account, "bob", &PASSWORD.into()).await.unwrap_err().message();
    assert!(refused.contains("leave the organization charts first"), "{refused}");
    // The control: outside of every team the same works.
    w.core.remove_member(&w.manage(&bob, "charts").await, "alice").await.unwrap();
    w.core.convert_account(&account, "bob", &PASSWORD.into()).await.unwrap();
    assert_eq!(word(w.core.allow_in::<ManageNamespace>(&bob, "alice").await), "allowed");
}
