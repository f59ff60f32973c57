// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The gate's protocol: each word in each state, records that are none, and whatever goes wrong on the way. The gate and the channel are real;
 * window, watchdog, recovery, time and poll are not. Whatever the gate does to them and tells its parent is a word of the trace, in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/own.h"
#include "base/wire.h"
#include "has_filters.h"

static int world_poll(struct pollfd *list, nfds_t n, int timeout);
static int world_prctl(int option);
static int world_timer(void);
static int world_set_timer(const struct itimerspec *new, struct itimerspec *old);
static bool fails(const char *what);

#define poll world_poll
#define timerfd_create(clock, flags) world_timer()
#define timerfd_settime(fd, flags, new, old) world_set_timer(new, old)
#define fcntl(fd, command, value) (fails("fcntl") ? -1 : (fcntl)(fd, command, value))
#define prctl(option, ...) world_prctl(option)
#define setpriority(...) (0)
#define setsid() (0)
#define fill_standard() (fails("standard") ? -1 : 0)
#define main gate_main
int gate_main(int argc, char **argv);
#include "firewall/gate.c"
#include "firewall/inquiry.c"
#include "firewall/main.c"
#undef main
#undef poll
#undef fcntl

#define MAX_OPEN 60
#define HEADER offsetof(struct record, data)

struct event {
	enum { THE_END, SAY, RAW, TIME_UP, WATCHDOG_ENDS, NEWS, POLL_FAILS, NOTHING_YET, FAIL, PASS_TIME } what;
	uint32_t verb, index, length;
	const void *data;
	int fds, error;
	const char *text;
};
#define SAYS(v, i) \
	{ \
		.what = SAY, .verb = VERB_##v, .index = (i) \
	}
#define FAILS(names) \
	{ \
		.what = FAIL, .text = (names) \
	}
#define PASSES(milliseconds) \
	{ \
		.what = PASS_TIME, .length = (milliseconds) \
	}
#define HAPPENS(event) \
	{ \
		.what = (event) \
	}
#define ENOUGH_STEPS 16

static struct {
	const struct event *step;
	int channel; /* the parent's end */
	int timer, watchdog, state_fd;
	struct policy policy;
	const char *fails; /* names with spaces between */
	enum fault_kind kind;
	int code;
	int64_t clock, expiry; /* ms; 0: not armed */
	struct plan plan;
	unsigned char before[WINDOW_BACKENDS][DIGEST_SIZE];
	struct evidence evidence;
	char command[COMMAND_SIZE];
	uint32_t seconds, user, mode;
	uint16_t tried, port;
	bool direct; /* nothing has to be gone around */
	int servers;
	char trace[4096], log[4096], text[WIRE_DATA + 1];
	struct closed closed;
	int fds_came;
	bool undumpable, finished, stands;
	int bound;	 /* what launch_while() was told */
	bool small, cut; /* the channel holds little; the gate has ended it */
} world;

/* --- the trace ---------------------------------------------------------------------------------------------------- */

