// SPDX-License-Identifier: GPL-3.0-or-later
/* Window, recovery and watchdog, by the kernel's own nf_tables and the real surveyor; each call on the way goes wrong once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "firewall/listener.h"
#include "firewall/watchdog.h"
#include "firewall/report.h"
#include "firewall/window.h"
#include "nth_call.h"
#include "other_names.h"
#include "outside.h"
#include "own_net.h"
#include "logged.h"
#include "must.h"
#include "skip_because.h"

static struct fault fault;
static struct policy policy;
static struct journal journal;
static struct window window;
static char directory[256];
static int state_fd;
static size_t before;
static bool outside;

/* --- what the window asks of its configuration -------------------------------------------------------------------------- */

static int prepare(bool own_listener)
{
	return window_prepare(&window, &journal, &policy, own_listener, &fault);
}

static int prepare_at(const struct whereabouts *at)
{
	return window_prepare_at(&window, &journal, &policy, at, &fault);
}

static int sweep(const struct journal *j)
{
	return window_sweep(j, &fault);
}

static int recover(void)
{
	return window_recover(&journal, &fault);
}

static void remark(void)
{
	window_remark(&window, &policy);
}

static int start_watchdog(void)
{
	return watchdog_start(&journal, &policy, &fault);
}

static void configure(void)
{
	memset(&policy, 0, sizeof(policy));
	policy.backend = BACKEND_NFTABLES;
	policy.port = 80;
	policy.seconds = 60;
	policy.user = 65534;
	policy.ca_family = NFPROTO_IPV4;
	memcpy(policy.ca, (const unsigned char[]){ 192, 0, 2, 7 }, 4);
	policy.ca_port = 14000;
	policy.target = 8402;
}

/* ------------------------------------------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	const char *temporary = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/test-window-XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	state_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	configure();
	while (waitpid(-1, NULL, WNOHANG) > 0) /* surveyors whose end was made to fail */
		;
	log_text[0] = '\0';
	own_net_table(NFPROTO_INET, "filter");
	own_net_chain(NFPROTO_INET, "filter", "input", NF_INET_LOCAL_IN);
	before = own_net_read();
	memset(&window, 0, sizeof(window));
	window.news = -1;
	return journal_open(&journal, state_fd, &fault);
}

static int tear_down(void **state)
{
	(void)state;
	nth_stop();
	window_free(&window);
	journal_close(&journal);
	own_net_flush();
	unlinkat(state_fd, "journal", 0);
	close(state_fd);
	return rmdir(directory);
}

static void assert_open(void)
{
	assert_int_equal(own_net_read(), before + 2); /* a set and a rule */
	assert_int_equal(own_net_count(window.opening.tag), 1);
	assert_true(journal.armed);
	assert_true(window.standing);
}

static void assert_shut(void)
{
	assert_int_equal(own_net_read(), before);
	assert_int_equal(own_net_count("acmegate"), 0);
}

static void it_opens_mends_and_shuts(void **state)
{
	double before_opening, surely_open;

	(void)state;
	must(prepare(true), 0);
	assert_shut();
	assert_false(journal.armed);
	remark();
	before_opening = clock_boot_seconds();
	must(window_open(&window, &fault), 0);
	surely_open = clock_boot_seconds();
	assert_open();
	report_opened(&window);
	assert_logged("port 80 open for at most 60 s (1 rule in");
	must(window_mend(&window, &fault), 0);
	own_net_empty(NFPROTO_INET, "filter", "input");
	must(window_mend(&window, &fault), 1);
	report_mended(&window, 1, &fault);
	assert_logged("the opening was put back in");
	assert_open();
	surely_open = clock_boot_seconds() - surely_open;
	must(window_shut(&window, &fault), 0);
	assert_true(window.open_for >= surely_open && window.open_for <= clock_boot_seconds() - before_opening);
	assert_logged("port 80 closed after");
	assert_shut();
	assert_false(window.standing);
	assert_true(journal.armed); /* clearing it is the caller's */
	must(journal_clear(&journal, &fault), 0);
	report_unchanged(&window);
	assert_logged("ruleset unchanged (sha256");
	own_net_table(NFPROTO_INET, "new");
	report_unchanged(&window);
	assert_logged("another program has changed it meanwhile");
	nth_fail_on("send", 1, EPIPE);
	own_net_table(NFPROTO_INET, "newer");
	report_unchanged(&window);
	assert_logged("could not be compared");
}

