// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * metrics.c - the text format of Prometheus, for the textfile collector of node-exporter: HELP and TYPE for each, and no time stamps,
 * since one sample with one would drop the whole file.
 */
#include <string.h>

#include "view/status.h"

/* false: there is nothing to tell of this certificate. */
typedef bool sample(const struct status *status, const struct entry *entry, double *value);

static bool not_after(const struct status *status, const struct entry *entry, double *value)
{
	(void)status;
	*value = (double)entry->ledger.live.not_after;
	return entry->ledger.live.not_after != 0;
}

static bool not_before(const struct status *status, const struct entry *entry, double *value)
{
	(void)status;
	*value = (double)entry->ledger.live.not_before;
	return entry->ledger.live.not_after != 0;
}

static bool renewal(const struct status *status, const struct entry *entry, double *value)
{
	(void)status;
	*value = (double)entry->decision.from;
	return entry->condition != CONDITION_UNKNOWN && !entry->watched;
}

static bool last_success(const struct status *status, const struct entry *entry, double *value)
{
	(void)status;
	*value = (double)entry->ledger.live.stored;
	return entry->ledger.live.stored != 0;
}

static bool failures(const struct status *status, const struct entry *entry, double *value)
{
	(void)status;
	*value = entry->failures;
	return entry->condition != CONDITION_UNKNOWN && !entry->watched;
}

/* Of those that are kept. */
static bool failing_since(const struct status *status, const struct entry *entry, double *value)
{
	const struct ledger *ledger = &entry->ledger;
	const uint32_t oldest = ledger->failures < ledger->attempts ? ledger->failures : ledger->attempts;

	(void)status;
	if (!entry->failures || !oldest || entry->condition == CONDITION_UNKNOWN)
		return false;
	*value = (double)ledger->attempt[oldest - 1].started.wall;
	return true;
}

static bool attention(const struct status *status, const struct entry *entry, double *value)
{
	(void)status;
	*value = entry->health == HEALTH_ATTENTION;
	return true;
}

static bool ari_of(const struct entry *entry, int64_t moment, double *value)
{
	*value = (double)moment;
	return moment != 0 && entry->condition != CONDITION_UNKNOWN;
}

static bool ari_start(const struct status *status, const struct entry *entry, double *value)
{
	(void)status;
	return ari_of(entry, entry->ledger.ari.start, value);
}

static bool ari_end(const struct status *status, const struct entry *entry, double *value)
{
	(void)status;
	return ari_of(entry, entry->ledger.ari.end, value);
}

static bool lapse(const struct status *status, const struct entry *entry, double *value)
{
	const struct lapse *lapse = status_lapse(entry);

	(void)status;
	*value = lapse ? (double)lapse->at : 0;
	return lapse != NULL;
}

static const struct {
	const char *name, *help;
	sample *sample;
} gauges[] = {
	{ "certificate_not_after_timestamp_seconds", "End of the validity of the certificate in use.", not_after },
	{ "certificate_not_before_timestamp_seconds", "Begin of the validity of the certificate in use.", not_before },
	{ "certificate_renewal_timestamp_seconds", "From when on the certificate is renewed, or tried again.", renewal },
	{ "certificate_last_success_timestamp_seconds", "When the certificate in use was stored.", last_success },
	{ "certificate_failures", "Attempts in a row that have failed.", failures },
	{ "certificate_failing_since_timestamp_seconds", "When the first of these attempts began.", failing_since },
	{ "certificate_needs_attention", "1 if somebody has to look at it.", attention },
	{ "dns_persist_until_timestamp_seconds", "When a record of dns-persist-01 lapses that the certificate depends on.", lapse },
	{ "ari_window_start_timestamp_seconds", "Begin of the window in which the CA suggests to renew.", ari_start },
	{ "ari_window_end_timestamp_seconds", "End of the window in which the CA suggests to renew.", ari_end },
};

static void write_single(FILE *out, const char *name, const char *type, const char *help, double value)
{
	fprintf(out, "# HELP acmegate_%s %s\n# TYPE acmegate_%s %s\nacmegate_%s %.15g\n", name, help, name, type, name, value);
}

static void write_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP acmegate_%s %s\n# TYPE acmegate_%s %s\n", name, help, name, type);
}

/* One that was never stored is told as 0, so that a rise from there is seen. */
static void write_attempts(const struct status *status, FILE *out)
{
	uint32_t ended[LEDGER_RESULTS];

	write_head(out, "attempts_total", "counter", "Attempts to obtain the certificate, by result.");
	for (size_t i = 0; i < status->count; i++) {
		const struct entry *entry = &status->entry[i];

		ledger_count(&entry->ledger, ended);
		for (uint32_t k = 0; k < RESULTS; k++)
			if (entry->condition != CONDITION_UNKNOWN && !entry->watched && (ended[k] || k == RESULT_STORED))
				fprintf(out, "acmegate_attempts_total{certificate=\"%s\",result=\"%s\"} %u\n", status_name(entry),
					status_result(&(const struct attempt){ .outcome.result = k }), ended[k]);
	}
}

enum end { END_UNKNOWN, END_CLOSED, END_RECOVERED, END_NEVER, ENDS };

