// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/persistence.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "acme/account.h"
#include "agent/questions.h"
#include "agent/terms.h"
#include "base/log.h"

/* The best record that the servers have. */
struct state_of_record {
	enum persist_verdict verdict;
	bool everywhere; /* each server that answers gives it */
	bool unknown;	 /* no server answers */
	int64_t until;	 /* 0: it has no end */
	char text[FAULT_TEXT_SIZE / 2];
};

/* --- what the DNS has ----------------------------------------------------------------------------------------------- */

/* acmegate-dns has read what others sent: its reply is not taken on trust. */
static int find(int dns, const struct subject *subject, struct persist_found *found, struct fault *fault)
{
	static struct record reply;
	struct value value = { 0 };

	snprintf(value.name, sizeof(value.name), "%s", subject->name);
	if (proof_ask_dns(dns, VERB_FIND_RECORDS, subject->index, &value, sizeof(value), &reply, fault) < 0)
		return -1;
	if (reply.length != sizeof(*found))
		return fault_set(fault, FAULT_FAILED, "acmegate-dns answers with %u bytes", reply.length);
	memcpy(found, reply.data, sizeof(*found));
	if (found->servers > PERSIST_SERVERS || found->records > PERSIST_RECORDS)
		return fault_set(fault, FAULT_FAILED, "acmegate-dns answers with too many records");
	found->owner[NAME_SIZE - 1] = found->zone[NAME_SIZE - 1] = '\0';
	for (uint32_t i = 0; i < found->servers; i++)
		found->server[i][sizeof(found->server[i]) - 1] = '\0';
	for (uint32_t i = 0; i < found->records; i++)
		found->record[i].text[PERSIST_TEXT_SIZE - 1] = '\0';
	return 0;
}

/* "A, B" of these servers. */
static const char *list(const struct persist_found *found, uint32_t servers, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < found->servers && used < size; i++)
		if (servers >> i & 1)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", found->server[i]);
	return text;
}

static void tell_day(int64_t seconds, char text[32])
{
	const time_t when = (time_t)seconds;
	struct tm parts;

	snprintf(text, 32, "?");
	if (gmtime_r(&when, &parts))
		(void)strftime(text, 32, "%Y-%m-%d %H:%M UTC", &parts);
}

/* The servers that answer. */
static uint32_t answering(const struct persist_found *found)
{
	return (found->servers == PERSIST_SERVERS ? UINT32_MAX : (1U << found->servers) - 1) & ~found->silent;
}

static bool is_better(const struct state_of_record *state, const struct state_of_record *than)
{
	if (state->verdict != than->verdict)
		return state->verdict > than->verdict;
	if (state->everywhere != than->everywhere)
		return state->everywhere;
	return than->until && (!state->until || state->until > than->until);
}

/* The best of the records; of two that are as good, the one that more servers give, or that lasts longer. lacking: servers without it. */
static void choose(const struct persist_terms *terms, const struct persist_found *found, struct state_of_record *best,
		   uint32_t *lacking)
{
	const int64_t now = (int64_t)time(NULL);
	const uint32_t all = answering(found);

	*best = (struct state_of_record){ .verdict = PERSIST_FOREIGN };
	*lacking = all;
	for (uint32_t i = 0; i < found->records; i++) {
		struct state_of_record state = { .everywhere = all && !(all & ~found->record[i].given) };

		state.verdict = persist_judge(terms, found->record[i].text, now, &state.until);
		if (state.verdict == PERSIST_FOREIGN || !is_better(&state, best))
			continue;
		*best = state;
		*lacking = all & ~found->record[i].given;
	}
}

static void describe(const struct persist_found *found, const struct persist_terms *terms, uint32_t lacking,
		     struct state_of_record *state)
{
	static const char *const reasons[] = {
		[PERSIST_FOREIGN] = "",
		[PERSIST_MALFORMED] = ", and it is malformed",
		[PERSIST_STRANGER] = ", for another account or an earlier key",
		[PERSIST_NARROW] = ", without policy=wildcard, which a wildcard needs",
		[PERSIST_LAPSED] = ", whose persistUntil is over",
	};
	const uint32_t answer = answering(found);
	char text[400], day[32];

