//! Tags as people see them: what they point at, what they pointed at once, and going back.

use jiff::Timestamp;
use quay_db::tables::tag_entries::{self, Entry as Lived};
use quay_db::tables::tags::{self as rows, SetTag};
use quay_db::tables::{manifests, repos};
use quay_db::{RepoId, Tx, UserId};
use quay_oci::{Attachment, Digest, TagName};

use crate::audit::Entry;
use crate::clock::timestamp;
use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::hiding::{bring_back, bring_children_back};
use crate::page::{Page, cut};
use crate::perms::{Administer, Allowed, Pull, Push};
use crate::push::{immutable, set_tag};
use crate::tag_rows::TagTarget;

/// Entries on one page at most.
const A_PAGE: u32 = 100;

/// A lifetime of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagEntry {
    /// The tag.
    pub name: String,
    /// What it points or pointed at.
    pub target: TagTarget,
    /// Since when.
    pub started: Timestamp,
    /// Until when; in the future for a tag that will expire.
    pub ended: Option<Timestamp>,
    /// Whether it came to be by going back.
    pub reversion: bool,
    /// Whether it can be moved and deleted.
    pub immutable: bool,
}

/// Which lifetimes to show.
#[derive(Debug, Clone, Default)]
pub struct TagQuery {
    /// Only this tag.
    pub name: Option<String>,
    /// Only tags whose name holds this text.
    pub like: Option<String>,
    /// Only what lives.
    pub only_active: bool,
    /// From 1.
    pub page: u32,
    /// Entries on a page.
    pub limit: u32,
}

impl Core {
    /// Lifetimes of tags, newest first. One read, however many there are.
    pub async fn tag_history(&self, at: &Allowed<Pull>, query: &TagQuery) -> Result<Page<TagEntry>> {
        let (repo, now_ms) = (at.repo(), self.now_ms());
        let limit = query.limit.clamp(1, A_PAGE);
        let offset = i64::from(query.page.max(1) - 1) * i64::from(limit);
        let query = query.clone();
        let found = self
            .db()
            .scan(async move |c| {
                let filter = tag_entries::Filter {
                    repo,
                    name: query.name.as_deref(),
                    contains: query.like.as_deref().unwrap_or_default(),
                    only_current: query.only_active,
                    now_ms,
                };
                tag_entries::page(c, &filter, limit + 1, offset).await
            })
            .await?;
        Ok(cut(found, limit as usize).map(shown))
    }

    /// Points a tag at a manifest of the repository.
    pub async fn set_tag(&self, at: &Allowed<Push>, tag: &TagName, digest: &Digest) -> Result<()> {
        let move_to = self.tag_move(at, tag, digest)?;
        self.db()
            .write(async move |tx| -> Result<()> {
                let (repo, namespace) = move_to.place(tx).await?;
                let manifest = manifests::head(tx, repo, &move_to.digest).await?.ok_or(Missing::Manifest)?;
                let known = rows::get(tx, repo, move_to.tag.as_str(), move_to.now_ms).await?;
                let set = SetTag {
                    repo,
                    name: move_to.tag.as_str(),
                    manifest: manifest.id,
                    end_ms: None,
                    reversion: false,
                    now_ms: move_to.now_ms,
                };
                set_tag(tx, namespace, &set).await?;
                let kind = if known.is_some() { "move_tag" } else { "create_tag" };
                move_to.record(tx, kind, namespace, repo).await
            })
            .await
    }

    /// Goes back: points a tag at what it pointed at once, though that may have been deleted.
    pub async fn restore_tag(&self, at: &Allowed<Push>, tag: &TagName, digest: &Digest) -> Result<()> {
        let move_to = self.tag_move(at, tag, digest)?;
        self.db()
            .write(async move |tx| -> Result<()> {
                let (repo, namespace) = move_to.place(tx).await?;
                let name = move_to.tag.as_str();
                let once = rows::last_lifetime(tx, repo, name, &move_to.digest).await?.ok_or(Missing::Tag)?;
                let known = manifests::get(tx, once.manifest).await?;
                let known = known.ok_or(Missing::Tag)?.head;
                bring_back(tx, namespace, &known, move_to.now_ms).await?;
                // An index is nothing without its children; a list of referrers brings back none that was deleted.
                if Attachment::of_tag(name).is_none() {
                    bring_children_back(tx, namespace, once.manifest, move_to.now_ms).await?;
                }
                let set = SetTag {
                    repo,
                    name,
                    manifest: once.manifest,
                    end_ms: None,
                    reversion: true,
                    now_ms: move_to.now_ms,
                };
                set_tag(tx, namespace, &set).await?;
                move_to.record(tx, "revert_tag", namespace, repo).await
            })
            .await
    }

