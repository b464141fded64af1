-- The first schema. Times are epoch milliseconds, ids stay below 2^53, text compares by bytes.
-- A released file never changes.

-- Users, organizations and robots share one space of names. kind: 0 user, 1 organization, 2 robot.
CREATE TABLE users (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid             TEXT NOT NULL UNIQUE,
    kind             INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
    username         TEXT NOT NULL UNIQUE,
    email            TEXT,
    verified         INTEGER NOT NULL DEFAULT 0,
    password_hash    TEXT,
    generation       INTEGER NOT NULL DEFAULT 1,
    enabled          INTEGER NOT NULL DEFAULT 1,
    superuser        INTEGER NOT NULL DEFAULT 0,
    owner_id         INTEGER REFERENCES users (id) ON DELETE CASCADE,
    tag_expiration_s INTEGER NOT NULL,
    given_name       TEXT,
    family_name      TEXT,
    company          TEXT,
    location         TEXT,
    invoice_email    TEXT,
    size_bytes       INTEGER NOT NULL DEFAULT 0,
    created_ms       INTEGER NOT NULL,
    last_accessed_ms INTEGER,
    retired_ms       INTEGER,
    CHECK ((kind = 2) = (owner_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX users_email ON users (email) WHERE kind = 0 AND email IS NOT NULL;
CREATE INDEX users_kind ON users (kind, username);
CREATE INDEX users_owner ON users (owner_id, username) WHERE owner_id IS NOT NULL;
CREATE INDEX users_superuser ON users (id) WHERE superuser;

-- token_hash finds the robot, token_sealed shows the token again.
CREATE TABLE robots (
    user_id      INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    token_hash   BLOB NOT NULL UNIQUE,
    token_sealed BLOB NOT NULL,
    description  TEXT NOT NULL,
    metadata     TEXT NOT NULL
) STRICT;

-- kind: 0 access, 1 application-specific.
CREATE TABLE tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         TEXT NOT NULL UNIQUE,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         INTEGER NOT NULL,
    title        TEXT NOT NULL,
    scope        TEXT NOT NULL,
    token_hash   BLOB NOT NULL UNIQUE,
    sealed       BLOB,
    created_ms   INTEGER NOT NULL,
    expires_ms   INTEGER,
    last_used_ms INTEGER
) STRICT;
CREATE INDEX tokens_user ON tokens (user_id, kind, id);

CREATE TABLE sessions (
    id_hash    BLOB PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    csrf       BLOB NOT NULL,
    generation INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_ms);

-- role: 0 member, 1 creator, 2 admin.
CREATE TABLE teams (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    role        INTEGER NOT NULL CHECK (role IN (0, 1, 2)),
    description TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    UNIQUE (org_id, name)
) STRICT;

CREATE TABLE team_members (
    team_id    INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (team_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_user ON team_members (user_id, team_id);

-- visibility: 0 private, 1 public. kind: 0 image, 1 application. state: 0 normal, 1 read-only, 2 mirror, 3 deleted.
CREATE TABLE repositories (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace_id INTEGER NOT NULL REFERENCES users (id),
    name         TEXT NOT NULL,
    visibility   INTEGER NOT NULL CHECK (visibility IN (0, 1)),
    kind         INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    description  TEXT NOT NULL,
    size_bytes   INTEGER NOT NULL DEFAULT 0,
    created_ms   INTEGER NOT NULL,
    modified_ms  INTEGER NOT NULL,
    UNIQUE (namespace_id, name)
) STRICT;
CREATE INDEX repositories_public ON repositories (namespace_id, name) WHERE visibility = 1 AND state < 3;

-- role: 0 read, 1 write, 2 admin.
CREATE TABLE user_grants (
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    INTEGER NOT NULL CHECK (role IN (0, 1, 2)),
    PRIMARY KEY (repo_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_grants_user ON user_grants (user_id, repo_id);

CREATE TABLE team_grants (
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    role    INTEGER NOT NULL CHECK (role IN (0, 1, 2)),
    PRIMARY KEY (repo_id, team_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_grants_team ON team_grants (team_id, repo_id);

-- One row per physical copy. storage_key is null when the bytes lie in blob_bytes. state: 0 live, 1 condemned:
-- a condemned copy waits for the removal of its bytes, and its digest is stored anew.
CREATE TABLE blobs (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    digest       TEXT NOT NULL,
    size         INTEGER NOT NULL,
    storage_key  TEXT UNIQUE,
    state        INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),
    created_ms   INTEGER NOT NULL,
    condemned_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX blobs_live ON blobs (digest) WHERE state = 0;
CREATE INDEX blobs_condemned ON blobs (id) WHERE state = 1;

CREATE TABLE blob_bytes (
    blob_id INTEGER PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    bytes   BLOB NOT NULL
) STRICT;

-- A storage key is written here before its first byte, and leaves when a blob row owns it or its bytes are gone.
CREATE TABLE storage_intents (
    storage_key TEXT PRIMARY KEY,
    created_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keeps a fresh or mounted blob usable in a repository until a manifest refers to it.
CREATE TABLE blob_leases (
    repo_id    INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    blob_id    INTEGER NOT NULL REFERENCES blobs (id),
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (repo_id, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_leases_blob ON blob_leases (blob_id);
CREATE INDEX blob_leases_expiry ON blob_leases (expires_ms);

CREATE TABLE uploads (
    id             TEXT PRIMARY KEY,
    repo_id        INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    user_id        INTEGER REFERENCES users (id) ON DELETE SET NULL,
    storage_key    TEXT NOT NULL UNIQUE,
    received       INTEGER NOT NULL DEFAULT 0,
    hash_state     BLOB NOT NULL,
    lease_owner    TEXT,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    created_ms     INTEGER NOT NULL,
    expires_ms     INTEGER NOT NULL
) STRICT;
CREATE INDEX uploads_repo ON uploads (repo_id);
CREATE INDEX uploads_expiry ON uploads (expires_ms);
CREATE INDEX uploads_leased ON uploads (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX uploads_user ON uploads (user_id) WHERE user_id IS NOT NULL;

-- bytes stand last: reading the columns before them leaves their pages alone. state: 0 live, 1 hidden.
CREATE TABLE manifests (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    repo_id           INTEGER NOT NULL REFERENCES repositories (id),
    digest            TEXT NOT NULL,
    media_type        TEXT NOT NULL,
    artifact_type     TEXT,
    config_media_type TEXT,
    subject           TEXT,
    size              INTEGER NOT NULL,
    layers_size       INTEGER NOT NULL,
    state             INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),
    hidden_ms         INTEGER,
    expires_ms        INTEGER,
    created_ms        INTEGER NOT NULL,
    annotations       BLOB,
    bytes             BLOB NOT NULL,
    UNIQUE (repo_id, digest)
) STRICT;
CREATE INDEX manifests_subject ON manifests (repo_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_subject_type ON manifests (repo_id, subject, artifact_type, digest)
    WHERE subject IS NOT NULL;
CREATE INDEX manifests_expiry ON manifests (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX manifests_hidden ON manifests (hidden_ms) WHERE state = 1;

CREATE TABLE manifest_blobs (
    repo_id     INTEGER NOT NULL REFERENCES repositories (id),
    blob_id     INTEGER NOT NULL REFERENCES blobs (id),
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    PRIMARY KEY (repo_id, blob_id, manifest_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_blobs_manifest ON manifest_blobs (manifest_id);
CREATE INDEX manifest_blobs_blob ON manifest_blobs (blob_id);

-- By digest: an index may name manifests that are not there.
CREATE TABLE manifest_children (
    repo_id     INTEGER NOT NULL REFERENCES repositories (id),
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    digest      TEXT NOT NULL,
    PRIMARY KEY (manifest_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_children_digest ON manifest_children (repo_id, digest);

-- Every lifetime a tag ever had, the current one included (end_ms null, or in the future when it expires).
CREATE TABLE tag_history (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    repo_id     INTEGER NOT NULL REFERENCES repositories (id),
    name        TEXT NOT NULL,
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    digest      TEXT NOT NULL,
    start_ms    INTEGER NOT NULL,
    end_ms      INTEGER,
    reversion   INTEGER NOT NULL DEFAULT 0,
    immutable   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX tag_history_time ON tag_history (repo_id, start_ms, id);
CREATE INDEX tag_history_name ON tag_history (repo_id, name, start_ms, id);
CREATE INDEX tag_history_manifest ON tag_history (manifest_id);
CREATE INDEX tag_history_end ON tag_history (end_ms) WHERE end_ms IS NOT NULL;

-- The current tags.
CREATE TABLE tags (
    repo_id     INTEGER NOT NULL REFERENCES repositories (id),
    name        TEXT NOT NULL,
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    lifetime_id INTEGER NOT NULL REFERENCES tag_history (id),
    start_ms    INTEGER NOT NULL,
    end_ms      INTEGER,
    reversion   INTEGER NOT NULL DEFAULT 0,
    immutable   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (repo_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_time ON tags (repo_id, start_ms, lifetime_id);
CREATE INDEX tags_manifest ON tags (manifest_id);
CREATE INDEX tags_lifetime ON tags (lifetime_id);
CREATE INDEX tags_end ON tags (end_ms) WHERE end_ms IS NOT NULL;

-- state: 0 publish, 1 use, 2 retire.
CREATE TABLE signing_keys (
    kid            TEXT PRIMARY KEY,
    algorithm      TEXT NOT NULL,
    public         BLOB NOT NULL,
    sealed_private BLOB NOT NULL,
    state          INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    created_ms     INTEGER NOT NULL,
    expires_ms     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- No references: what happened stays written when its subject is gone.
CREATE TABLE audit_log (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms        INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    namespace_id   INTEGER,
    repo_id        INTEGER,
    performer_id   INTEGER,
    performer_name TEXT,
    ip             TEXT,
    metadata       BLOB NOT NULL
) STRICT;
CREATE INDEX audit_log_time ON audit_log (time_ms, id);
CREATE INDEX audit_log_namespace ON audit_log (namespace_id, time_ms, id) WHERE namespace_id IS NOT NULL;
CREATE INDEX audit_log_repo ON audit_log (repo_id, time_ms, id) WHERE repo_id IS NOT NULL;

CREATE TABLE service_state (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What garbage collection shall look at, and when. kind: 0 blob, 1 manifest, 2 repository, 3 namespace, 4 lifetime.
CREATE TABLE gc_candidates (
    kind      INTEGER NOT NULL,
    target_id INTEGER NOT NULL,
    due_ms    INTEGER NOT NULL,
    PRIMARY KEY (kind, target_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX gc_candidates_due ON gc_candidates (kind, due_ms);
