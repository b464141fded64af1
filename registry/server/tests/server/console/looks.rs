//! What every page has: a strict policy, no script or style of its own, and an appearance that is reviewed as a whole.

use http::{Method, StatusCode};

use super::{Browser, main_of, text};
use crate::temporary::{As, Registry, request};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const OPEN_TO_ALL: [&str; 7] =
    ["/signin", "/createaccount", "/about", "/trust", "/repository", "/organization/charts", "/user/alice"];

const FOR_MEMBERS: [&str; 16] = [
    "/organization",
    "/organization?search=zzz",
    "/organizations/new",
    "/organization/charts",
    "/organization/charts?tab=Teamsandmembership",
    "/organization/charts?tab=Teamsandmembership&view=members",
    "/organization/charts?tab=Teamsandmembership&create=1",
    "/organization/charts/teams/owners",
    "/organization/charts?tab=Robotaccounts",
    "/organization/charts?tab=Robotaccounts&create=1",
    "/organization/charts?tab=Robotaccounts&robot=ci&view=kubernetes",
    "/organization/charts?tab=Defaultpermissions&create=1",
    "/organization/charts?tab=Logs",
    "/organization/charts?tab=Settings",
    "/user/alice",
    "/user/alice?tab=Settings",
];

#[track_caller]
fn assert_strict(answer: &crate::temporary::Answer, path: &str) {
    assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    let page = text(answer);
    assert_eq!(page.matches("<script").count(), page.matches("<script src=\"/assets/").count(), "{path}");
    for inline in ["<style", " style=\"", " onclick=", " onload=", "javascript:", "hx-on", " src=\"http"] {
        assert!(!page.contains(inline), "{path} has {inline}");
    }
    assert_eq!(page.matches("<h1").count(), 1, "{path}");
    assert!(page.contains("<html lang=\"en\""), "{path}");
    let first_link = page.find("<a ").expect("a link");
    assert!(
        page[first_link..].starts_with("<a class=\"pf-v6-c-button pf-m-primary\" href=\"#main\""),
        "{path}"
    );
    assert!(page.contains("id=\"main\""), "{path}");
}

#[tokio::test]
async fn every_page_has_the_strict_policy_and_nothing_inline() {
    let registry = Registry::new().await;
    let mut nobody = Browser::new(&registry);
    for path in OPEN_TO_ALL {
        let answer = nobody.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_strict(&answer, path);
    }
    let missing = nobody.get("/no-such-page").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_strict(&missing, "a missing page");
    let mut alice = Browser::of(&registry, "alice").await;
    for path in FOR_MEMBERS {
        let answer = alice.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", alice.page);
        assert_strict(&answer, path);
    }
    alice.open("/organizations/new").await;
    let wrong = alice.fill("/organizations/new", &[("name", "X")]).await;
    assert_strict(&wrong, "a page with an error");
}

#[tokio::test]
async fn every_field_has_a_label_and_every_id_is_unique() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "1").await;
    let mut alice = Browser::of(&registry, "alice").await;
    for path in FOR_MEMBERS {
        let page = alice.open(path).await.to_owned();
        let mut ids = std::collections::BTreeSet::new();
        for id in page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(ids.insert(id.to_owned()), "{path}: two elements are called {id}");
        }
        for name in ["<input", "<select", "<textarea"] {
            for tag in page.split(name).skip(1).filter_map(|rest| rest.split('>').next()) {
                if tag.contains("type=\"hidden\"")
                    || tag.contains("aria-label")
                    || tag.contains("type=\"radio\"")
                {
                    continue;
                }
                let id = tag.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
                let id = id.unwrap_or_else(|| panic!("{path}: a field without an id: {tag}"));
                assert!(page.contains(&format!("for=\"{id}\"")), "{path}: {id} has no label");
            }
        }
        for described in page.split("aria-describedby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            for id in described.split(' ') {
                assert!(ids.contains(id), "{path}: nothing is called {id}");
            }
        }
    }
}

