// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/kernel.h"
#include "base/log.h"
#include "base/process.h"
#include "base/sockets.h"

#define CLIENTS 32			      /* of one window at a time */
#define SCRIPT_SECONDS 10		      /* a script that goes on for longer after its hook is the client itself */
#define LISTEN_INTERVAL 2		      /* ms between two looks for a listener */
#define ANSWER_SECONDS (10 + COMMAND_SECONDS) /* how long the holder of a window may take to answer */

enum watched { ON_SIGNAL, ON_GATE, ON_SOCKET, ON_CLIENTS, WATCHED = ON_CLIENTS + CLIENTS };

struct lease {
	struct gate *gate;
	bool open;
	uint16_t port;
	int status;
	int fd[WATCHED];	       /* what poll looks at; -1: not there */
	struct client client[CLIENTS]; /* the first of its kin is watched: it, and its pidfd, is moved to fd[ON_CLIENTS + i] */
	double began[CLIENTS];
	pid_t guard, listener; /* guard: the parent of the command; the process below it that was seen to listen */
	int last;	       /* the connection of the post that ended it, which waits for its answer; or -1 */
	struct fault fault;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- the window --------------------------------------------------------------------------------------------------- */

static int open_window(struct lease *l)
{
	l->open = gate_let_in(l->gate, &l->fault) == 0;
	return l->open ? 0 : -1;
}

/* again: it may be opened once more. */
static void close_window(struct lease *l, bool again)
{
	struct closed closed;

	l->open = false;
	(void)!gate_shut(l->gate, again, &closed, &l->fault);
	if (gate_clear(l->gate) != STATUS_DONE)
		l->status = STATUS_FAILED;
}

static int set_up(struct lease *l, struct gate *gate, const sigset_t *signals)
{
	memset(l, 0, sizeof(*l));
	l->gate = gate;
	l->last = -1;
	for (int i = 0; i < WATCHED; i++)
		l->fd[i] = -1;
	if (sigprocmask(SIG_BLOCK, signals, NULL) < 0)
		return fault_errno(&l->fault, FAULT_FAILED, "blocking signals");
	l->fd[ON_SIGNAL] = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->fd[ON_SIGNAL] < 0)
		return fault_errno(&l->fault, FAULT_LATER, "preparing to wait");
	if (gate_prepare(gate, &l->fault) < 0)
		return -1;
	l->fd[ON_GATE] = gate->channel;
	return 0;
}

static void tear_down(struct lease *l)
{
	l->fd[ON_GATE] = -1; /* gate_end() closes it */
	close_window(l, false);
	gate_end(l->gate);
	for (int i = 0; i < WATCHED; i++)
		close_fd(&l->fd[i]);
}

/* 1: at least one is ready. 0: the time is up. */
static int wait_for(const struct lease *l, struct pollfd list[WATCHED], int milliseconds)
{
	int n;

	for (int i = 0; i < WATCHED; i++)
		list[i] = (struct pollfd){ .fd = l->fd[i], .events = POLLIN };
	do
		n = poll(list, WATCHED, milliseconds);
	while (n < 0 && errno == EINTR);
	return n;
}

static int give_up(struct lease *l)
{
	log_error("%s", l->fault.text);
	l->status = fault_status(&l->fault);
	return -1;
}

/* --- hooks: what goes through STATE/hook.socket --------------------------------------------------------------------- */

struct request {
	uint32_t hook, number;
	struct kin kin[MOST_KIN];
};

union passed {
	char bytes[CMSG_SPACE(MOST_KIN * sizeof(int))];
	struct cmsghdr header;
};

struct answer {
	uint32_t status;
	char text[FAULT_TEXT_SIZE];
};

/* The path of the state directory may be longer than a socket's name. */
static socklen_t socket_address(int state_fd, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/hook.socket", state_fd);
	return sizeof(*address);
}