static void append(char *to, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
static void append(char *to, size_t size, const char *format, ...)
{
	size_t used = strlen(to);
	va_list args;

	va_start(args, format);
	vsnprintf(to + used, size - used, format, args);
	va_end(args);
}

/* Reads the gate's records to its parent. */
static void drain(void)
{
	struct pollfd channel = { .fd = world.channel, .events = POLLIN };
	struct fault fault;
	int with[2];
	static struct record record;

	while (poll(&channel, 1, 0) > 0 && wire_receive_with(world.channel, &record, with, &fault) > 0) {
		append(world.trace, sizeof(world.trace), record.index ? "%s/%u " : "%s ", verb_name((enum verb)record.verb),
		       record.index);
		if (record.verb == VERB_CLOSED)
			memcpy(&world.closed, record.data, sizeof(world.closed));
		else if (record.length)
			memcpy(world.text, record.data, record.length + 1);
		for (int i = 0; i < 2; i++) {
			world.fds_came += with[i] >= 0;
			close_fd(&with[i]);
		}
	}
}

static void trace(const char *word)
{
	drain();
	append(world.trace, sizeof(world.trace), "%s ", word);
}

static bool fails(const char *what)
{
	size_t length = strlen(what);

	for (const char *at = world.fails; at && (at = strstr(at, what)); at += length)
		if ((at == world.fails || at[-1] == ' ') && (!at[length] || at[length] == ' ')) {
			errno = EMFILE;
			return true;
		}
	return false;
}

/* A word of the trace, and 0, or the fault when it is to fail. */
static int happen(const char *what, struct fault *fault)
{
	trace(what);
	if (!fails(what))
		return 0;
	fault_set(fault, world.kind, "%s failed", what);
	fault->code = world.code;
	return -1;
}

/* --- the parent, time and poll ------------------------------------------------------------------------------------ */

static int new_fd(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void send_raw(const void *data, size_t length, int fds)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr header;
	} passed = { .header = { CMSG_LEN((size_t)fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec part = { (void *)(uintptr_t)data, length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int fd = new_fd();

	for (int i = 0; i < fds; i++)
		memcpy(CMSG_DATA(&passed.header) + (size_t)i * sizeof(int), &fd, sizeof(int));
	message.msg_control = fds ? &passed : NULL;
	message.msg_controllen = fds ? CMSG_SPACE((size_t)fds * sizeof(int)) : 0;
	assert_int_equal(sendmsg(world.channel, &message, MSG_NOSIGNAL), length);
	close(fd);
}

static void say(const struct event *step)
{
	static const struct whereabouts nowhere;
	struct record record = { step->verb, step->index, step->length, { 0 } };
	const void *data = step->data;

	if (!data && step->verb == VERB_POLICY) {
		data = &world.policy;
		record.length = sizeof(world.policy);
	} else if (!data && step->verb == VERB_PREPARE) {
		data = &nowhere;
		record.length = sizeof(nowhere);
	}
	memcpy(record.data, data ? data : "", record.length);
	send_raw(&record, HEADER + record.length, step->fds);
}

static int world_prctl(int option)
{
	world.undumpable = option == PR_SET_DUMPABLE;
	return 0;
}

static int world_timer(void)
{
	return world.timer = fails("timer") ? -1 : new_fd();
}

static int world_set_timer(const struct itimerspec *new, struct itimerspec *old)
{
	int64_t left = world.expiry > world.clock ? world.expiry - world.clock : 0;
	int64_t set = new->it_value.tv_sec *INT64_C(1000) + new->it_value.tv_nsec / 1000000;

	if (old)
		*old = (struct itimerspec){ .it_value = { left / 1000, (long)(left % 1000 * 1000000) } };
	world.expiry = set ? world.clock + set : 0;
	return 0;
}

static int ready(struct pollfd *watched)
{
	assert_true(watched->fd >= 0);
	watched->revents = POLLIN;
	return 1;
}

/* One step a round. After the last one the parent ends. */
static int world_poll(struct pollfd *list, nfds_t n, int timeout)
{
	assert_true(n == WATCHED && timeout < 0 && world.undumpable && world.bound < 0);
	assert_true(list[ON_NEWS].fd < 0 || world.stands);
	drain();
	for (;; world.step++) {
		if (world.step->what == FAIL)
			world.fails = world.step->text;
		else if (world.step->what == PASS_TIME)
			world.clock += world.step->length;
		else
			break;
	}
	switch ((int)world.step->what) {
	case SAY:
		say(world.step++);
		return ready(&list[ON_PARENT]);
	case RAW:
		send_raw(world.step->data, world.step->length, world.step->fds);
		world.step++;
		return ready(&list[ON_PARENT]);
	case TIME_UP:
		assert_true(world.expiry);
		world.clock = world.expiry;
		world.step++;
		return ready(&list[ON_OVERTIME]);
	case WATCHDOG_ENDS:
		world.step++;
		return ready(&list[ON_WATCHDOG]);
	case NEWS:
		world.step++;
		return ready(&list[ON_NEWS]);
	case NOTHING_YET:
		world.step++;
		return 0;
	case POLL_FAILS:
		errno = world.step++->error;
		return -1;
	default:
		world.cut = recv(world.channel, (char[1]){ 0 }, 1, MSG_DONTWAIT) == 0;
		(void)shutdown(world.channel, SHUT_WR);
		return ready(&list[ON_PARENT]);
	}
}

/* --- the firewall ------------------------------------------------------------------------------------------------- */

int recovery_claim(struct journal *journal, int state_fd, enum claim how, struct fault *fault)
{
	static const char *const words[CLAIMS] = { "claim", "claim-without-state", "claim-without-trace" };

	journal->armed = false;
	world.state_fd = state_fd;
	return happen(words[how], fault);
}

static int prepare_window(struct window *window, struct journal *journal, const struct policy *policy, bool own, const char *word,
			  struct fault *fault)
{
	world.port = policy->port;
	world.mode = policy->mode;
	memset(window, 0, sizeof(*window));
	window->news = -1;
	window->journal = journal;
	window->plan = world.plan;
	memcpy(window->before, world.before, sizeof(window->before));
	window->evidence = world.evidence;
	window->opening.port = 80;
	window->opening.target = world.direct ? policy->port : own ? 8402 : 80;
	if (happen(word, fault) < 0)
		return -1;
	window->news = new_fd();
	return 0;
}

int window_prepare(struct window *window, struct journal *journal, const struct policy *policy, bool own_listener, struct fault *fault)
{
	assert_true(policy_is_sound(policy));
	return prepare_window(window, journal, policy, own_listener, own_listener ? "plan" : "plan-for-others", fault);
}

int window_prepare_at(struct window *window, struct journal *journal, const struct policy *policy, const struct whereabouts *at,
		      struct fault *fault)
{
	assert_true(policy_is_sound(policy) && at && world.bound == FD_WARDEN);
	return prepare_window(window, journal, policy, true, "plan-at", fault);
}

void window_use(const struct policy *policy, const char *command)
{
	trace("use");
	world.seconds = policy->seconds;
	world.user = policy->user;
	snprintf(world.command, sizeof(world.command), "%s", command);
}

void window_remark(struct window *window, const struct policy *policy)
{
	(void)window;
	(void)policy;
	trace("remark");
}

int window_open(struct window *window, struct fault *fault)
{
	assert_int_equal(world.bound, FD_WARDEN);
	world.seconds = window->opening.seconds;
	window->standing = window->journal->armed = true;
	if (happen("open", fault) < 0)
		return -1;
	window->opened = 1;
	world.stands = true;
	return 0;
}

int window_shut(struct window *window, struct fault *fault)
{
	assert_true(window->standing);
	world.stands = false;
	if (happen("shut", fault) < 0)
		return -1;
	window->standing = false;
	window->open_for = 6.5;
	return 0;
}

int window_mend(struct window *window, struct fault *fault)
{
	assert_true(window->standing);
	return happen("mend", fault) < 0 ? -1 : 1;
}

void window_free(struct window *window)
{
	close_fd(&window->news);
}

void report_opened(const struct window *window)
{
	(void)window;
	trace("say-opened");
}

void report_mended(struct window *window, int mended, const struct fault *fault)
{
	(void)window;
	trace(mended > 0 ? "say-mended" : fault->text);
}

void report_unchanged(struct window *window)
{
	(void)window;
	trace("say-unchanged");
}

int journal_clear(struct journal *journal, struct fault *fault)
{
	if (happen("clear", fault) < 0)
		return -1;
	journal->armed = false;
	return 0;
}

static int listen_on(const char *word, uint16_t port, int fds[2], struct fault *fault)
{
	fds[0] = fds[1] = -1;
	world.tried = port;
	if (happen(word, fault) < 0)
		return -1;
	fds[0] = new_fd();
	fds[1] = new_fd();
	return 0;
}

int listener_open(uint16_t port, int fds[2], struct fault *fault)
{
	return listen_on("listen", port, fds, fault);
}

int listener_open_for_tls(uint16_t port, int fds[2], struct fault *fault)
{
	assert_int_equal(port, 443);
	return listen_on("listen-for-tls", port, fds, fault);
}

int sockets_listeners(uint16_t port, uint32_t *inodes, int most, struct fault *fault)
{
	assert_true(port == 80 && inodes && most == 1);
	return happen("servers", fault) < 0 ? -1 : world.servers;
}

int watchdog_start(const struct journal *journal, const struct policy *policy, struct fault *fault)
{
	assert_true(journal && policy_is_sound(policy));
	if (happen("watchdog", fault) < 0)
		return -1;
	world.watchdog = new_fd();
	return world.watchdog;
}

void watchdog_stop(int *pidfd)
{
	if (*pidfd < 0)
		return;
	trace("stop");
	assert_int_equal(*pidfd, world.watchdog);
	close_fd(pidfd);
	world.watchdog = -1;
}

void launch_while(int channel)
{
	world.bound = channel;
}

void launch_settle(void)
{
	trace("settle");
}

int sandbox_gate(struct fault *fault)
{
	return happen("sandbox", fault);
}

void sandbox_gate_with_command(void)
{
	trace("filter");
}

void log_start(const char *role, enum log_detail detail)
{
	assert_null(role);
	if (detail != LOG_PLAIN)
		trace("detail");
}

enum log_detail log_detail_of(const char *option)
{
	return option ? LOG_VERBOSE : LOG_PLAIN;
}

void log_detach(void)
{
	trace("detach");
}

void log_leave_terminal(void)
{
	trace("leave-terminal");
}

void log_finish(void)
{
	world.finished = true;
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;
	char line[2048];

	if (level > LOG_LEVEL_INFO)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	append(world.log, sizeof(world.log), "%s\n", line);
}

/* --- one gate ----------------------------------------------------------------------------------------------------- */

/* Nothing else gets the number that the gate's end of the channel has. */
static void reserve_number(void)
{
	int fd = new_fd();

	assert_int_equal(dup2(fd, FD_WARDEN), FD_WARDEN);
	if (fd != FD_WARDEN)
		close(fd);
}

static int set_up(void **state)
{
	(void)state;
	reserve_number();
	memset(&world, 0, sizeof(world));
	world.kind = FAULT_FAILED;
	world.timer = world.watchdog = world.state_fd = -1;
	world.policy = (struct policy){ .seconds = MAX_OPEN, .port = 80, .target = 8402, .user = 1000 };
	return 0;
}

/* Runs it from its start to its end, as its parent sees it; its exit status. */
static int run_with(int argc, const struct event *steps)
{
	char *arguments[] = { (char[]){ "acmegate-gate" }, (char[]){ "" }, (char[]){ "--verbose" }, NULL };
	struct fault fault;
	int ends[2], status;

	world.trace[0] = world.log[0] = world.text[0] = '\0';
	world.finished = world.stands = false;
	world.bound = -1;
	world.step = steps;
	world.clock = world.expiry = 0;
	assert_int_equal(wire_pair(ends, &fault), 0);
	assert_int_equal(dup2(ends[0], FD_WARDEN), FD_WARDEN);
	close(ends[0]);
	if (world.small)
		assert_int_equal(setsockopt(FD_WARDEN, SOL_SOCKET, SO_SNDBUF, &(const int){ 1 }, sizeof(int)), 0);
	world.channel = ends[1];
	status = gate_main(argc, arguments);
	assert_true(world.finished || !world.trace[0]);
	drain();
	close(world.channel);
	close_fd(&world.timer);
	reserve_number();
	return status;
}
#define RUN(...) run_with(1, (const struct event[]){ __VA_ARGS__, { .what = THE_END } })

static void assert_trace(const char *wanted)
{
	assert_string_equal(world.trace, wanted);
}

static void assert_logged(const char *words)
{
	if (!strstr(world.log, words))
		fail_msg("%s is not in: %s", words, world.log);
}

#define CLAIM SAYS(POLICY, 0), SAYS(CLAIM, 0)
#define CLAIMED_TRACE "use settle sandbox claim REPLY "
#define PREPARE CLAIM, SAYS(PREPARE, 0)
#define PREPARED_TRACE CLAIMED_TRACE "plan-for-others watchdog PREPARED "
#define OPEN PREPARE, SAYS(LET_IN, 0)
#define OPEN_TRACE PREPARED_TRACE "open say-opened OPENED "
#define CLOSED_TRACE "clear stop say-unchanged "

static void a_window_of_another_program(void **state)
{
	(void)state;
	world.evidence = (struct evidence){ .counted = true, .packets = 7, .shut = "a rule" };
	assert_int_equal(RUN(OPEN, SAYS(SHUT, 0)), STATUS_DONE);
	assert_trace(OPEN_TRACE "shut CLOSED " CLOSED_TRACE "CLEARED ");
	assert_int_equal(world.closed.packets, 7);
	assert_int_equal(world.closed.counted, 1);
	assert_int_equal(world.closed.open_us, 6500000);
	assert_string_equal(world.closed.shut, "a rule");
	assert_int_equal(world.seconds, MAX_OPEN);
	assert_int_equal(world.fds_came, 0);
	assert_int_equal(world.expiry, 0);
	assert_string_equal(world.log, "");
}

/* Each moment counts for our own: its parent hears of it before the log does. */
static void windows_of_our_own_client(void **state)
{
	(void)state;
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 1), SAYS(LET_IN, 0), SAYS(SHUT, 1), SAYS(LET_IN, 0), SAYS(SHUT, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan-at watchdog listen PREPARED open OPENED say-opened "
				   "shut CLOSED clear say-unchanged remark CLEARED "
				   "open OPENED say-opened shut CLOSED clear stop say-unchanged remark CLEARED ");
	assert_int_equal(world.fds_came, 2);
	assert_int_equal(world.tried, 8402);
}

static void what_was_not_opened_is_not_compared(void **state)
{
	(void)state;
	assert_int_equal(RUN(OPEN, SAYS(SHUT, 1), SAYS(SHUT, 0)), STATUS_DONE);
	assert_trace(OPEN_TRACE "shut CLOSED clear say-unchanged CLEARED CLOSED stop CLEARED ");
}

static void with_webroot_it_listens_nowhere(void **state)
{
	(void)state;
	world.policy.mode = RESPONDER_WEBROOT;
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 1), SAYS(SHUT, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan-at watchdog PREPARED CLOSED stop CLEARED ");
	assert_int_equal(world.fds_came, 0);
}

/* Another port in the place of the first, whatever the mode of that; then the first again, with what is left of the time. */
static void a_window_on_the_port_of_tls(void **state)
{
	(void)state;
	world.policy.tls_port = 443;
	world.policy.mode = RESPONDER_WEBROOT;
	world.direct = true;
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 6), SAYS(LET_IN, 0), PASSES(3000), SAYS(SHUT, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "use plan-at watchdog listen-for-tls PREPARED open OPENED say-opened "
				   "shut CLOSED clear stop say-unchanged remark CLEARED ");
	assert_int_equal(world.port, 443);
	assert_int_equal(world.mode, RESPONDER_STANDALONE);
	assert_int_equal(world.fds_came, 2);
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 5), SAYS(LET_IN, 0), PASSES(3000), SAYS(SHUT, 0), SAYS(PREPARE, 1), SAYS(LET_IN, 0)),
			 STATUS_DONE);
	assert_non_null(strstr(world.trace, "CLEARED use plan-at watchdog PREPARED open "));
	assert_int_equal(world.port, 80);
	assert_int_equal(world.mode, RESPONDER_WEBROOT);
	assert_int_equal(world.seconds, MAX_OPEN - 3);
}

