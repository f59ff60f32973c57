// SPDX-License-Identifier: GPL-3.0-or-later
/* The views of the state: every condition of a certificate, in each form. Ledgers are forged in a directory of its own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/moment.h"
#include "between.h"
#include "view/history.h"
#include "store/wish.h"
#include "view/status.h"

#define DAY INT64_C(86400)
#define DIRECTORY "https://ca.test/directory"

static char top[] = "/tmp/acmegate-view-XXXXXX";
static int dir;
static struct config config;
static struct ledger ledger;
static struct status status;
static struct fault fault;
static char *const all[] = { NULL };

/* Each in its own way: "valid" is, "due" is due ... */
static const char *const kinds[] = { "valid", "due", "failing", "refused", "expiring", "expired", "missing", "first", "corrupt" };

static struct certificate *certificate_of(const char *name)
{
	for (uint32_t i = 0; i < config.certificates; i++)
		if (!strcmp(config.certificate[i].name, name))
			return &config.certificate[i];
	fail_msg("there is no certificate %s", name);
	return NULL;
}

/* A certificate of 90 days that has so many left. */
static void forge(const char *name, int64_t days, enum result failure)
{
	struct instant now = instant_now();
	const struct outcome outcome = { .result = failure, .type = "connection", .detail = "no answer" };
	uint64_t wish = wish_of(&config, certificate_of(name));

	memset(&ledger, 0, sizeof(ledger));
	if (days != INT64_MIN)
		ledger.live = (struct live){ .not_before = now.wall - (90 - days) * DAY,
					     .not_after = now.wall + days * DAY + 60,
					     .stored = now.wall - (90 - days) * DAY,
					     .wish = wish,
					     .directory = DIRECTORY };
	if (failure != RESULT_STORED) {
		ledger_begin(&ledger, &now, wish, DIRECTORY);
		ledger_end(&ledger, &now, &outcome);
	}
	assert_int_equal(ledger_write(dir, name, &ledger, &fault), 0);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(config.file, sizeof(config.file), "/etc/acmegate.conf");
	snprintf(config.acme.directory, sizeof(config.acme.directory), DIRECTORY);
	for (size_t i = 0; i < LENGTH_OF(kinds); i++) {
		struct certificate *certificate = &config.certificate[config.certificates++];

		snprintf(certificate->name, sizeof(certificate->name), "%s", kinds[i]);
		certificate->first_name = config.names;
		certificate->names = i ? 1 : 2;
		snprintf(config.name[config.names++], NAME_SIZE, "%s.example", kinds[i]);
		if (!i)
			snprintf(config.name[config.names++], NAME_SIZE, "www.%s.example", kinds[i]);
	}
	if (!mkdtemp(top) || (dir = open(top, O_RDONLY | O_DIRECTORY)) < 0)
		return -1;
	forge("valid", 60, RESULT_STORED);
	forge("due", 20, RESULT_STORED);
	forge("failing", 16, RESULT_INVALID);
	forge("refused", 25, RESULT_REFUSED);
	forge("expiring", 14, RESULT_INVALID);
	forge("expired", -2, RESULT_STORED);
	forge("first", INT64_MIN, RESULT_INVALID);
	return close(openat(dir, "corrupt", O_CREAT | O_WRONLY, 0600));
}

static int take_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH_OF(kinds); i++)
		(void)unlinkat(dir, kinds[i], 0);
	return rmdir(top);
}

static const struct entry *entry_of(const char *name)
{
	for (size_t i = 0; i < status.count; i++)
		if (!strcmp(status.entry[i].certificate->name, name))
			return &status.entry[i];
	fail_msg("there is no entry %s", name);
	return NULL;
}

