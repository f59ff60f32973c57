// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The supervisor's tables: renewal, hook, guard and the holder of its window, each with a gate and children that do what the test says
 * whenever the supervisor waits. Records, signals and processes are real. In the end each row of each table was used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "base/kernel.h"
#include "base/log.h"
#include "base/launch.h"
#include "base/wire.h"
#include "command/command.h"
#include "warden/deploy.h"
#include "warden/hook_socket.h"
#include "warden/lease.h"
#include "warden/children.h"
#include "warden/renewal.h"
#include "warden/supervise.h"

#define JOBS 4

/* Of all processes of a test. */
static struct {
	const struct job *job[JOBS];
	unsigned int used[JOBS][STATES][EVENTS], always[JOBS][EVENTS];
	char log[65536];
	size_t logged;
	int listens; /* sockets on the port */
	int shuts, deployed;
	volatile bool started; /* guard's command */
} * shared;

static struct supervisor *supervisor; /* of this process */
static void (*act)(void);	      /* before it waits */
static enum state goal;		      /* an act takes the supervisor there, and has something happen then, once */
static void (*happen)(void);
static struct config config;
static struct gate gate;
static struct host host;
static int gates_end, state_fd;
static struct fault fault;
static struct {
	int channel, order; /* the child's end; a byte written here is its exit status */
	pid_t pid;
} child[ALL_ROLES];

/* --- between the supervisor and the rest ------------------------------------------------------------------------------ */

int __real_supervise_begin(struct supervisor *s, const struct job *job, struct gate *g, const int *signals);
int __wrap_supervise_begin(struct supervisor *s, const struct job *job, struct gate *g, const int *signals);
int __real_wire_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *f);
int __wrap_wire_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *f);
pid_t __real_fork(void);
pid_t __wrap_fork(void);
int __real_poll(struct pollfd *list, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *list, nfds_t n, int timeout);
int __wrap_launch_role(enum role role, const struct config *c, const struct descriptor *given, size_t n, struct fault *f);
int __wrap_sandbox_warden(bool mounts, struct fault *f);
bool __wrap_deploy_run(const struct config *c, const struct certificate *certificate, struct deployed *deployed);
int __wrap_sockets_listeners(uint16_t port, uint32_t *inodes, size_t most, struct fault *f);
bool __wrap_process_holds(pid_t pid, const uint32_t *inodes, int n);
void __wrap_log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

static int number_of(const struct job *job)
{
	int i = 0;

	while (i < JOBS && shared->job[i] && shared->job[i] != job)
		i++;
	assert_true(i < JOBS);
	shared->job[i] = job;
	return i;
}

static const struct job *original;

static void count(struct supervisor *s)
{
	int number = number_of(original);
	handler *handle = original->table[s->state][s->event];

	if (handle)
		shared->used[number][s->state][s->event]++;
	else
		shared->always[number][s->event]++;
	(handle ? handle : original->always[s->event])(s);
}

/* Every handler of its table is counted. */
int __wrap_supervise_begin(struct supervisor *s, const struct job *job, struct gate *g, const int *signals)
{
	static struct job counted;

	(void)number_of(job);
	original = job;
	supervisor = s;
	counted = *job;
	for (int event = 0; event < EVENTS; event++) {
		counted.always[event] = job->always[event] ? count : NULL;
		for (int state = 0; state < STATES; state++)
			counted.table[state][event] = job->table[state][event] ? count : NULL;
	}
	return __real_supervise_begin(s, &counted, g, signals);
}

static void say(int fd, enum verb verb, uint32_t index, const void *data, size_t length)
{
	struct fault ignored;

	(void)!__real_wire_send(fd, verb, index, data, length, &ignored);
}

