// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/dns.h"
#include "base/reply.h"

#define HEADER offsetof(struct record, data)

static struct fault fault;
static struct record record, sent;
static int ends[2];

/* The length of each verb's data, written down a second time. */
static const struct {
	enum verb verb;
	uint32_t least, most;
} bounds[] = {
	{ VERB_POLICY, 48, 48 },
	{ VERB_COMMAND, 1, COMMAND_SIZE - 1 },
	{ VERB_CLAIM, 0, 0 },
	{ VERB_PLAN, 0, 0 },
	{ VERB_TRY_LISTENING, 0, 0 },
	{ VERB_EXPLAIN, 0, 0 },
	{ VERB_READ, 0, 0 },
	{ VERB_PREPARE, sizeof(struct whereabouts), sizeof(struct whereabouts) },
	{ VERB_LET_IN, 0, 0 },
	{ VERB_SHUT, 0, 0 },
	{ VERB_PREPARED, 0, 0 },
	{ VERB_CLEARED, 0, 0 },
	{ VERB_OVERTIME, 0, 0 },
	{ VERB_OCCUPIED, 0, FAULT_TEXT_SIZE },
	{ VERB_RENEWAL, sizeof(struct renewal), sizeof(struct renewal) },
	{ VERB_WORK, sizeof(struct work), sizeof(struct work) },
	{ VERB_OPEN, sizeof(struct whereabouts), sizeof(struct whereabouts) },
	{ VERB_CLOSE, 0, 0 },
	{ VERB_OPENED, 0, 0 },
	{ VERB_CLOSED, sizeof(struct closed), sizeof(struct closed) },
	{ VERB_REFUSED, 0, FAULT_TEXT_SIZE },
	{ VERB_ACCOUNT, 0, 0 },
	{ VERB_ACCOUNT_URL, 1, URL_SIZE - 1 },
	{ VERB_SIGN, sizeof(struct draft), WIRE_DATA },
	{ VERB_SIGN_EAB, 1, URL_SIZE - 1 },
	{ VERB_CSR, 0, 0 },
	{ VERB_PREFERS, 1, CHAIN_SIZE },
	{ VERB_INSTALL, 1, CHAIN_SIZE },
	{ VERB_WEIGH, sizeof(struct estate) + 1, WIRE_DATA },
	{ VERB_ADOPT, sizeof(struct estate) + 1, WIRE_DATA },
	{ VERB_REPLY, 0, WIRE_DATA },
	{ VERB_FAULT, 0, FAULT_TEXT_SIZE },
	{ VERB_STORED, 0, 0 },
	{ VERB_DEPLOYED, 0, HOOKS_SIZE },
	{ VERB_ATTEMPT, sizeof(struct work), sizeof(struct work) },
	{ VERB_ATTEMPTED, sizeof(struct work), sizeof(struct work) },
	{ VERB_TOKEN, sizeof(struct token), sizeof(struct token) },
	{ VERB_WITHDRAW, 0, 0 },
	{ VERB_READY, 0, 0 },
	{ VERB_DIGEST, sizeof(struct digest), sizeof(struct digest) },
	{ VERB_HIT, sizeof(struct hit), sizeof(struct hit) },
	{ VERB_LOAD_ACCOUNT, 0, 0 },
	{ VERB_SAVE_ACCOUNT, 1, KEY_PEM_SIZE - 1 },
	{ VERB_LOAD_EAB, 0, 0 },
	{ VERB_SAVE, sizeof(struct bundle) + 2, WIRE_DATA },
	{ VERB_EXAMINE, sizeof(struct bundle) + 2, WIRE_DATA },
	{ VERB_VERDICT, sizeof(struct verdict), WIRE_DATA },
	{ VERB_NEXT_KEY, 0, KEY_PEM_SIZE - 1 },
	{ VERB_IDENTITY, 0, 0 },
	{ VERB_SUGGESTION, sizeof(struct suggestion), sizeof(struct suggestion) },
	{ VERB_RECALL, 0, 0 },
	{ VERB_PLACED, 0, URL_SIZE - 1 },
	{ VERB_OUTCOME, sizeof(struct outcome), sizeof(struct outcome) },
	{ VERB_SAVE_KEY, 1, KEY_PEM_SIZE - 1 },
	{ VERB_LOAD_KEY, 0, 0 },
	{ VERB_CHOOSE_KEY, 0, 0 },
	{ VERB_SAVE_NEXT, sizeof(struct next_key) + 1, sizeof(struct next_key) + KEY_PEM_SIZE - 1 },
	{ VERB_CONTACTS, 0, CONTACT_SIZE - 1 },
	{ VERB_REVOCATION, 0, 0 },
	{ VERB_REVOKED, 0, 0 },
	{ VERB_NEW_ACCOUNT_KEY, 1, URL_SIZE - 1 },
	{ VERB_OTHER_KEY, 0, 0 },
	{ VERB_SETTLE_KEY, 0, 0 },
	{ VERB_RETIRE, 0, 0 },
	{ VERB_SAVE_NEW_ACCOUNT_KEY, 1, KEY_PEM_SIZE - 1 },
	{ VERB_ADD_VALUE, sizeof(struct value), sizeof(struct value) },
	{ VERB_AWAIT_VALUE, sizeof(struct value), sizeof(struct value) },
	{ VERB_REMOVE_VALUE, sizeof(struct value), sizeof(struct value) },
	{ VERB_WRITER, 0, 0 },
	{ VERB_PUT_VALUE, sizeof(struct placed), sizeof(struct placed) },
	{ VERB_TAKE_VALUE, sizeof(struct placed), sizeof(struct placed) },
	{ VERB_REGISTER, 1, NAME_SIZE - 1 },
	{ VERB_SET_ADDRESS, sizeof(struct address_wish), sizeof(struct address_wish) },
	{ VERB_SIGHT_NAME, sizeof(struct value), sizeof(struct value) },
	{ VERB_FIND_RECORDS, sizeof(struct value), sizeof(struct value) },
	{ VERB_LAPSE, sizeof(struct lapse), sizeof(struct lapse) },
	{ VERB_TELL, 1, 8192 },
	{ VERB_VALIDATED, sizeof(struct validated), sizeof(struct validated) },
};
_Static_assert(LENGTH_OF(bounds) == VERBS, "one line for each verb");

