// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/publish.h"

#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/kernel.h"
#include "base/launch.h"
#include "base/log.h"
#include "command/outlet.h"
#include "command/said.h"
#include "command/view.h"

#define VIEW_SECONDS 20
#define FOLDER "status" /* in the state directory */

/* --- acmegate-view ------------------------------------------------------------------------------------------------ */

/* Standard error is a pipe that holds more than is ever read of it. */
static _Noreturn void become_view(const struct show *show, int output, int errors)
{
	struct fault fault = { 0 };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0)
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

/* 0: it has written all, and the remark is a warning or "". -1: the remark says why it has not. */
static int run_view(const struct show *show, int output, struct fault *remark)
{
	int ends[2], pidfd = -1, status;
	struct pollfd ended = { .events = POLLIN };
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fault_errno(remark, FAULT_LATER, "starting acmegate-view");
	pid = fork();
	if (pid == 0)
		become_view(show, output, ends[1]);
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

/* --- files -------------------------------------------------------------------------------------------------------- */

static int write_file(const struct show *show, const char *path, mode_t mode, gid_t group, struct fault *remark)
{
	struct outlet outlet = NO_OUTLET;
	int rc = outlet_open(&outlet, path, mode, group, remark);

	if (rc == 0)
		rc = run_view(show, outlet.fd, remark);
	if (rc == 0)
		rc = outlet_publish(&outlet, remark);
	outlet_close(&outlet);
	return rc;
}

static void publish_file(const struct config *config, int folder, const char *what, const char *form, const char *path, mode_t mode,
			 gid_t group)
{
	static char *const nothing[] = { NULL };
	const struct show show = { .file = config->file, .form = form, .names = nothing };
	struct fault remark = { 0 };

	if (!path[0])
		return;
	if (write_file(&show, path, mode, group, &remark) == 0)
		log_debug("%s is written", path);
	said_once(folder, what, remark.text);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static bool anything_wanted(const struct publication *status)
{
	return status->metrics[0] || status->page[0];
}

static int open_folder(int state_fd)
{
	(void)mkdirat(state_fd, FOLDER, 0700);
	return openat(state_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * acmegate-recover.service, at boot, may become no other user, and so does without: acmegate.service comes later. Another acmegate that is
 * publishing is not waited for: it writes what is there to write.
 */
void publish(const struct host *host)
{
	const struct publication *status = &host->config->status;
	OWN_FD int folder = -1;

	if (host->state_fd < 0 || !anything_wanted(status) || prctl(PR_CAPBSET_READ, CAP_SETUID, 0, 0, 0) != 1)
		return;
	folder = open_folder(host->state_fd);
	if (folder < 0) {
		log_warning("[status]: " FOLDER " in the state directory: %s", strerror(errno));
		return;
	}
	if (flock(folder, LOCK_EX | LOCK_NB) < 0)
		return;
	publish_file(host->config, folder, "metrics", "metrics", status->metrics, 0644, 0);
	publish_file(host->config, folder, "page", "html", status->page, status->mode, status->group);
}
