# Types of mailbox.py, applied when it is compiled.
cimport cython
from pbx.media.udp_native cimport signal_add, signal_take

cdef long long CELLS

cdef class Mailbox:
    cdef long long[::1] cells
    cdef long long rows, written, taken, refused
    cdef int fd

    @cython.locals(at=cython.longlong)
    cdef long long put(self, long long spare, long long kind, long long a, long long b, long long c) except -1 nogil
    cdef long long announced(self) except -1 nogil
    cdef long long first(self) except -1 nogil
    cdef long long next(self) except -1 nogil
