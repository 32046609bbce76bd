-- What the time around a segment was: ringing is from the offer of its leg, talk is the rest of it without hold.
ALTER TABLE segment
    ADD COLUMN leg          uuid,                       -- of the offer that was taken
    ADD COLUMN wait_seconds double precision,           -- in lines before it; NULL: came through none
    ADD COLUMN held_seconds double precision NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN waiting_since timestamptz;  -- joined the first of the lines in which it waits now
