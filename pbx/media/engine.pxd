# Types of engine.py, applied when it is compiled.
cimport cython
from pbx.media.comfort_noise cimport ComfortNoise
from pbx.media.datagram cimport Datagram
from pbx.media.datagram_box cimport DatagramBox
from pbx.media.inlet cimport Inlet
from pbx.media.jitter_buffer cimport JitterBuffer
from pbx.media.mailbox cimport Mailbox
from pbx.media.mixer cimport Mixer
from pbx.media.outlet cimport Outlet
from pbx.media.overhearing cimport Overhearing
from pbx.media.players cimport Players
from pbx.media.record_buffers cimport RecordBuffers
from pbx.media.rooms cimport Rooms
from pbx.media.slot_clock cimport SlotClock
from pbx.media.sound_codecs cimport SoundCodecs
from pbx.media.srtp cimport Srtp
from pbx.media.voice_meter cimport VoiceMeter
from pbx.media.udp_native cimport clock_ns, poll_add, poll_close, poll_new, poll_remove, poll_wait, udp_recv

cdef long long WAKE, OPEN, UPDATE, VOUCH, BRIDGE, UNBRIDGE, SEGMENT, PLAY, STOP_PLAY, DIGIT, CLOSE
cdef long long ROOM_OPEN, ROOM_STOP_PLAY, LATE
cdef long long CLOSED, MALFORMED, OVERSIZED, STRANGER, UNKNOWN_PAYLOAD, UNWANTED, UNROUTABLE, UNRECORDED
cdef long long CAUSES, COMMAND_TAG, BUFFER, HEADER, MARKER, NONE, MILLISECOND_NS, HOUSEKEEPING_NS, MASK16, MASK32, PLAY_CLOSED
cdef long long ALAW, LEND, HUSH, TUNE, ASIDE, EVENT_SPARE, NOMINATE, SECURE, UNASKED, UNLOCKED

cdef class Engine:
    cdef DatagramBox aside
    cdef Srtp srtp
    cdef Mailbox commands, events
    cdef Inlet inlet
    cdef Outlet outlet
    cdef RecordBuffers recorder
    cdef SoundCodecs codecs
    cdef JitterBuffer jitter
    cdef VoiceMeter voice
    cdef ComfortNoise noise
    cdef SlotClock slot_clock
    cdef Players players
    cdef Rooms rooms
    cdef Datagram datagram
    cdef Mixer mixer
    cdef long long legs
    cdef int top, poll
    cdef bint stopped
    cdef long long begun, finished, housekeeping_due
    cdef Overhearing overhearing
    cdef unsigned char[::1] buf
    cdef int[::1] ready, fd
    cdef signed char[::1] is_open, listening
    cdef long long[::1] law, drops

    @cython.locals(now=cython.longlong, count=cython.int)
    cpdef run(self)
    cpdef step(self, long long now)
    @cython.locals(due=cython.longlong)
    cdef long long patience(self, long long now) except -1 nogil
    @cython.locals(number=cython.int, leg=cython.int)
    cdef long long turn(self, int count, long long now) except -1 nogil
    @cython.locals(one=cython.longlong, after=cython.longlong)
    cdef long long run_clock(self, long long now) except -1 nogil
    @cython.locals(got=cython.longlong, _=cython.longlong)
    cdef void take(self, int tag, long long now) noexcept nogil
    @cython.locals(latched=cython.longlong, start=cython.longlong, event=cython.longlong, stamp=cython.longlong, ssrc=cython.longlong)
    cdef long long receive(self, int leg, long long n, long long address, long long port, long long now) except -1 nogil
    @cython.locals(sequence=cython.longlong, passed=cython.longlong)
    cdef long long receive_event(self, int leg, long long n, long long event, long long stamp, long long ssrc, long long now) except -1 nogil
    cdef long long receive_sealed(self, int leg, long long n, long long address, long long port, long long now) except -1 nogil
    cdef long long hand_up(self, int leg, long long n, long long address, long long port) except -1 nogil
    cdef long long drop(self, int leg, long long cause) except -1 nogil
    @cython.locals(out=cython.longlong, source=cython.longlong, kind=cython.longlong, law=cython.longlong)
    cdef long long relay(self, long long leg, long long n, long long sequence, long long stamp, long long ssrc, long long event,
                         long long now) except -1 nogil
    cdef long long give_to_room(self, long long leg, long long n, long long sequence, long long stamp, long long ssrc,
                                long long event, long long now) except -1 nogil
    @cython.locals(what=cython.longlong, leg=cython.longlong)
    cdef void obey(self, long long at, long long now) noexcept nogil
    cdef long long obey_sound(self, long long what, long long leg, long long at, long long now) except -1 nogil
    @cython.locals(cause=cython.longlong)
    cdef long long open_leg(self, long long leg, long long at, long long now) except -1 nogil
    cdef long long update(self, long long leg, long long at, long long now) except -1 nogil
    @cython.locals(before_hears=cython.longlong, before_speaks=cython.longlong)
    cdef long long secure(self, long long leg, long long hears, long long speaks, long long ice) except -1 nogil
    cdef long long nominate(self, long long leg, long long address, long long port) except -1 nogil
    cdef long long vouch(self, long long leg, long long number, long long address, long long now) except -1 nogil
    cdef long long close_leg(self, long long leg, long long now) except -1 nogil
