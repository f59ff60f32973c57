// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/kernel.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/seam.h"
#include "firewall/window.h"

#define GRACE 5 /* seconds: for the gate's own deadline */

#define PATIENCE 2	    /* seconds of tries to close that the run's output sees */
#define FIRST_PAUSE 20	    /* ms between two tries; each pause is twice as long as the one before, */
#define LONGEST_PAUSE 10000 /* until it is so long at least */

#define DEATH 20 /* ms that a killed gate takes at most to end what it has begun */

enum { KEPT_SINGLE = 3, KEPT_GATE = 4, KEPT_JOURNAL = 5, KEPT_READY = 6, KEPT_END = 7 };

/* Everything but stderr and these goes: no socket of the gate's may live on in here. */
static int keep_only(const int kept[KEPT_END])
{
	int high[KEPT_END];

	for (int fd = KEPT_SINGLE; fd < KEPT_END; fd++) {
		high[fd] = kept[fd] < 0 ? -1 : fcntl(kept[fd], F_DUPFD, KEPT_END);
		if (kept[fd] >= 0 && high[fd] < 0)
			return -1;
	}
	for (int fd = KEPT_SINGLE; fd < KEPT_END; fd++)
		if (high[fd] >= 0 ? dup2(high[fd], fd) < 0 : close(fd) < 0 && errno != EBADF)
			return -1;
	return close_range(KEPT_END, ~0U, 0);
}

/* 0: nothing is left. first: a fault is new to the reader of the log. */
static int recover(struct journal *journal, bool first)
{
	struct fault fault;
	int rc;

	journal->fd = KEPT_JOURNAL;
	/* The gate may have written since the fork: the file counts, not this process's memory. */
	if (journal_reread(journal, &fault) < 0) {
		if (first)
			log_error("watchdog: %s", fault.text);
		journal->armed = true;
		journal->backends = UINT32_MAX;
		journal->opening.tag[0] = '\0'; /* any */
	}
	journal->net = NET_WATCHDOG;
	rc = journal->armed ? window_recover(journal, &fault) : RECOVERY_NOTHING;
	if (rc < 0 && first)
		log_error("watchdog: %s; it tries again until the port is closed", fault.text);
	else if (rc == RECOVERY_RULES)
		log_warning("the watchdog has closed the port: the gate had died");
	else if (rc == RECOVERY_ARMED)
		log_warning("the gate had died, but the port was closed already");
	return rc < 0 ? -1 : 0;
}

static void rest(int milliseconds)
{
	nanosleep(&(const struct timespec){ milliseconds / 1000, milliseconds % 1000 * 1000000L }, NULL);
}

static void end_turn(void)
{
	(void)flock(KEPT_JOURNAL, LOCK_UN);
	(void)flock(KEPT_SINGLE, LOCK_UN); /* if there is one */
}

static bool take_turn(const struct journal *journal)
{
	if ((journal->single < 0 || flock(KEPT_SINGLE, LOCK_EX | LOCK_NB) == 0) && flock(KEPT_JOURNAL, LOCK_EX | LOCK_NB) == 0)
		return true;
	end_turn();
	return false;
}

/* Closes standard output and error: a reader of the run's output waits for their end. */
static void stay_behind(void)
{
	log_warning("the port is not closed yet: the watchdog, process %d, goes on trying and logs to syslog", (int)getpid());
	log_detach();
	log_leave_terminal();
}

/*
 * Does not give up while something may be left. Between two tries others get a turn: every command of acmegate begins with closing,
 * and may be able to do what the watchdog is not, or an administrator has to put something right.
 */
static _Noreturn void recover_at_last(struct journal *journal)
{
	const double patience = clock_seconds() + PATIENCE;
	bool first = true, turn = true, stayed = false;

	for (int pause = FIRST_PAUSE; !turn || recover(journal, first) < 0; pause += pause < LONGEST_PAUSE ? pause : 0) {
		first = false;
		if (!stayed && clock_seconds() > patience) {
			stay_behind();
			stayed = true;
		}
		end_turn();
		rest(pause);
		turn = take_turn(journal);
	}
	_exit(STATUS_DONE);
}

