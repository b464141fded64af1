//! Bytes over TLS, for what a decent HTTP client does not send: paths that climb, bodies that break off, huge headers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::accounts::Credentials;

const LIMIT: Duration = Duration::from_secs(60);

/// A connection that sends what it is told.
pub struct Raw {
    stream: TlsStream<TcpStream>,
}

/// The status and the body of one answer.
#[derive(Debug)]
pub struct RawAnswer {
    /// The status code.
    pub status: u16,
    /// Head and body as text.
    pub text: String,
}

impl RawAnswer {
    /// The code of the first error of an OCI error body.
    pub fn error_code(&self) -> Result<String> {
        let start = self.text.find("\r\n\r\n").context("no body")? + 4;
        let body: Value = serde_json::from_str(self.text[start..].trim())
            .with_context(|| format!("the body is not JSON: {}", self.text))?;
        Ok(body["errors"][0]["code"].as_str().context("not OCI's error JSON")?.to_owned())
    }
}

impl Raw {
    /// Connects, trusting this authority, and asks for HTTP/1.1.
    pub async fn connect(address: SocketAddr, ca: &str) -> Result<Raw> {
        let mut roots = RootCertStore::empty();
        for cert in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            roots.add(cert.map_err(|error| anyhow!("read the authority: {error}"))?)?;
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tcp = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost")?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.context("TLS")?;
        Ok(Raw { stream })
    }

    /// The certificate the server showed, as DER.
    pub fn certificate(&self) -> Result<Vec<u8>> {
        let (_, session) = self.stream.get_ref();
        let certs = session.peer_certificates().context("no certificate")?;
        Ok(certs.first().context("no certificate")?.to_vec())
    }

    /// Sends bytes and makes sure that they have left.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        timeout(LIMIT, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await
        .context("send")??;
        Ok(())
    }

    /// Reads until the server closes; the request must have asked for that.
    pub async fn answer(mut self) -> Result<RawAnswer> {
        let mut bytes = Vec::new();
        // a peer that closes without a farewell has still answered
        let read = timeout(LIMIT, self.stream.read_to_end(&mut bytes)).await.context("read the answer")?;
        if bytes.is_empty() {
            read.context("the server closed without an answer")?;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(RawAnswer { status: status.with_context(|| format!("not an HTTP answer: {text:?}"))?, text })
    }

    /// Breaks off without a farewell.
    pub fn drop_connection(self) {
        drop(self);
    }
}

/// A request head that asks the server to close afterwards.
pub fn head(method: &str, target: &str, who: Option<&Credentials>, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    if let Some(who) = who {
        let pair = BASE64_STANDARD.encode(format!("{}:{}", who.username, who.password));
        text.push_str(&format!("Authorization: Basic {pair}\r\n"));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text
}
