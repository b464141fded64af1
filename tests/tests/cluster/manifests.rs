//! The manifests that install the operator, as chart, kustomize base and OLM bundle give them, and what two sets of them
//! have in common.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use quay_tests::clients::{self, HELM_4};
use quay_tests::cluster::kubectl;
use quay_tests::out::repository;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::process::Command;

/// The namespace and the release of an installation by default.
pub(crate) const DEFAULT: &str = "quay-operator";
/// What helm alone adds to every object.
const HELM_LABELS: [&str; 2] = ["app.kubernetes.io/managed-by", "helm.sh/chart"];

/// A file of the repository, with the images where this run has them.
pub(crate) fn read(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let images = std::env::var("IMAGES").unwrap_or_else(|_| "localhost".to_owned());
    Ok(text.replace("localhost/quay-", &format!("{images}/quay-")))
}

/// Every document of a text.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value = Value::deserialize(document)?;
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(found)
}

/// The objects of one file of the repository.
pub(crate) fn file(path: &str) -> Result<Vec<Value>> {
    documents(&read(&repository().join(path))?)
}

/// The chart as helm renders it.
pub(crate) async fn chart(settings: &[&str]) -> Result<Vec<Value>> {
    let images = std::env::var("IMAGES").unwrap_or_else(|_| "localhost".to_owned());
    let mut command = Command::new(clients::program(HELM_4).await?);
    command.args(["template", DEFAULT, "charts/quay-operator", "--namespace", DEFAULT]);
    command.args(["--set", &format!("image.registry={images}")]);
    command.args(settings.iter().flat_map(|setting| ["--set", setting])).current_dir(repository());
    let output = command.stdin(Stdio::null()).output().await.context("start helm")?;
    ensure!(output.status.success(), "helm template: {}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout)?)
}

/// The base of kustomize, copied to a folder.
pub(crate) fn copy_base(to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(repository().join("deploy/kustomize"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_name().context("a file without a name")?;
            fs::write(to.join(name), read(&path)?)?;
        }
    }
    Ok(())
}

/// What kustomize makes of a folder.
pub(crate) async fn kustomize(folder: &Path) -> Result<Vec<Value>> {
    let file: PathBuf = folder.with_extension("rendered");
    let (from, to) = (text(folder)?, text(&file)?);
    kubectl(&["kustomize", from, "--output", to], None).await?.success()?;
    documents(&fs::read_to_string(file)?)
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("not a readable path: {}", path.display()))
}

/// Objects as one text that kubectl reads.
pub(crate) fn list(objects: &[Value]) -> String {
    serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string()
}

/// The only object of a kind.
pub(crate) fn only<'a>(objects: &'a [Value], kind: &str) -> Result<&'a Value> {
    let found: Vec<&Value> = objects.iter().filter(|object| object["kind"] == kind).collect();
    ensure!(found.len() == 1, "{} objects of kind {kind}, one expected", found.len());
    found.into_iter().next().context("an object")
}

/// The object without what helm alone reads.
pub(crate) fn without_helm(object: &Value) -> Value {
    let mut object = object.clone();
    for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
        if let Some(labels) = object.pointer_mut(labels).and_then(Value::as_object_mut) {
            labels.retain(|name, _| !HELM_LABELS.contains(&name.as_str()));
        }
    }
    if let Some(meta) = object["metadata"].as_object_mut() {
        let annotations = meta.get_mut("annotations").and_then(Value::as_object_mut);
        if annotations.is_some_and(|annotations| {
            annotations.remove("helm.sh/resource-policy");
            annotations.is_empty()
        }) {
            meta.remove("annotations");
        }
    }
    object
}

/// Sorted by kind and name, so that sets can be compared.
pub(crate) fn sorted(objects: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut objects: Vec<Value> = objects.into_iter().collect();
    objects.sort_by_key(|object| format!("{} {}", object["kind"], object["metadata"]["name"]));
    objects
}

/// What a ServiceAccount may do by a set of objects: where (`*` for everywhere), on what, which verb.
pub(crate) fn rights(objects: &[Value]) -> Result<BTreeSet<String>> {
    let mut rights = BTreeSet::new();
    for binding in objects {
        let place = match binding["kind"].as_str() {
            Some("ClusterRoleBinding") => "*",
            Some("RoleBinding") => binding["metadata"]["namespace"].as_str().context("a namespace")?,
            _ => continue,
        };
        let role = objects
            .iter()
            .find(|role| {
                role["kind"] == binding["roleRef"]["kind"]
                    && role["metadata"]["name"] == binding["roleRef"]["name"]
                    && (place == "*" || role["metadata"]["namespace"] == place)
            })
            .with_context(|| format!("nothing to bind to in {binding}"))?;
        let words = |rule: &Value, key: &str| -> Vec<String> {
            let words = rule[key].as_array().into_iter().flatten();
            words.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        for rule in role["rules"].as_array().context("rules")? {
            ensure!(rule["resourceNames"].is_null() && rule["nonResourceURLs"].is_null(), "{rule}");
            for group in words(rule, "apiGroups") {
                for resource in words(rule, "resources") {
                    for verb in words(rule, "verbs") {
                        rights.insert(format!("{place} {verb} {group}/{resource}"));
                    }
                }
            }
        }
    }
    ensure!(!rights.is_empty(), "nothing is granted");
    Ok(rights)
}

/// An entry of a map that is made when it is not there.
pub(crate) fn entry<'a>(object: &'a mut Value, path: &[&str]) -> Result<&'a mut Map<String, Value>> {
    let mut at = object;
    for step in path {
        let map = at.as_object_mut().with_context(|| format!("{step} lies in something else than a map"))?;
        at = map.entry((*step).to_owned()).or_insert_with(|| Value::Object(Map::new()));
    }
    at.as_object_mut().context("a map")
}
