// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/holdings.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/lines.h"

#define LINE 512 /* bytes: a sector, which a power cut leaves old or new */
#define MARK_UNSURE '?'
#define MARK_SURE '='

const char *address_text(const struct address *address, char *text)
{
	if (!inet_ntop(address->six ? AF_INET6 : AF_INET, address->bytes, text, ADDRESS_TEXT_SIZE))
		text[0] = '\0';
	return text;
}

static bool parse(const char *text, struct address *address)
{
	memset(address, 0, sizeof(*address));
	address->six = strchr(text, ':') != NULL;
	return inet_pton(address->six ? AF_INET6 : AF_INET, text, address->bytes) == 1;
}

int holdings_write(int fd, struct holding *holding, struct fault *fault)
{
	char line[LINE], text[ADDRESS_TEXT_SIZE];
	const int n = snprintf(line, sizeof(line), "%c %s %s %s %" PRIu32 " ", MARK_UNSURE, holding->dns, holding->name,
			       address_text(&holding->address, text), holding->ttl);

	if (n < 0 || n >= LINE)
		return fault_set(fault, FAULT_FAILED, "noting an address: the names are too long");
	if (holding->place < 0)
		holding->place = lines_find_free(fd, LINE);
	holding->sure = false;
	if (lines_write(fd, LINE, holding->place, line) < 0)
		return fault_errno(fault, FAULT_LATER, "noting an address that is to go into the DNS");
	return 0;
}

static int mark(int fd, const struct holding *holding, char with, struct fault *fault)
{
	if (lines_mark(fd, LINE, holding->place, with) < 0)
		return fault_errno(fault, FAULT_LATER, "noting which addresses are in the DNS");
	return 0;
}

int holdings_confirm(int fd, struct holding *holding, struct fault *fault)
{
	if (mark(fd, holding, MARK_SURE, fault) < 0)
		return -1;
	holding->sure = true;
	return 0;
}

int holdings_strike(int fd, struct holding *holding, struct fault *fault)
{
	if (mark(fd, holding, LINES_STRUCK, fault) < 0)
		return -1;
	holding->place = -1;
	return 0;
}

bool holdings_next(int fd, long *place, struct holding *holding)
{
	char line[LINES_LONGEST + 1], text[ADDRESS_TEXT_SIZE], ttl[11];

	for (; lines_have(fd, LINE, *place); ++*place) {
		if (!lines_read(fd, LINE, *place, line))
			continue;
		*holding = (struct holding){ .place = *place, .sure = line[0] == MARK_SURE };
		if ((line[0] != MARK_SURE && line[0] != MARK_UNSURE) ||
		    sscanf(line + 1, " %32s %253s %45s %10s", holding->dns, holding->name, text, ttl) != 4 ||
		    !parse(text, &holding->address))
			continue;
		holding->ttl = (uint32_t)strtoul(ttl, NULL, 10);
		++*place;
		return true;
	}
	return false;
}
