// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "between.h"
#include "skip_because.h"
#include "agent/agent.h"
#include "base/log.h"
#include "agent/request.h"
#include "base/wire.h"

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"
#define ANSWER TOKEN ".oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
#define GET(token) "GET /.well-known/acme-challenge/" token " HTTP/1.1\r\nHost: a.example\r\n\r\n"

static const char found[] = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
			    "X-Content-Type-Options: nosniff\r\nContent-Length: 87\r\nConnection: close\r\n\r\n" ANSWER;
static const char not_found[] = "HTTP/1.1 404 Not Found\r\n";

static struct fault fault;
static struct record record;
static int warden, client;
static in_port_t port4, port6;
static pid_t responder;
static char answer[8192];

static int listen_on(int family, in_port_t *port)
{
	struct sockaddr_storage any = { .ss_family = (sa_family_t)family };
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&any;
	struct sockaddr_in *four = (struct sockaddr_in *)&any;
	socklen_t length = family == AF_INET ? sizeof(*four) : sizeof(*six);
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	if (family == AF_INET)
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		six->sin6_addr = in6addr_loopback;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&any, length) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&any, &length) < 0)
		return -1;
	*port = family == AF_INET ? four->sin_port : six->sin6_port;
	return fd;
}

static void in_responder(const int wardens[2], const int clients[2], int four, int six)
{
	static const struct config config;
	int from[] = { wardens[1], clients[1], four, six };
	const int to[] = { FD_WARDEN, FD_CLIENT, FD_LISTEN_4, FD_LISTEN_6 };

	for (size_t i = 0; i < LENGTH_OF(from); i++) /* out of the way of the numbers that they are to get */
		from[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD, 40);
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	for (int fd = STDERR_FILENO + 1; fd < 40; fd++)
		close(fd);
	for (size_t i = 0; i < LENGTH_OF(from); i++)
		if (from[i] >= 0)
			dup2(from[i], to[i]);
	for (int fd = 40; fd < 64; fd++)
		close(fd);
	log_start("responder", true);
	_exit(responder_main(&config));
}

static void send_token(const char *token, const char *text)
{
	struct token data = { 0 };

	snprintf(data.token, sizeof(data.token), "%s", token);
	snprintf(data.key_authorization, sizeof(data.key_authorization), "%s", text);
	assert_int_equal(wire_send(client, VERB_TOKEN, 0, &data, sizeof(data), &fault), 0);
}

/* Starts it with one token that it knows before it says that it is ready. */
static int begin(void **state)
{
	int wardens[2], clients[2], four = listen_on(AF_INET, &port4), six = listen_on(AF_INET6, &port6);

	(void)state;
	if (wire_pair(wardens, &fault) < 0 || wire_pair(clients, &fault) < 0 || four < 0)
		return -1;
	warden = wardens[0];
	client = clients[0];
	send_token(TOKEN, ANSWER);
	responder = fork();
	if (!responder)
		in_responder(wardens, clients, four, six);
	close(wardens[1]);
	close(clients[1]);
	close(four);
	if (six < 0)
		port6 = 0;
	else
		close(six);
	return wire_receive(warden, &record, &fault) == 1 && record.verb == VERB_READY ? 0 : -1;
}

static int status_at_end(void)
{
	int status;

	waitpid(responder, &status, 0);
	responder = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int end(void **state)
{
	(void)state;
	close_fd(&warden);
	if (responder && status_at_end() != STATUS_DONE)
		return -1;
	close_fd(&client);
	return 0;
}

static int dial(int family)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback, .sin6_port = port6 };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = port4 };
	int fd = socket(family, SOCK_STREAM, 0);

	assert_int_equal(family == AF_INET ? connect(fd, (struct sockaddr *)&four, sizeof(four)) :
					     connect(fd, (struct sockaddr *)&six, sizeof(six)),
			 0);
	return fd;
}

/* Reads to the end. Returns the length, or -errno when the connection was reset. */
static ssize_t read_answer(int fd)
{
	size_t used = 0;
	ssize_t n;

	memset(answer, 0, sizeof(answer));
	while ((n = recv(fd, answer + used, sizeof(answer) - 1 - used, 0)) > 0)
		used += (size_t)n;
	return n < 0 ? -errno : (ssize_t)used;
}

