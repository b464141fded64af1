//! Rows of a page of tags, with what is said about each of them: by whom it is signed, how much refers to it.
//!
//! A page is cut from an index that holds everything it is filtered by, whatever it is sorted by; only the rows that
//! are left are looked up. Two statements make a page, however long it is.

use quay_oci::{ArtifactKind, Digest};

use crate::engine::{Conn, Row, first, params, statements};
use crate::{Error, RepoId};

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The name, by its bytes.
    Name,
    /// Since when the tag points where it does.
    Modified,
    /// The size.
    Size,
}

/// Which tags.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The repository.
    pub repo: RepoId,
    /// Only names that contain this, whatever its case; all when empty.
    pub contains: &'a str,
    /// Only artifacts of this kind.
    pub kind: Option<ArtifactKind>,
    /// Also tags that are attachments of other manifests.
    pub attached: bool,
    /// Now.
    pub now_ms: i64,
}

/// A current tag and what is known of its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// Its name.
    pub name: String,
    /// The manifest it points at.
    pub digest: Digest,
    /// What that is.
    pub kind: ArtifactKind,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type, or the type of its config.
    pub artifact_type: Option<String>,
    /// The type of its config.
    pub config_media_type: Option<String>,
    /// How many bytes its layers have.
    pub size: i64,
    /// Since when the tag points there.
    pub start_ms: i64,
    /// When it expires.
    pub end_ms: Option<i64>,
    /// Whether it may neither move nor go.
    pub immutable: bool,
    /// How many manifests an index lists.
    pub children: i64,
    /// How many manifests refer to it, up to 1000.
    pub referrers: i64,
    /// A signature that refers to it.
    pub signed_by_referrer: Option<Digest>,
    /// The signature under its tag for signatures.
    pub signed_by_tag: Option<Digest>,
    /// A signature that a client's own index of referrers lists.
    pub signed_by_listed: Option<Digest>,
}

/// The name under which clients attach to a manifest, without its suffix: at most 64 digits of its digest.
macro_rules! attached_name {
    () => {
        "substr(replace(m.digest, ':', '-'), 1, 71)"
    };
}

macro_rules! facts {
    ($from:expr) => {
        concat!(
            "SELECT t.name, m.digest, t.kind, m.media_type, m.artifact_type, m.config_media_type, t.size, t.start_ms,
             t.end_ms, t.immutable,
             (SELECT count(*) FROM manifest_children c WHERE c.manifest_id = m.id),
             (SELECT count(*) FROM (SELECT 1 FROM manifests r
              WHERE r.repo_id = $1 AND r.subject = m.digest AND r.state = 0 LIMIT 1000) page),
             (SELECT r.digest FROM manifests r WHERE r.repo_id = $1 AND r.subject = m.digest
              AND r.kind = 'signature' AND r.state = 0 ORDER BY r.digest LIMIT 1),
             (SELECT sm.digest FROM tags s JOIN manifests sm ON sm.id = s.manifest_id
              WHERE s.repo_id = $1 AND s.name = ", attached_name!(), " || '.sig'
              AND s.kind = 'signature' AND (s.end_ms IS NULL OR s.end_ms > $2)),
             (SELECT k.digest FROM tags f JOIN manifest_children c ON c.manifest_id = f.manifest_id
              JOIN manifests k ON k.repo_id = c.repo_id AND k.digest = c.digest
              WHERE f.repo_id = $1 AND f.name = ", attached_name!(), " AND (f.end_ms IS NULL OR f.end_ms > $2)
              AND k.state = 0 AND k.kind = 'signature' ORDER BY c.digest LIMIT 1) ",
            $from
        )
    };
}

macro_rules! matching {
    () => {
        "n.repo_id = $1 AND (n.end_ms IS NULL OR n.end_ms > $2)
         AND ($3 = '' OR replace(lower(n.name), lower($3), '') <> lower(n.name))
         AND ($4 IS NULL OR n.kind = $4) AND n.attached <= $5"
    };
}

macro_rules! page {
    ($order:literal) => {
        facts!(concat!(
            "FROM (SELECT n.name AS name FROM tags n WHERE ",
            matching!(),
            " ORDER BY ",
            $order,
            " LIMIT $6 OFFSET $7) page
             JOIN tags t ON t.repo_id = $1 AND t.name = page.name JOIN manifests m ON m.id = t.manifest_id"
        ))
    };
}

statements! {
    BY_NAME = page!("n.name");
    BY_NAME_DOWN = page!("n.name DESC");
    BY_TIME = page!("n.start_ms, n.name");
    BY_TIME_DOWN = page!("n.start_ms DESC, n.name DESC");
    BY_SIZE = page!("n.size, n.name");
    BY_SIZE_DOWN = page!("n.size DESC, n.name DESC");
    COUNT = concat!("SELECT count(*) FROM tags n WHERE ", matching!());
    ONE = facts!("FROM tags t JOIN manifests m ON m.id = t.manifest_id
             WHERE t.repo_id = $1 AND t.name = $3 AND (t.end_ms IS NULL OR t.end_ms > $2)");
}

fn row(row: &Row<'_>) -> Result<TagRow, Error> {
    Ok(TagRow {
        name: row.get(0)?,
        digest: row.get(1)?,
        kind: row.get(2)?,
        media_type: row.get(3)?,
        artifact_type: row.get(4)?,
        config_media_type: row.get(5)?,
        size: row.get(6)?,
        start_ms: row.get(7)?,
        end_ms: row.get(8)?,
        immutable: row.get(9)?,
        children: row.get(10)?,
        referrers: row.get(11)?,
        signed_by_referrer: row.get(12)?,
        signed_by_tag: row.get(13)?,
        signed_by_listed: row.get(14)?,
    })
}

/// A page of current tags.
pub async fn page(
    c: &mut Conn,
    of: &Filter<'_>,
    order: Order,
    descending: bool,
    limit: u32,
    offset: i64,
) -> Result<Vec<TagRow>, Error> {
    let sql = match (order, descending) {
        (Order::Name, false) => BY_NAME,
        (Order::Name, true) => BY_NAME_DOWN,
        (Order::Modified, false) => BY_TIME,
        (Order::Modified, true) => BY_TIME_DOWN,
        (Order::Size, false) => BY_SIZE,
        (Order::Size, true) => BY_SIZE_DOWN,
    };
    let values = params![of.repo, of.now_ms, of.contains, of.kind, of.attached, limit, offset];
    let mut rows = c.all(sql, values, row).await?;
    // No engine promises to keep the order of what a part of a statement has sorted.
    rows.sort_by(|a, b| {
        let by = match order {
            Order::Name => std::cmp::Ordering::Equal,
            Order::Modified => a.start_ms.cmp(&b.start_ms),
            Order::Size => a.size.cmp(&b.size),
        };
        let by = by.then_with(|| a.name.cmp(&b.name));
        if descending { by.reverse() } else { by }
    });
    Ok(rows)
}

/// How many current tags there are on all pages.
pub async fn count(c: &mut Conn, of: &Filter<'_>) -> Result<i64, Error> {
    c.one(COUNT, params![of.repo, of.now_ms, of.contains, of.kind, of.attached], first).await
}

/// One current tag.
pub async fn get(c: &mut Conn, repo: RepoId, name: &str, now_ms: i64) -> Result<Option<TagRow>, Error> {
    c.opt(ONE, params![repo, now_ms, name], row).await
}
