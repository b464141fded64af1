//! Stars: repositories that a person keeps at hand.

use quay_db::tables::{overview, stars as rows};

use crate::core::Core;
use crate::error::{Error, Result};
use crate::overview::{RepositoryRow, repository_row};
use crate::perms::{Account, Allowed, Pull};

/// Stars of one person.
const MOST: i64 = 1000;

impl Core {
    /// Gives a repository a star.
    pub async fn star(&self, who: &Allowed<Account>, at: &Allowed<Pull>) -> Result<()> {
        let (user, repo, now_ms) = (who.place.id, at.repo(), self.now_ms());
        self.db()
            .write(async move |tx| -> Result<()> {
                if rows::count(tx, user).await? >= MOST {
                    return Err(Error::bad_request(format!(
                        "nobody has more than {MOST} stars; take some back"
                    )));
                }
                rows::add(tx, user, repo, now_ms).await?;
                Ok(())
            })
            .await
    }

    /// Takes a star back; that there is none is no error.
    pub async fn unstar(&self, who: &Allowed<Account>, at: &Allowed<Pull>) -> Result<()> {
        let (user, repo) = (who.place.id, at.repo());
        self.db().write(async move |tx| rows::remove(tx, user, repo).await).await?;
        Ok(())
    }

    /// Whether a person has given a repository a star.
    pub async fn is_starred(&self, who: &Allowed<Account>, at: &Allowed<Pull>) -> Result<bool> {
        let (user, repo) = (who.place.id, at.repo());
        Ok(self.db().read(async |c| rows::has(c, user, repo).await).await?)
    }

    /// The repositories with a star of one's own that one may still pull from, by name.
    pub async fn starred(&self, who: &Allowed<Account>) -> Result<Vec<RepositoryRow>> {
        let (me, everything) = (who.place.id, self.looker(&who.caller).everything);
        let found = self.db().scan(async move |c| overview::starred_by(c, me, everything).await).await?;
        Ok(found.into_iter().map(repository_row).collect())
    }
}
