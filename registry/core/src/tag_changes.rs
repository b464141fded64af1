//! The past of tags as a list of changes: made, moved, gone back, deleted, expired.
//!
//! A change is the beginning of a lifetime, or an end that is not the beginning of the next. Both are read newest
//! first and woven into one list, whose pages begin where the one before ended.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use quay_db::TagId;
use quay_db::tables::tag_changes as rows;
use quay_oci::Digest;

use crate::clock::timestamp;
use crate::core::Core;
use crate::error::Result;
use crate::page::{Page, cut};
use crate::perms::{Allowed, Pull};

/// Changes on one page at most.
const A_PAGE: u32 = 100;

/// Which changes to show.
#[derive(Debug, Clone)]
pub struct TagChangesQuery {
    /// Only those of this tag.
    pub name: Option<String>,
    /// Only those of tags whose name holds this text, whatever its case.
    pub search: Option<String>,
    /// Only those before this place: the last of the page before.
    pub before: Option<ChangePosition>,
    /// Changes on a page.
    pub limit: u32,
}

impl Default for TagChangesQuery {
    fn default() -> Self {
        Self { name: None, search: None, before: None, limit: 50 }
    }
}

/// What happened to a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagChange {
    /// For asking for what lies before it.
    pub position: ChangePosition,
    /// The tag.
    pub name: String,
    /// What happened.
    pub what: TagChanged,
    /// When.
    pub at: Timestamp,
    /// What it pointed at from then on, or until then.
    pub digest: Digest,
    /// What it pointed at before a move.
    pub previous: Option<Digest>,
    /// Whether this is how it stands now.
    pub current: bool,
}

/// The ways in which a tag changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagChanged {
    /// It was made.
    Created,
    /// It was pointed elsewhere.
    Moved,
    /// It went back to what it pointed at once.
    Reverted,
    /// Somebody took it away.
    Deleted,
    /// Its time had come.
    Expired,
}

impl TagChanged {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Moved => "moved",
            Self::Reverted => "reverted",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
        }
    }
}

/// A place in the list of changes; as text, fit for a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangePosition {
    at_ms: i64,
    lifetime: i64,
    /// A lifetime ends after it has begun, even within one millisecond.
    is_end: bool,
}

impl fmt::Display for ChangePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at_ms, self.lifetime, u8::from(self.is_end))
    }
}

/// A text that is no place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a list of changes")]
pub struct BadPosition;

impl FromStr for ChangePosition {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let mut parts = text.split('.');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (at_ms, lifetime, end) = (number(), number(), number());
        match (at_ms, lifetime, end, parts.next()) {
            (Some(at_ms), Some(lifetime), Some(end @ 0..=1), None) => {
                Ok(Self { at_ms, lifetime, is_end: end == 1 })
            }
            _ => Err(BadPosition),
        }
    }
}

impl Core {
    /// Changes of tags, newest first. Whatever a change tells of can be restored.
    pub async fn tag_changes(&self, at: &Allowed<Pull>, query: &TagChangesQuery) -> Result<Page<TagChange>> {
        let (repo, now_ms, query) = (at.repo(), self.now_ms(), query.clone());
        let limit = query.limit.clamp(1, A_PAGE);
        self.db()
            .scan(async move |c| -> Result<_> {
                let newest = ChangePosition { at_ms: i64::MAX, lifetime: i64::MAX, is_end: true };
                let before = query.before.unwrap_or(newest);
                let filter = rows::Filter {
                    repo,
                    name: query.name.as_deref(),
                    contains: query.search.as_deref().unwrap_or_default(),
                    now_ms,
                };
                // Before an end lies the beginning of the same lifetime.
                let next = before.lifetime.saturating_add(i64::from(before.is_end));
                let began = rows::began(c, &filter, (before.at_ms, TagId(next)), limit + 1).await?;
                let ended =
                    rows::ended(c, &filter, (before.at_ms, TagId(before.lifetime)), limit + 1).await?;
                let began = began.into_iter().map(|row| beginning(row, now_ms));
                let mut changes: Vec<_> = began.chain(ended.into_iter().map(ending)).collect();
                changes.sort_by_key(|change| Reverse(change.position));
                Ok(cut(changes, limit as usize))
            })
            .await
    }
}

fn beginning(row: rows::Began, now_ms: i64) -> TagChange {
    let moved = row.previous.is_some() && row.previous_end_ms == Some(row.at_ms);
    let what = match (row.reversion, moved) {
        (true, _) => TagChanged::Reverted,
        (false, true) => TagChanged::Moved,
        (false, false) => TagChanged::Created,
    };
    TagChange {
        position: ChangePosition { at_ms: row.at_ms, lifetime: row.lifetime.0, is_end: false },
        name: row.name,
        what,
        at: timestamp(row.at_ms),
        digest: row.digest,
        previous: row.previous.filter(|_| moved),
        current: row.end_ms.is_none_or(|end_ms| end_ms > now_ms),
    }
}

fn ending(row: rows::Ended) -> TagChange {
    TagChange {
        position: ChangePosition { at_ms: row.at_ms, lifetime: row.lifetime.0, is_end: true },
        name: row.name,
        what: if row.deleted { TagChanged::Deleted } else { TagChanged::Expired },
        at: timestamp(row.at_ms),
        digest: row.digest,
        previous: None,
        current: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_and_read_back() {
        let place = ChangePosition { at_ms: 1_800_000_000_000, lifetime: 7, is_end: true };
        assert_eq!(place.to_string(), "1800000000000.7.1");
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "1.2", "1.2.3", "1.2.1.0", "a.b.c", "1.2.", "99999999999999999999.1.0"] {
            assert_eq!(wrong.parse::<ChangePosition>(), Err(BadPosition), "{wrong}");
        }
    }
}
