//! What only somebody on the cluster's machine can do: kill a process of a pod, read the API server's audit log, let
//! the kubelet trust an authority. Works with the cluster of `tests/cluster` on this machine.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use tokio::process::Command;

use super::case::Case;
use crate::out;

/// The main process of a pod, as this machine sees it.
pub struct Container {
    pid: i32,
}

impl Container {
    /// Finds the process of a pod's registry by its control group, which carries the pod's uid.
    pub fn of(pod: &Pod) -> Result<Container> {
        let uid = pod.metadata.uid.as_deref().context("the pod has no uid")?;
        for entry in fs::read_dir("/proc")? {
            let entry = entry?;
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let groups = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
            let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            if groups.contains(uid) && command.starts_with("/quay-registry\0") {
                return Ok(Container { pid });
            }
        }
        bail!("no process of the pod {uid} on this machine")
    }

    /// User and group that the process really runs as.
    pub fn user_and_group(&self) -> Result<(u32, u32)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let effective = |name: &str| -> Result<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("the line")?;
            Ok(line.split_whitespace().nth(1).context("the effective id")?.parse()?)
        };
        Ok((effective("Uid:")?, effective("Gid:")?))
    }

    /// SIGKILL, now.
    pub async fn kill(&self) -> Result<()> {
        as_root("kill", &["-KILL", &self.pid.to_string()]).await.map(drop)
    }
}

/// Lets the kubelet trust this authority for `host:port`.
pub async fn trust(host: &str, ca: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("ca.crt");
    fs::write(&file, ca)?;
    let mut command = Command::new(out::repository().join("tests/cluster/trust-registry"));
    command.arg(host).arg(&file).env("CLUSTER_DIR", directory()?);
    finish("trust-registry", command).await.map(drop)
}

/// The writes to objects of a case's namespace that the audit log shows, of users whose name begins with `user`.
pub async fn audit(case: &Case, user: &str) -> Result<Vec<String>> {
    let path = directory()?.join("log/audit.log");
    let path = path.to_str().context("the path of the audit log")?;
    let text = as_root("cat", &[path]).await?;
    let mut writes = Vec::new();
    for line in text.lines() {
        // the last line may be half written
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        let object = &event["objectRef"];
        if object["namespace"] == case.namespace()
            && event["user"]["username"].as_str().is_some_and(|name| name.starts_with(user))
        {
            writes.push(format!(
                "{} {} {} {} by {}",
                event["requestReceivedTimestamp"].as_str().unwrap_or_default(),
                event["verb"].as_str().unwrap_or_default(),
                object["resource"].as_str().unwrap_or_default(),
                object["name"].as_str().unwrap_or_default(),
                event["user"]["username"].as_str().unwrap_or_default(),
            ));
        }
    }
    Ok(writes)
}

/// The folder of the cluster, in which its kubeconfig lies.
pub(super) fn directory() -> Result<PathBuf> {
    let path = std::env::var("CLUSTER_KUBECONFIG").or_else(|_| std::env::var("KUBECONFIG"))?;
    Ok(PathBuf::from(path).parent().context("the kubeconfig's folder")?.to_path_buf())
}

async fn as_root(program: &str, args: &[&str]) -> Result<String> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(program)
    } else {
        let mut command = Command::new("sudo");
        command.args(["--non-interactive", program]);
        command
    };
    command.args(args);
    finish(program, command).await
}

pub(super) async fn finish(what: &str, mut command: Command) -> Result<String> {
    let run = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(60), run)
        .await
        .with_context(|| format!("{what} did not end"))?
        .with_context(|| format!("start {what}"))?;
    ensure!(output.status.success(), "{what} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
