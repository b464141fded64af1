//! Lines of the audit log as every log of the console shows them, and how far back these look.
//!
//! Owns: what a line shows. Must not know: whose log it is, its words, and what stands around the lines.

use jiff::{SignedDuration, Timestamp};
use quay_core::{LogEntry, LogPosition, LogQuery};
use serde_json::Value;

use super::deeds::{Details, Piece, told};
use super::parts::Moment;

/// Lines on a page.
const ROWS: u32 = 50;
/// How far back the log is searched for one page.
const REACH: SignedDuration = SignedDuration::from_hours(24 * 90);

/// A line.
pub(super) struct Row {
    pub(super) at: Moment,
    pub(super) deed: Vec<Piece>,
    /// What the sentence does not tell.
    pub(super) details: Details,
    pub(super) performer: Option<String>,
    pub(super) address: Option<String>,
}

impl Row {
    /// A line with those details that `is_told` picks by key and value; those without a value are never told.
    pub(super) fn new(entry: LogEntry, is_told: impl Fn(&str, &Value) -> bool) -> Self {
        let details = match entry.metadata {
            Value::Object(details) => details
                .into_iter()
                .filter(|(key, value)| !value.is_null() && is_told(key, value))
                .map(|(key, value)| (key, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                .collect(),
            _ => Vec::new(),
        };
        let (deed, details) = told(&entry.kind, details);
        Self { at: Moment::new(entry.at), deed, details, performer: entry.performer, address: entry.address }
    }
}

/// One page of what was done until now, by anybody or by one account.
pub(super) fn until_now(performer: Option<String>, before: Option<LogPosition>) -> LogQuery {
    let now = Timestamp::now();
    LogQuery {
        from: now.checked_sub(REACH).unwrap_or(Timestamp::UNIX_EPOCH),
        to: now.checked_add(SignedDuration::from_mins(1)).unwrap_or(now),
        performer,
        before,
        limit: ROWS,
    }
}
