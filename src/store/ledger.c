// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/ledger.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/revocation.h"
#include "store/file.h"

#define MAGIC "acmeledg"
#define BESIDE "~" /* no name of a certificate has it */
#define WAIT_LEAST 60
#define WAIT_MOST (24 * 60 * 60)

struct head {
	char magic[8];
	uint32_t version;
	uint32_t length; /* of what follows, without the sum */
};

struct image {
	struct head head;
	struct ledger ledger;
	unsigned char sum[SHA256_DIGEST_SIZE];
};

struct name {
	char text[LABEL_SIZE + 16];
};

static struct name with(const char *name, const char *suffix)
{
	struct name out;

	snprintf(out.text, sizeof(out.text), "%.*s%s", LABEL_SIZE - 1, name, suffix);
	return out;
}

static void add_up(const void *data, size_t length, unsigned char sum[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, length, data);
	sha256_digest(&context, SHA256_DIGEST_SIZE, sum);
}

/* The sum first: what it does not cover says nothing, not even how new it is. */
static enum ledger_state parse(const char *data, size_t length, struct ledger *ledger)
{
	unsigned char sum[SHA256_DIGEST_SIZE];
	struct head head;
	size_t content;

	if (length < sizeof(head) + sizeof(sum))
		return LEDGER_CORRUPT;
	content = length - sizeof(head) - sizeof(sum);
	memcpy(&head, data, sizeof(head));
	add_up(data, length - sizeof(sum), sum);
	if (memcmp(head.magic, MAGIC, sizeof(head.magic)) != 0 || head.length != content ||
	    memcmp(sum, data + length - sizeof(sum), sizeof(sum)) != 0)
		return LEDGER_CORRUPT;
	if (head.version > LEDGER_VERSION || content > sizeof(*ledger))
		return LEDGER_NEWER;
	memcpy(ledger, data + sizeof(head), content);
	if (ledger->attempts <= LEDGER_ATTEMPTS)
		return LEDGER_READ;
	memset(ledger, 0, sizeof(*ledger));
	return LEDGER_CORRUPT;
}

static int load(int dir, const char *name, struct ledger *ledger, enum ledger_state *state, struct fault *fault)
{
	size_t length;
	OWN_FREE char *data = file_read(dir, name, &length);

	memset(ledger, 0, sizeof(*ledger));
	if (data)
		*state = parse(data, length, ledger);
	else if (errno == ENOENT)
		*state = LEDGER_NONE;
	else if (file_is_broken(errno))
		*state = LEDGER_CORRUPT;
	else
		return fault_errno(fault, FAULT_LATER, "reading ledger/%s", name);
	return 0;
}

int ledger_look(int dir, const char *name, struct ledger *ledger, enum ledger_state *state, struct fault *fault)
{
	struct name beside = with(name, BESIDE);
	enum ledger_state other;

	if (load(dir, name, ledger, state, fault) < 0)
		return -1;
	return *state == LEDGER_NEWER ? load(dir, beside.text, ledger, &other, fault) : 0;
}

int ledger_read(int dir, const char *name, struct ledger *ledger, enum ledger_state *state, struct fault *fault)
{
	struct name aside = with(name, ".corrupt");

	if (ledger_look(dir, name, ledger, state, fault) < 0)
		return -1;
	if (*state == LEDGER_CORRUPT && renameat(dir, name, dir, aside.text) < 0)
		return fault_errno(fault, FAULT_FAILED, "renaming ledger/%s, which is corrupt, to %s", name, aside.text);
	return 0;
}

/* NULL: root alone. */
static const struct certificate *readers(int dir, struct certificate *access)
{
	struct stat s;

	if (fstat(dir, &s) < 0 || !(s.st_mode & S_IRGRP))
		return NULL;
	access->group = s.st_gid;
	return access;
}

int ledger_write(int dir, const char *name, const struct ledger *ledger, struct fault *fault)
{
	static struct ledger there;
	static struct image image;
	struct name beside = with(name, BESIDE);
	struct certificate access = { .mode = 0640 };
	enum ledger_state state;

	if (load(dir, name, &there, &state, fault) < 0)
		return -1;
	image.head = (struct head){ .version = LEDGER_VERSION, .length = sizeof(*ledger) };
	memcpy(image.head.magic, MAGIC, sizeof(image.head.magic));
	image.ledger = *ledger;
	add_up(&image, offsetof(struct image, sum), image.sum);
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): load() set it, or failed */
	if (file_replace_for(dir, state == LEDGER_NEWER ? beside.text : name, (const char *)&image, sizeof(image),
			     readers(dir, &access)) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing ledger/%s", name);
	return 0;
}

void ledger_clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* The host of an https URL. */
static void note_host(char out[LEDGER_CA_SIZE], const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	snprintf(out, LEDGER_CA_SIZE, "%.*s", (int)strcspn(host, "/"), host);
}

bool ledger_is_of(const struct attempt *attempt, const char *directory)
{
	const char *host = strstr(directory, "://");
	const size_t length = strlen(attempt->ca);

	return host && !strncmp(host + 3, attempt->ca, length) && strchr("/", host[3 + length]);
}

static uint32_t result_of(const struct attempt *attempt)
{
	_Static_assert(RESULTS <= LEDGER_RESULTS, "a number for each result");
	return attempt->outcome.result < LEDGER_RESULTS ? attempt->outcome.result : RESULT_UNKNOWN;
}

/* Is it at work, as far as its ledger knows? */
static bool is_begun(const struct attempt *attempt)
{
	return attempt->outcome.result == RESULT_UNKNOWN && !attempt->ended;
}

