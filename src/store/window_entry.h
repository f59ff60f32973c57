/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window_entry.h - what the ledger of windows (windows.h) keeps of a window, and of a day. */
#ifndef ACMEGATE_STORE_WINDOW_ENTRY_H
#define ACMEGATE_STORE_WINDOW_ENTRY_H

#include <stdint.h>

#include "base/instant.h"

#define WINDOWS_KEPT 1024
#define WINDOWS_DAYS 400
#define WINDOWS_TEXT 144
#define WINDOWS_NETS 9

enum asker { ASKER_UNKNOWN, ASKER_RENEW, ASKER_RENEW_NOW, ASKER_HOOK, ASKER_GUARD, ASKER_REHEARSE, ASKERS };

struct window_entry {
	struct instant begun;	       /* before the gate was told to open */
	uint64_t journal;	       /* struct past, sequence: as it was then */
	int64_t opened;		       /* seconds since the epoch; 0: it was not, or acmegate was killed before it knew */
	int64_t closed;		       /* the same; when it was found closed if a later run did so. 0: not yet */
	uint64_t packets;	       /* that acmegate's rules let in */
	uint32_t open_ms;	       /* in all */
	uint32_t times;		       /* that the port was opened: more than once with guard --on-listen */
	uint32_t limit;		       /* seconds that it might be open at most */
	uint32_t asker;		       /* enum asker */
	uint32_t net;		       /* enum net */
	uint32_t pid;		       /* of the client or command; 0: our own */
	uint16_t port;		       /* host byte order */
	uint8_t counted;	       /* 1: packets is known */
	uint8_t refused;	       /* 1: the gate did not open, and detail says why */
	char client[WINDOWS_TEXT];     /* names of the certificates; of the client's program; the command */
	char detail[WINDOWS_TEXT];     /* the rule that kept packets out all the same, the reason of a refusal, or "" */
	uint64_t before_ms;	       /* open_ms of all windows before this one: set by windows_begin(), as what follows */
	uint32_t before[WINDOWS_NETS]; /* their number, by enum net */
	uint32_t bounded;	       /* 1: acmegate was killed, and open_ms is the most that it can have been */
	uint64_t day_ms;	       /* of those before it on the same day, */
	uint32_t day_windows;	       /* their number, without those that were not opened, */
	uint32_t day_longest_ms;       /* and the longest of them */
};

/* The windows of one day, by when they began. */
struct window_day {
	int64_t day; /* days since the epoch, UTC */
	uint64_t open_ms;
	uint32_t windows, longest_ms;
};

#endif
