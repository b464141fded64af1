//! A certificate authority of our own, for a registry that was given no certificate.
//!
//! ```text
//! DATA/conf/ca-key.pem ─ signs ─► ca.crt (ten years; clients trust this one)
//!                      └ signs ─► leaf.pem + leaf-key.pem (a year; renewed a month before its end)
//! ```
//! Only the CA's certificate has an ending that clients look for: they take a folder of certificates (`--cert-dir`),
//! and there `.cert` and `.key` would be a pair to show to the server.
//! Owns: these four files. Must not know: TLS, HTTP.

use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::secret_file::{self, Mode};
use crate::tls;

const CA: &str = "ca.crt";
const CA_KEY: &str = "ca-key.pem";
const LEAF: &str = "leaf.pem";
const LEAF_KEY: &str = "leaf-key.pem";

const DAY: i64 = 24 * 60 * 60;
/// Longer lives are refused by some clients.
const LEAF_DAYS: i64 = 365;
const CA_DAYS: i64 = 3650;
/// A leaf with less than this left is renewed.
const RENEW_DAYS: i64 = 30;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("the certificate folder cannot be used: {}; make it writable: {source}", path.display())]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Making or reading a certificate failed.
    #[error("a certificate cannot be made: {path}; move the files of that folder away to have new ones made: {reason}", path = path.display())]
    Certificate {
        /// The file in question.
        path: PathBuf,
        /// What the library said.
        reason: String,
    },
    /// The pair that was made cannot be served.
    #[error(transparent)]
    Pair(#[from] tls::Error),
}

/// The folder with our own CA and leaf.
#[derive(Clone, Debug)]
pub struct OwnCa {
    folder: PathBuf,
}

impl OwnCa {
    /// Uses `folder`, which must exist.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where the CA certificate lies that clients should trust.
    #[must_use]
    pub fn ca_certificate(&self) -> PathBuf {
        self.folder.join(CA)
    }

    /// The leaf for `names`: the one there is when it still fits, else a new one.
    ///
    /// # Errors
    /// When the folder cannot be used or a file in it is broken.
    pub fn leaf(&self, names: &[String], now: Timestamp) -> Result<tls::Pair, Error> {
        if let Some(pair) = self.kept(names, now)? {
            return Ok(pair);
        }
        let (ca, ca_key) = self.authority(now)?;
        let issuer = Issuer::from_ca_cert_pem(&ca, ca_key).map_err(|error| self.broken(CA, &error))?;
        let key = KeyPair::generate().map_err(|error| self.broken(LEAF_KEY, &error))?;
        let mut leaf = CertificateParams::new(names.to_vec()).map_err(|error| self.broken(LEAF, &error))?;
        leaf.distinguished_name.push(DnType::CommonName, names.first().map_or("localhost", String::as_str));
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = self.validity(now, LEAF_DAYS, LEAF)?;
        let leaf = leaf.signed_by(&key, &issuer).map_err(|error| self.broken(LEAF, &error))?;
        // The chain carries the CA, so that a client that was given only the server can show where trust ends.
        let chain = format!("{}{ca}", leaf.pem());
        // Key first: a crash between the two leaves a pair that does not match, and that is renewed.
        self.write(LEAF_KEY, key.serialize_pem().as_bytes(), Mode::Shared)?;
        self.write(LEAF, chain.as_bytes(), Mode::Everyone)?;
        tracing::info!(names = names.join(" "), "made a new certificate");
        Ok(tls::Pair::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes())?)
    }

    /// The leaf on disk, when it covers exactly these names and is not about to end.
    fn kept(&self, names: &[String], now: Timestamp) -> Result<Option<tls::Pair>, Error> {
        let (Some(chain), Some(key)) = (self.read(LEAF)?, self.read(LEAF_KEY)?) else {
            return Ok(None);
        };
        let Ok(pair) = tls::Pair::from_pem(&chain, &key) else {
            return Ok(None);
        };
        let facts = pair.facts();
        let covered = names.iter().all(|name| facts.covers(name));
        let lasts = facts.not_after - now.as_second() > RENEW_DAYS * DAY;
        Ok((covered && lasts).then_some(pair))
    }

    /// The CA on disk, or a new one.
    fn authority(&self, now: Timestamp) -> Result<(String, KeyPair), Error> {
        if let (Some(certificate), Some(key)) = (self.read(CA)?, self.read(CA_KEY)?) {
            let certificate = String::from_utf8(certificate).map_err(|error| self.broken(CA, &error))?;
            let key = String::from_utf8(key).map_err(|_| self.broken(CA_KEY, &"it is not text"))?;
            let key = KeyPair::from_pem(&key).map_err(|_| self.broken(CA_KEY, &"it is not a private key"))?;
            return Ok((certificate, key));
        }
        let key = KeyPair::generate().map_err(|error| self.broken(CA_KEY, &error))?;
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "quay-registry local CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (ca.not_before, ca.not_after) = self.validity(now, CA_DAYS, CA)?;
        let certificate = ca.self_signed(&key).map_err(|error| self.broken(CA, &error))?.pem();
        self.write(CA_KEY, key.serialize_pem().as_bytes(), Mode::Shared)?;
        self.write(CA, certificate.as_bytes(), Mode::Everyone)?;
        Ok((certificate, key))
    }

    /// From an hour ago (clocks differ) for `days`.
    fn validity(
        &self,
        now: Timestamp,
        days: i64,
        file: &str,
    ) -> Result<(time::OffsetDateTime, time::OffsetDateTime), Error> {
        let from = now - SignedDuration::from_hours(1);
        let at = |second| {
            time::OffsetDateTime::from_unix_timestamp(second).map_err(|error| self.broken(file, &error))
        };
        Ok((at(from.as_second())?, at(now.as_second() + days * DAY)?))
    }

    fn read(&self, file: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.folder.join(file);
        secret_file::read(&path).map_err(|source| Error::File { path, source })
    }

    fn write(&self, file: &str, content: &[u8], mode: Mode) -> Result<(), Error> {
        let path = self.folder.join(file);
        secret_file::write(&path, content, mode).map_err(|source| Error::File { path, source })
    }

    fn broken(&self, file: &str, reason: &dyn std::fmt::Display) -> Error {
        Error::Certificate { path: self.folder.join(file), reason: reason.to_string() }
    }
}