/* The pidfds go along. */
static int send_request(int fd, enum hook hook, const struct client *client)
{
	const size_t length = client->number * sizeof(int);
	struct request request = { .hook = hook, .number = client->number };
	struct iovec part = { &request, sizeof(request) };
	union passed passed = { .header = { CMSG_LEN(length), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	memcpy(request.kin, client->kin, sizeof(request.kin));
	if (client->fd[0] >= 0) {
		memcpy(CMSG_DATA(&passed.header), client->fd, length);
		message.msg_control = &passed;
		message.msg_controllen = CMSG_SPACE(length);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int lease_ask(int state_fd, enum hook hook, const struct client *client, int *status, struct fault *fault)
{
	OWN_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	struct sockaddr_un address;
	socklen_t length = socket_address(state_fd, &address);
	struct answer answer;
	ssize_t n;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return fault_errno(fault, FAULT_LATER, "asking who holds the window");
	if (connect(fd, (struct sockaddr *)&address, length) < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? 0 : fault_errno(fault, FAULT_FAILED, "%s", "hook.socket");
	if (send_request(fd, hook, client) < 0)
		return 0; /* it has just ended */
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < 0 && errno == EAGAIN)
		return fault_set(fault, FAULT_FAILED, "the process that holds the window does not answer");
	if (n != (ssize_t)sizeof(answer))
		return 0;
	answer.text[sizeof(answer.text) - 1] = '\0';
	if (answer.status == STATUS_DONE)
		log_notice("%s", answer.text);
	else
		log_error("%s", answer.text);
	*status = (int)answer.status;
	return 1;
}

static int listen_for_hooks(struct lease *l, int state_fd)
{
	struct sockaddr_un address;
	socklen_t length = socket_address(state_fd, &address);
	mode_t mask = umask(0177);
	int rc;

	(void)unlinkat(state_fd, "hook.socket", 0); /* whoever holds the journal is the only one */
	l->fd[ON_SOCKET] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = l->fd[ON_SOCKET] < 0 ? -1 : bind(l->fd[ON_SOCKET], (struct sockaddr *)&address, length);
	umask(mask);
	if (rc < 0 || listen(l->fd[ON_SOCKET], CLIENTS) < 0)
		return fault_errno(&l->fault, FAULT_FAILED, "making hook.socket in the state directory");
	return 0;
}

/* As long as a process has not ended, its number is nobody else's. */
static bool lives(int pidfd)
{
	struct pollfd process = { .fd = pidfd, .events = POLLIN };

	return poll(&process, 1, 0) == 0;
}

void client_close(struct client *client)
{
	for (uint32_t i = 0; i < MOST_KIN; i++)
		close_fd(&client->fd[i]);
}

static bool is_kin(const struct client *client, pid_t pid)
{
	uint32_t i = 0;

	while (i < client->number && client->kin[i].pid != pid)
		i++;
	return i < client->number;
}

/* NULL: any. */
static int find_client(const struct lease *l, const struct client *client)
{
	for (int i = 0; i < CLIENTS; i++) {
		int pidfd = l->fd[ON_CLIENTS + i];

		if (pidfd >= 0 && (!client || (is_kin(client, l->client[i].kin[0].pid) && lives(pidfd))))
			return i;
	}
	return -1;
}

/* The first of its kin is the next one. */
static void step(struct lease *l, int slot)
{
	struct client *c = &l->client[slot];

	c->number--;
	memmove(c->kin, c->kin + 1, c->number * sizeof(c->kin[0]));
	memmove(c->fd, c->fd + 1, (MOST_KIN - 1) * sizeof(c->fd[0]));
	c->fd[MOST_KIN - 1] = -1;
	close_fd(&l->fd[ON_CLIENTS + slot]);
	l->fd[ON_CLIENTS + slot] = steal_fd(&c->fd[0]);
}

static void say_watched(const struct client *client)
{
	char text[FAULT_TEXT_SIZE] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < client->number; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d %s", i ? ", and if that was only the hook, " : "",
					 (int)client->kin[i].pid, client->kin[i].name);
	log_notice("watching %s", text);
}

static void forget_client(struct lease *l, int slot)
{
	client_close(&l->client[slot]);
	close_fd(&l->fd[ON_CLIENTS + slot]);
}

/* The descriptor stays the caller's. */
static int add_client(struct lease *l, const struct client *client)
{
	int slot = 0;

	if (client->fd[0] < 0)
		return fault_set(&l->fault, FAULT_FAILED, "there is no process %d to watch", (int)client->kin[0].pid);
	if (find_client(l, client) >= 0) /* pre twice: once is enough */
		return 0;
	while (slot < CLIENTS && l->fd[ON_CLIENTS + slot] >= 0)
		slot++;
	if (slot == CLIENTS)
		return fault_set(&l->fault, FAULT_LATER, "%d clients have the port open already", CLIENTS);
	l->client[slot] = *client;
	l->began[slot] = seconds();
	for (uint32_t i = 0; i < MOST_KIN; i++)
		l->client[slot].fd[i] = client->fd[i] < 0 ? -1 : fcntl(client->fd[i], F_DUPFD_CLOEXEC, 0);
	l->fd[ON_CLIENTS + slot] = steal_fd(&l->client[slot].fd[0]);
	if (l->fd[ON_CLIENTS + slot] < 0)
		return fault_errno(&l->fault, FAULT_FAILED, "watching the process %d", (int)client->kin[0].pid);
	say_watched(client);
	return 0;
}

static void reply(int fd, int status, const char *text)
{
	struct answer answer = { .status = (uint32_t)status };

	snprintf(answer.text, sizeof(answer.text), "%s", text);
	(void)send(fd, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void on_pre(struct lease *l, int fd, const struct client *client)
{
	if (add_client(l, client) < 0)
		reply(fd, fault_status(&l->fault), l->fault.text);
	else
		reply(fd, STATUS_DONE, "the port is open already, and stays so for this client too");
}

/* true: the connection waits for the end. */
static bool on_post(struct lease *l, int fd, const struct client *client)
{
	int slot = find_client(l, client);

	if (slot < 0) {
		reply(fd, STATUS_DONE, "no pre of this client; the port stays open for those that had one");
		return false;
	}
	forget_client(l, slot);
	if (find_client(l, NULL) < 0) {
		l->last = fd;
		return true;
	}
	reply(fd, STATUS_DONE, "the port stays open for another client");
	return false;
}

/* The descriptors that come along are the caller's, also when it fails. */
static bool receive_request(int fd, struct request *request, struct client *client)
{
	struct iovec part = { request, sizeof(*request) };
	union passed passed = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &passed, .msg_controllen = sizeof(passed) };
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = n < 0 ? NULL : CMSG_FIRSTHDR(&message);

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len <= CMSG_LEN(sizeof(client->fd)))
		memcpy(client->fd, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
	if (n != (ssize_t)sizeof(*request) || request->number < 1 || request->number > MOST_KIN)
		return false;
	client->number = request->number;
	memcpy(client->kin, request->kin, sizeof(client->kin));
	for (uint32_t i = 0; i < client->number; i++)
		client->kin[i].name[sizeof(client->kin[i].name) - 1] = '\0';
	return request->kin[0].pid > 0;
}

/* The state directory lets others pass, so the peer is asked who it is. */
static void on_socket(struct lease *l)
{
	struct client client = NO_CLIENT;
	struct timeval limit = { .tv_sec = 1 };
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(peer);
	struct request request;
	int fd = accept4(l->fd[ON_SOCKET], NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid() &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 && receive_request(fd, &request, &client)) {
		if (request.hook == HOOK_PRE)
			on_pre(l, fd, &client);
		else if (request.hook == HOOK_POST && on_post(l, fd, &client))
			fd = -1;
	}
	client_close(&client);
	close_fd(&fd);
}

static void on_signal(struct lease *l)
{
	struct signalfd_siginfo info = { 0 };

	if (read(l->fd[ON_SIGNAL], &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	log_warning("stopped by %s", strsignal((int)info.ssi_signo));
	l->status = STATUS_LATER;
}

/* A script that ends soon and by itself was the hook, and what has run it is the client. */
static void on_client_ended(struct lease *l, int slot)
{
	const struct client *client = &l->client[slot];
	const pid_t pid = client->kin[0].pid;

	if (client->number > 1 && seconds() - l->began[slot] < SCRIPT_SECONDS && lives(client->fd[1]) &&
	    !process_was_killed(l->fd[ON_CLIENTS + slot], pid)) {
		step(l, slot);
		say_watched(client);
		return;
	}
	log_info("process %d (%s) has ended without a post hook", (int)pid, client->kin[0].name);
	forget_client(l, slot);
}

/* Until the last client has gone, the time is up, or anything else happens. */
static void hold(struct lease *l)
{
	struct pollfd list[WATCHED];

	while (find_client(l, NULL) >= 0 && l->status == STATUS_DONE && wait_for(l, list, -1) > 0) {
		if (list[ON_SIGNAL].revents)
			on_signal(l);
		if (list[ON_GATE].revents && gate_look(l->gate, &l->fault) < 0)
			give_up(l);
		if (l->gate->overtime) {
			log_warning("the time that [gate] max_open allows is up");
			return;
		}
		for (int i = 0; i < CLIENTS; i++)
			if (list[ON_CLIENTS + i].revents)
				on_client_ended(l, i);
		if (list[ON_SOCKET].revents)
			on_socket(l);
	}
}

/* The client waits for the end of its hook's output: nothing of that may stay open in here. */
static void tell(int pipe, int status)
{
	unsigned char byte = (unsigned char)status;

	log_leave_terminal();
	(void)!write(pipe, &byte, 1);
	close(pipe);
}

static _Noreturn void become_holder(struct gate *gate, int state_fd, const struct client *client, int pipe)
{
	static struct lease l;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	setsid();
	(void)setpriority(PRIO_PROCESS, 0, -20); /* a busy machine must not keep the port open */
	log_detach();
	if (set_up(&l, gate, &signals) < 0 || add_client(&l, client) < 0 || listen_for_hooks(&l, state_fd) < 0 ||
	    open_window(&l) < 0) {
		give_up(&l);
		(void)unlinkat(state_fd, "hook.socket", 0);
		tear_down(&l);
		tell(pipe, l.status);
		_exit(l.status);
	} else {
		tell(pipe, STATUS_DONE);
		hold(&l);
	}
	(void)unlinkat(state_fd, "hook.socket", 0);
	tear_down(&l);
	if (l.last >= 0)
		reply(l.last, l.status, l.status == STATUS_DONE ? "the port is closed" : "the port could not be closed");
	_exit(l.status);
}

int lease_hold(struct gate *gate, int state_fd, const struct client *client)
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
		become_holder(gate, state_fd, client, ends[1]);
	}
	close(ends[1]);
	gate_leave(gate);
	if (read(ends[0], &status, 1) != 1)
		log_error("the process that was to hold the window has died");
	close(ends[0]);
	return status;
}

/* --- guard ---------------------------------------------------------------------------------------------------------- */

/* Everything that the command starts stays below guard, also when it goes into the background: PR_SET_CHILD_SUBREAPER. */
static bool somebody_listens(struct lease *l)
{
	OWN_DIR DIR *proc = NULL;
	const struct dirent *entry;
	struct fault ignored;
	uint32_t inodes[16];
	int n = sockets_listeners(l->port, inodes, LENGTH_OF(inodes), &ignored);

	if (n > 0 && l->listener && process_holds(l->listener, inodes, n)) /* as a moment ago */
		return true;
	l->listener = 0;
	proc = n > 0 ? opendir("/proc") : NULL;
	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && process_is_below(pid, l->guard) && process_holds(pid, inodes, n)) {
			l->listener = pid;
			return true;
		}
	}
	return false;
}

static _Noreturn void become_command(int channel)
{
	char **words; /* of guard, and so of its fork */

	if (read(channel, &words, sizeof(words)) != (ssize_t)sizeof(words))
		_exit(STATUS_FAILED);
	execvp(words[0], words);
	log_error("%s: %s", words[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int lease_fork_command(struct command_process *command, struct fault *fault)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_errno(fault, FAULT_LATER, "preparing to start the command");
	command->pid = fork();
	if (command->pid == 0) {
		close(ends[1]);
		become_command(ends[0]);
	}
	close(ends[0]);
	command->channel = ends[1] == COMMAND_CHANNEL ? ends[1] : dup3(ends[1], COMMAND_CHANNEL, O_CLOEXEC);
	return command->pid < 0 || command->channel < 0 ? fault_errno(fault, FAULT_LATER, "starting the command") : 0;
}

/* true: it is open, or is to stay closed. */
static bool follow_listener(struct lease *l)
{
	if (somebody_listens(l) == l->open)
		return true;
	if (!l->open)
		return open_window(l) == 0;
	close_window(l, true);
	return l->status == STATUS_DONE;
}

/* Until the command or guard itself has ended, the time is up, or anything else happens. */
static void hold_for_command(struct lease *l, bool on_listen)
{
	struct pollfd list[WATCHED];

	for (;;) {
		int n = wait_for(l, list, on_listen ? LISTEN_INTERVAL : -1);

		if (n < 0 || list[ON_CLIENTS].revents || list[ON_SOCKET].revents)
			return;
		if (n > 0 && list[ON_SIGNAL].revents) {
			on_signal(l);
			return;
		}
		if (n > 0 && list[ON_GATE].revents && gate_look(l->gate, &l->fault) < 0) {
			log_error("%s: the command goes on behind a closed port", l->fault.text);
			return;
		}
		if (l->gate->overtime) {
			log_warning("the time is up: the command goes on behind a closed port");
			return;
		}
		if (on_listen && !follow_listener(l)) {
			give_up(l);
			return;
		}
	}
}

/* What the terminal sends is for guard, which outlives us. */
static _Noreturn void become_guardian(const struct config *config, struct gate *gate, int command, int guard, bool on_listen)
{
	static struct lease l;
	unsigned char status;
	sigset_t signals;
	int rc;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	setsid();
	(void)setpriority(PRIO_PROCESS, 0, -20); /* a busy machine must not keep the port open */
	rc = set_up(&l, gate, &signals);
	l.port = config->gate.port;
	l.fd[ON_CLIENTS] = command;
	l.fd[ON_SOCKET] = guard;
	l.guard = getppid();
	if (rc < 0 || (!on_listen && open_window(&l) < 0))
		give_up(&l);
	status = (unsigned char)l.status;
	if (write(guard, &status, 1) == 1 && l.status == STATUS_DONE)
		hold_for_command(&l, on_listen);
	tear_down(&l);
	_exit(gate->died ? 128 + SIGKILL : l.status); /* as one that the watchdog has killed */
}

struct guard {
	int signals, command, holder; /* signalfd, pidfd, channel; -1: not there (any more) */
	pid_t holder_pid;
	bool started;
};

/* What somebody sent to us is meant for the command. What the terminal sent, it has got already. */
static void pass_on(const struct guard *g)
{
	struct signalfd_siginfo info = { 0 };

	if (read(g->signals, &info, sizeof(info)) == (ssize_t)sizeof(info) && info.ssi_code != SI_KERNEL)
		(void)pidfd_send_signal(g->command, (int)info.ssi_signo, NULL, 0);
}

static int reap(pid_t pid)
{
	int status = 0;

	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return STATUS_FAILED;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The window is open: the command may start. Or its holder ends: before that, the command goes, too. */
static void on_holder(struct guard *g, struct command_process *command, char **words)
{
	unsigned char status;

	if (!g->started && read(g->holder, &status, 1) == 1 && status == STATUS_DONE) {
		g->started = write(command->channel, &words, sizeof(words)) == (ssize_t)sizeof(words);
	} else {
		close_fd(&g->holder);
	}
	close_fd(&command->channel);
}

/* Until the command has ended. */
static void wait_for_command(struct guard *g, struct command_process *command, char **words)
{
	enum { SIGNALS, HOLDER, COMMAND };

	for (;;) {
		struct pollfd list[] = { [SIGNALS] = { .fd = g->signals, .events = POLLIN },
					 [HOLDER] = { .fd = g->holder, .events = POLLIN },
					 [COMMAND] = { .fd = g->command, .events = POLLIN } };

		if (poll(list, LENGTH_OF(list), -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (list[SIGNALS].revents)
			pass_on(g);
		if (list[HOLDER].revents)
			on_holder(g, command, words);
		if (list[COMMAND].revents)
			return;
	}
}

static int start_guardian(struct guard *g, const struct config *config, struct gate *gate, bool on_listen, struct fault *fault)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fault_errno(fault, FAULT_LATER, "starting the process that holds the window");
	g->holder_pid = fork();
	if (g->holder_pid == 0) {
		close(ends[0]);
		close(COMMAND_CHANNEL);
		close(g->signals);
		become_guardian(config, gate, g->command, ends[1], on_listen);
	}
	close(ends[1]);
	g->holder = ends[0];
	gate_leave(gate);
	return g->holder_pid < 0 ? fault_errno(fault, FAULT_LATER, "starting the process that holds the window") : 0;
}

static int watch_command(struct guard *g, const struct command_process *command, struct fault *fault)
{
	sigset_t signals;

	sigemptyset(&signals);
	for (int *number = (int[]){ SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, 0 }; *number; number++)
		sigaddset(&signals, *number);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	g->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	g->command = pidfd_open(command->pid, 0);
	return g->signals < 0 || g->command < 0 ? fault_errno(fault, FAULT_LATER, "watching the command") : 0;
}

/* A port that could not be closed is worse than a command that failed. */
static int conclude(const struct guard *g, int command, int holder)
{
	if (!g->started)
		return holder == STATUS_DONE || holder > 128 ? STATUS_FAILED : holder;
	if (holder > 128)
		log_error("the process that held the port open was killed by signal %d; if no line above says that the watchdog has "
			  "closed the port, run acmegate recover",
			  holder - 128);
	if (holder == STATUS_FAILED)
		return STATUS_FAILED;
	return command == STATUS_DONE && holder > 128 ? STATUS_FAILED : command;
}

int lease_guard(const struct config *config, struct gate *gate, struct command_process *command, char **words, bool on_listen)
{
	struct guard g = { -1, -1, -1, -1, false };
	struct fault fault;
	int status, holder;

	if (watch_command(&g, command, &fault) < 0 || start_guardian(&g, config, gate, on_listen, &fault) < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	wait_for_command(&g, command, words);
	status = reap(command->pid);
	holder = reap(g.holder_pid);
	close_fd(&g.signals);
	close_fd(&g.command);
	close_fd(&g.holder);
	return conclude(&g, status, holder);
}
