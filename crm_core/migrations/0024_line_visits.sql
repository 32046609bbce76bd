-- One wait of a call in a line: from being let in to answer, hanging up or being sent on. The fold of its facts.

CREATE TABLE line_visit (
    call_id    uuid NOT NULL,
    line       text NOT NULL,
    joined_at  timestamptz NOT NULL,
    left_at    timestamptz,                     -- NULL: waits now
    reason     text,                            -- how the wait ended
    extension  text,                            -- who answered
    PRIMARY KEY (call_id, joined_at)
);
CREATE INDEX line_visit_joined ON line_visit (joined_at, line);
