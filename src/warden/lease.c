// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/lease.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/sockets.h"
#include "say/entry.h"
#include "warden/hook_socket.h"
#include "publish/publish.h"

#define LISTEN_INTERVAL 2 /* ms between two looks for a listener */

/* --- what both have in common ------------------------------------------------------------------------------------- */

/* A session of its own: signals of the terminal are not for this process, which outlives the command on it. */
static void become_holder(struct supervisor *s, const struct job *job, struct gate *gate, const int *signals)
{
	entry_start(); /* a process of its own */
	setsid();
	(void)setpriority(PRIO_PROCESS, 0, -20); /* a busy machine must not keep the port open */
	if (supervise_begin(s, job, gate, signals) < 0 || supervise_prepare(s, NULL) < 0)
		supervise_give_up(s);
}

static void let_in(struct supervisor *s)
{
	if (supervise_let_in(s) < 0)
		supervise_give_up(s);
}

/* --- hooks -------------------------------------------------------------------------------------------------------- */

enum { ON_SOCKET = ON_OWN, ON_CLIENTS = ON_LAST };

struct lease {
	struct supervisor s;
	struct clients clients;
	const struct client *first;
	int state_fd, socket;
	int hook; /* the one that waits until the window is open; -1: it knows */
	int last; /* the connection of the post that ended it, which waits for its answer; or -1 */
};

static struct lease *lease_of(struct supervisor *s)
{
	return (void *)s;
}

/* The client waits for the end of its hook's output: nothing of that may stay open in here. */
static void tell_hook(struct lease *l, int status)
{
	unsigned char byte = (unsigned char)status;

	if (l->hook < 0)
		return;
	log_leave_terminal();
	(void)!write(l->hook, &byte, 1);
	close_fd(&l->hook);
}

/* All that may be the client: which of them is, shows when the others have ended. */
static void note_kin(struct note *note, const struct client *client)
{
	for (uint32_t i = 0; i < client->number; i++)
		note_client(note, client->kin[i].name);
}

/* Until the last client has gone. */
static void watch_clients(struct lease *l)
{
	for (int i = 0; i < CLIENTS; i++)
		l->s.fd[ON_CLIENTS + i] = l->clients.client[i].fd[0];
	l->s.state = clients_find(&l->clients, NULL) < 0 ? CLOSING : STANDING;
}

static void hook_prepared(struct supervisor *s)
{
	struct lease *l = lease_of(s);

	if (clients_add(&l->clients, l->first, &s->fault) < 0 || hook_socket_listen(l->state_fd, &l->socket, &s->fault) < 0)
		supervise_give_up(s);
	else
		let_in(s);
}

static void hook_opened(struct supervisor *s)
{
	struct lease *l = lease_of(s);

	tell_hook(l, STATUS_DONE);
	s->fd[ON_SOCKET] = l->socket;
	watch_clients(l);
}

static void hook_overtime(struct supervisor *s)
{
	log_warning("the time that [gate] max_open allows is up");
	if (s->state != STANDING)
		s->status = STATUS_LATER;
	s->state = CLOSING;
}

static void hook_client_ended(struct supervisor *s)
{
	struct lease *l = lease_of(s);
	const struct client *client = &l->clients.client[s->which - ON_CLIENTS];

	clients_step(&l->clients, s->which - ON_CLIENTS);
	if (client->fd[0] >= 0) { /* that was only the hook */
		s->note.entry.pid = (uint32_t)client->kin[0].pid;
		s->note.entry.client[0] = '\0';
		note_client(&s->note, client->kin[0].name);
	}
	watch_clients(l);
}

static void on_pre(struct lease *l, int connection, const struct client *client)
{
	if (clients_add(&l->clients, client, &l->s.fault) < 0) {
		hook_socket_reply(connection, fault_status(&l->s.fault), l->s.fault.text);
		return;
	}
	hook_socket_reply(connection, STATUS_DONE, "the port is open already, and stays so for this client too");
	note_kin(&l->s.note, client);
}

