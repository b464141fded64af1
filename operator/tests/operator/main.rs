//! The operator from its edges: fixtures in, objects and status out; and what it says to an API server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "all of it is tests")]

mod api;
mod children;
mod installation;
mod proxies;
mod route;
mod safety;
mod settings;
mod states;
mod upgrade;
mod world;
