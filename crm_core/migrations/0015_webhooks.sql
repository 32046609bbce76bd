-- Who wants to be told of facts.

CREATE TABLE webhook (
    id             uuid PRIMARY KEY,
    url            text NOT NULL,
    secret         text NOT NULL,               -- signs what is sent; shown once
    kinds          text[] NOT NULL,             -- of facts; empty: all
    created_by     uuid REFERENCES app_user,
    created_at     timestamptz NOT NULL,
    position       bigint NOT NULL,             -- in the ledger: what was delivered, or is of another kind
    delivered_at   timestamptz,
    failing_since  timestamptz,
    failures       integer NOT NULL DEFAULT 0,  -- in a row
    next_try_at    timestamptz NOT NULL,
    last_error     text NOT NULL DEFAULT '',
    ended_at       timestamptz                  -- it failed for too long, or said that it is gone
);
