//! The Secrets, and the ConfigMap that clients trust.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};

use crate::plan::{App, Plan, TlsSource};
use crate::resolve::keys::{
    DATABASE_SECRET_KEY, RECORD_DATA, RECORD_EXPOSURE, RECORD_EXPOSURE_CAUSE, RECORD_HOST, RECORD_NODE_PORT,
    RECORD_ROUTE_HOST, SECRET_KEY,
};

/// Keys and records.
pub(super) fn keys(plan: &Plan) -> Secret {
    let records = &plan.keys.records;
    let present = [
        (SECRET_KEY, Some(plan.keys.secret_key.clone())),
        (DATABASE_SECRET_KEY, Some(plan.keys.database_secret_key.clone())),
        (RECORD_EXPOSURE, records.exposure.map(|kind| kind.as_str().to_owned())),
        (RECORD_EXPOSURE_CAUSE, records.exposure_cause.clone()),
        (RECORD_ROUTE_HOST, records.route_host.clone()),
        (RECORD_HOST, records.host.clone()),
        (RECORD_NODE_PORT, records.node_port.map(|port| port.to_string())),
        (RECORD_DATA, records.data.clone()),
    ];
    secret(present.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into_bytes()))))
}

/// The first superuser.
pub(super) fn admin(plan: &Plan) -> Secret {
    let admin = &plan.admin;
    let entries = [("username", &admin.username), ("password", &admin.password), ("email", &admin.email)];
    secret(entries.into_iter().map(|(key, value)| (key.to_owned(), value.clone().into_bytes())))
}

/// The certificate authority.
pub(super) fn authority(plan: &Plan) -> Option<Secret> {
    plan.authority.as_ref().map(|pair| {
        let entries = [("ca.crt", &pair.certificate), ("ca.key", &pair.key)];
        secret(entries.into_iter().map(|(key, value)| (key.to_owned(), value.clone().into_bytes())))
    })
}

/// What clients trust: the authority's certificate alone.
pub(super) fn trust_anchor(plan: &Plan) -> Option<ConfigMap> {
    plan.authority.as_ref().map(|pair| ConfigMap {
        data: Some(BTreeMap::from([("ca.crt".to_owned(), pair.certificate.clone())])),
        ..ConfigMap::default()
    })
}

/// What is mounted into the pods.
pub(super) fn config(plan: &Plan, app: &App) -> Secret {
    let own = [
        ("config.yaml", &app.config),
        ("ssl.cert", &app.certificate.certificate),
        ("ssl.key", &app.certificate.key),
    ];
    let own = own.into_iter().map(|(key, value)| (key.to_owned(), value.clone().into_bytes()));
    // beside the user's certificate there is no authority of ours to be trusted
    let authority = plan.authority.iter().filter(|_| plan.tls == TlsSource::Own);
    let authority = authority.map(|pair| ("ca.crt".to_owned(), pair.certificate.clone().into_bytes()));
    secret(app.files.clone().into_iter().chain(own).chain(authority))
}

fn secret(entries: impl Iterator<Item = (String, Vec<u8>)>) -> Secret {
    Secret {
        type_: Some("Opaque".to_owned()),
        data: Some(entries.map(|(key, value)| (key, ByteString(value))).collect()),
        ..Secret::default()
    }
}
