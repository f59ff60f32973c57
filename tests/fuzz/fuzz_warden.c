// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The warden's table: verbs x states x deaths. The warden is the real one, its world is not: time, children and gate do what the input
 * says. Whatever they do, the run ends in its time, it never lets in without a responder, no hook runs while the port is open, and at the
 * end the port is closed, and nothing is left that the warden had.
 *
 * The input is a list of events, one or a few bytes each, see happen(). When it ends, only time goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* The world's, instead of the system's. Only the warden's files and what they include are read with these names. */
static int world_close(int fd);
static int world_open(const char *path, int flags);
static int world_fcntl(int fd, int command, ...);
static int world_poll(struct pollfd *list, nfds_t n, int timeout);
static ssize_t world_read(int fd, void *data, size_t size);
static int world_signalfd(int fd, const sigset_t *signals, int flags);
static int world_timerfd_create(int clock, int flags);
static int world_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);

#define close world_close
#define open world_open
#define fcntl world_fcntl
#define poll world_poll
#define read world_read
#define signalfd world_signalfd
#define timerfd_create world_timerfd_create
#define timerfd_settime world_timerfd_settime
#define sigprocmask(how, set, old) (0)
#include "base/launch_channel.c"
#include "warden/children.c"
#include "warden/crew.c"
#include "warden/renewal.c"
#include "warden/run.c"
#include "warden/run_window.c"
#include "warden/run_work.c"
#include "warden/supervise.c"
#include "tests/fuzz/must.h"
#undef close
#undef open
#undef fcntl
#undef poll
#undef read

#define MAX_OPEN 10
#define SLACK_MS 5000 /* for what the warden may wait for at an end */
#define FDS 256
#define QUEUE 8
#define GATE ROLES

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct word {
	uint32_t verb, index;
	uint8_t flags;
	bool nonsense;
};

/* A child, by its role. The gate has the place behind the last; it is there before the run and after it. */
static struct child {
	bool started, alive, reaped, channel_shut, deaf, floods;
	int status, channel, pidfd; /* the warden's ends */
	struct word queue[QUEUE], flood;
	size_t waiting;
} child[ROLES + 1];

static struct {
	const uint8_t *data;
	size_t size, at;
	int64_t clock; /* ms */
	bool is_open[FDS];
	int peer[FDS]; /* of the second end of a pair: the first */
	int timer[4], timers;
	int64_t expiry[4]; /* 0: not armed */
	int signals;
	bool signalled;
	bool fails_prepare, fails_open, fails_shut, fails_journal, fails_deploy, fails_start;
	bool tls;			/* the port at hand */
	bool prepared, stands, excused; /* the firewall refuses to close */
	int64_t since;
	bool deployed[MAX_CERTIFICATES];
} world;

static struct config config;

static uint8_t next_byte(void)
{
	return world.at < world.size ? world.data[world.at++] : 0;
}

/* --- descriptors -------------------------------------------------------------------------------------------------- */

static int new_fd(void)
{
	for (int fd = 3; fd < FDS; fd++)
		if (!world.is_open[fd]) {
			world.is_open[fd] = true;
			return fd;
		}
	abort();
}

static int world_close(int fd)
{
	must(fd >= 3 && fd < FDS && world.is_open[fd]);
	world.is_open[fd] = false;
	return 0;
}

static int world_open(const char *path, int flags)
{
	(void)path;
	(void)flags;
	return new_fd();
}

static int world_fcntl(int fd, int command, ...)
{
	(void)command;
	must(world.is_open[fd]);
	return 0;
}

static int world_signalfd(int fd, const sigset_t *signals, int flags)
{
	(void)fd;
	(void)signals;
	(void)flags;
	world.signals = new_fd();
	return world.signals;
}

static int world_timerfd_create(int clock, int flags)
{
	(void)clock;
	(void)flags;
	must(world.timers < (int)LENGTH_OF(world.timer));
	world.timer[world.timers] = new_fd();
	return world.timer[world.timers++];
}

static int world_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	(void)flags;
	for (int i = 0; i < world.timers; i++) {
		int64_t left = world.expiry[i] > world.clock ? world.expiry[i] - world.clock : 0;
		int64_t set = new->it_value.tv_sec *INT64_C(1000) + new->it_value.tv_nsec / 1000000;

		if (world.timer[i] != fd)
			continue;
		if (old)
			*old = (struct itimerspec){ .it_value = { left / 1000, (long)(left % 1000 * 1000000) } };
		world.expiry[i] = set ? world.clock + set : 0;
	}
	return 0;
}

