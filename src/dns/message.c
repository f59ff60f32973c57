// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/message.h"

#include <libknot/libknot.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "dns/refusals.h"

#define VALUE_TTL 60	/* seconds; caches forget it soon */
#define QUERY_MOST 2048 /* bytes */
#define DIGEST_MOST 64	/* bytes, of HMAC-SHA512 */
#define NO_MEMORY "not enough memory for a DNS message"

static void own_packet(knot_pkt_t **packet)
{
	if (*packet)
		knot_pkt_free(*packet);
}
#define OWN_PACKET __attribute__((cleanup(own_packet)))

static void own_key(knot_tsig_key_t *key)
{
	knot_tsig_key_deinit(key);
}
#define OWN_KEY __attribute__((cleanup(own_key)))

/* The signature of a question, which that of the answer is made with. */
struct signature {
	uint8_t digest[DIGEST_MOST];
	size_t length;
};

/* --- questions ---------------------------------------------------------------------------------------------------- */

static knot_pkt_t *begin(uint16_t opcode, const char *name, uint16_t type, bool recursive)
{
	uint8_t wire[KNOT_DNAME_MAXLEN];
	knot_pkt_t *packet = NULL;
	uint16_t id = 0;

	if (knot_dname_from_str(wire, name[0] ? name : ".", sizeof(wire)))
		packet = knot_pkt_new(NULL, QUERY_MOST, NULL);
	if (!packet)
		return NULL;
	(void)!getrandom(&id, sizeof(id), 0);
	knot_wire_set_id(packet->wire, id);
	knot_wire_set_opcode(packet->wire, (uint8_t)opcode);
	if (recursive)
		knot_wire_set_rd(packet->wire);
	if (knot_pkt_put_question(packet, wire, KNOT_CLASS_IN, type) == KNOT_EOK)
		return packet;
	knot_pkt_free(packet);
	return NULL;
}

