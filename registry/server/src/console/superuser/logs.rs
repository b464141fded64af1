//! What was done in the whole installation, by whom, from where.

use askama::Template;
use axum::extract::State;
use http::Uri;
use quay_core::LogScope;

use super::super::frame::{Frame, Section, page};
use super::super::log_lines::{Row, until_now};
use super::super::problem::Answer;
use super::super::repository::wish::{Wish, address};
use super::super::visit::Visit;
use super::powers;
use crate::http::App;

const PATH: &str = "/usage-logs";

#[derive(Template)]
#[template(path = "superuser/logs.html")]
struct Logs {
    frame: Frame,
    performer: String,
    rows: Vec<Row>,
    newest: Option<String>,
    older: Option<String>,
}

/// `GET /usage-logs`.
pub(super) async fn show(State(app): State<App>, visit: Visit, uri: Uri) -> Answer {
    let allowed = powers(&app, &visit).await?;
    let wish = Wish::of(&uri);
    let performer = wish.get("performer").to_owned();
    let by = Some(performer.clone()).filter(|name| !name.is_empty());
    let query = until_now(by, wish.get("before").parse().ok());
    let found = app.core.log_lines(LogScope::Everything(&allowed), &query).await?;
    let to = |before: &str| address(PATH, &[("performer", &performer), ("before", before)]);
    page(&Logs {
        frame: visit.frame("Usage Logs").section(Section::UsageLogs),
        newest: query.before.map(|_| to("")),
        older: found.items.last().filter(|_| found.more).map(|last| to(&last.position.to_string())),
        rows: found.items.into_iter().map(|line| Row::new(line, |_, value| value != "")).collect(),
        performer,
    })
}
