//! Certificates for the registries that tests configure themselves.

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use crate::secrets;

/// A certificate and its key, as PEM.
pub struct Pair {
    /// What `ssl.cert` holds.
    pub cert: String,
    /// What `ssl.key` holds.
    pub key: String,
}

/// A certificate authority of one test.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new one.
    pub fn new(name: &str) -> Result<Authority> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().context("make a key")?;
        secrets::known(&key.serialize_pem())?;
        let issuer = CertifiedIssuer::self_signed(params, key).context("sign the authority")?;
        Ok(Authority { issuer })
    }

    /// What clients trust.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server certificate for these names and addresses.
    pub fn leaf(&self, names: &[&str]) -> Result<Pair> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names)?;
        let key = KeyPair::generate().context("make a key")?;
        secrets::known(&key.serialize_pem())?;
        let cert = params.signed_by(&key, &self.issuer).context("sign the leaf")?;
        Ok(Pair { cert: cert.pem(), key: key.serialize_pem() })
    }
}
