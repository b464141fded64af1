//! Fills in what step 2 of the schema adds and SQL alone cannot tell: what the manifests of an older store are.

use std::collections::BTreeMap;

use quay_oci::{Attachment, ImageConfig, Manifest, kind::ArtifactKind};
use rusqlite::{Connection, OptionalExtension, params};

/// The kind of every manifest, and the copies of it beside the tags.
pub(super) fn fill(connection: &Connection) -> rusqlite::Result<()> {
    let mut next = connection
        .prepare("SELECT id, media_type, bytes FROM manifests WHERE id > ?1 ORDER BY id LIMIT 1")?;
    let mut config = connection.prepare(
        "SELECT i.bytes FROM blobs b JOIN blob_bytes i ON i.blob_id = b.id WHERE b.digest = ?1 AND b.state = 0",
    )?;
    let mut set = connection.prepare("UPDATE manifests SET kind = ?2 WHERE id = ?1")?;
    let mut last = 0_i64;
    while let Some((id, media_type, bytes)) = next
        .query_row([last], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, Vec<u8>>(2)?)))
        .optional()?
    {
        last = id;
        let Ok(manifest) = Manifest::parse(Some(&media_type), &bytes) else { continue };
        let labels = match &manifest.config {
            Some(of) => config.query_row([of.digest.as_str()], |r| r.get::<_, Vec<u8>>(0)).optional()?,
            None => None,
        };
        let labels = labels.and_then(|bytes| ImageConfig::parse(&bytes)).map(|config| config.labels);
        let kind = ArtifactKind::of(&manifest, &labels.unwrap_or_else(BTreeMap::new));
        set.execute(params![id, kind.as_str()])?;
    }
    connection.execute(
        "UPDATE tags SET kind = (SELECT m.kind FROM manifests m WHERE m.id = tags.manifest_id),
         size = (SELECT m.layers_size FROM manifests m WHERE m.id = tags.manifest_id)",
        [],
    )?;
    let mut named =
        connection.prepare("SELECT repo_id, name FROM tags WHERE name >= 'sha' AND name < 'shb'")?;
    let names = named
        .query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (repo, name) in names.iter().filter(|(_, name)| Attachment::of_tag(name).is_some()) {
        connection
            .execute("UPDATE tags SET attached = 1 WHERE repo_id = ?1 AND name = ?2", params![repo, name])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::{ALL, run};

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn manifest(config: &str, layer: &str) -> String {
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{config}","digest":"{DIGEST}","size":2}},
            "layers":[{{"mediaType":"{layer}","digest":"{DIGEST}","size":2}}]}}"#
        )
    }

    #[test]
    fn manifests_and_tags_of_an_older_store_learn_what_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = Connection::open(folder.path().join("x.sqlite")).expect("a database");
        run(&mut connection, &ALL[..1], folder.path(), 0).expect("the first schema");
        let image = "application/vnd.oci.image.config.v1+json";
        let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
        let rows = [
            ("v1", manifest(image, tar), "operator-bundle"),
            ("v2", manifest("application/vnd.cncf.helm.config.v1+json", tar), "helm-chart"),
            ("v3", "no manifest at all".to_owned(), "other"),
            (&DIGEST.replace(':', "-"), r#"{"schemaVersion":2,"manifests":[]}"#.to_owned(), "index"),
        ];
        connection
            .execute_batch(
                "INSERT INTO users (id, uuid, kind, username, tag_expiration_s, created_ms) VALUES (1, 'u', 0, 'u', 0, 0);
                 INSERT INTO repositories (id, namespace_id, name, visibility, kind, state, description, created_ms, modified_ms)
                 VALUES (1, 1, 'r', 0, 0, 0, '', 0, 0);",
            )
            .expect("a repository");
        connection
            .execute("INSERT INTO blobs (id, digest, size, created_ms) VALUES (1, ?1, 1, 0)", [DIGEST])
            .expect("a blob");
        let config: &[u8] =
            br#"{"config":{"Labels":{"operators.operatorframework.io.bundle.manifests.v1":"manifests/"}}}"#;
        connection
            .execute("INSERT INTO blob_bytes (blob_id, bytes) VALUES (1, ?1)", [config])
            .expect("its bytes");
        for (at, (name, bytes, _)) in (1_i64..).zip(&rows) {
            let media_type = match bytes.contains("manifests") {
                true => "application/vnd.oci.image.index.v1+json",
                false => "application/vnd.oci.image.manifest.v1+json",
            };
            connection
                .execute(
                    "INSERT INTO manifests (id, repo_id, digest, media_type, size, layers_size, created_ms, bytes)
                     VALUES (?1, 1, ?2, ?3, 1, 10 + ?1, 0, ?4)",
                    params![at, format!("sha256:{at:064x}"), media_type, bytes.as_bytes()],
                )
                .expect("a manifest");
            connection
                .execute(
                    "INSERT INTO tag_history (id, repo_id, name, manifest_id, digest, start_ms)
                     VALUES (?1, 1, ?2, ?1, ?3, 0)",
                    params![at, name, format!("sha256:{at:064x}")],
                )
                .expect("a lifetime");
            connection
                .execute(
                    "INSERT INTO tags (repo_id, name, manifest_id, lifetime_id, start_ms) VALUES (1, ?2, ?1, ?1, 0)",
                    params![at, name],
                )
                .expect("a tag");
        }

        run(&mut connection, ALL, folder.path(), 0).expect("upgrades");
        for (at, (name, _, kind)) in (1_i64..).zip(&rows) {
            let found: (String, i64, bool) = connection
                .query_row(
                    "SELECT kind, size, attached FROM tags WHERE repo_id = 1 AND name = ?1",
                    [*name],
                    |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
                )
                .expect("the tag");
            assert_eq!(found, ((*kind).to_owned(), 10 + at, name.starts_with("sha256-")), "{name}");
            let of_manifest: String = connection
                .query_row("SELECT kind FROM manifests WHERE id = ?1", [at], |r| r.get(0))
                .expect("the manifest");
            assert_eq!(of_manifest, *kind);
        }
    }
}
