//! Another name for one's own account, and what does not pass over to whoever takes the old one.

use super::world::{HERE, PASSWORD, SERVICE, World, name, word};
use crate::perms::{ManageNamespace, Pull, Push};
use crate::{Caller, RepositoryRole};

async fn world() -> (World, Caller) {
    let w = World::with(|config| {
        config.super_users = vec!["root".to_owned()];
        config.feature_user_rename = true;
    })
    .await;
    w.core.ensure_superuser("root", "", &PASSWORD.into()).await.unwrap();
    let alice = w.person("alice").await;
    (w, alice)
}

#[tokio::test]
async fn an_account_is_renamed_only_where_that_is_switched_on() {
    let (w, alice) = World::with_alice().await;
    let refused = w.rename(&w.account(&alice).await, "anna").await.unwrap_err().message();
    assert!(refused.starts_with("Accounts cannot be renamed: FEATURE_USER_RENAME"), "{refused}");
    let mut config = w.config.clone();
    config.feature_user_rename = true;
    w.core.swap_config(config);
    assert_eq!(w.rename(&w.account(&alice).await, "anna").await.unwrap().username, "anna");
    assert_eq!(word(w.log_in("alice").await), "bad credentials");
    assert_eq!(word(w.log_in("anna").await), "allowed");
}

#[tokio::test]
async fn names_are_checked_and_those_of_the_configuration_stay_where_they_are() {
    let (w, alice) = world().await;
    w.person("bob").await;
    let account = w.account(&alice).await;
    for (new, said) in [
        ("bob", "already exists"),
        ("root", "already exists"),
        ("library", "already exists"),
        ("Anna", "must match expression"),
        ("a", "between 2 and 255"),
    ] {
        let refused = w.rename(&account, new).await.unwrap_err().message();
        assert!(refused.contains(said), "{new}: {refused}");
    }
    let root = w.log_in("root").await.unwrap();
    let refused = w.rename(&w.account(&root).await, "anna").await.unwrap_err().message();
    assert!(refused.contains("the configuration of this registry names the account"), "{refused}");
    // A robot whose name would be too long keeps the old one, and so does everything else.
    let at = w.manage(&alice, "alice").await;
    w.core.create_robot(&at, &"r".repeat(240), "", None).await.unwrap();
    assert!(w.rename(&account, &"a".repeat(40)).await.is_err());
    assert_eq!(word(w.log_in("alice").await), "allowed");
}

#[tokio::test]
async fn robots_go_along_with_their_tokens_and_permissions() {
    let (w, alice) = world().await;
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    let at = w.manage(&alice, "alice").await;
    let token = w.core.create_robot(&at, "ci", "builds", None).await.unwrap().token.unwrap();
    w.grant(&alice, "alice/tools", "alice+ci", RepositoryRole::Read).await;
    w.rename(&w.account(&alice).await, "anna").await.unwrap();

    let robot = w.core.authenticate_basic("anna+ci", &token, HERE).await.unwrap();
    assert!(w.get(&robot, "anna/tools", "v1").await.is_ok());
    assert_eq!(word(w.core.authenticate_basic("alice+ci", &token, HERE).await), "bad credentials");
    let anna = w.log_in("anna").await.unwrap();
    let shown = w.core.robot(&w.manage(&anna, "anna").await, "ci").await.unwrap();
    assert_eq!((shown.name.as_str(), shown.token.unwrap().expose()), ("anna+ci", token.expose()));
}

#[tokio::test]
async fn whoever_takes_the_old_name_next_is_somebody_else() {
    let (w, alice) = world().await;
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    w.organization(&alice, "charts").await;
    let account = w.account(&alice).await;
    let key = w.core.client_key(&account, &PASSWORD.into()).await.unwrap();
    let (_, app) = w.core.create_app_token(&account, "laptop").await.unwrap();
    let scope = ["repository:alice/tools:pull,push".to_owned()];
    let token = w.core.issue_token(&alice, SERVICE, &scope).await.unwrap();
    w.rename(&account, "anna").await.unwrap();

    let next = w.person("alice").await;
    assert_ne!(next.user_id(), alice.user_id());
    assert_eq!(word(w.core.allow::<Pull>(&next, &name("anna/tools")).await), "denied");
    assert_eq!(word(w.core.allow_in::<ManageNamespace>(&next, "charts").await), "denied");
    assert_eq!(word(w.core.authenticate_client("alice", &key, HERE).await), "bad credentials");
    // What was issued still means the one who has another name now, who has no rights under the old one.
    for caller in [
        w.core.authenticate_client("anna", &key, HERE).await.unwrap(),
        w.core.authenticate_basic("$app", &app, HERE).await.unwrap(),
        w.core.authenticate_bearer(token.token.expose(), HERE, &|a| a == SERVICE).await.unwrap(),
    ] {
        assert_eq!(caller.name(), Some("anna"));
        assert_eq!(word(w.core.allow::<Push>(&caller, &name("alice/tools")).await), "denied");
    }
    w.push_image(&next, "alice/tools", "v1", b"another").await;
    let bearer = w.core.authenticate_bearer(token.token.expose(), HERE, &|a| a == SERVICE).await.unwrap();
    assert_eq!(word(w.core.allow::<Pull>(&bearer, &name("alice/tools")).await), "denied");
    let anna = w.log_in("anna").await.unwrap();
    assert!(w.get(&anna, "anna/tools", "v1").await.is_ok(), "the control");
}
