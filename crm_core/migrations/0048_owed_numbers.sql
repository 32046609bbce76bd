-- What is owed to a number, whoever's client the number is by now.

CREATE INDEX follow_up_number ON task (e164) WHERE kind = 'follow_up' AND closed_at IS NULL;
CREATE INDEX event_unanswered_number ON event (e164) WHERE unanswered;
