//! The fourteen conditions, in the order in which tools expect them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// Scaling by load.
    HpaReady,
    /// The Route.
    RouteReady,
    /// Prometheus objects.
    MonitoringReady,
    /// The database.
    PostgresReady,
    /// Where blobs are kept.
    ObjectStorageReady,
    /// The vulnerability scanner.
    ClairReady,
    /// The scanner's database.
    ClairPostgresReady,
    /// The serving certificate.
    TlsReady,
    /// The cache.
    RedisReady,
    /// The registry itself.
    QuayReady,
    /// The mirror worker.
    MirrorReady,
    /// The registry can be used.
    Available,
    /// Every object was made.
    ComponentsCreated,
    /// Something must be done before a change can be rolled out. True is bad.
    RolloutBlocked,
}

impl ConditionType {
    /// All types, in the order of `status.conditions`: tools compare the list by position.
    pub const ALL: [Self; 14] = [
        Self::HpaReady,
        Self::RouteReady,
        Self::MonitoringReady,
        Self::PostgresReady,
        Self::ObjectStorageReady,
        Self::ClairReady,
        Self::ClairPostgresReady,
        Self::TlsReady,
        Self::RedisReady,
        Self::QuayReady,
        Self::MirrorReady,
        Self::Available,
        Self::ComponentsCreated,
        Self::RolloutBlocked,
    ];

    /// The type as written in `status.conditions`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HpaReady => "ComponentHPAReady",
            Self::RouteReady => "ComponentRouteReady",
            Self::MonitoringReady => "ComponentMonitoringReady",
            Self::PostgresReady => "ComponentPostgresReady",
            Self::ObjectStorageReady => "ComponentObjectStorageReady",
            Self::ClairReady => "ComponentClairReady",
            Self::ClairPostgresReady => "ComponentClairPostgresReady",
            Self::TlsReady => "ComponentTLSReady",
            Self::RedisReady => "ComponentRedisReady",
            Self::QuayReady => "ComponentQuayReady",
            Self::MirrorReady => "ComponentMirrorReady",
            Self::Available => "Available",
            Self::ComponentsCreated => "ComponentsCreated",
            Self::RolloutBlocked => "RolloutBlocked",
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody can tell.
    Unknown,
}

/// One condition, in the shape that `status.conditions` of this API has always had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// True, False or Unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The cause as one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The cause as a sentence, with what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When anything in this condition last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub last_update_time: Option<String>,
    /// When status last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub last_transition_time: Option<String>,
}

impl ConditionStatus {
    /// The status as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}