/// What a registry on this machine is called: this machine's name and the loopback addresses.
#[must_use]
pub fn local_names(configured: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let machine = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    let valid = |name: &str| {
        !name.is_empty()
            && name.len() < 254
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b))
    };
    for name in configured.map(str::to_ascii_lowercase).into_iter().chain([machine]) {
        if valid(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn day(n: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + n * DAY).expect("a date")
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_leaf_is_kept_until_a_month_before_its_end_and_the_ca_for_longer() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = OwnCa::in_folder(folder.path());
        let names = names(&["localhost", "127.0.0.1", "::1"]);
        let first = own.leaf(&names, day(0)).expect("made").facts().not_after;
        let ca = fs::read(own.ca_certificate()).expect("a CA");
        assert_eq!(own.leaf(&names, day(300)).expect("kept").facts().not_after, first);
        let renewed = own.leaf(&names, day(340)).expect("renewed");
        assert!(renewed.facts().not_after > first);
        assert!(renewed.facts().covers("127.0.0.1") && renewed.facts().covers("::1"));
        assert_eq!(fs::read(own.ca_certificate()).expect("a CA"), ca, "clients go on trusting it");
    }

    #[test]
    fn a_new_name_gets_a_new_leaf() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = OwnCa::in_folder(folder.path());
        own.leaf(&names(&["localhost"]), day(0)).expect("made");
        let wider = own.leaf(&names(&["localhost", "registry.example"]), day(0)).expect("made anew");
        assert!(wider.facts().covers("registry.example"));
    }

    #[test]
    fn a_client_that_looks_for_certificates_finds_the_ca_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = OwnCa::in_folder(folder.path());
        own.leaf(&names(&["localhost"]), day(0)).expect("made");
        let files = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("read").path());
        let found: Vec<PathBuf> = files
            .filter(|file| file.extension().is_some_and(|end| end == "crt" || end == "cert" || end == "key"))
            .collect();
        assert_eq!(found, [own.ca_certificate()]);
    }

    #[test]
    fn keys_are_private_and_a_torn_pair_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = OwnCa::in_folder(folder.path());
        own.leaf(&names(&["localhost"]), day(0)).expect("made");
        for key in [CA_KEY, LEAF_KEY] {
            let mode = fs::metadata(folder.path().join(key)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
        let other = KeyPair::generate().expect("a key").serialize_pem();
        fs::write(folder.path().join(LEAF_KEY), other).expect("torn");
        own.leaf(&names(&["localhost"]), day(0)).expect("made anew instead of refused");
    }
}
