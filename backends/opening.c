// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/opening.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int opening_make(struct opening *opening, uint16_t port, uint32_t seconds, struct fault *fault)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fault_errno(fault, FAULT_LATER, "asking the kernel for random bytes");
	memset(opening, 0, sizeof(*opening)); /* it is written to the journal as it lies in memory */
	snprintf(opening->tag, sizeof(opening->tag), TAG_PREFIX "%0*llx", TAG_DIGITS, (unsigned long long)random);
	opening->port = opening->target = port;
	opening->seconds = seconds;
	opening->own_listener = true;
	return 0;
}

bool opening_is_tag(const char *text, const char *wanted)
{
	if (wanted)
		return !strcmp(text, wanted);
	return !strncmp(text, TAG_PREFIX, strlen(TAG_PREFIX)) && strlen(text) == TAG_SIZE - 1 &&
	       strspn(text + strlen(TAG_PREFIX), "0123456789abcdef") == TAG_DIGITS;
}

void tag_add_match(struct tag_shape *shape, const char *match)
{
	static const char *const known[] = { "socket", "time", "tcp", "addrtype", "comment" };
	size_t i = 0;

	while (i < LENGTH_OF(known) && strcmp(match, known[i]))
		i++;
	shape->ends = shape->ends || i < 2;
	shape->foreign = shape->foreign || i == LENGTH_OF(known);
}

bool tag_is_shape(const struct tag_shape *shape)
{
	return shape->ends && !shape->foreign;
}
