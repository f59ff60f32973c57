// SPDX-License-Identifier: GPL-3.0-or-later
#include "view/status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store/limits.h"

#define DAY INT64_C(86400)
#define RUN_MOST 1800 /* s that a run lasts at most, see warden/renewal.c: an attempt that is older and has no end was killed */

const char *status_word(enum condition condition)
{
	static const char *const words[CONDITIONS] = {
		[CONDITION_VALID] = "valid",	   [CONDITION_DUE] = "due",	    [CONDITION_FAILING] = "failing",
		[CONDITION_EXPIRING] = "expiring", [CONDITION_EXPIRED] = "expired", [CONDITION_MISSING] = "missing",
		[CONDITION_UNKNOWN] = "unknown",
	};

	return words[condition];
}

int status_exit(enum health health)
{
	static const int statuses[HEALTHS] = {
		[HEALTH_GOOD] = STATUS_DONE, [HEALTH_WAITING] = STATUS_LATER, [HEALTH_ATTENTION] = STATUS_FAILED
	};

	return statuses[health];
}

const char *status_result(const struct attempt *attempt)
{
	static const char *const words[RESULTS] = {
		[RESULT_UNKNOWN] = "unfinished", [RESULT_STORED] = "stored",   [RESULT_INVALID] = "invalid",
		[RESULT_REFUSED] = "refused",	 [RESULT_LIMITED] = "limited", [RESULT_UNREACHABLE] = "unreachable",
		[RESULT_HOST] = "host",
	};

	return attempt->outcome.result < RESULTS ? words[attempt->outcome.result] : "unknown";
}

int64_t status_days(const struct entry *entry, const struct instant *now)
{
	int64_t left = entry->ledger.live.not_after - now->wall;

	return left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY);
}

/* The ledger counts it as failed until its end is written. */
static bool is_at_work(const struct attempt *last, const struct instant *now)
{
	return last->outcome.result == RESULT_UNKNOWN && !last->ended && instant_since(&last->started, now) < RUN_MOST;
}

static uint32_t count_failures(const struct entry *entry, const struct instant *now)
{
	const uint32_t failures = entry->ledger.failures;

	return failures && entry->last && is_at_work(entry->last, now) ? failures - 1 : failures;
}

static enum condition condition_of(const struct entry *entry, int64_t now)
{
	const struct live *live = &entry->ledger.live;

	if (live->not_after && live->not_after <= now)
		return CONDITION_EXPIRED;
	if (live->not_after && live->not_after - now < (live->not_after - live->not_before) / 6)
		return CONDITION_EXPIRING;
	if (entry->last && entry->last->outcome.result != RESULT_STORED && entry->failures)
		return CONDITION_FAILING;
	if (!live->not_after)
		return CONDITION_MISSING;
	return entry->decision.act == ACT_NOTHING ? CONDITION_VALID : CONDITION_DUE;
}

/* A failure that time does not cure, or one for the host's first certificate, is somebody's to look at; so is a life that ends soon. */
static enum health health_of(const struct entry *entry)
{
	static const enum health healths[CONDITIONS] = {
		[CONDITION_VALID] = HEALTH_GOOD,	[CONDITION_DUE] = HEALTH_WAITING,
		[CONDITION_FAILING] = HEALTH_WAITING,	[CONDITION_EXPIRING] = HEALTH_ATTENTION,
		[CONDITION_EXPIRED] = HEALTH_ATTENTION, [CONDITION_MISSING] = HEALTH_WAITING,
		[CONDITION_UNKNOWN] = HEALTH_ATTENTION,
	};

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what fails has a last attempt */
	if (entry->condition == CONDITION_FAILING && (!entry->ledger.live.not_after || entry->last->outcome.result == RESULT_REFUSED))
		return HEALTH_ATTENTION;
	return healths[entry->condition];
}

void status_judge(struct entry *entry, const struct instant *now)
{
	entry->condition = condition_of(entry, now->wall);
	entry->health = health_of(entry);
}

static void read_entry(struct status *status, struct entry *entry, int ledgers, const struct secret *secret)
{
	const uint32_t index = (uint32_t)(entry->certificate - status->config->certificate);
	struct holding holding;
	struct limits limits;
	int rc = 0;

	entry->state = LEDGER_NONE;
	if (ledgers >= 0)
		rc = ledger_look(ledgers, entry->certificate->name, &entry->ledger, &entry->state, &entry->why);
	if (rc == 0 && entry->state == LEDGER_CORRUPT)
		rc = fault_set(&entry->why, FAULT_FAILED, "ledger/%s is corrupt; the next run begins a new one",
			       entry->certificate->name);
	if (rc < 0) {
		entry->condition = CONDITION_UNKNOWN;
		entry->health = health_of(entry);
		return;
	}
	holding = holding_of(status->config, entry->certificate, &entry->ledger);
	entry->decision = limits_decide(status->config, index, &holding, &entry->ledger, ledgers, NULL, &status->now, secret,
					&limits);
	entry->last = entry->ledger.attempts ? &entry->ledger.attempt[0] : NULL;
	entry->failures = count_failures(entry, &status->now);
	status_judge(entry, &status->now);
}

