//! Sessions: one that somebody else knows is never signed in, and one that has ended stays so.

use anyhow::{Context, Result, ensure};
use quay_tests::accounts::Credentials;
use serde_json::json;

use crate::fixture::started;

#[tokio::test]
async fn a_cookie_that_was_planted_before_signing_in_is_worth_nothing_afterwards() -> Result<()> {
    let started = started().await?;
    let who = started.sign_up("victim").await?;
    let attacker = started.browser()?;
    attacker.get("/signin").await?.expect(200)?;
    let planted = attacker.cookie()?.context("the sign-in page gives a cookie")?;

    for planted in [planted, "0".repeat(64), "planted".to_owned()] {
        let victim = started.browser()?;
        victim.plant(&planted)?;
        victim.try_sign_in(&who, "/signin").await?.expect(303)?;
        ensure!(victim.is_signed_in().await?, "the victim is signed in");
        let after = victim.cookie()?.context("a cookie")?;
        ensure!(after != planted, "the session goes on under the cookie that was planted");
        let attacker = started.browser()?;
        attacker.plant(&planted)?;
        ensure!(!attacker.is_signed_in().await?, "the planted cookie opens the victim's session");
        // the control: the cookie that the victim has now is what opens it
        attacker.plant(&after)?;
        ensure!(attacker.is_signed_in().await?);
    }
    Ok(())
}

#[tokio::test]
async fn the_rest_interface_gives_a_new_cookie_at_sign_in_as_well() -> Result<()> {
    let started = started().await?;
    let who = started.sign_up("victim").await?;
    let browser = started.browser()?;
    let token = browser.get("/csrf_token").await?.expect(200)?.json()?;
    let token = token["csrf_token"].as_str().context("the token")?;
    let before = browser.cookie()?.context("a cookie")?;
    let body = json!({ "username": who.username, "password": who.password });
    let call = browser.call(reqwest::Method::POST, "/api/v1/signin").header("x-csrf-token", token);
    call.json(&body).send().await?.expect(200)?;
    ensure!(browser.cookie()?.context("a cookie")? != before, "the same cookie before and after");
    let attacker = started.browser()?;
    attacker.plant(&before)?;
    ensure!(!attacker.is_signed_in().await?);
    ensure!(browser.is_signed_in().await?);
    Ok(())
}

#[tokio::test]
async fn signing_out_ends_the_session_for_every_copy_of_its_cookie() -> Result<()> {
    let started = started().await?;
    let who = started.sign_up("victim").await?;
    let victim = started.browser_of(&who).await?;
    let copy = started.browser()?;
    copy.plant(&victim.cookie()?.context("a cookie")?)?;
    ensure!(copy.is_signed_in().await?, "a copy works while the session lasts");
    let page = victim.page("/organization").await?;
    let forms = page.all("form[action='/signout'] input[name='_csrf_token']")?;
    let token =
        forms.first().and_then(|field| field.value().attr("value")).context("the form to sign out")?;
    let form = [("_csrf_token", token)];
    victim.call(reqwest::Method::POST, "/signout").form(&form).send().await?.expect(303)?;
    ensure!(!victim.is_signed_in().await?);
    ensure!(!copy.is_signed_in().await?, "the copy outlived the session");
    Ok(())
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_that_the_old_one_opened() -> Result<()> {
    let started = started().await?;
    let who = started.sign_up("victim").await?;
    let elsewhere = started.browser_of(&who).await?;
    ensure!(elsewhere.is_signed_in().await?);
    let new = Credentials::fresh(&who.username)?;
    let session = started.session(&who).await?;
    session.put("/api/v1/user/", &json!({ "password": new.password })).await?.expect(200)?;
    ensure!(!elsewhere.is_signed_in().await?, "a session of the old password goes on");
    started.browser_of(&new).await?;
    ensure!(started.browser()?.try_sign_in(&who, "/signin").await?.status != 303, "the old password");
    Ok(())
}

#[tokio::test]
async fn the_cookie_of_a_session_is_kept_from_scripts_from_plain_http_and_from_foreign_pages() -> Result<()> {
    let started = started().await?;
    let answer = started.browser()?.get("/signin").await?.expect(200)?;
    let cookie = answer.need("set-cookie")?.to_lowercase();
    for part in ["httponly", "secure", "samesite=lax", "path=/"] {
        ensure!(cookie.split("; ").any(|found| found == part), "{part} is missing: {cookie}");
    }
    ensure!(!cookie.contains("domain="), "other hosts of the domain get it: {cookie}");
    Ok(())
}
