-- Follow-ups that are looked after: leases, postponing, reminders and escalation.

ALTER TABLE task
    ADD COLUMN leased_until  timestamptz,       -- until then nobody else may claim it; NULL: no end
    ADD COLUMN postponed     integer NOT NULL DEFAULT 0,
    ADD COLUMN reminded_at   timestamptz,       -- its owner was told that it is due
    ADD COLUMN escalate_at   timestamptz,       -- then a supervisor gets it
    ADD COLUMN escalated_at  timestamptz;
CREATE INDEX follow_up_due ON task (due_at) WHERE kind = 'follow_up' AND closed_at IS NULL AND reminded_at IS NULL;
CREATE INDEX follow_up_escalation ON task (escalate_at) WHERE kind = 'follow_up' AND closed_at IS NULL;
