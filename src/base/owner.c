// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/owner.h"

#include <sys/fsuid.h>
#include <sys/stat.h>

/* The rights of root in the file system go with the user: fsuid, capabilities(7). Its group stays, and opens nothing here. */
static int become(uid_t uid)
{
	setfsuid(uid);
	errno = EPERM;
	return (uid_t)setfsuid((uid_t)-1) == uid ? 0 : -1;
}

int owner_become(int dir)
{
	struct stat s;

	return fstat(dir, &s) < 0 ? -1 : become(s.st_uid);
}

void owner_leave(void)
{
	int why = errno;

	if (become(geteuid()) < 0)
		abort();
	errno = why;
}

int owner_step(int at, const char *name, int how)
{
	int fd;

	(void)!owner_become(at);
	fd = openat(at, name, how | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	owner_leave();
	return fd;
}
