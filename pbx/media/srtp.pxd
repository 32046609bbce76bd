# Types of srtp.py, applied when it is compiled.
cimport cython
from pbx.media.srtp_native cimport srtp_call

cdef long long REPLAYED, UNAUTHENTICATED, UNKEYED, BUFFER, REPLAY_FAIL, REPLAY_OLD, MAX_STREAMS
cdef long long PROTECT, UNPROTECT, TRAILER

cdef class Srtp:
    cdef signed char[::1] secured, ice
    cdef long long[::1] hears, speaks, ssrc, streams, nominated_address, nominated_port
    cdef unsigned char[::1] sealed

    cdef long long open(self, long long leg) except -1 nogil
    cdef long long secure(self, long long leg, long long hears, long long speaks, long long ice) except -1 nogil
    cdef long long nominate(self, long long leg, long long address, long long port) except -1 nogil
    cdef long long is_nominated(self, long long leg, long long address, long long port) except -1 nogil
    @cython.locals(session=cython.longlong, ssrc=cython.longlong, got=cython.longlong)
    cdef long long unprotect(self, long long leg, unsigned char[::1] buf, long long n) except? -1 nogil
    @cython.locals(session=cython.longlong, i=cython.longlong)
    cdef long long protect(self, long long leg, unsigned char[::1] buf, long long n) except? -1 nogil
