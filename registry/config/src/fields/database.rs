//! Where rows are kept.

use serde_yaml::Value;

use crate::{
    config::Config,
    secret::Secret,
    yaml::{self, Read, mistake},
};

/// What the configuration asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// The registry's own, in its data folder.
    Embedded,
    /// A PostgreSQL server.
    Postgres,
}

pub(crate) fn uri(value: &Value) -> Read<Option<Secret>> {
    let uri = yaml::secret(value)?;
    let text = uri.as_ref().map(Secret::expose).unwrap_or_default();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
    match scheme.split('+').next().unwrap_or_default() {
        "postgresql" | "postgres" | "sqlite" => Ok(uri),
        "mysql" => mistake(
            "MySQL is not supported",
            "write postgresql://user:password@host/database, or remove the key for the embedded database",
        ),
        _ => mistake(
            "must be a database URL",
            "write postgresql://user:password@host/database, or remove the key for the embedded database",
        ),
    }
}

impl Config {
    /// Which database the configuration asks for; a `sqlite` address means the embedded one.
    pub fn database(&self) -> Database {
        match &self.db_uri {
            Some(uri) if uri.expose().starts_with("postgres") => Database::Postgres,
            _ => Database::Embedded,
        }
    }
}
