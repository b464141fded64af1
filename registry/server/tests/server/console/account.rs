//! Accounts: making one, signing in and out, and where that leads.

use http::{Method, StatusCode};

use super::{Browser, element, text};
use crate::temporary::{PASSWORD, Registry};

const AMELIE: [(&str, &str); 4] = [
    ("username", "amelie"),
    ("email", "amelie@registry.example"),
    ("password", "correct-horse"),
    ("confirm", "correct-horse"),
];

#[tokio::test]
async fn a_new_account_is_signed_in_and_lands_on_the_organizations() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    browser.open("/createaccount").await;
    let page = browser.succeed("/createaccount", &AMELIE).await;
    assert!(page.contains("Welcome, amelie."));
    assert!(page.contains("href=\"/user/amelie\""));
    assert_eq!(browser.at, "/organization");
    // What was said is said once.
    assert!(!browser.open("/organization").await.contains("Welcome, amelie."));
}

#[tokio::test]
async fn what_is_wrong_with_an_account_stands_beside_its_field_and_the_password_is_not_sent_back() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    browser.open("/createaccount").await;
    let with = |field: &'static str, value: &'static str| {
        let change =
            move |(name, old): (&'static str, &'static str)| (name, if name == field { value } else { old });
        AMELIE.map(change)
    };
    for (field, value, id, said) in [
        ("username", "alice", "username", "already exists"),
        ("username", "Amelie", "username", "must match expression"),
        ("username", "root", "username", "already exists"),
        ("email", "nowhere", "email", "Invalid email address"),
        ("email", "", "email", "required"),
        ("password", "short", "password", "at least 8"),
        ("confirm", "another-one", "confirm-password", "do not match"),
    ] {
        browser.fail("/createaccount", &with(field, value)).await;
        browser.assert_wrong(id, said);
        assert!(!browser.page.contains("correct-horse"), "{field}");
    }
    // The rest of what was typed is still there.
    assert!(browser.page.contains("value=\"amelie@registry.example\""));
}

#[tokio::test]
async fn everything_that_is_wrong_with_an_account_is_told_at_once_and_the_rest_is_kept() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    let page = browser.open("/createaccount").await;
    assert!(element(page, "id=\"username\"").contains("minlength=\"2\" maxlength=\"255\""));
    assert!(element(page, "id=\"password\"").contains("minlength=\"8\""));
    let typed =
        [("username", "Amelie!"), ("email", "no where@x"), ("password", "short"), ("confirm", "shorter")];
    browser.fail("/createaccount", &typed).await;
    browser.assert_wrong("username", "must match expression");
    browser.assert_wrong("email", "Invalid email address");
    browser.assert_wrong("password", "at least 8");
    browser.assert_wrong("confirm-password", "do not match");
    assert!(browser.page.contains("value=\"Amelie!\"") && browser.page.contains("value=\"no where@x\""));
    assert!(!browser.page.contains("short"), "passwords are not sent back");
    // A name that is taken is told beside the rest, too.
    let typed =
        [("username", "alice"), ("email", ""), ("password", "white space"), ("confirm", "white space")];
    browser.fail("/createaccount", &typed).await;
    browser.assert_wrong("username", "already exists");
    browser.assert_wrong("email", "required");
    browser.assert_wrong("password", "no whitespace");
    assert!(!element(&browser.page, "id=\"confirm-password\"").contains("aria-invalid"));
    // An address that is taken shows when all else is right.
    let mut taken = AMELIE;
    taken[1] = ("email", "alice@registry.example");
    browser.fail("/createaccount", &taken).await;
    browser.assert_wrong("email", "already been used");
    assert!(!element(&browser.page, "id=\"username\"").contains("aria-invalid"));
}