static void ask_on(int fd, const void *request, size_t length, const char *expected)
{
	assert_int_equal(send(fd, request, length, MSG_NOSIGNAL), length);
	assert_true(read_answer(fd) > 0);
	assert_memory_equal(answer, expected, strlen(expected));
	close(fd);
}

static void ask(const char *request, const char *expected)
{
	ask_on(dial(AF_INET), request, strlen(request), expected);
}

static int64_t milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void a_token_is_served_and_told(void **state)
{
	const struct hit *hit = (const void *)record.data;

	(void)state;
	ask(GET(TOKEN), found);
	assert_int_equal(strlen(answer), strlen(found));
	assert_int_equal(wire_receive(client, &record, &fault), 1);
	assert_int_equal(record.verb, VERB_HIT);
	assert_string_equal(hit->token, TOKEN);
	assert_string_equal(hit->address, "127.0.0.1");
}

static void over_ipv6_too(void **state)
{
	const struct hit *hit = (const void *)record.data;

	(void)state;
	if (!port6)
		skip_because("there is no IPv6");
	ask_on(dial(AF_INET6), GET(TOKEN), strlen(GET(TOKEN)), found);
	assert_int_equal(wire_receive(client, &record, &fault), 1);
	assert_string_equal(hit->address, "::1");
}

static void later_tokens_are_known(void **state)
{
	char request[128], text[128], token[32];

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(token, sizeof(token), "token-%d", i);
		snprintf(text, sizeof(text), "%s.thumb", token);
		send_token(token, text);
	}
	snprintf(request, sizeof(request), GET("%s"), "token-199");
	ask(request, "HTTP/1.1 200 OK\r\n");
	assert_non_null(strstr(answer, "\r\n\r\ntoken-199.thumb"));
	ask(GET("token-200"), not_found);
	ask(GET("token-19"), "HTTP/1.1 200 OK\r\n");
	ask(GET("token-"), not_found);
}

/* Every other request gets the same answer, to the byte. */
static void all_else_is_one_404(void **state)
{
	static const char *const others[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"POST /.well-known/acme-challenge/" TOKEN " HTTP/1.1\r\n\r\n",
		GET("x"),
		GET(TOKEN "x"),
		GET("../" TOKEN),
		"garbage\r\n\r\n",
		"\x16\x03\x01",
		"GET /<script> HTTP/1.1\r\nX: <script>\r\n\r\n",
	};
	char first[sizeof(answer)];

	(void)state;
	ask(others[0], not_found);
	memcpy(first, answer, sizeof(first));
	for (size_t i = 1; i < LENGTH_OF(others); i++) {
		ask(others[i], not_found);
		assert_memory_equal(answer, first, sizeof(first));
	}
	assert_null(strstr(first, "script"));
}

static void a_request_may_come_in_pieces(void **state)
{
	const char *request = GET(TOKEN);
	int fd = dial(AF_INET);

	(void)state;
	for (size_t i = 0; i + 1 < strlen(request); i++) {
		assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
		usleep(200);
	}
	ask_on(fd, request + strlen(request) - 1, 1, found);
}

/* With bytes unread a close would be a reset, and the answer lost. */
static void a_long_request_still_gets_its_answer(void **state)
{
	static char request[64 * 1024];

	(void)state;
	memset(request, 'x', sizeof(request));
	for (int i = 0; i < 20; i++)
		ask_on(dial(AF_INET), request, sizeof(request), not_found);
	memcpy(request, GET(TOKEN), strlen(GET(TOKEN)));
	ask_on(dial(AF_INET), request, sizeof(request), found);
}

static void header_without_end_is_cut(void **state)
{
	static char request[REQUEST_SIZE];

	(void)state;
	memset(request, 'x', sizeof(request));
	memcpy(request, GET(TOKEN), strlen(GET(TOKEN)) - 2);
	ask_on(dial(AF_INET), request, sizeof(request), not_found);
}

static void the_silent_are_dropped_in_time(void **state)
{
	int silent = dial(AF_INET), slow = dial(AF_INET), lingering = dial(AF_INET);
	int64_t start = milliseconds();

	(void)state;
	assert_int_equal(send(slow, "GET /", 5, 0), 5);
	assert_int_equal(send(lingering, GET(TOKEN), strlen(GET(TOKEN)), 0), strlen(GET(TOKEN)));
	assert_int_equal(read_answer(lingering), strlen(found)); /* but does not close */
	assert_int_equal(read_answer(silent), -ECONNRESET);
	assert_between(milliseconds() - start, 4000, 6500);
	assert_int_equal(read_answer(slow), -ECONNRESET);
	assert_between(milliseconds() - start, 4000, 6500);
	close(silent);
	close(slow);
	close(lingering);
}

