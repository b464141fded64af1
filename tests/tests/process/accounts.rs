//! What becomes of accounts: a superuser disables, renames and takes over, a person becomes an organization, and
//! clients that are logged in feel it at once.

use anyhow::{Context, Result};
use quay_tests::accounts::Credentials;
use quay_tests::artifact::{pull_manifest, push};
use serde_json::{Value, json};

use crate::fixture::{started, started_with};

/// Names in the results of a search.
fn names(found: &Value) -> Vec<&str> {
    let results = found["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    results.iter().filter_map(|result| result["name"].as_str()).collect()
}

#[tokio::test]
async fn a_disabled_account_loses_every_way_in_at_once_and_gets_them_back() -> Result<()> {
    let started = started().await?;
    let root = started.session(&started.admin).await?;
    let alice = started.sign_up("alice").await?;
    let session = started.session(&alice).await?;
    let robot = session.put("/api/v1/user/robots/ci", &json!({})).await?.expect(201)?.json()?;
    let robot = Credentials::new("alice+ci", robot["token"].as_str().context("no token")?)?;
    push(&started.client().basic(&alice), "alice/app", "1", 100).await?;
    session.permit("alice/app", "alice+ci", "read").await?;
    let scope = ["repository:alice/app:pull"];
    let token = started.client().token(Some(&alice), &scope).await?;
    let of_robot = started.client().token(Some(&robot), &scope).await?;
    let manifest = "/v2/alice/app/manifests/1";
    let callers = || {
        let client = started.client();
        [
            client.bearer(&token.text),
            client.bearer(&of_robot.text),
            client.basic(&alice),
            client.basic(&robot),
        ]
    };
    for caller in callers() {
        caller.get(manifest).send().await?.expect(200)?;
    }

    let path = "/api/v1/superuser/users/alice";
    let off = root.put(path, &json!({ "enabled": false })).await?.expect(200)?.json()?;
    assert_eq!(off["enabled"], false);
    for caller in callers() {
        caller.get(manifest).send().await?.expect(401)?;
    }
    session.get("/api/v1/user/").await?.expect(401)?;

    root.put(path, &json!({ "enabled": true })).await?.expect(200)?;
    started.client().basic(&alice).get(manifest).send().await?.expect(200)?;
    started.client().basic(&robot).get(manifest).send().await?.expect(200)?;
    started.client().bearer(&token.text).get(manifest).send().await?.expect(401)?;
    Ok(())
}

#[tokio::test]
async fn a_renamed_account_takes_its_images_and_robots_along_and_leaves_nothing_behind() -> Result<()> {
    let started = started_with("FEATURE_USER_RENAME: true\n").await?;
    let alice = started.sign_up("alice").await?;
    let session = started.session(&alice).await?;
    let robot = session.put("/api/v1/user/robots/ci", &json!({})).await?.expect(201)?.json()?;
    let token = robot["token"].as_str().context("no token")?.to_owned();
    push(&started.client().basic(&alice), "alice/app", "1", 100).await?;
    session.permit("alice/app", "alice+ci", "read").await?;
    let digest = pull_manifest(&started.client().basic(&alice), "alice/app", "1").await?.digest()?;

    let new = json!({ "username": "anna", "email": "anna@example.com" });
    session.put("/api/v1/user/", &new).await?.expect(200)?;
    let anna = Credentials::new("anna", &alice.password)?;
    let robot = Credentials::new("anna+ci", &token)?;
    for who in [&anna, &robot] {
        let pulled = pull_manifest(&started.client().basic(who), "anna/app", "1").await?;
        assert_eq!(pulled.digest()?, digest);
    }
    let next = started.sign_up("alice").await?;
    let next = started.client().basic(&next);
    next.get("/v2/anna/app/manifests/1").send().await?.expect_error(403, "DENIED")?;
    next.get("/v2/alice/app/manifests/1").send().await?.expect_error(404, "NAME_UNKNOWN")?;
    Ok(())
}

#[tokio::test]
async fn a_namespace_is_taken_over_by_a_superuser_or_given_to_somebody_by_its_person() -> Result<()> {
    let started = started().await?;
    let root = started.session(&started.admin).await?;
    let (alice, bob) = (started.sign_up("alice").await?, started.sign_up("bob").await?);
    for who in [&alice, &bob] {
        push(&started.client().basic(who), &format!("{}/app", who.username), "1", 100).await?;
    }
    // A superuser does not read private repositories, but may become an owner, which is written down.
    started.caller().get("/v2/alice/app/manifests/1").send().await?.expect_error(403, "DENIED")?;
    let taken = root.post("/api/v1/superuser/takeownership/alice", &json!({})).await?.expect(200)?.json()?;
    assert_eq!(taken["namespace"], "alice");
    started.caller().get("/v2/alice/app/manifests/1").send().await?.expect(200)?;
    started.client().basic(&alice).get("/v2/").send().await?.expect(401)?;
    let logs = root.get("/api/v1/organization/alice/logs").await?.expect(200)?.json()?;
    assert!(logs.to_string().contains("take_ownership"), "{logs}");

    let carol = started.sign_up("carol").await?;
    let session = started.session(&bob).await?;
    let wrong = json!({ "adminUser": "carol", "adminPassword": bob.password });
    session.post("/api/v1/user/convert", &wrong).await?.expect(400)?;
    let right = json!({ "adminUser": "carol", "adminPassword": carol.password });
    session.post("/api/v1/user/convert", &right).await?.expect(200)?;
    assert_eq!(session.get("/api/v1/user/").await?.expect(200)?.json()?["username"], "carol");
    pull_manifest(&started.client().basic(&carol), "bob/app", "1").await?;
    push(&started.client().basic(&carol), "bob/app", "2", 100).await?;
    started.client().basic(&bob).get("/v2/").send().await?.expect(401)?;
    Ok(())
}

#[tokio::test]
async fn names_are_completed_and_repositories_found_as_far_as_one_may_see_them() -> Result<()> {
    let started = started().await?;
    let acme = started.organization("acme").await?;
    push(&started.client().basic(&acme.owner), "acme/etherpad", "1", 100).await?;
    let stranger = started.session(&acme.stranger).await?;
    let names_for = "/api/v1/entities/p?namespace=acme&includeTeams=true";
    let found = acme.session.get(names_for).await?.expect(200)?.json()?;
    assert_eq!(names(&found), ["acme+pusher"]);
    assert!(names(&stranger.get(names_for).await?.expect(200)?.json()?).is_empty());
    for path in ["/api/v1/find/repositories?query=ether", "/api/v1/find/all?query=ether"] {
        assert_eq!(names(&acme.session.get(path).await?.expect(200)?.json()?), ["etherpad"], "{path}");
        assert!(names(&stranger.get(path).await?.expect(200)?.json()?).is_empty(), "{path}");
        let nobody = started.anonymous().get(path).send().await?.expect(200)?.json()?;
        assert!(names(&nobody).is_empty(), "{path}");
    }
    Ok(())
}
