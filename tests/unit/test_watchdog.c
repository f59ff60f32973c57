// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The watchdog, as a child of the test and with a gate that is a child too: the gate's end, the end of its time, polls and readings that
 * fail, others who hold the locks. nf_tables and the journal are real.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static ssize_t world_read(int fd, void *buffer, size_t size);
#define read world_read
#include "firewall/watchdog.c"
#undef read
#include "nth_call.h"
#include "other_names.h"
#include "own_net.h"
#include "must.h"

/* Shared with the children, which write to it, too. */
static struct world {
	char log[8192];
	int looks;	    /* at the firewall, after the gate's end */
	int failing;	    /* so many of them fail */
	int seconds_a_look; /* that each of those takes */
	int others;	    /* looks while another one had the journal: none may be */
	int interrupted;    /* reads that are */
	int rounds;	    /* in which another one has it */
	int left_terminal;
	bool detached;
	bool sandbox_fails, sandboxed;
	long skipped, skips; /* seconds; at each look at the clock */
} * world;

static struct fault fault;
static struct policy policy;
static struct journal journal;
static char directory[256];
static int state_fd, blocker = -1;
static pid_t gate;
static size_t before;

/* --- the world ----------------------------------------------------------------------------------------------------------- */

void __wrap_log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
void __wrap_log_line(enum log_level level, const char *format, ...)
{
	size_t used = strlen(world->log);
	va_list args;

	if (level > LOG_LEVEL_WARNING)
		return;
	va_start(args, format);
	vsnprintf(world->log + used, sizeof(world->log) - used, format, args);
	va_end(args);
	used = strlen(world->log);
	snprintf(world->log + used, sizeof(world->log) - used, "\n");
}

void __wrap_log_detach(void);
void __wrap_log_detach(void)
{
	world->detached = true;
}

void __wrap_log_leave_terminal(void);
void __wrap_log_leave_terminal(void)
{
	world->left_terminal++;
}

static void assert_logged(const char *text)
{
	assert_string_equal(world->log, text);
}

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	int rc = __real_clock_gettime(clock, time);

	time->tv_sec += world->skipped += world->skips;
	return rc;
}

int __real_sandbox_watchdog(struct fault *f);
int __wrap_sandbox_watchdog(struct fault *f);
int __wrap_sandbox_watchdog(struct fault *f)
{
	world->sandboxed = true;
	return world->sandbox_fails ? fault_set(f, FAULT_FAILED, "it keeps its rights") : __real_sandbox_watchdog(f);
}

int __real_window_recover(struct journal *j, struct fault *f);
int __wrap_window_recover(struct journal *j, struct fault *f);
int __wrap_window_recover(struct journal *j, struct fault *f)
{
	world->looks++;
	world->others += blocker >= 0;
	if (world->looks > world->failing)
		return __real_window_recover(j, f);
	world->skipped += world->seconds_a_look;
	return fault_set(f, FAULT_FAILED, "look %d has failed", world->looks);
}

static ssize_t world_read(int fd, void *buffer, size_t size)
{
	errno = EINTR;
	return world->interrupted-- > 0 ? -1 : read(fd, buffer, size);
}

/* Out of the way of the numbers that the watchdog has for its own. */
static int high(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 2 * KEPT_END);

	assert_true(fd >= 0 && copy >= 0);
	close(fd);
	return copy;
}

