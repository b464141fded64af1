//! Secrets at rest: AES-256-GCM under keys drawn from `DATABASE_SECRET_KEY`, bound to what they belong to, and the
//! keyed hashes drawn from `SECRET_KEY`.
//!
//! A sealed value is `1 ‖ nonce (12) ‖ ciphertext and tag`. It opens only for the purpose and the owner it was
//! sealed for, so rows cannot be swapped.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, digest, hkdf, hmac};
use zeroize::Zeroizing;

use crate::entropy::{self, Entropy};
use crate::error::{Error, Result};

const VERSION: u8 = 1;

/// What a sealed value is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    AppToken,
    ClientKey,
    RobotToken,
    SigningKey,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::AppToken => "application token",
            Self::ClientKey => "encrypted password",
            Self::RobotToken => "robot token",
            Self::SigningKey => "token signing key",
        }
    }
}

/// The keys of one installation. Holds key material, hence no `Debug` that shows it.
pub(crate) struct Sealing {
    database: LessSafeKey,
    csrf: hmac::Key,
    password_cache: hmac::Key,
}

impl Sealing {
    /// Draws every key from the two configured secrets; the cache key is of this process only.
    pub(crate) fn new(secret_key: &str, database_secret_key: &str, entropy: &dyn Entropy) -> Result<Self> {
        let database = derive(database_secret_key, "quay database fields v1")?;
        let csrf = derive(secret_key, "quay csrf v1")?;
        let process: [u8; 32] = entropy::bytes(entropy)?;
        let database = UnboundKey::new(&AES_256_GCM, &*database)
            .map_err(|_| Error::internal("making the database key failed: key length"))?;
        Ok(Self {
            database: LessSafeKey::new(database),
            csrf: hmac::Key::new(hmac::HMAC_SHA256, &*csrf),
            password_cache: hmac::Key::new(hmac::HMAC_SHA256, &process),
        })
    }

    /// Seals `plain` for an owner.
    pub(crate) fn seal(
        &self,
        entropy: &dyn Entropy,
        purpose: Purpose,
        owner: &str,
        plain: &[u8],
    ) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = entropy::bytes(entropy)?;
        let mut body = plain.to_vec();
        self.database
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(purpose, owner), &mut body)
            .map_err(|_| Error::internal(format!("sealing a {} failed", purpose.label())))?;
        Ok([&[VERSION][..], &nonce, &body].concat())
    }

    /// Opens what [`Sealing::seal`] made for the same purpose and owner.
    pub(crate) fn open(&self, purpose: Purpose, owner: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let unreadable = || {
            Error::internal(format!(
                "opening a stored {} failed: is DATABASE_SECRET_KEY the one it was stored with?",
                purpose.label()
            ))
        };
        let Some((&[VERSION], rest)) = sealed.split_first_chunk() else { return Err(unreadable()) };
        let Some((nonce, body)) = rest.split_first_chunk::<NONCE_LEN>() else { return Err(unreadable()) };
        let mut body = Zeroizing::new(body.to_vec());
        let plain = self
            .database
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad(purpose, owner), &mut body)
            .map_err(|_| unreadable())?;
        Ok(Zeroizing::new(plain.to_vec()))
    }

    /// The CSRF token that belongs to a cookie.
    pub(crate) fn csrf(&self, cookie: &str) -> String {
        hex::encode(hmac::sign(&self.csrf, cookie.as_bytes()))
    }

    /// What a successful log-in is remembered under; tells neither the name nor the password.
    pub(crate) fn password_mark(&self, user: &str, password: &str, stored_hash: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.password_cache);
        for part in [user, password, stored_hash] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut mark = [0; 32];
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }
}

/// Equality that takes the same time wherever the texts differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// The look-up hash of a random token.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

fn aad(purpose: Purpose, owner: &str) -> Aad<Vec<u8>> {
    let label = purpose.label();
    Aad::from([&[label.len() as u8], label.as_bytes(), owner.as_bytes()].concat())
}

fn derive(secret: &str, label: &str) -> Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"quay")
        .extract(secret.as_bytes())
        .expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *key))
        .map_err(|_| Error::internal("drawing a key from a configured secret failed"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    fn sealing(database_secret_key: &str) -> Sealing {
        Sealing::new("secret", database_secret_key, &SystemEntropy).unwrap()
    }

    #[test]
    fn a_sealed_secret_opens_for_its_owner_and_purpose_only() {
        let keys = sealing("database");
        let sealed = keys.seal(&SystemEntropy, Purpose::RobotToken, "org+ci", b"TOKEN").unwrap();
        assert_eq!(&**keys.open(Purpose::RobotToken, "org+ci", &sealed).unwrap(), b"TOKEN");
        assert!(keys.open(Purpose::RobotToken, "org+cd", &sealed).is_err());
        assert!(keys.open(Purpose::SigningKey, "org+ci", &sealed).is_err());
        assert!(sealing("other").open(Purpose::RobotToken, "org+ci", &sealed).is_err());
    }

    #[test]
    fn a_changed_or_cut_secret_does_not_open() {
        let keys = sealing("database");
        let sealed = keys.seal(&SystemEntropy, Purpose::RobotToken, "org+ci", b"TOKEN").unwrap();
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 1;
            assert!(keys.open(Purpose::RobotToken, "org+ci", &bad).is_err(), "byte {i}");
            assert!(keys.open(Purpose::RobotToken, "org+ci", &sealed[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn the_mark_of_a_log_in_keeps_name_password_and_hash_apart() {
        let keys = sealing("database");
        let mark = keys.password_mark("ab", "c", "d");
        assert_eq!(mark, keys.password_mark("ab", "c", "d"));
        assert_ne!(mark, keys.password_mark("a", "bc", "d"));
        assert_ne!(mark, keys.password_mark("ab", "cd", ""));
    }
}
