// SPDX-License-Identifier: GPL-3.0-or-later
#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

static struct {
	const char *role;
	bool verbose;
	bool journal;
	bool detached;
} out;

/* systemd.exec(5), $JOURNAL_STREAM: device and inode of the stream; it counts only if stderr still is that stream. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat s;

	/* NOLINTNEXTLINE(cert-err34-c): a number that is out of range is not that of our stderr */
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &s) == 0 &&
	       s.st_dev == device && s.st_ino == inode;
}

void log_start(const char *role, bool verbose)
{
	out.role = role;
	out.verbose = verbose;
	out.journal = stderr_is_journal();
}

void log_detach(void)
{
	out.detached = true;
	openlog("acmegate", LOG_PID, LOG_DAEMON);
}

void log_leave_terminal(void)
{
	int null = out.detached ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}

bool log_is_journal(void)
{
	return out.journal;
}

bool log_is_verbose(void)
{
	return out.verbose;
}

static const char *word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARNING:
		return "warning: ";
	case LOG_LEVEL_NOTICE:
	case LOG_LEVEL_INFO:
	case LOG_LEVEL_DEBUG:
		break;
	}
	return "";
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[FAULT_TEXT_SIZE + 256], line[sizeof(text) + 64];
	va_list args;
	int n;

	if (level == LOG_LEVEL_DEBUG && !out.verbose)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c >= 0x7f)
			*c = '?';
	if (out.detached)
		syslog((int)level, "%s", text); /* the levels have syslog's numbers */
	if (out.journal)
		n = snprintf(line, sizeof(line), "<%d>%s\n", (int)level, text);
	else
		n = snprintf(line, sizeof(line), "acmegate: %s%s%s%s\n", out.verbose && out.role ? out.role : "",
			     out.verbose && out.role ? ": " : "", word(level), text);
	/* One write for one line: the processes share stderr, and lines must not mix. Nobody is left to tell of a failure. */
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}
