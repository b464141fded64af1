//! Lifetimes of tags with what is known of their manifests: the list that Quay's API gives, newest first, page by page.
//!
//! A page is cut from an index first; only its rows are looked up.

use super::manifest_facts::{Facts, facts};
use crate::engine::{Conn, Row, params, statements};
use crate::{Error, RepoId, TagId};

/// Which lifetimes.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The repository.
    pub repo: RepoId,
    /// Only those of this tag.
    pub name: Option<&'a str>,
    /// Only those of names that contain this, whatever its case; all when empty.
    pub contains: &'a str,
    /// Only current ones.
    pub only_current: bool,
    /// Now.
    pub now_ms: i64,
}

/// A lifetime of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: TagId,
    /// The tag's name.
    pub name: String,
    /// When it began.
    pub start_ms: i64,
    /// When it ended or will end.
    pub end_ms: Option<i64>,
    /// Whether it was restored rather than pushed.
    pub reversion: bool,
    /// Whether it may neither move nor go.
    pub immutable: bool,
    /// What it pointed at.
    pub facts: Facts,
}

macro_rules! entries {
    ($id:literal, $page:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $id,
            ", h.name, h.start_ms, h.end_ms, h.reversion, h.immutable, ",
            facts!("m.kind"),
            " FROM (",
            $page,
            " LIMIT $4 OFFSET $5) page JOIN ",
            $from,
            " JOIN manifests m ON m.id = h.manifest_id"
        )
    };
}

macro_rules! current {
    ($page:literal) => {
        entries!("h.lifetime_id", $page, "tags h ON h.repo_id = $1 AND h.name = page.name")
    };
}

macro_rules! every {
    ($page:literal) => {
        entries!("h.id", $page, "tag_history h ON h.id = page.id")
    };
}

statements! {
    CURRENT = current!("SELECT n.name AS name FROM tags n WHERE n.repo_id = $1
             AND (n.end_ms IS NULL OR n.end_ms > $2)
             AND ($3 = '' OR replace(lower(n.name), lower($3), '') <> lower(n.name))
             ORDER BY n.start_ms DESC, n.lifetime_id DESC");
    CURRENT_OF = current!("SELECT n.name AS name FROM tags n WHERE n.repo_id = $1 AND n.name = $3
             AND (n.end_ms IS NULL OR n.end_ms > $2)");
    EVERY = every!("SELECT n.id AS id FROM tag_history n WHERE n.repo_id = $1
             AND ($3 = '' OR replace(lower(n.name), lower($3), '') <> lower(n.name))
             ORDER BY n.start_ms DESC, n.id DESC");
    EVERY_OF = every!("SELECT n.id AS id FROM tag_history n WHERE n.repo_id = $1 AND n.name = $3
             ORDER BY n.start_ms DESC, n.id DESC");
}

fn entry(row: &Row<'_>) -> Result<Entry, Error> {
    Ok(Entry {
        id: row.get(0)?,
        name: row.get(1)?,
        start_ms: row.get(2)?,
        end_ms: row.get(3)?,
        reversion: row.get(4)?,
        immutable: row.get(5)?,
        facts: Facts::read(row, 6)?,
    })
}

/// A page of lifetimes, newest first.
pub async fn page(c: &mut Conn, of: &Filter<'_>, limit: u32, offset: i64) -> Result<Vec<Entry>, Error> {
    let (sql, only) = match (of.name, of.only_current) {
        (None, true) => (CURRENT, of.contains),
        (Some(name), true) => (CURRENT_OF, name),
        (None, false) => (EVERY, of.contains),
        (Some(name), false) => (EVERY_OF, name),
    };
    let mut page = c.all(sql, params![of.repo, of.now_ms, only, limit, offset], entry).await?;
    // No engine promises to keep the order of what a part of a statement has sorted.
    page.sort_by_key(|entry| std::cmp::Reverse((entry.start_ms, entry.id)));
    Ok(page)
}
