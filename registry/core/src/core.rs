//! `Core`: the one state that every operation works on, made by opening and closed at the end.
//!
//! Cheap to clone. Nothing here is global and nothing runs by itself: the server calls [`Core::housekeeping`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use quay_blobs::Blobs;
use quay_config::Config;
use quay_db::Db;

use crate::auth::keys::KeyRing;
use crate::auth::lockout::Lockout;
use crate::auth::sealing::Sealing;
use crate::auth::{Hashing, VerifiedTokens};
use crate::charts::Charts;
use crate::clock::{Clock, SystemClock, ms};
use crate::entropy::{self, Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::pulls::Pulls;
use crate::room::Room;
use crate::rules::Rules;
use crate::uploads::Writers;

/// Free space that uploads leave to everything else.
pub const DEFAULT_HEADROOM: u64 = 256 << 20;

/// When, after the start, the storage is searched for files that no row knows, and how often from then on.
const FIRST_SWEEP: Duration = Duration::from_secs(15 * 60);
const NEXT_SWEEP: Duration = Duration::from_secs(24 * 3600);

/// What a registry is opened with.
pub struct Settings {
    /// The configuration; it must hold both secret keys.
    pub config: Config,
    /// The data folder.
    pub data: PathBuf,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Whether bytes and rows are made durable.
    pub durability: Durability,
    /// Free bytes below which uploads are refused.
    pub headroom: u64,
}

/// Whether what is acknowledged survives a power loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It does.
    Full,
    /// It may not: for tests and their controls. What is shipped has no such thing.
    #[cfg(debug_assertions)]
    Off,
}