static void end_gate(const char *why)
{
	log_warning("%s: the watchdog ends it", why);
	(void)pidfd_send_signal(KEPT_GATE, SIGKILL, NULL, 0);
}

/* Until the gate has ended, by itself or because it is overdue. A watchdog that cannot wait for that cannot let it go on either. */
static void await_end(double end)
{
	struct pollfd gate = { .fd = KEPT_GATE, .events = POLLIN };
	int ended = 0;

	while (ended <= 0) {
		double left = end - clock_seconds();

		if (left <= 0) {
			end_gate("the gate is overdue");
			left = 1; /* its death shows in the next round */
		}
		ended = poll(&gate, 1, (int)(left * 1000) + 1);
		if (ended < 0 && errno != EINTR) {
			end_gate("the gate cannot be watched");
			rest(DEATH);
			return;
		}
	}
}

static _Noreturn void watch(struct journal *journal, const struct policy *policy, int gate, int ready)
{
	struct fault fault;
	double end = clock_seconds() + policy->seconds + GRACE + (policy->has_command ? COMMAND_SECONDS : 0);

	prctl(PR_SET_NAME, "acmegate-watch");
	(void)setpriority(PRIO_PROCESS, 0, -20); /* a busy machine must not keep the port open */
	log_leave_terminal();
	setsid(); /* Ctrl-C and signals to the gate's group are not for the watchdog */
	for (int signal_number = 1; signal_number < 32; signal_number++)
		if (signal_number != SIGCHLD)
			signal(signal_number, SIG_IGN);
	if (keep_only((int[]){
		    [KEPT_SINGLE] = journal->single, [KEPT_GATE] = gate, [KEPT_JOURNAL] = journal->fd, [KEPT_READY] = ready }) < 0 ||
	    write(KEPT_READY, "", 1) != 1)
		_exit(STATUS_FAILED);
	close(KEPT_READY);
	/* Nobody waits for this: a window whose watchdog ends is closed. The administrator's own command may need anything. */
	if (!policy->has_command && sandbox_watchdog(&fault) < 0) {
		log_error("%s", fault.text);
		_exit(STATUS_FAILED);
	}
	await_end(end);
	if (seam("no-watchdog"))
		_exit(STATUS_DONE);
	recover_at_last(journal);
}

/* true: it watches. */
static bool is_ready(int ready)
{
	char byte;
	ssize_t n;

	do
		n = read(ready, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

int watchdog_start(const struct journal *journal, const struct policy *policy, struct fault *fault)
{
	OWN_FD int gate = pidfd_open(getpid(), 0), ready = -1;
	struct journal copy = *journal;
	int ends[2], pidfd;
	bool watches;
	pid_t pid;

	if (gate < 0)
		return fault_errno(fault, FAULT_FAILED, "watching this process");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_errno(fault, FAULT_LATER, "starting the watchdog");
	ready = ends[0];
	pid = fork();
	if (pid == 0)
		watch(&copy, policy, gate, ends[1]);
	close(ends[1]);
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	if (pidfd < 0)
		return fault_errno(fault, FAULT_LATER, "starting the watchdog");
	fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	watches = is_ready(ready);
	if (!watches)
		watchdog_stop(&pidfd);
	return watches ? pidfd : fault_set(fault, FAULT_LATER, "the watchdog did not start");
}

/* One that cannot be ended sees the end of the gate, and that the journal is clear. */
void watchdog_stop(int *pidfd)
{
	siginfo_t info;

	if (*pidfd >= 0 && (pidfd_send_signal(*pidfd, SIGKILL, NULL, 0) == 0 || errno == ESRCH))
		while (waitid(P_PIDFD, (id_t)*pidfd, &info, WEXITED) < 0 && errno == EINTR)
			;
	close_fd(pidfd);
}
