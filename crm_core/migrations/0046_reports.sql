-- What reports look for: waits by the moment of their answer, and what agents did by time.
CREATE INDEX line_visit_answered ON line_visit (left_at, line) WHERE reason = 'answered';
CREATE INDEX segment_started ON segment (started_at) WHERE user_id IS NOT NULL;
CREATE INDEX offer_offered ON offer (offered_at) WHERE user_id IS NOT NULL;
CREATE INDEX ticket_called ON ticket (called_at);
CREATE INDEX task_follow_up_opened ON task (opened_at) WHERE kind = 'follow_up';
-- When somebody first tried to call back, or did.
ALTER TABLE task ADD COLUMN first_attempt_at timestamptz;
UPDATE task SET first_attempt_at = last_attempt_at WHERE kind = 'follow_up' AND attempts = 1;
