//! A cluster that serves Routes for a while, and the router, which the test plays: nothing listens behind its hosts.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use tokio::process::Command;

use super::case::Case;
use super::node::{directory, finish};
use super::phase;
use crate::out;
use crate::until::until;

const DEFINITION: &str = "routes.route.openshift.io";
/// Longer than the operator takes to see that an API came or went.
const PATIENCE: Duration = Duration::from_secs(180);

impl Case {
    /// Runs a test in `count` namespaces of a cluster that serves Routes, with no other test beside it: a registry that
    /// picks its exposure would wait for a router there. Afterwards neither the API nor the operator's knowledge of it is
    /// left.
    pub async fn with_routes(count: usize, body: impl AsyncFnOnce(&[Case]) -> Result<()>) -> Result<()> {
        phase::apart(count + 1, async |cases| {
            let (probe, cases) = cases.split_first().context("a namespace for the probe")?;
            // what a run that was cut off has left
            uninstall(probe).await?;
            // asks for a Route by name, so its conditions tell whether the operator knows the API
            probe.create("probe", json!({ "components": [{ "kind": "route", "managed": true }] })).await?;
            probe.condition("probe", "RolloutBlocked", "True", "RouteComponentDependencyError").await?;
            install().await?;
            let tested = async {
                probe.route("probe-quay").await.context("the operator did not see the Route API come")?;
                body(cases).await
            };
            let result = AssertUnwindSafe(tested).catch_unwind().await;
            uninstall(probe).await?;
            probe.condition("probe", "RolloutBlocked", "True", "RouteComponentDependencyError").await?;
            result.unwrap_or_else(|panic| resume_unwind(panic))
        })
        .await
    }

    /// The Routes of the namespace.
    pub fn routes(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("route.openshift.io", "v1", "Route");
        let resource = ApiResource::from_gvk_with_plural(&kind, "routes");
        Api::namespaced_with(self.client().clone(), self.namespace(), &resource)
    }

    /// What a router says about a Route.
    pub async fn router_says(&self, route: &str, host: &str, admitted: bool) -> Result<()> {
        let (status, reason, message) = if admitted {
            ("True", "", "")
        } else {
            ("False", "HostAlreadyClaimed", "another Route has the host")
        };
        let status = json!({ "status": { "ingress": [{
            "host": host,
            "routerName": "default",
            "routerCanonicalHostname": "router-default.apps.example.com",
            "wildcardPolicy": "None",
            "conditions": [{ "type": "Admitted", "status": status, "reason": reason, "message": message }],
        }] } });
        self.routes().patch_status(route, &PatchParams::default(), &Patch::Merge(&status)).await?;
        Ok(())
    }

    /// A Route as it is, once it is there.
    pub async fn route(&self, name: &str) -> Result<Value> {
        self.wait_for(self.routes(), name, "the Route to be made", |_| true).await
    }
}

async fn install() -> Result<()> {
    let mut command = Command::new(out::repository().join("tests/cluster/install-crds"));
    command.arg("route").env("CLUSTER_DIR", directory()?);
    finish("install-crds route", command).await.map(drop)
}

async fn uninstall(case: &Case) -> Result<()> {
    let definitions = Api::<CustomResourceDefinition>::all(case.client().clone());
    if definitions.get_opt(DEFINITION).await?.is_none() {
        return Ok(());
    }
    definitions.delete(DEFINITION, &DeleteParams::default()).await?;
    until("the Route API to go", PATIENCE, || async {
        ensure!(definitions.get_opt(DEFINITION).await?.is_none(), "the definition is still there");
        ensure!(case.routes().list(&ListParams::default()).await.is_err(), "Routes are still served");
        Ok(())
    })
    .await
}
