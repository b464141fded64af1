//! What the API server refuses by itself, and what the operator refuses with a condition.

use anyhow::Result;
use quay_tests::cluster::Case;
use serde_json::json;

#[tokio::test]
async fn specs_that_cannot_be_meant_are_refused_at_once_with_a_clear_message() -> Result<()> {
    Case::run(async |case| {
        for (name, spec, expected) in [
            ("a", json!({ "components": [{ "kind": "quay", "managed": false }] }), "quay"),
            ("a", json!({ "components": [{ "kind": "nonsense", "managed": true }] }), "kind"),
            (
                "a",
                json!({ "components": [{ "kind": "redis", "managed": true }, { "kind": "redis", "managed": false }] }),
                "once",
            ),
            (
                "a",
                json!({ "components": [{ "kind": "redis", "managed": false, "overrides": { "replicas": 1 } }] }),
                "overrides",
            ),
            (
                "a",
                json!({ "components": [{ "kind": "tls", "managed": true, "secretRef": { "name": "x" } }] }),
                "secretRef",
            ),
            ("a", json!({ "components": [{ "kind": "tls", "managed": false, "secretRef": { "name": "" } }] }), "empty"),
            ("a", json!({ "deletionPolicy": "Perhaps" }), "deletionPolicy"),
            ("a", json!({ "exposure": { "type": "Carrier" } }), "type"),
            (
                "a",
                json!({ "exposure": { "type": "NodePort" }, "components": [{ "kind": "route", "managed": true }] }),
                "contradict",
            ),
            ("a", json!({ "storage": { "size": "a lot" } }), "size"),
            (&"n".repeat(41), json!({}), "40"),
            ("0digit", json!({}), "letter"),
        ] {
            let message = case.refusal(name, spec.clone()).await?;
            assert!(message.contains(expected), "{spec}: {message}");
        }
        assert_eq!(case.objects().await?, []);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_this_version_cannot_do_is_named_and_nothing_is_rolled_out() -> Result<()> {
    Case::run(async |case| {
        for (name, component, expected) in [
            ("database", "postgres", "postgres"),
            ("scanner", "clair", "clair"),
            ("mirror", "mirror", "mirror"),
        ] {
            case.create(name, json!({ "components": [{ "kind": component, "managed": true }] })).await?;
            let registry = case
                .wait(name, "RolloutBlocked=True", |registry| {
                    let conditions = registry["status"]["conditions"].as_array();
                    conditions.is_some_and(|all| {
                        all.iter().any(|one| one["type"] == "RolloutBlocked" && one["status"] == "True")
                    })
                })
                .await?;
            assert!(registry["status"]["conditions"].to_string().contains(expected), "{registry}");
        }
        let two =
            json!({ "components": [{ "kind": "quay", "managed": true, "overrides": { "replicas": 2 } }] });
        case.create("two", two).await?;
        let message = case.condition("two", "RolloutBlocked", "True", "ComponentOverrideInvalid").await?;
        assert!(message.contains("replica"), "{message}");
        let mut kinds: Vec<String> = case.objects().await?.into_iter().map(|(kind, ..)| kind).collect();
        kinds.dedup();
        assert!(!kinds.iter().any(|kind| kind == "Deployment"), "{kinds:?}");
        Ok(())
    })
    .await
}
