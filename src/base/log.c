// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

#define LINE_SIZE (FAULT_TEXT_SIZE + 512) /* less than PIPE_BUF: a pipe takes all of a line, or nothing */
#define LAST_WAIT 500			  /* ms */

static struct {
	const char *role;
	enum log_detail detail;
	bool (*send)(enum log_level level, const char *text); /* NULL: standard error has them all */
	bool journal;
	bool detached;
	bool socket;	   /* stderr is one */
	unsigned int lost; /* lines since the last that was written */
} out;

/* systemd.exec(5), $JOURNAL_STREAM: device and inode of the stream; it counts only if stderr still is that stream. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat s;

	/* NOLINTNEXTLINE(cert-err34-c): a number that is out of range is not that of our stderr */
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &s) == 0 && s.st_dev == device &&
	       s.st_ino == inode;
}

void log_start(const char *role, enum log_detail detail)
{
	struct stat s;

	out.role = role;
	out.detail = detail;
	out.journal = stderr_is_journal();
	out.socket = fstat(STDERR_FILENO, &s) == 0 && S_ISSOCK(s.st_mode);
}

/* The same pipe or terminal, but a file description of our own: O_NONBLOCK on the caller's would be the caller's too. */
void log_unblock(void)
{
	struct stat s;
	int own;

	if (fstat(STDERR_FILENO, &s) < 0 || !(S_ISFIFO(s.st_mode) || S_ISCHR(s.st_mode)))
		return;
	own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0)
		return;
	dup2(own, STDERR_FILENO);
	close(own);
}

void log_detach(void)
{
	out.detached = true;
}

void log_leave_terminal(void)
{
	int null = out.detached ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	out.socket = out.socket && null < 0;
}

bool log_is_journal(void)
{
	return out.journal;
}

static enum log_detail detail(void)
{
	return (enum log_detail)(out.detail & (LOG_LIVE - 1U));
}

bool log_is_verbose(void)
{
	return detail() == LOG_VERBOSE || detail() == LOG_EVERYTHING;
}

bool log_is_everything(void)
{
	return detail() == LOG_EVERYTHING;
}

bool log_is_quiet(void)
{
	return detail() == LOG_QUIET;
}

void log_live(void)
{
	out.detail = (enum log_detail)(out.detail | LOG_LIVE);
}

void log_through(bool (*send)(enum log_level level, const char *text))
{
	out.send = send;
}

static const char *const options[] = {
	[LOG_VERBOSE] = "--verbose",
	[LOG_EVERYTHING] = "--debug",
	[LOG_QUIET] = "--quiet",
	[LOG_LIVE] = "--live",
	[LOG_LIVE | LOG_VERBOSE] = "--live-verbose",
	[LOG_LIVE | LOG_EVERYTHING] = "--live-debug",
};

const char *log_option(void)
{
	return options[out.detail];
}

enum log_detail log_detail_of(const char *option)
{
	for (unsigned int i = 0; option && i < LENGTH_OF(options); i++)
		if (options[i] && !strcmp(option, options[i]))
			return (enum log_detail)i;
	return LOG_PLAIN;
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
	case LOG_LEVEL_TRACE:
		break;
	}
	return "";
}

/* false: there is no room, and all of the line is lost; or most of it. */
static bool put(const char *line, size_t length, int wait)
{
	struct pollfd reader = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct iovec part = { (void *)(uintptr_t)line, length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (poll(&reader, 1, wait) == 0)
		return false;
	if (out.socket)
		return sendmsg(STDERR_FILENO, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
	return write(STDERR_FILENO, line, length) == (ssize_t)length;
}

static size_t dress(char line[LINE_SIZE], enum log_level level, const char *text)
{
	const char *role = log_is_verbose() ? out.role : NULL;
	int n;

	if (out.journal)
		n = snprintf(line, LINE_SIZE, "<%d>%s\n", (int)level, text);
	else
		n = snprintf(line, LINE_SIZE, "%sacmegate: %s%s%s%s\n", out.detail & LOG_LIVE ? LOG_ERASE : "", role ? role : "",
			     role ? ": " : "", word(level), text);
	return n < 0 ? 0 : n < LINE_SIZE ? (size_t)n : LINE_SIZE - 1;
}

/* false: there is still no room. */
static bool tell_lost(int wait)
{
	char text[96], line[LINE_SIZE];

	if (!out.lost)
		return true;
	snprintf(text, sizeof(text), "%u line%s of this log %s lost: there was no room for %s", out.lost, out.lost == 1 ? "" : "s",
		 out.lost == 1 ? "is" : "are", out.lost == 1 ? "it" : "them");
	if (!put(line, dress(line, LOG_LEVEL_WARNING, text), wait))
		return false;
	out.lost = 0;
	return true;
}

void log_finish(void)
{
	(void)tell_lost(LAST_WAIT);
}

/* As syslog(3) does, which waits. A socket for each line: whoever closes all others' descriptors would close this one too. */
static void put_syslog(enum log_level level, const char *text)
{
	OWN_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr_un address = { AF_UNIX, "/dev/log" };
	char line[LINE_SIZE], date[32] = "";
	time_t now = time(NULL);
	struct tm parts;
	int n;

	if (fd < 0)
		return;
	if (localtime_r(&now, &parts))
		(void)strftime(date, sizeof(date), "%b %e %T", &parts);
	n = snprintf(line, sizeof(line), "<%d>%s acmegate[%d]: %s", LOG_DAEMON | (int)level, date, (int)getpid(), text);
	(void)sendto(fd, line, n < LINE_SIZE ? (size_t)n : LINE_SIZE - 1, MSG_DONTWAIT | MSG_NOSIGNAL,
		     (const struct sockaddr *)&address, sizeof(address));
}

/* The length of a character in UTF-8; 0: bytes that are none, or a control character other than the tab. */
static size_t character(const unsigned char *c)
{
	static const uint32_t least[] = { 0, 0x20, 0xa0, 0x800, 0x10000 };
	const size_t length = c[0] < 0x80	    ? 1 :
			      (c[0] & 0xe0) == 0xc0 ? 2 :
			      (c[0] & 0xf0) == 0xe0 ? 3 :
			      (c[0] & 0xf8) == 0xf0 ? 4 :
						      0;
	uint32_t code = length > 1 ? c[0] & (0x7fU >> length) : c[0];

	for (size_t i = 1; i < length; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (c[i] & 0x3f);
	}
	if (code == '\t')
		return 1;
	return code < least[length] || code == 0x7f || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff ? 0 : length;
}

static void clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c;) {
		size_t length = character(c);

		if (!length)
			*c = '?';
		c += length ? length : 1;
	}
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[FAULT_TEXT_SIZE + 256], line[LINE_SIZE];
	int code = errno;
	va_list args;

	if ((level >= LOG_LEVEL_DEBUG && !log_is_verbose()) || (level == LOG_LEVEL_TRACE && !log_is_everything()) ||
	    (level > LOG_LEVEL_ERROR && log_is_quiet()))
		return;
	if (level == LOG_LEVEL_TRACE)
		level = LOG_LEVEL_DEBUG; /* syslog has no other */
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clean(text);
	if (out.send && out.send(level, text)) {
		errno = code;
		return;
	}
	if (out.detached)
		put_syslog(level, text); /* the levels have syslog's numbers */
	/* One write for one line: the processes share stderr, and lines must not mix. */
	if (!tell_lost(0) || !put(line, dress(line, level, text), 0))
		out.lost++;
	errno = code;
}
