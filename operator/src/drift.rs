//! Whether a live object contains what is desired.
//!
//! The API server fills in defaults, and others may add their own fields, so equality would never settle. Desired values
//! must be there; what else is there is not ours. Quantities are compared as values.

use serde_json::{Map, Value};

use crate::quantity;

/// Lists to whose elements others may legitimately add their own.
const ASSOCIATIVE: &[&str] = &[
    "containers",
    "initContainers",
    "env",
    "volumes",
    "volumeMounts",
    "ports",
    "ownerReferences",
    "imagePullSecrets",
];
/// Fields below which every value is a quantity.
const QUANTITIES: &[&str] = &["requests", "limits", "capacity", "sizeLimit"];

/// Whether `live` contains everything of `desired`.
pub fn contains(live: &Value, desired: &Value) -> bool {
    holds(live, desired, "", false)
}

/// A merge patch that takes away what must be absent (`null` in `desired`) and is there: a server-side apply cannot,
/// where another manager owns it. The fields beside it go along, because they may only be valid together.
pub fn removal(live: &Value, desired: &Value) -> Option<Value> {
    let (Value::Object(live), Value::Object(desired)) = (live, desired) else { return None };
    let is_there = |field: &String| live.get(field).is_some_and(|value| !value.is_null());
    if desired.iter().any(|(field, wanted)| wanted.is_null() && is_there(field)) {
        return Some(Value::Object(desired.clone()));
    }
    let inner: Map<String, Value> = desired
        .iter()
        .filter_map(|(field, wanted)| Some((field.clone(), removal(live.get(field)?, wanted)?)))
        .collect();
    (!inner.is_empty()).then_some(Value::Object(inner))
}

fn holds(live: &Value, desired: &Value, field: &str, is_quantity: bool) -> bool {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => object(live, desired, is_quantity),
        (Value::Array(live), Value::Array(desired)) if ASSOCIATIVE.contains(&field) => {
            desired.iter().all(|wanted| live.iter().any(|item| holds(item, wanted, "", false)))
        }
        (Value::Array(live), Value::Array(desired)) => {
            live.len() == desired.len()
                && live.iter().zip(desired).all(|(live, wanted)| holds(live, wanted, "", false))
        }
        (live, desired) if live == desired => true,
        (live, desired) if is_quantity => match (text(live), text(desired)) {
            (Some(live), Some(desired)) => {
                quantity::parse(&live).is_some_and(|value| Some(value) == quantity::parse(&desired))
            }
            _ => false,
        },
        _ => false,
    }
}

fn object(live: &Map<String, Value>, desired: &Map<String, Value>, is_quantity: bool) -> bool {
    desired.iter().all(|(field, wanted)| match live.get(field) {
        Some(live) => holds(live, wanted, field, is_quantity || QUANTITIES.contains(&field.as_str())),
        None => is_omitted(wanted),
    })
}

/// Whether the API server leaves a field with this value out. `false` and 0 are not among them: where a pointer stands
/// behind the field, absent means something else.
fn is_omitted(desired: &Value) -> bool {
    match desired {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_and_fields_of_others_are_no_drift() {
        let desired = json!({"spec": {"a": 1, "containers": [{"name": "x", "image": "i"}]}});
        let live = json!({"spec": {"a": 1, "b": 2, "containers": [{"name": "side"}, {"name": "x", "image": "i", "tty": false}]}});
        assert!(contains(&live, &desired));
    }

    #[test]
    fn a_changed_value_is_drift() {
        let desired =
            json!({"spec": {"a": 1, "args": ["serve"], "containers": [{"name": "x", "image": "i"}]}});
        for live in [
            json!({"spec": {"a": 2, "args": ["serve"], "containers": [{"name": "x", "image": "i"}]}}),
            json!({"spec": {"a": 1, "args": ["serve", "more"], "containers": [{"name": "x", "image": "i"}]}}),
            json!({"spec": {"a": 1, "args": ["serve"], "containers": [{"name": "x", "image": "j"}]}}),
            json!({"spec": {"a": 1, "args": ["serve"]}}),
            json!({}),
        ] {
            assert!(!contains(&live, &desired), "{live}");
        }
    }

    #[test]
    fn quantities_are_compared_as_values_and_only_they() {
        let desired = json!({"resources": {"requests": {"cpu": "0.1", "memory": "1Gi"}}, "other": "1Gi"});
        assert!(contains(
            &json!({"resources": {"requests": {"cpu": "100m", "memory": "1024Mi"}}, "other": "1Gi"}),
            &desired
        ));
        assert!(!contains(
            &json!({"resources": {"requests": {"cpu": "100m", "memory": "1024Mi"}}, "other": "1024Mi"}),
            &desired
        ));
        assert!(!contains(
            &json!({"resources": {"requests": {"cpu": "200m", "memory": "1Gi"}}, "other": "1Gi"}),
            &desired
        ));
    }

    #[test]
    fn null_means_absent_and_false_does_not() {
        assert!(contains(
            &json!({"strategy": {"type": "Recreate"}}),
            &json!({"strategy": {"type": "Recreate", "rollingUpdate": null}})
        ));
        assert!(!contains(
            &json!({"strategy": {"type": "Recreate", "rollingUpdate": {}}}),
            &json!({"strategy": {"type": "Recreate", "rollingUpdate": null}})
        ));
        assert!(!contains(&json!({}), &json!({"automountServiceAccountToken": false})));
        assert!(contains(&json!({}), &json!({"value": ""})));
    }
    #[test]
    fn only_what_must_be_absent_and_is_there_is_taken_away() {
        let desired =
            json!({"spec": {"replicas": 1, "strategy": {"type": "Recreate", "rollingUpdate": null}}});
        let live = json!({"spec": {"replicas": 2, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        assert_eq!(
            removal(&live, &desired),
            Some(json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}))
        );
        assert_eq!(
            removal(&json!({"spec": {"replicas": 2, "strategy": {"type": "Recreate"}}}), &desired),
            None
        );
        assert_eq!(removal(&json!({}), &desired), None);
    }
}
