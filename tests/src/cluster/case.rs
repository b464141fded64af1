//! One test's namespace: making registries in it, waiting for conditions, and telling what happened there.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use k8s_openapi::api::core::v1::{Event, Namespace, Pod};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, LogParams, ObjectMeta, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Client, Config};
use kube_runtime::wait::{Error as WaitError, await_condition};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::phase;
use crate::accounts::unique;
use crate::out::{self, Kind};
use crate::until::until;

/// Longer than any healthy start takes; it ends a hang.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

/// What the suites are about.
pub const REGISTRY_KIND: &str = "QuayRegistry";

/// A namespace of its own.
pub struct Case {
    client: Client,
    namespace: String,
}

/// Connects to the cluster that the environment names.
pub async fn connect() -> Result<Client> {
    // more than one library brings TLS along; whoever comes first has chosen the same
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let path = std::env::var("CLUSTER_KUBECONFIG")
        .or_else(|_| std::env::var("KUBECONFIG"))
        .context("no cluster: start one with `make cluster-up` and set KUBECONFIG to the path it prints")?;
    let kubeconfig = Kubeconfig::read_from(&path).with_context(|| format!("read the kubeconfig {path}"))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

impl Case {
    /// Runs a test in a namespace of its own and takes that away; on failure tells what happened there.
    pub async fn run(body: impl AsyncFnOnce(&Case) -> Result<()>) -> Result<()> {
        let _beside = phase::beside().await;
        let case = Case::open().await?;
        let result = body(&case).await;
        case.end(result).await
    }

    /// Logs what happened in the namespace, tells it when the test failed, and takes the namespace away.
    pub(super) async fn end(&self, result: Result<()>) -> Result<()> {
        let story = self.story().await;
        let (_, mut log) = out::log(Kind::Cluster, &self.namespace)?;
        log.write_all(story.as_bytes())?;
        if std::env::var_os("QUAY_TESTS_KEEP").is_none() {
            self.close().await?;
        }
        // the cause before the story: whoever reads the beginning of a long output finds it
        result.map_err(|error| anyhow!("{error:#}\nin the namespace {}:\n{story}", self.namespace))
    }

    pub(super) async fn open() -> Result<Case> {
        let client = connect().await?;
        let name = out::test_name().replace('_', "-");
        let namespace = unique(&format!("t-{}-", name[..name.len().min(30)].trim_matches('-')));
        let object = Namespace {
            metadata: ObjectMeta { name: Some(namespace.clone()), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &object).await?;
        Ok(Case { client, namespace })
    }

    async fn close(&self) -> Result<()> {
        // a registry with a finalizer of somebody else would keep the namespace for ever
        for registry in self.registries().list(&ListParams::default()).await? {
            if registry.metadata.finalizers.is_some() {
                let name = registry.metadata.name.unwrap_or_default();
                self.patch(&name, &json!({ "metadata": { "finalizers": null } })).await?;
            }
        }
        let namespaces = Api::<Namespace>::all(self.client.clone());
        namespaces.delete(&self.namespace, &DeleteParams::default()).await?;
        Ok(())
    }

    /// The client of the cluster.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Objects of a built-in kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The registries of the namespace, as nothing but JSON.
    pub fn registries(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &registry_resource())
    }

    /// Creates a registry.
    pub async fn create(&self, name: &str, spec: Value) -> Result<DynamicObject> {
        self.create_object(&json!({
            "apiVersion": "quay.redhat.com/v1",
            "kind": REGISTRY_KIND,
            "metadata": { "name": name },
            "spec": spec,
        }))
        .await
    }

    /// Creates a registry with metadata of the test's own.
    pub async fn create_object(&self, object: &Value) -> Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(object.clone())?;
        Ok(self.registries().create(&PostParams::default(), &object).await?)
    }

    /// What the API server says to a registry that it should refuse.
    pub async fn refusal(&self, name: &str, spec: Value) -> Result<String> {
        let shown = spec.to_string();
        match self.create(name, spec).await {
            Ok(_) => Err(anyhow!("{shown} was accepted")),
            Err(error) => match error.downcast::<kube::Error>()? {
                kube::Error::Api(status) if status.code == 422 => Ok(status.message.clone()),
                other => Err(anyhow!("{shown}: {other}")),
            },
        }
    }

    /// Merges something into a registry.
    pub async fn patch(&self, name: &str, patch: &Value) -> Result<DynamicObject> {
        let params = kube::api::PatchParams::default();
        Ok(self.registries().patch(name, &params, &kube::api::Patch::Merge(patch)).await?)
    }

    /// The registry as it is now.
    pub async fn registry(&self, name: &str) -> Result<Value> {
        Ok(serde_json::to_value(self.registries().get(name).await?)?)
    }

    /// Waits until the registry fulfils something.
    pub async fn wait(&self, name: &str, what: &str, test: impl Fn(&Value) -> bool + Send) -> Result<Value> {
        self.wait_for(self.registries(), name, what, test).await
    }

    /// Waits until some object fulfils something.
    pub async fn wait_for<K>(
        &self,
        api: Api<K>,
        name: &str,
        what: &str,
        test: impl Fn(&Value) -> bool + Send,
    ) -> Result<Value>
    where
        K: Clone
            + std::fmt::Debug
            + Send
            + serde::Serialize
            + for<'a> serde::Deserialize<'a>
            + kube::Resource
            + 'static,
    {
        let condition = |object: Option<&K>| {
            object.and_then(|object| serde_json::to_value(object).ok()).is_some_and(|object| test(&object))
        };
        let object = patiently(what, || await_condition(api.clone(), name, &condition)).await?;
        Ok(serde_json::to_value(object.with_context(|| format!("{name} is gone"))?)?)
    }

    /// Waits until an object is not there any more.
    pub async fn wait_gone<K>(&self, api: Api<K>, name: &str) -> Result<()>
    where
        K: Clone + std::fmt::Debug + Send + for<'a> serde::Deserialize<'a> + kube::Resource + 'static,
    {
        let gone = |object: Option<&K>| object.is_none();
        patiently(&format!("{name} to go"), || await_condition(api.clone(), name, gone)).await.map(drop)
    }

    /// Waits for `Available=True` at the present generation: how long that took.
    pub async fn available(&self, name: &str) -> Result<Duration> {
        let start = Instant::now();
        self.wait(name, "Available=True", |registry| {
            let seen = &registry["status"]["observedGeneration"];
            status_of(registry, "Available") == Some("True") && *seen == registry["metadata"]["generation"]
        })
        .await?;
        Ok(start.elapsed())
    }

    /// Waits for a condition with this status and reason: its message.
    pub async fn condition(&self, name: &str, kind: &str, status: &str, reason: &str) -> Result<String> {
        let what = format!("{kind}={status} because of {reason}");
        let registry = self
            .wait(name, &what, |registry| {
                condition_of(registry, kind).is_some_and(|c| c["status"] == status && c["reason"] == reason)
            })
            .await?;
        let condition = condition_of(&registry, kind).context("the condition")?;
        Ok(condition["message"].as_str().unwrap_or_default().to_owned())
    }

    /// What clients need to use a registry that is available.
    pub async fn endpoint(&self, name: &str) -> Result<Endpoint> {
        Endpoint::read(self, name).await
    }

    /// Creates a registry with `spec: {}` and waits until it can be used.
    pub async fn ready(&self, name: &str, spec: Value) -> Result<Endpoint> {
        self.create(name, spec).await?;
        self.available(name).await?;
        self.endpoint(name).await
    }

    /// The only running pod of a registry.
    pub async fn pod(&self, name: &str) -> Result<Pod> {
        let selector = format!("quay-operator/quayregistry={name},quay-component=quay-app");
        let pods = self.api::<Pod>().list(&ListParams::default().labels(&selector)).await?;
        let mut alive: Vec<Pod> =
            pods.items.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
        ensure!(alive.len() == 1, "{} pods of {name}, one expected", alive.len());
        alive.pop().context("a pod")
    }

    /// Every object of the kinds that an operator makes: kind, name and resource version.
    pub async fn objects(&self) -> Result<Vec<(String, String, String)>> {
        let mut all = Vec::new();
        for (group, version, kind) in [
            ("", "v1", "Secret"),
            ("", "v1", "ConfigMap"),
            ("", "v1", "Service"),
            ("", "v1", "ServiceAccount"),
            ("", "v1", "PersistentVolumeClaim"),
            ("apps", "v1", "Deployment"),
            ("apps", "v1", "StatefulSet"),
            ("batch", "v1", "Job"),
            ("policy", "v1", "PodDisruptionBudget"),
            ("autoscaling", "v2", "HorizontalPodAutoscaler"),
            ("rbac.authorization.k8s.io", "v1", "Role"),
            ("rbac.authorization.k8s.io", "v1", "RoleBinding"),
            ("quay.redhat.com", "v1", REGISTRY_KIND),
        ] {
            let resource = if kind == REGISTRY_KIND {
                registry_resource()
            } else {
                ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
            };
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
            for object in api.list(&ListParams::default()).await? {
                let meta = object.metadata;
                let name = meta.name.unwrap_or_default();
                // what every namespace gets from the control plane
                if !["kube-root-ca.crt", "default"].contains(&name.as_str()) {
                    all.push((kind.to_owned(), name, meta.resource_version.unwrap_or_default()));
                }
            }
        }
        all.sort();
        Ok(all)
    }

    /// Waits until an event with this reason is told; status is written first.
    pub async fn hear(&self, reason: &str) -> Result<()> {
        let what = format!("the event {reason}");
        until(&what, PATIENCE, || async {
            ensure!(self.told(reason).await?, "it was not told");
            Ok(())
        })
        .await
    }

    /// Whether an event with this reason was told.
    pub async fn told(&self, reason: &str) -> Result<bool> {
        let events = self.api::<Event>().list(&ListParams::default()).await?;
        Ok(events.items.iter().any(|event| event.reason.as_deref() == Some(reason)))
    }

    /// How many events the namespace has, repetitions counted.
    pub async fn event_count(&self) -> Result<i64> {
        let events = self.api::<Event>().list(&ListParams::default()).await?;
        let repeated = |event: &Event| {
            let series = event.series.as_ref().and_then(|series| series.count);
            i64::from(series.or(event.count).unwrap_or(1))
        };
        Ok(events.items.iter().map(repeated).sum())
    }

    /// Status of the registries, events, and the logs of pods; the logs go to the registry's logs as well.
    async fn story(&self) -> String {
        let mut story = String::new();
        if let Ok(registries) = self.registries().list(&ListParams::default()).await {
            for registry in registries {
                let name = registry.metadata.name.unwrap_or_default();
                let _ = writeln!(story, "── {name}: {:#}", registry.data["status"]);
            }
        }
        if let Ok(events) = self.api::<Event>().list(&ListParams::default()).await {
            for event in events {
                let about = event.involved_object;
                let _ = writeln!(
                    story,
                    "── event {} {} {}: {}",
                    about.kind.unwrap_or_default(),
                    about.name.unwrap_or_default(),
                    event.reason.unwrap_or_default(),
                    event.message.unwrap_or_default()
                );
            }
        }
        if let Ok(pods) = self.api::<Pod>().list(&ListParams::default()).await {
            for pod in pods {
                let name = pod.metadata.name.unwrap_or_default();
                for previous in [true, false] {
                    let params = LogParams { previous, ..LogParams::default() };
                    let Ok(text) = self.api::<Pod>().logs(&name, &params).await else { continue };
                    if let Ok((_, mut log)) = out::log(Kind::Registry, &format!("{}-{name}", self.namespace))
                    {
                        let _ = log.write_all(text.as_bytes());
                    }
                    let lines: Vec<&str> = text.lines().collect();
                    let last = lines[lines.len().saturating_sub(30)..].join("\n");
                    let _ =
                        writeln!(story, "── log of {name}{}:\n{last}", if previous { " before" } else { "" });
                }
            }
        }
        story
    }
}

/// Waits by a watch. A watch that breaks off says nothing about what is waited for and begins anew.
async fn patiently<T, F>(what: &str, watch: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T, WaitError>>,
{
    until(what, PATIENCE, || async { Ok(watch().await?) }).await
}

fn registry_resource() -> ApiResource {
    let kind = GroupVersionKind::gvk("quay.redhat.com", "v1", REGISTRY_KIND);
    ApiResource::from_gvk_with_plural(&kind, "quayregistries")
}

/// One condition of a registry.
pub(crate) fn condition_of<'a>(registry: &'a Value, kind: &str) -> Option<&'a Value> {
    registry["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn status_of<'a>(registry: &'a Value, kind: &str) -> Option<&'a str> {
    condition_of(registry, kind)?["status"].as_str()
}
