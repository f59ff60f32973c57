// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * client.c - the agent's role that talks to the CA.
 *
 * It owns nothing: the signer signs, and has what is good stored, the responder answers the CA, the warden opens the port. This file is
 * the order of events and the channels to those three; src/acme has what it says to the CA.
 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/crypto.h"
#include "acme/account.h"
#include "acme/challenge.h"
#include "acme/directory.h"
#include "acme/finalization.h"
#include "agent/channel.h"
#include "agent/http.h"
#include "agent/idna.h"
#include "base/log.h"
#include "agent/whereabouts.h"
#include "base/wire.h"

#define FINISH_MOST 300000 /* ms from finalize to the stored certificates */
#define CLOCK_SKEW 300	   /* s that our clock may be off the CA's without a word */
#define HITS_AT_ONCE 256

struct client {
	const struct config *config;
	struct http *http;
	struct acme *acme;
	struct order_signer signer;
	struct order *orders;
	size_t count;
	struct authorizations authorizations;
	bool deaf; /* the responder's channel has ended */
};

static struct record record; /* the last one received: 64 KiB that no stack should carry */

static int64_t now_ms(void *context)
{
	struct timespec t;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* The signer's reply is then in record. */
static int ask(enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	return channel_ask(FD_SIGNER, "signer", verb, index, data, length, &record, fault);
}

/* The text that the signer has answered; the caller frees it. */
static char *take_text(struct fault *fault)
{
	char *text = strndup(record.data, record.length);

	if (!text)
		fault_set(fault, FAULT_LATER, "not enough memory for a request");
	return text;
}

static char *sign(void *context, bool by_key, const char *url, const char *nonce, const char *payload, struct fault *fault)
{
	size_t length = payload ? strlen(payload) : 0;
	struct draft *draft = calloc(1, sizeof(*draft) + length);
	int rc = -1;

	(void)context;
	if (!draft)
		fault_set(fault, FAULT_LATER, "not enough memory for a request");
	else if (snprintf(draft->url, sizeof(draft->url), "%s", url) >= (int)sizeof(draft->url) ||
		 snprintf(draft->nonce, sizeof(draft->nonce), "%s", nonce) >= (int)sizeof(draft->nonce))
		fault_set(fault, FAULT_FAILED, "the CA's URL or nonce is too long");
	else {
		draft->by_key = by_key;
		if (payload)
			/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): it ends with the record */
			memcpy(draft->payload, payload, length);
		rc = ask(VERB_SIGN, 0, draft, sizeof(*draft) + length, fault);
	}
	free(draft);
	return rc < 0 ? NULL : take_text(fault);
}

static char *bind_account(void *context, const char *url, struct fault *fault)
{
	(void)context;
	return ask(VERB_SIGN_EAB, 0, url, strlen(url), fault) < 0 ? NULL : take_text(fault);
}

static int request(void *context, uint32_t index, const void **der, size_t *length, struct fault *fault)
{
	(void)context;
	if (ask(VERB_CSR, index, NULL, 0, fault) < 0)
		return -1;
	*der = record.data;
	*length = record.length;
	return 0;
}

static int install(void *context, uint32_t index, const char *pem, size_t length, struct fault *fault)
{
	const struct client *client = context;

	if (ask(VERB_INSTALL, index, pem, length, fault) < 0)
		return -1;
	log_notice("certificate %s: stored", client->config->certificate[index].name);
	return 0;
}

static int prefers(void *context, uint32_t index, const char *pem, size_t length, struct fault *fault)
{
	(void)context;
	if (ask(VERB_PREFERS, index, pem, length, fault) < 0)
		return -1;
	return record.length == 1 && record.data[0] == 1;
}

static void begin(void *context, struct exchange *exchange)
{
	struct client *client = context;

	http_begin(client->http, exchange);
}

static void cancel(void *context, struct exchange *exchange)
{
	struct client *client = context;

	http_cancel(client->http, exchange);
}

/* Not for ever: a responder that has gone mad would keep us from everything else. */
static void drain_hits(struct client *client)
{
	struct fault fault;
	struct hit hit;

	for (int i = 0; i < HITS_AT_ONCE && !client->deaf && is_readable(FD_RESPONDER); i++) {
		if (wire_receive(FD_RESPONDER, &record, &fault) != 1 || record.verb != VERB_HIT) {
			client->deaf = true; /* the warden sees to it; we only miss the numbers */
			return;
		}
		memcpy(&hit, record.data, sizeof(hit));
		challenges_hit(&client->authorizations, &hit, now_ms(NULL));
	}
}

/* The next word of the warden, whatever it is; anything but `wanted` ends us. 1: it refuses. */
static int hear(enum verb wanted, struct fault *fault)
{
	int n = wire_receive(FD_WARDEN, &record, fault);

	if (n < 0)
		return -1;
	if (n == 0)
		return fault_set(fault, FAULT_FAILED, "the warden has ended");
	if (record.verb == wanted)
		return 0;
	if (record.verb == VERB_REFUSED && wanted == VERB_OPENED)
		return 1;
	if (record.verb == VERB_CLOSED)
		return fault_set(fault, FAULT_FAILED, "the warden has closed the port before the validations ended");
	return fault_set(fault, FAULT_FAILED, "the warden says %s", verb_name((enum verb)record.verb));
}

