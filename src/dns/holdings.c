// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/holdings.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE 512 /* bytes: a sector, which a power cut leaves old or new */
#define MARK_UNSURE '?'
#define MARK_SURE '='
#define MARK_STRUCK ' '

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

static bool read_line(int fd, long place, char line[LINE + 1])
{
	if (pread(fd, line, LINE, place * LINE) != LINE)
		return false;
	line[LINE] = '\0';
	return true;
}

/* The first line that says nothing, or the end. */
static long find_free(int fd)
{
	char line[LINE + 1];
	long place = 0;

	while (read_line(fd, place, line) && line[0] != MARK_STRUCK && line[LINE - 1] == '\n')
		place++;
	return place;
}

int holdings_write(int fd, struct holding *holding, struct fault *fault)
{
	char line[LINE + 1], text[ADDRESS_TEXT_SIZE];
	const int n = snprintf(line, sizeof(line), "%c %s %s %s %" PRIu32 " ", MARK_UNSURE, holding->dns, holding->name,
			       address_text(&holding->address, text), holding->ttl);

	if (n < 0 || n >= LINE)
		return fault_set(fault, FAULT_FAILED, "noting an address: the names are too long");
	memset(line + n, ' ', (size_t)(LINE - n));
	line[LINE - 1] = '\n';
	if (holding->place < 0)
		holding->place = find_free(fd);
	holding->sure = false;
	if (pwrite(fd, line, LINE, holding->place * LINE) != LINE || fdatasync(fd) < 0)
		return fault_errno(fault, FAULT_LATER, "noting an address that is to go into the DNS");
	return 0;
}

static int mark(int fd, const struct holding *holding, char with, struct fault *fault)
{
	if (pwrite(fd, &with, 1, holding->place * LINE) != 1 || fdatasync(fd) < 0)
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

/* Are all lines struck? Then the file says nothing more. */
static bool is_blank(int fd)
{
	char line[LINE + 1];

	for (long place = 0; read_line(fd, place, line); place++)
		if (line[0] != MARK_STRUCK)
			return false;
	return true;
}

int holdings_strike(int fd, struct holding *holding, struct fault *fault)
{
	if (mark(fd, holding, MARK_STRUCK, fault) < 0)
		return -1;
	if (is_blank(fd) && ftruncate(fd, 0) < 0)
		return fault_errno(fault, FAULT_LATER, "noting that no address is in the DNS any more");
	holding->place = -1;
	return 0;
}

bool holdings_next(int fd, long *place, struct holding *holding)
{
	char line[LINE + 1], text[ADDRESS_TEXT_SIZE];

	for (; read_line(fd, *place, line); ++*place) {
		*holding = (struct holding){ .place = *place, .sure = line[0] == MARK_SURE };
		if ((line[0] != MARK_SURE && line[0] != MARK_UNSURE) || line[LINE - 1] != '\n' ||
		    sscanf(line + 1, " %32s %253s %45s %" SCNu32, holding->dns, holding->name, text, &holding->ttl) != 4 ||
		    !parse(text, &holding->address))
			continue;
		++*place;
		return true;
	}
	return false;
}
