//! `Digest`: an algorithm and the lower-case hexadecimal hash of some bytes, as in `sha256:4f53…`.
//!
//! Owns the text form and its validation; hashing while bytes arrive is in [`crate::hasher`].

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::hasher::Hasher;

/// A hash algorithm that the registry accepts in a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// `sha256`, what every client uses by default.
    Sha256,
    /// `sha512`, the other algorithm registered by the image specification.
    Sha512,
}

impl Algorithm {
    /// The name before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal digits a hash of this algorithm has.
    pub fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no colon, or nothing on one of its sides.
    #[error("invalid digest: expected `<algorithm>:<hex>`")]
    Malformed,
    /// The algorithm is well formed but not one of ours.
    #[error("invalid digest: algorithm is not supported; use sha256 or sha512")]
    Unsupported,
    /// The hash has the wrong length or other characters than `0-9a-f`.
    #[error("invalid digest: {algorithm} needs {} lower-case hexadecimal digits", .algorithm.hex_len())]
    Hex {
        /// The algorithm whose hash was expected.
        algorithm: Algorithm,
    },
}

/// The digest of some bytes; cheap to clone, ordered by its text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Arc<str>);

impl Digest {
    /// The SHA-256 digest of bytes held in memory.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// The digest of bytes held in memory by the algorithm asked for.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Whether these bytes have this digest, by the digest's own algorithm.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        Self::of(self.algorithm(), bytes) == *self
    }

    pub(crate) fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Self {
        debug_assert_eq!(hash.len() * 2, algorithm.hex_len());
        Self(format!("{algorithm}:{}", hex::encode(hash)).into())
    }

    /// The algorithm before the colon.
    pub fn algorithm(&self) -> Algorithm {
        // Only two prefixes can have been parsed.
        if self.0.starts_with("sha512:") { Algorithm::Sha512 } else { Algorithm::Sha256 }
    }

    /// The hexadecimal hash after the colon.
    pub fn hex(&self) -> &str {
        &self.0[self.algorithm().as_str().len() + 1..]
    }

    /// The whole text, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, hash) = text.split_once(':').ok_or(DigestError::Malformed)?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            "" => return Err(DigestError::Malformed),
            _ if hash.is_empty() => return Err(DigestError::Malformed),
            _ => return Err(DigestError::Unsupported),
        };
        let lower_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if hash.len() != algorithm.hex_len() || !hash.bytes().all(lower_hex) {
            return Err(DigestError::Hex { algorithm });
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Digest {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_of_nothing_is_the_well_known_one() {
        assert_eq!(Digest::sha256(b"").as_str(), EMPTY);
        assert!(Digest::of(Algorithm::Sha512, b"").as_str().starts_with("sha512:cf83e1357eefb8bd"));
    }

    #[test]
    fn parts_are_read_back() {
        let digest: Digest = EMPTY.parse().unwrap();
        assert_eq!(digest.algorithm(), Algorithm::Sha256);
        assert_eq!(digest.hex(), &EMPTY[7..]);
        assert!(digest.matches(b""));
        assert!(!digest.matches(b"x"));
        let long = Digest::of(Algorithm::Sha512, b"abc");
        assert_eq!(long.algorithm(), Algorithm::Sha512);
        assert_eq!(long.hex().len(), 128);
    }

    #[test]
    fn other_algorithms_upper_case_and_wrong_lengths_are_told_apart() {
        let parse = |text: &str| text.parse::<Digest>().unwrap_err();
        assert_eq!(parse(""), DigestError::Malformed);
        assert_eq!(parse("sha256"), DigestError::Malformed);
        assert_eq!(parse(":abc"), DigestError::Malformed);
        assert_eq!(parse("md5:"), DigestError::Malformed);
        assert_eq!(parse("md5:d41d8cd98f00b204e9800998ecf8427e"), DigestError::Unsupported);
        assert_eq!(parse("sha256:"), DigestError::Hex { algorithm: Algorithm::Sha256 });
        assert_eq!(
            parse(&EMPTY.to_uppercase().replace("SHA", "sha")),
            DigestError::Hex { algorithm: Algorithm::Sha256 }
        );
        assert_eq!(parse(&format!("{EMPTY}0")), DigestError::Hex { algorithm: Algorithm::Sha256 });
        assert_eq!(
            parse(&format!("sha512:{}", &EMPTY[7..])),
            DigestError::Hex { algorithm: Algorithm::Sha512 }
        );
    }

    #[test]
    fn json_carries_the_text_and_refuses_anything_else() {
        let digest: Digest = EMPTY.parse().unwrap();
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("{EMPTY:?}"));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"sha256:abc\"").is_err());
        assert!(serde_json::from_str::<Digest>("7").is_err());
    }

    proptest! {
        #[test]
        fn any_text_either_fails_or_comes_back_unchanged(text in ".{0,200}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.as_str(), text.as_str());
            }
        }

        #[test]
        fn every_computed_digest_parses(bytes in proptest::collection::vec(any::<u8>(), 0..300), long in any::<bool>()) {
            let algorithm = if long { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let digest = Digest::of(algorithm, &bytes);
            prop_assert_eq!(digest.as_str().parse::<Digest>(), Ok(digest.clone()));
            prop_assert!(digest.matches(&bytes));
        }
    }
}
