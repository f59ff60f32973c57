// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ledger DIRECTORY NAME show | ledger DIRECTORY NAME age SECONDS | ledger DIRECTORY NAME back SECONDS
 *
 * For tests: a look into STATE/ledger/NAME. age: all moments in it are so many seconds longer ago, by both clocks, as if that time had
 * passed. back: the certificate in use was stored so many seconds later, as if the CA had dated it back. show: a line for each attempt,
 * the newest first: result step windows type.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "store/ledger.h"

static struct ledger ledger;

static void shift(struct instant *instant, int64_t seconds)
{
	instant->wall -= seconds;
	instant->boot -= seconds;
}

static void age(int64_t seconds)
{
	shift(&ledger.held, seconds);
	shift(&ledger.ari.read_at, seconds);
	ledger.keys.prepared -= seconds;
	for (uint32_t i = 0; i < ledger.attempts; i++)
		shift(&ledger.attempt[i].started, seconds);
}

static void show(void)
{
	static const char *const results[RESULTS] = { "unknown", "stored", "invalid", "refused", "limited", "unreachable", "host" };

	for (uint32_t i = 0; i < ledger.attempts; i++) {
		const struct outcome *outcome = &ledger.attempt[i].outcome;

		printf("%s %u %u %s\n", results[outcome->result % RESULTS], outcome->step, outcome->windows, outcome->type);
	}
}

int main(int argc, char **argv)
{
	enum ledger_state state;
	struct fault fault;
	int dir;

	if (argc < 4)
		return 2;
	dir = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (dir < 0 || ledger_look(dir, argv[2], &ledger, &state, &fault) < 0 || state != LEDGER_READ)
		return 1;
	if (!strcmp(argv[3], "show")) {
		show();
		return 0;
	}
	if (!strcmp(argv[3], "back"))
		ledger.live.stored += argc > 4 ? strtol(argv[4], NULL, 10) : 0;
	else
		age(argc > 4 ? strtol(argv[4], NULL, 10) : 0);
	return ledger_write(dir, argv[2], &ledger, &fault) < 0;
}