static int sign(knot_pkt_t *packet, const struct dns *dns, knot_tsig_key_t *key, struct signature *signature, struct fault *fault)
{
	if (!dns)
		return 0;
	if (knot_tsig_key_init(key, tsig_algorithms[dns->algorithm], dns->key_name, dns->secret) != KNOT_EOK)
		return fault_set(fault, FAULT_USAGE, "the key in %s cannot be used", dns->key_file);
	signature->length = sizeof(signature->digest);
	if (knot_tsig_sign(packet->wire, &packet->size, packet->max_size, NULL, 0, signature->digest, &signature->length, key, 0,
			   0) != KNOT_EOK)
		return fault_set(fault, FAULT_FAILED, "signing a message with the key %s failed", dns->key_name);
	return 0;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static uint64_t their_time(const knot_rrset_t *tsig)
{
	const uint8_t *data = knot_tsig_rdata_other_data(tsig);
	uint64_t seconds = 0;

	for (int i = 0; i < 6 && knot_tsig_rdata_other_data_length(tsig) == 6; i++)
		seconds = seconds << 8 | data[i];
	return seconds;
}

/* The order of RFC 8945, 5.4: key and algorithm, signature, time. libknot keeps it, and compares in constant time. */
static int check_signature(knot_pkt_t *packet, const knot_tsig_key_t *key, const struct signature *signature, struct refusal *refusal)
{
	const knot_rrset_t *tsig = packet->tsig_rr;
	int rc;

	refusal->rcode = (enum rcode)knot_wire_get_rcode(packet->wire);
	if (!tsig) {
		refusal->credence = SIGNATURE_MISSING;
		return -1;
	}
	refusal->tsig_error = knot_tsig_rdata_error(tsig);
	refusal->their_time = their_time(tsig);
	rc = knot_tsig_client_check(tsig, packet->wire, packet->size, signature->digest, signature->length, key, 0);
	refusal->credence = rc == KNOT_EOK	      ? SIGNATURE_GOOD :
			    rc == KNOT_TSIG_EBADKEY   ? SIGNATURE_OF_ANOTHER :
			    rc == KNOT_TSIG_EBADTIME  ? SIGNATURE_OLD :
			    rc == KNOT_TSIG_EBADTRUNC ? SIGNATURE_CUT :
							SIGNATURE_BAD;
	return refusal->credence == SIGNATURE_GOOD && !refusal->tsig_error ? 0 : -1;
}

/* Is it an answer to this question? */
static bool belongs(const knot_pkt_t *query, const knot_pkt_t *reply)
{
	return knot_wire_get_qr(reply->wire) && knot_wire_get_opcode(reply->wire) == knot_wire_get_opcode(query->wire) &&
	       (knot_wire_get_qdcount(reply->wire) == 0 || (knot_dname_is_case_equal(knot_pkt_qname(reply), knot_pkt_qname(query)) &&
							    knot_pkt_qtype(reply) == knot_pkt_qtype(query)));
}

/* false: it does not end where its data do (libknot lets records without any data pass), or is longer than any name that we can have. */
static bool take_name(char name[NAME_SIZE], const uint8_t *wire, size_t most)
{
	uint8_t lower[KNOT_DNAME_MAXLEN];
	char text[KNOT_DNAME_TXT_MAXLEN + 1];
	size_t length;

	if (knot_dname_wire_check(wire, wire + most, NULL) <= 0 || knot_dname_to_wire(lower, wire, sizeof(lower)) < 0)
		return false;
	knot_dname_to_lower(lower);
	if (!knot_dname_to_str(text, lower, sizeof(text)))
		return false;
	length = strlen(text);
	length -= length && text[length - 1] == '.';
	if (length >= NAME_SIZE)
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	return true;
}

/* One string, or several that belong together (RFC 7208, 3.3). */
static void take_text(char *text, size_t size, const uint8_t *data, size_t length)
{
	size_t used = 0;

	while (length && (size_t)data[0] + 1 <= length) {
		size_t part = data[0];

		if (used + part >= size || memchr(data + 1, 0, part)) {
			used = 0;
			break;
		}
		memcpy(text + used, data + 1, part);
		used += part;
		data += part + 1;
		length -= part + 1;
	}
	text[used] = '\0';
}

/* The seconds that caches may remember what is not there (RFC 2308, 5). */
static uint32_t negative_ttl(const knot_rrset_t *set, const knot_rdata_t *data)
{
	const uint32_t minimum = knot_soa_minimum(data);

	return minimum < set->ttl ? minimum : set->ttl;
}

static void take_record(struct answer *answer, enum part part, const knot_rrset_t *set, const knot_rdata_t *data)
{
	struct item *item = &answer->item[answer->items];

	*item = (struct item){ .part = part, .type = (enum type)set->type };
	if (!take_name(item->owner, set->owner, KNOT_DNAME_MAXLEN))
		return;
	if (set->type == TYPE_A && data->len == 4)
		memcpy(item->address, data->data, 4);
	else if (set->type == TYPE_AAAA && data->len == 16)
		memcpy(item->address, data->data, 16);
	else if (set->type == TYPE_TXT)
		take_text(item->text, sizeof(item->text), data->data, data->len);
	else if ((set->type != TYPE_CNAME && set->type != TYPE_DNAME && set->type != TYPE_NS && set->type != TYPE_SOA) ||
		 !take_name(item->target, data->data, data->len))
		return;
	if (set->type == TYPE_SOA) {
		item->negative = negative_ttl(set, data);
		item->serial = knot_soa_serial(data);
	}
	if (set->type == TYPE_TXT && part == PART_ANSWER && answer->texts && answer->texts->number < PERSIST_RECORDS)
		take_text(answer->texts->text[answer->texts->number++], PERSIST_TEXT_SIZE, data->data, data->len);
	answer->items++;
}

/* false: there are more than there is room for. */
static bool take_items(struct answer *answer, const knot_pkt_t *packet)
{
	static const knot_section_t sections[PARTS] = { KNOT_ANSWER, KNOT_AUTHORITY, KNOT_ADDITIONAL };

	answer->items = 0;
	for (int part = 0; part < PARTS; part++) {
		const knot_pktsection_t *section = knot_pkt_section(packet, sections[part]);

		for (uint16_t i = 0; i < section->count; i++) {
			const knot_rrset_t *set = knot_pkt_rr(section, i);
			knot_rdata_t *data = set->rrs.rdata;

			for (uint16_t k = 0; k < set->rrs.count; k++, data = knot_rdataset_next(data)) {
				if (answer->items == MOST_ITEMS)
					return false;
				take_record(answer, (enum part)part, set, data);
			}
		}
	}
	return true;
}

/* Sends a message and takes the answer. NULL: the fault says why there is none to be believed. */
static int exchange(const struct server *server, const struct dns *dns, knot_pkt_t *query, const char *what, const char *types,
		    struct answer *answer, struct fault *fault)
{
	static uint8_t bytes[MESSAGE_MOST];
	OWN_KEY knot_tsig_key_t key = { 0 };
	OWN_PACKET knot_pkt_t *reply = NULL;
	struct signature signature;
	struct refusal refusal = { .server = server, .dns = dns, .what = what, .types = types };
	size_t length;
	int rc;

	if (sign(query, dns, &key, &signature, fault) < 0 ||
	    transport_exchange(server, query->wire, query->size, bytes, &length, fault) < 0)
		return -1;
	reply = knot_pkt_new(bytes, (uint16_t)length, NULL);
	if (!reply)
		return fault_set(fault, FAULT_LATER, NO_MEMORY);
	rc = knot_pkt_parse(reply, 0);
	if (rc != KNOT_EOK || !belongs(query, reply))
		return fault_set(fault, FAULT_LATER, "%s: what it sends is no answer to the question", server->text);
	if (!dns && knot_wire_get_id(reply->wire) != knot_wire_get_id(query->wire))
		return fault_set(fault, FAULT_LATER, "%s: an answer to another question", server->text);
	if (dns && check_signature(reply, &key, &signature, &refusal) < 0)
		return refusal_explain(&refusal, fault);
	if (knot_wire_get_tc(reply->wire))
		return fault_set(fault, FAULT_LATER, "%s: it cuts its answer off, over TCP too", server->text);
	answer->rcode = (enum rcode)knot_wire_get_rcode(reply->wire);
	answer->authoritative = knot_wire_get_aa(reply->wire) != 0;
	return take_items(answer, reply) ?
		       0 :
		       fault_set(fault, FAULT_LATER, "%s: an answer of more than %d records", server->text, MOST_ITEMS);
}

int message_ask(const struct server *server, const struct dns *dns, const char *name, enum type type, bool recursive,
		struct answer *answer, struct fault *fault)
{
	OWN_PACKET knot_pkt_t *query = begin(KNOT_OPCODE_QUERY, name, (uint16_t)type, recursive);

	if (!query)
		return fault_set(fault, FAULT_LATER, NO_MEMORY);
	return exchange(server, dns, query, name, "TXT", answer, fault);
}

/* Of one record: a class says whether it comes or goes (RFC 2136, 2.5). */
static int put_change(knot_pkt_t *packet, const uint8_t *owner, const struct change *change)
{
	knot_rrset_t *set = knot_rrset_new(owner, (uint16_t)change->type, change->add ? KNOT_CLASS_IN : KNOT_CLASS_NONE,
					   change->add ? change->ttl : 0, NULL);
	int rc = KNOT_ENOMEM;

	if (!set)
		return -1;
	rc = knot_rrset_add_rdata(set, change->data, change->length, NULL);
	if (rc == KNOT_EOK)
		rc = knot_pkt_put(packet, KNOT_COMPR_HINT_NONE, set, 0);
	knot_rrset_free(set, NULL);
	return rc == KNOT_EOK ? 0 : -1;
}

static int put_changes(knot_pkt_t *packet, const char *name, const struct change *change, size_t changes)
{
	uint8_t owner[KNOT_DNAME_MAXLEN];

	if (!knot_dname_from_str(owner, name, sizeof(owner)) || knot_pkt_begin(packet, KNOT_ANSWER) != KNOT_EOK ||
	    knot_pkt_begin(packet, KNOT_AUTHORITY) != KNOT_EOK)
		return -1;
	for (size_t i = 0; i < changes; i++)
		if (put_change(packet, owner, &change[i]) < 0)
			return -1;
	return 0;
}

int message_change(const struct server *server, const struct dns *dns, const char *zone, const char *name,
		   const struct change *change, size_t changes, struct fault *fault)
{
	static struct answer reply;
	OWN_PACKET knot_pkt_t *packet = begin(KNOT_OPCODE_UPDATE, zone, TYPE_SOA, false);
	const char *types = changes && change->type != TYPE_TXT ? "A and AAAA" : "TXT";
	struct refusal refusal = { .server = server, .dns = dns, .what = name, .zone = zone, .types = types };

	if (!packet || put_changes(packet, name, change, changes) < 0)
		return fault_set(fault, FAULT_LATER, NO_MEMORY);
	if (exchange(server, dns, packet, name, types, &reply, fault) < 0)
		return -1;
	if (reply.rcode == RCODE_NOERROR)
		return 0;
	refusal.rcode = reply.rcode;
	refusal.credence = SIGNATURE_GOOD;
	return refusal_explain(&refusal, fault);
}

int message_update(const struct server *server, const struct dns *dns, const char *zone, const char *name, const char *value,
		   bool add, struct fault *fault)
{
	const size_t length = strlen(value);
	uint8_t data[VALUE_SIZE];
	const struct change change = { .type = TYPE_TXT, .add = add, .ttl = VALUE_TTL, .length = (uint16_t)(length + 1), .data = data };

	if (length >= VALUE_SIZE)
		return fault_set(fault, FAULT_FAILED, "%s: a value of %zu characters is too long", name, length);
	data[0] = (uint8_t)length;
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): its length is before it */
	memcpy(data + 1, value, length);
	return message_change(server, dns, zone, name, &change, 1, fault);
}

const struct item *message_find(const struct answer *answer, enum part part, enum type type, const char *owner, size_t *i)
{
	for (; *i < answer->items; ++*i) {
		const struct item *item = &answer->item[*i];

		if (item->part == part && item->type == type && (!owner || !strcmp(item->owner, owner))) {
			++*i;
			return item;
		}
	}
	return NULL;
}

bool message_gives(const struct answer *answer, const char *owner, const char *text)
{
	const struct item *item;
	size_t i = 0;

	while ((item = message_find(answer, PART_ANSWER, TYPE_TXT, owner, &i)))
		if (!strcmp(item->text, text))
			return true;
	return false;
}
