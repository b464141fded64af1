//! The keys that sign registry tokens: ES256 pairs in the database, the private halves sealed.
//!
//! ```text
//!   publish (others learn it) ──1 h──► use (signs) ──30 d, when a successor is in use──► retire (verifies) ──► gone
//! ```
//!
//! An unknown key id makes the ring read the database again, at most once a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use jsonwebtoken::{DecodingKey, EncodingKey};
use quay_db::tables::keys::{self, KeyState, SigningKey};

use super::sealing::Purpose;
use crate::clock::ms;
use crate::core::Core;
use crate::error::{Error, Result};

const ALGORITHM: &str = "ES256";
/// How long a new key is known before it signs.
const PUBLISHED_FOR: Duration = Duration::from_secs(3600);
/// How long a key signs before its successor is made.
const USED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a retired key still verifies: longer than any token it signed.
const RETIRED_FOR: Duration = Duration::from_secs(2 * 3600);
/// A row of a key that is not retired is kept this long at most.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(400 * 24 * 3600);
/// Pause between two reloads for unknown key ids.
const RELOAD_PAUSE_MS: i64 = 1_000;

/// The keys known to this process.
pub(crate) struct KeyRing {
    keys: ArcSwap<Vec<Key>>,
    reloaded_ms: AtomicI64,
}

/// One pair, ready to use.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) kid: Arc<str>,
    pub(crate) verify: DecodingKey,
    pub(crate) sign: EncodingKey,
    signs: bool,
}

impl KeyRing {
    pub(crate) fn empty() -> Self {
        Self { keys: ArcSwap::from_pointee(Vec::new()), reloaded_ms: AtomicI64::new(i64::MIN) }
    }

    fn find(&self, kid: &str) -> Option<Key> {
        self.keys.load().iter().find(|key| &*key.kid == kid).cloned()
    }
}

impl Core {
    /// The key that signs now.
    pub(crate) fn signing_key(&self) -> Result<Key> {
        let keys = self.keys().keys.load();
        keys.iter()
            .find(|key| key.signs)
            .cloned()
            .ok_or_else(|| Error::internal("signing a token failed: no key is in use"))
    }