static void a_failure_to_mend_is_logged(void **state)
{
	(void)state;
	must(prepare(true), 0);
	must(window_open(&window, &fault), 0);
	own_net_empty(NFPROTO_INET, "filter", "input");
	nth_fail_on("mnl_socket_sendto", 1, ENOBUFS);
	must(window_mend(&window, &fault), -1);
	report_mended(&window, -1, &fault);
	assert_logged("could not be put back: ");
	strcpy(window.evidence.shut, "inet filter input: drop");
	report_mended(&window, 0, &fault);
	assert_logged("put ahead of acmegate's rule: inet filter input: drop");
	report_mended(&window, 0, &fault); /* once is enough */
	assert_string_equal(log_text, "");
	must(window_shut(&window, &fault), 0);
}

static void an_open_firewall_is_left_alone(void **state)
{
	(void)state;
	own_net_flush();
	before = 0;
	must(prepare(false), 0);
	must(window_open(&window, &fault), 0);
	assert_int_equal(own_net_read(), 0);
	report_opened(&window);
	assert_logged("not blocked by any chain; nothing to open");
	must(window_shut(&window, &fault), 0);
	assert_string_equal(log_text, "");
}

static void limits_of_the_kernel_are_logged(void **state)
{
	(void)state;
	must(prepare(true), 0);
	window.plan.unbound = window.plan.untimed = window.plan.unowned = true;
	strcpy(window.plan.lost, "inet filter input: mark");
	report_opened(&window);
	assert_non_null(strstr(log_text, "cannot bind the rule to acmegate's socket"));
	assert_non_null(strstr(log_text, "only the end of its socket closes the port"));
	assert_non_null(strstr(log_text, "it stays until acmegate recover runs"));
	assert_logged("miss marks that rules behind acmegate's would set");
	window.opening.own_listener = window.plan.unbound = false;
	report_opened(&window);
	assert_logged("the port stays open until acmegate recover runs");
}

static void a_listener_of_somebody_else_keeps_its_visitors(void **state)
{
	(void)state;
	must(prepare(false), 0);
	assert_false(window.opening.own_listener);
	must(window_open(&window, &fault), 0);
	assert_open();
	nth_fail("mnl_socket_open2", 1, EMFILE);
	must(window_shut(&window, &fault), 0);
	assert_logged("asking for the connections of this host");
	assert_shut();
}

/* The port that the ruleset lets in anyway is for visitors like any; the others came through the window. */
static void a_visitor_through_the_window_is_reset(void **state)
{
	int fds[2];

	(void)state;
	if (!outside) {
		skip_because("this kernel has no pairs of interfaces");
		return;
	}
	assert_int_equal(listener_open(80, fds, &fault), 0);
	must(prepare(false), 0);
	must(window_open(&window, &fault), 0);
	outside_do('4');
	must(window_shut(&window, &fault), 0);
	assert_logged("1 connection that came through the port ended");
	outside_do('r');
	must(window_open(&window, &fault), 0);
	outside_do('4');
	outside_do('4');
	nth_fail_on("send", 1, EPIPE); /* nobody knows who would be admitted */
	must(window_shut(&window, &fault), 0);
	assert_logged("which connections the ruleset lets in anyway is not known");
	outside_do('r');
	outside_do('r');
	close(fds[0]);
	close(fds[1]);
}

