//! The token service: what is granted, and what a token is worth afterwards.

use crate::perms::{Pull, Push};
use crate::{Caller, TeamRole, Token, Visibility};

use super::world::{HERE, SERVICE, World, name, word};

async fn token(w: &World, who: &Caller, scopes: &[&str]) -> Token {
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    w.core.issue_token(who, SERVICE, &scopes).await.unwrap()
}

/// What is granted on each repository, as `name:actions`.
async fn granted(w: &World, who: &Caller, scopes: &[&str]) -> Vec<String> {
    let access = token(w, who, scopes).await.access;
    access.into_iter().map(|access| format!("{}:{}", access.name, access.actions.join(","))).collect()
}

async fn bearer(w: &World, token: &Token) -> crate::Result<Caller> {
    w.core.authenticate_bearer(token.token.expose(), HERE, &|aud| aud == SERVICE).await
}

#[tokio::test]
async fn what_is_asked_is_cut_to_what_the_caller_may_do() {
    let w = World::new().await;
    let (alice, bob) = (w.person("alice").await, w.person("bob").await);
    w.push_image(&alice, "alice/private", "v1", b"layer").await;
    w.push_image(&alice, "alice/public", "v1", b"layer").await;
    let at = w.core.allow(&alice, &name("alice/public")).await.unwrap();
    w.core.set_visibility(&at, Visibility::Public).await.unwrap();

    let all = "push,pull,*";
    let private = &format!("repository:alice/private:{all}");
    let public = &format!("repository:alice/public:{all}");
    assert_eq!(granted(&w, &alice, &[private]).await, ["alice/private:push,pull,*"]);
    assert_eq!(granted(&w, &alice, &[]).await, [""; 0]);
    assert_eq!(granted(&w, &bob, &[private, public]).await, ["alice/private:", "alice/public:pull"]);
    assert_eq!(granted(&w, &w.anybody(), &[private, public]).await, ["alice/private:", "alice/public:pull"]);
    assert_eq!(
        granted(&w, &alice, &["repository:reg.example/alice/private:pull"]).await,
        ["reg.example/alice/private:pull"]
    );
    assert_eq!(
        granted(&w, &alice, &["registry:catalog:*", "repository:alice/private:delete"]).await,
        ["alice/private:delete"]
    );
}

#[tokio::test]
async fn a_repository_that_the_caller_could_create_is_granted_for_pull_and_push() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    let (creator, member) = (w.person("creator").await, w.person("member").await);
    w.enlist(&owner, "charts", TeamRole::Creator, "creator").await;
    w.enlist(&owner, "charts", TeamRole::Member, "member").await;

    // The first thing that helm 3.18 asks for, before it pushes.
    let pull = &["repository:charts/new:pull"];
    assert_eq!(granted(&w, &owner, pull).await, ["charts/new:push,pull"]);
    assert_eq!(granted(&w, &creator, pull).await, ["charts/new:push,pull"]);
    assert_eq!(granted(&w, &member, pull).await, ["charts/new:"]);
    assert_eq!(granted(&w, &creator, &["repository:charts/new:*"]).await, ["charts/new:"]);

    let holder = bearer(&w, &token(&w, &creator, pull).await).await.unwrap();
    assert_eq!(word(w.core.allow::<Pull>(&holder, &name("charts/new")).await), "name unknown");
    assert_eq!(word(w.core.allow::<Push>(&holder, &name("charts/new")).await), "allowed");
}

#[tokio::test]
async fn nobody_gets_a_token_for_nothing() {
    let w = World::new().await;
    assert_eq!(word(w.core.issue_token(&w.anybody(), SERVICE, &[]).await), "challenge");
    let w = World::with(|config| config.feature_anonymous_access = false).await;
    let scope = ["repository:a1/b:pull".to_owned()];
    assert_eq!(word(w.core.issue_token(&w.anybody(), SERVICE, &scope).await), "challenge");
}

#[tokio::test]
async fn the_scope_of_a_token_is_a_ceiling() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    w.push_image(&alice, "alice/one", "v1", b"layer").await;
    w.push_image(&alice, "alice/two", "v1", b"layer").await;
    let holder = bearer(&w, &token(&w, &alice, &["repository:alice/one:pull"]).await).await.unwrap();
    assert_eq!(word(w.core.allow::<Pull>(&holder, &name("alice/one")).await), "allowed");
    assert_eq!(word(w.core.allow::<Push>(&holder, &name("alice/one")).await), "insufficient scope");
    assert_eq!(word(w.core.allow::<Pull>(&holder, &name("alice/two")).await), "insufficient scope");
    assert_eq!(word(w.core.allow_account(&holder).await), "denied");
    assert_eq!(word(w.core.allow_in::<crate::perms::ManageNamespace>(&holder, "alice").await), "denied");
}

