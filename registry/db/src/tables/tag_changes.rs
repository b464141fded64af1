//! What happened to tags, read from their lifetimes: every beginning is a change, and every end that is not the
//! beginning of the next lifetime of the same name.

use quay_oci::Digest;

use crate::engine::{Conn, Row, params, statements};
use crate::{Error, RepoId, TagId};

/// The beginning of a lifetime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Began {
    /// The lifetime.
    pub lifetime: TagId,
    /// The tag.
    pub name: String,
    /// The manifest it pointed at from then on.
    pub digest: Digest,
    /// When.
    pub at_ms: i64,
    /// Until when.
    pub end_ms: Option<i64>,
    /// Whether it was restored rather than pushed.
    pub reversion: bool,
    /// The manifest it pointed at in the lifetime before, if any.
    pub previous: Option<Digest>,
    /// When that lifetime ended.
    pub previous_end_ms: Option<i64>,
}

/// The end of a lifetime after which the tag was gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The lifetime.
    pub lifetime: TagId,
    /// The tag.
    pub name: String,
    /// The manifest it pointed at.
    pub digest: Digest,
    /// When.
    pub at_ms: i64,
    /// Whether somebody ended it, rather than its time.
    pub deleted: bool,
}

/// Which changes.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The repository.
    pub repo: RepoId,
    /// Only those of this tag.
    pub name: Option<&'a str>,
    /// Only those of tags whose name contains this, whatever its case; all when empty.
    pub contains: &'a str,
    /// Now: ends in the future are none yet.
    pub now_ms: i64,
}

macro_rules! began {
    ($only:literal) => {
        concat!(
            "SELECT h.id, h.name, h.digest, h.start_ms, h.end_ms, h.reversion,
             (SELECT p.digest FROM tag_history p WHERE p.repo_id = h.repo_id AND p.name = h.name
              AND (p.start_ms, p.id) < (h.start_ms, h.id) ORDER BY p.start_ms DESC, p.id DESC LIMIT 1),
             (SELECT p.end_ms FROM tag_history p WHERE p.repo_id = h.repo_id AND p.name = h.name
              AND (p.start_ms, p.id) < (h.start_ms, h.id) ORDER BY p.start_ms DESC, p.id DESC LIMIT 1)
             FROM tag_history h WHERE h.repo_id = $1 AND (h.start_ms, h.id) < ($2, $3) AND ",
            $only,
            " ORDER BY h.start_ms DESC, h.id DESC LIMIT $4"
        )
    };
}

macro_rules! ended {
    ($end:literal, $only:literal, $order:literal) => {
        concat!(
            "SELECT h.id, h.name, h.digest, h.end_ms, h.deleted FROM tag_history h
             WHERE h.repo_id = $1 AND (",
            $end,
            ", h.id) < ($2, $3) AND ",
            $end,
            " <= $6 AND ",
            $only,
            " AND NOT EXISTS (SELECT 1 FROM tag_history n WHERE n.repo_id = h.repo_id AND n.name = h.name
             AND n.start_ms = h.end_ms AND n.id > h.id)
             ORDER BY ",
            $order,
            " LIMIT $4"
        )
    };
}

statements! {
    BEGAN = began!("($5 = '' OR replace(lower(h.name), lower($5), '') <> lower(h.name))");
    BEGAN_OF = began!("h.name = $5");
    ENDED = ended!("h.end_ms", "($5 = '' OR replace(lower(h.name), lower($5), '') <> lower(h.name))", "h.end_ms DESC, h.id DESC");
    // Lifetimes of one name follow each other, so they end in the order in which they begin. The sum keeps the engine
    // from going through all ends instead.
    ENDED_OF = ended!("h.end_ms + 0", "h.name = $5", "h.start_ms DESC, h.id DESC");
}

fn beginning(row: &Row<'_>) -> Result<Began, Error> {
    Ok(Began {
        lifetime: row.get(0)?,
        name: row.get(1)?,
        digest: row.get(2)?,
        at_ms: row.get(3)?,
        end_ms: row.get(4)?,
        reversion: row.get(5)?,
        previous: row.get(6)?,
        previous_end_ms: row.get(7)?,
    })
}

fn ending(row: &Row<'_>) -> Result<Ended, Error> {
    Ok(Ended {
        lifetime: row.get(0)?,
        name: row.get(1)?,
        digest: row.get(2)?,
        at_ms: row.get(3)?,
        deleted: row.get(4)?,
    })
}

/// Beginnings, newest first, before a time and lifetime.
pub async fn began(
    c: &mut Conn,
    of: &Filter<'_>,
    before: (i64, TagId),
    limit: u32,
) -> Result<Vec<Began>, Error> {
    let (at_ms, id) = before;
    match of.name {
        Some(name) => c.all(BEGAN_OF, params![of.repo, at_ms, id, limit, name], beginning).await,
        None => c.all(BEGAN, params![of.repo, at_ms, id, limit, of.contains], beginning).await,
    }
}

/// Ends, newest first, before a time and lifetime.
pub async fn ended(
    c: &mut Conn,
    of: &Filter<'_>,
    before: (i64, TagId),
    limit: u32,
) -> Result<Vec<Ended>, Error> {
    let (at_ms, id) = before;
    let (sql, only) = of.name.map_or((ENDED, of.contains), |name| (ENDED_OF, name));
    c.all(sql, params![of.repo, at_ms, id, limit, only, of.now_ms], ending).await
}
