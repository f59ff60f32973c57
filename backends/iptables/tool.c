// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/tool.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/launch_program.h"

#define PATIENCE "5"		/* seconds to wait for the lock of the legacy tools; without it they wait for ever, or not at all */
#define SECONDS 10		/* for a command to end, the waiting included */
#define MOST (16 * 1024 * 1024) /* some 150,000 rules */
#define LOCK_FILE "/run/xtables.lock"
#define STATUS_LOCKED 4 /* RESOURCE_PROBLEM of xtables.h */

const struct ipt_layer ipt_layers[IPT_LAYERS] = {
	{ "iptables-nft", { "/usr/sbin/iptables-nft", "/usr/sbin/iptables" }, false, NFPROTO_IPV4 },
	{ "ip6tables-nft", { "/usr/sbin/ip6tables-nft", "/usr/sbin/ip6tables" }, false, NFPROTO_IPV6 },
	{ "iptables-legacy", { "/usr/sbin/iptables-legacy", "/usr/sbin/iptables" }, true, NFPROTO_IPV4 },
	{ "ip6tables-legacy", { "/usr/sbin/ip6tables-legacy", "/usr/sbin/ip6tables" }, true, NFPROTO_IPV6 },
};

/* The exit status, or -1. */
static int run(const struct ipt_words *command, char **output, pid_t *pid, struct fault *fault)
{
	char locale[] = "LC_ALL=C", path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", mark[32 + TAG_SIZE];
	char *const environment[] = { mark, locale, path, NULL };
	const char *tag = getenv("ACMEGATE_TAG");

	snprintf(mark, sizeof(mark), "ACMEGATE_TAG=%s", tag ? tag : ""); /* by that helper_end() finds it */
	*output = NULL;
	if (command->full)
		return fault_set(fault, FAULT_FAILED, "a command of %s is too long", command->word[0]);
	return launch_capture(command->word, environment, SECONDS, LAUNCH_FOR_THE_FIREWALL, MOST, output, pid, fault);
}

/* "iptables v1.8.9 (nf_tables)"; before 1.8 there was one variant, and nothing in parentheses. 1: of this layer. 0: not. -1: what? */
static int is_of(const struct ipt_layer *layer, const char *version)
{
	if (strncmp(version, layer->family == NFPROTO_IPV4 ? "iptables v" : "ip6tables v", 10))
		return -1;
	return layer->legacy != (strstr(version, "(nf_tables)") != NULL);
}

/* "iptables v1.8.9 (legacy)" */
static bool is_prompt(const struct ipt_layer *layer, const char *version)
{
	unsigned int number[3] = { 0 };
	const char *at = strchr(version, 'v');

	for (size_t i = 0; i < LENGTH_OF(number) && at && *at; i++) {
		char *end;

		number[i] = (unsigned int)strtoul(at + 1, &end, 10);
		at = *end == '.' ? end : NULL;
	}
	return !layer->legacy || number[0] * 10000 + number[1] * 100 + number[2] >= 10808;
}

const char *ipt_find(const struct ipt_layer *layer, bool *prompt, struct fault *fault)
{
	char text[FAULT_TEXT_SIZE / 4] = "there is none";
	int code = ENOENT;

	for (size_t i = 0; i < LENGTH_OF(layer->paths); i++) {
		struct ipt_words command = { 0 };
		OWN_FREE char *output = NULL;
		int status, fits;
		pid_t pid;

		if (access(layer->paths[i], X_OK) < 0)
			continue;
		ipt_add(&command, layer->paths[i]);
		ipt_add(&command, "-V");
		status = run(&command, &output, &pid, fault);
		fits = status == 0 && output ? is_of(layer, output) : -1;
		*prompt = fits == 1 && is_prompt(layer, output);
		if (fits == 1)
			return layer->paths[i];
		if (fits < 0)
			code = 0;
		if (output)
			output[strcspn(output, "\n")] = '\0';
		snprintf(text, sizeof(text), "%s -V says \"%.200s\"", layer->paths[i], status < 0 || !output ? fault->text : output);
	}
	(void)fault_set(fault, FAULT_FAILED, "%s and %s: neither is %s (%s); install it (Debian: apt-get install iptables)",
			layer->paths[0], layer->paths[1], layer->name, text);
	fault->code = code;
	return NULL;
}

