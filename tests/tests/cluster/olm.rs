//! The operator as OLM installs it: what `operator-lifecycle-manager` makes of a ClusterServiceVersion is made here, object
//! by object, because OLM itself does not come as a Go module. Its types do, so the API server checks what OLM reads.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use quay_tests::chart;
use quay_tests::clients::{HELM_4, Helm};
use quay_tests::cluster::{Case, audit, kubectl};
use quay_tests::out::repository;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::manifests::{entry, file, list, only};

/// The bundle as it is committed.
pub(crate) struct Bundle {
    csv: Value,
    definition: Value,
}

impl Bundle {
    /// Reads it.
    pub(crate) fn read() -> Result<Bundle> {
        let one = |name: &str| -> Result<Value> {
            file(&format!("deploy/olm/bundle/manifests/{name}"))?.pop().with_context(|| format!("no {name}"))
        };
        Ok(Bundle {
            csv: one("quay-operator.clusterserviceversion.yaml")?,
            definition: one("quayregistries.yaml")?,
        })
    }

    /// Every manifest in it.
    pub(crate) fn manifests(&self) -> Vec<Value> {
        vec![self.csv.clone(), self.definition.clone()]
    }

    /// The ClusterServiceVersion in the namespace of an OperatorGroup, annotated with what that selects: no target
    /// means all namespaces.
    pub(crate) fn csv(&self, namespace: &str, targets: &[&str]) -> Result<Value> {
        let mut targets = targets.to_vec();
        targets.sort_unstable();
        let mut csv = self.csv.clone();
        entry(&mut csv, &["metadata"])?.insert("namespace".into(), json!(namespace));
        let annotations = entry(&mut csv, &["metadata", "annotations"])?;
        for (key, value) in [
            ("operatorGroup", "operators"),
            ("operatorNamespace", namespace),
            ("targetNamespaces", &targets.join(",")),
        ] {
            annotations.insert(format!("olm.{key}"), json!(value));
        }
        Ok(csv)
    }

    /// What OLM makes of it, the definition first. `uid` is that of the ClusterServiceVersion, once it is there.
    pub(crate) fn installed(
        &self,
        namespace: &str,
        targets: &[&str],
        uid: Option<&str>,
    ) -> Result<Vec<Value>> {
        let csv = self.csv(namespace, targets)?;
        let name = csv["metadata"]["name"].as_str().context("a name")?.to_owned();
        let labels = json!({
            "olm.owner": name, "olm.owner.namespace": namespace, "olm.owner.kind": "ClusterServiceVersion",
            "olm.managed": "true",
        });
        let owners: Vec<Value> = uid
            .map(|uid| {
                json!({
                    "apiVersion": csv["apiVersion"], "kind": csv["kind"], "name": name, "uid": uid,
                    "controller": false, "blockOwnerDeletion": false,
                })
            })
            .into_iter()
            .collect();
        let strategy = &csv["spec"]["install"]["spec"];
        let mut made = vec![self.definition.clone()];

        for (index, permission) in parts(strategy, "permissions")?.iter().enumerate() {
            let account = permission["serviceAccountName"].as_str().context("an account")?;
            made.push(json!({
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": { "name": account, "namespace": namespace, "ownerReferences": owners },
            }));
            // in OLM a hash ends the name
            let role = Grant {
                name: format!("{name}-{account}-{index}"),
                rules: permission["rules"].clone(),
                account,
                namespace,
                labels: &labels,
            };
            made.extend(role.within(namespace, &owners));
            for target in targets.iter().filter(|target| **target != namespace) {
                made.extend(role.within(target, &[]));
            }
            if targets.is_empty() {
                made.extend(role.everywhere_with_namespaces()?);
            }
        }
        for (index, permission) in parts(strategy, "clusterPermissions")?.iter().enumerate() {
            let role = Grant {
                name: format!("{name}-{namespace}-cluster-{index}"),
                rules: permission["rules"].clone(),
                account: permission["serviceAccountName"].as_str().context("an account")?,
                namespace,
                labels: &labels,
            };
            made.extend(role.everywhere());
        }
        for deployment in parts(strategy, "deployments")? {
            made.push(deployed(deployment, &csv, namespace, &labels, &owners)?);
        }
        Ok(made)
    }
}

