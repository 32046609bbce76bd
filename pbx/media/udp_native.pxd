# The system calls of the media engine, compiled. `udp_python.py` has the same functions from the standard library.
# Each takes its bounds from the buffer itself: these lines are the only ones in the engine that see a pointer.

cdef extern from "<sys/socket.h>" nogil:
    int AF_INET, MSG_DONTWAIT, MSG_TRUNC
    cdef struct sockaddr:
        pass
    ssize_t c_recvfrom "recvfrom"(int fd, void *buf, size_t n, int flags, sockaddr *addr, unsigned int *length)
    ssize_t c_sendto "sendto"(int fd, const void *buf, size_t n, int flags, const sockaddr *addr, unsigned int length)

cdef extern from "<netinet/in.h>" nogil:
    cdef struct in_addr:
        unsigned int s_addr
    cdef struct sockaddr_in:
        unsigned short sin_family
        unsigned short sin_port
        in_addr sin_addr
    unsigned int htonl(unsigned int)
    unsigned int ntohl(unsigned int)
    unsigned short htons(unsigned short)
    unsigned short ntohs(unsigned short)

cdef extern from "<sys/epoll.h>" nogil:
    unsigned int EPOLLIN
    int EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CLOEXEC
    ctypedef union epoll_data_t:
        unsigned int u32
        unsigned long long u64
    cdef struct epoll_event:
        unsigned int events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event *ev)
    int epoll_wait(int epfd, epoll_event *events, int capacity, int timeout)

cdef extern from "<sys/eventfd.h>" nogil:
    ctypedef unsigned long long eventfd_t
    int c_eventfd_read "eventfd_read"(int fd, eventfd_t *value)
    int c_eventfd_write "eventfd_write"(int fd, eventfd_t value)

cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        long long tv_sec
        long long tv_nsec
    int CLOCK_MONOTONIC
    int c_clock_gettime "clock_gettime"(int clock, timespec *t)

cdef extern from "<unistd.h>" nogil:
    int c_close "close"(int fd)


# Length << 48 | address << 16 | port; -1 when nothing is there. A datagram longer than the buffer has the buffer's length + 1.
cdef inline long long udp_recv(int fd, unsigned char[::1] buf) noexcept nogil:
    cdef sockaddr_in source
    cdef unsigned int length = sizeof(source)
    cdef ssize_t n = c_recvfrom(fd, &buf[0], buf.shape[0], MSG_DONTWAIT | MSG_TRUNC, <sockaddr *> &source, &length)
    if n < 0:
        return -1
    if n > buf.shape[0]:
        n = buf.shape[0] + 1
    return (<long long> n) << 48 | (<long long> ntohl(source.sin_addr.s_addr)) << 16 | ntohs(source.sin_port)

# Octets sent; -1 when they could not be.
cdef inline int udp_send(int fd, unsigned char[::1] buf, Py_ssize_t n, long long address, long long port) noexcept nogil:
    cdef sockaddr_in target
    if n < 0 or n > buf.shape[0]:
        return -1
    target.sin_family = AF_INET
    target.sin_port = htons(<unsigned short> port)
    target.sin_addr.s_addr = htonl(<unsigned int> address)
    return <int> c_sendto(fd, &buf[0], n, MSG_DONTWAIT, <sockaddr *> &target, sizeof(target))

cdef inline int poll_new() noexcept nogil:
    return epoll_create1(EPOLL_CLOEXEC)

cdef inline int poll_close(int poll) noexcept nogil:
    return c_close(poll)

cdef inline int poll_add(int poll, int fd, int tag) noexcept nogil:
    cdef epoll_event event
    event.events = EPOLLIN
    event.data.u64 = 0
    event.data.u32 = <unsigned int> tag
    return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)

cdef inline int poll_remove(int poll, int fd) noexcept nogil:
    cdef epoll_event event
    return epoll_ctl(poll, EPOLL_CTL_DEL, fd, &event)

# The tags of the descriptors with something to read, at most as many as `tags` holds.
cdef inline int poll_wait(int poll, int[::1] tags, int timeout_ms) noexcept nogil:
    cdef epoll_event events[256]
    cdef int i
    cdef int n = epoll_wait(poll, events, 256 if tags.shape[0] >= 256 else <int> tags.shape[0], timeout_ms)
    for i in range(n):
        tags[i] = <int> events[i].data.u32
    return n if n > 0 else 0

# How often `signal_add` was called since the last time.
cdef inline long long signal_take(int fd) noexcept nogil:
    cdef eventfd_t value = 0
    if c_eventfd_read(fd, &value) != 0:
        return 0
    return <long long> value

cdef inline int signal_add(int fd) noexcept nogil:
    return c_eventfd_write(fd, 1)

cdef inline long long clock_ns() noexcept nogil:
    cdef timespec t
    c_clock_gettime(CLOCK_MONOTONIC, &t)
    return t.tv_sec * 1000000000 + t.tv_nsec
