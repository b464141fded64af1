//! Names and passwords: made for a test, or read from where the product left them.

use std::fmt;

use anyhow::Result;
use uuid::Uuid;

use crate::secrets;

/// A user name and its password; `Debug` shows the name only.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// As given at log-in: a user, or `org+robot`.
    pub username: String,
    /// Known to the scan of the logs from the moment it is here.
    pub password: String,
}

impl Credentials {
    /// Takes a pair that exists already.
    pub fn new(username: &str, password: &str) -> Result<Credentials> {
        secrets::known_login(username, password)?;
        Ok(Credentials { username: username.to_owned(), password: password.to_owned() })
    }

    /// Makes a password for a new account.
    pub fn fresh(username: &str) -> Result<Credentials> {
        Credentials::new(username, &password())
    }

    /// The same account with a password that is not its own.
    pub fn with_wrong_password(&self) -> Result<Credentials> {
        Credentials::fresh(&self.username)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.username)
    }
}

/// A password nobody has seen.
pub fn password() -> String {
    format!("pw-{}", Uuid::new_v4().simple())
}

/// A short name nobody has taken: `prefix` and some letters.
pub fn unique(prefix: &str) -> String {
    let id = Uuid::new_v4().simple().to_string();
    format!("{prefix}{}", &id[..8])
}
