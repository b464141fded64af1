//! The real clients, each in a home of its own, with their output kept as logs.
//!
//! `tests/clients/build NAME` makes a client once and prints where it is; podman, skopeo and gpg are the system's.
//! Passwords go in by standard input or the environment only. Every client trusts one authority by its own means.

mod cosign;
mod crane;
mod gpg;
mod helm;
mod oras;
mod podman;
mod skopeo;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

pub use cosign::{Cosign, Scheme, cosigns};
pub use crane::Crane;
pub use gpg::Signer;
pub use helm::{Helm, helms};
pub use oras::Oras;
pub use podman::Podman;
pub use skopeo::Skopeo;

use crate::out::{self, Kind};

/// The helm of the guides that were written when charts in registries were new.
pub const HELM_3_8: &str = "helm-3.8.2";
/// The helm that has the hardest time with a repository that does not exist.
pub const HELM_3: &str = "helm-3.18.6";
/// The last helm 3.
pub const HELM_3_LAST: &str = "helm-3.21.4";
/// The helm that most people have.
pub const HELM_4: &str = "helm-4.2.4";

const LIMIT: Duration = Duration::from_secs(120);
/// A client that has never been built needs a compiler's time.
const BUILD: Duration = Duration::from_secs(900);

static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);

/// Where the client `name` is; builds it when needed.
pub async fn program(name: &str) -> Result<PathBuf> {
    let known =
        |built: &Option<HashMap<String, PathBuf>>| built.as_ref().and_then(|map| map.get(name).cloned());
    if let Some(path) = known(&*BUILT.lock().map_err(|_| anyhow!("poisoned"))?) {
        return Ok(path);
    }
    let script = out::repository().join("tests/clients/build");
    let run = Command::new(&script).arg(name).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(BUILD, run)
        .await
        .with_context(|| format!("building {name} took too long"))?
        .with_context(|| format!("run {}", script.display()))?;
    ensure!(
        output.status.success(),
        "{} {name} failed:\n{}",
        script.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    let path = PathBuf::from(text.lines().last().context("the build printed no path")?.trim());
    ensure!(path.try_exists()?, "{} printed {}, which is not there", script.display(), path.display());
    BUILT
        .lock()
        .map_err(|_| anyhow!("poisoned"))?
        .get_or_insert_default()
        .insert(name.to_owned(), path.clone());
    Ok(path)
}

/// How a client ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status.
    pub status: ExitStatus,
    /// Standard output and standard error, one after the other.
    pub text: String,
}

impl Outcome {
    /// The outcome itself when the client said that it succeeded.
    pub fn success(self) -> Result<Outcome> {
        ensure!(self.status.success(), "the client ended with {}:\n{}", self.status, self.text);
        Ok(self)
    }

    /// The outcome itself when the client said that it failed.
    pub fn failure(self) -> Result<Outcome> {
        ensure!(!self.status.success(), "the client should have failed:\n{}", self.text);
        Ok(self)
    }

    /// The outcome itself when the client said something that contains these words, in any case.
    pub fn saying(self, words: &str) -> Result<Outcome> {
        let said = self.text.to_lowercase().contains(&words.to_lowercase());
        ensure!(said, "the client did not say {words:?}:\n{}", self.text);
        Ok(self)
    }

    /// What follows `label` on a line of the output, as in `Digest: sha256:…`.
    pub fn after(&self, label: &str) -> Result<&str> {
        let line = self.text.lines().find_map(|line| line.trim().strip_prefix(label));
        Ok(line.with_context(|| format!("the client did not print {label:?}:\n{}", self.text))?.trim())
    }
}

/// Runs a command to its end, with its output also in the clients' log.
pub async fn run(mut command: Command, shown: &str, input: Option<&str>) -> Result<Outcome> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("start {shown}"))?;
    let mut stdin = child.stdin.take().context("standard input")?;
    if let Some(input) = input {
        stdin.write_all(input.as_bytes()).await?;
    }
    drop(stdin);
    let output = tokio::time::timeout(LIMIT, child.wait_with_output())
        .await
        .with_context(|| format!("`{shown}` did not end within {LIMIT:?}"))??;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    let (_, mut log) = out::log(Kind::Clients, &out::test_name())?;
    log.write_all(format!("$ {shown}\n{text}→ {}\n", output.status).as_bytes())?;
    Ok(Outcome { status: output.status, text })
}

/// Lets a Go program that has no option for it trust an authority, and nobody else.
fn trust_by_environment(command: &mut Command, ca: &Path) {
    command.env("SSL_CERT_FILE", ca).env("SSL_CERT_DIR", "/nonexistent");
}
