//! Labels of a manifest: those it carries, and those that people add.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use quay_core::perms::{Pull, Push};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::manifests::in_path;
use super::outcome::{Answer, Trouble};
use super::repository::{Asked, no_content};
use crate::http::reply;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only labels whose key contains this.
    #[serde(default)]
    filter: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct LabelsView {
    labels: Vec<LabelView>,
}

#[derive(Serialize, ToSchema)]
struct LabelView {
    id: String,
    key: String,
    value: String,
    source_type: &'static str,
    media_type: String,
}

impl From<quay_core::Label> for LabelView {
    fn from(label: quay_core::Label) -> Self {
        Self {
            id: label.id,
            key: label.key,
            value: label.value,
            source_type: label.source.as_str(),
            media_type: label.media_type,
        }
    }
}

/// Labels of a manifest.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/manifest/{digest}/labels", tag = "manifest",
    params(("repository" = String, Path), ("digest" = String, Path), Filter),
    responses((status = 200, body = LabelsView), (status = 403), (status = 404)))]
pub(super) async fn list(asked: &Asked<'_>, digest: &str) -> Answer {
    let query: Filter = asked.query()?;
    let allowed = asked.app.core.allow::<Pull>(&asked.visitor.caller, asked.name).await?;
    let found = asked.app.core.labels(&allowed, &in_path(digest)?, query.filter.as_deref()).await?;
    let labels = found.into_iter().map(LabelView::from).collect();
    Ok(reply::json(StatusCode::OK, &LabelsView { labels }))
}

#[derive(Deserialize, ToSchema)]
struct NewLabel {
    key: String,
    value: String,
    /// `text/plain`, unless it is `application/json`.
    #[serde(default)]
    media_type: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct AddedView {
    label: LabelView,
}

/// Adds a label to a manifest.
#[utoipa::path(post, path = "/api/v1/repository/{repository}/manifest/{digest}/labels", tag = "manifest",
    request_body = NewLabel, params(("repository" = String, Path), ("digest" = String, Path)),
    responses((status = 201, body = AddedView), (status = 400), (status = 403), (status = 404)))]
pub(super) async fn add(asked: &Asked<'_>, digest: &str) -> Answer {
    let allowed = asked.app.core.allow::<Push>(&asked.visitor.caller, asked.name).await?;
    let body: NewLabel = asked.body()?;
    let digest = in_path(digest)?;
    let media_type = body.media_type.as_deref().unwrap_or("text/plain");
    let label = asked.app.core.add_label(&allowed, &digest, &body.key, &body.value, media_type).await?;
    let location = format!("/api/v1/repository/{}/manifest/{digest}/labels/{}", asked.name, label.id);
    let mut response = reply::json(StatusCode::CREATED, &AddedView { label: label.into() });
    let location = HeaderValue::try_from(location)
        .map_err(|error| Trouble::Core(quay_core::Error::Internal(error.into())))?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// One label of a manifest.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/manifest/{digest}/labels/{label}", tag = "manifest",
    params(("repository" = String, Path), ("digest" = String, Path), ("label" = String, Path)),
    responses((status = 200, body = LabelView), (status = 403), (status = 404)))]
pub(super) async fn show(asked: &Asked<'_>, digest: &str, label: &str) -> Answer {
    let allowed = asked.app.core.allow::<Pull>(&asked.visitor.caller, asked.name).await?;
    let found = asked.app.core.label(&allowed, &in_path(digest)?, label).await?;
    Ok(reply::json(StatusCode::OK, &LabelView::from(found)))
}

/// Takes away a label that somebody added.
#[utoipa::path(delete, path = "/api/v1/repository/{repository}/manifest/{digest}/labels/{label}", tag = "manifest",
    params(("repository" = String, Path), ("digest" = String, Path), ("label" = String, Path)),
    responses((status = 204), (status = 400), (status = 403), (status = 404)))]
pub(super) async fn delete(asked: &Asked<'_>, digest: &str, label: &str) -> Answer {
    let allowed = asked.app.core.allow::<Push>(&asked.visitor.caller, asked.name).await?;
    asked.app.core.delete_label(&allowed, &in_path(digest)?, label).await?;
    Ok(no_content())
}
