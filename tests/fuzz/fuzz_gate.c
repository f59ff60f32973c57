// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The gate's table: verbs x states x what happens. The gate is the real one, its world is not: the parent says what the input says, and
 * time, watchdog and firewall do. Whatever they do, the port is open for no longer than the policy says, our own client gets no more than
 * its windows, none stands without a watchdog, and when the gate ends the port is closed and the journal clear, or its watchdog goes on.
 *
 * The input is a list of events, one or a few bytes each, see happen(). When it ends, the parent does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int world_poll(struct pollfd *list, nfds_t n, int timeout);
static int world_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);
static int world_close(int fd);
static int world_shutdown(int fd);

#define close world_close
#include "base/own.h"
#define poll world_poll
#define timerfd_create(clock, flags) new_fd()
#define timerfd_settime world_timerfd_settime
#define fcntl(fd, command, value) (0)
#define prctl(...) (0)
#define setpriority(...) (0)
#define setsid() (0)
#define shutdown(fd, how) world_shutdown(fd)
#define fill_standard() (0)
#define main gate_main
static int new_fd(void);
int gate_main(int argc, char **argv);
#include "firewall/gate.c"
#include "firewall/inquiry.c"
#include "firewall/main.c"
#include "tests/fuzz/must.h"
#undef close
#undef poll
#undef main

#define MAX_OPEN 10
#define FDS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const uint8_t *data;
	size_t size, at;
	int64_t clock, expiry; /* ms; 0: not armed */
	bool is_open[FDS];
	int timer, watchdog, news;
	bool watchdog_died, changed, hung_up;
	bool fails_prepare, fails_open, fails_shut, fails_journal, fails_listen, fails_claim, fails_send;
	bool unheard; /* the parent waits for a reply that could not be sent */
	bool own, stands, excused;
	int64_t stood, since;
	int windows;
	struct record said; /* what the parent says next */
	bool speaks, nonsense;
} world;

static uint8_t next_byte(void)
{
	return world.at < world.size ? world.data[world.at++] : 0;
}

/* --- descriptors and time ----------------------------------------------------------------------------------------- */

static int new_fd(void)
{
	for (int fd = FD_AGENT_END; fd < FDS; fd++)
		if (!world.is_open[fd]) {
			world.is_open[fd] = true;
			return fd;
		}
	abort();
}

static int world_close(int fd)
{
	must(fd >= FD_AGENT_END && fd < FDS && world.is_open[fd]);
	world.is_open[fd] = false;
	return 0;
}

static int world_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	int64_t left = world.expiry > world.clock ? world.expiry - world.clock : 0;
	int64_t set = new->it_value.tv_sec *INT64_C(1000) + new->it_value.tv_nsec / 1000000;

	(void)flags;
	must(fd >= FD_AGENT_END);
	if (old)
		*old = (struct itimerspec){ .it_value = { left / 1000, (long)(left % 1000 * 1000000) } };
	world.expiry = set ? world.clock + set : 0;
	return 0;
}

/* Not past the timer: the gate is there then. */
static void pass_time(int64_t milliseconds)
{
	int64_t most = world.expiry ? world.expiry - world.clock : INT64_MAX;

	world.clock += most < 0 ? 0 : milliseconds < most ? milliseconds : most;
	must(world.stood + (world.stands && !world.excused ? world.clock - world.since : 0) <= MAX_OPEN * 1000 + 1000);
}

static int world_shutdown(int fd)
{
	must(fd == FD_WARDEN);
	world.hung_up = true;
	return 0;
}

/* --- what happens ------------------------------------------------------------------------------------------------- */

/* Numbers that stay as they are when there are more verbs: the corpus has them. */
static void speak(uint8_t what)
{
	static const enum verb heard[] = { VERB_POLICY,	 VERB_COMMAND, VERB_CLAIM,  VERB_PLAN, VERB_TRY_LISTENING,
					   VERB_EXPLAIN, VERB_PREPARE, VERB_LET_IN, VERB_SHUT };
	struct policy policy = {
		.seconds = MAX_OPEN, .port = 80, .tls_port = 443, .target = 8402, .mode = next_byte() % (RESPONDER_MODES + 1)
	};

	world.said.verb = what < LENGTH_OF(heard) ? heard[what] : what % VERBS;
	world.said.index = next_byte() % 8;
	policy.has_command = world.said.index == 3;
	memset(world.said.data, 0, 1024);
	if (world.said.verb == VERB_POLICY)
		memcpy(world.said.data, &policy, sizeof(policy));
	world.nonsense = what == 255;
	world.speaks = true;
}

