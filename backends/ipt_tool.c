// SPDX-License-Identifier: GPL-3.0-or-later
#include "ipt_tool.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "run.h"

#define WAIT "5"		/* for the lock of the legacy tools: seconds; without it they wait for ever, or not at all */
#define SECONDS 10
#define MOST (16 * 1024 * 1024) /* some 150,000 rules */
#define STATUS_LOCKED 4		/* RESOURCE_PROBLEM of xtables.h */

const struct ipt_layer ipt_layers[IPT_LAYERS] = {
	{ "iptables-nft", { "/usr/sbin/iptables-nft", "/usr/sbin/iptables" }, false, NFPROTO_IPV4, NULL },
	{ "ip6tables-nft", { "/usr/sbin/ip6tables-nft", "/usr/sbin/ip6tables" }, false, NFPROTO_IPV6, NULL },
	{ "iptables-legacy", { "/usr/sbin/iptables-legacy", "/usr/sbin/iptables" }, true, NFPROTO_IPV4,
	  "/proc/net/ip_tables_names" },
	{ "ip6tables-legacy", { "/usr/sbin/ip6tables-legacy", "/usr/sbin/ip6tables" }, true, NFPROTO_IPV6,
	  "/proc/net/ip6_tables_names" },
};

/* The exit status, or -1. */
static int run(const struct ipt_words *command, char **output, struct fault *fault)
{
	char locale[] = "LC_ALL=C", path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const environment[] = { locale, path, NULL };

	*output = NULL;
	if (command->full)
		return fault_set(fault, FAULT_FAILED, "a command of %s is too long", command->word[0]);
	return run_capture(command->word, environment, SECONDS, MOST, output, fault);
}

/* "iptables v1.8.9 (nf_tables)"; before 1.8 there was one variant, and nothing in parentheses. */
static bool is_of(const struct ipt_layer *layer, const char *version)
{
	const char *end = strchr(version, '\n');
	const char *variant = strstr(version, "(nf_tables)");

	if (!end || strncmp(version, layer->family == NFPROTO_IPV4 ? "iptables v" : "ip6tables v", 10))
		return false;
	return layer->legacy != (variant && variant < end);
}

const char *ipt_find(const struct ipt_layer *layer, struct fault *fault)
{
	char text[FAULT_TEXT_SIZE / 4] = "there is none";

	for (size_t i = 0; i < LENGTH_OF(layer->paths); i++) {
		struct ipt_words command = { 0 };
		OWN_FREE char *output = NULL;
		int status;

		if (access(layer->paths[i], X_OK) < 0)
			continue;
		ipt_add(&command, layer->paths[i]);
		ipt_add(&command, "-V");
		status = run(&command, &output, fault);
		if (status == 0 && is_of(layer, output))
			return layer->paths[i];
		if (status < 0)
			snprintf(text, sizeof(text), "%.300s", fault->text);
		else
			snprintf(text, sizeof(text), "%s -V says \"%.*s\"", layer->paths[i],
				 (int)strcspn(output, "\n") < 80 ? (int)strcspn(output, "\n") : 80, output);
	}
	(void)fault_set(fault, FAULT_FAILED, "%s and %s: neither is %s (%s); install it (Debian: apt-get install iptables)",
			layer->paths[0], layer->paths[1], layer->name, text);
	return NULL;
}

static void quote(const struct ipt_words *command, const char *output, char text[FAULT_TEXT_SIZE / 2])
{
	size_t used = 0;

	for (size_t i = 0; i < command->words && used < FAULT_TEXT_SIZE / 2 - 1; i++)
		used += (size_t)snprintf(text + used, FAULT_TEXT_SIZE / 2 - used, "%s%s", i ? " " : "", command->word[i]);
	if (used < FAULT_TEXT_SIZE / 2 - 1)
		snprintf(text + used, FAULT_TEXT_SIZE / 2 - used, ": %s", output);
}

int ipt_knows(const char *tool, bool bound, bool timed, struct fault *fault)
{
	struct ipt_words command = { 0 };
	OWN_FREE char *output = NULL;
	int status;

	ipt_begin(&command, tool, "filter");
	ipt_add_all(&command, bound ? "-m socket --transparent --nowildcard" : "");
	ipt_add_all(&command, timed ? "-m time" : "");
	ipt_add_all(&command, "-m comment -h");
	status = run(&command, &output, fault);
	return status < 0 ? -1 : status == 0;
}

void ipt_begin(struct ipt_words *command, const char *tool, const char *table)
{
	memset(command, 0, sizeof(*command));
	ipt_add(command, tool);
	ipt_add_all(command, "-w " WAIT " -t");
	ipt_add(command, table);
}

/* Runs a command that must succeed. */
static int must_run(const struct ipt_words *command, char **output, struct fault *fault)
{
	char text[FAULT_TEXT_SIZE / 2];
	int status = run(command, output, fault);

	if (status <= 0)
		return status;
	quote(command, *output, text);
	return fault_set(fault, status == STATUS_LOCKED ? FAULT_LATER : FAULT_FAILED, "%s (status %d)", text, status);
}

int ipt_run(const struct ipt_words *command, struct fault *fault)
{
	OWN_FREE char *output = NULL;

	return must_run(command, &output, fault);
}

char *ipt_list(const char *tool, const char *table, struct fault *fault)
{
	struct ipt_words command;
	char *output = NULL;

	ipt_begin(&command, tool, table);
	ipt_add(&command, "-S");
	if (must_run(&command, &output, fault) == 0) {
		if (ipt_is_listing(output))
			return output;
		(void)fault_set(fault, FAULT_FAILED, "%s -t %s -S printed no rules but: %.200s", tool, table, output);
	}
	free(output);
	return NULL;
}
