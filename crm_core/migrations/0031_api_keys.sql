-- Keys of other programs. The data base keeps only a key's SHA-256: a stolen copy opens nothing.

CREATE TABLE api_key (
    id             uuid PRIMARY KEY,
    name           text NOT NULL CHECK (name <> ''),
    secret_sha256  bytea NOT NULL UNIQUE,
    scopes         text[] NOT NULL CHECK (cardinality(scopes) > 0),
    user_id        uuid NOT NULL REFERENCES app_user,   -- for whom it speaks: it may never do more than this person
    created_by     uuid NOT NULL REFERENCES app_user,
    created_at     timestamptz NOT NULL,
    used_at        timestamptz,
    revoked_at     timestamptz
);
CREATE UNIQUE INDEX api_key_name ON api_key (lower(name)) WHERE revoked_at IS NULL;