static ssize_t world_read(int fd, void *data, size_t size)
{
	struct signalfd_siginfo *info = data;

	must(fd == world.signals && size == sizeof(*info));
	memset(info, 0, sizeof(*info));
	info->ssi_signo = SIGTERM;
	world.signalled = false;
	return (ssize_t)size;
}

/* --- what happens ------------------------------------------------------------------------------------------------- */

static void speak_of_gate(uint32_t verb)
{
	struct child *gate = &child[GATE];

	if (gate->alive && gate->waiting < QUEUE)
		gate->queue[gate->waiting++] = (struct word){ .verb = verb };
}

/* The gate keeps its time itself, and its watchdog closes for it. */
static void check_time(void)
{
	must(world.clock <= RUN_SECONDS * INT64_C(1000) + 120000);
	if (world.stands && !world.excused && (!child[GATE].alive || world.clock - world.since >= MAX_OPEN * 1000)) {
		world.stands = false;
		speak_of_gate(VERB_OVERTIME);
	}
}

static void pass_time(int64_t milliseconds)
{
	world.clock += milliseconds;
	check_time();
}

static int64_t next_timer(void)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < world.timers; i++)
		if (world.expiry[i] && world.expiry[i] < next)
			next = world.expiry[i];
	return next;
}

/* Not past a timer: the warden is there then. */
static void let_pass(int64_t milliseconds)
{
	int64_t most = next_timer() - world.clock;

	pass_time(most < 0 ? 0 : milliseconds < most ? milliseconds : most);
}

/* Numbers that stay as they are when there are more verbs or roles: the corpus has them. */
static uint32_t read_verb(void)
{
	static const uint32_t heard[] = { VERB_RENEWAL, VERB_STORED, VERB_OPEN, VERB_CLOSE, VERB_READY };
	uint8_t number = next_byte();

	return number < LENGTH_OF(heard) ? heard[number] : number == 255 ? VERBS : number % VERBS;
}

static struct child *some_child(uint8_t number)
{
	static const int known[] = { ROLE_CLIENT, ROLE_STORER, ROLE_RESPONDER, GATE, ROLE_SIGNER };

	return &child[number < LENGTH_OF(known) ? known[number] : number % (ROLES + 1)];
}

static struct word read_word(void)
{
	struct word word = { .verb = read_verb(), .index = (unsigned int)next_byte() % (MAX_CERTIFICATES + 1) };

	word.flags = next_byte();
	word.nonsense = word.verb == VERBS || word.index == MAX_CERTIFICATES;
	return word;
}

static void speak(struct child *c)
{
	struct word word = read_word();

	if (c->alive && !c->channel_shut && c->waiting < QUEUE)
		c->queue[c->waiting++] = word;
}

static void flood(struct child *c)
{
	c->flood = read_word();
	c->floods = c->alive && !c->channel_shut;
}

static void die(struct child *c)
{
	uint8_t status = next_byte();

	if (!c->alive)
		return;
	c->alive = false;
	c->status = status & 1 ? 128 + 9 : status & 2 ? STATUS_DONE : status & 4 ? STATUS_LATER : STATUS_FAILED;
	if (c->floods)
		c->queue[c->waiting++ % QUEUE] = c->flood;
	c->waiting = c->waiting > QUEUE ? QUEUE : c->waiting;
	c->floods = false;
}

static void fail(uint8_t what)
{
	world.fails_prepare = what & 1;
	world.fails_open = what & 2;
	world.fails_shut = what & 4;
	world.fails_journal = what & 16;
	world.fails_deploy = what & 32;
	world.fails_start = what & 64;
}

static void happen(void)
{
	uint8_t event = next_byte();
	struct child *c = some_child(event / 16);

	switch (event % 16) {
	case 0:
	case 1:
		let_pass(event % 16 ? next_byte() * 4 : next_byte() * 1000);
		break;
	case 2:
		die(c);
		break;
	case 3:
		c->channel_shut = c->channel_shut || c->alive;
		c->floods = false;
		break;
	case 4:
		world.signalled = true;
		break;
	case 6:
		flood(c);
		break;
	case 7:
		c->deaf = true;
		break;
	case 8:
		fail(next_byte());
		break;
	default:
		speak(c);
		break;
	}
}

