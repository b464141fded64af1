//! Keys that a configuration did not give: made once and kept beside the data.
//!
//! Owns: `DATA/conf/keys.yaml`. Without the same keys at the next start, sessions and robot tokens would be lost.
//! Must not know: what the keys are used for.

use std::path::Path;

use anyhow::Context;
use quay_config::{Config, Secret};
use quay_core::{Entropy, SystemEntropy};

use crate::secret_file::{self, Mode};

const FILE: &str = "keys.yaml";

/// `bytes` random bytes as hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> anyhow::Result<String> {
    let mut random = vec![0u8; bytes];
    SystemEntropy.fill(&mut random).context("random bytes cannot be read")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Fills in the keys that `config` lacks from the folder, making them when they are not there.
pub(crate) fn complete(config: &mut Config, folder: &Path) -> anyhow::Result<()> {
    if config.secret_key.is_some() && config.database_secret_key.is_some() {
        return Ok(());
    }
    let path = folder.join(FILE);
    let read =
        secret_file::read(&path).with_context(|| format!("the keys cannot be read: {}", path.display()))?;
    let yaml = match read {
        Some(content) => String::from_utf8(content)
            .with_context(|| format!("the keys are not text: {}", path.display()))?,
        None => {
            let yaml = format!(
                "SECRET_KEY: \"{}\"\nDATABASE_SECRET_KEY: \"{}\"\n",
                random_hex(32)?,
                random_hex(32)?
            );
            secret_file::write(&path, yaml.as_bytes(), Mode::Shared)
                .with_context(|| format!("the keys cannot be written: {}", path.display()))?;
            yaml
        }
    };
    // Read by the parser of configurations, so that a hand-written file works too.
    let kept = quay_config::load(&yaml)
        .map_err(|_| {
            anyhow::anyhow!("the keys cannot be used: {}; restore the file from a backup", path.display())
        })?
        .config;
    let take = |mine: &mut Option<Secret>, kept: Option<Secret>| {
        if mine.is_none() {
            *mine = kept;
        }
    };
    take(&mut config.secret_key, kept.secret_key);
    take(&mut config.database_secret_key, kept.database_secret_key);
    anyhow::ensure!(
        config.secret_key.is_some() && config.database_secret_key.is_some(),
        "a key is missing: {}; restore the file from a backup",
        path.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_a_given_key_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut first = Config::default();
        complete(&mut first, folder.path()).expect("made");
        let mut second = Config { secret_key: Some(Secret::new("given")), ..Config::default() };
        complete(&mut second, folder.path()).expect("kept");
        assert_eq!(second.secret_key, Some(Secret::new("given")));
        assert_eq!(second.database_secret_key, first.database_secret_key);
        assert_ne!(first.secret_key, first.database_secret_key);
    }
}