/* Where a redirection would take a server's visitors away, nothing is opened. */
static void the_port_of_tls_has_to_be_free(void **state)
{
	(void)state;
	world.policy.tls_port = 443;
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 5)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "use plan-at watchdog listen-for-tls listen PREPARED stop ");
	assert_int_equal(world.fds_came, 2);
	world.fails = "listen-for-tls";
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 5), SAYS(PLAN, 5), SAYS(TRY_LISTENING, 4)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE
		     "use plan-at watchdog listen-for-tls FAULT/1 stop plan remark REPLY REPLY listen-for-tls FAULT/1 ");
	assert_string_equal(world.text, "listen-for-tls failed");
}

static void a_port_that_was_not_told_stays_shut(void **state)
{
	(void)state;
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 5), SAYS(PLAN, 5), SAYS(TRY_LISTENING, 4)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "FAULT/1 FAULT/1 REPLY FAULT/1 ");
	assert_string_equal(world.text, "no certificate of the configuration has challenge = tls-alpn-01");
}

/* --- words out of turn -------------------------------------------------------------------------------------------- */

/* As in the table of the gate, but written for the test: the words that count, and where they lead. */
static const struct {
	const char *name;
	struct event way[ENOUGH_STEPS];
	size_t steps;
	uint32_t counts[9]; /* verbs + 1 */
} states[] = {
	{ "fresh", { { 0 } }, 0, { VERB_POLICY + 1 } },
	{ "awaiting a command", { SAYS(POLICY, 0) }, 1, { VERB_COMMAND + 1 } },
	{ "told", { SAYS(POLICY, 0) }, 1, { VERB_CLAIM + 1, VERB_PLAN + 1 } },
	{ "claimed",
	  { CLAIM },
	  2,
	  { VERB_POLICY + 1, VERB_PLAN + 1, VERB_TRY_LISTENING + 1, VERB_EXPLAIN + 1, VERB_READ + 1, VERB_PREPARE + 1,
	    VERB_LET_IN + 1, VERB_SHUT + 1 } },
	{ "prepared", { PREPARE }, 3, { VERB_LET_IN + 1, VERB_SHUT + 1 } },
	{ "standing", { OPEN }, 4, { VERB_SHUT + 1 } },
};

