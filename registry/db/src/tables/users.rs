//! Users, organizations and robots: one table, because they share one space of names.

use super::gc::{self, Candidate};
use crate::engine::{Conn, Row, Sql, Tx, coded, first, params, statements};
use crate::{Error, UserId};

coded! {
    /// What a row of the table is.
    pub enum Kind {
        /// A person who signs in.
        User = 0,
        /// A namespace with teams.
        Organization = 1,
        /// A machine account of a namespace.
        Robot = 2,
    }
}

/// A user, organization or robot.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// A stable public name of the row.
    pub uuid: String,
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub username: String,
    /// Its e-mail address.
    pub email: Option<String>,
    /// Whether the address was confirmed.
    pub verified: bool,
    /// The hash of its password, when it may sign in with one.
    pub password_hash: Option<String>,
    /// Credential generation: what was issued under an older one is void.
    pub generation: i64,
    /// Whether it may do anything at all.
    pub enabled: bool,
    /// Whether it administers the registry.
    pub superuser: bool,
    /// The namespace of a robot.
    pub owner: Option<UserId>,
    /// How long deleted tags can be restored.
    pub tag_expiration_s: i64,
    /// Profile.
    pub given_name: Option<String>,
    /// Profile.
    pub family_name: Option<String>,
    /// Profile.
    pub company: Option<String>,
    /// Profile.
    pub location: Option<String>,
    /// Where invoices go.
    pub invoice_email: Option<String>,
    /// Bytes in its repositories.
    pub size_bytes: i64,
    /// When it was made.
    pub created_ms: i64,
    /// When it last did something.
    pub last_accessed_ms: Option<i64>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A row to be made.
pub struct NewUser<'a> {
    /// What it is.
    pub kind: Kind,
    /// A stable public name of the row.
    pub uuid: &'a str,
    /// Its name.
    pub username: &'a str,
    /// Its e-mail address.
    pub email: Option<&'a str>,
    /// Whether the address was confirmed.
    pub verified: bool,
    /// The hash of its password.
    pub password_hash: Option<&'a str>,
    /// Whether it administers the registry.
    pub superuser: bool,
    /// The namespace of a robot, None for others.
    pub owner: Option<UserId>,
    /// How long deleted tags can be restored.
    pub tag_expiration_s: i64,
    /// Now.
    pub now_ms: i64,
}

/// What a user tells about itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Profile<'a> {
    /// Given name.
    pub given_name: Option<&'a str>,
    /// Family name.
    pub family_name: Option<&'a str>,
    /// Company.
    pub company: Option<&'a str>,
    /// Location.
    pub location: Option<&'a str>,
    /// Where invoices go.
    pub invoice_email: Option<&'a str>,
}

macro_rules! columns {
    () => {
        "u.id, u.uuid, u.kind, u.username, u.email, u.verified, u.password_hash, u.generation, u.enabled, \
         u.superuser, u.owner_id, u.tag_expiration_s, u.given_name, u.family_name, u.company, u.location, \
         u.invoice_email, u.size_bytes, u.created_ms, u.last_accessed_ms"
    };
}
pub(super) use columns;

