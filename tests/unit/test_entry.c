// SPDX-License-Identifier: GPL-3.0-or-later
/* Entries of the journal, and words to systemd: what is in a datagram, and what becomes of one that is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say/entry.h"
#include "say/notify.h"
#include "say/progress.h"

static int own, reader; /* standard error as it was; the end where the journal reads */
static int refusal;	/* an errno value: of the journal's socket; 0: it takes what comes */
static int sent;
static char datagram[ENTRY_SIZE + 1];

ssize_t __real_sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *address, socklen_t size);
ssize_t __wrap_sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *address, socklen_t size);

ssize_t __wrap_sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *address, socklen_t size)
{
	const struct sockaddr_un *journal = (const void *)address;

	if (strcmp(journal->sun_path, "/run/systemd/journal/socket") != 0)
		return __real_sendto(fd, data, length, flags, address, size);
	assert_true(flags & MSG_DONTWAIT);
	assert_true(flags & MSG_NOSIGNAL);
	assert_true(length <= ENTRY_SIZE);
	if (refusal) {
		errno = refusal;
		return -1;
	}
	memcpy(datagram, data, length);
	datagram[length] = '\0';
	sent++;
	return (ssize_t)length;
}

static const struct entry closed = {
	.occasion = OCCASION_WINDOW_CLOSED, .certificate = "mail, www.example-1_a", .window = 17, .seconds = 1.2345, .code = 11
};

static void the_fields_of_an_event(void **state)
{
	char text[ENTRY_SIZE];
	size_t n = entry_format(&closed, LOG_LEVEL_NOTICE, "closed", text);

	(void)state;
	assert_true(n < sizeof(text));
	text[n] = '\0';
	assert_string_equal(text, "SYSLOG_IDENTIFIER=acmegate\nPRIORITY=5\nMESSAGE_ID=f4aa589bddcd4e26880ecbbc2da1b173\n"
				  "ACMEGATE_EVENT=window-closed\nACMEGATE_CERTIFICATE=mail\nACMEGATE_CERTIFICATE=www.example-1_a\n"
				  "ACMEGATE_WINDOW=17\nACMEGATE_SECONDS=1.234\nERRNO=11\nMESSAGE=closed\n");
}

static void a_line_that_is_no_event_has_no_message_id(void **state)
{
	const struct entry none = { 0 };
	char text[ENTRY_SIZE];
	size_t n = entry_format(&none, LOG_LEVEL_ERROR,
				"b\xc3\xbc"
				"cher\tx",
				text);

	(void)state;
	text[n] = '\0';
	assert_string_equal(text, "SYSLOG_IDENTIFIER=acmegate\nPRIORITY=3\nMESSAGE=b\xc3\xbc"
				  "cher\tx\n");
}

/* A value that holds a line's end would be a field of somebody else's choice. */
static void no_value_makes_a_field(void **state)
{
	const struct entry evil = { .client = "a\nPRIORITY=0", .certificate = "x\x01y" };
	char text[ENTRY_SIZE], longest[2 * ENTRY_SIZE];
	size_t n = entry_format(&evil, LOG_LEVEL_INFO, "one\ntwo", text);

	(void)state;
	text[n] = '\0';
	assert_string_equal(text, "SYSLOG_IDENTIFIER=acmegate\nPRIORITY=6\nACMEGATE_CERTIFICATE=x?y\nACMEGATE_CLIENT=a?PRIORITY=0\n"
				  "MESSAGE=one?two\n");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	n = entry_format(&evil, LOG_LEVEL_INFO, longest, text);
	assert_true(n <= ENTRY_SIZE);
	assert_int_equal(text[n - 1], '\n');
}

/* --- the journal ---------------------------------------------------------------------------------------------------- */

static int begin(void **state)
{
	struct stat s;
	char stream[64];
	int ends[2];

	(void)state;
	own = dup(STDERR_FILENO);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	reader = ends[0];
	fcntl(reader, F_SETFL, O_NONBLOCK);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	assert_int_equal(fstat(STDERR_FILENO, &s), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)s.st_dev, (unsigned long long)s.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_start(NULL, LOG_PLAIN);
	refusal = sent = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_through(NULL);
	dup2(own, STDERR_FILENO);
	close(own);
	close(reader);
	unsetenv("JOURNAL_STREAM");
	log_start(NULL, LOG_PLAIN);
	return 0;
}

static void assert_stream(const char *wanted)
{
	char text[4096];
	ssize_t n = read(reader, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, wanted);
}

static void everything_goes_there_once(void **state)
{
	(void)state;
	entry_start();
	log_warning("a line %d", 1);
	assert_string_equal(datagram, "SYSLOG_IDENTIFIER=acmegate\nPRIORITY=4\nMESSAGE=a line 1\n");
	entry_log(LOG_LEVEL_ERROR, &(struct entry){ .occasion = OCCASION_MISTAKE }, "a mistake");
	assert_non_null(strstr(datagram, "MESSAGE_ID=f95e88203a2543b4a521a813476a9482\n"));
	entry_note(LOG_LEVEL_NOTICE, &closed, "closed");
	assert_non_null(strstr(datagram, "ACMEGATE_WINDOW=17\n"));
	log_notice("again"); /* the event was of the line before */
	assert_null(strstr(datagram, "ACMEGATE_"));
	assert_int_equal(sent, 4);
	assert_stream("");
}

