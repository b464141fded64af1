//! Forms that change a tag or a manifest's labels, and what they do. Whatever takes something away is asked once more,
//! on a page of its own that works without a script.

use askama::Template;
use jiff::Timestamp;
use quay_core::perms::{Delete, Push};
use quay_core::{Allowed, Label, LabelSource, TagRow};
use quay_oci::{Digest, TagName};

use super::super::flash::done;
use super::super::format;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, render};
use super::super::parts::{Moment, Names};
use super::super::problem::{Answer, Problem};
use super::{Asked, Head, back};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Delete,
    Restore,
    Expire,
    Add,
    Protect,
    Release,
    RemoveLabel,
}

#[derive(Template)]
#[template(path = "repository/change.html")]
struct Page {
    frame: Frame,
    head: Head,
    change: Change,
    /// The tag; for a new one, as it was typed.
    tag: String,
    digest: String,
    /// Other tags that keep the artifact alive and reachable.
    others: Names,
    expires: String,
    /// When a restored tag points elsewhere now.
    moves_from: Option<String>,
    undo_until: Option<Moment>,
    label: Option<Label>,
    errors: Errors,
}

impl Page {
    fn new(asked: &Asked<'_>, change: Change, tag: &str, digest: &str) -> Self {
        let title = match change {
            Change::Delete => "Delete tag",
            Change::Restore => "Restore tag",
            Change::Expire => "Change expiration",
            Change::Add => "Add new tag",
            Change::Protect => "Make immutable",
            Change::Release => "Remove immutability",
            Change::RemoveLabel => "Remove label",
        };
        Self {
            frame: asked.frame(title, true),
            head: asked.head(if change == Change::Restore { "history" } else { "tags" }),
            change,
            tag: tag.to_owned(),
            digest: digest.to_owned(),
            others: Names::default(),
            expires: String::new(),
            moves_from: None,
            undo_until: None,
            label: None,
            errors: Errors::default(),
        }
    }

    fn wrong(mut self, errors: Errors) -> Answer {
        self.errors = errors;
        self.show()
    }

    fn show(self) -> Answer {
        Ok(render(self.errors.status(), &self))
    }

    fn is(&self, change: &str) -> bool {
        match self.change {
            Change::Delete => change == "delete",
            Change::Restore => change == "restore",
            Change::Expire => change == "expire",
            Change::Add => change == "add",
            Change::Protect => change == "protect",
            Change::Release => change == "release",
            Change::RemoveLabel => change == "remove-label",
        }
    }
}

/// The form for a change, with what the address names.
pub(super) async fn form(asked: &Asked<'_>, action: &str) -> Answer {
    pusher(asked).await?;
    let (tag, digest) = (asked.wish.get("tag"), asked.wish.get("digest"));
    match action {
        "delete-tag" => deletion(asked, &tag_row(asked, tag).await?).await?.show(),
        "restore-tag" => restoration(asked, &name_of(tag)?, &digest_of(digest)?).await?.show(),
        "expire-tag" => expiration(asked, &tag_row(asked, tag).await?).show(),
        "add-tag" => Page::new(asked, Change::Add, tag, digest_of(digest)?.as_str()).show(),
        "protect-tag" => {
            let row = tag_row(asked, tag).await?;
            protection(asked, &name_of(&row.name)?, !row.immutable).await?.show()
        }
        "delete-label" => label_removal(asked, &digest_of(digest)?, asked.wish.get("id")).await?.show(),
        _ => Err(Problem::NotFound),
    }
}

async fn protection(asked: &Asked<'_>, tag: &TagName, on: bool) -> Answer<Page> {
    let row = asked.app.core.tag_row(&asked.pull, tag).await?;
    if !on && !asked.view.can_admin {
        return Err(Problem::NotFound);
    }
    let change = if on { Change::Protect } else { Change::Release };
    Ok(Page::new(asked, change, &row.name, row.target.digest.as_str()))
}

async fn label_removal(asked: &Asked<'_>, digest: &Digest, id: &str) -> Answer<Page> {
    let label = asked.app.core.label(&asked.pull, digest, id).await?;
    if label.source != LabelSource::Api {
        return Err(Problem::NotFound);
    }
    let mut page = Page::new(asked, Change::RemoveLabel, "", digest.as_str());
    page.label = Some(label);
    Ok(page)
}

async fn deletion(asked: &Asked<'_>, row: &TagRow) -> Answer<Page> {
    let mut page = Page::new(asked, Change::Delete, &row.name, row.target.digest.as_str());
    let mut tags = asked.app.core.manifest_detail(&asked.pull, &row.target.digest).await?.tags;
    tags.retain(|tag| *tag != row.name);
    page.others = Names::new(tags);
    let window = jiff::SignedDuration::from_secs(asked.view.tag_expiration_s.max(0));
    page.undo_until = Timestamp::now().checked_add(window).ok().map(Moment::new);
    Ok(page)
}

async fn restoration(asked: &Asked<'_>, tag: &TagName, digest: &Digest) -> Answer<Page> {
    let mut page = Page::new(asked, Change::Restore, tag.as_str(), digest.as_str());
    page.moves_from = match asked.app.core.tag_row(&asked.pull, tag).await {
        Ok(row) => Some(row.target.digest.to_string()),
        Err(quay_core::Error::NotFound(_)) => None,
        Err(other) => return Err(other.into()),
    };
    Ok(page)
}

fn expiration(asked: &Asked<'_>, row: &TagRow) -> Page {
    let mut page = Page::new(asked, Change::Expire, &row.name, row.target.digest.as_str());
    page.expires = row.expires.map(format::field_moment).unwrap_or_default();
    page
}

