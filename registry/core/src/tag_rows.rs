//! Tags as a console lists them: a page, sorted and filtered, with what is known of what they point at.

use jiff::Timestamp;
use quay_db::tables::manifest_facts::Facts;
use quay_db::tables::{tag_rows as rows, tags};
use quay_oci::{ArtifactKind, Attachment, Digest, TagName, media_type};

use crate::clock::timestamp;
use crate::core::Core;
use crate::error::{Missing, Result};
use crate::perms::{Allowed, Pull};

/// Rows on one page at most.
const A_PAGE: u32 = 100;

/// What tags are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TagSort {
    /// The name, by its bytes.
    Name,
    /// Since when they point where they do.
    #[default]
    Modified,
    /// The size.
    Size,
}

/// Which tags to show, and in what order.
#[derive(Debug, Clone)]
pub struct TagRowQuery {
    /// Only tags whose name holds this text, whatever its case.
    pub search: Option<String>,
    /// What they are sorted by.
    pub sort: TagSort,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Only artifacts of this kind.
    pub kind: Option<ArtifactKind>,
    /// Leaves out tags that are attachments: `sha256-<hex>`, with or without `.sig`, `.att`, `.sbom`.
    pub hide_attached: bool,
    /// From 1.
    pub page: u32,
    /// Rows on a page.
    pub limit: u32,
}

impl Default for TagRowQuery {
    /// The newest twenty, without attachments.
    fn default() -> Self {
        Self {
            search: None,
            sort: TagSort::default(),
            descending: true,
            kind: None,
            hide_attached: true,
            page: 1,
            limit: 20,
        }
    }
}

/// A page of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRows {
    /// The rows of this page.
    pub rows: Vec<TagRow>,
    /// How many tags match, on all pages.
    pub total: u64,
    /// This page, from 1.
    pub page: u32,
    /// How many pages there are; one when nothing matches.
    pub pages: u32,
    /// The next page, if there is one.
    pub next: Option<u32>,
}

/// A tag and what it points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    /// The tag.
    pub name: String,
    /// What it points at.
    pub target: TagTarget,
    /// Since when the tag points there.
    pub modified: Timestamp,
    /// When the tag will expire.
    pub expires: Option<Timestamp>,
    /// Whether it can be neither moved nor deleted.
    pub immutable: bool,
}

/// What a tag points at, or once pointed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagTarget {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub kind: ArtifactKind,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type; falls back to the type of its configuration.
    pub artifact_type: Option<String>,
    /// The type of its configuration.
    pub config_media_type: Option<String>,
    /// Sum of its layers' sizes; for an index, of all its children's.
    pub size: u64,
    /// Whether it is a list of manifests.
    pub is_index: bool,
    /// How many manifests that list has.
    pub child_count: u32,
    /// A signature of it. That there is one says nothing about whose it is.
    pub signed_by: Option<Signature>,
    /// How many manifests refer to it, counted up to 1000.
    pub referrers: u32,
}

/// Where the signature of a manifest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its tag, when it is under one.
    pub tag: Option<String>,
    /// Its digest.
    pub digest: Digest,
}

impl Core {
    /// A page of current tags. Two reads, however many rows.
    pub async fn tag_rows(&self, at: &Allowed<Pull>, query: &TagRowQuery) -> Result<TagRows> {
        let (repo, now_ms, query) = (at.repo(), self.now_ms(), query.clone());
        let limit = query.limit.clamp(1, A_PAGE);
        let page = query.page.max(1);
        let (total, found) = self
            .db()
            .scan(async move |c| -> Result<_> {
                let filter = rows::Filter {
                    repo,
                    contains: query.search.as_deref().unwrap_or_default(),
                    kind: query.kind,
                    attached: !query.hide_attached,
                    now_ms,
                };
                let order = match query.sort {
                    TagSort::Name => rows::Order::Name,
                    TagSort::Modified => rows::Order::Modified,
                    TagSort::Size => rows::Order::Size,
                };
                let total = rows::count(c, &filter).await?.cast_unsigned();
                let offset = i64::from(page - 1) * i64::from(limit);
                // What lies beyond the end need not be looked for.
                let found = match offset.cast_unsigned() < total {
                    true => rows::page(c, &filter, order, query.descending, limit, offset).await?,
                    false => Vec::new(),
                };
                Ok((total, found))
            })
            .await?;
        let pages = u32::try_from(total.div_ceil(u64::from(limit))).unwrap_or(u32::MAX).max(1);
        let next = (page < pages).then(|| page + 1);
        Ok(TagRows { rows: found.into_iter().map(shown).collect(), total, page, pages, next })
    }

    /// One current tag.
    pub async fn tag_row(&self, at: &Allowed<Pull>, tag: &TagName) -> Result<TagRow> {
        let (repo, now_ms) = (at.repo(), self.now_ms());
        self.db()
            .read(async |c| -> Result<_> {
                if let Some(found) = rows::get(c, repo, tag.as_str(), now_ms).await? {
                    return Ok(shown(found));
                }
                let once = !tags::history(c, repo, Some(tag.as_str()), None, 1).await?.is_empty();
                Err(if once { Missing::TagExpired(tag.as_str().to_owned()) } else { Missing::Tag }.into())
            })
            .await
    }

    /// Current tags by name, in the order asked for, at most as many as a page has; nothing where there is none.
    pub async fn chosen_tags(&self, at: &Allowed<Pull>, names: &[TagName]) -> Result<Vec<Option<TagRow>>> {
        let (repo, now_ms, names) = (at.repo(), self.now_ms(), names.to_vec());
        self.db()
            .scan(async move |c| -> Result<_> {
                let mut found = Vec::new();
                for name in names.iter().take(A_PAGE as usize) {
                    found.push(rows::get(c, repo, name.as_str(), now_ms).await?.map(shown));
                }
                Ok(found)
            })
            .await
    }
}

fn shown(row: rows::TagRow) -> TagRow {
    TagRow {
        name: row.name,
        target: row.facts.into(),
        modified: timestamp(row.start_ms),
        expires: row.end_ms.map(timestamp),
        immutable: row.immutable,
    }
}

impl From<Facts> for TagTarget {
    fn from(facts: Facts) -> Self {
        Self {
            kind: facts.kind,
            is_index: media_type::is_index(&facts.media_type),
            size: facts.size.cast_unsigned(),
            child_count: small(facts.children),
            signed_by: signature(&facts),
            referrers: small(facts.referrers),
            media_type: facts.media_type,
            artifact_type: facts.artifact_type,
            config_media_type: facts.config_media_type,
            digest: facts.digest,
        }
    }
}

/// The signature of a manifest; one that has a name of its own before one that has none.
fn signature(facts: &Facts) -> Option<Signature> {
    let tagged = facts.signed_by_tag.as_ref().map(|digest| Signature {
        tag: Some(Attachment::Signature.tag_of(&facts.digest)),
        digest: digest.clone(),
    });
    let untagged = facts.signed_by_referrer.as_ref().or(facts.signed_by_listed.as_ref());
    tagged.or_else(|| untagged.map(|digest| Signature { tag: None, digest: digest.clone() }))
}

fn small(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
