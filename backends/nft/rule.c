// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/rule.h"

#include <arpa/inet.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <time.h>

#include "backends/nft/step.h"
#include "backends/nft/set.h"

static int set_comment(struct nftnl_rule *rule, const char *tag)
{
	struct nftnl_udata_buf *userdata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	int rc;

	if (!userdata)
		return -1;
	rc = nftnl_udata_put_strz(userdata, NFTNL_UDATA_RULE_COMMENT, tag) ? 0 : -1;
	if (rc == 0)
		rc = nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(userdata), nftnl_udata_buf_len(userdata));
	nftnl_udata_buf_free(userdata);
	return rc;
}

struct nftnl_rule *rule_name(const char *table, const char *chain)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule ||
	    (nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table) == 0 && nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain) == 0))
		return rule;
	nftnl_rule_free(rule);
	return NULL;
}

void rule_insert(struct batch *batch, uint8_t family, struct nftnl_rule *rule, uint64_t before)
{
	const uint16_t how = (uint16_t)(NLM_F_CREATE | NLM_F_ECHO | (before ? 0 : NLM_F_APPEND));

	if (before)
		nftnl_rule_set_u64(rule, NFTNL_RULE_POSITION, before);
	nftnl_rule_nlmsg_build_payload(nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWRULE, family, how,
							     ++batch->netlink->sequence),
				       rule);
	batch_add(batch);
}

/* A rule that is made (batch and rule) or printed (line). */
struct draft {
	const struct spot *spot;
	const struct opening *opening;
	const struct rule_make *make;
	uint8_t protocol; /* NFPROTO_IPV4, NFPROTO_IPV6; NFPROTO_UNSPEC: both */
	struct batch *batch;
	struct nftnl_rule *rule;
	struct text text;
};

static bool lists_addresses(const struct spot *spot, const struct rule_make *make)
{
	return spot->bound == BOUND_BY_ADDRESS || (spot->bound == BOUND_BY_FIB && !make->routed);
}

static void find_addresses(struct addresses *found, uint8_t protocol, const struct opening *opening, const struct rule_make *make)
{
	const bool v4 = protocol == NFPROTO_IPV4;
	const uint32_t names = v4 ? opening->addresses4 : opening->addresses6;

	*found = (struct addresses){ .bytes = v4 ? 4 : 16 };
	for (uint32_t i = 0; i < names && i < OPENING_ADDRESSES; i++)
		found->address[found->count++] = v4 ? opening->address4[i] : opening->address6[i];
	for (size_t i = 0; !names && make->host && i < make->host->addresses; i++) {
		if (make->host->address[i].family != protocol)
			continue;
		found->too_many = found->too_many || found->count == MOST_ADDRESSES;
		if (!found->too_many)
			found->address[found->count++] = make->host->address[i].bytes;
	}
}

static bool has_too_many(const struct draft *draft)
{
	struct addresses addresses = { 0 };

	if (draft->protocol != NFPROTO_UNSPEC)
		find_addresses(&addresses, draft->protocol, draft->opening, draft->make);
	return addresses.too_many;
}

static bool needs_fib(const struct draft *draft)
{
	return draft->spot->bound == BOUND_BY_FIB && draft->make->routed;
}

static int add_fib(struct draft *draft)
{
	return step_fib(draft->rule, draft->spot->leaving);
}

static void print_fib(struct draft *draft)
{
	text_print(&draft->text, " fib %s type local", draft->spot->leaving ? "saddr" : "daddr");
}

static bool needs_addresses(const struct draft *draft)
{
	return draft->protocol != NFPROTO_UNSPEC;
}

/* ip daddr { ... }, ip6 saddr { ... } */
static int add_addresses(struct draft *draft)
{
	const uint32_t id = draft->batch->netlink->sequence + SET_ID + 1;
	struct addresses addresses;

	find_addresses(&addresses, draft->protocol, draft->opening, draft->make);
	if (set_add_addresses(draft->batch, draft->spot->family, draft->spot->table, &addresses, id) < 0)
		return -1;
	return step_address(draft->rule, draft->protocol == NFPROTO_IPV4, draft->spot->leaving, ANONYMOUS, id);
}

static void print_addresses(struct draft *draft)
{
	const bool v4 = draft->protocol == NFPROTO_IPV4;
	struct addresses addresses;
	char text[INET6_ADDRSTRLEN];

	find_addresses(&addresses, draft->protocol, draft->opening, draft->make);
	text_print(&draft->text, " %s %s {", v4 ? "ip" : "ip6", draft->spot->leaving ? "saddr" : "daddr");
	for (size_t i = 0; i < addresses.count; i++)
		text_print(&draft->text, "%s %s", i ? "," : "",
			   inet_ntop(v4 ? AF_INET : AF_INET6, addresses.address[i], text, sizeof(text)));
	text_print(&draft->text, " }");
}

static int add_look_up(struct draft *draft)
{
	char name[SET_NAME_SIZE];

	tag_set_name(draft->opening->tag, name);
	return step_tcp(draft->rule) < 0 ? -1 : step_port(draft->rule, name, draft->spot->leaving);
}

static void print_look_up(struct draft *draft)
{
	char name[SET_NAME_SIZE];

	tag_set_name(draft->opening->tag, name);
	text_print(&draft->text, " tcp %s @%s", draft->spot->leaving ? "sport" : "dport", name);
}