/// Rights that one entry of a ClusterServiceVersion grants.
struct Grant<'a> {
    name: String,
    rules: Value,
    account: &'a str,
    namespace: &'a str,
    labels: &'a Value,
}

impl Grant<'_> {
    fn within(&self, place: &str, owners: &[Value]) -> [Value; 2] {
        self.pair("", json!({ "name": self.name, "namespace": place, "labels": self.labels, "ownerReferences": owners }))
    }

    fn everywhere(&self) -> [Value; 2] {
        self.pair("Cluster", json!({ "name": self.name, "labels": self.labels }))
    }

    /// In the mode of all namespaces OLM adds a look at these to what a namespaced permission grants.
    fn everywhere_with_namespaces(&self) -> Result<[Value; 2]> {
        let mut rules = self.rules.clone();
        rules.as_array_mut().context("rules")?.push(json!({
            "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"],
        }));
        Ok(Grant { name: self.name.clone(), rules, ..*self }.everywhere())
    }

    fn pair(&self, scope: &str, meta: Value) -> [Value; 2] {
        let group = "rbac.authorization.k8s.io";
        let kind = format!("{scope}Role");
        let role = json!({
            "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": meta, "rules": self.rules,
        });
        let binding = json!({
            "apiVersion": format!("{group}/v1"), "kind": format!("{kind}Binding"), "metadata": meta,
            "roleRef": { "apiGroup": group, "kind": kind, "name": self.name },
            "subjects": [{ "kind": "ServiceAccount", "name": self.account, "namespace": self.namespace }],
        });
        [role, binding]
    }
}

fn parts<'a>(strategy: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    strategy[key].as_array().with_context(|| format!("the strategy has no {key}"))
}

/// The Deployment: all annotations of the ClusterServiceVersion on its pods, one variable, one old revision.
fn deployed(part: &Value, csv: &Value, namespace: &str, labels: &Value, owners: &[Value]) -> Result<Value> {
    let mut deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": part["name"], "namespace": namespace, "labels": part["label"], "ownerReferences": owners,
        },
        "spec": part["spec"],
    });
    let own = entry(&mut deployment, &["metadata", "labels"])?;
    own.extend(labels.as_object().context("labels")?.clone());
    let annotations = entry(&mut deployment, &["spec", "template", "metadata", "annotations"])?;
    annotations.extend(csv["metadata"]["annotations"].as_object().context("annotations")?.clone());
    for container in
        deployment["spec"]["template"]["spec"]["containers"].as_array_mut().context("containers")?
    {
        let condition = json!({ "name": "OPERATOR_CONDITION_NAME", "value": csv["metadata"]["name"] });
        match container["env"].as_array_mut() {
            Some(env) => env.push(condition),
            None => container["env"] = json!([condition]),
        }
    }
    deployment["spec"]["revisionHistoryLimit"] = json!(1);
    Ok(deployment)
}

