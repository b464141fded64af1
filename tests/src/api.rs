//! Quay's REST interface as a person's session uses it: a cookie, a CSRF token, JSON.

use std::sync::Mutex;

use anyhow::{Context, Result, anyhow, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::accounts::Credentials;
use crate::client::{Answer, Call, Client, builder};
use crate::secrets;

/// A browser-like session; not signed in until told.
pub struct Session {
    http: reqwest::Client,
    base: String,
    csrf: Mutex<String>,
}

impl Session {
    /// Opens a session and gets its CSRF token.
    pub async fn open(client: &Client, ca: &str) -> Result<Session> {
        let http = builder(ca)?.cookie_store(true).build()?;
        let session = Session { http, base: client.base().to_owned(), csrf: Mutex::new(String::new()) };
        session.renew_csrf().await?;
        Ok(session)
    }

    /// Opens a session and signs in.
    pub async fn sign_in(client: &Client, ca: &str, who: &Credentials) -> Result<Session> {
        let session = Session::open(client, ca).await?;
        let answer = session.try_sign_in(who).await?.expect(200)?;
        ensure!(answer.json()?["success"] == true, "not signed in: {answer:?}");
        if let Some(next) = answer.header("x-next-csrf-token") {
            session.take_csrf(next)?;
        } else {
            session.renew_csrf().await?;
        }
        Ok(session)
    }

    /// Tries to sign in, whatever comes of it.
    pub async fn try_sign_in(&self, who: &Credentials) -> Result<Answer> {
        self.post("/api/v1/signin", &json!({ "username": who.username, "password": who.password })).await
    }

    async fn renew_csrf(&self) -> Result<()> {
        let answer = self.call(Method::GET, "/csrf_token").send().await?.expect(200)?;
        let body = answer.json()?;
        self.take_csrf(body["csrf_token"].as_str().context("no csrf_token")?)
    }

    fn take_csrf(&self, token: &str) -> Result<()> {
        secrets::known(token)?;
        *self.csrf.lock().map_err(|_| anyhow!("poisoned"))? = token.to_owned();
        Ok(())
    }

    /// A request with the session's cookie and without a CSRF token.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let request = self.http.request(method, format!("{}{path}", self.base));
        Call::from_request(request.header("x-requested-with", "XMLHttpRequest"))
    }

    /// A request with cookie and CSRF token.
    pub fn guarded(&self, method: Method, path: &str) -> Call {
        let token = self.csrf.lock().map(|token| token.clone()).unwrap_or_default();
        self.call(method, path).header("x-csrf-token", &token)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.call(Method::GET, path).send().await
    }

    /// POST with JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.guarded(Method::POST, path).json(body).send().await
    }

    /// PUT with JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.guarded(Method::PUT, path).json(body).send().await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.guarded(Method::DELETE, path).send().await
    }

    /// Makes an account by sign-up, in a session of its own.
    pub async fn sign_up(client: &Client, ca: &str, name: &str) -> Result<Credentials> {
        let who = Credentials::fresh(name)?;
        let body = json!({
            "username": name, "password": who.password, "email": format!("{name}@example.com"),
        });
        let session = Session::open(client, ca).await?;
        session.post("/api/v1/user/", &body).await?.expect(200)?;
        Ok(who)
    }

    /// Makes an organization, owned by who is signed in.
    pub async fn create_organization(&self, name: &str) -> Result<()> {
        let body = json!({ "name": name, "email": format!("{name}@example.com") });
        self.post("/api/v1/organization/", &body).await?.expect(201).map(drop)
    }

    /// Makes a robot of an organization.
    pub async fn create_robot(&self, organization: &str, name: &str) -> Result<Credentials> {
        let path = format!("/api/v1/organization/{organization}/robots/{name}");
        let answer = self.put(&path, &json!({ "description": "made by a test" })).await?.expect(201)?;
        let body = answer.json()?;
        let field = |name: &str| body[name].as_str().with_context(|| format!("the robot has no {name}"));
        Credentials::new(field("name")?, field("token")?)
    }

    /// Lets a robot or a user create repositories in an organization: a team with the role `creator`.
    pub async fn let_create(&self, organization: &str, member: &str) -> Result<()> {
        let team = format!("/api/v1/organization/{organization}/team/creators");
        self.put(&team, &json!({ "role": "creator" })).await?.expect(200)?;
        self.put(&format!("{team}/members/{member}"), &json!({})).await?.expect(200).map(drop)
    }

    /// Makes a repository.
    pub async fn create_repository(&self, namespace: &str, name: &str, visibility: &str) -> Result<()> {
        let body = json!({
            "namespace": namespace, "repository": name, "visibility": visibility, "description": "",
        });
        self.post("/api/v1/repository", &body).await?.expect(201).map(drop)
    }

    /// Gives a user or robot a role on a repository.
    pub async fn permit(&self, repository: &str, who: &str, role: &str) -> Result<()> {
        let path = format!("/api/v1/repository/{repository}/permissions/user/{who}");
        self.put(&path, &json!({ "role": role })).await?.expect(200).map(drop)
    }
}
