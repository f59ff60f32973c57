// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/digest.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/tag.h"

_Static_assert(SURVEY_DIGEST_SIZE == SHA256_DIGEST_SIZE, "the digest is a SHA-256");

struct digest {
	struct sha256_ctx sum;
	unsigned char elements[SURVEY_DIGEST_SIZE]; /* exclusive or over elements: their order depends on a hash table */
	struct messages sets;			    /* messages of the sets: their elements are read afterwards */
};

static void add_text(struct digest *digest, const char *text)
{
	sha256_update(&digest->sum, strlen(text) + 1, (const uint8_t *)text);
}

static void add_attr(struct digest *digest, const struct nlattr *attr)
{
	sha256_update(&digest->sum, attr->nla_len, (const uint8_t *)attr);
}

/* Expressions that count or remember keep their kind in the sum, not their state. */
static void add_expressions(struct digest *digest, const struct nlattr *list)
{
	static const char *const stateful[] = { "counter", "quota", "limit", "last", "connlimit" };
	int left = mnl_attr_get_payload_len(list);

	for (const struct nlattr *attr = mnl_attr_get_payload(list); mnl_attr_ok(attr, left);
	     left -= (int)((attr->nla_len + 3U) & ~3U), attr = mnl_attr_next(attr)) {
		const struct nlattr *e[NFTA_EXPR_MAX + 1];
		bool skip = false;

		attrs_of_nest(attr, e, NFTA_EXPR_MAX);
		add_text(digest, attr_text(e[NFTA_EXPR_NAME]));
		for (size_t i = 0; i < LENGTH_OF(stateful); i++)
			skip = skip || !strcmp(attr_text(e[NFTA_EXPR_NAME]), stateful[i]);
		if (!skip && e[NFTA_EXPR_DATA])
			add_attr(digest, e[NFTA_EXPR_DATA]);
	}
}

/* Adds the attributes up to number most, except those whose bit is set in skip. */
static void add_message(struct digest *digest, const struct nlmsghdr *message, uint16_t most, uint64_t skip)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[32];
	const uint8_t kind[] = { (uint8_t)NFNL_MSG_TYPE(message->nlmsg_type), generic->nfgen_family };

	attrs_of_message(message, attrs, most);
	sha256_update(&digest->sum, sizeof(kind), kind);
	for (unsigned int i = 0; i <= most; i++)
		if (attrs[i] && !(skip >> i & 1))
			add_attr(digest, attrs[i]);
}

#define SKIP(attribute) (UINT64_C(1) << (attribute))

static int visit_table(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	(void)fault;
	add_message(arg, message, NFTA_TABLE_FLAGS, 0);
	return 0;
}

static int visit_chain(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	(void)fault;
	add_message(arg, message, NFTA_CHAIN_TYPE, SKIP(NFTA_CHAIN_USE));
	return 0;
}

static int visit_rule(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_USERDATA + 1];
	char tag[TAG_SIZE];

	(void)fault;
	attrs_of_message(message, attrs, NFTA_RULE_USERDATA);
	if (tag_of_rule(attrs[NFTA_RULE_USERDATA], attrs[NFTA_RULE_EXPRESSIONS], tag))
		return 0;
	add_message(arg, message, NFTA_RULE_USERDATA, SKIP(NFTA_RULE_EXPRESSIONS) | SKIP(NFTA_RULE_POSITION));
	if (attrs[NFTA_RULE_EXPRESSIONS])
		add_expressions(arg, attrs[NFTA_RULE_EXPRESSIONS]);
	return 0;
}

static int visit_set(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_SET_MAX + 1];
	struct digest *digest = arg;

	attrs_of_message(message, attrs, NFTA_SET_MAX);
	if (!strncmp(attr_text(attrs[NFTA_SET_NAME]), SET_PREFIX, strlen(SET_PREFIX)))
		return 0;
	add_message(digest, message, NFTA_SET_HANDLE, SKIP(NFTA_SET_DESC));
	return messages_append(&digest->sets, message, message->nlmsg_len, fault);
}

static int visit_object(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	(void)fault;
	add_message(arg, message, NFTA_OBJ_HANDLE, SKIP(NFTA_OBJ_DATA) | SKIP(NFTA_OBJ_USE));
	return 0;
}

static int visit_flowtable(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	(void)fault;
	add_message(arg, message, NFTA_FLOWTABLE_HANDLE, SKIP(NFTA_FLOWTABLE_USE));
	return 0;
}

