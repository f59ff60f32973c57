// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/publish.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "publish/alert.h"
#include "publish/outlet.h"
#include "publish/said.h"
#include "publish/viewing.h"

#define FOLDER "status" /* in the state directory */

/* --- files -------------------------------------------------------------------------------------------------------- */

static int write_file(const struct show *show, const char *path, mode_t mode, gid_t group, struct fault *remark)
{
	struct beside beside = NO_BESIDE;
	int rc = outlet_open(&beside, path, mode, group, remark);

	if (rc == 0)
		rc = viewing_run(show, STDIN_FILENO, beside.fd, remark);
	if (rc == 0)
		rc = outlet_publish(&beside, remark);
	outlet_close(&beside);
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
	return status->metrics[0] || status->page[0] || status->alert[0];
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
	(void)flock(folder, LOCK_UN); /* the program may take its time */
	if (status->alert[0])
		alert_give(host->config, folder);
}
