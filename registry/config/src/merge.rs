//! The operator's part: one document out of a user's bundle and the values that the operator manages.
//!
//! A user's value wins, because that is what a bundle is for; except where the pod that the operator makes leaves no
//! choice, and except for the list of superusers, which is joined.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

use crate::{problem::Problems, raw, yaml};

enum Rule {
    /// The bundle's value, else ours.
    User,
    /// Ours: the pod is built for it.
    Operator,
    /// The bundle's entries, then ours.
    Join,
}

fn rule(key: &str) -> Rule {
    match key {
        "PREFERRED_URL_SCHEME" | "EXTERNAL_TLS_TERMINATION" => Rule::Operator,
        "SUPER_USERS" => Rule::Join,
        _ => Rule::User,
    }
}

/// Merges the bundle's `config.yaml` and the managed values into the document that the registry gets.
///
/// The bundle has to be a document of keys; whether the values make sense together is for [`crate::load`] to say of the
/// result.
pub fn merge(user_yaml: &str, managed: BTreeMap<String, Value>) -> Result<String, Problems> {
    let mut document = raw::parse(user_yaml)?;
    for (key, ours) in managed {
        match (rule(&key), document.remove(&key)) {
            (Rule::User, Some(theirs)) => document.insert(key, theirs),
            (Rule::Join, Some(theirs)) => document.insert(key, joined(theirs, ours)),
            (Rule::Operator, _) | (_, None) => document.insert(key, ours),
        };
    }
    let sorted: Mapping = document.into_iter().map(|(key, value)| (Value::String(key), value)).collect();
    // Values that came from YAML can be written as YAML.
    Ok(serde_yaml::to_string(&Value::Mapping(sorted)).expect("values read from YAML are writable as YAML"))
}

/// Both lists without repetition; a value that is no list is left for validation to refuse.
fn joined(theirs: Value, ours: Value) -> Value {
    let (Ok(mut names), Ok(more)) = (yaml::texts(&theirs), yaml::texts(&ours)) else { return theirs };
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(Value::String).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scheme, load};

    fn managed() -> BTreeMap<String, Value> {
        [
            ("SERVER_HOSTNAME", "192.0.2.1:30443"),
            ("PREFERRED_URL_SCHEME", "https"),
            ("SECRET_KEY", "generated-secret-key"),
            ("DATABASE_SECRET_KEY", "generated-database-key"),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .chain([("SUPER_USERS".to_owned(), Value::Sequence(vec!["quayadmin".into()]))])
        .collect()
    }

    fn merged(user: &str) -> crate::Config {
        load(&merge(user, managed()).unwrap()).unwrap().config
    }

    #[test]
    fn without_a_bundle_the_managed_values_are_the_document() {
        for nothing in ["", "{}", "# only a comment\n"] {
            let config = merged(nothing);
            assert_eq!(config.base_url(), "https://192.0.2.1:30443");
            assert_eq!(config.super_users, ["quayadmin"]);
            assert_eq!(config.secret_key.unwrap().expose(), "generated-secret-key");
        }
    }

    #[test]
    fn the_bundle_wins_and_superusers_are_joined() {
        let config = merged(
            "SERVER_HOSTNAME: quay.example\nSECRET_KEY: mine-is-long-enough\nSUPER_USERS: [ann, quayadmin]\n",
        );
        assert_eq!(config.server_hostname, "quay.example");
        assert_eq!(config.secret_key.unwrap().expose(), "mine-is-long-enough");
        assert_eq!(config.database_secret_key.unwrap().expose(), "generated-database-key");
        assert_eq!(config.super_users, ["ann", "quayadmin"]);
    }

    #[test]
    fn what_the_pod_is_built_for_cannot_be_set_otherwise() {
        assert_eq!(merged("PREFERRED_URL_SCHEME: http\n").preferred_url_scheme, Scheme::Https);
    }

    #[test]
    fn texts_that_look_like_other_types_stay_texts() {
        let text = merge(
            "REGISTRY_TITLE: 'yes'\nSECRET_KEY: '0123456789012345'\nX: '1e3'\nY: 'null'\n",
            BTreeMap::new(),
        )
        .unwrap();
        let again: BTreeMap<String, Value> = serde_yaml::from_str(&text).unwrap();
        assert!(again.values().all(Value::is_string), "{text}");
        assert_eq!(again["SECRET_KEY"], "0123456789012345");
    }

    #[test]
    fn merging_twice_changes_nothing() {
        let once = merge("SUPER_USERS: [ann]\nZ: 1\nA: {b: [c]}\n", managed()).unwrap();
        assert_eq!(merge(&once, managed()).unwrap(), once);
    }

    #[test]
    fn a_bundle_that_is_no_document_of_keys_is_refused() {
        assert!(merge("- a\n", managed()).is_err());
        assert!(merge("a: [\n", managed()).is_err());
        assert!(merge("A: 1\nA: 2\n", managed()).unwrap_err().to_string().contains("twice"));
    }
}
