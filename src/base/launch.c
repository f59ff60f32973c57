// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/launch.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/config_share.h"
#include "base/kernel.h"
#include "base/log.h"
#include "base/seam.h"
#include "base/wire.h"

#define KILLED_SECONDS 5 /* for a killed process to be gone: it may be in the middle of a write to a disk that is slow */
#define MOST_LINES 200	 /* a program that prints without end does not fill the log */

static bool settled; /* in the directory of the programs */

void launch_settle(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return;
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	settled = chdir(path) == 0;
}

int launch_find(const char *suffix, char path[PATH_MAX], struct fault *fault)
{
	const ssize_t own = (ssize_t)strlen("/acmegate-gate");
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - strlen(suffix) - 1);

	if (n > 0) {
		path[n] = '\0';
		if (n > own && !strcmp(path + n - own, "/acmegate-gate")) /* it starts others, too */
			n -= (ssize_t)strlen("-gate");
		if (strcmp(path, SBINDIR "/acmegate")) {
			memcpy(path + n, suffix, strlen(suffix) + 1);
			if (access(path, X_OK) == 0)
				return 0;
		}
	}
	snprintf(path, PATH_MAX, "./acmegate%s", suffix);
	if (settled && access(path, X_OK) == 0)
		return 0;
	snprintf(path, PATH_MAX, LIBEXECDIR "/acmegate%s", suffix);
	if (access(path, X_OK) < 0)
		return fault_errno(fault, FAULT_FAILED, "%s: install acmegate completely (make install)", path);
	return 0;
}

/* First all go up out of the way, then each down to its place, so that none overwrites another. */
static int put_in_order(const struct descriptor *given, size_t n)
{
	int high[FD_AGENT_END], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (n > FD_AGENT_END || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		high[i] = given[i].from < 0 ? -1 : fcntl(given[i].from, F_DUPFD, FD_AGENT_END);
		if (given[i].from >= 0 && high[i] < 0)
			return -1;
	}
	if (close_range(STDERR_FILENO + 1, FD_AGENT_END - 1, 0) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (high[i] >= 0 && dup2(high[i], given[i].to) < 0)
			return -1;
	return close_range(FD_AGENT_END, ~0U, 0);
}

/*
 * A build tree may lie below a directory that only its owner can enter, as home directories are: opened before rights are
 * dropped, the last part of the way is all that the agent's user needs.
 */
static int open_directory_of(const char *path)
{
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
	return open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/*
 * A program of others gets all signals. For ours: Ctrl-C, a terminal that goes, and systemctl stop reach all processes, and the warden ends
 * its children in their turn.
 */
static void reset_signals(bool ours)
{
	static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGTTOU, SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < 32 && !ours; number++) /* the watchdog ignores them, and that would be inherited */
		signal(number, SIG_DFL);
	for (size_t i = 0; i < LENGTH_OF(ignored) && ours; i++)
		signal(ignored[i], SIG_IGN);
}

/* It inherits two variables and nothing else: no proxy, no SSLKEYLOGFILE, no loader tricks. */
static _Noreturn void become_role(const char *path, enum role role, const struct config *config, const struct descriptor *given,
				  size_t n, pid_t warden)
{
	char journal[96] = "JOURNAL_STREAM=";
	char *environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, seam_variable(), NULL, NULL };
	const char *stream = getenv("JOURNAL_STREAM");
	char *arguments[] = { (char *)(uintptr_t)strrchr(path, '/') + 1, (char *)(uintptr_t)sandbox_role_name(role),
			      (char *)(uintptr_t)log_option(), NULL };
	struct fault fault = { 0 };
	int directory;

	if (stream) {
		snprintf(journal, sizeof(journal), "JOURNAL_STREAM=%s", stream);
		environment[environment[1] ? 2 : 1] = journal;
	}
	reset_signals(true);
	log_unblock(); /* not even ours: a child may clear the flag */
	if (put_in_order(given, n) < 0 || (directory = open_directory_of(path)) < 0) {
		fault_errno(&fault, FAULT_FAILED, "placing descriptors");
	} else if (role == ROLE_GATE) {
		execveat(directory, arguments[0], arguments, environment, 0);
		fault_errno(&fault, FAULT_FAILED, "starting %s (is acmegate installed completely?)", path);
	} else if ((!config || sandbox_seclude(role, config, FD_STATE, &fault) == 0) &&
		   (role == ROLE_WATCHER ? /* anybody may start it */
			    sandbox_disarm(&fault) :
			    sandbox_drop(role, config ? config->gate.uid : 0, config ? config->gate.gid : 0, &fault)) == 0) {
		/* set after the change of user, which clears it; a warden that died before is noticed by its pid */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == warden)
			execveat(directory, arguments[0], arguments, environment, 0);
		fault_errno(&fault, FAULT_FAILED, "starting %s (is acmegate installed completely?)", path);
	}
	log_error("%s", fault.text);
	_exit(STATUS_FAILED);
}

