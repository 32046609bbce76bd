-- Call flows: a draft that people change, versions that never change, and which of these callers meet.

CREATE TABLE flow_version (
    number        text NOT NULL,
    version       integer NOT NULL,
    flow          text NOT NULL,               -- JSON as it was written: the order of nodes and keys is people's
    published_at  timestamptz NOT NULL,
    published_by  uuid REFERENCES app_user,
    PRIMARY KEY (number, version)
);

CREATE TABLE flow (
    number      text PRIMARY KEY,
    draft       text NOT NULL,
    revision    integer NOT NULL,              -- of the draft: who saves names the one that they changed
    changed_at  timestamptz NOT NULL,
    changed_by  uuid REFERENCES app_user,
    version     integer,                       -- that callers meet; NULL: none
    FOREIGN KEY (number, version) REFERENCES flow_version
);
