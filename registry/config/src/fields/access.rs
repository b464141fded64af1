//! Who may come in: where users are kept, who administers, what strangers may do.

use serde_yaml::Value;

use crate::{
    config::Config,
    raw::Reading,
    yaml::{self, Read, mistake},
};

/// Where users and their passwords come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationType {
    /// The registry's own database.
    Database,
}

pub(crate) fn authentication_type(value: &Value) -> Read<AuthenticationType> {
    match yaml::text(value)?.as_str() {
        "Database" => Ok(AuthenticationType::Database),
        "LDAP" | "JWT" | "Keystone" | "OIDC" | "AppToken" => {
            mistake("is not supported by this version", "write Database")
        }
        _ => mistake(
            "must be one of Database, LDAP, JWT, Keystone, OIDC, AppToken",
            "write Database, the one supported by this version",
        ),
    }
}

/// Shorter keys can be guessed.
const SHORT_KEY: usize = 16;

pub(crate) fn check(config: &Config, reading: &mut Reading) {
    for (key, value) in
        [("SECRET_KEY", &config.secret_key), ("DATABASE_SECRET_KEY", &config.database_secret_key)]
    {
        if value.as_ref().is_some_and(|secret| secret.expose().len() < SHORT_KEY) {
            reading.warning(key, format!("shorter than {SHORT_KEY} characters"), "use a long random value");
        }
    }
    for (key, period) in
        [("SESSION_TIMEOUT", &config.session_timeout), ("FRESH_LOGIN_TIMEOUT", &config.fresh_login_timeout)]
    {
        if period.seconds() == 0 {
            reading.problem(key, "must be longer than nothing", "write a duration such as 10m");
        }
    }
    if config.feature_invite_only_user_creation && !config.feature_user_creation {
        reading.problem(
            "FEATURE_INVITE_ONLY_USER_CREATION",
            "needs FEATURE_USER_CREATION to be true",
            "set FEATURE_USER_CREATION: true or remove this key",
        );
    }
    if config.feature_user_initialize {
        reading.warning(
            "FEATURE_USER_INITIALIZE",
            "whoever sends the first request becomes the first user",
            "remove it once that user exists",
        );
    }
    if !config.feature_super_users && !config.super_users.is_empty() {
        reading.warning(
            "SUPER_USERS",
            "nobody has these rights while FEATURE_SUPER_USERS is false",
            "remove one of the two",
        );
    }
}
