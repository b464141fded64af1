//! What the operator tells Prometheus.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// What a pass came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum PassResult {
    /// Everything is as it should be.
    Settled,
    /// Something was written.
    Changed,
    /// Something must happen first.
    Waiting,
    /// Somebody must act.
    Blocked,
    /// It failed and is tried again.
    Failed,
}

/// Labels of the pass counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PassLabels {
    /// What the pass came to.
    pub result: PassResult,
}

/// Labels of the write counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WriteLabels {
    /// Kind of the object written.
    pub kind: String,
}

/// The operator's metrics; cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    passes: Family<PassLabels, Counter>,
    writes: Family<WriteLabels, Counter>,
    durations: Histogram,
    leader: Gauge<i64, AtomicI64>,
}

impl Metrics {
    /// Metrics, registered.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            passes: Family::default(),
            writes: Family::default(),
            durations: Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
            leader: Gauge::default(),
        };
        let prefix = registry.sub_registry_with_prefix("quay_operator");
        prefix.register("reconciles", "Passes over registries", metrics.passes.clone());
        prefix.register("writes", "Objects written", metrics.writes.clone());
        prefix.register("reconcile_duration_seconds", "How long a pass takes", metrics.durations.clone());
        prefix.register("leader", "Whether this replica is the leader", metrics.leader.clone());
        metrics
    }

    /// Counts a pass.
    pub fn passed(&self, result: PassResult, seconds: f64) {
        self.passes.get_or_create(&PassLabels { result }).inc();
        self.durations.observe(seconds);
    }

    /// Counts a write.
    pub fn wrote(&self, kind: &str) {
        self.writes.get_or_create(&WriteLabels { kind: kind.to_owned() }).inc();
    }

    /// Tells whether this replica is the leader.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }
}