static void on_post(struct lease *l, int connection, const struct client *client)
{
	int place = clients_find(&l->clients, client);

	if (place >= 0)
		client_close(&l->clients.client[place]);
	if (place < 0)
		hook_socket_reply(connection, STATUS_DONE, "no pre of this client; the port stays open for those that had one");
	else if (clients_find(&l->clients, NULL) >= 0)
		hook_socket_reply(connection, STATUS_DONE, "the port stays open for another client");
	else
		l->last = connection;
}

static void on_hook(struct supervisor *s)
{
	struct lease *l = lease_of(s);
	struct client client = NO_CLIENT;
	enum hook hook = HOOK_POST;
	int connection = hook_socket_accept(l->socket, &hook, &client);

	if (connection >= 0)
		(hook == HOOK_PRE ? on_pre : on_post)(l, connection, &client);
	client_close(&client);
	watch_clients(l);
}

static const struct job for_hooks = {
	.watch = {
		[ON_SOCKET - ON_OWN] = { EVENT_HOOK, NULL, 0 },
		[ON_CLIENTS - ON_OWN] = { EVENT_CLIENT_ENDED, NULL, 0 },
	},
	.always = { [EVENT_OVERTIME] = hook_overtime },
	.table = {
		[PREPARING] = { [EVENT_PREPARED] = hook_prepared },
		[OPENING] = { [EVENT_OPENED] = hook_opened },
		[STANDING] = { [EVENT_HOOK] = on_hook, [EVENT_CLIENT_ENDED] = hook_client_ended },
	},
};

static _Noreturn void hold(struct host *host, const struct client *client, int hook)
{
	const int state_fd = host->state_fd;
	static struct lease l;

	l = (struct lease){ .first = client, .state_fd = state_fd, .socket = -1, .hook = hook, .last = -1 };
	clients_init(&l.clients);
	l.s.note.entry.asker = ASKER_HOOK;
	l.s.note.entry.pid = (uint32_t)client->kin[0].pid;
	note_kin(&l.s.note, client);
	log_detach();
	become_holder(&l.s, &for_hooks, &host->gate, (const int[]){ SIGINT, SIGTERM, SIGHUP, 0 });
	supervise(&l.s);
	hook_socket_remove(state_fd);
	supervise_finish(&l.s);
	gate_end(&host->gate);
	tell_hook(&l, l.s.status);
	if (l.last >= 0)
		hook_socket_reply(l.last, l.s.status,
				  l.s.status == STATUS_DONE ? "the port is closed" : "the port could not be closed");
	publish(host);
	_exit(l.s.status);
}

int lease_hold(struct host *host, const struct client *client)
{
	unsigned char status = STATUS_FAILED;
	struct fault fault;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		fault_errno(&fault, FAULT_LATER, "starting the process that holds the window");
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	if (pid == 0) {
		close(ends[0]);
		hold(host, client, ends[1]);
	}
	close(ends[1]);
	gate_leave(&host->gate);
	if (read(ends[0], &status, 1) != 1)
		log_error("the process that was to hold the window has died");
	close(ends[0]);
	return status;
}

/* --- guard -------------------------------------------------------------------------------------------------------- */

enum { ON_COMMAND = ON_OWN, ON_GUARD };

struct vigil {
	struct supervisor s;
	const struct ward *ward;
	uint16_t port;
	pid_t guard, listener; /* guard: the parent of the command; the process below it that was seen to listen */
	bool told;	       /* guard: the command may start */
};

static struct vigil *vigil_of(struct supervisor *s)
{
	return (void *)s;
}

static bool tell_guard(struct vigil *v)
{
	unsigned char status = (unsigned char)v->s.status;

	if (!v->told && write(v->ward->guard, &status, 1) != 1)
		return false;
	v->told = true;
	return true;
}

