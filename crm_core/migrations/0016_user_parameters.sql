-- The rest of what is set for each user (R-SETTINGS-28), and two ways to look.

ALTER TABLE app_user
    ADD COLUMN starts_phone   boolean NOT NULL DEFAULT false,
    ADD COLUMN receives_mail  boolean NOT NULL DEFAULT false;

-- The register by phone number (R-CALL-37).
CREATE INDEX event_by_phone ON event (coalesce(e164, phone), started_at DESC, id DESC) WHERE archived_at IS NULL;
-- Leases that have lapsed.
CREATE INDEX follow_up_lease ON task (leased_until) WHERE kind = 'follow_up' AND closed_at IS NULL;
