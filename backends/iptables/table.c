// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/table.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/nft/builtin.h"

/* NOLINTBEGIN(misc-redundant-expression): that is what is asserted */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) && IPT_SO_GET_INFO == IP6T_SO_GET_INFO, "twins");
_Static_assert(sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries) && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES,
	       "twins");
/* NOLINTEND(misc-redundant-expression) */

/* A rule; its head is not the same for both families. */
struct entry {
	uint16_t matches, target, next; /* where its parts begin, and the next rule */
	size_t counters;
};

/* The one at this place. false: there is none, or what is there is none. */
static bool read_entry(const struct legacy_table *table, size_t at, struct entry *entry)
{
	const bool v4 = table->family == NFPROTO_IPV4;
	const size_t head = v4 ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry);
	const size_t offsets = v4 ? offsetof(struct ipt_entry, target_offset) : offsetof(struct ip6t_entry, target_offset);

	if (at + head > table->size)
		return false;
	memcpy(&entry->target, table->entries + at + offsets, sizeof(entry->target));
	memcpy(&entry->next, table->entries + at + offsets + sizeof(entry->target), sizeof(entry->next));
	entry->matches = (uint16_t)head;
	entry->counters = v4 ? offsetof(struct ipt_entry, counters) : offsetof(struct ip6t_entry, counters);
	return entry->target >= head && entry->next >= entry->target && at + entry->next <= table->size && entry->next > 0;
}

/* Does it carry this tag in a comment (NULL: any of ours, in a rule that has the shape of ours)? */
static bool entry_has(const struct legacy_table *table, size_t at, const struct entry *entry, const char *tag)
{
	struct tag_shape shape = { 0 };
	bool found = false;

	for (size_t i = entry->matches; i + sizeof(struct xt_entry_match) <= entry->target;) {
		const char *start = table->entries + at + i, *text = start + sizeof(struct xt_entry_match);
		struct xt_entry_match match;

		memcpy(&match, start, sizeof(match));
		if (match.u.match_size < sizeof(match))
			return false;
		match.u.user.name[sizeof(match.u.user.name) - 1] = '\0';
		tag_add_match(&shape, match.u.user.name);
		if (!strcmp(match.u.user.name, "comment") && i + sizeof(match) + TAG_SIZE <= entry->target &&
		    memchr(text, '\0', TAG_SIZE))
			found = found || opening_is_tag(text, tag);
		i += match.u.match_size;
	}
	return found && (tag || tag_is_shape(&shape));
}

/* struct xt_error_target: the first entry of a chain that is not built in, and the last one of the table, which is called ERROR. */
static const char *chain_name(const struct legacy_table *table, size_t at, const struct entry *entry)
{
	const char *target = table->entries + at + entry->target, *name = target + offsetof(struct xt_error_target, errorname);

	if ((size_t)entry->next - entry->target < sizeof(struct xt_error_target) ||
	    strncmp(target + offsetof(struct xt_error_target, target.u.user.name), XT_ERROR_TARGET, XT_EXTENSION_MAXNAMELEN) ||
	    !memchr(name, '\0', XT_FUNCTION_MAXNAMELEN))
		return NULL;
	return name;
}

/* Finds the first and the last rule of a chain. A built-in one has a hook; another one begins with an entry that has its name. */
static bool find_chain(const struct legacy_table *table, const char *name, size_t *first, size_t *last)
{
	const size_t hook = ipt_hook(name);
	struct entry entry;
	bool found = false;

	if (ipt_is_builtin(name)) {
		*first = table->first[hook];
		*last = table->last[hook];
		return table->hooks & (1U << hook);
	}
	for (size_t at = 0; read_entry(table, at, &entry); at += entry.next) {
		const char *label = chain_name(table, at, &entry);

		if (label && found)
			break;
		if (label && !strcmp(label, name)) {
			*first = at + entry.next;
			found = true;
		}
		*last = at + entry.next;
	}
	return found;
}

bool table_has(const struct legacy_table *table, const char *chain, const char *tag)
{
	size_t first = 0, last = table->size;
	struct entry entry;

	if (chain && !find_chain(table, chain, &first, &last))
		return false;
	for (size_t at = first; at < last && read_entry(table, at, &entry); at += entry.next)
		if (entry_has(table, at, &entry, tag))
			return true;
	return false;
}

uint64_t table_packets(const struct legacy_table *table, const char *tag)
{
	struct xt_counters counters;
	uint64_t most = 0;
	struct entry entry;

	for (size_t at = 0; read_entry(table, at, &entry); at += entry.next) {
		memcpy(&counters, table->entries + at + entry.counters, sizeof(counters));
		if (counters.pcnt > most && entry_has(table, at, &entry, tag))
			most = counters.pcnt;
	}
	return most;
}

/* The chains that packets to or from this host can get to, by the place of their first rule. */
struct reach {
	size_t chains, most, *start;
	uint32_t *number; /* for each place at which a rule can begin: the number of the chain, from 1 */
};

static size_t word_of(size_t at)
{
	return at / sizeof(uint32_t);
}

static int reach_begin(struct reach *reach, const struct legacy_table *table, struct fault *fault)
{
	*reach = (struct reach){ .most = LENGTH_OF(table->first) + table->size / sizeof(struct ipt_entry) };
	reach->start = calloc(reach->most, sizeof(*reach->start));
	reach->number = calloc(word_of(table->size) + 1, sizeof(*reach->number));
	return reach->start && reach->number ? 0 : fault_errno(fault, FAULT_LATER, "reading a table of iptables-legacy");
}

static void reach_end(struct reach *reach)
{
	free(reach->start);
	free(reach->number);
}