/* At ingress, in a bridge and on the way out the kernel knows no socket. */
static bool needs_socket(const struct draft *draft)
{
	return draft->make->bound && draft->spot->bindable && !draft->spot->leaving;
}

static int add_socket(struct draft *draft)
{
	return step_socket(draft->rule);
}

static void print_socket(struct draft *draft)
{
	text_print(&draft->text, " socket transparent 1");
}

static bool needs_answer(const struct draft *draft)
{
	return draft->spot->leaving;
}

static int add_answer(struct draft *draft)
{
	return step_answer(draft->rule);
}

static void print_answer(struct draft *draft)
{
	text_print(&draft->text, " tcp flags & (fin | syn | rst | ack) != syn");
}

static bool needs_time(const struct draft *draft)
{
	return draft->make->dated;
}

static int add_time(struct draft *draft)
{
	return step_time(draft->rule, draft->make->from, draft->make->until);
}

static void print_time(struct draft *draft)
{
	const time_t times[] = { (time_t)draft->make->from, (time_t)draft->make->until };

	for (size_t i = 0; i < LENGTH_OF(times); i++) {
		char text[32] = "";
		struct tm broken;

		if (localtime_r(&times[i], &broken))
			strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &broken);
		text_print(&draft->text, "%s\"%s\"", i ? "-" : " meta time ", text);
	}
}

static int add_counter(struct draft *draft)
{
	return step_counter(draft->rule);
}

static void print_counter(struct draft *draft)
{
	text_print(&draft->text, " counter");
}

static int add_verdict(struct draft *draft)
{
	return step_verdict(draft->rule, draft->spot->returns);
}

static void print_verdict(struct draft *draft)
{
	text_print(&draft->text, draft->spot->returns ? " return" : " accept");
}

/* In this order. The cheap ones, which most packets fail, come first; what is for this host is asked of the few that are left. */
static const struct {
	bool (*needed)(const struct draft *draft); /* NULL: always */
	int (*add)(struct draft *draft);
	void (*print)(struct draft *draft);
} parts[] = {
	{ NULL, add_look_up, print_look_up },	    { needs_answer, add_answer, print_answer },
	{ needs_fib, add_fib, print_fib },	    { needs_addresses, add_addresses, print_addresses },
	{ needs_socket, add_socket, print_socket }, { needs_time, add_time, print_time },
	{ NULL, add_counter, print_counter },	    { NULL, add_verdict, print_verdict },
};

/* The protocols that a spot has a rule for, each one. */
static size_t find_protocols(uint8_t protocols[2], const struct spot *spot, const struct opening *opening,
			     const struct rule_make *make)
{
	static const uint8_t both[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	size_t count = 0;

	protocols[0] = NFPROTO_UNSPEC;
	if (!lists_addresses(spot, make))
		return 1;
	for (size_t i = 0; i < LENGTH_OF(both); i++) {
		bool other = (spot->family == NFPROTO_IPV4 || spot->family == NFPROTO_IPV6) && spot->family != both[i];
		struct addresses addresses;

		find_addresses(&addresses, both[i], opening, make);
		if (!other && addresses.count)
			protocols[count++] = both[i];
	}
	return count;
}

size_t rule_count(const struct spot *spot, const struct opening *opening, const struct rule_make *make)
{
	uint8_t protocols[2];

	return find_protocols(protocols, spot, opening, make);
}

static int add_one(struct draft *draft)
{
	for (size_t i = 0; i < LENGTH_OF(parts); i++)
		if ((!parts[i].needed || parts[i].needed(draft)) && parts[i].add(draft) < 0)
			return -1;
	rule_insert(draft->batch, draft->spot->family, draft->rule, draft->spot->before);
	return 0;
}

int rule_add(struct batch *batch, const struct spot *spot, const struct opening *opening, const struct rule_make *make,
	     struct fault *fault)
{
	uint8_t protocols[2];
	size_t count = find_protocols(protocols, spot, opening, make);

	for (size_t i = 0; i < count; i++) {
		OWN_RULE struct nftnl_rule *rule = spot->handle[i] ? NULL : rule_name(spot->table, spot->chain);
		struct draft draft = {
			.spot = spot, .opening = opening, .make = make, .protocol = protocols[i], .batch = batch, .rule = rule
		};

		if (spot->handle[i])
			continue;
		if (has_too_many(&draft))
			return fault_set(fault, FAULT_FAILED,
					 "a rule in the chain %s %s would have to list more than %d addresses of this host",
					 spot->table, spot->chain, MOST_ADDRESSES);
		if (!rule || set_comment(rule, opening->tag) < 0 || add_one(&draft) < 0)
			return batch_no_memory(fault);
	}
	return 0;
}

void rule_print(char *line, size_t size, const struct spot *spot, const struct opening *opening, const struct rule_make *make,
		size_t which)
{
	uint8_t protocols[2];
	struct draft draft = { .spot = spot, .opening = opening, .make = make, .text = { line, size, 0 } };

	if (which < find_protocols(protocols, spot, opening, make))
		draft.protocol = protocols[which];
	text_print(&draft.text, "nft '%s rule %s %s %s", spot->before ? "insert" : "add", nft_family(spot->family), spot->table,
		   spot->chain);
	if (spot->before)
		text_print(&draft.text, " position %llu", (unsigned long long)spot->before);
	for (size_t i = 0; i < LENGTH_OF(parts); i++)
		if (!parts[i].needed || parts[i].needed(&draft))
			parts[i].print(&draft);
	text_print(&draft.text, " comment \"%s\"'", opening->tag);
}
