//! Chart, kustomize base and OLM bundle install the same operator.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use quay_tests::accounts::unique;
use quay_tests::cluster::{Case, kubectl};
use quay_tests::out::repository;
use serde_json::{Value, json};

use crate::manifests::{
    DEFAULT, chart, copy_base, documents, entry, file, kustomize, list, only, rights, sorted, text,
    without_helm,
};
use crate::olm::{Bundle, install_types, push_chart};

#[tokio::test]
async fn the_kustomize_base_leads_to_a_pushed_chart() -> Result<()> {
    Case::alone(2, async |cases| {
        let [operator, team] = cases else { anyhow::bail!("two namespaces") };
        // another name, because what lies in no namespace is the chart's already
        let suffix = unique("-k");
        let folder = tempfile::tempdir()?;
        copy_base(&folder.path().join("base"))?;
        let overlay = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": ["base"], "namespace": operator.namespace(), "nameSuffix": suffix,
        });
        fs::write(folder.path().join("kustomization.yaml"), overlay.to_string())?;
        let apply =
            ["apply", "--server-side", "--field-manager=kustomize", "--kustomize", text(folder.path())?];
        kubectl(&apply, None).await?.success()?;
        let name = format!("quay-operator{suffix}");
        operator
            .wait_for(operator.api::<Deployment>(), &name, "the operator of the base to run", |deployment| {
                deployment["status"]["availableReplicas"] == 1
            })
            .await?;
        team.ready("registry", json!({})).await?;
        push_chart(team, "registry").await?;

        let cluster_wide = format!("quay-operator:quay-operator{suffix}");
        kubectl(&["delete", "clusterrole,clusterrolebinding", &cluster_wide], None).await?.success()?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_kustomize_base_is_the_chart_without_what_helm_alone_reads_and_with_its_namespace() -> Result<()>
{
    let folder = tempfile::tempdir()?;
    let base = folder.path().join("base");
    copy_base(&base)?;
    let mut rendered = sorted(kustomize(&base).await?);
    let spaces: Vec<Value> = rendered.extract_if(.., |object| object["kind"] == "Namespace").collect();
    assert_eq!(spaces, [json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": DEFAULT } })]);
    let of_chart = chart(&[]).await?;
    assert_eq!(rendered, sorted(of_chart.iter().map(without_helm)));
    // control: helm's labels are a difference
    assert_ne!(rendered, sorted(of_chart));
    Ok(())
}

#[tokio::test]
async fn the_bundle_is_the_chart_but_for_what_olm_decides() -> Result<()> {
    let bundle = Bundle::read()?;
    let of_chart = chart(&[]).await?;
    let of_olm = bundle.installed(DEFAULT, &[], None)?;

    let mut ours = only(&of_chart, "CustomResourceDefinition").map(without_helm)?;
    entry(&mut ours, &["metadata"])?.remove("labels");
    assert_eq!(&ours, only(&of_olm, "CustomResourceDefinition")?);
    let name = |objects: &[Value]| {
        Ok::<_, anyhow::Error>(only(objects, "ServiceAccount")?["metadata"]["name"].clone())
    };
    assert_eq!(name(&of_chart)?, name(&of_olm)?);

    // OLM decides what is watched, names the version, keeps one old revision, and marks what it owns
    let ours = without_helm(only(&of_chart, "Deployment")?);
    let mut theirs = only(&of_olm, "Deployment")?.clone();
    entry(&mut theirs, &["spec"])?.remove("revisionHistoryLimit");
    let annotations = entry(&mut theirs, &["spec", "template", "metadata"])?.remove("annotations");
    assert_eq!(annotations.context("annotations")?["olm.targetNamespaces"], "");
    entry(&mut theirs, &["metadata"])?.remove("ownerReferences");
    entry(&mut theirs, &["metadata", "labels"])?.retain(|name, _| !name.starts_with("olm."));
    let env = theirs["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().context("env")?;
    env.retain(|variable| variable["name"] != "OPERATOR_CONDITION_NAME");
    let watched =
        env.iter_mut().find(|variable| variable["name"] == "WATCH_NAMESPACE").context("the variable")?;
    let from = json!({ "fieldRef": { "fieldPath": "metadata.annotations['olm.targetNamespaces']" } });
    assert_eq!(watched["valueFrom"], from);
    *watched = json!({ "name": "WATCH_NAMESPACE", "value": "" });
    assert_eq!(ours, theirs);

    // the same rights, but for the Lease, which OLM allows wherever it allows the rest
    let lease = |place: &str| -> BTreeSet<String> {
        let verbs = ["get", "create", "update"];
        verbs.map(|verb| format!("{place} {verb} coordination.k8s.io/leases")).into()
    };
    let looks: BTreeSet<String> = ["get", "list", "watch"].map(|verb| format!("* {verb} /namespaces")).into();
    let (by_chart, by_olm) = (rights(&of_chart)?, rights(&of_olm)?);
    let own = |right: &String| right.starts_with(&format!("{DEFAULT} "));
    let more: BTreeSet<String> = by_olm.difference(&by_chart).filter(|right| !own(right)).cloned().collect();
    assert_eq!(more, &lease("*") | &looks);
    assert_eq!(by_chart.difference(&by_olm).collect::<Vec<_>>(), [""; 0]);

    // and with one namespace to watch, nothing reaches beyond it but the look at nodes
    let of_chart = chart(&["watchNamespace=team"]).await?;
    let of_olm = bundle.installed(DEFAULT, &["team"], None)?;
    let (by_chart, by_olm) = (rights(&of_chart)?, rights(&of_olm)?);
    let more: BTreeSet<String> = by_olm.difference(&by_chart).filter(|right| !own(right)).cloned().collect();
    assert_eq!(more, lease("team"));
    assert_eq!(by_chart.difference(&by_olm).collect::<Vec<_>>(), [""; 0]);
    let everywhere: Vec<&String> = by_olm.iter().filter(|right| right.starts_with("* ")).collect();
    assert_eq!(everywhere, ["* list /nodes"]);
    Ok(())
}

/// The YAML blocks of a README that are objects.
fn blocks(path: &str) -> Result<Vec<Value>> {
    let text = fs::read_to_string(repository().join(path))?;
    let mut found = Vec::new();
    for block in text.split("```yaml\n").skip(1) {
        found.extend(documents(block.split("```").next().unwrap_or_default())?);
    }
    found.retain(|object| object["kind"] != "Kustomization");
    Ok(found)
}

#[tokio::test]
async fn every_manifest_passes_a_server_side_dry_run() -> Result<()> {
    Case::run(async |case| {
        install_types().await?;
        let folder = tempfile::tempdir()?;
        let base = folder.path().join("base");
        copy_base(&base)?;
        let bundle = Bundle::read()?;
        let namespace = case.namespace();
        let sets = [
            ("chart", chart(&[]).await?),
            ("chart for one namespace", chart(&["watchNamespace=team"]).await?),
            ("kustomize base", kustomize(&base).await?),
            ("bundle", bundle.manifests()),
            ("bundle as OLM installs it", bundle.installed(namespace, &[], None)?),
            ("bundle for two namespaces", bundle.installed(namespace, &["one", "two"], None)?),
            ("example of the catalog", blocks("deploy/olm/README.md")?),
            ("sample minimal", file("deploy/samples/minimal.yaml")?),
            ("sample with-config", file("deploy/samples/with-config.yaml")?),
        ];
        let dry = async |objects: &[Value]| {
            let args =
                ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "--validate=strict"];
            kubectl(&[&args[..], &["--namespace", namespace, "--filename=-"]].concat(), Some(&list(objects)))
                .await
        };
        for (what, mut objects) in sets {
            ensure!(!objects.is_empty(), "{what}: nothing to try");
            // their own namespaces are not there
            for object in &mut objects {
                if object["metadata"]["namespace"].is_string() {
                    object["metadata"]["namespace"] = json!(namespace);
                }
            }
            let said = dry(&objects).await?.success().with_context(|| what)?.text;
            let passed = said.lines().filter(|line| line.ends_with("(server dry run)")).count();
            ensure!(passed == objects.len(), "{what}: {passed} of {} passed:\n{said}", objects.len());
        }
        // controls: what the API server does not know or want is told
        let mut csv = bundle.csv(namespace, &[])?;
        csv["spec"]["installModes"][0]["supported"] = json!("yes");
        dry(&[csv]).await?.failure()?;
        let mut deployment = only(&bundle.installed(namespace, &[], None)?, "Deployment")?.clone();
        deployment["spec"]["template"]["spec"]["serviceAcountName"] = json!("typo");
        dry(&[deployment]).await?.failure()?;
        Ok(())
    })
    .await
}
