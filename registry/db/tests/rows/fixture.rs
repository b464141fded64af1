//! A store in a temporary folder with a user, an organization and a repository.

use std::time::Duration;

use quay_db::tables::repos::{self, NewRepo, Repo, RepoKind, Visibility};
use quay_db::tables::users::{self, Kind, NewUser, User};
use quay_db::{Db, Error, Options, Tx};
use quay_oci::Digest;
use tempfile::TempDir;

pub(crate) const DAY: i64 = 86_400_000;
pub(crate) const NOW: i64 = 1_750_000_000_000;

pub(crate) struct Store {
    pub(crate) db: Db,
    pub(crate) folder: TempDir,
}

/// Gathers without end, so that what is queued together commits together.
pub(crate) fn patient() -> Options {
    Options { gather: Duration::from_secs(600), ..Options::default() }
}

impl Store {
    pub(crate) fn open() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(folder.path(), options).expect("opens");
        Store { db, folder }
    }

    /// A store with the repository `acme/app`.
    pub(crate) async fn with_repo() -> (Self, Repo) {
        let store = Store::open();
        let made = store.db.write(async |tx| {
            let org = add_user(tx, "acme", Kind::Organization).await?;
            add_repo(tx, &org, "app", Visibility::Private).await
        });
        let repo = made.await.expect("a repository");
        (store, repo)
    }
}

pub(crate) async fn add_user(tx: &mut Tx, name: &str, kind: Kind) -> Result<User, Error> {
    let email = format!("{name}@example.test");
    let new = NewUser {
        kind,
        uuid: &format!("uuid-of-{name}"),
        username: name,
        email: (kind == Kind::User).then_some(email.as_str()),
        verified: true,
        password_hash: None,
        superuser: false,
        owner: None,
        tag_expiration_s: 1_209_600,
        now_ms: NOW,
    };
    Ok(users::insert(tx, &new).await?.expect("the name is free"))
}

pub(crate) async fn add_repo(
    tx: &mut Tx,
    owner: &User,
    name: &str,
    visibility: Visibility,
) -> Result<Repo, Error> {
    let kind = RepoKind::Image;
    let new = NewRepo { namespace: owner.id, name, visibility, kind, description: "", now_ms: NOW };
    Ok(repos::insert(tx, &new).await?.expect("the name is free"))
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}