/* With mode = webroot. A surveyor that is slow to tell keeps no connection alive. */
static void a_visitor_is_reset_before_the_packets_are_told(void **state)
{
	const char *reset, *traced;
	int fds[2];

	(void)state;
	if (!outside) {
		skip_because("this kernel has no pairs of interfaces");
		return;
	}
	policy.traced = 1;
	policy.mode = RESPONDER_WEBROOT;
	assert_int_equal(listener_open(80, fds, &fault), 0);
	must(prepare(true), 0);
	must(window_open(&window, &fault), 0);
	outside_do('4');
	must(window_shut(&window, &fault), 0);
	reset = strstr(log_text, "1 connection that came through the port ended");
	traced = strstr(log_text, "packets for port 80 were traced");
	if (!reset || !traced || reset > traced)
		fail_msg("not in this order: %s", log_text);
	outside_do('r');
	close(fds[0]);
	close(fds[1]);
}

static void a_missing_part_is_a_refusal(void **state)
{
	(void)state;
	nth_fail("recv", 1, EOPNOTSUPP);
	must(prepare(false), -1);
	assert_non_null(strstr(fault.text, "this kernel has no nf_tables"));
	window_free(&window);
	nth_fail("epoll_ctl", 3, ENOSPC);
	must(prepare(false), -1);
	assert_int_equal(fault.kind, FAULT_LATER);
	window_free(&window);
	nth_fail("epoll_ctl", 3, EEXIST); /* two backends may share the news */
	must(prepare(false), 0);
	nth_fail_on("send", 1, EPIPE);
	remark();
	assert_logged("asking the surveyor");
	nth_stop();
	window_free(&window);
	own_net_table(NFPROTO_IPV4, "filter"); /* as iptables makes it */
	own_net_chain(NFPROTO_IPV4, "filter", "INPUT", NF_INET_LOCAL_IN);
	must(prepare(false), -1);
	if (!strstr(fault.text, "iptables"))
		fail_msg("%s", fault.text);
}

static void another_port_is_taken_for_a_redirection(void **state)
{
	int fds[2];

	(void)state;
	policy.mode = RESPONDER_REDIRECT;
	policy.target = 1023;
	assert_int_equal(listener_open(1023, fds, &fault), 0);
	must(prepare(true), 0);
	assert_int_equal(window.opening.target, 1022);
	assert_logged("acmegate listens on port 1022 this time: port 1023 is taken by test_window");
	close(fds[0]);
	close(fds[1]);
}

static void a_redirection_is_opened_and_closed_with_it(void **state)
{
	(void)state;
	policy.mode = RESPONDER_REDIRECT;
	policy.target = 1023;
	must(prepare(true), 0);
	assert_int_equal(window.opening.target, 1023);
	must(window_open(&window, &fault), 0);
	assert_int_equal(own_net_read(), before + 2 + 4);
	must(window_shut(&window, &fault), 0);
	assert_shut();
}

/* A SYN to this host; who asks does not wait for the answer. */
static void knock(void)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && connect(fd, (const void *)&at, sizeof(at)) < 0 && errno == EINPROGRESS);
	close(fd);
}

#define TRACE 6 /* a table, two chains, three rules */

/* Nobody listens, so that the rule lets nobody in. */
static void a_traced_window_says_which_chain_dropped_what_came(void **state)
{
	(void)state;
	policy.traced = 1;
	must(prepare(true), 0);
	assert_int_equal(own_net_read(), before);
	must(window_open(&window, &fault), 0);
	assert_int_equal(own_net_read(), before + 2 + TRACE);
	assert_int_equal(own_net_count("nftrace") + own_net_count("limit"), 3);
	must(window_mend(&window, &fault), 0);
	knock();
	must(window_shut(&window, &fault), 0);
	assert_shut();
	assert_logged("packets for port 80 were traced: SYN from 127.0.0.1 dropped in inet filter input by its policy");
	assert_string_equal(window.traced, "SYN from 127.0.0.1 dropped in inet filter input by its policy");
}

static void a_traced_window_in_which_nothing_comes_says_so(void **state)
{
	(void)state;
	policy.traced = 1;
	must(prepare(true), 0);
	must(window_open(&window, &fault), 0);
	must(window_shut(&window, &fault), 0);
	assert_shut();
	assert_string_equal(window.traced, "no SYN came");
}