/* The least data that the verb takes: only its length decides whether it is a record. */
static struct event word(uint32_t verb)
{
	static char room[WIRE_DATA];
	struct event step = { .what = SAY, .verb = verb, .data = room };
	struct fault fault;
	struct record *record = calloc(1, sizeof(*record));

	assert_non_null(record);
	for (;; record->length++) {
		struct bundle *bundle = (void *)record->data;

		assert_true(record->length < WIRE_DATA);
		bundle->key_length = bundle->leaf_length = 1;
		record->verb = verb;
		if (wire_check(record, HEADER + record->length, &fault) == 0)
			break;
	}
	memcpy(room, record->data, sizeof(struct bundle));
	step.length = record->length;
	free(record);
	if (verb == VERB_POLICY) {
		step.data = NULL;
		step.length = 0;
	}
	return step;
}

static bool counts(size_t in, uint32_t verb)
{
	for (size_t i = 0; i < LENGTH_OF(states[in].counts); i++)
		if (states[in].counts[i] == verb + 1)
			return true;
	return false;
}

static void assert_nothing_stands(size_t in)
{
	const char *open = strstr(world.trace, "open "), *closed = strstr(world.trace, "shut ");

	if (open && (!closed || !strstr(closed, "clear ")))
		fail_msg("%s: %s", states[in].name, world.trace);
	if (strstr(world.trace, "watchdog ") && !strstr(world.trace, "stop "))
		fail_msg("%s: %s", states[in].name, world.trace);
}

static void each_word_in_each_state(void **state)
{
	struct event steps[ENOUGH_STEPS];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(states); i++)
		for (uint32_t verb = 0; verb < VERBS; verb++) {
			char expected[64];
			int status;

			world.policy.has_command = i == 1;
			memcpy(steps, states[i].way, sizeof(steps));
			steps[states[i].steps] = word(verb);
			steps[states[i].steps + 1] = (struct event){ .what = THE_END };
			status = run_with(1, steps);
			snprintf(expected, sizeof(expected), "nonsense: %s out of turn", verb_name((enum verb)verb));
			if ((status == STATUS_DONE) != counts(i, verb) || (!strstr(world.log, expected)) != counts(i, verb))
				fail_msg("%s, %s: %d, %s%s", states[i].name, verb_name((enum verb)verb), status, world.trace,
					 world.log);
			assert_nothing_stands(i);
		}
}