static int set_up(void **state)
{
	(void)state;
	memset(&fault, 0, sizeof(fault));
	memset(&sent, 0, sizeof(sent));
	return wire_pair(ends, &fault);
}

static int tear_down(void **state)
{
	(void)state;
	close_fd(&ends[0]);
	close_fd(&ends[1]);
	return 0;
}

/* Sends n bytes of a packet as they are, whatever wire_send() thinks of them. */
static void send_raw(size_t n)
{
	assert_int_equal(send(ends[0], &sent, n, MSG_NOSIGNAL), n);
}

static void assert_refused(const char *why)
{
	assert_int_equal(wire_receive(ends[1], &record, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_non_null(strstr(fault.text, why));
}

static void the_pair_is_close_on_exec(void **state)
{
	int type = 0;
	socklen_t size = sizeof(type);

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_true(fcntl(ends[i], F_GETFD) & FD_CLOEXEC);
		assert_int_equal(getsockopt(ends[i], SOL_SOCKET, SO_TYPE, &type, &size), 0);
		assert_int_equal(type, SOCK_SEQPACKET);
	}
}

static void what_was_sent_arrives(void **state)
{
	(void)state;
	assert_int_equal(wire_send(ends[0], VERB_INSTALL, 0, "header.payload", 14, &fault), 0);
	assert_int_equal(wire_send(ends[0], VERB_CSR, 5, NULL, 0, &fault), 0);
	memset(&record, 0xff, sizeof(record));
	assert_int_equal(wire_receive(ends[1], &record, &fault), 1);
	assert_int_equal(record.verb, VERB_INSTALL);
	assert_int_equal(record.index, 0);
	assert_int_equal(record.length, 14);
	assert_string_equal(record.data, "header.payload");
	assert_int_equal(wire_receive(ends[1], &record, &fault), 1);
	assert_int_equal(record.verb, VERB_CSR);
	assert_int_equal(record.index, 5);
	assert_int_equal(record.length, 0);
	assert_string_equal(record.data, "");
}

static void the_bounds_of_each_verb_hold(void **state)
{
	(void)state;
	*(struct bundle *)(void *)sent.data = (struct bundle){ .key_length = 1,
							       .leaf_length = 1 }; /* other verbs take it for anything */
	for (size_t i = 0; i < LENGTH_OF(bounds); i++) {
		enum verb verb = bounds[i].verb;
		uint32_t least = bounds[i].least, most = bounds[i].most;

		assert_int_equal(verb, i);
		for (size_t j = 0; j < 2; j++) {
			uint32_t length = j ? most : least;

			assert_int_equal(wire_send(ends[0], verb, 0, sent.data, length, &fault), 0);
			memset(&record, 0xff, sizeof(record));
			assert_int_equal(wire_receive(ends[1], &record, &fault), 1);
			assert_int_equal(record.verb, verb);
			assert_int_equal(record.length, length);
			assert_int_equal(record.data[length], 0);
		}
		sent.verb = verb;
		if (least) {
			assert_int_equal(wire_send(ends[0], verb, 0, sent.data, least - 1, &fault), -1);
			sent.length = least - 1;
			send_raw(HEADER + sent.length);
			assert_refused(verb_name(verb));
		}
		assert_int_equal(wire_send(ends[0], verb, 0, sent.data, most + 1, &fault), -1);
		sent.length = most + 1;
		send_raw(HEADER + sent.length);
		assert_refused(most == WIRE_DATA ? "too long" : verb_name(verb));
	}
}

static void a_bundle_is_what_its_lengths_say(void **state)
{
	static const struct {
		uint32_t key, leaf, form, text;
		bool good;
	} cases[] = {
		{ 1, 1, 0, 2, true },
		{ 3, 1, 0, 9, true },
		{ 3, 6, 0, 9, true },
		{ 0, 1, 0, 2, true },
		{ 1, 0, 0, 2, false },
		{ 2, 1, 0, 2, false },
		{ 3, 7, 0, 9, false },
		{ UINT32_MAX, 1, 0, 9, false },
		{ 3, UINT32_MAX, 0, 9, false },
		{ KEY_PEM_SIZE - 1, 1, 0, 5000, true },
		{ KEY_PEM_SIZE, 1, 0, 5000, false },
		{ 3, 4, 2, 9, true },
		{ 3, 5, 2, 9, false },
		{ 3, 1, 5, 9, true },
		{ 3, 1, 6, 9, false },
		{ 3, 1, UINT32_MAX, 9, false },
	};
	struct bundle *bundle = (void *)sent.data;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		*bundle = (struct bundle){ .key_length = cases[i].key, .leaf_length = cases[i].leaf, .form_length = cases[i].form };
		sent.verb = i % 2 ? VERB_SAVE : VERB_EXAMINE;
		sent.length = (uint32_t)sizeof(*bundle) + cases[i].text;
		send_raw(HEADER + sent.length);
		if (cases[i].good)
			assert_int_equal(wire_receive(ends[1], &record, &fault), 1);
		else
			assert_refused("lengths");
	}
}

