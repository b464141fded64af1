//! The process: client, endpoints, leadership, controller, and their orderly end.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use futures::future::join_all;
use kube::{Api, Client, Config};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::controller::{self, Context};
use crate::events::Events;
use crate::leader::{Lease, OutOfReach};
use crate::metrics::Metrics;
use crate::ops::Ops;

/// Name of the Lease.
const LEASE: &str = "quay-operator";

/// How the operator runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub ops_listen: SocketAddr,
    /// Whose registries are looked after.
    pub watched: Watched,
    /// The operator's own namespace, where its Lease lies.
    pub pod_namespace: Option<String>,
    /// The name of this replica.
    pub pod_name: Option<String>,
    /// Image of the registry.
    pub image: String,
}

/// The namespaces whose registries are looked after, as OLM and the chart write them: separated by commas, none for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Every namespace, those of tomorrow included.
    All,
    /// These.
    Only(BTreeSet<String>),
}

/// Each namespace has watches of its own; more of them are better served by watching all.
const WATCHED_LIMIT: usize = 100;

/// Why a list of namespaces is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchedError {
    /// A word of it is no name.
    #[error(
        "{0:?} cannot be the name of a namespace; list names separated by commas, or nothing to watch all"
    )]
    NotANamespace(String),
    /// There are too many.
    #[error("{0} namespaces are listed, more than {WATCHED_LIMIT}; list none to watch all")]
    TooMany(usize),
}

impl FromStr for Watched {
    type Err = WatchedError;

    fn from_str(text: &str) -> Result<Self, WatchedError> {
        let mut names = BTreeSet::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.len() > 63 || !name.chars().all(is_inner) || name.starts_with('-') || name.ends_with('-')
            {
                return Err(WatchedError::NotANamespace(name.chars().take(64).collect()));
            }
            names.insert(name.to_owned());
        }
        match names.len() {
            0 => Ok(Self::All),
            count if count > WATCHED_LIMIT => Err(WatchedError::TooMany(count)),
            _ => Ok(Self::Only(names)),
        }
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("(all)"),
            Self::Only(names) => f.write_str(&names.iter().map(String::as_str).collect::<Vec<_>>().join(",")),
        }
    }
}

impl Watched {
    /// What each controller watches: one for all namespaces, or one per namespace.
    fn scopes(self) -> Vec<Option<String>> {
        match self {
            Self::All => vec![None],
            Self::Only(names) => names.into_iter().map(Some).collect(),
        }
    }
}

