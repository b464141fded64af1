//! Rows of a page of tags, with what is said about each of them: by whom it is signed, how much refers to it.
//!
//! A page is cut from an index that holds everything it is filtered by, whatever it is sorted by; only the rows that
//! are left are looked up. Two statements make a page, however long it is.

use quay_oci::ArtifactKind;

use super::manifest_facts::{Facts, facts};
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
    /// Since when the tag points where it does.
    pub start_ms: i64,
    /// When it expires.
    pub end_ms: Option<i64>,
    /// Whether it may neither move nor go.
    pub immutable: bool,
    /// What it points at.
    pub facts: Facts,
}

macro_rules! columns {
    ($from:expr) => {
        concat!("SELECT t.name, t.start_ms, t.end_ms, t.immutable, ", facts!("t.kind"), " ", $from)
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
        columns!(concat!(
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
    ONE = columns!("FROM tags t JOIN manifests m ON m.id = t.manifest_id
             WHERE t.repo_id = $1 AND t.name = $3 AND (t.end_ms IS NULL OR t.end_ms > $2)");
}

fn row(row: &Row<'_>) -> Result<TagRow, Error> {
    Ok(TagRow {
        name: row.get(0)?,
        start_ms: row.get(1)?,
        end_ms: row.get(2)?,
        immutable: row.get(3)?,
        facts: Facts::read(row, 4)?,
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
            Order::Size => a.facts.size.cmp(&b.facts.size),
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
