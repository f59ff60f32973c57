// SPDX-License-Identifier: GPL-3.0-or-later
#include "process.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "own.h"

#define LINE_SIZE 1024

struct process {
	pid_t pid, parent, session;
	char name[32];
	char line[LINE_SIZE];	/* the beginning of its command line, the words with spaces between */
	int words;
	bool shell;		/* whatever its name: a script has its own */
};

/* A file of /proc/PID as a text. Its length; 0: there is none. */
static size_t read_about(pid_t pid, const char *file, char *text, size_t size)
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
static pid_t parent_of(pid_t pid, struct process *p)
{
	char text[512];
	const char *from, *to;

	read_about(pid, "stat", text, sizeof(text));
	from = strchr(text, '(');
	to = strrchr(text, ')');
	/* NOLINTNEXTLINE(cert-err34-c): the numbers are the kernel's */
	if (!from || !to || sscanf(to + 1, " %*c %d %*d %d", &p->parent, &p->session) != 2)
		return 0;
	p->pid = pid;
	snprintf(p->name, sizeof(p->name), "%.*s", (int)(to - from - 1), from + 1);
	return p->parent;
}

static bool is_one_of(const char *name, const char *const *list)
{
	while (*list && strcmp(name, *list))
		list++;
	return *list;
}

static bool look_at(pid_t pid, struct process *p)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "busybox", "ksh", "mksh", "zsh", NULL };
	char path[64], exe[PATH_MAX];
	ssize_t n;

	if (pid <= 1 || !parent_of(pid, p))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = '\0';
	p->shell = n > 0 && is_one_of(strrchr(exe, '/') + 1, shells);
	n = (ssize_t)read_about(pid, "cmdline", p->line, sizeof(p->line));
	p->words = 0;
	for (ssize_t i = 0; i < n; i++)
		if (!p->line[i]) {
			p->words++;
			p->line[i] = ' ';
		}
	return true;
}

/* What only runs something else, as "sh -c". A shell with the name of a file runs a script, one without arguments a person. */
static bool is_wrapper(const struct process *p)
{
	static const char *const names[] = { "run-parts", "env", "sudo", "timeout", NULL };
	const char *second = strchr(p->line, ' ');

	return p->shell ? p->words > 1 && second[1] == '-' : is_one_of(p->name, names);
}

/* This process, or what stands behind it if it is a wrapper; for a part of a script that runs in a subshell, the script. */
static bool see_through(pid_t pid, struct process *p)
{
	struct process above;

	while (look_at(pid, p)) {
		if (!is_wrapper(p)) {
			while (p->shell && look_at(p->parent, &above) && !strcmp(above.line, p->line))
				*p = above;
			return true;
		}
		pid = p->parent;
	}
	return false;
}

/*
 * A script may be the hook, which ends at once, or run the client itself. Who has started a hook is in its session: cron and
 * the like give each of their jobs its own. What is started from a shell by hand is the outermost that can be meant.
 */
pid_t process_client(void)
{
	struct process script, client;

	if (!see_through(getppid(), &script))
		return 0;
	if (!script.shell || script.words < 2 || !see_through(script.parent, &client) || client.session != script.session ||
	    (client.shell && client.words < 2))
		return script.pid;
	return client.pid;
}

bool process_is_below(pid_t pid, pid_t ancestor)
{
	struct process p;

	while (pid > 1 && pid != ancestor)
		pid = parent_of(pid, &p);
	return pid == ancestor;
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
