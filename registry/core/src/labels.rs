//! Labels of manifests: read from what was pushed, added and taken away by people.
//!
//! Two labels act: `quay.expires-after` gives the tag it is pushed under an end, `quay.immutable` fixes that tag where
//! tags can be immutable.

use std::collections::BTreeMap;
use std::time::Duration;

use quay_config::Period;
use quay_db::tables::labels::{self as rows, NewLabel, Source};
use quay_db::tables::{manifests, repos};
use quay_db::{ManifestId, RepoId, Tx};
use quay_oci::{Digest, ErrorCode, ImageConfig, Manifest};

use crate::audit::Entry;
use crate::clock::ms;
use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::perms::{Allowed, Pull, Push};

/// Labels of one manifest at most.
const MOST: u32 = 500;
/// Characters of a key at most.
const LONGEST_KEY: usize = 255;
/// Bytes of a value at most.
const LONGEST_VALUE: usize = 64 << 10;
/// Beginnings of keys that people cannot add: they belong to makers of images.
const RESERVED: &[&str] = &[
    "com.docker.",
    "io.docker.",
    "org.dockerproject.",
    "org.opencontainers.",
    "io.cncf.",
    "io.kubernetes.",
    "io.k8s.",
    "io.quay",
    "com.coreos",
    "com.tectonic",
    "internal",
    "quay",
];
/// Types of values that people can add.
const VALUE_TYPES: &[&str] = &["text/plain", "application/json"];

const EXPIRES_AFTER: &str = "quay.expires-after";
const IMMUTABLE: &str = "quay.immutable";
/// An end that a label gives lies this far away at least, and at most.
const SOONEST: Duration = Duration::from_secs(3600);
const LATEST: Duration = Duration::from_secs(104 * 7 * 24 * 3600);

/// A label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its name for clients.
    pub id: String,
    /// Its key; several may have the same.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The type of its value.
    pub media_type: String,
    /// Where it comes from.
    pub source: LabelSource,
}

/// Where a label comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSource {
    /// What was pushed; it stays.
    Manifest,
    /// Somebody added it; it can be taken away.
    Api,
}

impl LabelSource {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Api => "api",
        }
    }
}

impl Core {
    /// Labels of a manifest, all or those whose key holds a text.
    pub async fn labels(
        &self,
        at: &Allowed<Pull>,
        digest: &Digest,
        filter: Option<&str>,
    ) -> Result<Vec<Label>> {
        let repo = at.repo();
        self.db()
            .read(async |c| -> Result<_> {
                let manifest = manifests::head(c, repo, digest).await?.ok_or(Missing::Manifest)?;
                let found = rows::list(c, manifest.id, filter.unwrap_or_default(), MOST).await?;
                Ok(found.into_iter().map(shown).collect())
            })
            .await
    }

    /// One label of a manifest.
    pub async fn label(&self, at: &Allowed<Pull>, digest: &Digest, id: &str) -> Result<Label> {
        let repo = at.repo();
        self.db()
            .read(async |c| -> Result<_> {
                let manifest = manifests::head(c, repo, digest).await?.ok_or(Missing::Manifest)?;
                Ok(shown(rows::get(c, manifest.id, id).await?.ok_or(Missing::Label)?))
            })
            .await
    }

    /// Adds a label to a manifest.
    pub async fn add_label(
        &self,
        at: &Allowed<Push>,
        digest: &Digest,
        key: &str,
        value: &str,
        value_type: &str,
    ) -> Result<Label> {
        check(key, value, value_type)?;
        let (repo, now_ms) = (at.place.repo.ok_or(Missing::Repository)?, self.now_ms());
        let label = Label {
            id: self.uuid()?,
            key: key.to_owned(),
            value: value.to_owned(),
            media_type: value_type.to_owned(),
            source: LabelSource::Api,
        };
        let entry = described(entry("manifest_label_add", at, digest, now_ms), &label);
        let (digest, added) = (digest.clone(), label.clone());
        self.db()
            .write(async move |tx| -> Result<()> {
                let (place, manifest) = found(tx, repo, &digest).await?;
                if rows::count(tx, manifest).await? >= i64::from(MOST) {
                    return Err(bad(format!("A manifest has {MOST} labels at most")));
                }
                let new = NewLabel {
                    manifest,
                    uuid: &added.id,
                    key: &added.key,
                    value: &added.value,
                    media_type: &added.media_type,
                    source: Source::Api,
                    now_ms,
                };
                rows::insert(tx, &new).await?;
                entry.on_repo(place.namespace, repo).record(tx).await?;
                Ok(())
            })
            .await?;
        Ok(label)
    }

