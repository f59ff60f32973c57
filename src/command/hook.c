// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/log.h"
#include "warden/hook_socket.h"
#include "warden/lease.h"

/* A window that is just closing is waited for. */
static int act(struct host *host, enum hook which, const struct client *client)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct fault fault;
	int status;

	for (int i = 0; i < 100; i++) {
		int rc = host->serves || which == HOOK_POST ? hook_socket_ask(host->state_fd, which, client, &status, &fault) : 0;
		if (rc > 0)
			return status;
		if (rc == 0)
			rc = host_claim(host, &fault);
		if (!host->serves)
			return STATUS_USAGE;
		if (rc == 0 && which == HOOK_PRE)
			return lease_hold(host, client);
		if (rc == 0) {
			log_notice("no hook holds the port open; there is nothing to close");
			return STATUS_DONE;
		}
		if (fault.kind != FAULT_LATER || fault.code == EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	log_error("%s", fault.text);
	return fault_status(&fault);
}

/* 0: it is not the number of a process. */
static pid_t read_pid(const char *text)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	return errno || end == text || *end || number < 1 || number > INT_MAX ? 0 : (pid_t)number;
}

/* Numbers become descriptors before anything else is done: a number may be given to another process at any time. */
static void watch(struct client *client)
{
	for (uint32_t i = 0; i < client->number; i++)
		client->fd[i] = pidfd_open(client->kin[i].pid, 0);
}

static void name_client(struct client *client, pid_t pid)
{
	client->number = 1;
	client->kin[0].pid = pid;
	process_name(pid, client->kin[0].name);
	watch(client);
}

/* false: nobody, or one of them has ended meanwhile. */
static bool find_kin(struct client *client)
{
	struct kin again[MOST_KIN] = { 0 };

	client->number = kin_find(client->kin);
	watch(client);
	for (uint32_t i = 0; i < client->number; i++)
		if (client->fd[i] < 0)
			return false;
	return client->number > 0 && kin_find(again) == client->number && !memcmp(again, client->kin, sizeof(again));
}

int hook_run(struct host *host, const struct call *call)
{
	const char *pid = call->value[HOOK_CLIENT];
	struct client client = NO_CLIENT;
	enum hook which;

	if (pid && !read_pid(pid)) {
		log_error("hook --client %s: expected the number of a process", pid);
		return STATUS_USAGE;
	}
	if (call->words != 1 || (strcmp(call->word[0], "pre") && strcmp(call->word[0], "post"))) {
		log_error("expected acmegate hook pre, or acmegate hook post");
		return STATUS_USAGE;
	}
	which = strcmp(call->word[0], "pre") ? HOOK_POST : HOOK_PRE;
	if (pid)
		name_client(&client, read_pid(pid));
	else if (!find_kin(&client)) {
		log_error("cannot tell which program runs this hook; say its process id with --client PID");
		return STATUS_USAGE;
	}
	config_forget_certificates(host->config);
	return act(host, which, &client);
}
