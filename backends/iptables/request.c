// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/request.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/builtin.h"

#define STATE "ACMEGATE_STATE="
#define PLACES "ACMEGATE_PLACES="

/* Its tools may wait for each other's lock, five seconds each; it prints the legacy tables for the surveyor. */
const struct helper request_helper = {
	.program = "-iptables", .plan_line = "/usr/sbin/ip", .seconds = 60, .armed = true, .most = (size_t)64 * 1024 * 1024
};

const char *request_layer(const struct wanted *wanted)
{
	const bool v4 = wanted->spot.family == NFPROTO_IPV4;

	return wanted->legacy ? (v4 ? "iptables-legacy" : "ip6tables-legacy") : (v4 ? "iptables-nft" : "ip6tables-nft");
}

/* Others may have changed the chain while our rule was on its way into it: it went by a number that was that of another rule. */
static bool is_misplaced(const struct ruleset *ruleset, const struct wanted *wanted)
{
	const struct spot *spot = &wanted->spot;

	/* the rules of legacy tables do not tell their age */
	return wanted->present && spot->ahead && (wanted->legacy ? ruleset->inserted : spot->ahead < spot->handle[0]);
}

bool request_is_missing(const struct ruleset *ruleset, const struct wanted *wanted)
{
	return !wanted->present || is_misplaced(ruleset, wanted);
}

/* All legacy tables are read back together: what they are seen as afterwards is the state of all chains there. */
bool request_is_to_open(const struct ruleset *ruleset, const struct wanted *wanted)
{
	return wanted->legacy || request_is_missing(ruleset, wanted);
}

bool request_is_legacy(const struct ruleset *ruleset, const struct wanted *wanted)
{
	(void)ruleset;
	return wanted->legacy;
}

bool request_is_any(const struct ruleset *ruleset, const struct wanted *wanted)
{
	(void)ruleset, (void)wanted;
	return true;
}

struct wanted *request_last(struct ruleset *ruleset, choice *chosen)
{
	struct wanted *last = NULL;

	for (struct wanted *wanted = ruleset->wanted; wanted < ruleset->wanted + ruleset->wants; wanted++)
		last = chosen(ruleset, wanted) ? wanted : last;
	return last;
}

/* The packets for this host: all in the chain, those that the kernel's routing calls local, or those to some addresses. */
static void write_reach(FILE *text, const struct wanted *wanted, const struct opening *opening)
{
	const bool v4 = wanted->spot.family == NFPROTO_IPV4;
	uint32_t named = v4 ? opening->addresses4 : opening->addresses6;
	char address[INET6_ADDRSTRLEN];

	if (wanted->spot.bound != BOUND_BY_ADDRESS)
		named = 0;
	if (!named)
		fputs(wanted->spot.bound == BOUND_BY_HOOK ? "any" : "local", text);
	for (uint32_t i = 0; i < named && i < OPENING_ADDRESSES; i++)
		fprintf(text, "%s%s", i ? "," : "",
			inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? opening->address4[i] : opening->address6[i], address,
				  sizeof(address)));
}

/* In the words of program.h. */
static void write_wanted(FILE *text, const struct ruleset *ruleset, const struct wanted *wanted, const struct opening *opening)
{
	const struct spot *spot = &wanted->spot;
	const bool bindable = opening->own_listener && spot->bindable && !spot->leaving && spot->port == opening->target;

	fprintf(text, "%s %u %u %s %s %s %s ", request_layer(wanted), spot->number, spot->port, spot->leaving ? "from" : "to",
		is_misplaced(ruleset, wanted) ? "again" : "once", bindable ? "bound" : "free", spot->returns ? "RETURN" : "ACCEPT");
	write_reach(text, wanted, opening);
	fprintf(text, " %s %s\n", spot->table, spot->chain);
}

