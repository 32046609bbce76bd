# The calls into the system's codec libraries, compiled. `codec_python.py` has the same functions by ctypes.
# `calls`: the addresses of a codec's functions, as `codec_libraries` found them, six a codec; `state`: what a library
# keeps of one stream. Both are numbers to the engine. Each function takes its bounds from the buffers themselves.

ctypedef int (*opus_encode_t)(void *, const short *, int, unsigned char *, int) noexcept nogil
ctypedef int (*opus_decode_t)(void *, const unsigned char *, int, short *, int, int) noexcept nogil
ctypedef int (*opus_tune_t)(void *, int, ...) noexcept nogil
ctypedef int (*g722_encode_t)(void *, unsigned char *, const short *, int) noexcept nogil
ctypedef int (*g722_decode_t)(void *, short *, const unsigned char *, int) noexcept nogil
ctypedef void (*gsm_encode_t)(void *, const short *, unsigned char *) noexcept nogil
ctypedef int (*gsm_decode_t)(void *, const unsigned char *, short *) noexcept nogil
ctypedef int (*speex_encode_t)(void *, const short *, void *) noexcept nogil
ctypedef int (*speex_decode_t)(void *, void *, short *) noexcept nogil
ctypedef void (*speex_reset_t)(void *) noexcept nogil
ctypedef int (*speex_write_t)(void *, unsigned char *, int) noexcept nogil
ctypedef void (*speex_read_t)(void *, const unsigned char *, int) noexcept nogil


# The octets written to `buf[start:]`; 0 when there is no room, or the library refuses.
cdef inline long long opus_encode(long long[::1] calls, long long at, long long state, short[::1] sound, long long count,
                                  unsigned char[::1] buf, long long start) noexcept nogil:
    if state == 0 or count < 1 or count > sound.shape[0] or start < 0 or start >= buf.shape[0]:
        return 0
    cdef int n = (<opus_encode_t> <void *> <size_t> calls[at])(<void *> <size_t> state, &sound[0], <int> count, &buf[start],
                                                               <int> (buf.shape[0] - start))
    return n if n > 0 else 0

# The samples written to `sound[0:]`, at most `most`. No payload (`end == start`): `most` samples of concealment. `again`: of
# what the payload says of the sound before its own, `most` samples long (RFC 6716 §2.1.7).
cdef inline long long opus_decode(long long[::1] calls, long long at, long long state, unsigned char[::1] buf, long long start,
                                  long long end, short[::1] sound, long long most, long long again) noexcept nogil:
    if state == 0 or start < 0 or end < start or end > buf.shape[0] or most < 1 or most > sound.shape[0]:
        return 0
    cdef const unsigned char *payload = &buf[start] if end > start else NULL
    cdef int n = (<opus_decode_t> <void *> <size_t> calls[at])(<void *> <size_t> state, payload, <int> (end - start), &sound[0],
                                                               <int> most, <int> again)
    return n if n > 0 else 0

# One setting of an encoder: `request` is an OPUS_SET_…_REQUEST of opus_defines.h.
cdef inline long long opus_tune(long long[::1] calls, long long at, long long state, long long request,
                                long long value) noexcept nogil:
    if state == 0:
        return 0
    return (<opus_tune_t> <void *> <size_t> calls[at])(<void *> <size_t> state, <int> request, <int> value)

cdef inline long long g722_encode(long long[::1] calls, long long at, long long state, short[::1] sound, long long count,
                                  unsigned char[::1] buf, long long start) noexcept nogil:
    if state == 0 or count < 2 or count > sound.shape[0] or start < 0 or start + (count >> 1) > buf.shape[0]:
        return 0
    return (<g722_encode_t> <void *> <size_t> calls[at])(<void *> <size_t> state, &buf[start], &sound[0], <int> (count & ~1))

cdef inline long long g722_decode(long long[::1] calls, long long at, long long state, unsigned char[::1] buf, long long start,
                                  long long end, short[::1] sound) noexcept nogil:
    if state == 0 or start < 0 or end <= start or end > buf.shape[0] or 2 * (end - start) > sound.shape[0]:
        return 0
    return (<g722_decode_t> <void *> <size_t> calls[at])(<void *> <size_t> state, &sound[0], &buf[start], <int> (end - start))

# One frame: 160 samples, 33 octets.
cdef inline long long gsm_encode(long long[::1] calls, long long at, long long state, short[::1] sound, long long first,
                                 unsigned char[::1] buf, long long start) noexcept nogil:
    if state == 0 or first < 0 or first + 160 > sound.shape[0] or start < 0 or start + 33 > buf.shape[0]:
        return 0
    (<gsm_encode_t> <void *> <size_t> calls[at])(<void *> <size_t> state, &sound[first], &buf[start])
    return 33

cdef inline long long gsm_decode(long long[::1] calls, long long at, long long state, unsigned char[::1] buf, long long start,
                                 short[::1] sound, long long first) noexcept nogil:
    if state == 0 or start < 0 or start + 33 > buf.shape[0] or first < 0 or first + 160 > sound.shape[0]:
        return 0
    if (<gsm_decode_t> <void *> <size_t> calls[at])(<void *> <size_t> state, &buf[start], &sound[first]) < 0:
        return 0
    return 160

# Speex: one frame of `count` samples. `bits`: the library's SpeexBits; the calls are encode, decode, reset, write, read.
cdef inline long long speex_encode(long long[::1] calls, long long at, long long state, long long bits, short[::1] sound,
                                   long long count, unsigned char[::1] buf, long long start) noexcept nogil:
    if state == 0 or bits == 0 or count < 1 or count > sound.shape[0] or start < 0 or start >= buf.shape[0]:
        return 0
    (<speex_reset_t> <void *> <size_t> calls[at + 2])(<void *> <size_t> bits)
    (<speex_encode_t> <void *> <size_t> calls[at])(<void *> <size_t> state, &sound[0], <void *> <size_t> bits)
    return (<speex_write_t> <void *> <size_t> calls[at + 3])(<void *> <size_t> bits, &buf[start], <int> (buf.shape[0] - start))

# All frames of a payload; no payload (`end == start`): one frame of concealment.
cdef inline long long speex_decode(long long[::1] calls, long long at, long long state, long long bits, unsigned char[::1] buf,
                                   long long start, long long end, short[::1] sound, long long count) noexcept nogil:
    cdef long long done = 0
    cdef speex_decode_t decode = <speex_decode_t> <void *> <size_t> calls[at + 1]
    if state == 0 or bits == 0 or start < 0 or end < start or end > buf.shape[0] or count < 1 or count > sound.shape[0]:
        return 0
    if end == start:
        return count if decode(<void *> <size_t> state, NULL, &sound[0]) == 0 else 0
    (<speex_read_t> <void *> <size_t> calls[at + 4])(<void *> <size_t> bits, &buf[start], <int> (end - start))
    while done + count <= sound.shape[0] and decode(<void *> <size_t> state, <void *> <size_t> bits, &sound[done]) == 0:
        done += count
    return done