static int next(void *context, int64_t milliseconds, struct exchange **exchange, struct fault *fault)
{
	struct client *client = context;
	const int watched[] = { FD_WARDEN, client->deaf ? -1 : FD_RESPONDER };
	int n = http_next(client->http, milliseconds, watched, exchange, fault);

	drain_hits(client);
	if (n == 0 && is_readable(FD_WARDEN)) /* nothing is awaited from it here: VERBS is no verb */
		return hear(VERBS, fault) < 0 ? -1 : fault_set(fault, FAULT_FAILED, "the warden speaks unasked");
	return n;
}

/* Takes the list of certificates to obtain. */
static int take_work(struct client *client, struct fault *fault)
{
	const struct config *config = client->config;
	struct work work;
	size_t n = 0;

	if (hear(VERB_WORK, fault) < 0)
		return -1;
	memcpy(&work, record.data, sizeof(work));
	client->orders = calloc(config->certificates + 1, sizeof(*client->orders));
	if (!client->orders)
		return fault_errno(fault, FAULT_LATER, "taking the work");
	for (uint32_t i = 0; i < config->certificates; i++) {
		if (work.wanted[i] != 1)
			continue;
		client->orders[n].config = config;
		client->orders[n].signer = &client->signer;
		client->orders[n++].index = i;
	}
	client->count = n;
	return 0;
}

/* Keys, transport and directory: everything before the first question about a certificate. */
static int set_up(struct client *client, struct fault *fault)
{
	const struct config *config = client->config;
	struct transport transport = { client, begin, next, cancel, now_ms };
	struct signer signer = { client, sign, bind_account };
	struct account account;
	int64_t date, off;

	client->signer = (struct order_signer){ client, request, install, prefers };
	if (ask(VERB_ACCOUNT, 0, NULL, 0, fault) < 0)
		return fault_at(fault, "account key");
	if (record.length != sizeof(account))
		return fault_set(fault, FAULT_FAILED, "the signer gives an account of %u bytes", record.length);
	memcpy(&account, record.data, sizeof(account));
	crypto_start(); /* before libcurl does it in its way, with openssl.cnf and what that loads */
	client->http = http_start(config->acme.ca_file[0] ? FD_CA_FILE : -1, config->acme.proxy, fault);
	if (!client->http)
		return -1;
	client->acme = acme_start(&transport, &signer, &account, fault);
	if (!client->acme || directory_fetch(client->acme, config->acme.directory, &date, fault) < 0)
		return -1;
	off = date ? (int64_t)time(NULL) - date : 0;
	if (off > CLOCK_SKEW || off < -CLOCK_SKEW)
		log_warning("the clock of this host is %lld s %s that of the CA", (long long)(off < 0 ? -off : off),
			    off < 0 ? "behind" : "ahead of");
	return 0;
}

static int get_account(struct client *client, struct fault *fault)
{
	const char *url = acme_account(client->acme);

	if (account_register(client->acme, client->config, fault) < 0)
		return -1;
	log_notice("account: %s", url);
	return ask(VERB_ACCOUNT_URL, 0, url, strlen(url), fault) < 0 ? fault_at(fault, "keeping the account") : 0;
}

/* An account of another CA is none of ours; one that this CA has forgotten shows with the first order. */
static int place(struct client *client, struct fault *fault)
{
	const struct directory *directory = acme_directory(client->acme);
	const char *url = acme_account(client->acme);

	if (!url_same_origin(url, directory->new_account) && get_account(client, fault) < 0)
		return -1;
	if (order_place(client->orders, client->count, client->acme, &client->authorizations, fault) < 0)
		return -1;
	if (!order_lacks_account(client->orders, client->count))
		return 0;
	log_notice("account: the CA does not know %s any more", url);
	acme_set_account(client->acme, "");
	if (get_account(client, fault) < 0)
		return -1;
	return order_place(client->orders, client->count, client->acme, &client->authorizations, fault);
}

/* To the storer, by way of the signer, where the host's web server answers; else to the responder. */
static int send_token(const struct client *client, const struct token *token, struct fault *fault)
{
	return client->authorizations.webroot ? ask(VERB_TOKEN, 0, token, sizeof(*token), fault) :
						wire_send(FD_RESPONDER, VERB_TOKEN, 0, token, sizeof(*token), fault);
}

static int send_tokens(const struct client *client, const char *thumbprint, struct fault *fault)
{
	struct token token;

	for (size_t i = 0; i < client->authorizations.count; i++) {
		const struct authorization *authorization = &client->authorizations.item[i];

		if (!authorization_is_pending(authorization))
			continue;
		memset(&token, 0, sizeof(token));
		snprintf(token.token, sizeof(token.token), "%s", authorization->token);
		snprintf(token.key_authorization, sizeof(token.key_authorization), "%s.%s", authorization->token, thumbprint);
		if (send_token(client, &token, fault) < 0)
			return -1;
	}
	return 0;
}

