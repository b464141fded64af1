//! HTTP as a registry's client speaks it: one `Client` per registry, one `Caller` per identity, whole answers.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use quay_oci::Digest;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Body, Certificate, Method, RequestBuilder};
use serde_json::Value;

use crate::accounts::Credentials;
use crate::secrets;

/// Ends a hang; never meant to be reached.
const LIMIT: Duration = Duration::from_secs(120);

/// A registry, reached by TLS under a name of its certificate.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    /// For `host:port`, trusting this authority and no other.
    pub fn new(host: &str, ca: &str) -> Result<Client> {
        Client::over(builder(ca)?.http1_only(), host)
    }

    /// The same, over HTTP/2 and nothing else.
    pub fn http2(host: &str, ca: &str) -> Result<Client> {
        Client::over(builder(ca)?.http2_prior_knowledge(), host)
    }

    /// For a host that no name server knows, reached at `address`.
    pub fn reached_at(host: &str, ca: &str, address: std::net::SocketAddr) -> Result<Client> {
        Client::over(builder(ca)?.http1_only().resolve(host, address), host)
    }

    fn over(builder: reqwest::ClientBuilder, host: &str) -> Result<Client> {
        let http = builder.build().context("make a client")?;
        Ok(Client { http, base: format!("https://{host}") })
    }

    /// `https://host:port`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `host:port`.
    pub fn host(&self) -> &str {
        self.base.trim_start_matches("https://")
    }

    /// Nobody.
    pub fn anonymous(&self) -> Caller {
        Caller { client: self.clone(), identity: Identity::Nobody }
    }

    /// Somebody with a password on each request.
    pub fn basic(&self, who: &Credentials) -> Caller {
        Caller { client: self.clone(), identity: Identity::Password(who.clone()) }
    }

    /// Whoever holds this token.
    pub fn bearer(&self, token: &str) -> Caller {
        Caller { client: self.clone(), identity: Identity::Token(token.to_owned()) }
    }

    /// Asks the token service as docker does: GET, with the password when there is one.
    pub async fn token(&self, who: Option<&Credentials>, scopes: &[&str]) -> Result<Token> {
        let caller = who.map_or_else(|| self.anonymous(), |who| self.basic(who));
        Token::read(caller.get("/v2/auth").query(&self.token_query(scopes)).send().await?.expect(200)?)
    }

    /// The query of a token request.
    pub fn token_query(&self, scopes: &[&str]) -> Vec<(String, String)> {
        let mut query = vec![("service".to_owned(), self.host().to_owned())];
        query.extend(scopes.iter().map(|scope| ("scope".to_owned(), (*scope).to_owned())));
        query
    }

    /// Follows a challenge as clients do: reads realm, service and scope of a 401, and gets that token.
    pub async fn answer_challenge(&self, refused: &Answer, who: Option<&Credentials>) -> Result<Token> {
        let challenge = refused.challenge()?;
        let realm = challenge.realm.strip_prefix(&self.base).with_context(|| {
            format!("the realm {} is not below the address asked, {}", challenge.realm, self.base)
        })?;
        let caller = who.map_or_else(|| self.anonymous(), |who| self.basic(who));
        let mut query = vec![("service", challenge.service.clone())];
        query.extend(challenge.scope.clone().map(|scope| ("scope", scope)));
        Token::read(caller.get(realm).query(&query).send().await?.expect(200)?)
    }
}

/// What every client of the harness has in common.
pub fn builder(ca: &str) -> Result<reqwest::ClientBuilder> {
    let ca = Certificate::from_pem(ca.as_bytes()).context("read the authority")?;
    Ok(reqwest::Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(LIMIT))
}

#[derive(Clone)]
enum Identity {
    Nobody,
    Password(Credentials),
    Token(String),
}

/// A client with an identity.
#[derive(Clone)]
pub struct Caller {
    client: Client,
    identity: Identity,
}

impl Caller {
    /// The registry it talks to.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Any method; `target` is a path, or a whole address as in `Location`.
    pub fn call(&self, method: Method, target: &str) -> Call {
        let url =
            if target.starts_with('/') { format!("{}{target}", self.client.base) } else { target.to_owned() };
        let request = self.client.http.request(method, url);
        let request = match &self.identity {
            Identity::Nobody => request,
            Identity::Password(who) => request.basic_auth(&who.username, Some(&who.password)),
            Identity::Token(token) => request.bearer_auth(token),
        };
        Call { request }
    }

    /// GET.
    pub fn get(&self, target: &str) -> Call {
        self.call(Method::GET, target)
    }

    /// HEAD.
    pub fn head(&self, target: &str) -> Call {
        self.call(Method::HEAD, target)
    }

    /// POST.
    pub fn post(&self, target: &str) -> Call {
        self.call(Method::POST, target)
    }

    /// PUT.
    pub fn put(&self, target: &str) -> Call {
        self.call(Method::PUT, target)
    }

    /// PATCH.
    pub fn patch(&self, target: &str) -> Call {
        self.call(Method::PATCH, target)
    }

    /// DELETE.
    pub fn delete(&self, target: &str) -> Call {
        self.call(Method::DELETE, target)
    }
}

/// A request being made.
pub struct Call {
    request: RequestBuilder,
}

