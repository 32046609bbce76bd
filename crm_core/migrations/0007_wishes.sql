-- How people want to be reached, as they changed it themselves; and what a forwarded call leaves in the register.

-- NULL: never changed by a person, so the configuration's seed holds.
CREATE TABLE phone_setting (
    extension       text PRIMARY KEY,           -- an extension need not have a user
    do_not_disturb  boolean,
    lines           integer CHECK (lines BETWEEN 1 AND 5),      -- R-PHONE-60, R-PHONE-61
    ring_seconds    integer,
    auto_answer     boolean,
    changed_at      timestamptz NOT NULL
);

-- A row without target and party: a person has ended this forwarding, whatever the seed says.
CREATE TABLE phone_forward (
    extension   text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('always', 'busy', 'no_answer')),
    target      text,                           -- a number of ours …
    party_id    uuid,                           -- … or an outside one, which may be erased
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (extension, kind)
);

-- R-CALL-11: an Event of type Call forwarding keeps the number that was called and the one that the call went on to.
ALTER TABLE event
    ADD COLUMN forwarded_from  text,
    ADD COLUMN forwarded_to    text,
    ADD COLUMN forwarded_why   text,            -- always | busy | no_answer | redirected | deflected
    ADD COLUMN forwarded_call  uuid;            -- not call_id: the call has an Event of its own (O-02)
CREATE INDEX event_forwarded_call ON event (forwarded_call) WHERE forwarded_call IS NOT NULL;
