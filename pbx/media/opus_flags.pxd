# Types of opus_flags.py, applied when it is compiled.
cimport cython

cdef long long CELT, HYBRID, STEREO, FRAMES, ANY_NUMBER, LONG_LENGTH, UNKNOWN

cdef class OpusFlags:
    @cython.locals(toc=cython.longlong, first=cython.longlong, flags=cython.longlong, heard=cython.longlong)
    cdef long long voice(self, unsigned char[::1] buf, long long start, long long end) except? -1 nogil
