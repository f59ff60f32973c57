// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/set.h"

#include <arpa/inet.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "backends/nft/tag.h"
#include "base/seam.h"

#define TYPE_INET_SERVICE 13 /* nft's number for the key; another one makes the administrator's dump unreadable */
#define TYPE_IPV4_ADDR 7
#define TYPE_IPV6_ADDR 8

static void free_set(struct nftnl_set **set)
{
	if (*set)
		nftnl_set_free(*set);
}

#define OWN_SET __attribute__((cleanup(free_set)))

static int add_element(struct nftnl_set *set, uint16_t port, uint64_t milliseconds)
{
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();

	if (!element)
		return -1;
	nftnl_set_elem_add(set, element);
	if (milliseconds)
		nftnl_set_elem_set_u64(element, NFTNL_SET_ELEM_TIMEOUT, milliseconds);
	return nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, (uint16_t[]){ htons(port) }, sizeof(port));
}

static void add_elements(struct batch *batch, uint16_t type, uint8_t family, struct nftnl_set *set)
{
	struct nlmsghdr *message = nftnl_nlmsg_build_hdr(batch_next(batch), type, family, NLM_F_CREATE, ++batch->netlink->sequence);

	nftnl_set_elems_nlmsg_build_payload(message, set);
	batch_add(batch);
}

/*
 * A rule that is put back finds its set still there, with an element whose time runs. Kernels before 6.12 ignore the new time of an
 * element that is added again, in silence: delete and add it in the same batch.
 */
int set_add(struct batch *batch, uint8_t family, const char *table, const struct opening *opening, bool timed, struct fault *fault)
{
	OWN_SET struct nftnl_set *set = nftnl_set_alloc();
	uint64_t milliseconds = timed ? opening->seconds * UINT64_C(1000) : 0;
	char name[SET_NAME_SIZE];
	struct nlmsghdr *message;

	if (!set)
		return batch_no_memory(fault);
	tag_set_name(opening->tag, name);
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, family);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, (timed ? NFT_SET_TIMEOUT : 0) | (timed && seam("no-timeout") ? 1U << 31 : 0));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, TYPE_INET_SERVICE);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, sizeof(opening->port));
	nftnl_set_set_u32(set, NFTNL_SET_ID, SET_ID);
	if (nftnl_set_set_str(set, NFTNL_SET_TABLE, table) < 0 || nftnl_set_set_str(set, NFTNL_SET_NAME, name) < 0 ||
	    add_element(set, opening->port, milliseconds) < 0 ||
	    (opening->target != opening->port && add_element(set, opening->target, milliseconds) < 0))
		return batch_no_memory(fault);
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWSET, family, NLM_F_CREATE, ++batch->netlink->sequence);
	nftnl_set_nlmsg_build_payload(message, set);
	batch_add(batch);
	add_elements(batch, NFT_MSG_NEWSETELEM, family, set);
	add_elements(batch, NFT_MSG_DELSETELEM, family, set);
	add_elements(batch, NFT_MSG_NEWSETELEM, family, set);
	return 0;
}

int set_add_addresses(struct batch *batch, uint8_t family, const char *table, const struct addresses *addresses, uint32_t id)
{
	OWN_SET struct nftnl_set *set = nftnl_set_alloc();
	struct nlmsghdr *message;

	if (!set || nftnl_set_set_str(set, NFTNL_SET_TABLE, table) < 0 || nftnl_set_set_str(set, NFTNL_SET_NAME, ANONYMOUS) < 0)
		return -1;
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, family);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, addresses->bytes == 4 ? TYPE_IPV4_ADDR : TYPE_IPV6_ADDR);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, (uint32_t)addresses->bytes);
	nftnl_set_set_u32(set, NFTNL_SET_ID, id);
	for (size_t i = 0; i < addresses->count; i++) {
		struct nftnl_set_elem *element = nftnl_set_elem_alloc();

		if (!element)
			return -1;
		nftnl_set_elem_add(set, element);
		if (nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, addresses->address[i], (uint32_t)addresses->bytes) < 0)
			return -1;
	}
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWSET, family, NLM_F_CREATE, ++batch->netlink->sequence);
	nftnl_set_nlmsg_build_payload(message, set);
	batch_add(batch);
	add_elements(batch, NFT_MSG_NEWSETELEM, family, set);
	return 0;
}

void set_print_elements(struct text *text, const struct opening *opening, uint16_t target, bool timed)
{
	const uint16_t ports[] = { opening->port, target };

	text_print(text, " type inet_service; %selements = {", timed ? "flags timeout; " : "");
	for (size_t i = 0; i < (ports[0] == ports[1] ? 1 : LENGTH_OF(ports)); i++) {
		text_print(text, "%s %u", i ? "," : "", ports[i]);
		if (timed)
			text_print(text, " timeout %us", opening->seconds);
	}
	text_print(text, " };");
}

void set_print(char *line, size_t size, uint8_t family, const char *table, const struct opening *opening, bool timed)
{
	struct text text = { line, size, 0 };
	char name[SET_NAME_SIZE];

	tag_set_name(opening->tag, name);
	text_print(&text, "nft 'add set %s %s %s {", nft_family(family), table, name);
	set_print_elements(&text, opening, opening->target, timed);
	text_print(&text, " }'");
}
