//! What was done in a namespace, by whom, from where.

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use quay_core::{LogEntry, LogQuery, LogScope};
use serde_json::Value;

use super::super::frame::{Frame, page};
use super::super::parts::Moment;
use super::super::problem::Answer;
use super::super::repository::wish::address;
use super::Asked;
use super::place::Place;

/// Lines on a page.
const ROWS: u32 = 50;
/// How far back the log goes.
const REACH: SignedDuration = SignedDuration::from_hours(24 * 90);

#[derive(Template)]
#[template(path = "organization/logs.html")]
struct Logs {
    frame: Frame,
    place: Place,
    performer: String,
    rows: Vec<Row>,
    later: bool,
    next: Option<String>,
}

struct Row {
    at: Moment,
    deed: String,
    details: Vec<(String, String)>,
    performer: Option<String>,
    address: Option<String>,
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let manage = asked.manage().await?;
    let now = Timestamp::now();
    let performer = asked.wish.get("performer").to_owned();
    let query = LogQuery {
        from: now.checked_sub(REACH).unwrap_or(Timestamp::UNIX_EPOCH),
        to: now.checked_add(SignedDuration::from_mins(1)).unwrap_or(now),
        performer: Some(performer.clone()).filter(|name| !name.is_empty()),
        before: asked.wish.get("before").parse().ok(),
        limit: ROWS,
    };
    let later = query.before.is_some();
    let found = asked.app.core.log_lines(LogScope::Namespace(&manage), &query).await?;
    let next = found.items.last().filter(|_| found.more).map(|last| {
        let (tab, before) = (asked.place.tab.key(), last.position.to_string());
        address(&asked.place.path(), &[("tab", tab), ("performer", &performer), ("before", &before)])
    });
    page(&Logs {
        frame: asked.frame(),
        place: asked.place.clone(),
        rows: found.items.into_iter().map(row).collect(),
        performer,
        later,
        next,
    })
}

fn row(entry: LogEntry) -> Row {
    let details = match entry.metadata {
        Value::Object(details) => details
            .into_iter()
            .filter(|(key, value)| key != "namespace" && !value.is_null() && value != "")
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

/// `create_robot` → `create robot`.
fn words(key: &str) -> String {
    key.replace('_', " ")
}
