//! Blobs and manifests: what is reachable through which link, and when.

use quay_db::tables::blobs::{self, Place};
use quay_db::tables::manifests::{self, NewManifest, Outcome, Put};
use quay_db::tables::repos::{self, Repo, Visibility};
use quay_db::tables::tags::{self, SetTag};
use quay_db::tables::{gc, users};
use quay_db::{BlobId, Error, Tx};
use quay_oci::Digest;

use crate::fixture::{DAY, NOW, Store, add_repo, digest};

struct Push<'a> {
    text: &'a str,
    blobs: &'a [BlobId],
    children: &'a [&'a Digest],
    subject: Option<&'a Digest>,
    artifact_type: Option<&'a str>,
    expires_ms: Option<i64>,
}

const PLAIN: Push<'static> =
    Push { text: "m", blobs: &[], children: &[], subject: None, artifact_type: None, expires_ms: None };

async fn put(tx: &mut Tx, repo: &Repo, push: Push<'_>) -> Result<Put, Error> {
    let new = NewManifest {
        repo: repo.id,
        digest: &digest(push.text),
        media_type: "application/vnd.oci.image.manifest.v1+json",
        artifact_type: push.artifact_type,
        config_media_type: None,
        subject: push.subject,
        kind: quay_oci::ArtifactKind::Image,
        annotations: Some(b"{}"),
        layers_size: 0,
        bytes: push.text.as_bytes(),
        blobs: push.blobs,
        children: push.children,
        expires_ms: push.expires_ms,
        now_ms: NOW,
    };
    manifests::put(tx, &new).await
}

async fn linked(store: &Store, repo: &Repo, now_ms: i64) -> bool {
    let id = repo.id;
    let found = store.db.read(async |c| blobs::linked(c, id, &digest("blob"), now_ms).await).await;
    found.expect("reads").is_some()
}

/// Stores "blob" without any link.
async fn blob(store: &Store) -> BlobId {
    let stored = store.db.write(async |tx| blobs::store_inline(tx, &digest("blob"), b"blob", NOW).await);
    stored.await.expect("stores").id
}

#[tokio::test]
async fn a_blob_is_usable_in_a_repository_only_through_a_link_of_that_repository() {
    let (store, repo) = Store::with_repo().await;
    let blob = blob(&store).await;
    let other = store.db.write(async |tx| {
        let owner = users::by_name(tx, "acme").await?.expect("is there");
        add_repo(tx, &owner, "other", Visibility::Public).await
    });
    let other = other.await.expect("a repository");
    assert!(!linked(&store, &repo, NOW).await, "that it exists is not enough");

    let id = repo.id;
    store.db.write(async move |tx| blobs::lease(tx, id, blob, NOW + 100).await).await.expect("leases");
    assert!(linked(&store, &repo, NOW + 99).await && !linked(&store, &repo, NOW + 100).await);
    assert!(!linked(&store, &other, NOW).await);
    store.db.write(async move |tx| blobs::lease(tx, id, blob, NOW + 50).await).await.expect("leases");
    assert!(linked(&store, &repo, NOW + 99).await, "a lease is never shortened");

    let to = repo.clone();
    let pushed = store.db.write(async move |tx| put(tx, &to, Push { blobs: &[blob], ..PLAIN }).await);
    let pushed = pushed.await.expect("pushes").id;
    assert!(linked(&store, &repo, NOW + DAY).await, "an edge of a live manifest has no end");
    assert!(!linked(&store, &other, NOW).await);

    store.db.write(async move |tx| manifests::hide(tx, pushed, NOW).await).await.expect("hides");
    assert!(!linked(&store, &repo, NOW + DAY).await, "a hidden manifest gives nothing");
    store.db.write(async move |tx| manifests::revive(tx, pushed).await).await.expect("revives");
    assert!(linked(&store, &repo, NOW + DAY).await);
}