impl Call {
    /// Wraps a request of another client.
    pub fn from_request(request: RequestBuilder) -> Call {
        Call { request }
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Call {
        Call { request: self.request.header(name, value) }
    }

    /// Adds pairs to the query.
    pub fn query<Q: serde::Serialize + ?Sized>(self, query: &Q) -> Call {
        Call { request: self.request.query(query) }
    }

    /// Sends these bytes.
    pub fn body(self, body: impl Into<Body>) -> Call {
        Call { request: self.request.body(body) }
    }

    /// Sends a value as JSON.
    pub fn json(self, body: &Value) -> Call {
        Call { request: self.request.json(body) }
    }

    /// Sends a form.
    pub fn form(self, form: &[(&str, &str)]) -> Call {
        Call { request: self.request.form(form) }
    }

    /// Sends, and reads the whole answer.
    pub async fn send(self) -> Result<Answer> {
        let (client, request) = self.request.build_split();
        let request = request.context("build the request")?;
        let asked = format!("{} {}", request.method(), request.url());
        let response = client.execute(request).await.with_context(|| format!("send {asked}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.with_context(|| format!("read the answer to {asked}"))?;
        Ok(Answer { asked, status, headers, body })
    }
}

/// A whole answer.
#[derive(Clone)]
pub struct Answer {
    asked: String,
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(400)]);
        write!(f, "{} → {} {:?} {text}", self.asked, self.status, self.headers)
    }
}

impl Answer {
    /// The answer itself when its status is the one expected.
    pub fn expect(self, status: u16) -> Result<Answer> {
        ensure!(self.status == status, "expected {status}: {self:?}");
        Ok(self)
    }

    /// The answer itself when its status and its first error code (OCI JSON) are the ones expected.
    pub fn expect_error(self, status: u16, code: &str) -> Result<Answer> {
        let answer = self.expect(status)?;
        ensure!(answer.error_code()? == code, "expected the code {code}: {answer:?}");
        Ok(answer)
    }

    /// A header as text, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name.parse::<HeaderName>().ok()?)?.to_str().ok()
    }

    /// A header that must be there.
    pub fn need(&self, name: &str) -> Result<&str> {
        self.header(name).with_context(|| format!("no header {name}: {self:?}"))
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("the body is not JSON: {self:?}"))
    }

    /// The code of the first error in the body, which must be OCI's error JSON.
    pub fn error_code(&self) -> Result<String> {
        let body = self.json()?;
        let error = &body["errors"][0];
        ensure!(error["message"].is_string(), "an error without a message: {self:?}");
        Ok(error["code"].as_str().with_context(|| format!("not OCI's error JSON: {self:?}"))?.to_owned())
    }

    /// The digest that the answer names.
    pub fn digest(&self) -> Result<Digest> {
        let text = self.need("docker-content-digest")?;
        text.parse().ok().with_context(|| format!("not a digest: {text}"))
    }

    /// The Bearer challenge of a 401.
    pub fn challenge(&self) -> Result<Challenge> {
        let text = self.need("www-authenticate")?;
        let rest = text.strip_prefix("Bearer ").with_context(|| format!("not a Bearer challenge: {text}"))?;
        let part = |name: &str| {
            let start = rest.find(&format!("{name}=\""))? + name.len() + 2;
            Some(rest[start..].split('"').next()?.to_owned())
        };
        Ok(Challenge {
            realm: part("realm").with_context(|| format!("no realm: {text}"))?,
            service: part("service").with_context(|| format!("no service: {text}"))?,
            scope: part("scope"),
        })
    }
}

/// The parts of a Bearer challenge.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// Where tokens are.
    pub realm: String,
    /// For whom.
    pub service: String,
    /// For what.
    pub scope: Option<String>,
}

/// A token and what its payload claims.
#[derive(Clone)]
pub struct Token {
    /// As sent in `Authorization`.
    pub text: String,
    /// `exp - iat`, and the grants.
    claims: Value,
    /// The whole answer of the token service, the token left out.
    pub answer: Value,
}

impl Token {
    /// Reads the token service's answer.
    pub fn read(answer: Answer) -> Result<Token> {
        let mut body = answer.json()?;
        let text = body["token"].as_str().or(body["access_token"].as_str()).context("no token")?.to_owned();
        secrets::known(&text)?;
        ensure!(body["token"] == body["access_token"], "token and access_token are the same");
        for name in ["token", "access_token"] {
            body[name] = Value::from("…");
        }
        let payload = text.split('.').nth(1).context("not a JWT")?;
        let claims = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload)?)?;
        Ok(Token { text, claims, answer: body })
    }

    /// The actions granted on a repository, sorted.
    pub fn actions(&self, repository: &str) -> Vec<String> {
        let access = self.claims["access"].as_array().cloned().unwrap_or_default();
        let mut actions: Vec<String> = access
            .iter()
            .filter(|entry| entry["type"] == "repository" && entry["name"] == repository)
            .flat_map(|entry| entry["actions"].as_array().cloned().unwrap_or_default())
            .filter_map(|action| action.as_str().map(str::to_owned))
            .collect();
        actions.sort();
        actions
    }

    /// One claim.
    pub fn claim(&self, name: &str) -> &Value {
        &self.claims[name]
    }
}
