//! `quay-registry` as a process, driven from outside: the protocol, the accounts, the command line, real clients and
//! kills. Each test starts a registry of its own, so that none can see another's state.

mod accounts;
mod artifacts;
mod bad_input;
mod blobs;
mod clients;
mod cosign;
mod crash;
mod encrypted_password;
mod fixture;
mod helm;
mod lifecycle;
mod lists;
mod manifests;
mod podman;
mod proxies;
mod rest;
mod security;
mod serve;
mod settings;
mod tokens;
mod upgrade;
mod uploads;
mod who;
