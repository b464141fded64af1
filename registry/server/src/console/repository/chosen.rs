//! Several tags at once: what was chosen on the tags page, what will happen to each of them, and what came of it.
//!
//! Every tag is changed on its own: what one of them refuses keeps no other from being changed, and is told.

use askama::Template;
use jiff::Timestamp;
use quay_core::perms::{Delete, Push};
use quay_core::{Error, TagRow};
use quay_oci::TagName;

use super::super::format;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, render};
use super::super::parts::Moment;
use super::super::problem::{Answer, Problem};
use super::{Asked, Head, back};

/// Tags that are changed at once.
const MOST: usize = 100;

/// What is done to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Delete,
    Expire,
}

#[derive(Template)]
#[template(path = "repository/chosen.html")]
struct Page {
    frame: Frame,
    head: Head,
    deed: Deed,
    /// The tags that will be changed.
    rows: Vec<Row>,
    /// The tags that will not be, or were not, and why.
    left: Vec<Left>,
    /// Whether more were chosen than are changed at once.
    cut: bool,
    most: usize,
    expires: String,
    undo_until: Option<Moment>,
    /// What was done, once it was.
    done: Option<String>,
    errors: Errors,
}

struct Row {
    name: String,
    digest: String,
    short: String,
    expires: Option<Moment>,
}

struct Left {
    name: String,
    why: String,
}

impl Page {
    fn new(asked: &Asked<'_>, deed: Deed) -> Self {
        let title = match deed {
            Deed::Delete => "Delete tags",
            Deed::Expire => "Change expiration",
        };
        Self {
            frame: asked.frame(title, true),
            head: asked.head("tags"),
            deed,
            rows: Vec::new(),
            left: Vec::new(),
            cut: false,
            most: MOST,
            expires: String::new(),
            undo_until: None,
            done: None,
            errors: Errors::default(),
        }
    }

    fn deletes(&self) -> bool {
        self.deed == Deed::Delete
    }
}

/// `GET`: what will happen to the tags that were chosen.
pub(super) async fn form(asked: &Asked<'_>, action: &str) -> Answer {
    let deed = match action {
        "delete-tags" => Deed::Delete,
        "expire-tags" => Deed::Expire,
        _ => return Err(Problem::NotFound),
    };
    asked.app.core.allow::<Push>(asked.visit.caller(), &asked.name).await?;
    let names = asked.wish.all("tag").map(str::to_owned).collect();
    question(asked, deed, names, "", Errors::default()).await
}

async fn question(
    asked: &Asked<'_>,
    deed: Deed,
    mut names: Vec<String>,
    expires: &str,
    errors: Errors,
) -> Answer {
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return back(asked, "tags", "No tag was chosen: tick the tags first.");
    }
    let mut page = Page::new(asked, deed);
    page.cut = names.len() > MOST;
    names.truncate(MOST);
    let (good, bad): (Vec<_>, Vec<_>) = names
        .into_iter()
        .map(|name| name.parse::<TagName>().map_err(|error| (name, error)))
        .partition(Result::is_ok);
    let bad = bad.into_iter().filter_map(Result::err);
    page.left.extend(bad.map(|(name, error)| Left { name, why: error.to_string() }));
    let good: Vec<TagName> = good.into_iter().filter_map(Result::ok).collect();
    let found = asked.app.core.chosen_tags(&asked.pull, &good).await?;
    for (name, row) in good.into_iter().zip(found) {
        match row {
            None => page.left.push(Left { name: name.to_string(), why: GONE.to_owned() }),
            Some(row) if row.immutable => page.left.push(Left { name: row.name, why: IMMUTABLE.to_owned() }),
            Some(row) => page.rows.push(Row::new(row)),
        }
    }
    if deed == Deed::Delete {
        let window = jiff::SignedDuration::from_secs(asked.view.tag_expiration_s.max(0));
        page.undo_until = Timestamp::now().checked_add(window).ok().map(Moment::new);
    }
    page.expires = expires.to_owned();
    page.errors = errors;
    Ok(render(page.errors.status(), &page))
}

const GONE: &str = "There is no such tag any more.";
const IMMUTABLE: &str = "It is immutable: it can be neither moved nor deleted.";