int launch_role(enum role role, const struct config *config, const struct descriptor *given, size_t n, struct fault *fault)
{
	const char *suffix = role == ROLE_GATE	   ? "-gate" :
			     role == ROLE_SURVEYOR ? "-surveyor" :
			     role == ROLE_DNS	   ? "-dns" :
						     "-agent";
	const bool shares = config && config_share_has(role);
	OWN_FD int shared = shares ? config_share(config, role, fault) : -1;
	struct descriptor all[FD_AGENT_END] = { { shared, FD_CONFIG } };
	char path[PATH_MAX];
	pid_t warden = getpid(), pid;
	int pidfd;

	if ((shares && shared < 0) || launch_find(suffix, path, fault) < 0)
		return -1;
	memcpy(all + 1, given, n * sizeof(*given));
	pid = fork();
	if (pid == 0)
		become_role(path, role, config, all, n + 1, warden);
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	if (pidfd < 0)
		return fault_errno(fault, FAULT_LATER, "starting the %s", sandbox_role_name(role));
	fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	return pidfd;
}

static bool end_now(int pidfd)
{
	struct pollfd process = { .fd = pidfd, .events = POLLIN };

	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return false;
	errno = ETIMEDOUT;
	return poll(&process, 1, KILLED_SECONDS * 1000) > 0;
}

