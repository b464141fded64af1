//! New names for accounts and organizations: the robots go along, everything else is bound to ids and stays.
//!
//! Nothing passes over to whoever takes the old name next: credentials and permissions name the account by its id,
//! and a registry token that names a repository under the old name meets the rights that hold there now.

use quay_db::Tx;
use quay_db::tables::robots;
use quay_db::tables::users::{self as rows, User as Row};

use crate::accounts;
use crate::auth::sealing::Purpose;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::robots::MOST_ROBOTS;

impl Core {
    /// Whether an account may have another name at all, and this one.
    pub(crate) fn check_renaming(&self, old: &str, new: &str) -> Result<()> {
        let rules = self.rules();
        if !rules.config.feature_user_rename {
            return Err(Error::bad_request(
                "Accounts cannot be renamed: FEATURE_USER_RENAME is not set in this registry",
            ));
        }
        // The configuration names them: under another name the account would lose what the configuration gives.
        if rules.is_kept(old) {
            return Err(Error::bad_request(format!(
                "{old} cannot be renamed: the configuration of this registry names the account"
            )));
        }
        self.check_new_name(new)
    }

    /// Whether somebody may be called this from now on.
    pub(crate) fn check_new_name(&self, new: &str) -> Result<()> {
        accounts::check_name("namespace", new)?;
        if self.rules().is_kept(new) { Err(taken()) } else { Ok(()) }
    }

    /// Renames a person or an organization with its robots, whose tokens are sealed for their names.
    pub(crate) async fn rename_in(&self, tx: &mut Tx, owner: &Row, new: &str) -> Result<()> {
        if !rows::rename(tx, owner.id, new).await? {
            return Err(taken());
        }
        for robot in robots::list(tx, owner.id, None, MOST_ROBOTS).await? {
            let short = robot.username.split_once('+').map_or("", |(_, short)| short);
            let name = format!("{new}+{short}");
            if name.len() > 255 {
                return Err(Error::bad_request(format!("The name is too long for the robot {short}")));
            }
            let plain = self.sealing().open(Purpose::RobotToken, &robot.username, &robot.token_sealed)?;
            let sealed = self.sealing().seal(self.entropy(), Purpose::RobotToken, &name, &plain)?;
            if !robots::rename(tx, robot.user, &name, &sealed).await? {
                return Err(taken());
            }
        }
        Ok(())
    }
}

/// What is said of a name that somebody has, or that is kept for somebody.
pub(crate) fn taken() -> Error {
    Error::bad_request("A user or organization with this name already exists")
}