static void what_is_not_taken_goes_to_standard_error(void **state)
{
	static const int reasons[] = { EAGAIN, ECONNREFUSED, ENOENT, EMSGSIZE };

	(void)state;
	entry_start();
	for (size_t i = 0; i < LENGTH_OF(reasons); i++) {
		refusal = reasons[i];
		errno = 0;
		entry_log(LOG_LEVEL_ERROR, &closed, "an event");
		assert_int_equal(errno, 0);
		assert_stream("<3>an event\n");
		entry_note(LOG_LEVEL_ERROR, &closed, "for the journal alone");
		assert_stream("");
	}
	refusal = 0;
	log_notice("the journal is back");
	assert_int_equal(sent, 1);
	assert_stream("");
}

/* In a child the descriptor may be a channel, which must get no line of the log. */
static void a_child_does_not_send(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	entry_start();
	pid = fork();
	if (pid == 0) {
		log_notice("of a child");
		if (!sent)
			entry_start();
		log_notice("of a child that goes on by itself");
		_exit(sent);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_stream("<5>of a child\n");
}

static void elsewhere_lines_are_text(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_start(NULL, LOG_PLAIN);
	entry_start();
	entry_log(LOG_LEVEL_NOTICE, &closed, "a line");
	entry_note(LOG_LEVEL_NOTICE, &closed, "for the journal alone");
	assert_stream("acmegate: a line\n");
	assert_int_equal(sent, 0);
}

static void quiet_is_quiet_in_the_journal(void **state)
{
	(void)state;
	log_start(NULL, LOG_QUIET);
	entry_start();
	log_warning("a warning");
	entry_note(LOG_LEVEL_WARNING, &closed, "an event");
	assert_int_equal(sent, 0);
	entry_note(LOG_LEVEL_ERROR, &closed, "an event");
	assert_int_equal(sent, 1);
}

/* --- systemd -------------------------------------------------------------------------------------------------------- */

static int listen_at(const char *name, size_t length, const char *variable)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, name, length);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
			 0);
	setenv("NOTIFY_SOCKET", variable, 1);
	return fd;
}

static void assert_word(int fd, const char *wanted)
{
	char text[1024];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, wanted);
}

static void systemd_hears_how_far_it_is(void **state)
{
	char path[] = "/tmp/acmegate-notify-XXXXXX", abstract[64], name[64];
	int fd;

	(void)state;
	notify_start(true); /* nobody asks */
	assert_false(notify_is_on());
	assert_int_equal(progress_interval(), -1);
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_start(true);
	assert_false(notify_is_on());
	assert_null(getenv("NOTIFY_SOCKET"));
	close(mkstemp(path));
	unlink(path);
	fd = listen_at(path, strlen(path), path);
	notify_start(false); /* a hook: the unit is its client's */
	assert_false(notify_is_on());
	assert_null(getenv("NOTIFY_SOCKET"));
	setenv("NOTIFY_SOCKET", path, 1);
	notify_start(true);
	assert_true(notify_is_on());
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_true(progress_interval() > 0);
	progress_ready();
	assert_word(fd, "READY=1\nSTATUS=begins");
	progress_step(PROGRESS_VALIDATING, 3, 12);
	assert_word(fd, "STATUS=validating 3 of 12 names");
	progress_done(STATUS_DONE);
	assert_word(fd, "STOPPING=1\nSTATUS=all is done");
	for (int i = 0; i < 10000; i++) /* its queue is full before that */
		progress_tick();
	close(fd);
	progress_tick();
	unlink(path);
	snprintf(name, sizeof(name), "%cacmegate-%d", '\0', (int)getpid());
	snprintf(abstract, sizeof(abstract), "@acmegate-%d", (int)getpid());
	fd = listen_at(name, strlen(abstract), abstract);
	notify_start(true);
	notify_say("", "%s", "abstract");
	assert_word(fd, "STATUS=abstract");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_of_an_event),
		cmocka_unit_test(a_line_that_is_no_event_has_no_message_id),
		cmocka_unit_test(no_value_makes_a_field),
		cmocka_unit_test_setup_teardown(everything_goes_there_once, begin, end),
		cmocka_unit_test_setup_teardown(what_is_not_taken_goes_to_standard_error, begin, end),
		cmocka_unit_test_setup_teardown(a_child_does_not_send, begin, end),
		cmocka_unit_test_setup_teardown(elsewhere_lines_are_text, begin, end),
		cmocka_unit_test_setup_teardown(quiet_is_quiet_in_the_journal, begin, end),
		cmocka_unit_test(systemd_hears_how_far_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
