//! Tags of a repository and their past.

use http::StatusCode;
use jiff::Timestamp;
use quay_core::perms::{Delete, Pull, Push};
use quay_core::{TagEntry, TagQuery};
use quay_oci::{Digest, TagName};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::flag;
use super::outcome::{Answer, Trouble};
use super::repository::{Asked, no_content};
use super::view::date;
use crate::http::reply;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only this tag.
    #[serde(default, rename = "specificTag")]
    specific_tag: Option<String>,
    /// `like:part` or `eq:name`.
    #[serde(default)]
    filter_tag_name: Option<String>,
    /// Only tags that are alive, without their past.
    #[serde(default, rename = "onlyActiveTags", deserialize_with = "flag")]
    only_active_tags: bool,
    /// From 1.
    #[serde(default)]
    page: Option<u32>,
    /// At most 100.
    #[serde(default)]
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct TagsView {
    tags: Vec<TagView>,
    page: u32,
    has_additional: bool,
}

#[derive(Serialize, ToSchema)]
struct TagView {
    name: String,
    reversion: bool,
    start_ts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_ts: Option<i64>,
    manifest_digest: String,
    is_manifest_list: bool,
    immutable: bool,
    size: Option<u64>,
    last_modified: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    /// Only of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    child_manifest_count: Option<u32>,
    /// `image`, `index`, `helm-chart`, `signature`, `attestation`, `sbom`, `wasm`, `model` and so on.
    artifact_kind: &'static str,
    artifact_type: Option<String>,
    config_media_type: Option<String>,
    /// Counted up to 1000.
    referrers_count: u32,
    /// The tag of a signature, when it is under one.
    cosign_signature_tag: Option<String>,
    cosign_signature_manifest_digest: Option<String>,
}

impl TagView {
    fn new(entry: &TagEntry) -> Self {
        let target = &entry.target;
        let signature = target.signed_by.as_ref();
        Self {
            name: entry.name.clone(),
            reversion: entry.reversion,
            start_ts: entry.started.as_second(),
            end_ts: entry.ended.map(Timestamp::as_second),
            manifest_digest: target.digest.to_string(),
            is_manifest_list: target.is_index,
            immutable: entry.immutable,
            size: (!target.is_index).then_some(target.size),
            last_modified: date(entry.started),
            expiration: entry.ended.map(date),
            child_manifest_count: target.is_index.then_some(target.child_count),
            artifact_kind: target.kind.as_str(),
            artifact_type: target.artifact_type.clone(),
            config_media_type: target.config_media_type.clone(),
            referrers_count: target.referrers,
            cosign_signature_tag: signature.and_then(|signature| signature.tag.clone()),
            cosign_signature_manifest_digest: signature.map(|signature| signature.digest.to_string()),
        }
    }
}

/// A tag as it stands beside its repository.
pub(super) fn brief(entry: &TagEntry) -> serde_json::Value {
    json!({
        "name": entry.name,
        "size": (!entry.target.is_index).then_some(entry.target.size),
        "last_modified": date(entry.started),
        "manifest_digest": entry.target.digest.as_str(),
    })
}

/// The tags of a repository, newest first, with their past unless only living ones are asked for.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/tag/", tag = "tag",
    params(("repository" = String, Path), ListQuery), responses((status = 200, body = TagsView), (status = 403)))]
pub(super) async fn list(asked: &Asked<'_>) -> Answer {
    let query: ListQuery = asked.query()?;
    let allowed = asked.app.core.allow::<Pull>(&asked.visitor.caller, asked.name).await?;
    let (mut name, mut like) = (query.specific_tag, None);
    match query.filter_tag_name.as_deref().map(|filter| filter.split_once(':')) {
        None => {}
        Some(Some(("like", part))) => like = Some(part.to_owned()),
        Some(Some(("eq", whole))) => name = Some(whole.to_owned()),
        Some(_) => {
            return Err(Trouble::Request(
                "filter_tag_name must be in format <operation>:<tag_name>, with operation like or eq"
                    .to_owned(),
            ));
        }
    }
    let page = query.page.unwrap_or(1).max(1);
    let limit = query.limit.unwrap_or(50).clamp(1, 100);
    let query = TagQuery { name, like, only_active: query.only_active_tags, page, limit };
    let found = asked.app.core.tag_history(&allowed, &query).await?;
    let tags = found.items.iter().map(TagView::new).collect();
    Ok(reply::json(StatusCode::OK, &TagsView { tags, page, has_additional: found.more }))
}

