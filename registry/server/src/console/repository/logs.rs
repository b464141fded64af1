//! What was done to a repository, by whom, from where.

use askama::Template;
use quay_core::LogScope;
use quay_core::perms::Administer;

use super::super::frame::{Frame, page};
use super::super::log_lines::{Row, until_now};
use super::super::problem::Answer;
use super::wish::address;
use super::{Asked, Head};

#[derive(Template)]
#[template(path = "repository/logs.html")]
struct Page {
    frame: Frame,
    head: Head,
    rows: Vec<Row>,
    newest: Option<String>,
    older: Option<String>,
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let allowed = asked.app.core.allow::<Administer>(asked.visit.caller(), &asked.name).await?;
    let before = asked.wish.get("before").parse().ok();
    let found = asked.app.core.log_lines(LogScope::Repository(&allowed), &until_now(None, before)).await?;
    let base = super::base(&asked.name);
    let link = |before: &str| address(&base, &[("tab", "logs"), ("before", before)]);
    let older = found.items.last().filter(|_| found.more).map(|last| link(&last.position.to_string()));
    page(&Page {
        frame: asked.frame(asked.name.to_string(), false),
        head: asked.head("logs"),
        rows: found
            .items
            .into_iter()
            .map(|line| Row::new(line, |key, _| !matches!(key, "repo" | "namespace")))
            .collect(),
        newest: before.map(|_| link("")),
        older,
    })
}
