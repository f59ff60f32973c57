// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/attempts.h"

#include <stdio.h>
#include <string.h>

#include "agent/next_key.h"
#include "base/log.h"
#include "store/limits.h"
#include "store/schedule.h"
#include "store/wish.h"

#define BACKDATE_MOST 3600 /* s */
#define BACKDATE_DOUBT 60

/*
 * Has the ledger say what is live. What it was ordered with is known only of what this acmegate has stored itself; the CA that it came
 * from, also of generations without a ledger.
 */
static int note_live(struct storer *storer, const struct certificate *certificate, const struct stored *stored, struct fault *fault)
{
	const struct verdict *verdict = &stored->verdict;
	const struct keys keys = storer->ledger.keys;
	struct live *live = &storer->ledger.live;
	struct live now = { 0 };
	bool same;

	if (stored->present) {
		now.not_before = verdict->not_before;
		now.not_after = verdict->not_after;
		memcpy(now.certid, verdict->certid, sizeof(now.certid));
	}
	same = live->not_before == now.not_before && live->not_after == now.not_after && !strcmp(live->certid, now.certid);
	if (same)
		now = *live;
	if (stored->directory[0])
		memcpy(now.directory, stored->directory, sizeof(now.directory));
	if (stored->present)
		ledger_note_key(&storer->ledger, verdict->spki, !same && live->not_after);
	if (!memcmp(live, &now, sizeof(now)) && !memcmp(&keys, &storer->ledger.keys, sizeof(keys)))
		return 0;
	*live = now;
	return storing_write_ledger(storer, certificate, fault);
}

int attempts_look_up(struct storer *storer, uint32_t index, const struct stored *stored, struct fault *fault)
{
	const struct certificate *certificate = certificate_of(storer, index);

	storer->seen[index] = (struct seen){
		.present = stored->present,
		.broken = stored->broken,
		.other_names = stored->verdict.other_names,
		.other_key = stored->verdict.other_key,
		.deploy = stored->deploy_pending,
	};
	return storing_read_ledger(storer, certificate, fault) < 0 ? -1 : note_live(storer, certificate, stored, fault);
}

static struct decision decide(const struct storer *storer, uint32_t index, const struct holding *holding, const struct instant *now,
			      struct limits *limits)
{
	bool ordered[MAX_CERTIFICATES];

	for (uint32_t i = 0; i < storer->config->certificates; i++)
		ordered[i] = storer->seen[i].due;
	return limits_decide(storer->config, index, holding, &storer->ledger, storer->ledgers, ordered, now, &storer->secret, limits);
}

/* For the certificate whose ledger was read last. */
struct renewal attempts_decide(struct storer *storer, uint32_t index)
{
	struct seen *seen = &storer->seen[index];
	struct instant now = instant_now();
	struct holding holding = holding_of(storer->config, certificate_of(storer, index), &storer->ledger);
	struct renewal renewal = { .present = seen->present, .deploy = seen->deploy };
	struct limits limits;
	struct decision decision;

	holding.broken = seen->broken;
	holding.other_names = seen->other_names;
	holding.other_key = seen->other_key;
	decision = decide(storer, index, &holding, &now, &limits);
	seen->due = decision.act == ACT_ORDER || decision.act == ACT_RESUME;
	renewal.due = seen->due;
	renewal.backs_off = decision.act == ACT_BACK_OFF;
	renewal.ask = decision.ask;
	renewal.ca = (uint8_t)decision.ca;
	renewal.asked_ca = (uint8_t)decision.asked_ca;
	renewal.from = decision.from;
	renewal.unproved = storer->ledger.failures && storer->ledger.attempt[0].outcome.step == STEP_VALIDATION;
	renewal.limited = limits.ca ? now.wall + limits.ca : 0;
	snprintf(renewal.reason, sizeof(renewal.reason), "%s", decision.reason);
	if (seen->unusable)
		renewal = (struct renewal){ .present = seen->present, .deploy = seen->deploy, .reason = "its request cannot be used" };
	return renewal;
}