static int set_up(void **state)
{
	const char *temporary = getenv("TMPDIR");
	int rc;

	(void)state;
	memset(world, 0, sizeof(*world));
	snprintf(directory, sizeof(directory), "%s/test-watchdog-XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	state_fd = high(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	policy = (struct policy){ .backend = BACKEND_NFTABLES, .port = 80, .target = 80, .seconds = 60, .user = 65534 };
	own_net_table(NFPROTO_INET, "filter");
	own_net_chain(NFPROTO_INET, "filter", "input", NF_INET_LOCAL_IN);
	before = own_net_read();
	gate = fork();
	while (gate == 0)
		pause();
	rc = journal_open(&journal, state_fd, &fault);
	journal.fd = high(journal.fd);
	return rc;
}

static int tear_down(void **state)
{
	(void)state;
	nth_stop();
	kill(gate, SIGKILL);
	waitpid(gate, NULL, 0);
	journal_close(&journal);
	close_fd(&blocker);
	own_net_flush();
	unlinkat(state_fd, "journal", 0);
	close(state_fd);
	return rmdir(directory);
}

/* Leaves a window open, as a gate does that was killed. */
static void leave_open(void)
{
	struct window window;

	must(window_prepare(&window, &journal, &policy, false, &fault), 0);
	must(window_open(&window, &fault), 0);
	assert_true(own_net_read() > before);
	window_free(&window);
	world->log[0] = '\0';
}

static void assert_closed(void)
{
	assert_int_equal(own_net_read(), before);
	assert_int_equal(own_net_count("acmegate"), 0);
	must(journal_reread(&journal, &fault), 0);
	assert_false(journal.armed);
}

static void end_the_gate(void)
{
	kill(gate, SIGKILL);
}

/* --- a watchdog ---------------------------------------------------------------------------------------------------------- */

static bool with_few_descriptors, with_nobody_to_tell;

/* As watchdog_start() has it in its child; what is to go wrong there is arranged by that function. */
static pid_t start(void (*arrange)(void))
{
	int ends[2], pidfd = pidfd_open(gate, 0);
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	if (with_nobody_to_tell)
		close(ends[0]);
	pid = fork();
	if (pid == 0) {
		const struct rlimit few = { KEPT_END, KEPT_END };

		if (with_few_descriptors)
			(void)setrlimit(RLIMIT_NOFILE, &few);
		if (arrange)
			arrange();
		watch(&journal, &policy, pidfd, ends[1]);
	}
	close(ends[1]);
	close(pidfd);
	if (!with_nobody_to_tell) {
		assert_int_equal(is_ready(ends[0]), !with_few_descriptors);
		close(ends[0]);
	}
	return pid;
}

/* Its exit status. One that goes on for ever is a failure. */
static int end_of(pid_t pid)
{
	struct pollfd end = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int status;

	if (poll(&end, 1, 60000) != 1)
		kill(pid, SIGKILL);
	close(end.fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("signal %d: %s", WTERMSIG(status), world->log);
	return WEXITSTATUS(status);
}

static bool is_alive(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid;
}

static void it_closes_when_the_gate_has_died(void **state)
{
	pid_t pid;

	(void)state;
	leave_open();
	pid = start(NULL);
	assert_true(is_alive(pid));
	end_the_gate();
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_closed();
	assert_logged("the watchdog has closed the port: the gate had died\n");
	assert_true(world->left_terminal == 1 && world->sandboxed && !world->detached);
	assert_int_equal(world->looks, 1);
}

static void a_gate_that_dies_before_it_arms_leaves_nothing_to_do(void **state)
{
	pid_t pid;

	(void)state;
	end_the_gate();
	pid = start(NULL);
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_int_equal(world->looks, 0);
	assert_logged("");
}

static void a_gate_that_dies_between_closing_and_clearing(void **state)
{
	pid_t pid;

	(void)state;
	leave_open();
	own_net_empty(NFPROTO_INET, "filter", "input");
	own_net_flush();
	before = own_net_read();
	pid = start(NULL);
	end_the_gate();
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_closed();
	assert_logged("the gate had died, but the port was closed already\n");
}

/* A record that the gate writes after the watchdog's start counts. */
static void a_gate_that_arms_later(void **state)
{
	pid_t pid = start(NULL);

	(void)state;
	leave_open();
	end_the_gate();
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_closed();
	assert_logged("the watchdog has closed the port: the gate had died\n");
}

static void a_gate_that_is_overdue_is_killed(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	leave_open();
	world->skips = (long)policy.seconds + GRACE + 1;
	pid = start(NULL);
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_closed();
	assert_non_null(strstr(world->log, "the gate is overdue: the watchdog ends it\n"));
	assert_non_null(strstr(world->log, "the watchdog has closed the port: the gate had died\n"));
	assert_int_equal(waitpid(gate, &status, 0), gate);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The time of the policy, of the gate's own end, and of the administrator's command: before that the gate may live. */
static void a_gate_in_its_time_is_let_live(void **state)
{
	pid_t pid;

	(void)state;
	world->skips = (long)policy.seconds + GRACE - 1;
	pid = start(NULL);
	poll(NULL, 0, 50);
	assert_true(is_alive(gate) && is_alive(pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	policy.has_command = true;
	world->skips = (long)policy.seconds + GRACE + COMMAND_SECONDS - 1;
	world->skipped = 0;
	pid = start(NULL);
	poll(NULL, 0, 50);
	assert_true(is_alive(gate) && is_alive(pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_logged("");
}

static void interrupt_a_poll(void)
{
	nth_fail("poll", 1, EINTR);
}

static void an_interruption_is_no_end(void **state)
{
	pid_t pid;

	(void)state;
	leave_open();
	world->interrupted = 2;
	pid = start(interrupt_a_poll);
	assert_int_equal(world->interrupted, -1);
	poll(NULL, 0, 20);
	assert_true(is_alive(gate) && is_alive(pid));
	assert_int_equal(world->looks, 0);
	end_the_gate();
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_closed();
}

static void fail_every_poll(void)
{
	nth_fail_on("poll", 1, EINVAL);
}

/* A watchdog that cannot see the gate's end does not wait for it: the port is closed, and the watchdog ends. */
static void a_watchdog_that_cannot_wait_ends_the_gate_and_closes(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	leave_open();
	pid = start(fail_every_poll);
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_int_equal(waitpid(gate, &status, 0), gate);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_closed();
	assert_logged("the gate cannot be watched: the watchdog ends it\nthe watchdog has closed the port: the gate had died\n");
}

/* --- the start ----------------------------------------------------------------------------------------------------------- */

static void a_watchdog_without_its_descriptors_does_not_begin(void **state)
{
	(void)state;
	with_few_descriptors = true;
	assert_int_equal(end_of(start(NULL)), STATUS_FAILED);
	with_few_descriptors = false;
	with_nobody_to_tell = true;
	assert_int_equal(end_of(start(NULL)), STATUS_FAILED);
	with_nobody_to_tell = false;
	assert_true(is_alive(gate));
	assert_int_equal(world->looks, 0);
}

/* Its end is seen by the gate, which closes. */
static void a_watchdog_that_keeps_its_rights_ends(void **state)
{
	pid_t pid;

	(void)state;
	world->sandbox_fails = true;
	assert_int_equal(end_of(start(NULL)), STATUS_FAILED);
	assert_logged("it keeps its rights\n");
	assert_true(is_alive(gate));
	/* The administrator's own command may need anything. */
	policy.has_command = true;
	world->sandboxed = false;
	pid = start(NULL);
	end_the_gate();
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_false(world->sandboxed);
}

static void signals_and_other_descriptors_are_not_for_it(void **state)
{
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	leave_open();
	pid = start(NULL);
	close(ends[1]);
	assert_int_equal(read(ends[0], &(char){ 0 }, 1), 0); /* it has not kept the other end */
	close(ends[0]);
	assert_int_equal(getsid(pid), pid);
	for (int number = 1; number < 32; number++)
		if (number != SIGKILL && number != SIGSTOP && number != SIGCHLD)
			assert_int_equal(kill(pid, number), 0);
	poll(NULL, 0, 20);
	assert_true(is_alive(pid));
	end_the_gate();
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_closed();
}

static void it_is_stopped_and_reaped(void **state)
{
	int pidfd = watchdog_start(&journal, &policy, &fault), copy = dup(pidfd);
	struct pollfd watchdog = { .fd = pidfd, .events = POLLIN };

	(void)state;
	assert_true(pidfd >= 0);
	assert_int_equal(poll(&watchdog, 1, 0), 0);
	nth_fail("waitid", 1, EINTR);
	watchdog_stop(&pidfd);
	assert_true(nth_happened());
	nth_stop();
	assert_int_equal(pidfd, -1);
	assert_true(waitid(P_PIDFD, (id_t)copy, &(siginfo_t){ 0 }, WEXITED) < 0 && errno == ECHILD);
	watchdog_stop(&pidfd);
	watchdog_stop(&copy); /* it has ended and was reaped */
	assert_int_equal(copy, -1);
}

static void a_watchdog_that_does_not_start_is_a_fault(void **state)
{
	static const struct {
		const char *call;
		unsigned int n;
		const char *words;
	} way[] = { { "pidfd_open", 1, "watching this process" },
		    { "pipe2", 1, "starting the watchdog" },
		    { "fork", 1, "starting the watchdog" },
		    { "pidfd_open", 2, "starting the watchdog" } };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(way); i++) {
		nth_fail(way[i].call, way[i].n, EMFILE);
		must(watchdog_start(&journal, &policy, &fault), -1);
		assert_true(nth_happened());
		assert_non_null(strstr(fault.text, way[i].words));
	}
	assert_logged("");
}

/* Its child has too few descriptors, and ends before it watches. */
static void a_watchdog_that_ends_at_once_is_a_fault(void **state)
{
	struct rlimit before_it, few;
	int filler[64], n = 0, fd;

	(void)state;
	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) < (int)LENGTH_OF(filler)) /* behind it all numbers are free */
		filler[n++] = fd;
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before_it), 0);
	few = (struct rlimit){ (rlim_t)fd + 3, before_it.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	fd = watchdog_start(&journal, &policy, &fault);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before_it), 0);
	while (n > 0)
		close(filler[--n]);
	must(fd, -1);
	assert_string_equal(fault.text, "the watchdog did not start");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* the gate alone is left */
}

/* --- it does not give up ------------------------------------------------------------------------------------------------- */

static void it_tries_again_until_it_is_closed(void **state)
{
	pid_t pid;

	(void)state;
	leave_open();
	world->failing = 3;
	pid = start(NULL);
	end_the_gate();
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_closed();
	assert_int_equal(world->looks, 4);
	assert_false(world->detached);
	assert_logged("watchdog: look 1 has failed; it tries again until the port is closed\n"
		      "the watchdog has closed the port: the gate had died\n");
}

/* The reader of the run's output is let go after two seconds, once. */
static void after_some_seconds_it_stays_behind(void **state)
{
	char words[256];
	pid_t pid;

	(void)state;
	leave_open();
	world->failing = 6;
	world->seconds_a_look = 1;
	pid = start(NULL);
	end_the_gate();
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_closed();
	assert_int_equal(world->looks, 7);
	assert_true(world->detached && world->left_terminal == 2);
	snprintf(words, sizeof(words), "the port is not closed yet: the watchdog, process %d, goes on trying and logs to syslog\n",
		 (int)pid);
	assert_non_null(strstr(world->log, words));
	assert_null(strstr(strstr(world->log, words) + 1, "the port is not closed yet"));
}

static void fail_a_reading(void)
{
	nth_fail("pread", 1, EIO);
}

/* Then any rule of acmegate may stand, in any firewall. */
static void a_journal_that_cannot_be_read_does_not_keep_it(void **state)
{
	pid_t pid;

	(void)state;
	pid = start(fail_a_reading); /* as far as it remembers, there is no window */
	leave_open();
	end_the_gate();
	assert_int_equal(end_of(pid), STATUS_DONE);
	assert_closed();
	assert_logged("watchdog: reading the journal: Input/output error\nthe watchdog has closed the port: the gate had died\n");
}

/* --- turns: others may be able to close what it is not -------------------------------------------------------------------- */

static int open_journal(void)
{
	return high(openat(state_fd, "journal", O_RDWR | O_CLOEXEC));
}

static bool is_free(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0 && flock(fd, LOCK_UN) == 0;
}

static int single = -1;

static void take_turns(bool expected)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const struct journal mine = { .single = single };

		dup2(journal.fd, KEPT_JOURNAL);
		if (single >= 0)
			dup2(single, KEPT_SINGLE);
		_exit(take_turn(&mine) == expected ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void both_locks_or_none(void **state)
{
	int other = open_journal(), lock = high(openat(state_fd, "single", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	int other_lock = high(openat(state_fd, "single", O_RDWR | O_CLOEXEC));

	(void)state;
	(void)flock(journal.fd, LOCK_UN);
	take_turns(true); /* there is no lock of the namespace */
	assert_false(is_free(other));
	(void)flock(journal.fd, LOCK_UN);
	single = lock;
	take_turns(true);
	assert_false(is_free(other));
	assert_false(is_free(other_lock));
	(void)flock(journal.fd, LOCK_UN);
	(void)flock(lock, LOCK_UN);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	take_turns(false);
	assert_true(is_free(other_lock));
	(void)flock(other, LOCK_UN);
	assert_int_equal(flock(other_lock, LOCK_EX | LOCK_NB), 0);
	take_turns(false);
	assert_true(is_free(other));
	single = -1;
	close(other);
	close(lock);
	close(other_lock);
	unlinkat(state_fd, "single", 0);
}

/* Another command of acmegate has the journal for some rounds. */
static void let_another_one_begin(void)
{
	blocker = open_journal();
	if (flock(blocker, LOCK_EX | LOCK_NB) < 0)
		abort();
}

static void go_on(void)
{
	if (blocker < 0)
		let_another_one_begin();
	else if (++world->rounds == 3)
		close_fd(&blocker);
	nth_act("flock", blocker < 0 ? 1000 : 1, go_on);
}

static void give_another_one_a_turn(void)
{
	nth_act("flock", 2, go_on); /* the journal is let go by the first */
}

static void while_another_one_is_at_work_it_waits(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	leave_open();
	world->failing = 1;
	pid = fork();
	if (pid == 0) {
		dup2(journal.fd, KEPT_JOURNAL);
		journal.single = -1;
		give_another_one_a_turn();
		recover_at_last(&journal);
	}
	status = end_of(pid);
	assert_int_equal(status, STATUS_DONE);
	assert_closed();
	assert_int_equal(world->looks, 2);
	assert_int_equal(world->others, 0);
	assert_int_equal(world->rounds, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_closes_when_the_gate_has_died),
		TEST(a_gate_that_dies_before_it_arms_leaves_nothing_to_do),
		TEST(a_gate_that_dies_between_closing_and_clearing),
		TEST(a_gate_that_arms_later),
		TEST(a_gate_that_is_overdue_is_killed),
		TEST(a_gate_in_its_time_is_let_live),
		TEST(an_interruption_is_no_end),
		TEST(a_watchdog_that_cannot_wait_ends_the_gate_and_closes),
		TEST(a_watchdog_without_its_descriptors_does_not_begin),
		TEST(a_watchdog_that_keeps_its_rights_ends),
		TEST(signals_and_other_descriptors_are_not_for_it),
		TEST(it_is_stopped_and_reaped),
		TEST(a_watchdog_that_ends_at_once_is_a_fault),
		TEST(a_watchdog_that_does_not_start_is_a_fault), /* and may leave one that goes on, with this process */
		TEST(it_tries_again_until_it_is_closed),
		TEST(after_some_seconds_it_stays_behind),
		TEST(a_journal_that_cannot_be_read_does_not_keep_it),
		TEST(both_locks_or_none),
		TEST(while_another_one_is_at_work_it_waits),
	};

	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (world == MAP_FAILED || !own_net())
		return 0;
	return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