statements! {
    INSERT = "INSERT INTO users
              (kind, uuid, username, email, verified, password_hash, superuser, owner_id, tag_expiration_s, created_ms)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id";
    GET = concat!("SELECT ", columns!(), " FROM users u WHERE u.id = $1");
    BY_NAME = concat!("SELECT ", columns!(), " FROM users u WHERE u.username = $1 AND u.retired_ms IS NULL");
    BY_EMAIL = concat!("SELECT ", columns!(), " FROM users u WHERE u.kind = 0 AND u.email = $1");
    SET_PASSWORD = "UPDATE users SET password_hash = $2, generation = generation + 1 WHERE id = $1
                    RETURNING generation";
    UPGRADE_PASSWORD = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    BUMP = "UPDATE users SET generation = generation + 1 WHERE id = $1 RETURNING generation";
    SET_ENABLED = "UPDATE users SET enabled = $2 WHERE id = $1";
    SET_SUPERUSER = "UPDATE users SET superuser = $2 WHERE id = $1";
    SET_EMAIL = "UPDATE users SET email = $2, verified = $3 WHERE id = $1 AND retired_ms IS NULL AND NOT EXISTS
                 (SELECT 1 FROM users o WHERE o.kind = 0 AND o.email = $2 AND o.id <> $1 AND users.kind = 0)";
    SET_PROFILE = "UPDATE users SET given_name = $2, family_name = $3, company = $4, location = $5,
                   invoice_email = $6 WHERE id = $1";
    SET_TAG_EXPIRATION = "UPDATE users SET tag_expiration_s = $2 WHERE id = $1";
    TOUCH = "UPDATE users SET last_accessed_ms = $2 WHERE id = $1";
    RENAME = "UPDATE users SET username = $2 WHERE id = $1 AND retired_ms IS NULL
              AND NOT EXISTS (SELECT 1 FROM users o WHERE o.username = $2)";
    LIST = concat!("SELECT ", columns!(), " FROM users u WHERE u.kind < 2 AND u.username > $1 AND u.retired_ms IS NULL
              ORDER BY u.username LIMIT $2");
    LIST_KIND = concat!("SELECT ", columns!(), " FROM users u WHERE u.kind = $3 AND u.username > $1 AND u.retired_ms IS NULL
              ORDER BY u.username LIMIT $2");
    BETWEEN = concat!("SELECT ", columns!(), " FROM users u WHERE u.kind = $1 AND u.username >= $2 AND u.username < $3
              AND u.enabled = $5 AND u.retired_ms IS NULL ORDER BY u.username LIMIT $4");
    SET_INVOICE_EMAIL = "UPDATE users SET invoice_email = $2 WHERE id = $1";
    PEOPLE = concat!("SELECT ", columns!(), " FROM users u WHERE u.kind = 0 AND u.username > $1 AND u.retired_ms IS NULL
              AND (u.enabled = 1 OR $3 = 1) ORDER BY u.username LIMIT $2");
    SEARCH_PEOPLE = concat!("SELECT ", columns!(), " FROM users u WHERE u.kind = 0 AND u.username > $1 AND u.retired_ms IS NULL
              AND u.username LIKE '%' || $3 || '%' ESCAPE '\\' ORDER BY u.username LIMIT $2");
    BECOME_ORGANIZATION = "UPDATE users SET kind = 1, password_hash = NULL, enabled = $2, superuser = $3,
              given_name = NULL, family_name = NULL, company = NULL, location = NULL, generation = generation + 1
              WHERE id = $1 AND kind = 0 AND retired_ms IS NULL";
    COUNT = "SELECT count(*) FROM users WHERE kind = $1 AND retired_ms IS NULL";
    ANY_SUPERUSER = "SELECT EXISTS (SELECT 1 FROM users WHERE superuser)";
    DELETE = "DELETE FROM users WHERE id = $1";
    RETIRE = "UPDATE users SET username = $2, email = NULL, password_hash = NULL, enabled = $3, superuser = $3,
              generation = generation + 1, retired_ms = $4 WHERE id = $1 AND retired_ms IS NULL";
    DELETE_ROBOTS = "DELETE FROM users WHERE owner_id = $1";
    DELETE_TEAMS = "DELETE FROM teams WHERE org_id = $1";
    DELETE_MEMBERSHIPS = "DELETE FROM team_members WHERE user_id = $1";
    DELETE_GRANTS = "DELETE FROM user_grants WHERE user_id = $1";
    DELETE_TOKENS = "DELETE FROM tokens WHERE user_id = $1";
    DELETE_SESSIONS = "DELETE FROM sessions WHERE user_id = $1";
    DELETE_STARS = "DELETE FROM stars WHERE user_id = $1";
    DELETE_PROTOTYPES = "DELETE FROM prototypes WHERE org_id = $1";
    DELETE_PROTOTYPES_FOR = "DELETE FROM prototypes WHERE user_id = $1";
    DELETE_PROTOTYPES_OF = "DELETE FROM prototypes WHERE activator_id = $1";
}

/// What hangs on a person, not on the namespace of the same name.
const OWN: [Sql; 7] = [
    DELETE_MEMBERSHIPS,
    DELETE_GRANTS,
    DELETE_TOKENS,
    DELETE_SESSIONS,
    DELETE_STARS,
    DELETE_PROTOTYPES_FOR,
    DELETE_PROTOTYPES_OF,
];

pub(super) fn user(row: &Row<'_>) -> Result<User, Error> {
    Ok(User {
        id: row.get(0)?,
        uuid: row.get(1)?,
        kind: row.get(2)?,
        username: row.get(3)?,
        email: row.get(4)?,
        verified: row.get(5)?,
        password_hash: row.get(6)?,
        generation: row.get(7)?,
        enabled: row.get(8)?,
        superuser: row.get(9)?,
        owner: row.get(10)?,
        tag_expiration_s: row.get(11)?,
        given_name: row.get(12)?,
        family_name: row.get(13)?,
        company: row.get(14)?,
        location: row.get(15)?,
        invoice_email: row.get(16)?,
        size_bytes: row.get(17)?,
        created_ms: row.get(18)?,
        last_accessed_ms: row.get(19)?,
    })
}

/// Makes a row; None when the name, or a user's e-mail address, is taken.
pub async fn insert(tx: &mut Tx, new: &NewUser<'_>) -> Result<Option<User>, Error> {
    let NewUser {
        kind,
        uuid,
        username,
        email,
        verified,
        password_hash,
        superuser,
        owner,
        tag_expiration_s,
        now_ms,
    } = *new;
    let values = params![
        kind,
        uuid,
        username,
        email,
        verified,
        password_hash,
        superuser,
        owner,
        tag_expiration_s,
        now_ms
    ];
    let id: Option<UserId> = tx.opt(INSERT, values, first).await?;
    match id {
        Some(id) => get(tx, id).await,
        None => Ok(None),
    }
}

/// By id.
pub async fn get(c: &mut Conn, id: UserId) -> Result<Option<User>, Error> {
    c.opt(GET, params![id], user).await
}

/// By name.
pub async fn by_name(c: &mut Conn, username: &str) -> Result<Option<User>, Error> {
    c.opt(BY_NAME, params![username], user).await
}

/// The person with this e-mail address.
pub async fn by_email(c: &mut Conn, email: &str) -> Result<Option<User>, Error> {
    c.opt(BY_EMAIL, params![email], user).await
}

/// Changes or removes the password and voids what was issued before; gives the new generation.
pub async fn set_password(tx: &mut Tx, id: UserId, hash: Option<&str>) -> Result<i64, Error> {
    tx.one(SET_PASSWORD, params![id, hash], first).await
}

/// Replaces the hash of an unchanged password; false when the password was changed meanwhile. Nothing is voided.
pub async fn upgrade_password_hash(tx: &mut Tx, id: UserId, old: &str, new: &str) -> Result<bool, Error> {
    tx.hit(UPGRADE_PASSWORD, params![id, old, new]).await
}

/// Voids every credential issued so far; gives the new generation.
pub async fn bump_generation(tx: &mut Tx, id: UserId) -> Result<i64, Error> {
    tx.one(BUMP, params![id], first).await
}

/// Lets it act, or not.
pub async fn set_enabled(tx: &mut Tx, id: UserId, enabled: bool) -> Result<bool, Error> {
    tx.hit(SET_ENABLED, params![id, enabled]).await
}

/// Lets it administer the registry, or not.
pub async fn set_superuser(tx: &mut Tx, id: UserId, superuser: bool) -> Result<bool, Error> {
    tx.hit(SET_SUPERUSER, params![id, superuser]).await
}

/// Changes the e-mail address; false when another user has it.
pub async fn set_email(tx: &mut Tx, id: UserId, email: Option<&str>, verified: bool) -> Result<bool, Error> {
    tx.hit(SET_EMAIL, params![id, email, verified]).await
}

/// Replaces the profile.
pub async fn set_profile(tx: &mut Tx, id: UserId, profile: &Profile<'_>) -> Result<bool, Error> {
    let Profile { given_name, family_name, company, location, invoice_email } = *profile;
    tx.hit(SET_PROFILE, params![id, given_name, family_name, company, location, invoice_email]).await
}

/// Changes how long deleted tags can be restored.
pub async fn set_tag_expiration(tx: &mut Tx, id: UserId, seconds: i64) -> Result<bool, Error> {
    tx.hit(SET_TAG_EXPIRATION, params![id, seconds]).await
}

/// Notes use.
pub async fn touch(tx: &mut Tx, id: UserId, now_ms: i64) -> Result<(), Error> {
    tx.exec(TOUCH, params![id, now_ms]).await.map(drop)
}

/// Changes the name; false when it is taken.
pub async fn rename(tx: &mut Tx, id: UserId, username: &str) -> Result<bool, Error> {
    tx.hit(RENAME, params![id, username]).await
}

/// Rows by name; robots only when asked for.
pub async fn list(
    c: &mut Conn,
    kind: Option<Kind>,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<User>, Error> {
    let after = after.unwrap_or("");
    match kind {
        None => c.all(LIST, params![after, limit], user).await,
        Some(kind) => c.all(LIST_KIND, params![after, limit, kind], user).await,
    }
}

/// People or organizations with names from one, included, to another, excluded; not those who are disabled.
pub async fn between(c: &mut Conn, kind: Kind, from: &str, to: &str, limit: u32) -> Result<Vec<User>, Error> {
    c.all(BETWEEN, params![kind, from, to, limit, true], user).await
}

/// Changes where invoices go.
pub async fn set_invoice_email(tx: &mut Tx, id: UserId, address: Option<&str>) -> Result<bool, Error> {
    tx.hit(SET_INVOICE_EMAIL, params![id, address]).await
}

/// People by name; those who are disabled too, if wanted: they are passed over otherwise.
pub async fn people(
    c: &mut Conn,
    disabled_too: bool,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<User>, Error> {
    c.all(PEOPLE, params![after.unwrap_or(""), limit, disabled_too], user).await
}

/// People by name, whose name contains a text; `%`, `_` and `\` are escaped by `\`. A scan.
pub async fn search_people(
    c: &mut Conn,
    search: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<User>, Error> {
    c.all(SEARCH_PEOPLE, params![after.unwrap_or(""), limit, search], user).await
}

/// Makes a person an organization without teams: all that the person could log in with or had elsewhere is gone.
/// False when there is no such person.
pub async fn become_organization(tx: &mut Tx, id: UserId) -> Result<bool, Error> {
    if !tx.hit(BECOME_ORGANIZATION, params![id, true, false]).await? {
        return Ok(false);
    }
    for sql in OWN {
        tx.exec(sql, params![id]).await?;
    }
    Ok(true)
}

/// How many there are.
pub async fn count(c: &mut Conn, kind: Kind) -> Result<i64, Error> {
    c.one(COUNT, params![kind], first).await
}

/// Whether anybody administers the registry.
pub async fn any_superuser(c: &mut Conn) -> Result<bool, Error> {
    c.one(ANY_SUPERUSER, params![], first).await
}

/// Removes a row and what hangs on it. Refused by the engine while repositories remain.
pub async fn delete(tx: &mut Tx, id: UserId) -> Result<bool, Error> {
    tx.hit(DELETE, params![id]).await
}

/// Takes a user or organization out of service at once and frees its name; garbage collection removes the row when
/// its repositories are gone. Retire those first.
pub async fn retire(tx: &mut Tx, id: UserId, uuid: &str, now_ms: i64) -> Result<bool, Error> {
    if !tx.hit(RETIRE, params![id, uuid, false, now_ms]).await? {
        return Ok(false);
    }
    for sql in [DELETE_ROBOTS, DELETE_TEAMS, DELETE_PROTOTYPES].into_iter().chain(OWN) {
        tx.exec(sql, params![id]).await?;
    }
    gc::enqueue(tx, Candidate::Namespace, id.0, now_ms).await?;
    Ok(true)
}
