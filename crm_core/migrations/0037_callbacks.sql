-- Callbacks that were promised to callers who left a line: one row each, open until kept or broken.

CREATE TABLE callback (
    id            uuid PRIMARY KEY,
    line          text NOT NULL,
    call_id       uuid NOT NULL,                -- that ended with the promise
    party_id      uuid NOT NULL,                -- who is called: another number may have been typed
    joined_at     timestamptz NOT NULL,         -- since when they wait: their place
    promised_at   timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    tries         integer NOT NULL DEFAULT 0,   -- that count
    last_try      text,                         -- what it came to
    again_at      timestamptz,                  -- not before
    last_call     uuid,                         -- that was to keep it
    ended_at      timestamptz,                  -- NULL: is owed
    kept_by       text,                         -- callback | other_call; NULL: broken
    broken        text,                         -- why
    kept_call     uuid,
    withdrawn_by  uuid REFERENCES app_user,
    follow_up_id  uuid REFERENCES task          -- that took its place when it was broken
);
CREATE INDEX callback_open ON callback (joined_at) WHERE ended_at IS NULL;
CREATE INDEX callback_promised ON callback (promised_at, line);
CREATE INDEX callback_last_call ON callback (last_call) WHERE last_call IS NOT NULL;
