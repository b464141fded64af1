//! Pages of superusers: what stands on them, and that nobody else finds them.

use http::StatusCode;

use super::Browser;
use crate::temporary::{As, Registry};

#[tokio::test]
async fn the_log_of_the_installation_tells_what_anybody_did_anywhere() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/app", "v1").await;
    let mut root = Browser::of(&registry, "root").await;
    let page = root.open("/usage-logs").await;
    assert!(page.contains("charts/app") && page.contains("data-testid=\"logs-table\""), "{page}");
    assert!(page.contains("href=\"/usage-logs\"") && page.contains("id=\"nav-superuser\""), "{page}");
    assert!(root.open("/usage-logs?performer=bob").await.contains("bob did nothing here"));
    assert!(root.open("/usage-logs?performer=alice").await.contains("charts/app"));
}

#[tokio::test]
async fn nobody_else_finds_the_pages_of_superusers() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    assert!(!alice.open("/organization").await.contains("nav-superuser"));
    let mut nobody = Browser::new(&registry);
    for path in PAGES {
        assert_eq!(alice.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert!(nobody.get(path).await.header("location").starts_with("/signin?redirect_url="), "{path}");
    }
}

const PAGES: [&str; 1] = ["/usage-logs"];
