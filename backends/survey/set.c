// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/set.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "backends/survey/message.h"

static void index_set(struct nft_set *set, const struct nlmsghdr *message)
{
	const struct nlattr *attrs[NFTA_SET_MAX + 1], *desc[NFTA_SET_DESC_MAX + 1], *field[NFTA_SET_FIELD_MAX + 1], *list, *attr;
	int left;

	attrs_of_message(message, attrs, NFTA_SET_MAX);
	attrs_of_nest(attrs[NFTA_SET_DESC], desc, NFTA_SET_DESC_MAX);
	set->flags = attr_u32(attrs[NFTA_SET_FLAGS], 0);
	list = desc[NFTA_SET_DESC_CONCAT];
	left = list ? mnl_attr_get_payload_len(list) : 0;
	set->fields = 0;
	for (attr = list ? mnl_attr_get_payload(list) : NULL; attr && mnl_attr_ok(attr, left) && set->fields < SET_FIELDS;
	     left -= (int)((attr->nla_len + 3U) & ~3U), attr = mnl_attr_next(attr)) {
		attrs_of_nest(attr, field, NFTA_SET_FIELD_MAX);
		set->field[set->fields++] = attr_u32(field[NFTA_SET_FIELD_LEN], 0);
	}
}

static const struct nlattr *value_of(const struct nlattr *data)
{
	const struct nlattr *a[NFTA_DATA_MAX + 1];

	attrs_of_nest(data, a, NFTA_DATA_MAX);
	return a[NFTA_DATA_VALUE];
}

struct elements {
	struct nft_element *element;
	size_t used, room;
};

static bool index_elements(struct elements *elements, const struct nlmsghdr *message)
{
	const struct nlattr *attrs[NFTA_SET_ELEM_LIST_MAX + 1], *e[NFTA_SET_ELEM_MAX + 1], *list, *attr;
	int left;

	attrs_of_message(message, attrs, NFTA_SET_ELEM_LIST_MAX);
	list = attrs[NFTA_SET_ELEM_LIST_ELEMENTS];
	left = list ? mnl_attr_get_payload_len(list) : 0;
	for (attr = list ? mnl_attr_get_payload(list) : NULL; attr && mnl_attr_ok(attr, left);
	     left -= (int)((attr->nla_len + 3U) & ~3U), attr = mnl_attr_next(attr)) {
		if (elements->used == elements->room) {
			size_t room = (elements->room + 8) * 2;
			struct nft_element *more = realloc(elements->element, room * sizeof(*more));

			if (!more)
				return false;
			elements->element = more;
			elements->room = room;
		}
		attrs_of_nest(attr, e, NFTA_SET_ELEM_MAX);
		elements->element[elements->used++] = (struct nft_element){
			.key = value_of(e[NFTA_SET_ELEM_KEY]),
			.key_end = value_of(e[NFTA_SET_ELEM_KEY_END]),
			.data = e[NFTA_SET_ELEM_DATA],
			.flags = attr_u32(e[NFTA_SET_ELEM_FLAGS], 0),
			.stateful = e[NFTA_SET_ELEM_EXPR] || e[NFTA_SET_ELEM_EXPRESSIONS],
		};
	}
	return true;
}

/* Both messages number the names of set and table alike: NFTA_SET_NAME equals NFTA_SET_ELEM_LIST_SET. */
static bool is_about(const struct nlmsghdr *message, uint8_t family, const char *table, const char *name)
{
	const struct nlattr *attrs[NFTA_SET_NAME + 1];

	attrs_of_message(message, attrs, NFTA_SET_NAME);
	return message_family(message) == family && !strcmp(attr_text(attrs[NFTA_SET_NAME]), name) &&
	       !strcmp(attr_text(attrs[NFTA_SET_TABLE]), table);
}

bool set_read(struct nft_set *set, struct netlink *netlink, uint8_t family, const char *table, const char *name)
{
	static const uint16_t types[] = { NFT_MSG_GETSET, NFT_MSG_GETSETELEM };
	char buffer[1024];
	struct fault fault;

	if (strlen(name) + strlen(table) > sizeof(buffer) / 2)
		return false;
	for (size_t i = 0; i < LENGTH_OF(types); i++)
		if (netlink_dump(netlink, netlink_about(netlink, buffer, types[i], i ? NLM_F_DUMP : 0, family, table, name, 0),
				 messages_take, &set->messages, &fault) == -1)
			return false;
	return true;
}

void set_fill(struct nft_set *set, uint8_t family, const char *table, const char *name)
{
	const struct nlmsghdr *message = (const void *)set->messages.bytes;
	int left = (int)set->messages.used;
	struct elements elements = { .element = calloc(1, sizeof(*set->element)),
				     .room = 1 }; /* element is not NULL for an empty set that was read */
	bool whole = elements.element;

	for (; whole && message_is_whole(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (!is_about(message, family, table, name))
			continue;
		if (NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWSET)
			index_set(set, message);
		if (NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWSETELEM)
			whole = index_elements(&elements, message);
	}
	if (!whole) {
		free(elements.element);
		return;
	}
	set->element = elements.element;
	set->elements = elements.used;
}
