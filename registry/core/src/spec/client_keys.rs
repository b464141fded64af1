//! Encrypted passwords: what they open, what they never open, and when they end.

use std::time::Duration;

use quay_db::tables::users;

use crate::perms::Push;
use crate::{Caller, Error, NewUser, Result, Secret};

use super::world::{HERE, PASSWORD, SERVICE, World, name, word};

async fn key_of(w: &World, who: &Caller) -> Secret {
    w.core.client_key(&w.account(who).await, &PASSWORD.into()).await.unwrap()
}

async fn log_in(w: &World, username: &str, key: &Secret) -> Result<Caller> {
    w.core.authenticate_client(username, key, HERE).await
}

#[tokio::test]
async fn an_encrypted_password_opens_the_registry_for_its_holder_alone() {
    let (w, alice, bob) = World::with_two().await;
    w.core.set_email(&w.account(&alice).await, "alice@example.com").await.unwrap();
    let (key, bobs) = (key_of(&w, &alice).await, key_of(&w, &bob).await);
    assert_ne!(key.expose(), key_of(&w, &alice).await.expose(), "each is sealed anew");
    for username in ["alice", "alice@example.com"] {
        let caller = log_in(&w, username, &key).await.unwrap();
        assert_eq!(caller.name(), Some("alice"));
        assert_eq!(word(w.core.allow::<Push>(&caller, &name("alice/tools")).await), "allowed");
    }
    // Through a registry token as well.
    let caller = log_in(&w, "alice", &key).await.unwrap();
    let scope = ["repository:alice/tools:pull,push".to_owned()];
    let token = w.core.issue_token(&caller, SERVICE, &scope).await.unwrap();
    let bearer = w.core.authenticate_bearer(token.token.expose(), HERE, &|a| a == SERVICE).await.unwrap();
    assert_eq!(word(w.core.allow::<Push>(&bearer, &name("alice/tools")).await), "allowed");
    for (username, key) in [("bob", &key), ("alice", &bobs), ("nobody", &key)] {
        assert_eq!(word(log_in(&w, username, key).await), "bad credentials", "{username}");
    }
    let mut changed = key.expose().to_owned();
    changed.replace_range(..2, "02");
    assert_eq!(word(log_in(&w, "alice", &changed.into()).await), "bad credentials");
}

#[tokio::test]
async fn it_opens_neither_a_session_nor_the_rest_interface_and_makes_no_other() {
    let (w, alice) = World::with_alice().await;
    let key = key_of(&w, &alice).await;
    let account = w.account(&alice).await;
    assert_eq!(word(w.core.sign_in("alice", &key, HERE).await), "bad credentials");
    assert_eq!(word(w.core.authenticate_basic("alice", &key, HERE).await), "bad credentials");
    assert_eq!(word(w.core.client_key(&account, &key).await), "bad credentials");
    assert_eq!(
        word(w.core.replace_password(&account, &key, &"another-horse".into()).await),
        "bad credentials"
    );
    assert_eq!(word(log_in(&w, "alice", &key).await), "allowed", "the control");
}

#[tokio::test]
async fn a_wrong_password_makes_none_and_counts_as_a_guess() {
    let (w, alice) = World::with_alice().await;
    let account = w.account(&alice).await;
    for _ in 0..6 {
        let refused = w.core.client_key(&account, &"wrong-horse".into()).await;
        assert_eq!(word(refused), "bad credentials");
    }
    assert_eq!(word(w.core.client_key(&account, &PASSWORD.into()).await), "too many attempts");
    w.clock.advance(Duration::from_secs(60));
    assert_eq!(word(w.core.client_key(&account, &PASSWORD.into()).await), "allowed");
    // A credential that does not reach the account makes none either.
    let (_, secret) = w.core.create_app_token(&account, "laptop").await.unwrap();
    let app = w.core.authenticate_basic("$app", &secret, HERE).await.unwrap();
    assert_eq!(word(w.core.allow_account(&app).await), "denied");
}