#[tokio::test]
async fn a_token_ends_after_five_minutes() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let token = token(&w, &alice, &[]).await;
    assert_eq!(token.expires_in, 300);
    assert!(bearer(&w, &token).await.is_ok());
    w.clock.advance(std::time::Duration::from_secs(300 + 29));
    assert!(bearer(&w, &token).await.is_ok(), "clocks may differ a little");
    w.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(word(bearer(&w, &token).await), "bad credentials");
}

#[tokio::test]
async fn a_token_ends_with_the_password_it_was_drawn_from() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let token = token(&w, &alice, &[]).await;
    assert!(bearer(&w, &token).await.is_ok());
    w.core.change_password(&w.account(&alice).await, &"another-horse".into()).await.unwrap();
    assert_eq!(word(bearer(&w, &token).await), "bad credentials");
}

#[tokio::test]
async fn a_token_ends_with_the_robot_token_it_was_drawn_from() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let robot = w.robot(&alice, "alice", "ci").await;
    let token = token(&w, &robot, &[]).await;
    assert!(bearer(&w, &token).await.is_ok());
    let at = w.manage(&alice, "alice").await;
    w.core.regenerate_robot(&at, "ci").await.unwrap();
    assert_eq!(word(bearer(&w, &token).await), "bad credentials");
}

#[tokio::test]
async fn a_token_of_another_registry_or_for_another_is_refused() {
    let (w, other) = (World::new().await, World::new().await);
    let (alice, twin) = (w.person("alice").await, other.person("alice").await);
    assert_eq!(word(bearer(&w, &token(&other, &twin, &[]).await).await), "bad credentials");
    let own = token(&w, &alice, &[]).await;
    let elsewhere = w.core.authenticate_bearer(own.token.expose(), HERE, &|aud| aud == "elsewhere").await;
    assert_eq!(word(elsewhere), "bad credentials");
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let token = token(&w, &alice, &[]).await.token;
    let good = token.expose();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("three parts") };
    let forged = [
        String::new(),
        "x".to_owned(),
        "..".to_owned(),
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{}", signature.chars().rev().collect::<String>()),
        format!("{header}.{}.{signature}", claims.replace('0', "1").replace('A', "B")),
        // {"alg":"none"} and {"alg":"HS256"} with the right key id would be the classic ways around.
        format!("eyJhbGciOiJub25lIn0.{claims}."),
        "y".repeat(1 << 20),
    ];
    for forged in forged {
        let shown: String = forged.chars().take(60).collect();
        assert_eq!(
            word(w.core.authenticate_bearer(&forged, HERE, &|_| true).await),
            "bad credentials",
            "{shown}"
        );
    }
    assert!(w.core.authenticate_bearer(good, HERE, &|_| true).await.is_ok());
}

#[tokio::test]
async fn tokens_outlive_a_restart_and_the_turning_of_keys() {
    let w = World::new().await;
    w.person("alice").await;
    let w = w.reopened().await;
    let alice = w.log_in("alice").await.unwrap();
    let early = token(&w, &alice, &[]).await;
    let w = w.reopened().await;
    assert!(bearer(&w, &early).await.is_ok());

    // Into the second month: the next key is published, then used.
    w.clock.advance(std::time::Duration::from_secs(30 * 24 * 3600));
    w.core.housekeeping().await.unwrap();
    let before = token(&w, &alice, &[]).await;
    w.clock.advance(std::time::Duration::from_secs(3600));
    let late = token(&w, &alice, &[]).await;
    w.core.housekeeping().await.unwrap();
    let after = token(&w, &alice, &[]).await;
    assert_eq!(key_id(&before), key_id(&early));
    assert_ne!(key_id(&after), key_id(&late));
    assert!(bearer(&w, &late).await.is_ok(), "the retired key still verifies");
    assert!(bearer(&w, &after).await.is_ok());
}

fn key_id(token: &Token) -> String {
    token.token.expose().split('.').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_refused_scope_name_is_an_error_of_the_client() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let scope = ["repository:UPPER/case:pull".to_owned()];
    assert_eq!(word(w.core.issue_token(&alice, SERVICE, &scope).await), "NAME_INVALID");
}

#[tokio::test]
async fn an_access_token_that_only_reads_never_yields_push() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    w.push_image(&alice, "alice/old", "v1", b"layer").await;
    let hour = std::time::Duration::from_secs(3600);
    let account = w.account(&alice).await;
    let read =
        w.core.create_access_token(&account, "reads", crate::ApiScopes::REPO_READ, hour).await.unwrap();
    let reader = w.core.authenticate_basic("$oauthtoken", &read, HERE).await.unwrap();
    let asked = ["repository:alice/new:pull,push,*", "repository:alice/old:pull,push,*"];
    assert_eq!(granted(&w, &reader, &asked).await, ["alice/new:pull", "alice/old:pull"]);
    let holder = bearer(&w, &token(&w, &reader, &asked).await).await.unwrap();
    assert_eq!(word(w.core.allow::<Push>(&holder, &name("alice/new")).await), "insufficient scope");
}