/* "COMMAND: ANSWER" in one line. */
static void quote(const struct ipt_words *command, char *output, char text[FAULT_TEXT_SIZE / 2])
{
	size_t used = 0;

	for (size_t length = strlen(output); length && output[length - 1] == '\n'; length--)
		output[length - 1] = '\0';
	for (char *end = strchr(output, '\n'); end; end = strchr(end, '\n'))
		*end = ' ';

	for (size_t i = 0; i < command->words && used < FAULT_TEXT_SIZE / 2 - 1; i++)
		used += (size_t)snprintf(text + used, FAULT_TEXT_SIZE / 2 - used, "%s%s", i ? " " : "", command->word[i]);
	if (used < FAULT_TEXT_SIZE / 2 - 1)
		snprintf(text + used, FAULT_TEXT_SIZE / 2 - used, ": %s", output);
}

int ipt_knows(const char *tool, bool bound, bool timed, struct fault *fault)
{
	struct ipt_words command = { 0 };
	OWN_FREE char *output = NULL;
	pid_t pid;
	int status;

	ipt_begin(&command, tool, "filter");
	ipt_add_all(&command, bound ? "-m socket --transparent --nowildcard" : "");
	ipt_add_all(&command, timed ? "-m time" : "");
	ipt_add_all(&command, "-m comment -h");
	status = run(&command, &output, &pid, fault);
	return status < 0 ? -1 : status == 0;
}

void ipt_begin(struct ipt_words *command, const char *tool, const char *table)
{
	memset(command, 0, sizeof(*command));
	ipt_add(command, tool);
	ipt_add(command, "-w");
	ipt_add(command, PATIENCE);
	ipt_add(command, "-t");
	ipt_add(command, table);
}

/* The process that has the file locked, by flock(2), for all to see in /proc/locks: "7: FLOCK  ADVISORY  WRITE 123 00:1a:456 0 EOF". 0: none. */
static long lock_holder(const char *path)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256];
	long holder = 0;
	struct stat s;

	while (locks && stat(path, &s) == 0 && !holder && fgets(line, sizeof(line), locks)) {
		unsigned long long inode;
		unsigned int major, minor;
		long pid;

		/* NOLINTNEXTLINE(cert-err34-c): the numbers are the kernel's */
		if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%llu", &pid, &major, &minor, &inode) == 4 && inode == s.st_ino &&
		    makedev(major, minor) == s.st_dev)
			holder = pid;
	}
	if (locks)
		fclose(locks);
	return holder;
}

/* Names the process that holds the lock, since somebody has to see to it. */
static void name_lock_holder(char text[FAULT_TEXT_SIZE / 2])
{
	long holder = lock_holder(LOCK_FILE);
	size_t used = strlen(text);
	char path[64], name[32] = "?";
	FILE *file;

	if (!holder)
		return;
	snprintf(path, sizeof(path), "/proc/%ld/comm", holder);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
	snprintf(text + used, FAULT_TEXT_SIZE / 2 - used, "; " LOCK_FILE " is held by %s (pid %ld)", name, holder);
}

/* Runs a command that must succeed. */
static int must_run(const struct ipt_words *command, char **output, pid_t *pid, struct fault *fault)
{
	char text[FAULT_TEXT_SIZE / 2];
	bool locked;
	int status = run(command, output, pid, fault);

	if (status <= 0 || !*output)
		return status;
	/* the tools of the nft variant end so, too, when the kernel lacks what the rule asks for: it will lack it the next time */
	locked = status == STATUS_LOCKED && !strstr(*output, "missing kernel module") &&
		 !strstr(*output, "(No such file or directory)");
	quote(command, *output, text);
	if (locked)
		name_lock_holder(text);
	(void)fault_set(fault, locked ? FAULT_LATER : FAULT_FAILED, "%s (status %d)", text, status);
	fault->code = locked ? EAGAIN : 0;
	return -1;
}

int ipt_run(const struct ipt_words *command, pid_t *pid, struct fault *fault)
{
	OWN_FREE char *output = NULL;

	return must_run(command, &output, pid, fault);
}

char *ipt_list(const char *tool, const char *table, struct fault *fault)
{
	struct ipt_words command;
	char *output = NULL;
	pid_t pid;

	ipt_begin(&command, tool, table);
	ipt_add(&command, "-S");
	if (must_run(&command, &output, &pid, fault) == 0) {
		if (ipt_is_listing(output))
			return output;
		(void)fault_set(fault, FAULT_FAILED, "%s -t %s -S printed no rules but: %.200s", tool, table, output);
	}
	free(output);
	return NULL;
}
