//! Reads: everything one pass needs to know, by name and fresh, in parallel.
//!
//! Reading through caches would make a pass cheaper and its decisions stale: a node port or a key that was written a
//! moment ago must be seen.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use futures::future::{try_join_all, try_join3};
use futures::try_join;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, Secret};
use kube::api::{Api, ListParams};
use kube::core::{DynamicObject, NamespaceResourceScope};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::crd::{ComponentKind, QuayRegistry};
use crate::foreign::ROUTE_GROUP;
use crate::names::{self, Slot};
use crate::snapshot::{Children, Lookup, NodeAddresses, Platform, Snapshot};
use crate::version;

/// The groups that a cluster serves change rarely, but then it should be noticed soon.
const GROUPS_LIVE: Duration = Duration::from_secs(10);

/// Reads snapshots.
#[derive(Debug)]
pub struct Reader {
    image: String,
    groups: Mutex<Option<(Instant, BTreeSet<String>)>>,
}

impl Reader {
    /// A reader for an operator that deploys `image`.
    pub fn new(image: String) -> Self {
        Self { image, groups: Mutex::new(None) }
    }

    /// Reads everything about one registry; `None` when it is gone.
    pub async fn snapshot(
        &self,
        client: &Client,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Snapshot>, kube::Error> {
        let Some(registry) = Api::<QuayRegistry>::namespaced(client.clone(), namespace).get_opt(name).await?
        else {
            return Ok(None);
        };
        let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
        let bundle = registry.spec.config_bundle_secret.clone();
        let tls = registry
            .spec
            .component(ComponentKind::Tls)
            .and_then(|entry| entry.secret_ref.as_ref())
            .and_then(|secret| secret.name.clone());
        let api_groups = self.api_groups(client).await?;
        let (children, strangers, nodes, pods, bundle, tls_secret) = try_join!(
            children(client, namespace, name, &api_groups),
            strangers(client, namespace, name),
            nodes(client),
            pods(client, namespace, name),
            lookup(&secrets, bundle),
            lookup(&secrets, tls),
        )?;
        let reported = version::read(namespace, name, &children, &pods).await;
        Ok(Some(Snapshot {
            registry,
            platform: Platform { api_groups, image: self.image.clone() },
            bundle,
            tls_secret,
            children,
            strangers,
            nodes,
            pods,
            reported,
            now: Timestamp::now(),
        }))
    }

    /// The API groups that are served, as they were a moment ago.
    pub async fn api_groups(&self, client: &Client) -> Result<BTreeSet<String>, kube::Error> {
        let mut known = self.groups.lock().await;
        if let Some((at, groups)) = known.as_ref()
            && at.elapsed() < GROUPS_LIVE
        {
            return Ok(groups.clone());
        }
        let groups: BTreeSet<String> =
            client.list_api_groups().await?.groups.into_iter().map(|group| group.name).collect();
        *known = Some((Instant::now(), groups.clone()));
        Ok(groups)
    }
}

async fn children(
    client: &Client,
    namespace: &str,
    registry: &str,
    groups: &BTreeSet<String>,
) -> Result<Children, kube::Error> {
    let is_served = |slot: &Slot| *slot != Slot::Route || groups.contains(ROUTE_GROUP);
    let reads = Slot::ALL.into_iter().filter(is_served).map(|slot| async move {
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &slot.resource());
        match api.get(&slot.name(registry)).await {
            Ok(object) => Ok((slot, Some(object))),
            // the object, or a moment ago its whole API
            Err(kube::Error::Api(status)) if status.code == 404 => Ok((slot, None)),
            Err(error) => Err(error),
        }
    });
    let mut children = Children::default();
    for (slot, object) in try_join_all(reads).await? {
        if let Some(object) = object {
            children.insert(slot, object);
        }
    }
    Ok(children)
}

/// Workloads, volumes and Secrets that carry the registry's label without our mark.
async fn strangers(client: &Client, namespace: &str, registry: &str) -> Result<Vec<String>, kube::Error> {
    let (workloads, claims, secrets) = try_join3(
        unmarked::<Deployment>(client, namespace, registry),
        unmarked::<PersistentVolumeClaim>(client, namespace, registry),
        unmarked::<Secret>(client, namespace, registry),
    )
    .await?;
    Ok([workloads, claims, secrets].concat())
}

async fn unmarked<K>(client: &Client, namespace: &str, registry: &str) -> Result<Vec<String>, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug,
{
    let params = ListParams::default().labels(&format!("{}={registry}", names::REGISTRY));
    let found = Api::<K>::namespaced(client.clone(), namespace).list_metadata(&params).await?;
    Ok(found
        .items
        .into_iter()
        .filter(|object| !names::is_ours(&object.metadata))
        .map(|object| format!("{} {}", K::kind(&()), object.metadata.name.unwrap_or_default()))
        .collect())
}

/// Addresses of the nodes; none where reading them is not allowed, because only a node port needs them.
async fn nodes(client: &Client) -> Result<Vec<NodeAddresses>, kube::Error> {
    let list = match Api::<Node>::all(client.clone()).list(&ListParams::default().match_any()).await {
        Err(kube::Error::Api(status)) if status.code == 403 => {
            tracing::debug!(
                "nodes may not be listed: node ports get no address and nodes no place in certificates"
            );
            return Ok(Vec::new());
        }
        result => result?,
    };
    Ok(list
        .items
        .into_iter()
        .filter(|node| node.metadata.deletion_timestamp.is_none())
        .map(node_addresses)
        .collect())
}

fn node_addresses(node: Node) -> NodeAddresses {
    let name = node.name_any();
    let status = node.status.unwrap_or_default();
    let ready = status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let of = |type_: &str| -> Vec<String> {
        status.addresses.iter().flatten().filter(|a| a.type_ == type_).map(|a| a.address.clone()).collect()
    };
    NodeAddresses { name, ready, external: of("ExternalIP"), internal: of("InternalIP") }
}

async fn pods(client: &Client, namespace: &str, registry: &str) -> Result<Vec<Pod>, kube::Error> {
    let selector = names::pod_selector(registry).into_iter().map(|(key, value)| format!("{key}={value}"));
    let params = ListParams::default().labels(&selector.collect::<Vec<_>>().join(","));
    Ok(Api::<Pod>::namespaced(client.clone(), namespace).list(&params).await?.items)
}

async fn lookup(secrets: &Api<Secret>, name: Option<String>) -> Result<Lookup, kube::Error> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Lookup::NotNamed) };
    Ok(match secrets.get_opt(&name).await? {
        Some(secret) => Lookup::Found(Box::new(secret)),
        None => Lookup::Missing(name),
    })
}