/* The gate replies at once to who waits for it. */
int __wrap_wire_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *f)
{
	const struct closed closed = { 0 };
	int rc = __real_wire_send(fd, verb, index, data, length, f);

	if (verb == VERB_EXPLAIN)
		say(gates_end, VERB_REPLY, 0, NULL, 0);
	if (verb != VERB_SHUT)
		return rc;
	shared->shuts++;
	say(gates_end, VERB_CLOSED, 0, &closed, sizeof(closed));
	say(gates_end, VERB_CLEARED, STATUS_DONE, NULL, 0);
	return rc;
}

int __wrap_poll(struct pollfd *list, nfds_t n, int timeout)
{
	if (n == MOST_WATCHED && act)
		act();
	return __real_poll(list, n, timeout);
}

static pid_t forked; /* the last one */

pid_t __wrap_fork(void)
{
	forked = __real_fork();
	return forked;
}

static _Noreturn void be_child(int order, int channel)
{
	struct pollfd wait[] = { { .fd = 3, .events = POLLIN }, { .fd = channel < 0 ? -1 : 4 } };
	unsigned char status = STATUS_DONE;

	dup2(order, 60);
	if (channel >= 0)
		dup2(channel, 4);
	dup2(60, 3);
	close_range(5, ~0U, 0);
	__real_poll(wait, LENGTH_OF(wait), -1);
	(void)!(wait[0].revents ? read(3, &status, 1) : 0);
	_exit(status);
}

/* The storer ends with its channel, all others when they are told to. */
int __wrap_launch_role(enum role role, const struct config *c, const struct descriptor *given, size_t n, struct fault *f)
{
	int order[2];

	(void)c;
	(void)f;
	child[role].channel = -1;
	for (size_t i = 0; i < n && role != ROLE_SIGNER; i++)
		if (given[i].to == FD_WARDEN)
			child[role].channel = fcntl(given[i].from, F_DUPFD_CLOEXEC, 10);
	assert_int_equal(pipe2(order, O_CLOEXEC), 0);
	child[role].pid = fork();
	if (child[role].pid == 0)
		be_child(order[0], role == ROLE_STORER ? child[role].channel : -1);
	close(order[0]);
	child[role].order = order[1];
	return pidfd_open(child[role].pid, 0);
}

static void end_child(enum role role, unsigned char status)
{
	siginfo_t info;

	(void)!write(child[role].order, &status, 1);
	waitid(P_PID, (id_t)child[role].pid, &info, WEXITED | WNOWAIT);
	close_fd(&child[role].channel);
}

int __wrap_sandbox_warden(bool mounts, struct fault *f)
{
	(void)mounts, (void)f;
	return 0;
}

bool __wrap_deploy_run(const struct config *c, const struct certificate *certificate, struct deployed *deployed)
{
	(void)c;
	(void)certificate;
	deployed->length = 0;
	shared->deployed++;
	return true;
}

int __wrap_sockets_listeners(uint16_t port, uint32_t *inodes, size_t most, struct fault *f)
{
	(void)port;
	(void)most;
	(void)f;
	inodes[0] = 1;
	return shared->listens;
}

bool __wrap_process_holds(pid_t pid, const uint32_t *inodes, int n)
{
	(void)pid;
	(void)inodes;
	return n > 0;
}

void __wrap_log_line(enum log_level level, const char *format, ...)
{
	char line[FAULT_TEXT_SIZE + 128];
	size_t length, at;
	va_list args;

	(void)level;
	va_start(args, format);
	vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	length = strlen(line);
	line[length++] = '\n';
	at = __atomic_fetch_add(&shared->logged, length, __ATOMIC_SEQ_CST);
	if (at + length < sizeof(shared->log))
		memcpy(shared->log + at, line, length);
}

static void assert_logged(const char *words)
{
	if (!strstr(shared->log, words))
		fail_msg("\"%s\" is not in: %s", words, shared->log);
}

static void assert_ended(int status, int wanted)
{
	if (status != wanted)
		fail_msg("exit status %d instead of %d: %s", status, wanted, shared->log);
}