/* How long we try: so much less than the warden's limit that it never has to use it. */
static int64_t window_most(const struct config *config)
{
	int64_t most = (int64_t)config->gate.max_open * 1000;

	return most - 2000 > most / 2 ? most - 2000 : most / 2;
}

/* The window: from VERB_OPEN to VERB_CLOSED nothing happens but the validation itself. */
static int prove(struct client *client, struct fault *fault)
{
	struct authorizations *authorizations = &client->authorizations;
	struct whereabouts_search search;
	struct fault ignored;
	int64_t opened, closed;
	int n;

	if (challenges_prepare(authorizations, client->acme, fault) < 0)
		return -1;
	if (authorizations->pending == 0)
		return 0;
	whereabouts_begin(&search);
	for (size_t i = 0; i < authorizations->count; i++)
		if (authorizations->item[i].wanted)
			whereabouts_look(&search, authorizations->item[i].name);
	if (send_tokens(client, acme_thumbprint(client->acme), fault) < 0 ||
	    wire_send(FD_WARDEN, VERB_OPEN, 0, &search.found, sizeof(search.found), fault) < 0)
		return -1;
	n = hear(VERB_OPENED, fault);
	if (n < 0)
		return -1;
	if (n == 1) {
		authorizations_drop(authorizations);
		return 0;
	}
	opened = now_ms(NULL);
	if (challenges_respond(authorizations, client->acme, window_most(client->config), fault) < 0 ||
	    wire_send(FD_WARDEN, VERB_CLOSE, 0, NULL, 0, fault) < 0)
		return -1;
	closed = now_ms(NULL);
	if (hear(VERB_CLOSED, fault) < 0)
		return -1;
	memcpy(&authorizations->closed, record.data, sizeof(authorizations->closed));
	if (authorizations->webroot) /* what the storer cannot remove now it tries again at its end, and says so */
		(void)!ask(VERB_WITHDRAW, 0, NULL, 0, &ignored);
	log_notice("validation of %zu name%s took %lld ms", authorizations->pending, authorizations->pending == 1 ? "" : "s",
		   (long long)(closed - opened));
	return 0;
}

static void tell_names(const struct client *client)
{
	char visits[640], foreign[FOREIGN_NAME_SIZE];

	for (size_t i = 0; i < client->authorizations.count; i++) {
		const struct authorization *authorization = &client->authorizations.item[i];

		if (authorization->state != STATE_VALID || !authorization->name)
			continue;
		authorization_describe(authorization, visits, sizeof(visits));
		idna_unicode(authorization->name, foreign);
		log_notice("%s%s%s%s is valid (%s)", authorization->name, *foreign ? " (" : "", foreign, *foreign ? ")" : "",
			   authorization->challenge ? visits : "it was already");
	}
}

static int run(struct client *client, struct fault *fault)
{
	if (client->config->responder.mode == RESPONDER_WEBROOT)
		client->authorizations.webroot = client->config->responder.webroot;
	if (take_work(client, fault) < 0)
		return -1;
	if (client->count == 0)
		return 0;
	if (set_up(client, fault) < 0 || place(client, fault) < 0 || prove(client, fault) < 0)
		return -1;
	drain_hits(client);
	tell_names(client);
	order_judge(client->orders, client->count, &client->authorizations);
	return finalization_run(client->orders, client->count, client->acme, FINISH_MOST, fault);
}

/* The international names in a text, as people write them. */
static void tell_both(const struct order *order)
{
	const struct certificate *certificate = order_certificate(order);
	char foreign[FOREIGN_NAME_SIZE];

	for (uint32_t i = 0; i < certificate->names; i++) {
		const char *name = order->config->name[certificate->first_name + i];

		if (strstr(order->fault.text, name) && *idna_unicode(name, foreign))
			log_notice("%s is %s", name, foreign);
	}
}

/* Tells of each certificate that failed; the status of the process. */
static int conclude(const struct client *client)
{
	int status = STATUS_DONE;

	for (size_t i = 0; i < client->count; i++) {
		const struct order *order = &client->orders[i];

		if (order->stored && order->other_chain)
			log_warning("certificate %s: the CA offers no chain from \"%s\"; its default one is stored",
				    order_certificate(order)->name, order_certificate(order)->chain);
		if (order->stored)
			continue;
		if (order->fault.kind != FAULT_LATER)
			status = STATUS_FAILED;
		else if (status == STATUS_DONE)
			status = STATUS_LATER;
		if (order->dropped)
			continue; /* the warden has said why */
		log_error("certificate %s: %s", order_certificate(order)->name, order->fault.text);
		tell_both(order);
	}
	return status;
}

int client_main(const struct config *config)
{
	struct client client = { .config = config };
	struct fault fault = { .kind = FAULT_NONE };
	int status;

	if (run(&client, &fault) < 0) {
		log_error("%s", fault.text);
		status = fault_status(&fault);
	} else {
		status = conclude(&client);
	}
	for (size_t i = 0; i < client.count; i++)
		order_free(&client.orders[i]);
	free(client.orders);
	authorizations_free(&client.authorizations);
	acme_free(client.acme);
	http_free(client.http);
	return status;
}
