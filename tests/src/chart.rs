//! A small Helm chart, packaged by helm itself.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::clients::Helm;

/// Packages a chart `name` of `version` into a folder: the archive.
///
/// It installs one ConfigMap, so that an install needs no image.
pub async fn package(helm: &Helm, folder: &Path, name: &str, version: &str) -> Result<PathBuf> {
    let chart = folder.join(name);
    fs::create_dir_all(chart.join("templates"))?;
    fs::write(
        chart.join("Chart.yaml"),
        format!("apiVersion: v2\nname: {name}\nversion: {version}\ndescription: A chart of the tests\n"),
    )?;
    fs::write(chart.join("values.yaml"), "greeting: hello\n")?;
    fs::write(
        chart.join("templates/configmap.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  \
         greeting: {{ .Values.greeting }}\n",
    )?;
    let (from, to) = (path(&chart)?, path(folder)?);
    helm.run(&["package", from, "--destination", to]).await?.success()?;
    Ok(folder.join(format!("{name}-{version}.tgz")))
}

/// A path as an argument.
pub fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("not a readable path: {}", path.display()))
}
