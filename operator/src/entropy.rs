//! Randomness as a value, so that deciding stays repeatable in tests.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// The characters of generated keys; the same as upstream's.
const ALPHABET: &[u8; 63] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";

/// A source of random bytes.
pub trait Entropy {
    /// Fills `buffer` with random bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Exhausted>;

    /// A random text of `length` characters, each equally likely.
    fn token(&mut self, length: usize) -> Result<String, Exhausted> {
        let mut token = String::with_capacity(length);
        let mut buffer = [0_u8; 64];
        while token.len() < length {
            self.fill(&mut buffer)?;
            // six bits give 0..64: the one value past the alphabet is thrown away, so that none is favoured
            let letters = buffer.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
            let missing = length - token.len();
            token.extend(letters.take(missing).map(|letter| char::from(*letter)));
        }
        Ok(token)
    }
}

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct Exhausted;

/// The system's source.
#[derive(Debug, Default)]
pub struct System(SystemRandom);

impl Entropy for System {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Exhausted> {
        self.0.fill(buffer).map_err(|_| Exhausted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_the_length_asked_for_and_differ() {
        let mut entropy = System::default();
        let (a, b) = (entropy.token(80).unwrap(), entropy.token(80).unwrap());
        assert_eq!((a.len(), b.len()), (80, 80));
        assert_ne!(a, b);
        assert!(a.bytes().all(|byte| ALPHABET.contains(&byte)));
    }
}
