//! What a repository is for, and how to get something into it or out of it.

use askama::Template;
use quay_core::TagRowQuery;
use quay_core::perms::Push;

use super::super::commands::{self, At};
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, page, render};
use super::super::markdown::{self, SafeHtml};
use super::super::parts::{Moment, Steps, own_ca, steps, way};
use super::super::problem::Answer;
use super::{Asked, Head, back};

/// Longest description; core has the last word.
const LONGEST: usize = 64 << 10;

#[derive(Template)]
#[template(path = "repository/information.html")]
struct Page {
    frame: Frame,
    head: Head,
    description: SafeHtml,
    created: Moment,
    modified: Moment,
    /// The newest tag, which the commands are about; without one they push.
    newest: Option<String>,
    recipes: Vec<Steps>,
    own_ca: bool,
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let newest = TagRowQuery { limit: 1, ..TagRowQuery::default() };
    let newest = asked.app.core.tag_rows(&asked.pull, &newest).await?.rows.pop();
    let (host, own_ca) = (asked.visit.host(), own_ca(asked.app));
    let recipes = match &newest {
        Some(row) => {
            let tag = Some(row.name.as_str());
            let at = At { host, repository: &asked.name, tag, digest: &row.target.digest, own_ca };
            commands::recipes(way(row.target.kind), &at, row.target.signed_by.is_some())
        }
        None if asked.view.can_write => commands::first_push(host, &asked.name, asked.visit.user(), own_ca),
        None => Vec::new(),
    };
    let text = asked.view.repository.description.clone();
    page(&Page {
        frame: asked.frame(asked.name.to_string(), false),
        head: asked.head("information"),
        description: markdown::render_apart(text).await?,
        created: Moment::new(asked.view.repository.created),
        modified: Moment::new(asked.view.repository.modified),
        newest: newest.map(|row| row.name),
        recipes: steps(recipes),
        own_ca,
    })
}

#[derive(Template)]
#[template(path = "repository/description.html")]
struct Form<'a> {
    frame: Frame,
    head: Head,
    text: &'a str,
    errors: Errors,
}

/// The form for the description.
pub(super) async fn form(asked: &Asked<'_>) -> Answer {
    asked.app.core.allow::<Push>(asked.visit.caller(), &asked.name).await?;
    written(asked, &asked.view.repository.description, Errors::default())
}

fn written(asked: &Asked<'_>, text: &str, errors: Errors) -> Answer {
    let status = errors.status();
    let frame = asked.frame("Edit description", true);
    Ok(render(status, &Form { frame, head: asked.head("information"), text, errors }))
}

/// Changes the description.
pub(super) async fn describe(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = asked.app.core.allow::<Push>(asked.visit.caller(), &asked.name).await?;
    let text = fields.raw("description").replace("\r\n", "\n");
    if text.len() > LONGEST {
        let errors = Errors::at("description", format!("At most {LONGEST} bytes; these are {}", text.len()));
        return written(asked, &text, errors);
    }
    match asked.app.core.set_description(&allowed, text.trim()).await {
        Ok(()) => back(asked, "information", "The description was saved."),
        Err(error) => written(asked, &text, Errors::of(error, "description")?),
    }
}