static int choose(struct status *status, char *const names[], struct fault *fault)
{
	const struct config *config = status->config;

	status->complete = !names[0];
	for (size_t i = 0; names[i]; i++) {
		int found = config_find(config, names[i]);

		if (found < 0 && !config->watches) /* else status_add_watched() looks for it */
			return fault_set(fault, FAULT_USAGE, "%s has no [certificate %.64s]", config->file, names[i]);
		if (found >= 0)
			status->entry[found].certificate = &config->certificate[found];
	}
	for (uint32_t i = 0; i < config->certificates; i++) {
		if (!status->complete && !status->entry[i].certificate)
			continue;
		status->entry[status->count++].certificate = &config->certificate[i];
	}
	return 0;
}

int status_begin(struct status *status, const struct config *config, struct fault *fault)
{
	memset(status, 0, sizeof(*status));
	status->config = config;
	status->now = instant_now();
	status->entry = calloc(config->certificates + config->watched + 1, sizeof(*status->entry));
	if (!status->entry || gethostname(status->host, sizeof(status->host) - 1) < 0)
		return fault_errno(fault, FAULT_LATER, "collecting the state of the certificates");
	return 0;
}

int status_collect(struct status *status, const struct config *config, int ledgers, char *const names[], struct fault *fault)
{
	struct secret secret = { { 0 } };
	const struct secret *known = &secret;

	if (status_begin(status, config, fault) < 0)
		return -1;
	if (!config->certificates && !config->watches)
		return fault_set(fault, FAULT_USAGE, "%s: there is no [certificate NAME] section", config->file);
	if (ledgers >= 0 && secret_look(ledgers, &secret, fault) < 0) {
		if (fault->code != EACCES)
			return -1;
		known = NULL; /* the group may read the ledgers, and root alone the secret */
	}
	if (choose(status, names, fault) < 0)
		return -1;
	for (size_t i = 0; i < status->count; i++) {
		read_entry(status, &status->entry[i], ledgers, known);
		if (status->entry[i].health > status->health)
			status->health = status->entry[i].health;
	}
	return 0;
}

struct ports status_ports(const struct status *status)
{
	unsigned int lowest = status->windows ? status->window[0].port : 80, highest = lowest;
	struct ports ports;

	for (uint32_t i = 0; i < status->windows; i++) {
		const unsigned int port = status->window[i].port;

		lowest = port < lowest ? port : lowest;
		highest = port > highest ? port : highest;
	}
	if (lowest == highest)
		snprintf(ports.text, sizeof(ports.text), "port %u was", lowest);
	else
		snprintf(ports.text, sizeof(ports.text), "ports %u and %u were", lowest, highest);
	return ports;
}

const struct lapse *status_lapse(const struct entry *entry)
{
	const struct lapse *lapse = &entry->ledger.lapse;

	return entry->certificate && config_answers(entry->certificate, CHALLENGE_DNS_PERSIST) && lapse->at ? lapse : NULL;
}

const char *status_net(const struct window_entry *entry)
{
	static const char *const words[NETS] = {
		[NET_UNKNOWN] = "unknown", [NET_GATE] = "gate",		[NET_WATCHDOG] = "watchdog",
		[NET_KERNEL] = "kernel",   [NET_RECOVERY] = "recovery", [NET_GONE] = "gone",
		[NET_TIME] = "time",	   [NET_BOOT] = "boot",		[NET_NEVER] = "never",
	};
	_Static_assert(LENGTH_OF(words) == NETS, "a word for each net");

	return words[entry->net < NETS ? entry->net : NET_UNKNOWN];
}

int status_add_windows(struct status *status, int directory, struct fault *fault)
{
	struct exposure *exposure = &status->exposure;
	enum windows_state state = WINDOWS_NONE;
	struct windows windows = { .fd = -1 };

	if (directory >= 0 && windows_look(&windows, directory, &state, fault) < 0)
		return -1;
	if (state == WINDOWS_CORRUPT)
		return fault_set(fault, FAULT_FAILED, WINDOWS_FILE " is corrupt; the next window begins a new one");
	status->windows_known = true;
	status->windows = windows.fd < 0 ? 0 : windows_read(&windows, status->window);
	status->days = windows_read_days(&windows, status->day);
	exposure->windows = windows.number;
	exposure->open_ms = windows.newest.before_ms + windows.newest.open_ms;
	exposure->open = windows.number && !windows.ended;
	for (uint32_t i = 0; i < status->windows; i++) {
		exposure->since = status->window[i].begun.wall;
		if (status->window[i].open_ms > exposure->longest_ms)
			exposure->longest_ms = status->window[i].open_ms;
	}
	exposure->year = exposure_since(status, (status->now.wall / DAY - (EXPOSURE_DAYS - 1)) * DAY);
	close_fd(&windows.fd);
	return 0;
}

void status_free(struct status *status)
{
	free(status->entry);
	status->entry = NULL;
	status->count = 0;
}
