-- All that an agent can declare, and the history of it.

ALTER TABLE agent_will DROP CONSTRAINT agent_will_will_check;
ALTER TABLE agent_will
    ADD CONSTRAINT agent_will_will_check CHECK (will IN ('signed_out', 'ready', 'on_demand', 'paused'));

-- One row for each change of will or reason; the next one of the same user ends it (R-PANEL-08).
CREATE TABLE agent_declaration (
    fact_id      uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES app_user,
    will         text NOT NULL CHECK (will IN ('signed_out', 'ready', 'on_demand', 'paused')),
    reason       text NOT NULL,
    at           timestamptz NOT NULL,
    declared_by  uuid REFERENCES app_user
);
CREATE INDEX agent_declaration_of ON agent_declaration (user_id, at, fact_id);

INSERT INTO agent_declaration (fact_id, user_id, will, reason, at, declared_by)
SELECT gen_random_uuid(), user_id, will, reason, since, declared_by FROM agent_will;
