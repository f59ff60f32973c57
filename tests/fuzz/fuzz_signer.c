// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Words of a client and a storer to the signer, in any order. The signer is the real one, its channels are not. After any of them:
 * what is signed is for the CA, in the name of its own key or account, and something that acmegate sends; what is stored has a key that it
 * made, names that are configured, and leads up to the root.
 *
 * The input is a list of events, see happen(). Certificates come from tiny_ca.h.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"

static int world_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault);
static int world_receive(int fd, struct record *record, struct fault *fault);
static ssize_t world_read(int fd, void *data, size_t size);

/* The world's, for the signer alone. */
#define wire_send world_send
#define wire_receive world_receive
#define wire_await(fd, record, seconds, fault) ((void)(seconds), world_receive(fd, record, fault))
#define read world_read
#include "agent/channel.c"
#include "agent/signing.c"
#include "agent/roots.c"
#include "agent/mandate.c"
#include "agent/rollover.c"
#include "agent/account_key.c"
#include "agent/certificate.c"
#include "agent/signer.c"
#undef wire_send
#undef wire_receive
#undef wire_await
#undef read

#include "tests/unit/tiny_ca.h"

#define HOST "ca.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const uint8_t *data;
	size_t size, at;
	bool asked;	/* the signer waits for the storer */
	enum verb last; /* what the client sent, and what was answered */
	bool answered;
	size_t read;	      /* of the root */
	bool finalized, good; /* the certificate that is to be installed: asked for, from our root */
	unsigned char csr[WIRE_DATA];
	size_t csr_length;
} world;

static struct config config;
static struct signer_role role_state;
static struct record from_client, from_storer;
static char root[TINY_PEM_SIZE];

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static uint8_t next_byte(void)
{
	return world.at < world.size ? world.data[world.at++] : 0;
}

static size_t next_bytes(void *out, size_t most)
{
	size_t n = next_byte() * 16U, left = world.size - world.at;

	n = n < most ? n : most;
	n = n < left ? n : left;
	memcpy(out, world.data + world.at, n);
	world.at += n;
	return n;
}

static ssize_t world_read(int fd, void *data, size_t size)
{
	size_t left = strlen(root) - world.read;

	if (fd != FD_TRUST)
		return 0;
	left = left < size ? left : size;
	memcpy(data, root + world.read, left);
	world.read += left;
	return (ssize_t)left;
}

void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

/* --- what must be so ---------------------------------------------------------------------------------------------- */

/* Nothing that the command line does not ask for. */
static void check_payload_of(const char *text)
{
	static const struct {
		const char *member;
		enum task_kind task;
	} of_tasks[] = {
		{ "{\"status\":\"deactivated\"}", TASK_DEACTIVATE },
		{ "{\"certificate\":", TASK_REVOKE },
		{ "{\"protected\":", TASK_ROLLOVER },
		{ "{\"identifiers\":", TASK_RENEW },
		{ "{\"csr\":", TASK_RENEW },
	};
	static char payload[WIRE_DATA];
	const char *at = strstr(text, "\"payload\":\"");
	long n;

	must(at, "a payload");
	at += strlen("\"payload\":\"");
	n = base64url_decode(payload, at, strcspn(at, "\""));
	must(n >= 0 && n < WIRE_DATA, "its payload");
	payload[n] = '\0';
	for (size_t i = 0; i < LENGTH_OF(of_tasks); i++)
		must(strncmp(payload, of_tasks[i].member, strlen(of_tasks[i].member)) || config.task.kind == of_tasks[i].task,
		     "asked for by the command line");
}

static void check_jws(const char *text, size_t length)
{
	static char header[WIRE_DATA];
	const char *at = text + strlen("{\"protected\":\"");
	long n;

	must(length > 40 && !memcmp(text, "{\"protected\":\"", 14), "a JWS");
	n = base64url_decode(header, at, strcspn(at, "\""));
	must(n > 0 && n < WIRE_DATA, "its header");
	header[n] = '\0';
	at = strcasestr(header, "\"url\":\"https://" HOST);
	must(at && strchr("/:?#\"", at[strlen("\"url\":\"https://" HOST)]), "for the CA");
	must(!strstr(header, "\"jwk\"") != !strstr(header, "\"kid\""), "one of jwk and kid");
	must(!strchr(header, '\n') && strstr(header, "{\"alg\":\""), "our header");
	check_payload_of(text);
}

