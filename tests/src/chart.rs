//! A small Helm chart, packaged by helm itself.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::clients::{Helm, Signer};

/// Packages a chart `name` of `version` into a folder: the archive.
///
/// It installs one ConfigMap, so that an install needs no image.
pub async fn package(helm: &Helm, folder: &Path, name: &str, version: &str) -> Result<PathBuf> {
    package_with(helm, folder, name, version, &[]).await
}

/// The same, signed: helm puts a provenance file beside the archive, and pushes it with the chart.
pub async fn package_signed(
    helm: &Helm,
    folder: &Path,
    name: &str,
    version: &str,
    signer: &Signer,
) -> Result<PathBuf> {
    let ring = signer.secret_ring();
    let sign = ["--sign", "--key", &signer.name, "--keyring", path(&ring)?];
    package_with(helm, folder, name, version, &sign).await
}

async fn package_with(
    helm: &Helm,
    folder: &Path,
    name: &str,
    version: &str,
    more: &[&str],
) -> Result<PathBuf> {
    let chart = folder.join(name);
    fs::create_dir_all(chart.join("templates"))?;
    fs::write(
        chart.join("Chart.yaml"),
        format!("apiVersion: v2\nname: {name}\nversion: {version}\ndescription: A chart of the tests\n"),
    )?;
    fs::write(chart.join("README.md"), format!("# {name}\n\nGreets whoever looks.\n"))?;
    fs::write(chart.join("values.yaml"), "greeting: hello\n")?;
    fs::write(
        chart.join("templates/configmap.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  \
         greeting: {{ .Values.greeting }}\n",
    )?;
    let args = ["package", path(&chart)?, "--destination", path(folder)?];
    helm.run(&[&args[..], more].concat()).await?.success()?;
    Ok(folder.join(format!("{name}-{version}.tgz")))
}

/// A path as an argument.
pub fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("not a readable path: {}", path.display()))
}