impl Settings {
    /// What a product runs with.
    pub fn new(config: Config, data: impl Into<PathBuf>) -> Self {
        Self {
            config,
            data: data.into(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            durability: Durability::Full,
            headroom: DEFAULT_HEADROOM,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("data", &self.data)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// A registry: who may do what, and every operation on content and accounts.
#[derive(Clone)]
pub struct Core(Arc<Inner>);

struct Inner {
    db: Db,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    room: Room,
    /// When the storage is next searched for files that no row knows.
    next_sweep_ms: AtomicI64,
    rules: ArcSwap<Rules>,
    /// The superuser made by the installation itself, apart from the configured ones.
    founder: ArcSwap<Option<String>>,
    sealing: Sealing,
    keys: KeyRing,
    lockout: Lockout,
    hashing: Hashing,
    verified: VerifiedTokens,
    writers: Writers,
    pulls: Pulls,
    charts: Charts,
    draining: AtomicBool,
    /// Names this process as the holder of leases.
    instance: String,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

/// What health checks look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// The database answers and takes writes.
    pub database: bool,
    /// The storage takes writes.
    pub storage: bool,
    /// Free bytes of the storage.
    pub free_space: u64,
    /// Whether uploads are refused for want of space.
    pub full: bool,
    /// Whether writes are refused until a new process starts: a sync failed, and what came of it is unknown.
    pub poisoned: bool,
}

impl Core {
    /// Opens the data folder: locks it, migrates the rows, finishes or undoes what a crash left half done, and makes
    /// the first signing key.
    pub async fn open(settings: Settings) -> Result<Self> {
        let Settings { config, data, clock, entropy, durability, headroom } = settings;
        let secret = |value: &Option<quay_config::Secret>, key: &str| {
            value
                .clone()
                .ok_or_else(|| Error::internal(format!("opening the registry failed: {key} is not set")))
        };
        let secret_key = secret(&config.secret_key, "SECRET_KEY")?;
        let database_secret_key = secret(&config.database_secret_key, "DATABASE_SECRET_KEY")?;
        let sealing = Sealing::new(secret_key.expose(), database_secret_key.expose(), &*entropy)?;
        let (for_db, for_blobs) = match durability {
            Durability::Full => (quay_db::Durability::Full, quay_blobs::Durability::Full),
            #[cfg(debug_assertions)]
            Durability::Off => (quay_db::Durability::Off, quay_blobs::Durability::Off),
        };
        let options = quay_db::Options { durability: for_db, ..quay_db::Options::default() };
        let (db, blobs) = tokio::task::spawn_blocking(move || -> Result<_> {
            // The database holds the lock of the folder, so it comes first.
            let db = Db::open(&data, options)?;
            Ok((db, Blobs::disk(&data, for_blobs)?))
        })
        .await
        .map_err(|e| Error::internal(format!("opening the data folder failed: {e}")))??;
        let core = Self(Arc::new(Inner {
            db,
            blobs,
            room: Room::new(headroom),
            next_sweep_ms: AtomicI64::new(clock.now_ms().saturating_add(ms(FIRST_SWEEP))),
            rules: ArcSwap::from_pointee(Rules::new(Arc::new(config), None)),
            founder: ArcSwap::from_pointee(None),
            sealing,
            keys: KeyRing::empty(),
            lockout: Lockout::new(),
            hashing: Hashing::new(),
            verified: VerifiedTokens::new(),
            writers: Writers::new(),
            pulls: Pulls::default(),
            charts: Charts::new(),
            draining: AtomicBool::new(false),
            instance: uuid(&*clock, &*entropy)?,
            clock,
            entropy,
        }));
        core.recover().await?;
        core.turn_keys().await?;
        core.ensure_library().await?;
        core.tell_what_is_in_force();
        Ok(core)
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        self.rules().config.clone()
    }

    /// Puts another configuration in force, as a whole. Which keys may change while running is the caller's concern;
    /// the secret keys are read when the registry opens.
    pub fn swap_config(&self, config: Config) {
        let rules = Rules::new(Arc::new(config), self.0.founder.load().as_deref());
        self.0.rules.store(Arc::new(rules));
        self.tell_what_is_in_force();
    }

    /// One line of the log with what people ask about most.
    fn tell_what_is_in_force(&self) {
        let rules = self.rules();
        tracing::info!(
            artifacts = %rules.artifacts.describe(),
            sign_up = rules.config.feature_user_creation,
            anonymous_pull = rules.anonymous_access,
            library = rules.library().unwrap_or("(names without a namespace are refused)"),
            "configuration in force"
        );
    }

    /// What the artifact policy lets pass, for logs and status.
    pub fn artifact_policy(&self) -> String {
        self.rules().artifacts.describe()
    }

    /// The version of this registry.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// From now on no upload begins; those under way go on.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Writes what is still in memory and closes the database.
    pub async fn close(&self) -> Result<()> {
        self.drain();
        self.flush_pulls().await?;
        self.0.db.close().await?;
        Ok(())
    }

    /// Looks at database and storage.
    pub async fn health(&self) -> Result<Health> {
        let free_space = self.0.blobs.free_space()?;
        Ok(Health {
            database: self.0.db.ping().await.is_ok(),
            storage: !self.0.blobs.is_poisoned(),
            free_space,
            poisoned: self.0.blobs.is_poisoned() || self.0.db.stats().poisoned,
            full: self.0.room.is_short(free_space),
        })
    }

    /// Remembers the superuser that the installation made itself.
    pub(crate) fn set_founder(&self, name: &str) {
        self.0.founder.store(Arc::new(Some(name.to_owned())));
        let config = self.config();
        self.0.rules.store(Arc::new(Rules::new(config, Some(name))));
    }

    /// Takes room for bytes that are about to be written.
    pub(crate) fn take_room(&self, bytes: u64) -> Result<()> {
        self.0.room.take(bytes, || Ok(self.0.blobs.free_space()?))
    }

    /// Whether the time to search the storage has come; the next one is set by asking.
    pub(crate) fn sweep_due(&self) -> bool {
        let (now_ms, due_ms) = (self.now_ms(), self.0.next_sweep_ms.load(Ordering::Relaxed));
        let due = now_ms >= due_ms;
        if due {
            self.0.next_sweep_ms.store(now_ms.saturating_add(ms(NEXT_SWEEP)), Ordering::Relaxed);
        }
        due
    }

    pub(crate) fn draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.0.blobs
    }

    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.0.rules.load_full()
    }

    pub(crate) fn sealing(&self) -> &Sealing {
        &self.0.sealing
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    pub(crate) fn lockout(&self) -> &Lockout {
        &self.0.lockout
    }

    pub(crate) fn hashing(&self) -> &Hashing {
        &self.0.hashing
    }

    pub(crate) fn verified_tokens(&self) -> &VerifiedTokens {
        &self.0.verified
    }

    pub(crate) fn writers(&self) -> &Writers {
        &self.0.writers
    }

    pub(crate) fn pulls(&self) -> &Pulls {
        &self.0.pulls
    }

    pub(crate) fn charts(&self) -> &Charts {
        &self.0.charts
    }

    pub(crate) fn instance(&self) -> &str {
        &self.0.instance
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.0.entropy
    }

    pub(crate) fn entropy_arc(&self) -> Arc<dyn Entropy> {
        self.0.entropy.clone()
    }

    /// A name that was never used before.
    pub(crate) fn uuid(&self) -> Result<String> {
        uuid(&*self.0.clock, &*self.0.entropy)
    }
}

/// A version 7 UUID of the given time and randomness.
fn uuid(clock: &dyn Clock, entropy: &dyn Entropy) -> Result<String> {
    let random: [u8; 10] = entropy::bytes(entropy)?;
    let ms = u64::try_from(clock.now_ms()).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid().to_string())
}
