//! What is counted, under Quay's metric names where Quay has one.
//!
//! Owns: the metrics registry and the text of `/metrics`. Must not know: why something happened.
//! Labels are closed sets, so that no stranger can make the page grow.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Which part of the registry answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Surface {
    /// Manifests, tags, referrers and the catalog of `/v2`.
    V2,
    /// Blobs and uploads of `/v2`.
    Blobs,
    /// The token service.
    Token,
    /// `/api/v1`.
    Api,
    /// Health, version and whatever else.
    #[default]
    Other,
}

impl EncodeLabelValue for Surface {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let name = match self {
            Self::V2 => "v2",
            Self::Blobs => "blobs",
            Self::Token => "token",
            Self::Api => "api",
            Self::Other => "other",
        };
        name.encode(encoder)
    }
}

/// Labels of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The part that answered.
    pub route: Surface,
    /// The method, `OTHER` for unusual ones.
    pub method: &'static str,
    /// The HTTP status.
    pub status: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Pull {
    protocol: &'static str,
    r#ref: &'static str,
    status: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Push {
    protocol: &'static str,
    status: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    auth_kind: &'static str,
    success: bool,
}

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Part, Histogram, fn() -> Histogram>,
    sent: Counter<u64, AtomicU64>,
    received: Counter<u64, AtomicU64>,
    connections: Gauge,
    pulls: Family<Pull, Counter>,
    pushes: Family<Push, Counter>,
    pulled_bytes: Family<Protocol, Counter>,
    pushed_bytes: Counter,
    attempts: Family<Attempt, Counter>,
}

/// Histograms are per part and method only: each has a dozen rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    route: Surface,
    method: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Protocol {
    protocol: &'static str,
}

const V2: &str = "v2";

fn seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0])
}

impl Metrics {
    /// Registers everything once.
    #[must_use]
    pub fn new(version: &'static str) -> Arc<Self> {
        let mut registry = Registry::default();
        registry.register("quay_build", "What runs here", Info::new([("version", version)]));
        let requests = Family::<Request, Counter>::default();
        registry.register("quay_http_requests", "Requests answered", requests.clone());
        let durations = Family::<Part, Histogram, fn() -> Histogram>::new_with_constructor(seconds);
        registry.register(
            "quay_request_duration_seconds",
            "Time from the request to the first byte of the answer",
            durations.clone(),
        );
        let sent = Counter::default();
        registry.register("quay_http_response_bytes", "Bytes of answers' bodies announced", sent.clone());
        let received = Counter::default();
        registry.register("quay_http_request_bytes", "Bytes of requests' bodies announced", received.clone());
        let connections = Gauge::default();
        registry.register("quay_http_connections", "Connections open now", connections.clone());
        let pulls = Family::<Pull, Counter>::default();
        registry.register("quay_registry_image_pulls", "Manifests asked for", pulls.clone());
        let pushes = Family::<Push, Counter>::default();
        registry.register("quay_registry_image_pushes", "Manifests sent", pushes.clone());
        let pulled_bytes = Family::<Protocol, Counter>::default();
        registry.register(
            "quay_registry_image_pulled_estimated_bytes",
            "Bytes of blobs sent to clients",
            pulled_bytes.clone(),
        );
        let pushed_bytes = Counter::default();
        registry.register(
            "quay_registry_image_pushed_bytes",
            "Bytes of blobs received",
            pushed_bytes.clone(),
        );
        let attempts = Family::<Attempt, Counter>::default();
        registry.register("quay_authentication_attempts", "Credentials checked", attempts.clone());
        Arc::new(Self {
            registry,
            requests,
            durations,
            sent,
            received,
            connections,
            pulls,
            pushes,
            pulled_bytes,
            pushed_bytes,
            attempts,
        })
    }

    /// One request was answered.
    pub fn answered(&self, request: Request, took: Duration, received: u64, sent: u64) {
        self.requests.get_or_create(&request).inc();
        self.durations
            .get_or_create(&Part { route: request.route, method: request.method })
            .observe(took.as_secs_f64());
        self.sent.inc_by(sent);
        self.received.inc_by(received);
    }

    /// A connection was opened; it counts as open until the value is dropped.
    #[must_use]
    pub fn connection(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

    /// A manifest was asked for.
    pub fn pulled(&self, by_tag: bool, status: u16) {
        let r#ref = if by_tag { "tag" } else { "manifest" };
        self.pulls.get_or_create(&Pull { protocol: V2, r#ref, status }).inc();
    }

    /// A manifest was sent.
    pub fn pushed(&self, status: u16) {
        self.pushes.get_or_create(&Push { protocol: V2, status }).inc();
    }

    /// Bytes of a blob go to a client.
    pub fn blob_out(&self, bytes: u64) {
        self.pulled_bytes.get_or_create(&Protocol { protocol: V2 }).inc_by(bytes);
    }

    /// Bytes of a blob were received.
    pub fn blob_in(&self, bytes: u64) {
        self.pushed_bytes.inc_by(bytes);
    }

    /// Credentials were checked.
    pub fn attempt(&self, auth_kind: &'static str, success: bool) {
        self.attempts.get_or_create(&Attempt { auth_kind, success }).inc();
    }

    /// The page for Prometheus, with figures of this moment beside the counters.
    #[must_use]
    pub fn page(&self, now: &[Figure]) -> String {
        let mut page = String::with_capacity(8 * 1024);
        for figure in now {
            // Writing to a String cannot fail.
            let _ = writeln!(
                page,
                "# HELP {0} {1}.\n# TYPE {0} gauge\n{0} {2}",
                figure.name, figure.help, figure.value
            );
        }
        if prometheus_client::encoding::text::encode(&mut page, &self.registry).is_err() {
            tracing::error!("the metrics page could not be written");
        }
        page
    }
}

/// A value read when the page is made.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Full metric name.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// The value.
    pub value: f64,
}

/// The process's own figures, from the kernel.
#[must_use]
pub fn process_figures() -> Vec<Figure> {
    let mut figures = Vec::new();
    let page = rustix::param::page_size() as f64;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    if let Some(resident) = statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()) {
        figures.push(Figure {
            name: "process_resident_memory_bytes",
            help: "Memory in use",
            value: resident * page,
        });
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        figures.push(Figure {
            name: "process_open_fds",
            help: "Files and sockets open",
            value: open.count() as f64,
        });
    }
    figures
}

/// An open connection in the count.
#[derive(Debug)]
pub struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The label of a method: the usual ones by name.
#[must_use]
pub fn method_label(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}
