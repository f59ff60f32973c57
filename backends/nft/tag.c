// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/tag.h"

#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdio.h>
#include <string.h>

void tag_set_name(const char *tag, char name[SET_NAME_SIZE])
{
	snprintf(name, SET_NAME_SIZE, SET_PREFIX "%s", tag + strlen(TAG_PREFIX));
}

bool tag_names_set(const char *name, const char *wanted)
{
	char tag[TAG_SIZE + 1];

	if (strncmp(name, SET_PREFIX, strlen(SET_PREFIX)))
		return false;
	snprintf(tag, sizeof(tag), TAG_PREFIX "%s", name + strlen(SET_PREFIX));
	return opening_is_tag(tag, wanted);
}

/* The expressions of a rule that have this name, one after the other. */
struct search {
	const struct nlattr *attr;
	int left; /* bytes */
	const char *name;
};

static struct search search_for(const char *name, const struct nlattr *expressions)
{
	return (struct search){ expressions ? mnl_attr_get_payload(expressions) : NULL,
				expressions ? mnl_attr_get_payload_len(expressions) : 0, name };
}

/* The attributes of the next one. false: there is none. */
static bool find_next(struct search *search, const struct nlattr **parts, uint16_t most)
{
	while (search->attr && mnl_attr_ok(search->attr, search->left)) {
		const struct nlattr *attr = search->attr, *e[NFTA_EXPR_MAX + 1];

		search->left -= (int)((attr->nla_len + 3U) & ~3U);
		search->attr = mnl_attr_next(attr);
		attrs_of_nest(attr, e, NFTA_EXPR_MAX);
		if (!strcmp(attr_text(e[NFTA_EXPR_NAME]), search->name)) {
			attrs_of_nest(e[NFTA_EXPR_DATA], parts, most);
			return true;
		}
	}
	return false;
}

/* User data is a row of type, length, value with one byte each for the first two, see libnftnl's udata.c. */
static bool find_comment(const struct nlattr *userdata, char tag[TAG_SIZE])
{
	const unsigned char *at = userdata ? mnl_attr_get_payload(userdata) : NULL;
	size_t left = userdata ? mnl_attr_get_payload_len(userdata) : 0;

	while (left >= 2 && left - 2 >= at[1]) {
		if (at[0] == NFTNL_UDATA_RULE_COMMENT && at[1] == TAG_SIZE && at[2 + TAG_SIZE - 1] == '\0' &&
		    opening_is_tag((const char *)at + 2, NULL)) {
			memcpy(tag, at + 2, TAG_SIZE);
			return true;
		}
		left -= (size_t)at[1] + 2;
		at += at[1] + 2;
	}
	return false;
}

/* A comment can be anybody's. But all rules of ours look into the set of their tag, also when they were saved and loaded again. */
bool tag_of_rule(const struct nlattr *userdata, const struct nlattr *expressions, char tag[TAG_SIZE])
{
	struct search lookups = search_for("lookup", expressions);
	const struct nlattr *l[NFTA_LOOKUP_MAX + 1];

	if (!find_comment(userdata, tag))
		return false;
	while (find_next(&lookups, l, NFTA_LOOKUP_MAX))
		if (tag_names_set(attr_text(l[NFTA_LOOKUP_SET]), tag))
			return true;
	return false;
}

/* struct xt_comment_info is nothing but the text, in 256 bytes. */
static bool match_has(const struct nlattr *info, char tag[TAG_SIZE])
{
	if (!info || mnl_attr_get_payload_len(info) < TAG_SIZE)
		return false;
	memcpy(tag, mnl_attr_get_payload(info), TAG_SIZE);
	return tag[TAG_SIZE - 1] == '\0' && opening_is_tag(tag, NULL);
}

bool tag_of_match(const struct nlattr *expressions, const char *wanted, char tag[TAG_SIZE])
{
	struct search matches = search_for("match", expressions);
	const struct nlattr *m[NFTA_MATCH_MAX + 1];
	struct tag_shape shape = { 0 };
	bool found = false;

	while (find_next(&matches, m, NFTA_MATCH_MAX)) {
		tag_add_match(&shape, attr_text(m[NFTA_MATCH_NAME]));
		if (!found && !strcmp(attr_text(m[NFTA_MATCH_NAME]), "comment"))
			found = match_has(m[NFTA_MATCH_INFO], tag);
	}
	return found && opening_is_tag(tag, wanted) && (wanted || tag_is_shape(&shape));
}

bool tag_is_prefix(const struct nlattr *expressions, const char *wanted)
{
	struct search logs = search_for("log", expressions);
	const struct nlattr *l[NFTA_LOG_MAX + 1];

	while (find_next(&logs, l, NFTA_LOG_MAX))
		if (opening_is_tag(attr_text(l[NFTA_LOG_PREFIX]), wanted))
			return true;
	return false;
}

uint64_t tag_packets(const struct nlattr *expressions)
{
	struct search counters = search_for("counter", expressions);
	const struct nlattr *c[NFTA_COUNTER_MAX + 1];

	return find_next(&counters, c, NFTA_COUNTER_MAX) ? attr_u64(c[NFTA_COUNTER_PACKETS], 0) : 0;
}

void tag_count(struct evidence *evidence, uint64_t packets)
{
	evidence->counted = true;
	if (packets > evidence->packets)
		evidence->packets = packets;
}
