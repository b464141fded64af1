//! Lifetimes of tags through pushes, moves, deletes, restores and expiry.

use quay_db::tables::manifests::{self, NewManifest};
use quay_db::tables::tag_entries;
use quay_db::tables::tags::{self, Lifetime, Set, SetTag};
use quay_db::{Error, ManifestId, RepoId, Tx};

use crate::fixture::{DAY, NOW, Store, digest};

async fn manifest(tx: &mut Tx, repo: RepoId, text: &str) -> Result<ManifestId, Error> {
    let new = NewManifest {
        repo,
        digest: &digest(text),
        media_type: "application/vnd.oci.image.manifest.v1+json",
        artifact_type: None,
        config_media_type: None,
        subject: None,
        kind: quay_oci::ArtifactKind::Image,
        annotations: None,
        layers_size: 7,
        bytes: text.as_bytes(),
        blobs: &[],
        children: &[],
        expires_ms: Some(NOW + DAY),
        now_ms: NOW,
    };
    Ok(manifests::put(tx, &new).await?.id)
}

/// Pushes the manifest with this text under a tag.
async fn push(store: &Store, repo: RepoId, name: &'static str, text: &'static str, now_ms: i64) -> Set {
    let pushed = store.db.write(async move |tx| {
        let manifest = manifest(tx, repo, text).await?;
        tags::set(tx, &SetTag { repo, name, manifest, end_ms: None, reversion: false, now_ms }).await
    });
    pushed.await.expect("sets")
}

async fn history(store: &Store, repo: RepoId) -> Vec<Lifetime> {
    store.db.read(async |c| tags::history(c, repo, None, None, 100).await).await.expect("reads")
}

/// (text, start, end, restored) newest first, times relative to NOW.
async fn spans(store: &Store, repo: RepoId) -> Vec<(&'static str, i64, Option<i64>, bool)> {
    let text = |l: &Lifetime| ["a", "b"].into_iter().find(|t| digest(t) == l.digest).unwrap_or("?");
    let lifetimes = history(store, repo).await;
    lifetimes.iter().map(|l| (text(l), l.start_ms - NOW, l.end_ms.map(|e| e - NOW), l.reversion)).collect()
}

#[tokio::test]
async fn retag_delete_and_restore_leave_their_lifetimes() {
    let (store, repo) = Store::with_repo().await;
    let repo = repo.id;
    assert_eq!(push(&store, repo, "v1", "a", NOW).await, Set::Created);
    assert_eq!(push(&store, repo, "v1", "a", NOW + 5).await, Set::Unchanged);
    let moved = push(&store, repo, "v1", "b", NOW + 10).await;
    assert!(matches!(moved, Set::Moved { from_digest, .. } if from_digest == digest("a")));
    let gone = store.db.write(async move |tx| tags::delete(tx, repo, "v1", NOW + 20).await).await;
    assert_eq!(gone.expect("deletes").expect("was there").digest, digest("b"));
    let again = store.db.write(async move |tx| tags::delete(tx, repo, "v1", NOW + 25).await).await;
    assert_eq!(again.expect("answers"), None);

    let restored = store.db.write(async move |tx| -> Result<_, Error> {
        let last = tags::last_lifetime(tx, repo, "v1", &digest("a")).await?.expect("in the history");
        let set = SetTag {
            repo,
            name: "v1",
            manifest: last.manifest,
            end_ms: None,
            reversion: true,
            now_ms: NOW + 30,
        };
        tags::set(tx, &set).await
    });
    assert_eq!(restored.await.expect("restores"), Set::Created);
    assert_eq!(
        spans(&store, repo).await,
        [("a", 30, None, true), ("b", 10, Some(20), false), ("a", 0, Some(10), false)]
    );
    let current = store.db.read(async |c| manifests::by_tag(c, repo, "v1", NOW + 31).await).await;
    assert_eq!(current.expect("reads").expect("is there").bytes, b"a");
}

#[tokio::test]
async fn an_expiry_ends_a_tag_at_its_time_swept_or_not() {
    let (store, repo) = Store::with_repo().await;
    let repo = repo.id;
    push(&store, repo, "v1", "a", NOW).await;
    let end = Some(NOW + 100);
    let set = store.db.write(async move |tx| tags::set_expiry(tx, repo, "v1", end, NOW + 1).await).await;
    assert!(set.expect("sets"));
    let at = async |now_ms| {
        let tag = store.db.read(async |c| tags::get(c, repo, "v1", now_ms).await).await.expect("reads");
        let manifest = store.db.read(async |c| manifests::head_by_tag(c, repo, "v1", now_ms).await).await;
        let names =
            store.db.read(async |c| tags::names(c, repo, None, 10, now_ms).await).await.expect("reads");
        assert_eq!(tag.is_some(), manifest.expect("reads").is_some());
        assert_eq!(tag.is_some(), !names.is_empty());
        tag.is_some()
    };
    assert!(at(NOW + 99).await && !at(NOW + 100).await);

    assert_eq!(push(&store, repo, "v1", "b", NOW + 200).await, Set::Created, "the name was free");
    assert_eq!(spans(&store, repo).await, [("b", 200, None, false), ("a", 0, Some(100), false)]);
    let late = store.db.write(async move |tx| tags::drop_expired(tx, repo, "v1", NOW + 300).await).await;
    assert_eq!(late.expect("answers"), None, "a sweep does not take what was set anew");
}