static void conditions(void **state)
{
	static const struct {
		const char *name;
		enum condition condition;
		enum health health;
	} expected[] = {
		{ "valid", CONDITION_VALID, HEALTH_GOOD },
		{ "due", CONDITION_DUE, HEALTH_WAITING },
		{ "failing", CONDITION_FAILING, HEALTH_WAITING },
		{ "refused", CONDITION_FAILING, HEALTH_ATTENTION },
		{ "expiring", CONDITION_EXPIRING, HEALTH_ATTENTION },
		{ "expired", CONDITION_EXPIRED, HEALTH_ATTENTION },
		{ "missing", CONDITION_MISSING, HEALTH_WAITING },
		{ "first", CONDITION_FAILING, HEALTH_ATTENTION },
		{ "corrupt", CONDITION_UNKNOWN, HEALTH_ATTENTION },
	};

	(void)state;
	assert_int_equal(status_collect(&status, &config, dir, all, &fault), 0);
	assert_int_equal(status.count, LENGTH_OF(expected));
	for (size_t i = 0; i < LENGTH_OF(expected); i++) {
		const struct entry *entry = entry_of(expected[i].name);

		if (entry->condition != expected[i].condition || entry->health != expected[i].health)
			fail_msg("%s is %s, health %d", expected[i].name, status_word(entry->condition), entry->health);
	}
	assert_int_equal(status.health, HEALTH_ATTENTION);
	assert_int_equal(status_days(entry_of("valid"), &status.now), 60);
	assert_int_equal(status_days(entry_of("expired"), &status.now), -2);
	status_free(&status);
}

/* A run that is at work has not failed yet; one that began half an hour ago was killed. */
static void an_attempt_without_an_end(void **state)
{
	char first[] = "first", *names[] = { first, NULL };
	const int64_t ages[] = { 0, 1700, 1900 };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(ages); i++) {
		struct instant started = instant_now();

		started.wall -= ages[i];
		started.boot -= ages[i];
		memset(&ledger, 0, sizeof(ledger));
		ledger_begin(&ledger, &started, wish_of(&config, certificate_of("first")), DIRECTORY);
		assert_int_equal(ledger_write(dir, "first", &ledger, &fault), 0);
		assert_int_equal(status_collect(&status, &config, dir, names, &fault), 0);
		assert_int_equal(status.entry[0].condition, ages[i] < 1800 ? CONDITION_MISSING : CONDITION_FAILING);
		assert_int_equal(status.entry[0].failures, ages[i] < 1800 ? 0 : 1);
		assert_string_equal(status_result(status.entry[0].last), "unfinished");
		status_free(&status);
	}
	forge("first", INT64_MIN, RESULT_INVALID);
}

static void chosen(const char *first, const char *second, enum health health, int exit_status)
{
	char one[LABEL_SIZE], two[LABEL_SIZE];
	char *names[] = { one, second ? two : NULL, NULL };

	snprintf(one, sizeof(one), "%s", first);
	snprintf(two, sizeof(two), "%s", second ? second : "");
	assert_int_equal(status_collect(&status, &config, dir, names, &fault), 0);
	assert_int_equal(status.count, second ? 2 : 1);
	assert_int_equal(status.health, health);
	assert_int_equal(status_exit(status.health), exit_status);
	status_free(&status);
}

static void names_and_exit_statuses(void **state)
{
	char unknown[] = "nobody", *names[] = { unknown, NULL };
	static struct config none;

	(void)state;
	snprintf(none.file, sizeof(none.file), "/etc/none.conf");
	chosen("valid", NULL, HEALTH_GOOD, 0);
	chosen("valid", "due", HEALTH_WAITING, 75);
	chosen("expired", "valid", HEALTH_ATTENTION, 1);
	assert_int_equal(status_collect(&status, &config, dir, names, &fault), -1);
	assert_string_equal(fault.text, "/etc/acmegate.conf has no [certificate nobody]");
	assert_int_equal(fault.kind, FAULT_USAGE);
	status_free(&status);
	assert_int_equal(status_collect(&status, &none, dir, all, &fault), -1);
	assert_int_equal(fault.kind, FAULT_USAGE);
	status_free(&status);
	assert_int_equal(status_collect(&status, &config, -1, all, &fault), 0);
	for (size_t i = 0; i < status.count; i++)
		assert_int_equal(status.entry[i].condition, CONDITION_MISSING);
	status_free(&status);
}

/* Six rows: five files, and a remark. */
static void forge_rows(struct watched row[6], int64_t now)
{
	static const int64_t days[][2] = { { -30, 60 }, { -80, 10 }, { -100, -1 }, { 1, 60 } };

	memset(row, 0, 6 * sizeof(row[0]));
	for (int i = 0; i < 6; i++) {
		strcpy(row[i].section, i == 4 ? "other" : "certbot");
		if (i < 5)
			snprintf(row[i].label, sizeof(row[i].label), "%.32s/%d", row[i].section, i);
		if (i > 3)
			strcpy(row[i].sighting.why, "there is no such file");
		if (i > 3)
			continue;
		row[i].sighting.good = 1;
		row[i].sighting.not_before = now + days[i][0] * DAY;
		row[i].sighting.not_after = now + days[i][1] * DAY;
	}
	row[0].sighting.names = 3;
	memcpy(row[0].sighting.name, "a.example\0b.example", sizeof("a.example\0b.example"));
}

