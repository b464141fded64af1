//! Proving who one is: names and passwords, robots, access tokens, sessions.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::world::{HERE, PASSWORD, World, name, word};
use crate::perms::{Pull, Push};
use crate::{ApiScopes, Error, NewUser, Secret};

const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

#[tokio::test]
async fn a_person_is_known_by_name_or_address_and_password() {
    let w = World::new().await;
    let new = NewUser {
        username: "alice".to_owned(),
        email: Some("Alice@Example.com".to_owned()),
        password: PASSWORD.into(),
    };
    w.core.create_user(&w.anybody(), new).await.unwrap();
    assert_eq!(w.log_in("alice").await.unwrap().name(), Some("alice"));
    assert_eq!(w.log_in("alice@example.com").await.unwrap().name(), Some("alice"));
    for (user, password) in
        [("alice", "wrong-horse"), ("nobody", PASSWORD), ("", ""), ("alice", ""), ("$app", "x")]
    {
        w.clock.advance(Duration::from_secs(60));
        let refused = w.core.authenticate_basic(user, &password.into(), THERE).await;
        assert_eq!(word(refused), "bad credentials", "{user}");
    }
}

#[tokio::test]
async fn after_some_failures_even_the_right_password_waits_but_only_from_the_same_address() {
    let w = World::new().await;
    w.person("alice").await;
    let attempt =
        async |password: &str, from| word(w.core.authenticate_basic("alice", &password.into(), from).await);
    // Clients try a wrong password in several ways before they show the reason.
    for _ in 0..5 {
        assert_eq!(attempt("wrong-horse", THERE).await, "bad credentials");
    }
    assert_eq!(attempt(PASSWORD, THERE).await, "allowed", "a success starts the count anew");
    for _ in 0..6 {
        assert_eq!(attempt("wrong-horse", THERE).await, "bad credentials");
    }
    assert_eq!(attempt(PASSWORD, THERE).await, "too many attempts");
    assert_eq!(attempt(PASSWORD, HERE).await, "allowed");
    for _ in 0..20 {
        w.clock.advance(Duration::from_secs(60));
        assert_eq!(attempt("wrong-horse", THERE).await, "bad credentials");
    }
    w.clock.advance(Duration::from_secs(60));
    assert_eq!(attempt(PASSWORD, THERE).await, "allowed", "never longer than a minute");
}

#[tokio::test]
async fn name_and_address_of_an_account_are_one_counter() {
    let w = World::new().await;
    let email = Some("alice@example.com".to_owned());
    let new = NewUser { username: "alice".to_owned(), email, password: PASSWORD.into() };
    w.core.create_user(&w.anybody(), new).await.unwrap();
    for user in ["alice", "alice@example.com", "alice", "alice@example.com", "alice", "alice@example.com"] {
        let refused = w.core.authenticate_basic(user, &"wrong-horse".into(), THERE).await;
        assert_eq!(word(refused), "bad credentials");
    }
    for user in ["alice", "alice@example.com"] {
        assert_eq!(word(w.core.authenticate_basic(user, &PASSWORD.into(), THERE).await), "too many attempts");
    }
}

#[tokio::test]
async fn a_changed_password_counts_at_once_though_the_old_one_was_just_used() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    w.log_in("alice").await.unwrap();
    w.core.change_password(&w.account(&alice).await, &"another-horse".into()).await.unwrap();
    assert_eq!(word(w.log_in("alice").await), "bad credentials");
    assert_eq!(word(w.core.authenticate_basic("alice", &"another-horse".into(), THERE).await), "allowed");
}

#[tokio::test]
async fn an_old_bcrypt_hash_opens_and_becomes_argon2id() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let id = quay_db::UserId(alice.user_id().unwrap());
    let old = bcrypt::hash(PASSWORD, 4).unwrap();
    w.rows(async move |tx| quay_db::tables::users::set_password(tx, id, Some(&old)).await).await;
    assert_eq!(word(w.log_in("alice").await), "allowed");
    let user = w.rows(async move |tx| quay_db::tables::users::get(tx, id).await).await.unwrap();
    assert!(user.password_hash.unwrap().starts_with("$argon2id$"));
    assert_eq!(word(w.log_in("alice").await), "allowed");
}

#[tokio::test]
async fn a_robot_is_known_by_its_full_name_and_token() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let at = w.manage(&alice, "alice").await;
    let robot = w.core.create_robot(&at, "ci", "builds", None).await.unwrap();
    let other = w.core.create_robot(&at, "cd", "", None).await.unwrap();
    let (token, others) = (robot.token.unwrap(), other.token.unwrap());
    assert_eq!(token.expose().len(), 64);
    let known = w.core.authenticate_basic("alice+ci", &token, HERE).await.unwrap();
    assert_eq!((known.name(), known.is_robot()), (Some("alice+ci"), true));
    for (user, password) in
        [("alice+ci", &others), ("alice+cd", &token), ("alice+no", &token), ("alice", &token)]
    {
        assert_eq!(word(w.core.authenticate_basic(user, password, THERE).await), "bad credentials", "{user}");
    }

    assert_eq!(w.core.robot(&at, "ci").await.unwrap().token.unwrap().expose(), token.expose(), "shown again");
    let renewed = w.core.regenerate_robot(&at, "ci").await.unwrap().token.unwrap();
    assert_eq!(word(w.core.authenticate_basic("alice+ci", &token, HERE).await), "bad credentials");
    assert_eq!(word(w.core.authenticate_basic("alice+ci", &renewed, HERE).await), "allowed");
    w.core.delete_robot(&at, "ci").await.unwrap();
    assert_eq!(word(w.core.authenticate_basic("alice+ci", &renewed, HERE).await), "bad credentials");
}

