//! config.yaml as the registry gets it: the bundle and what the operator knows, validated by the registry's own types.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};
use sha2::{Digest, Sha256};

use crate::names::Slot;
use crate::plan::{Admin, ExposurePlan, Keys, Notice, Problem, Reason};
use crate::resolve::bundle::Bundle;
use crate::resolve::keys::{DATABASE_SECRET_KEY, SECRET_KEY};

/// Stands in for the host while it is not known, to validate a bundle all the same.
pub const PLACEHOLDER_HOST: &str = "registry.invalid";

/// Where the routers of a cluster are, whose addresses nobody tells beforehand: the private, shared and unique-local
/// networks, which pods and nodes have their addresses from. Only the one that connects is believed, about the address
/// that it sees itself: so a client of the router cannot pass for another, whatever network it is in. What can is a pod
/// that connects to the registry directly, until the bundle names the routers alone.
const CLUSTER_NETWORKS: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];
const TRUSTED_PROXIES: &str = "TRUSTED_PROXIES";
const PROXY_COUNT: &str = "PROXY_COUNT";

/// A validated configuration.
#[derive(Clone)]
pub struct Merged {
    /// The document.
    pub yaml: String,
    /// Hash of those settings that need a restart.
    pub restart_hash: String,
}

/// Merges and validates; all problems at once.
pub fn merge(
    bundle: &Bundle,
    keys: &Keys,
    admin: &Admin,
    host: &str,
    exposure: &ExposurePlan,
    problems: &mut Vec<Problem>,
    notices: &mut Vec<Notice>,
) -> Option<Merged> {
    let mut managed: BTreeMap<String, Value> = [
        ("SERVER_HOSTNAME", Value::from(host)),
        ("PREFERRED_URL_SCHEME", Value::from("https")),
        ("SECRET_KEY", Value::from(keys.secret_key.as_str())),
        ("DATABASE_SECRET_KEY", Value::from(keys.database_secret_key.as_str())),
        ("SUPER_USERS", Value::Sequence(vec![Value::from(admin.username.as_str())])),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    // a count in the bundle is about proxies that it names: it would let every private address be passed on
    if exposure.ends_tls_in_front() && !bundle.has(TRUSTED_PROXIES) && !bundle.has(PROXY_COUNT) {
        managed.insert(TRUSTED_PROXIES.to_owned(), CLUSTER_NETWORKS.map(Value::from).to_vec().into());
        managed.insert(PROXY_COUNT.to_owned(), 1.into());
    }

    let result = quay_config::merge(&bundle.yaml, managed).and_then(|yaml| {
        // as the bundle says it, to tell what is wrong with it; then with the keys as they were decided
        quay_config::load(&yaml)?;
        let yaml = with_keys(&yaml, keys);
        let loaded = quay_config::load(&yaml)?;
        let restart_hash = hex::encode(&Sha256::digest(quay_config::restart_hash_input(&yaml)?)[..8]);
        Ok((Merged { yaml, restart_hash }, loaded.warnings))
    });
    match result {
        Ok((merged, warnings)) => {
            if !warnings.is_empty() {
                let list = warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
                notices.push(Notice::normal(
                    "ConfigWarnings",
                    Slot::Config,
                    format!("config.yaml in Secret {}: {list}", bundle.secret),
                ));
            }
            Some(merged)
        }
        Err(found) => {
            problems.extend(found.iter().map(|problem| {
                let place = if problem.key == "SERVER_HOSTNAME" && !bundle.has(&problem.key) {
                    "spec.exposure.hostname".to_owned()
                } else {
                    format!("config.yaml in Secret {}", bundle.secret)
                };
                Problem::new(Reason::ConfigInvalid, format!("{place}: {problem}"))
            }));
            None
        }
    }
}

/// The document with the keys as they stand in the keys Secret: however a bundle may spell them, data is never encrypted
/// by a key that is kept nowhere.
fn with_keys(yaml: &str, keys: &Keys) -> String {
    let Ok(mut document) = serde_yaml::from_str::<Mapping>(yaml) else { return yaml.to_owned() };
    document.insert(SECRET_KEY.into(), keys.secret_key.as_str().into());
    document.insert(DATABASE_SECRET_KEY.into(), keys.database_secret_key.as_str().into());
    serde_yaml::to_string(&document).unwrap_or_else(|_| yaml.to_owned())
}
