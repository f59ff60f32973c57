// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "store/windows.h"

static void print_moment(int64_t when)
{
	time_t seconds = (time_t)when;
	struct tm parts;
	char text[32];

	if (gmtime_r(&seconds, &parts) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts))
		printf("%s UTC", text);
	else
		printf("at an unknown time");
}

static void print_asker(const struct window_entry *entry)
{
	printf("%s%s%s", windows_asker(entry), entry->client[0] ? ": " : "", entry->client);
	if (entry->pid)
		printf(" (process %u)", entry->pid);
}

static const char *end_of(const struct window_entry *entry)
{
	static const char *const ends[NETS] = {
		[NET_UNKNOWN] = "its end is not noted: it is open, or acmegate was killed, and acmegate recover finds out",
		[NET_GATE] = "closed by the gate",
		[NET_TIME] = "closed by the gate, since the time was up",
		[NET_WATCHDOG] = "closed by the watchdog",
		[NET_KERNEL] = "closed by the kernel",
		[NET_RECOVERY] = "closed by the next acmegate",
		[NET_BOOT] = "closed by the start of the machine",
		[NET_GONE] = "acmegate was killed, and the next one found no rule",
		[NET_NEVER] = "not opened",
	};
	_Static_assert(LENGTH_OF(ends) == NETS, "words for each net");

	return ends[entry->net < NETS ? entry->net : NET_UNKNOWN];
}

static void print_entry(const struct window_entry *entry)
{
	print_moment(entry->opened ? entry->opened : entry->begun.wall);
	printf(" port %u for ", entry->port);
	print_asker(entry);
	if (entry->open_ms)
		printf(", open for %u.%03u s", entry->open_ms / 1000, entry->open_ms % 1000);
	if (entry->times > 1)
		printf(" in %u times", entry->times);
	printf(", %s", end_of(entry));
	if (entry->counted)
		printf(", %" PRIu64 " packet%s", entry->packets, entry->packets == 1 ? "" : "s");
	printf("%s%s\n", entry->detail[0] ? ": " : "", entry->detail);
}

int history_run(struct host *host, const struct call *call)
{
	static struct window_entry entry[WINDOWS_KEPT];
	enum windows_state state;
	struct windows windows;
	struct fault fault;
	uint32_t n;

	(void)call;
	if (windows_look(&windows, host->state_fd, &state, &fault) < 0) {
		log_error("%s: %s", host->config->gate.state, fault.text);
		return fault_status(&fault);
	}
	if (state == WINDOWS_CORRUPT)
		log_warning("%s/" WINDOWS_FILE " is corrupt; the next window renames it to " WINDOWS_FILE ".corrupt and begins anew",
			    host->config->gate.state);
	n = windows_read(&windows, entry);
	close_fd(&windows.fd);
	for (uint32_t i = 0; i < n; i++)
		print_entry(&entry[i]);
	if (!n)
		log_idle("no window is noted yet");
	return STATUS_DONE;
}
