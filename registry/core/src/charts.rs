//! Helm charts as people look at them: the metadata, which is the configuration blob, and the README in the archive.
//!
//! Both come from strangers. Everything is bounded, the archive is read off the threads that serve, and whatever is
//! wrong with it costs the README, never the page. What was read is kept for a while under repository and digest, and
//! only asked for after authorisation.

mod archive;

use std::sync::Arc;

use moka::sync::Cache;
use quay_db::RepoId;
use quay_db::tables::manifests;
use quay_oci::{ArtifactKind, Digest, Manifest, media_type};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::perms::{Allowed, Pull};

/// Metadata larger than this is not read.
const LARGEST_METADATA: u64 = 1 << 20;
/// Archives larger than this are not opened.
const LARGEST_ARCHIVE: u64 = 16 << 20;
/// Archives that are open at once.
const OPEN_ARCHIVES: usize = 2;
/// Bytes of charts that are kept.
const KEPT: u64 = 16 << 20;
/// Entries of a list in the metadata that are read, and the bytes of a text.
const LONGEST_LIST: usize = 200;
const LONGEST_TEXT: usize = 64 << 10;

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// All of its metadata.
    pub metadata: Value,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of what it installs.
    pub app_version: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// `application` or `library`.
    pub kind: Option<String>,
    /// The versions of Kubernetes it is for.
    pub kube_version: Option<String>,
    /// Whether its maker gave it up.
    pub deprecated: bool,
    /// The address of its project.
    pub home: Option<String>,
    /// The address of its icon.
    pub icon: Option<String>,
    /// Addresses of its sources.
    pub sources: Vec<String>,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Who looks after it.
    pub maintainers: Vec<Maintainer>,
    /// Charts that it needs.
    pub dependencies: Vec<Dependency>,
    /// Whether a provenance file was pushed with it.
    pub provenance: bool,
    /// Its README in Markdown, as its maker wrote it.
    pub readme: Option<String>,
}

/// Who looks after a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintainer {
    /// A name.
    pub name: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// The address of a page.
    pub url: Option<String>,
}

/// A chart that another one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// Its versions.
    pub version: Option<String>,
    /// Where it is found.
    pub repository: Option<String>,
}

/// Charts that were read lately.
pub(crate) struct Charts {
    read: Cache<(RepoId, Digest), Arc<Chart>>,
    archives: Semaphore,
}

impl Charts {
    pub(crate) fn new() -> Self {
        let weight =
            |_: &(RepoId, Digest), chart: &Arc<Chart>| u32::try_from(chart.weight()).unwrap_or(u32::MAX);
        let read = Cache::builder().weigher(weight).max_capacity(KEPT).build();
        Self { read, archives: Semaphore::new(OPEN_ARCHIVES) }
    }
}

impl Core {
    /// A chart by its manifest; `None` when that is no chart, or its metadata cannot be read.
    pub async fn chart(&self, at: &Allowed<Pull>, digest: &Digest) -> Result<Option<Arc<Chart>>> {
        let repo = at.repo();
        let found = self.db().read(async |c| manifests::find(c, repo, digest).await).await?;
        let found = found.ok_or(Missing::Manifest)?;
        if found.kind != ArtifactKind::HelmChart {
            return Ok(None);
        }
        let key = (repo, digest.clone());
        if let Some(kept) = self.charts().read.get(&key) {
            return Ok(Some(kept));
        }
        let Ok(manifest) = Manifest::parse(Some(&found.head.media_type), &found.bytes) else {
            return Ok(None);
        };
        let Some(config) = &manifest.config else { return Ok(None) };
        let metadata = self.small_blob(repo, &config.digest, LARGEST_METADATA).await?;
        let Some(mut chart) = metadata.and_then(|bytes| Chart::read(&bytes)) else { return Ok(None) };
        chart.provenance =
            manifest.layers.iter().any(|layer| layer.media_type == media_type::HELM_PROVENANCE);
        chart.readme = self.readme(repo, &manifest).await?;
        let chart = Arc::new(chart);
        self.charts().read.insert(key, chart.clone());
        Ok(Some(chart))
    }

