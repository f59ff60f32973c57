/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * request.h - what the gate asks acmegate-iptables, and the chains that it asks for. Only the backend itself includes this.
 */
#ifndef ACMEGATE_BACKENDS_IPTABLES_REQUEST_H
#define ACMEGATE_BACKENDS_IPTABLES_REQUEST_H

#include <stdbool.h>

#include "backends/helper.h"
#include "backends/nft/news.h"
#include "backends/nft/survey.h"

#define STATE_SIZE 256

/* A chain that needs the rule: what acmegate-iptables is told of it is a place (place.h). */
struct wanted {
	bool legacy;
	struct spot spot; /* with the handle of our rule in iptables-nft, once that was read */
	bool present;	  /* the rule is there */
};

struct ruleset {
	struct netlink netlink; /* no socket: no nf_tables */
	struct news news;
	int timer;	     /* for the legacy tables; -1: none */
	struct opening made; /* by this process */
	size_t wants;	     /* the number of wanted */
	struct wanted wanted[2 * SURVEY_MOST];
	uint32_t generation;	      /* when they were chosen */
	bool chosen;		      /* they are as the last reading showed them */
	bool stale;		      /* somebody has changed the chains since: choose again */
	char client[FAULT_TEXT_SIZE]; /* how a legacy table may stop our client */
	bool inserted;
	bool unsure;		/* a helper has failed: something that it has started may be at work */
	bool busy;		/* others committed all the time while they were chosen */
	char state[STATE_SIZE]; /* what the helper wants to know again: the legacy tables as it saw them, its tools, the rules' time */
	struct evidence evidence;
};

extern const struct helper request_helper;

/* Is there a table of iptables-legacy, of either family? */
bool request_has_legacy(void);

typedef bool choice(const struct ruleset *ruleset, const struct wanted *wanted);
choice request_is_missing, request_is_to_open, request_is_legacy, request_is_any;

/* The last of those that are chosen, or NULL. */
struct wanted *request_last(struct ruleset *ruleset, choice *chosen);

/* The tool that it is for. */
const char *request_layer(const struct wanted *wanted);

/* The caller frees *answer, the output of the helper. The chosen ones (NULL: none) are handed over. */
int request_send(struct ruleset *ruleset, const char *verb, const char *tag, const struct opening *opening, choice *chosen,
		 char **answer, struct fault *fault) MUST_CHECK;

/* Takes the state in the first line of an answer, and hands out the second. NULL: fault. */
char *request_state(struct ruleset *ruleset, char **rest, struct fault *fault) MUST_CHECK;

/* The number of rules in an answer to "open"; the commits of the tools, whose numbers follow, are no news. */
int request_made(const char *numbers, struct fault *fault) MUST_CHECK;

/* Hands out each legacy table that is loaded, as the helper's tools print it. */
typedef int take_listing(struct ruleset *ruleset, const char *listing, uint8_t family, const char *table, void *arg,
			 struct fault *fault);

int request_listings(struct ruleset *ruleset, take_listing *take, void *arg, struct fault *fault) MUST_CHECK;

#endif
