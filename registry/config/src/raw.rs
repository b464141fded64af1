//! The document as written: keys and values, nothing interpreted yet.

use std::collections::BTreeMap;

use serde_yaml::Value;

use crate::{
    problem::{Problem, Problems},
    yaml::shown,
};

/// A Kubernetes Secret holds no more than this, and no configuration comes near it.
const MAX_BYTES: usize = 1024 * 1024;

/// Keys and values as written; keys without a value are left out, as Quay does.
pub(crate) type Document = BTreeMap<String, Value>;

pub(crate) fn parse(yaml: &str) -> Result<Document, Problems> {
    let whole_file = |message: String, hint: &str| {
        Problems(vec![Problem {
            group: "File",
            key: "config.yaml".to_owned(),
            value: String::new(),
            message,
            hint: hint.to_owned(),
        }])
    };
    if yaml.len() > MAX_BYTES {
        return Err(whole_file(
            format!("file is larger than {MAX_BYTES} bytes"),
            "remove what is no configuration",
        ));
    }
    let mapping = match serde_yaml::from_str(yaml) {
        Ok(Value::Mapping(mapping)) => mapping,
        Ok(Value::Null) => return Ok(Document::new()),
        Ok(_) => {
            return Err(whole_file(
                "file is not a list of keys".to_owned(),
                "write one `KEY: value` per line",
            ));
        }
        Err(error) => {
            // The parser's text may quote a value; the place is all that can be told without risk.
            let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
            let what = if error.to_string().contains("duplicate entry") {
                "a key stands twice"
            } else {
                "not valid YAML"
            };
            return Err(whole_file(
                format!("{what}{}", place.unwrap_or_default()),
                "correct the file at that place",
            ));
        }
    };
    let mut document = Document::new();
    let mut problems = Vec::new();
    for (key, value) in mapping {
        match key {
            _ if value.is_null() => {}
            Value::String(key) => {
                document.insert(key, value);
            }
            other => problems.push(Problem {
                group: "File",
                key: shown("", &other),
                value: String::new(),
                message: "a key must be a name".to_owned(),
                hint: "put it in quotes or remove it".to_owned(),
            }),
        }
    }
    if problems.is_empty() { Ok(document) } else { Err(Problems(problems)) }
}

/// What came up while a document was read.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// The document, for checks that must know whether and how a key was written.
    pub(crate) written: Document,
}

impl Reading {
    pub(crate) fn is_written(&self, key: &str) -> bool {
        self.written.contains_key(key)
    }

    /// Whether a key has been found wrong already, so that a check across keys need not add to it.
    pub(crate) fn is_wrong(&self, key: &str) -> bool {
        self.problems.iter().any(|problem| problem.key == key)
    }

    pub(crate) fn problem(&mut self, key: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        let problem = self.describe(key, message.into(), hint.into());
        self.problems.push(problem);
    }

    pub(crate) fn warning(&mut self, key: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        let problem = self.describe(key, message.into(), hint.into());
        self.warnings.push(problem);
    }

    fn describe(&self, key: &str, message: String, hint: String) -> Problem {
        let value = self.written.get(key).map(|value| shown(key, value)).unwrap_or_default();
        Problem { group: crate::keys::group(key), key: key.to_owned(), value, message, hint }
    }
}
