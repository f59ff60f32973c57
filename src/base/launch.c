// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/launch.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/kernel.h"
#include "base/log.h"
#include "base/seam.h"
#include "base/wire.h"

#define KILLED_SECONDS 5 /* for a killed process to be gone: it may be in the middle of a write to a disk that is slow */

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

int launch_open_directory(const char *path)
{
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
	return open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void launch_reset_signals(bool ours)
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
static _Noreturn void become_role(const char *path, const struct launch *launch, const struct descriptor *given, size_t n,
				  pid_t warden)
{
	const enum role role = launch->role;
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
	launch_reset_signals(true);
	log_unblock(); /* not even ours: a child may clear the flag */
	if (put_in_order(given, n) < 0 || (directory = launch_open_directory(path)) < 0) {
		fault_errno(&fault, FAULT_FAILED, "placing descriptors");
	} else if (role == ROLE_GATE) {
		execveat(directory, arguments[0], arguments, environment, 0);
		fault_errno(&fault, FAULT_FAILED, "starting %s (is acmegate installed completely?)", path);
	} else if ((!launch->seclude || launch->seclude(role, launch->config, FD_STATE, &fault) == 0) &&
		   (role == ROLE_WATCHER ? /* anybody may start it */
			    sandbox_disarm(&fault) :
			    sandbox_drop(role, launch->uid, launch->gid, &fault)) == 0) {
		/* set after the change of user, which clears it; a warden that died before is noticed by its pid */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == warden)
			execveat(directory, arguments[0], arguments, environment, 0);
		fault_errno(&fault, FAULT_FAILED, "starting %s (is acmegate installed completely?)", path);
	}
	log_error("%s", fault.text);
	_exit(STATUS_FAILED);
}

int launch_start(const struct launch *launch, const struct descriptor *given, size_t n, struct fault *fault)
{
	const char *suffix = launch->role == ROLE_GATE	   ? "-gate" :
			     launch->role == ROLE_SURVEYOR ? "-surveyor" :
			     launch->role == ROLE_DNS	   ? "-dns" :
			     launch->role == ROLE_TLS	   ? "-tls" :
							     "-agent";
	char path[PATH_MAX];
	pid_t warden = getpid(), pid;
	int pidfd;

	if (launch_find(suffix, path, fault) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		become_role(path, launch, given, n, warden);
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	if (pidfd < 0)
		return fault_errno(fault, FAULT_LATER, "starting the %s", sandbox_role_name(launch->role));
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