static int write_all(char **text, const struct ruleset *ruleset, choice *chosen, const struct opening *opening, struct fault *fault)
{
	size_t size;
	FILE *file = open_memstream(text, &size);
	bool bad = false;

	if (!file)
		return fault_errno(fault, FAULT_LATER, "preparing to run a helper");
	fputs(PLACES, file);
	for (const struct wanted *wanted = ruleset->wanted; wanted < ruleset->wanted + ruleset->wants; wanted++) {
		bad = bad || strchr(wanted->spot.chain, '\n');
		if (chosen && chosen(ruleset, wanted))
			write_wanted(file, ruleset, wanted, opening);
	}
	if (fclose(file) == 0 && !bad)
		return 0;
	return fault_set(fault, FAULT_FAILED, "a chain of iptables has a line feed in its name");
}

int request_send(struct ruleset *ruleset, const char *verb, const char *tag, const struct opening *opening, choice *chosen,
		 char **answer, struct fault *fault)
{
	OWN_FREE char *places = NULL;
	char state[sizeof(STATE) + STATE_SIZE];
	struct question question = { .verb = verb, .tag = tag, .port = opening->target, .seconds = opening->seconds, .own = { state } };
	int rc;

	*answer = NULL;
	snprintf(state, sizeof(state), STATE "%s", ruleset->state);
	if (write_all(&places, ruleset, chosen, opening, fault) < 0)
		return -1;
	question.own[1] = places;
	rc = helper_ask(&request_helper, &question, answer, fault);
	ruleset->unsure = ruleset->unsure || rc == -1;
	return rc;
}

/* The first line of what it printed, cut off. NULL: there is none. */
static char *take_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line;
}

/* Takes the state in the first line, and hands out the second. */
char *request_state(struct ruleset *ruleset, char **rest, struct fault *fault)
{
	const char *state = take_line(rest);
	char *line = state ? take_line(rest) : NULL;

	if (!line || strlen(state) >= STATE_SIZE) {
		helper_is_nonsense(&request_helper, 0, state ? state : "nothing", fault);
		return NULL;
	}
	memcpy(ruleset->state, state, strlen(state) + 1);
	return line;
}

int request_made(const char *numbers, struct fault *fault)
{
	char *end;
	long made = strtol(numbers, &end, 10);

	if (end == numbers || made < 0 || made > INT16_MAX)
		return helper_is_nonsense(&request_helper, 0, numbers, fault);
	for (const char *number = end; *number == ' '; number = end)
		news_expect((pid_t)strtol(number + 1, &end, 10));
	return (int)made;
}

bool request_has_legacy(void)
{
	return ipt_loaded(NFPROTO_IPV4) || ipt_loaded(NFPROTO_IPV6);
}

/* "ip filter 1234": so many bytes of what -S printed follow. The length of this listing, or -1. */
static ssize_t read_heading(const char *heading, uint8_t *family, const char **table)
{
	const char *word = strchr(heading, ' '), *number = word ? strchr(word + 1, ' ') : NULL;

	*table = NULL;
	*family = strncmp(heading, "ip ", 3) ? NFPROTO_IPV6 : NFPROTO_IPV4;
	for (size_t i = 0; number && i < IPT_TABLES; i++)
		if (!strncmp(word + 1, ipt_tables[i], (size_t)(number - word - 1)) && !ipt_tables[i][number - word - 1])
			*table = ipt_tables[i];
	return *table && strspn(number + 1, "0123456789") < 9 ? (ssize_t)strtol(number + 1, NULL, 10) : -1;
}

/* Each legacy table that is loaded, as the helper's tools print it. */
int request_listings(struct ruleset *ruleset, take_listing *take, void *arg, struct fault *fault)
{
	OWN_FREE char *answer = NULL;
	int rc = request_has_legacy() ? request_send(ruleset, "list", NULL, &ruleset->made, NULL, &answer, fault) : 0;
	char *rest = answer, *heading = answer && rc == 0 ? request_state(ruleset, &rest, fault) : NULL;

	if (rc < 0 || (answer && !heading))
		return rc < 0 ? rc : -1;
	for (; heading && heading[0] && rc == 0; heading = take_line(&rest)) {
		const char *table;
		uint8_t family;
		ssize_t length = read_heading(heading, &family, &table);

		if (length <= 0 || (size_t)length > strlen(rest) || rest[length - 1] != '\n')
			return helper_is_nonsense(&request_helper, 0, heading, fault);
		rest[length - 1] = '\0';
		rc = take(ruleset, rest, family, table, arg, fault);
		rest += length;
	}
	return rc;
}