static void check_bundle(const struct bundle *bundle, size_t length, uint32_t index)
{
	struct fault fault;
	OWN_KEY struct key *key = key_read(bundle->text, bundle->key_length, &fault);
	OWN_CHAIN struct chain *chain = chain_read(bundle->text + bundle->key_length,
						   length - sizeof(*bundle) - bundle->key_length - bundle->form_length, &fault);

	must(world.finalized, "the CA was asked");
	must(world.good, "from our root");
	must(key && chain && chain_has_key(chain, key), "key and chain belong together");
	must(trust_verify(chain, key, signing_names(&role_state, &config.certificate[index]), config.certificate[index].names,
			  time(NULL), &fault) == 0,
	     "names, dates, use");
}

static int world_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	static struct record copy;

	(void)fault;
	copy = (struct record){ .verb = verb, .index = index, .length = (uint32_t)length };
	if (length)
		memcpy(copy.data, data, length);
	must(wire_check(&copy, offsetof(struct record, data) + length, fault) == 0, "a record");
	if (fd == FD_CLIENT) {
		world.answered = true;
		if (verb == VERB_REPLY && (world.last == VERB_SIGN))
			check_jws(data, length);
		if (verb == VERB_REPLY && world.last == VERB_CSR) {
			memcpy(world.csr, data, length);
			world.csr_length = length;
			world.finalized = false;
		}
		return 0;
	}
	world.asked = fd == FD_STORER && verb != VERB_VERDICT && verb != VERB_FAULT;
	must(verb != VERB_SAVE_NEW_ACCOUNT_KEY || config.task.kind == TASK_ROLLOVER, "a new account key that is asked for");
	must(verb != VERB_RETIRE || config.task.kind == TASK_DEACTIVATE, "a deactivation that is asked for");
	must(verb != VERB_REVOKED || config.task.kind == TASK_REVOKE, "a revocation that is asked for");
	if (verb == VERB_SAVE)
		check_bundle(data, length, index);
	return 0;
}

/* --- what they say ------------------------------------------------------------------------------------------------ */

/* An answer of the storer's: well formed for the most part. */
static int world_receive(int fd, struct record *record, struct fault *fault)
{
	static const char text[] = "no room";
	uint8_t how;

	if (fd == FD_CLIENT) {
		*record = from_client;
		return 1;
	}
	if (!world.asked) {
		*record = from_storer;
		return 1;
	}
	world.asked = false;
	how = next_byte();
	memset(record, 0, offsetof(struct record, data));
	memset(record->data, 0, sizeof(struct stored_account));
	record->verb = how % 8 == 1 ? VERB_FAULT : how % 8 == 2 ? how % VERBS : VERB_REPLY;
	if (record->verb == VERB_FAULT) {
		record->index = how / 8;
		record->length = (uint32_t)strlen(text);
		memcpy(record->data, text, sizeof(text));
		return 1;
	}
	record->length = how % 8 == 3 ? (uint32_t)next_bytes(record->data, sizeof(struct stored_account)) :
					sizeof(struct stored_account);
	if (how % 8 == 4)
		(void)next_bytes(record->data, sizeof(struct stored_account));
	if (how % 8 == 5)
		return fault_set(fault, FAULT_FAILED, "nonsense");
	return how % 8 == 6 ? 0 : 1;
}

static void client_says(enum verb verb, uint32_t index, const void *data, size_t length)
{
	struct fault fault = { 0 };

	from_client = (struct record){ .verb = verb, .index = index, .length = (uint32_t)length };
	if (length)
		memcpy(from_client.data, data, length);
	if (wire_check(&from_client, offsetof(struct record, data) + length, &fault) < 0)
		return;
	world.last = verb;
	world.answered = false;
	must(serve_client(&role_state, &fault) <= 0 || world.answered, "each is answered");
}

static void client_signs(const char *payload)
{
	static const char *const urls[] = { ("https://" HOST "/x"), "https://evil.example/x", ("https://" HOST "@evil.example/x"),
					    ("https://evil.example/" HOST) };
	static _Alignas(struct draft) char data[WIRE_DATA];
	struct draft *draft = (void *)data;
	uint8_t how = next_byte();

	memset(data, 0, sizeof(*draft));
	snprintf(draft->url, sizeof(draft->url), "%s", how & 8 ? "https://" HOST "/acct" : urls[how >> 1 & 3]);
	strcpy(draft->nonce, "N0");
	draft->by_key = how & 1;
	memcpy(draft->payload, payload, strlen(payload));
	client_says(VERB_SIGN, 0, draft, sizeof(*draft) + strlen(payload));
}