/// For the description only: an absent member means something else than `null`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read member by member")]
struct PutTag {
    manifest_digest: Option<String>,
    expiration: Option<i64>,
    /// Whether it may neither move nor go.
    immutable: Option<bool>,
}

/// Makes a tag, points it elsewhere, gives it an end, or fixes it.
#[utoipa::path(put, path = "/api/v1/repository/{repository}/tag/{tag}", tag = "tag", request_body = PutTag,
    params(("repository" = String, Path), ("tag" = String, Path)),
    responses((status = 201, description = "\"Updated\""), (status = 400), (status = 404)))]
pub(super) async fn put(asked: &Asked<'_>, tag: &str) -> Answer {
    let allowed = asked.app.core.allow::<Push>(&asked.visitor.caller, asked.name).await?;
    let tag = tag_name(tag)?;
    let body: serde_json::Map<String, serde_json::Value> = asked.body()?;
    let wrong = |what: &str| Trouble::Request(format!("Invalid JSON body: {what}"));
    let digest = match body.get("manifest_digest") {
        None => None,
        Some(value) => {
            Some(digest_of(value.as_str().ok_or_else(|| wrong("manifest_digest must be a string"))?)?)
        }
    };
    // Absent leaves the end as it is, null takes it away.
    let end = match body.get("expiration") {
        None => None,
        Some(serde_json::Value::Null) => Some(None),
        Some(value) => {
            let second = value.as_i64().and_then(|second| Timestamp::from_second(second).ok());
            Some(Some(second.ok_or_else(|| wrong("expiration must be seconds since 1970"))?))
        }
    };
    let immutable = match body.get("immutable") {
        None => None,
        Some(value) => Some(value.as_bool().ok_or_else(|| wrong("immutable must be true or false"))?),
    };
    if digest.is_none() && end.is_none() && immutable.is_none() {
        return Err(wrong("manifest_digest, expiration or immutable is required"));
    }
    if let Some(digest) = digest {
        asked.app.core.set_tag(&allowed, &tag, &digest).await?;
    }
    if let Some(end) = end {
        asked.app.core.set_tag_end(&allowed, &tag, end).await?;
    }
    if let Some(immutable) = immutable {
        asked.app.core.set_tag_immutable(&allowed, &tag, immutable).await?;
    }
    Ok(reply::json(StatusCode::CREATED, &"Updated"))
}

/// Deletes a tag; it can be restored for as long as the time machine reaches back.
#[utoipa::path(delete, path = "/api/v1/repository/{repository}/tag/{tag}", tag = "tag",
    params(("repository" = String, Path), ("tag" = String, Path)), responses((status = 204), (status = 404)))]
pub(super) async fn delete(asked: &Asked<'_>, tag: &str) -> Answer {
    let allowed = asked.app.core.allow::<Delete>(&asked.visitor.caller, asked.name).await?;
    asked.app.core.delete_tag(&allowed, &tag_name(tag)?).await?;
    Ok(no_content())
}

#[derive(Deserialize, ToSchema)]
struct RestoreTag {
    manifest_digest: String,
}

/// Brings a tag back to what it once pointed to.
#[utoipa::path(post, path = "/api/v1/repository/{repository}/tag/{tag}/restore", tag = "tag", request_body = RestoreTag,
    params(("repository" = String, Path), ("tag" = String, Path)), responses((status = 200), (status = 404)))]
pub(super) async fn restore(asked: &Asked<'_>, tag: &str) -> Answer {
    let allowed = asked.app.core.allow::<Push>(&asked.visitor.caller, asked.name).await?;
    let body: RestoreTag = asked.body()?;
    asked.app.core.restore_tag(&allowed, &tag_name(tag)?, &digest_of(&body.manifest_digest)?).await?;
    Ok(reply::json(StatusCode::OK, &json!({})))
}

fn tag_name(text: &str) -> Answer<TagName> {
    text.parse().map_err(|error: quay_oci::TagError| Trouble::Request(error.to_string()))
}

fn digest_of(text: &str) -> Answer<Digest> {
    text.parse().map_err(|error: quay_oci::DigestError| Trouble::Request(error.to_string()))
}
