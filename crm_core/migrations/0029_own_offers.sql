-- What rang a person: an agent's list of follow-ups asks for it, and read every offer there ever was.
CREATE INDEX offer_user ON offer (user_id, call_id) WHERE user_id IS NOT NULL;