static void add_element(struct digest *digest, const struct nlattr *element)
{
	static const uint16_t parts[] = { NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_KEY_END, NFTA_SET_ELEM_DATA, NFTA_SET_ELEM_FLAGS,
					  NFTA_SET_ELEM_OBJREF };
	const struct nlattr *attrs[NFTA_SET_ELEM_MAX + 1];
	struct sha256_ctx sum;
	unsigned char out[SURVEY_DIGEST_SIZE];

	attrs_of_nest(element, attrs, NFTA_SET_ELEM_MAX);
	if (attrs[NFTA_SET_ELEM_TIMEOUT] || attrs[NFTA_SET_ELEM_EXPIRATION])
		return;
	sha256_init(&sum);
	for (size_t i = 0; i < LENGTH_OF(parts); i++)
		if (attrs[parts[i]])
			sha256_update(&sum, attrs[parts[i]]->nla_len, (const uint8_t *)attrs[parts[i]]);
	sha256_digest(&sum, sizeof(out), out);
	for (size_t i = 0; i < sizeof(out); i++)
		digest->elements[i] ^= out[i];
}

static int visit_elements(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_SET_ELEM_LIST_MAX + 1], *list;
	int left;

	(void)fault;
	attrs_of_message(message, attrs, NFTA_SET_ELEM_LIST_MAX);
	list = attrs[NFTA_SET_ELEM_LIST_ELEMENTS];
	left = list ? mnl_attr_get_payload_len(list) : 0;
	for (const struct nlattr *attr = list ? mnl_attr_get_payload(list) : NULL; attr && mnl_attr_ok(attr, left);
	     left -= (int)((attr->nla_len + 3U) & ~3U), attr = mnl_attr_next(attr))
		add_element(arg, attr);
	return 0;
}

/* Elements of a dynamic set come and go with the packets. */
static int add_set_elements(struct digest *digest, struct netlink *netlink, const struct nlmsghdr *set, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_SET_MAX + 1];
	char buffer[1024];
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(set);
	struct nlmsghdr *request;

	attrs_of_message(set, attrs, NFTA_SET_MAX);
	if (attr_u32(attrs[NFTA_SET_FLAGS], 0) & NFT_SET_EVAL)
		return 0;
	request = netlink_about(netlink, buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP, generic->nfgen_family,
				attr_text(attrs[NFTA_SET_TABLE]), attr_text(attrs[NFTA_SET_NAME]), 0);
	memset(digest->elements, 0, sizeof(digest->elements));
	if (netlink_dump(netlink, request, visit_elements, digest, fault) == -1 &&
	    fault->code != ENOENT) /* the set was deleted meanwhile */
		return -1;
	sha256_update(&digest->sum, sizeof(digest->elements), digest->elements);
	return 0;
}

static int read_all(struct digest *digest, struct netlink *netlink, struct fault *fault)
{
	static const struct {
		uint16_t type;
		netlink_visit *visit;
	} dumps[] = {
		{ NFT_MSG_GETTABLE, visit_table }, { NFT_MSG_GETCHAIN, visit_chain }, { NFT_MSG_GETRULE, visit_rule },
		{ NFT_MSG_GETSET, visit_set },	   { NFT_MSG_GETOBJ, visit_object },  { NFT_MSG_GETFLOWTABLE, visit_flowtable },
	};
	char buffer[512];
	const struct nlmsghdr *message;
	int left;

	for (size_t i = 0; i < LENGTH_OF(dumps); i++)
		if (netlink_dump(netlink, netlink_request(netlink, buffer, dumps[i].type), dumps[i].visit, digest, fault) == -1)
			return -1;
	left = (int)digest->sets.used;
	for (message = (const void *)digest->sets.bytes; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		if (add_set_elements(digest, netlink, message, fault) < 0)
			return -1;
	return 0;
}

int digest_read(struct netlink *netlink, unsigned char out[SURVEY_DIGEST_SIZE], uint32_t *generation, struct fault *fault)
{
	struct digest digest;
	uint32_t before = 0;
	int rc;

	memset(&digest, 0, sizeof(digest));
	sha256_init(&digest.sum);
	rc = netlink_generation(netlink, &before, fault);
	if (rc == 0)
		rc = read_all(&digest, netlink, fault);
	if (rc == 0)
		rc = netlink_generation(netlink, generation, fault);
	if (*generation != before)
		*generation = 0;
	sha256_digest(&digest.sum, SURVEY_DIGEST_SIZE, out);
	free(digest.sets.bytes);
	return rc;
}