/* The same table has both. After the redirection the answers leave from another port. */
static void a_redirection_is_traced(void **state)
{
	(void)state;
	policy.mode = RESPONDER_REDIRECT;
	policy.target = 1023;
	policy.traced = 1;
	must(prepare(true), 0);
	must(window_open(&window, &fault), 0);
	assert_int_equal(own_net_read(), before + 2 + 3 + TRACE);
	knock();
	must(window_shut(&window, &fault), 0);
	assert_shut();
	assert_string_equal(window.traced, "SYN from 127.0.0.1 dropped in inet filter input by its policy");
}

/* The rule of another program's own table cannot be passed, and where a redirection does not help that is a refusal with the reason. */
static void a_chain_that_only_its_owner_can_change_is_a_refusal(void **state)
{
	(void)state;
	policy.target = 1023;
	if (!own_net_owners())
		skip_because("this kernel has no tables with an owner");
	own_net_owned_table(NFPROTO_INET, "guarded");
	own_net_chain(NFPROTO_INET, "guarded", "input", NF_INET_LOCAL_IN);
	must(prepare(true), -1);
	assert_non_null(strstr(fault.text, "guarded"));
	assert_int_equal(fault.kind, FAULT_FAILED);
	before = own_net_read();
	assert_shut();
}

static void a_failure_on_the_way_around_is_a_refusal(void **state)
{
	bool happened = true;

	(void)state;
	policy.target = 1023;
	if (!own_net_owners())
		skip_because("this kernel has no tables with an owner");
	own_net_owned_table(NFPROTO_INET, "guarded");
	own_net_chain(NFPROTO_INET, "guarded", "input", NF_INET_LOCAL_IN);
	before = own_net_read();
	for (unsigned int n = 1; happened; n += 4) {
		nth_fail("", n, ENOMEM);
		must(prepare(true), -1);
		happened = nth_happened();
		assert_true(fault.text[0]);
		window_free(&window);
		assert_shut();
	}
}

static void addresses_that_are_not_this_hosts_say_nothing(void **state)
{
	struct whereabouts at = { .addresses4 = 1, .address4 = { { 198, 51, 100, 1 } }, .addresses6 = WHEREABOUTS_MOST + 1 };

	(void)state;
	must(prepare_at(&at), 0);
	assert_int_equal(window.opening.addresses4, 0);
	assert_int_equal(window.opening.addresses6, 0);
	assert_int_equal(window.opening.ca_port, 14000);
	assert_int_equal(window.opening.client, 65534);
	window_free(&window);
	at.addresses6 = 1;
	must(prepare_at(&at), 0);
	assert_int_equal(window.opening.addresses6, 0);
}

/* After any failure there is a reason, the journal is armed while a rule may be left, and shutting leaves none. */
static void it_can_be_shut_after_any_failure_to_open(void **state)
{
	bool happened = true;
	unsigned int failed = 0;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		int rc;

		nth_fail("", n, ENOMEM);
		memset(&fault, 0, sizeof(fault));
		rc = prepare(false);
		rc = rc < 0 ? rc : window_open(&window, &fault);
		nth_stop();
		happened = nth_happened();
		failed += rc < 0;
		if (rc == 0)
			assert_open();
		else
			assert_true(fault.kind != FAULT_NONE && fault.text[0]);
		if (own_net_read() != before)
			assert_true(journal.armed);
		must(window_shut(&window, &fault), 0);
		assert_shut();
		must(journal_clear(&journal, &fault), 0);
		window_free(&window);
	}
	assert_true(failed > 5);
}

/* Evidence is worth no window: what fails there leaves the window as it was without. */
static void a_window_opens_whatever_fails_of_its_trace(void **state)
{
	unsigned int without = 0;
	bool happened = true;

	(void)state;
	policy.traced = 1;
	for (unsigned int n = 1; happened; n++) {
		int rc;

		must(prepare(true), 0);
		nth_fail("", n, ENOMEM);
		rc = window_open(&window, &fault);
		nth_stop();
		happened = nth_happened();
		without += rc == 0 && own_net_read() == before + 2;
		must(window_shut(&window, &fault), 0);
		assert_shut();
		must(journal_clear(&journal, &fault), 0);
		window_free(&window);
	}
	assert_true(without > 5);
}