    /// Takes away a label that somebody added.
    pub async fn delete_label(&self, at: &Allowed<Push>, digest: &Digest, id: &str) -> Result<()> {
        let (repo, now_ms) = (at.place.repo.ok_or(Missing::Repository)?, self.now_ms());
        let entry = entry("manifest_label_delete", at, digest, now_ms);
        let (digest, id) = (digest.clone(), id.to_owned());
        self.db()
            .write(async move |tx| -> Result<()> {
                let (place, manifest) = found(tx, repo, &digest).await?;
                let label = rows::get(tx, manifest, &id).await?.ok_or(Missing::Label)?;
                if label.source != Source::Api {
                    return Err(bad("Cannot delete a label that the manifest itself carries".to_owned()));
                }
                rows::delete(tx, label.id).await?;
                described(entry, &shown(label)).on_repo(place.namespace, repo).record(tx).await?;
                Ok(())
            })
            .await
    }
}

async fn found(tx: &mut Tx, repo: RepoId, digest: &Digest) -> Result<(repos::Repo, ManifestId)> {
    let place = repos::get(tx, repo).await?.ok_or(Missing::Repository)?;
    let manifest = manifests::head(tx, repo, digest).await?.ok_or(Missing::Manifest)?;
    Ok((place, manifest.id))
}

fn entry(kind: &'static str, at: &Allowed<Push>, digest: &Digest, now_ms: i64) -> Entry {
    Entry::by(kind, &at.caller, now_ms)
        .detail("repo", at.place.name.repository())
        .detail("namespace", at.place.name.namespace())
        .detail("manifest_digest", digest.as_str())
}

fn described(entry: Entry, label: &Label) -> Entry {
    entry
        .detail("id", label.id.as_str())
        .detail("key", label.key.as_str())
        .detail("value", label.value.as_str())
        .detail("media_type", label.media_type.as_str())
}

fn shown(label: rows::Label) -> Label {
    Label {
        id: label.uuid,
        key: label.key,
        value: label.value,
        media_type: label.media_type,
        source: match label.source {
            Source::Manifest => LabelSource::Manifest,
            Source::Api => LabelSource::Api,
        },
    }
}

fn bad(message: String) -> Error {
    Error::invalid(ErrorCode::InvalidRequest, message)
}

/// Refuses a label that people may not add, saying why.
fn check(key: &str, value: &str, value_type: &str) -> Result<()> {
    if !is_key(key) {
        return Err(bad(
            "Label key is invalid: it must begin and end with a lower-case letter or digit, and hold nothing else \
             but single dots and dashes"
                .to_owned(),
        ));
    }
    if let Some(reserved) = RESERVED.iter().find(|prefix| key.starts_with(*prefix)) {
        return Err(bad(format!("Label has a reserved prefix: {reserved}")));
    }
    if !VALUE_TYPES.contains(&value_type) {
        return Err(bad(format!("Media type of a label must be one of {}", VALUE_TYPES.join(", "))));
    }
    if value_type == "application/json" && serde_json::from_str::<serde_json::Value>(value).is_err() {
        return Err(bad("The value of the label is not JSON".to_owned()));
    }
    if value.len() > LONGEST_VALUE || value.contains('\0') {
        return Err(bad(format!("The value of a label has {LONGEST_VALUE} bytes at most, none of them NUL")));
    }
    Ok(())
}

/// `[a-z0-9](([a-z0-9]|[-.](?![.-]))*[a-z0-9])?`
fn is_key(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let (bytes, ends) = (key.as_bytes(), |b: Option<&u8>| b.is_some_and(|b| plain(*b)));
    key.len() <= LONGEST_KEY
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes.windows(2).all(|pair| plain(pair[0]) || plain(pair[1]))
        && bytes.iter().all(|b| plain(*b) || matches!(b, b'-' | b'.'))
}

/// What a manifest says of itself: its annotations, and before them what the configuration of an image says.
pub(crate) fn of_manifest(manifest: &Manifest, config: Option<&ImageConfig>) -> BTreeMap<String, String> {
    if manifest.is_index() {
        return BTreeMap::new();
    }
    let mut labels = config.map(|config| config.labels.clone()).unwrap_or_default();
    labels.extend(manifest.annotations.clone());
    let fits = |key: &str, value: &str| {
        (1..=LONGEST_KEY).contains(&key.len())
            && value.len() <= LONGEST_VALUE
            && !key.contains('\0')
            && !value.contains('\0')
    };
    labels.into_iter().filter(|(key, value)| fits(key, value)).take(MOST as usize).collect()
}

