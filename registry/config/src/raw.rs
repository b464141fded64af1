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
        Ok(_) if !assignments(yaml).is_empty() => return Err(Problems(assignments(yaml))),
        Ok(_) => {
            return Err(whole_file(
                "file is not a list of keys".to_owned(),
                "write one `KEY: value` per line",
            ));
        }
        Err(_) if !assignments(yaml).is_empty() => return Err(Problems(assignments(yaml))),
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

/// Lines such as `KEY = value`, as some guides print them. Only asked for when the text is no YAML: in a text that is,
/// such a line is part of a value.
fn assignments(text: &str) -> Vec<Problem> {
    /// Longer values are not repeated.
    const LONGEST: usize = 120;
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim_end(), value.trim());
        let is_key = key.starts_with(|c: char| c.is_ascii_uppercase())
            && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !is_key {
            continue;
        }
        let known = crate::keys::find(key);
        let hint = match known {
            Some(known) if !known.secret && value.is_empty() => {
                format!("write {key}: and leave the lines below it indented")
            }
            Some(known) if !known.secret && matches!(value, "{" | "[") => {
                format!("write {key}: {value} and leave the lines below it as they are")
            }
            Some(known) if !known.secret && value.len() <= LONGEST => format!("write {key}: {value}"),
            _ => format!("write {key}: and the value behind it"),
        };
        problems.push(Problem {
            group: crate::keys::group(key),
            key: key.chars().take(100).collect(),
            value: String::new(),
            message: format!("line {} has an equals sign where YAML wants a colon", number + 1),
            hint,
        });
    }
    problems
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(yaml: &str) -> String {
        parse(yaml).map_or_else(|problems| problems.to_string(), |_| String::new())
    }

    #[test]
    fn lines_with_an_equals_sign_are_met_with_the_line_that_yaml_wants() {
        assert_eq!(
            told("FEATURE_HELM_OCI_SUPPORT = true"),
            "line 1 has an equals sign where YAML wants a colon: FEATURE_HELM_OCI_SUPPORT; write FEATURE_HELM_OCI_SUPPORT: true"
        );
        let both = told("SERVER_HOSTNAME: a.example\nFEATURE_HELM_OCI_SUPPORT=True\nSECRET_KEY = hunter2\n");
        assert!(both.contains("write FEATURE_HELM_OCI_SUPPORT: True"), "{both}");
        assert!(both.contains("line 3") && both.contains("write SECRET_KEY: and the value"), "{both}");
        assert!(!both.contains("hunter2"), "{both}");
        let other = told("WHAT_ELSE = hunter2\n");
        assert!(other.contains("WHAT_ELSE") && !other.contains("hunter2"), "{other}");
    }

    #[test]
    fn a_block_with_an_equals_sign_is_corrected_at_its_first_line() {
        let block = "ALLOWED_OCI_ARTIFACT_TYPES =\n  application/vnd.example+json:\n  - application/vnd.example.layer\n";
        assert!(
            told(block).ends_with("write ALLOWED_OCI_ARTIFACT_TYPES: and leave the lines below it indented")
        );
        let braces =
            "ALLOWED_OCI_ARTIFACT_TYPES = {\n  \"application/vnd.example+json\": [\"text/plain\"],\n}\n";
        assert!(told(braces).contains("write ALLOWED_OCI_ARTIFACT_TYPES: { and leave"), "{}", told(braces));
        // What the hint says is right.
        for (wrong, right) in [(block, " =\n"), (braces, " = {")]
            .map(|(text, sign)| (text, text.replace(sign, &sign.replace(" =", ":"))))
        {
            assert!(!told(wrong).is_empty());
            assert_eq!(told(&right), "", "{right}");
        }
    }

    #[test]
    fn an_equals_sign_in_a_value_is_nobodys_business() {
        for good in ["SECRET_KEY: a=b\n", "SECRET_KEY: |\n  KEY = value\n", "A: \"x\nKEY = value\"\n"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        // The control: what is broken for another reason is told by its place.
        assert!(told("A: [1\n  b = c\n").contains("not valid YAML"));
    }
}
