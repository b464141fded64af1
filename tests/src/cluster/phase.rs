//! Tests that change the cluster for everybody run while no other test of the program does: those that need the operator
//! of the chart out of the way, because another operator is to be seen at work, and those that bring an API along which
//! changes what a registry with `spec: {}` becomes.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::case::{Case, connect};
use crate::until::until;

/// Where the lane installs the chart, and under which name.
const CHART: &str = "quay-operator";
const PATIENCE: Duration = Duration::from_secs(120);

/// Held for reading by every case; whoever waits for writing goes before those who come later.
static PHASE: RwLock<()> = RwLock::const_new(());

/// While this is held, the operator of the chart runs.
pub(super) async fn beside() -> RwLockReadGuard<'static, ()> {
    PHASE.read().await
}

impl Case {
    /// Runs a test in `count` namespaces, with no other test beside it and without the operator of the chart.
    pub async fn alone(count: usize, body: impl AsyncFnOnce(&[Case]) -> Result<()>) -> Result<()> {
        let _alone = PHASE.write().await;
        let client = connect().await?;
        let before = deployments(&client).get(CHART).await.context("the chart is not installed")?;
        let before = before.spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let test = async {
            scale(&client, 0).await?;
            in_namespaces(count, body).await
        };
        let result = AssertUnwindSafe(test).catch_unwind().await;
        // whatever became of the test, the next ones need it
        let restored = scale(&client, before).await;
        match result {
            Ok(result) => result.and(restored),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Runs something in `count` namespaces, with no other test beside it.
pub(super) async fn apart(count: usize, body: impl AsyncFnOnce(&[Case]) -> Result<()>) -> Result<()> {
    let _alone = PHASE.write().await;
    in_namespaces(count, body).await
}

async fn in_namespaces(count: usize, body: impl AsyncFnOnce(&[Case]) -> Result<()>) -> Result<()> {
    let mut cases = Vec::with_capacity(count);
    for _ in 0..count {
        cases.push(Case::open().await?);
    }
    let mut result = body(&cases).await;
    for case in &cases {
        result = case.end(result).await;
    }
    result
}

fn deployments(client: &Client) -> Api<Deployment> {
    Api::namespaced(client.clone(), CHART)
}

/// Sets the number of the chart's operators and waits until it is so.
async fn scale(client: &Client, replicas: i32) -> Result<()> {
    let deployments = deployments(client);
    let pods = Api::<Pod>::namespaced(client.clone(), CHART);
    let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    deployments.patch(CHART, &PatchParams::default(), &patch).await?;
    until(&format!("{replicas} operators of the chart"), PATIENCE, || async {
        let status = deployments.get(CHART).await?.status.unwrap_or_default();
        ensure!(status.ready_replicas.unwrap_or(0) == replicas, "{:?} are ready", status.ready_replicas);
        let selector = ListParams::default().labels("app.kubernetes.io/name=quay-operator");
        let alive = pods.list(&selector).await?.items.len();
        ensure!(alive == usize::try_from(replicas)?, "{alive} pods are there");
        Ok(())
    })
    .await
}
