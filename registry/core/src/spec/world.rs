//! A registry in a temporary folder, with a clock that is moved by hand, and short words for what tests do all the time.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use quay_config::Config;
use quay_db::Tx;
use quay_oci::{Digest, Reference, RepositoryName, media_type};
use serde_json::json;
use tempfile::TempDir;

use crate::perms::{Account, ManageNamespace, Pull, Push};
use crate::{
    AccountChange, Allowed, BlobBody, Caller, Clock, Core, Error, ManualClock, NewUser, OwnChange,
    RepositoryRole, Result, Settings, TeamRole,
};

/// Where every request of a test comes from.
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct-horse";
/// The name the registry answers to.
pub(crate) const SERVICE: &str = "reg.example";

/// A registry of a test's own.
pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) config: Config,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            server_hostname: SERVICE.to_owned(),
            secret_key: Some(quay_config::Secret::new("a secret key")),
            database_secret_key: Some(quay_config::Secret::new("a database secret key")),
            ..Config::default()
        };
        change(&mut config);
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at(1_800_000_000_000));
        let core = open(&config, folder.path(), &clock).await;
        Self { core, clock, config, folder }
    }

    /// A registry with one person.
    pub(crate) async fn with_alice() -> (Self, Caller) {
        let w = Self::new().await;
        let alice = w.person("alice").await;
        (w, alice)
    }

    /// A registry with two people.
    pub(crate) async fn with_two() -> (Self, Caller, Caller) {
        let (w, alice) = Self::with_alice().await;
        let bob = w.person("bob").await;
        (w, alice, bob)
    }

    /// The same folder after a stop and a start.
    pub(crate) async fn reopened(self) -> Self {
        let Self { core, clock, config, folder } = self;
        core.close().await.unwrap();
        drop(core);
        let core = open(&config, folder.path(), &clock).await;
        Self { core, clock, config, folder }
    }

    /// The same folder, opened again with another reserve of space.
    pub(crate) async fn reopened_with_headroom(self, headroom: u64) -> Self {
        let Self { core, clock, config, folder } = self;
        core.close().await.unwrap();
        drop(core);
        let settings = Settings { headroom, ..settings(&config, folder.path(), &clock) };
        let core = Core::open(settings).await.unwrap();
        Self { core, clock, config, folder }
    }

    /// Changes rows behind the registry's back, for controls.
    pub(crate) async fn rows<T, F>(&self, change: F) -> T
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut Tx) -> Result<T, quay_db::Error> + Send + 'static,
    {
        self.core.db().write(change).await.unwrap()
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(crate) fn anybody(&self) -> Caller {
        Caller::anonymous(HERE)
    }

    /// Signs a person up and logs them in.
    pub(crate) async fn person(&self, name: &str) -> Caller {
        let new = NewUser { username: name.to_owned(), email: None, password: PASSWORD.into() };
        self.core.create_user(&self.anybody(), new).await.unwrap();
        self.log_in(name).await.unwrap()
    }

    pub(crate) async fn log_in(&self, name: &str) -> Result<Caller> {
        self.core.authenticate_basic(name, &PASSWORD.into(), HERE).await
    }

    pub(crate) async fn account(&self, who: &Caller) -> Allowed<Account> {
        self.core.allow_account(who).await.unwrap()
    }

    pub(crate) async fn organization(&self, founder: &Caller, name: &str) {
        self.core.create_organization(&self.account(founder).await, name, None).await.unwrap();
    }

    pub(crate) async fn manage(&self, who: &Caller, namespace: &str) -> Allowed<ManageNamespace> {
        self.core.allow_in(who, namespace).await.unwrap()
    }

    /// Puts somebody into a team of an organization, which is made for the role.
    pub(crate) async fn enlist(&self, owner: &Caller, organization: &str, role: TeamRole, member: &str) {
        let at = self.manage(owner, organization).await;
        let team = format!("the-{role:?}s").to_lowercase();
        self.core.put_team(&at, &team, role, None).await.unwrap();
        self.core.add_team_member(&at, &team, member).await.unwrap();
    }

    /// A robot of a namespace, logged in.
    pub(crate) async fn robot(&self, owner: &Caller, namespace: &str, short: &str) -> Caller {
        let at = self.manage(owner, namespace).await;
        let robot = self.core.create_robot(&at, short, "", None).await.unwrap();
        let token = robot.token.unwrap();
        self.core.authenticate_basic(&robot.name, &token, HERE).await.unwrap()
    }

    /// Another name for one's own account.
    pub(crate) async fn rename(&self, account: &Allowed<Account>, new: &str) -> Result<crate::User> {
        let named = AccountChange { username: Some(new.to_owned()), ..AccountChange::default() };
        self.core.change_own_account(account, OwnChange { account: named, ..OwnChange::default() }).await
    }

    pub(crate) async fn grant(&self, owner: &Caller, repository: &str, to: &str, role: RepositoryRole) {
        let at = self.core.allow(owner, &name(repository)).await.unwrap();
        self.core.grant(&at, &crate::Grantee::User(to.to_owned()), role).await.unwrap();
    }

    pub(crate) async fn may_push(&self, who: &Caller, repository: &str) -> Allowed<Push> {
        self.core.allow(who, &name(repository)).await.unwrap()
    }

    pub(crate) async fn may_pull(&self, who: &Caller, repository: &str) -> Allowed<Pull> {
        self.core.allow(who, &name(repository)).await.unwrap()
    }

    /// Pushes a blob in one go.
    pub(crate) async fn push_blob(&self, who: &Caller, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let at = self.may_push(who, repository).await;
        self.core.put_blob(&at, &digest, body(bytes)).await.unwrap();
        digest
    }

    /// Pushes an image of one layer under a tag.
    pub(crate) async fn push_image(&self, who: &Caller, repository: &str, tag: &str, layer: &[u8]) -> Digest {
        let image = self.image(who, repository, layer).await;
        self.put(who, repository, tag, &image).await.unwrap()
    }

    /// The manifest of an image whose blobs are pushed already.
    pub(crate) async fn image(&self, who: &Caller, repository: &str, layer: &[u8]) -> String {
        let config = self.push_blob(who, repository, b"{}").await;
        let layer_digest = self.push_blob(who, repository, layer).await;
        json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": {"mediaType": media_type::OCI_IMAGE_CONFIG, "digest": config, "size": 2},
            "layers": [{"mediaType": media_type::OCI_LAYER_GZIP, "digest": layer_digest, "size": layer.len()}],
        })
        .to_string()
    }

    /// Puts a manifest under a tag or digest.
    pub(crate) async fn put(
        &self,
        who: &Caller,
        repository: &str,
        at: &str,
        manifest: &str,
    ) -> Result<Digest> {
        let allowed = self.may_push(who, repository).await;
        let bytes = Bytes::from(manifest.to_owned());
        Ok(self.core.put_manifest(&allowed, &reference(at), &[], None, bytes).await?.digest)
    }

    /// The bytes of a manifest, as a reader gets them.
    pub(crate) async fn get(&self, who: &Caller, repository: &str, at: &str) -> Result<String> {
        let allowed = self.core.allow::<Pull>(who, &name(repository)).await?;
        let manifest = self.core.manifest(&allowed, &reference(at)).await?;
        Ok(String::from_utf8(manifest.bytes.to_vec()).unwrap())
    }

    /// The bytes of a blob, as a reader gets them.
    pub(crate) async fn read(&self, who: &Caller, repository: &str, digest: &Digest) -> Result<Vec<u8>> {
        let allowed = self.core.allow::<Pull>(who, &name(repository)).await?;
        Ok(collect(self.core.read_blob(&allowed, digest, None).await?.body).await)
    }

    /// Rows of the log of a repository, oldest first, as `kind` texts.
    pub(crate) async fn deeds(&self, owner: &Caller, repository: &str) -> Vec<String> {
        let at = self.core.allow(owner, &name(repository)).await.unwrap();
        let scope = crate::LogScope::Repository(&at);
        let (from, to) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
        let page = self.core.logs(scope, from, to, None, 100).await.unwrap();
        page.items.into_iter().rev().map(|entry| entry.kind).collect()
    }
}

