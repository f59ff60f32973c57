// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/viewing.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/kernel.h"
#include "base/launch.h"
#include "base/log.h"

#define VIEW_SECONDS 20

/* Standard error is a pipe that holds more than is ever read of it. */
static _Noreturn void become(const struct show *show, int input, int output, int errors)
{
	struct fault fault = { 0 };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(errors, STDERR_FILENO) >= 0)
		view_become(show, &fault);
	else
		fault_errno(&fault, FAULT_LATER, "starting acmegate-view");
	dprintf(errors, "%s\n", fault.text);
	_exit(STATUS_FAILED);
}

/* The first line that it printed as an error or a warning, or "". */
static void take_remark(int errors, struct fault *remark)
{
	static const char prefix[] = "acmegate: ";
	char text[FAULT_TEXT_SIZE / 2];
	ssize_t n = read(errors, text, sizeof(text) - 1);
	const size_t skip = n > 0 && !strncmp(text, prefix, sizeof(prefix) - 1) ? sizeof(prefix) - 1 : 0;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	(void)!fault_set(remark, FAULT_FAILED, "%s", text + (text[0] ? skip : 0));
}

int viewing_run(const struct show *show, int input, int output, struct fault *remark)
{
	int ends[2], pidfd = -1, status;
	struct pollfd ended = { .events = POLLIN };
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fault_errno(remark, FAULT_LATER, "starting acmegate-view");
	pid = fork();
	if (pid == 0)
		become(show, input, output, ends[1]);
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	close(ends[1]);
	ended.fd = pidfd;
	if (pidfd >= 0 && poll(&ended, 1, VIEW_SECONDS * 1000) == 0)
		log_debug("acmegate-view did not end within %d seconds and is killed", VIEW_SECONDS);
	status = pidfd < 0 ? STATUS_FAILED : launch_reap(&pidfd, true);
	take_remark(ends[0], remark);
	close(ends[0]);
	if (status != STATUS_DONE && !remark->text[0])
		(void)!fault_set(remark, FAULT_FAILED, "acmegate-view ended with status %d", status);
	return status == STATUS_DONE ? 0 : -1;
}