/* --- what the others say ------------------------------------------------------------------------------------------ */

static void of_gate(enum verb verb)
{
	const char *text = verb == VERB_FAULT ? "no chain can be opened" : "";

	say(gates_end, verb, verb == VERB_FAULT ? FAULT_FAILED : 0, text, strlen(text));
}

static void say_prepared(void)
{
	of_gate(VERB_PREPARED);
}

static void say_opened(void)
{
	of_gate(VERB_OPENED);
}

static void say_fault(void)
{
	of_gate(VERB_FAULT);
}

static void say_overtime(void)
{
	of_gate(VERB_OVERTIME);
}

static void end_gate(void)
{
	shutdown(gates_end, SHUT_RDWR);
}

static void send_signal(void)
{
	kill(getpid(), SIGTERM);
}

static bool due_or_not; /* renew-now */
static int64_t limited; /* as the storer says it */

static void say_renewal(void)
{
	const struct renewal renewal = { .due = 1, .deploy = !limited, .limited = limited, .reason = "it is due" };
	static uint32_t index;

	index = supervisor->state == SURVEYING && shared->logged ? index + 1 : 0;
	say(child[ROLE_STORER].channel, VERB_RENEWAL, index, &renewal, sizeof(renewal));
}

static void say_attempted(void)
{
	const struct work work = { .wanted = { 1, 1 } };

	say(child[ROLE_STORER].channel, VERB_ATTEMPTED, 0, &work, sizeof(work));
}

static void say_stored(void)
{
	say(child[ROLE_STORER].channel, VERB_STORED, 1, NULL, 0);
}

static bool over_tls; /* the window is that of tls-alpn-01 */

static void say_open(void)
{
	const struct whereabouts anywhere = { 0 };

	say(child[ROLE_CLIENT].channel, VERB_OPEN, over_tls, &anywhere, sizeof(anywhere));
}

static void say_close(void)
{
	say(child[ROLE_CLIENT].channel, VERB_CLOSE, 0, NULL, 0);
}

static void the_client_ends(void)
{
	end_child(ROLE_CLIENT, STATUS_DONE);
}

static void say_validated(void)
{
	static const struct validated none = { 0, 2 }, one = { 1, 2 };

	happen = say_close;
	say(child[ROLE_CLIENT].channel, VERB_VALIDATED, 0, &none, sizeof(none));
	say(child[ROLE_CLIENT].channel, VERB_VALIDATED, 0, &one, sizeof(one));
}

/* Through the DNS: there is no window. */
static void say_validated_without(void)
{
	say_validated();
	happen = the_client_ends;
}

static void say_validated_twice(void)
{
	say_validated();
	say_validated();
}

static void say_more_than_all(void)
{
	const struct validated more = { 3, 2 };

	say(child[ROLE_CLIENT].channel, VERB_VALIDATED, 0, &more, sizeof(more));
}

static void say_ready(void)
{
	say(child[over_tls ? ROLE_TLS : ROLE_RESPONDER].channel, VERB_READY, 0, NULL, 0);
}

/* --- a renewal ---------------------------------------------------------------------------------------------------- */

/* Once, unless it sets another. */
static void take_turn(void)
{
	void (*now)(void) = happen;

	happen = NULL;
	if (now)
		now();
}

static void advance(void)
{
	static void (*const next[STATES])(void) = {
		[SURVEYING] = say_renewal, [NOTING] = say_attempted, [WORKING] = say_open,   [PREPARING] = say_prepared,
		[LISTENING] = say_ready,   [OPENING] = say_opened,   [STANDING] = say_close,
	};

	if (supervisor->state == goal)
		take_turn();
	else if (next[supervisor->state])
		next[supervisor->state]();
}

static void meet_gate(void)
{
	int ends[2];

	assert_int_equal(wire_pair(ends, &fault), 0);
	gate = (struct gate){ .channel = ends[0], .pidfd = -1, .state_fd = -1 };
	gates_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
	close(ends[1]);
}