static bool is_ready(int fd)
{
	for (int i = 0; i < world.timers; i++)
		if (fd == world.timer[i])
			return world.expiry[i] && world.expiry[i] <= world.clock;
	for (struct child *c = child; c <= &child[ROLES]; c++) {
		if (c->started && fd == c->pidfd)
			return !c->alive;
		if (c->started && fd == c->channel)
			return c->waiting || c->floods || c->channel_shut || !c->alive;
	}
	return fd == world.signals && world.signalled;
}

static int mark(struct pollfd *list, nfds_t n)
{
	int ready = 0;

	for (nfds_t i = 0; i < n; i++) {
		list[i].revents = 0;
		if (list[i].fd < 0 || !is_ready(list[i].fd))
			continue;
		list[i].revents = POLLIN;
		ready++;
	}
	return ready;
}

/* Nothing more happens by itself: up to the next timer. */
static void wait_for_timer(void)
{
	must(next_timer() != INT64_MAX); /* or it would wait for ever */
	pass_time(next_timer() > world.clock ? next_timer() - world.clock : 1);
}

static int world_poll(struct pollfd *list, nfds_t n, int timeout)
{
	int64_t until = world.clock + timeout;
	int ready;

	pass_time(1);
	if (world.at < world.size)
		happen();
	while (!(ready = mark(list, n)) && timeout != 0) {
		if (world.at < world.size)
			happen();
		else if (timeout < 0)
			wait_for_timer();
		else
			pass_time(until > world.clock ? until - world.clock : 1);
		if (timeout > 0 && world.clock >= until)
			return mark(list, n);
	}
	return ready;
}

/* --- children ----------------------------------------------------------------------------------------------------- */

int wire_pair(int ends[2], struct fault *fault)
{
	ends[0] = new_fd();
	ends[1] = new_fd();
	world.peer[ends[1]] = ends[0];
	(void)fault;
	return 0;
}

static struct child *child_on(int channel)
{
	for (struct child *c = child; c <= &child[ROLES]; c++)
		if (c->started && c->channel == channel)
			return c;
	broken("a channel of a child", channel);
}

int wire_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	(void)verb;
	(void)index;
	(void)data;
	(void)length;
	if (fd < 0 || child_on(fd)->deaf || !child_on(fd)->alive)
		return fault_set(fault, FAULT_FAILED, "sending");
	must(child_on(fd) != &child[GATE]);
	return 0;
}

int wire_receive(int fd, struct record *record, struct fault *fault)
{
	struct child *c = child_on(fd);
	struct word word = c->flood;
	struct renewal *renewal = (void *)record->data;

	pass_time(1);
	if (!c->waiting && !c->floods)
		return c->channel_shut || !c->alive ? 0 : fault_set(fault, FAULT_FAILED, "nothing there");
	if (c->waiting) {
		word = c->queue[0];
		memmove(c->queue, c->queue + 1, --c->waiting * sizeof(word));
	}
	if (word.nonsense)
		return fault_set(fault, FAULT_FAILED, "nonsense");
	memset(record->data, 0, 1024);
	record->verb = word.verb;
	record->index = word.index;
	record->length = 0;
	renewal->due = word.flags & 1;
	renewal->deploy = word.flags & 2 ? 1 : 0;
	renewal->from = word.flags & 4 ? 1000 : 0;
	return 1;
}

int wire_receive_with(int fd, struct record *record, int with[2], struct fault *fault)
{
	int rc = wire_receive(fd, record, fault);

	must(fd == child[GATE].channel);
	for (int i = 0; i < 2; i++)
		with[i] = rc > 0 && record->verb == VERB_PREPARED ? new_fd() : -1;
	return rc;
}

const char *verb_name(enum verb verb)
{
	return verb < VERBS ? "A VERB" : "unknown";
}

static int start_child(struct child *c, int channel, struct fault *fault)
{
	must(!c->started || c->reaped);
	if (world.fails_start)
		return fault_set(fault, FAULT_LATER, "no processes");
	*c = (struct child){ .started = true, .alive = true, .channel = channel, .pidfd = new_fd() };
	return c->pidfd;
}

