//! The one writer: what shares a COMMIT, who is answered when, who fails with whom.

use std::path::Path;
use std::sync::mpsc;

use futures::future::{join_all, poll_immediate};
use quay_db::tables::state;
use quay_db::{Db, Error, Options};

use crate::fixture::{Store, patient};

/// Occupies the writer until the gate is opened, so that what is queued meanwhile forms one batch.
fn plug(db: &Db) -> (mpsc::Sender<()>, impl Future<Output = Result<(), Error>>) {
    let (open, gate) = mpsc::channel::<()>();
    let db = db.clone();
    let plug = async move {
        db.write(async move |_| {
            gate.recv().expect("the gate opens");
            Ok(())
        })
        .await
    };
    (open, plug)
}

async fn seen(db: &Db, name: &str) -> Option<Vec<u8>> {
    db.read(async |c| state::get(c, name).await).await.expect("reads")
}

#[tokio::test]
async fn writes_that_wait_together_share_one_commit() {
    let store = Store::with(patient());
    let (open, plug) = plug(&store.db);
    let writes =
        (0..100_u8).map(|n| store.db.write(async move |tx| state::set(tx, &n.to_string(), &[n]).await));
    let go = async { open.send(()).expect("the writer waits") };
    let (plugged, answers, ()) = futures::join!(plug, join_all(writes), go);
    plugged.expect("the plug commits");
    assert!(answers.iter().all(Result::is_ok));
    let stats = store.db.stats();
    assert_eq!((stats.commits, stats.writes), (1, 101));
    assert_eq!(seen(&store.db, "99").await, Some(vec![99]));
}

#[tokio::test]
async fn a_failing_write_and_a_panicking_one_lose_only_their_own_rows() {
    let store = Store::with(patient());
    let (open, plug) = plug(&store.db);
    let before = store.db.write(async |tx| state::set(tx, "before", b"1").await);
    let failing = store.db.write(async |tx| -> Result<(), Error> {
        state::set(tx, "failing", b"1").await?;
        Err(Error::InvalidText)
    });
    let panicking = store.db.write(async |tx| -> Result<(), Error> {
        state::set(tx, "panicking", b"1").await?;
        panic!("on purpose")
    });
    let after = store.db.write(async |tx| state::set(tx, "after", b"1").await);
    let go = async { open.send(()).expect("the writer waits") };
    let (_, before, failing, panicking, after, ()) =
        futures::join!(plug, before, failing, panicking, after, go);
    assert!(before.is_ok() && after.is_ok());
    assert!(matches!(failing, Err(Error::InvalidText)), "{failing:?}");
    assert!(matches!(panicking, Err(Error::Panicked)), "{panicking:?}");
    assert_eq!(store.db.stats().commits, 1, "all four were in one batch");
    assert!(seen(&store.db, "before").await.is_some() && seen(&store.db, "after").await.is_some());
    assert_eq!((seen(&store.db, "failing").await, seen(&store.db, "panicking").await), (None, None));
}

/// What a reader, and a copy of the files as after a kill, hold at the moment when a write has run and its batch is
/// still open.
struct Moment {
    answered: bool,
    in_copy: bool,
}

async fn while_its_batch_is_open(options: Options) -> Moment {
    let store = Store::with(options);
    let (started, ran) = tokio::sync::oneshot::channel();
    let (open, gate) = mpsc::channel::<()>();
    let (open_plug, plug) = plug(&store.db);
    let first = store.db.write(async |tx| state::set(tx, "first", b"1").await);
    let second = store.db.write(async move |_| {
        started.send(()).expect("the test listens");
        gate.recv().expect("the gate opens");
        Ok::<(), Error>(())
    });
    let (mut plug, mut first, mut second) = (Box::pin(plug), Box::pin(first), Box::pin(second));
    // Polled once, each is in the queue.
    assert!(poll_immediate(&mut plug).await.is_none());
    assert!(poll_immediate(&mut first).await.is_none());
    assert!(poll_immediate(&mut second).await.is_none());
    open_plug.send(()).expect("the writer waits");
    ran.await.expect("the second write runs, so the first has run");
    let answered = poll_immediate(&mut first).await.is_some();
    let in_copy = survives_a_kill(store.folder.path(), "first").await;
    open.send(()).expect("the second write waits");
    second.await.expect("commits");
    Moment { answered, in_copy }
}

