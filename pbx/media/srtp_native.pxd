# libsrtp's functions for the compiled engine, called by their addresses: see `srtp_library.py`. `srtp_python.py` has the
# same function for the interpreted one. The bounds are taken from the buffer itself, as in `udp_native.pxd`.

ctypedef int (*srtp_function)(void *session, void *packet, int *length) noexcept nogil

# The new length, or less than 0: libsrtp's error.
cdef inline long long srtp_call(long long function, long long session, unsigned char[::1] buf, long long n, long long spare) noexcept nogil:
    cdef int length = <int> n
    cdef int status
    if n < 12 or n + spare > buf.shape[0]:
        return -1
    status = (<srtp_function> <size_t> function)(<void *> <size_t> session, &buf[0], &length)
    return -status if status else length
