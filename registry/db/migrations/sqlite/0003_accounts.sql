-- Default permissions, stars, and what lists by time and by owner need.

-- Given on every repository that is made in the organization: by anybody, or by the activator only.
CREATE TABLE prototypes (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         TEXT NOT NULL UNIQUE,
    org_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    activator_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    user_id      INTEGER REFERENCES users (id) ON DELETE CASCADE,
    team_id      INTEGER REFERENCES teams (id) ON DELETE CASCADE,
    role         INTEGER NOT NULL CHECK (role IN (0, 1, 2)),
    created_ms   INTEGER NOT NULL,
    CHECK ((user_id IS NULL) <> (team_id IS NULL))
) STRICT;
CREATE INDEX prototypes_org ON prototypes (org_id, id);
CREATE INDEX prototypes_activator ON prototypes (activator_id) WHERE activator_id IS NOT NULL;
CREATE INDEX prototypes_user ON prototypes (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX prototypes_team ON prototypes (team_id) WHERE team_id IS NOT NULL;

CREATE TABLE stars (
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    repo_id    INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, repo_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX stars_repo ON stars (repo_id);

-- Repositories by time, of one namespace and of all; the first one also counts them.
CREATE INDEX repositories_modified ON repositories (namespace_id, modified_ms, id) WHERE state < 3;
CREATE INDEX repositories_recent ON repositories (modified_ms, id) WHERE state < 3;
