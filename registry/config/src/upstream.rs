//! What to say of keys that are not in use here: Quay's own, which have no effect, and those that Quay does not know either.

use serde_yaml::Value;

use crate::{config::KEYS, problem::Problem, yaml::shown};

/// Keys of Quay's `config.yaml` that this registry reads past.
const UNUSED: &str = include_str!("upstream_keys.txt");

/// Says why a key has no effect, and what may have been meant.
pub(crate) fn unused(key: &str, value: &Value) -> Problem {
    let known = UNUSED.lines().any(|line| line == key) || key.ends_with("_LOGIN_CONFIG");
    let (message, hint) = match (known, nearest(key)) {
        (true, _) => ("key has no effect in this registry", String::new()),
        (false, Some(near)) => ("unknown key has no effect", format!("did you mean {near}?")),
        (false, None) => ("unknown key has no effect", "remove it if nothing else reads it".to_owned()),
    };
    Problem {
        group: "Other",
        key: key.chars().take(100).collect(),
        value: shown(key, value),
        message: message.to_owned(),
        hint,
    }
}

fn nearest(key: &str) -> Option<&'static str> {
    let upper = key.to_ascii_uppercase();
    KEYS.iter()
        .map(|known| known.name)
        .chain(UNUSED.lines())
        .map(|name| (strsim::damerau_levenshtein(name, &upper), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 8)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_met_with_the_right_one() {
        assert_eq!(
            unused("FEATURE_USER_INITIALISE", &Value::Bool(true)).hint,
            "did you mean FEATURE_USER_INITIALIZE?"
        );
        assert_eq!(unused("server_hostname", &Value::Null).hint, "did you mean SERVER_HOSTNAME?");
        assert!(!unused("SOMETHING_ELSE_ALTOGETHER", &Value::Null).hint.contains("did you mean"));
        assert_eq!(unused("MAIL_SERVER", &Value::Null).message, "key has no effect in this registry");
    }

    #[test]
    fn no_key_is_both_in_use_and_unused() {
        for line in UNUSED.lines() {
            assert!(KEYS.iter().all(|key| key.name != line), "{line}");
        }
    }
}
