//! A signer of charts: a key made by GnuPG, in the key rings that helm reads.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::process::Command;

use super::run;

/// A key without a passphrase. Its agent ends with the value.
pub struct Signer {
    home: TempDir,
    /// As `helm package --key` names it.
    pub name: String,
}

impl Signer {
    /// Makes a key and both rings.
    pub async fn new(name: &str) -> Result<Signer> {
        let home = tempfile::tempdir()?;
        fs::DirBuilder::new().mode(0o700).create(home.path().join("gnupg"))?;
        let signer = Signer { home, name: name.to_owned() };
        let user = format!("{name} <{name}@example.com>");
        signer.gpg(&["--passphrase", "", "--quick-generate-key", &user, "rsa2048", "sign", "never"]).await?;
        for (ring, export) in [("public.gpg", "--export"), ("secret.gpg", "--export-secret-keys")] {
            let ring = signer.home.path().join(ring);
            signer.gpg(&["--output", ring.to_str().context("a readable path")?, export, name]).await?;
        }
        Ok(signer)
    }

    /// With the private key, as `helm package --keyring` wants it.
    pub fn secret_ring(&self) -> PathBuf {
        self.home.path().join("secret.gpg")
    }

    /// What verifiers have.
    pub fn public_ring(&self) -> PathBuf {
        self.home.path().join("public.gpg")
    }

    async fn gpg(&self, args: &[&str]) -> Result<()> {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.home.path().join("gnupg"));
        command.args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"]).args(args);
        run(command, &format!("gpg {}", args.join(" ")), None).await?.success().map(drop)
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let home = self.home.path().join("gnupg");
        let mut stop = std::process::Command::new("gpgconf");
        // It would notice by itself that its folder has gone, a minute later.
        let _ = stop.arg("--homedir").arg(home).args(["--kill", "all"]).status();
    }
}
