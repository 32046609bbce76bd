-- Users' devices, lines and their agents, the bindings of phones.

CREATE TABLE device (
    number   text PRIMARY KEY,                  -- extension, "SIP number" (O-11: one account per user, shown in two places)
    user_id  uuid NOT NULL REFERENCES app_user
);
CREATE INDEX device_user ON device (user_id);

CREATE TABLE line (
    number  text PRIMARY KEY,
    name    text NOT NULL
);
CREATE TABLE line_agent (
    line_number  text NOT NULL REFERENCES line ON DELETE CASCADE,
    extension    text NOT NULL,                 -- an extension need not have a user
    PRIMARY KEY (line_number, extension)
);
CREATE INDEX line_agent_extension ON line_agent (extension);

CREATE TABLE agent_will (
    user_id   uuid PRIMARY KEY REFERENCES app_user,
    will      text NOT NULL CHECK (will IN ('ready', 'paused')),
    reason    text NOT NULL DEFAULT '',
    since     timestamptz NOT NULL,
    declared_by  uuid REFERENCES app_user
);

CREATE TABLE sip_binding (
    aor          text NOT NULL,
    contact      text NOT NULL,
    sip_call_id  text NOT NULL,
    cseq         bigint NOT NULL,
    expires_at   double precision NOT NULL,     -- seconds since 1970
    received     text NOT NULL,
    path         text NOT NULL,
    user_agent   text NOT NULL,
    q            double precision NOT NULL,
    instance     text NOT NULL,
    reg_id       integer NOT NULL,
    PRIMARY KEY (aor, contact)
);