static void forget(void)
{
	memset(shared->log, 0, sizeof(shared->log));
	shared->logged = 0;
	shared->shuts = shared->deployed = shared->listens = 0;
	shared->started = false;
}

static int renew(enum state state, void (*event)(void))
{
	struct errand errand = { .only_due = !due_or_not, .named = { true, true } };
	int tokens[2], status;

	forget();
	meet_gate();
	assert_int_equal(wire_pair(tokens, &fault), 0);
	goal = state;
	happen = event;
	act = act ? act : advance;
	errand.host_state = state_fd;
	status = renewal_run(&config, &errand, &gate, tokens, state_fd);
	act = NULL;
	close_fd(&gate.channel);
	close_fd(&gates_end);
	for (int i = 0; i < ALL_ROLES; i++) {
		close_fd(&child[i].channel);
		close_fd(&child[i].order);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
	return status;
}

static bool stored;

/* The whole of it: a certificate is stored, and the client ends well. */
static void then_work(void)
{
	if (!stored)
		say_stored();
	else
		the_client_ends();
	happen = stored ? NULL : then_work;
	stored = true;
}

static void work_after_a_window(void)
{
	static struct record record;

	if (supervisor->state != WORKING || !shared->shuts) {
		advance();
		return;
	}
	while (wire_receive(child[ROLE_CLIENT].channel, &record, &fault) == 1 && record.verb != VERB_CLOSED)
		;
	assert_int_equal(record.verb, VERB_CLOSED);
	the_client_ends();
	act = NULL;
}

static void a_renewal_stores_and_deploys(void **state)
{
	(void)state;
	stored = false;
	assert_ended(renew(WORKING, then_work), STATUS_DONE);
	assert_logged("certificate b is stored");
	assert_int_equal(shared->deployed, 2);
	assert_int_equal(shared->shuts, 0);
}

static void work_without_dns(void)
{
	happen = work_without_dns;
	if (supervisor->fd[DNS_PID] < 0)
		then_work();
}

static void kill_dns(void)
{
	end_child(ROLE_DNS, STATUS_FAILED);
	happen = work_without_dns;
}

/* The client fails the names that need it, and obtains the other certificates. */
static void the_end_of_dns_ends_no_run(void **state)
{
	(void)state;
	stored = false;
	config.certificate[1].challenge[0] = CHALLENGE_DNS;
	config.certificate[1].challenges = 1;
	assert_ended(renew(WORKING, kill_dns), STATUS_DONE);
	assert_logged("certificate b is stored");
	config.certificate[1].challenges = 0;
	assert_true(child[ROLE_DNS].pid > 0);
	assert_int_equal(unlinkat(state_fd, "dns", 0), 0); /* the notes */
}

/* acmegate-tls answers behind it, also where a web server does on port 80. */
static void a_window_on_the_port_of_tls(void **state)
{
	(void)state;
	over_tls = true;
	config.certificate[1].challenge[0] = CHALLENGE_TLS;
	config.certificate[1].challenges = 1;
	config.responder.mode = RESPONDER_WEBROOT;
	act = work_after_a_window;
	assert_ended(renew(STANDING, say_close), STATUS_DONE);
	assert_int_equal(shared->shuts, 1);
	assert_true(gate.tls);
	config.certificate[1].challenges = 0;
	config.responder.mode = RESPONDER_STANDALONE;
	over_tls = false;
}

static void a_port_that_no_certificate_needs_stays_shut(void **state)
{
	(void)state;
	over_tls = true;
	assert_ended(renew(CLOSING, NULL), STATUS_FAILED);
	assert_logged("the client asked for a port that no certificate of this run needs");
	assert_int_equal(shared->shuts, 0);
	over_tls = false;
}

static bool tried;

static void note_try(void)
{
	tried = true;
	end_gate();
}

static void renew_now_does_not_pass_the_limit_of_the_ca(void **state)
{
	(void)state;
	tried = false;
	due_or_not = true;
	limited = 1790812800;
	assert_ended(renew(NOTING, note_try), STATUS_LATER);
	assert_false(tried);
	assert_logged(
		"certificate b: not tried before 2026-10-01 00:00 UTC, because validations of one of its names have failed five times");
	assert_int_equal(shared->deployed, 0);
	due_or_not = false;
	limited = 0;
}

static void kill_client(void)
{
	end_child(ROLE_CLIENT, STATUS_LATER);
}

static void kill_storer(void)
{
	end_child(ROLE_STORER, STATUS_FAILED);
}

static void kill_signer(void)
{
	end_child(ROLE_SIGNER, STATUS_FAILED);
}

static void kill_responder(void)
{
	end_child(ROLE_RESPONDER, STATUS_FAILED);
}

static void run_out_of_time(void)
{
	const struct itimerspec now = { .it_value.tv_nsec = 1 };

	timerfd_settime(supervisor->fd[ON_DEADLINE], 0, &now, NULL);
}

static void send_nonsense(void)
{
	send(child[ROLE_STORER].channel, "?", 1, 0);
}

static void send_what_is_the_gates(void)
{
	say(child[ROLE_STORER].channel, VERB_OPENED, 0, NULL, 0);
}

static void hang_up_the_client(void)
{
	close_fd(&child[ROLE_CLIENT].channel);
}

static const struct {
	void (*event)(void);
	enum state from;
	int status;
	const char *words;
} ends[] = {
	{ say_fault, SURVEYING, STATUS_FAILED, "no chain can be opened" },
	{ say_overtime, SURVEYING, STATUS_LATER, "in the time that [gate] max_open allows" },
	{ kill_client, WORKING, STATUS_LATER, "" },
	{ kill_storer, SURVEYING, STATUS_FAILED, "the storer ended too early, with status 1" },
	{ kill_signer, SURVEYING, STATUS_FAILED, "the signer ended too early, with status 1" },
	{ kill_responder, LISTENING, STATUS_FAILED, "the responder ended too early, with status 1" },
	{ run_out_of_time, SURVEYING, STATUS_LATER, "the run did not end within 30 minutes" },
	{ send_signal, SURVEYING, STATUS_LATER, "stopped by Terminated" },
	{ send_nonsense, SURVEYING, STATUS_FAILED, "the storer sent nonsense" },
	{ send_what_is_the_gates, SURVEYING, STATUS_FAILED, "which is not its to send" },
	{ end_gate, SURVEYING, STATUS_FAILED, "the gate has ended before it was told to" },
};

static void every_end_in_every_state_closes(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH_OF(ends); i++)
		for (enum state from = ends[i].from; from < CLOSING; from++) {
			assert_ended(renew(from, ends[i].event), ends[i].status);
			assert_logged(ends[i].words);
			assert_int_equal(shared->shuts, from >= PREPARING);
		}
}