static void the_header_tells_the_truth(void **state)
{
	static const uint32_t lies[] = { 0, 9, 11, WIRE_DATA, WIRE_DATA + 1, UINT32_MAX, UINT32_MAX - 11 };

	(void)state;
	sent.verb = VERB_REPLY;
	for (size_t i = 0; i < LENGTH_OF(lies); i++) {
		sent.length = lies[i];
		send_raw(HEADER + 10);
		assert_refused("REPLY");
	}
}

static void verb_and_index_are_known(void **state)
{
	static const uint32_t verbs[] = { VERBS, VERBS + 1, INT32_MAX, UINT32_MAX };
	static const uint32_t indices[] = { MAX_CERTIFICATES, MAX_CERTIFICATES + 1, INT32_MAX, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(verbs); i++) {
		sent.verb = verbs[i];
		send_raw(HEADER);
		assert_refused("unknown verb");
	}
	sent.verb = VERB_CSR;
	for (size_t i = 0; i < LENGTH_OF(indices); i++) {
		sent.index = indices[i];
		send_raw(HEADER);
		assert_refused("index");
	}
	sent.index = MAX_CERTIFICATES - 1;
	send_raw(HEADER);
	assert_int_equal(wire_receive(ends[1], &record, &fault), 1);
	assert_int_equal(record.index, MAX_CERTIFICATES - 1);
}

static void a_header_is_whole(void **state)
{
	(void)state;
	sent.verb = VERB_CLOSE;
	for (size_t n = 1; n < HEADER; n++) {
		send_raw(n);
		assert_refused("too short");
	}
}

static void descriptors_are_refused(void **state)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {
		.header = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS },
	};
	struct iovec part = { &sent, HEADER };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int pipes[2];
	char byte;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	memcpy(CMSG_DATA(&control.header), &pipes[1], sizeof(int));
	sent.verb = VERB_CLOSE;
	assert_int_equal(sendmsg(ends[0], &message, 0), HEADER);
	assert_refused("descriptors");
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 0); /* no copy of the other end is left in this process */
	close(pipes[0]);
}

