// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * importer.c - the role that looks at keys and certificates of other clients: the warden hands their bytes in, the storer stores them.
 *
 * Whoever could write these files may have prepared them, so it has the rights of the signer: no file, no network. It is no part of a
 * renewal: there a certificate comes by the signer, which made the key and verifies what the CA sent.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>

#include "acme/foreign.h"
#include "agent/certificate.h"
#include "agent/channel.h"
#include "base/log.h"
#include "store/crypto.h"
#include "store/jwk.h"
#include "store/pile.h"
#include "store/trust.h"

static struct record asked; /* the last record received: 64 KiB that no stack should carry */

/* --- certificates ------------------------------------------------------------------------------------------------- */

/* The names, behind each other. */
static int tell_names(const struct facts *facts, struct reply *reply, struct fault *fault)
{
	for (uint32_t i = 0; i < facts->names; i++) {
		const size_t room = sizeof(reply->data) - reply->length;
		int n = snprintf(reply->data + reply->length, room, "%s%s", i ? " " : "", facts->name[i]);

		if (n < 0 || (size_t)n >= room)
			return fault_set(fault, FAULT_FAILED, "its names are too long");
		reply->length += (size_t)n;
	}
	return 0;
}

/* A certificate that acmegate would install if a CA sent it, whenever it is valid. */
static int judge(const struct chain *chain, const struct key *key, struct facts *facts, struct fault *fault)
{
	if (chain_facts(chain, facts, fault) < 0)
		return -1;
	if (facts->other_names || !facts->names)
		return fault_set(fault, FAULT_FAILED,
				 "it has names that acmegate cannot ask a CA for: only DNS names and addresses, 100 "
				 "at most");
	return trust_verify(chain, key, (const char(*)[NAME_SIZE])facts->name, facts->names, facts->not_before, fault);
}

static int take_certificate(struct signer_role *importer, const struct record *record, bool keep, struct reply *reply,
			    struct fault *fault)
{
	const struct estate *estate = (const void *)record->data;
	struct found *found = (void *)reply->data;
	OWN_KEY struct key *key = NULL;
	OWN_CHAIN struct chain *chain = NULL;
	static struct facts facts;

	if (pile_read(estate->text, record->length - sizeof(*estate), &key, &chain, fault) < 0 || judge(chain, key, &facts, fault) < 0)
		return -1;
	found->key = (uint8_t)facts.key;
	found->not_before = facts.not_before;
	found->not_after = facts.not_after;
	if (tell_names(&facts, reply, fault) < 0)
		return -1;
	if (!keep)
		return 0;
	if (record->index >= importer->config->certificates)
		return fault_set(fault, FAULT_FAILED, "there is no certificate %u to import", record->index);
	return certificate_save(importer, record->index, key, chain, fault);
}

/* --- accounts ----------------------------------------------------------------------------------------------------- */

static struct key *read_key(const char *text, size_t length, struct fault *fault)
{
	static struct jwk jwk;
	struct key *key = NULL;

	if (memmem(text, length, "-----BEGIN", strlen("-----BEGIN")))
		return key_read(text, length, fault);
	if (foreign_key(text, length, &jwk, fault) == 0)
		key = jwk_read(&jwk, fault);
	crypto_wipe(&jwk, sizeof(jwk));
	return key;
}

/* 1: there is one already. */
static int save_account(const struct key *key, const char *url, struct fault *fault)
{
	const struct stored_account *stored = (const void *)signing_reply.data;
	char pem[KEY_PEM_SIZE];
	bool present;
	int rc;

	if (signing_ask(VERB_LOAD_ACCOUNT, 0, NULL, 0, fault) < 0)
		return -1;
	present = signing_reply.length == sizeof(*stored) && stored->key[0];
	crypto_wipe(signing_reply.data, signing_reply.length);
	if (present)
		return 1;
	rc = key_write(key, pem, fault);
	if (rc == 0)
		rc = signing_ask(VERB_SAVE_ACCOUNT, 0, pem, strlen(pem), fault);
	crypto_wipe(pem, sizeof(pem));
	return rc == 0 && url[0] ? signing_ask(VERB_ACCOUNT_URL, 0, url, strlen(url), fault) : rc;
}

static int take_account(const struct record *record, bool keep, struct reply *reply, struct fault *fault)
{
	const struct estate *estate = (const void *)record->data;
	const size_t rest = record->length - sizeof(*estate) - estate->key_length;
	struct found *found = (void *)reply->data;
	OWN_KEY struct key *key = read_key(estate->text, estate->key_length, fault);
	int rc;

	if (!key || foreign_account(estate->text + estate->key_length, rest, found->url, fault) < 0)
		return -1;
	for (unsigned int i = 0; i < KEY_TYPES; i++)
		if (key_is(key, (enum key_type)i))
			found->key = (uint8_t)i;
	rc = keep ? save_account(key, found->url, fault) : 0;
	found->present = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* 1: served. 0: the warden has gone, as it does at the end. -1: it makes no sense. */
static int serve_warden(void *role, struct fault *fault)
{
	static struct reply reply;
	struct signer_role *importer = role;
	const struct estate *estate = (const void *)asked.data;
	int rc = wire_receive(FD_WARDEN, &asked, fault);
	struct fault why;
	bool keep;

	if (rc <= 0)
		return rc;
	keep = asked.verb == VERB_ADOPT;
	if ((!keep && asked.verb != VERB_WEIGH) || estate->key_length > asked.length - sizeof(*estate))
		return fault_set(fault, FAULT_FAILED, "the warden sent %s", verb_name((enum verb)asked.verb));
	memset(reply.data, 0, sizeof(struct found));
	reply.length = sizeof(struct found);
	rc = estate->account ? take_account(&asked, keep, &reply, &why) : take_certificate(importer, &asked, keep, &reply, &why);
	crypto_wipe(asked.data, asked.length);
	return channel_reply(FD_WARDEN, rc, &why, reply.data, reply.length, fault) < 0 ? -1 : 1;
}

int importer_main(const struct config *config)
{
	static const struct channel channels[] = { { FD_WARDEN, serve_warden }, { FD_STORER, certificate_serve_storer } };
	static struct signer_role importer; /* for certificate.h: it has no account */
	struct fault fault;
	int rc;

	importer.config = config;
	crypto_start();
	rc = channel_serve(&importer, channels, &fault);
	for (size_t i = 0; i < MAX_CERTIFICATES; i++)
		chain_free(importer.live[i]);
	if (rc < 0)
		log_error("%s", fault.text);
	return rc < 0 ? fault_status(&fault) : STATUS_DONE;
}