static void every_record_out_of_turn_ends_the_run(void **state)
{
	static const struct {
		void (*say)(void);
		enum state here, from; /* where it belongs; where its sender is there */
	} records[] = {
		{ say_renewal, SURVEYING, SURVEYING }, { say_stored, WORKING, SURVEYING },
		{ say_open, WORKING, WORKING },	       { say_close, STANDING, WORKING },
		{ say_ready, LISTENING, LISTENING },   { say_prepared, PREPARING, SURVEYING },
		{ say_opened, OPENING, SURVEYING },    { say_validated, STANDING, PREPARING },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(records); i++)
		for (enum state from = records[i].from; from < CLOSING; from++) {
			if (from == records[i].here)
				continue;
			assert_ended(renew(from, records[i].say), STATUS_FAILED);
			assert_logged("out of turn");
			assert_int_equal(shared->shuts, from >= PREPARING);
		}
}

static void a_window_opens_and_closes(void **state)
{
	(void)state;
	act = work_after_a_window;
	assert_ended(renew(STANDING, say_close), STATUS_DONE);
	assert_int_equal(shared->shuts, 1);
}

static void a_client_tells_of_validations_forwards_only(void **state)
{
	static void (*const wrong[])(void) = { say_validated_twice, say_more_than_all };

	(void)state;
	act = work_after_a_window;
	assert_ended(renew(STANDING, say_validated), STATUS_DONE);
	assert_int_equal(shared->shuts, 1);
	assert_ended(renew(WORKING, say_validated_without), STATUS_DONE);
	assert_int_equal(shared->shuts, 0);
	for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
		assert_ended(renew(STANDING, wrong[i]), STATUS_FAILED);
		assert_logged("the client told of validations in the wrong order");
		assert_int_equal(shared->shuts, 1);
	}
}

