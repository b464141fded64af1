//! An operator that has nothing to do writes nothing.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use quay_tests::cluster::{Case, audit};
use quay_tests::until::until;
use serde_json::json;

const OPERATOR: &str = "system:serviceaccount:quay-operator:";

/// How often the operator's Lease has been renewed is its own clock.
async fn renewals(case: &Case) -> Result<String> {
    let leases: Api<Lease> = Api::namespaced(case.client().clone(), "quay-operator");
    let all = leases.list(&ListParams::default()).await?;
    let lease = all.items.into_iter().next().context("the operator has no Lease")?;
    let renewed = lease.spec.and_then(|spec| spec.renew_time).context("renewTime")?;
    Ok(format!("{renewed:?}"))
}

async fn wait_for_renewals(case: &Case, count: usize) -> Result<()> {
    for _ in 0..count {
        let last = renewals(case).await?;
        until("the Lease to be renewed", Duration::from_secs(180), || async {
            ensure!(renewals(case).await? != last, "not yet");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_settled_operator_makes_no_mutating_request_but_its_leases() -> Result<()> {
    Case::run(async |case| {
        case.ready("settled", json!({})).await?;
        // what follows the start: the last status of the pod, and the pass that it causes
        wait_for_renewals(case, 2).await?;
        let made = audit(case, OPERATOR).await?;
        ensure!(made.len() >= 9, "the audit log does not show what the operator made: {made:?}");
        let (objects, events) = (case.objects().await?, case.event_count().await?);

        wait_for_renewals(case, 5).await?;
        let writes = audit(case, OPERATOR).await?;
        ensure!(writes.len() == made.len(), "it wrote: {:#?}", &writes[made.len()..]);
        assert_eq!((case.objects().await?, case.event_count().await?), (objects, events));

        // nor does a pass that finds everything as it should be
        case.patch("settled", &json!({ "metadata": { "annotations": { "a-note": "of somebody" } } })).await?;
        let objects = case.objects().await?;
        wait_for_renewals(case, 2).await?;
        let writes = audit(case, OPERATOR).await?;
        ensure!(writes.len() == made.len(), "it wrote: {:#?}", &writes[made.len()..]);
        assert_eq!(case.objects().await?, objects);
        Ok(())
    })
    .await
}