static void certificates_of_other_clients(void **state)
{
	static const enum condition expected[] = { CONDITION_VALID, CONDITION_EXPIRING, CONDITION_EXPIRED, CONDITION_UNKNOWN,
						   CONDITION_UNKNOWN };
	static struct watched row[6];
	char valid[] = "valid", other[] = "other", *names[] = { valid, NULL }, *both[] = { valid, other, NULL };
	const struct entry *entry;
	const char *name;

	(void)state;
	config.watches = 2;
	config.watched = LENGTH_OF(row);
	strcpy(config.watch[0].name, "certbot");
	strcpy(config.watch[1].name, "other");
	assert_int_equal(status_collect(&status, &config, dir, all, &fault), 0);
	forge_rows(row, status.now.wall);
	assert_int_equal(status_add_watched(&status, row, all, &fault), 0);
	assert_int_equal(status.count, LENGTH_OF(kinds) + 5);
	for (size_t i = 0; i < 5; i++) {
		entry = &status.entry[LENGTH_OF(kinds) + i];
		assert_string_equal(status_name(entry), row[i].label);
		assert_int_equal(entry->condition, expected[i]);
		assert_int_equal(entry->health, i ? HEALTH_ATTENTION : HEALTH_GOOD);
	}
	/* three names, of which two had room */
	entry = &status.entry[LENGTH_OF(kinds)];
	assert_int_equal(status_names(entry), 3);
	assert_string_equal(name = status_next_name(&status, entry, NULL), "a.example");
	assert_string_equal(name = status_next_name(&status, entry, name), "b.example");
	assert_null(status_next_name(&status, entry, name));
	assert_null(status_next_name(&status, entry + 4, NULL));
	/* our own have two, and one */
	assert_string_equal(name = status_next_name(&status, &status.entry[0], NULL), "valid.example");
	assert_string_equal(name = status_next_name(&status, &status.entry[0], name), "www.valid.example");
	assert_null(status_next_name(&status, &status.entry[0], name));
	assert_ptr_equal(status_next_remark(&status, NULL), &row[5]);
	assert_null(status_next_remark(&status, &row[5]));
	status_free(&status);
	/* only those that are named; their health counts */
	assert_int_equal(status_collect(&status, &config, dir, names, &fault), 0);
	assert_int_equal(status_add_watched(&status, row, names, &fault), 0);
	assert_int_equal(status.count, 1);
	assert_int_equal(status.health, HEALTH_GOOD);
	assert_null(status_next_remark(&status, NULL));
	status_free(&status);
	assert_int_equal(status_collect(&status, &config, dir, both, &fault), 0);
	assert_int_equal(status_add_watched(&status, row, both, &fault), 0);
	assert_int_equal(status.count, 2);
	assert_int_equal(status.health, HEALTH_ATTENTION);
	status_free(&status);
	strcpy(valid, "othe");
	assert_int_equal(status_collect(&status, &config, dir, names, &fault), 0);
	assert_int_equal(status_add_watched(&status, row, names, &fault), -1);
	assert_int_equal(fault.kind, FAULT_USAGE);
	status_free(&status);
	config.watches = config.watched = 0;
}

enum form { TABLE, NARROW, COLOURED, JSON, SUMMARY, METRICS };

/* What a form prints. The caller frees it. */
static char *printed(enum form form, int *rc)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	*rc = 0;
	assert_int_equal(status_collect(&status, &config, dir, all, &fault), 0);
	if (form <= COLOURED)
		table_write(&status, out, form == NARROW ? 60 : 200, form == COLOURED);
	else if (form == JSON)
		*rc = json_write(&status, out);
	else if (form == SUMMARY)
		*rc = summary_write(&status, out);
	else
		metrics_write(&status, out);
	status_free(&status);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* "\n    " becomes a space. */
static void join(char *text)
{
	for (char *broken; (broken = strstr(text, "\n    "));) {
		*broken = ' ';
		memmove(broken + 1, broken + 5, strlen(broken + 5) + 1);
	}
}

