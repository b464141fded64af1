//! Watches, the queue, and the pass over one registry.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount};
use kube::api::{Api, Patch, PatchParams};
use kube::core::{DeserializeGuard, NamespaceResourceScope, PartialObjectMeta};
use kube::{Client, Resource, ResourceExt};
use kube_runtime::controller::{Action, Config};
use kube_runtime::reflector::{ObjectRef, Store};
use kube_runtime::{Controller, watcher};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::crd::{ComponentKind, QuayRegistry};
use crate::entropy::System;
use crate::events::Events;
use crate::foreign::{ROUTE_GROUP, Route};
use crate::gather::Reader;
use crate::metrics::{Metrics, PassResult};
use crate::names::{self, STATUS_MANAGER};
use crate::plan::{Notice, Plan, Problem, Reason, Verdict};
use crate::snapshot::Snapshot;
use crate::status::Outcome;
use crate::{apply, build, resolve, settings, status};

/// Passes that run at the same time.
const CONCURRENCY: u16 = 8;
/// Changes that come in a burst make one pass.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// Watches may miss a deletion, and certificates and nodes change without one.
const RESYNC: Duration = Duration::from_secs(600);
/// Not all that a registry waits for can be watched: objects without our labels, nodes, APIs that are installed later.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How soon it is looked whether changed settings have arrived.
const LOOK_FOR_SETTINGS: Duration = Duration::from_secs(3);
/// How soon an API that was installed or removed is noticed.
const DISCOVER_EVERY: Duration = Duration::from_secs(10);
/// A plan may need what its own first wave has made known, such as a node port.
const ROUNDS: usize = 3;

type Guarded = DeserializeGuard<QuayRegistry>;

/// What a pass works with.
pub struct Context {
    client: Client,
    reader: Reader,
    metrics: Metrics,
    events: Events,
    backoff: Backoff<ObjectRef<Guarded>>,
    /// Versions of objects that have been told to be unreadable.
    unreadable: Mutex<HashMap<ObjectRef<Guarded>, Option<String>>>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("events", &self.events).finish_non_exhaustive()
    }
}

struct Pass<'a> {
    context: &'a Context,
    namespace: &'a str,
}

/// What makes a pass fail before anything could be said about the registry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not answer as it should.
    #[error("the API server could not be asked: {0}")]
    Api(#[from] Box<kube::Error>),
    /// A decision could not be made.
    #[error("the registry could not be planned: {0}")]
    Resolve(#[from] resolve::Error),
    /// An object could not be built.
    #[error(transparent)]
    Build(#[from] build::Error),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Api(Box::new(error))
    }
}

impl Context {
    /// What passes over registries work with.
    pub fn new(client: Client, image: String, metrics: Metrics, events: Events) -> Self {
        Self {
            client,
            reader: Reader::new(image),
            metrics,
            events,
            backoff: Backoff::default(),
            unreadable: Mutex::default(),
        }
    }

    /// One for tests.
    #[cfg(test)]
    pub(crate) fn of(client: Client) -> Self {
        let metrics = Metrics::new(&mut prometheus_client::registry::Registry::default());
        Self::new(client.clone(), "image".to_owned(), metrics, Events::new(client, "me"))
    }

    /// Whether nothing has been said yet about this version of an unreadable object.
    fn is_news(&self, key: &ObjectRef<Guarded>, version: Option<&String>) -> bool {
        let mut told = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(key.clone(), version.cloned()) != Some(version.cloned())
    }
}

/// Runs until `stop`, then finishes the passes that are under way.
///
/// Which kinds can be watched depends on what the cluster serves; when that changes, all watches start anew.
pub async fn run(context: Arc<Context>, namespace: Option<String>, stop: CancellationToken) {
    let mut groups = discover(&context).await.unwrap_or_default();
    while !stop.is_cancelled() {
        let changed = stop.child_token();
        let watches_routes = groups.contains(ROUTE_GROUP);
        let passes = watch(Arc::clone(&context), namespace.clone(), watches_routes, changed.clone());
        let change = async {
            let change = changed.run_until_cancelled(change(&context, watches_routes)).await;
            changed.cancel();
            change
        };
        let ((), change) = tokio::join!(passes, change);
        let Some(change) = change else { return };
        tracing::info!(routes = change.contains(ROUTE_GROUP), "the cluster's APIs changed: watching anew");
        groups = change;
    }
}

/// Waits until the cluster begins or ceases to serve Routes; answers what it serves.
async fn change(context: &Context, serves_routes: bool) -> BTreeSet<String> {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + DISCOVER_EVERY, DISCOVER_EVERY);
    loop {
        ticks.tick().await;
        match discover(context).await {
            Some(groups) if groups.contains(ROUTE_GROUP) != serves_routes => return groups,
            _ => {}
        }
    }
}

