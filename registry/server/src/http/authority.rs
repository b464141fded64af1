//! The certificate authority that clients must be told to trust, when it is one of ours.
//!
//! Owns: where its certificate lies and that nothing but certificates is given away. Must not know: how it is made.

use std::path::{Path, PathBuf};
use std::{fs, io};

const CERTIFICATE: &str = "ssl.cert";
const AUTHORITY: &str = "ca.crt";
/// Longer is no certificate of an authority.
const LONGEST: u64 = 64 * 1024;

/// Where to look for it. Files are small and may be replaced at any time, so they are read when they are asked for.
#[derive(Clone, Debug, Default)]
pub struct Authority {
    /// The folder of the configuration, which may bring a certificate with its authority beside it.
    given: Option<PathBuf>,
    /// The folder in which the registry keeps an authority of its own.
    own: Option<PathBuf>,
}

impl Authority {
    /// Looks in these folders: what goes with a certificate that was given counts, else what we made.
    #[must_use]
    pub fn in_folders(given: Option<&Path>, own: &Path) -> Self {
        Self { given: given.map(Path::to_owned), own: Some(own.to_owned()) }
    }

    /// Its certificate in PEM; `None` when the certificate being served was issued by somebody else.
    #[must_use]
    pub fn pem(&self) -> Option<String> {
        let given =
            self.given.as_ref().filter(|folder| matches!(folder.join(CERTIFICATE).try_exists(), Ok(true)));
        let folder = given.or(self.own.as_ref())?;
        certificates(&read(&folder.join(AUTHORITY)).ok()?)
    }
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path)
}

/// The certificates of a PEM file, and nothing else of it: whoever puts a key beside them must not find it published.
fn certificates(text: &str) -> Option<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut found = String::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (body, next) = after.split_once(END)?;
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n \t".contains(&byte);
        if !body.bytes().all(is_base64) {
            return None;
        }
        found.push_str(BEGIN);
        found.push_str(&body.replace('\r', ""));
        found.push_str(END);
        found.push('\n');
        rest = next;
    }
    Some(found).filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";

    #[test]
    fn only_certificates_are_given_away() {
        assert_eq!(certificates(&format!("a comment\n{ONE}{KEY}{ONE}")), Some(format!("{ONE}{ONE}")));
        for nothing in ["", KEY, "-----BEGIN CERTIFICATE-----\nAAAA", &ONE.replace("AAAA", "<script>")] {
            assert_eq!(certificates(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn an_authority_counts_only_beside_the_certificate_it_goes_with() {
        let (given, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let authority = Authority::in_folders(Some(given.path()), own.path());
        assert_eq!(authority.pem(), None);
        fs::write(own.path().join(AUTHORITY), ONE).unwrap();
        assert_eq!(authority.pem().as_deref(), Some(ONE));
        // A certificate that was given was not issued by our own authority.
        fs::write(given.path().join(CERTIFICATE), "a chain").unwrap();
        assert_eq!(authority.pem(), None);
        let other = ONE.replace("AAAA", "BBBB");
        fs::write(given.path().join(AUTHORITY), &other).unwrap();
        assert_eq!(authority.pem(), Some(other));
    }

    #[test]
    fn a_file_that_is_no_certificate_is_not_read_to_its_end() {
        let own = tempfile::tempdir().unwrap();
        fs::write(own.path().join(AUTHORITY), format!("{}{ONE}", "x".repeat(70_000))).unwrap();
        assert_eq!(Authority::in_folders(None, own.path()).pem(), None);
    }
}
