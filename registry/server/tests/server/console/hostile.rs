//! What somebody may try: forms from elsewhere, script in every text, messages that are not ours.

use axum::body::Body;
use http::{Method, StatusCode};

use super::{Browser, text};
use crate::temporary::{As, Registry, request};

const SCRIPT: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

/// Every form of the console, by address and action.
const FORMS: [(&str, &str); 27] = [
    ("/signin", ""),
    ("/signout", ""),
    ("/createaccount", ""),
    ("/theme", ""),
    ("/organizations/new", ""),
    ("/organization/charts?tab=Robotaccounts", "create"),
    ("/organization/charts?tab=Robotaccounts", "delete"),
    ("/organization/charts?tab=Robotaccounts", "regenerate"),
    ("/organization/charts?tab=Robotaccounts", "permit"),
    ("/organization/charts?tab=Teamsandmembership", "create"),
    ("/organization/charts?tab=Teamsandmembership", "delete"),
    ("/organization/charts?tab=Defaultpermissions", "create"),
    ("/organization/charts?tab=Settings", "email"),
    ("/organization/charts?tab=Settings", "delete"),
    ("/organization/charts/teams/creators", "add"),
    ("/user/alice?tab=Settings", "password"),
    ("/user/alice?tab=Settings", "email"),
    ("/user/alice?tab=Settings", "create-token"),
    ("/user/alice?tab=Settings", "revoke-token"),
    ("/user/alice?tab=Settings", "encrypt-password"),
    ("/user/alice?tab=Settings", "delete"),
    ("/superuser/users", "take"),
    ("/superuser/users", "change"),
    ("/superuser/organizations/charts/take", ""),
    ("/superuser/organizations/charts/delete", ""),
    ("/repository/charts/app/-/delete-tags", ""),
    ("/repository/charts/app/-/star", ""),
];

#[tokio::test]
async fn a_form_without_the_right_token_changes_nothing() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let mut other = Browser::new(&registry);
    other.open("/signin").await;
    let foreign = other.csrf();
    for (action, what) in FORMS {
        let fields =
            [("action", what), ("name", "charts"), ("robot", "ci"), ("team", "creators"), ("theme", "dark")];
        for token in [None, Some(""), Some("0"), Some(foreign.as_str())] {
            let mut all = fields.to_vec();
            all.extend(token.map(|token| ("_csrf_token", token)));
            let answer = alice.post(action, &all).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{action} {what} {token:?}");
            assert!(alice.page.contains("This form has expired"), "{action}");
        }
    }
    assert!(alice.open("/organization/charts?tab=Robotaccounts").await.contains("charts+ci"));
    assert_eq!(alice.cookies.get("theme"), None);
}

#[tokio::test]
async fn a_form_from_another_site_is_refused_whatever_its_token_is() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    alice.open("/organizations/new").await;
    let body = format!("_csrf_token={}&name=mine", alice.csrf());
    let cookie = format!("_csrf_token={}", alice.cookies["_csrf_token"]);
    let send = |kind: &str, site: &str, body: String| {
        request(&As::Nobody, Method::POST, "/organizations/new")
            .header("cookie", &cookie)
            .header("content-type", kind)
            .header("sec-fetch-site", site)
            .body(Body::from(body))
            .expect("a request")
    };
    let form = "application/x-www-form-urlencoded";
    for (kind, site) in
        [(form, "cross-site"), ("text/plain", "same-origin"), ("application/json", "same-origin")]
    {
        let answer = registry.send(send(kind, site, body.clone())).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{kind} {site}");
    }
    // The very same form from here is taken.
    let answer = registry.send(send(form, "same-origin", body)).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/organization/mine"));
}

#[tokio::test]
async fn a_form_that_is_too_long_is_refused() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    browser.open("/signin").await;
    let long = "x".repeat(300 * 1024);
    let answer = browser.fill("/signin", &[("username", &long)]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// No text of a stranger ends an attribute or begins a tag.
#[track_caller]
fn assert_tame(page: &str, place: &str) {
    assert!(!page.contains("<script>alert"), "{place}: {page}");
    assert!(!page.contains("<img"), "{place}: {page}");
    assert!(!page.contains("=\"\"'>"), "{place}: {page}");
}

#[tokio::test]
async fn script_in_any_field_comes_back_as_text() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/app", "1").await;
    let mut alice = Browser::of(&registry, "alice").await;
    for (action, what) in FORMS {
        if action == "/signout" {
            continue;
        }
        alice.open("/organization").await;
        let mut fields = vec![("action", what)];
        let every = [
            "name",
            "description",
            "email",
            "username",
            "password",
            "member",
            "delegate",
            "activator",
            "role",
            "kind",
            "current",
            "new",
            "confirm",
            "redirect_url",
            "back",
            "theme",
            "robot",
            "team",
            "window",
            "role/x",
            "title",
            "uuid",
            "tag",
            "expires",
            "token-password",
            "account-password",
            "client-password",
        ];
        fields.extend(every.map(|name| (name, SCRIPT)));
        let answer = alice.fill(action, &fields).await;
        assert_tame(&text(&answer), action);
        assert_tame(alice.open("/organization").await, action);
    }
}

