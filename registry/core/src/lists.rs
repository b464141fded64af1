//! Lists of the registry protocol: tags, repositories, referrers. All by key, none by scan.

use bytes::Bytes;
use quay_db::tables::{manifests, tags};
use quay_oci::{Attachment, Digest, media_type};
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
/// Referrers on one page, about.
const REFERRERS_A_PAGE: usize = 1_000;
/// Bytes of annotations on one page, about.
const REFERRERS_BYTES: usize = 4 << 20;
/// Referrers read at first, and at most, in one step; steps grow while the annotations are small.
const FIRST_STEP: u32 = 8;
const LONGEST_STEP: u32 = 256;
const SMALL_STEP: usize = 64 << 10;

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
        let after = last.map(|last| {
            let (namespace, name) = last.split_once('/').unwrap_or((last, ""));
            (namespace.to_owned(), name.to_owned())
        });
        let found = self.in_sight(caller, self.sight(caller), after, limit(n)).await?;
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
        let (now_ms, list) = (self.now_ms(), Attachment::Referrers.tag_of(subject));
        let mut last = last.cloned();
        let (mut found, mut bytes, mut step, mut more) = (Vec::new(), 0, FIRST_STEP, true);
        // Annotations may be large: a page ends by its bytes, too, and is read in steps that fit the memory.
        while more && found.len() < REFERRERS_A_PAGE && bytes < REFERRERS_BYTES {
            let mut read = self
                .db()
                .read(async |c| -> Result<_> {
                    let (last, n) = (last.as_ref(), step + 1);
                    let mut read = manifests::referrers(c, repo, subject, artifact_type, last, n).await?;
                    // Clients keep a list of their own where a registry has none, and it may come along in a copy.
                    let listed =
                        manifests::listed_referrers(c, repo, &list, subject, artifact_type, last, n, now_ms);
                    read.extend(listed.await?);
                    Ok(read)
                })
                .await?;
            read.sort_by(|a, b| a.digest.as_str().cmp(b.digest.as_str()));
            let read = cut(read, step as usize);
            more = read.more;
            let came: usize =
                read.items.iter().map(|item| item.annotations.as_ref().map_or(0, Vec::len)).sum();
            bytes += came;
            step = if came < SMALL_STEP { (step * 2).min(LONGEST_STEP) } else { FIRST_STEP };
            last = read.items.last().map(|item| item.digest.clone()).or(last);
            found.extend(read.items);
        }
        let page = Page { items: found, more };
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