#[tokio::test]
async fn a_blob_is_condemned_only_without_edges_and_leases_and_then_stored_anew() {
    let (store, repo) = Store::with_repo().await;
    let old = blob(&store).await;
    let (to, id) = (repo.clone(), repo.id);
    let pushed = store.db.write(async move |tx| {
        blobs::lease(tx, id, old, NOW + 100).await?;
        put(tx, &to, Push { blobs: &[old], ..PLAIN }).await
    });
    let pushed = pushed.await.expect("pushes").id;
    let condemn =
        async || store.db.write(async move |tx| blobs::condemn(tx, old, NOW).await).await.expect("answers");
    assert_eq!(condemn().await, None, "an edge and a lease");
    store.db.write(async move |tx| manifests::hide(tx, pushed, NOW).await).await.expect("hides");
    assert_eq!(condemn().await, None, "a hidden manifest still pins its bytes");
    store.db.write(async move |tx| manifests::erase(tx, pushed).await).await.expect("erases");
    assert_eq!(condemn().await, None, "the lease is left");
    let dropped = store.db.write(async move |tx| blobs::drop_lease(tx, id, old, NOW + 99).await).await;
    assert!(!dropped.expect("answers"), "it has not ended");
    let dropped = store.db.write(async move |tx| blobs::drop_lease(tx, id, old, NOW + 100).await).await;
    assert!(dropped.expect("answers"));
    let due =
        store.db.read(async |c| gc::due(c, gc::Candidate::Blob, NOW + 100, 10).await).await.expect("reads");
    assert_eq!(due, [old.0]);
    assert!(condemn().await.is_some());

    let new = blob(&store).await;
    assert_ne!(new, old, "a condemned digest is stored anew");
    let both = store.db.read(async |c| -> Result<_, Error> {
        Ok((blobs::inline_bytes(c, new).await?, blobs::condemned(c, None, 10).await?))
    });
    let (bytes, condemned) = both.await.expect("reads");
    assert_eq!((bytes.as_deref(), condemned.len(), condemned[0].id), (Some(b"blob".as_slice()), 1, old));
    let wrong = store.db.write(async move |tx| blobs::erase(tx, new).await).await;
    assert!(!wrong.expect("answers"), "a live copy is not erased");
    assert!(store.db.write(async move |tx| blobs::erase(tx, old).await).await.expect("erases"));
}

#[tokio::test]
async fn the_same_bytes_inline_are_stored_once() {
    let (store, _) = Store::with_repo().await;
    assert_eq!(blob(&store).await, blob(&store).await);
    let live = store.db.write(async |tx| blobs::lock(tx, &digest("blob")).await).await.expect("reads");
    assert_eq!(live.expect("is there").place, Place::Inline);
}

#[tokio::test]
async fn a_manifest_keeps_its_bytes_and_its_latest_end() {
    let (store, repo) = Store::with_repo().await;
    let push = async |expires_ms| {
        let to = repo.clone();
        let put = store.db.write(async move |tx| put(tx, &to, Push { expires_ms, ..PLAIN }).await).await;
        let put = put.expect("pushes");
        let kept = store.db.read(async |c| manifests::get(c, put.id).await).await.expect("reads");
        let kept = kept.expect("is there");
        assert_eq!(kept.bytes, b"m");
        (put.outcome, kept.expires_ms)
    };
    assert_eq!(push(Some(NOW + 100)).await, (Outcome::New, Some(NOW + 100)));
    assert_eq!(push(Some(NOW + 50)).await, (Outcome::Existing, Some(NOW + 100)));
    assert_eq!(push(Some(NOW + 200)).await, (Outcome::Existing, Some(NOW + 200)));
    assert_eq!(push(None).await, (Outcome::Existing, None));
    assert_eq!(push(Some(NOW + 300)).await, (Outcome::Existing, None));
}

#[tokio::test]
async fn a_hidden_manifest_is_gone_for_readers_until_pushed_again() {
    let (store, repo) = Store::with_repo().await;
    let push = async || {
        let to = repo.clone();
        store.db.write(async move |tx| put(tx, &to, PLAIN).await).await.expect("pushes")
    };
    let id = repo.id;
    let found = async || {
        let both = store.db.read(async |c| -> Result<_, Error> {
            let found = manifests::find(c, id, &digest("m")).await?.is_some();
            Ok((found, manifests::head(c, id, &digest("m")).await?.is_some()))
        });
        both.await.expect("reads")
    };
    let first = push().await;
    assert_eq!(found().await, (true, true));
    store.db.write(async move |tx| manifests::hide(tx, first.id, NOW).await).await.expect("hides");
    assert_eq!(found().await, (false, false));
    let page = async |before_ms, after| {
        let page = store.db.read(async |c| manifests::hidden(c, before_ms, after, 10).await).await;
        page.expect("reads").len()
    };
    assert_eq!((page(NOW - 1, None).await, page(NOW, None).await), (0, 1));
    assert_eq!(page(NOW, Some((NOW, first.id))).await, 0, "after the last one there is none");
    assert_eq!(push().await, Put { id: first.id, outcome: Outcome::Revived });
    assert_eq!(found().await, (true, true));
}

#[tokio::test]
async fn referrers_are_listed_by_subject_type_and_page() {
    let (store, repo) = Store::with_repo().await;
    let to = repo.clone();
    let pushed = store.db.write(async move |tx| -> Result<_, Error> {
        let subject = digest("m");
        for text in ["r1", "r2", "r3"] {
            let artifact_type = Some(if text == "r3" { "sbom" } else { "signature" });
            put(tx, &to, Push { text, subject: Some(&subject), artifact_type, ..PLAIN }).await?;
        }
        let hidden =
            put(tx, &to, Push { text: "r4", subject: Some(&subject), artifact_type: Some("sbom"), ..PLAIN })
                .await?;
        manifests::hide(tx, hidden.id, NOW).await
    });
    assert!(pushed.await.expect("pushes"), "the subject itself need not exist");
    let id = repo.id;
    let page = async |of: Option<&str>, after: Option<&Digest>| {
        let page =
            store.db.read(async |c| manifests::referrers(c, id, &digest("m"), of, after, 2).await).await;
        page.expect("reads").into_iter().map(|r| r.digest).collect::<Vec<_>>()
    };
    let mut all = ["r1", "r2", "r3"].map(digest);
    all.sort();
    let first = page(None, None).await;
    assert_eq!(first, all[..2]);
    assert_eq!(page(None, first.last()).await, all[2..]);
    assert_eq!(page(Some("sbom"), None).await, [digest("r3")]);
    assert_eq!(page(Some("other"), None).await, []);
}