    /// Changes when a tag expires; `None` is never.
    pub async fn set_tag_end(&self, at: &Allowed<Push>, tag: &TagName, end: Option<Timestamp>) -> Result<()> {
        let (repo, now_ms, tag) = (at.place.repo.ok_or(Missing::Repository)?, self.now_ms(), tag.clone());
        let end_ms = end.map(Timestamp::as_millisecond);
        if end_ms.is_some_and(|end_ms| end_ms <= now_ms) {
            return Err(Error::bad_request("The expiration of a tag must lie in the future"));
        }
        let entry = Entry::by("change_tag_expiration", &at.caller, now_ms)
            .detail("repo", at.place.name.repository())
            .detail("namespace", at.place.name.namespace())
            .detail("tag", tag.as_str())
            .detail("expiration_date", end_ms.map(|end_ms| end_ms / 1000));
        self.db()
            .write(async move |tx| -> Result<()> {
                let place = repos::get(tx, repo).await?.ok_or(Missing::Repository)?;
                let known = rows::get(tx, repo, tag.as_str(), now_ms).await?.ok_or(Missing::Tag)?;
                if known.immutable {
                    return Err(immutable(tag.as_str()));
                }
                if !rows::set_expiry(tx, repo, tag.as_str(), end_ms, now_ms).await? {
                    return Err(Missing::Tag.into());
                }
                entry.on_repo(place.namespace, repo).record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Fixes a tag so that it can be neither moved nor deleted. To let it go again takes the right to administer.
    pub async fn set_tag_immutable(&self, at: &Allowed<Push>, tag: &TagName, immutable: bool) -> Result<()> {
        let (repo, now_ms, tag) = (at.place.repo.ok_or(Missing::Repository)?, self.now_ms(), tag.clone());
        if !self.rules().immutable_tags {
            return Err(Error::bad_request("Immutable tags are switched off by FEATURE_IMMUTABLE_TAGS"));
        }
        if !immutable {
            self.allow::<Administer>(&at.caller, at.repository()).await?;
        }
        let entry = Entry::by("change_tag_immutability", &at.caller, now_ms)
            .detail("repo", at.place.name.repository())
            .detail("namespace", at.place.name.namespace())
            .detail("tag", tag.as_str())
            .detail("immutable", immutable);
        self.db()
            .write(async move |tx| -> Result<()> {
                let place = repos::get(tx, repo).await?.ok_or(Missing::Repository)?;
                let known = rows::get(tx, repo, tag.as_str(), now_ms).await?.ok_or(Missing::Tag)?;
                if known.immutable != immutable {
                    rows::set_immutable(tx, repo, tag.as_str(), immutable).await?;
                    entry.on_repo(place.namespace, repo).record(tx).await?;
                }
                Ok(())
            })
            .await
    }

    fn tag_move(&self, at: &Allowed<Push>, tag: &TagName, digest: &Digest) -> Result<TagMove> {
        let now_ms = self.now_ms();
        Ok(TagMove {
            repo: at.place.repo.ok_or(Missing::Repository)?,
            tag: tag.clone(),
            digest: digest.clone(),
            now_ms,
            entry: Entry::by("move_tag", &at.caller, now_ms)
                .detail("repo", at.place.name.repository())
                .detail("namespace", at.place.name.namespace())
                .detail("tag", tag.as_str())
                .detail("manifest_digest", digest.as_str()),
        })
    }
}

/// A tag on its way to a manifest.
struct TagMove {
    repo: RepoId,
    tag: TagName,
    digest: Digest,
    now_ms: i64,
    entry: Entry,
}

impl TagMove {
    async fn place(&self, tx: &mut Tx) -> Result<(RepoId, UserId)> {
        let repo = repos::get(tx, self.repo).await?.ok_or(Missing::Repository)?;
        Ok((repo.id, repo.namespace))
    }

    async fn record(self, tx: &mut Tx, kind: &'static str, namespace: UserId, repo: RepoId) -> Result<()> {
        self.entry.called(kind).on_repo(namespace, repo).record(tx).await?;
        repos::touch(tx, repo, self.now_ms).await?;
        Ok(())
    }
}

fn shown(entry: Lived) -> TagEntry {
    TagEntry {
        name: entry.name,
        target: entry.facts.into(),
        started: timestamp(entry.start_ms),
        ended: entry.end_ms.map(timestamp),
        reversion: entry.reversion,
        immutable: entry.immutable,
    }
}
