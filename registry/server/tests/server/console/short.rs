//! Short addresses: where they lead, and that they tell no more than the long ones.

use http::StatusCode;

use super::Browser;
use crate::temporary::{As, Registry};

#[tokio::test]
async fn a_short_address_leads_to_the_long_one_and_keeps_the_query() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/deep/app", "v1").await;
    let mut alice = Browser::of(&registry, "alice").await;
    for (short, long) in [
        ("/charts", "/organization/charts"),
        ("/charts?tab=Robotaccounts", "/organization/charts?tab=Robotaccounts"),
        ("/alice", "/user/alice"),
        ("/charts/deep/app", "/repository/charts/deep/app"),
        ("/charts/deep/app?tab=tags&search=1%262", "/repository/charts/deep/app?tab=tags&search=1%262"),
        ("/charts/deep/app:v1", "/repository/charts/deep/app/tag/v1"),
        ("/charts/deep/app%3Av1?x=//evil.example", "/repository/charts/deep/app/tag/v1?x=//evil.example"),
    ] {
        let answer = alice.get(short).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, long), "{short}");
        alice.open(long).await;
    }
}

#[tokio::test]
async fn what_is_unknown_or_the_registrys_own_is_not_found() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    for path in [
        "/nobody-of-this-name",
        "/%ff",
        "/charts/missing",
        "/charts/missing:v1",
        "/Charts",
        "/charts:v1",
        "/superuser",
        "/api/charts",
        "/organization/charts/more/than/this",
        "/charts/app@sha256:00",
        "//evil.example/app",
        "/%2F%2Fevil.example",
        "/%5C%5Cevil.example",
    ] {
        let answer = alice.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {answer:?}");
        assert!(answer.header("location").is_empty(), "{path}");
    }
    alice.open("/about").await;
    assert_eq!(alice.fill("/charts", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_may_not_read_a_repository_cannot_tell_it_from_one_that_is_not_there() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/hidden", "v1").await;
    registry.push(&As::Basic("alice"), "charts/open", "v1").await;
    registry.publish("charts/open").await;
    let mut bob = Browser::of(&registry, "bob").await;
    let mut pages = Vec::new();
    for path in ["/charts/hidden", "/charts/hidden:v1", "/charts/absent", "/charts/absent:v1"] {
        assert_eq!(bob.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        pages.push(bob.page.replace(path, ""));
    }
    let mut nobody = Browser::new(&registry);
    for path in ["/charts/hidden", "/charts/hidden:v1", "/charts/absent", "/charts/absent:v1"] {
        let answer = nobody.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        let back: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("redirect_url", path).finish();
        assert_eq!(answer.header("location"), format!("/signin?{back}"), "{path}");
    }
    // What everybody may read is found by everybody.
    assert_eq!(nobody.get("/charts/open:v1").await.header("location"), "/repository/charts/open/tag/v1");
    assert_eq!(bob.get("/charts/open").await.header("location"), "/repository/charts/open");
}
