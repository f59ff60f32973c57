// SPDX-License-Identifier: GPL-3.0-or-later
/* The input is what a kernel tells of packets that are traced, whose headers are anybody's: messages behind each other. */
#include <stdint.h>
#include <string.h>

#include "backends/survey/message.h"
#include "backends/survey/trace.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
	static struct trace trace;
	const struct opening opening = { .port = 80, .target = 8402 };
	const struct nlmsghdr *message = (const void *)buffer;
	char text[EVIDENCE_TEXT];
	int left = (int)(size < sizeof(buffer) ? size : sizeof(buffer));

	memset(&trace, 0, sizeof(trace));
	memcpy(buffer, data, (size_t)left);
	for (; message_is_whole(message, left); message = mnl_nlmsg_next(message, &left))
		trace_take(&trace, message, &opening);
	must(trace.packets <= TRACE_PACKETS);
	for (size_t i = 0; i < trace.packets; i++) {
		must(trace.packet[i].part < PARTS && trace.packet[i].ending < ENDINGS);
		must(memchr(trace.packet[i].table, '\0', SURVEY_NAME) && memchr(trace.packet[i].chain, '\0', SURVEY_NAME));
	}
	memset(text, 'x', sizeof(text));
	trace_say(&trace, NULL, size & 1, text, sizeof(text));
	must(memchr(text, '\0', sizeof(text)));
	must(text[0] || trace.packets);
	return 0;
}
