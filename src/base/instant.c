// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/instant.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

#define DAY (24 * 60 * 60)

static char boot[16];

void instant_learn_boot(void)
{
	OWN_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[36]; /* 8-4-4-4-12 hexadecimal digits: 16 of them differ enough */
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n == (ssize_t)sizeof(text))
		memcpy(boot, text + sizeof(text) - sizeof(boot), sizeof(boot));
}

struct instant instant_now(void)
{
	struct instant now = { .wall = time(NULL) };
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	now.boot = t.tv_sec;
	memcpy(now.boot_id, boot, sizeof(boot));
	return now;
}

int64_t instant_since(const struct instant *from, const struct instant *to)
{
	if (from->boot_id[0] && !memcmp(from->boot_id, to->boot_id, sizeof(from->boot_id)))
		return to->boot - from->boot;
	return to->wall - from->wall;
}

int64_t instant_left(int64_t wait, const struct instant *since, const struct instant *now)
{
	int64_t elapsed = instant_since(since, now);

	if (elapsed < -DAY || elapsed >= wait)
		return 0;
	return elapsed < 0 ? wait : wait - elapsed;
}
