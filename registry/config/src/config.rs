//! `Config`: every key in use, one line each — name, type, group, when a change takes effect, reader, default.
//!
//! To add a key, add a line here, and a check to its group's file under `fields/` if it depends on other keys.

use std::{collections::BTreeMap, fmt, ops::Deref};

use ipnet::IpNet;
use serde_yaml::Value;

use crate::{
    fields::{
        access::{self, AuthenticationType},
        artifacts::{self, ArtifactTypes},
        database,
        host::{self, Scheme},
        proxies,
        redis::{self, Redis},
        repositories,
        storage::{self, StorageLocation},
        time_machine::{self, Period},
    },
    keys::{Key, Reload},
    raw::{Document, Reading},
    secret::Secret,
    upstream, yaml,
};

macro_rules! config {
    ($($group:ident { $(
        $(#[$doc:meta])*
        $key:literal $field:ident: $type:ty = $default:expr, $reload:ident $($secret:ident)?, $reader:path;
    )* })*) => {
        /// The configuration in force. Fields bear the names of their keys.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($( $(#[$doc])* pub $field: $type, )*)*
            /// Keys that are not in use here, as written.
            pub other: Other,
        }

        impl Default for Config {
            /// What the registry runs with when it is started without a configuration.
            fn default() -> Self {
                Self { $($( $field: $default, )*)* other: Other::default() }
            }
        }

        /// Every key in use.
        pub(crate) const KEYS: &[Key] = &[$($( Key {
            name: $key,
            group: stringify!($group),
            reload: Reload::$reload,
            secret: config!(@secret $($secret)?),
        }, )*)*];

        impl Config {
            pub(crate) fn read(mut document: Document) -> (Self, Reading) {
                let mut reading = Reading { written: document.clone(), ..Reading::default() };
                let mut config = Self::default();
                $($(
                    if let Some(value) = document.remove($key) {
                        match $reader(&value) {
                            Ok(value) => config.$field = value,
                            Err(mistake) => reading.problems.push(mistake.at(stringify!($group), $key, &value)),
                        }
                    }
                )*)*
                reading.warnings.extend(document.iter().map(|(key, value)| upstream::unused(key, value)));
                config.other = Other(document);
                (config, reading)
            }

            /// This configuration with the live keys of another: what can be put in force without a restart.
            pub fn with_live(&self, newer: &Self) -> Self {
                let mut config = self.clone();
                $($(
                    if Reload::$reload == Reload::Live {
                        config.$field = newer.$field.clone();
                    }
                )*)*
                config.other = newer.other.clone();
                config
            }
        }
    };
    (@secret) => { false };
    (@secret secret) => { true };
}

