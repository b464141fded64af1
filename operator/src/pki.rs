//! The registry's own certificate authority and serving certificates, and the check of certificates that users bring.
//!
//! Knows PEM, names and dates; knows nothing of Kubernetes.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(24 * 3650);
const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(24 * 90);
/// A leaf is renewed when less than this is left of its life.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Clocks of clients may be behind ours.
const BACKDATE: SignedDuration = SignedDuration::from_hours(1);

/// A certificate (or chain) and its private key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, leaf first.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair(…)")
    }
}

/// Why a certificate could not be made or is not usable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate could not be made.
    #[error("making a certificate failed")]
    Make(#[from] rcgen::Error),
    /// The text is not a certificate.
    #[error("{0} holds no certificate in PEM form")]
    NotACertificate(&'static str),
    /// The text is not a key.
    #[error("{0} holds no private key in PEM form")]
    NotAKey(&'static str),
    /// Key and certificate do not belong together.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    /// The certificate is for other hosts.
    #[error("the certificate is not valid for {host}, only for: {names}")]
    WrongHost {
        /// The host that clients use.
        host: String,
        /// What the certificate names.
        names: String,
    },
}

/// Makes an authority for one registry.
pub fn authority(registry: &str, namespace: &str, now: Timestamp) -> Result<Pair, Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(now - BACKDATE);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(now + AUTHORITY_LIFE);
    params.distinguished_name.push(DnType::CommonName, format!("Quay registry {registry}"));
    params.distinguished_name.push(DnType::OrganizationalUnitName, namespace.to_owned());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Issues a serving certificate for `names` (host names and addresses).
pub fn issue(authority: &Pair, names: &BTreeSet<String>, now: Timestamp) -> Result<Pair, Error> {
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let end = inspect(&authority.certificate, "ca.crt")?.not_after.min(now + LEAF_LIFE);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(now - BACKDATE);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(end);
    // a subject of some kind: with an empty one the names would have to be critical, which old clients trip over
    params.distinguished_name.push(DnType::CommonName, "Quay registry");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Whether a serving certificate can stay: issued by `authority`, for all of `names`, and not about to expire.
pub fn is_good(leaf: &Pair, authority: &Pair, names: &BTreeSet<String>, now: Timestamp) -> bool {
    let (Ok(seen), Ok(ca)) =
        (inspect(&leaf.certificate, "ssl.cert"), inspect(&authority.certificate, "ca.crt"))
    else {
        return false;
    };
    seen.authority_key.is_some()
        && seen.authority_key == ca.subject_key
        && names.iter().all(|name| seen.names.contains(name))
        && now + RENEW_BEFORE.min((ca.not_after.duration_since(now)) / 2) < seen.not_after
        && matches_key(leaf).unwrap_or(false)
}

/// Checks a pair that a user brings for the host that clients use; answers until when it is valid.
pub fn check(pair: &Pair, host: &str) -> Result<Timestamp, Error> {
    let seen = inspect(&pair.certificate, "the certificate")?;
    if !matches_key(pair)? {
        return Err(Error::Mismatch);
    }
    if !seen.names.iter().any(|name| covers(name, host)) {
        let names = seen.names.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Error::WrongHost { host: host.to_owned(), names });
    }
    Ok(seen.not_after)
}

/// Whether leaves can be issued by a pair: a CA certificate that can be named as issuer and has not expired, with its key.
pub fn is_authority(pair: &Pair, now: Timestamp) -> bool {
    inspect(&pair.certificate, "ca.crt")
        .is_ok_and(|ca| ca.is_authority && ca.subject_key.is_some() && now < ca.not_after)
        && matches_key(pair).unwrap_or(false)
}

/// Whether a serving certificate names `authority` as its issuer.
pub fn is_issued_by(certificate: &str, authority: &str) -> bool {
    match (inspect(certificate, "ssl.cert"), inspect(authority, "ca.crt")) {
        (Ok(leaf), Ok(ca)) => leaf.authority_key.is_some() && leaf.authority_key == ca.subject_key,
        _ => false,
    }
}

/// Until when a certificate is valid.
pub fn expiry(certificate: &str) -> Option<Timestamp> {
    inspect(certificate, "the certificate").ok().map(|seen| seen.not_after)
}

struct Seen {
    names: BTreeSet<String>,
    not_after: Timestamp,
    authority_key: Option<Vec<u8>>,
    subject_key: Option<Vec<u8>>,
    is_authority: bool,
}

fn inspect(pem: &str, what: &'static str) -> Result<Seen, Error> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| Error::NotACertificate(what))?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| Error::NotACertificate(what))?;
    let mut seen = Seen {
        names: BTreeSet::new(),
        not_after: Timestamp::from_second(certificate.validity().not_after.timestamp())
            .map_err(|_| Error::NotACertificate(what))?,
        authority_key: None,
        subject_key: None,
        is_authority: certificate.is_ca(),
    };
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(san) => {
                seen.names.extend(san.general_names.iter().filter_map(|name| match name {
                    GeneralName::DNSName(dns) => Some(dns.to_ascii_lowercase()),
                    GeneralName::IPAddress(bytes) => address(bytes).map(|ip| ip.to_string()),
                    _ => None,
                }));
            }
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                seen.authority_key = id.key_identifier.as_ref().map(|key| key.0.to_vec());
            }
            ParsedExtension::SubjectKeyIdentifier(id) => seen.subject_key = Some(id.0.to_vec()),
            _ => {}
        }
    }
    Ok(seen)
}

