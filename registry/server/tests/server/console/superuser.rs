//! Pages of superusers: what stands on them, and that nobody else finds them.

use http::StatusCode;

use quay_config::Period;

use super::{Browser, element};
use crate::temporary::{As, PASSWORD, Registry};

#[tokio::test]
async fn the_log_of_the_installation_tells_what_anybody_did_anywhere() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/app", "v1").await;
    let mut root = Browser::of(&registry, "root").await;
    let page = root.open("/usage-logs").await;
    assert!(page.contains(">app<") && page.contains("data-testid=\"logs-table\""), "{page}");
    assert!(page.contains("href=\"/usage-logs\"") && page.contains("id=\"nav-superuser\""), "{page}");
    assert!(root.open("/usage-logs?performer=bob").await.contains("bob did nothing here"));
    assert!(root.open("/usage-logs?performer=alice").await.contains(">app<"));
}

#[tokio::test]
async fn nobody_else_finds_the_pages_of_superusers() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    assert!(!alice.open("/organization").await.contains("nav-superuser"));
    let mut nobody = Browser::new(&registry);
    for path in PAGES {
        assert_eq!(alice.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        alice.open("/about").await;
        let answer = alice.fill(path, &[("action", "delete"), ("user", "bob")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(nobody.get(path).await.header("location").starts_with("/signin?redirect_url="), "{path}");
    }
}

const PAGES: [&str; 9] = [
    "/usage-logs",
    "/superuser/users",
    "/superuser/users?create=1",
    "/superuser/users?delete=bob",
    "/superuser/users?change=bob",
    "/superuser/users?delete=nobody-of-this-name",
    "/superuser/organizations/charts/take",
    "/superuser/organizations/charts/delete",
    "/superuser/organizations/nothing/rename",
];

const USERS: &str = "/superuser/users";

/// What the page of something generated shows in the field with this id.
fn shown(page: &str, id: &str) -> String {
    let field = element(page, &format!("id=\"{id}\""));
    let (_, rest) = field.split_once("value=\"").expect("a value");
    rest.split('"').next().expect("its end").to_owned()
}

#[tokio::test]
async fn a_superuser_makes_an_account_whose_password_is_shown_once() {
    let registry = Registry::new().await;
    let mut root = Browser::of(&registry, "root").await;
    let dialog = root.open(&format!("{USERS}?create=1")).await;
    assert!(element(dialog, "id=\"new-username\"").contains("minlength=\"2\""), "{dialog}");
    root.fail(USERS, &[("action", "create"), ("username", "Carol"), ("email", "nowhere")]).await;
    root.assert_wrong("new-username", "must match expression");
    root.assert_wrong("new-email", "Invalid email address");
    assert!(root.page.contains("value=\"Carol\"") && root.page.contains("value=\"nowhere\""));
    root.fail(USERS, &[("action", "create"), ("username", "alice")]).await;
    root.assert_wrong("new-username", "already exists");
    let taken = [("action", "create"), ("username", "carol"), ("email", "bob@registry.example")];
    root.fail(USERS, &taken).await;
    root.assert_wrong("new-email", "already been used");

    let made = root.fill(USERS, &[("action", "create"), ("username", "carol")]).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let password = shown(&root.page, "made-password");
    assert!(password.len() >= 32 && shown(&root.page, "made-username") == "carol", "{password}");
    assert!(!root.open(USERS).await.contains(&password));
    let mut carol = Browser::new(&registry);
    carol.open("/signin").await;
    carol.succeed("/signin", &[("username", "carol"), ("password", &password)]).await;
}

#[tokio::test]
async fn an_account_is_disabled_enabled_given_another_password_and_deleted_after_a_question() {
    let registry = Registry::new().await;
    let mut bob = Browser::of(&registry, "bob").await;
    let mut root = Browser::of(&registry, "root").await;
    let sign_in = async |password: &str| {
        let mut bob = Browser::new(&registry);
        bob.open("/signin").await;
        bob.fill("/signin", &[("username", "bob"), ("password", password)]).await.status
    };
    for deed in ["disable", "reset", "delete"] {
        let question = root.open(&format!("{USERS}?{deed}=bob")).await;
        assert!(question.contains("data-testid=\"confirm\"") && question.contains(" bob?"), "{question}");
    }
    assert_eq!(sign_in(PASSWORD).await, StatusCode::SEE_OTHER, "a question changes nothing");

    root.open(USERS).await;
    let page = root.succeed(USERS, &[("action", "disable"), ("user", "bob")]).await;
    assert!(page.contains("Disabled the account bob") && page.contains("?enable=bob"), "{page}");
    assert_eq!(bob.get("/organization").await.status, StatusCode::SEE_OTHER);
    assert_eq!(sign_in(PASSWORD).await, StatusCode::UNPROCESSABLE_ENTITY);
    root.succeed(USERS, &[("action", "enable"), ("user", "bob")]).await;
    assert_eq!(sign_in(PASSWORD).await, StatusCode::SEE_OTHER);

    let answer = root.fill(USERS, &[("action", "reset"), ("user", "bob")]).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let password = shown(&root.page, "made-password");
    assert_eq!(sign_in(PASSWORD).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sign_in(&password).await, StatusCode::SEE_OTHER);

    root.open(USERS).await;
    let page = root.succeed(USERS, &[("action", "delete"), ("user", "bob")]).await;
    assert!(!page.contains("user-row-bob"), "{page}");
    assert_eq!(sign_in(&password).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(root.get(&format!("{USERS}?delete=bob")).await.status, StatusCode::NOT_FOUND);
    root.open(USERS).await;
    assert_eq!(
        root.fill(USERS, &[("action", "crown"), ("user", "alice")]).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn who_is_needed_or_is_a_superuser_stays_and_the_reason_is_told() {
    let registry = Registry::new().await;
    let mut root = Browser::of(&registry, "root").await;
    let page = root.open(USERS).await;
    assert!(page.contains("user-menu-alice") && !page.contains("user-menu-root"), "{page}");
    let page = root.fail(USERS, &[("action", "delete"), ("user", "alice")]).await;
    assert!(page.contains("only owner of the organization charts"), "{page}");
    for action in ["delete", "disable"] {
        root.fail(USERS, &[("action", action), ("user", "root")]).await;
        assert!(root.page.contains("data-testid=\"form-error\""), "{}", root.page);
    }
    root.open("/organization").await;
}

#[tokio::test]
async fn users_are_searched_by_name_and_paged() {
    let registry = Registry::new().await;
    let mut root = Browser::of(&registry, "root").await;
    let page = root.open(&format!("{USERS}?search=LIC")).await;
    assert!(page.contains("user-row-alice") && !page.contains("user-row-bob"), "{page}");
    assert!(root.open(&format!("{USERS}?search=%25")).await.contains("No user has “%” in the name."));
    let page = root.open(&format!("{USERS}?after=alice")).await;
    assert!(page.contains("user-row-bob") && !page.contains("user-row-alice"), "{page}");
}

#[tokio::test]
async fn the_powers_of_a_superuser_take_the_password_again_in_an_old_session() {
    let registry =
        Registry::with(|config| config.fresh_login_timeout = Period::parse("0s").expect("a period")).await;
    let mut root = Browser::of(&registry, "root").await;
    root.open(&format!("{USERS}?disable=bob")).await;
    root.fail(USERS, &[("action", "disable"), ("user", "bob")]).await;
    root.assert_wrong("own-password", "not your password");
    let page = root.succeed(USERS, &[("action", "disable"), ("user", "bob"), ("password", PASSWORD)]).await;
    assert!(page.contains("Disabled the account bob"), "{page}");
    let take = format!("{CHARTS}/take");
    root.open(&take).await;
    root.fail(&take, &[]).await;
    root.assert_wrong("own-password", "not your password");
    root.succeed(&take, &[("password", PASSWORD)]).await;
}

#[tokio::test]
async fn an_account_gets_another_address_and_where_that_is_allowed_another_name() {
    let registry = Registry::new().await;
    let mut root = Browser::of(&registry, "root").await;
    let dialog = root.open(&format!("{USERS}?change=bob")).await;
    assert!(
        dialog.contains("value=\"bob@registry.example\"") && !dialog.contains("changed-username"),
        "{dialog}"
    );
    let change = |email: &'static str| [("action", "change"), ("user", "bob"), ("email", email)];
    root.fail(USERS, &change("nowhere")).await;
    root.assert_wrong("changed-email", "Invalid email address");
    root.fail(USERS, &change("alice@registry.example")).await;
    root.assert_wrong("changed-email", "already been used");
    let page = root.succeed(USERS, &change("robert@registry.example")).await;
    assert!(page.contains("Changed the account bob") && page.contains("robert@registry.example"), "{page}");
    let renamed =
        [("action", "change"), ("user", "bob"), ("email", "robert@registry.example"), ("username", "robert")];
    let page = root.fail(USERS, &renamed).await;
    assert!(page.contains("FEATURE_USER_RENAME"), "{page}");

    let registry = Registry::with(|config| config.feature_user_rename = true).await;
    let mut root = Browser::of(&registry, "root").await;
    root.open(&format!("{USERS}?change=bob")).await;
    let taken =
        [("action", "change"), ("user", "bob"), ("email", "bob@registry.example"), ("username", "alice")];
    root.fail(USERS, &taken).await;
    root.assert_wrong("changed-username", "already");
    let page = root.succeed(USERS, &[&taken[..3], &[("username", "robert")]].concat()).await;
    assert!(page.contains("Changed the account robert") && page.contains("user-row-robert"), "{page}");
    assert!(root.open("/usage-logs").await.contains("Renamed the account"));
    let own =
        [("action", "change"), ("user", "root"), ("email", "root@registry.example"), ("username", "king")];
    root.fail(USERS, &own).await;
    root.assert_wrong("changed-username", "cannot be renamed");
}

#[tokio::test]
async fn an_address_that_a_superuser_left_as_it_was_shown_is_not_written_back() {
    const SHOWN: (&str, &str) = ("shown_email", "bob@registry.example");
    let registry = Registry::with(|config| config.feature_user_rename = true).await;
    let mut root = Browser::of(&registry, "root").await;
    let dialog = root.open(&format!("{USERS}?change=bob")).await;
    assert!(element(dialog, "name=\"shown_email\"").contains("value=\"bob@registry.example\""), "{dialog}");

    // The person gives another address while the dialog is open.
    let mut bob = Browser::of(&registry, "bob").await;
    let settings = "/user/bob?tab=Settings";
    bob.open(settings).await;
    bob.succeed(settings, &[("action", "email"), ("email", "bobby@registry.example")]).await;

    let renamed = [("action", "change"), ("user", "bob"), ("username", "robert"), ("email", SHOWN.1), SHOWN];
    let page = root.succeed(USERS, &renamed).await;
    assert!(page.contains("user-row-robert") && page.contains("bobby@registry.example"), "{page}");
    assert!(!page.contains("bob@registry.example"), "{page}");

    // The control: an address that was typed is written, and none is no address.
    let typed = |email: &'static str| {
        [("action", "change"), ("user", "robert"), ("username", "robert"), ("email", email), SHOWN]
    };
    root.fail(USERS, &typed("")).await;
    root.assert_wrong("changed-email", "An address cannot be taken away; type another one");
    assert!(element(&root.page, "name=\"shown_email\"").contains("value=\"bob@registry.example\""));
    let page = root.succeed(USERS, &typed("robert@registry.example")).await;
    assert!(page.contains("robert@registry.example") && !page.contains("bobby@"), "{page}");
}

#[tokio::test]
async fn what_is_wrong_with_a_name_stands_beside_the_name_whatever_the_name_says() {
    let registry = Registry::with(|config| config.feature_user_rename = true).await;
    let mut root = Browser::of(&registry, "root").await;
    root.open(&format!("{USERS}?create=1")).await;
    root.fill(USERS, &[("action", "create"), ("username", "email-bot")]).await;
    root.open(&format!("{USERS}?change=email-bot")).await;
    let change = |username: &'static str, email: &'static str| {
        [("action", "change"), ("user", "email-bot"), ("username", username), ("email", email)]
    };
    let unmarked = |page: &str, id: &str| {
        let field = element(page, &format!("id=\"{id}\""));
        assert!(!field.contains("aria-invalid=\"true\""), "{field}");
    };
    root.fail(USERS, &change("Email-Bot", "")).await;
    root.assert_wrong("changed-username", "must match expression");
    unmarked(&root.page, "changed-email");
    root.fail(USERS, &change("email-bot", "bob@registry.example")).await;
    root.assert_wrong("changed-email", "already been used");
    unmarked(&root.page, "changed-username");
    // Both at once.
    root.fail(USERS, &change("alice", "nowhere")).await;
    root.assert_wrong("changed-username", "already exists");
    root.assert_wrong("changed-email", "Invalid email address");
}

#[tokio::test]
async fn the_namespace_of_a_person_is_taken_over_after_a_question() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("bob"), "bob/app", "v1").await;
    let mut root = Browser::of(&registry, "root").await;
    root.open(&format!("{USERS}?take=bob")).await;
    root.succeed(USERS, &[("action", "take"), ("user", "bob")]).await;
    assert_eq!(root.at, "/organization/bob");
    assert!(
        root.page.contains("bob is an organization of yours now") && root.page.contains(">app<"),
        "{}",
        root.page
    );
    assert!(root.open(&format!("{USERS}?take=alice")).await.contains("Take over the account alice?"));
    let page = root.fail(USERS, &[("action", "take"), ("user", "alice")]).await;
    assert!(page.contains("only owner of the organization charts"), "{page}");
}

const ALL: &str = "/organization?all=1";
const CHARTS: &str = "/superuser/organizations/charts";

#[tokio::test]
async fn an_organization_of_others_is_taken_over_renamed_and_deleted_after_a_question() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/app", "v1").await;
    let mut root = Browser::of(&registry, "root").await;
    assert!(!root.open("/organization").await.contains("/superuser/organizations/"));
    let list = root.open(ALL).await;
    for deed in ["take", "rename", "delete"] {
        assert!(list.contains(&format!("href=\"{CHARTS}/{deed}\"")), "{list}");
    }
    assert!(!root.open("/organization/charts").await.contains("/charts?tab=Settings"));
    let question = root.open(&format!("{CHARTS}/take")).await;
    assert!(question.contains("Take over the organization charts?"), "{question}");
    root.succeed(&format!("{CHARTS}/take"), &[]).await;
    assert!(root.at == "/organization/charts" && root.page.contains("You are an owner of charts now"));
    assert!(root.page.contains("/charts?tab=Settings") && root.page.contains(">app<"), "{}", root.page);
    assert!(!root.open(ALL).await.contains(&format!("{CHARTS}/take")));

    let rename = format!("{CHARTS}/rename");
    root.open(&rename).await;
    root.fail(&rename, &[("name", "Charts")]).await;
    root.assert_wrong("organization-name", "must match expression");
    root.fail(&rename, &[("name", "alice")]).await;
    root.assert_wrong("organization-name", "already");
    let page = root.succeed(&rename, &[("name", "diagrams")]).await;
    assert!(page.contains("Renamed the organization charts to diagrams"), "{page}");
    assert!(root.open("/organization/diagrams").await.contains(">app<"));
    assert_eq!(root.get(&rename).await.status, StatusCode::NOT_FOUND);

    let delete = "/superuser/organizations/diagrams/delete";
    root.open(delete).await;
    root.fail(delete, &[("name", "diagram")]).await;
    root.assert_wrong("organization-name", "Type diagrams to confirm");
    let page = root.succeed(delete, &[("name", "diagrams")]).await;
    assert!(page.contains("Deleted the organization diagrams"), "{page}");
    let log = root.open("/usage-logs").await;
    for said in ["Took over the namespace", "Renamed the organization", "Deleted the organization"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    for path in ["/superuser/organizations/alice/take", "/superuser/organizations/charts/burn"] {
        assert_eq!(root.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
