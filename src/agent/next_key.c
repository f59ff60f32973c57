// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/next_key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "store/file.h"
#include "store/reuse.h"

void next_key_wipe(char *pem, size_t length)
{
	if (pem)
		explicit_bzero(pem, length);
	free(pem);
}

void next_key_give(struct reply *reply, char *pem, size_t length)
{
	if (pem && length < sizeof(reply->data.text)) {
		memcpy(reply->data.text, pem, length);
		reply->length = length;
	}
	next_key_wipe(pem, length);
}

/* --- the next one ------------------------------------------------------------------------------------------------- */

static void note(struct keys *keys, const unsigned char spki[SPKI_SIZE])
{
	memcpy(keys->next, spki, SPKI_SIZE);
	keys->prepared = time(NULL);
}

/* This is the next key from now on; the caller writes the ledger. */
static int save(struct storer *storer, const struct certificate *certificate, const unsigned char spki[SPKI_SIZE], const char *pem,
		size_t length, struct fault *fault)
{
	const char *name = certificate->name;

	if (ledger_save_key(storer->ledgers, name, LEDGER_NEXT_KEY, pem, length, fault) < 0)
		return -1;
	if (ledger_has_spki(storer->ledger.keys.next))
		log_warning("certificate %s: its next key is another one now: publish its TLSA record instead of the earlier one, see "
			    "acmegate tlsa %s",
			    name, name);
	else
		log_notice("certificate %s: its next key is made; acmegate tlsa %s prints the TLSA record to be published", name,
			   name);
	note(&storer->ledger.keys, spki);
	return 0;
}

/* The key in the file. One that is live was used up by a run that was killed before it could say so. */
/* NOLINTNEXTLINE(misc-no-recursion): once, without a key */
static int judge(struct storer *storer, struct examination *examination, const char *pem, size_t length, struct fault *fault)
{
	struct keys *keys = &storer->ledger.keys;
	struct verdict verdict;
	const char *fresh;
	size_t n;

	if (examination_prepare(examination, pem, length, &verdict, &fresh, &n, fault) < 0)
		return -1;
	if (pem && !fresh && !memcmp(verdict.spki, keys->live, SPKI_SIZE))
		return judge(storer, examination, NULL, 0, fault);
	if (!fresh && !pem)
		return fault_set(fault, FAULT_FAILED, "the signer makes no next key");
	if (fresh)
		return save(storer, certificate_of(storer, examination->index), verdict.spki, fresh, n, fault);
	if (memcmp(keys->next, verdict.spki, SPKI_SIZE) != 0)
		note(keys, verdict.spki);
	return 0;
}

static int prepare(struct storer *storer, struct examination *examination, struct fault *fault)
{
	const struct certificate *certificate = certificate_of(storer, examination->index);
	const struct keys before = storer->ledger.keys;
	size_t length = 0;
	char *pem = ledger_load_key(storer->ledgers, certificate->name, LEDGER_NEXT_KEY, &length);
	int rc;

	if (!pem && !file_is_broken(errno))
		return fault_errno(fault, FAULT_LATER, "reading its next key");
	rc = judge(storer, examination, pem, pem && length < KEY_PEM_SIZE ? length : 0, fault);
	next_key_wipe(pem, length);
	if (rc < 0 || !memcmp(&before, &storer->ledger.keys, sizeof(before)))
		return rc;
	return storing_write_ledger(storer, certificate, fault);
}

/* The request of who has the key. */
static int check_request(struct storer *storer, struct examination *examination, struct fault *fault)
{
	struct verdict verdict;
	const char *fresh;
	size_t n;

	if (examination_prepare(examination, NULL, 0, &verdict, &fresh, &n, fault) == 0)
		return 0;
	storer->seen[examination->index].unusable = true;
	return -1;
}

int next_key_prepare(struct storer *storer, struct examination *examination, struct fault *fault)
{
	const struct certificate *certificate = certificate_of(storer, examination->index);
	int rc = 0;

	if (certificate->csr_length)
		rc = check_request(storer, examination, fault);
	else if (certificate->reuse)
		rc = prepare(storer, examination, fault);
	if (rc == 0)
		return 0;
	if (examination->lost)
		return -1;
	log_error("certificate %s: %s", certificate->name, fault->text);
	storer->failed = true;
	return 0;
}

/* The one before is that of the certificate that was stored, and gone from the ledger: no other can be replaced. */
int next_key_save(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct next_key *next = (const void *)record->data;
	const struct certificate *certificate;

	(void)reply;
	if (record->index >= storer->config->certificates)
		return fault_set(fault, FAULT_FAILED, "a next key for no certificate of the configuration");
	certificate = certificate_of(storer, record->index);
	if (storing_read_ledger(storer, certificate, fault) < 0)
		return -1;
	if (!certificate->reuse || ledger_has_spki(storer->ledger.keys.next))
		return fault_set(fault, FAULT_FAILED, "a next key that is not wanted");
	if (save(storer, certificate, next->spki, next->pem, record->length - sizeof(*next), fault) < 0)
		return -1;
	return storing_write_ledger(storer, certificate, fault);
}

/* --- that of an order --------------------------------------------------------------------------------------------- */

/* The key that an order has now, see reuse.h. *pem NULL: one that nobody has yet. */
static int choose(struct storer *storer, uint32_t index, char **pem, size_t *length, struct fault *fault)
{
	const struct certificate *certificate = certificate_of(storer, index);
	const struct seen *seen = &storer->seen[index];
	/* Another key than wanted is one that is elsewhere. */
	enum reuse reuse = reuse_choose(certificate, &storer->ledger, seen->present && !seen->other_key, time(NULL));

	*pem = NULL;
	*length = 0;
	if (reuse == REUSE_NOTHING)
		return 0;
	if (reuse == REUSE_LIVE) {
		*pem = store_load_key(&storer->store, certificate, length, fault);
		return *pem ? 0 : -1;
	}
	*pem = ledger_load_key(storer->ledgers, certificate->name, LEDGER_NEXT_KEY, length);
	return *pem ? 0 : fault_errno(fault, FAULT_LATER, "the next key of certificate %s", certificate->name);
}

int next_key_choose(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	size_t length;
	char *pem;

	if (storing_find_attempt(storer, record, fault) < 0)
		return -1;
	if (!certificate_of(storer, record->index)->reuse)
		return fault_set(fault, FAULT_FAILED, "a question for a key to be used again, which is not configured");
	if (choose(storer, record->index, &pem, &length, fault) < 0)
		return -1;
	next_key_give(reply, pem, length);
	return 0;
}

char *next_key_of_order(struct storer *storer, uint32_t index, size_t *length)
{
	const struct certificate *certificate = certificate_of(storer, index);
	char *pem = ledger_load_key(storer->ledgers, certificate->name, LEDGER_ORDER_KEY, length), *wanted;
	struct fault ignored;
	size_t n;
	bool same;

	if (!pem || !certificate->reuse)
		return pem;
	same = choose(storer, index, &wanted, &n, &ignored) == 0 && (!wanted || (n == *length && !memcmp(wanted, pem, n)));
	next_key_wipe(wanted, n);
	if (same)
		return pem;
	next_key_wipe(pem, *length);
	return NULL;
}