/* An older acmegate counted nothing: of its attempts those count that are kept. */
void ledger_count(const struct ledger *ledger, uint32_t ended[LEDGER_RESULTS])
{
	bool counted = false;

	for (uint32_t i = 0; i < LEDGER_RESULTS; i++)
		counted |= ledger->ended[i] != 0;
	memcpy(ended, ledger->ended, sizeof(ledger->ended));
	for (uint32_t i = 0; i < ledger->attempts && !counted; i++)
		if (i || !is_begun(&ledger->attempt[i]))
			ended[result_of(&ledger->attempt[i])]++;
}

void ledger_begin(struct ledger *ledger, const struct instant *now, uint64_t wish, const char *directory)
{
	struct attempt *attempt = &ledger->attempt[0];

	if (ledger->attempts && attempt->wish != wish)
		ledger->failures = 0;
	ledger->failures++;
	ledger_count(ledger, ledger->ended);
	if (ledger->attempts && is_begun(attempt))
		ledger->ended[RESULT_UNKNOWN]++;
	memmove(attempt + 1, attempt, (LEDGER_ATTEMPTS - 1) * sizeof(*attempt));
	if (ledger->attempts < LEDGER_ATTEMPTS)
		ledger->attempts++;
	memset(attempt, 0, sizeof(*attempt));
	attempt->started = *now;
	attempt->wish = wish;
	note_host(attempt->ca, directory);
}

static uint32_t clamp(uint32_t wait)
{
	return wait < WAIT_LEAST ? WAIT_LEAST : wait > WAIT_MOST ? WAIT_MOST : wait;
}

void ledger_end(struct ledger *ledger, const struct instant *now, const struct outcome *outcome)
{
	struct attempt *attempt = &ledger->attempt[0];

	attempt->ended = now->wall;
	attempt->outcome = *outcome;
	ledger->ended[result_of(attempt)]++;
	ledger_clean(attempt->outcome.type, sizeof(attempt->outcome.type));
	ledger_clean(attempt->outcome.detail, sizeof(attempt->outcome.detail));
	if (outcome->result == RESULT_STORED)
		ledger->failures = 0;
	if (!outcome->wait && outcome->result != RESULT_STORED)
		return;
	ledger->held = *now;
	memcpy(ledger->holder, attempt->ca, sizeof(ledger->holder));
	ledger->hold = outcome->wait ? clamp(outcome->wait) : 0;
}

/* start + PRF(secret, certID, start, end) x (end - start) */
static int64_t choose(const struct ari *ari, const struct secret *secret)
{
	struct {
		char certid[CERTID_SIZE];
		int64_t start, end;
	} about = { .start = ari->start, .end = ari->end };

	snprintf(about.certid, sizeof(about.certid), "%s", ari->certid);
	return ari->start + (int64_t)((double)(ari->end - ari->start) * secret_draw(secret, &about, sizeof(about)));
}

void ledger_suggest(struct ledger *ledger, const struct suggestion *suggestion, const struct instant *now, const struct secret *secret)
{
	struct ari *ari = &ledger->ari;
	bool window = suggestion->answer == SUGGESTION_WINDOW && suggestion->start < suggestion->end;

	if (strcmp(ari->certid, ledger->live.certid) != 0)
		*ari = (struct ari){ 0 };
	memcpy(ari->certid, ledger->live.certid, sizeof(ari->certid));
	ari->read_at = *now;
	ari->retry_after = clamp(suggestion->again);
	if (!window || (suggestion->start == ari->start && suggestion->end == ari->end))
		return;
	ari->start = suggestion->start;
	ari->end = suggestion->end;
	ari->chosen = choose(ari, secret);
	memcpy(ari->explanation, suggestion->explanation, sizeof(ari->explanation));
	ledger_clean(ari->explanation, sizeof(ari->explanation));
}

bool ledger_has_spki(const unsigned char spki[SPKI_SIZE])
{
	static const unsigned char none[SPKI_SIZE];

	return memcmp(spki, none, SPKI_SIZE) != 0;
}

void ledger_note_key(struct ledger *ledger, const unsigned char spki[SPKI_SIZE], bool renewed)
{
	struct keys *keys = &ledger->keys;

	if (memcmp(keys->live, spki, SPKI_SIZE) != 0)
		keys->renewals = 0;
	else if (renewed)
		keys->renewals++;
	memcpy(keys->live, spki, SPKI_SIZE);
	if (memcmp(keys->next, spki, SPKI_SIZE) != 0)
		return;
	memset(keys->next, 0, SPKI_SIZE);
	keys->prepared = 0;
}

static struct name key_file(const char *name, enum ledger_key which)
{
	return with(name, which == LEDGER_NEXT_KEY ? "~next" : "~key");
}

int ledger_save_key(int dir, const char *name, enum ledger_key which, const char *pem, size_t length, struct fault *fault)
{
	struct name file = key_file(name, which);

	return file_replace(dir, file.text, pem, length) < 0 ? fault_errno(fault, FAULT_FAILED, "writing ledger/%s", file.text) : 0;
}

bool ledger_has_key(int dir, const char *name, enum ledger_key which)
{
	return file_exists(dir, key_file(name, which).text);
}

char *ledger_load_key(int dir, const char *name, enum ledger_key which, size_t *length)
{
	return file_read(dir, key_file(name, which).text, length);
}

void ledger_forget_order(int dir, const char *name, struct ledger *ledger)
{
	ledger->order = (struct open_order){ 0 };
	(void)unlinkat(dir, key_file(name, LEDGER_ORDER_KEY).text, 0);
}

void ledger_revoke(int dir, const char *name, struct ledger *ledger, int reason)
{
	ledger->live.revoked = (uint8_t)(1 + reason);
	if (reason == REVOCATION_KEY_COMPROMISE)
		ledger_forget_order(dir, name, ledger);
}
