// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/log.h"

#define HEADER offsetof(struct record, data)

/*
 * A stopped peer must not stop the others: the queue of a channel holds more than any role sends without waiting for a reply. The
 * largest such load is MAX_NAMES tokens before the port opens.
 */
#define QUEUE_BYTES (16 * 1024 * 1024)

static const struct shape {
	const char *name;
	uint32_t least, most; /* bytes of data */
} shapes[] = {
	[VERB_POLICY] = { "POLICY", sizeof(struct policy), sizeof(struct policy) },
	[VERB_COMMAND] = { "COMMAND", 1, COMMAND_SIZE - 1 },
	[VERB_CLAIM] = { "CLAIM", 0, 0 },
	[VERB_PLAN] = { "PLAN", 0, 0 },
	[VERB_TRY_LISTENING] = { "TRY_LISTENING", 0, 0 },
	[VERB_EXPLAIN] = { "EXPLAIN", 0, 0 },
	[VERB_READ] = { "READ", 0, 0 },
	[VERB_PREPARE] = { "PREPARE", sizeof(struct whereabouts), sizeof(struct whereabouts) },
	[VERB_LET_IN] = { "LET_IN", 0, 0 },
	[VERB_SHUT] = { "SHUT", 0, 0 },
	[VERB_PREPARED] = { "PREPARED", 0, 0 },
	[VERB_CLEARED] = { "CLEARED", 0, 0 },
	[VERB_OVERTIME] = { "OVERTIME", 0, 0 },
	[VERB_OCCUPIED] = { "OCCUPIED", 0, FAULT_TEXT_SIZE },
	[VERB_RENEWAL] = { "RENEWAL", sizeof(struct renewal), sizeof(struct renewal) },
	[VERB_WORK] = { "WORK", sizeof(struct work), sizeof(struct work) },
	[VERB_OPEN] = { "OPEN", sizeof(struct whereabouts), sizeof(struct whereabouts) },
	[VERB_CLOSE] = { "CLOSE", 0, 0 },
	[VERB_VALIDATED] = { "VALIDATED", sizeof(struct validated), sizeof(struct validated) },
	[VERB_TELL] = { "TELL", 1, 8192 },
	[VERB_OPENED] = { "OPENED", 0, 0 },
	[VERB_CLOSED] = { "CLOSED", sizeof(struct closed), sizeof(struct closed) },
	[VERB_REFUSED] = { "REFUSED", 0, FAULT_TEXT_SIZE },
	[VERB_ACCOUNT] = { "ACCOUNT", 0, 0 },
	[VERB_ACCOUNT_URL] = { "ACCOUNT_URL", 1, URL_SIZE - 1 },
	[VERB_SIGN] = { "SIGN", sizeof(struct draft), WIRE_DATA },
	[VERB_SIGN_EAB] = { "SIGN_EAB", 1, URL_SIZE - 1 },
	[VERB_CSR] = { "CSR", 0, 0 },
	[VERB_PREFERS] = { "PREFERS", 1, CHAIN_SIZE },
	[VERB_INSTALL] = { "INSTALL", 1, CHAIN_SIZE },
	[VERB_LOAD_ACCOUNT] = { "LOAD_ACCOUNT", 0, 0 },
	[VERB_SAVE_ACCOUNT] = { "SAVE_ACCOUNT", 1, KEY_PEM_SIZE - 1 },
	[VERB_LOAD_EAB] = { "LOAD_EAB", 0, 0 },
	[VERB_SAVE] = { "SAVE", sizeof(struct bundle) + 2, WIRE_DATA },
	[VERB_EXAMINE] = { "EXAMINE", sizeof(struct bundle) + 2, WIRE_DATA },
	[VERB_VERDICT] = { "VERDICT", sizeof(struct verdict), WIRE_DATA },
	[VERB_NEXT_KEY] = { "NEXT_KEY", 0, KEY_PEM_SIZE - 1 },
	[VERB_IDENTITY] = { "IDENTITY", 0, 0 },
	[VERB_SUGGESTION] = { "SUGGESTION", sizeof(struct suggestion), sizeof(struct suggestion) },
	[VERB_RECALL] = { "RECALL", 0, 0 },
	[VERB_PLACED] = { "PLACED", 0, URL_SIZE - 1 },
	[VERB_SAVE_KEY] = { "SAVE_KEY", 1, KEY_PEM_SIZE - 1 },
	[VERB_LOAD_KEY] = { "LOAD_KEY", 0, 0 },
	[VERB_CHOOSE_KEY] = { "CHOOSE_KEY", 0, 0 },
	[VERB_SAVE_NEXT] = { "SAVE_NEXT", sizeof(struct next_key) + 1, sizeof(struct next_key) + KEY_PEM_SIZE - 1 },
	[VERB_OUTCOME] = { "OUTCOME", sizeof(struct outcome), sizeof(struct outcome) },
	[VERB_CONTACTS] = { "CONTACTS", 0, CONTACT_SIZE - 1 },
	[VERB_REVOCATION] = { "REVOCATION", 0, 0 },
	[VERB_REVOKED] = { "REVOKED", 0, 0 },
	[VERB_NEW_ACCOUNT_KEY] = { "NEW_ACCOUNT_KEY", 1, URL_SIZE - 1 },
	[VERB_OTHER_KEY] = { "OTHER_KEY", 0, 0 },
	[VERB_SETTLE_KEY] = { "SETTLE_KEY", 0, 0 },
	[VERB_RETIRE] = { "RETIRE", 0, 0 },
	[VERB_SAVE_NEW_ACCOUNT_KEY] = { "SAVE_NEW_ACCOUNT_KEY", 1, KEY_PEM_SIZE - 1 },
	[VERB_WEIGH] = { "WEIGH", sizeof(struct estate) + 1, WIRE_DATA },
	[VERB_ADOPT] = { "ADOPT", sizeof(struct estate) + 1, WIRE_DATA },
	[VERB_REPLY] = { "REPLY", 0, WIRE_DATA },
	[VERB_FAULT] = { "FAULT", 0, FAULT_TEXT_SIZE },
	[VERB_STORED] = { "STORED", 0, 0 },
	[VERB_ATTEMPT] = { "ATTEMPT", sizeof(struct work), sizeof(struct work) },
	[VERB_ATTEMPTED] = { "ATTEMPTED", sizeof(struct work), sizeof(struct work) },
	[VERB_DEPLOYED] = { "DEPLOYED", 0, HOOKS_SIZE },
	[VERB_TOKEN] = { "TOKEN", sizeof(struct token), sizeof(struct token) },
	[VERB_ADD_VALUE] = { "ADD_VALUE", sizeof(struct value), sizeof(struct value) },
	[VERB_AWAIT_VALUE] = { "AWAIT_VALUE", sizeof(struct value), sizeof(struct value) },
	[VERB_REMOVE_VALUE] = { "REMOVE_VALUE", sizeof(struct value), sizeof(struct value) },
	[VERB_WRITER] = { "WRITER", 0, 0 },
	[VERB_PUT_VALUE] = { "PUT_VALUE", sizeof(struct placed), sizeof(struct placed) },
	[VERB_TAKE_VALUE] = { "TAKE_VALUE", sizeof(struct placed), sizeof(struct placed) },
	[VERB_REGISTER] = { "REGISTER", 1, NAME_SIZE - 1 },
	[VERB_SET_ADDRESS] = { "SET_ADDRESS", sizeof(struct address_wish), sizeof(struct address_wish) },
	[VERB_SIGHT_NAME] = { "SIGHT_NAME", sizeof(struct value), sizeof(struct value) },
	[VERB_FIND_RECORDS] = { "FIND_RECORDS", sizeof(struct value), sizeof(struct value) },
	[VERB_LAPSE] = { "LAPSE", sizeof(struct lapse), sizeof(struct lapse) },
	[VERB_WITHDRAW] = { "WITHDRAW", 0, 0 },
	[VERB_DIGEST] = { "DIGEST", sizeof(struct digest), sizeof(struct digest) },
	[VERB_READY] = { "READY", 0, 0 },
	[VERB_HIT] = { "HIT", sizeof(struct hit), sizeof(struct hit) },
};
_Static_assert(LENGTH_OF(shapes) == VERBS, "one shape for each verb");

