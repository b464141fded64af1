//! The REST workflow with Quay's paths and JSON: session, organization, robot, team, repository, permission, tags.

use anyhow::{Context, Result};
use quay_tests::accounts::Credentials;
use quay_tests::api::Session;
use quay_tests::artifact::push;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::started;

/// The keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[tokio::test]
async fn signing_in_needs_the_csrf_token_and_the_right_password() -> Result<()> {
    let started = started().await?;
    let session = Session::open(started.client(), &started.ca).await?;
    let answer = session.get("/api/v1/user/").await?.expect(401)?;
    assert_eq!(answer.json()?["error_type"], "invalid_token", "{answer:?}");

    let body = json!({ "username": started.admin.username, "password": started.admin.password });
    let answer = session.call(Method::POST, "/api/v1/signin").json(&body).send().await?.expect(403)?;
    assert_eq!(answer.json()?["error"], "CSRF token was invalid or missing.");
    let forged = session.call(Method::POST, "/api/v1/signin").header("x-csrf-token", &"A".repeat(64));
    forged.json(&body).send().await?.expect(403)?;

    let wrong = session.try_sign_in(&started.admin.with_wrong_password()?).await?.expect(403)?;
    let wrong = wrong.json()?;
    assert_eq!(
        (&wrong["invalidCredentials"], &wrong["needsEmailVerification"]),
        (&json!(true), &json!(false))
    );
    assert!(wrong["message"].is_string());
    session.get("/api/v1/user/").await?.expect(401)?;

    let answer = session.try_sign_in(&started.admin).await?.expect(200)?;
    assert_eq!(answer.json()?["success"], true);
    quay_tests::secrets::known(answer.need("x-next-csrf-token")?)?;
    let cookies: Vec<&str> =
        answer.headers.get_all("set-cookie").iter().filter_map(|c| c.to_str().ok()).collect();
    for cookie in &cookies {
        quay_tests::secrets::known(cookie.split(['=', ';']).nth(1).unwrap_or_default())?;
    }
    let all = cookies.join("\n").to_lowercase();
    assert!(all.contains("httponly") && all.contains("secure") && all.contains("samesite=lax"), "{all}");
    Ok(())
}

#[tokio::test]
async fn signing_out_ends_the_session() -> Result<()> {
    let started = started().await?;
    let session = started.session(&started.admin).await?;
    session.get("/api/v1/user/").await?.expect(200)?;
    session.post("/api/v1/signout", &json!({})).await?.expect(200)?;
    session.get("/api/v1/user/").await?.expect(401)?;
    Ok(())
}

#[tokio::test]
async fn scripts_may_use_a_password_and_robots_do_not_reach_the_rest_interface() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("rest").await?;
    // a password in the header cannot come from a foreign page, so it needs no CSRF token
    let body = json!({ "name": "scripted", "email": "scripted@example.com" });
    started.caller().post("/api/v1/organization/").json(&body).send().await?.expect(201)?;
    let wrong = started.admin.with_wrong_password()?;
    started.client().basic(&wrong).get("/api/v1/user/").send().await?.expect(401)?;
    started.client().basic(&organization.robot).get("/api/v1/user/").send().await?.expect(401)?;
    let session = Session::open(started.client(), &started.ca).await?;
    session.try_sign_in(&organization.robot).await?.expect(403)?;
    Ok(())
}

#[tokio::test]
async fn the_signed_in_user_sees_himself_and_his_organizations() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("seen").await?;
    let user = organization.session.get("/api/v1/user/").await?.expect(200)?.json()?;
    assert_eq!(user["username"], "seen-owner");
    assert_eq!((&user["anonymous"], &user["verified"]), (&json!(false), &json!(true)));
    let organizations = user["organizations"].as_array().context("organizations")?;
    assert_eq!(organizations.len(), 1);
    assert_eq!(
        (&organizations[0]["name"], &organizations[0]["is_org_admin"]),
        (&json!("seen"), &json!(true))
    );
    for key in ["email", "avatar", "can_create_repo", "is_me", "logins", "tag_expiration_s", "prompts"] {
        assert!(keys(&user).contains(&key), "{key} is missing: {user}");
    }
    Ok(())
}