fn matches_key(pair: &Pair) -> Result<bool, Error> {
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| Error::NotACertificate("the certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).map_err(|_| Error::NotAKey("the key"))?;
    let key =
        rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).map_err(|_| Error::NotAKey("the key"))?;
    Ok(rustls::sign::CertifiedKey::new(chain, key).keys_match().is_ok())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Whether a name of a certificate covers a host; a wildcard stands for exactly one label.
fn covers(name: &str, host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    if let (Ok(a), Ok(b)) = (name.parse::<IpAddr>(), host.parse::<IpAddr>()) {
        return a == b;
    }
    match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && rest == parent),
        None => name == host,
    }
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_secs(at.as_second().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn now() -> Timestamp {
        "2026-05-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_fresh_leaf_is_good_and_one_about_to_expire_is_not() {
        let ca = authority("r", "ns", now()).unwrap();
        let wanted = names(&["r-quay-app", "10.0.0.1", "fd00::1"]);
        let leaf = issue(&ca, &wanted, now()).unwrap();
        assert!(is_good(&leaf, &ca, &wanted, now()));
        assert!(is_good(&leaf, &ca, &wanted, now() + SignedDuration::from_hours(24 * 59)));
        assert!(!is_good(&leaf, &ca, &wanted, now() + SignedDuration::from_hours(24 * 61)));
    }

    #[test]
    fn an_authority_that_cannot_issue_is_none() {
        let ca = authority("r", "ns", now()).unwrap();
        assert!(is_authority(&ca, now()));
        assert!(!is_authority(&ca, now() + AUTHORITY_LIFE), "it has expired");
        let leaf = issue(&ca, &names(&["a"]), now()).unwrap();
        assert!(!is_authority(&leaf, now()), "a leaf issues nothing");
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::ExplicitNoCa;
        let plain = params.self_signed(&key).unwrap().pem();
        assert!(!is_authority(&Pair { certificate: plain, key: key.serialize_pem() }, now()));
    }

    #[test]
    fn an_issuer_is_told_by_its_key() {
        let (ca, other) = (authority("r", "ns", now()).unwrap(), authority("r", "ns", now()).unwrap());
        let leaf = issue(&ca, &names(&["a"]), now()).unwrap();
        assert!(is_issued_by(&leaf.certificate, &ca.certificate));
        assert!(!is_issued_by(&leaf.certificate, &other.certificate));
    }

    #[test]
    fn a_leaf_that_lacks_a_name_is_not_good() {
        let ca = authority("r", "ns", now()).unwrap();
        let leaf = issue(&ca, &names(&["a"]), now()).unwrap();
        assert!(!is_good(&leaf, &ca, &names(&["a", "b"]), now()));
    }

    #[test]
    fn a_leaf_of_another_authority_of_the_same_name_is_not_good() {
        let (ca, other) = (authority("r", "ns", now()).unwrap(), authority("r", "ns", now()).unwrap());
        let leaf = issue(&other, &names(&["a"]), now()).unwrap();
        assert!(!is_good(&leaf, &ca, &names(&["a"]), now()));
    }

    #[test]
    fn a_leaf_with_the_key_of_another_is_not_good() {
        let ca = authority("r", "ns", now()).unwrap();
        let leaf = issue(&ca, &names(&["a"]), now()).unwrap();
        let mixed = Pair { key: issue(&ca, &names(&["a"]), now()).unwrap().key, ..leaf };
        assert!(!is_good(&mixed, &ca, &names(&["a"]), now()));
        assert!(matches!(check(&mixed, "a"), Err(Error::Mismatch)));
    }

    #[test]
    fn a_leaf_never_outlives_its_authority_and_is_not_renewed_without_end() {
        let ca = authority("r", "ns", now() - AUTHORITY_LIFE + SignedDuration::from_hours(24 * 10)).unwrap();
        let leaf = issue(&ca, &names(&["a"]), now()).unwrap();
        assert_eq!(expiry(&leaf.certificate), expiry(&ca.certificate));
        assert!(is_good(&leaf, &ca, &names(&["a"]), now()));
    }

    #[test]
    fn a_certificate_of_the_user_must_name_the_host() {
        let ca = authority("r", "ns", now()).unwrap();
        let leaf = issue(&ca, &names(&["*.example.com", "10.0.0.1"]), now()).unwrap();
        assert!(check(&leaf, "quay.example.com").is_ok());
        assert!(check(&leaf, "10.0.0.1").is_ok());
        assert!(matches!(check(&leaf, "a.quay.example.com"), Err(Error::WrongHost { .. })));
        assert!(matches!(check(&leaf, "example.com"), Err(Error::WrongHost { .. })));
    }

    #[test]
    fn text_that_is_no_certificate_is_refused() {
        let pair = Pair { certificate: "nonsense".to_owned(), key: "nonsense".to_owned() };
        assert!(matches!(check(&pair, "a"), Err(Error::NotACertificate(_))));
    }
}
