//! The operator on a real cluster: a `QuayRegistry` goes in, and a registry comes out that clients and the kubelet use.
//!
//! Needs a cluster with the operator installed by its chart, named by KUBECONFIG. Each test has a namespace of its own,
//! so they run beside each other.

mod adoption;
mod bundle;
mod clients;
mod crash;
mod create;
mod drift;
mod install;
mod kubelet;
mod manifests;
mod olm;
mod readme;
mod refused;
mod retain;
mod route;
mod settings;
mod settled;
mod user;
