/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch.h - the authoritative servers of a zone, asked until each of them gives a value. */
#ifndef ACMEGATE_DNS_WATCH_H
#define ACMEGATE_DNS_WATCH_H

#include "dns/notes.h"

struct watch {
	const struct dns *dns;
	const struct note *note;
	int64_t since; /* ms: when the value was added */
	size_t servers, looks;
	struct sight {
		struct server server;
		enum {
			SERVER_LAGS, /* answers, and does not give the value */
			SERVER_GIVES,
			SERVER_SILENT, /* no answer, or none that tells; why */
			SERVER_BEYOND  /* this host has no addresses of that family */
		} state;
		uint32_t negative; /* seconds that a cache before the server may remember its "there is nothing"; or 0 */
		char why[512];
	} sight[MOST_SERVERS];
};

/* since: ms. */
int watch_begin(struct watch *watch, const struct dns *dns, const struct note *note, int64_t since, struct fault *fault) MUST_CHECK;

/* Asks those that have not given the value yet. true: all that this host can reach do now. */
bool watch_look(struct watch *watch);

/* ms until the next look; 0: the time is up. */
int watch_pause(const struct watch *watch);

/* The time is up. 0: some do not answer, one gives the value, and none says anything else; else the fault names them. */
int watch_judge(const struct watch *watch, struct fault *fault) MUST_CHECK;

#endif
