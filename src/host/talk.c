// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/talk.h"

#include <string.h>
#include <unistd.h>

static void end_line(struct talk *talk, enum talk_stream stream)
{
	char *begun = talk->begun[stream];

	begun[talk->used[stream]] = '\0';
	talk->used[stream] = 0;
	memcpy(talk->line[talk->lines++ % TALK_LINES], begun, TALK_LINE);
	if (stream == TALK_ERRORS && begun[strspn(begun, " \t\r")])
		memcpy(talk->error, begun, TALK_LINE);
}

bool talk_take(struct talk *talk, enum talk_stream stream, int fd)
{
	char piece[4096];
	ssize_t n = read(fd, piece, sizeof(piece));

	for (ssize_t i = 0; i < n; i++) {
		if (piece[i] != '\n')
			talk->begun[stream][talk->used[stream]++] = piece[i] ? piece[i] : ' ';
		if (piece[i] == '\n' || talk->used[stream] == TALK_LINE - 1)
			end_line(talk, stream);
	}
	return n > 0;
}

void talk_end(struct talk *talk)
{
	for (enum talk_stream i = 0; i < TALK_STREAMS; i++)
		if (talk->used[i])
			end_line(talk, i);
}

const char *talk_reason(const struct talk *talk)
{
	if (talk->error[0])
		return talk->error;
	return talk->lines ? talk->line[(talk->lines - 1) % TALK_LINES] : "it says nothing";
}

void talk_log(const struct talk *talk, enum log_level level, const char *who)
{
	unsigned long long first = talk->lines > TALK_LINES ? talk->lines - TALK_LINES : 0;

	if (first)
		log_line(level, "%s: %llu lines before these are left out", who, first);
	for (; first < talk->lines; first++)
		log_line(level, "%s: %s", who, talk->line[first % TALK_LINES]);
}