/* Before the CA is asked: a run that is killed has tried. */
static bool begin_attempt(struct storer *storer, uint32_t index)
{
	const struct certificate *certificate = certificate_of(storer, index);
	struct instant now = instant_now();
	struct fault fault;

	if (storer->seen[index].unusable) /* which was logged */
		return false;
	if (storing_read_ledger(storer, certificate, &fault) == 0) {
		ledger_begin(&storer->ledger, &now, wish_of(storer->config, certificate), storer->config->acme.directory);
		schedule_draw(&storer->ledger, &storer->secret);
		if (storing_write_ledger(storer, certificate, &fault) == 0)
			return true;
	}
	log_error("certificate %s: %s; nothing has been asked of the CA", certificate->name, fault.text);
	storer->failed = true;
	return false;
}

/* As the warden wants it, before the client is started. */
int attempts_begin(struct storer *storer, const struct record *record, struct fault *fault)
{
	struct work work;

	memcpy(&work, record->data, sizeof(work));
	for (uint32_t i = 0; i < storer->config->certificates; i++) {
		work.wanted[i] = work.wanted[i] == 1 && begin_attempt(storer, i);
		storer->seen[i].attempted = work.wanted[i] == 1;
	}
	return wire_send(FD_WARDEN, VERB_ATTEMPTED, 0, &work, sizeof(work), fault);
}

/* An attempt that succeeded has ended already: with what was stored. */
int attempts_outcome(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct outcome *outcome = (const void *)record->data;
	struct instant now = instant_now();

	(void)reply;
	if (storing_find_attempt(storer, record, fault) < 0)
		return -1;
	if (outcome->result >= RESULTS || outcome->result == RESULT_STORED)
		return fault_set(fault, FAULT_FAILED, "an end that is none");
	storer->seen[record->index].attempted = false;
	ledger_end(&storer->ledger, &now, outcome);
	return storing_write_ledger(storer, certificate_of(storer, record->index), fault);
}

int attempts_suggestion(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	struct instant now = instant_now();
	uint32_t i = record->index;

	if (i >= storer->config->certificates || storer->seen[i].asked)
		return fault_set(fault, FAULT_FAILED, "a suggestion for no certificate of the configuration, or a second one");
	storer->seen[i].asked = true;
	if (storing_read_ledger(storer, certificate_of(storer, i), fault) < 0)
		return -1;
	ledger_suggest(&storer->ledger, (const void *)record->data, &now, &storer->secret);
	if (storing_write_ledger(storer, certificate_of(storer, i), fault) < 0)
		return -1;
	reply->data.renewal = attempts_decide(storer, i);
	reply->length = sizeof(reply->data.renewal);
	if (reply->data.renewal.ca != storer->config->turn) /* ordered from another CA: by the next run */
		reply->data.renewal.due = 0;
	if (reply->data.renewal.due && !storer->seen[i].attempted)
		storer->seen[i].attempted = begin_attempt(storer, i);
	reply->data.renewal.due = storer->seen[i].attempted;
	return 0;
}

static bool has_orders_key(struct storer *storer, uint32_t index)
{
	size_t length = 0;
	char *pem = next_key_of_order(storer, index, &length);
	bool has = pem != NULL;

	next_key_wipe(pem, length);
	return has;
}

/*
 * CAs date certificates back, Let's Encrypt by an hour, and each does so always. By our clock, which may have been wrong then: a minute is
 * taken off, and more than an hour is not believed.
 */
static uint32_t backdated(const struct live *live)
{
	const int64_t back = live->stored - live->not_before - BACKDATE_DOUBT;

	if (!live->stored || back < 0)
		return 0;
	return back < BACKDATE_MOST ? (uint32_t)back : BACKDATE_MOST;
}

