# Types of sound_codecs.py, applied when it is compiled.
cimport cython
from pbx.media.codec_native cimport (
    g722_decode, g722_encode, gsm_decode, gsm_encode, opus_decode, opus_encode, opus_tune, speex_decode, speex_encode
)
from pbx.media.comfort_noise cimport ComfortNoise
from pbx.media.concealment cimport Concealment
from pbx.media.opus_flags cimport OpusFlags
from pbx.media.resampling cimport Resampler
from pbx.media.speex_frames cimport SpeexFrames

cdef long long LEND, ULAW, ALAW, GSM, SPEEX, SPEEX_WIDE, G722, OPUS, CALLS, CODECS, HEADER, FRAMES_A_SECOND, NARROW, WIDE, OPUS_CLOCK
cdef long long LONGEST, OPUS_PAUSE, GSM_FRAME, MOST_OCTETS, DECODINGS, ENCODINGS, MASK16, MASK32, HALF32

cdef class SoundCodecs:
    cdef long long legs, bits
    cdef long long[::1] codec, encoder, decoder, calls
    cdef short[::1] decoding, sound, linear
    cdef long long[::1] stamp, ticked
    cdef unsigned char[::1] encoding, payload
    cdef Concealment concealment
    cdef ComfortNoise noise
    cdef SpeexFrames speex
    cdef OpusFlags flags
    cdef Resampler inward, outward

    cdef long long obey(self, long long what, long long leg, long long at, long long[::1] cells) except -1 nogil
    cdef long long lend(self, long long leg, long long encoder, long long decoder, long long monitor) except -1 nogil
    cdef long long tune(self, long long leg, long long request, long long value) except -1 nogil
    cdef long long choose(self, long long leg, long long codec) except -1 nogil
    cdef long long begin(self, long long leg, long long codec) except -1 nogil
    cdef long long ticks(self, long long leg) except -1 nogil
    cdef long long clock_of(self, long long codec) except -1 nogil
    cdef long long rate_of(self, long long codec) except -1 nogil
    cdef long long common_rate(self, long long leg, long long other) except -1 nogil
    cdef long long is_g711(self, long long codec) except -1 nogil
    cdef long long is_shared(self, long long codec) except -1 nogil
    @cython.locals(got=cython.longlong)
    cdef long long decode(self, long long leg, unsigned char[::1] buf, long long start, long long end, short[::1] out,
                          long long at, long long rate) except -1 nogil
    @cython.locals(lane=cython.longlong)
    cdef long long monitor(self, long long leg, unsigned char[::1] buf, long long start, long long end) except -1 nogil
    @cython.locals(count=cython.longlong, i=cython.longlong)
    cdef long long translate(self, long long leg, unsigned char[::1] buf, long long n, unsigned char[::1] out) except -1 nogil
    cdef long long narrow_stamp(self, long long leg, long long stamp) except -1 nogil
    @cython.locals(most=cython.longlong, at_calls=cython.longlong, got=cython.longlong)
    cdef long long conceal(self, long long leg, short[::1] out, long long at, long long count, long long rate) except -1 nogil
    @cython.locals(most=cython.longlong, call=cython.longlong, got=cython.longlong)
    cdef long long recover(self, long long leg, unsigned char[::1] buf, long long start, long long end, short[::1] out,
                           long long at, long long count, long long rate) except -1 nogil
    cdef long long may_pause(self, long long leg, unsigned char[::1] buf, long long start, long long end) except -1 nogil
    @cython.locals(table=cython.longlong, i=cython.longlong)
    cdef long long decode_g711(self, long long law, unsigned char[::1] buf, long long start, long long end, short[::1] out,
                               long long at) except -1 nogil
    @cython.locals(codec=cython.longlong, state=cython.longlong, call=cython.longlong)
    cdef long long unpack(self, long long lane, unsigned char[::1] buf, long long start, long long end) except -1 nogil
    @cython.locals(done=cython.longlong, got=cython.longlong)
    cdef long long unpack_gsm(self, long long state, unsigned char[::1] buf, long long start, long long end) except -1 nogil
    @cython.locals(own=cython.longlong, i=cython.longlong)
    cdef long long fit(self, long long lane, long long count, short[::1] out, long long at, long long rate) except -1 nogil
    cdef long long frame_of(self, long long codec) except -1 nogil
    @cython.locals(codec=cython.longlong, count=cython.longlong, own=cython.longlong, table=cython.longlong,
                   n=cython.longlong, i=cython.longlong)
    cdef long long encode(self, long long leg, short[::1] frame, long long at, long long rate, unsigned char[::1] buf) except -1 nogil
    @cython.locals(state=cython.longlong, call=cython.longlong, n=cython.longlong)
    cdef long long pack(self, long long leg, long long codec, long long count) except -1 nogil
