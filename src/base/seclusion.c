// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/seclusion.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/own.h"
#include "base/wire.h"

#define TREES 5

struct trees {
	size_t count;
	char path[TREES][PATH_SIZE + 16];
};

void seclusion_make_top(int state_fd, const char *name)
{
	OWN_FD int state = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)mkdirat(state_fd, name, 0700);
	(void)fsync(state);
}

static void add_top(struct trees *trees, const char *state, int state_fd, const char *name)
{
	seclusion_make_top(state_fd, name);
	snprintf(trees->path[trees->count++], sizeof(trees->path[0]), "%s/%s", state, name);
}

/* The sweeper goes where the notes of the run before say: the configuration may name another directory by now. */
static void list_trees(enum role role, const struct config *config, int state_fd, struct trees *trees)
{
	const char *state = config->gate.state;
	char place[PATH_SIZE + 8];
	ssize_t n = role == ROLE_SWEEPER ? readlinkat(state_fd, TOKEN_NOTES "/" TOKEN_LINK, place, sizeof(place) - 1) : -1;

	if (role == ROLE_STORER) {
		add_top(trees, state, state_fd, "certificates");
		add_top(trees, state, state_fd, "accounts");
		add_top(trees, state, state_fd, "ledger");
	}
	if (role == ROLE_SWEEPER || (role == ROLE_STORER && config->responder.mode == RESPONDER_WEBROOT))
		add_top(trees, state, state_fd, TOKEN_NOTES);
	place[n > 0 ? n : 0] = '\0';
	if (n > 2)
		snprintf(trees->path[trees->count++], sizeof(trees->path[0]), "%s", place + 2);
	else if (role != ROLE_SWEEPER && config->responder.mode == RESPONDER_WEBROOT)
		snprintf(trees->path[trees->count++], sizeof(trees->path[0]), "%s", config->responder.webroot);
}

static int set_mount(const char *path, unsigned int flags, uint64_t set, uint64_t clear)
{
	struct mount_attr attributes = { .attr_set = set, .attr_clr = clear };

	return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attributes, sizeof(attributes));
}

int seclusion_enter(enum role role, const struct config *config, int state_fd, struct fault *fault)
{
	struct trees trees = { 0 };
	OWN_FD int state = -1;

	if ((role != ROLE_STORER && role != ROLE_SWEEPER && role != ROLE_PLACER) || sandbox_landlock() > 0 || unshare(CLONE_NEWNS) < 0)
		return 0;
	list_trees(role, config, state_fd, &trees);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fault_errno(fault, FAULT_FAILED, "secluding the %s", sandbox_role_name(role));
	for (size_t i = 0; i < trees.count; i++)
		(void)mount(trees.path[i], trees.path[i], NULL, MS_BIND, NULL); /* one that is missing needs no rights */
	if (set_mount("/", AT_RECURSIVE, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, 0) < 0)
		return errno == ENOSYS ? 0 : fault_errno(fault, FAULT_FAILED, "secluding the %s", sandbox_role_name(role));
	for (size_t i = 0; i < trees.count; i++)
		(void)set_mount(trees.path[i], 0, 0, MOUNT_ATTR_RDONLY);
	if (role == ROLE_PLACER) /* it has no business there */
		return 0;
	state = open(config->gate.state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (state < 0 || dup2(state, state_fd) < 0)
		return fault_errno(fault, FAULT_FAILED, "secluding the %s", sandbox_role_name(role));
	return 0;
}