static void a_channel_without_its_process_is_nonsense(void **state)
{
	(void)state;
	assert_ended(renew(WORKING, hang_up_the_client), STATUS_FAILED);
	assert_logged("the client has closed its channel but runs on");
}

/* --- a family: a process of the test and all that it starts ------------------------------------------------------------ */

/* Each has the writing end until it ends or becomes another program: an orphan too, which qemu, without subreapers, lets nobody reap. */
static int life[2];

static void begin_family(void)
{
	assert_int_equal(pipe2(life, O_CLOEXEC), 0);
}

static void await_family(void)
{
	close(life[1]);
	assert_int_equal(read(life[0], &(char){ 0 }, 1), 0);
	close(life[0]);
}

static void reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* --- a hook ------------------------------------------------------------------------------------------------------- */

static struct client first, second;

static void start_client(struct client *client)
{
	const struct client nobody = NO_CLIENT;

	*client = nobody;
	client->number = 1;
	client->kin[0].pid = fork();
	while (client->kin[0].pid == 0)
		pause();
	client->fd[0] = pidfd_open(client->kin[0].pid, 0);
}

static void kill_first(void)
{
	struct pollfd ended = { .fd = first.fd[0], .events = POLLIN };

	kill(first.kin[0].pid, SIGKILL);
	(void)__real_poll(&ended, 1, -1);
}

/* As a hook does. */
static void ask(enum hook hook, const struct client *client)
{
	int status = STATUS_USAGE;

	if (fork())
		return;
	close(gates_end);
	(void)!hook_socket_ask(state_fd, hook, client, &status, &fault);
	_exit(status);
}

static void post_first(void)
{
	ask(HOOK_POST, &first);
}

static void post_second(void)
{
	ask(HOOK_POST, &second);
	happen = post_first;
}

static void pre_second(void)
{
	ask(HOOK_PRE, &second);
	happen = post_second;
}

static void open_window(void)
{
	static void (*const next[STATES])(void) = { [PREPARING] = say_prepared, [OPENING] = say_opened };

	if (supervisor->state == goal)
		take_turn();
	else
		next[supervisor->state]();
}

/* The exit status of the hook; that of the process which held the window must be the same, or *holder. */
static int run_hook(enum state from, void (*event)(void), int *holder)
{
	int status;

	forget();
	meet_gate();
	begin_family();
	start_client(&first);
	start_client(&second);
	goal = from;
	happen = event;
	act = open_window;
	host.gate = gate;
	host.state_fd = state_fd;
	status = lease_hold(&host, &first);
	close_fd(&gates_end);
	waitpid(forked, holder, 0);
	*holder = WEXITSTATUS(*holder);
	kill(first.kin[0].pid, SIGKILL);
	kill(second.kin[0].pid, SIGKILL);
	client_close(&first);
	client_close(&second);
	await_family();
	reap_all();
	return status;
}

