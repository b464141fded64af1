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

/// Configuration type → the layer types that come with it.
pub type ArtifactTypes = BTreeMap<String, Vec<String>>;

pub(crate) fn types(value: &Value) -> Read<Option<ArtifactTypes>> {
    const HINT: &str = "write `configuration type: [layer type, …]`, each of them a media type such as application/vnd.example+json";
    let Value::Mapping(mapping) = value else {
        return mistake("must be a map of media types to lists of media types", HINT);
    };
    let mut types = ArtifactTypes::new();
    for (config, layers) in mapping {
        let layers = match layers {
            Value::Sequence(items) => items.iter().map(Value::as_str).collect::<Option<Vec<_>>>(),
            Value::Null => Some(Vec::new()),
            _ => None,
        };
        let (Some(config), Some(layers)) = (config.as_str(), layers) else {
            return mistake("must be a map of media types to lists of media types", HINT);
        };
        if let Some(wrong) = std::iter::once(&config).chain(&layers).find(|text| !is_media_type(text)) {
            let wrong: String = wrong.chars().take(80).collect();
            return mistake(format!("has {wrong:?}, which is not a media type"), HINT);
        }
        types.insert(config.to_owned(), layers.into_iter().map(str::to_owned).collect());
    }
    Ok(Some(types))
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
    if config.feature_helm_oci_support == Some(true) && !config.feature_general_oci_support {
        reading.warning(
            "FEATURE_HELM_OCI_SUPPORT",
            "charts are refused while FEATURE_GENERAL_OCI_SUPPORT is false",
            "set FEATURE_GENERAL_OCI_SUPPORT: true",
        );
    }
}
