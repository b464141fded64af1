//! The server from outside of its crate: the router in process, and the binary as a process.

#[path = "server/api.rs"]
mod api;
#[path = "server/blobs.rs"]
mod blobs;
#[path = "server/console.rs"]
mod console;
#[path = "server/helm.rs"]
mod helm;
#[path = "server/listening.rs"]
mod listening;
#[path = "server/manifests.rs"]
mod manifests;
#[path = "server/panics.rs"]
mod panics;
#[path = "server/process.rs"]
mod process;
#[path = "server/proxies.rs"]
mod proxies;
#[path = "server/repository_pages.rs"]
mod repository_pages;
#[path = "server/sign_in.rs"]
mod sign_in;
#[path = "server/temporary.rs"]
mod temporary;
#[path = "server/who.rs"]
mod who;