static void hooks_share_a_window(void **state)
{
	int holder;

	(void)state;
	assert_ended(run_hook(STANDING, pre_second, &holder), STATUS_DONE);
	assert_int_equal(holder, STATUS_DONE);
	assert_logged("the port is open already, and stays so for this client too");
	assert_logged("the port stays open for another client");
	assert_logged("the port is closed");
	assert_int_equal(shared->shuts, 1);
}

static void every_end_of_a_hooks_window_closes(void **state)
{
	static const struct {
		void (*event)(void);
		int opening, standing; /* the holder's exit statuses */
		const char *words;
	} cases[] = {
		{ say_overtime, STATUS_LATER, STATUS_DONE, "the time that [gate] max_open allows is up" },
		{ say_fault, STATUS_FAILED, STATUS_FAILED, "no chain can be opened" },
		{ send_signal, STATUS_LATER, STATUS_LATER, "stopped by Terminated" },
		{ end_gate, STATUS_FAILED, STATUS_FAILED, "the gate has ended before it was told to" },
		{ kill_first, -1, STATUS_DONE, "has ended without a post hook" },
	};
	int holder;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		for (enum state from = PREPARING; from <= STANDING; from++) {
			if (from == LISTENING || (from < STANDING && cases[i].opening < 0))
				continue;
			assert_ended(run_hook(from, cases[i].event, &holder), from == STANDING ? STATUS_DONE : cases[i].opening);
			assert_int_equal(holder, from == STANDING ? cases[i].standing : cases[i].opening);
			assert_logged(cases[i].words);
			assert_int_equal(shared->shuts, 1);
		}
}

/* --- guard -------------------------------------------------------------------------------------------------------- */

static pid_t front;

static void stop_guard(void)
{
	while (!shared->started)
		(void)__real_poll(NULL, 0, 1);
	kill(front, SIGTERM);
}

static void kill_guard(void)
{
	kill(front, SIGKILL);
}

static void listen_no_more(void)
{
	shared->listens = 0;
	goal = LISTENING;
	happen = stop_guard;
}

static void start_listening(void)
{
	shared->listens = 1;
	goal = STANDING;
	happen = listen_no_more;
}

/* The holder's acts. guard itself waits for its command, which it ends by a signal as soon as there is no holder any more. */
static void guard_window(void)
{
	static void (*const next[STATES])(void) = { [PREPARING] = say_prepared, [OPENING] = say_opened };

	static bool sent;

	if (!supervisor->gate) {
		shared->started = supervisor->state == WORKING;
		if (supervisor->state == WORKING && supervisor->fd[ON_OWN] < 0 && !sent)
			sent = kill(getpid(), SIGUSR1) == 0;
	} else if (supervisor->state == goal) {
		take_turn();
	} else if (next[supervisor->state]) {
		next[supervisor->state]();
	}
}

static _Noreturn void be_guard(bool on_listen)
{
	char *words[] = { (char[]){ "sleep" }, (char[]){ "60" }, NULL };
	struct call call = { .word = words, .words = 1, .value = { [GUARD_ON_LISTEN] = on_listen ? "" : NULL } };

	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* what the test's renewals blocked; the command inherits it */
	setpgid(0, 0);
	front = getpid();
	if (guard_prepare(&host, &fault) < 0)
		_exit(99);
	host.gate = gate;
	_exit(guard_run(&host, &call));
}

