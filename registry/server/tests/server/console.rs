//! The console as a browser without any script uses it: links, forms, and what comes back.

#[path = "console/account.rs"]
mod account;
#[path = "console/hostile.rs"]
mod hostile;
#[path = "console/looks.rs"]
mod looks;
#[path = "console/organization.rs"]
mod organization;
#[path = "console/own_account.rs"]
mod own_account;
#[path = "console/robots.rs"]
mod robots;
#[path = "console/short.rs"]
mod short;
#[path = "console/superuser.rs"]
mod superuser;
#[path = "console/trust.rs"]
mod trust;

use std::collections::BTreeMap;

use axum::body::Body;
use http::{Method, StatusCode};

use crate::temporary::{Answer, As, PASSWORD, Registry, request};

/// A browser: it keeps cookies, follows where it is sent, and fills in forms of the page it shows.
struct Browser<'r> {
    registry: &'r Registry,
    cookies: BTreeMap<String, String>,
    /// The address of the page that is shown.
    at: String,
    page: String,
}

impl<'r> Browser<'r> {
    fn new(registry: &'r Registry) -> Self {
        Self { registry, cookies: BTreeMap::new(), at: String::new(), page: String::new() }
    }

    /// Somebody who has signed in by the form.
    async fn of(registry: &'r Registry, name: &str) -> Self {
        let mut browser = Self::new(registry);
        browser.open("/signin").await;
        let answer = browser.fill("/signin", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/organization"));
        browser
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<String>) -> Answer {
        let mut builder = request(&As::Nobody, method, path).header("accept", "text/html");
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            builder = builder.header("cookie", cookies.join("; "));
        }
        if body.is_some() {
            builder = builder.header("content-type", "application/x-www-form-urlencoded");
        }
        let request = builder.body(Body::from(body.unwrap_or_default())).expect("a request");
        let answer = self.registry.send(request).await;
        for header in answer.headers.get_all("set-cookie") {
            let text = header.to_str().expect("text");
            let (name, value) = text.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Asks for a page and shows it, whatever it is.
    async fn get(&mut self, path: &str) -> Answer {
        let answer = self.send(Method::GET, path, None).await;
        self.at = path.to_owned();
        self.page = text(&answer);
        answer
    }

    /// Shows a page that must be there.
    async fn open(&mut self, path: &str) -> &str {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", self.page);
        &self.page
    }

    /// The form token of the page that is shown.
    fn csrf(&self) -> String {
        let (_, rest) = self.page.split_once("name=\"_csrf_token\" value=\"").expect("a form on the page");
        rest.split('"').next().expect("a value").to_owned()
    }

    /// Sends a form of the page that is shown.
    async fn fill(&mut self, action: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf();
        let mut all = vec![("_csrf_token", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post(action, &all).await
    }

    /// Sends any fields at all.
    async fn post(&mut self, action: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let answer = self.send(Method::POST, action, Some(body)).await;
        if answer.status != StatusCode::SEE_OTHER {
            self.page = text(&answer);
        }
        answer
    }

    /// Sends a form of the page that is shown, which must succeed, and goes where it leads.
    async fn succeed(&mut self, action: &str, fields: &[(&str, &str)]) -> &str {
        let answer = self.fill(action, fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{action} {fields:?}: {}", self.page);
        let to = answer.header("location").to_owned();
        self.open(&to).await
    }

    /// Sends a form of the page that is shown, which must come back with errors.
    async fn fail(&mut self, action: &str, fields: &[(&str, &str)]) -> &str {
        let answer = self.fill(action, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{action} {fields:?}: {answer:?}");
        &self.page
    }

    /// The field with this id is marked as wrong, and its description holds the text.
    #[track_caller]
    fn assert_wrong(&self, id: &str, said: &str) {
        let field = element(&self.page, &format!("id=\"{id}\""));
        assert!(field.contains("aria-invalid=\"true\""), "{field}");
        assert!(field.contains(&format!("{id}-error")), "{field}");
        let (_, rest) = self.page.split_once(&format!("id=\"{id}-error\"")).expect("an error text");
        let rest = rest.split("</div>").next().expect("its end");
        assert!(rest.contains(said), "{said} is not in {rest}");
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).expect("UTF-8")
}

/// The tag that contains `part`.
fn element<'p>(page: &'p str, part: &str) -> &'p str {
    let at = page.find(part).ok_or((part, page)).expect("the part of the page");
    let begin = page[..at].rfind('<').expect("a tag");
    let end = at + page[at..].find('>').expect("its end");
    &page[begin..=end]
}

/// What stands in `<main>`, without what differs from run to run.
fn main_of(browser: &Browser<'_>) -> String {
    let (_, rest) = browser.page.split_once("<main").expect("a main part");
    let main = rest.split("</main>").next().expect("its end");
    let mut text = main.replace(&browser.csrf(), "CSRF");
    for (begin, end) in [("<svg", "</svg>"), ("<time", "</time>")] {
        while let Some(at) = text.find(begin) {
            let stop = at + text[at..].find(end).expect("its end") + end.len();
            text.replace_range(at..stop, &format!("({})", &begin[1..]));
        }
    }
    let lines = text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