#[tokio::test]
async fn an_index_knows_its_children_hidden_or_not() {
    let (store, repo) = Store::with_repo().await;
    let to = repo.clone();
    let pushed = store.db.write(async move |tx| -> Result<_, Error> {
        put(tx, &to, Push { text: "here", ..PLAIN }).await?;
        put(tx, &to, Push { text: "list", children: &[&digest("here"), &digest("away")], ..PLAIN }).await
    });
    let list = pushed.await.expect("pushes").id;
    let listed = async || {
        let listed = store.db.read(async |c| manifests::listed(c, list).await).await.expect("reads");
        listed.into_iter().map(|child| (child.digest, child.hidden_ms)).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [(digest("here"), None)], "what is not there is not among them");
    let id = repo.id;
    let needed = async |text| {
        let found = store.db.read(async |c| -> Result<_, Error> {
            match manifests::head(c, id, &digest(text)).await? {
                Some(head) => Ok(Some(manifests::needed_by_index(c, &head, NOW).await?)),
                None => Ok(None),
            }
        });
        found.await.expect("reads")
    };
    assert_eq!((needed("here").await, needed("list").await), (Some(true), Some(false)));
    let hidden = store.db.write(async move |tx| -> Result<_, Error> {
        let child = manifests::head(tx, id, &digest("here")).await?.expect("is there");
        manifests::hide(tx, list, NOW).await?;
        let needed = manifests::needed_by_index(tx, &child, NOW).await?;
        manifests::hide(tx, child.id, NOW).await?;
        Ok(needed)
    });
    assert!(!hidden.await.expect("hides"), "a hidden index needs nothing");
    assert_eq!(listed().await, [(digest("here"), Some(NOW))], "hidden as it is");
}

#[tokio::test]
async fn a_retired_repository_is_gone_at_once_and_its_name_is_free() {
    let (store, repo) = Store::with_repo().await;
    let blob = blob(&store).await;
    let (to, id) = (repo.clone(), repo.id);
    let retired = store.db.write(async move |tx| -> Result<_, Error> {
        put(tx, &to, Push { blobs: &[blob], ..PLAIN }).await?;
        blobs::lease(tx, id, blob, NOW + DAY).await?;
        repos::retire(tx, id, "some-uuid", NOW).await
    });
    assert!(retired.await.expect("retires"));
    assert!(!linked(&store, &repo, NOW).await);
    let found = store.db.read(async |c| repos::find(c, "acme", "app").await).await.expect("reads");
    assert_eq!(found, None);
    let listed =
        store.db.read(async |c| repos::list(c, repo.namespace, None, 10).await).await.expect("reads");
    assert_eq!(listed, []);
    let anew = store.db.write(async |tx| {
        let owner = users::by_name(tx, "acme").await?.expect("is there");
        add_repo(tx, &owner, "app", Visibility::Private).await
    });
    assert_ne!(anew.await.expect("the name is free").id, repo.id);
    let due = store.db.read(async |c| gc::due(c, gc::Candidate::Repo, NOW, 10).await).await.expect("reads");
    assert_eq!(due, [repo.id.0]);
}

#[tokio::test]
async fn the_end_of_referrers_follows_their_subject_unless_a_tag_holds_them() {
    let (store, repo) = Store::with_repo().await;
    let seen = store.db.write(async move |tx| -> Result<_, Error> {
        let subject = digest("m");
        let loose = put(tx, &repo, Push { text: "r1", subject: Some(&subject), ..PLAIN }).await?.id;
        let tagged = put(tx, &repo, Push { text: "r2", subject: Some(&subject), ..PLAIN }).await?.id;
        let set = SetTag {
            repo: repo.id,
            name: "sig",
            manifest: tagged,
            end_ms: None,
            reversion: false,
            now_ms: NOW,
        };
        tags::set(tx, &set).await?;
        let moved = manifests::set_referrers_expiry(tx, repo.id, &subject, Some(NOW + DAY)).await?;
        let mut ends = Vec::new();
        for id in [loose, tagged] {
            ends.push(manifests::get(tx, id).await?.expect("is there").expires_ms);
        }
        Ok((moved, ends))
    });
    assert_eq!(seen.await.expect("answers"), (1, vec![Some(NOW + DAY), None]));
}
