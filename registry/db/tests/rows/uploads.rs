//! One writer per upload, and storage keys that a crash cannot lose.

use quay_db::tables::blobs::{self, Stored};
use quay_db::tables::uploads::{self, Acquired, NewUpload};
use quay_db::{Error, RepoId};

use crate::fixture::{DAY, NOW, Store, digest};

const LEASE: i64 = 60_000;

async fn begin(store: &Store, repo: RepoId) {
    let made = store.db.write(async move |tx| {
        let new = NewUpload {
            id: "u1",
            repo,
            user: None,
            storage_key: "key-1",
            hash_state: b"h0",
            now_ms: NOW,
            expires_ms: NOW + DAY,
        };
        uploads::create(tx, &new).await
    });
    assert_eq!(made.await.expect("begins").offset, 0);
}

async fn acquire(store: &Store, repo: RepoId, owner: &'static str, now_ms: i64) -> Acquired {
    let wish =
        store.db.write(async move |tx| uploads::acquire(tx, repo, "u1", owner, now_ms, now_ms + LEASE).await);
    wish.await.expect("answers")
}

async fn advance(store: &Store, owner: &'static str, from: i64, to: i64) -> bool {
    let moved = store
        .db
        .write(async move |tx| uploads::advance(tx, "u1", owner, from, to, b"h", NOW, NOW + DAY).await);
    moved.await.expect("answers")
}

#[tokio::test]
async fn of_two_concurrent_advances_from_one_offset_one_loses() {
    let (store, repo) = Store::with_repo().await;
    begin(&store, repo.id).await;
    assert!(matches!(acquire(&store, repo.id, "a", NOW).await, Acquired::Taken(_)));
    let (one, two) = futures::join!(advance(&store, "a", 0, 10), advance(&store, "a", 0, 20));
    assert!(one ^ two, "exactly one wins: {one} {two}");
    let seen = store.db.read(async |c| uploads::get(c, repo.id, "u1", NOW).await).await.expect("reads");
    assert_eq!(seen.expect("is there").offset, if one { 10 } else { 20 });
}

#[tokio::test]
async fn only_the_holder_of_the_lease_writes() {
    let (store, repo) = Store::with_repo().await;
    begin(&store, repo.id).await;
    assert!(matches!(acquire(&store, repo.id, "a", NOW).await, Acquired::Taken(_)));
    assert_eq!(acquire(&store, repo.id, "b", NOW + 1).await, Acquired::Held);
    assert!(!advance(&store, "b", 0, 10).await);
    assert!(matches!(acquire(&store, repo.id, "a", NOW + 1).await, Acquired::Taken(_)), "its own again");
    assert!(advance(&store, "a", 0, 10).await);

    let later = NOW + 2 * LEASE;
    let Acquired::Taken(taken) = acquire(&store, repo.id, "b", later).await else {
        panic!("the lease ran out")
    };
    assert_eq!((taken.offset, taken.hash_state.as_slice()), (10, b"h".as_slice()));
    assert!(!advance(&store, "a", 10, 20).await, "the former holder is fenced off");
    assert!(advance(&store, "b", 10, 30).await);
    let all = store.db.write(async |tx| uploads::release_all(tx).await).await.expect("releases");
    assert_eq!(all, 1);
    assert!(matches!(acquire(&store, repo.id, "c", later).await, Acquired::Taken(_)));
}

#[tokio::test]
async fn an_upload_is_known_in_its_repository_until_it_expires() {
    let (store, repo) = Store::with_repo().await;
    begin(&store, repo.id).await;
    let elsewhere = RepoId(repo.id.0 + 1);
    assert_eq!(acquire(&store, elsewhere, "a", NOW).await, Acquired::Unknown);
    assert_eq!(acquire(&store, repo.id, "a", NOW + DAY).await, Acquired::Unknown);
    let expired = store.db.read(async |c| uploads::expired(c, NOW + DAY, 10).await).await.expect("reads");
    assert_eq!(expired.len(), 1);
}

#[tokio::test]
async fn a_storage_key_is_on_record_until_a_blob_owns_it() {
    let (store, repo) = Store::with_repo().await;
    begin(&store, repo.id).await;
    let intents = async || store.db.read(async |c| blobs::intents(c, None, 10).await).await.expect("reads");
    assert_eq!(intents().await[0].upload.as_deref(), Some("u1"));
    store.db.write(async |tx| uploads::remove(tx, "u1").await).await.expect("removes");
    assert_eq!(intents().await[0].upload, None, "the bytes may exist, so the key stays on record");
    let stored = store.db.write(async |tx| blobs::store_stored(tx, &digest("x"), 1, "key-1", NOW).await);
    assert!(matches!(stored.await.expect("stores"), Stored::New(_)));
    assert_eq!(intents().await, []);
    let intended = store.db.read(async |c| blobs::is_intended(c, "key-1").await).await.expect("reads");
    assert!(!intended);
}

#[tokio::test]
async fn a_second_copy_of_a_digest_is_not_kept_and_its_key_stays_on_record() {
    let (store, _) = Store::with_repo().await;
    let stored = store.db.write(async |tx| -> Result<_, Error> {
        blobs::intend(tx, "key-1", NOW).await?;
        blobs::intend(tx, "key-2", NOW).await?;
        let first = blobs::store_stored(tx, &digest("x"), 1, "key-1", NOW).await?;
        let second = blobs::store_stored(tx, &digest("x"), 1, "key-2", NOW).await?;
        Ok((first, second))
    });
    let (first, second) = stored.await.expect("stores");
    assert_eq!(second, Stored::Existing(first.blob().clone()));
    let left = store.db.read(async |c| blobs::intents(c, None, 10).await).await.expect("reads");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].storage_key, "key-2");
    assert!(store.db.read(async |c| blobs::is_intended(c, "key-2").await).await.expect("reads"));
}

#[tokio::test]
async fn a_key_that_was_given_up_cannot_become_a_blob() {
    let (store, _) = Store::with_repo().await;
    let stored = store.db.write(async |tx| -> Result<_, Error> {
        blobs::intend(tx, "key-1", NOW).await?;
        blobs::forget_intent(tx, "key-1").await?;
        blobs::store_stored(tx, &digest("x"), 1, "key-1", NOW).await
    });
    assert!(matches!(stored.await, Err(Error::Missing { .. })));
    let live = store.db.write(async |tx| blobs::lock(tx, &digest("x")).await).await.expect("reads");
    assert_eq!(live, None, "the row was undone with the write");
}

#[tokio::test]
async fn a_damaged_copy_is_replaced_once_and_its_key_is_on_record() {
    let (store, _) = Store::with_repo().await;
    let seen = store.db.write(async |tx| -> Result<_, Error> {
        for key in ["bad", "good", "late"] {
            blobs::intend(tx, key, NOW).await?;
        }
        let id = blobs::store_stored(tx, &digest("x"), 1, "bad", NOW).await?.blob().id;
        let replaced = blobs::replace(tx, id, "bad", "good", NOW).await?;
        let again = blobs::replace(tx, id, "bad", "late", NOW).await?;
        let now = blobs::copy(tx, &digest("x")).await?.expect("is there");
        let left = blobs::intents(tx, None, 10).await?.into_iter().map(|i| i.storage_key).collect::<Vec<_>>();
        Ok((replaced, again, now.id == id, now.place, left))
    });
    let place = blobs::Place::Stored("good".to_owned());
    let left = vec!["bad".to_owned(), "late".to_owned()];
    assert_eq!(seen.await.expect("answers"), (true, false, true, place, left));
}
