//! Lists: tags, the catalog, referrers; in pages.
//!
//! Owns: their JSON and the `Link` to the next page. Must not know: how they are ordered or filtered.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, LINK};
use http::{HeaderValue, StatusCode};
use quay_core::perms::Pull;
use quay_core::{Allowed, Caller, Error, Refusal, Result};
use quay_oci::{Digest, media_type};
use serde::Serialize;

use super::endpoint::Page;
use super::value;
use crate::http::{App, reply};

static FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");
const NO_REFERRERS: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

/// `…/tags/list`
pub(super) async fn tags(app: &App, allowed: &Allowed<Pull>, page: &Page) -> Result<Response> {
    #[derive(Serialize)]
    struct Tags<'a> {
        name: &'a str,
        tags: &'a [String],
    }
    let name = allowed.repository();
    let found = app.core.tags(allowed, page.n, page.last.as_deref()).await?;
    let mut response = reply::json(StatusCode::OK, &Tags { name: name.as_str(), tags: &found.items });
    if found.more {
        link(&mut response, &format!("/v2/{name}/tags/list"), page, found.items.last());
    }
    Ok(response)
}

/// `/v2/_catalog`
pub(super) async fn catalog(app: &App, caller: &Caller, page: &Page) -> Result<Response> {
    #[derive(Serialize)]
    struct Catalog<'a> {
        repositories: &'a [String],
    }
    let found = app.core.catalog(caller, page.n, page.last.as_deref()).await?;
    let mut response = reply::json(StatusCode::OK, &Catalog { repositories: &found.items });
    if found.more {
        link(&mut response, "/v2/_catalog", page, found.items.last());
    }
    Ok(response)
}

/// `…/referrers/<digest>`: an index, empty when nobody refers to it. A repository that does not exist yet has none
/// either, and clients take any other answer for a registry without this list.
pub(super) async fn referrers(
    app: &App,
    allowed: Result<Allowed<Pull>>,
    subject: &Digest,
    artifact_type: Option<&str>,
    last: Option<&Digest>,
) -> Result<Response> {
    let (index, filtered, next) = match allowed {
        Ok(allowed) => {
            let found = app.core.referrers(&allowed, subject, artifact_type, last).await?;
            let next = found.next.map(|last| {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.extend_pairs(artifact_type.map(|artifact_type| ("artifactType", artifact_type)));
                query.append_pair("last", last.as_str());
                next_page(&format!("/v2/{}/referrers/{subject}", allowed.repository()), &query.finish())
            });
            (found.index, found.filtered, next)
        }
        Err(Error::Refused(Refusal::NameUnknown)) => {
            (Bytes::from_static(NO_REFERRERS), artifact_type.is_some(), None)
        }
        Err(error) => return Err(error),
    };
    let mut response = Response::new(Body::from(index));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type::OCI_INDEX));
    if filtered {
        headers.insert(&FILTERS, HeaderValue::from_static("artifactType"));
    }
    if let Some(next) = next {
        headers.insert(LINK, next);
    }
    Ok(response)
}

/// Points at the page after `last`.
fn link(response: &mut Response, path: &str, page: &Page, last: Option<&String>) {
    let Some(last) = last else { return };
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(n) = page.n {
        query.append_pair("n", &n.to_string());
    }
    query.append_pair("last", last);
    response.headers_mut().insert(LINK, next_page(path, &query.finish()));
}

fn next_page(path: &str, query: &str) -> HeaderValue {
    value(format!("<{path}?{query}>; rel=\"next\""))
}
