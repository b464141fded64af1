//! Randomness as a value that is handed in: tokens, cookies, salts and nonces come from here.

use aws_lc_rs::rand;

use crate::error::{Error, Result};

/// Where the registry takes random bytes from.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]) -> Result<()>;
}

/// The cryptographic generator of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        rand::fill(bytes).map_err(|_| Error::internal("reading random bytes failed: no entropy source"))
    }
}

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N]> {
    let mut out = [0; N];
    entropy.fill(&mut out)?;
    Ok(out)
}

/// `length` characters drawn evenly from `alphabet`.
pub(crate) fn text(entropy: &dyn Entropy, alphabet: &[u8], length: usize) -> Result<String> {
    // Bytes at or above the largest multiple of the alphabet would favour its first letters: they are thrown away.
    let fair = 256 - 256 % alphabet.len();
    let mut out = String::with_capacity(length);
    while out.len() < length {
        for byte in bytes::<64>(entropy)? {
            if usize::from(byte) < fair && out.len() < length {
                out.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
            }
        }
    }
    Ok(out)
}

/// Letters of robot and access tokens.
pub(crate) const UPPER_ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_length_asked_for_and_only_letters_of_its_alphabet() {
        let token = text(&SystemEntropy, UPPER_ALPHANUMERIC, 64).unwrap();
        assert_eq!(token.len(), 64);
        assert!(token.bytes().all(|b| UPPER_ALPHANUMERIC.contains(&b)));
        assert_ne!(token, text(&SystemEntropy, UPPER_ALPHANUMERIC, 64).unwrap());
    }
}
