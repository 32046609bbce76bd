-- Return calls: which call makes which contact good, and calls back that people asked for.

-- Whose call-back button placed the call.
ALTER TABLE call ADD COLUMN follow_up_id uuid;

ALTER TABLE task
    ADD COLUMN asked            boolean NOT NULL DEFAULT false, -- the party asked for this call, or it was planned (O-01)
    ADD COLUMN attempts         integer NOT NULL DEFAULT 0,     -- calls back that did not reach the party
    ADD COLUMN last_attempt_at  timestamptz,
    ADD COLUMN last_attempt     text;                           -- how the last of them ended