    /// The key of this id; the database is asked again when it is unknown.
    pub(crate) async fn verifying_key(&self, kid: &str) -> Result<Option<Key>> {
        if let Some(key) = self.keys().find(kid) {
            return Ok(Some(key));
        }
        let (ring, now) = (self.keys(), self.now_ms());
        let last = ring.reloaded_ms.load(Ordering::Relaxed);
        if now.saturating_sub(last) < RELOAD_PAUSE_MS
            || ring.reloaded_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return Ok(None);
        }
        self.load_keys().await?;
        Ok(ring.find(kid))
    }

    /// Reads every key that is not expired.
    async fn load_keys(&self) -> Result<()> {
        let now_ms = self.now_ms();
        let rows = self.db().read(async |c| keys::list(c, now_ms).await).await?;
        let mut ring = Vec::with_capacity(rows.len());
        for row in rows.into_iter().filter(|row| row.algorithm == ALGORITHM) {
            let private = self.sealing().open(Purpose::SigningKey, &row.kid, &row.sealed_private)?;
            ring.push(Key {
                verify: DecodingKey::from_ec_der(&row.public),
                sign: EncodingKey::from_ec_der(&private),
                signs: row.state == KeyState::Use,
                kid: row.kid.into(),
            });
        }
        self.keys().keys.store(Arc::new(ring));
        Ok(())
    }

    /// Moves keys along their life and loads the result. Called when the registry opens and by housekeeping.
    pub(crate) async fn turn_keys(&self) -> Result<()> {
        let now_ms = self.now_ms();
        let known = self.db().read(async |c| keys::list(c, now_ms).await).await?;
        if steps(&known, now_ms).is_empty() {
            return self.load_keys().await;
        }
        // Made outside of the transaction, kept only when one is due.
        let fresh = self.fresh_key(now_ms)?;
        self.db()
            .write(async move |tx| {
                keys::delete_expired(tx, now_ms).await?;
                let known = keys::list(tx, now_ms).await?;
                for step in steps(&known, now_ms) {
                    match step {
                        Step::Make(state) => {
                            keys::insert(tx, &SigningKey { state, ..fresh.clone() }).await?;
                        }
                        Step::Turn { kid, state, expires_ms } => {
                            keys::set_state(tx, &kid, state, expires_ms).await?;
                        }
                    }
                }
                Ok::<_, Error>(())
            })
            .await?;
        self.load_keys().await
    }

    fn fresh_key(&self, now_ms: i64) -> Result<SigningKey> {
        let failed = |_| Error::internal("making a token signing key failed");
        let document = EcdsaKeyPair::generate_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &aws_lc_rs::rand::SystemRandom::new(),
        )
        .map_err(failed)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref())
            .map_err(|_| Error::internal("reading a fresh token signing key failed"))?;
        let kid = self.uuid()?;
        Ok(SigningKey {
            public: pair.public_key().as_ref().to_vec(),
            sealed_private: self.sealing().seal(
                self.entropy(),
                Purpose::SigningKey,
                &kid,
                document.as_ref(),
            )?,
            kid,
            algorithm: ALGORITHM.to_owned(),
            state: KeyState::Publish,
            created_ms: now_ms,
            expires_ms: now_ms.saturating_add(ms(FORGOTTEN_AFTER)),
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Make(KeyState),
    Turn { kid: String, state: KeyState, expires_ms: i64 },
}

/// What is due, given the keys there are.
fn steps(known: &[SigningKey], now_ms: i64) -> Vec<Step> {
    let in_state = |state| known.iter().filter(move |key: &&SigningKey| key.state == state);
    let age = |key: &SigningKey| now_ms.saturating_sub(key.created_ms);
    let Some(newest_in_use) = in_state(KeyState::Use).max_by_key(|key| key.created_ms) else {
        // Nothing signs: a published key may not wait any longer, and without one the first key signs at once.
        return match in_state(KeyState::Publish).max_by_key(|key| key.created_ms) {
            Some(key) => {
                vec![Step::Turn { kid: key.kid.clone(), state: KeyState::Use, expires_ms: key.expires_ms }]
            }
            None => vec![Step::Make(KeyState::Use)],
        };
    };
    let published = in_state(KeyState::Publish).max_by_key(|key| key.created_ms);
    let mut out = Vec::new();
    match published {
        None if age(newest_in_use) >= ms(USED_FOR) => out.push(Step::Make(KeyState::Publish)),
        Some(next) if age(next) >= ms(PUBLISHED_FOR) => {
            out.push(Step::Turn { kid: next.kid.clone(), state: KeyState::Use, expires_ms: next.expires_ms });
            out.extend(in_state(KeyState::Use).map(|old| Step::Turn {
                kid: old.kid.clone(),
                state: KeyState::Retire,
                expires_ms: now_ms.saturating_add(ms(RETIRED_FOR)),
            }));
        }
        None | Some(_) => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, state: KeyState, created_ms: i64) -> SigningKey {
        SigningKey {
            kid: kid.to_owned(),
            algorithm: ALGORITHM.to_owned(),
            public: Vec::new(),
            sealed_private: Vec::new(),
            state,
            created_ms,
            expires_ms: i64::MAX,
        }
    }

    #[test]
    fn the_first_key_signs_at_once() {
        assert_eq!(steps(&[], 0), [Step::Make(KeyState::Use)]);
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_its_predecessor_verifies_on() {
        let old = key("old", KeyState::Use, 0);
        let due = ms(USED_FOR);
        assert_eq!(steps(std::slice::from_ref(&old), due - 1), []);
        assert_eq!(steps(std::slice::from_ref(&old), due), [Step::Make(KeyState::Publish)]);
        let both = [old, key("new", KeyState::Publish, due)];
        assert_eq!(steps(&both, due + ms(PUBLISHED_FOR) - 1), []);
        let now = due + ms(PUBLISHED_FOR);
        assert_eq!(
            steps(&both, now),
            [
                Step::Turn { kid: "new".into(), state: KeyState::Use, expires_ms: i64::MAX },
                Step::Turn { kid: "old".into(), state: KeyState::Retire, expires_ms: now + ms(RETIRED_FOR) },
            ]
        );
    }

    #[test]
    fn without_a_key_in_use_the_published_one_signs() {
        let published = [key("a", KeyState::Publish, 0), key("b", KeyState::Retire, 0)];
        assert_eq!(
            steps(&published, 1),
            [Step::Turn { kid: "a".into(), state: KeyState::Use, expires_ms: i64::MAX }]
        );
    }
}