int launch_reap(int *pidfd, bool kill_it)
{
	siginfo_t info = { .si_code = CLD_EXITED, .si_status = STATUS_DONE };
	int rc = 0;

	if (*pidfd < 0)
		return STATUS_DONE;
	if (kill_it && !end_now(*pidfd))
		rc = -1; /* a process that cannot be ended is not waited for: it ends with its channel */
	while (rc == 0 && (rc = waitid(P_PIDFD, (id_t)*pidfd, &info, WEXITED)) < 0 && errno == EINTR)
		rc = 0;
	if (rc < 0)
		log_error("ending a child: %s", strerror(errno));
	close_fd(pidfd);
	if (rc < 0)
		return STATUS_FAILED;
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

/* --- programs of others ------------------------------------------------------------------------------------------- */

/* The use of the output: it is logged line by line, or kept. */
struct sink {
	const char *who; /* NULL: keep it */
	char *buffer;
	size_t used, size, most;
	int lines;
	bool full;
	enum rights rights;
};

static _Noreturn void become_program(const struct sink *sink, char *const argv[], char *const environment[], int output, pid_t parent)
{
	struct fault fault;
	int null = open("/dev/null", O_RDONLY), directory = -1;

	reset_signals(false);
	setpgid(0, 0);
	if (sink->rights == LAUNCH_WITHOUT_FIREWALL && sandbox_give_up_firewall(&fault) < 0) {
		dprintf(output, "%s\n", fault.text);
		_exit(127);
	}
	/* a parent that died before that sends no signal */
	if (sink->rights != LAUNCH_WITHOUT_FIREWALL && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(127);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 &&
	    close_range(STDERR_FILENO + 1, ~0U, 0) == 0) {
		if (sink->rights != LAUNCH_DISARMED)
			execve(argv[0], argv, environment);
		else if ((directory = open_directory_of(argv[0])) >= 0 && fchdir(directory) == 0 && sandbox_disarm(&fault) == 0)
			execve(strrchr(argv[0], '/') + 1, argv,
			       environment); /* by its name: disarmed, root may not enter the way there */
	}
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Logs the whole lines in buffer and keeps the rest; a line longer than the buffer is cut. */
static size_t log_lines(const char *who, char *buffer, size_t used, size_t size, int *lines)
{
	char *start = buffer, *end;

	while ((end = memchr(start, '\n', used - (size_t)(start - buffer))) || (start == buffer && used == size)) {
		size_t length = end ? (size_t)(end - start) : used;

		if ((*lines)++ < MOST_LINES)
			log_notice("%s: %.*s", who, (int)length, start);
		start = end ? end + 1 : buffer + used;
	}
	used -= (size_t)(start - buffer);
	memmove(buffer, start, used);
	return used;
}

static int caller = -1;

void launch_while(int channel)
{
	caller = channel;
}

/* Room for another byte and a NUL. */
static bool make_room(struct sink *sink)
{
	char *buffer = NULL;

	if (sink->who || sink->size - sink->used > 1)
		return true;
	sink->full = sink->size * 2 > sink->most || !(buffer = realloc(sink->buffer, sink->size * 2));
	if (sink->full)
		return false;
	sink->buffer = buffer;
	sink->size *= 2;
	return true;
}

/* One read from the pipe; false at its end. */
static bool take_output(struct sink *sink, int output)
{
	ssize_t n;

	if (!make_room(sink))
		return false;
	n = read(output, sink->buffer + sink->used, sink->size - sink->used - !sink->who);
	if (n < 0 && errno == EINTR)
		return true;
	if (n > 0)
		sink->used += (size_t)n;
	if (n > 0 && sink->who)
		sink->used = log_lines(sink->who, sink->buffer, sink->used, sink->size, &sink->lines);
	return n > 0;
}

/*
 * Takes the output until the program has ended: true, or the time is up, the output too much or the caller gone: false. What a daemon that it
 * started holds open does not count; what the program printed before it ended does.
 */
static bool follow(struct sink *sink, int output, int pidfd, int64_t end)
{
	bool ended = false, open = true;

	while (!ended && !sink->full) {
		struct pollfd wait[] = { { .fd = pidfd, .events = POLLIN },
					 { .fd = open ? output : -1, .events = POLLIN },
					 { .fd = caller } };
		int64_t left = end - clock_milliseconds();
		int n = left <= 0 ? 0 : poll(wait, LENGTH_OF(wait), (int)left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || wait[2].revents)
			return false;
		ended = wait[0].revents != 0 && !(wait[1].revents & POLLIN);
		if (wait[1].revents)
			open = take_output(sink, output);
	}
	return !sink->full;
}

static void log_command(char *const argv[])
{
	char text[FAULT_TEXT_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; argv[i] && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s", argv[i]);
	log_trace("runs%s", text);
}

static int run(struct sink *sink, char *const argv[], char *const environment[], unsigned int seconds, pid_t *id, struct fault *fault)
{
	const int64_t start = clock_milliseconds();
	const pid_t own = getpid();
	OWN_FD int pidfd = -1;
	int ends[2], status = 0;
	bool in_time;
	pid_t pid;

	log_command(argv);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	pid = fork();
	if (pid == 0)
		become_program(sink, argv, environment, ends[1], own);
	if (pid > 0)
		(void)setpgid(pid, pid); /* the child does so too: a group to kill must be there, whichever comes first */
	*id = pid;
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	close(ends[1]);
	in_time = pidfd >= 0 && follow(sink, ends[0], pidfd, start + seconds * INT64_C(1000));
	close(ends[0]);
	if (pid < 0)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	if (!in_time)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (sink->full)
		return fault_set(fault, FAULT_FAILED, "%s printed too much and was killed", argv[0]);
	if (!in_time)
		return fault_set(fault, FAULT_FAILED, "%s did not end within %u seconds and was killed", argv[0], seconds);
	log_trace("%s ended after %lld ms, status %#x", argv[0], (long long)(clock_milliseconds() - start), (unsigned int)status);
	if (WIFSIGNALED(status))
		return fault_set(fault, FAULT_FAILED, "%s died of signal %d", argv[0], WTERMSIG(status));
	return WEXITSTATUS(status);
}

int launch_program(const char *who, char *const argv[], char *const environment[], unsigned int seconds, enum rights rights,
		   struct fault *fault)
{
	char buffer[512];
	struct sink sink = { .who = who, .buffer = buffer, .size = sizeof(buffer), .rights = rights };
	pid_t pid;
	int status = run(&sink, argv, environment, seconds, &pid, fault);

	if (sink.used)
		log_notice("%s: %.*s", who, (int)sink.used, buffer);
	if (status > 0)
		return fault_set(fault, status == STATUS_LATER ? FAULT_LATER : FAULT_FAILED, "%s ended with status %d", argv[0],
				 status);
	return status;
}

size_t launch_split(char *command, char *words[], size_t size)
{
	char *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(command, " \t", &save); word && n < size - 1; word = strtok_r(NULL, " \t", &save))
		words[n++] = word;
	words[n] = NULL;
	return n;
}

int launch_capture(char *const argv[], char *const environment[], unsigned int seconds, enum rights rights, size_t most,
		   char **output, pid_t *pid, struct fault *fault)
{
	struct sink sink = { .most = most, .size = 4096, .rights = rights };
	int status;

	*output = sink.buffer = malloc(sink.size);
	if (!sink.buffer)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	status = run(&sink, argv, environment, seconds, pid, fault);
	*output = sink.buffer;
	sink.buffer[sink.used] = '\0';
	return status;
}
