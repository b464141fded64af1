//! `Hasher`: a digest in the making, whose state can be put away and taken up again.
//!
//! An upload may span many requests and outlive the process. Its hash state is stored beside its offset, so that no
//! byte is ever read a second time only to be hashed.

use sha2::{
    Digest as _, Sha256, Sha512,
    digest::common::hazmat::{SerializableState, SerializedState},
};

use crate::digest::{Algorithm, Digest};

/// Marks the layout of a suspended state; another layout gets another number.
const LAYOUT: u8 = 1;

/// Hashes bytes as they come.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// A suspended state that cannot be taken up again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored hash state is not usable; the upload has to start again")]
pub struct ResumeError;

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// The algorithm of the digest that will come out.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(hash) => hash.update(bytes),
            State::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The digest of everything seen.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(hash) => Digest::from_hash(Algorithm::Sha256, &hash.finalize()),
            State::Sha512(hash) => Digest::from_hash(Algorithm::Sha512, &hash.finalize()),
        }
    }

    /// The state as bytes to store; [`Hasher::resume`] goes on from there.
    pub fn suspend(&self) -> Vec<u8> {
        let (tag, state) = match &self.0 {
            State::Sha256(hash) => (0, hash.serialize().to_vec()),
            State::Sha512(hash) => (1, hash.serialize().to_vec()),
        };
        [&[LAYOUT, tag], state.as_slice()].concat()
    }

    /// Goes on from a suspended state.
    pub fn resume(bytes: &[u8]) -> Result<Self, ResumeError> {
        let [LAYOUT, tag, state @ ..] = bytes else { return Err(ResumeError) };
        let state = match tag {
            0 => State::Sha256(revive(state)?),
            1 => State::Sha512(revive(state)?),
            _ => return Err(ResumeError),
        };
        Ok(Self(state))
    }
}

fn revive<H: SerializableState>(state: &[u8]) -> Result<H, ResumeError> {
    let state: &SerializedState<H> = state.try_into().map_err(|_| ResumeError)?;
    H::deserialize(state).map_err(|_| ResumeError)
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hasher").field(&self.algorithm()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn suspending_anywhere_gives_the_same_digest_as_hashing_in_one_go(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..8),
            long in any::<bool>(),
        ) {
            let algorithm = if long { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let mut hasher = Hasher::new(algorithm);
            for chunk in &chunks {
                hasher.update(chunk);
                hasher = Hasher::resume(&hasher.suspend()).unwrap();
                prop_assert_eq!(hasher.algorithm(), algorithm);
            }
            prop_assert_eq!(hasher.finish(), Digest::of(algorithm, &chunks.concat()));
        }

        #[test]
        fn arbitrary_bytes_never_panic_on_resume(bytes in proptest::collection::vec(any::<u8>(), 0..250)) {
            if let Ok(hasher) = Hasher::resume(&bytes) {
                hasher.finish();
            }
        }
    }

    #[test]
    fn a_state_of_another_layout_length_or_algorithm_is_refused() {
        let state = Hasher::new(Algorithm::Sha256).suspend();
        for damage in [
            Vec::new(),
            vec![LAYOUT],
            state[..state.len() - 1].to_vec(),
            [state.as_slice(), &[0]].concat(),
            [&[LAYOUT + 1], &state[1..]].concat(),
            [&[LAYOUT, 1], &state[2..]].concat(),
            [&[LAYOUT, 9], &state[2..]].concat(),
        ] {
            assert_eq!(Hasher::resume(&damage).unwrap_err(), ResumeError, "{damage:?}");
        }
    }
}