/// Deletes a tag.
pub(super) async fn delete_tag(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = asked.app.core.allow::<Delete>(asked.visit.caller(), &asked.name).await?;
    let tag = name_of(fields.text("tag"))?;
    match asked.app.core.delete_tag(&allowed, &tag).await {
        Ok(()) => {
            back(asked, "tags", &format!("Tag {tag} was deleted. Its history has a way to restore it."))
        }
        Err(error) => {
            let errors = refused(error)?;
            deletion(asked, &tag_row(asked, tag.as_str()).await?).await?.wrong(errors)
        }
    }
}

/// Brings a tag back to what it once pointed to.
pub(super) async fn restore_tag(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = pusher(asked).await?;
    let (tag, digest) = (name_of(fields.text("tag"))?, digest_of(fields.text("digest"))?);
    match asked.app.core.restore_tag(&allowed, &tag, &digest).await {
        Ok(()) => back(asked, "history", &format!("Tag {tag} points to {} again.", format::short(&digest))),
        Err(error) => {
            let errors = refused(error)?;
            restoration(asked, &tag, &digest).await?.wrong(errors)
        }
    }
}

/// Changes when a tag expires.
pub(super) async fn expire_tag(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = pusher(asked).await?;
    let tag = name_of(fields.text("tag"))?;
    let wrong = async |errors: Errors| {
        let mut page = expiration(asked, &tag_row(asked, tag.as_str()).await?);
        page.expires = fields.text("expires").to_owned();
        page.wrong(errors)
    };
    let typed = fields.optional("expires");
    let end = match typed.map(format::read_field_moment) {
        None => None,
        Some(Some(at)) => Some(at),
        Some(None) => {
            return wrong(Errors::at("expires", "Write a date and a time in UTC, like 2030-12-31T23:59"))
                .await;
        }
    };
    match asked.app.core.set_tag_end(&allowed, &tag, end).await {
        Ok(()) => {
            let said = match end {
                Some(at) => format!("Tag {tag} expires on {}.", format::moment(at)),
                None => format!("Tag {tag} never expires."),
            };
            back(asked, "tags", &said)
        }
        Err(error) => wrong(Errors::of(error, "expires")?).await,
    }
}

/// Gives a manifest another tag.
pub(super) async fn add_tag(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = pusher(asked).await?;
    let digest = digest_of(fields.text("digest"))?;
    let typed = fields.text("tag");
    let page = || Page::new(asked, Change::Add, typed, digest.as_str());
    let tag: TagName = match typed.parse() {
        Ok(tag) => tag,
        Err(error) => {
            let error: quay_oci::TagError = error;
            return page().wrong(Errors::at("tag", error.to_string()));
        }
    };
    match asked.app.core.set_tag(&allowed, &tag, &digest).await {
        Ok(()) => back(asked, "tags", &format!("Tag {tag} points to {}.", format::short(&digest))),
        Err(error) => page().wrong(Errors::of(error, "tag")?),
    }
}

/// Protects a tag against being moved and deleted, or ends that.
pub(super) async fn protect_tag(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = pusher(asked).await?;
    let (tag, on) = (name_of(fields.text("tag"))?, fields.text("immutable") == "true");
    if let Err(error) = asked.app.core.set_tag_immutable(&allowed, &tag, on).await {
        let errors = refused(error)?;
        return protection(asked, &tag, on).await?.wrong(errors);
    }
    let said = if on { "cannot be moved or deleted any more" } else { "can be moved and deleted again" };
    done(asked.app, &format!("{}/tag/{tag}", super::base(&asked.name)), &format!("Tag {tag} {said}."))
}

/// Adds a label to a manifest.
pub(super) async fn add_label(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = pusher(asked).await?;
    let digest = digest_of(fields.text("digest"))?;
    let (key, value) = (fields.text("key"), fields.text("value"));
    match asked.app.core.add_label(&allowed, &digest, key, value, "text/plain").await {
        Ok(label) => done(asked.app, &labels_of(asked, &digest), &format!("Label {} was added.", label.key)),
        Err(error) => {
            let errors = Errors::of(error, "key")?;
            super::super::tag::with_label_errors(asked, &digest, key, value, errors).await
        }
    }
}

/// Takes a label away.
pub(super) async fn delete_label(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = pusher(asked).await?;
    let digest = digest_of(fields.text("digest"))?;
    asked.app.core.delete_label(&allowed, &digest, fields.text("id")).await?;
    done(asked.app, &labels_of(asked, &digest), "The label was removed.")
}

fn labels_of(asked: &Asked<'_>, digest: &Digest) -> String {
    format!("{}/manifest/{digest}#labels", super::base(&asked.name))
}

/// What core has to say about a question that has no field of its own.
fn refused(error: quay_core::Error) -> Answer<Errors> {
    let said = error.message();
    Errors::of(error, "").map(|_| Errors::whole(said))
}

async fn pusher(asked: &Asked<'_>) -> Answer<Allowed<Push>> {
    Ok(asked.app.core.allow::<Push>(asked.visit.caller(), &asked.name).await?)
}

async fn tag_row(asked: &Asked<'_>, tag: &str) -> Answer<TagRow> {
    Ok(asked.app.core.tag_row(&asked.pull, &name_of(tag)?).await?)
}

fn name_of(text: &str) -> Answer<TagName> {
    text.parse().map_err(|_: quay_oci::TagError| Problem::NotFound)
}

fn digest_of(text: &str) -> Answer<Digest> {
    text.parse().map_err(|_: quay_oci::DigestError| Problem::NotFound)
}
