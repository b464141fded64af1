//! What is known of a key besides its value: its group, whether it is secret, and when a change of it takes effect.

use std::collections::BTreeMap;

use serde_yaml::Value;

use crate::{config::KEYS, problem::Problems, raw};

/// When a changed key takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reload {
    /// At once, in the running process.
    Live,
    /// When the process starts again.
    Restart,
    /// Only while no data is stored; later it is refused.
    Frozen,
}

/// A key in use.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As written in `config.yaml`.
    pub name: &'static str,
    /// Quay's field group.
    pub group: &'static str,
    /// When a change takes effect.
    pub reload: Reload,
    /// Whether its value must not be shown.
    pub secret: bool,
}

pub(crate) fn find(key: &str) -> Option<&'static Key> {
    KEYS.iter().find(|known| known.name == key)
}

pub(crate) fn group(key: &str) -> &'static str {
    find(key).map_or("Other", |known| known.group)
}

/// When a change of this key takes effect; keys without effect are live.
pub fn reload_class(key: &str) -> Reload {
    find(key).map_or(Reload::Live, |known| known.reload)
}

/// The keys of a document whose change needs a new process, with their values as written.
pub fn restart_keys(yaml: &str) -> Result<BTreeMap<String, Value>, Problems> {
    let mut document = raw::parse(yaml)?;
    document.retain(|key, _| reload_class(key) != Reload::Live);
    Ok(document)
}

/// A text that differs exactly when a key that needs a new process differs; meant to be hashed, since it holds secrets.
pub fn restart_hash_input(yaml: &str) -> Result<String, Problems> {
    let sorted = restart_keys(yaml)?.into_iter().map(|(key, value)| (Value::String(key), value)).collect();
    Ok(canonical(&Value::Mapping(sorted)))
}

/// A text that differs exactly when a key that takes effect at once differs, keys with secret values left out: a hash of it
/// tells which settings are in force, and nothing that must not be told.
pub fn live_hash_input(yaml: &str) -> Result<String, Problems> {
    let mut document = raw::parse(yaml)?;
    document.retain(|key, _| find(key).is_some_and(|known| known.reload == Reload::Live && !known.secret));
    let sorted = document.into_iter().map(|(key, value)| (Value::String(key), value)).collect();
    Ok(canonical(&Value::Mapping(sorted)))
}

/// One text per value, whatever the order of its keys.
fn canonical(value: &Value) -> String {
    match value {
        Value::Mapping(mapping) => {
            let mut entries: Vec<_> = mapping
                .iter()
                .map(|(key, value)| format!("{}:{}", canonical(key), canonical(value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
        Value::Sequence(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Tagged(tagged) => format!("{}{}", tagged.tag, canonical(&tagged.value)),
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Null => "null".to_owned(),
    }
}

/// A key whose written value differs between two documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// When the change takes effect.
    pub reload: Reload,
}

/// What differs between two documents, in the order of the keys' names.
pub fn changes(old: &str, new: &str) -> Result<Vec<Change>, Problems> {
    let (old, new) = (raw::parse(old)?, raw::parse(new)?);
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    let text = |document: &raw::Document, key: &str| document.get(key).map(canonical);
    Ok(keys
        .into_iter()
        .filter(|key| text(&old, key) != text(&new, key))
        .map(|key| Change { key: key.clone(), reload: reload_class(key) })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_need_a_new_process_change_the_hash_input() {
        let input = |yaml: &str| restart_hash_input(yaml).unwrap();
        let base = "SERVER_HOSTNAME: a.example\nSUPER_USERS: [a]\nFEATURE_X: true\n";
        assert_eq!(
            input(base),
            input("SERVER_HOSTNAME: a.example\nSUPER_USERS: [b]\nREGISTRY_TITLE: Mine\n")
        );
        assert_ne!(input(base), input("SERVER_HOSTNAME: b.example\n"));
        assert_ne!(input("SECRET_KEY: a"), input("SECRET_KEY: b"));
        assert_eq!(
            input("DISTRIBUTED_STORAGE_CONFIG: {a: [LocalStorage, {x: 1, y: 2}]}"),
            input("DISTRIBUTED_STORAGE_CONFIG: {a: [LocalStorage, {y: 2, x: 1}]}")
        );
    }

    #[test]
    fn the_input_of_the_live_hash_holds_keys_that_take_effect_at_once_and_no_secret() {
        let input = |yaml: &str| live_hash_input(yaml).unwrap();
        let base = input("SUPER_USERS: [a]\nFEATURE_USER_CREATION: true\n");
        assert_eq!(
            base,
            input("FEATURE_USER_CREATION: true\nSERVER_HOSTNAME: a.example\nSUPER_USERS: [a]\n")
        );
        assert_ne!(base, input("SUPER_USERS: [a]\nFEATURE_USER_CREATION: false\n"));
        let with = "DB_URI: hunter2\nSECRET_KEY: hunter2\nUSER_EVENTS_REDIS: {host: h, password: hunter2}\nUNHEARD: hunter2\n";
        assert!(!input(with).contains("hunter2"));
    }

    #[test]
    fn changes_are_told_with_the_time_they_take_effect() {
        let changed = changes(
            "SERVER_HOSTNAME: a.example\nSUPER_USERS: [a]\nDB_URI: x\nREGISTRY_TITLE: same\n",
            "SERVER_HOSTNAME: b.example\nSUPER_USERS: [a, b]\nREGISTRY_TITLE: same\nUNHEARD: 1\n",
        );
        let expected = [
            ("DB_URI", Reload::Frozen),
            ("SERVER_HOSTNAME", Reload::Restart),
            ("SUPER_USERS", Reload::Live),
            ("UNHEARD", Reload::Live),
        ];
        assert_eq!(changed.unwrap(), expected.map(|(key, reload)| Change { key: key.to_owned(), reload }));
    }

    #[test]
    fn no_key_is_declared_twice() {
        let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
    }
}