async fn discover(context: &Context) -> Option<BTreeSet<String>> {
    match context.reader.api_groups(&context.client).await {
        Ok(groups) => Some(groups),
        Err(error) => {
            tracing::warn!(%error, "the cluster does not tell which APIs it serves; asked again later");
            None
        }
    }
}

async fn watch(
    context: Arc<Context>,
    namespace: Option<String>,
    watches_routes: bool,
    stop: CancellationToken,
) {
    let client = context.client.clone();
    let config = Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE);
    let controller =
        Controller::new(scoped::<Guarded>(&client, namespace.as_deref()), watcher::Config::default())
            .with_config(config);
    let registries = controller.store();
    let ours = watcher::Config::default().labels(&names::ours_selector());
    let controller = children::<Deployment>(controller, &client, namespace.as_deref(), &ours);
    let controller = children::<Service>(controller, &client, namespace.as_deref(), &ours);
    let controller = children::<PersistentVolumeClaim>(controller, &client, namespace.as_deref(), &ours);
    let controller = children::<ConfigMap>(controller, &client, namespace.as_deref(), &ours);
    let controller = children::<ServiceAccount>(controller, &client, namespace.as_deref(), &ours);
    let controller = children::<Pod>(controller, &client, namespace.as_deref(), &ours);
    let controller = if watches_routes {
        children::<Route>(controller, &client, namespace.as_deref(), &ours)
    } else {
        controller
    };
    // Secrets that users name carry no label of ours, so all are watched, but only their metadata
    let controller = controller.watches(
        scoped::<PartialObjectMeta<Secret>>(&client, namespace.as_deref()),
        watcher::Config::default(),
        move |secret| concerned(&registries, &secret),
    );
    let passes = controller.graceful_shutdown_on(stop.cancelled_owned()).run(reconcile, after_error, context);
    let mut passes = pin!(passes);
    while let Some(result) = passes.next().await {
        if let Err(error) = result {
            // deleted meanwhile, or already told by the pass itself
            tracing::debug!(%error, "a pass did not take place");
        }
    }
}

fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// Watches the metadata of our children of one kind.
fn children<K>(
    controller: Controller<Guarded>,
    client: &Client,
    namespace: Option<&str>,
    config: &watcher::Config,
) -> Controller<Guarded>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    controller
        .watches(scoped::<PartialObjectMeta<K>>(client, namespace), config.clone(), |child| owner(&child))
}

fn owner<K: Resource>(child: &PartialObjectMeta<K>) -> Option<ObjectRef<Guarded>> {
    let registry = names::registry_of(&child.metadata)?;
    Some(ObjectRef::new(registry).within(child.metadata.namespace.as_deref()?))
}

/// The registries that a Secret concerns: the one whose child it is, and those that name it.
fn concerned(registries: &Store<Guarded>, secret: &PartialObjectMeta<Secret>) -> Vec<ObjectRef<Guarded>> {
    let (Some(name), Some(namespace)) = (&secret.metadata.name, &secret.metadata.namespace) else {
        return Vec::new();
    };
    let mut refs: Vec<_> = registries
        .state_filter(|registry| {
            registry.meta().namespace.as_ref() == Some(namespace)
                && registry.0.as_ref().is_ok_and(|registry| names_secret(registry, name))
        })
        .iter()
        .map(|registry| ObjectRef::from_obj(registry.as_ref()))
        .collect();
    refs.extend(owner(secret));
    refs
}

fn names_secret(registry: &QuayRegistry, secret: &str) -> bool {
    let tls = registry.spec.component(ComponentKind::Tls).and_then(|entry| entry.secret_ref.as_ref());
    registry.spec.config_bundle_secret.as_deref() == Some(secret)
        || tls.and_then(|tls| tls.name.as_deref()) == Some(secret)
}

fn after_error(registry: Arc<Guarded>, error: &Error, context: Arc<Context>) -> Action {
    let wait = context.backoff.next(ObjectRef::from_obj(registry.as_ref()));
    tracing::warn!(
        registry.name = registry.meta().name,
        registry.namespace = registry.meta().namespace,
        retry_in_ms = wait.as_millis(),
        %error,
        "a pass failed and is tried again"
    );
    Action::requeue(wait)
}

