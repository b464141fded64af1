//! What people do with their own account beyond signing in: application tokens, stars, its end.

use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Method, StatusCode};
use quay_config::Period;
use quay_core::Secret;

use super::{Browser, element, main_of};
use crate::temporary::{As, PASSWORD, Registry, request};

const SETTINGS: &str = "/user/alice?tab=Settings";

/// The value of the field with this id.
fn value(page: &str, id: &str) -> String {
    let field = element(page, &format!("id=\"{id}\""));
    let (_, rest) = field.split_once("value=\"").expect("a value");
    rest.split('"').next().expect("its end").replace("&#36;", "$")
}

#[tokio::test]
async fn an_application_token_is_shown_once_logs_in_and_is_revoked() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    alice.open(SETTINGS).await;
    alice.fail(SETTINGS, &[("action", "create-token"), ("title", "")]).await;
    alice.assert_wrong("token-title", "title");
    let made = alice.fill(SETTINGS, &[("action", "create-token"), ("title", "my <b>laptop</b>")]).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let token = value(&alice.page, "token-code");
    assert_eq!(token.len(), 60, "{token}");
    assert_eq!(value(&alice.page, "token-username"), "$app");
    for line in [
        format!("podman login registry.example:8443 --username &#39;$app&#39; --password {token}"),
        format!("helm registry login registry.example:8443 --username &#39;$app&#39; --password {token}"),
        "name: alice-app-pull-secret".to_owned(),
        "my &#60;b&#62;laptop".to_owned(),
    ] {
        assert!(alice.page.contains(&line), "{line}: {}", main_of(&alice));
    }
    // It is not shown again, and it logs in.
    let page = alice.open(SETTINGS).await.to_owned();
    assert!(page.contains("my &#60;b&#62;laptop") && !page.contains(&token), "{page}");
    let pull = async || log_in(&registry, "$app", &token).await;
    assert_eq!(pull().await, StatusCode::OK);
    let (_, rest) = page.split_once(&format!("{}&#38;revoke=", SETTINGS)).expect("a link");
    let uuid = rest.split('"').next().expect("its end").to_owned();
    let question = alice.open(&format!("{SETTINGS}&revoke={uuid}")).await;
    assert!(
        question.contains("my &#60;b&#62;laptop") && question.contains("data-testid=\"confirm\""),
        "{question}"
    );
    assert_eq!(pull().await, StatusCode::OK, "a question revokes nothing");
    alice.succeed(SETTINGS, &[("action", "revoke-token"), ("uuid", &uuid)]).await;
    assert_eq!(pull().await, StatusCode::UNAUTHORIZED);
    assert!(!alice.page.contains("tokens-table"));
}

