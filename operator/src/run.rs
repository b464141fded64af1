//! The process: client, endpoints, leadership, controller, and their orderly end.

use std::net::SocketAddr;
use std::sync::Arc;

use kube::{Api, Client, Config};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::controller::{self, Context};
use crate::leader::{Lease, Lost};
use crate::metrics::Metrics;
use crate::ops::Ops;

/// Name of the Lease.
const LEASE: &str = "quay-operator";

/// How the operator runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub ops_listen: SocketAddr,
    /// The only namespace to watch; all when absent.
    pub watch_namespace: Option<String>,
    /// The operator's own namespace, where its Lease lies.
    pub pod_namespace: Option<String>,
    /// The name of this replica.
    pub pod_name: Option<String>,
    /// Image of the registry.
    pub image: String,
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
    /// The endpoints ended.
    #[error("the operations endpoints ended: {0}")]
    Ops(#[source] std::io::Error),
    /// Another replica leads.
    #[error("this replica does not lead any more and ends, to start anew as a stand-by: {0}")]
    Lost(#[from] Lost),
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
        watch.namespace = options.watch_namespace.as_deref().unwrap_or("(all)"),
        registry.image = options.image,
        "the operator starts"
    );
    // a stand-by is as ready as it can be: it is there to take over
    ops.set_ready(true);
    let api = Api::namespaced(client.clone(), &own_namespace);
    let lease = Lease::new(api, LEASE, &instance);
    let context = Arc::new(Context::new(client, options.image, metrics.clone(), instance));
    let led = async {
        let result = lead(lease, context, options.watch_namespace, metrics, stop.clone()).await;
        stop.cancel();
        result
    };
    let (led, served, signalled) = tokio::join!(led, async { served.await }, end_on_signal(stop.clone()));
    led?;
    served.map_err(Error::Ops)?;
    signalled
}

async fn lead(
    mut lease: Lease,
    context: Arc<Context>,
    namespace: Option<String>,
    metrics: Metrics,
    stop: CancellationToken,
) -> Result<(), Error> {
    let since = tokio::select! {
        since = lease.acquire() => since,
        () = stop.cancelled() => return Ok(()),
    };
    tracing::info!("this replica leads");
    metrics.leads(true);
    let result = tokio::select! {
        () = controller::run(context, namespace, stop.clone()) => Ok(()),
        lost = lease.keep(since) => Err(Error::Lost(lost)),
    };
    metrics.leads(false);
    if result.is_ok() {
        lease.release().await;
    }
    result
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
