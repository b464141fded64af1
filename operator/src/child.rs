//! One child, whatever its kind: what it should be, and whether it already is.

use kube::ResourceExt;
use kube::core::{DynamicObject, ObjectMeta};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::drift;
use crate::names::{APPLIED_HASH, Slot};

/// A child as it should be, ready to be written.
#[derive(Clone)]
pub struct Prepared {
    /// Which child it is.
    pub slot: Slot,
    /// Its name.
    pub name: String,
    /// The body of the server-side apply.
    pub body: Value,
    /// Hash of the body.
    pub hash: String,
}

impl Prepared {
    /// Prepares a body: adds what every apply needs, and the hash by which a settled child is recognised.
    pub fn new(slot: Slot, metadata: ObjectMeta, content: Value) -> Self {
        let resource = slot.resource();
        let mut body = content;
        body["apiVersion"] = resource.api_version.into();
        body["kind"] = resource.kind.into();
        let name = metadata.name.clone().unwrap_or_default();
        body["metadata"] = serde_json::to_value(metadata).unwrap_or_default();
        let hash = hex::encode(&Sha256::digest(body.to_string())[..16]);
        body["metadata"]["annotations"][APPLIED_HASH] = hash.clone().into();
        Self { slot, name, body, hash }
    }

    /// A merge patch that must go before the apply.
    pub fn removal(&self, live: Option<&DynamicObject>) -> Option<Value> {
        drift::removal(&serde_json::to_value(live?).ok()?, &self.body)
    }

    /// Whether the live child already is what it should be.
    pub fn is_settled(&self, live: Option<&DynamicObject>) -> bool {
        live.is_some_and(|live| {
            live.annotations().get(APPLIED_HASH) == Some(&self.hash)
                && serde_json::to_value(live).is_ok_and(|live| drift::contains(&live, &self.body))
        })
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("slot", &self.slot).field("name", &self.name).finish_non_exhaustive()
    }
}