#[tokio::test]
async fn an_organization_has_an_owner_and_a_name_of_its_own() -> Result<()> {
    let started = started().await?;
    let owner = started.sign_up("owner").await?;
    let session = started.session(&owner).await?;
    let create = |name: &'static str| {
        let body = json!({ "name": name, "email": format!("{name}@example.com") });
        let session = &session;
        async move { session.post("/api/v1/organization/", &body).await }
    };
    assert_eq!(create("charts").await?.expect(201)?.json()?, "Created");
    let again = create("charts").await?.expect(400)?.json()?;
    assert_eq!(again["error_type"], "invalid_request", "{again}");
    let text = again.to_string();
    assert!(text.contains("A user or organization with this name already exists"), "{text}");
    create("owner").await?.expect(400)?;
    create("UPPER").await?.expect(400)?;

    let view = session.get("/api/v1/organization/charts").await?.expect(200)?.json()?;
    assert_eq!(
        (&view["name"], &view["is_admin"], &view["is_member"]),
        (&json!("charts"), &json!(true), &json!(true))
    );
    assert_eq!(view["teams"]["owners"]["role"], "admin", "{view}");

    let stranger = started.sign_up("stranger").await?;
    let stranger = started.session(&stranger).await?;
    let view = stranger.get("/api/v1/organization/charts").await?.expect(200)?.json()?;
    assert_eq!((&view["is_admin"], &view["is_member"]), (&json!(false), &json!(false)));
    assert!(view["teams"].is_null(), "teams are for members: {view}");
    for path in ["robots/mine", "team/mine"] {
        let path = format!("/api/v1/organization/charts/{path}");
        let answer = stranger.put(&path, &json!({ "role": "admin" })).await?.expect(403)?;
        assert_eq!(answer.json()?["error_type"], "insufficient_scope");
    }
    Ok(())
}

#[tokio::test]
async fn a_robot_shows_its_token_to_those_who_manage_the_organization() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("bots").await?;
    let session = &organization.session;
    let path = "/api/v1/organization/bots/robots/ci";
    let made = session.put(path, &json!({ "description": "builds" })).await?.expect(201)?.json()?;
    let token = made["token"].as_str().context("token")?;
    let robot = Credentials::new("bots+ci", token)?;
    assert_eq!((&made["name"], &made["description"]), (&json!("bots+ci"), &json!("builds")));
    assert!(
        token.len() == 64 && token.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()),
        "Quay's form"
    );
    let seen = session.get(path).await?.expect(200)?.json()?;
    assert_eq!(seen["token"], token, "it can be shown again");
    let again = session.put(path, &json!({})).await?.expect(400)?.json()?;
    assert!(again.to_string().contains("Existing robot with name"), "{again}");

    let listed = session.get("/api/v1/organization/bots/robots?token=true").await?.expect(200)?.json()?;
    let mut names: Vec<&str> = listed["robots"]
        .as_array()
        .context("robots")?
        .iter()
        .filter_map(|robot| robot["name"].as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["bots+ci", "bots+pusher"]);

    started.client().basic(&robot).get("/v2/").send().await?.expect(200)?;
    session.delete(path).await?.expect(204)?;
    started.client().basic(&robot).get("/v2/").send().await?.expect(401)?;
    session.get(path).await?.expect(400).or(session.get(path).await?.expect(404))?;
    Ok(())
}