#[tokio::test]
async fn robot_tokens_lie_sealed_in_the_database() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let at = w.manage(&alice, "alice").await;
    let token = w.core.create_robot(&at, "ci", "", None).await.unwrap().token.unwrap();
    w.core.close().await.unwrap();
    let mut read = Vec::new();
    for entry in std::fs::read_dir(w.folder.path().join("db")).unwrap() {
        read.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let holds = |text: &str| read.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(token.expose()) && !holds(PASSWORD));
    assert!(holds("alice+ci"), "the search would have found them");
}

#[tokio::test]
async fn another_database_key_is_told_from_a_broken_row() {
    let w = World::new().await;
    w.core.close().await.unwrap();
    let mut config = w.config.clone();
    config.database_secret_key = Some(quay_config::Secret::new("another"));
    let refused = crate::Core::open(crate::Settings::new(config, w.folder.path())).await.unwrap_err();
    let Error::Internal(why) = refused else { panic!("{refused:?}") };
    assert!(why.to_string().contains("DATABASE_SECRET_KEY"), "{why}");
}

#[tokio::test]
async fn an_access_token_is_capped_by_its_scopes_and_ends() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    w.push_image(&alice, "alice/app", "v1", b"layer").await;
    let hour = Duration::from_secs(3600);
    let read = w
        .core
        .create_access_token(&w.account(&alice).await, "reads", ApiScopes::REPO_READ, hour)
        .await
        .unwrap();
    assert_eq!(read.expose().len(), 40);
    let reader = w.core.authenticate_access_token(read.expose(), HERE).await.unwrap();
    assert_eq!(word(w.core.allow::<Pull>(&reader, &name("alice/app")).await), "allowed");
    assert_eq!(word(w.core.allow::<Push>(&reader, &name("alice/app")).await), "insufficient scope");
    assert_eq!(word(w.core.allow_account(&reader).await), "denied");
    let by_password = w.core.authenticate_basic("$oauthtoken", &read, HERE).await.unwrap();
    assert_eq!(by_password.name(), Some("alice"));
    w.clock.advance(hour);
    assert_eq!(word(w.core.authenticate_access_token(read.expose(), HERE).await), "bad credentials");
}

#[tokio::test]
async fn a_session_begins_with_a_new_cookie_and_ends_for_good() {
    let w = World::new().await;
    w.person("alice").await;
    let planted = w.core.new_cookie().unwrap();
    let signed_in = w.core.sign_in("alice", &PASSWORD.into(), HERE).await.unwrap();
    assert_ne!(signed_in.cookie.expose(), planted.expose());
    assert!(w.core.session(planted.expose(), HERE).await.unwrap().is_none());
    let session = w.core.session(signed_in.cookie.expose(), HERE).await.unwrap().unwrap();
    assert_eq!(session.caller.name(), Some("alice"));

    let cookie = signed_in.cookie.expose();
    let token = w.core.csrf_token(cookie);
    assert!(w.core.csrf_valid(cookie, &token));
    assert!(!w.core.csrf_valid(planted.expose(), &token) && !w.core.csrf_valid(cookie, ""));

    w.core.sign_out(&w.account(&session.caller).await).await.unwrap();
    assert!(w.core.session(cookie, HERE).await.unwrap().is_none());

    let again = w.core.sign_in("alice", &PASSWORD.into(), HERE).await.unwrap().cookie;
    w.clock.advance(Duration::from_secs(31 * 24 * 3600));
    assert!(w.core.session(again.expose(), HERE).await.unwrap().is_none());
    assert_eq!(w.core.housekeeping().await.unwrap().sessions, 1);
}

#[tokio::test]
async fn a_changed_password_ends_every_session() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let cookie = w.core.sign_in("alice", &PASSWORD.into(), HERE).await.unwrap().cookie;
    w.core.change_password(&w.account(&alice).await, &"another-horse".into()).await.unwrap();
    assert!(w.core.session(cookie.expose(), HERE).await.unwrap().is_none());
}

#[tokio::test]
async fn no_debug_form_shows_a_secret() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let at = w.manage(&alice, "alice").await;
    let robot = w.core.create_robot(&at, "ci", "", None).await.unwrap();
    let signed_in = w.core.sign_in("alice", &PASSWORD.into(), HERE).await.unwrap();
    let token = w.core.issue_token(&alice, "reg.example", &[]).await.unwrap();
    let shown = format!("{:?} {robot:?} {signed_in:?} {token:?} {alice:?}", w.core);
    for secret in [
        robot.token.as_ref().map(Secret::expose),
        Some(signed_in.cookie.expose()),
        Some(token.token.expose()),
    ] {
        assert!(!shown.contains(secret.unwrap()));
    }
}
