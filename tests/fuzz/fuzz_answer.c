// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a name server answers acmegate-dns. The input is a byte that says what was asked, and the message. With one bit of that byte the
 * message gets a good signature first, so that what a server with the key can say is seen too.
 */
#include <stdint.h>
#include <string.h>

/* The answer, instead of the network's. */
#include "dns/message.c"
#include "dns/refusals.c"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIGNED = 1, GOOD = 2, UPDATE = 4 };

static const uint8_t *input;
static size_t left;
static bool good;

static const struct dns own = { .name = "own",
				.key_file = "/key",
				.key_name = "acmegate",
				.algorithm = TSIG_SHA256,
				.secret = "c2VjcmV0LW9mLXRoaXJ0eS10d28tYnl0ZXM=" };

/* As a server with the key would. */
static void sign_reply(const uint8_t *query, size_t length, uint8_t *reply, size_t *got)
{
	uint8_t mac[DIGEST_MOST], copy[QUERY_MOST]; /* parsing cuts the signature off */
	size_t size = sizeof(mac);
	knot_pkt_t *packet = knot_pkt_new(memcpy(copy, query, length), (uint16_t)length, NULL);
	knot_tsig_key_t key = { 0 };

	must(packet && knot_tsig_key_init(&key, tsig_algorithms[own.algorithm], own.key_name, own.secret) == KNOT_EOK);
	if (knot_pkt_parse(packet, 0) == KNOT_EOK && packet->tsig_rr && *got >= KNOT_WIRE_HEADER_SIZE)
		(void)!knot_tsig_sign(reply, got, MESSAGE_MOST, knot_tsig_rdata_mac(packet->tsig_rr),
				      knot_tsig_rdata_mac_length(packet->tsig_rr), mac, &size, &key, 0, 0);
	knot_tsig_key_deinit(&key);
	knot_pkt_free(packet);
}

int transport_exchange(const struct server *server, const uint8_t *query, size_t length, uint8_t *reply, size_t *got,
		       struct fault *fault)
{
	(void)server;
	(void)fault;
	*got = left < MESSAGE_MOST ? left : MESSAGE_MOST;
	memcpy(reply, input, *got);
	if (good && *got >= 2)
		memcpy(reply, query, 2);
	if (good && *got <= MESSAGE_MOST - 256)
		sign_reply(query, length, reply, got);
	return 0;
}

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static void look_at(const struct answer *answer)
{
	must(answer->items <= MOST_ITEMS);
	for (size_t i = 0; i < answer->items; i++) {
		const struct item *item = &answer->item[i];
		size_t at = i;

		must(item->part < PARTS && is_text(item->owner, NAME_SIZE) && is_text(item->target, NAME_SIZE));
		must(is_text(item->text, VALUE_SIZE) && (item->type == TYPE_TXT || !item->text[0]));
		must(message_find(answer, item->part, item->type, item->owner, &at) == item && at == i + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answer answer;
	const struct server server = { .text = "192.0.2.1" };
	struct fault fault = { .kind = FAULT_NONE };
	int rc;

	if (!size)
		return 0;
	input = data + 1;
	left = size - 1;
	good = data[0] & GOOD;
	answer.items = 0;
	if (data[0] & UPDATE)
		rc = message_update(&server, &own, "example.org", "_acme-challenge.example.org", "value", true, &fault);
	else
		rc = message_ask(&server, data[0] & SIGNED ? &own : NULL, "_acme-challenge.example.org", TYPE_TXT, false, &answer,
				 &fault);
	must(rc == (fault.kind == FAULT_NONE ? 0 : -1) && (rc == 0 || (fault.text[0] && is_text(fault.text, sizeof(fault.text)))));
	must(rc < 0 || !(data[0] & (SIGNED | UPDATE)) || good);
	if (rc == 0)
		look_at(&answer);
	return 0;
}
