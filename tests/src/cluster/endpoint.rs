//! What a user reads from the cluster to use a registry: the endpoint, the authority, the superuser.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use tokio::net::TcpStream;

use super::case::{Case, PATIENCE};
use crate::accounts::Credentials;
use crate::api::Session;
use crate::client::{Caller, Client};
use crate::secrets;
use crate::until::until;

/// A registry that can be used from here.
pub struct Endpoint {
    /// `host:port`.
    pub host: String,
    /// The published authority, as PEM.
    pub ca: String,
    /// From the admin Secret.
    pub admin: Credentials,
    client: Client,
}

impl Endpoint {
    /// Reads status, ConfigMap and Secret of a registry.
    pub async fn read(case: &Case, name: &str) -> Result<Endpoint> {
        let registry = case.registry(name).await?;
        let url = registry["status"]["registryEndpoint"].as_str().context("no registryEndpoint")?;
        let host = url.strip_prefix("https://").with_context(|| format!("{url} is not https"))?.to_owned();
        let published = case.api::<ConfigMap>().get(&format!("{name}-quay-ca")).await?;
        let ca =
            published.data.and_then(|mut data| data.remove("ca.crt")).context("no ca.crt is published")?;
        note_secrets(case, name).await?;
        let admin = case.api::<Secret>().get(&format!("{name}-quay-admin")).await?;
        let admin = Credentials::new(&text(&admin, "username")?, &text(&admin, "password")?)?;
        let client = Client::new(&host, &ca)?;
        forwarded(&host).await?;
        Ok(Endpoint { host, ca, admin, client })
    }

    /// Talks to it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The superuser with a password on each request.
    pub fn caller(&self) -> Caller {
        self.client.basic(&self.admin)
    }

    /// Waits until it can be used.
    pub async fn answers(&self) -> Result<()> {
        until("the endpoint to answer", PATIENCE, || async {
            self.client.anonymous().get("/readyz").send().await?.expect(200).map(drop)
        })
        .await
    }

    /// A session of somebody.
    pub async fn session(&self, who: &Credentials) -> Result<Session> {
        Session::sign_in(&self.client, &self.ca, who).await
    }

    /// A new account.
    pub async fn sign_up(&self, name: &str) -> Result<Credentials> {
        Session::sign_up(&self.client, &self.ca, name).await
    }
}

/// Waits until the node forwards the port of `host:port`, which it does a moment after the Service says so.
pub async fn forwarded(host: &str) -> Result<()> {
    until(&format!("the node to forward {host}"), PATIENCE, || async {
        Ok(TcpStream::connect(host).await.map(drop)?)
    })
    .await
}

/// One entry of a Secret as text.
fn text(secret: &Secret, key: &str) -> Result<String> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    let bytes = bytes.with_context(|| format!("the Secret has no {key}"))?;
    Ok(String::from_utf8(bytes.0.clone())?)
}

/// Tells the scan about everything secret that the operator made for a registry.
async fn note_secrets(case: &Case, name: &str) -> Result<()> {
    for suffix in ["quay-registry-managed-secret-keys", "quay-config-secret", "quay-ca", "quay-admin"] {
        let Some(secret) = case.api::<Secret>().get_opt(&format!("{name}-{suffix}")).await? else { continue };
        for (key, value) in secret.data.unwrap_or_default() {
            let value = String::from_utf8_lossy(&value.0).into_owned();
            let key = key.to_lowercase();
            if key == "config.yaml" {
                for line in value.lines() {
                    if let Some((name, value)) = line.split_once(": ")
                        && name.ends_with("SECRET_KEY")
                    {
                        secrets::known(value.trim_matches(['"', '\'']))?;
                    }
                }
            } else if ["key", "password", "token"].iter().any(|word| key.contains(word)) {
                secrets::known(&value)?;
            }
        }
    }
    Ok(())
}
