//! A cluster with the operator in it, as its users see both: one namespace per test, a `QuayRegistry` and what came of
//! it.
//!
//! The cluster is the one of `CLUSTER_KUBECONFIG`, else of `KUBECONFIG`; without either nothing is touched. Waiting is
//! done by watches with deadlines. Whatever is collected on the way (events, status, logs of pods) is a log of the run.

mod case;
mod endpoint;
mod kubectl;
mod node;
mod phase;
mod routes;

pub use case::{Case, REGISTRY_KIND, connect};
pub use endpoint::{Endpoint, forwarded};
pub use kubectl::kubectl;
pub use node::{Container, audit, trust};
