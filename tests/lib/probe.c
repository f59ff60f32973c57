// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * probe - what a stranger sees of one TCP port, over IPv4 and IPv6, every millisecond.
 *
 *	probe PORT SOURCE4 TARGET4 SOURCE6 TARGET6		until SIGTERM
 *	probe -o PORT SOURCE4 TARGET4 SOURCE6 TARGET6		for 40 ms
 *	probe -b PORT SOURCE4 TARGET4 SOURCE6 TARGET6		as the first, and beside it a process that only sleeps and works
 *
 * Each probe is one bare SYN from a raw socket, with a source port of its own. The answer is SYN-ACK ("listening": the
 * way is open and somebody is there), RST ("refusing": the way is open, nobody is there) or none ("silent"). The kernel on
 * this side answers a SYN-ACK with RST, so that no handshake is ever completed and accept() of the other side sees nothing.
 *
 * If it may, it runs ahead of all processes of ordinary priority. A window that falls into a gap all the same is known by the
 * SYN-ACK that another one of this side, the CA, got in it: that one's SYN counts as a probe.
 *
 * While it runs, one line, at once, when the first SYNs are sent, and when a family begins to answer:
 *	begin
 *	answer FAMILY STATE SECONDS
 * At the end, times being CLOCK_REALTIME at the sending of a SYN:
 *	interval FAMILY STATE FROM TO DURATION PROBES
 *	total FAMILY probes N open S listening S first STATE last STATE gap S
 *	beside S
 * "open" is the time not silent, "gap" the longest time without a probe, which bounds what can have been missed. "beside" is the
 * longest time that a process which sleeps for 20 ms and then works for 2 had to wait for the processor: what the machine takes
 * from anybody who has to act.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 600000 /* probes of one family: ten minutes */
#define PORTS 19000 /* more than the ten seconds for which conntrack remembers a reset connection */
#define FIRST_PORT 10000
#define ONCE_PORT 29000 /* of the short one, which may run beside a long one */
#define ONCE_PORTS 3700 /* below the ephemeral ones */
#define INTERVAL 0.001	/* times RIG_SLOWER: on a machine that is emulated, so many probes would be all that it does */
#define PATIENCE 0.03	/* for the last answers; more on a machine that has kept us waiting */
#define GAP 0.01	/* so long without a probe is a gap; times RIG_SLOWER */
#define MOST_VISITS 20000
#define BESIDE_SLEEP 0.02
#define BESIDE_WORK 0.002 /* of the processor; closing takes a process about that */

static double interval = INTERVAL, shortest_gap = GAP;

enum state { SILENT, REFUSING, LISTENING };
static const char *const words[] = { "silent", "refusing", "listening" };

struct family {
	int number, fd;
	struct sockaddr_storage source, target;
	socklen_t length;
	double *sent;
	unsigned char *state;
	int count;
	bool answered;
	double visits[MOST_VISITS]; /* when the port answered others */
	int visit_count;
};

static volatile sig_atomic_t stopped;
static int first_port = FIRST_PORT, ports = PORTS;
static int first_slot; /* follows the clock: a probe that begins now does not use the ports of one that has just ended */

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static double read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
	return read_clock(CLOCK_REALTIME);
}

/* Begun late, it counts as late until it is done: the last round may be the worst. */
struct beside {
	double begun, worst;
};

/* Never returns; ends with its parent. */
static void sleep_and_work(struct beside *beside)
{
	const struct timespec pause = { 0, (long)(BESIDE_SLEEP * 1e9) };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	for (;;) {
		double work, late;

		beside->begun = read_clock(CLOCK_MONOTONIC);
		nanosleep(&pause, NULL);
		work = read_clock(CLOCK_THREAD_CPUTIME_ID) + BESIDE_WORK;
		while (read_clock(CLOCK_THREAD_CPUTIME_ID) < work)
			;
		late = read_clock(CLOCK_MONOTONIC) - beside->begun - BESIDE_SLEEP - BESIDE_WORK;
		if (late > beside->worst)
			beside->worst = late;
	}
}

/* The process beside stays where everybody is. */
static void go_ahead(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	(void)sched_setscheduler(0, SCHED_FIFO, &first);
}

static struct beside *start_beside(void)
{
	struct beside *beside = mmap(NULL, sizeof(*beside), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = beside == MAP_FAILED ? -1 : fork();

	if (pid < 0) {
		perror("probe");
		exit(1);
	}
	if (pid == 0)
		sleep_and_work(beside);
	return beside;
}

static double worst_beside(const struct beside *beside)
{
	double late = beside->begun > 0 ? read_clock(CLOCK_MONOTONIC) - beside->begun - BESIDE_SLEEP - BESIDE_WORK : 0;

	return late > beside->worst ? late : beside->worst;
}

static uint32_t add(uint32_t sum, const void *data, size_t length)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	return sum;
}