    async fn readme(&self, repo: RepoId, manifest: &Manifest) -> Result<Option<String>> {
        let is_archive = |of: &str| matches!(of, media_type::HELM_CHART | media_type::HELM_CHART_LEGACY);
        let Some(layer) = manifest.layers.iter().find(|layer| is_archive(&layer.media_type)) else {
            return Ok(None);
        };
        // Closed only when the registry is gone.
        let turn = self.charts().archives.acquire().await.map_err(|e| Error::Internal(Box::new(e)))?;
        let Some(bytes) = self.small_blob(repo, &layer.digest, LARGEST_ARCHIVE).await? else {
            return Ok(None);
        };
        let opened = tokio::task::spawn_blocking(move || archive::readme(&bytes));
        let found = opened.await.map_err(|e| Error::Internal(Box::new(e)))?;
        drop(turn);
        Ok(found.unwrap_or_else(|damage| {
            tracing::debug!(blob.digest = %layer.digest, %damage, "the archive of a chart cannot be read");
            None
        }))
    }
}

impl Chart {
    /// Reads metadata; members of the wrong form are left out, without a name it is none.
    fn read(bytes: &[u8]) -> Option<Self> {
        let metadata: Value = serde_json::from_slice(bytes).ok()?;
        let text = |key: &str| text(&metadata, key);
        let name = text("name")?;
        let maintainer = |one: &Value| {
            let (name, email, url) =
                (self::text(one, "name"), self::text(one, "email"), self::text(one, "url"));
            Some(Maintainer { name: name?, email, url })
        };
        let dependency = |one: &Value| {
            let (version, repository) = (self::text(one, "version"), self::text(one, "repository"));
            Some(Dependency { name: self::text(one, "name")?, version, repository })
        };
        Some(Self {
            name,
            version: text("version").unwrap_or_default(),
            app_version: text("appVersion"),
            description: text("description"),
            kind: text("type"),
            kube_version: text("kubeVersion"),
            deprecated: metadata.get("deprecated").and_then(Value::as_bool).unwrap_or(false),
            home: text("home"),
            icon: text("icon"),
            sources: list(&metadata, "sources", whole),
            keywords: list(&metadata, "keywords", whole),
            maintainers: list(&metadata, "maintainers", maintainer),
            dependencies: list(&metadata, "dependencies", dependency),
            provenance: false,
            readme: None,
            metadata,
        })
    }

    /// Bytes it takes up in memory, about.
    fn weight(&self) -> usize {
        // The metadata is here twice, as a tree and taken apart.
        self.metadata.to_string().len() * 4 + self.readme.as_ref().map_or(0, String::len)
    }
}

fn whole(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty() && text.len() <= LONGEST_TEXT).map(str::to_owned)
}

fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key).and_then(whole)
}

fn list<T>(object: &Value, key: &str, each: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    let items = object.get(key).and_then(Value::as_array).into_iter().flatten();
    items.take(LONGEST_LIST).filter_map(each).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_is_read_member_by_member() {
        let chart = Chart::read(
            json!({
                "name": "etherpad", "version": "0.0.4", "appVersion": "1.8.18", "description": "An editor",
                "type": "application", "deprecated": true, "home": "https://example.com",
                "sources": ["https://example.com/src", 5, ""], "keywords": "none",
                "maintainers": [{"name": "Ada", "email": "ada@example.com"}, {"email": "nobody@example.com"}, 7],
                "dependencies": [{"name": "postgresql", "version": "~1", "repository": "oci://example.com/charts"}],
            })
            .to_string()
            .as_bytes(),
        )
        .unwrap();
        assert_eq!((chart.name.as_str(), chart.version.as_str()), ("etherpad", "0.0.4"));
        assert_eq!(chart.sources, ["https://example.com/src"]);
        assert!(chart.keywords.is_empty() && chart.deprecated);
        let ada = Maintainer { name: "Ada".to_owned(), email: Some("ada@example.com".to_owned()), url: None };
        assert_eq!(chart.maintainers, [ada]);
        assert_eq!(chart.dependencies[0].version.as_deref(), Some("~1"));
    }

    #[test]
    fn what_is_no_metadata_is_no_chart() {
        for bytes in ["", "[]", "{}", "null", r#"{"name": 5}"#, r#"{"name": ""}"#, "\u{0}"] {
            assert_eq!(Chart::read(bytes.as_bytes()), None, "{bytes}");
        }
        let deep = format!(r#"{{"name":"a","x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Chart::read(deep.as_bytes()), None, "too deep");
        let long =
            json!({"name": "a", "description": "x".repeat(LONGEST_TEXT + 1), "keywords": vec!["k"; 1000]});
        let chart = Chart::read(long.to_string().as_bytes()).unwrap();
        assert_eq!((chart.description, chart.keywords.len()), (None, LONGEST_LIST));
    }
}