/* Short, long, garbage: the port is closed, and the gate ends. */
static void records_that_are_none(void **state)
{
	static struct record record = { VERB_SHUT, 0, 0, { 0 } };
	static char long_one[HEADER + WIRE_DATA + 1];
	const struct {
		struct event step;
		const char *why;
	} none[] = {
		{ { .what = RAW, .data = "x", .length = 1 }, "a record of 1 bytes is too short" },
		{ { .what = RAW, .data = &record, .length = HEADER - 1 }, "is too short" },
		{ { .what = RAW, .data = long_one, .length = sizeof(long_one) }, "too long or carries descriptors" },
		{ { .what = SAY, .verb = VERBS }, "the unknown verb" },
		{ { .what = SAY, .verb = UINT32_MAX }, "the unknown verb" },
		{ { .what = SAY, .verb = VERB_SHUT, .index = UINT32_MAX }, "SHUT with the index" },
		{ { .what = SAY, .verb = VERB_SHUT, .data = "x", .length = 1 }, "SHUT with 1 bytes of data" },
		{ { .what = RAW, .data = &record, .length = HEADER + 1 }, "SHUT with 1 bytes of data" },
		{ { .what = SAY, .verb = VERB_POLICY, .data = "xx", .length = 2 }, "POLICY with 2 bytes of data" },
		{ { .what = SAY, .verb = VERB_PREPARE, .data = "xx", .length = 2 }, "PREPARE with 2 bytes of data" },
		{ { .what = SAY, .verb = VERB_SHUT, .fds = 3 }, "too long or carries descriptors" },
	};
	const size_t count = LENGTH_OF(none) - !has_filters(); /* qemu keeps descriptors back in silence */
	struct event steps[ENOUGH_STEPS];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(states); i++)
		for (size_t j = 0; j < count; j++) {
			world.policy.has_command = i == 1;
			memcpy(steps, states[i].way, sizeof(steps));
			steps[states[i].steps] = none[j].step;
			steps[states[i].steps + 1] = (struct event)SAYS(SHUT, 0); /* nobody listens to it */
			assert_int_equal(run_with(1, steps), STATUS_FAILED);
			assert_logged("acmegate sent its gate nonsense: ");
			assert_logged(none[j].why);
			assert_nothing_stands(i);
			assert_null(strstr(world.trace, "CLOSED"));
		}
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Only the first one that comes with the policy is kept: whoever sends more cannot fill the gate's table. */
static void descriptors_that_nobody_wants_are_closed(void **state)
{
	struct event steps[] = {
		CLAIM,		 SAYS(POLICY, 0), SAYS(PLAN, 0),    SAYS(TRY_LISTENING, 0), SAYS(EXPLAIN, 0), SAYS(PREPARE, 1),
		SAYS(LET_IN, 0), SAYS(SHUT, 0),	  SAYS(ACCOUNT, 0), { .what = THE_END }
	};
	int before = count_fds();

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(steps) - 1; i++)
		steps[i].fds = 2;
	assert_int_equal(run_with(1, steps), STATUS_FAILED);
	assert_logged("ACCOUNT out of turn");
	assert_true(world.state_fd > FD_WARDEN);
	assert_int_equal(count_fds(), before + 1); /* the state directory */
	close(world.state_fd);
	assert_int_equal(RUN(CLAIM), STATUS_DONE);
	assert_int_equal(world.state_fd, -1);
}

/* --- the start ---------------------------------------------------------------------------------------------------- */

static void it_does_not_begin_without_what_it_needs(void **state)
{
	(void)state;
	world.fails = "standard";
	assert_int_equal(RUN(OPEN), STATUS_FAILED);
	world.fails = "timer";
	assert_int_equal(RUN(OPEN), STATUS_FAILED);
	assert_logged("preparing to wait: Too many open files");
	world.fails = "fcntl";
	assert_int_equal(RUN(OPEN), STATUS_FAILED);
	assert_logged("preparing to wait");
	assert_trace("");
	world.fails = NULL;
	assert_int_equal(run_with(3, (const struct event[]){ HAPPENS(THE_END) }), STATUS_DONE);
	assert_trace("detail ");
}

static void a_policy_that_is_none_is_the_end(void **state)
{
	static const struct policy broken[] = {
		{ .seconds = 0, .port = 80, .target = 80 },
		{ .seconds = 601, .port = 80, .target = 80 },
		{ .seconds = 60, .port = 0, .target = 80 },
		{ .seconds = 60, .port = 80, .target = 0 },
		{ .seconds = 60, .port = 80, .target = 80, .mode = RESPONDER_MODES },
		{ .seconds = 60, .port = 80, .target = 80, .backend = BACKEND_CHOICES },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(broken); i++) {
		world.policy = broken[i];
		assert_int_equal(RUN(OPEN), STATUS_FAILED);
		assert_string_equal(world.log, "the gate was told a policy that is not one\n");
		assert_trace("");
	}
}

static void a_gate_that_keeps_its_rights_is_the_end(void **state)
{
	(void)state;
	world.fails = "sandbox";
	assert_int_equal(RUN(OPEN), STATUS_FAILED);
	assert_logged("sandbox failed");
	assert_trace("use settle sandbox ");
}

static void the_command_of_the_administrator_keeps_the_rights(void **state)
{
	char longest[COMMAND_SIZE];
	struct event command = SAYS(COMMAND, 0);

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[COMMAND_SIZE - 1] = '\0';
	command.data = longest;
	command.length = COMMAND_SIZE - 1;
	world.policy.has_command = world.policy.detached = 1;
	assert_int_equal(RUN(SAYS(POLICY, 0), command, SAYS(CLAIM, 0)), STATUS_DONE);
	assert_trace("detach use filter claim REPLY ");
	assert_string_equal(world.command, longest);
}

static void a_detached_gate_leaves_the_terminal_when_the_port_is_open(void **state)
{
	(void)state;
	world.policy.detached = 1;
	assert_int_equal(RUN(OPEN), STATUS_DONE);
	assert_trace("detach " PREPARED_TRACE "open say-opened leave-terminal OPENED shut " CLOSED_TRACE);
}

static void the_claim(void **state)
{
	(void)state;
	assert_int_equal(RUN(SAYS(POLICY, 0), SAYS(CLAIM, CLAIM_WITHOUT_STATE), SAYS(CLAIM, CLAIM_WITHOUT_TRACE), SAYS(CLAIM, CLAIMS)),
			 STATUS_DONE);
	assert_trace("use settle sandbox claim-without-state REPLY claim-without-trace REPLY FAULT/1 ");
	assert_string_equal(world.text, "there is no such claim");
	/* Without a state directory nothing opens. */
	assert_int_equal(RUN(SAYS(POLICY, 0), SAYS(CLAIM, CLAIM_WITHOUT_STATE), SAYS(PREPARE, 0)), STATUS_FAILED);
	assert_logged("PREPARE out of turn");
	world.fails = "claim";
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 0)), STATUS_FAILED);
	assert_trace("use settle sandbox claim FAULT/1 ");
	assert_string_equal(world.text, "claim failed");
	assert_logged("PREPARE out of turn");
}

static void another_acmegate_is_a_word_of_its_own(void **state)
{
	(void)state;
	world.fails = "claim";
	world.kind = FAULT_LATER;
	world.code = EBUSY;
	assert_int_equal(RUN(CLAIM), STATUS_DONE);
	assert_trace("use settle sandbox claim OCCUPIED/3 ");
	world.code = 0;
	assert_int_equal(RUN(CLAIM), STATUS_DONE);
	assert_trace("use settle sandbox claim FAULT/3 ");
	world.kind = FAULT_FAILED;
	world.code = EBUSY;
	assert_int_equal(RUN(CLAIM), STATUS_DONE);
	assert_trace("use settle sandbox claim FAULT/1 ");
}