static void fail(uint8_t what)
{
	world.fails_prepare = what & 1;
	world.fails_open = what & 2;
	world.fails_shut = what & 4;
	world.fails_journal = what & 8;
	world.fails_listen = what & 16;
	world.fails_claim = what & 32;
	world.fails_send = what & 64;
}

static void happen(void)
{
	uint8_t event = next_byte();

	if (world.at >= world.size)
		world.hung_up = true;
	else if (event % 8 == 0)
		pass_time(next_byte() * 100);
	else if (event % 8 == 1)
		world.watchdog_died = world.watchdog >= 0;
	else if (event % 8 == 2)
		world.changed = world.stands;
	else if (event % 8 == 3)
		fail(next_byte());
	else
		speak(next_byte());
}

static bool is_ready(int fd)
{
	if (fd == FD_WARDEN)
		return world.speaks || world.hung_up;
	if (fd == world.timer)
		return world.expiry && world.expiry <= world.clock;
	return fd == world.watchdog ? world.watchdog_died : fd == world.news && world.changed;
}

static int world_poll(struct pollfd *list, nfds_t n, int timeout)
{
	int ready = 0;

	must(timeout < 0);
	must(!world.unheard || world.hung_up);
	world.timer = list[ON_OVERTIME].fd;
	pass_time(1);
	while (!ready) {
		happen();
		for (nfds_t i = 0; i < n; i++) {
			list[i].revents = list[i].fd >= 0 && is_ready(list[i].fd) ? POLLIN : 0;
			ready += list[i].revents != 0;
		}
	}
	return ready;
}

/* --- the parent --------------------------------------------------------------------------------------------------- */

int wire_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	(void)index;
	(void)data;
	(void)length;
	must(fd == FD_WARDEN && verb != VERB_PREPARED);
	must(verb != VERB_CLOSED || !world.stands);
	world.unheard = world.unheard || world.fails_send;
	return world.hung_up || world.fails_send ? fault_set(fault, FAULT_FAILED, "sending") : 0;
}

int wire_send_with(int fd, enum verb verb, uint32_t index, const void *data, size_t length, const int with[2], struct fault *fault)
{
	(void)index;
	(void)data;
	(void)length;
	must(fd == FD_WARDEN && verb == VERB_PREPARED && with[0] < FDS);
	return world.hung_up ? fault_set(fault, FAULT_FAILED, "sending") : 0;
}

int wire_receive_with(int fd, struct record *record, int with[2], struct fault *fault)
{
	must(fd == FD_WARDEN);
	with[0] = with[1] = -1;
	if (!world.speaks)
		return 0;
	world.speaks = false;
	if (world.nonsense)
		return fault_set(fault, FAULT_FAILED, "nonsense");
	with[0] = world.said.index & 1 ? new_fd() : -1;
	*record = world.said;
	return 1;
}

const char *verb_name(enum verb verb)
{
	return verb < VERBS ? "A VERB" : "unknown";
}

/* --- the firewall ------------------------------------------------------------------------------------------------- */

int recovery_claim(struct journal *journal, int state_fd, enum claim how, struct fault *fault)
{
	(void)state_fd;
	(void)how;
	journal->armed = false;
	return world.fails_claim ? fault_set(fault, FAULT_LATER, "another one") : 0;
}

int window_prepare(struct window *window, struct journal *journal, const struct policy *policy, bool own_listener, struct fault *fault)
{
	must(!window->standing && policy_is_sound(policy));
	must(policy->port == 80 || (policy->port == 443 && own_listener && policy->mode == RESPONDER_STANDALONE));
	memset(window, 0, sizeof(*window));
	window->opening.seconds = policy->seconds;
	window->journal = journal;
	world.own = window->opening.own_listener = own_listener;
	window->news = -1;
	if (world.fails_prepare)
		return fault_set(fault, FAULT_FAILED, "no plan");
	window->news = world.news = new_fd();
	return 0;
}

int window_prepare_at(struct window *window, struct journal *journal, const struct policy *policy, const struct whereabouts *at,
		      struct fault *fault)
{
	must(at != NULL);
	return window_prepare(window, journal, policy, true, fault);
}

