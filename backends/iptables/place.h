/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place.h - where acmegate-iptables is to put rules, as the gate writes it into ACMEGATE_PLACES: a line for each chain,
 *
 *	LAYER NUMBER PORT to|from once|again bound|free ACCEPT|RETURN REACH TABLE CHAIN
 *
 * LAYER is the tool's name. The rule comes before the one with that number, counted from 1. from: the chain sees what answers. again: a rule
 * of ours is there, in a wrong place. bound: the match "socket" can see our listener there. REACH: any, local, or addresses with commas
 * between.
 */
#ifndef ACMEGATE_BACKENDS_IPTABLES_PLACE_H
#define ACMEGATE_BACKENDS_IPTABLES_PLACE_H

#include <time.h>

#include "backends/iptables/rules.h"
#include "backends/iptables/tool.h"

#define PLACES_MOST 128

struct place {
	size_t layer; /* in ipt_layers */
	unsigned int number, port;
	bool leaving, again, bindable, returns;
	const char *reach, *table, *chain;
};

struct places {
	size_t count;
	struct place place[PLACES_MOST];
};

/* Cuts text, which must live as long as the places. */
int places_read(struct places *places, char *text, struct fault *fault) MUST_CHECK;

bool places_need(const struct places *places, size_t layer);

/* Does a place of this layer ask the kernel whether an address is local? */
bool places_need_addrtype(const struct places *places, size_t layer);

/* The parts that all rules have in common. */
struct rule {
	const char *tool[IPT_LAYERS], *tag;
	bool prompt[IPT_LAYERS]; /* see ipt_find() */
	bool bound, timed;	 /* what tools and kernel can do */
	time_t start, stop;	 /* the first and last second in which it matches */
};

enum action { INSERT, DELETE };

/* The command that makes the rule of this place, or removes it. */
void place_command(const struct place *place, const struct rule *rule, enum action action, struct ipt_words *command);

/* A rule that was just inserted there moves the places behind it: one rule for each address that it names. */
void places_move(struct places *places, const struct place *inserted);

#endif