static const enum end ends[NETS] = {
	[NET_UNKNOWN] = END_UNKNOWN,  [NET_GATE] = END_CLOSED,	      [NET_WATCHDOG] = END_RECOVERED,
	[NET_KERNEL] = END_RECOVERED, [NET_RECOVERY] = END_RECOVERED, [NET_GONE] = END_RECOVERED,
	[NET_TIME] = END_CLOSED,      [NET_BOOT] = END_RECOVERED,     [NET_NEVER] = END_NEVER,
};

/* Of the windows whose end is noted, by net; the newest entry has the numbers of those before it. */
static void count_windows(const struct status *status, uint64_t windows[NETS])
{
	const struct window_entry *newest = &status->window[0];
	uint64_t counted = 0, ended = status->exposure.windows - status->exposure.open;

	for (uint32_t i = 0; i < NETS; i++)
		counted += windows[i] = status->windows ? newest->before[i] : 0;
	if (status->windows && !status->exposure.open) {
		windows[newest->net < NETS ? newest->net : NET_UNKNOWN]++;
		counted++;
	}
	windows[NET_UNKNOWN] += ended > counted ? ended - counted : 0;
}

static void write_ends(const struct status *status, FILE *out)
{
	static const char *const words[ENDS] = {
		[END_UNKNOWN] = "unknown", [END_CLOSED] = "closed", [END_RECOVERED] = "recovered", [END_NEVER] = "not_opened"
	};
	uint64_t windows[NETS], sums[ENDS] = { 0 };

	count_windows(status, windows);
	for (uint32_t i = 0; i < NETS; i++)
		sums[ends[i]] += windows[i];
	write_head(out, "windows_total", "counter", "Windows that have ended, by result.");
	for (uint32_t i = 0; i < ENDS; i++)
		fprintf(out, "acmegate_windows_total{result=\"%s\"} %llu\n", words[i], (unsigned long long)sums[i]);
	write_head(out, "recovered_total", "counter", "Windows that acmegate left open, by what closed them.");
	for (uint32_t i = 0; i < NETS; i++)
		if (ends[i] == END_RECOVERED)
			fprintf(out, "acmegate_recovered_total{net=\"%s\"} %llu\n",
				status_net(&(const struct window_entry){ .net = i }), (unsigned long long)windows[i]);
}

static void write_windows(const struct status *status, FILE *out)
{
	const struct exposure *exposure = &status->exposure;
	const struct window_entry *newest = &status->window[0];

	if (!status->windows_known)
		return;
	write_ends(status, out);
	write_single(out, "window_open_seconds_total", "counter", "How long the port was open, in all.",
		     (double)exposure->open_ms / 1e3);
	write_single(out, "open", "gauge", "1 if the end of the last window is not noted: it is open, or acmegate was killed.",
		     exposure->open);
	write_single(out, "windows_365d", "gauge", "How often the port was opened today and in the 364 days before.",
		     (double)exposure->year.windows);
	write_single(out, "window_open_365d_seconds", "gauge", "How long the port was open in that time.",
		     (double)exposure->year.open_ms / 1e3);
	write_single(out, "longest_window_365d_seconds", "gauge", "The longest window of that time.",
		     (double)exposure->year.longest_ms / 1e3);
	if (!status->windows)
		return;
	write_single(out, "last_window_seconds", "gauge", "How long the port was open the last time.", newest->open_ms / 1e3);
	write_single(out, "last_window_timestamp_seconds", "gauge", "When that began.", (double)newest->begun.wall);
	write_single(out, "last_window_max_open_seconds", "gauge", "How long it might be open at most.", newest->limit);
}

/* 0: what would have told of them is gone, or cannot be read. */
static void write_watches(const struct status *status, FILE *out)
{
	const struct config *config = status->config;

	if (!config->watches)
		return;
	write_head(out, "watched_files", "gauge", "Files that were found for a section [watch NAME].");
	for (uint32_t i = 0; i < config->watches; i++) {
		unsigned int files = 0;

		for (size_t k = 0; k < status->count; k++)
			files += status->entry[k].watched && !strcmp(status->entry[k].watched->section, config->watch[i].name);
		fprintf(out, "acmegate_watched_files{watch=\"%s\"} %u\n", config->watch[i].name, files);
	}
}

/* The names of certificates have no character that would need escaping. */
void metrics_write(const struct status *status, FILE *out)
{
	double value;

	for (size_t i = 0; i < LENGTH_OF(gauges); i++) {
		fprintf(out, "# HELP acmegate_%s %s\n# TYPE acmegate_%s gauge\n", gauges[i].name, gauges[i].help, gauges[i].name);
		for (size_t k = 0; k < status->count; k++)
			if (gauges[i].sample(status, &status->entry[k], &value))
				fprintf(out, "acmegate_%s{certificate=\"%s\"} %.0f\n", gauges[i].name,
					status_name(&status->entry[k]), value);
	}
	write_attempts(status, out);
	write_windows(status, out);
	write_watches(status, out);
	fprintf(out,
		"# HELP acmegate_build_info The version of acmegate.\n# TYPE acmegate_build_info gauge\n"
		"acmegate_build_info{version=\"%s\"} 1\n",
		PACKAGE_VERSION);
}
