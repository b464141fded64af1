//! A browser without script: cookies, pages, and forms that are filled in and sent as they came.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use reqwest::cookie::{CookieStore, Jar};
use reqwest::{Method, Url};

use crate::accounts::Credentials;
use crate::client::{Answer, Call, Client, builder};
use crate::page::{Form, Page};
use crate::secrets;

/// The registry's session cookie, which has the name that Quay gave it.
pub const SESSION_COOKIE: &str = "_csrf_token";

/// A browser; not signed in until told.
pub struct Browser {
    http: reqwest::Client,
    base: String,
    jar: Arc<Jar>,
}

impl Browser {
    /// Opens one, without any cookie.
    pub fn open(client: &Client, ca: &str) -> Result<Browser> {
        let jar = Arc::new(Jar::default());
        let http = builder(ca)?.cookie_provider(jar.clone()).build()?;
        Ok(Browser { http, base: client.base().to_owned(), jar })
    }

    /// Opens one and signs in by the form.
    pub async fn sign_in(client: &Client, ca: &str, who: &Credentials) -> Result<Browser> {
        let browser = Browser::open(client, ca)?;
        let answer = browser.try_sign_in(who, "/signin").await?.expect(303)?;
        ensure!(answer.need("location")? == "/organization", "{answer:?}");
        Ok(browser)
    }

    /// Fills in the form at `path`, which is the sign-in page with whatever query, and sends it.
    pub async fn try_sign_in(&self, who: &Credentials, path: &str) -> Result<Answer> {
        let form = self.page(path).await?.form_with("password")?;
        self.send(&form.with("username", &who.username).with("password", &who.password)).await
    }

    /// `https://host:port`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request with the cookies and nothing else of a browser's.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let request = self.http.request(method, format!("{}{path}", self.base));
        Call::from_request(request.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8"))
    }

    /// Asks for a page, whatever comes of it.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        let answer = self.call(Method::GET, path).send().await?;
        self.note_cookie()?;
        Ok(answer)
    }

    /// A page that is there.
    pub async fn page(&self, path: &str) -> Result<Page> {
        self.read(&self.get(path).await?.expect(200)?, path)
    }

    /// Parses an answer to a request for `path`.
    pub fn read(&self, answer: &Answer, path: &str) -> Result<Page> {
        Page::of(answer, &format!("{}{path}", self.base))
    }

    /// Sends a form as a browser does from a page of the registry.
    pub async fn send(&self, form: &Form) -> Result<Answer> {
        let answer = self
            .form(form)
            .header("origin", &self.base)
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate")
            .send()
            .await?;
        self.note_cookie()?;
        Ok(answer)
    }

    /// The request that a form makes, without what a browser adds about its origin.
    pub fn form(&self, form: &Form) -> Call {
        let fields: Vec<(&str, &str)> =
            form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.call(Method::POST, &form.action).form(&fields)
    }

    /// Fills in the form with the field `field` at `path`, sends it, and expects to be sent on.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let (field, _) = fields.first().context("a form has a field")?;
        let form = self.page(path).await?.form_with(field)?;
        let form = fields.iter().fold(form, |form, (name, value)| form.with(name, value));
        self.send(&form).await
    }

    /// The session cookie it holds.
    pub fn cookie(&self) -> Result<Option<String>> {
        let url: Url = self.base.parse()?;
        let cookies = self.jar.cookies(&url);
        let cookies = cookies.as_ref().map(|value| value.to_str()).transpose()?.unwrap_or_default();
        let name = format!("{SESSION_COOKIE}=");
        Ok(cookies.split("; ").find_map(|pair| pair.strip_prefix(&name)).map(str::to_owned))
    }

    /// Puts a session cookie into the browser, as an attacker beside it might.
    pub fn plant(&self, value: &str) -> Result<()> {
        self.jar.add_cookie_str(&format!("{SESSION_COOKIE}={value}; Path=/; Secure"), &self.base.parse()?);
        Ok(())
    }

    /// Whether the console takes who holds the cookies for somebody.
    pub async fn is_signed_in(&self) -> Result<bool> {
        let answer = self.get("/organization").await?;
        match answer.status {
            200 => Ok(true),
            302 | 303 => Ok(false),
            _ => Err(anyhow::anyhow!("neither a page nor the way to sign in: {answer:?}")),
        }
    }

    fn note_cookie(&self) -> Result<()> {
        self.cookie()?.map_or(Ok(()), |cookie| secrets::known(&cookie))
    }
}
