//! `ImageConfig`: what is worth showing of an image's configuration.
//!
//! Read leniently: a member of the wrong form is left out, since an image runs whatever its history says, and a push
//! never fails because of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The largest configuration that is read for its labels and history.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The most steps of a history that are read.
const MAX_STEPS: usize = 10_000;

/// What a configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// CPU, in Go's words.
    pub architecture: Option<String>,
    /// Operating system, in Go's words.
    pub os: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// How it was built, one step for each layer and some without.
    pub history: Vec<Step>,
}

/// One step of building an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// When, as written.
    pub created: Option<String>,
    /// The command.
    pub created_by: Option<String>,
    /// What was noted.
    pub comment: Option<String>,
    /// Who did it.
    pub author: Option<String>,
    /// Whether it made no layer.
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Reads a configuration; `None` when it is no JSON object, or larger than [`MAX_BYTES`].
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES {
            return None;
        }
        let Ok(Value::Object(document)) = serde_json::from_slice::<Value>(bytes) else { return None };
        let labels = document.get("config").and_then(|config| config.get("Labels"));
        let history = document.get("history").and_then(Value::as_array);
        Some(Self {
            architecture: text(&document, "architecture"),
            os: text(&document, "os"),
            labels: labels.and_then(Value::as_object).map(texts).unwrap_or_default(),
            history: history
                .into_iter()
                .flatten()
                .take(MAX_STEPS)
                .map(|step| step.as_object().map(Step::read).unwrap_or_default())
                .collect(),
        })
    }
}

impl Step {
    fn read(step: &Map<String, Value>) -> Self {
        Self {
            created: text(step, "created"),
            created_by: text(step, "created_by"),
            comment: text(step, "comment"),
            author: text(step, "author"),
            empty_layer: step.get("empty_layer").and_then(Value::as_bool).unwrap_or(false),
        }
    }
}

fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn texts(object: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    object.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(document: &Value) -> Option<ImageConfig> {
        ImageConfig::parse(document.to_string().as_bytes())
    }

    #[test]
    fn labels_and_history_are_read() {
        let config = parse(&json!({
            "architecture": "arm64", "os": "linux",
            "config": {"Labels": {"quay.expires-after": "2w", "number": 5}},
            "history": [
                {"created": "2026-01-02T03:04:05Z", "created_by": "ADD file", "comment": "base"},
                {"created_by": "CMD sh", "empty_layer": true},
                "nonsense",
            ],
        }))
        .unwrap();
        assert_eq!(config.labels, BTreeMap::from([("quay.expires-after".to_owned(), "2w".to_owned())]));
        assert_eq!((config.os.as_deref(), config.architecture.as_deref()), (Some("linux"), Some("arm64")));
        assert_eq!(config.history.len(), 3, "a step keeps its place");
        assert_eq!(config.history[0].created_by.as_deref(), Some("ADD file"));
        assert!(config.history[1].empty_layer && !config.history[2].empty_layer);
    }

    #[test]
    fn what_is_not_of_the_form_is_left_out() {
        assert_eq!(parse(&json!({})), Some(ImageConfig::default()));
        assert_eq!(
            parse(&json!({"config": null, "history": {}, "os": 7, "architecture": ""})),
            Some(ImageConfig::default())
        );
        assert_eq!(parse(&json!([])), None);
        assert_eq!(ImageConfig::parse(b""), None);
        assert_eq!(ImageConfig::parse(&vec![b' '; MAX_BYTES + 1]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ImageConfig::parse(&bytes);
        }
    }
}
