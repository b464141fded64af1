//! Opening, holding, copying: the data folder as a whole.

use quay_db::tables::state;
use quay_db::{Db, Error, Options};

use crate::fixture::Store;

#[tokio::test]
async fn a_data_folder_has_one_process() {
    let store = Store::open();
    let second = Db::open(store.folder.path(), Options::default());
    let Err(refused) = second else { panic!("a second holder got in") };
    assert!(matches!(refused, Error::Locked { .. }), "{refused}");
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    store.db.close().await.expect("closes");
    Db::open(store.folder.path(), Options::default()).expect("free after closing");
}

#[tokio::test]
async fn the_last_handle_frees_the_folder() {
    let store = Store::open();
    let clone = store.db.clone();
    drop(store.db);
    assert!(matches!(Db::open(store.folder.path(), Options::default()), Err(Error::Locked { .. })));
    drop(clone);
    Db::open(store.folder.path(), Options::default()).expect("free");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let store = Store::open();
    store.db.close().await.expect("closes");
    let file = store.folder.path().join("db/registry.sqlite");
    let raw = rusqlite::Connection::open(&file).expect("opens");
    raw.execute("INSERT INTO schema_migrations VALUES (9999, 'future', 'x', 0)", []).expect("a row");
    drop(raw);
    let Err(refused) = Db::open(store.folder.path(), Options::default()) else { panic!("opened") };
    assert!(matches!(refused, Error::NewerSchema { found: 9999, .. }), "{refused}");
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    let store = Store::open();
    store.db.close().await.expect("closes");
    let file = store.folder.path().join("db/registry.sqlite");
    let raw = rusqlite::Connection::open(&file).expect("opens");
    raw.execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1", []).expect("a row");
    drop(raw);
    let Err(refused) = Db::open(store.folder.path(), Options::default()) else { panic!("opened") };
    assert!(matches!(refused, Error::MigrationChanged { version: 1, .. }), "{refused}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("db")).expect("a folder");
    let file = folder.path().join("db/registry.sqlite");
    std::fs::write(&file, [7; 4096]).expect("writes");
    let Err(refused) = Db::open(folder.path(), Options::default()) else { panic!("opened") };
    assert!(matches!(refused, Error::Damaged(_)), "{refused}");
    assert_eq!(std::fs::read(&file).expect("reads"), [7; 4096]);
}

#[tokio::test]
async fn a_backup_is_a_store_of_its_own_as_of_now() {
    let store = Store::open();
    store.db.write(async |tx| state::set(tx, "x", b"before").await).await.expect("writes");
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(copy.path().join("db")).expect("a folder");
    store.db.backup(&copy.path().join("db/registry.sqlite")).await.expect("copies");
    store.db.write(async |tx| state::set(tx, "x", b"after").await).await.expect("writes");
    let restored = Db::open(copy.path(), Options::default()).expect("opens");
    let seen = restored.read(async |c| state::get(c, "x").await).await.expect("reads");
    assert_eq!(seen.as_deref(), Some(b"before".as_slice()));
    assert!(store.db.backup(&copy.path().join("db/registry.sqlite")).await.is_err(), "never over a file");
}

#[tokio::test]
async fn a_snapshot_sees_one_commit_while_others_follow() {
    let store = Store::open();
    store.db.write(async |tx| state::set(tx, "x", b"1").await).await.expect("writes");
    let writer = store.db.clone();
    let runtime = tokio::runtime::Handle::current();
    let seen = tokio::task::spawn_blocking(move || {
        let reader = writer.clone();
        runtime.block_on(reader.snapshot(async move |c| -> Result<_, Error> {
            let first = state::get(c, "x").await?;
            // A commit in the middle, from another thread.
            let other = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(writer.write(async |tx| state::set(tx, "x", b"2").await))
            });
            other.join().expect("joins")?;
            Ok((first, state::get(c, "x").await?))
        }))
    });
    let (first, second) = seen.await.expect("joins").expect("reads");
    assert_eq!(first, second);
    let now = store.db.read(async |c| state::get(c, "x").await).await.expect("reads");
    assert_eq!(now.as_deref(), Some(b"2".as_slice()));
}

#[tokio::test]
async fn free_pages_go_back_to_the_volume() {
    let store = Store::open();
    let file = store.folder.path().join("db/registry.sqlite");
    store.db.write(async |tx| state::set(tx, "large", &vec![7; 4 << 20]).await).await.expect("writes");
    store.db.write(async |tx| state::set(tx, "large", b"small").await).await.expect("writes");
    store.db.reclaim(1000).await.expect("reclaims");
    store.db.close().await.expect("closes");
    let left = std::fs::metadata(&file).expect("a file").len();
    assert!(left < 2 << 20, "{left} bytes are left");
}

#[tokio::test]
async fn a_fact_is_written_once() {
    let store = Store::open();
    let first = store.db.write(async |tx| state::set_once(tx, "key", b"a").await).await.expect("writes");
    let second = store.db.write(async |tx| state::set_once(tx, "key", b"b").await).await.expect("writes");
    assert_eq!((first.as_slice(), second.as_slice()), (b"a".as_slice(), b"a".as_slice()));
}
