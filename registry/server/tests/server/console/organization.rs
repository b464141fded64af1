//! Organizations: founding, teams, default permissions, settings, and the end of one.

use http::StatusCode;

use super::Browser;
use crate::temporary::{As, PASSWORD, Registry};

#[tokio::test]
async fn an_organization_is_founded_and_shows_how_to_push_to_it() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    alice.open("/organizations/new").await;
    alice.succeed("/organizations/new", &[("name", "helm"), ("email", "helm@registry.example")]).await;
    assert_eq!(alice.at, "/organization/helm");
    assert!(alice.page.contains("Successfully created organization helm"));
    assert!(alice.page.contains("helm registry login registry.example:8443 --username alice"));
    assert!(alice.page.contains("oci://registry.example:8443/helm"));
    assert!(alice.open("/organization").await.contains("href=\"/organization/helm\""));
}

#[tokio::test]
async fn what_is_wrong_with_an_organization_stands_beside_its_field() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    alice.open("/organizations/new").await;
    alice.fail("/organizations/new", &[("name", "charts")]).await;
    alice.assert_wrong("create-org-name-input", "already exists");
    alice.fail("/organizations/new", &[("name", "bob")]).await;
    alice.assert_wrong("create-org-name-input", "already exists");
    alice.fail("/organizations/new", &[("name", "Upper")]).await;
    alice.assert_wrong("create-org-name-input", "must match expression");
    alice.fail("/organizations/new", &[("name", "fine"), ("email", "nowhere")]).await;
    alice.assert_wrong("create-org-email-input", "Invalid email address");
    assert!(alice.page.contains("value=\"fine\""));
}

/// Where the link with these words leads.
fn leads(page: &str, words: &str) -> String {
    let (before, _) = page.split_once(&format!(">{words}</a>")).expect("the link");
    let (_, href) = before.rsplit_once("href=\"").expect("an address");
    href.split('"').next().expect("its end").replace("&#38;", "&")
}

#[tokio::test]
async fn many_organizations_are_searched_and_paged() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    for number in 0..25 {
        alice.open("/organizations/new").await;
        alice.succeed("/organizations/new", &[("name", &format!("org-{number:02}"))]).await;
    }
    let rows = |page: &str| page.matches("data-label=\"Name\"").count();
    let first = alice.open("/organization").await.to_owned();
    assert_eq!(rows(&first), 20);
    assert!(!first.contains("First page"), "{first}");
    let next = leads(&first, "Next page");
    let second = alice.open(&next).await.to_owned();
    assert!(rows(&second) >= 6 && !second.contains("rel=\"next\""));
    assert_eq!(leads(&second, "First page"), "/organization");
    assert_eq!(rows(alice.open("/organization?search=org-1").await), 10);
    assert!(alice.open("/organization?search=nothing").await.contains("No organization matches"));
}

#[tokio::test]
async fn teams_are_made_filled_changed_and_deleted() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let tab = "/organization/charts?tab=Teamsandmembership";
    let team = "/organization/charts/teams/packagers";
    alice.open(tab).await;
    let new = |name: &'static str| {
        [("action", "create"), ("name", name), ("role", "creator"), ("description", "pack")]
    };
    alice.fail(tab, &new("No")).await;
    alice.assert_wrong("team-name-input", "must match expression");
    alice.fail(tab, &new("owners")).await;
    alice.assert_wrong("team-name-input", "already exists");
    alice.succeed(tab, &new("packagers")).await;
    assert_eq!(alice.at, team);
    alice.fail(team, &[("action", "add"), ("member", "nobody-here")]).await;
    alice.assert_wrong("team-member-input", "not");
    assert!(alice.succeed(team, &[("action", "add"), ("member", "bob")]).await.contains("Added bob"));
    assert!(alice.open(&format!("{tab}&view=members")).await.contains("bob"));
    // Bob may create now, and see what his team sees.
    let mut bob = Browser::of(&registry, "bob").await;
    assert!(bob.open("/organization/charts").await.contains("Create repository"));
    assert!(bob.open(team).await.contains("bob"));
    assert_eq!(bob.get("/organization/charts/teams/owners").await.status, StatusCode::NOT_FOUND);
    bob.open("/organization").await;
    assert_eq!(bob.fill(team, &[("action", "add"), ("member", "root")]).await.status, StatusCode::NOT_FOUND);
    alice.open(team).await;
    alice.succeed(team, &[("action", "change"), ("role", "member"), ("description", "now less")]).await;
    assert!(alice.page.contains("now less"));
    assert!(!bob.open("/organization/charts").await.contains("Create repository"));
    alice.succeed(team, &[("action", "remove"), ("member", "bob")]).await;
    alice.open(&format!("{tab}&delete=packagers")).await;
    alice.succeed(tab, &[("action", "delete"), ("team", "packagers")]).await;
    assert_eq!(alice.get(team).await.status, StatusCode::NOT_FOUND);
    // The last team of owners stays.
    alice.open(tab).await;
    let answer = alice.fill(tab, &[("action", "delete"), ("team", "owners")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(alice.open(tab).await.contains("owners"));
}

#[tokio::test]
async fn default_permissions_count_for_repositories_made_later() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let tab = "/organization/charts?tab=Defaultpermissions";
    alice.open(tab).await;
    let new = |delegate: &'static str| {
        [("action", "create"), ("kind", "user"), ("delegate", delegate), ("role", "read")]
    };
    alice.fail(tab, &new("nobody-here")).await;
    assert!(alice.page.contains("nobody-here"));
    alice.assert_wrong("default-delegate-input", "not found");
    alice.fail(tab, &[&new("bob")[..], &[("activator", "nobody-here")]].concat()).await;
    alice.assert_wrong("default-activator-input", "not found");
    assert!(alice.succeed(tab, &new("bob")).await.contains("bob"));
    registry.push(&As::Basic("alice"), "charts/later", "1").await;
    let mut bob = Browser::of(&registry, "bob").await;
    assert!(bob.open("/organization/charts").await.contains("later"));
    let id = alice.page.split("name=\"id\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let id = id.expect("an id").to_owned();
    assert!(
        alice.succeed(tab, &[("action", "delete"), ("id", &id)]).await.contains("No default permissions")
    );
}

