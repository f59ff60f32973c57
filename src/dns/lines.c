// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool lines_have(int fd, size_t length, long place)
{
	char line[LINES_LONGEST];

	return pread(fd, line, length, place * (long)length) == (ssize_t)length;
}

bool lines_read(int fd, size_t length, long place, char line[LINES_LONGEST + 1])
{
	if (pread(fd, line, length, place * (long)length) != (ssize_t)length)
		return false;
	line[length] = '\0';
	return line[0] != LINES_STRUCK && line[length - 1] == '\n';
}

long lines_find_free(int fd, size_t length)
{
	char line[LINES_LONGEST + 1];
	long place = 0;

	while (lines_read(fd, length, place, line))
		place++;
	return place;
}

int lines_write(int fd, size_t length, long place, const char *text)
{
	const size_t used = strlen(text);
	char line[LINES_LONGEST];

	if (used >= length) {
		errno = EMSGSIZE;
		return -1;
	}
	for (size_t i = 0; i < length; i++)
		line[i] = i < used ? text[i] : ' ';
	line[length - 1] = '\n';
	return pwrite(fd, line, length, place * (long)length) == (ssize_t)length ? fdatasync(fd) : -1;
}

/* Are all lines struck? Then the file says nothing more. */
static bool is_blank(int fd, size_t length)
{
	char first;

	for (long place = 0; lines_have(fd, length, place); place++)
		if (pread(fd, &first, 1, place * (long)length) != 1 || first != LINES_STRUCK)
			return false;
	return true;
}

int lines_mark(int fd, size_t length, long place, char mark)
{
	if (pwrite(fd, &mark, 1, place * (long)length) != 1 || (mark == LINES_STRUCK && is_blank(fd, length) && ftruncate(fd, 0) < 0))
		return -1;
	return fdatasync(fd);
}