/// Deletes the tags.
pub(super) async fn delete_tags(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = asked.app.core.allow::<Delete>(asked.visit.caller(), &asked.name).await?;
    let names = chosen(fields);
    if names.is_empty() {
        return question(asked, Deed::Delete, Vec::new(), "", Errors::default()).await;
    }
    let mut outcome = Outcome::default();
    for name in names {
        let result = match name.parse::<TagName>() {
            Ok(tag) => asked.app.core.delete_tag(&allowed, &tag).await,
            Err(error) => {
                outcome.left.push(Left { name, why: error.to_string() });
                continue;
            }
        };
        outcome.note(name, result)?;
    }
    let said = |count: usize| match count {
        1 => "1 tag was deleted. Its history has a way to restore it.".to_owned(),
        count => format!("{count} tags were deleted. The tag history has a way to restore them."),
    };
    outcome.tell(asked, Deed::Delete, said)
}

/// Changes when the tags expire.
pub(super) async fn expire_tags(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = asked.app.core.allow::<Push>(asked.visit.caller(), &asked.name).await?;
    let (names, typed) = (chosen(fields), fields.text("expires"));
    let end = match fields.optional("expires").map(format::read_field_moment) {
        None => None,
        Some(Some(at)) => Some(at),
        Some(None) => {
            let errors = Errors::at("expires", "Write a date and a time in UTC, like 2030-12-31T23:59");
            return question(asked, Deed::Expire, names, typed, errors).await;
        }
    };
    if names.is_empty() {
        return question(asked, Deed::Expire, names, typed, Errors::default()).await;
    }
    let mut outcome = Outcome::default();
    for name in &names {
        let result = match name.parse::<TagName>() {
            Ok(tag) => asked.app.core.set_tag_end(&allowed, &tag, end).await,
            Err(error) => {
                outcome.left.push(Left { name: name.clone(), why: error.to_string() });
                continue;
            }
        };
        match result {
            // The moment is wrong, for this one as for all: the form has a field for it.
            Err(error @ Error::Invalid { .. }) if outcome.changed == 0 => {
                let errors = Errors::of(error, "expires")?;
                return question(asked, Deed::Expire, names, typed, errors).await;
            }
            result => outcome.note(name.clone(), result)?,
        }
    }
    let when = end.map_or_else(|| "never".to_owned(), |at| format!("on {}", format::moment(at)));
    let said = |count: usize| match (count, end.is_some()) {
        (1, true) => format!("1 tag expires {when}."),
        (1, false) => "1 tag never expires.".to_owned(),
        (count, true) => format!("{count} tags expire {when}."),
        (count, false) => format!("{count} tags never expire."),
    };
    outcome.tell(asked, Deed::Expire, said)
}

/// The tags of a form; more than are shown by any page of ours are not looked at.
fn chosen(fields: &Fields) -> Vec<String> {
    let mut names: Vec<String> = fields.all("tag").map(|name| name.trim().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(MOST);
    names
}

/// What came of changing tag after tag.
#[derive(Default)]
struct Outcome {
    changed: usize,
    left: Vec<Left>,
}

impl Outcome {
    /// Notes what came of one tag. A fault of ours, and a right that was taken away, end it all.
    fn note(&mut self, name: String, result: Result<(), Error>) -> Answer<()> {
        match result {
            Ok(()) => self.changed += 1,
            Err(error @ (Error::Internal(_) | Error::Refused(_))) => return Err(error.into()),
            Err(Error::NotFound(_)) => self.left.push(Left { name, why: GONE.to_owned() }),
            Err(Error::Immutable { .. }) => self.left.push(Left { name, why: IMMUTABLE.to_owned() }),
            Err(other) => self.left.push(Left { name, why: other.message() }),
        }
        Ok(())
    }

    /// Back to the tags when all went well, else a page that says which were left out and why.
    fn tell(self, asked: &Asked<'_>, deed: Deed, said: impl Fn(usize) -> String) -> Answer {
        if self.left.is_empty() {
            return back(asked, "tags", &said(self.changed));
        }
        let mut page = Page::new(asked, deed);
        page.done = Some(match self.changed {
            0 => "Nothing was changed.".to_owned(),
            count => said(count),
        });
        page.left = self.left;
        Ok(render(http::StatusCode::UNPROCESSABLE_ENTITY, &page))
    }
}

impl Row {
    fn new(row: TagRow) -> Self {
        Self {
            short: format::short(&row.target.digest),
            digest: row.target.digest.to_string(),
            expires: row.expires.map(Moment::new),
            name: row.name,
        }
    }
}
