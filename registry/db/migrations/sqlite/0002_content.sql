-- What artifacts are, labels, and rows of tags that are sorted and filtered without looking at manifests.

-- A word of quay_oci::ArtifactKind.
ALTER TABLE manifests ADD COLUMN kind TEXT NOT NULL DEFAULT 'other';
CREATE INDEX manifests_subject_kind ON manifests (repo_id, subject, kind, digest, state)
    WHERE subject IS NOT NULL;

-- Copies of what never changes in a manifest. attached: the name is an attachment of another manifest.
ALTER TABLE tags ADD COLUMN kind TEXT NOT NULL DEFAULT 'other';
ALTER TABLE tags ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tags ADD COLUMN attached INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tags_modified ON tags (repo_id, start_ms, name, end_ms, kind, attached);
CREATE INDEX tags_size ON tags (repo_id, size, name, end_ms, kind, attached);

-- Whether somebody ended it, rather than its time.
ALTER TABLE tag_history ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
UPDATE tag_history SET deleted = 1
    WHERE end_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.lifetime_id = tag_history.id);
CREATE INDEX tag_history_ended ON tag_history (repo_id, end_ms, id) WHERE end_ms IS NOT NULL;

-- source: 0 the manifest itself, 1 the API.
CREATE TABLE labels (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid        TEXT NOT NULL UNIQUE,
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    source      INTEGER NOT NULL CHECK (source IN (0, 1)),
    created_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX labels_manifest ON labels (manifest_id, key, id);