#[tokio::test]
async fn it_ends_with_the_password_with_the_account_and_while_that_is_disabled() {
    let (w, alice, bob) = World::with_two().await;
    let (key, bobs) = (key_of(&w, &alice).await, key_of(&w, &bob).await);
    w.core.change_password(&w.account(&alice).await, &"another-horse".into()).await.unwrap();
    assert_eq!(word(log_in(&w, "alice", &key).await), "bad credentials");

    let id = quay_db::UserId(bob.user_id().unwrap());
    w.rows(async move |tx| users::set_enabled(tx, id, false).await).await;
    let refused = log_in(&w, "bob", &bobs).await;
    assert!(matches!(refused, Err(Error::BadCredentials(text)) if text.contains("disabled")), "{refused:?}");
    w.rows(async move |tx| users::set_enabled(tx, id, true).await).await;
    assert_eq!(word(log_in(&w, "bob", &bobs).await), "allowed", "the control");

    // Whoever takes the name next is somebody else.
    w.core.delete_account(&w.account(&bob).await).await.unwrap();
    assert_eq!(word(log_in(&w, "bob", &bobs).await), "bad credentials");
    w.person("bob").await;
    assert_eq!(word(log_in(&w, "bob", &bobs).await), "bad credentials");
}

#[tokio::test]
async fn making_one_is_written_down_and_accounts_made_by_others_come_with_one() {
    let w = World::with(|config| config.super_users = vec!["root".to_owned()]).await;
    w.core.ensure_superuser("root", "", &PASSWORD.into()).await.unwrap();
    let root = w.log_in("root").await.unwrap();
    let by = w.core.allow_superuser(&root).await.unwrap();
    let new = NewUser { username: "dave".to_owned(), email: None, password: PASSWORD.into() };
    let (dave, key) = w.core.create_user_as(&by, new).await.unwrap();
    assert_eq!(log_in(&w, "dave", &key).await.unwrap().user_id(), Some(dave.id));

    key_of(&w, &root).await;
    let account = w.account(&root).await;
    let (from, to) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
    let page = w.core.logs(crate::LogScope::Account(&account), from, to, None, 100).await.unwrap();
    assert!(page.items.iter().any(|entry| entry.kind == "user_generate_client_key"));
}

#[tokio::test]
async fn where_only_encrypted_passwords_are_taken_others_are_refused_with_a_way_out() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let key = key_of(&w, &alice).await;
    let robot = w.core.create_robot(&w.manage(&alice, "alice").await, "ci", "", None).await.unwrap();
    let (_, secret) = w.core.create_app_token(&w.account(&alice).await, "laptop").await.unwrap();
    assert_eq!(word(log_in(&w, "alice", &PASSWORD.into()).await), "allowed", "the control");

    let mut config = w.config.clone();
    config.feature_require_encrypted_basic_auth = true;
    w.core.swap_config(config);
    for password in [PASSWORD, "wrong-horse"] {
        let told = log_in(&w, "alice", &password.into()).await.unwrap_err().message();
        assert!(told.starts_with("Client login with unencrypted passwords is disabled."), "{told}");
        assert!(
            ["encrypted password", "robot account", "application token"].iter().all(|w| told.contains(w))
        );
        let told = w.core.authenticate_basic("alice", &password.into(), HERE).await.unwrap_err().message();
        assert!(told.contains("access token"), "{told}");
    }
    assert_eq!(word(log_in(&w, "alice", &key).await), "allowed");
    assert_eq!(word(log_in(&w, "$app", &secret).await), "allowed");
    assert_eq!(word(log_in(&w, &robot.name, &robot.token.unwrap()).await), "allowed");
    assert_eq!(
        word(w.core.sign_in("alice", &PASSWORD.into(), HERE).await),
        "allowed",
        "pages are not clients"
    );
}