config! {
    HostSettings {
        /// Public name of the registry, `host` or `host:port`.
        "SERVER_HOSTNAME" server_hostname: String = "localhost:8443".to_owned(), Restart, host::hostname;
        /// Scheme of the absolute URLs that clients are given.
        "PREFERRED_URL_SCHEME" preferred_url_scheme: Scheme = Scheme::Https, Restart, host::scheme;
        /// Whether something in front of the registry has the certificate that clients see; only read for the checks
        /// of the keys beside it, since the registry speaks TLS in any case.
        "EXTERNAL_TLS_TERMINATION" external_tls_termination: bool = false, Restart, yaml::boolean;
        /// Networks of the proxies in front of the registry: what a connection from there tells about its client, in
        /// `X-Forwarded-For` or else in `Forwarded`, is believed. By default nobody is.
        "TRUSTED_PROXIES" trusted_proxies: Vec<IpNet> = Vec::new(), Live, proxies::networks;
        /// How many proxies in a row are believed at most; without it, as many as `TRUSTED_PROXIES` covers.
        "PROXY_COUNT" proxy_count: Option<u64> = None, Live, proxies::count;
    }
    AccessSettings {
        /// Where users come from.
        "AUTHENTICATION_TYPE" authentication_type: AuthenticationType = AuthenticationType::Database, Restart, access::authentication_type;
        /// Signs sessions.
        "SECRET_KEY" secret_key: Option<Secret> = None, Restart secret, yaml::secret;
        /// Encrypts secret columns; what was written under it is lost with it.
        "DATABASE_SECRET_KEY" database_secret_key: Option<Secret> = None, Frozen secret, yaml::secret;
        /// Names of the users who administer the registry.
        "SUPER_USERS" super_users: Vec<String> = Vec::new(), Live, yaml::texts;
        /// Whether users named in `SUPER_USERS` have their rights.
        "FEATURE_SUPER_USERS" feature_super_users: bool = true, Live, yaml::boolean;
        /// Whether superusers may do everything in every namespace.
        "FEATURE_SUPERUSERS_FULL_ACCESS" feature_superusers_full_access: bool = false, Live, yaml::boolean;
        /// Names of users who may read everything and write nothing.
        "GLOBAL_READONLY_SUPER_USERS" global_readonly_super_users: Vec<String> = Vec::new(), Live, yaml::texts;
        /// Whether the first user may be made by an unauthenticated request.
        "FEATURE_USER_INITIALIZE" feature_user_initialize: bool = false, Live, yaml::boolean;
        /// Whether people may create accounts.
        "FEATURE_USER_CREATION" feature_user_creation: bool = true, Live, yaml::boolean;
        /// Whether accounts can get another name.
        "FEATURE_USER_RENAME" feature_user_rename: bool = false, Live, yaml::boolean;
        /// Whether an account needs an invitation.
        "FEATURE_INVITE_ONLY_USER_CREATION" feature_invite_only_user_creation: bool = false, Live, yaml::boolean;
        /// Whether public repositories are readable without an account.
        "FEATURE_ANONYMOUS_ACCESS" feature_anonymous_access: bool = true, Live, yaml::boolean;
        /// Whether people sign in with a name and password.
        "FEATURE_DIRECT_LOGIN" feature_direct_login: bool = true, Live, yaml::boolean;
        /// Whether the session cookie is sent over TLS only.
        "SESSION_COOKIE_SECURE" session_cookie_secure: bool = true, Live, yaml::boolean;
        /// How long a session lasts.
        "SESSION_TIMEOUT" session_timeout: Period = Period::days(31), Live, time_machine::period;
        /// How long after signing in a person need not repeat the password for sensitive actions.
        "FRESH_LOGIN_TIMEOUT" fresh_login_timeout: Period = Period::minutes(10), Live, time_machine::period;
        /// Whether people may make passwords for single programs.
        "FEATURE_APP_SPECIFIC_TOKENS" feature_app_specific_tokens: bool = true, Live, yaml::boolean;
        /// How long such a password lasts; for ever when it is not set.
        "APP_SPECIFIC_TOKEN_EXPIRATION" app_specific_token_expiration: Option<Period> = None, Live, time_machine::optional_period;
        /// Whether clients of the registry protocol must not send the passwords of people as they are.
        "FEATURE_REQUIRE_ENCRYPTED_BASIC_AUTH" feature_require_encrypted_basic_auth: bool = false, Live, yaml::boolean;
        /// Whether robots can neither be made nor used.
        "ROBOTS_DISALLOW" robots_disallow: bool = false, Live, yaml::boolean;
    }
    Repositories {
        /// Whether a repository made by a push is private.
        "CREATE_PRIVATE_REPO_ON_PUSH" create_private_repo_on_push: bool = true, Live, yaml::boolean;
        /// Whether a push makes an organization that does not exist.
        "CREATE_NAMESPACE_ON_PUSH" create_namespace_on_push: bool = false, Live, yaml::boolean;
        /// Whether repository names may have more than one component below the namespace.
        "FEATURE_EXTENDED_REPOSITORY_NAMES" feature_extended_repository_names: bool = true, Live, yaml::boolean;
        /// Whether a name of one component belongs to `LIBRARY_NAMESPACE`; it is refused otherwise.
        "FEATURE_LIBRARY_SUPPORT" feature_library_support: bool = true, Live, yaml::boolean;
        /// The namespace of names of one component.
        "LIBRARY_NAMESPACE" library_namespace: String = "library".to_owned(), Live, repositories::library_namespace;
        /// Whether `/v2/_catalog` shows public repositories.
        "FEATURE_PUBLIC_CATALOG" feature_public_catalog: bool = false, Live, yaml::boolean;
        /// The largest blob, in bytes.
        "MAXIMUM_LAYER_SIZE" maximum_layer_size: u64 = 20 << 30, Live, yaml::size;
        /// How long, in seconds, what was pushed without a tag or mounted is kept until something refers to it.
        "PUSH_TEMP_TAG_EXPIRATION_SEC" push_temp_tag_expiration_sec: u64 = 3600, Live, repositories::grace;
    }
    TimeMachine {
        /// How long deleted tags can be restored, for new namespaces.
        "DEFAULT_TAG_EXPIRATION" default_tag_expiration: Period = Period::weeks(2), Live, time_machine::period;
        /// What a namespace may choose from.
        "TAG_EXPIRATION_OPTIONS" tag_expiration_options: Vec<Period> = time_machine::default_options(), Live, time_machine::periods;
        /// Whether a namespace may choose.
        "FEATURE_CHANGE_TAG_EXPIRATION" feature_change_tag_expiration: bool = true, Live, yaml::boolean;
    }
    Tags {
        /// Whether tags can be fixed so that they neither move nor go.
        "FEATURE_IMMUTABLE_TAGS" feature_immutable_tags: bool = true, Live, yaml::boolean;
    }
    Artifacts {
        /// Helm's types: written `true` they are added to the table, `false` they are always refused.
        "FEATURE_HELM_OCI_SUPPORT" feature_helm_oci_support: Option<bool> = None, Live, yaml::optional_boolean;
        /// Whether OCI manifests and indexes are accepted at all.
        "FEATURE_GENERAL_OCI_SUPPORT" feature_general_oci_support: bool = true, Live, yaml::boolean;
        /// Configuration types and the layer types that go with them; a table set here replaces the default one.
        "ALLOWED_OCI_ARTIFACT_TYPES" allowed_oci_artifact_types: Option<ArtifactTypes> = None, Live, artifacts::types;
        /// `true` accepts every type whatever the table says, `false` enforces the table.
        "IGNORE_UNKNOWN_MEDIATYPES" ignore_unknown_mediatypes: Option<bool> = None, Live, yaml::optional_boolean;
    }
    Database {
        /// Address of an external database, with its password.
        "DB_URI" db_uri: Option<Secret> = None, Frozen secret, database::uri;
    }
    DistributedStorage {
        /// Where blobs are, by location.
        "DISTRIBUTED_STORAGE_CONFIG" distributed_storage_config: BTreeMap<String, StorageLocation> = BTreeMap::new(), Frozen secret, storage::locations;
        /// Locations in order of preference.
        "DISTRIBUTED_STORAGE_PREFERENCE" distributed_storage_preference: Vec<String> = Vec::new(), Frozen, yaml::texts;
        /// Locations that every blob is copied to.
        "DISTRIBUTED_STORAGE_DEFAULT_LOCATIONS" distributed_storage_default_locations: Vec<String> = Vec::new(), Frozen, yaml::texts;
    }
    Redis {
        /// Read and checked; the registry needs no Redis.
        "BUILDLOGS_REDIS" buildlogs_redis: Option<Redis> = None, Live secret, redis::server;
        /// Read and checked; the registry needs no Redis.
        "USER_EVENTS_REDIS" user_events_redis: Option<Redis> = None, Live secret, redis::server;
    }
    UserVisibleSettings {
        /// What the registry is called in the console.
        "REGISTRY_TITLE" registry_title: String = "Quay".to_owned(), Live, yaml::text;
        /// The same where there is little room.
        "REGISTRY_TITLE_SHORT" registry_title_short: String = "Quay".to_owned(), Live, yaml::text;
        /// Where users get help: addresses of mail and web pages.
        "CONTACT_INFO" contact_info: Vec<String> = Vec::new(), Live, yaml::texts;
        /// Set by Quay's installer; read and checked only.
        "SETUP_COMPLETE" setup_complete: bool = true, Live, yaml::boolean;
        /// Quay's switch for its own tests; read and checked only.
        "TESTING" testing: bool = false, Live, yaml::boolean;
    }
}

impl Config {
    /// Where clients reach the registry: `https://host[:port]`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.preferred_url_scheme.as_str(), self.server_hostname)
    }
}

/// Keys that are not in use, with their values; `Debug` shows names only, since any of them may hold a secret.
#[derive(Clone, Default, PartialEq)]
pub struct Other(pub BTreeMap<String, Value>);

impl Deref for Other {
    type Target = BTreeMap<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
