// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/run.h"

#include <string.h>

struct run *run_of(struct supervisor *s)
{
	return (void *)s;
}

int run_send(struct supervisor *s, int channel, enum verb verb, uint32_t index, const void *data, size_t length)
{
	return wire_send(s->fd[channel], verb, index, data, length, &s->fault);
}

bool run_waits(const struct run *run)
{
	return memchr(run->errand->waits, 1, sizeof(run->errand->waits));
}

uint32_t run_wanted(const struct run *run)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < run->config->certificates; i++)
		n += run->work.wanted[i] == WORK_OBTAIN;
	return n;
}
