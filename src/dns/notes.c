// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/notes.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "dns/lines.h"

#define LINE 1024
#define NO_ADDRESS "-"

/* NO_ADDRESS: a writer changes the zone. */
static void say_address(const struct server *server, char text[INET6_ADDRSTRLEN])
{
	const void *binary = server->at.plain.sa_family == AF_INET6 ? (const void *)&server->at.v6.sin6_addr :
								      &server->at.v4.sin_addr;

	if (!inet_ntop(server->at.plain.sa_family, binary, text, INET6_ADDRSTRLEN))
		snprintf(text, INET6_ADDRSTRLEN, NO_ADDRESS);
}

int notes_write(int fd, struct note *note, struct fault *fault)
{
	char line[LINES_LONGEST], address[INET6_ADDRSTRLEN];
	int n;

	say_address(&note->target.primary, address);
	n = snprintf(line, sizeof(line), "%s %s %s %s %s %s ", note->dns, note->target.zone[0] ? note->target.zone : ".",
		     note->target.owner, note->value, address, note->name);
	if (n < 0 || n >= LINE)
		return fault_set(fault, FAULT_FAILED, "noting a value: the names are too long");
	note->place = lines_find_free(fd, LINE);
	if (lines_write(fd, LINE, note->place, line) < 0)
		return fault_errno(fault, FAULT_LATER, "noting a value that is to go into the DNS");
	return 0;
}

int notes_strike(int fd, struct note *note, struct fault *fault)
{
	if (lines_mark(fd, LINE, note->place, LINES_STRUCK) < 0)
		return fault_errno(fault, FAULT_LATER, "noting that a value is not in the DNS any more");
	note->place = -1;
	return 0;
}

bool notes_next(int fd, long *place, struct note *note)
{
	char line[LINES_LONGEST + 1], address[INET6_ADDRSTRLEN];

	for (; lines_have(fd, LINE, *place); ++*place) {
		*note = (struct note){ .place = *place };
		if (!lines_read(fd, LINE, *place, line) ||
		    sscanf(line, "%32s %253s %253s %43s %45s %253s", note->dns, note->target.zone, note->target.owner, note->value,
			   address, note->name) < 5 ||
		    (strcmp(address, NO_ADDRESS) && !server_parse(&note->target.primary, address)))
			continue;
		if (!strcmp(note->target.zone, "."))
			note->target.zone[0] = '\0';
		++*place;
		return true;
	}
	return false;
}
