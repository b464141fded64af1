//! An encrypted password in the hands of real clients: podman and helm log in, push and pull with it, and no longer
//! when the password behind it has changed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quay_tests::accounts::Credentials;
use quay_tests::api::Session;
use quay_tests::chart;
use quay_tests::clients::{HELM_4, Helm, Podman};
use quay_tests::until::until;
use serde_json::json;

use crate::fixture::{Started, started};

/// The longest that an edit of the configuration may take to be in force.
const SOON: Duration = Duration::from_secs(60);

async fn encrypted(session: &Session, who: &Credentials) -> Result<Credentials> {
    let made = session.post("/api/v1/user/clientkey", &json!({ "password": who.password })).await?;
    let body = made.expect(200)?.json()?;
    Credentials::new(&who.username, body["key"].as_str().context("no key")?)
}

/// Waits until only encrypted passwords are taken: the message for plain ones.
async fn plain_ones_are_refused(started: &Started, who: &Credentials) -> Result<String> {
    until("plain passwords to be refused", SOON, || async {
        let answer = started.client().basic(who).get("/v2/auth").send().await?.expect(401)?.json()?;
        let text = answer["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
        ensure!(text.contains("unencrypted passwords is disabled"), "{text}");
        Ok(text)
    })
    .await
}

#[tokio::test]
async fn podman_and_helm_use_an_encrypted_password_until_the_password_changes() -> Result<()> {
    let started = started().await?;
    let (host, alice) = (started.registry.host(), started.sign_up("alice").await?);
    let session = started.session(&alice).await?;
    let wrong = json!({ "password": alice.with_wrong_password()?.password });
    session.post("/api/v1/user/clientkey", &wrong).await?.expect(403)?;
    let key = encrypted(&session, &alice).await?;

    let podman = Podman::new(&started.ca)?;
    podman.login(&host, &key).await?.success()?.saying("Login Succeeded")?;
    let image = podman.build(1_000).await?;
    let there = format!("{host}/alice/image:1");
    podman.push(&image, &there, &[]).await?.success()?;
    podman.pull(&there).await?.success()?;
    let helm = Helm::new(HELM_4, &started.ca).await?;
    helm.login(&host, &key).await?.success()?.saying("Login Succeeded")?;
    let archive = chart::package(&helm, helm.home(), "demo", "0.1.0").await?;
    helm.push(&archive, &format!("{host}/alice")).await?.success()?;
    helm.pull(&format!("{host}/alice/demo"), "0.1.0").await?.success()?;

    // It is for these clients alone.
    let other = Session::open(started.client(), &started.ca).await?;
    other.try_sign_in(&key).await?.expect(403)?;
    started.client().basic(&key).get("/api/v1/user/").send().await?.expect(401)?;
    started.client().basic(&alice).get("/api/v1/user/").send().await?.expect(200)?;

    // Where nothing else is taken from people, it goes on, and so do robots.
    let robot = session.put("/api/v1/user/robots/ci", &json!({})).await?.expect(201)?.json()?;
    let robot = Credentials::new("alice+ci", robot["token"].as_str().context("no token")?)?;
    let plain = started.site.read_config()?;
    started.site.write_config(&format!("{plain}FEATURE_REQUIRE_ENCRYPTED_BASIC_AUTH: true\n"))?;
    let told = plain_ones_are_refused(&started, &alice).await?;
    for way in ["encrypted password", "robot account", "application token"] {
        assert!(told.contains(way), "{told}");
    }
    helm.login(&host, &alice).await?.failure()?;
    helm.login(&host, &key).await?.success()?;
    helm.login(&host, &robot).await?.success()?;

    let new = Credentials::fresh("alice")?;
    session.put("/api/v1/user/", &json!({ "password": new.password })).await?.expect(200)?;
    podman.login(&host, &key).await?.failure()?;
    podman.pull(&there).await?.failure()?;
    let session = started.session(&new).await?;
    podman.login(&host, &encrypted(&session, &new).await?).await?.success()?;
    podman.pull(&there).await?.success()?;
    Ok(())
}