/* The words about the account and revocation, in a task that asks for them or not, and what is to be signed then. */
static void client_deals(void)
{
	static const enum verb words[] = { VERB_NEW_ACCOUNT_KEY, VERB_OTHER_KEY, VERB_SETTLE_KEY, VERB_REVOCATION,
					   VERB_REVOKED,	 VERB_RETIRE,	 VERB_CONTACTS };
	static const char url[] = "https://" HOST "/change";
	enum verb verb = words[next_byte() % LENGTH_OF(words)];

	config.task.kind = next_byte() % TASKS;
	client_says(verb, 0, url, verb == VERB_NEW_ACCOUNT_KEY ? strlen(url) : 0);
	if (role_state.key_change)
		client_signs(role_state.key_change);
	if (role_state.revocation)
		client_signs(role_state.revocation);
	client_signs(PAYLOAD_DEACTIVATE);
}

static void client_finalizes(void)
{
	OWN_FREE char *payload = world.csr_length ? jws_finalize(world.csr, world.csr_length) : NULL;

	if (!payload)
		return;
	client_signs(payload);
	for (size_t i = 0; i < config.certificates; i++)
		world.finalized |= role_state.pending[i].finalized;
}

/* As the CA, or somebody else, may issue it. */
static void client_installs(void)
{
	static const char *const uses[] = { NULL, "", "clientAuth", "serverAuth" };
	static char pem[TINY_PEM_SIZE];
	uint8_t how = next_byte(), more = next_byte();
	const struct tiny_order order = { .stranger = how & 1,
					  .by_root = how >> 1 & 1,
					  .is_ca = how >> 2 & 1,
					  .leaf_only = how >> 3 & 1,
					  .with_root = how >> 4 & 1,
					  .wrong_issuer = how >> 5 & 1,
					  .use = uses[how >> 6],
					  .san = more & 1 ? "DNS:evil.example" : NULL };

	if (!world.csr_length)
		return;
	tiny_ca_issue(world.csr, world.csr_length, &order, pem);
	world.good = !order.stranger && !order.wrong_issuer;
	client_says(more & 2 ? VERB_PREFERS : VERB_INSTALL, more >> 2 & 1, pem, strlen(pem));
	world.good = false;
}

static void storer_says(void)
{
	struct fault fault = { 0 };
	size_t n;

	memset(&from_storer, 0, offsetof(struct record, data));
	from_storer.verb = next_byte() & 1 ? VERB_EXAMINE : next_byte() % VERBS;
	from_storer.index = (uint32_t)next_byte() % MAX_CERTIFICATES;
	n = next_bytes(from_storer.data, WIRE_DATA);
	from_storer.length = (uint32_t)n;
	if (wire_check(&from_storer, offsetof(struct record, data) + n, &fault) == 0)
		(void)!certificate_serve_storer(&role_state, &fault);
}

static void happen(void)
{
	static const char order[] = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}]}";
	static char data[WIRE_DATA];
	enum verb verb;
	uint32_t index;
	size_t n;

	switch (next_byte() % 10) {
	case 0:
		client_says(VERB_ACCOUNT, 0, NULL, 0);
		break;
	case 1:
		client_says(VERB_ACCOUNT_URL, 0, "https://" HOST "/acct", strlen("https://" HOST "/acct"));
		break;
	case 2:
		client_says(VERB_CSR, next_byte() % 3, NULL, 0);
		break;
	case 3:
		client_finalizes();
		break;
	case 4:
		client_installs();
		break;
	case 5:
		client_signs(next_byte() & 1 ? order : next_byte() & 1 ? "{}" : "");
		break;
	case 6:
		n = next_bytes(data, sizeof(data) - 1);
		data[n] = '\0';
		client_signs(data);
		break;
	case 7:
		storer_says();
		break;
	case 8:
		client_deals();
		break;
	default:
		verb = next_byte() % VERBS;
		index = (uint32_t)next_byte() % MAX_CERTIFICATES;
		n = next_bytes(data, sizeof(data));
		client_says(verb, index, data, n);
	}
}

static void set_up(void)
{
	if (root[0])
		return;
	crypto_start();
	tiny_ca_root(root);
	strcpy(config.acme.directory, "https://" HOST "/directory");
	config.certificates = 2;
	config.certificate[0] = (struct certificate){ .name = "a", .names = 1 };
	config.certificate[1] = (struct certificate){ .name = "b", .first_name = 1, .names = 1 };
	config.names = 2;
	strcpy(config.name[0], "a.example");
	strcpy(config.name[1], "b.example");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	set_up();
	memset(&world, 0, sizeof(world));
	memset(&role_state, 0, sizeof(role_state));
	config.task = (struct task){ .kind = TASK_RENEW };
	role_state.config = &config;
	silent = 0;
	world.data = data;
	world.size = size;
	for (int events = 0; world.at < world.size && events < 64; events++)
		happen();
	clean_up(&role_state);
	return 0;
}
