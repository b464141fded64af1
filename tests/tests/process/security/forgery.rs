//! Requests that a foreign page makes a browser send.

use anyhow::{Context, Result, ensure};
use quay_tests::browser::Browser;
use quay_tests::page::Form;
use reqwest::Method;
use serde_json::json;

use super::NEW_ORGANIZATION;
use crate::fixture::{Started, started};

const TOKEN: &str = "_csrf_token";

async fn victim(started: &Started) -> Result<Browser> {
    let who = started.sign_up("victim").await?;
    started.browser_of(&who).await
}

/// The form of a new organization, filled in.
async fn form(browser: &Browser, name: &str) -> Result<Form> {
    Ok(browser.page(NEW_ORGANIZATION).await?.form_with("name")?.with("name", name))
}

#[tokio::test]
async fn a_form_is_refused_without_its_token_with_a_wrong_one_and_with_a_strangers() -> Result<()> {
    let started = started().await?;
    let victim = victim(&started).await?;
    let attacker = started.sign_up("attacker").await?;
    let attacker = started.browser_of(&attacker).await?;
    let strangers = form(&attacker, "forged").await?;
    let strangers = strangers.fields.iter().find(|(name, _)| name == TOKEN).context("the token")?.1.clone();

    let good = form(&victim, "forged").await?;
    for bad in [
        good.clone().without(TOKEN),
        good.clone().with(TOKEN, ""),
        good.clone().with(TOKEN, &"a".repeat(64)),
        good.clone().with(TOKEN, &strangers),
    ] {
        victim.send(&bad).await?.expect(403)?;
    }
    ensure!(!started.has_organization("forged").await?, "a refused form did something");
    victim.send(&good).await?.expect(303)?;
    ensure!(started.has_organization("forged").await?, "the same form with its own token works");
    Ok(())
}

#[tokio::test]
async fn a_form_is_refused_when_the_browser_says_that_it_comes_from_elsewhere() -> Result<()> {
    let started = started().await?;
    let victim = victim(&started).await?;
    let good = form(&victim, "elsewhere").await?;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let answer = victim.form(&good).header(name, value).send().await?;
        ensure!(answer.status == 403, "{name}: {value} was not refused: {answer:?}");
    }
    ensure!(!started.has_organization("elsewhere").await?, "a refused form did something");
    victim.send(&good).await?.expect(303)?;
    ensure!(started.has_organization("elsewhere").await?);
    Ok(())
}

#[tokio::test]
async fn nobody_is_signed_in_out_or_up_by_a_foreign_page() -> Result<()> {
    let started = started().await?;
    let attacker = started.sign_up("attacker").await?;
    let browser = started.browser()?;
    // what a foreign page can send: the fields it knows, in a browser with whatever cookie it has
    browser.get("/signin").await?.expect(200)?;
    let known = [("username", attacker.username.as_str()), ("password", attacker.password.as_str())];
    browser.call(Method::POST, "/signin").form(&known).send().await?.expect(403)?;
    ensure!(!browser.is_signed_in().await?, "the victim now works in the attacker's account");
    let sign_up = [("username", "puppet"), ("email", "p@example.com"), ("password", "long-enough-1")];
    browser.call(Method::POST, "/createaccount").form(&sign_up).send().await?.expect(403)?;

    ensure!(browser.try_sign_in(&attacker, "/signin").await?.status == 303, "the form itself works");
    ensure!(browser.is_signed_in().await?);
    browser.call(Method::POST, "/signout").form(&[]).send().await?.expect(403)?;
    ensure!(browser.is_signed_in().await?, "a foreign page signed somebody out");
    Ok(())
}

#[tokio::test]
async fn a_page_that_is_only_asked_for_changes_nothing() -> Result<()> {
    let started = started().await?;
    let victim = victim(&started).await?;
    victim.submit(NEW_ORGANIZATION, &[("name", "stays")]).await?.expect(303)?;
    let paths = [
        "/signout",
        "/theme?theme=dark",
        "/organizations/new?name=by-get",
        "/organization/stays?tab=Settings&delete=1",
        "/organization/stays/delete",
    ];
    for path in paths {
        let answer = victim.get(path).await?;
        ensure!(answer.status != 500, "{answer:?}");
    }
    ensure!(victim.is_signed_in().await?, "a link signed somebody out");
    ensure!(started.has_organization("stays").await? && !started.has_organization("by-get").await?);
    Ok(())
}

#[tokio::test]
async fn the_rest_interface_refuses_what_a_foreign_page_can_send_with_the_sessions_cookie() -> Result<()> {
    let started = started().await?;
    let who = started.sign_up("victim").await?;
    let session = started.session(&who).await?;
    let body = json!({ "name": "forged", "email": "forged@example.com" });
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json",
    ] {
        let call = session.call(Method::POST, "/api/v1/organization/").header("content-type", kind);
        call.header("origin", "https://evil.example").body(body.to_string()).send().await?.expect(403)?;
    }
    ensure!(!started.has_organization("forged").await?, "a refused request did something");
    session.post("/api/v1/organization/", &body).await?.expect(201)?;
    let path = "/api/v1/organization/forged";
    session.call(Method::DELETE, path).header("origin", "https://evil.example").send().await?.expect(403)?;
    ensure!(started.has_organization("forged").await?);

    // and no foreign page reads what it answers
    for path in ["/api/v1/user/", "/csrf_token", "/organization", "/"] {
        let answer = session.call(Method::GET, path).header("origin", "https://evil.example").send().await?;
        let allowed = answer.header("access-control-allow-credentials").is_some();
        ensure!(!allowed, "{path} can be read by a foreign page: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn every_page_says_that_it_may_not_be_framed_guessed_at_or_kept() -> Result<()> {
    let started = started().await?;
    let victim = victim(&started).await?;
    for path in ["/organization", "/repository", "/user/victim", "/about", "/no-such-page", NEW_ORGANIZATION]
    {
        let answer = victim.get(path).await?;
        let policy = answer.need("content-security-policy")?;
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            ensure!(policy.contains(part), "{path}: {part} is not in the policy: {policy}");
        }
        ensure!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        assert_eq!(answer.need("x-content-type-options")?, "nosniff", "{path}");
        assert_eq!(answer.need("x-frame-options")?.to_uppercase(), "DENY", "{path}");
        assert_eq!(answer.need("cache-control")?, "no-store", "{path}");
        ensure!(answer.need("strict-transport-security")?.contains("max-age="), "{path}");
        ensure!(["same-origin", "no-referrer"].contains(&answer.need("referrer-policy")?), "{path}");
        assert_eq!(victim.read(&answer, path)?.active(), Vec::<String>::new(), "{path}");
    }
    Ok(())
}