#[tokio::test]
async fn an_immutable_tag_does_not_move() {
    let (store, repo) = Store::with_repo().await;
    let repo = repo.id;
    push(&store, repo, "v1", "a", NOW).await;
    let fixed = store.db.write(async move |tx| tags::set_immutable(tx, repo, "v1", true).await).await;
    assert!(fixed.expect("fixes"));
    assert_eq!(push(&store, repo, "v1", "b", NOW + 1).await, Set::Immutable);
    assert_eq!(push(&store, repo, "v1", "a", NOW + 1).await, Set::Unchanged);
    assert_eq!(history(&store, repo).await.len(), 1);
}

#[tokio::test]
async fn lists_page_without_gaps_by_name_and_by_time() {
    let (store, repo) = Store::with_repo().await;
    let repo = repo.id;
    for (at, name) in ["b", "a", "C", "a-1", "a.1"].into_iter().enumerate() {
        // Two share a moment, so that the id must break the tie.
        push(&store, repo, name, "a", NOW + (at as i64) / 2).await;
    }
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().cloned();
        let page = store.db.read(async |c| tags::names(c, repo, after.as_deref(), 2, NOW + 9).await).await;
        let page = page.expect("reads");
        if page.is_empty() {
            break;
        }
        names.extend(page);
    }
    assert_eq!(names, ["C", "a", "a-1", "a.1", "b"], "in the order of their bytes");

    let page = async |contains: &str, only_current, limit, offset| {
        let filter = tag_entries::Filter { repo, name: None, contains, only_current, now_ms: NOW + 9 };
        store.db.read(async |c| tag_entries::page(c, &filter, limit, offset).await).await.expect("reads")
    };
    for only_current in [true, false] {
        let mut recent = Vec::new();
        for offset in [0, 2, 4, 6] {
            recent.extend(page("", only_current, 2, offset).await);
        }
        let names: Vec<&str> = recent.iter().map(|l| l.name.as_str()).collect();
        assert_eq!(names, ["a.1", "a-1", "C", "a", "b"], "newest first");
        let found = page("c", only_current, 9, 0).await;
        assert_eq!(found.len(), 1, "whatever its case");
    }
}

#[tokio::test]
async fn a_tag_keeps_its_manifest_from_expiring_and_an_erased_one_takes_its_tags_first() {
    let (store, repo) = Store::with_repo().await;
    let repo = repo.id;
    push(&store, repo, "v1", "a", NOW).await;
    push(&store, repo, "v2", "a", NOW).await;
    let head = store.db.read(async |c| manifests::head(c, repo, &digest("a")).await).await;
    let head = head.expect("reads").expect("is there");
    assert_eq!(head.expires_ms, None);
    let pinned = store.db.write(async move |tx| manifests::erase(tx, head.id).await).await;
    assert!(pinned.is_err(), "tags and lifetimes pin it");
    let ended = store.db.write(async move |tx| tags::delete_of_manifest(tx, head.id, NOW + 1).await).await;
    assert_eq!(ended.expect("deletes").len(), 2);
    let pinned = store.db.write(async move |tx| manifests::erase(tx, head.id).await).await;
    assert!(pinned.is_err(), "lifetimes that can be restored still pin it");
    assert!(store.db.read(async |c| tags::remembers(c, head.id).await).await.expect("reads"));
    let namespace = store.db.read(async |c| quay_db::tables::repos::get(c, repo).await).await;
    let namespace = namespace.expect("reads").expect("is there").namespace;
    let erased = store.db.write(async move |tx| -> Result<_, Error> {
        let freed = tags::forget(tx, namespace, NOW + 1, 10).await?;
        assert!(!tags::remembers(tx, head.id).await?);
        Ok((freed, manifests::erase(tx, head.id).await?))
    });
    assert_eq!(erased.await.expect("erases"), (vec![head.id, head.id], true));
}

#[tokio::test]
async fn a_tag_points_only_into_its_own_repository() {
    let (store, repo) = Store::with_repo().await;
    let here = repo.id;
    let set = store.db.write(async move |tx| {
        let manifest = manifest(tx, here, "a").await?;
        let repo = RepoId(here.0 + 1);
        tags::set(tx, &SetTag { repo, name: "v1", manifest, end_ms: None, reversion: false, now_ms: NOW })
            .await
    });
    assert!(matches!(set.await, Err(Error::Missing { .. })));
}
