-- Calls that another telephony server saw (R-CALL-25..30).

-- Where loading stands, for each source.
CREATE TABLE outside_source (
    source          text PRIMARY KEY,           -- where the calls come from, without a password
    loaded_through  timestamptz,                -- the newest start of a call that was read
    looked_at       timestamptz NOT NULL,
    error           text NOT NULL DEFAULT ''    -- why the last look failed
);
-- Whether somebody was reached after that moment: what is loaded late is often made good already.
CREATE INDEX event_reached ON event (party_key, answered_at) WHERE answered_at IS NOT NULL;
-- Whether we saw such a call ourselves.
CREATE INDEX call_started ON call (started_at);
