// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/kin.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/kernel.h"

#define LINE_SIZE 1024

struct relative {
	struct process is;
	char line[LINE_SIZE]; /* the beginning of its command line, the words with spaces between */
	int words;
	bool shell; /* whatever its name: a script has its own */
};

static bool is_one_of(const char *name, const char *const *list)
{
	while (*list && strcmp(name, *list))
		list++;
	return *list;
}

static bool look_at(pid_t pid, struct relative *p)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "busybox", "ksh", "mksh", "zsh", NULL };
	char path[64], exe[PATH_MAX];
	ssize_t n;

	if (pid <= 0 || !process_know(pid, &p->is))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = '\0';
	p->shell = n > 0 && is_one_of(strrchr(exe, '/') + 1, shells);
	n = (ssize_t)process_read(pid, "cmdline", p->line, sizeof(p->line));
	p->words = 0;
	for (ssize_t i = 0; i < n; i++)
		if (!p->line[i]) {
			p->words++;
			p->line[i] = ' ';
		}
	return true;
}

/* Does it only run another program, as "sh -c" does? A shell with a file's name runs a script, one without is a person's. */
static bool is_wrapper(const struct relative *p)
{
	static const char *const names[] = { "run-parts", "env", "sudo", "timeout", NULL };
	const char *second = strchr(p->line, ' ');

	return p->shell ? p->words > 1 && second && second[1] == '-' : is_one_of(p->is.name, names);
}

/*
 * This process, or the one behind it if it is a wrapper; for a part of a script that runs in a subshell, the script. A wrapper with
 * nobody behind it in this PID namespace, as the first process of a container may be, is as good as what it runs.
 */
static bool see_through(pid_t pid, struct relative *p)
{
	struct relative above;

	while (look_at(pid, p)) {
		if (!is_wrapper(p)) {
			while (p->shell && look_at(p->is.parent, &above) && !strcmp(above.line, p->line))
				*p = above;
			return true;
		}
		if (!p->is.parent)
			return true;
		pid = p->is.parent;
	}
	return false;
}

static bool is_script(const struct relative *p)
{
	return p->shell && p->words > 1;
}

/* A service that systemd or init starts hooks for ends without them: its hooks name the client. */
static bool is_init(const struct relative *p)
{
	static const char *const names[] = { "systemd", "init", NULL };

	return p->is.pid == 1 && is_one_of(p->is.name, names);
}

/*
 * The client of a hook is in the hook's session: cron and the like give each job its own session. A shell into which a person types
 * is no client.
 */
uint32_t kin_find(struct kin kin[MOST_KIN])
{
	struct relative p;
	pid_t session = -1;
	uint32_t n = 0;

	for (bool more = see_through(getppid(), &p); more && !is_init(&p) && n < MOST_KIN; more = see_through(p.is.parent, &p)) {
		if (n == 0)
			session = p.is.session;
		else if (p.is.session != session || (p.shell && !is_script(&p)))
			break;
		kin[n].pid = p.is.pid;
		snprintf(kin[n++].name, sizeof(kin->name), "%s", p.is.name);
		if (!is_script(&p))
			break;
	}
	return n;
}

/* Linux 6.15 keeps it for whoever has a pidfd: include/uapi/linux/pidfd.h, which is newer than most headers. */
struct ended {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t status;
};
#define PIDFD_ENDED UINT64_C(8)

/*
 * Until the parent has asked for the status, the last field but one of /proc/PID/stat has it; from then on the pidfd. In this order: the
 * parent may ask in between.
 */
bool kin_was_killed(int pidfd, pid_t pid)
{
	struct ended e = { .mask = PIDFD_ENDED };
	char text[1024];
	const char *to, *last;

	process_read(pid, "stat", text, sizeof(text));
	to = strrchr(text, ')');
	last = to ? strrchr(to, ' ') : NULL;
	if (last && to[2] == 'Z')
		return WIFSIGNALED((int)strtol(last, NULL, 10));
	/* musl's ioctl() takes an int, which the number is too large for. */
	return syscall(SYS_ioctl, pidfd, _IOWR(0xFF, 11, struct ended), &e) == 0 && (e.mask & PIDFD_ENDED) && WIFSIGNALED(e.status);
}

bool kin_is_below(pid_t pid, pid_t ancestor)
{
	struct process p;

	while (pid > 1 && pid != ancestor)
		pid = process_know(pid, &p) ? p.parent : 0;
	return pid == ancestor;
}