/* More connections than there is room for: the oldest go, and who asks is answered. */
static void a_flood_does_not_stop_it(void **state)
{
	int fds[400];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(fds); i++) {
		fds[i] = dial(AF_INET);
		if (i % 50 == 0)
			ask(GET(TOKEN), found);
	}
	ask(GET(TOKEN), found);
	assert_int_equal(read_answer(fds[0]), -ECONNRESET);
	ask_on(fds[LENGTH_OF(fds) - 1], GET(TOKEN), strlen(GET(TOKEN)), found);
	for (size_t i = 0; i < LENGTH_OF(fds) - 1; i++)
		close(fds[i]);
}

/* --- a flood from a few addresses, and peers with addresses of their own ------------------------------------------------- */

#define SLOW 10000
#define SLOW_AT_ONCE 500
#define SLOW_RATE 6 /* each ms: all places of the responder are taken anew while a peer waits */
#define PEERS 12
#define PEER_ASKS 25

/* Milliseconds from the request to its answer. RIG_SLOWER: how many times as long it takes on a machine that is emulated. */
static int64_t patience(void)
{
	const char *slower = getenv("RIG_SLOWER");

	return 50 * (slower ? atoi(slower) : 1);
}

struct figures {
	unsigned int answered, asked;
	int64_t worst; /* ms */
};

/* From 127.0.0.`host`; -1: errno. */
static int dial_from(uint32_t host, int flags)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + host - 1) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = port4 };
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0), on = 1;

	/* More ports for the slow; an emulator of processors does not know it. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0 &&
	    (connect(fd, (struct sockaddr *)&four, sizeof(four)) == 0 || errno == EINPROGRESS))
		return fd;
	close(fd);
	return -1;
}

/* Two addresses; each connection with the beginning of a request; the oldest is given up only for a new one. */
static _Noreturn void be_slow(struct figures *figures)
{
	static int fds[SLOW_AT_ONCE];
	int64_t start = milliseconds();

	memset(fds, -1, sizeof(fds));
	for (int i = 0;; i++) {
		int *fd = &fds[i % SLOW_AT_ONCE];

		close_fd(fd);
		*fd = dial_from(2 + (uint32_t)i % 2, SOCK_NONBLOCK);
		if (*fd >= 0)
			(void)send(*fd, "GET /.well-known", 16, MSG_NOSIGNAL);
		figures->asked++;
		if (milliseconds() - start < i / SLOW_RATE)
			poll(NULL, 0, 1);
	}
}

static bool is_answered(int fd)
{
	char text[sizeof(found)];

	return recv(fd, text, sizeof(found) - 1, MSG_WAITALL) == (ssize_t)sizeof(found) - 1 &&
	       !memcmp(text, found, sizeof(found) - 1);
}

/* Handshake, pause, request, answer. */
static _Noreturn void be_peer(uint32_t host, int pause, struct figures *figures)
{
	for (int i = 0; i < PEER_ASKS; i++) {
		int fd = dial_from(host, 0);
		int64_t start;

		poll(NULL, 0, pause);
		start = milliseconds();
		figures->asked++;
		if (fd >= 0 && send(fd, GET(TOKEN), strlen(GET(TOKEN)), MSG_NOSIGNAL) > 0 && is_answered(fd))
			figures->answered++;
		if (milliseconds() - start > figures->worst)
			figures->worst = milliseconds() - start;
		close(fd);
		poll(NULL, 0, pause ? 0 : 50);
	}
	_exit(0);
}

/* So many milliseconds of the processor: who only sleeps waits for less than who has something to do. */
static void work_for(int ms)
{
	struct timespec now, begun;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 < ms);
}

/* Sleeps and works, and notes its delays: so long this machine keeps any process waiting for the processor. */
static _Noreturn void sleep_and_work(struct figures *figures)
{
	for (;;) {
		int64_t start = milliseconds(), late;

		poll(NULL, 0, 20);
		work_for(2);
		late = milliseconds() - start - 22;
		if (late > figures->worst)
			figures->worst = late;
	}
}