#[tokio::test]
async fn public_pages_need_no_cookie_and_forms_say_that_they_do() {
    let registry = Registry::new().await;
    for path in OPEN_TO_ALL {
        assert_eq!(registry.get(&As::Nobody, path).await.status, StatusCode::OK, "{path}");
    }
    let mut forgetful = Browser::new(&registry);
    forgetful.open("/signin").await;
    let csrf = forgetful.csrf();
    forgetful.cookies.clear();
    let answer = forgetful.post("/signin", &[("_csrf_token", &csrf), ("username", "alice")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(text(&answer).contains("Cookies must be allowed"));
}

#[tokio::test]
async fn an_unknown_path_is_a_page_for_browsers_and_json_for_clients() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    let page = browser.get("/nothing-here").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(browser.page.contains("href=\"/repository\"") && browser.page.contains("href=\"/signin\""));
    let answer = registry.get(&As::Nobody, "/nothing-here").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::NOT_FOUND, "application/json"));
}

#[tokio::test]
async fn the_theme_is_kept_and_decides_which_style_sheet_counts() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    let dark = |page: &str| page.split("<link").any(|link| link.contains("/assets/dark."));
    assert!(browser.open("/about").await.contains("media=\"(prefers-color-scheme: dark)\""));
    browser.succeed("/theme", &[("theme", "dark"), ("back", "/about")]).await;
    assert!(browser.page.contains("media=\"all\""));
    browser.succeed("/theme", &[("theme", "light"), ("back", "/about")]).await;
    assert!(!dark(&browser.page));
    browser.succeed("/theme", &[("theme", "nonsense"), ("back", "/about")]).await;
    assert!(dark(&browser.page));
}

#[tokio::test]
async fn assets_are_served_for_ever_and_compressed_for_those_who_can_read_it() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    let page = browser.open("/about").await.to_owned();
    let assets: Vec<&str> = page.split(['"', '\'']).filter(|text| text.starts_with("/assets/")).collect();
    assert!(assets.len() >= 4, "{assets:?}");
    for path in assets {
        let plain = registry.get(&As::Nobody, path).await;
        assert_eq!((plain.status, plain.header("content-encoding")), (StatusCode::OK, ""), "{path}");
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
        let ask = request(&As::Nobody, Method::GET, path).header("accept-encoding", "gzip, br");
        let packed = registry.send(ask.body(axum::body::Body::empty()).expect("a request")).await;
        assert_eq!(packed.header("content-encoding"), "br", "{path}");
        assert!(packed.body.len() < plain.body.len());
        for url in text(&plain).split("url(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if url.starts_with("data:") {
                continue;
            }
            let font = registry.get(&As::Nobody, url).await;
            assert_eq!((font.status, font.header("content-type")), (StatusCode::OK, "font/woff2"), "{url}");
        }
    }
    for path in ["/assets/console.css", "/assets/../Cargo.toml", "/assets/%2e%2e"] {
        assert_ne!(registry.get(&As::Nobody, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_pages_look_as_they_were_reviewed() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    for (name, path) in [("signin", "/signin"), ("createaccount", "/createaccount"), ("about", "/about")] {
        browser.open(path).await;
        insta::assert_snapshot!(name, main_of(&browser));
    }
    let mut alice = Browser::of(&registry, "alice").await;
    for (name, path) in [
        ("organizations", "/organization"),
        ("organization-empty", "/organization/charts"),
        ("robots", "/organization/charts?tab=Robotaccounts"),
        ("robot-create", "/organization/charts?tab=Robotaccounts&create=1"),
        ("teams", "/organization/charts?tab=Teamsandmembership"),
        ("settings", "/organization/charts?tab=Settings"),
    ] {
        alice.open(path).await;
        insta::assert_snapshot!(name, main_of(&alice));
    }
    alice.open("/organizations/new").await;
    alice.fail("/organizations/new", &[("name", "charts")]).await;
    insta::assert_snapshot!("organization-exists", main_of(&alice));
}
