//! The superuser that exists from the start, so that nobody becomes owner by being first.
//!
//! ```text
//! --admin DIR    username, password, email: a mounted Secret; it is the truth at start and whenever it changes
//! no --config    `quayadmin`, whose first password is in DATA/conf/initial-admin-password, for its owner only
//! else           none: the configuration names superusers, who are made by other means
//! ```
//! Owns: where the name and password come from. Must not know: how accounts are kept.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use quay_core::{Core, EnsuredSuperuser, Error, Missing, Secret};

use crate::own_keys::random_hex;
use crate::secret_file::{self, Mode};

/// Who it is without an admin folder.
pub const DEFAULT_NAME: &str = "quayadmin";
const DEFAULT_EMAIL: &str = "quayadmin@localhost.localdomain";
const PASSWORD_FILE: &str = "initial-admin-password";

/// The superuser of an admin folder.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Account name.
    pub username: String,
    /// Mail address.
    pub email: String,
    /// Password.
    pub password: Secret,
}

/// The files of an admin folder.
pub const FILES: [&str; 3] = ["username", "password", "email"];

impl Admin {
    /// Reads the folder.
    ///
    /// # Errors
    /// When a file is missing, empty or unreadable.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let username = line(folder, "username")?;
        let email = match line(folder, "email") {
            Ok(email) => email,
            Err(_) => format!("{username}@localhost.localdomain"),
        };
        Ok(Self { username, email, password: Secret::new(line(folder, "password")?) })
    }

    /// Makes the account what the folder says.
    ///
    /// # Errors
    /// When core refuses or fails.
    pub async fn ensure(&self, core: &Core) -> anyhow::Result<()> {
        match core
            .ensure_superuser(&self.username, &self.email, &self.password)
            .await
            .context("the superuser cannot be made")?
        {
            EnsuredSuperuser::Created => {
                tracing::info!(username = self.username, "the superuser was created");
            }
            EnsuredSuperuser::PasswordChanged => {
                tracing::info!(username = self.username, "the superuser's password follows the admin folder");
            }
            EnsuredSuperuser::Unchanged => {}
        }
        Ok(())
    }
}

/// One file of the folder, without the line end that editors add.
fn line(folder: &Path, file: &str) -> anyhow::Result<String> {
    let path = folder.join(file);
    let content = secret_file::read(&path)
        .with_context(|| format!("a file of the admin folder cannot be read: {}", path.display()))?
        .with_context(|| format!("a file of the admin folder is missing: {}", path.display()))?;
    let text = String::from_utf8(content).with_context(|| format!("it is not UTF-8: {}", path.display()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        bail!("a file of the admin folder is empty: {}", path.display());
    }
    Ok(text.to_owned())
}

/// Makes [`DEFAULT_NAME`] when there is no such account; answers where the first password lies while it does.
///
/// The file goes first: a crash in between leaves a password that the next start takes up.
///
/// # Errors
/// When the file cannot be written or core fails.
pub async fn first(core: &Core, conf: &Path) -> anyhow::Result<Option<PathBuf>> {
    let path = conf.join(PASSWORD_FILE);
    match core.profile(DEFAULT_NAME).await {
        Ok(_) => {
            let there = path.try_exists().unwrap_or(false);
            return Ok(there.then_some(path));
        }
        Err(Error::NotFound(Missing::User)) => {}
        Err(error) => return Err(error).context("the accounts cannot be read"),
    }
    let kept = secret_file::read(&path).with_context(|| unusable(&path))?;
    let password = match kept {
        Some(content) => String::from_utf8(content).with_context(|| unusable(&path))?.trim().to_owned(),
        None => {
            let password = random_hex(16)?;
            secret_file::write(&path, format!("{password}\n").as_bytes(), Mode::Owner)
                .with_context(|| unusable(&path))?;
            password
        }
    };
    Admin {
        username: DEFAULT_NAME.to_owned(),
        email: DEFAULT_EMAIL.to_owned(),
        password: Secret::new(password),
    }
    .ensure(core)
    .await?;
    Ok(Some(path))
}

fn unusable(path: &Path) -> String {
    format!("the first password's file cannot be used: {}", path.display())
}