static void tables(void **state)
{
	int rc;
	OWN_FREE char *wide = printed(TABLE, &rc), *narrow = printed(NARROW, &rc), *coloured = printed(COLOURED, &rc);
	size_t lines = 0;

	(void)state;
	assert_non_null(strstr(wide, "NAME      NAMES             UNTIL       DAYS  LAST"));
	assert_non_null(strstr(wide, "valid.example +1  "));
	assert_non_null(strstr(wide, "  failing, failed 1 time\n    not tried again before "));
	assert_non_null(strstr(wide, "because the CA could not validate a name: no answer; acmegate renew-now does"));
	assert_non_null(strstr(wide, "unknown\n    ledger/corrupt is corrupt; the next run begins a new one"));
	assert_null(strchr(wide, '\033'));
	assert_non_null(strstr(coloured, "\033[1;31mexpired\033[0m\n"));
	assert_non_null(strstr(coloured, "\033[32mvalid\033[0m\n"));
	/* what was decided is broken at spaces, and none of it is lost */
	for (const char *line = narrow; *line; line = strchr(line, '\n') + 1, lines++)
		if (!strncmp(line, "    ", 4))
			assert_between(strcspn(line, "\n"), 5, 60);
	assert_true(lines > 2 * LENGTH_OF(kinds) + 1);
	join(narrow);
	assert_non_null(strstr(narrow, "because the CA could not validate a name: no answer; acmegate renew-now does\n"));
}

static void json(void **state)
{
	int rc;
	OWN_FREE char *text = printed(JSON, &rc);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *list, *one;

	(void)state;
	assert_int_equal(rc, 0);
	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(root, "version")), 1);
	assert_true(json_is_false(json_object_get(root, "mistakes")));
	list = json_object_get(root, "certificates");
	assert_int_equal(json_array_size(list), LENGTH_OF(kinds));
	one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "state")), "valid");
	assert_int_equal(json_array_size(json_object_get(one, "identifiers")), 2);
	assert_true(json_is_null(json_object_get(one, "last")) && json_is_null(json_object_get(one, "error")));
	one = json_object_get(json_array_get(list, 2), "last");
	assert_string_equal(json_string_value(json_object_get(one, "result")), "invalid");
	assert_string_equal(json_string_value(json_object_get(json_object_get(one, "problem"), "detail")), "no answer");
	one = json_array_get(list, LENGTH_OF(kinds) - 1);
	assert_true(json_is_null(json_object_get(one, "next")) && json_is_null(json_object_get(one, "failures")));
	assert_non_null(strstr(json_string_value(json_object_get(one, "error")), "is corrupt"));
	json_decref(root);
}

static void summaries(void **state)
{
	int rc;
	OWN_FREE char *text = printed(SUMMARY, &rc);

	(void)state;
	assert_int_equal(rc, 2);
	assert_ptr_equal(strstr(text,
				"ACMEGATE CRITICAL - 9 certificates: failing is failing, refused is failing, expiring is expiring, "
				"expired is expired, missing is missing, first is failing, corrupt is unknown | valid=60d due=20d "),
			 text);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

/* No sample has a time stamp, and each has its HELP and TYPE. */
static void metrics(void **state)
{
	int rc;
	OWN_FREE char *text = printed(METRICS, &rc);
	size_t samples = 0;

	(void)state;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *end;

		if (!strncmp(line, "# HELP acmegate_", 16) || !strncmp(line, "# TYPE acmegate_", 16))
			continue;
		assert_ptr_equal(strstr(line, "acmegate_"), line);
		end = strchr(line, '}');
		assert_non_null(end);
		assert_null(strchr(end + 2, ' '));
		samples++;
	}
	assert_between(samples, 30, 60);
}

