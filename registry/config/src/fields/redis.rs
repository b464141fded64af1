//! Quay's Redis servers: read and checked, so that a broken file is told, and then not needed.

use serde_yaml::Value;

use crate::yaml::{self, Read, mistake};

/// A Redis server as Quay describes it, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub ssl: bool,
}

pub(crate) fn server(value: &Value) -> Read<Option<Redis>> {
    const HINT: &str = "write `host`, `port` and `password` below it, or remove the key: no Redis is needed";
    let Value::Mapping(mapping) = value else { return mistake("must be a map", HINT) };
    let part = |name: &str| mapping.get(name).filter(|value| !value.is_null());
    let host = match part("host").map(yaml::text) {
        Some(Ok(host)) => host,
        _ => return mistake("needs a host", HINT),
    };
    let port = match part("port").map(yaml::whole) {
        None => 6379,
        Some(Ok(port)) if (1..=65_535).contains(&port) => u16::try_from(port).unwrap_or_default(),
        Some(_) => return mistake("has a port that is none", HINT),
    };
    let ssl = match part("ssl").map(yaml::boolean) {
        None => false,
        Some(Ok(ssl)) => ssl,
        Some(Err(_)) => return mistake("has an ssl that is neither true nor false", HINT),
    };
    Ok(Some(Redis { host, port, ssl }))
}
