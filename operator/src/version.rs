//! Asks the running registry for its version and the settings in force, over TLS, checked against the registry's own authority.
//!
//! Where the user brings the certificate there is nothing of ours to check it against, so the operations port is asked.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Limited};
use k8s_openapi::api::core::v1::Pod;
use kube::client::Body;
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;

use crate::names::Slot;
use crate::pki;
use crate::snapshot::{Children, Reported};

const PATIENCE: Duration = Duration::from_secs(2);
const BODY_LIMIT: usize = 4096;

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    artifact_policy: Option<String>,
    #[serde(default)]
    settings: Option<String>,
}

/// What the first ready pod reports; `None` when no pod is ready or none answers.
pub async fn read(namespace: &str, registry: &str, children: &Children, pods: &[Pod]) -> Option<Reported> {
    let address = pods.iter().find(|pod| is_ready(pod))?.status.as_ref()?.pod_ip.clone()?;
    match tokio::time::timeout(PATIENCE, ask(namespace, registry, children, &address)).await {
        Ok(Ok(reported)) => Some(reported),
        Ok(Err(error)) => {
            tracing::debug!(
                registry.name = registry,
                registry.namespace = namespace,
                error,
                "the registry did not tell its version"
            );
            None
        }
        Err(_) => {
            tracing::debug!(
                registry.name = registry,
                registry.namespace = namespace,
                "the registry did not tell its version in time"
            );
            None
        }
    }
}

async fn ask(
    namespace: &str,
    registry: &str,
    children: &Children,
    address: &str,
) -> Result<Reported, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let roots: Option<Vec<Vec<u8>>> = authority(children).map(|pem| {
        CertificateDer::pem_slice_iter(pem.as_bytes()).flatten().map(|der| der.to_vec()).collect()
    });
    let url = if roots.is_some() { format!("https://{host}:8443") } else { format!("http://{host}:9091") };
    let mut config = Config::new(url.parse().map_err(|error: http::uri::InvalidUri| text(&error))?);
    config.root_cert = roots;
    config.tls_server_name = Some(format!("{}.{namespace}.svc", Slot::Service.name(registry)));
    config.connect_timeout = Some(PATIENCE);
    config.read_timeout = Some(PATIENCE);
    config.default_retry = false;
    let client = Client::try_from(config).map_err(|error| text(&error))?;
    let request = Request::get("/version").body(Body::empty()).map_err(|error| text(&error))?;
    let response = client.send(request).await.map_err(|error| text(&error))?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status()));
    }
    let body =
        Limited::new(response.into_body(), BODY_LIMIT).collect().await.map_err(|error| error.to_string())?;
    let told: Version = serde_json::from_slice(&body.to_bytes()).map_err(|error| text(&error))?;
    check(told).ok_or_else(|| "the answer is no version".to_owned())
}

/// What goes into `status` and events has a plain form, whoever answered.
fn check(told: Version) -> Option<Reported> {
    let is_plain = |text: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        !text.is_empty() && text.len() <= 64 && text.chars().all(is_plain)
    };
    let Version { version, artifact_policy, settings } = told;
    let is_sentence =
        |text: &String| !text.is_empty() && text.len() <= 1000 && !text.chars().any(char::is_control);
    is_plain(&version).then(|| Reported {
        version,
        artifact_policy: artifact_policy.filter(is_sentence),
        settings: settings.filter(|settings| is_plain(settings)),
    })
}

/// Our authority's certificate, if the certificate that is served comes from it: the authority stays when the user brings
/// another certificate.
pub fn authority(children: &Children) -> Option<String> {
    let text = |slot, key: &str| String::from_utf8(children.secret(slot)?.remove(key)?).ok();
    let authority = text(Slot::Authority, "ca.crt")?;
    pki::is_issued_by(&text(Slot::Config, "ssl.cert")?, &authority).then_some(authority)
}

fn is_ready(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && pod
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_ref())
            .is_some_and(|conditions| conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}
