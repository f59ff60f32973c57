// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/notes.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE 1024
#define NO_ADDRESS "-"

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

	while (read_line(fd, place, line) && line[0] != ' ' && line[LINE - 1] == '\n')
		place++;
	return place;
}

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
	char line[LINE + 1], address[INET6_ADDRSTRLEN];
	int n;

	say_address(&note->target.primary, address);
	n = snprintf(line, sizeof(line), "%s %s %s %s %s %s ", note->dns, note->target.zone[0] ? note->target.zone : ".",
		     note->target.owner, note->value, address, note->name);
	if (n < 0 || n >= LINE)
		return fault_set(fault, FAULT_FAILED, "noting a value: the names are too long");
	memset(line + n, ' ', (size_t)(LINE - n));
	line[LINE - 1] = '\n';
	note->place = find_free(fd);
	if (pwrite(fd, line, LINE, note->place * LINE) != LINE || fdatasync(fd) < 0)
		return fault_errno(fault, FAULT_LATER, "noting a value that is to go into the DNS");
	return 0;
}

/* Are all lines struck? Then the file says nothing more. */
static bool is_blank(int fd)
{
	char line[LINE + 1];

	for (long place = 0; read_line(fd, place, line); place++)
		if (line[0] != ' ')
			return false;
	return true;
}

int notes_strike(int fd, struct note *note, struct fault *fault)
{
	if (pwrite(fd, " ", 1, note->place * LINE) != 1 || (is_blank(fd) && ftruncate(fd, 0) < 0) || fdatasync(fd) < 0)
		return fault_errno(fault, FAULT_LATER, "noting that a value is not in the DNS any more");
	note->place = -1;
	return 0;
}

bool notes_next(int fd, long *place, struct note *note)
{
	char line[LINE + 1], address[INET6_ADDRSTRLEN];

	for (; read_line(fd, *place, line); ++*place) {
		*note = (struct note){ .place = *place };
		if (line[0] == ' ' || line[LINE - 1] != '\n' ||
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