/* Its exit status, 128 + N when signal N ended it. */
static int run_guard(bool on_listen, enum state from, void (*event)(void))
{
	int status;
	pid_t pid;

	forget();
	meet_gate();
	goal = from;
	happen = event;
	act = guard_window;
	begin_family();
	pid = fork();
	if (pid == 0)
		be_guard(on_listen);
	close_fd(&gate.channel);
	close_fd(&gates_end);
	waitpid(pid, &status, 0);
	await_family();
	if (WIFSIGNALED(status)) /* the holder ends by itself, the command does not */
		kill(-pid, SIGKILL);
	reap_all();
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void guard_follows_its_command(void **state)
{
	(void)state;
	assert_ended(run_guard(false, STANDING, stop_guard), 128 + SIGTERM);
	assert_int_equal(shared->shuts, 1);
	assert_ended(run_guard(true, LISTENING, start_listening), 128 + SIGTERM);
	assert_int_equal(shared->shuts, 2);
	assert_ended(run_guard(false, STANDING, kill_guard), 128 + SIGKILL);
	assert_int_equal(shared->shuts, 1);
}

static void every_end_of_guards_window_closes(void **state)
{
	static const struct {
		void (*event)(void);
		int before, after; /* guard's exit status, before and after its command runs */
		const char *words;
	} cases[] = {
		{ say_overtime, STATUS_LATER, 128 + SIGUSR1, "the time " },
		{ say_fault, STATUS_FAILED, 128 + SIGUSR1, "no chain can be opened" },
		{ end_gate, STATUS_FAILED, 128 + SIGUSR1, "the gate has ended before it was told to" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		for (enum state from = PREPARING; from <= STANDING; from++) {
			assert_ended(run_guard(from == LISTENING, from, cases[i].event),
				     from == LISTENING || from == STANDING ? cases[i].after : cases[i].before);
			assert_logged(cases[i].words);
			if (from == LISTENING || from == STANDING)
				assert_logged(": the command goes on behind a closed port");
			assert_int_equal(shared->shuts, 1);
		}
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void every_row_was_used(void **state)
{
	unsigned int rows = 0;

	(void)state;
	for (int i = 0; i < JOBS; i++) {
		assert_non_null(shared->job[i]);
		for (int event = 0; event < EVENTS; event++) {
			if (shared->job[i]->always[event] && !shared->always[i][event])
				fail_msg("job %d: event %d was handled in no state", i, event);
			for (int from = 0; from < STATES; from++, rows++)
				if (shared->job[i]->table[from][event] && !shared->used[i][from][event])
					fail_msg("job %d: event %d was not handled in state %d", i, event, from);
		}
	}
	assert_int_equal(rows, JOBS * EVENTS * STATES);
}

static int set_up(void **state)
{
	static char directory[] = "/tmp/test-supervise-XXXXXX";

	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !mkdtemp(directory))
		return -1;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	while (open("/dev/null", O_RDWR | O_CLOEXEC) < 9) /* guard has a number of its own there */
		;
	state_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = directory;
	signal(SIGPIPE, SIG_IGN);
	config.certificates = 2;
	strcpy(config.certificate[0].name, "a");
	strcpy(config.certificate[1].name, "b");
	config.hooks = config.certificate[0].hooks = config.certificate[1].hooks = 1;
	config.responder.mode = RESPONDER_STANDALONE;
	host.config = &config;
	for (int i = 0; i < ALL_ROLES; i++)
		child[i].channel = child[i].order = -1;
	return state_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)unlinkat(state_fd, "ledger", AT_REMOVEDIR);
	close(state_fd);
	return rmdir(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_renewal_stores_and_deploys),
		cmocka_unit_test(the_end_of_dns_ends_no_run),
		cmocka_unit_test(renew_now_does_not_pass_the_limit_of_the_ca),
		cmocka_unit_test(a_window_opens_and_closes),
		cmocka_unit_test(a_window_on_the_port_of_tls),
		cmocka_unit_test(a_port_that_no_certificate_needs_stays_shut),
		cmocka_unit_test(every_end_in_every_state_closes),
		cmocka_unit_test(every_record_out_of_turn_ends_the_run),
		cmocka_unit_test(a_client_tells_of_validations_forwards_only),
		cmocka_unit_test(a_channel_without_its_process_is_nonsense),
		cmocka_unit_test(hooks_share_a_window),
		cmocka_unit_test(every_end_of_a_hooks_window_closes),
		cmocka_unit_test(guard_follows_its_command),
		cmocka_unit_test(every_end_of_guards_window_closes),
		cmocka_unit_test(every_row_was_used),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
