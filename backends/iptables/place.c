// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/builtin.h"

enum field { LAYER, NUMBER, PORT, DIRECTION, ORDER, BINDING, TARGET, REACH, TABLE, FIELDS };

static bool is_address_list(const char *text)
{
	return text[0] && text[strspn(text, "0123456789abcdef.:,")] == '\0';
}

/* The chain's name may have spaces, and ends the line. */
static bool read_place(struct place *place, char *line)
{
	char *field[FIELDS];

	for (int i = 0; i < FIELDS; i++) {
		field[i] = line;
		line = strchr(line, ' ');
		if (!line)
			return false;
		*line++ = '\0';
	}
	for (place->layer = 0; place->layer < IPT_LAYERS && strcmp(ipt_layers[place->layer].name, field[LAYER]); place->layer++)
		;
	place->number = (unsigned int)strtoul(field[NUMBER], NULL, 10);
	place->port = (unsigned int)strtoul(field[PORT], NULL, 10);
	place->leaving = !strcmp(field[DIRECTION], "from");
	place->again = !strcmp(field[ORDER], "again");
	place->bindable = !strcmp(field[BINDING], "bound");
	place->returns = !strcmp(field[TARGET], "RETURN");
	place->reach = field[REACH];
	place->table = field[TABLE];
	place->chain = line;
	return place->layer < IPT_LAYERS && place->number && place->port && place->port <= UINT16_MAX && line[0] &&
	       ipt_table(place->table) < IPT_TABLES &&
	       (!strcmp(place->reach, "any") || !strcmp(place->reach, "local") || is_address_list(place->reach));
}

int places_read(struct places *places, char *text, struct fault *fault)
{
	char *end;

	places->count = 0;
	for (char *line = text; line[0]; line = end + 1) {
		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (!end || places->count == PLACES_MOST || !read_place(&places->place[places->count], line))
			return fault_set(fault, FAULT_FAILED, "ACMEGATE_PLACES makes no sense: %.100s", line);
		places->count++;
	}
	return 0;
}

bool places_need(const struct places *places, size_t layer)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->place[i].layer == layer)
			return true;
	return false;
}

bool places_need_addrtype(const struct places *places, size_t layer)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->place[i].layer == layer && !strcmp(places->place[i].reach, "local"))
			return true;
	return false;
}

static void add_time(struct ipt_words *command, const char *option, time_t time)
{
	char text[32];
	struct tm utc;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&time, &utc));
	ipt_add(command, option);
	ipt_add(command, text);
}

/* The match for packets for this host. */
static void add_reach(const struct place *place, struct ipt_words *command)
{
	if (!strcmp(place->reach, "any"))
		return;
	if (!strcmp(place->reach, "local")) {
		ipt_add_all(command, place->leaving ? "-m addrtype --src-type LOCAL" : "-m addrtype --dst-type LOCAL");
		return;
	}
	ipt_add(command, "-d");
	ipt_add(command, place->reach);
}

static void add_place(const struct place *place, enum action action, struct ipt_words *command)
{
	char text[48];

	ipt_add(command, action == DELETE ? "-D" : "-I");
	ipt_add(command, place->chain);
	if (action != DELETE) {
		snprintf(text, sizeof(text), "%u", place->number);
		ipt_add(command, text);
	}
	snprintf(text, sizeof(text), "-p tcp --%cport %u%s", place->leaving ? 's' : 'd', place->port,
		 place->leaving ? " ! --syn" : "");
	ipt_add_all(command, text);
	add_reach(place, command);
}

/* With a time in the past, a machine that boots in the past does not reopen either. */
void place_command(const struct place *place, const struct rule *rule, enum action action, struct ipt_words *command)
{
	ipt_begin(command, rule->tool[place->layer], place->table);
	add_place(place, action, command);
	if (rule->bound && place->bindable)
		ipt_add_all(command, "-m socket --transparent --nowildcard");
	if (rule->timed) {
		ipt_add_all(command, "-m time");
		add_time(command, "--datestart", rule->start);
		add_time(command, "--datestop", rule->stop);
	}
	ipt_add_all(command, "-m comment --comment");
	ipt_add(command, rule->tag);
	ipt_add_all(command, place->returns ? "-j RETURN" : "-j ACCEPT");
}

void places_move(struct places *places, const struct place *inserted)
{
	unsigned int rules = 1;

	for (const char *comma = strchr(inserted->reach, ','); comma; comma = strchr(comma + 1, ','))
		rules++;
	for (struct place *place = places->place; place < places->place + places->count; place++)
		if (place != inserted && place->layer == inserted->layer && !strcmp(place->table, inserted->table) &&
		    !strcmp(place->chain, inserted->chain) && place->number >= inserted->number)
			place->number += rules;
}
