//! The past of a repository's tags, and the way back.

use askama::Template;
use quay_core::{ChangePosition, TagChange, TagChanged, TagChangesQuery};

use super::format;
use super::frame::{Frame, page};
use super::parts::Moment;
use super::problem::Answer;
use super::repository::wish::address;
use super::repository::{Asked, Head};

/// Changes on a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "repository/history.html")]
struct Page {
    frame: Frame,
    head: Head,
    search: String,
    rows: Vec<Row>,
    newest: Option<String>,
    older: Option<String>,
}

struct Row {
    name: String,
    what: &'static str,
    colour: &'static str,
    at: Moment,
    digest: String,
    short: String,
    previous: Option<(String, String)>,
    /// Where it is restored; nothing when it points there now.
    restore: Option<String>,
}

/// The tab with the history.
pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let search = asked.wish.get("search").to_owned();
    let before: Option<ChangePosition> = asked.wish.get("before").parse().ok();
    let query = TagChangesQuery {
        search: Some(search.clone()).filter(|text| !text.is_empty()),
        before,
        limit: ROWS,
        ..TagChangesQuery::default()
    };
    let found = asked.app.core.tag_changes(&asked.pull, &query).await?;
    let base = super::repository::base(&asked.name);
    let link = |before: &str| address(&base, &[("tab", "history"), ("search", &*search), ("before", before)]);
    let older = found.items.last().filter(|_| found.more).map(|last| link(&last.position.to_string()));
    let rows = found.items.into_iter().map(|change| shown(asked, &base, change)).collect();
    page(&Page {
        frame: asked.frame(asked.name.to_string(), false),
        head: asked.head("history"),
        rows,
        newest: before.map(|_| link("")),
        older,
        search,
    })
}

fn shown(asked: &Asked<'_>, base: &str, change: TagChange) -> Row {
    let (what, colour) = match change.what {
        TagChanged::Created => ("created", "pf-m-green"),
        TagChanged::Moved => ("moved", "pf-m-blue"),
        TagChanged::Reverted => ("reverted", "pf-m-purple"),
        TagChanged::Deleted => ("deleted", "pf-m-red"),
        TagChanged::Expired => ("expired", "pf-m-orange"),
    };
    let parameters = [("tag", &*change.name), ("digest", change.digest.as_str())];
    let restore = (asked.view.can_write && !change.current)
        .then(|| address(&format!("{base}/-/restore-tag"), &parameters));
    Row {
        what,
        colour,
        at: Moment::new(change.at),
        short: format::short(&change.digest),
        digest: change.digest.to_string(),
        previous: change.previous.map(|digest| (format::short(&digest), digest.to_string())),
        restore,
        name: change.name,
    }
}