/* Two that were closed, and one whose acmegate was killed. */
static void windows_and_exposure(void **state)
{
	struct window_entry entry = { .asker = ASKER_HOOK, .net = NET_KERNEL, .port = 80, .times = 1, .client = "certbot" };
	struct windows windows;
	enum windows_state found;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *root, *list;

	(void)state;
	assert_int_equal(windows_open(&windows, dir, &found, &fault), 0);
	for (uint32_t i = 0; i < 3; i++) {
		entry.begun.wall = 1790812800 + (int64_t)i * 3600;
		entry.open_ms = 0;
		assert_int_equal(windows_begin(&windows, &entry, &fault), 0);
		entry.open_ms = 1500 + 1000 * i;
		if (i < 2)
			assert_int_equal(windows_end(&windows, &entry, &fault), 0);
	}
	close_fd(&windows.fd);
	assert_int_equal(status_collect(&status, &config, dir, all, &fault), 0);
	assert_int_equal(status_add_windows(&status, dir, &fault), 0);
	assert_int_equal(status.windows, 3);
	assert_int_equal(status.exposure.windows, 3);
	assert_int_equal(status.exposure.open_ms, 4000);
	assert_int_equal(status.exposure.longest_ms, 2500);
	assert_int_equal(status.exposure.since, 1790812800);
	assert_true(status.exposure.open);
	assert_int_equal(json_write(&status, out), 0);
	assert_int_equal(fclose(out), 0);
	root = json_loads(text, 0, NULL);
	assert_true(json_real_value(json_object_get(json_object_get(root, "exposure"), "seconds")) == 4.0);
	list = json_object_get(root, "windows");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "closed_by")), "kernel");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "for")), "hook");
	json_decref(root);
	free(text);
	status_free(&status);
	assert_int_equal(unlinkat(dir, WINDOWS_FILE, 0), 0);
}

/* Thousands of windows: none has to outlive a power cut. */
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	(void)fd;
	return 0;
}

/* Days before the windows that are listed are known as sums. */
static void forge_windows(int64_t days, uint32_t each, uint32_t open_ms)
{
	struct window_entry entry = { .asker = ASKER_RENEW, .net = NET_GATE, .port = 80, .times = 1 };
	const int64_t today = instant_now().wall / DAY;
	struct windows windows;
	enum windows_state found;

	(void)unlinkat(dir, WINDOWS_FILE, 0);
	assert_int_equal(windows_open(&windows, dir, &found, &fault), 0);
	for (int64_t day = today - days + 1; day <= today; day++)
		for (uint32_t i = 0; i < each; i++) {
			entry.begun.wall = entry.opened = day * DAY + i;
			entry.open_ms = open_ms;
			assert_int_equal(windows_begin(&windows, &entry, &fault), 0);
			assert_int_equal(windows_end(&windows, &entry, &fault), 0);
		}
	close_fd(&windows.fd);
	assert_int_equal(status_collect(&status, &config, dir, all, &fault), 0);
	assert_int_equal(status_add_windows(&status, dir, &fault), 0);
}

static void assert_span(const struct stretch *span, uint64_t windows, uint64_t open_ms, bool whole)
{
	assert_int_equal(span->windows, windows);
	assert_int_equal(span->open_ms, open_ms);
	assert_int_equal(span->known == 0, whole);
}

static void a_year(void **state)
{
	const int64_t today = instant_now().wall / DAY;
	struct stretch span;

	(void)state;
	forge_windows(10, 2, 1000); /* each is listed; nothing is known before */
	assert_span(&status.exposure.year, 20, 20000, false);
	assert_int_equal(status.exposure.year.known, (today - 9) * DAY);
	span = exposure_since(&status, (today - 4) * DAY);
	assert_span(&span, 10, 10000, true);
	span = exposure_since(&status, (today - 4) * DAY + 1);
	assert_span(&span, 9, 9000, true);
	status_free(&status);
	forge_windows(390, 4, 500); /* more than are listed, and more than a year */
	assert_int_equal(status.windows, WINDOWS_KEPT);
	assert_span(&status.exposure.year, 365 * 4, 365 * 2000, true);
	assert_int_equal(status.exposure.year.longest_ms, 500);
	span = exposure_since(&status, (today - 380) * DAY + 5); /* by days only: from its beginning */
	assert_span(&span, 381 * 4, 381 * 2000, true);
	assert_int_equal(span.from, (today - 380) * DAY);
	span = exposure_since(&status, 0);
	assert_span(&span, 390 * 4, 390 * 2000, false);
	status_free(&status);
	forge_windows(300, 4, 500); /* more than are listed, and less than a year */
	assert_span(&status.exposure.year, 300 * 4, 300 * 2000, false);
	assert_int_equal(status.exposure.year.known, (today - 299) * DAY);
	status_free(&status);
	assert_int_equal(unlinkat(dir, WINDOWS_FILE, 0), 0);
}

/* The figures in a text behind this word. */
static long figure(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	if (!at)
		fail_msg("there is no %s", word);
	return at ? (long)(strtod(at + strlen(word), NULL) * 1000 + 0.5) : 0;
}

