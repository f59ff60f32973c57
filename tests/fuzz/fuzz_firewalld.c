// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Output of an acmegate-firewalld that was taken over by D-Bus. After any of it: lines of a plan are commands
 * without what a terminal obeys, numbers are numbers, faults are of one line, and closing looks into the kernel unless firewalld refuses.
 *
 * The input: what is asked (0 to 2), its exit status (255: none), what it prints.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/firewalld/firewalld.c"
#include "backends/helper.c"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const uint8_t *data;
	size_t size;
	bool looked;
} world;

int launch_find(const char *suffix, char path[PATH_MAX], struct fault *fault)
{
	(void)fault;
	snprintf(path, PATH_MAX, "/%s", suffix);
	return 0;
}

int launch_capture(char *const argv[], char *const environment[], unsigned int seconds, enum rights rights, size_t most,
		   char **output, pid_t *pid, struct fault *fault)
{
	(void)pid;
	must(rights == LAUNCH_DISARMED);
	(void)argv;
	must(environment[0] && !strncmp(environment[0], "ACMEGATE_TAG=", 13));
	must(seconds <= 30 && most <= 1024 * 1024);
	*output = malloc(world.size + 1);
	must(*output);
	memcpy(*output, world.size > 2 ? world.data + 2 : world.data, world.size > 2 ? world.size - 2 : 0);
	(*output)[world.size > 2 ? world.size - 2 : 0] = '\0';
	if (world.data[1] == 255)
		return fault_set(fault, FAULT_FAILED, "it died");
	return world.data[1];
}

int launch_program(const char *who, char *const argv[], char *const environment[], unsigned int seconds, enum rights rights,
		   struct fault *fault)
{
	(void)who, (void)argv, (void)environment, (void)seconds, (void)rights;
	return fault_set(fault, FAULT_FAILED, "not asked here");
}

size_t launch_split(char *command, char *words[], size_t size)
{
	(void)command, (void)words, (void)size;
	return 0;
}

int netlink_open(struct netlink *netlink, struct fault *fault)
{
	(void)fault;
	netlink->socket = (struct mnl_socket *)netlink; /* no more than an address here */
	return 1;
}

void netlink_close(struct netlink *netlink)
{
	netlink->socket = NULL;
}

int sweep_close(const struct sweep *sweep, struct fault *fault)
{
	(void)fault;
	must(sweep->netlink->socket && sweep->mark == MARK_PREFIX);
	world.looked = true;
	return 0;
}

int survey_peers(const struct opening *opening, const struct peer *peer, size_t n, uint64_t *admitted, struct fault *fault)
{
	(void)opening;
	(void)peer;
	(void)n;
	(void)admitted;
	return fault_set(fault, FAULT_FAILED, "not asked here");
}

static void check_plan(const struct plan *plan)
{
	must(plan->lines <= PLAN_LINES);
	for (size_t i = 0; i < plan->lines; i++) {
		must(memchr(plan->line[i], '\0', sizeof(plan->line[i])) && !strncmp(plan->line[i], "firewall-cmd --zone=", 20));
		for (const char *c = plan->line[i]; *c; c++)
			must((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct opening opening = { .tag = "acmegate:0123456789abcdef", .target = 80, .seconds = 60 };
	static const struct means means = { .port = 80, .seconds = 60 };
	static struct plan plan;
	struct ruleset *ruleset = NULL;
	struct fault fault = { 0 };
	int rc;

	if (size < 2)
		return 0;
	world.data = data;
	world.size = size;
	world.looked = false;
	memset(&plan, 0, sizeof(plan));
	must(firewalld_backend.attach(&ruleset, &means, &fault) == 1);
	if (data[0] % 3 == 0)
		rc = firewalld_backend.plan(ruleset, &opening, &plan, &fault);
	else if (data[0] % 3 == 1)
		rc = firewalld_backend.open(ruleset, &opening, &fault);
	else
		rc = firewalld_backend.close(ruleset, opening.tag, &fault);
	check_plan(&plan);
	must(rc >= 0 || (fault.kind != FAULT_NONE && fault.text[0] && !strpbrk(fault.text, "\n\r\x1b")));
	must(data[0] % 3 != 2 || world.looked || (rc < 0 && fault.code == CODE_REFUSED));
	firewalld_backend.detach(ruleset);
	return 0;
}