	state->unknown = !answer;
	if (!answer) {
		snprintf(state->text, sizeof(state->text), "no server of the zone %s answers this host: %s", found->zone,
			 list(found, found->silent, text, sizeof(text)));
	} else if (state->verdict != PERSIST_GOOD) {
		snprintf(state->text, sizeof(state->text), "%s has %s record for %s%s", found->owner,
			 state->verdict == PERSIST_FOREIGN ? "no" : "a", terms->issuer[0], reasons[state->verdict]);
	} else if (!state->everywhere) {
		snprintf(state->text, sizeof(state->text), "%s has its record, but not at %s yet", found->owner,
			 list(found, lacking, text, sizeof(text)));
	} else {
		tell_day(state->until, day);
		snprintf(state->text, sizeof(state->text), "%s has its record at %s%s%s%s%s", found->owner,
			 list(found, answer, text, sizeof(text) / 2), state->until ? ", until " : "", state->until ? day : "",
			 found->silent ? "; these do not answer this host: " : "",
			 found->silent ? list(found, found->silent, text + sizeof(text) / 2, sizeof(text) / 2) : "");
	}
}

static int look(int dns, const struct subject *subject, const struct persist_terms *terms, struct state_of_record *state,
		struct fault *fault)
{
	static struct persist_found found;
	uint32_t lacking;

	if (find(dns, subject, &found, fault) < 0)
		return -1;
	choose(terms, &found, state, &lacking);
	describe(&found, terms, lacking, state);
	return 0;
}

/* --- in a run ----------------------------------------------------------------------------------------------------- */

static bool is_subject(const struct authorization *authorization)
{
	return authorization->offer && authorization->name && authorization->type == CHALLENGE_DNS_PERSIST &&
	       (authorization->state == STATE_VALID || (authorization_is_pending(authorization) && !authorization->under_way));
}

/* A name and its wildcard have one record. */
static bool has_wildcard(const struct config *config, const struct certificate *certificate, const char *name)
{
	for (uint32_t i = 0; i < certificate->names; i++) {
		const char *other = config->name[certificate->first_name + i];

		if (!strncmp(other, "*.", 2) && !strcmp(other + 2, name))
			return true;
	}
	return false;
}

/* 0: its challenge can be used, or is valid already. */
static int settle(const struct proof *proof, const struct acme *acme, const struct config *config,
		  struct authorization *authorization, struct fault *fault)
{
	const char *name = authorization->name;
	const bool wildcard = !strncmp(name, "*.", 2);
	struct subject subject = { wildcard ? name + 2 : name, wildcard, authorization->index,
				   authorization->certificate->persist_until };
	char record[PERSIST_TEXT_SIZE];
	const struct account_name account = { proof->account, proof->thumbprint };
	struct persist_terms terms;
	struct state_of_record state;
	struct fault why;

	subject.wildcard |= has_wildcard(config, authorization->certificate, subject.name);
	if (terms_set(&terms, &account, acme_directory(acme), authorization->offer, &subject, "", fault) < 0)
		return -1;
	persist_write(&terms, subject.name, record, sizeof(record));
	terms.wildcard = wildcard;
	if (look(proof->dns, &subject, &terms, &state, &why) < 0)
		return fault_set(fault, why.kind, "%.*s; the record is: %s", FAULT_TEXT_SIZE / 4, why.text, record);
	log_debug("%s: %s", name, state.text);
	if (state.verdict != PERSIST_GOOD || !state.everywhere)
		return fault_set(fault, state.verdict == PERSIST_GOOD || state.unknown ? FAULT_LATER : FAULT_FAILED, "%s; %s: %s",
				 state.text, state.unknown ? "the record is" : "set the record", record);
	authorization->published = true;
	authorization->lapse = state.until;
	return 0;
}

int persistence_settle(const struct proof *proof, struct acme *acme, const struct config *config, struct fault *fault)
{
	struct authorizations *authorizations = proof->list;
	bool again = false;
	struct fault why;

	for (size_t i = 0; i < authorizations->count; i++) {
		struct authorization *authorization = &authorizations->item[i];

		if (!is_subject(authorization) || settle(proof, acme, config, authorization, &why) == 0 ||
		    authorization->state == STATE_VALID)
			continue;
		log_notice("%s: dns-persist-01 is passed over: %s", authorization->name, why.text);
		authorization_pass_over(authorization, why.kind, why.text);
		again = true;
	}
	return again ? authorizations_fetch(authorizations, acme, fault) : 0;
}