/* guard --max and the user, before the first window; no word makes a window longer. */
static void a_later_policy(void **state)
{
	struct policy other = { .seconds = 30, .port = 8080, .target = 80, .user = 7 },
		      longer = { .seconds = 600, .port = 80, .target = 80 }, broken = { .seconds = 1000 };
	struct event limit = { .what = SAY, .verb = VERB_POLICY, .data = &other, .length = sizeof(other) };
	struct event nonsense = { .what = SAY, .verb = VERB_POLICY, .data = &broken, .length = sizeof(broken) };

	(void)state;
	assert_int_equal(RUN(CLAIM, limit, nonsense), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "use ");
	assert_int_equal(world.seconds, 30);
	assert_int_equal(world.user, 7);
	assert_int_equal(RUN(CLAIM, limit, SAYS(PREPARE, 0), SAYS(LET_IN, 0)), STATUS_DONE);
	assert_int_equal(world.seconds, 30);
	limit.data = &longer;
	assert_int_equal(RUN(PREPARE, SAYS(SHUT, 0), limit, SAYS(PREPARE, 0), SAYS(LET_IN, 0)), STATUS_DONE);
	assert_int_equal(world.seconds, MAX_OPEN);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

static void a_plan_in_words(void **state)
{
	(void)state;
	assert_int_equal(RUN(CLAIM, SAYS(PLAN, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan-for-others REPLY REPLY ");
	assert_string_equal(world.text, "# no chain blocks port 80; nothing to open\n");
	world.plan.lines = 2;
	strcpy(world.plan.line[0], "one");
	strcpy(world.plan.line[1], "two");
	strcpy(world.plan.lost, "chain: mark");
	strcpy(world.plan.client, "the client is kept in");
	world.plan.remarks = 1;
	strcpy(world.plan.remark[0], "remark");
	assert_int_equal(RUN(CLAIM, SAYS(PLAN, 1)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan remark REPLY REPLY ");
	assert_string_equal(world.text, "one\ntwo\n# meanwhile packets for the port miss what rules behind these set: chain: mark\n"
					"# the client is kept in\n# remark\n");
	world.fails = "plan";
	assert_int_equal(RUN(CLAIM, SAYS(PLAN, 1)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan FAULT/1 REPLY ");
	assert_string_equal(world.text, "# remark\n");
}

/* What is compared belongs to the reading, and no window comes of it. */
static void a_reading(void **state)
{
	struct reading reading;

	(void)state;
	memset(world.before, 7, sizeof(world.before));
	assert_int_equal(RUN(CLAIM, SAYS(READ, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan REPLY ");
	memcpy(&reading, world.text, sizeof(reading));
	assert_memory_equal(&reading, world.before, sizeof(reading));
	world.fails = "plan";
	assert_int_equal(RUN(CLAIM, SAYS(READ, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan FAULT/1 ");
}

/* acmegate check asks beside whoever has the host: the gate takes no lock for that, and cannot open afterwards either. */
static void a_plan_without_a_claim(void **state)
{
	(void)state;
	assert_int_equal(RUN(SAYS(POLICY, 0), SAYS(PLAN, 1)), STATUS_DONE);
	assert_null(strstr(world.trace, "claim"));
	assert_non_null(strstr(world.trace, "plan remark REPLY REPLY "));
	assert_int_equal(RUN(SAYS(POLICY, 0), SAYS(PLAN, 1), SAYS(PREPARE, 1)), STATUS_FAILED);
	assert_null(strstr(world.trace, "prepare"));
}

static void a_plan_that_is_longer_than_a_record_is_cut_between_lines(void **state)
{
	size_t most = LENGTH_OF(world.plan.line), length = sizeof(world.plan.line[0]) - 1;

	(void)state;
	world.plan.lines = most;
	for (size_t i = 0; i < most; i++)
		memset(world.plan.line[i], 'x', length);
	assert_int_equal(RUN(CLAIM, SAYS(PLAN, 0)), STATUS_DONE);
	if ((length + 1) * most < WIRE_DATA)
		assert_int_equal(strlen(world.text), (length + 1) * most);
	else
		assert_int_equal(strlen(world.text), (WIRE_DATA - 1) / (length + 1) * (length + 1));
}

static void can_it_listen(void **state)
{
	(void)state;
	assert_int_equal(RUN(CLAIM, SAYS(PLAN, 1), SAYS(TRY_LISTENING, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan remark REPLY REPLY listen REPLY ");
	assert_int_equal(world.tried, 8402);
	world.fails = "listen";
	assert_int_equal(RUN(CLAIM, SAYS(TRY_LISTENING, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "listen FAULT/1 ");
	world.policy.mode = RESPONDER_WEBROOT;
	assert_int_equal(RUN(CLAIM, SAYS(TRY_LISTENING, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "servers FAULT/1 ");
	assert_non_null(strstr(world.text, "no program listens on port 80"));
	world.servers = 1;
	assert_int_equal(RUN(CLAIM, SAYS(TRY_LISTENING, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "servers REPLY ");
	world.fails = "servers";
	assert_int_equal(RUN(CLAIM, SAYS(TRY_LISTENING, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "servers FAULT/1 ");
	assert_string_equal(world.text, "servers failed");
}

static void why_a_run_failed(void **state)
{
	(void)state;
	assert_int_equal(RUN(CLAIM, SAYS(EXPLAIN, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan REPLY ");
	assert_string_equal(world.log, "");
	strcpy(world.plan.client, "the client is kept in");
	world.plan.remarks = 2;
	strcpy(world.plan.remark[0], "first remark");
	strcpy(world.plan.remark[1], "second remark");
	assert_int_equal(RUN(CLAIM, SAYS(EXPLAIN, 0)), STATUS_DONE);
	assert_string_equal(world.log, "the client is kept in\n");
	assert_int_equal(RUN(PREPARE, SAYS(SHUT, 0), SAYS(EXPLAIN, 0)), STATUS_DONE);
	assert_string_equal(world.log, "first remark\nsecond remark\n");
	world.fails = "plan";
	assert_int_equal(RUN(CLAIM, SAYS(EXPLAIN, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan REPLY ");
	assert_string_equal(world.log, "");
}

/* --- what fails --------------------------------------------------------------------------------------------------- */

static void what_cannot_be_prepared_is_refused_and_forgotten(void **state)
{
	static const struct {
		const char *fails, *trace;
	} way[] = {
		{ "plan-at", "plan-at FAULT/1 " },
		{ "watchdog", "plan-at watchdog FAULT/1 " },
		{ "listen", "plan-at watchdog listen FAULT/1 stop " },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(way); i++) {
		char wanted[256];

		world.fails = way[i].fails;
		assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 1), FAILS(""), SAYS(LET_IN, 0), SAYS(PREPARE, 1)), STATUS_DONE);
		snprintf(wanted, sizeof(wanted), CLAIMED_TRACE "%splan-at watchdog listen PREPARED stop ", way[i].trace);
		assert_trace(wanted);
		snprintf(wanted, sizeof(wanted), "%s failed", way[i].fails);
		assert_string_equal(world.text, wanted);
	}
}

static void what_cannot_be_opened_is_closed(void **state)
{
	(void)state;
	world.fails = "open";
	assert_int_equal(RUN(OPEN, SAYS(SHUT, 0)), STATUS_DONE);
	assert_trace(PREPARED_TRACE "open FAULT/1 shut clear stop CLOSED CLEARED ");
}

/* The watchdog goes on, and the journal stays armed. */
static void what_cannot_be_closed_is_not_said_to_be(void **state)
{
	(void)state;
	world.fails = "shut";
	assert_int_equal(RUN(OPEN, SAYS(SHUT, 0)), STATUS_FAILED);
	assert_trace(OPEN_TRACE "shut CLEARED/1 shut ");
	assert_logged("acmegate has died: the gate closes the port");
	world.fails = "shut open";
	assert_int_equal(RUN(OPEN, SAYS(SHUT, 0)), STATUS_FAILED);
	assert_trace(PREPARED_TRACE "open FAULT/1 shut shut CLEARED/1 shut ");
	world.fails = "shut";
	assert_int_equal(RUN(OPEN, SAYS(SHUT, 0), FAILS(""), SAYS(SHUT, 0)), STATUS_FAILED);
	assert_trace(OPEN_TRACE "shut CLEARED/1 shut CLOSED " CLOSED_TRACE "CLEARED/1 ");
}

static void a_journal_that_cannot_be_cleared_is_said(void **state)
{
	(void)state;
	world.fails = "clear";
	assert_int_equal(RUN(OPEN, SAYS(SHUT, 0)), STATUS_FAILED);
	assert_trace(OPEN_TRACE "shut CLOSED " CLOSED_TRACE "CLEARED/1 ");
	assert_logged("clear failed; run acmegate recover when the disk works again");
}

static void the_end_of_the_parent_closes(void **state)
{
	(void)state;
	assert_int_equal(RUN(OPEN), STATUS_DONE);
	assert_trace(OPEN_TRACE "shut " CLOSED_TRACE);
	assert_logged("acmegate has died: the gate closes the port");
	assert_int_equal(RUN(PREPARE), STATUS_DONE);
	assert_trace(PREPARED_TRACE "stop ");
	assert_int_equal(RUN(CLAIM), STATUS_DONE);
	assert_trace(CLAIMED_TRACE);
	assert_string_equal(world.log, "");
}

/* A parent that waits for an answer that could not be sent would wait for ever. */
static void a_record_that_cannot_be_sent_is_the_end_of_the_channel(void **state)
{
	(void)state;
	world.small = true;
	assert_int_equal(RUN(OPEN, SAYS(SHUT, 0)), STATUS_DONE);
	assert_false(world.cut);
	world.plan.lines = PLAN_LINES;
	for (size_t i = 0; i < PLAN_LINES; i++)
		memset(world.plan.line[i], 'x', sizeof(world.plan.line[i]) - 1);
	assert_int_equal(RUN(CLAIM, SAYS(PLAN, 0)), STATUS_DONE);
	assert_trace(CLAIMED_TRACE "plan-for-others REPLY ");
	assert_true(world.cut);
}

static void interruptions_are_none(void **state)
{
	(void)state;
	assert_int_equal(RUN({ .what = POLL_FAILS, .error = EINTR }, OPEN, { .what = POLL_FAILS, .error = EINTR },
			     HAPPENS(NOTHING_YET), SAYS(SHUT, 0)),
			 STATUS_DONE);
	assert_trace(OPEN_TRACE "shut CLOSED " CLOSED_TRACE "CLEARED ");
	assert_string_equal(world.log, "");
}

static void a_gate_that_cannot_wait_closes_and_ends(void **state)
{
	(void)state;
	assert_int_equal(RUN(OPEN, { .what = POLL_FAILS, .error = ENOMEM }, SAYS(SHUT, 0)), STATUS_FAILED);
	assert_trace(OPEN_TRACE "shut " CLOSED_TRACE);
	assert_logged("waiting: Cannot allocate memory");
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static void the_time_is_up(void **state)
{
	(void)state;
	assert_int_equal(RUN(OPEN, HAPPENS(TIME_UP), SAYS(SHUT, 0), SAYS(PREPARE, 0)), STATUS_DONE);
	assert_trace(OPEN_TRACE "shut OVERTIME " CLOSED_TRACE "CLOSED CLEARED FAULT/1 ");
	assert_int_equal(world.clock, MAX_OPEN * 1000);
	assert_non_null(strstr(world.text, "the time that [gate] max_open allows this run is used up"));
	assert_int_equal(world.expiry, 0); /* the parent has answered */
}

static void the_time_is_up_and_the_port_cannot_be_closed(void **state)
{
	(void)state;
	world.fails = "shut";
	assert_int_equal(RUN(OPEN, HAPPENS(TIME_UP), FAILS(""), SAYS(SHUT, 0)), STATUS_FAILED);
	assert_trace(OPEN_TRACE "shut OVERTIME/1 shut CLOSED " CLOSED_TRACE "CLEARED/1 ");
}

static void a_parent_that_hangs_is_not_waited_for(void **state)
{
	(void)state;
	assert_int_equal(RUN(OPEN, HAPPENS(TIME_UP), HAPPENS(TIME_UP), SAYS(SHUT, 0)), STATUS_FAILED);
	assert_trace(OPEN_TRACE "shut OVERTIME " CLOSED_TRACE);
	assert_logged("acmegate has not answered for 5 s that the time is up: its gate ends");
	assert_int_equal(world.clock, (MAX_OPEN + GRACE_SECONDS) * 1000);
}

/* Preparing costs none of it, and neither do the pauses; what is left is rounded up, because the kernel must not close first. */
static void open_time_of_our_own_is_counted_over_all_windows(void **state)
{
	(void)state;
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 1), SAYS(LET_IN, 0), PASSES(20500), SAYS(SHUT, 0), PASSES(1000000), SAYS(PREPARE, 1),
			     SAYS(LET_IN, 0), PASSES(30000), SAYS(SHUT, 0), SAYS(PREPARE, 1), SAYS(LET_IN, 0), HAPPENS(TIME_UP)),
			 STATUS_DONE);
	assert_int_equal(world.clock, 20500 + 1000000 + 39500);
	assert_int_equal(world.seconds, 10);
}

static void a_pause_between_two_windows_is_no_open_time(void **state)
{
	(void)state;
	assert_int_equal(RUN(CLAIM, SAYS(PREPARE, 1), SAYS(LET_IN, 0), PASSES(20000), SAYS(SHUT, 1), PASSES(1000000),
			     SAYS(LET_IN, 0), HAPPENS(TIME_UP), SAYS(SHUT, 0)),
			 STATUS_DONE);
	assert_int_equal(world.clock, 1000000 + MAX_OPEN * 1000);
}

/* For another program the time goes on between two windows, and is that of the whole run. */
static void open_time_of_others_is_not_stopped(void **state)
{
	(void)state;
	assert_int_equal(RUN(OPEN, SAYS(SHUT, 1), PASSES(50000), SAYS(LET_IN, 0), HAPPENS(TIME_UP)), STATUS_DONE);
	assert_int_equal(world.clock, MAX_OPEN * 1000);
	assert_int_equal(world.expiry, (MAX_OPEN + GRACE_SECONDS) * 1000);
}

static void our_own_client_gets_four_windows(void **state)
{
	struct event steps[2 + 2 * (WINDOWS + 1) + 1] = { CLAIM };

	(void)state;
	for (int i = 0; i <= WINDOWS; i++) {
		steps[2 + 2 * i] = (struct event)SAYS(PREPARE, 1);
		steps[3 + 2 * i] = (struct event)SAYS(SHUT, 0);
	}
	assert_int_equal(run_with(1, steps), STATUS_DONE);
	assert_string_equal(world.text, "the client asked for the port more than 4 times");
	assert_string_equal(strstr(world.trace, "FAULT"), "FAULT/1 CLOSED CLEARED ");
	assert_int_equal(world.fds_came, 2 * WINDOWS);
	for (int i = 0; i <= WINDOWS; i++)
		steps[2 + 2 * i] = (struct event)SAYS(PREPARE, 0);
	assert_int_equal(run_with(1, steps), STATUS_DONE);
	assert_string_equal(world.text, ""); /* a guard follows its listener for as long as it lives */
}

/* --- the watchdog and the news ------------------------------------------------------------------------------------ */

static void a_window_needs_a_watchdog(void **state)
{
	(void)state;
	assert_int_equal(RUN(OPEN, HAPPENS(WATCHDOG_ENDS), SAYS(SHUT, 0)), STATUS_DONE);
	assert_trace(OPEN_TRACE "stop shut FAULT/1 clear say-unchanged CLOSED CLEARED ");
	assert_string_equal(world.text, "the watchdog has ended");
	assert_int_equal(RUN(PREPARE, HAPPENS(WATCHDOG_ENDS), SAYS(LET_IN, 0)), STATUS_DONE);
	assert_trace(PREPARED_TRACE "stop FAULT/1 ");
}

static void a_window_that_cannot_be_closed_gets_another_watchdog(void **state)
{
	(void)state;
	world.fails = "shut";
	assert_int_equal(RUN(OPEN, HAPPENS(WATCHDOG_ENDS), FAILS(""), SAYS(SHUT, 0)), STATUS_FAILED);
	assert_trace(OPEN_TRACE "stop shut watchdog FAULT/1 shut CLOSED " CLOSED_TRACE "CLEARED/1 ");
	world.fails = "shut";
	assert_int_equal(RUN(OPEN, FAILS("shut watchdog"), HAPPENS(WATCHDOG_ENDS), FAILS(""), SAYS(SHUT, 0)), STATUS_FAILED);
	assert_trace(OPEN_TRACE "stop shut watchdog FAULT/1 shut CLOSED clear say-unchanged CLEARED/1 ");
	assert_logged("watchdog failed");
}

static void news_of_the_ruleset(void **state)
{
	(void)state;
	assert_int_equal(RUN(OPEN, HAPPENS(NEWS), FAILS("mend"), HAPPENS(NEWS), SAYS(SHUT, 0)), STATUS_DONE);
	assert_trace(OPEN_TRACE "mend say-mended mend mend failed shut CLOSED " CLOSED_TRACE "CLEARED ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(a_window_of_another_program),
		TEST(windows_of_our_own_client),
		TEST(what_was_not_opened_is_not_compared),
		TEST(with_webroot_it_listens_nowhere),
		TEST(a_window_on_the_port_of_tls),
		TEST(the_port_of_tls_has_to_be_free),
		TEST(a_port_that_was_not_told_stays_shut),
		TEST(each_word_in_each_state),
		TEST(records_that_are_none),
		TEST(descriptors_that_nobody_wants_are_closed),
		TEST(it_does_not_begin_without_what_it_needs),
		TEST(a_policy_that_is_none_is_the_end),
		TEST(a_gate_that_keeps_its_rights_is_the_end),
		TEST(the_command_of_the_administrator_keeps_the_rights),
		TEST(a_detached_gate_leaves_the_terminal_when_the_port_is_open),
		TEST(the_claim),
		TEST(another_acmegate_is_a_word_of_its_own),
		TEST(a_later_policy),
		TEST(a_plan_in_words),
		TEST(a_plan_without_a_claim),
		TEST(a_reading),
		TEST(a_plan_that_is_longer_than_a_record_is_cut_between_lines),
		TEST(can_it_listen),
		TEST(why_a_run_failed),
		TEST(what_cannot_be_prepared_is_refused_and_forgotten),
		TEST(what_cannot_be_opened_is_closed),
		TEST(what_cannot_be_closed_is_not_said_to_be),
		TEST(a_journal_that_cannot_be_cleared_is_said),
		TEST(the_end_of_the_parent_closes),
		TEST(a_record_that_cannot_be_sent_is_the_end_of_the_channel),
		TEST(interruptions_are_none),
		TEST(a_gate_that_cannot_wait_closes_and_ends),
		TEST(the_time_is_up),
		TEST(the_time_is_up_and_the_port_cannot_be_closed),
		TEST(a_parent_that_hangs_is_not_waited_for),
		TEST(open_time_of_our_own_is_counted_over_all_windows),
		TEST(a_pause_between_two_windows_is_no_open_time),
		TEST(open_time_of_others_is_not_stopped),
		TEST(our_own_client_gets_four_windows),
		TEST(a_window_needs_a_watchdog),
		TEST(a_window_that_cannot_be_closed_gets_another_watchdog),
		TEST(news_of_the_ruleset),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
