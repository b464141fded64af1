//! Links that would lead away from the registry after signing in.

use anyhow::{Context, Result, ensure};
use quay_tests::client::Answer;
use reqwest::Url;

use crate::fixture::started;

/// As written into the query, where `%` is already an escape.
const AWAY: [&str; 26] = [
    "https://evil.example",
    "https%3A%2F%2Fevil.example%2F",
    "//evil.example",
    "%2F%2Fevil.example",
    "/%2Fevil.example/",
    "///evil.example",
    "%2F%5Cevil.example",
    "/%5Cevil.example",
    "%5C%5Cevil.example",
    "%5C/evil.example",
    "/%09/evil.example",
    "/%0A/evil.example",
    "/%0D%0A/evil.example",
    "%09//evil.example",
    "%20//evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:%5C%5Cevil.example",
    "hTTps:%2F%2Fevil.example",
    "javascript:alert(1)",
    "java%0Ascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    ".evil.example",
    "/organization%0D%0ALocation:%20https://evil.example",
];

/// Where a browser that was at `from` goes next.
fn goes_to(answer: &Answer, from: &Url) -> Result<Url> {
    ensure!(answer.headers.get_all("location").iter().count() == 1, "{answer:?}");
    from.join(answer.need("location")?).context("the location is no address")
}

#[tokio::test]
async fn after_signing_in_nobody_is_led_to_another_place() -> Result<()> {
    let started = started().await?;
    let who = started.sign_up("victim").await?;
    for target in AWAY {
        let path = format!("/signin?redirect_url={target}");
        let browser = started.browser()?;
        let page = browser.page(&path).await?;
        assert_eq!(page.active(), Vec::<String>::new(), "{target}");
        let answer = browser.try_sign_in(&who, &path).await?;
        ensure!(answer.status == 303, "{target}: {answer:?}");
        let from: Url = format!("{}{path}", browser.base()).parse()?;
        let next = goes_to(&answer, &from)?;
        ensure!(next.origin() == from.origin(), "{target} leads to {next}");
        ensure!(!next.path().contains("evil"), "{target} leads to {next}");

        // the same link again, now that somebody is signed in
        let answer = browser.get(&path).await?;
        if answer.status != 200 {
            let next = goes_to(&answer, &from)?;
            ensure!(next.origin() == from.origin(), "{target} leads to {next}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn after_signing_in_one_gets_to_the_page_that_asked_for_it() -> Result<()> {
    let started = started().await?;
    let who = started.sign_up("somebody").await?;
    let asked = "/repository/somebody/app?tab=history&page=2";
    let browser = started.browser()?;
    let sent = browser.get(asked).await?.expect(303)?;
    let sign_in = sent.need("location")?.to_owned();
    ensure!(sign_in.starts_with("/signin?redirect_url="), "{sent:?}");
    let answer = browser.try_sign_in(&who, &sign_in).await?.expect(303)?;
    assert_eq!(answer.need("location")?, asked);
    Ok(())
}

#[tokio::test]
async fn choosing_a_theme_leads_nowhere_else() -> Result<()> {
    let started = started().await?;
    for target in ["//evil.example", "/\\evil.example", "https:evil.example", "\t//evil.example", "/\r\nX: y"]
    {
        let browser = started.browser()?;
        let form = browser.page("/about").await?.form_with("theme")?;
        let honest = browser.send(&form.clone().with("theme", "dark")).await?.expect(303)?;
        assert_eq!(honest.need("location")?, "/about");
        let answer = browser.send(&form.with("theme", "dark").with("back", target)).await?;
        ensure!(answer.status == 303, "{target}: {answer:?}");
        let from: Url = format!("{}/about", browser.base()).parse()?;
        let next = goes_to(&answer, &from)?;
        ensure!(next.origin() == from.origin() && !next.path().contains("evil"), "{target} leads to {next}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_not_the_registrys_own_is_nowhere_in_what_it_answers() -> Result<()> {
    let started = started().await?;
    for path in ["/signin", "/trust", "/no-such-page", "/no/such/page", "/organization"] {
        let browser = started.browser()?;
        let call = browser.call(reqwest::Method::GET, path);
        let answer =
            call.header("host", "evil.example").header("x-forwarded-host", "evil.example").send().await?;
        let text = format!("{:?}{}", answer.headers, String::from_utf8_lossy(&answer.body));
        ensure!(!text.contains("evil.example"), "{path} repeats the Host header: {text}");
    }
    Ok(())
}
