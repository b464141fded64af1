//! What was done to a repository, by whom, from where.

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use quay_core::perms::Administer;
use quay_core::{LogEntry, LogScope};
use serde_json::Value;

use super::super::frame::{Frame, page};
use super::super::parts::Moment;
use super::super::problem::Answer;
use super::wish::address;
use super::{Asked, Head};

/// Lines on a page.
const ROWS: u32 = 50;
/// How far back the log is searched for one page.
const REACH: SignedDuration = SignedDuration::from_hours(24 * 90);

#[derive(Template)]
#[template(path = "repository/logs.html")]
struct Page {
    frame: Frame,
    head: Head,
    rows: Vec<Row>,
    later: bool,
    first_page: String,
    next_page: Option<String>,
}

struct Row {
    at: Moment,
    deed: String,
    details: Vec<(String, String)>,
    performer: Option<String>,
    address: Option<String>,
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let allowed = asked.app.core.allow::<Administer>(asked.visit.caller(), &asked.name).await?;
    let now = Timestamp::now();
    let from = now.checked_sub(REACH).unwrap_or(Timestamp::UNIX_EPOCH);
    let to = now.checked_add(SignedDuration::from_mins(1)).unwrap_or(now);
    let before = asked.wish.get("before").parse().ok();
    let scope = LogScope::Repository(&allowed);
    let found = asked.app.core.logs(scope, from, to, before, ROWS).await?;
    let base = super::base(&asked.name);
    let link = |before: &str| address(&base, &[("tab", "logs"), ("before", before)]);
    let end = found.items.last().filter(|_| found.more).map(|last| link(&last.position.to_string()));
    page(&Page {
        frame: asked.frame(asked.name.to_string(), false),
        head: asked.head("logs"),
        rows: found.items.into_iter().map(shown).collect(),
        later: before.is_some(),
        first_page: link(""),
        next_page: end,
    })
}

fn shown(entry: LogEntry) -> Row {
    let details = match entry.metadata {
        Value::Object(details) => details
            .into_iter()
            .filter(|(key, value)| !matches!(key.as_str(), "repo" | "namespace") && !value.is_null())
            .map(|(key, value)| {
                (words(&key), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect(),
        _ => Vec::new(),
    };
    Row {
        at: Moment::new(entry.at),
        deed: words(&entry.kind),
        details,
        performer: entry.performer,
        address: entry.address,
    }
}

/// `change_repo_visibility` → `change repo visibility`.
fn words(key: &str) -> String {
    key.replace('_', " ")
}
