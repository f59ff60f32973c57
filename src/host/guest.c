// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/guest.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/kernel.h"
#include "base/launch.h"
#include "base/sandbox.h"
#include "host/talk.h"

#define STRAYS_SECONDS 5 /* until all that it has started is gone */

/* The end of a program's run. */
struct visit {
	pid_t pid;
	int pidfd;
	int output[TALK_STREAMS];
	enum { ENDED, LATE, DESERTED } how;
	int status; /* of wait(2) */
	struct talk talk;
};

static bool adopts;

/* --- the child ---------------------------------------------------------------------------------------------------- */

/* Its descriptors, and no others. */
static int place(int given, const int output[TALK_STREAMS])
{
	int input = given < 0 ? open("/dev/null", O_RDONLY) : given;

	return input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(output[TALK_OUTPUT], STDOUT_FILENO) < 0 ||
			       dup2(output[TALK_ERRORS], STDERR_FILENO) < 0 ?
		       -1 :
		       close_range(STDERR_FILENO + 1, ~0U, 0);
}

static int give_up_rights(const struct guest *guest, const int output[TALK_STREAMS], struct fault *fault)
{
	if (place(guest->input, output) < 0)
		return fault_errno(fault, FAULT_FAILED, "%s", guest->words[0]);
	if (sandbox_drop(ROLE_CLIENT, guest->uid, guest->gid, fault) < 0)
		return -1;
	return chdir(guest->home) < 0 ? fault_errno(fault, FAULT_FAILED, "%s as user %u", guest->home, guest->uid) : 0;
}

static _Noreturn void become(const struct guest *guest, const int output[TALK_STREAMS], pid_t parent)
{
	struct fault fault;

	launch_reset_signals(false);
	setpgid(0, 0);
	umask(guest->mask);
	if (give_up_rights(guest, output, &fault) == 0) {
		/* set after the change of user, which clears it; a parent that died before sends no signal */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			execve(guest->words[0], guest->words, guest->variables);
		fault_errno(&fault, FAULT_FAILED, "%s cannot be started as user %u", guest->words[0], guest->uid);
	}
	dprintf(STDERR_FILENO, "%s\n", fault.text);
	_exit(127);
}

/* --- the parent --------------------------------------------------------------------------------------------------- */

static int start(const struct guest *guest, struct visit *visit)
{
	int ends[TALK_STREAMS][2];
	const pid_t own = getpid();

	for (size_t i = 0; i < TALK_STREAMS; i++)
		if (pipe2(ends[i], O_CLOEXEC) < 0)
			return -1; /* this process ends soon, and what was opened with it */
	visit->pid = fork();
	if (visit->pid == 0)
		become(guest, (const int[TALK_STREAMS]){ ends[TALK_OUTPUT][1], ends[TALK_ERRORS][1] }, own);
	for (size_t i = 0; i < TALK_STREAMS; i++) {
		close(ends[i][1]);
		visit->output[i] = ends[i][0];
		(void)fcntl(ends[i][0], F_SETFL, O_NONBLOCK);
	}
	if (visit->pid < 0)
		return -1;
	(void)setpgid(visit->pid, visit->pid); /* the child does so too: a group to kill must be there, whichever comes first */
	visit->pidfd = pidfd_open(visit->pid, 0);
	return visit->pidfd < 0 ? -1 : 0;
}

/* Takes what it prints until it has ended, its time is up, or the channel gone. What others that it started hold open does not count. */
static void follow(const struct guest *guest, struct visit *visit)
{
	const int64_t end = clock_milliseconds() + guest->seconds * INT64_C(1000);

	for (;;) {
		struct pollfd wait[] = { { .fd = visit->pidfd, .events = POLLIN },
					 { .fd = guest->channel[0] },
					 { .fd = guest->channel[1] },
					 { .fd = visit->output[TALK_OUTPUT], .events = POLLIN },
					 { .fd = visit->output[TALK_ERRORS], .events = POLLIN } };
		const int64_t left = end - clock_milliseconds();

		visit->how = left <= 0 ? LATE : ENDED;
		if (left <= 0 || (poll(wait, LENGTH_OF(wait), (int)left) < 0 && errno != EINTR))
			return;
		for (enum talk_stream i = 0; i < TALK_STREAMS; i++)
			if (wait[3 + i].revents && !talk_take(&visit->talk, i, visit->output[i]))
				close_fd(&visit->output[i]);
		if (wait[1].revents || wait[2].revents)
			visit->how = DESERTED;
		if (wait[0].revents || visit->how == DESERTED)
			return;
	}
}

