//! `GET /config`: what a console must know before anybody is signed in, in the shape of Quay's document.
//!
//! Every key is written here by hand: nothing of the configuration gets out that is not listed.

use axum::extract::State;
use http::StatusCode;
use quay_config::Config;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::outcome::Answer;
use crate::VERSION;
use crate::http::{App, reply};

#[derive(Serialize, ToSchema)]
struct Document {
    #[schema(value_type = Object)]
    config: Value,
    #[schema(value_type = Object)]
    features: Value,
    #[schema(value_type = Object)]
    oauth: Value,
    #[schema(value_type = Vec<Object>)]
    external_login: Vec<Value>,
    registry_state: &'static str,
    account_recovery_mode: bool,
    version_number: &'static str,
}

/// What the registry is called, and what it can do.
#[utoipa::path(get, path = "/config", tag = "discovery", responses((status = 200, body = Document)))]
pub(super) async fn show(State(app): State<App>) -> Answer {
    let config = app.core.config();
    let document = Document {
        config: keys(&config),
        features: features(&config),
        oauth: json!({}),
        external_login: Vec::new(),
        registry_state: "normal",
        account_recovery_mode: false,
        version_number: VERSION,
    };
    Ok(reply::json(StatusCode::OK, &document))
}

fn keys(config: &Config) -> Value {
    let windows: Vec<&str> = config.tag_expiration_options.iter().map(|option| option.as_str()).collect();
    json!({
        "SERVER_HOSTNAME": config.server_hostname,
        "PREFERRED_URL_SCHEME": config.preferred_url_scheme.as_str(),
        "AUTHENTICATION_TYPE": "Database",
        "REGISTRY_TITLE": config.registry_title,
        "REGISTRY_TITLE_SHORT": config.registry_title_short,
        "CONTACT_INFO": config.contact_info,
        "LIBRARY_NAMESPACE": config.library_namespace,
        "TAG_EXPIRATION_OPTIONS": windows,
        "ROBOTS_DISALLOW": config.robots_disallow,
        "SETUP_COMPLETE": config.setup_complete,
        "AVATAR_KIND": "local",
        "DEFAULT_UI": "react",
        "DISABLE_ANGULAR_UI": true,
        "PERMANENTLY_DELETE_TAGS": false,
        "FEATURE_REPO_MIRROR": false,
        "FEATURE_ORG_MIRROR": false,
        "FEATURE_QUOTA_MANAGEMENT": false,
        "FEATURE_EDIT_QUOTA": false,
        "FEATURE_PROXY_CACHE": false,
        "FEATURE_AUTO_PRUNE": false,
        "FEATURE_IMAGE_EXPIRY_TRIGGER": false,
        "FEATURE_ASSIGN_OAUTH_TOKEN": false,
    })
}

/// What is switched on, by Quay's names of features; what this registry does not do is off.
fn features(config: &Config) -> Value {
    json!({
        "ANONYMOUS_ACCESS": config.feature_anonymous_access,
        "APP_SPECIFIC_TOKENS": config.feature_app_specific_tokens,
        "CHANGE_TAG_EXPIRATION": config.feature_change_tag_expiration,
        "DIRECT_LOGIN": config.feature_direct_login,
        "EXTENDED_REPOSITORY_NAMES": config.feature_extended_repository_names,
        "GENERAL_OCI_SUPPORT": config.feature_general_oci_support,
        "HELM_OCI_SUPPORT": config.feature_general_oci_support && config.feature_helm_oci_support != Some(false),
        "IMMUTABLE_TAGS": config.feature_immutable_tags,
        "INVITE_ONLY_USER_CREATION": config.feature_invite_only_user_creation,
        "LIBRARY_SUPPORT": config.feature_library_support,
        "PUBLIC_CATALOG": config.feature_public_catalog,
        "REQUIRE_ENCRYPTED_BASIC_AUTH": config.feature_require_encrypted_basic_auth,
        "SUPERUSERS_FULL_ACCESS": config.feature_superusers_full_access,
        "SUPER_USERS": config.feature_super_users,
        "USER_CREATION": config.feature_user_creation,
        "USER_INITIALIZE": config.feature_user_initialize,
        "USER_RENAME": config.feature_user_rename,
        "AGGREGATED_LOG_COUNT_RETRIEVAL": true,
        "GARBAGE_COLLECTION": true,
        "PERMANENT_SESSIONS": true,
        "REFERRERS_API": true,
        "UI_V2": true,
        "USER_LOG_ACCESS": true,
        "AUTO_PRUNE": false,
        "BILLING": false,
        "BUILD_SUPPORT": false,
        "LOG_EXPORT": false,
        "MAILING": false,
        "PROXY_CACHE": false,
        "QUOTA_MANAGEMENT": false,
        "RECAPTCHA": false,
        "REPO_MIRROR": false,
        "REQUIRE_TEAM_INVITE": false,
        "SECURITY_SCANNER": false,
        "SIGNING": false,
        "TEAM_SYNCING": false,
        "USER_RENAME": false,
    })
}
