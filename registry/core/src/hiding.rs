//! A manifest goes from its readers and comes back, with what belongs to it: what was attached to it, and the children
//! of an index. Collecting what nobody keeps is another matter.

use std::collections::HashSet;

use quay_db::tables::manifests::{self, ManifestHead, ManifestState};
use quay_db::tables::tags;
use quay_db::{ManifestId, Tx, UserId};

use crate::attached;
use crate::error::Result;
use crate::push::{expire_referrers, untagged_until};

/// Hides a manifest that lost its tags, unless an index needs it: an index would be nothing without it, so it stays for
/// that and goes with the last of them. Says whether it was hidden.
pub(crate) async fn hide(tx: &mut Tx, namespace: UserId, head: &ManifestHead, now_ms: i64) -> Result<bool> {
    if manifests::needed_by_index(tx, head, now_ms).await? {
        manifests::set_expiry(tx, head.id, Some(now_ms)).await?;
        return Ok(false);
    }
    let mut left = vec![head.clone()];
    while let Some(head) = left.pop() {
        manifests::hide(tx, head.id, now_ms).await?;
        expire_referrers(tx, head.repo, namespace, &head.digest, now_ms).await?;
        attached::end_with_subject(tx, head.repo, namespace, &head.digest, now_ms).await?;
        for child in manifests::listed(tx, head.id).await? {
            let has_waited = child.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms);
            if child.state == ManifestState::Live
                && has_waited
                && tags::of_manifest(tx, child.id, now_ms).await?.is_empty()
                && !manifests::needed_by_index(tx, &child, now_ms).await?
            {
                left.push(child);
            }
        }
    }
    Ok(true)
}

/// Gives a hidden manifest back to its readers. What refers to it stays with it, and what was attached to it comes back.
pub(crate) async fn bring_back(
    tx: &mut Tx,
    namespace: UserId,
    head: &ManifestHead,
    now_ms: i64,
) -> Result<()> {
    if manifests::revive(tx, head.id).await? {
        manifests::set_referrers_expiry(tx, head.repo, &head.digest, None).await?;
        if let Some(hidden_ms) = head.hidden_ms {
            attached::restore_with_subject(tx, head.repo, namespace, &head.digest, hidden_ms, now_ms).await?;
        }
    }
    Ok(())
}

/// The same for everything that an index lists, down to the last. It may be collected after a while unless something
/// refers to it.
pub(crate) async fn bring_children_back(
    tx: &mut Tx,
    namespace: UserId,
    index: ManifestId,
    now_ms: i64,
) -> Result<()> {
    let until_ms = untagged_until(tx, namespace, now_ms).await?;
    let (mut left, mut seen) = (vec![index], HashSet::from([index]));
    while let Some(index) = left.pop() {
        for child in manifests::listed(tx, index).await? {
            if !seen.insert(child.id) {
                continue;
            }
            left.push(child.id);
            if child.state == ManifestState::Hidden {
                bring_back(tx, namespace, &child, now_ms).await?;
                manifests::set_expiry(tx, child.id, Some(until_ms)).await?;
            }
        }
    }
    Ok(())
}
