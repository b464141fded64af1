//! Prints what point reads and group commits cost on this machine:
//! `cargo run --release -p quay-db --example measure [FOLDER]`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use quay_db::tables::manifests::{self, NewManifest};
use quay_db::tables::repos::{self, NewRepo, RepoKind, Visibility};
use quay_db::tables::tags::{self, SetTag};
use quay_db::tables::users::{self, Kind, NewUser};
use quay_db::tables::{blobs, perms, state};
use quay_db::{Db, Error, Options, RepoId, Tx, UserId};
use quay_oci::Digest;

const MANIFESTS: u32 = 10_000;
const TIME: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let own = tempfile_folder();
    let folder = std::env::args().nth(1).map_or(own, PathBuf::from);
    let db = Db::open(&folder, Options::default())?;
    let (owner, repo) = db.write(async |tx| seed(tx).await).await?;
    let started = Instant::now();
    for first in (0..MANIFESTS).step_by(500) {
        db.write(async move |tx| fill(tx, repo, first..first + 500).await).await?;
    }
    line("fill, one manifest with its tag", started.elapsed() / MANIFESTS);

    let mut n = 0_u32;
    let mut next = || {
        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        n % MANIFESTS
    };
    measure("read: repository by name", || async {
        db.read(async |c| repos::find(c, "acme", "app").await).await.map(drop)
    })
    .await?;
    measure("read: grants", || async {
        db.read(async |c| perms::grants(c, repo, owner, owner).await).await.map(drop)
    })
    .await?;
    measure("read: manifest by tag, 2 KiB", || {
        let (db, tag) = (&db, format!("v{}", next()));
        async move { db.read(async |c| manifests::by_tag(c, repo, &tag, 1).await).await.map(drop) }
    })
    .await?;
    let blob = Digest::sha256(b"inline");
    measure("read: link of a blob and its inline bytes", || async {
        let read = db.read(async |c| -> Result<_, Error> {
            let found = blobs::linked(c, repo, &blob, 1).await?;
            blobs::inline_bytes(c, found.map_or(quay_db::BlobId(0), |b| b.id)).await
        });
        read.await.map(drop)
    })
    .await?;
    for together in [1, 8, 64, 512] {
        writes(&db, together).await?;
    }
    db.close().await
}

fn tempfile_folder() -> PathBuf {
    std::env::temp_dir().join(format!("quay-db-measure-{}", std::process::id()))
}

#[expect(clippy::print_stdout, reason = "printing is what it is for")]
fn line(what: &str, each: Duration) {
    println!("{what:<44} {each:>10.1?}  {:>9.0}/s", 1.0 / each.as_secs_f64());
}

async fn measure<F: Future<Output = Result<(), Error>>>(
    what: &str,
    mut once: impl FnMut() -> F,
) -> Result<(), Error> {
    let (started, mut count) = (Instant::now(), 0);
    while started.elapsed() < TIME {
        for _ in 0..100 {
            once().await?;
        }
        count += 100;
    }
    line(what, started.elapsed() / count);
    Ok(())
}

async fn writes(db: &Db, together: u32) -> Result<(), Error> {
    let before = db.stats();
    let started = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..together {
        let db = db.clone();
        writers.spawn(async move {
            let name = writer.to_string();
            while started.elapsed() < TIME {
                let name = name.clone();
                db.write(async move |tx| state::set(tx, &name, &[7; 100]).await).await?;
            }
            Ok::<(), Error>(())
        });
    }
    while let Some(done) = writers.join_next().await {
        done.map_err(|_| Error::Panicked)??;
    }
    let (took, after) = (started.elapsed(), db.stats());
    let count = (after.writes - before.writes) as u32;
    let commits = after.commits - before.commits;
    line(
        &format!("write: {together} at once, {:.1} per COMMIT", f64::from(count) / commits as f64),
        took / count,
    );
    Ok(())
}

async fn seed(tx: &mut Tx) -> Result<(UserId, RepoId), Error> {
    let owner = NewUser {
        kind: Kind::User,
        uuid: "uuid",
        username: "acme",
        email: None,
        verified: true,
        password_hash: None,
        superuser: false,
        owner: None,
        tag_expiration_s: 1,
        now_ms: 0,
    };
    let missing = || Error::Missing { table: "the folder must be new" };
    let owner = users::insert(tx, &owner).await?.ok_or_else(missing)?.id;
    let repo = NewRepo {
        namespace: owner,
        name: "app",
        visibility: Visibility::Private,
        kind: RepoKind::Image,
        description: "",
        now_ms: 0,
    };
    Ok((owner, repos::insert(tx, &repo).await?.ok_or_else(missing)?.id))
}

async fn fill(tx: &mut Tx, repo: RepoId, range: std::ops::Range<u32>) -> Result<(), Error> {
    let blob = blobs::store_inline(tx, &Digest::sha256(b"inline"), b"inline", 0).await?.id;
    for n in range {
        let bytes = format!("{n:02048}");
        let new = NewManifest {
            repo,
            digest: &Digest::sha256(bytes.as_bytes()),
            media_type: "application/vnd.oci.image.manifest.v1+json",
            artifact_type: None,
            config_media_type: None,
            subject: None,
            kind: quay_oci::ArtifactKind::Image,
            annotations: None,
            layers_size: 0,
            bytes: bytes.as_bytes(),
            blobs: &[blob],
            children: &[],
            expires_ms: None,
            now_ms: 0,
        };
        let manifest = manifests::put(tx, &new).await?.id;
        let name = format!("v{n}");
        tags::set(tx, &SetTag { repo, name: &name, manifest, end_ms: None, reversion: false, now_ms: 0 })
            .await?;
    }
    Ok(())
}
