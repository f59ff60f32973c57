// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The way from a name to its zone and the servers of that: the input is a byte, and what the servers and resolvers answer, one after another
 * whoever is asked, each with its length in two bytes. They have the number and the question of what was asked, and a good signature if one
 * is due. However they send acmegate-dns about, it comes to an end, and to a zone that the name is in.
 */
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "dns/message.h"

/* The network is the input, and nobody reads what the log says of it. */
static void hush(const char *format, ...)
{
	(void)format;
}
#undef log_warning
#define log_warning hush
#define transport_exchange exchange_of_network
int transport_exchange(const struct server *server, const uint8_t *query, size_t length, uint8_t *reply, size_t *got,
		       struct fault *fault);
#include "dns/transport.c"
#undef transport_exchange
#include "dns/message.c"
#include "dns/refusals.c"
#define count resolver_count /* zone.c has parameters of that name */
#include "dns/resolver.c"
#undef count
#include "dns/zone.c"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "_acme-challenge.example.org"
#define MOST_EXCHANGES 1000

static const uint8_t *input;
static size_t unread, exchanges;

static const struct dns own = { .name = "own",
				.server = "192.0.2.1",
				.key_file = "/key",
				.key_name = "acmegate",
				.algorithm = TSIG_SHA256,
				.secret = "c2VjcmV0LW9mLXRoaXJ0eS10d28tYnl0ZXM=" };

static void sign_reply(const knot_pkt_t *query, uint8_t *reply, size_t *got)
{
	uint8_t mac[DIGEST_MOST];
	size_t size = sizeof(mac);
	knot_tsig_key_t key = { 0 };

	must(knot_tsig_key_init(&key, tsig_algorithms[own.algorithm], own.key_name, own.secret) == KNOT_EOK);
	(void)!knot_tsig_sign(reply, got, MESSAGE_MOST, knot_tsig_rdata_mac(query->tsig_rr),
			      knot_tsig_rdata_mac_length(query->tsig_rr), mac, &size, &key, 0, 0);
	knot_tsig_key_deinit(&key);
}

/* The header and the records of the input, with what belongs to the question. */
static void make_reply(const uint8_t *query, size_t length, const uint8_t *part, size_t size, uint8_t *reply, size_t *got)
{
	uint8_t copy[QUERY_MOST]; /* parsing cuts the signature off */
	knot_pkt_t *packet = knot_pkt_new(memcpy(copy, query, length), (uint16_t)length, NULL);
	size_t question;

	must(packet && knot_pkt_parse(packet, 0) == KNOT_EOK && size >= KNOT_WIRE_HEADER_SIZE);
	question = KNOT_WIRE_HEADER_SIZE + knot_pkt_question_size(packet);
	memcpy(reply, part, KNOT_WIRE_HEADER_SIZE);
	memcpy(reply + KNOT_WIRE_HEADER_SIZE, copy + KNOT_WIRE_HEADER_SIZE, question - KNOT_WIRE_HEADER_SIZE);
	memcpy(reply + question, part + KNOT_WIRE_HEADER_SIZE, size - KNOT_WIRE_HEADER_SIZE);
	*got = question + size - KNOT_WIRE_HEADER_SIZE;
	memcpy(reply, query, 2);
	knot_wire_set_qdcount(reply, 1);
	if (packet->tsig_rr)
		sign_reply(packet, reply, got);
	knot_pkt_free(packet);
}

int transport_exchange(const struct server *server, const uint8_t *query, size_t length, uint8_t *reply, size_t *got,
		       struct fault *fault)
{
	size_t size = unread < 2 ? 0 : (size_t)input[0] << 8 | input[1];

	must(++exchanges < MOST_EXCHANGES);
	if (size > unread - 2 || size < KNOT_WIRE_HEADER_SIZE || size > MESSAGE_MOST / 2) {
		unread = 0;
		return fault_set(fault, FAULT_LATER, "%s: no answer", server->text);
	}
	make_reply(query, length, input + 2, size, reply, got);
	input += size + 2;
	unread -= size + 2;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct server servers[MOST_SERVERS];
	struct target target = { "", "", { .text = "" } };
	struct fault fault = { .kind = FAULT_NONE };
	size_t n = 0;
	int rc;

	if (!size)
		return 0;
	input = data + 1;
	unread = size - 1;
	exchanges = 0;
	resolver_count = data[0] % 2; /* a resolver, or none */
	must(server_parse(&resolvers[0], "192.0.2.53"));
	rc = zone_find(&own, NAME, &target, &fault);
	must(rc == 0 || (fault.kind != FAULT_NONE && fault.text[0]));
	if (rc < 0)
		return 0;
	must(memchr(target.owner, '\0', NAME_SIZE) && memchr(target.zone, '\0', NAME_SIZE) && is_below(target.owner, target.zone));
	must(target.primary.at.plain.sa_family == AF_INET || target.primary.at.plain.sa_family == AF_INET6);
	if (zone_servers(&own, &target, servers, &n, &fault) == 0)
		must(n > 0 && n <= MOST_SERVERS);
	return 0;
}