/* Everything that the command starts stays below guard, also when it goes into the background: PR_SET_CHILD_SUBREAPER. */
static bool somebody_listens(struct vigil *v)
{
	OWN_DIR DIR *proc = NULL;
	const struct dirent *entry;
	struct fault ignored;
	uint32_t inodes[16];
	int n = sockets_listeners(v->port, inodes, LENGTH_OF(inodes), &ignored);

	if (n > 0 && v->listener && process_holds(v->listener, inodes, n)) /* as a moment ago */
		return true;
	v->listener = 0;
	proc = n > 0 ? opendir("/proc") : NULL;
	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && kin_is_below(pid, v->guard) && process_holds(pid, inodes, n)) {
			v->listener = pid;
			return true;
		}
	}
	return false;
}

/* The command may start now; with on_listen the port is still closed. */
static void go_on(struct supervisor *s, enum state state)
{
	s->state = tell_guard(vigil_of(s)) ? state : CLOSING;
}

static void guard_prepared(struct supervisor *s)
{
	if (vigil_of(s)->ward->on_listen)
		go_on(s, LISTENING);
	else
		let_in(s);
}

static void guard_opened(struct supervisor *s)
{
	go_on(s, STANDING);
}

static void look_for_listener(struct supervisor *s)
{
	if (somebody_listens(vigil_of(s)))
		let_in(s);
}

static void guard_refused(struct supervisor *s)
{
	log_error("%s: the command goes on behind a closed port", s->fault.text);
	s->state = CLOSING;
}

static void guard_overtime(struct supervisor *s)
{
	if (!vigil_of(s)->told) {
		supervise_give_up_because(s, FAULT_LATER, "the time that [gate] max_open allows was up before the port was open");
		return;
	}
	log_warning("the time is up: the command goes on behind a closed port");
	s->state = CLOSING;
}

static void guard_gate_ended(struct supervisor *s)
{
	fault_set(&s->fault, FAULT_FAILED, "the gate has ended before it was told to%s",
		  vigil_of(s)->told ? ": the command goes on behind a closed port" : "");
	supervise_give_up(s);
}

static void look_after_listener(struct supervisor *s)
{
	struct closed closed;

	if (somebody_listens(vigil_of(s)))
		return;
	(void)supervise_shut(s, true, &closed);
	supervise_clear(s);
	s->prepared = true;
	s->state = s->status == STATUS_DONE ? LISTENING : CLOSING;
	if (s->state == LISTENING && s->gate->overtime)
		guard_overtime(s);
}

static const struct job for_guard = {
	.watch = {
		[ON_COMMAND - ON_OWN] = { EVENT_CLIENT_ENDED, NULL, 0 },
		[ON_GUARD - ON_OWN] = { EVENT_GUARD_ENDED, NULL, 0 },
	},
	.always = {
		[EVENT_OVERTIME] = guard_overtime,
		[EVENT_GATE_ENDED] = guard_gate_ended,
		[EVENT_CLIENT_ENDED] = supervise_close,
		[EVENT_GUARD_ENDED] = supervise_close,
	},
	.table = {
		[PREPARING] = { [EVENT_PREPARED] = guard_prepared },
		[LISTENING] = { [EVENT_TICK] = look_for_listener, [EVENT_REFUSED] = guard_refused },
		[OPENING] = { [EVENT_OPENED] = guard_opened },
		[STANDING] = { [EVENT_TICK] = look_after_listener, [EVENT_REFUSED] = guard_refused },
	},
};

_Noreturn void lease_guard(struct host *host, const struct ward *ward)
{
	static struct vigil v;

	v = (struct vigil){ .ward = ward, .port = host->config->gate.port, .guard = getppid() };
	v.s.note.entry.asker = ASKER_GUARD;
	v.s.note.entry.pid = (uint32_t)ward->pid;
	note_client(&v.s.note, ward->name);
	become_holder(&v.s, &for_guard, &host->gate, (const int[]){ SIGTERM, 0 });
	v.s.fd[ON_COMMAND] = ward->command;
	v.s.fd[ON_GUARD] = ward->guard;
	v.s.interval = ward->on_listen ? LISTEN_INTERVAL : -1;
	supervise(&v.s);
	(void)tell_guard(&v);
	supervise_finish(&v.s);
	gate_end(&host->gate);
	publish(host);
	_exit(host->gate.died ? 128 + SIGKILL : v.s.status); /* as one that the watchdog has killed */
}
