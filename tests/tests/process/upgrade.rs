//! A database that this version is not the one for: left as it was, and told by an exit code of its own.

use anyhow::Result;
use quay_tests::registry::Site;
use rusqlite::Connection;

use crate::fixture::started;

/// What the operator looks for before it puts the version back that ran before.
const SCHEMA_REFUSED: i32 = 65;

/// A database that was used, and this done to it while nothing ran.
async fn used(change: &str) -> Result<Site> {
    let started = started().await?;
    started.registry.terminate().await?;
    let connection = Connection::open(started.site.data().join("db/registry.sqlite"))?;
    connection.execute_batch(change)?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(started.site)
}

fn schema(site: &Site) -> Result<Vec<String>> {
    let connection = Connection::open(site.data().join("db/registry.sqlite"))?;
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_schema UNION ALL SELECT version FROM schema_migrations")?;
    let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().map(|value| format!("{value:?}")).collect())
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone_and_its_operator_can_tell() -> Result<()> {
    let site = used("INSERT INTO schema_migrations VALUES (1000, 'of_tomorrow', 'x', 0)").await?;
    let before = schema(&site)?;
    assert_eq!(site.start_refused().await?.code(), Some(SCHEMA_REFUSED));
    assert!(site.log()?.contains("start the newer version"), "{}", site.log()?);
    assert_eq!(schema(&site)?, before);
    Ok(())
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_for_another_reason_ends_otherwise() -> Result<()> {
    let site = used("SELECT 1").await?;
    std::fs::write(
        site.data().join("db/registry.sqlite"),
        b"no database at all, and long enough to be looked at",
    )?;
    let code = site.start_refused().await?.code();
    assert!(code.is_some_and(|code| code != 0 && code != SCHEMA_REFUSED), "{code:?}");
    Ok(())
}