static void wait_of(pid_t pid)
{
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Whether the latest answer came in time. The peer, the responder, and the peer again wait for a processor. */
static bool flood_is_weathered(struct figures *figures)
{
	struct figures *idle = &figures[2 * PEERS], *flood = &figures[2 * PEERS + 1];
	pid_t slow, sleeper, peer[2 * PEERS];
	int64_t worst = 0;

	slow = fork();
	if (!slow)
		be_slow(flood);
	sleeper = fork();
	if (!sleeper)
		sleep_and_work(idle);
	poll(NULL, 0, 300); /* all places are taken */
	for (uint32_t i = 0; i < 2 * PEERS; i++) {
		peer[i] = fork();
		if (!peer[i])
			be_peer(10 + i, i % 2 ? 60 : 0, &figures[i]);
	}
	for (int i = 0; i < 2 * PEERS; i++)
		wait_of(peer[i]);
	kill(sleeper, SIGKILL);
	wait_of(sleeper);
	for (int i = 0; i < 1200 && *(volatile unsigned int *)&flood->asked < SLOW; i++)
		poll(NULL, 0, 50);
	kill(slow, SIGKILL);
	wait_of(slow);
	assert_true(flood->asked >= SLOW);
	for (int i = 0; i < 2 * PEERS; i++) {
		assert_int_equal(figures[i].asked, PEER_ASKS);
		assert_int_equal(figures[i].answered, PEER_ASKS);
		worst = figures[i].worst > worst ? figures[i].worst : worst;
	}
	print_message("# %d slow connections; %d prompt and %d late requests answered, the latest after %lld ms (a sleeper: %lld)\n",
		      (int)flood->asked, PEERS * PEER_ASKS, PEERS * PEER_ASKS, (long long)worst, (long long)idle->worst);
	return worst <= patience() + 3 * idle->worst;
}

/* Every request is answered in each flood. In time: in one of three, as a busy machine takes more from the responder, which works. */
static void a_flood_from_few_addresses_resets_no_other(void **state)
{
	struct figures *figures = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool in_time = false;

	(void)state;
	for (int i = 0; i < 3 && !in_time; i++) {
		memset(figures, 0, 4096);
		in_time = flood_is_weathered(figures);
	}
	assert_true(in_time);
	munmap(figures, 4096);
}

static void a_client_that_does_not_read_stops_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 3000; i++)
		ask(GET(TOKEN), found);
}

static void ends_with_the_warden(void **state)
{
	int fd = dial(AF_INET);

	(void)state;
	ask(GET(TOKEN), found);
	close_fd(&warden);
	assert_int_equal(status_at_end(), STATUS_DONE);
	assert_int_equal(read_answer(fd), -ECONNRESET);
	close(fd);
}

static void ends_with_the_client(void **state)
{
	(void)state;
	close_fd(&client);
	assert_int_equal(status_at_end(), STATUS_DONE);
}

static void malformed_tokens_end_it(void **state)
{
	static const char *const bad[][2] = {
		{ "", ".x" }, { "a", "a" }, { "a", "a." }, { "a", "b.x" }, { "a/b", "a/b.x" }, { "a", "a.x\r\nX: y" },
	};

	for (size_t i = 0; i < LENGTH_OF(bad); i++) {
		send_token(bad[i][0], bad[i][1]);
		assert_int_equal(status_at_end(), STATUS_FAILED);
		end(state);
		assert_int_equal(begin(state), 0);
	}
	assert_int_equal(wire_send(client, VERB_CLOSE, 0, NULL, 0, &fault), 0);
	assert_int_equal(status_at_end(), STATUS_FAILED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_token_is_served_and_told),
		TEST(over_ipv6_too),
		TEST(later_tokens_are_known),
		TEST(all_else_is_one_404),
		TEST(a_request_may_come_in_pieces),
		TEST(a_long_request_still_gets_its_answer),
		TEST(header_without_end_is_cut),
		TEST(the_silent_are_dropped_in_time),
		TEST(a_flood_does_not_stop_it),
		TEST(a_flood_from_few_addresses_resets_no_other),
		TEST(a_client_that_does_not_read_stops_nothing),
		TEST(ends_with_the_warden),
		TEST(ends_with_the_client),
		TEST(malformed_tokens_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
