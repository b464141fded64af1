//! Robots: accounts of machines, belonging to a namespace, with a random token that can be shown again.

use jiff::Timestamp;
use quay_db::tables::perms;
use quay_db::tables::robots::{self as rows, NewRobot};

use crate::accounts;
use crate::audit::Entry;
use crate::auth::sealing::{self, Purpose};
use crate::clock::timestamp;
use crate::core::Core;
use crate::entropy;
use crate::error::{Error, Missing, Result};
use crate::perms::{Allowed, ManageNamespace, ViewNamespace};
use crate::repos::RepositoryRole;
use crate::secret::Secret;

/// Length of a robot's token.
const TOKEN_LENGTH: usize = 64;
/// Robots of one namespace.
pub(crate) const MOST_ROBOTS: u32 = 10_000;

/// A robot.
#[derive(Debug, Clone)]
pub struct Robot {
    /// `namespace+short`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// JSON of the owner's choice.
    pub metadata: String,
    /// Its token, for those who manage the namespace.
    pub token: Option<Secret>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used.
    pub last_accessed: Option<Timestamp>,
}

/// A permission of a robot or a team on a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPermission {
    /// The repository's name within its namespace.
    pub repository: String,
    /// Its namespace.
    pub namespace: String,
    /// Whether anybody may read it.
    pub public: bool,
    /// What may be done there.
    pub role: RepositoryRole,
}

impl From<perms::RepoGrant> for RepositoryPermission {
    fn from(grant: perms::RepoGrant) -> Self {
        Self {
            repository: grant.name,
            namespace: grant.namespace,
            public: grant.public,
            role: grant.role.into(),
        }
    }
}

impl Core {
    /// Robots of a namespace; tokens only for those who manage it, and when asked for.
    pub async fn robots(&self, at: &Allowed<ViewNamespace>, with_tokens: bool) -> Result<Vec<Robot>> {
        let id = at.place.id;
        let show = with_tokens && at.place.manages;
        let found = self.db().read(async |c| rows::list(c, id, None, MOST_ROBOTS).await).await?;
        found.into_iter().map(|row| self.shown_robot(row, show)).collect()
    }

    /// One robot, with its token.
    pub async fn robot(&self, at: &Allowed<ManageNamespace>, short: &str) -> Result<Robot> {
        let row = self.robot_row(at, short).await?;
        self.shown_robot(row, true)
    }

    /// Makes a robot.
    pub async fn create_robot(
        &self,
        at: &Allowed<ManageNamespace>,
        short: &str,
        description: &str,
        metadata: Option<&serde_json::Value>,
    ) -> Result<Robot> {
        accounts::check_robot_name(short)?;
        if self.rules().config.robots_disallow {
            return Err(Error::bad_request(
                "Robot accounts have been disabled. Please contact your administrator.",
            ));
        }
        let name = full_name(at, short);
        if name.len() > 255 {
            return Err(Error::bad_request("The name for the robot is too long"));
        }
        let token = self.draw_token(&name)?;
        let (owner, uuid, now_ms) = (at.place.id, self.uuid()?, self.now_ms());
        let entry = Entry::by("create_robot", &at.caller, now_ms)
            .on_namespace(owner)
            .detail("robot", short)
            .detail("description", description);
        let description = description.to_owned();
        let metadata = metadata.map_or_else(|| "{}".to_owned(), ToString::to_string);
        let Token { shown, hash, sealed } = token;
        let row = self
            .db()
            .write(async move |tx| -> Result<_> {
                let new = NewRobot {
                    owner,
                    uuid: &uuid,
                    username: &name,
                    description: &description,
                    metadata: &metadata,
                    token_hash: &hash,
                    token_sealed: &sealed,
                    now_ms,
                };
                let robot = rows::create(tx, &new).await?;
                let robot =
                    robot.ok_or_else(|| Error::bad_request(format!("Existing robot with name: {name}")))?;
                entry.record(tx).await?;
                Ok(robot)
            })
            .await?;
        Ok(Robot { token: Some(shown), ..self.shown_robot(row, false)? })
    }

    /// Gives a robot another token; the old one ends at once.
    pub async fn regenerate_robot(&self, at: &Allowed<ManageNamespace>, short: &str) -> Result<Robot> {
        let row = self.robot_row(at, short).await?;
        let Token { shown, hash, sealed } = self.draw_token(&row.username)?;
        let entry = Entry::by("regenerate_robot_token", &at.caller, self.now_ms())
            .on_namespace(at.place.id)
            .detail("robot", short);
        let id = row.user;
        self.db()
            .write(async move |tx| -> Result<()> {
                rows::rotate(tx, id, &hash, &sealed).await?.ok_or(Missing::Robot)?;
                entry.record(tx).await?;
                Ok(())
            })
            .await?;
        Ok(Robot { token: Some(shown), ..self.shown_robot(row, false)? })
    }

    /// Deletes a robot with its permissions.
    pub async fn delete_robot(&self, at: &Allowed<ManageNamespace>, short: &str) -> Result<()> {
        let id = self.robot_row(at, short).await?.user;
        let entry = Entry::by("delete_robot", &at.caller, self.now_ms())
            .on_namespace(at.place.id)
            .detail("robot", short);
        self.db()
            .write(async move |tx| -> Result<()> {
                if !rows::delete(tx, id).await? {
                    return Err(Missing::Robot.into());
                }
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }

    /// The repositories on which a robot has a permission of its own.
    pub async fn robot_permissions(
        &self,
        at: &Allowed<ManageNamespace>,
        short: &str,
    ) -> Result<Vec<RepositoryPermission>> {
        let id = self.robot_row(at, short).await?.user;
        let found = self.db().read(async |c| perms::of_user(c, id).await).await?;
        Ok(found.into_iter().map(RepositoryPermission::from).collect())
    }

    async fn robot_row(&self, at: &Allowed<ManageNamespace>, short: &str) -> Result<rows::Robot> {
        let name = full_name(at, short);
        let row = self.db().read(async |c| rows::get(c, &name).await).await?;
        Ok(row.filter(|row| row.owner == at.place.id).ok_or(Missing::Robot)?)
    }

    pub(crate) fn shown_robot(&self, row: rows::Robot, with_token: bool) -> Result<Robot> {
        let token = match with_token {
            true => {
                let plain = self.sealing().open(Purpose::RobotToken, &row.username, &row.token_sealed)?;
                let text = std::str::from_utf8(&plain)
                    .map_err(|_| Error::internal("opening a robot token failed: it is not text"))?;
                Some(Secret::new(text))
            }
            false => None,
        };
        Ok(Robot {
            name: row.username,
            description: row.description,
            metadata: row.metadata,
            token,
            created: timestamp(row.created_ms),
            last_accessed: row.last_accessed_ms.map(timestamp),
        })
    }

    fn draw_token(&self, robot: &str) -> Result<Token> {
        let text = entropy::text(self.entropy(), entropy::UPPER_ALPHANUMERIC, TOKEN_LENGTH)?;
        Ok(Token {
            hash: sealing::token_hash(&text),
            sealed: self.sealing().seal(self.entropy(), Purpose::RobotToken, robot, text.as_bytes())?,
            shown: Secret::new(text),
        })
    }
}

/// A fresh token: as shown, as looked up, as kept.
struct Token {
    shown: Secret,
    hash: [u8; 32],
    sealed: Vec<u8>,
}

fn full_name(at: &Allowed<ManageNamespace>, short: &str) -> String {
    format!("{}+{short}", at.namespace())
}
