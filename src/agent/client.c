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
#include "acme/renewal_info.h"
#include "agent/dealing.h"
#include "agent/http.h"
#include "agent/idna.h"
#include "agent/proof.h"
#include "agent/questions.h"
#include "base/log.h"
#include "agent/upkeep.h"
#include "agent/whereabouts.h"
#include "base/wire.h"

#define DNS_MOST 180000	     /* ms that a CA may take to look values up: nothing is open for it */
#define FINISH_MOST 300000   /* ms from finalize to the stored certificates */
#define CLOCK_SKEW 300	     /* s that our clock may be off the CA's without a word */
#define CLOCK_TOLERANCE 3600 /* s that it may be behind: as trust_verify() tolerates, for a CA that dates nothing back */
#define SHORTEST_LIFETIME \
	(6 * 86400) /* s that it may be ahead, where no certificate says how long they last: what public CAs sell */
#define HITS_AT_ONCE 256

struct client {
	const struct config *config;
	struct http *http;
	struct acme *acme;
	struct account account;
	struct order *orders;
	size_t count;
	struct renewal_info *asks; /* about certificates that are due only if the CA suggests it */
	size_t asked;
	struct authorizations authorizations;
	struct outcome outcome; /* of what concerns all of them, if it fails */
	bool deaf;		/* the responder's channel has ended */
	bool opened;		/* the port was open */
	uint32_t validated;	/* names, and one more, as the warden was told; 0: it is not to be told now */
	int dns;		/* channel to acmegate-dns; -1: there is none */
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
static int judge_word(int n, enum verb wanted, struct fault *fault)
{
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

static int hear(enum verb wanted, struct fault *fault)
{
	return judge_word(wire_receive(FD_WARDEN, &record, fault), wanted, fault);
}

/* How many of the names at hand are valid, or have been asked for. */
static int tell_validated(struct client *client, struct fault *fault)
{
	const struct authorizations *list = &client->authorizations;
	struct validated validated = { 0, (uint32_t)list->pending };

	for (size_t i = 0; i < list->count && client->validated; i++)
		validated.done += list->item[i].challenge && challenge_kinds[list->item[i].type].window == list->window &&
				  (list->item[i].state == STATE_VALID || list->item[i].seen);
	if (validated.done < client->validated || validated.done > validated.of)
		return 0;
	client->validated = validated.done + 1;
	return wire_send(FD_WARDEN, VERB_VALIDATED, 0, &validated, sizeof(validated), fault);
}

static int next(void *context, int64_t milliseconds, struct exchange **exchange, struct fault *fault)
{
	struct client *client = context;
	const int watched[] = { FD_WARDEN, client->deaf ? -1 : FD_RESPONDER };
	int n = http_next(client->http, milliseconds, watched, exchange, fault);

	drain_hits(client);
	if (client->validated && tell_validated(client, fault) < 0)
		return -1;
	if (n == 0 && is_readable(FD_WARDEN)) /* nothing is awaited from it here: VERBS is no verb */
		return hear(VERBS, fault) < 0 ? -1 : fault_set(fault, FAULT_FAILED, "the warden speaks unasked");
	return n;
}

static void add_order(struct client *client, uint32_t index)
{
	client->orders[client->count++] = (struct order){ .config = client->config, .signer = &questions_order_signer, .index = index };
}

/* Takes the list of certificates to obtain, or to ask about. */
static int take_work(struct client *client, struct fault *fault)
{
	const struct config *config = client->config;
	int given[2] = { -1, -1 };
	struct work work;
	int n = wire_receive_with(FD_WARDEN, &record, given, fault);

	client->dns = given[0];
	close_fd(&given[1]);
	if (judge_word(n, VERB_WORK, fault) < 0)
		return -1;
	memcpy(&work, record.data, sizeof(work));
	client->orders = calloc(config->certificates + 1, sizeof(*client->orders));
	client->asks = calloc(config->certificates + 1, sizeof(*client->asks));
	if (!client->orders || !client->asks)
		return fault_errno(fault, FAULT_LATER, "taking the work");
	for (uint32_t i = 0; i < config->certificates; i++) {
		if (work.wanted[i] == WORK_OBTAIN)
			add_order(client, i);
		else if (work.wanted[i] == WORK_ASK)
			client->asks[client->asked++].index = i;
	}
	return 0;
}

/* Notes that a step which all certificates need has failed. otherwise: the result, unless a request has given one. Returns -1. */
static int fail_all(struct client *client, enum step step, enum result otherwise)
{
	client->outcome = acme_failure(client->acme);
	client->outcome.step = step;
	if (client->outcome.result == RESULT_UNKNOWN)
		client->outcome.result = otherwise;
	return -1;
}

/* Keys, transport and directory: everything before the first question about a certificate. */
static int set_up(struct client *client, struct fault *fault)
{
	const struct config *config = client->config;
	struct transport transport = { client, begin, next, cancel, now_ms };
	int64_t date;

	if (questions_take(VERB_ACCOUNT, 0, &client->account, sizeof(client->account), fault) < 0)
		return fault_at(fault, "account key");
	crypto_start(); /* before libcurl does it in its way, with openssl.cnf and what that loads */
	client->http = http_start(config->acme.ca_file[0] ? FD_CA_FILE : -1, config->acme.proxy, fault);
	if (!client->http)
		return -1;
	client->acme = acme_start(&transport, &questions_signer, &client->account, fault);
	if (!client->acme)
		return -1;
	if (directory_fetch(client->acme, config->acme.directory, &date, fault) < 0)
		return fail_all(client, STEP_DIRECTORY, RESULT_UNREACHABLE);
	if (config->task.kind != TASK_SHOW && config->task.kind != TASK_TERMS &&
	    upkeep_run(client->acme, config, &client->account, fault) < 0)
		return fail_all(client, STEP_ACCOUNT, RESULT_REFUSED);
	return 0;
}

/* How far our clock is ahead of the CA's, by its last answer, which has just come; 0: it sends no date. */
static int64_t skew(const struct client *client)
{
	int64_t date = acme_date(client->acme);

	return date ? (int64_t)time(NULL) - date : 0;
}

/* The certificates to come, as far as those in use tell. */
struct prospect {
	int64_t lifetime;  /* s, of the one that lasts shortest */
	int64_t backdated; /* s that the CA dates each of them back, at least */
};

/*
 * With a clock that is wrong by so much the certificate would be refused here when it comes, and would count against the CA's limits all
 * the same: see trust_verify(). A directory may come out of a cache, a nonce never does: both have to say so.
 */
static int check_clock(struct client *client, const struct prospect *prospect, struct fault *fault)
{
	int64_t off = skew(client);

	if (off > CLOCK_SKEW || off < -CLOCK_SKEW) {
		if (acme_gather_nonces(client->acme, 1, fault) < 0)
			return fail_all(client, STEP_DIRECTORY, RESULT_UNREACHABLE);
		off = skew(client);
	}
	if (off > CLOCK_SKEW || off < -CLOCK_SKEW)
		log_warning("the clock of this host is %lld s %s that of the CA", (long long)(off < 0 ? -off : off),
			    off < 0 ? "behind" : "ahead of");
	if (-off <= CLOCK_TOLERANCE + prospect->backdated && off < prospect->lifetime)
		return 0;
	return fault_set(fault, FAULT_FAILED,
			 "the clock of this host is %lld s %s that of the CA: the certificate would %s here; set the clock (timedatectl, "
			 "chronyc, date), nothing has been ordered",
			 (long long)(off < 0 ? -off : off), off < 0 ? "behind" : "ahead of",
			 off < 0 ? "not be valid yet" : "have expired already");
}

/* The ledger takes the CA's suggestion, and says whether the certificate is due now. */
static int suggest(struct client *client, const struct renewal_info *info, struct fault *fault)
{
	const char *name = client->config->certificate[info->index].name;
	struct renewal renewal;

	if (questions_ask(VERB_SUGGESTION, info->index, &info->suggestion, sizeof(info->suggestion), fault) < 0)
		return -1;
	if (questions_reply.length != sizeof(renewal))
		return fault_set(fault, FAULT_FAILED, "the signer answers SUGGESTION with %u bytes", questions_reply.length);
	memcpy(&renewal, questions_reply.data, sizeof(renewal));
	renewal.reason[sizeof(renewal.reason) - 1] = '\0';
	if (!renewal.due) {
		log_debug("certificate %s: %s", name, renewal.reason);
		return 0;
	}
	log_notice("certificate %s: %s", name, renewal.reason);
	add_order(client, info->index);
	return 0;
}

/* Nothing about renewal information is a failure, a CA out of reach neither: what is due without it was ordered anyway. */
static int ask_when(struct client *client, struct fault *fault)
{
	for (size_t i = 0; i < client->asked; i++) {
		struct identity identity;

		if (questions_take(VERB_IDENTITY, client->asks[i].index, &identity, sizeof(identity), fault) < 0)
			return -1;
		snprintf(client->asks[i].certid, sizeof(client->asks[i].certid), "%.*s", CERTID_SIZE - 1, identity.certid);
	}
	if (renewal_info_fetch(client->asks, client->asked, client->acme, fault) < 0)
		return -1;
	for (size_t i = 0; i < client->asked; i++)
		if (suggest(client, &client->asks[i], fault) < 0)
			return -1;
	return 0;
}

/* The CA is out of reach while nothing is due: it is asked again later. */
static int put_off(struct client *client, struct fault *fault)
{
	log_debug("the CA was not asked when to renew: %s", fault->text);
	for (size_t i = 0; i < client->asked; i++) {
		client->asks[i].suggestion = (struct suggestion){ .answer = SUGGESTION_BROKEN, .again = 3600 };
		if (suggest(client, &client->asks[i], fault) < 0)
			return -1;
	}
	return 0;
}

/* Asks signer and ledger about the certificate of each order. */
static int recall(struct client *client, struct prospect *prospect, struct fault *fault)
{
	*prospect = (struct prospect){ .lifetime = SHORTEST_LIFETIME };
	for (size_t i = 0; i < client->count; i++) {
		struct order *order = &client->orders[i];
		struct identity identity;
		struct recalled recalled;

		if (questions_take(VERB_IDENTITY, order->index, &identity, sizeof(identity), fault) < 0 ||
		    questions_take(VERB_RECALL, order->index, &recalled, sizeof(recalled), fault) < 0)
			return -1;
		identity.certid[sizeof(identity.certid) - 1] = recalled.order[sizeof(recalled.order) - 1] = '\0';
		order->resume = url_is_valid(recalled.order, strlen(recalled.order)) ? strdup(recalled.order) : NULL;
		order->has_key = recalled.has_key;
		if (recalled.replaces && acme_directory(client->acme)->renewal_info[0])
			memcpy(order->replaces, identity.certid, sizeof(order->replaces));
		if (identity.lifetime > 0 && (i == 0 || identity.lifetime < prospect->lifetime))
			prospect->lifetime = identity.lifetime;
		if (i == 0 || recalled.backdated < prospect->backdated)
			prospect->backdated = recalled.backdated;
	}
	return 0;
}

static int get_account(struct client *client, struct fault *fault)
{
	struct fault ignored;
	bool made;

	if (account_register(client->acme, client->config, &made, fault) < 0)
		return fail_all(client, STEP_ACCOUNT, RESULT_REFUSED);
	log_notice("account: %s", acme_account(client->acme));
	if (made) /* else a later run tells its contacts */
		(void)!questions_ask(VERB_CONTACTS, 0, NULL, 0, &ignored);
	return upkeep_keep_url(client->acme, fault);
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

/* How long we try: so much less than the warden's limit that it never has to use it. */
static int64_t window_most(const struct config *config)
{
	int64_t most = (int64_t)config->gate.max_open * 1000;

	return most - 2000 > most / 2 ? most - 2000 : most / 2;
}

/* Validates the names that need no window. An order that has failed by then needs none for its other names. */
static int prove_without(struct client *client, struct fault *fault)
{
	struct authorizations *authorizations = &client->authorizations;
	const struct proof proof = { authorizations, acme_thumbprint(client->acme), client->dns };
	int64_t began = now_ms(NULL);

	if (!authorizations_pend(authorizations, false))
		return 0;
	if (proof_publish(&proof, false, fault) < 0)
		return -1;
	if (challenges_prepare(authorizations, false, client->acme, fault) < 0)
		return fail_all(client, STEP_VALIDATION, RESULT_HOST);
	if (tell_validated(client, fault) < 0 ||
	    (authorizations->pending && challenges_respond(authorizations, client->acme, DNS_MOST, fault) < 0))
		return -1;
	client->validated = 0;
	proof_withdraw(&proof, false);
	log_notice("validation of %zu name%s through the DNS took %lld ms", authorizations->pending,
		   authorizations->pending == 1 ? "" : "s", (long long)(now_ms(NULL) - began));
	return order_want(client->orders, client->count, authorizations, fault);
}

/* The window: from VERB_OPEN to VERB_CLOSED nothing happens but the validation itself. */
static int prove(struct client *client, struct fault *fault)
{
	struct authorizations *authorizations = &client->authorizations;
	const struct proof proof = { authorizations, acme_thumbprint(client->acme), client->dns };
	struct whereabouts_search search;
	int64_t opened, closed;
	int n;

	if (challenges_prepare(authorizations, true, client->acme, fault) < 0)
		return fail_all(client, STEP_VALIDATION, RESULT_HOST);
	if (authorizations->pending == 0)
		return 0;
	whereabouts_begin(&search);
	for (size_t i = 0; i < authorizations->count; i++)
		if (authorizations->item[i].wanted && challenge_kinds[authorizations->item[i].type].window)
			whereabouts_look(&search, authorizations->item[i].name);
	if (proof_publish(&proof, true, fault) < 0 ||
	    wire_send(FD_WARDEN, VERB_OPEN, 0, &search.found, sizeof(search.found), fault) < 0)
		return -1;
	n = hear(VERB_OPENED, fault);
	if (n < 0)
		return -1;
	if (n == 1) {
		authorizations_drop(authorizations);
		return 0;
	}
	client->opened = true;
	opened = now_ms(NULL);
	if (tell_validated(client, fault) < 0 ||
	    challenges_respond(authorizations, client->acme, window_most(client->config), fault) < 0 ||
	    wire_send(FD_WARDEN, VERB_CLOSE, 0, NULL, 0, fault) < 0)
		return -1;
	client->validated = 0;
	closed = now_ms(NULL);
	if (hear(VERB_CLOSED, fault) < 0)
		return -1;
	memcpy(&authorizations->closed, record.data, sizeof(authorizations->closed));
	proof_withdraw(&proof, true);
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
	struct prospect prospect;

	if (client->config->task.kind != TASK_RENEW) {
		client->deaf = true; /* there is no responder */
		return set_up(client, fault) < 0 ? -1 : dealing_run(client->acme, client->config, &client->account, fault);
	}
	if (client->config->responder.mode == RESPONDER_WEBROOT)
		client->authorizations.webroot = client->config->responder.webroot;
	if (take_work(client, fault) < 0)
		return -1;
	if (client->count + client->asked == 0)
		return 0;
	client->outcome.result = RESULT_HOST;
	if (set_up(client, fault) < 0)
		return client->count == 0 && client->outcome.step == STEP_DIRECTORY ? put_off(client, fault) : -1;
	if (ask_when(client, fault) < 0)
		return -1;
	if (client->count == 0)
		return 0;
	if (recall(client, &prospect, fault) < 0 || check_clock(client, &prospect, fault) < 0 || place(client, fault) < 0)
		return -1;
	client->outcome = (struct outcome){ .result = RESULT_HOST, .step = STEP_VALIDATION };
	if (prove_without(client, fault) < 0 || prove(client, fault) < 0)
		return -1;
	client->outcome.step = STEP_FINALIZE;
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

/* The port was opened for an order if one of its names was pending. */
static bool was_opened(const struct client *client, const struct order *order)
{
	for (size_t i = 0; client->opened && order->authorization && i < order->object.authorizations; i++) {
		const struct authorization *authorization = &client->authorizations.item[order->authorization[i]];

		if (authorization->challenge && challenge_kinds[authorization->type].window)
			return true;
	}
	return false;
}

/* For the ledger: how each attempt ended that stored nothing. fault: why all of them did; NULL: each has its own reason. */
static void report(const struct client *client, const struct fault *fault)
{
	struct fault why;

	for (size_t i = 0; i < client->count; i++) {
		const struct order *order = &client->orders[i];
		struct outcome outcome = order_outcome(order);

		if (order->stored)
			continue;
		if (fault && order->fault.kind == FAULT_NONE) {
			outcome = client->outcome;
			snprintf(outcome.detail, sizeof(outcome.detail), "%.*s", (int)sizeof(outcome.detail) - 1, fault->text);
		}
		outcome.windows = was_opened(client, order);
		if (order->url && !order_is_open(order))
			order->signer->placed(NULL, order->index, NULL);
		if (questions_ask(VERB_OUTCOME, order->index, &outcome, sizeof(outcome), &why) < 0) {
			log_debug("the end of the attempt is not kept: %s", why.text);
			return; /* a signer that does not answer, would not the next time */
		}
	}
}

int client_main(const struct config *config)
{
	struct client client = { .config = config, .dns = -1 };
	struct fault fault = { .kind = FAULT_NONE };
	int status;

	if (run(&client, &fault) < 0) {
		log_error("%s", fault.text);
		status = fault_status(&fault);
		report(&client, &fault);
	} else {
		status = conclude(&client);
		report(&client, NULL);
	}
	for (size_t i = 0; i < client.count; i++)
		order_free(&client.orders[i]);
	free(client.orders);
	free(client.asks);
	authorizations_free(&client.authorizations);
	acme_free(client.acme);
	http_free(client.http);
	close_fd(&client.dns);
	return status;
}