/* The processes that this one has, by the kernel's list of them: /proc may hide those of other users. */
static void kill_children(void)
{
	char path[64], text[4096], *at = text;
	OWN_FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	for (long pid; (pid = strtol(at, &at, 10)) > 0;)
		kill((pid_t)pid, SIGKILL);
}

/* Whatever it has started is in its group, or becomes our child when the process that started it has ended. */
static void end_strays(const char *who)
{
	const int64_t end = clock_milliseconds() + STRAYS_SECONDS * INT64_C(1000);
	pid_t ended;

	while ((ended = waitpid(-1, NULL, WNOHANG)) >= 0 && clock_milliseconds() < end) {
		if (ended > 0)
			continue;
		kill_children();
		poll(NULL, 0, 5);
	}
	if (ended >= 0)
		log_warning("%s: processes that it has started cannot be ended", who);
}

/* Before its end is waited for its number, and that of the group, are nobody else's. */
static void finish(const struct guest *guest, struct visit *visit)
{
	if (adopts || visit->how != ENDED)
		kill(-visit->pid, SIGKILL);
	while (waitpid(visit->pid, &visit->status, 0) < 0 && errno == EINTR)
		;
	if (adopts)
		end_strays(guest->who);
	for (enum talk_stream i = 0; i < TALK_STREAMS; i++) {
		for (int piece = 0; visit->output[i] >= 0 && piece < 16 && talk_take(&visit->talk, i, visit->output[i]); piece++)
			;
		close_fd(&visit->output[i]);
	}
	close_fd(&visit->pidfd);
	talk_end(&visit->talk);
}

static int judge(const struct guest *guest, const struct visit *visit, struct fault *fault)
{
	const char *program = guest->words[0];
	const int status = WEXITSTATUS(visit->status);

	if (visit->how == LATE)
		return fault_set(fault, FAULT_FAILED,
				 "%s did not end within %u seconds and was killed, with all that it had started%s", program,
				 guest->seconds, guest->remedy);
	if (visit->how == DESERTED)
		return fault_set(fault, FAULT_FAILED, "%s was killed: the process that waits for it has ended", program);
	if (WIFSIGNALED(visit->status))
		return fault_set(fault, FAULT_FAILED, "%s died of signal %d (%s)", program, WTERMSIG(visit->status),
				 strsignal(WTERMSIG(visit->status)));
	if (status)
		return fault_set(fault, status == STATUS_LATER ? FAULT_LATER : FAULT_FAILED, "%s ended with status %d: %s", program,
				 status, talk_reason(&visit->talk));
	return 0;
}

int guest_run(const struct guest *guest, struct fault *fault)
{
	static struct visit visit;
	int rc;

	visit = (struct visit){ .pid = -1, .pidfd = -1, .output = { -1, -1 } };
	if (start(guest, &visit) < 0) {
		fault_errno(fault, FAULT_LATER, "starting %s", guest->words[0]);
		if (visit.pid > 0)
			finish(guest, &visit);
		return -1;
	}
	follow(guest, &visit);
	finish(guest, &visit);
	rc = judge(guest, &visit, fault);
	talk_log(&visit.talk, rc < 0 && !guest->quiet ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG, guest->who);
	return rc;
}

int guest_adopt(struct fault *fault)
{
	adopts = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
	return adopts ? 0 : fault_errno(fault, FAULT_FAILED, "adopting what a program leaves");
}

void guest_keep(pid_t pid, const char *who)
{
	for (pid_t ended = 0; ended != pid && (ended >= 0 || errno == EINTR);)
		ended = waitpid(-1, NULL, 0);
	end_strays(who);
}