#[tokio::test]
async fn accounts_are_made_only_where_that_is_switched_on() {
    let registry = Registry::with(|config| config.feature_user_creation = false).await;
    let mut browser = Browser::new(&registry);
    assert_eq!(browser.get("/createaccount").await.status, StatusCode::NOT_FOUND);
    assert!(!browser.open("/signin").await.contains("/createaccount"));
    assert_eq!(browser.fill("/createaccount", &AMELIE).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_password_is_told_and_a_right_one_makes_a_new_session() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    browser.open("/signin").await;
    let planted = browser.cookies["_csrf_token"].clone();
    let page = browser.fail("/signin", &[("username", "alice"), ("password", "wrong-horse")]).await;
    assert!(page.contains("Invalid Username or Password"));
    assert!(page.contains("value=\"alice\"") && !page.contains("wrong-horse"));
    let answer = browser.fill("/signin", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_ne!(browser.cookies["_csrf_token"], planted);
    // Whoever planted the cookie has nothing of it.
    let mut other = Browser::new(&registry);
    other.cookies.insert("_csrf_token".to_owned(), planted);
    assert_eq!(other.get("/organization").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_page_for_members_leads_to_the_sign_in_page_and_back() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    let answer = browser.get("/organization/charts?tab=Robotaccounts").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let to = answer.header("location").to_owned();
    assert_eq!(to, "/signin?redirect_url=%2Forganization%2Fcharts%3Ftab%3DRobotaccounts");
    browser.open(&to).await;
    assert!(browser.page.contains("name=\"redirect_url\" value=\"/organization/charts?tab=Robotaccounts\""));
    let fields = [
        ("username", "alice"),
        ("password", PASSWORD),
        ("redirect_url", "/organization/charts?tab=Robotaccounts"),
    ];
    assert!(browser.succeed("/signin", &fields).await.contains("Robot accounts"));
}

#[tokio::test]
async fn signing_in_never_leads_to_another_host() {
    let registry = Registry::new().await;
    for elsewhere in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
    ] {
        let mut browser = Browser::new(&registry);
        let query: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("redirect_url", elsewhere).finish();
        let page = browser.open(&format!("/signin?{query}")).await;
        assert!(!page.contains("evil.example") && !page.contains("javascript:"), "{elsewhere}");
        let fields = [("username", "alice"), ("password", PASSWORD), ("redirect_url", elsewhere)];
        let answer = browser.fill("/signin", &fields).await;
        assert_eq!(answer.header("location"), "/organization", "{elsewhere}");
        // The theme goes back to where it was chosen, and nowhere else.
        browser.open("/organization").await;
        let answer = browser.fill("/theme", &[("theme", "dark"), ("back", elsewhere)]).await;
        assert_eq!(answer.header("location"), "/", "{elsewhere}");
    }
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let registry = Registry::new().await;
    let mut browser = Browser::of(&registry, "alice").await;
    browser.open("/organization").await;
    let kept = browser.cookies.clone();
    let answer = browser.fill("/signout", &[]).await;
    assert_eq!(answer.header("location"), "/signin");
    assert!(!browser.cookies.contains_key("_csrf_token"));
    browser.cookies = kept;
    assert_eq!(browser.get("/organization").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_changed_password_keeps_this_session_and_ends_the_others() {
    let registry = Registry::new().await;
    let mut here = Browser::of(&registry, "alice").await;
    let mut there = Browser::of(&registry, "alice").await;
    let tab = "/user/alice?tab=Settings";
    here.open(tab).await;
    let change = |current: &'static str, new: &'static str, confirm: &'static str| {
        [("action", "password"), ("current", current), ("new", new), ("confirm", confirm)]
    };
    here.fail(tab, &change("wrong", "another-horse", "another-horse")).await;
    here.assert_wrong("current-password", "not the current password");
    here.fail(tab, &change(PASSWORD, "another-horse", "other")).await;
    here.assert_wrong("confirm-new-password", "do not match");
    here.fail(tab, &change(PASSWORD, "short", "short")).await;
    here.assert_wrong("new-password", "at least 8");
    let page = here.succeed(tab, &change(PASSWORD, "another-horse", "another-horse")).await;
    assert!(page.contains("Changed the password"));
    assert_eq!(there.get("/organization").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn too_many_wrong_passwords_are_told_with_a_time_to_wait() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    browser.open("/signin").await;
    for _ in 0..20 {
        let answer = browser.fill("/signin", &[("username", "bob"), ("password", "wrong-horse")]).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.header("retry-after").parse::<u64>().expect("seconds") > 0);
            assert!(text(&answer).contains("Too many failed log-in attempts"));
            return;
        }
    }
    panic!("twenty wrong passwords were looked at");
}

#[tokio::test]
async fn a_way_that_a_page_does_not_know_gets_a_page() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    let answer = browser.send(Method::GET, "/signout", None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(text(&answer).contains("Not found"));
}
