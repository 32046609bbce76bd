-- Agents look at an entry before it is called, and may leave it for later.

ALTER TABLE dial_list ADD COLUMN preview_seconds integer NOT NULL DEFAULT 0 CHECK (preview_seconds BETWEEN 0 AND 600);

CREATE TABLE dial_skip (
    id         uuid PRIMARY KEY,
    entry_id   uuid NOT NULL REFERENCES dial_entry,
    extension  text NOT NULL,
    reason     text NOT NULL,
    at         timestamptz NOT NULL
);
CREATE INDEX dial_skip_entry ON dial_skip (entry_id, at);