/// Makes the API server know OLM's types.
pub(crate) async fn install_types() -> Result<()> {
    let kubeconfig = std::env::var("CLUSTER_KUBECONFIG").or_else(|_| std::env::var("KUBECONFIG"))?;
    let folder = std::path::Path::new(&kubeconfig).parent().context("the kubeconfig's folder")?;
    let mut command = Command::new(repository().join("tests/cluster/install-crds"));
    command.arg("olm").env("CLUSTER_DIR", folder).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(120), command.output()).await??;
    ensure!(output.status.success(), "install-crds olm: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Installs the bundle as OLM does in the namespace of `at`, for these targets, and waits until it runs.
async fn install(bundle: &Bundle, at: &Case, targets: &[&str]) -> Result<()> {
    let server_side = ["apply", "--server-side", "--field-manager=olm", "--filename=-", "--output=name"];
    let namespace = at.namespace();
    let csv = bundle.csv(namespace, targets)?;
    kubectl(&server_side, Some(&csv.to_string())).await?.success()?;
    let name = csv["metadata"]["name"].as_str().context("a name")?;
    let get =
        ["get", "clusterserviceversion", name, "--namespace", namespace, "--output=jsonpath={.metadata.uid}"];
    let uid = kubectl(&get, None).await?.success()?.text;
    let objects = bundle.installed(namespace, targets, Some(uid.trim()))?;
    kubectl(&server_side, Some(&list(&objects))).await?.success()?;
    let name = only(&objects, "Deployment")?["metadata"]["name"].as_str().context("a name")?;
    at.wait_for(at.api::<Deployment>(), name, "the operator of the bundle to run", |deployment| {
        deployment["status"]["availableReplicas"] == 1
    })
    .await?;
    Ok(())
}

/// What lies in no namespace does not go with one.
async fn uninstall(at: &Case) -> Result<()> {
    let owner = format!("--selector=olm.owner.namespace={}", at.namespace());
    kubectl(&["delete", "clusterrole,clusterrolebinding", &owner], None).await?.success().map(drop)
}

/// A chart is pushed with helm to a registry that was made here.
pub(crate) async fn push_chart(case: &Case, registry: &str) -> Result<()> {
    let at = case.endpoint(registry).await?;
    let helm = Helm::new(HELM_4, &at.ca).await?;
    let archive = chart::package(&helm, helm.home(), "hello", "0.1.0").await?;
    helm.login(&at.host, &at.admin).await?.success()?;
    let pushed = helm.push(&archive, &format!("{}/quayadmin", at.host)).await?.success()?;
    let pulled = helm.pull(&format!("{}/quayadmin/hello", at.host), "0.1.0").await?.success()?;
    ensure!(pushed.after("Digest:")? == pulled.after("Digest:")?, "{} {}", pushed.text, pulled.text);
    Ok(())
}

/// Whether the ServiceAccount of the operator in `of` may read Secrets in `place`.
async fn may_read_secrets(of: &Case, place: &Case) -> Result<bool> {
    let user = format!("--as=system:serviceaccount:{}:quay-operator", of.namespace());
    let asked =
        kubectl(&["auth", "can-i", "list", "secrets", &user, "--namespace", place.namespace()], None).await?;
    match asked.text.trim() {
        "yes" => Ok(true),
        "no" => Ok(false),
        other => Err(anyhow::anyhow!("can-i said {other}")),
    }
}

#[tokio::test]
async fn the_bundle_installed_as_olm_does_leads_to_a_pushed_chart() -> Result<()> {
    Case::alone(5, async |cases| {
        let [own, operator, first, second, stranger] = cases else { anyhow::bail!("five namespaces") };
        let bundle = Bundle::read()?;
        install_types().await?;
        // OwnNamespace and MultiNamespace, side by side
        install(&bundle, own, &[own.namespace()]).await?;
        install(&bundle, operator, &[first.namespace(), second.namespace()]).await?;
        for case in [own, first, second, stranger] {
            case.create("registry", json!({})).await?;
        }
        for case in [own, first, second] {
            case.available("registry").await?;
        }
        push_chart(own, "registry").await?;
        push_chart(second, "registry").await?;

        // each was made by the operator whose OperatorGroup selects it, and by no other
        for (case, maker, other) in [(own, own, operator), (first, operator, own), (second, operator, own)] {
            let by =
                async |who: &str| audit(case, &format!("system:serviceaccount:{who}:quay-operator")).await;
            ensure!(!by(maker.namespace()).await?.is_empty(), "{} made nothing", maker.namespace());
            assert_eq!(by(other.namespace()).await?, [""; 0]);
            assert_eq!(by("quay-operator").await?, [""; 0]);
            ensure!(!case.told("DataAdopted").await?, "there was nothing to take up");
            ensure!(may_read_secrets(maker, case).await? && !may_read_secrets(other, case).await?);
        }
        // a namespace that no group selects is left alone, and could not be reached either
        assert_eq!(stranger.registry("registry").await?["status"], Value::Null);
        assert_eq!(stranger.objects().await?.len(), 1);
        for case in [own, operator] {
            ensure!(!may_read_secrets(case, stranger).await?);
            uninstall(case).await?;
        }
        Ok(())
    })
    .await
}
