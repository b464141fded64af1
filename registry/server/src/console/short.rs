//! Short addresses, as people cut them out of a pull command: `/org`, `/org/repo`, `/org/repo:tag`.
//!
//! They lead to the long address and keep the query. Whether something private is there shows no more than at the
//! long address: who may not read it gets the same answer as where nothing is.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::Uri;
use quay_core::accounts::is_namespace;
use quay_core::perms::Pull;
use quay_oci::{RepositoryName, TagName};

use super::forms::see_other;
use super::problem::{Answer, Problem};
use super::repository::base;
use super::visit::Visit;
use crate::http::App;

/// First segments that are the registry's own, here or in Quay, and never the short form of a namespace.
const OURS: &[&str] = &[
    ".well-known",
    "_internal_ping",
    "about",
    "angular",
    "api",
    "assets",
    "build-logs",
    "ca.crt",
    "change-log",
    "config",
    "confirm",
    "createaccount",
    "csrf_token",
    "favicon.ico",
    "health",
    "healthz",
    "keys",
    "livez",
    "messages",
    "metrics",
    "new",
    "oauth",
    "oauth2",
    "organization",
    "organizations",
    "overview",
    "react",
    "readyz",
    "realtime",
    "recovery",
    "repository",
    "robots.txt",
    "secscan",
    "security",
    "service-keys",
    "signin",
    "signout",
    "startupz",
    "static",
    "status",
    "superuser",
    "theme",
    "trust",
    "updateuser",
    "usage-logs",
    "user",
    "v1",
    "v2",
    "version",
    "webhooks",
];

/// What a short address means.
#[derive(Debug, PartialEq, Eq)]
enum Meant {
    Namespace(String),
    Repository(RepositoryName, Option<TagName>),
}

/// `GET` of a path that is no page: to the page that is meant, if it is one for this visitor.
pub(super) async fn lead(
    State(app): State<App>,
    visit: Visit,
    rest: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Answer {
    // What is no text is the name of nothing.
    let Path(rest) = rest.map_err(|_| Problem::NotFound)?;
    let path = match parse(&rest).ok_or(Problem::NotFound)? {
        Meant::Namespace(name) => {
            let space = app.core.namespace(visit.caller(), &name).await?;
            format!("/{}/{}", if space.organization { "organization" } else { "user" }, space.name)
        }
        Meant::Repository(name, tag) => {
            app.core.allow::<Pull>(visit.caller(), &name).await?;
            match tag {
                Some(tag) => format!("{}/tag/{tag}", base(&name)),
                None => base(&name),
            }
        }
    };
    Ok(see_other(&match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }))
}

/// Reads a path without its first slash, decoded. What comes out is made of letters that need no encoding.
fn parse(rest: &str) -> Option<Meant> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let first = rest.split(['/', ':']).next()?;
    if OURS.contains(&first) || !is_namespace(first) {
        return None;
    }
    if first.len() == rest.len() {
        return Some(Meant::Namespace(first.to_owned()));
    }
    let (name, tag) = match rest.split_once(':') {
        Some((name, tag)) => (name, Some(tag.parse().ok()?)),
        None => (rest, None),
    };
    let name = RepositoryName::parse(name).ok().filter(|name| !name.is_short())?;
    Some(Meant::Repository(name, tag))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_as_they_stand_in_a_pull_command() {
        let repository = |name: &str, tag: Option<&str>| {
            let tag = tag.map(|tag| tag.parse().expect("a tag"));
            Some(Meant::Repository(name.parse().expect("a name"), tag))
        };
        assert_eq!(parse("charts"), Some(Meant::Namespace("charts".to_owned())));
        assert_eq!(parse("charts/"), Some(Meant::Namespace("charts".to_owned())));
        assert_eq!(parse("charts/app"), repository("charts/app", None));
        assert_eq!(parse("charts/deep/down/app:1.0_2"), repository("charts/deep/down/app", Some("1.0_2")));
    }

    #[test]
    fn what_is_the_registrys_own_or_no_name_means_nothing() {
        for path in [
            "api",
            "api/v1",
            "v2/app",
            "organization/charts/more",
            "superuser/users",
            "charts:1",
            "charts/app:",
            "charts/app:1/tag",
            "charts/app:a:b",
            "charts/app@sha256:00",
            "Charts/app",
            "charts//app",
            "/evil.example",
            "\\evil.example",
            "charts/../app",
            "a",
            "",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
        assert!(OURS.is_sorted(), "a sorted list is read at a glance");
    }

    proptest! {
        #[test]
        fn where_it_leads_is_always_a_path_of_ours(rest in "[a-z/:.A-Z0-9_\\\\-]{0,40}|.{0,40}") {
            let path = match parse(&rest) {
                None => return Ok(()),
                Some(Meant::Namespace(name)) => format!("/user/{name}"),
                Some(Meant::Repository(name, tag)) => {
                    format!("{}/tag/{}", base(&name), tag.as_ref().map_or("", |tag| tag.as_str()))
                }
            };
            prop_assert!(super::super::forms::is_path_of_ours(&path), "{path}");
        }
    }
}
