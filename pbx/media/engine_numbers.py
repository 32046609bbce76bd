"""What the numbers in the rows between the engine and its control thread mean, and in its figures."""

from __future__ import annotations

# Commands: the first number of a row; what follows is said at `EngineControl`.
WAKE, OPEN, UPDATE, VOUCH, BRIDGE, UNBRIDGE, SEGMENT, PLAY, STOP_PLAY, DIGIT, RECORD, STOP_RECORD, CLOSE = range(13)
SECURE, NOMINATE = 50, 51  # see `srtp`
KEEP_SECRET = 61  # leg, on
TUNE = 62  # leg, request, value: a setting of its Opus encoder
LEND = 60  # leg, encoder, decoder, second decoder: addresses of a codec's states, for the UPDATE that follows
RECORD_LEG, PAUSE_RECORD = range(30, 32)
ROOM_OPEN, ROOM_CLOSE, JOIN, LEAVE, GAIN, MUTE, ROOM_PLAY, ROOM_STOP_PLAY = range(13, 21)

# Events: the first of four numbers.
DIGIT_HEARD = 1  # leg, event code, milliseconds
STARTED = 2  # leg
SILENT = 3  # leg, milliseconds, SILENCE_TOLD or LOSS_TOLD
PLAYBACK_ENDED = 4  # leg, playback, why
CLOSED = 5  # leg
RECORD_ENDED = 6  # slot
ASIDE = 20  # leg, length, address << 16 | port: the next datagram of the `DatagramBox`
UNLOCKED = 21  # leg, two sessions of libsrtp that nobody uses any more
QUIET = 30  # leg, milliseconds, QUIET_OVER or QUIET_TOLD
ROOM_PLAYBACK_ENDED = 7  # room, playback, why
ROOM_CLOSED = 8  # room

# What is known of a leg's sound.
NOTHING_HEARD, HEARD, SILENCE_TOLD, LOSS_TOLD = range(4)

# What is known of a leg's long silences.
QUIET_OVER, QUIET_TOLD = range(2)

# Why a playback ended.
PLAY_DONE, PLAY_STOPPED, PLAY_REPLACED, PLAY_CLOSED, PLAY_FAILED = range(5)

# Why packets were dropped: columns of a leg's drops.
MALFORMED, OVERSIZED, STRANGER, UNKNOWN_PAYLOAD, UNWANTED, UNROUTABLE, UNRECORDED = range(7)
UNKEYED, UNAUTHENTICATED, REPLAYED, UNASKED, LATE = range(7, 12)
CAUSES = 12

# How the source of a leg became known.
UNLATCHED, NAMED, LEARNT = range(3)

# What feeds a leg, beside another leg: NONE (the next packet begins anew), what it is played, its room, comfort noise.
PLAYED, MIXED, NOISE = -2, -3, -4

# Codecs, as the engine knows them. The first two are also rows of its translation table.
ULAW, ALAW, GSM, SPEEX, SPEEX_WIDE, G722, OPUS = range(7)
CODECS = 7
CALLS = 6  # functions of a codec's library

# What a packet is, by its payload type: sound is 0.
TOUCH, HUSH = 1, 2  # a telephone event, comfort noise

# Bounds.
NONE = -1
SOURCES = 4  # vouched addresses of a leg
SEGMENTS = 16  # prompts in one playback
DIGITS = 32  # digits waiting on one leg
RING = 32768  # samples a channel of a recording, 4.1 s: how long the disk may stand still before sound is lost
FRAME = 160  # octets of G.711 in 20 ms; prompts are whole frames
MEMBERS = 128  # legs in one room
VOICES = 4  # playbacks at once in one room
UNITY = 256  # a gain of 1
LOUDEST = 16 * UNITY  # the highest gain