int launch_role(enum role role, const struct config *c, const struct descriptor *given, size_t n, struct fault *fault)
{
	(void)c;
	(void)n;
	must(role != ROLE_TLS || world.tls);
	role = role == ROLE_TLS ? ROLE_RESPONDER : role; /* one in the place of the other */
	return start_child(&child[role], role == ROLE_SIGNER ? -1 : world.peer[given[0].from], fault);
}

int wire_send_with(int fd, enum verb verb, uint32_t index, const void *data, size_t length, const int with[2], struct fault *fault)
{
	must(with[0] < 0 && with[1] < 0);
	return wire_send(fd, verb, index, data, length, fault);
}

/* No certificate here has dns-01. */
int values_start(const struct config *its, const uint8_t *wanted, int state_fd, int *pid, int *channel, struct fault *fault)
{
	(void)its, (void)wanted, (void)state_fd, (void)pid, (void)channel;
	return fault_set(fault, FAULT_FAILED, "no acmegate-dns");
}

void values_end(int *pid)
{
	must(*pid < 0);
}

static struct child *child_of(int pidfd)
{
	for (struct child *c = child; c <= &child[ROLES]; c++)
		if (c->started && !c->reaped && c->pidfd == pidfd)
			return c;
	broken("a child that runs", pidfd);
}

int launch_reap(int *pidfd, bool kill_it)
{
	struct child *c;

	if (*pidfd < 0)
		return STATUS_DONE;
	c = child_of(*pidfd);
	must(kill_it || !c->alive); /* or the child decides how long this takes */
	if (c->alive)
		c->status = 128 + SIGKILL;
	c->alive = false;
	c->floods = false;
	c->reaped = true;
	world_close(*pidfd);
	*pidfd = -1;
	return c->status;
}

/* --- the gate ----------------------------------------------------------------------------------------------------- */

static int tell_gate(struct fault *fault)
{
	return child[GATE].deaf || !child[GATE].alive ? fault_set(fault, FAULT_FAILED, "sending") : 0;
}

void gate_turn(struct gate *gate, enum challenge_window window)
{
	must(gate->channel == child[GATE].channel && !world.prepared && !world.stands);
	world.tls = window == WINDOW_TLS;
	must(!world.tls || config.certificate[0].challenges);
}

int gate_prepare(struct gate *gate, const struct whereabouts *at, struct fault *fault)
{
	must(at && gate->channel == child[GATE].channel);
	if (tell_gate(fault) < 0)
		return -1;
	must(!world.prepared && !world.stands);
	world.prepared = !world.fails_prepare;
	speak_of_gate(world.fails_prepare ? VERB_FAULT : VERB_PREPARED);
	return 0;
}

int gate_let_in(struct gate *gate, struct fault *fault)
{
	must(gate->channel == child[GATE].channel);
	if (tell_gate(fault) < 0)
		return -1;
	must((config.responder.mode == RESPONDER_WEBROOT && !world.tls) ||
	     (child[ROLE_RESPONDER].started && !child[ROLE_RESPONDER].reaped));
	world.stands = world.prepared && child[GATE].alive && !world.fails_open;
	world.since = world.clock;
	speak_of_gate(world.fails_open ? VERB_FAULT : VERB_OPENED);
	return 0;
}

int gate_shut(struct gate *gate, bool again, struct closed *closed, struct fault *fault)
{
	must(!again && gate->channel == child[GATE].channel);
	memset(closed, 0, sizeof(*closed));
	child[GATE].waiting = 0;
	world.prepared = false;
	if (world.fails_shut && world.stands) {
		world.excused = true;
		return fault_set(fault, FAULT_FAILED, "not closed");
	}
	world.stands = world.excused = false;
	return child[GATE].alive ? 0 : fault_set(fault, FAULT_FAILED, "it has ended");
}

int gate_clear(struct gate *gate)
{
	(void)gate;
	return world.excused || world.fails_journal || !child[GATE].alive ? STATUS_FAILED : STATUS_DONE;
}

void gate_explain(struct gate *gate)
{
	(void)gate;
	must(!world.prepared);
}

/* --- the ledger of windows: the port is shut whenever it is written, which may take its time --------------------------- */