#[tokio::test]
async fn a_repository_has_visibility_permissions_and_tags() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("repo").await?;
    let session = &organization.session;
    let body = json!({
        "namespace": "repo", "repository": "app", "visibility": "private", "description": "an application",
    });
    let made = session.post("/api/v1/repository", &body).await?.expect(201)?.json()?;
    assert_eq!((&made["namespace"], &made["name"]), (&json!("repo"), &json!("app")));
    let again = session.post("/api/v1/repository", &body).await?.expect(400)?.json()?;
    assert!(again.to_string().contains("already exists"), "{again}");

    let robot = session.create_robot("repo", "writer").await?;
    session.permit("repo/app", &robot.username, "write").await?;
    let listed = session.get("/api/v1/repository/repo/app/permissions/user/").await?.expect(200)?.json()?;
    let entry = &listed["permissions"]["repo+writer"];
    assert_eq!((&entry["role"], &entry["is_robot"]), (&json!("write"), &json!(true)), "{listed}");

    let first = push(&started.client().basic(&robot), "repo/app", "v1", 10).await?;
    let second = push(&started.client().basic(&robot), "repo/app", "v1", 10).await?;
    push(&started.client().basic(&robot), "repo/app", "v2", 10).await?;
    let tags = |query: &'static str| session.get(query);
    let active = tags("/api/v1/repository/repo/app/tag/?onlyActiveTags=true").await?.expect(200)?.json()?;
    let listed: Vec<(&str, &str)> = active["tags"]
        .as_array()
        .context("tags")?
        .iter()
        .filter_map(|tag| Some((tag["name"].as_str()?, tag["manifest_digest"].as_str()?)))
        .collect();
    assert_eq!(listed.len(), 2, "{active}");
    assert!(listed.contains(&("v1", second.digest.as_str())), "{active}");
    assert_eq!((&active["page"], &active["has_additional"]), (&json!(1), &json!(false)));
    let history = tags("/api/v1/repository/repo/app/tag/?specificTag=v1").await?.expect(200)?.json()?;
    let digests: Vec<&str> = history["tags"]
        .as_array()
        .context("tags")?
        .iter()
        .filter_map(|tag| tag["manifest_digest"].as_str())
        .collect();
    assert_eq!(digests, [second.digest.as_str(), first.digest.as_str()], "newest first: {history}");

    let view = session.get("/api/v1/repository/repo/app").await?.expect(200)?.json()?;
    assert_eq!((&view["description"], &view["can_admin"]), (&json!("an application"), &json!(true)));
    let all = session.get("/api/v1/repository?namespace=repo").await?.expect(200)?.json()?;
    let names: Vec<&str> = all["repositories"]
        .as_array()
        .context("list")?
        .iter()
        .filter_map(|repo| repo["name"].as_str())
        .collect();
    assert_eq!(names, ["app"]);

    // a stranger sees none of it
    let stranger = started.session(&organization.stranger).await?;
    stranger
        .get("/api/v1/repository/repo/app")
        .await?
        .expect(403)
        .or(stranger.get("/api/v1/repository/repo/app").await?.expect(404))?;
    let all = stranger.get("/api/v1/repository?namespace=repo").await?.expect(200)?.json()?;
    assert_eq!(all["repositories"], json!([]));
    Ok(())
}

#[tokio::test]
async fn sign_up_refuses_names_and_passwords_that_are_taken_or_weak() -> Result<()> {
    let started = started().await?;
    started.sign_up("alice").await?;
    let session = Session::open(started.client(), &started.ca).await?;
    let good = quay_tests::accounts::password();
    quay_tests::secrets::known(&good)?;
    for (name, password, message) in [
        ("alice", good.as_str(), "already exists"),
        ("Alice", good.as_str(), "Invalid"),
        ("a", good.as_str(), "Invalid"),
        ("bob", "short", "password"),
        ("bob", "has white space", "password"),
        (&"b".repeat(300), good.as_str(), "Invalid"),
    ] {
        let body = json!({ "username": name, "password": password, "email": format!("{name}@example.com") });
        let answer = session.post("/api/v1/user/", &body).await?.expect(400)?.json()?;
        let text = answer.to_string().to_lowercase();
        assert!(text.contains(&message.to_lowercase()), "{name}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn the_api_describes_itself() -> Result<()> {
    let started = started().await?;
    let document = started.anonymous().get("/api/v1/discovery").send().await?;
    if document.status == 200 {
        document.json()?;
        return Ok(());
    }
    let document = started.anonymous().get("/api/v1/openapi.json").send().await?.expect(200)?.json()?;
    assert!(document["paths"].as_object().is_some_and(|paths| paths.len() > 10), "{document}");
    Ok(())
}