static void the_end_is_told(void **state)
{
	(void)state;
	assert_int_equal(wire_send(ends[0], VERB_READY, 0, NULL, 0, &fault), 0);
	close_fd(&ends[0]);
	assert_int_equal(wire_receive(ends[1], &record, &fault), 1);
	assert_int_equal(wire_receive(ends[1], &record, &fault), 0);
	assert_int_equal(wire_receive(ends[1], &record, &fault), 0);
	assert_int_equal(wire_send(ends[1], VERB_CLOSE, 0, NULL, 0, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_int_equal(fault.code, EPIPE);
}

static void death_with_records_unread_is_the_end(void **state)
{
	(void)state;
	assert_int_equal(wire_send(ends[1], VERB_CLOSE, 0, NULL, 0, &fault), 0);
	close_fd(&ends[0]);
	assert_int_equal(wire_receive(ends[1], &record, &fault), 0);
}

static void a_broken_descriptor_is_a_fault(void **state)
{
	(void)state;
	assert_int_equal(wire_receive(-1, &record, &fault), -1);
	assert_int_equal(fault.code, EBADF);
}

static void receive_all_ones(enum verb verb, uint32_t length)
{
	memset(sent.data, 'x', length);
	assert_int_equal(wire_send(ends[0], verb, 0, sent.data, length, &fault), 0);
	memset(&record, 'x', sizeof(record));
	assert_int_equal(wire_receive(ends[1], &record, &fault), 1);
	assert_int_equal(record.data[length], 0);
}

static void texts_in_structs_are_terminated(void **state)
{
	struct renewal renewal;
	struct token token;
	struct digest digest;
	struct hit hit;

	(void)state;
	receive_all_ones(VERB_RENEWAL, sizeof(renewal));
	memcpy(&renewal, record.data, sizeof(renewal));
	assert_int_equal(strnlen(renewal.reason, sizeof(renewal.reason)), sizeof(renewal.reason) - 1);
	receive_all_ones(VERB_TOKEN, sizeof(token));
	memcpy(&token, record.data, sizeof(token));
	assert_int_equal(strnlen(token.token, sizeof(token.token)), sizeof(token.token) - 1);
	assert_int_equal(strnlen(token.key_authorization, sizeof(token.key_authorization)), sizeof(token.key_authorization) - 1);
	receive_all_ones(VERB_DIGEST, sizeof(digest));
	memcpy(&digest, record.data, sizeof(digest));
	assert_int_equal(strnlen(digest.token, sizeof(digest.token)), sizeof(digest.token) - 1);
	assert_int_equal(strnlen(digest.name, sizeof(digest.name)), sizeof(digest.name) - 1);
	receive_all_ones(VERB_HIT, sizeof(hit));
	memcpy(&hit, record.data, sizeof(hit));
	assert_int_equal(strnlen(hit.token, sizeof(hit.token)), sizeof(hit.token) - 1);
	assert_int_equal(strnlen(hit.address, sizeof(hit.address)), sizeof(hit.address) - 1);
	receive_all_ones(VERB_REFUSED, FAULT_TEXT_SIZE);
	receive_all_ones(VERB_ACCOUNT_URL, URL_SIZE - 1);
	receive_all_ones(VERB_REPLY, WIRE_DATA);
}

static void a_fault_arrives_as_it_was_sent(void **state)
{
	static const struct {
		enum fault_kind sent;
		int code;
		enum fault_kind kind;
		int received;
	} cases[] = {
		{ FAULT_LATER, 0, FAULT_LATER, 0 },
		{ FAULT_USAGE, ENOENT, FAULT_USAGE, 0 },
		{ FAULT_FAILED, 0, FAULT_FAILED, 0 },
		{ FAULT_NONE, 0, FAULT_FAILED, 0 },
		{ (enum fault_kind)60, 0, FAULT_FAILED, 0 },
		{ FAULT_LATER, DNS_NO_ROOM, FAULT_LATER, DNS_NO_ROOM },
		{ FAULT_FAILED, DNS_NO_ROOM, FAULT_FAILED, DNS_NO_ROOM },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		const struct fault why = { .kind = cases[i].sent, .code = cases[i].code, .text = "it is so" };

		assert_int_equal(reply_fault(ends[0], &why, &fault), 0);
		assert_int_equal(wire_receive(ends[1], &record, &fault), 1);
		assert_int_equal(reply_check(&record, &fault), -1);
		assert_int_equal(fault.kind, cases[i].kind);
		assert_int_equal(fault.code, cases[i].received);
		assert_string_equal(fault.text, "it is so");
	}
	record.verb = VERB_REPLY;
	assert_int_equal(reply_check(&record, &fault), 0);
}

static void every_verb_has_a_name(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < VERBS; i++) {
		const char *name = verb_name((enum verb)i);

		assert_non_null(name);
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(name, verb_name((enum verb)j));
	}
	assert_string_equal(verb_name(VERBS), "unknown");
	assert_string_equal(verb_name((enum verb)UINT32_MAX), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_pair_is_close_on_exec),
		TEST(what_was_sent_arrives),
		TEST(the_bounds_of_each_verb_hold),
		TEST(a_bundle_is_what_its_lengths_say),
		TEST(the_header_tells_the_truth),
		TEST(verb_and_index_are_known),
		TEST(a_header_is_whole),
		TEST(descriptors_are_refused),
		TEST(the_end_is_told),
		TEST(death_with_records_unread_is_the_end),
		TEST(a_broken_descriptor_is_a_fault),
		TEST(texts_in_structs_are_terminated),
		TEST(a_fault_arrives_as_it_was_sent),
		cmocka_unit_test(every_verb_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