/// One pass over one registry: read, decide, write, report.
async fn reconcile(registry: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Error> {
    let started = Instant::now();
    let key = ObjectRef::from_obj(registry.as_ref());
    let result = match &registry.0 {
        Ok(_) => Box::pin(pass(&key, &context)).await,
        Err(invalid) => {
            let message = format!(
                "the object cannot be read ({invalid}): correct it, or install the matching definition"
            );
            let notice = Notice { reason: "ObjectInvalid".into(), is_warning: true, message, with: None };
            // its children wake it as well, and have nothing new to say
            if context.is_news(&key, registry.meta().resource_version.as_ref()) {
                context.events.publish(registry.as_ref(), [&notice]);
            }
            Ok((PassResult::Blocked, Action::await_change()))
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    match result {
        Ok((result, action)) => {
            context.metrics.passed(result, seconds);
            Ok(action)
        }
        Err(error) => {
            context.metrics.passed(PassResult::Failed, seconds);
            Err(error)
        }
    }
}

async fn pass(key: &ObjectRef<Guarded>, context: &Context) -> Result<(PassResult, Action), Error> {
    let namespace = key.namespace.clone().unwrap_or_default();
    let Some(mut snapshot) = context.reader.snapshot(&context.client, &namespace, &key.name).await? else {
        context.backoff.reset(key);
        return Ok((PassResult::Settled, Action::await_change()));
    };
    if snapshot.registry.metadata.deletion_timestamp.is_some() {
        // its children go by their owner references; making them anew would keep it from going
        context.backoff.reset(key);
        return Ok((PassResult::Settled, Action::await_change()));
    }
    let pass = Pass { context, namespace: &namespace };
    let (done, notices) = pass.write(&mut snapshot).await?;
    let is_pending = pass.hurry(&snapshot, &done).await;
    let report = status::of(&snapshot, done.outcome());
    pass.report(&snapshot, &report, &notices).await?;

    let result = match &done {
        Done::Refused(_) => PassResult::Blocked,
        Done::Waiting(_) => PassResult::Waiting,
        Done::Failed { .. } => PassResult::Failed,
        Done::Applied { wrote: true, .. } => PassResult::Changed,
        Done::Applied { .. } => PassResult::Settled,
    };
    let awaits_version = snapshot.reported.is_none()
        && report
            .status
            .conditions
            .iter()
            .any(|c| c.type_.as_deref() == Some("Available") && c.status.as_deref() == Some("True"))
        && matches!(&done, Done::Applied { plan, .. } if plan.app.as_ref().is_some_and(|app| app.overrides.replicas > 0));
    let longest = if awaits_version { RESYNC } else { done.longest_wait() };
    if is_pending {
        return Ok((result, Action::requeue(LOOK_FOR_SETTINGS)));
    }
    if awaits_version || longest < RESYNC || matches!(done, Done::Failed { .. }) {
        return Ok((result, Action::requeue(context.backoff.next(key.clone()).min(longest))));
    }
    context.backoff.reset(key);
    Ok((result, Action::requeue(RESYNC)))
}

/// What the writing part of a pass came to.
enum Done {
    Refused(crate::plan::Refusal),
    Waiting(String),
    Applied { plan: Box<Plan>, wrote: bool },
    Failed { plan: Box<Plan>, problem: Problem },
}

impl Done {
    /// The longest time until the next look, if nothing wakes us before.
    fn longest_wait(&self) -> Duration {
        let is_seen_by_no_watch = match self {
            Self::Waiting(_) => true,
            Self::Refused(refusal) => refusal.problems.iter().any(|problem| {
                matches!(
                    problem.reason,
                    Reason::AdoptionRequired
                        | Reason::ComponentCreationFailed
                        | Reason::RouteComponentDependencyError
                        | Reason::ObjectStorageComponentDependencyError
                        | Reason::MonitoringComponentDependencyError
                )
            }),
            Self::Applied { plan, .. } => plan.waiting.is_some(),
            Self::Failed { .. } => false,
        };
        let planned = match self {
            Self::Applied { plan, .. } => plan.exposure.look_again,
            Self::Refused(_) | Self::Waiting(_) | Self::Failed { .. } => None,
        };
        let longest = if is_seen_by_no_watch { LOOK_AGAIN } else { RESYNC };
        planned.map_or(longest, |planned| planned.min(longest))
    }

    fn outcome(&self) -> Outcome<'_> {
        match self {
            Self::Refused(refusal) => Outcome::Refused(refusal),
            Self::Waiting(on) => Outcome::Waiting(on),
            Self::Applied { plan, .. } => Outcome::Applied(plan),
            Self::Failed { plan, problem } => Outcome::Failed(plan, problem),
        }
    }
}

impl Pass<'_> {
    /// Decides and writes, again as long as what was written lets more be decided.
    async fn write(&self, snapshot: &mut Snapshot) -> Result<(Done, Vec<Notice>), Error> {
        let mut notices = Vec::new();
        let mut wrote = false;
        let mut rounds = 0;
        loop {
            let plan = match resolve::plan(snapshot, &mut System::default())? {
                Verdict::Go(plan) => plan,
                Verdict::Wait(on) => return Ok((Done::Waiting(on), notices)),
                Verdict::Refuse(refusal) => return Ok((Done::Refused(refusal), notices)),
            };
            let prepared = build::children(&plan)?;
            let written = match apply::children(
                &self.context.client,
                self.namespace,
                &prepared,
                &mut snapshot.children,
            )
            .await
            {
                Ok(written) => written,
                Err(failure) => {
                    let problem = Problem::new(Reason::ComponentCreationFailed, failure.to_string());
                    return Ok((Done::Failed { plan, problem }, notices));
                }
            };
            let written = match apply::remove_unwanted(
                &self.context.client,
                self.namespace,
                &prepared,
                &mut snapshot.children,
            )
            .await
            {
                Ok(removed) => [written, removed].concat(),
                Err(failure) => {
                    let problem = Problem::new(Reason::ComponentCreationFailed, failure.to_string());
                    return Ok((Done::Failed { plan, problem }, notices));
                }
            };
            for slot in &written {
                self.context.metrics.wrote(&slot.resource().kind);
                tracing::info!(
                    registry.name = plan.registry,
                    registry.namespace = self.namespace,
                    object = slot.title(&plan.registry),
                    "wrote an object"
                );
            }
            let is_due = |notice: &&Notice| notice.with.is_none_or(|slot| written.contains(&slot));
            notices.extend(plan.notices.iter().filter(is_due).cloned());
            rounds += 1;
            // what is still written in the last round settles in the pass that its watch causes
            if written.is_empty() || rounds == ROUNDS {
                return Ok((Done::Applied { plan, wrote: wrote || !written.is_empty() }, notices));
            }
            wrote = true;
        }
    }

    /// Makes the kubelet bring changed settings to the registry; answers whether they have yet to arrive.
    async fn hurry(&self, snapshot: &Snapshot, done: &Done) -> bool {
        let Done::Applied { plan, .. } = done else { return false };
        let Some(wanted) = plan.app.as_ref().and_then(|app| app.settings.as_deref()) else { return false };
        let reported = snapshot.reported.as_ref();
        for touch in settings::touches(wanted, reported, &snapshot.pods, snapshot.now) {
            match apply::touch(&self.context.client, self.namespace, &touch).await {
                Ok(()) => tracing::info!(
                    registry.name = plan.registry,
                    registry.namespace = self.namespace,
                    pod = touch.pod,
                    "changed settings: the kubelet is asked to bring them in"
                ),
                // they come all the same, only later
                Err(error) => tracing::warn!(
                    registry.name = plan.registry,
                    registry.namespace = self.namespace,
                    pod = touch.pod,
                    %error,
                    "the kubelet could not be asked to bring in changed settings"
                ),
            }
        }
        settings::is_pending(wanted, reported)
    }

    async fn report(
        &self,
        snapshot: &Snapshot,
        report: &status::Report,
        notices: &[Notice],
    ) -> Result<(), Error> {
        let client = &self.context.client;
        if snapshot.registry.status.as_ref() != Some(&report.status) {
            let api = Api::<QuayRegistry>::namespaced(client.clone(), self.namespace);
            let body = json!({
                "apiVersion": QuayRegistry::api_version(&()),
                "kind": QuayRegistry::kind(&()),
                "metadata": {"name": snapshot.name(), "uid": snapshot.registry.uid()},
                "status": report.status,
            });
            let params = PatchParams::apply(STATUS_MANAGER).force();
            match api.patch_status(&snapshot.name(), &params, &Patch::Apply(&body)).await {
                Ok(_) => {}
                // deleted meanwhile
                Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        self.context.events.publish(&snapshot.registry, notices.iter().chain(&report.events));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kube::core::ObjectMeta;
    use kube_runtime::{reflector, watcher::Event};

    use super::*;

    fn registry(namespace: &str, name: &str, spec: serde_json::Value) -> Guarded {
        serde_json::from_value(json!({
            "apiVersion": "quay.redhat.com/v1", "kind": "QuayRegistry",
            "metadata": {"name": name, "namespace": namespace}, "spec": spec
        }))
        .unwrap()
    }

    fn secret(namespace: &str, name: &str, labels: &[(&str, &str)]) -> PartialObjectMeta<Secret> {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        PartialObjectMeta {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(namespace.to_owned()),
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            ..PartialObjectMeta::default()
        }
    }

    #[test]
    fn what_no_watch_tells_is_looked_for_again_soon() {
        let refused =
            |reason| Done::Refused(crate::plan::Refusal { problems: vec![Problem::new(reason, "x")] });
        assert_eq!(Done::Waiting("x".to_owned()).longest_wait(), LOOK_AGAIN);
        assert_eq!(refused(Reason::AdoptionRequired).longest_wait(), LOOK_AGAIN);
        assert_eq!(refused(Reason::RouteComponentDependencyError).longest_wait(), LOOK_AGAIN);
        // control: a change of the bundle is watched
        assert_eq!(refused(Reason::ConfigInvalid).longest_wait(), RESYNC);
    }

    #[tokio::test]
    async fn an_unreadable_object_is_told_once_per_version() {
        let (service, _server) =
            tower_test::mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>();
        let context = Context::of(Client::new(service, "team"));
        let (key, other) = (ObjectRef::new("a").within("team"), ObjectRef::new("b").within("team"));
        let news = [(&key, "1"), (&key, "1"), (&key, "2"), (&other, "1")]
            .map(|(key, v)| context.is_news(key, Some(&v.to_owned())));
        assert_eq!(news, [true, false, true, true]);
    }

    fn groups_with_routes() -> http::Response<kube::client::Body> {
        let version = json!({"groupVersion": "route.openshift.io/v1", "version": "v1"});
        let groups = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [
            {"name": ROUTE_GROUP, "versions": [version], "preferredVersion": version}
        ]});
        http::Response::new(kube::client::Body::from(serde_json::to_vec(&groups).unwrap()))
    }

    #[tokio::test]
    async fn every_kind_of_child_is_watched() {
        let (service, mut server) =
            tower_test::mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>();
        let context = Arc::new(Context::of(Client::new(service, "team")));
        let stop = CancellationToken::new();
        let mut missing: BTreeSet<String> =
            names::Slot::ALL.into_iter().map(|slot| slot.resource().plural).collect();
        let mut unanswered = Vec::new();
        let asked = async {
            while !missing.is_empty() {
                let (request, reply) = server.next_request().await.expect("no more requests came");
                let kind = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
                if kind == "apis" {
                    reply.send_response(groups_with_routes());
                    continue;
                }
                missing.remove(&kind);
                unanswered.push(reply);
            }
        };
        let asked = tokio::time::timeout(Duration::from_secs(20), asked);
        tokio::select! {
            () = run(context, None, stop.clone()) => panic!("it stopped by itself"),
            result = asked => assert!(result.is_ok(), "not watched: {missing:?}"),
        }
    }

    #[test]
    fn a_secret_wakes_the_registries_that_name_it_and_the_one_it_belongs_to() {
        let (store, mut writer) = reflector::store();
        for registry in [
            registry("team", "by-bundle", json!({"configBundleSecret": "shared"})),
            registry(
                "team",
                "by-tls",
                json!({"components": [{"kind": "tls", "managed": false, "secretRef": {"name": "shared"}}]}),
            ),
            registry("other", "elsewhere", json!({"configBundleSecret": "shared"})),
            registry("team", "unreadable", json!({"configBundleSecret": 7})),
        ] {
            writer.apply_watcher_event(&Event::Apply(registry));
        }
        let woken = |secret| {
            let mut names: Vec<_> =
                concerned(&store, &secret).into_iter().map(|registry| registry.name).collect();
            names.sort();
            names
        };
        assert_eq!(woken(secret("team", "shared", &[])), ["by-bundle", "by-tls"]);
        assert_eq!(woken(secret("team", "unnamed", &[])), [] as [&str; 0]);
        assert_eq!(woken(secret("team", "x-quay-ca", &[(names::REGISTRY, "x")])), ["x"]);
    }
}
