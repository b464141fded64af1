//! Manifests of a repository: their text, their layers, what they are.

use http::StatusCode;
use quay_core::perms::Pull;
use quay_core::{Layer, ManifestDetail};
use quay_oci::{Digest, media_type};
use serde::Serialize;
use utoipa::ToSchema;

use super::outcome::{Answer, Trouble};
use super::repository::Asked;
use super::view::date;
use crate::http::reply;

#[derive(Serialize, ToSchema)]
struct ManifestView {
    digest: String,
    is_manifest_list: bool,
    manifest_data: String,
    config_media_type: Option<String>,
    artifact_type: Option<String>,
    artifact_kind: &'static str,
    layers_compressed_size: u64,
    layers: Option<Vec<LayerView>>,
}

#[derive(Serialize, ToSchema)]
struct LayerView {
    index: u32,
    compressed_size: u64,
    is_remote: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    urls: Vec<String>,
    command: Option<Vec<String>>,
    comment: Option<String>,
    author: Option<String>,
    blob_digest: String,
    created_datetime: Option<String>,
}

impl From<ManifestDetail> for ManifestView {
    fn from(detail: ManifestDetail) -> Self {
        let is_list = media_type::is_index(&detail.manifest.media_type);
        Self {
            digest: detail.manifest.digest.to_string(),
            is_manifest_list: is_list,
            // It was parsed as JSON when it was pushed, so it is UTF-8.
            manifest_data: String::from_utf8_lossy(&detail.manifest.bytes).into_owned(),
            config_media_type: detail.manifest.config_media_type,
            artifact_type: detail.manifest.artifact_type,
            artifact_kind: detail.kind.as_str(),
            layers_compressed_size: detail.manifest.layers_size,
            layers: (!is_list).then(|| detail.layers.into_iter().map(LayerView::from).collect()),
        }
    }
}

impl From<Layer> for LayerView {
    fn from(layer: Layer) -> Self {
        Self {
            index: layer.index,
            compressed_size: layer.size,
            is_remote: layer.remote,
            urls: layer.urls,
            command: layer.command.map(|command| vec![command]),
            comment: layer.comment,
            author: layer.author,
            blob_digest: layer.digest.to_string(),
            created_datetime: layer.created.map(date),
        }
    }
}

/// One manifest, with its layers.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/manifest/{digest}", tag = "manifest",
    params(("repository" = String, Path), ("digest" = String, Path)),
    responses((status = 200, body = ManifestView), (status = 403), (status = 404)))]
pub(super) async fn show(asked: &Asked<'_>, digest: &str) -> Answer {
    let allowed = asked.app.core.allow::<Pull>(&asked.visitor.caller, asked.name).await?;
    let found = asked.app.core.manifest_detail(&allowed, &in_path(digest)?).await?;
    Ok(reply::json(StatusCode::OK, &ManifestView::from(found)))
}

/// A digest in a path; where there is none, there is no such resource.
pub(super) fn in_path(text: &str) -> Answer<Digest> {
    text.parse().map_err(|_| Trouble::NotFound)
}
