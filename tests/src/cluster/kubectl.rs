//! kubectl against the cluster of the tests, for what a person would do with it: apply manifests, render a
//! kustomization, try something without doing it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::clients::{Outcome, run};

/// Runs kubectl with what it reads; what it said is in the outcome, and in the log of clients.
pub async fn kubectl(args: &[&str], input: Option<&str>) -> Result<Outcome> {
    let kubeconfig = kubeconfig()?;
    let mut command = Command::new(program(&kubeconfig));
    command.arg("--kubeconfig").arg(&kubeconfig).args(args);
    // with a cache that goes away with the cluster, not the one in the caller's home
    command.env("KUBECACHEDIR", kubeconfig.with_file_name("cache"));
    run(command, &format!("kubectl {}", args.join(" ")), input).await
}

/// The kubectl that came with the cluster, else the one on the path.
fn program(kubeconfig: &Path) -> PathBuf {
    let own = kubeconfig.with_file_name("bin").join("kubectl");
    if own.is_file() { own } else { PathBuf::from("kubectl") }
}

fn kubeconfig() -> Result<PathBuf> {
    let path = std::env::var("CLUSTER_KUBECONFIG").or_else(|_| std::env::var("KUBECONFIG"));
    Ok(PathBuf::from(path.context("no cluster: set KUBECONFIG")?))
}