int attempts_recall(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct open_order *order = &storer->ledger.order;
	const struct live *live = &storer->ledger.live;
	struct recalled *recalled = &reply->data.recalled;

	if (storing_find_attempt(storer, record, fault) < 0)
		return -1;
	memset(recalled, 0, sizeof(*recalled));
	if (order->wish == wish_of(storer->config, certificate_of(storer, record->index)))
		memcpy(recalled->order, order->url, sizeof(recalled->order));
	recalled->has_key = recalled->order[0] &&
			    (certificate_of(storer, record->index)->csr_length > 0 || has_orders_key(storer, record->index));
	recalled->replaces = live->certid[0] && !strcmp(live->directory, storer->config->acme.directory);
	recalled->backdated = recalled->replaces ? backdated(live) : 0;
	reply->length = sizeof(*recalled);
	return 0;
}

int attempts_placed(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	struct open_order *order = &storer->ledger.order;
	const struct certificate *certificate;

	(void)reply;
	if (storing_find_attempt(storer, record, fault) < 0)
		return -1;
	certificate = certificate_of(storer, record->index);
	ledger_forget_order(storer->ledgers, certificate->name, &storer->ledger);
	snprintf(order->url, sizeof(order->url), "%.*s", (int)sizeof(order->url) - 1, record->data);
	ledger_clean(order->url, sizeof(order->url));
	order->wish = wish_of(storer->config, certificate);
	order->placed = instant_now().wall;
	return storing_write_ledger(storer, certificate, fault);
}

int attempts_lapse(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct lapse *lapse = (const void *)record->data;

	(void)reply;
	if (storing_find_attempt(storer, record, fault) < 0)
		return -1;
	storer->ledger.lapse = *lapse;
	ledger_clean(storer->ledger.lapse.name, sizeof(storer->ledger.lapse.name));
	return storing_write_ledger(storer, certificate_of(storer, record->index), fault);
}

int attempts_save_key(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)reply;
	if (storing_find_attempt(storer, record, fault) < 0)
		return -1;
	return ledger_save_key(storer->ledgers, certificate_of(storer, record->index)->name, LEDGER_ORDER_KEY, record->data,
			       record->length, fault);
}

int attempts_load_key(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	size_t length = 0;
	char *pem;

	if (storing_find_attempt(storer, record, fault) < 0)
		return -1;
	pem = next_key_of_order(storer, record->index, &length);
	next_key_give(reply, pem, length);
	return 0;
}

void attempts_stored(struct storer *storer, uint32_t index, const struct bundle *bundle)
{
	static const struct outcome done = { .result = RESULT_STORED, .step = STEP_STORE };
	const struct certificate *certificate = certificate_of(storer, index);
	struct live *live = &storer->ledger.live;
	struct instant now = instant_now();
	struct fault fault;
	int rc = storing_read_ledger(storer, certificate, &fault);

	if (rc == 0) {
		*live = (struct live){ .not_before = bundle->not_before, .not_after = bundle->not_after };
		if (storer->seen[index].attempted) { /* what was not ordered was imported */
			live->stored = now.wall;
			live->wish = wish_of(storer->config, certificate);
		}
		memcpy(live->certid, bundle->certid, sizeof(live->certid));
		snprintf(live->directory, sizeof(live->directory), "%s", storer->config->acme.directory);
		snprintf(live->profile, sizeof(live->profile), "%s", certificate->profile);
		ledger_note_key(&storer->ledger, bundle->spki, true);
		if (storer->seen[index].attempted)
			ledger_end(&storer->ledger, &now, &done);
		storer->seen[index].attempted = false;
		ledger_forget_order(storer->ledgers, certificate->name, &storer->ledger);
		rc = storing_write_ledger(storer, certificate, &fault);
	}
	if (rc < 0)
		log_warning("certificate %s is stored, but not noted: %s", certificate->name, fault.text);
}

int attempts_revoked(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct task *task = &storer->config->task;
	const struct certificate *certificate = certificate_of(storer, task->certificate);

	(void)record, (void)reply;
	if (storing_read_ledger(storer, certificate, fault) < 0)
		return -1;
	ledger_revoke(storer->ledgers, certificate->name, &storer->ledger, task->reason);
	return storing_write_ledger(storer, certificate, fault);
}