#[tokio::test]
async fn a_token_in_an_old_session_takes_the_password_again_and_there_is_none_where_it_is_switched_off() {
    let stale =
        Registry::with(|config| config.fresh_login_timeout = Period::parse("0s").expect("a period")).await;
    let mut alice = Browser::of(&stale, "alice").await;
    alice.open(SETTINGS).await;
    alice.fail(SETTINGS, &[("action", "create-token"), ("title", "kept")]).await;
    alice.assert_wrong("token-password", "not your password");
    assert_eq!(value(&alice.page, "token-title"), "kept");
    let fields = [("action", "create-token"), ("title", "kept"), ("token-password", PASSWORD)];
    assert_eq!(alice.fill(SETTINGS, &fields).await.status, StatusCode::CREATED);

    let without = Registry::with(|config| config.feature_app_specific_tokens = false).await;
    let mut alice = Browser::of(&without, "alice").await;
    assert!(!alice.open(SETTINGS).await.contains("Application tokens"));
    let answer = alice.fill(SETTINGS, &[("action", "create-token"), ("title", "x")]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_encrypted_password_takes_the_password_and_is_for_programs_only() {
    let registry = Registry::new().await;
    let mut bob = Browser::of(&registry, "bob").await;
    let tab = "/user/bob?tab=Settings";
    assert!(!bob.open(tab).await.contains("your password itself is refused"));
    bob.fail(tab, &[("action", "encrypt-password"), ("client-password", "wrong-horse")]).await;
    bob.assert_wrong("client-password", "not your password");
    assert!(!bob.page.contains("wrong-horse"));
    let made = bob.fill(tab, &[("action", "encrypt-password"), ("client-password", PASSWORD)]).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let key = value(&bob.page, "token-code");
    assert!(
        bob.page.contains(&format!("podman login registry.example:8443 --username bob --password {key}"))
    );
    assert!(bob.page.contains("name: bob-encrypted-pull-secret") && !bob.page.contains(PASSWORD));
    let status = async |password: &str| log_in(&registry, "bob", password).await;
    assert_eq!((status(&key).await, status(PASSWORD).await), (StatusCode::OK, StatusCode::OK));
    bob.open("/about").await;
    bob.fill("/signout", &[]).await;
    bob.open("/signin").await;
    bob.fail("/signin", &[("username", "bob"), ("password", &key)]).await;
}

#[tokio::test]
async fn where_programs_need_an_encrypted_password_that_is_told() {
    let change = |config: &mut quay_config::Config| config.feature_require_encrypted_basic_auth = true;
    let registry = Registry::empty(change).await;
    let password = Secret::new(PASSWORD);
    registry.core.ensure_superuser("root", "root@registry.example", &password).await.expect("a superuser");
    let mut root = Browser::of(&registry, "root").await;
    let page = root.open("/user/root?tab=Settings").await;
    assert!(page.contains("your password itself is refused"), "{page}");
    assert_eq!(log_in(&registry, "root", PASSWORD).await, StatusCode::UNAUTHORIZED);
}

/// What a program is told that logs in.
async fn log_in(registry: &Registry, name: &str, password: &str) -> StatusCode {
    let basic = BASE64_STANDARD.encode(format!("{name}:{password}"));
    let get = request(&As::Nobody, Method::GET, "/v2/auth?service=registry.example:8443")
        .header("authorization", format!("Basic {basic}"));
    registry.send(get.body(Body::empty()).expect("a request")).await.status
}

#[tokio::test]
async fn an_account_is_deleted_by_its_name_and_password_only() {
    let registry = Registry::new().await;
    let mut bob = Browser::of(&registry, "bob").await;
    let tab = "/user/bob?tab=Settings";
    bob.open(tab).await;
    let with = |name: &'static str, password: &'static str| {
        [("action", "delete"), ("name", name), ("account-password", password)]
    };
    bob.fail(tab, &with("alice", PASSWORD)).await;
    bob.assert_wrong("confirm-name", "Type bob to confirm");
    bob.fail(tab, &with("bob", "wrong-horse")).await;
    bob.assert_wrong("account-password", "not your password");
    assert!(!bob.page.contains("wrong-horse"));
    let page = bob.succeed(tab, &with("bob", PASSWORD)).await;
    assert!(page.contains("The account bob was deleted."), "{page}");
    assert_eq!(bob.at, "/signin");
    assert_eq!(bob.get("/organization").await.status, StatusCode::SEE_OTHER);
    bob.open("/signin").await;
    bob.fail("/signin", &[("username", "bob"), ("password", PASSWORD)]).await;
}

#[tokio::test]
async fn an_account_that_is_needed_stays_and_says_why() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    alice.open(SETTINGS).await;
    let fields = [("action", "delete"), ("name", "alice"), ("account-password", PASSWORD)];
    alice.fail(SETTINGS, &fields).await;
    alice.assert_wrong("confirm-name", "only owner of the organization charts");
    alice.open("/organization/charts").await;
    // A superuser is told beforehand.
    let mut root = Browser::of(&registry, "root").await;
    let page = root.open("/user/root?tab=Settings").await;
    assert!(
        page.contains("account of a superuser") && !page.contains("data-testid=\"delete-account\""),
        "{page}"
    );
    // Nobody deletes another's account here, whoever they are.
    assert_eq!(root.get(SETTINGS).await.status, StatusCode::NOT_FOUND);
    let answer = root.fill(SETTINGS, &fields).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
}

#[tokio::test]
async fn stars_are_given_taken_back_and_searched_for() {
    let registry = Registry::new().await;
    for name in ["charts/app", "charts/other"] {
        registry.push(&As::Basic("alice"), name, "v1").await;
    }
    let mut alice = Browser::of(&registry, "alice").await;
    let page = alice.open("/repository?sort=name").await.to_owned();
    let pressed = |page: &str, name: &str| {
        element(page, &format!("data-testid=\"star-{name}\"")).contains("aria-pressed=\"true\"")
    };
    assert!(!pressed(&page, "charts/app"));
    let back = [("back", "/repository?sort=name")];
    let page = alice.succeed("/repository/charts/app/-/star", &back).await.to_owned();
    assert_eq!(alice.at, "/repository?sort=name");
    assert!(pressed(&page, "charts/app") && !pressed(&page, "charts/other"));
    for list in ["/repository?starred=1", "/organization/charts?tab=Repositories&starred=1"] {
        let page = alice.open(list).await;
        assert!(page.contains("star-charts/app") && !page.contains("star-charts/other"), "{list}");
    }
    for none in ["/repository?starred=1&search=other", "/user/alice?tab=Repositories&starred=1"] {
        assert!(alice.open(none).await.contains("No starred repositories"), "{none}");
    }
    // Nowhere else is gone back to.
    let elsewhere = [("back", "//evil.example")];
    assert_eq!(
        alice.fill("/repository/charts/app/-/unstar", &elsewhere).await.header("location"),
        "/repository"
    );
    assert!(!pressed(alice.open("/repository").await, "charts/app"));
    // What one may not see gets no star.
    let mut bob = Browser::of(&registry, "bob").await;
    bob.open("/about").await;
    for name in ["charts/app", "charts/absent"] {
        let answer = bob.fill(&format!("/repository/{name}/-/star"), &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{name}");
    }
    let mut nobody = Browser::new(&registry);
    assert!(!nobody.open("/repository").await.contains("starred-only"));
    nobody.open("/repository?starred=1").await;
}