void persistence_report(const struct order *orders, size_t n, const struct authorizations *list)
{
	for (size_t i = 0; i < n; i++) {
		struct lapse lapse = { 0 };
		struct fault fault;

		if (!orders[i].authorization || !config_answers(order_certificate(&orders[i]), CHALLENGE_DNS_PERSIST))
			continue;
		for (size_t k = 0; k < orders[i].object.authorizations; k++) {
			const struct authorization *authorization = &list->item[orders[i].authorization[k]];

			if (!authorization->lapse || (lapse.at && authorization->lapse >= lapse.at))
				continue;
			lapse.at = authorization->lapse;
			snprintf(lapse.name, sizeof(lapse.name), "%s", authorization->name);
		}
		if (questions_ask(VERB_LAPSE, orders[i].index, &lapse, sizeof(lapse), &fault) < 0)
			log_warning("when the records in the DNS lapse is not kept: %s", fault.text);
	}
}

/* --- acmegate dns persist, acmegate check --------------------------------------------------------------------------- */

/* A CA answers nothing to an account that is deactivated, or says its state. */
static int check_account(struct acme *acme, struct fault *fault)
{
	struct account_object object;

	if (account_look(acme, &object, fault) < 0)
		return fault_at(fault, "%s (no record is good for an account that is deactivated)", acme_account(acme));
	if (object.state == STATE_VALID || object.state == STATE_UNKNOWN)
		return 0;
	return fault_set(fault, FAULT_FAILED,
			 "the account %s is %s: no record lets it obtain certificates any more; the next renewal makes another account once "
			 "acmegate account deactivate has put its key aside",
			 acme_account(acme), state_name(object.state));
}

/* Three lines: 1 (good, everywhere) or 0 and the name; the record; and what the DNS has. */
static int told(const struct subject *subject, const struct proof *proof, struct acme *acme, const struct config *config,
		struct fault *fault)
{
	char record[PERSIST_TEXT_SIZE], text[PERSIST_TEXT_SIZE + FAULT_TEXT_SIZE];
	const struct account_name account = { proof->account, proof->thumbprint };
	struct persist_terms terms;
	struct state_of_record state;
	struct fault why;
	int n;

	if (terms_set(&terms, &account, acme_directory(acme), NULL, subject, config->acme.directory, fault) < 0)
		return -1;
	persist_write(&terms, subject->name, record, sizeof(record));
	if (look(proof->dns, subject, &terms, &state, &why) < 0) {
		state = (struct state_of_record){ 0 };
		snprintf(state.text, sizeof(state.text), "%.*s", (int)sizeof(state.text) - 1, why.text);
	}
	n = snprintf(text, sizeof(text), "%d %s\n%s\n%s\n", state.verdict == PERSIST_GOOD && state.everywhere, subject->name,
		     record, state.text);
	return wire_send(FD_WARDEN, VERB_TELL, 0, text, (size_t)n, fault);
}

/* false: the record of that name of the certificate is told already, or it has none. */
static bool take_subject(const struct config *config, const struct certificate *certificate, uint32_t i, struct subject *subject)
{
	const char *name = config->name[certificate->first_name + i];

	*subject = (struct subject){ .name = strncmp(name, "*.", 2) ? name : name + 2,
				     .index = (uint32_t)(certificate - config->certificate),
				     .until = certificate->persist_until };
	subject->wildcard = has_wildcard(config, certificate, subject->name);
	for (uint32_t k = 0; k < i; k++) {
		const char *other = config->name[certificate->first_name + k];

		if (!strcmp(strncmp(other, "*.", 2) ? other : other + 2, subject->name))
			return false;
	}
	return !config_is_address(name);
}

int persistence_tell(struct acme *acme, const struct config *config, const struct work *work, int dns, struct fault *fault)
{
	const struct proof proof = { NULL, acme_thumbprint(acme), acme_account(acme), dns };
	struct subject subject;

	if (check_account(acme, fault) < 0)
		return -1;
	for (uint32_t i = 0; i < config->certificates; i++)
		for (uint32_t k = 0; work->wanted[i] != WORK_NONE && k < config->certificate[i].names; k++)
			if (take_subject(config, &config->certificate[i], k, &subject) &&
			    told(&subject, &proof, acme, config, fault) < 0)
				return -1;
	return 0;
}