/* Returns the number of the chain that begins there, which is a new one or was found before. */
static uint32_t reach_add(struct reach *reach, const struct legacy_table *table, size_t start)
{
	uint32_t *number = start < table->size ? &reach->number[word_of(start)] : NULL;

	if (number && !*number && reach->chains < reach->most) {
		reach->start[reach->chains++] = start;
		*number = (uint32_t)reach->chains;
	}
	return number ? *number : 0;
}

static void hash_number(struct sha256_ctx *sum, uint32_t number)
{
	sha256_update(sum, sizeof(number), (const uint8_t *)&number);
}

/* A jump names its target by the place in the table, which others' rules move; here it is the number of the chain. */
static void hash_target(const struct legacy_table *table, size_t at, const struct entry *entry, struct reach *reach,
			struct sha256_ctx *sum)
{
	const char *start = table->entries + at + entry->target;
	struct xt_standard_target target;

	if (entry->next - entry->target == sizeof(target)) {
		memcpy(&target, start, sizeof(target));
		if (!target.target.u.user.name[0] && target.verdict >= 0) {
			/* a rule without a target "jumps" to the next one */
			hash_number(sum, (size_t)target.verdict == at + entry->next ?
						 UINT32_MAX :
						 reach_add(reach, table, (size_t)target.verdict));
			return;
		}
	}
	sha256_update(sum, entry->next - entry->target, (const uint8_t *)start);
}

/* The name of a chain that is not built in, in the entry before its first rule. */
static void hash_name(const struct legacy_table *table, size_t start, struct sha256_ctx *sum)
{
	const size_t head = (table->family == NFPROTO_IPV4 ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry)) +
			    sizeof(struct xt_error_target);
	struct entry entry;
	const char *name = NULL;

	if (start >= head && read_entry(table, start - head, &entry))
		name = chain_name(table, start - head, &entry);
	if (name)
		sha256_update(sum, strlen(name) + 1, (const uint8_t *)name);
}

/* To its end: the policy of a built-in chain, or where another one begins. */
static void hash_chain(const struct legacy_table *table, size_t start, size_t policy, bool without_ours, struct reach *reach,
		       struct sha256_ctx *sum)
{
	struct entry entry;

	hash_name(table, start, sum);
	for (size_t at = start; read_entry(table, at, &entry) && !chain_name(table, at, &entry); at += entry.next) {
		const uint8_t *bytes = (const uint8_t *)table->entries + at;
		const size_t behind = entry.counters + sizeof(struct xt_counters);

		if (!without_ours || !entry_has(table, at, &entry, NULL)) {
			sha256_update(sum, entry.counters, bytes);
			sha256_update(sum, entry.target - behind, bytes + behind);
			hash_target(table, at, &entry, reach, sum);
		}
		if (at == policy)
			break;
	}
}

/* The chain that begins there ends with its policy, if it is a built-in one. */
static size_t policy_of(const struct legacy_table *table, size_t start)
{
	for (size_t hook = 0; hook < LENGTH_OF(table->first); hook++)
		if (table->hooks & (1U << hook) && table->first[hook] == start)
			return table->last[hook];
	return SIZE_MAX;
}

int table_hash(const struct legacy_table *table, bool without_ours, struct sha256_ctx *sum, struct fault *fault)
{
	struct reach reach;
	int rc = reach_begin(&reach, table, fault);

	for (size_t hook = 0; rc == 0 && hook < LENGTH_OF(table->first); hook++)
		if (hook != NF_INET_FORWARD && table->hooks & (1U << hook))
			hash_number(sum, reach_add(&reach, table, table->first[hook]));
	for (size_t i = 0; rc == 0 && i < reach.chains; i++) {
		hash_number(sum, (uint32_t)i + 1);
		hash_chain(table, reach.start[i], policy_of(table, reach.start[i]), without_ours, &reach, sum);
	}
	reach_end(&reach);
	return rc;
}

static int read_all(struct legacy_table *table, int fd, int level, const char *name)
{
	struct ipt_getinfo info = { 0 };
	struct ipt_get_entries *answer;
	socklen_t length = sizeof(info);
	int rc;

	snprintf(info.name, sizeof(info.name), "%s", name);
	if (fd < 0 || getsockopt(fd, level, IPT_SO_GET_INFO, &info, &length) < 0)
		return -1;
	length = (socklen_t)(sizeof(*answer) + info.size);
	answer = calloc(1, length);
	if (!answer)
		return -1;
	snprintf(answer->name, sizeof(answer->name), "%s", name);
	answer->size = info.size;
	rc = getsockopt(fd, level, IPT_SO_GET_ENTRIES, answer, &length);
	memmove(answer, answer->entrytable, info.size); /* so that it begins where free() wants it */
	table->entries = (char *)answer;
	table->size = info.size;
	table->hooks = info.valid_hooks;
	memcpy(table->first, info.hook_entry, sizeof(table->first));
	memcpy(table->last, info.underflow, sizeof(table->last));
	return rc;
}

int table_read(struct legacy_table *table, uint8_t family, const char *name, struct fault *fault)
{
	const bool v4 = family == NFPROTO_IPV4;
	OWN_FD int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(table, 0, sizeof(*table));
	table->family = family;
	if (read_all(table, fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, name) == 0)
		return 0;
	if (errno == EAGAIN)
		return AGAIN;
	return fault_errno(fault, FAULT_FAILED, "reading the table %s of %s", name, v4 ? "iptables-legacy" : "ip6tables-legacy");
}

void table_free(struct legacy_table *table)
{
	free(table->entries);
	memset(table, 0, sizeof(*table));
}
