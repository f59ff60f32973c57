// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/kernel.h"
#include "base/log.h"
#include "warden/lease.h"

/* --- the command -------------------------------------------------------------------------------------------------- */

/* Its end of the channel to the command. When that is closed, a command that has not started yet ends. */
#define COMMAND_CHANNEL 3

static struct {
	pid_t pid;
	int channel;
} command;

static _Noreturn void become_command(int channel)
{
	char **words; /* of guard, and so of its fork */

	if (read(channel, &words, sizeof(words)) != (ssize_t)sizeof(words))
		_exit(STATUS_FAILED);
	execvp(words[0], words);
	log_error("%s: %s", words[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/*
 * The process that becomes the command is made first of all, so that it has from the caller what it is meant to have (descriptors, limits,
 * signals, mask, standard error), and this process can give all that up.
 */
int guard_prepare(struct host *host, struct fault *fault)
{
	int ends[2];

	host->first_fd = COMMAND_CHANNEL + 1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_errno(fault, FAULT_LATER, "preparing to start the command");
	command.pid = fork();
	if (command.pid == 0) {
		close(ends[1]);
		become_command(ends[0]);
	}
	close(ends[0]);
	command.channel = ends[1] == COMMAND_CHANNEL ? ends[1] : dup3(ends[1], COMMAND_CHANNEL, O_CLOEXEC);
	return command.pid < 0 || command.channel < 0 ? fault_errno(fault, FAULT_LATER, "starting the command") : 0;
}

/* --- guard itself, which waits for the command and for the holder of its window -------------------------------------- */

enum { ON_HOLDER = ON_OWN, ON_COMMAND };

struct guard {
	struct supervisor s;
	char **words;
	pid_t holder;
	bool started;
};

/* A signal to guard is meant for its command. The terminal has sent its own to the command already. */
static void pass_on(struct supervisor *s)
{
	struct signalfd_siginfo info = { 0 };

	if (read(s->fd[ON_SIGNAL], &info, sizeof(info)) == (ssize_t)sizeof(info) && info.ssi_code != SI_KERNEL)
		(void)pidfd_send_signal(s->fd[ON_COMMAND], (int)info.ssi_signo, NULL, 0);
}

/* The window is open: the command may start. Or its holder ends: before that, the command goes, too. */
static void on_told(struct supervisor *s)
{
	struct guard *g = (void *)s;
	unsigned char status;

	s->state = WORKING;
	if (read(s->fd[ON_HOLDER], &status, 1) == 1 && status == STATUS_DONE)
		g->started = write(command.channel, &g->words, sizeof(g->words)) == (ssize_t)sizeof(g->words);
	else
		close_fd(&s->fd[ON_HOLDER]);
	close_fd(&command.channel);
}

static void on_holder_ended(struct supervisor *s)
{
	close_fd(&s->fd[ON_HOLDER]);
}

static const struct job for_command = {
	.watch = {
		[ON_HOLDER - ON_OWN] = { EVENT_HOLDER, NULL, 0 },
		[ON_COMMAND - ON_OWN] = { EVENT_CLIENT_ENDED, NULL, 0 },
	},
	.always = { [EVENT_SIGNAL] = pass_on, [EVENT_CLIENT_ENDED] = supervise_close },
	.table = { [PREPARING] = { [EVENT_HOLDER] = on_told }, [WORKING] = { [EVENT_HOLDER] = on_holder_ended } },
};

static int start_holder(struct guard *g, struct host *host, bool on_listen)
{
	struct ward ward = { .command = g->s.fd[ON_COMMAND], .on_listen = on_listen, .pid = command.pid, .name = g->words[0] };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fault_errno(&g->s.fault, FAULT_LATER, "starting the process that holds the window");
	g->holder = fork();
	if (g->holder == 0) {
		close(ends[0]);
		close(COMMAND_CHANNEL);
		close(g->s.fd[ON_SIGNAL]);
		ward.guard = ends[1];
		lease_guard(host, &ward);
	}
	close(ends[1]);
	g->s.fd[ON_HOLDER] = ends[0];
	gate_leave(&host->gate);
	return g->holder < 0 ? fault_errno(&g->s.fault, FAULT_LATER, "starting the process that holds the window") : 0;
}

static int begin(struct guard *g, struct host *host, bool on_listen)
{
	const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, 0 };

	if (supervise_begin(&g->s, &for_command, NULL, signals) < 0)
		return -1;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	g->s.state = PREPARING;
	g->s.fd[ON_COMMAND] = pidfd_open(command.pid, 0);
	if (g->s.fd[ON_COMMAND] < 0)
		return fault_errno(&g->s.fault, FAULT_LATER, "watching the command");
	return start_holder(g, host, on_listen);
}

static int reap(pid_t pid)
{
	int status = 0;

	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return STATUS_FAILED;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A port that could not be closed is worse than a command that failed. */
static int conclude(bool started, int status, int holder)
{
	if (!started)
		return holder == STATUS_DONE || holder > 128 ? STATUS_FAILED : holder;
	if (holder > 128)
		log_error("the process that held the port open was killed by signal %d; if no line above says that the watchdog has "
			  "closed the port, run acmegate recover",
			  holder - 128);
	if (holder == STATUS_FAILED)
		return STATUS_FAILED;
	return status == STATUS_DONE && holder > 128 ? STATUS_FAILED : status;
}

/* The exit status of the command, 128 + N when signal N ended it. */
static int guard(struct host *host, char **words, bool on_listen)
{
	static struct guard g;
	int status;

	g.words = words;
	if (begin(&g, host, on_listen) < 0) {
		log_error("%s", g.s.fault.text);
		return fault_status(&g.s.fault);
	}
	supervise(&g.s);
	status = reap(command.pid);
	return conclude(g.started, status, reap(g.holder));
}

/* An engine of containers forwards what it publishes, which is not what is opened. */
static void remark_engine(const char *program, uint16_t port)
{
	static const char *const engines[] = { "docker", "docker-compose", "podman", "podman-compose", "nerdctl", "ctr" };
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

	for (size_t i = 0; i < LENGTH_OF(engines); i++)
		if (!strcmp(name, engines[i]))
			log_notice("%s: port %u of this host is opened, and the chains that forward to a container (FORWARD, DOCKER-USER) are not; "
				   "while it is open, a rule of nat that sends the port to a container is passed by. What listens on the host "
				   "itself is reached: a container with --network host, or the engine's own proxy of a published port",
				   name, port);
}

int guard_run(struct host *host, const struct call *call)
{
	const char *max = call->value[GUARD_MAX];
	struct fault fault;

	if (max && config_set_max_open(host->config, max) < 0) {
		log_error("--max %s: expected 5 to 600 seconds", max);
		return STATUS_USAGE;
	}
	if (!call->words) {
		log_error("guard needs a command: acmegate guard -- COMMAND...");
		return STATUS_USAGE;
	}
	if (max && gate_limit(&host->gate, host->config, &fault) < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	remark_engine(call->word[0], host->config->gate.port);
	config_forget_certificates(host->config);
	return guard(host, call->word, call->value[GUARD_ON_LISTEN] != NULL);
}