/* RFC 9293, 3.1. For IPv6 the kernel does it, see IPV6_CHECKSUM. */
static uint16_t checksum4(const struct family *family, const struct tcphdr *header)
{
	const struct sockaddr_in *source = (const void *)&family->source, *target = (const void *)&family->target;
	uint32_t sum = IPPROTO_TCP + sizeof(*header);

	sum = add(sum, &source->sin_addr, sizeof(source->sin_addr));
	sum = add(sum, &target->sin_addr, sizeof(target->sin_addr));
	sum = add(sum, header, sizeof(*header));
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void address(struct family *family, struct sockaddr_storage *out, const char *text)
{
	struct sockaddr_in *four = (void *)out;
	struct sockaddr_in6 *six = (void *)out;
	void *where = family->number == 4 ? (void *)&four->sin_addr : (void *)&six->sin6_addr;

	memset(out, 0, sizeof(*out));
	out->ss_family = family->number == 4 ? AF_INET : AF_INET6;
	family->length = family->number == 4 ? sizeof(*four) : sizeof(*six);
	if (inet_pton(out->ss_family, text, where) != 1) {
		fprintf(stderr, "probe: %s is not an IPv%d address\n", text, family->number);
		exit(2);
	}
}

static void start(struct family *family, int number, const char *source, const char *target)
{
	int room = 4 << 20, offset = 16, on = 1;

	family->number = number;
	address(family, &family->source, source);
	address(family, &family->target, target);
	family->sent = calloc(MOST, sizeof(*family->sent));
	family->state = calloc(MOST, 1);
	family->fd = socket(family->target.ss_family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	if (!family->sent || !family->state || family->fd < 0) {
		perror("probe");
		exit(1);
	}
	setsockopt(family->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (setsockopt(family->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    (number == 6 && setsockopt(family->fd, IPPROTO_IPV6, IPV6_CHECKSUM, &offset, sizeof(offset)) < 0) ||
	    bind(family->fd, (void *)&family->source, family->length) < 0) {
		perror("probe");
		exit(1);
	}
}

static void ask(struct family *family, uint16_t port)
{
	struct tcphdr header = { 0 };

	if (family->count == MOST)
		return;
	header.source = htons((uint16_t)(first_port + (first_slot + family->count) % ports));
	header.dest = htons(port);
	header.seq = htonl((uint32_t)family->count * 7919U);
	header.doff = 5;
	header.syn = 1;
	header.window = htons(1024);
	if (family->number == 4)
		header.check = checksum4(family, &header);
	family->sent[family->count] = now();
	/* An error is silence: that is what "no route" looks like from outside as well. */
	(void)!sendto(family->fd, &header, sizeof(header), 0, (void *)&family->target, family->length);
	family->count++;
}

static void note_visit(struct family *family, double at)
{
	if (family->visit_count < MOST_VISITS)
		family->visits[family->visit_count++] = at;
}

static void note(struct family *family, uint16_t port, const struct tcphdr *header, double at)
{
	int slot = ntohs(header->dest) - first_port, last = family->count - 1, probe;
	enum state state;

	if (ntohs(header->source) != port || last < 0)
		return;
	if (slot < 0 || slot >= ports) {
		if (header->syn && header->ack)
			note_visit(family, at);
		return;
	}
	probe = last - ((first_slot + last) % ports - slot + ports) % ports;
	if (probe < 0)
		return;
	if (header->syn && header->ack)
		state = LISTENING;
	else if (header->rst)
		state = REFUSING;
	else
		return;
	if (!family->answered || (probe && family->state[probe - 1] == SILENT))
		printf("answer %d %s %.6f\n", family->number, words[state], family->sent[probe]);
	family->answered = true;
	if (family->state[probe] < state)
		family->state[probe] = (unsigned char)state;
}

/* When the kernel got it, which may be long before it is read. */
static double received_at(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	struct timespec t;

	if (!control || control->cmsg_type != SCM_TIMESTAMPNS)
		return now();
	memcpy(&t, CMSG_DATA(control), sizeof(t));
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void hear(struct family *family, uint16_t port)
{
	unsigned char packet[2048];
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct tcphdr header;

	for (int i = 0; i < 1000; i++) {
		struct iovec part = { packet, sizeof(packet) };
		struct msghdr message = {
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
		};
		ssize_t n = recvmsg(family->fd, &message, 0);
		/* A raw socket shows the IPv4 header, and hides the IPv6 one. */
		size_t skip = family->number == 4 && n > 0 ? (size_t)(packet[0] & 15) * 4 : 0;

		if (n < 0)
			return;
		if ((size_t)n < skip + sizeof(header))
			continue;
		memcpy(&header, packet + skip, sizeof(header));
		note(family, port, &header, received_at(&message));
	}
}

static void listen_until(struct family families[2], uint16_t port, double end)
{
	for (double left = end - now(); left > 0; left = end - now()) {
		struct pollfd polls[] = { { families[0].fd, POLLIN, 0 }, { families[1].fd, POLLIN, 0 } };
		struct timespec t = { 0, (long)(left * 1e9) };

		if (ppoll(polls, 2, &t, NULL) < 0)
			return;
		for (int i = 0; i < 2; i++)
			if (polls[i].revents)
				hear(&families[i], port);
	}
}

static double longest_gap(const struct family *family)
{
	double gap = 0;

	for (int i = 1; i < family->count; i++)
		if (family->sent[i] - family->sent[i - 1] > gap)
			gap = family->sent[i] - family->sent[i - 1];
	return gap;
}

static void insert(struct family *family, int at, double sent)
{
	size_t behind = (size_t)(family->count++ - at);

	memmove(&family->sent[at + 1], &family->sent[at], behind * sizeof(*family->sent));
	memmove(&family->state[at + 1], &family->state[at], behind);
	family->sent[at] = sent;
	family->state[at] = LISTENING;
}

/* A visit between two silent probes around a gap is a window that neither has seen. */
static void add_visits(struct family *family)
{
	for (int i = 0, visit = 0; i + 1 < family->count && family->count < MOST; i++) {
		while (visit < family->visit_count && family->visits[visit] < family->sent[i])
			visit++;
		if (visit < family->visit_count && family->visits[visit] < family->sent[i + 1] &&
		    family->sent[i + 1] - family->sent[i] > shortest_gap && !family->state[i] && !family->state[i + 1])
			insert(family, i + 1, family->visits[visit]);
	}
}

static void report(struct family *family)
{
	double open = 0, listening = 0, gap = longest_gap(family);

	add_visits(family);
	for (int from = 0, i = 1; i <= family->count; i++) {
		bool last = i == family->count;
		double duration;

		if (!last && family->state[i] == family->state[from])
			continue;
		duration = family->sent[last ? i - 1 : i] - family->sent[from];
		printf("interval %d %s %.6f %.6f %.6f %d\n", family->number, words[family->state[from]], family->sent[from],
		       family->sent[last ? i - 1 : i], duration, i - from);
		if (family->state[from] != SILENT)
			open += duration;
		if (family->state[from] == LISTENING)
			listening += duration;
		from = i;
	}
	if (family->count)
		printf("total %d probes %d open %.6f listening %.6f first %s last %s gap %.6f\n", family->number, family->count,
		       open, listening, words[family->state[0]], words[family->state[family->count - 1]], gap);
}

int main(int argc, char **argv)
{
	static struct family families[2];
	bool once = argc > 1 && !strcmp(argv[1], "-o"), watched = argc > 1 && !strcmp(argv[1], "-b");
	char **argument = argv + 1 + (once || watched);
	struct beside *beside = NULL;
	uint16_t port;
	double next, end;
	bool begun = false;

	if (once) {
		first_port = ONCE_PORT;
		ports = ONCE_PORTS;
	}
	if (argc - (once || watched) != 6) {
		fprintf(stderr, "usage: probe [-o|-b] PORT SOURCE4 TARGET4 SOURCE6 TARGET6\n");
		return 2;
	}
	if (getenv("RIG_SLOWER"))
		interval *= atof(getenv("RIG_SLOWER")), shortest_gap *= atof(getenv("RIG_SLOWER"));
	first_slot = (int)((int64_t)(now() / interval) % ports);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (watched)
		beside = start_beside();
	go_ahead();
	port = (uint16_t)strtoul(argument[0], NULL, 10);
	start(&families[0], 4, argument[1], argument[2]);
	start(&families[1], 6, argument[3], argument[4]);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	next = now();
	end = next + (once ? 0.04 : MOST * INTERVAL);
	while (!stopped && now() < end) {
		ask(&families[0], port);
		ask(&families[1], port);
		if (!begun && !once)
			puts("begin");
		begun = true;
		next += interval;
		if (next < now() - 0.2) /* the machine stood still: the gap is in the report, a burst would help nobody */
			next = now();
		listen_until(families, port, next);
	}
	/* A last look, after what the signal ended. */
	ask(&families[0], port);
	ask(&families[1], port);
	end = 3 * longest_gap(&families[0]);
	listen_until(families, port, now() + PATIENCE + (end < 1 ? end : 1));
	report(&families[0]);
	report(&families[1]);
	if (beside)
		printf("beside %.6f\n", worst_beside(beside));
	return 0;
}
