//! Lists of the registry protocol: tags, repositories, referrers. All by key, none by scan.

use bytes::Bytes;
use quay_db::UserId;
use quay_db::tables::{manifests, repos, tags};
use quay_oci::{Digest, media_type};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::caller::Caller;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::page::{Page, cut};
use crate::perms::{Allowed, Pull};

/// Tags on one page at most, and when no number is given.
const TAGS_A_PAGE: usize = 1_000;
/// Repositories on one page at most, and when no number is given.
const REPOSITORIES_A_PAGE: usize = 100;
/// Referrers on one page.
const REFERRERS_A_PAGE: usize = 1_000;

/// What refers to a manifest, as an image index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrers {
    /// The index document.
    pub index: Bytes,
    /// Whether it was filtered by artifact type.
    pub filtered: bool,
    /// Where the next page begins.
    pub next: Option<Digest>,
}

impl Core {
    /// Names of the current tags, in the order of their bytes, beginning after `last`.
    pub async fn tags(
        &self,
        at: &Allowed<Pull>,
        n: Option<usize>,
        last: Option<&str>,
    ) -> Result<Page<String>> {
        let n = n.unwrap_or(TAGS_A_PAGE).min(TAGS_A_PAGE);
        if n == 0 {
            return Ok(Page::empty());
        }
        let (repo, now_ms) = (at.repo(), self.now_ms());
        let names = self.db().read(async |c| tags::names(c, repo, last, limit(n), now_ms).await).await?;
        Ok(cut(names, n))
    }

    /// Names of the repositories that the caller may pull, beginning after `last`.
    pub async fn catalog(
        &self,
        caller: &Caller,
        n: Option<usize>,
        last: Option<&str>,
    ) -> Result<Page<String>> {
        let n = n.unwrap_or(REPOSITORIES_A_PAGE).min(REPOSITORIES_A_PAGE);
        let rules = self.rules();
        let anonymous_sees = rules.anonymous_access && rules.config.feature_public_catalog;
        if n == 0 || (caller.is_anonymous() && !anonymous_sees) {
            return Ok(Page::empty());
        }
        let after = last.map(|last| last.split_once('/').unwrap_or((last, "")));
        let sees_everything = caller.person().is_some_and(|me| {
            rules.reads_everything(&me.name) || (rules.superusers_full_access && rules.is_superuser(&me.name))
        });
        let found = self
            .db()
            .read(async |c| match caller.user_id() {
                Some(_) if sees_everything => repos::list_all(c, after, limit(n)).await,
                Some(id) => repos::list_visible(c, UserId(id), after, limit(n)).await,
                None => repos::list_public(c, after, limit(n)).await,
            })
            .await?;
        Ok(cut(found, n).map(|repo| format!("{}/{}", repo.namespace_name, repo.name)))
    }

    /// What refers to a manifest, known or not; with a filter, only what has this artifact type.
    pub async fn referrers(
        &self,
        at: &Allowed<Pull>,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: Option<&Digest>,
    ) -> Result<Referrers> {
        let (repo, artifact_type) = (at.repo(), artifact_type.filter(|text| !text.is_empty()));
        let found = self
            .db()
            .read(async |c| {
                manifests::referrers(c, repo, subject, artifact_type, last, limit(REFERRERS_A_PAGE)).await
            })
            .await?;
        let page = cut(found, REFERRERS_A_PAGE);
        let next = page.more.then(|| page.items.last().map(|last| last.digest.clone())).flatten();
        let mut manifests = Vec::with_capacity(page.items.len());
        for item in &page.items {
            manifests.push(Entry {
                media_type: &item.media_type,
                digest: &item.digest,
                size: item.size,
                artifact_type: item.artifact_type.as_deref(),
                annotations: item
                    .annotations
                    .as_deref()
                    .map(serde_json::from_slice)
                    .transpose()
                    .map_err(broken)?,
            });
        }
        let index = Index { schema_version: 2, media_type: media_type::OCI_INDEX, manifests };
        let index = serde_json::to_vec(&index).map_err(broken)?.into();
        Ok(Referrers { index, filtered: artifact_type.is_some(), next })
    }
}

/// One more than the page holds, to see whether there is more.
fn limit(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1)
}

fn broken(error: serde_json::Error) -> Error {
    Error::Internal(Box::new(error))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'a str,
    manifests: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    media_type: &'a str,
    digest: &'a Digest,
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a RawValue>,
}