static void a_firewall_that_cannot_be_read_is_asked_again_and_then_left_to_the_watchdog(void **state)
{
	(void)state;
	must(prepare(true), 0);
	must(window_open(&window, &fault), 0);
	nth_fail("mnl_socket_sendto", 1, ENOBUFS);
	must(window_shut(&window, &fault), 0);
	assert_logged("closing port 80: asking for the ruleset: No buffer space available");
	assert_shut();
	must(window_open(&window, &fault), 0);
	nth_fail_on("mnl_socket_sendto", 1, ENOBUFS);
	must(window_shut(&window, &fault), -1);
	assert_logged("the port may still be open; the watchdog goes on trying");
	assert_true(window.standing);
	assert_open();
	must(window_shut(&window, &fault), 0);
	assert_shut();
}

/* --- recovery ------------------------------------------------------------------------------------------------------------ */

/* Leaves a window open, as a process that was killed does. */
static void leave_open(void)
{
	must(prepare(false), 0);
	must(window_open(&window, &fault), 0);
	window_free(&window);
	assert_open();
}

static void recovery_says_what_it_met(void **state)
{
	(void)state;
	must(recover(), RECOVERY_NOTHING);
	must(journal_arm(&journal, &(struct opening){ .tag = "acmegate:0123456789abcdef" }, 1, &fault), 0);
	must(recover(), RECOVERY_ARMED);
	assert_false(journal.armed);
	leave_open();
	must(recover(), RECOVERY_RULES);
	assert_false(journal.armed);
	assert_shut();
}

/* Others may have saved the ruleset in a window: rules of any tag are closed, whatever the journal says. */
static void rules_without_a_journal_are_closed(void **state)
{
	(void)state;
	leave_open();
	must(journal_clear(&journal, &fault), 0);
	must(sweep(&journal), 1);
	assert_shut();
	must(sweep(&journal), 0);
}

/* The administrator's own program cannot be asked any more. */
static void a_backend_that_is_no_longer_configured_is_named(void **state)
{
	(void)state;
	must(journal_arm(&journal, &(struct opening){ .tag = "acmegate:0123456789abcdef" }, 1U << 4, &fault), 0);
	must(recover(), -1);
	assert_non_null(strstr(fault.text, "an earlier run opened by [gate] command"));
	assert_true(journal.armed);
}

static void the_journal_is_armed_until_recovery_succeeds(void **state)
{
	bool happened = true;
	unsigned int failed = 0;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		int rc;

		leave_open();
		nth_fail("", n, ENOMEM);
		rc = recover();
		nth_stop();
		happened = nth_happened();
		failed += rc < 0;
		assert_int_equal(journal.armed, rc < 0);
		if (rc < 0)
			must(recover() < 0, 0);
		else
			assert_int_equal(rc, RECOVERY_RULES);
		assert_shut();
		assert_false(journal.armed);
	}
	assert_true(failed > 5);
}

/* --- the watchdog --------------------------------------------------------------------------------------------------------- */

/* Time goes on faster for the watchdog of a warden that overstays. */
static long skip_seconds;
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	static long skipped;
	int rc = __real_clock_gettime(clock, time);

	time->tv_sec += skipped += skip_seconds;
	return rc;
}

/* A process that opens, and dies or overstays. */
static pid_t run_a_warden(bool overstays)
{
	pid_t pid;

	journal_close(&journal);
	pid = fork();
	if (pid)
		return pid;
	skip_seconds = overstays ? 10 : 0;
	policy.seconds = 10; /* and some seconds of grace: two steps of the clock */
	if (journal_open(&journal, state_fd, &fault) < 0 || start_watchdog() < 0)
		_exit(2);
	skip_seconds = 0;
	if (prepare(policy.traced != 0) < 0 || window_open(&window, &fault) < 0)
		_exit(3);
	while (overstays)
		pause();
	raise(SIGKILL);
	_exit(4);
}

