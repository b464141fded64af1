//! `quay-registry` as a process, driven from outside: the protocol, the accounts, the command line, real clients and
//! kills. Each test starts a registry of its own, so that none can see another's state.

mod bad_input;
mod blobs;
mod clients;
mod crash;
mod fixture;
mod lifecycle;
mod lists;
mod manifests;
mod rest;
mod serve;
mod tokens;
mod uploads;
mod who;