void note_begin(struct note *note, const struct gate *gate)
{
	must(gate->channel == child[GATE].channel && !note->begun && !world.prepared && !world.stands);
	note->begun = true;
}

void note_end(struct note *note)
{
	must(!note->begun || !world.stands);
	note->begun = false;
}

void note_leave(struct note *note)
{
	note->begun = false;
}

void note_client(struct note *note, const char *name)
{
	must(!note->begun && name);
}

void note_opened(struct note *note)
{
	must(note->begun);
}

void note_closed(struct note *note, const struct closed *closed)
{
	must(note && closed && !world.stands);
}

void note_overtime(struct note *note)
{
	(void)note;
}

void note_refused(struct note *note, const char *why)
{
	must(note && why);
}

void note_free(struct note *note)
{
	must(!note->begun);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

void seclusion_make_top(int state_fd, const char *name)
{
	(void)state_fd;
	must(name);
}

void readers_let_in(int state_fd)
{
	(void)state_fd;
}

int sandbox_warden(bool mounts, struct fault *fault)
{
	(void)mounts, (void)fault;
	return 0;
}

bool deploy_run(const struct config *c, const struct certificate *certificate, struct deployed *deployed)
{
	must(!world.stands || world.excused); /* a hook runs behind a closed port */
	must(!world.deployed[certificate - c->certificate]);
	world.deployed[certificate - c->certificate] = true;
	deployed->length = world.fails_prepare ? 0 : 1; /* one of two has succeeded */
	return !world.fails_deploy;
}

bool log_is_journal(void)
{
	return false;
}

void entry_log(enum log_level level, const struct entry *entry, const char *format, ...)
{
	(void)level;
	(void)format;
	must(entry->occasion < OCCASIONS);
}

void entry_note(enum log_level level, const struct entry *entry, const char *format, ...)
{
	(void)level;
	(void)format;
	must(entry->occasion < OCCASIONS);
}

int progress_interval(void)
{
	return -1;
}

void progress_step(enum progress_step step, uint32_t done, uint32_t of)
{
	must(step < PROGRESS_STEPS && done <= (of ? of : done));
}

void progress_open(uint16_t port, uint32_t seconds)
{
	(void)port;
	(void)seconds;
	must(world.stands);
}

void progress_shut(void)
{
	must(!world.stands || world.excused);
}

void progress_tick(void)
{
}

void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

/* --- one run ------------------------------------------------------------------------------------------------------ */

static void check_end(int status)
{
	check_time();
	must(!world.stands || (world.excused && status != STATUS_DONE));
	must(status == STATUS_DONE || status == STATUS_FAILED || status == STATUS_USAGE || status == STATUS_LATER);
	for (int i = 0; i < ROLES; i++)
		must(!child[i].started || child[i].reaped);
	for (int fd = 3; fd < FDS; fd++)
		must(!world.is_open[fd] || fd == child[GATE].channel || fd == child[GATE].pidfd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct errand errand = { .only_due = size && data[0] & 1 };
	struct gate gate = NO_GATE;
	int tokens[2];

	memset(child, 0, sizeof(child));
	memset(&world, 0, sizeof(world));
	world.data = data;
	world.size = size;
	world.at = 1;
	config.certificates = size && data[0] & 2 ? 3 : 1;
	config.gate.max_open = MAX_OPEN;
	config.responder.mode = size && data[0] & 4 ? RESPONDER_WEBROOT : RESPONDER_STANDALONE;
	for (uint32_t i = 0; i < config.certificates; i++)
		config.certificate[i].hooks = size && data[0] & 8 ? 1 : 0;
	for (uint32_t i = 0; i < config.certificates; i++) {
		memcpy(config.certificate[i].challenge, (uint8_t[]){ CHALLENGE_HTTP, CHALLENGE_TLS }, 2);
		config.certificate[i].challenges = size && data[0] & 16 ? 2 : 0;
	}
	config.hooks = size && data[0] & 8 ? config.certificates : 0;
	memset(errand.named, true, sizeof(errand.named));
	tokens[0] = new_fd();
	tokens[1] = new_fd();
	child[GATE] = (struct child){ .started = true, .alive = true, .channel = new_fd(), .pidfd = new_fd() };
	gate.channel = child[GATE].channel;
	check_end(renewal_run(&config, &errand, &gate, tokens, 3));
	return 0;
}