/// Opens a copy of the files as they are now, as the next process would after a kill.
async fn survives_a_kill(data: &Path, name: &str) -> bool {
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(copy.path().join("db")).expect("a folder");
    for file in ["registry.sqlite", "registry.sqlite-wal"] {
        std::fs::copy(data.join("db").join(file), copy.path().join("db").join(file)).expect("copies");
    }
    let db = Db::open(copy.path(), Options::default()).expect("opens");
    seen(&db, name).await.is_some()
}

#[tokio::test]
async fn nobody_is_answered_before_the_commit_that_holds_their_rows() {
    let moment = while_its_batch_is_open(patient()).await;
    assert!(!moment.answered);
    assert!(!moment.in_copy);
}

#[tokio::test]
async fn control_an_early_answer_acknowledges_what_a_kill_would_lose() {
    let moment = while_its_batch_is_open(Options { answer_early: true, ..patient() }).await;
    assert!(moment.answered, "the switch works");
    assert!(!moment.in_copy, "acknowledged and lost");
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let store = Store::open();
    store.db.write(async |tx| state::set(tx, "kept", b"1").await).await.expect("writes");
    assert!(survives_a_kill(store.folder.path(), "kept").await);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let store = Store::with(Options { queue: 2, ..patient() });
    let (open, plug) = plug(&store.db);
    let mut plug = Box::pin(plug);
    assert!(poll_immediate(&mut plug).await.is_none());
    // The writer takes the plug out of the queue; then two more fit.
    let mut waiting = Vec::new();
    let refused = loop {
        let mut write = Box::pin(store.db.write(async |tx| state::set(tx, "x", b"1").await));
        match poll_immediate(&mut write).await {
            None => waiting.push(write),
            Some(answer) => break answer,
        }
        assert!(waiting.len() <= 2, "the queue is bounded");
    };
    assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
    open.send(()).expect("the writer waits");
    plug.await.expect("commits");
    for answer in join_all(waiting).await {
        answer.expect("those that were queued are done");
    }
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_not_begun() {
    let store = Store::with(patient());
    let (open, plug) = plug(&store.db);
    let mut plug = Box::pin(plug);
    assert!(poll_immediate(&mut plug).await.is_none());
    let mut given_up = Box::pin(store.db.write(async |tx| state::set(tx, "given up", b"1").await));
    assert!(poll_immediate(&mut given_up).await.is_none());
    drop(given_up);
    open.send(()).expect("the writer waits");
    plug.await.expect("commits");
    store.db.write(async |_| Ok::<(), Error>(())).await.expect("commits");
    assert_eq!(seen(&store.db, "given up").await, None);
}

#[tokio::test]
async fn closing_finishes_what_is_queued_and_refuses_the_rest() {
    let store = Store::with(patient());
    let (open, plug) = plug(&store.db);
    let (mut plug, db) = (Box::pin(plug), store.db.clone());
    assert!(poll_immediate(&mut plug).await.is_none());
    let mut queued = Box::pin(store.db.write(async |tx| state::set(tx, "queued", b"1").await));
    assert!(poll_immediate(&mut queued).await.is_none());
    let mut closing = Box::pin(db.close());
    assert!(poll_immediate(&mut closing).await.is_none(), "it waits for the writer");
    open.send(()).expect("the writer waits");
    closing.await.expect("closes");
    queued.await.expect("what was queued is done");
    let late = store.db.write(async |tx| state::set(tx, "late", b"1").await).await;
    assert!(matches!(late, Err(Error::Closed)), "{late:?}");
    let read = store.db.read(async |c| state::get(c, "queued").await).await;
    assert!(matches!(read, Err(Error::Closed)), "{read:?}");
    let again = Db::open(store.folder.path(), Options::default()).expect("the folder is free");
    assert!(seen(&again, "queued").await.is_some());
}

#[tokio::test]
async fn a_closure_that_awaits_something_else_is_refused_and_undone() {
    let store = Store::open();
    let write = store.db.write(async |tx| -> Result<(), Error> {
        state::set(tx, "x", b"1").await?;
        std::future::pending::<()>().await;
        Ok(())
    });
    assert!(matches!(write.await, Err(Error::Awaited)));
    assert_eq!(seen(&store.db, "x").await, None);
    let read = store.db.read(async |_| -> Result<(), Error> {
        std::future::pending::<()>().await;
        Ok(())
    });
    assert!(matches!(read.await, Err(Error::Awaited)));
    store.db.ping().await.expect("the reader came back");
}