void window_use(const struct policy *policy, const char *command)
{
	must(policy_is_sound(policy) && (command[0] != '\0') <= policy->has_command);
}

void window_remark(struct window *window, const struct policy *policy)
{
	(void)window;
	(void)policy;
}

int window_open(struct window *window, struct fault *fault)
{
	must(!world.stands && world.watchdog >= 0);
	must(window->opening.seconds > 0 && window->opening.seconds <= MAX_OPEN);
	must(!world.own || ++world.windows <= WINDOWS);
	window->standing = window->journal->armed = true;
	if (world.fails_open)
		return fault_set(fault, FAULT_FAILED, "not opened");
	window->opened = 1;
	world.stands = true;
	world.since = world.clock;
	return 0;
}

int window_shut(struct window *window, struct fault *fault)
{
	must(window->standing);
	if (world.stands && !world.excused && world.own)
		world.stood += world.clock - world.since;
	if (world.fails_shut) {
		world.excused = world.stands;
		return fault_set(fault, FAULT_FAILED, "not closed");
	}
	world.stands = world.excused = world.changed = false;
	window->standing = false;
	return 0;
}

int window_mend(struct window *window, struct fault *fault)
{
	must(window->standing);
	world.changed = false;
	return fault_set(fault, FAULT_FAILED, "not mended");
}

void window_free(struct window *window)
{
	if (window->news >= 0)
		world_close(window->news);
	window->news = -1;
}

int journal_clear(struct journal *journal, struct fault *fault)
{
	must(!world.stands);
	if (world.fails_journal)
		return fault_set(fault, FAULT_FAILED, "no disk");
	journal->armed = false;
	return 0;
}

int listener_open(uint16_t port, int fds[2], struct fault *fault)
{
	(void)port;
	fds[0] = fds[1] = -1;
	if (world.fails_listen)
		return fault_set(fault, FAULT_FAILED, "taken");
	fds[0] = new_fd();
	return 0;
}

int listener_open_for_tls(uint16_t port, int fds[2], struct fault *fault)
{
	must(port == 443);
	return listener_open(port, fds, fault);
}

int sockets_listeners(uint16_t port, uint32_t *inodes, int most, struct fault *fault)
{
	(void)port;
	(void)inodes;
	(void)fault;
	return most > 0 ? 1 : 0;
}

int watchdog_start(const struct journal *journal, const struct policy *policy, struct fault *fault)
{
	must(world.watchdog < 0 && (!world.stands || world.excused) && policy_is_sound(policy) && !journal->quarantined);
	if (world.fails_prepare)
		return fault_set(fault, FAULT_LATER, "no processes");
	world.watchdog_died = false;
	world.watchdog = new_fd();
	return world.watchdog;
}

void watchdog_stop(int *pidfd)
{
	if (*pidfd < 0)
		return;
	must(*pidfd == world.watchdog);
	world_close(*pidfd);
	*pidfd = world.watchdog = -1;
}

void launch_while(int channel)
{
	must(channel == FD_WARDEN || channel == -1);
}

void launch_settle(void)
{
}

int sandbox_gate(struct fault *fault)
{
	(void)fault;
	return 0;
}

void sandbox_gate_with_command(void)
{
}

void report_opened(const struct window *window)
{
	(void)window;
}

void report_mended(struct window *window, int mended, const struct fault *fault)
{
	(void)window;
	(void)mended;
	(void)fault;
}

void report_unchanged(struct window *window)
{
	(void)window;
}

void log_start(const char *role, enum log_detail detail)
{
	(void)role;
	(void)detail;
}

enum log_detail log_detail_of(const char *option)
{
	(void)option;
	return LOG_PLAIN;
}

void log_detach(void)
{
}

void log_leave_terminal(void)
{
}

void log_finish(void)
{
}

void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

/* --- one gate ----------------------------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *arguments[] = { (char[]){ "acmegate-gate" }, NULL };
	int status;

	memset(&world, 0, sizeof(world));
	world.data = data;
	world.size = size;
	world.watchdog = world.news = world.timer = -1;
	status = gate_main(1, arguments);
	must(!world.stands || (world.excused && status == STATUS_FAILED && (world.watchdog >= 0 || world.fails_prepare)));
	return 0;
}