#[tokio::test]
async fn settings_of_an_organization_are_saved() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let tab = "/organization/charts?tab=Settings";
    alice.open(tab).await;
    alice.fail(tab, &[("action", "email"), ("email", "nowhere")]).await;
    alice.assert_wrong("org-settings-email", "Invalid email address");
    let page = alice.succeed(tab, &[("action", "email"), ("email", "charts@registry.example")]).await;
    assert!(page.contains("value=\"charts@registry.example\""));
    let page = alice.succeed(tab, &[("action", "window"), ("window", "86400")]).await;
    assert!(page.contains("<option value=\"86400\" selected>1 day"));
    alice.fail(tab, &[("action", "window"), ("window", "7")]).await;
    assert!(alice.open("/organization/charts?tab=Logs").await.contains("alice"));
}

#[tokio::test]
async fn an_organization_is_deleted_only_with_its_name_typed() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let tab = "/organization/charts?tab=Settings";
    alice.open(tab).await;
    alice.fail(tab, &[("action", "delete"), ("name", "chart")]).await;
    alice.assert_wrong("confirm-name", "Type charts to confirm");
    alice.succeed(tab, &[("action", "delete"), ("name", "charts")]).await;
    assert_eq!(alice.at, "/organization");
    assert_eq!(alice.get("/organization/charts").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_old_session_must_show_the_password_again_before_it_deletes() {
    let registry = Registry::with(|config| {
        config.fresh_login_timeout = quay_config::Period::parse("0s").expect("a period");
    })
    .await;
    let mut alice = Browser::of(&registry, "alice").await;
    let tab = "/organization/charts?tab=Settings";
    assert!(alice.open(tab).await.contains("id=\"delete-password\""));
    let delete = |password: &'static str| [("action", "delete"), ("name", "charts"), ("password", password)];
    alice.fail(tab, &delete("wrong-horse")).await;
    alice.assert_wrong("delete-password", "not your password");
    alice.fail(tab, &[("action", "delete"), ("name", "charts")]).await;
    assert_eq!(alice.get("/organization/charts").await.status, StatusCode::OK);
    alice.open(tab).await;
    alice.succeed(tab, &delete(PASSWORD)).await;
    assert_eq!(alice.get("/organization/charts").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_namespace_has_one_address() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let answer = alice.get("/user/charts?tab=Logs").await;
    assert_eq!(answer.header("location"), "/organization/charts?tab=Logs");
    assert_eq!(alice.get("/organization/alice").await.header("location"), "/user/alice?tab=Repositories");
    assert_eq!(alice.get("/organization/nobody-here").await.status, StatusCode::NOT_FOUND);
    let page = alice.open("/user/bob").await;
    assert!(
        page.contains("tab=Repositories")
            && !page.contains("tab=Robotaccounts")
            && !page.contains("user/bob?tab=Settings")
    );
}

#[tokio::test]
async fn the_log_of_one_who_performs_is_read_backwards_and_begun_anew() {
    let registry = Registry::new().await;
    for number in 0..60 {
        registry.push(&As::Basic("alice"), "charts/app", &format!("v{number}")).await;
    }
    let mut alice = Browser::of(&registry, "alice").await;
    let performed = "/organization/charts?tab=Logs&performer=alice";
    let first = alice.open(performed).await.to_owned();
    assert!(!first.contains(">Newest</a>"), "{first}");
    let older = leads(&first, "Older");
    assert!(older.starts_with(&format!("{performed}&before=")), "{older}");
    assert_eq!(leads(alice.open(&older).await, "Newest"), performed);
    let before = older.rsplit_once("before=").expect("a place").1.to_owned();
    let repository = "/repository/charts/app?tab=logs";
    assert_eq!(leads(alice.open(&format!("{repository}&before={before}")).await, "Newest"), repository);
    let mut root = Browser::of(&registry, "root").await;
    let all = "/usage-logs?performer=alice";
    assert_eq!(leads(root.open(&format!("{all}&before={before}")).await, "Newest"), all);
}
