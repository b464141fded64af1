//! The artifact policy in force while running.

use std::collections::BTreeMap;

use quay_oci::media_type;
use serde_json::json;

use super::world::{World, word};
use crate::{Caller, Error};

async fn chart(w: &World, who: &Caller) -> String {
    let config = w.push_blob(who, "alice/chart", b"{}").await;
    let content = w.push_blob(who, "alice/chart", b"a chart").await;
    json!({
        "schemaVersion": 2,
        "config": {"mediaType": media_type::HELM_CONFIG, "digest": config, "size": 2},
        "layers": [{"mediaType": media_type::HELM_CHART, "digest": content, "size": 7}],
    })
    .to_string()
}

#[tokio::test]
async fn the_settings_take_effect_while_running() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let chart = chart(&w, &alice).await;
    assert_eq!(word(w.put(&alice, "alice/chart", "1.0.0", &chart).await), "allowed");

    let mut config = w.config.clone();
    config.feature_helm_oci_support = Some(false);
    w.core.swap_config(config.clone());
    assert_eq!(word(w.put(&alice, "alice/chart", "1.0.1", &chart).await), "type not accepted");
    assert!(w.core.artifact_policy().contains("Helm charts are refused"));

    config.feature_helm_oci_support = None;
    config.allowed_oci_artifact_types = Some(BTreeMap::new());
    w.core.swap_config(config.clone());
    assert_eq!(word(w.put(&alice, "alice/chart", "1.0.1", &chart).await), "type not accepted");

    config.feature_helm_oci_support = Some(true);
    w.core.swap_config(config.clone());
    assert_eq!(word(w.put(&alice, "alice/chart", "1.0.1", &chart).await), "allowed");

    config.feature_general_oci_support = false;
    w.core.swap_config(config);
    let refused = w.put(&alice, "alice/chart", "1.0.2", &chart).await;
    assert!(
        matches!(refused, Err(Error::UnsupportedMediaType(why)) if why.contains("FEATURE_GENERAL_OCI_SUPPORT"))
    );
}
