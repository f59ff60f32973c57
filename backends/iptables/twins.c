// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/twins.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct report {
	int rc;
	struct done done;
	struct fault fault;
};

static bool may_overlap(const struct ruleset *ruleset)
{
	bool v4 = false, v6 = false;

	for (size_t i = 0; i < ruleset->places.count; i++) {
		const size_t layer = ruleset->places.place[i].layer;

		if (!ruleset->rule.tool[layer] || !ruleset->rule.prompt[layer])
			return false;
		v4 = v4 || ipt_layers[layer].family == NFPROTO_IPV4;
		v6 = v6 || ipt_layers[layer].family == NFPROTO_IPV6;
	}
	return v4 && v6;
}

static _Noreturn void work_for_parent(struct ruleset *ruleset, work *does, pid_t parent, int pipe)
{
	static struct report report;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_FAILED);
	ruleset->done = (struct done){ .found = false };
	report.rc = does(ruleset, NFPROTO_IPV6, &report.fault);
	report.done = ruleset->done;
	_exit(write(pipe, &report, sizeof(report)) == (ssize_t)sizeof(report) ? STATUS_DONE : STATUS_FAILED);
}

static void take_report(struct ruleset *ruleset, const struct done *done)
{
	struct done *all = &ruleset->done;

	all->found = all->found || done->found;
	all->made += done->made;
	all->removed += done->removed;
	all->packets = done->packets > all->packets ? done->packets : all->packets;
	for (unsigned int i = 0; i < done->pids && all->pids < MOST_PIDS; i++)
		all->pid[all->pids++] = done->pid[i];
}

int twins_work(struct ruleset *ruleset, work *does, struct fault *fault)
{
	static struct report report;
	const pid_t own = getpid();
	int ends[2], rc;
	pid_t child;

	if (!may_overlap(ruleset))
		return does(ruleset, NFPROTO_UNSPEC, fault);
	if (pipe2(ends, O_CLOEXEC) < 0 || (child = fork()) < 0)
		return fault_errno(fault, FAULT_LATER, "working on IPv6");
	if (child == 0)
		work_for_parent(ruleset, does, own, ends[1]);
	close(ends[1]);
	rc = does(ruleset, NFPROTO_IPV4, fault);
	if (read(ends[0], &report, sizeof(report)) != (ssize_t)sizeof(report))
		report.rc = fault_set(&report.fault, FAULT_FAILED, "the process that works on IPv6 has died");
	close(ends[0]);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	take_report(ruleset, &report.done);
	if (rc == 0 && report.rc < 0)
		*fault = report.fault;
	return rc < 0 ? rc : report.rc;
}