/// Why the operator ends other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No cluster to talk to.
    #[error("no cluster is configured; run in a pod, or set KUBECONFIG: {0}")]
    Config(#[from] kube::config::InferConfigError),
    /// The client could not be made.
    #[error("the client for the cluster could not be made: {0}")]
    Client(#[source] Box<kube::Error>),
    /// The port is taken or not allowed.
    #[error("cannot listen on {address}; choose another with --ops-listen: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] std::io::Error),
    /// Nothing is heard of the cluster.
    #[error("{0}: this replica ends, to start anew with the cluster's present address and certificates")]
    OutOfReach(#[from] OutOfReach),
    /// The endpoints ended.
    #[error("the operations endpoints ended: {0}")]
    Ops(#[source] std::io::Error),
}

/// Runs until a signal.
pub async fn run(options: Options) -> Result<(), Error> {
    let config = Config::infer().await?;
    let own_namespace = options.pod_namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).map_err(|error| Error::Client(Box::new(error)))?;
    let instance =
        options.pod_name.clone().unwrap_or_else(|| format!("quay-operator-{}", std::process::id()));

    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let ops = Ops::new(registry);
    let listener = TcpListener::bind(options.ops_listen)
        .await
        .map_err(|source| Error::Listen { address: options.ops_listen, source })?;
    let stop = CancellationToken::new();
    let served = axum::serve(listener, ops.router()).with_graceful_shutdown(stop.clone().cancelled_owned());

    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        ops.listen = %options.ops_listen,
        watch.namespace = %options.watched,
        registry.image = options.image,
        "the operator starts"
    );
    // a stand-by is as ready as it can be: it is there to take over
    ops.set_ready(true);
    let api = Api::namespaced(client.clone(), &own_namespace);
    let lease = Lease::new(api, LEASE, &instance);
    let events = Events::new(client.clone(), &instance);
    let context = || Context::new(client.clone(), options.image.clone(), metrics.clone(), events.clone());
    let led = async {
        let result = lead(lease, context, &options.watched, &metrics, &stop).await;
        stop.cancel();
        result
    };
    let (led, served, signalled) = tokio::join!(led, async { served.await }, end_on_signal(stop.clone()));
    events.finish().await;
    led?;
    served.map_err(Error::Ops)?;
    signalled
}

/// Leads whenever this replica holds the lease, until `stop`.
///
/// A lease that is lost ends all work on registries at once, within the time that it still keeps others off. The process
/// stays: an API server that was out of reach for a moment is no reason to be restarted, with ever longer pauses.
async fn lead(
    mut lease: Lease,
    context: impl Fn() -> Context,
    watched: &Watched,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> Result<(), OutOfReach> {
    loop {
        let since = tokio::select! {
            since = lease.acquire() => since?,
            () = stop.cancelled() => return Ok(()),
        };
        tracing::info!("this replica leads");
        metrics.leads(true);
        // a context of its own: what was known before another replica led may not be so any more
        let lost = tokio::select! {
            () = look_after(Arc::new(context()), watched.clone(), stop) => None,
            lost = lease.keep(since) => Some(lost),
        };
        metrics.leads(false);
        let Some(cause) = lost else {
            lease.release().await;
            return Ok(());
        };
        tracing::warn!(%cause, "this replica does not lead any more and stands by");
    }
}

/// One controller per scope, all of them until `stop`.
async fn look_after(context: Arc<Context>, watched: Watched, stop: &CancellationToken) {
    let scopes = watched.scopes().into_iter();
    join_all(scopes.map(|scope| controller::run(context.clone(), scope, stop.clone()))).await;
}

async fn end_on_signal(stop: CancellationToken) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("told to end"),
        _ = interrupt.recv() => tracing::info!("told to end"),
        () = stop.cancelled() => {}
    }
    stop.cancel();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leader::Pace;

    fn only(names: &[&str]) -> Watched {
        Watched::Only(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_list_of_namespaces_is_watched_one_by_one_and_no_list_means_all() {
        for (text, expected) in [
            ("", Watched::All),
            (" , ", Watched::All),
            ("dev", only(&["dev"])),
            ("dev, test,dev", only(&["dev", "test"])),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text:?}");
        }
        assert_eq!(only(&["b", "a"]).scopes(), [Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(Watched::All.scopes(), [None]);
    }

    #[test]
    fn what_cannot_be_a_namespace_is_refused() {
        for text in ["Dev", "a;b", "-a", "a-", "a.b", &"a".repeat(64)] {
            let error = text.parse::<Watched>().unwrap_err().to_string();
            assert!(error.contains("cannot be the name of a namespace"), "{text}: {error}");
        }
        let many: Vec<String> = (0..=WATCHED_LIMIT).map(|n| format!("n{n}")).collect();
        assert_eq!(many.join(",").parse::<Watched>(), Err(WatchedError::TooMany(WATCHED_LIMIT + 1)));
    }

    #[tokio::test]
    async fn each_namespace_of_the_list_is_watched_and_nothing_beyond_them() {
        let (service, mut server) =
            tower_test::mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>();
        let context = Context::of(Client::new(service, "ops"));
        let stop = CancellationToken::new();
        let group = "/apis/quay.redhat.com/v1/";
        let mut missing: BTreeSet<String> =
            ["a", "b"].map(|name| format!("{group}namespaces/{name}/quayregistries")).into();
        let mut unanswered = Vec::new();
        let asked = async {
            while !missing.is_empty() {
                let (request, reply) = server.next_request().await.expect("no more requests came");
                let path = request.uri().path().to_owned();
                if path == "/apis" {
                    let none = r#"{"kind": "APIGroupList", "apiVersion": "v1", "groups": []}"#;
                    reply.send_response(http::Response::new(none.as_bytes().to_vec().into()));
                    continue;
                }
                assert!(path.contains("/namespaces/a/") || path.contains("/namespaces/b/"), "{path}");
                missing.remove(&path);
                unanswered.push(reply);
            }
        };
        let asked = tokio::time::timeout(std::time::Duration::from_secs(20), asked);
        tokio::select! {
            result = asked => assert!(result.is_ok(), "not watched: {missing:?}"),
            () = look_after(Arc::new(context), only(&["a", "b"]), &stop) => panic!("it ended by itself"),
        }
    }

    type Request = http::Request<kube::client::Body>;
    type Response = http::Response<kube::client::Body>;

    fn lease(holder: &str) -> Response {
        let lease = serde_json::json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": LEASE, "namespace": "ops", "resourceVersion": holder.len().to_string()},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 1, "leaseTransitions": 4}
        });
        http::Response::new(serde_json::to_vec(&lease).unwrap().into())
    }

    #[tokio::test]
    async fn a_replica_that_loses_its_lease_leaves_the_registries_alone_and_leads_again_when_it_can() {
        let (service, mut server) = tower_test::mock::pair::<Request, Response>();
        let client = Client::new(service, "ops");
        let metrics = Metrics::new(&mut Registry::default());
        let context = || Context::of(client.clone());
        let quickly = std::time::Duration::from_millis(20);
        let pace = Pace {
            give_up: quickly * 1000,
            life: quickly * 100,
            renew_every: quickly,
            renew_deadline: quickly * 50,
            retry_every: quickly,
        };
        let lease_of_mine = Lease::new(Api::namespaced(client.clone(), "ops"), LEASE, "me").at(pace);
        let stop = CancellationToken::new();
        let mut story = Vec::new();
        let api_server = async {
            let (mut unanswered, mut looks) = (Vec::new(), 0);
            while let Some((request, reply)) = server.next_request().await {
                let path = request.uri().path().to_owned();
                let terms = story.iter().filter(|event| **event == "watches registries").count();
                if path == "/apis" {
                    let none = r#"{"kind": "APIGroupList", "apiVersion": "v1", "groups": []}"#;
                    reply.send_response(http::Response::new(none.as_bytes().to_vec().into()));
                } else if request.uri().query().is_some_and(|query| query.contains("watch=")) {
                    story.push("goes on as if it led");
                } else if path.ends_with("/quayregistries") {
                    story.push("watches registries");
                    unanswered.push(reply);
                    if terms == 1 {
                        stop.cancel();
                    }
                } else if !path.contains("/leases") {
                    unanswered.push(reply);
                } else if request.method() == http::Method::PUT {
                    let gives_up = stop.is_cancelled();
                    story.push(if gives_up { "gives the lease up" } else { "takes the lease" });
                    reply.send_response(lease(if gives_up { "" } else { "me" }));
                    if gives_up {
                        break;
                    }
                } else if terms == 1 && story.last() != Some(&"takes the lease") {
                    // somebody took it, and does not renew it
                    reply.send_response(lease("other"));
                    looks += 1;
                    // from the second look on it knows that, and whoever still listened would go on with these
                    let parked = if looks > 1 { std::mem::take(&mut unanswered) } else { Vec::new() };
                    for reply in parked {
                        let none = r#"{"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}"#;
                        reply.send_response(http::Response::new(none.as_bytes().to_vec().into()));
                    }
                } else {
                    reply.send_response(lease(if stop.is_cancelled() { "me" } else { "" }));
                }
            }
        };
        let both =
            async { tokio::join!(lead(lease_of_mine, context, &Watched::All, &metrics, &stop), api_server) };
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), both).await;
        assert!(matches!(ended, Ok((Ok(()), ()))), "it hangs");
        story.dedup();
        assert_eq!(
            story,
            [
                "takes the lease",
                "watches registries",
                "takes the lease",
                "watches registries",
                "gives the lease up"
            ]
        );
    }
}
