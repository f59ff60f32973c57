// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

size_t process_read(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	OWN_FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, size - 1);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? 0 : (size_t)n;
}

/* /proc/PID/stat: the name in parentheses, which may contain anything, and the numbers behind it. */
bool process_know(pid_t pid, struct process *p)
{
	char text[512];
	const char *from, *to;

	process_read(pid, "stat", text, sizeof(text));
	from = strchr(text, '(');
	to = strrchr(text, ')');
	/* NOLINTNEXTLINE(cert-err34-c): the numbers are the kernel's */
	if (!from || !to || sscanf(to + 1, " %*c %d %*d %d", &p->parent, &p->session) != 2)
		return false;
	p->pid = pid;
	snprintf(p->name, sizeof(p->name), "%.*s", (int)(to - from - 1), from + 1);
	return true;
}

void process_name(pid_t pid, char name[PROCESS_NAME])
{
	struct process p = { 0 };

	(void)process_know(pid, &p);
	snprintf(name, PROCESS_NAME, "%s", p.name);
}

bool process_holds(pid_t pid, const uint32_t *inodes, int n)
{
	char path[64], link[64];
	OWN_DIR DIR *dir = NULL;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t length = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		unsigned int inode;

		link[length < 0 ? 0 : length] = '\0';
		/* NOLINTNEXTLINE(cert-err34-c): the number is the kernel's */
		if (sscanf(link, "socket:[%u]", &inode) != 1)
			continue;
		for (int i = 0; i < n; i++)
			if (inodes[i] == inode)
				return true;
	}
	return false;
}

pid_t process_find_holder(const uint32_t *inodes, int n)
{
	OWN_DIR DIR *proc = n > 0 ? opendir("/proc") : NULL;
	const struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && process_holds(pid, inodes, n))
			return pid;
	}
	return 0;
}
