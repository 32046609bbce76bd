/* bare - the least that a relay in user space can do: no checks, no RTP, packets from one port of a pair out of the
 * other (loopback use).  What it costs is the floor for a relay on this machine.
 *
 * args: FIRST PHONES COUNT HOW [MICROSECONDS]
 *   listens on FIRST, FIRST+2, ... (COUNT ports, pairs of neighbours); phones are at PHONES, PHONES+2, ...
 *   HOW has letters: c  connected sockets: no look-up of the route
 *                    m  recvmmsg and sendmmsg, up to 4 packets of a socket
 *                    g  packets gather for MICROSECONDS after each look that found none
 *                    p  none of these: epoll_wait, recvfrom, sendto
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define MOST 4096
#define AT_ONCE 4
#define LONGEST 2048

static int fds[MOST];
static struct sockaddr_in phones[MOST];
static uint8_t packets[AT_ONCE][LONGEST];

static void relay_one(int from, int connected) {
	int to = from ^ 1;
	struct sockaddr_in source;
	socklen_t size = sizeof source;
	ssize_t n = connected ? recv(fds[from], packets[0], LONGEST, MSG_DONTWAIT)
			      : recvfrom(fds[from], packets[0], LONGEST, MSG_DONTWAIT, (struct sockaddr *)&source, &size);
	if (n <= 0) return;
	if (connected) send(fds[to], packets[0], n, MSG_DONTWAIT);
	else sendto(fds[to], packets[0], n, MSG_DONTWAIT, (struct sockaddr *)&phones[to], sizeof phones[to]);
}

static void relay_some(int from, int connected) {
	struct mmsghdr messages[AT_ONCE];
	struct iovec parts[AT_ONCE];
	struct sockaddr_in sources[AT_ONCE];
	int to = from ^ 1;
	for (int i = 0; i < AT_ONCE; i++) {
		parts[i] = (struct iovec){ packets[i], LONGEST };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
		if (!connected) { messages[i].msg_hdr.msg_name = &sources[i]; messages[i].msg_hdr.msg_namelen = sizeof sources[i]; }
	}
	int n = recvmmsg(fds[from], messages, AT_ONCE, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		parts[i].iov_len = messages[i].msg_len;
		messages[i].msg_hdr.msg_name = connected ? NULL : &phones[to];
		messages[i].msg_hdr.msg_namelen = connected ? 0 : sizeof phones[to];
	}
	if (n > 0) sendmmsg(fds[to], messages, n, MSG_DONTWAIT);
}

int main(int argc, char **argv) {
	if (argc < 5) return 2;
	int first = atoi(argv[1]), phone = atoi(argv[2]), count = atoi(argv[3]);
	int connected = !!strchr(argv[4], 'c'), many = !!strchr(argv[4], 'm'), gathers = !!strchr(argv[4], 'g');
	struct timespec moment = { 0, 1000L * (argc > 5 ? atol(argv[5]) : 0) };
	int poll = epoll_create1(0);
	for (int i = 0; i < count && i < MOST; i++) {
		struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(first + 2 * i), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
		phones[i] = own;
		phones[i].sin_port = htons(phone + 2 * i);
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (bind(fds[i], (struct sockaddr *)&own, sizeof own) < 0) { perror("bind"); return 2; }
		if (connected) connect(fds[i], (struct sockaddr *)&phones[i], sizeof phones[i]);
		epoll_ctl(poll, EPOLL_CTL_ADD, fds[i], &event);
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[256];
		int ready = epoll_wait(poll, events, 256, gathers ? 0 : -1);
		if (!ready) {
			nanosleep(&moment, NULL);
			ready = epoll_wait(poll, events, 256, 0);
		}
		for (int i = 0; i < ready; i++) {
			if (many) relay_some(events[i].data.u32, connected);
			else relay_one(events[i].data.u32, connected);
		}
	}
}
