-- How the loading from an outside telephony server goes: what an administrator is told.

ALTER TABLE outside_source
    ADD COLUMN form     text NOT NULL DEFAULT '',   -- how it was read: what is loaded holds for that alone
    ADD COLUMN failure  text NOT NULL DEFAULT '',   -- what kind of reason `error` is
    ADD COLUMN loaded   bigint NOT NULL DEFAULT 0;  -- calls that became ours, ever

-- Rows from which no call could be made.
CREATE TABLE outside_set_aside (
    source   text NOT NULL,
    row_name text NOT NULL,         -- its key and its time, as they stand there
    flaw     text NOT NULL,
    detail   text NOT NULL,
    seen_at  timestamptz NOT NULL,  -- last
    PRIMARY KEY (source, row_name)
);
