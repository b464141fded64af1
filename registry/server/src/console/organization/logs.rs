//! What was done in a namespace, by whom, from where.

use askama::Template;
use quay_core::LogScope;

use super::super::frame::{Frame, page};
use super::super::log_lines::{Row, until_now};
use super::super::problem::Answer;
use super::super::repository::wish::address;
use super::Asked;
use super::place::Place;

#[derive(Template)]
#[template(path = "organization/logs.html")]
struct Logs {
    frame: Frame,
    place: Place,
    performer: String,
    rows: Vec<Row>,
    newest: Option<String>,
    older: Option<String>,
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let manage = asked.manage().await?;
    let performer = asked.wish.get("performer").to_owned();
    let by = Some(performer.clone()).filter(|name| !name.is_empty());
    let query = until_now(by, asked.wish.get("before").parse().ok());
    let found = asked.app.core.log_lines(LogScope::Namespace(&manage), &query).await?;
    let (path, tab) = (asked.place.path(), asked.place.tab.key());
    let to = |before: &str| address(&path, &[("tab", tab), ("performer", &performer), ("before", before)]);
    let newest = query.before.map(|_| to(""));
    let older = found.items.last().filter(|_| found.more).map(|last| to(&last.position.to_string()));
    page(&Logs {
        frame: asked.frame(),
        place: asked.place.clone(),
        rows: found
            .items
            .into_iter()
            .map(|line| Row::new(line, |key, value| key != "namespace" && value != ""))
            .collect(),
        performer,
        newest,
        older,
    })
}