/// Writes down the labels of a manifest that has just been stored.
pub(crate) async fn store(
    tx: &mut Tx,
    manifest: ManifestId,
    labels: &BTreeMap<String, String>,
    uuids: &[String],
    now_ms: i64,
) -> Result<()> {
    for ((key, value), uuid) in labels.iter().zip(uuids) {
        let media_type = value_type(value);
        let source = Source::Manifest;
        rows::insert(tx, &NewLabel { manifest, uuid, key, value, media_type, source, now_ms }).await?;
    }
    Ok(())
}

fn value_type(value: &str) -> &'static str {
    let is_json = value.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok();
    if is_json { "application/json" } else { "text/plain" }
}

/// What labels do to the tag under which their manifest is pushed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    /// The tag ends after this time.
    pub(crate) expires_after: Option<Duration>,
    /// The tag is fixed.
    pub(crate) immutable: bool,
}

impl Effects {
    pub(crate) fn of(labels: &BTreeMap<String, String>) -> Self {
        Self::from(|key| labels.get(key).map(String::as_str))
    }

    fn from<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Self {
        let after = value(EXPIRES_AFTER).and_then(Period::parse).map(|period| period.seconds());
        Self {
            expires_after: after.map(|seconds| Duration::from_secs(seconds).clamp(SOONEST, LATEST)),
            immutable: value(IMMUTABLE) == Some("true"),
        }
    }

    /// For an index: only what all of its children say alike.
    pub(crate) async fn of_children(tx: &mut Tx, children: &[ManifestId]) -> Result<Self> {
        let mut alike: BTreeMap<&str, Option<String>> = BTreeMap::new();
        for key in [EXPIRES_AFTER, IMMUTABLE] {
            let mut common: Option<String> = None;
            for (at, child) in children.iter().enumerate() {
                let value = rows::values(tx, *child, key).await?.into_iter().next();
                if value.is_none() || (at > 0 && value != common) {
                    common = None;
                    break;
                }
                common = value;
            }
            alike.insert(key, common);
        }
        Ok(Self::from(|key| alike.get(key).and_then(Option::as_deref)))
    }

    pub(crate) fn end_ms(self, now_ms: i64) -> Option<i64> {
        self.expires_after.map(|after| now_ms.saturating_add(ms(after)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_people_add_have_a_form_and_keep_clear_of_others() {
        for good in ["a", "team", "team.name", "a-b.c-d", "0"] {
            assert!(check(good, "x", "text/plain").is_ok(), "{good}");
        }
        let long = "a".repeat(256);
        for bad in ["", ".a", "a.", "a..b", "a.-b", "A", "a b", "a_b", "ü", &long] {
            assert!(check(bad, "x", "text/plain").is_err(), "{bad}");
        }
        for reserved in ["quay.expires-after", "quayside", "io.quay.x", "org.opencontainers.image.title"] {
            let refused = check(reserved, "x", "text/plain").unwrap_err().message();
            assert!(refused.contains("reserved prefix"), "{reserved}: {refused}");
        }
    }

    #[test]
    fn values_that_people_add_are_what_they_say() {
        assert!(check("a", "{\"x\":1}", "application/json").is_ok());
        assert!(check("a", "{x", "application/json").is_err());
        assert!(check("a", "x", "text/html").is_err());
        assert!(check("a", "x\0", "text/plain").is_err());
        assert!(check("a", &"x".repeat(LONGEST_VALUE + 1), "text/plain").is_err());
    }

    #[test]
    fn a_label_that_acts_is_read_with_care() {
        let after = |text: &str| {
            let labels = BTreeMap::from([(EXPIRES_AFTER.to_owned(), text.to_owned())]);
            Effects::of(&labels).expires_after.map(|after| after.as_secs())
        };
        assert_eq!(after("2w"), Some(14 * 24 * 3600));
        assert_eq!(after("1s"), Some(3600), "an hour at least");
        assert_eq!(after("9y"), Some(104 * 7 * 24 * 3600), "two years at most");
        for nonsense in ["", "x", "-1h", "1.5h", "999999999999999999999y"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
        let immutable =
            |text: &str| Effects::of(&BTreeMap::from([(IMMUTABLE.to_owned(), text.to_owned())])).immutable;
        assert!(immutable("true") && !immutable("yes"));
    }

    #[test]
    fn json_is_told_from_text() {
        assert_eq!(value_type(" [1]"), "application/json");
        assert_eq!(value_type("{\"a\": null}"), "application/json");
        assert_eq!(value_type("5"), "text/plain");
        assert_eq!(value_type("{not json"), "text/plain");
    }
}