#[tokio::test]
async fn script_that_was_stored_comes_back_as_text() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let robots = "/organization/charts?tab=Robotaccounts";
    alice.open(robots).await;
    alice.succeed(robots, &[("action", "create"), ("name", "evil"), ("description", SCRIPT)]).await;
    let teams = "/organization/charts?tab=Teamsandmembership";
    let new = [("action", "create"), ("name", "evil"), ("description", SCRIPT), ("role", "member")];
    alice.succeed(teams, &new).await;
    let settings = "/user/alice?tab=Settings";
    alice.open(settings).await;
    alice.fill(settings, &[("action", "create-token"), ("title", SCRIPT)]).await;
    assert_tame(&alice.page, "a new token");
    let page = alice.open(settings).await;
    let (_, rest) = page.split_once("&#38;revoke=").expect("a link");
    let revoke = format!("{settings}&revoke={}", rest.split('"').next().expect("its end"));
    for page in [
        settings,
        &revoke,
        "/user/alice?tab=Logs",
        robots,
        "/organization/charts?tab=Robotaccounts&robot=evil",
        teams,
        "/organization/charts/teams/evil",
        "/organization/charts?tab=Logs",
        "/organization",
    ] {
        assert_tame(alice.open(page).await, page);
    }
    // It was there, as text.
    assert!(alice.open(teams).await.contains("&#60;script&#62;alert(1)"));
}

#[tokio::test]
async fn script_in_an_address_of_mail_is_text_to_superusers() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let settings = "/user/alice?tab=Settings";
    alice.open(settings).await;
    let sly = "\"<img/src=x/onerror=alert(1)>\"@example.com";
    assert_tame(alice.succeed(settings, &[("action", "email"), ("email", sly)]).await, settings);
    let mut root = Browser::of(&registry, "root").await;
    for page in ["/superuser/users", "/usage-logs"] {
        assert_tame(root.open(page).await, page);
        assert!(root.page.contains("&#60;img/src=x/onerror"), "it was there, as text: {page}");
    }
}

#[tokio::test]
async fn script_in_an_address_comes_back_as_text() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let script: String = form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect();
    for path in [
        format!("/organization?search={script}&page={script}"),
        format!("/organization/charts?tab={script}"),
        format!("/organization/charts?tab=Robotaccounts&q={script}&after={script}"),
        format!("/organization/charts?tab=Robotaccounts&robot={script}&view={script}"),
        format!("/organization/charts?tab=Robotaccounts&delete={script}"),
        format!("/organization/charts?tab=Teamsandmembership&delete={script}"),
        format!("/organization/charts?tab=Teamsandmembership&remove={script}"),
        format!("/organization/charts?tab=Logs&performer={script}&before={script}"),
        format!("/organization/{script}"),
        format!("/organization/charts/teams/{script}"),
        format!("/user/{script}"),
        format!("/signin?redirect_url={script}"),
        format!("/nothing/{script}"),
        format!("/{script}"),
        format!("/usage-logs?performer={script}"),
        format!("/superuser/users?search={script}&delete={script}"),
        format!("/charts/{script}?x={script}"),
        format!("/user/alice?tab=Settings&revoke={script}"),
        format!("/repository?starred=1&search={script}&after={script}"),
    ] {
        let answer = alice.get(&path).await;
        assert!(!answer.status.is_server_error(), "{path}: {}", answer.status);
        assert_tame(&alice.page, &path);
    }
}

#[tokio::test]
async fn a_message_that_is_not_ours_is_not_shown() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    alice.open("/organizations/new").await;
    let answer = alice.fill("/organizations/new", &[("name", "mine")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let ours = alice.cookies["flash"].clone();
    // The control: our own is shown.
    assert!(alice.open("/organization").await.contains("Successfully created organization mine"));
    let (encoded, seal) = ours.split_once('.').expect("a seal");
    let forged = format!("RXZpbCBtZXNzYWdl.{seal}");
    let with_token = format!("{encoded}.{}", alice.csrf());
    for value in [forged.as_str(), "RXZpbCBtZXNzYWdl", "RXZpbCBtZXNzYWdl.", with_token.as_str()] {
        alice.cookies.insert("flash".to_owned(), value.to_owned());
        let page = alice.open("/organization").await;
        assert!(!page.contains("Evil message") && !page.contains("data-testid=\"flash\""), "{value}");
    }
}

#[tokio::test]
async fn names_of_others_are_not_told_apart_from_names_that_are_not_there() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/secret", "1").await;
    let mut bob = Browser::of(&registry, "bob").await;
    let private = bob.get("/repository/charts/secret").await;
    let private = (private.status, bob.page.replace("secret", "NAME"));
    let missing = bob.get("/repository/charts/nothere").await;
    let missing = (missing.status, bob.page.replace("nothere", "NAME"));
    assert_eq!(private, missing);
    assert_eq!(private.0, StatusCode::NOT_FOUND);
    for tab in ["Robotaccounts", "Settings", "Logs", "Teamsandmembership", "Defaultpermissions"] {
        let answer = bob.get(&format!("/organization/charts?tab={tab}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{tab}");
        bob.open("/organization").await;
        let answer = bob.fill(&format!("/organization/charts?tab={tab}"), &[("action", "create")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{tab}");
    }
    assert!(!bob.open("/organization/charts").await.contains("secret"));
}
