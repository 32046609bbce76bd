# Types of speex_frames.py, applied when it is compiled.
cimport cython

cdef long long MODES, TERMINATOR, NARROW_HEAD, WIDE_HEAD

cdef class SpeexFrames:
    cdef long long[::1] narrow, wide

    @cython.locals(bits=cython.longlong, at=cython.longlong, frames=cython.longlong, layers=cython.longlong,
                   size=cython.longlong, mode=cython.longlong)
    cdef long long are_whole(self, unsigned char[::1] buf, long long start, long long end, long long bands) except -1 nogil
    @cython.locals(value=cython.longlong, i=cython.longlong)
    cdef long long read(self, unsigned char[::1] buf, long long start, long long at, long long count) except -1 nogil
