//! One aggregate per file: its row types, its statements, plain functions over a connection.
//!
//! Functions that read take [`Conn`](crate::Conn); those that change take [`Tx`](crate::Tx), which reads too.
//! Times come from the caller, never from SQL. A taken name is `None` or `false`, never an error.

pub mod attachments;
pub mod audit;
pub mod blobs;
pub mod gc;
pub mod keys;
pub mod labels;
pub mod manifest_facts;
pub mod manifests;
pub mod orgs;
pub mod overview;
pub mod perms;
pub mod prototypes;
pub mod repos;
pub mod robots;
pub mod sessions;
pub mod stars;
pub mod state;
pub mod tag_changes;
pub mod tag_entries;
pub mod tag_rows;
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
            attachments::STATEMENTS,
            audit::STATEMENTS,
            blobs::STATEMENTS,
            gc::STATEMENTS,
            keys::STATEMENTS,
            labels::STATEMENTS,
            manifests::STATEMENTS,
            orgs::STATEMENTS,
            overview::STATEMENTS,
            perms::STATEMENTS,
            prototypes::STATEMENTS,
            repos::STATEMENTS,
            robots::STATEMENTS,
            sessions::STATEMENTS,
            stars::STATEMENTS,
            state::STATEMENTS,
            tag_changes::STATEMENTS,
            tag_entries::STATEMENTS,
            tag_rows::STATEMENTS,
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
    fn no_statement_is_compiled_again_when_its_values_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut conn = fresh(&folder);
        for sql in all() {
            let mut prepared = conn.lite().connection().prepare(sql.text()).expect("prepares");
            for value in 0..3_i64 {
                // As the cache of statements does it. Whether the values fit is not asked here.
                prepared.clear_bindings();
                let values = vec![value; prepared.parameter_count()];
                let _ =
                    prepared.query(rusqlite::params_from_iter(values)).and_then(|mut r| r.next().map(drop));
            }
            assert_eq!(prepared.get_status(rusqlite::StatementStatus::RePrepare), 0, "{}", sql.name());
        }
    }

    /// Statement → what SQLite would do for it.
    fn plans() -> Vec<(Sql, Vec<String>)> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut conn = fresh(&folder);
        let plan = |sql: Sql| {
            let connection = conn.lite().connection();
            let mut explain =
                connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text())).expect("explains");
            let nothing = vec![rusqlite::types::Null; explain.parameter_count()];
            let steps = explain.query_map(rusqlite::params_from_iter(nothing), |r| r.get(3)).expect("a plan");
            (sql, steps.map(|step| step.expect("a step")).collect())
        };
        all().into_iter().map(plan).collect()
    }

    #[test]
    fn no_statement_scans_a_table_that_grows() {
        // One row, a handful of rows, an index that holds superusers only, a page that the same statement cut.
        let small = ["SCAN CONSTANT ROW", "SCAN signing_keys", "users_superuser", "SCAN page"];
        let grows =
            |step: &&String| step.starts_with("SCAN") && !small.iter().any(|known| step.contains(known));
        for (sql, steps) in plans() {
            assert_eq!(steps.iter().find(grows), None, "{}", sql.name());
        }
    }

    #[test]
    fn a_page_of_tags_is_cut_without_a_look_at_what_it_leaves_out() {
        let indexes = ["COVERING INDEX tags_modified", "COVERING INDEX tags_size", "PRIMARY KEY (repo_id=?)"];
        let pages = |(sql, _): &(Sql, Vec<String>)| {
            sql.name().contains("tag_rows::") && sql.text().contains("OFFSET")
        };
        let plans: Vec<_> = plans().into_iter().filter(pages).collect();
        assert_eq!(plans.len(), 6);
        for (sql, steps) in plans {
            let cut = steps.iter().find(|step| step.contains(" n USING ")).expect("the page");
            assert!(indexes.iter().any(|index| cut.contains(index)), "{}: {cut}", sql.name());
            let looked_up = steps.iter().filter(|step| step.starts_with("SEARCH m USING")).count();
            assert_eq!(looked_up, 1, "{}: {}", sql.name(), steps.join(", "));
        }
    }

    #[test]
    fn every_page_comes_out_of_an_index_in_order() {
        // Not a page but a portion of work, or of a handful of rows.
        let portions = ["tags::FORGET", "uploads::STALEST", "overview::MINE", "overview::EVERY"];
        for (sql, steps) in plans().into_iter().filter(|(sql, _)| sql.text().contains("LIMIT")) {
            let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE"));
            let known = portions.iter().any(|name| sql.name().ends_with(name));
            assert!(!sorts || known, "{}: {}", sql.name(), steps.join(", "));
        }
    }
}
