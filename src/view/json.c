// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * json.c - the state of the certificates for programs: the only user of libjansson here. The form is that of units/status.schema.json:
 * version 1 only ever gets more members; what is not known is null; times are UTC by RFC 3339.
 */
#include <jansson.h>
#include <string.h>

#include "base/moment.h"
#include "view/alarm.h"
#include "view/status.h"

static json_t *moment(int64_t seconds)
{
	return seconds ? json_string(moment_exact(seconds).text) : json_null();
}

static json_t *text(const char *string)
{
	return string[0] ? json_string(string) : json_null();
}

static json_t *identifiers_of(const struct status *status, const struct entry *entry)
{
	json_t *list = json_array();

	for (const char *name = NULL; (name = status_next_name(status, entry, name));)
		(void)json_array_append_new(list, json_string(name));
	return list;
}

static json_t *last_of(const struct entry *entry)
{
	const struct attempt *last = entry->last;
	json_t *problem;

	if (!last)
		return json_null();
	problem = last->outcome.type[0] || last->outcome.detail[0] ?
			  json_pack("{s:o, s:o}", "type", text(last->outcome.type), "detail", text(last->outcome.detail)) :
			  json_null();
	return json_pack("{s:o, s:o, s:s, s:s, s:o}", "at", moment(last->started.wall), "ended", moment(last->ended), "ca",
			 last->ca, "result", status_result(last), "problem", problem);
}

static json_t *next_of(const struct entry *entry)
{
	return json_pack("{s:o, s:s}", "at", moment(entry->decision.from), "why", entry->decision.reason);
}

static json_t *ari_of(const struct ledger *ledger)
{
	const struct ari *ari = &ledger->ari;

	if (!ari->start || strcmp(ari->certid, ledger->live.certid) != 0)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "start", moment(ari->start), "end", moment(ari->end), "chosen",
			 moment(ari->chosen), "read", moment(ari->read_at.wall), "explanation", text(ari->explanation));
}

static json_t *lapse_of(const struct entry *entry)
{
	const struct lapse *lapse = status_lapse(entry);

	return lapse ? json_pack("{s:s, s:o}", "name", lapse->name, "until", moment(lapse->at)) : json_null();
}

static json_t *object_of(const struct status *status, const struct entry *entry)
{
	const struct ledger *ledger = &entry->ledger;
	const bool known = entry->condition != CONDITION_UNKNOWN;

	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", entry->certificate->name,
			 "identifiers", identifiers_of(status, entry), "not_before", moment(ledger->live.not_before), "not_after",
			 moment(ledger->live.not_after), "state", status_word(entry->condition), "next",
			 known ? next_of(entry) : json_null(), "last", last_of(entry), "ari", ari_of(ledger), "failures",
			 known ? json_integer(entry->failures) : json_null(), "directory", text(ledger->live.directory), "persist",
			 lapse_of(entry), "error", known ? json_null() : text(entry->why.text));
}

/* A certificate of another client: it has neither attempts nor a next one. */
static json_t *watched_of(const struct status *status, const struct entry *entry)
{
	const struct watched *row = entry->watched;
	const struct live *live = &entry->ledger.live;

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "name", row->label, "watch", row->section, "file",
			 row->file, "identifiers", identifiers_of(status, entry), "names",
			 row->sighting.good ? json_integer(row->sighting.names) : json_null(), "not_before",
			 moment(live->not_before), "not_after", moment(live->not_after), "issuer", text(row->sighting.issuer),
			 "state", status_word(entry->condition), "error",
			 entry->condition == CONDITION_UNKNOWN ? text(entry->why.text) : json_null());
}

static json_t *remarks_of(const struct status *status)
{
	json_t *list = json_array();

	for (const struct watched *row = NULL; (row = status_next_remark(status, row));)
		(void)json_array_append_new(list, json_pack("{s:s, s:s}", "watch", row->section, "text", row->sighting.why));
	return list;
}

static json_t *seconds_of(uint64_t milliseconds)
{
	return json_real((double)milliseconds / 1e3);
}

static json_t *window_of(const struct window_entry *entry)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:i, s:i, s:s, s:o, s:o, s:s, s:o, s:b, s:o, s:b}", "begun",
			 moment(entry->begun.wall), "opened", moment(entry->opened), "closed", moment(entry->closed), "seconds",
			 seconds_of(entry->open_ms), "times", (int)entry->times, "port", entry->port, "for", windows_asker(entry),
			 "client", text(entry->client), "process", entry->pid ? json_integer(entry->pid) : json_null(), "closed_by",
			 status_net(entry), "packets", entry->counted ? json_integer((json_int_t)entry->packets) : json_null(),
			 "refused", entry->refused, "detail", text(entry->detail), "at_most", entry->bounded != 0);
}

static json_t *windows_of(const struct status *status)
{
	json_t *list = status->windows_known ? json_array() : json_null();

	for (uint32_t i = 0; i < status->windows; i++)
		(void)json_array_append_new(list, window_of(&status->window[i]));
	return list;
}

static json_t *exposure_of(const struct status *status)
{
	const struct exposure *exposure = &status->exposure;
	const struct stretch *year = &exposure->year;

	if (!status->windows_known)
		return json_null();
	return json_pack("{s:I, s:o, s:o, s:o, s:b, s:I, s:o, s:o, s:o}", "windows", (json_int_t)exposure->windows, "seconds",
			 seconds_of(exposure->open_ms), "longest_seconds", seconds_of(exposure->longest_ms), "since",
			 moment(exposure->since), "open", exposure->open, "windows_365d", (json_int_t)year->windows, "seconds_365d",
			 seconds_of(year->open_ms), "longest_seconds_365d", seconds_of(year->longest_ms), "known_since",
			 moment(year->known));
}

int json_write(const struct status *status, FILE *out)
{
	json_t *list = json_array(), *watched = json_array(), *root;
	int rc = -1;

	for (size_t i = 0; i < status->count; i++) {
		const struct entry *entry = &status->entry[i];

		if ((entry->watched ? json_array_append_new(watched, watched_of(status, entry)) :
				      json_array_append_new(list, object_of(status, entry))) < 0)
			break;
	}
	if (json_array_size(list) + json_array_size(watched) != status->count) {
		json_decref(list);
		json_decref(watched);
		return -1;
	}
	root = json_pack("{s:i, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "version", 1, "generated", moment(status->now.wall),
			 "host", status->host, "mistakes", status->mistaken, "certificates", list, "windows", windows_of(status),
			 "exposure", exposure_of(status), "watched", watched, "remarks", remarks_of(status));
	if (root)
		rc = json_dumpf(root, out, JSON_INDENT(2)) < 0 || fputc('\n', out) == EOF ? -1 : 0;
	json_decref(root);
	return rc;
}

/* One line. An alarm is about one of the three. */
int json_write_alarm(const struct alarm *alarm, const struct status *status, const char *sentence, FILE *out)
{
	const struct entry *entry = alarm->entry;
	json_t *root = json_pack("{s:i, s:s, s:s, s:o, s:s, s:o, s:o, s:o}", "version", 1, "event", alarm_word(alarm), "host",
				 status->host, "at", moment(status->now.wall), "text", sentence, "certificate",
				 entry && !entry->watched ? object_of(status, entry) : json_null(), "watched",
				 entry && entry->watched ? watched_of(status, entry) : json_null(), "window",
				 alarm->window ? window_of(alarm->window) : json_null());
	int rc = root && json_dumpf(root, out, JSON_COMPACT) == 0 && fputc('\n', out) != EOF ? 0 : -1;

	json_decref(root);
	return rc;
}
