-- Parties (the people and numbers behind calls), clients and their numbers.

-- What the ledger only refers to. Erasing a person empties the row and sets erased_at.
CREATE TABLE party (
    id         uuid PRIMARY KEY,
    number     text NOT NULL,                   -- raw, as signalled; '' when withheld
    e164       text,
    name       text NOT NULL DEFAULT '',        -- as signalled: hostile text
    extension  boolean NOT NULL DEFAULT false,
    erased_at  timestamptz
);

CREATE TABLE client (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    owner_id    uuid REFERENCES app_user,       -- the manager who looks after the client
    created_by  uuid REFERENCES app_user,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- One number may belong to many clients: a switchboard, a family.
CREATE TABLE client_phone (
    client_id  uuid NOT NULL REFERENCES client ON DELETE CASCADE,
    raw        text NOT NULL,
    e164       text,
    PRIMARY KEY (client_id, raw)
);
CREATE INDEX client_phone_e164 ON client_phone (e164);
