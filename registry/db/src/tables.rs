//! One aggregate per file: its row types, its statements, plain functions over a connection.
//!
//! Functions that read take [`Conn`](crate::Conn); those that change take [`Tx`](crate::Tx), which reads too.
//! Times come from the caller, never from SQL. A taken name is `None` or `false`, never an error.

pub mod audit;
pub mod blobs;
pub mod gc;
pub mod keys;
pub mod manifests;
pub mod orgs;
pub mod perms;
pub mod repos;
pub mod robots;
pub mod sessions;
pub mod state;
pub mod tags;
pub mod tokens;
pub mod uploads;
pub mod users;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Conn, Mode, Setup, Sql};
    use crate::{Durability, migrate};

    fn all() -> Vec<Sql> {
        [
            audit::STATEMENTS,
            blobs::STATEMENTS,
            gc::STATEMENTS,
            keys::STATEMENTS,
            manifests::STATEMENTS,
            orgs::STATEMENTS,
            perms::STATEMENTS,
            repos::STATEMENTS,
            robots::STATEMENTS,
            sessions::STATEMENTS,
            state::STATEMENTS,
            tags::STATEMENTS,
            tokens::STATEMENTS,
            uploads::STATEMENTS,
            users::STATEMENTS,
        ]
        .concat()
    }

    fn fresh(folder: &tempfile::TempDir) -> Conn {
        let file = folder.path().join("x.sqlite");
        let mut conn =
            Conn::open(&Setup { file: &file, durability: Durability::Off }, Mode::Write).expect("opens");
        migrate::run(conn.lite().connection(), migrate::ALL, folder.path(), 0).expect("migrates");
        conn
    }

    #[test]
    fn every_statement_can_be_prepared() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut conn = fresh(&folder);
        assert!(all().len() > 100, "the list is complete");
        for sql in all() {
            let prepared = conn.lite().connection().prepare(sql.text());
            assert!(prepared.is_ok(), "{}: {:?}", sql.name(), prepared.err());
        }
    }

    #[test]
    fn no_statement_scans_a_table_that_grows() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut conn = fresh(&folder);
        // Whole lists on purpose, in key order, with a limit or of a small table.
        let whole = ["gc_candidates", "signing_keys"];
        let mut scans = Vec::new();
        for sql in all() {
            let connection = conn.lite().connection();
            let mut explain =
                connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text())).expect("explains");
            let count = explain.parameter_count();
            let steps: Vec<String> = explain
                .query_map(rusqlite::params_from_iter(vec![rusqlite::types::Null; count]), |r| r.get(3))
                .expect("a plan")
                .map(|step| step.expect("a step"))
                .collect();
            for step in steps {
                let scan = step.starts_with("SCAN") && !step.contains("USING");
                if scan && !whole.iter().any(|table| step.contains(table)) && !step.contains("CONSTANT") {
                    scans.push(format!("{}: {step}", sql.name()));
                }
            }
        }
        assert!(scans.is_empty(), "{}", scans.join("\n"));
    }
}
