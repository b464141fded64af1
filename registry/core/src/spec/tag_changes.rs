//! The past of tags, change by change.

use std::time::Duration;

use quay_oci::Digest;

use super::world::{World, name};
use crate::perms::Delete;
use crate::{Caller, TagChange, TagChangesQuery};

const APP: &str = "alice/app";

async fn changes(w: &World, who: &Caller, query: TagChangesQuery) -> Vec<TagChange> {
    w.core.tag_changes(&w.may_pull(who, APP).await, &query).await.unwrap().items
}

fn told(changes: &[TagChange]) -> Vec<(&str, &str)> {
    changes.iter().map(|change| (change.name.as_str(), change.what.as_str())).collect()
}

/// A second later, so that changes have an order.
async fn push(w: &World, who: &Caller, tag: &str, layer: &[u8]) -> Digest {
    w.clock.advance(Duration::from_secs(1));
    w.push_image(who, APP, tag, layer).await
}

async fn delete(w: &World, who: &Caller, tag: &str) {
    w.clock.advance(Duration::from_secs(1));
    let at = w.core.allow::<Delete>(who, &name(APP)).await.unwrap();
    w.core.delete_tag(&at, &tag.parse().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_tag_is_made_moved_deleted_restored_and_expires() {
    let (w, alice) = World::with_alice().await;
    let one = push(&w, &alice, "v1", b"one").await;
    let two = push(&w, &alice, "v1", b"two").await;
    push(&w, &alice, "v1", b"two").await;
    delete(&w, &alice, "v1").await;
    w.clock.advance(Duration::from_secs(1));
    let at = w.may_push(&alice, APP).await;
    w.core.restore_tag(&at, &"v1".parse().unwrap(), &one).await.unwrap();

    let seen = changes(&w, &alice, TagChangesQuery::default()).await;
    assert_eq!(told(&seen), [("v1", "reverted"), ("v1", "deleted"), ("v1", "moved"), ("v1", "created")]);
    let digests: Vec<_> = seen.iter().map(|change| (&change.digest, change.previous.as_ref())).collect();
    assert_eq!(digests, [(&one, None), (&two, None), (&two, Some(&one)), (&one, None)]);
    let current: Vec<_> = seen.iter().map(|change| change.current).collect();
    assert_eq!(current, [true, false, false, false]);

    // To go back while the tag lives is a move as well.
    w.clock.advance(Duration::from_secs(1));
    w.core.restore_tag(&at, &"v1".parse().unwrap(), &two).await.unwrap();
    let newest = &changes(&w, &alice, TagChangesQuery::default()).await[0];
    assert_eq!((newest.what.as_str(), newest.previous.as_ref()), ("reverted", Some(&one)));

    let soon = jiff::Timestamp::from_millisecond(w.now_ms() + 60_000).unwrap();
    w.core.set_tag_end(&at, &"v1".parse().unwrap(), Some(soon)).await.unwrap();
    assert_eq!(changes(&w, &alice, TagChangesQuery::default()).await.len(), 5, "it has not ended yet");
    w.clock.advance(Duration::from_secs(60));
    let newest = &changes(&w, &alice, TagChangesQuery::default()).await[0];
    assert_eq!((newest.what.as_str(), newest.at, &newest.digest), ("expired", soon, &two));
    w.core.housekeeping().await.unwrap();
    let newest = &changes(&w, &alice, TagChangesQuery::default()).await[0];
    assert_eq!(newest.what.as_str(), "expired", "sweeping deletes nothing that anybody deleted");
}

#[tokio::test]
async fn pages_of_changes_join_without_gap_or_repetition() {
    let (w, alice) = World::with_alice().await;
    for round in 0..6_u8 {
        for tag in ["a", "b"] {
            push(&w, &alice, tag, &[round]).await;
        }
        delete(&w, &alice, if round % 2 == 0 { "a" } else { "b" }).await;
    }
    let all = changes(&w, &alice, TagChangesQuery { limit: 100, ..TagChangesQuery::default() }).await;
    assert_eq!(all.len(), 18);
    assert!(all.is_sorted_by(|newer, older| newer.at > older.at));
    for (name, search, expected) in [
        (None, None, 18),
        (Some("a"), None, 9),
        (None, Some("B"), 9),
        (Some("c"), None, 0),
        (None, Some("%"), 0),
    ] {
        let mut joined = Vec::new();
        let mut before = None;
        loop {
            let query = TagChangesQuery {
                name: name.map(str::to_owned),
                search: search.map(str::to_owned),
                before,
                limit: 4,
            };
            let page = w.core.tag_changes(&w.may_pull(&alice, APP).await, &query).await.unwrap();
            joined.extend(page.items);
            if !page.more {
                break;
            }
            before = joined.last().map(|change| change.position.to_string().parse().unwrap());
        }
        let only: Vec<_> = all
            .iter()
            .filter(|change| name.or(search).is_none_or(|wanted| change.name == wanted.to_lowercase()))
            .cloned()
            .collect();
        assert_eq!(joined.len(), expected, "{name:?} {search:?}");
        assert_eq!(joined, only);
    }
}

#[tokio::test]
async fn what_began_and_ended_at_once_is_told_in_order() {
    let (w, alice) = World::with_alice().await;
    w.push_image(&alice, APP, "v1", b"one").await;
    let at = w.core.allow::<Delete>(&alice, &name(APP)).await.unwrap();
    w.core.delete_tag(&at, &"v1".parse().unwrap()).await.unwrap();
    let mut before = None;
    for expected in ["deleted", "created"] {
        let query = TagChangesQuery { before, limit: 1, ..TagChangesQuery::default() };
        let page = changes(&w, &alice, query).await;
        assert_eq!(told(&page), [("v1", expected)]);
        before = Some(page[0].position);
    }
}