static void assert_killed(pid_t warden)
{
	int status;

	assert_int_equal(waitpid(warden, &status, 0), warden);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The journal is locked as long as the watchdog lives. */
static void await_the_end_of_the_watchdog(void)
{
	int rc = -1;

	for (int i = 0; rc < 0 && i < 2000; i++) {
		poll(NULL, 0, 10);
		rc = journal_open(&journal, state_fd, &fault);
	}
	must(rc, 0);
}

static void it_closes_when_the_warden_dies(void **state)
{
	(void)state;
	assert_killed(run_a_warden(false));
	await_the_end_of_the_watchdog();
	assert_shut();
	assert_false(journal.armed);
}

static void it_closes_a_traced_window_when_the_warden_dies(void **state)
{
	policy.traced = 1;
	it_closes_when_the_warden_dies(state);
}

static void it_ends_a_warden_that_overstays(void **state)
{
	(void)state;
	assert_killed(run_a_warden(true));
	await_the_end_of_the_watchdog();
	assert_shut();
	assert_false(journal.armed);
}

static void a_stopped_watchdog_does_nothing(void **state)
{
	struct pollfd watchdog = { .events = POLLIN };

	(void)state;
	watchdog.fd = start_watchdog();
	assert_true(watchdog.fd >= 0);
	assert_true(fcntl(watchdog.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(poll(&watchdog, 1, 0), 0);
	watchdog_stop(&watchdog.fd);
	assert_int_equal(watchdog.fd, -1);
	watchdog_stop(&watchdog.fd);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), outside ? 0 : -1); /* no other child is left */
}

/* After any failure to start, every process that was started ends. */
static void a_watchdog_that_cannot_start_holds_nothing(void **state)
{
	bool happened = true;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			int rc;

			nth_fail("", n, EMFILE);
			rc = start_watchdog();
			_exit(nth_happened() && rc >= 0 ? 2 : rc < 0 && !fault.text[0] ? 3 : nth_happened());
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		happened = WEXITSTATUS(status) == 1;
		journal_close(&journal);
		await_the_end_of_the_watchdog();
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_opens_mends_and_shuts),
		TEST(a_failure_to_mend_is_logged),
		TEST(an_open_firewall_is_left_alone),
		TEST(limits_of_the_kernel_are_logged),
		TEST(a_listener_of_somebody_else_keeps_its_visitors),
		TEST(a_visitor_through_the_window_is_reset),
		TEST(a_visitor_is_reset_before_the_packets_are_told),
		TEST(a_missing_part_is_a_refusal),
		TEST(another_port_is_taken_for_a_redirection),
		TEST(a_redirection_is_opened_and_closed_with_it),
		TEST(a_traced_window_says_which_chain_dropped_what_came),
		TEST(a_traced_window_in_which_nothing_comes_says_so),
		TEST(a_redirection_is_traced),
		TEST(a_window_opens_whatever_fails_of_its_trace),
		TEST(a_chain_that_only_its_owner_can_change_is_a_refusal),
		TEST(a_failure_on_the_way_around_is_a_refusal),
		TEST(addresses_that_are_not_this_hosts_say_nothing),
		TEST(it_can_be_shut_after_any_failure_to_open),
		TEST(a_firewall_that_cannot_be_read_is_asked_again_and_then_left_to_the_watchdog),
		TEST(recovery_says_what_it_met),
		TEST(rules_without_a_journal_are_closed),
		TEST(a_backend_that_is_no_longer_configured_is_named),
		TEST(the_journal_is_armed_until_recovery_succeeds),
		TEST(it_closes_when_the_warden_dies),
		TEST(it_closes_a_traced_window_when_the_warden_dies),
		TEST(it_ends_a_warden_that_overstays),
		TEST(a_stopped_watchdog_does_nothing),
		TEST(a_watchdog_that_cannot_start_holds_nothing),
	};

	int rc;

	if (!own_net())
		return 0;
	outside = outside_begin();
	rc = cmocka_run_group_tests_name("window", tests, NULL, NULL);
	outside_end();
	return rc;
}
