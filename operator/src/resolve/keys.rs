//! Keys, the first superuser, and what was picked once and must stay.
//!
//! Keys that encrypted data are worth as much as the data: they are never made anew while data exists.

use std::collections::BTreeMap;

use crate::crd::ExposureType;
use crate::entropy::{Entropy, Exhausted};
use crate::names::Slot;
use crate::plan::{Admin, Keys, Notice, Problem, Reason, Records};
use crate::resolve::bundle::Bundle;
use crate::resolve::data_location;
use crate::snapshot::Snapshot;

/// Keys of the Secret.
pub const SECRET_KEY: &str = "SECRET_KEY";
/// Keys of the Secret.
pub const DATABASE_SECRET_KEY: &str = "DATABASE_SECRET_KEY";
/// Records in the Secret.
pub const RECORD_EXPOSURE: &str = "record.exposure";
/// Records in the Secret.
pub const RECORD_EXPOSURE_CAUSE: &str = "record.exposure-cause";
/// Records in the Secret.
pub const RECORD_ROUTE_HOST: &str = "record.route-host";
/// Records in the Secret.
pub const RECORD_HOST: &str = "record.host";
/// Records in the Secret.
pub const RECORD_NODE_PORT: &str = "record.node-port";
/// Records in the Secret.
pub const RECORD_DATA: &str = "record.data";

const KEY_LENGTH: usize = 80;
const PASSWORD_LENGTH: usize = 32;
const ADMIN: &str = "quayadmin";

/// The keys: those that exist, else those of the bundle, else new ones if there is no data yet.
pub fn resolve(
    snapshot: &Snapshot,
    bundle: &Bundle,
    entropy: &mut impl Entropy,
    problems: &mut Vec<Problem>,
) -> Result<Option<Keys>, Exhausted> {
    let registry = snapshot.name();
    let secret = Slot::Keys.name(&registry);
    let claim = Slot::Data.name(&registry);
    let has_data = snapshot.children.has(Slot::Data);
    let stored = snapshot.children.secret(Slot::Keys);
    let records = stored.as_ref().map(records).unwrap_or_default();

    if let Some(recorded) = &records.data {
        let here = data_location(&registry);
        if *recorded != here {
            problems.push(Problem::new(
                Reason::DataMissing,
                format!("the data of this registry lies in {recorded}, as Secret {secret} records, and not in {here}: a registry \
                     started there would be empty; bring the settings back to where the data lies"),
            ));
        } else if !has_data {
            problems.push(Problem::new(
                Reason::DataMissing,
                format!("PersistentVolumeClaim {claim} with the data of this registry is gone: restore it; or, to start empty, \
                     delete Secret {secret} as well"),
            ));
        }
    }

    let exact = |key: &str| stored.as_ref().and_then(|data| exact(data, key));
    let session = bundle.secret_key().or_else(|| exact(SECRET_KEY));
    let database = match (bundle.database_secret_key(), exact(DATABASE_SECRET_KEY)) {
        (Some(user), Some(stored)) if user != stored && has_data => {
            problems.push(Problem::new(
                Reason::ConfigInvalid,
                format!(
                    "DATABASE_SECRET_KEY of the configuration bundle is not the key that the data is encrypted with, which \
                     Secret {secret} keeps: remove it from the bundle"
                ),
            ));
            Some(stored)
        }
        // whether it opens the data cannot be seen from here, so only the key last in use is taken
        (Some(user), None) if has_data => (in_use(snapshot).as_ref() == Some(&user)).then_some(user),
        (Some(user), _) => Some(user),
        (None, stored) => stored,
    };
    let keys = match (session, database) {
        (Some(secret_key), Some(database_secret_key)) => Keys { secret_key, database_secret_key, records },
        _ if has_data => {
            let copy = if snapshot.children.has(Slot::Config) {
                format!("; a copy of both stands in config.yaml of Secret {}", Slot::Config.name(&registry))
            } else {
                String::new()
            };
            problems.push(Problem::new(
                Reason::KeysMissing,
                format!(
                    "Secret {secret} with {SECRET_KEY} and {DATABASE_SECRET_KEY} is missing or incomplete, while \
                     PersistentVolumeClaim {claim} with data encrypted by them exists, and the configuration bundle does not \
                     hold the keys last in use: restore the Secret{copy}; or delete the claim to start empty"
                ),
            ));
            return Ok(None);
        }
        (session, database) => Keys {
            secret_key: or_token(session, entropy)?,
            database_secret_key: or_token(database, entropy)?,
            records,
        },
    };
    Ok(Some(Keys {
        records: Records { data: has_data.then(|| data_location(&registry)), ..keys.records },
        ..keys
    }))
}

/// The key in the configuration that the registry runs with.
fn in_use(snapshot: &Snapshot) -> Option<String> {
    let config = snapshot.children.secret(Slot::Config)?;
    let loaded = quay_config::load(std::str::from_utf8(config.get("config.yaml")?).ok()?).ok()?;
    loaded.config.database_secret_key.map(|key| key.expose().to_owned())
}

fn or_token(existing: Option<String>, entropy: &mut impl Entropy) -> Result<String, Exhausted> {
    match existing {
        Some(existing) => Ok(existing),
        None => entropy.token(KEY_LENGTH),
    }
}

/// The first superuser: as it stands in its Secret, where a person may change the password, else a new one.
pub fn admin(
    snapshot: &Snapshot,
    entropy: &mut impl Entropy,
    notices: &mut Vec<Notice>,
) -> Result<Admin, Exhausted> {
    let stored = snapshot.children.secret(Slot::Admin).unwrap_or_default();
    let username = text(&stored, "username").unwrap_or_else(|| ADMIN.to_owned());
    let email = text(&stored, "email").unwrap_or_else(|| format!("{username}@localhost"));
    let password = match text(&stored, "password") {
        Some(password) => password,
        None => {
            if snapshot.children.has(Slot::Config) {
                notices.push(Notice::warning(
                    "AdminPasswordReplaced",
                    Slot::Admin,
                    format!(
                        "Secret {} held no password; user {username} has a new one, which the Secret now holds",
                        Slot::Admin.name(&snapshot.name())
                    ),
                ));
            }
            entropy.token(PASSWORD_LENGTH)?
        }
    };
    Ok(Admin { username, password, email })
}

/// The records as they stand in the Secret.
pub fn records(data: &BTreeMap<String, Vec<u8>>) -> Records {
    Records {
        exposure: text(data, RECORD_EXPOSURE)
            .and_then(|kind| serde_json::from_value::<ExposureType>(kind.into()).ok()),
        exposure_cause: text(data, RECORD_EXPOSURE_CAUSE),
        route_host: text(data, RECORD_ROUTE_HOST),
        host: text(data, RECORD_HOST),
        node_port: text(data, RECORD_NODE_PORT).and_then(|port| port.parse().ok()),
        data: text(data, RECORD_DATA),
    }
}

/// A key to the byte: a blank at its end is part of it.
fn exact(data: &BTreeMap<String, Vec<u8>>, key: &str) -> Option<String> {
    let value = String::from_utf8(data.get(key)?.clone()).ok()?;
    (!value.trim().is_empty()).then_some(value)
}

fn text(data: &BTreeMap<String, Vec<u8>>, key: &str) -> Option<String> {
    let value = String::from_utf8(data.get(key)?.clone()).ok()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}
