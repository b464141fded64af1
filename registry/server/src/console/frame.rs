//! What stands around every page: the layer that knows the visitor, and the template's frame.
//!
//! Owns: reading who asks and which form they sent, the headers of every page, and pages for problems. A page that
//! leaves here has a strict Content-Security-Policy; there is no inline style or script anywhere.

use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, SET_COOKIE,
};
use http::{HeaderValue, Method, StatusCode};
use quay_core::Error;

use super::assets;
use super::flash::Flash;
use super::forms::{Fields, see_other};
use super::problem::{Answer, NOT_FOUND, Problem, Told};
use super::visit::Visit;
use crate::VERSION;
use crate::http::observe::{RequestId, Who};
use crate::http::{App, session};

const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
static OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The layer around every screen.
pub(super) async fn framed(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = parts.extensions.get::<RequestId>().map(|RequestId(id)| id.clone());
    let visit = match Visit::of(&parts, &app).await {
        Ok(visit) => visit,
        Err(error) => return without_visitor(error),
    };
    parts.extensions.insert(visit.clone());
    let mut response = if matches!(parts.method, Method::GET | Method::HEAD) {
        next.run(Request::from_parts(parts, body)).await
    } else {
        match Fields::read(&app.core, &visit, &parts, body).await {
            Ok(fields) => {
                parts.extensions.insert(fields);
                next.run(Request::from_parts(parts, axum::body::Body::empty())).await
            }
            Err(problem) => problem.into_response(),
        }
    };
    if let Some(told) = response.extensions_mut().remove::<Told>() {
        response = told_as_page(&visit, told, response, id.as_ref());
    }
    if let Err(error) = dress(&app, &visit, &mut response) {
        return without_visitor(error);
    }
    response
}

/// Headers and cookies of every answer.
fn dress(app: &App, visit: &Visit, response: &mut Response) -> Result<(), Error> {
    let is_page = response.headers().get(CONTENT_TYPE) == Some(&HTML);
    if let Some(name) = visit.user() {
        response.extensions_mut().insert(Who(name.into()));
    }
    let core = &app.core;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, CSP);
    headers.insert(REFERRER_POLICY, SAME_ORIGIN);
    headers.insert(&OPENER_POLICY, SAME_ORIGIN);
    headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    // A page brings forms, and forms need the cookie; a session that was just begun brings its own.
    let begins = |headers: &http::HeaderMap, name: &str| {
        headers.get_all(SET_COOKIE).iter().any(|value| value.as_bytes().starts_with(name.as_bytes()))
    };
    if is_page && visit.is_new() && !begins(headers, session::COOKIE_NAME) {
        headers.append(SET_COOKIE, session::set_cookie(core, visit.cookie())?);
    }
    if is_page && visit.flash().is_some() {
        headers.append(SET_COOKIE, Flash::taken(core)?);
    }
    Ok(())
}

fn told_as_page(visit: &Visit, told: Told, mut response: Response, id: Option<&HeaderValue>) -> Response {
    let mut way = None;
    let (heading, text) = match told {
        Told::SignIn if visit.user().is_none() => return see_other(&sign_in_from(visit.here())),
        Told::SignIn => (NOT_FOUND, "This page does not exist, or you have no right to see it.".to_owned()),
        Told::Page { heading, text } => (heading, text),
        Told::Absent { text, history } => {
            way = Some(history);
            (NOT_FOUND, text)
        }
    };
    let status = response.status();
    let id = id.and_then(|id| id.to_str().ok()).filter(|_| status.is_server_error()).unwrap_or_default();
    let page =
        render(status, &ProblemPage { frame: visit.frame(heading), heading, text: &text, id, history: way });
    let (mut parts, body) = page.into_parts();
    parts.extensions.extend(std::mem::take(response.extensions_mut()));
    for (name, value) in response.headers() {
        if *name != http::header::CONTENT_LENGTH {
            parts.headers.entry(name).or_insert_with(|| value.clone());
        }
    }
    Response::from_parts(parts, body)
}

/// The sign-in page, from which one comes back.
pub(crate) fn sign_in_from(here: &str) -> String {
    let query: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("redirect_url", here).finish();
    format!("/signin?{query}")
}

/// When not even the visitor is known, there is no frame.
fn without_visitor(error: Error) -> Response {
    let mut response = Problem::from(error).into_response();
    let said = match response.extensions_mut().remove::<Told>() {
        Some(Told::Page { text, .. } | Told::Absent { text, .. }) => text,
        Some(Told::SignIn) | None => "Not available for the moment".to_owned(),
    };
    let (parts, _) = response.into_parts();
    let mut answer = crate::http::reply::text(parts.status, said);
    answer.extensions_mut().extend(parts.extensions);
    answer
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    heading: &'a str,
    text: &'a str,
    id: &'a str,
    /// Where the history of what is not there any more is read.
    history: Option<String>,
}

/// Where in the navigation a page belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Section {
    /// Nowhere.
    #[default]
    None,
    /// Organizations.
    Organizations,
    /// Repositories.
    Repositories,
    /// How to trust this registry.
    Trust,
    /// What this registry is.
    About,
    /// The accounts of people.
    Users,
    /// The log of the whole installation.
    UsageLogs,
}

/// One step of the way to a page.
#[derive(Clone, Debug)]
pub(crate) struct Crumb {
    pub(crate) label: String,
    pub(crate) href: String,
}

/// What `frame.html` draws around a page; the field of a page's template must be called `frame`.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) visit: Visit,
    pub(crate) title: String,
    pub(crate) crumbs: Vec<Crumb>,
    pub(crate) section: Section,
    /// The namespace in which "+" offers to create things.
    pub(crate) namespace: Option<String>,
}

impl Frame {
    pub(super) fn new(visit: Visit, title: String) -> Self {
        Self { visit, title, crumbs: Vec::new(), section: Section::None, namespace: None }
    }

    /// Adds a step to the way to this page; the page itself is added by the template.
    #[must_use]
    pub(crate) fn crumb(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push(Crumb { label: label.into(), href: href.into() });
        self
    }

    /// Gives the page another title than it was begun with.
    #[must_use]
    pub(crate) fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Marks where in the navigation this page belongs.
    #[must_use]
    pub(crate) fn section(mut self, section: Section) -> Self {
        self.section = section;
        self
    }

    /// Offers to create things in this namespace.
    #[must_use]
    pub(crate) fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    pub(crate) fn is(&self, section: &str) -> bool {
        match self.section {
            Section::None => false,
            Section::Organizations => section == "organizations",
            Section::Repositories => section == "repositories",
            Section::Trust => section == "trust",
            Section::About => section == "about",
            Section::Users => section == "users",
            Section::UsageLogs => section == "usage-logs",
        }
    }

    pub(crate) fn style(&self) -> &'static str {
        assets::CONSOLE_CSS
    }

    pub(crate) fn dark_style(&self) -> &'static str {
        assets::DARK_CSS
    }

    pub(crate) fn script(&self) -> &'static str {
        assets::CONSOLE_JS
    }

    pub(crate) fn icon(&self) -> &'static str {
        assets::ICON_SVG
    }

    pub(crate) fn version(&self) -> &'static str {
        VERSION
    }
}

/// A page.
pub(crate) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => {
            let mut response = (status, text).into_response();
            response.headers_mut().insert(CONTENT_TYPE, HTML);
            response
        }
        Err(error) => Problem::from(Error::Internal(error.into())).into_response(),
    }
}

/// A page, with 200.
pub(crate) fn page(page: &impl Template) -> Answer {
    Ok(render(StatusCode::OK, page))
}
