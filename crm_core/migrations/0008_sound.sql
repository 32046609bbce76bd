-- How calls sounded, and how their time was spent.

CREATE TABLE leg_sound (
    leg               uuid PRIMARY KEY,
    call_id           uuid NOT NULL REFERENCES call ON DELETE CASCADE,
    extension         text,                     -- NULL: the outside party's
    codec             text NOT NULL,
    ended_at          timestamptz NOT NULL,
    received          bigint NOT NULL,          -- packets
    lost              bigint NOT NULL,
    remote_lost       bigint NOT NULL,          -- of what it was sent, as it says
    jitter_ms         double precision NOT NULL,
    round_trip_ms     double precision,
    mos               double precision,         -- of what came from it
    remote_mos        double precision,         -- of what it heard
    worst_mos         double precision,         -- of either, in any five seconds
    joined_seconds    double precision NOT NULL,
    talk_seconds      double precision NOT NULL,
    overtalk_seconds  double precision NOT NULL,
    silence_seconds   double precision NOT NULL
);
CREATE INDEX leg_sound_call ON leg_sound (call_id);

-- Who holds the other side now, since when somebody does, and for how long it was in all.
ALTER TABLE call
    ADD COLUMN held_by       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN held_since    timestamptz,
    ADD COLUMN held_seconds  double precision NOT NULL DEFAULT 0;
