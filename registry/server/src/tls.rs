//! The certificate that is being served, and how it is swapped without a restart.
//!
//! Owns: reading a PEM pair, checking that key and certificate belong together, the names it is valid for, and
//! the rustls configuration. Must not know: where the files lie or who renews them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Why a certificate and key cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate file holds no usable PEM certificate.
    #[error("the certificate cannot be read: ssl.cert; put a PEM chain there, leaf first: {0}")]
    Certificate(String),
    /// The key file holds no usable PEM key.
    #[error("the private key cannot be read: ssl.key; put an unencrypted PEM key there: {0}")]
    Key(String),
    /// Certificate and key are of different pairs.
    #[error(
        "the private key does not belong to the certificate: ssl.key; give the pair that belongs together"
    )]
    Mismatch,
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// A certificate chain with its key, ready to serve.
#[derive(Debug)]
pub struct Pair {
    key: Arc<CertifiedKey>,
    facts: Facts,
}

/// What a leaf certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Host names and addresses it is valid for, lower case; wildcards as written.
    pub names: Vec<String>,
    /// Last second of validity, since the epoch.
    pub not_after: i64,
}

impl Pair {
    /// Reads a PEM chain (leaf first) and its PEM key.
    ///
    /// # Errors
    /// When either cannot be read or they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Certificate(error.to_string()))?;
        let leaf = chain.first().ok_or_else(|| Error::Certificate("no certificate in it".to_owned()))?;
        let facts = Facts::read(leaf)?;
        // The parser's own error may quote the file, which holds a secret.
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|_| Error::Key("no private key in it".to_owned()))?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Error::Mismatch,
            _ => Error::Key("this kind of key is not supported".to_owned()),
        })?;
        Ok(Self { key: Arc::new(key), facts })
    }

    /// What the leaf says.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl Facts {
    fn read(leaf: &CertificateDer<'_>) -> Result<Self, Error> {
        let (_, certificate) =
            X509Certificate::from_der(leaf).map_err(|error| Error::Certificate(error.to_string()))?;
        let mut names = Vec::new();
        if let Ok(Some(alternatives)) = certificate.subject_alternative_name() {
            for name in &alternatives.value.general_names {
                match name {
                    GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
                    GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        Ok(Self { names, not_after: certificate.validity().not_after.timestamp() })
    }

    /// Whether `host` (a name or an address without brackets and port) is one of the names.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let address: std::net::IpAddr = match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok()?.into(),
        16 => <[u8; 16]>::try_from(bytes).ok()?.into(),
        _ => return None,
    };
    Some(address.to_string())
}

/// The pair in use; cheap to clone, swapped as a whole.
#[derive(Clone, Debug)]
pub struct Serving(Arc<ArcSwap<Pair>>);

impl Serving {
    /// Starts with `pair`.
    #[must_use]
    pub fn new(pair: Pair) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(pair)))
    }

    /// New handshakes get `pair`; connections that exist keep theirs.
    pub fn swap(&self, pair: Pair) {
        self.0.store(Arc::new(pair));
    }

    /// What the leaf in use says.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.0.load().facts.clone()
    }

    /// Whether `host` is a name of the leaf in use.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.0.load().facts.covers(host)
    }

    /// The TLS configuration of the listener: TLS 1.2 and 1.3, HTTP/2 preferred.
    ///
    /// # Errors
    /// When the crypto provider offers no usable protocol.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Clients of a registry open many short connections: tickets save them the full handshake.
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().key))
    }
}