impl Core {
    /// Lines of a log, newest first, within `[from, to)`.
    pub(crate) async fn logs(
        &self,
        scope: crate::LogScope<'_>,
        from: jiff::Timestamp,
        to: jiff::Timestamp,
        before: Option<crate::LogPosition>,
        n: u32,
    ) -> Result<crate::Page<crate::LogEntry>> {
        self.log_lines(scope, &crate::LogQuery { from, to, performer: None, before, limit: n }).await
    }
}

/// No power fails here, so nothing waits for the disk; that what is acknowledged is synced is shown where it is done.
fn settings(config: &Config, folder: &Path, clock: &Arc<ManualClock>) -> Settings {
    Settings {
        clock: clock.clone(),
        headroom: 0,
        durability: crate::Durability::Off,
        ..Settings::new(config.clone(), folder)
    }
}

async fn open(config: &Config, folder: &Path, clock: &Arc<ManualClock>) -> Core {
    Core::open(settings(config, folder, clock)).await.unwrap()
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

pub(crate) fn body(bytes: &[u8]) -> crate::Body {
    crate::body::of(bytes.to_vec())
}

/// Bytes that no compression and no accident makes alike.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) async fn collect(body: BlobBody) -> Vec<u8> {
    match body {
        BlobBody::Inline(bytes) => bytes.to_vec(),
        BlobBody::Stream(mut stream) => {
            let mut all = Vec::new();
            while let Some(chunk) = stream.next().await {
                all.extend_from_slice(&chunk.unwrap());
            }
            all
        }
    }
}

/// How an operation was refused, in one word that tests can compare.
pub(crate) fn word<T>(result: Result<T>) -> &'static str {
    use crate::Refusal::{Challenge, Denied, InsufficientScope, NameUnknown};
    match result {
        Ok(_) => "allowed",
        Err(Error::Refused(Challenge { .. })) => "challenge",
        Err(Error::Refused(InsufficientScope { .. })) => "insufficient scope",
        Err(Error::Refused(Denied)) => "denied",
        Err(Error::Refused(NameUnknown)) => "name unknown",
        Err(Error::NotFound(_)) => "not found",
        Err(Error::BadCredentials(_)) => "bad credentials",
        Err(Error::TooManyAttempts { .. }) => "too many attempts",
        Err(Error::UploadOffset { .. }) => "offset",
        Err(Error::Conflict(_)) => "conflict",
        Err(Error::TypeNotAccepted(_)) => "type not accepted",
        Err(Error::Invalid { code, .. }) => code.as_str(),
        Err(other) => panic!("unexpected outcome: {other:?}"),
    }
}
