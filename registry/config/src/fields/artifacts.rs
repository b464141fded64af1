//! Which artifact types may be pushed: Quay's four keys.
//!
//! By default everything is accepted. The table is enforced when it is written, or when `IGNORE_UNKNOWN_MEDIATYPES` is
//! written `false`; written `true` that key keeps enforcement off. What is then allowed is decided where manifests are
//! pushed.

use std::collections::BTreeMap;

use serde_yaml::Value;

use crate::{
    config::Config,
    raw::Reading,
    yaml::{Read, mistake},
};

/// Layer type of cosign's signatures.
const COSIGN: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Configuration type of Helm's charts.
const HELM: &str = "application/vnd.cncf.helm.config.v1+json";

/// Configuration type → the layer types that come with it.
pub type ArtifactTypes = BTreeMap<String, Vec<String>>;

/// Mistakes that are told at once.
const MOST_TOLD: usize = 5;

pub(crate) fn types(value: &Value) -> Read<Option<ArtifactTypes>> {
    const HINT: &str = "write `configuration type: [layer type, …]`, each of them a media type such as application/vnd.example+json";
    let Value::Mapping(mapping) = value else {
        return mistake("must be a map of media types to lists of media types", HINT);
    };
    let mut types = ArtifactTypes::new();
    let mut wrong = Vec::new();
    for (config, layers) in mapping {
        match entry(config, layers) {
            Ok((config, layers)) => drop(types.insert(config, layers)),
            Err(reason) => wrong.push(reason),
        }
    }
    if wrong.is_empty() {
        return Ok(Some(types));
    }
    let more = wrong.len().saturating_sub(MOST_TOLD);
    wrong.truncate(MOST_TOLD);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    mistake(format!("{}{more}", wrong.join(", ")), HINT)
}

/// One entry, or what is wrong with it.
fn entry(config: &Value, layers: &Value) -> Result<(String, Vec<String>), String> {
    let short = |text: &str| text.chars().take(80).collect::<String>();
    let Some(config) = config.as_str() else {
        return Err("an entry has a name that is no text".to_owned());
    };
    if !is_media_type(config) {
        return Err(format!("entry {:?} is not a media type", short(config)));
    }
    let items = match layers {
        Value::Sequence(items) => items.as_slice(),
        Value::Null => &[],
        Value::String(one) => {
            return Err(format!("entry {config:?} has a text where a list must be: [{}]", short(one)));
        }
        _ => return Err(format!("entry {config:?} must have a list of layer types")),
    };
    let mut types = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        match item.as_str() {
            Some(text) if is_media_type(text) => types.push(text.to_owned()),
            Some(text) => {
                return Err(format!("entry {config:?} has {:?}, which is not a media type", short(text)));
            }
            None => return Err(format!("entry {config:?} has no text at position {}", at + 1)),
        }
    }
    Ok((config.to_owned(), types))
}

fn is_media_type(text: &str) -> bool {
    let restricted = |part: &str| {
        part.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.len() <= 255
        && text.split_once('/').is_some_and(|(kind, subtype)| restricted(kind) && restricted(subtype))
}

pub(crate) fn check(config: &Config, reading: &mut Reading) {
    if config.ignore_unknown_mediatypes == Some(true) && config.allowed_oci_artifact_types.is_some() {
        reading.warning(
            "ALLOWED_OCI_ARTIFACT_TYPES",
            "the table is not enforced while IGNORE_UNKNOWN_MEDIATYPES is true",
            "remove IGNORE_UNKNOWN_MEDIATYPES to enforce it",
        );
    }
    if let Some(table) = &config.allowed_oci_artifact_types
        && config.ignore_unknown_mediatypes != Some(true)
    {
        let names = |wanted: &str| {
            table.iter().any(|(kind, layers)| kind == wanted || layers.iter().any(|layer| layer == wanted))
        };
        let mut dropped = Vec::new();
        if !names(COSIGN) {
            dropped.push("cosign signatures");
        }
        if config.feature_helm_oci_support.is_none() && !names(HELM) {
            dropped.push("Helm charts");
        }
        if !dropped.is_empty() {
            reading.warning(
                "ALLOWED_OCI_ARTIFACT_TYPES",
                format!("the table replaces the default one, so {} are refused", dropped.join(" and ")),
                "name their types as well if they shall be pushed",
            );
        }
    }
    if config.feature_helm_oci_support == Some(true) && !config.feature_general_oci_support {
        reading.warning(
            "FEATURE_HELM_OCI_SUPPORT",
            "charts are refused while FEATURE_GENERAL_OCI_SUPPORT is false",
            "set FEATURE_GENERAL_OCI_SUPPORT: true",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(yaml: &str) -> String {
        types(&serde_yaml::from_str(yaml).unwrap()).unwrap_err().message
    }

    #[test]
    fn a_mistake_is_told_with_the_entry_it_is_in() {
        assert_eq!(
            refusal("{application/a: [application/b, not a type]}"),
            "entry \"application/a\" has \"not a type\", which is not a media type"
        );
        assert_eq!(
            refusal("{application/a: application/b}"),
            "entry \"application/a\" has a text where a list must be: [application/b]"
        );
        assert_eq!(refusal("{application/a: [{b: c}]}"), "entry \"application/a\" has no text at position 1");
        assert_eq!(refusal("{application/a: 7}"), "entry \"application/a\" must have a list of layer types");
        assert_eq!(refusal("{7: []}"), "an entry has a name that is no text");
        assert!(refusal("[application/a]").starts_with("must be a map"));
        let all = refusal("{x: [], y: [], application/a: [z]}");
        assert_eq!(all.matches("is not a media type").count(), 3, "{all}");
    }
}