/* Each view counts the same. */
static void all_views_agree(void **state)
{
	char *json_text = NULL, *metrics_text = NULL, *history_text = NULL;
	size_t size;
	FILE *json_out = open_memstream(&json_text, &size), *metrics_out = open_memstream(&metrics_text, &size);
	FILE *history_out = open_memstream(&history_text, &size);
	char sum[128];

	(void)state;
	forge_windows(370, 5, 1234);
	assert_int_equal(json_write(&status, json_out), 0);
	metrics_write(&status, metrics_out);
	assert_int_equal(history_write(&status, history_out, 0), 0);
	fclose(json_out);
	fclose(metrics_out);
	fclose(history_out);
	assert_int_equal(figure(json_text, "\"windows_365d\": "), 1825000);
	assert_int_equal(figure(metrics_text, "\nacmegate_windows_365d "), 1825000);
	assert_int_equal(figure(json_text, "\"seconds_365d\": "), 2252050);
	assert_int_equal(figure(metrics_text, "\nacmegate_window_open_365d_seconds "), 2252050);
	assert_int_equal(figure(json_text, "\"longest_seconds_365d\": "), 1234);
	assert_int_equal(figure(metrics_text, "\nacmegate_longest_window_365d_seconds "), 1234);
	assert_int_equal(figure(metrics_text, "\nacmegate_windows_total{result=\"closed\"} "), 1850000);
	assert_non_null(strstr(json_text, "\"windows\": 1850,"));
	snprintf(sum, sizeof(sum), "\nport 80 was open 2252.050 s in 365 days, in 1825 windows, longest 1.234 s\n");
	assert_non_null(strstr(history_text, sum));
	free(json_text);
	free(metrics_text);
	free(history_text);
	status_free(&status);
	assert_int_equal(unlinkat(dir, WINDOWS_FILE, 0), 0);
}

/* Quotes, commas, and what a spreadsheet would compute. */
static void csv(void **state)
{
	struct attempt *attempt;
	char one[] = "failing", *names[] = { one, NULL }, *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(status_collect(&status, &config, dir, names, &fault), 0);
	attempt = &status.entry[0].ledger.attempt[0];
	snprintf(attempt->outcome.detail, sizeof(attempt->outcome.detail), "he said \"no\", twice");
	snprintf(attempt->outcome.type, sizeof(attempt->outcome.type), "=1+1");
	status.windows = 1;
	status.window[0] = (struct window_entry){ .begun.wall = 1790812800,
						  .opened = 1790812801,
						  .closed = 1790812804,
						  .open_ms = 3100,
						  .times = 1,
						  .port = 80,
						  .asker = ASKER_HOOK,
						  .net = NET_GATE,
						  .pid = 7,
						  .client = "certbot",
						  .counted = 1,
						  .packets = 5 };
	assert_int_equal(history_write_csv(&status, out, 0), 0);
	assert_int_equal(fclose(out), 0);
	assert_ptr_equal(strstr(text, "kind,begun,opened,closed,seconds,"), text);
	assert_non_null(strstr(text, "\r\nattempt,"));
	assert_non_null(strstr(text, ",,,,,,,,,,,failing,ca.test,invalid,\"'=1+1\",\"he said \"\"no\"\", twice\"\r\n"));
	assert_non_null(
		strstr(text, "\r\nwindow,2026-10-01T00:00:00Z,2026-10-01T00:00:01Z,2026-10-01T00:00:04Z,3.100,0,1,80,hook,certbot,7,"
			     "gate,5,0,,,,,\r\n"));
	free(text);
	status_free(&status);
}

static void moments(void **state)
{
	(void)state;
	assert_string_equal(moment_exact(0).text, "1970-01-01T00:00:00Z");
	assert_string_equal(moment_minute(1790812800).text, "2026-10-01 00:00");
	assert_string_equal(moment_day(1790812800).text, "2026-10-01");
	assert_string_equal(moment_day(INT64_MAX).text, "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions),
		cmocka_unit_test(names_and_exit_statuses),
		cmocka_unit_test(an_attempt_without_an_end),
		cmocka_unit_test(tables),
		cmocka_unit_test(json),
		cmocka_unit_test(summaries),
		cmocka_unit_test(metrics),
		cmocka_unit_test(moments),
		cmocka_unit_test(certificates_of_other_clients),
		cmocka_unit_test(windows_and_exposure),
		cmocka_unit_test(a_year),
		cmocka_unit_test(all_views_agree),
		cmocka_unit_test(csv),
	};

	return cmocka_run_group_tests(tests, set_up, take_down);
}
