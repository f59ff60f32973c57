// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * forge CONFIG <LINES: for tests, writes the ledgers of certificates and windows, so that a page can be seen that no run would lead to. Days
 * are from now on, and may be negative or broken. A text is the rest of its line, whatever is in it.
 *
 *	live NAME BEGIN END			a certificate is in use
 *	ari NAME BEGIN END			the CA suggests to renew it then
 *	failed NAME DAY RESULT STEP TYPE TEXT	an attempt: numbers of base/outcome.h
 *	window DAY MILLISECONDS ASKER NET TEXT	numbers of store/windows.h and base/wire.h; TEXT: client, or client|detail
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/config_load.h"
#include "store/ledger.h"
#include "store/windows.h"
#include "store/wish.h"

static struct config config;
static struct mistakes mistakes;
static struct ledger ledger;
static struct fault fault;
static int state_fd, ledgers;

static int64_t moment(double day)
{
	return instant_now().wall + (int64_t)(day * 86400);
}

static uint64_t wish(const char *name)
{
	int found = config_find(&config, name);

	return found < 0 ? 0 : wish_of(&config, &config.certificate[found]);
}

static int look(const char *name)
{
	enum ledger_state state;

	return ledger_look(ledgers, name, &ledger, &state, &fault);
}

static int put(const char *name)
{
	return ledger_write(ledgers, name, &ledger, &fault);
}

static int forge_live(const char *line)
{
	double begin, end;
	char name[64];

	if (sscanf(line, "live %63s %lf %lf", name, &begin, &end) != 3 || look(name) < 0)
		return -1;
	ledger.live = (struct live){
		.not_before = moment(begin), .not_after = moment(end), .stored = moment(begin), .wish = wish(name), .certid = "AAAA.AAAA"
	};
	snprintf(ledger.live.directory, sizeof(ledger.live.directory), "%s", config.acme.directory);
	return put(name);
}

static int forge_ari(const char *line)
{
	double begin, end;
	char name[64];

	if (sscanf(line, "ari %63s %lf %lf", name, &begin, &end) != 3 || look(name) < 0)
		return -1;
	ledger.ari = (struct ari){ .certid = "AAAA.AAAA",
				   .start = moment(begin),
				   .end = moment(end),
				   .read_at = instant_now(),
				   .chosen = moment((begin + end) / 2),
				   .retry_after = 21600 };
	return put(name);
}

static int forge_failed(const char *line)
{
	struct outcome outcome = { 0 };
	struct instant started = instant_now();
	char name[64], type[48];
	int text = 0;
	double day;

	if (sscanf(line, "failed %63s %lf %u %u %47s %n", name, &day, &outcome.result, &outcome.step, type, &text) != 5 ||
	    look(name) < 0)
		return -1;
	started.wall = moment(day);
	started.boot += (int64_t)(day * 86400);
	snprintf(outcome.type, sizeof(outcome.type), "%s", strcmp(type, "-") ? type : "");
	snprintf(outcome.detail, sizeof(outcome.detail), "%s", line + text);
	ledger_begin(&ledger, &started, wish(name), config.acme.directory);
	ledger_end(&ledger, &started, &outcome);
	return put(name);
}

static int forge_window(const char *line)
{
	struct window_entry entry = { .begun = instant_now(), .times = 1, .port = config.gate.port, .counted = 1, .packets = 12 };
	struct windows windows;
	enum windows_state state;
	int text = 0, rc = -1;
	double day;
	char *detail;

	if (sscanf(line, "window %lf %u %u %u %n", &day, &entry.open_ms, &entry.asker, &entry.net, &text) != 4)
		return -1;
	entry.begun.wall = moment(day);
	entry.opened = entry.net == NET_NEVER ? 0 : entry.begun.wall;
	entry.refused = entry.net == NET_NEVER;
	snprintf(entry.client, sizeof(entry.client), "%s", line + text);
	detail = strchr(entry.client, '|');
	if (detail) {
		*detail = '\0';
		snprintf(entry.detail, sizeof(entry.detail), "%s", strchr(line + text, '|') + 1);
	}
	if (windows_open(&windows, state_fd, &state, &fault) < 0)
		return -1;
	if (windows_begin(&windows, &entry, &fault) == 0)
		rc = entry.net == NET_UNKNOWN ? 0 : windows_end(&windows, &entry, &fault);
	close_fd(&windows.fd);
	return rc;
}

static int forge(const char *line)
{
	switch (line[0]) {
	case 'l':
		return forge_live(line);
	case 'a':
		return forge_ari(line);
	case 'f':
		return forge_failed(line);
	default:
		return forge_window(line);
	}
}

int main(int argc, char **argv)
{
	char line[1024];

	instant_learn_boot();
	if (argc != 2 || config_load(&config, argv[1], CONFIG_GATE, &mistakes, &fault) < 0)
		return 2;
	(void)mkdir(config.gate.state, 0711);
	state_fd = open(config.gate.state, O_RDONLY | O_DIRECTORY);
	(void)mkdirat(state_fd, "ledger", 0700);
	ledgers = openat(state_fd, "ledger", O_RDONLY | O_DIRECTORY);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && forge(line) < 0) {
			fprintf(stderr, "%s: %s\n", line, fault.text);
			return 1;
		}
	}
	return 0;
}