const char *verb_name(enum verb verb)
{
	return (unsigned int)verb < VERBS ? shapes[verb].name : "unknown";
}

int wire_pair(int ends[2], struct fault *fault)
{
	int bytes = QUEUE_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fault_errno(fault, FAULT_LATER, "making a pair of sockets");
	for (int i = 0; i < 2; i++) /* without CAP_NET_ADMIN (tests): the system's largest size */
		if (setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
			(void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return 0;
}

union passed {
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr header;
};

static void attach(struct msghdr *message, union passed *passed, const int with[2])
{
	int fds[2];
	size_t n = 0;

	for (int i = 0; i < 2; i++)
		if (with[i] >= 0)
			fds[n++] = with[i];
	if (!n)
		return;
	/* By name: musl has a field more, and other types. */
	passed->header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	passed->header.cmsg_len = (socklen_t)CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&passed->header), fds, n * sizeof(int));
	message->msg_control = passed;
	message->msg_controllen = (socklen_t)CMSG_SPACE(n * sizeof(int));
}

int wire_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	return wire_send_with(fd, verb, index, data, length, (const int[2]){ -1, -1 }, fault);
}

int wire_send_with(int fd, enum verb verb, uint32_t index, const void *data, size_t length, const int with[2], struct fault *fault)
{
	union passed passed = { .bytes = { 0 } };
	uint32_t header[HEADER / sizeof(uint32_t)] = { verb, index, (uint32_t)length };
	struct iovec parts[] = { { header, sizeof(header) }, { (void *)(uintptr_t)data, length } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (length < shapes[verb].least || length > shapes[verb].most)
		return fault_set(fault, FAULT_FAILED, "%s with %zu bytes is not a record", verb_name(verb), length);
	attach(&message, &passed, with);
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fault_errno(fault, FAULT_FAILED, "sending %s", verb_name(verb));
	log_trace("sent %s to descriptor %d: %zu bytes", verb_name(verb), fd, length);
	return 0;
}

#define TEXT(verb, type, field) \
	{ \
		verb, offsetof(type, field) + sizeof(((type *)0)->field) - 1 \
	}

/* The last byte of each text in a struct. */
static const struct end {
	enum verb verb;
	size_t at;
} ends[] = {
	TEXT(VERB_RENEWAL, struct renewal, reason),
	TEXT(VERB_CLOSED, struct closed, shut),
	TEXT(VERB_CLOSED, struct closed, traced),
	TEXT(VERB_VERDICT, struct verdict, certid),
	TEXT(VERB_SAVE, struct bundle, certid),
	TEXT(VERB_SUGGESTION, struct suggestion, explanation),
	TEXT(VERB_OUTCOME, struct outcome, type),
	TEXT(VERB_OUTCOME, struct outcome, detail),
	TEXT(VERB_SIGN, struct draft, url),
	TEXT(VERB_SIGN, struct draft, nonce),
	TEXT(VERB_TOKEN, struct token, token),
	TEXT(VERB_TOKEN, struct token, key_authorization),
	TEXT(VERB_ADD_VALUE, struct value, name),
	TEXT(VERB_ADD_VALUE, struct value, text),
	TEXT(VERB_AWAIT_VALUE, struct value, name),
	TEXT(VERB_AWAIT_VALUE, struct value, text),
	TEXT(VERB_REMOVE_VALUE, struct value, name),
	TEXT(VERB_REMOVE_VALUE, struct value, text),
	TEXT(VERB_PUT_VALUE, struct placed, zone),
	TEXT(VERB_PUT_VALUE, struct placed, owner),
	TEXT(VERB_PUT_VALUE, struct placed, name),
	TEXT(VERB_PUT_VALUE, struct placed, value),
	TEXT(VERB_TAKE_VALUE, struct placed, zone),
	TEXT(VERB_TAKE_VALUE, struct placed, owner),
	TEXT(VERB_TAKE_VALUE, struct placed, name),
	TEXT(VERB_TAKE_VALUE, struct placed, value),
	TEXT(VERB_ADD_VALUE, struct value, account),
	TEXT(VERB_AWAIT_VALUE, struct value, account),
	TEXT(VERB_REMOVE_VALUE, struct value, account),
	TEXT(VERB_FIND_RECORDS, struct value, name),
	TEXT(VERB_FIND_RECORDS, struct value, account),
	TEXT(VERB_LAPSE, struct lapse, name),
	TEXT(VERB_DIGEST, struct digest, token),
	TEXT(VERB_DIGEST, struct digest, name),
	TEXT(VERB_SIGHT_NAME, struct value, name),
	TEXT(VERB_SIGHT_NAME, struct value, text),
	TEXT(VERB_HIT, struct hit, token),
	TEXT(VERB_HIT, struct hit, address),
};

/* Ends every text of a record within its field, whatever the sender wrote, and the data with a NUL. */
static void terminate(struct record *record)
{
	for (size_t i = 0; i < LENGTH_OF(ends); i++)
		if (ends[i].verb == record->verb)
			record->data[ends[i].at] = '\0';
	*((char *)record + HEADER + record->length) = '\0';
}

/* Do the lengths in a bundle add up to its text, and is the certificate there? */
static bool is_bundle(const struct record *record)
{
	const struct bundle *bundle = (const void *)record->data;
	size_t text = record->length - sizeof(*bundle);

	return bundle->key_length < KEY_PEM_SIZE && bundle->key_length < text && bundle->form_length < text - bundle->key_length &&
	       bundle->leaf_length > 0 && bundle->leaf_length <= text - bundle->key_length - bundle->form_length;
}

int wire_check(struct record *record, size_t n, struct fault *fault)
{
	if (n < HEADER)
		return fault_set(fault, FAULT_FAILED, "a record of %zu bytes is too short", n);
	if (record->verb >= VERBS)
		return fault_set(fault, FAULT_FAILED, "a record with the unknown verb %u", record->verb);
	if (record->index >= MAX_CERTIFICATES)
		return fault_set(fault, FAULT_FAILED, "%s with the index %u", verb_name(record->verb), record->index);
	if (n - HEADER != record->length || record->length < shapes[record->verb].least || record->length > shapes[record->verb].most)
		return fault_set(fault, FAULT_FAILED, "%s with %zu bytes of data", verb_name(record->verb), n - HEADER);
	if ((record->verb == VERB_EXAMINE || record->verb == VERB_SAVE) && !is_bundle(record))
		return fault_set(fault, FAULT_FAILED, "%s with lengths that are wrong", verb_name(record->verb));
	terminate(record);
	return 0;
}

int wire_await(int fd, struct record *record, unsigned int seconds, struct fault *fault)
{
	struct pollfd channel = { .fd = fd, .events = POLLIN };
	int ready;

	do
		ready = poll(&channel, 1, (int)seconds * 1000);
	while (ready < 0 && errno == EINTR);
	return ready ? wire_receive(fd, record, fault) : fault_set(fault, FAULT_FAILED, "no answer in %u s", seconds);
}

static void detach(struct msghdr *message, int with[2])
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len <= CMSG_LEN(2 * sizeof(int)))
		memcpy(with, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
}

int wire_receive(int fd, struct record *record, struct fault *fault)
{
	return wire_receive_with(fd, record, NULL, fault);
}

int wire_receive_with(int fd, struct record *record, int with[2], struct fault *fault)
{
	struct iovec part = { record, HEADER + WIRE_DATA };
	union passed passed = { .bytes = { 0 } };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = with ? &passed : NULL, .msg_controllen = with ? sizeof(passed) : 0
	};
	ssize_t n;

	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (with) {
		with[0] = with[1] = -1;
		if (n >= 0)
			detach(&message, with);
	}
	if (n < 0 && errno != ECONNRESET)
		return fault_errno(fault, FAULT_FAILED, "receiving a record");
	if (n <= 0) /* a peer that died with records unread shows as a reset */
		return 0;
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return fault_set(fault, FAULT_FAILED, "a record that is too long or carries descriptors");
	if (wire_check(record, (size_t)n, fault) < 0)
		return -1;
	log_trace("received %s from descriptor %d: %u bytes", verb_name((enum verb)record->verb), fd, record->length);
	return 1;
}
