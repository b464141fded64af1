//! Password hashes: argon2id for everything new, bcrypt understood so that old rows still open and are upgraded.
//!
//! Pure and slow on purpose: callers run these on the blocking pool.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, password_hash::phc::PasswordHash};

use crate::entropy::{self, Entropy};
use crate::error::{Error, Result};

/// What became of comparing a password with a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// Not the password.
    No,
    /// The password, stored the way we store it.
    Yes,
    /// The password, stored in an older way: hash it anew.
    YesButOld,
}

/// Hashes a password with a fresh salt.
pub(crate) fn hash(entropy: &dyn Entropy, password: &str) -> Result<String> {
    let salt: [u8; 16] = entropy::bytes(entropy)?;
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|e| Error::internal(format!("hashing a password failed: {e}")))?;
    Ok(hash.to_string())
}

/// Compares in constant time. A hash that cannot be read matches nothing.
pub(crate) fn verify(password: &str, stored: &str) -> Match {
    if stored.starts_with("$2") {
        return match bcrypt::verify(password, stored) {
            Ok(true) => Match::YesButOld,
            Ok(false) | Err(_) => Match::No,
        };
    }
    match PasswordHash::new(stored) {
        Ok(hash) if Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() => {
            if is_current(&hash) { Match::Yes } else { Match::YesButOld }
        }
        Ok(_) | Err(_) => Match::No,
    }
}

/// Whether a hash was made with the cost that we use today.
fn is_current(hash: &PasswordHash) -> bool {
    let today = argon2::Params::default();
    hash.algorithm.as_str() == "argon2id"
        && argon2::Params::try_from(hash).is_ok_and(|p| {
            (p.m_cost(), p.t_cost(), p.p_cost()) == (today.m_cost(), today.t_cost(), today.p_cost())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn a_password_matches_its_hash_and_nothing_else_does() {
        let stored = hash(&SystemEntropy, "correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert_eq!(verify("correct horse", &stored), Match::Yes);
        assert_eq!(verify("correct horsf", &stored), Match::No);
        assert_eq!(verify("", &stored), Match::No);
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        assert_ne!(hash(&SystemEntropy, "same").unwrap(), hash(&SystemEntropy, "same").unwrap());
    }

    #[test]
    fn a_bcrypt_hash_matches_and_asks_to_be_renewed() {
        let stored = bcrypt::hash("old password", 4).unwrap();
        assert_eq!(verify("old password", &stored), Match::YesButOld);
        assert_eq!(verify("new password", &stored), Match::No);
    }

    #[test]
    fn passwords_beyond_72_bytes_count_in_full() {
        let long = "x".repeat(100);
        let stored = hash(&SystemEntropy, &long).unwrap();
        assert_eq!(verify(&long[..99], &stored), Match::No);
    }

    #[test]
    fn a_hash_that_cannot_be_read_matches_nothing() {
        for stored in ["", "plain", "$2b$nonsense", "$argon2id$v=19$", "$argon2id$v=19$m=19456,t=2,p=1$AA$AA"]
        {
            assert_eq!(verify("plain", stored), Match::No, "{stored}");
        }
    }
}
