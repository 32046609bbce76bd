# Types of slot_clock.py, applied when it is compiled.
cimport cython

cdef long long SLOTS, SLOT_NS, STALL_NS, NONE

cdef class SlotClock:
    cdef signed char[::1] running
    cdef int[::1] after, before, slot_first
    cdef long long[::1] slot_of, slot_size
    cdef long long size, slot, due

    @cython.locals(best=cython.longlong, slot=cython.longlong, first=cython.int)
    cdef long long add(self, long long one, long long now) except -1 nogil
    @cython.locals(before=cython.int, after=cython.int)
    cdef long long remove(self, long long one) except -1 nogil
    @cython.locals(empty=cython.longlong, due=cython.longlong)
    cdef long long next_due(self, long long otherwise) except -1 nogil
    cdef long long skip_stall(self, long long now) except -1 nogil
    cdef long long is_due(self, long long now) except -1 nogil
    cdef long long first(self) except? -1 nogil
    cdef long long next_one(self, long long one) except? -1 nogil
    cdef long long next_slot(self) except -1 nogil
