// SPDX-License-Identifier: GPL-3.0-or-later
#include "say/entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TEXT_SIZE (FAULT_TEXT_SIZE + 256)

/* Made with "systemd-id128 new", each once and for good. tests/lint.sh compares them with the catalog. */
static const struct {
	const char *id, *word;
} occasions[] = {
	[OCCASION_NONE] = { NULL, NULL },
	[OCCASION_WINDOW_OPENED] = { "c48e670848cf450ea2c0e7391fbac343", "window-opened" },
	[OCCASION_WINDOW_CLOSED] = { "f4aa589bddcd4e26880ecbbc2da1b173", "window-closed" },
	[OCCASION_WINDOW_OVERTIME] = { "4db9764ecf124c0db2b45e0acfafeb77", "window-overtime" },
	[OCCASION_WINDOW_REFUSED] = { "94e9aa10992f4feaab50c016e7f3b9e6", "window-refused" },
	[OCCASION_WINDOW_LEFT] = { "69b15ffb402548bb9c9fa7ed0a8a7f14", "window-left" },
	[OCCASION_WINDOW_SETTLED] = { "49e74d4964124efe831d6aabf2c48cad", "window-settled" },
	[OCCASION_CERTIFICATE_DUE] = { "949bcd694d5e43f386746e5c70316ffd", "certificate-due" },
	[OCCASION_CERTIFICATE_WAITS] = { "f4bb48c3b3f7472bb609106e5478b110", "certificate-waits" },
	[OCCASION_CERTIFICATE_STORED] = { "580bdf941264442494b652ac2765d486", "certificate-stored" },
	[OCCASION_CERTIFICATE_FAILED] = { "301b5db7aeaa4249baa2bb566e05b686", "certificate-failed" },
	[OCCASION_HOOK_DONE] = { "648c9c79b64040d89d1bf86162b82e37", "hook-done" },
	[OCCASION_HOOK_FAILED] = { "98dc4d9b961a4ef9828e91a17e782a88", "hook-failed" },
	[OCCASION_GAVE_UP] = { "de74d9fd2efa496da27962f175589c47", "gave-up" },
	[OCCASION_STOPPED] = { "9810123cdb524d798a6ca80beb840903", "stopped" },
	[OCCASION_MISTAKE] = { "f95e88203a2543b4a521a813476a9482", "mistake" },
};
_Static_assert(LENGTH_OF(occasions) == OCCASIONS, "a MESSAGE_ID for each event");

static const struct entry plain;
static const struct entry *current = &plain;
static struct {
	int fd;
	pid_t owner; /* in another process the descriptor may be a channel: launch.h */
} journal = { .fd = -1 };

/* --- the datagram --------------------------------------------------------------------------------------------------- */

/* A field ends with its line, so no value has a second one. One that has no room is left out. */
static size_t add(char datagram[ENTRY_SIZE], size_t used, const char *field, const char *value, size_t length)
{
	const size_t name = strlen(field);

	if (used + name + length + 2 > ENTRY_SIZE)
		return used;
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a datagram has its length */
	memcpy(datagram + used, field, name);
	datagram[used + name] = '=';
	for (size_t i = 0; i < length; i++)
		datagram[used + name + 1 + i] = (unsigned char)value[i] < ' ' && value[i] != '\t' ? '?' : value[i];
	datagram[used + name + 1 + length] = '\n';
	return used + name + length + 2;
}

static size_t add_text(char datagram[ENTRY_SIZE], size_t used, const char *field, const char *value)
{
	return value && value[0] ? add(datagram, used, field, value, strlen(value)) : used;
}

static size_t add_number(char datagram[ENTRY_SIZE], size_t used, const char *field, const char *format, ...) PRINTF_LIKE(4, 5);
static size_t add_number(char datagram[ENTRY_SIZE], size_t used, const char *field, const char *format, ...)
{
	char value[48];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	return add_text(datagram, used, field, value);
}

/* A field of the journal may be there several times. */
static size_t add_each(char datagram[ENTRY_SIZE], size_t used, const char *field, const char *list)
{
	for (const char *end; list && list[0]; list = *end ? end + 2 : NULL) {
		end = strstr(list, ", ");
		end = end ? end : list + strlen(list);
		used = add(datagram, used, field, list, (size_t)(end - list));
	}
	return used;
}

size_t entry_format(const struct entry *entry, enum log_level level, const char *text, char datagram[ENTRY_SIZE])
{
	size_t n = add_text(datagram, 0, "SYSLOG_IDENTIFIER", "acmegate");

	n = add_number(datagram, n, "PRIORITY", "%d", (int)level);
	n = add_text(datagram, n, "MESSAGE_ID", occasions[entry->occasion].id);
	n = add_text(datagram, n, "ACMEGATE_EVENT", occasions[entry->occasion].word);
	n = add_each(datagram, n, "ACMEGATE_CERTIFICATE", entry->certificate);
	n = add_text(datagram, n, "ACMEGATE_CLIENT", entry->client);
	if (entry->window)
		n = add_number(datagram, n, "ACMEGATE_WINDOW", "%llu", entry->window);
	if (entry->seconds > 0)
		n = add_number(datagram, n, "ACMEGATE_SECONDS", "%.3f", entry->seconds);
	if (entry->code)
		n = add_number(datagram, n, "ERRNO", "%d", entry->code);
	return add(datagram, n, "MESSAGE", text, strnlen(text, ENTRY_SIZE - n - sizeof("MESSAGE=")));
}

/* --- the journal ---------------------------------------------------------------------------------------------------- */

/* By its path each time: a journal that was started anew has another socket. */
static bool send_entry(enum log_level level, const char *text)
{
	const struct sockaddr_un address = { AF_UNIX, "/run/systemd/journal/socket" };
	char datagram[ENTRY_SIZE];
	size_t n = entry_format(current, level, text, datagram);

	return journal.owner == getpid() && sendto(journal.fd, datagram, n, MSG_DONTWAIT | MSG_NOSIGNAL,
						   (const struct sockaddr *)&address, sizeof(address)) == (ssize_t)n;
}

void entry_start(void)
{
	if (!log_is_journal())
		close_fd(&journal.fd);
	else if (journal.fd < 0)
		journal.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	journal.owner = getpid();
	log_through(journal.fd < 0 ? NULL : send_entry);
}

void entry_log(enum log_level level, const struct entry *entry, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	current = entry;
	log_line(level, "%s", text);
	current = &plain;
}

void entry_note(enum log_level level, const struct entry *entry, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	if (journal.fd < 0 || (log_is_quiet() && level > LOG_LEVEL_ERROR))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	current = entry;
	(void)send_entry(level, text);
	current = &plain;
}
