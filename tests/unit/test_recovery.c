// SPDX-License-Identifier: GPL-3.0-or-later
/* How a gate begins: the locks of host and journal, and what an earlier one has left, with whatever journal. nf_tables is the kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <nettle/sha2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "firewall/recovery.h"
#include "firewall/single.h"
#include "firewall/window.h"
#include "nth_call.h"
#include "other_names.h"
#include "own_net.h"
#include "logged.h"
#include "must.h"

static struct fault fault;
static struct journal journal, other; /* of the gate under test, and of another one */
static char directory[256];
static int state_fd, later, seconds_a_look; /* so often somebody commits meanwhile, and how long that takes */
static uid_t user;
static size_t before;

/* --- the world ----------------------------------------------------------------------------------------------------------- */

static void assert_fault(enum fault_kind kind, const char *words)
{
	if (fault.kind != kind || !strstr(fault.text, words))
		fail_msg("%d: %s", fault.kind, fault.text);
}

static long skipped;
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	int rc = __real_clock_gettime(clock, time);

	time->tv_sec += skipped;
	return rc;
}

int __real_window_recover(struct journal *j, struct fault *f);
int __wrap_window_recover(struct journal *j, struct fault *f);
int __wrap_window_recover(struct journal *j, struct fault *f)
{
	skipped += seconds_a_look;
	if (later <= 0)
		return __real_window_recover(j, f);
	later--;
	return fault_set(f, FAULT_LATER, "somebody commits all the time");
}

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return user;
}

/* No directory of the host's is used. */
static bool own_run(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", "/run", "tmpfs", 0, "mode=755") == 0)
		return true;
	printf("1..0 # SKIP no /run of its own: %s\n", strerror(errno));
	return false;
}

static int set_up(void **state)
{
	const char *temporary = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/test-recovery-XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	state_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	journal = other = (struct journal){ .fd = -1, .single = -1 };
	log_text[0] = '\0';
	later = seconds_a_look = 0;
	user = 0;
	own_net_table(NFPROTO_IPV4, "four");
	own_net_chain(NFPROTO_IPV4, "four", "input", NF_INET_LOCAL_IN);
	own_net_table(NFPROTO_IPV6, "six");
	own_net_chain(NFPROTO_IPV6, "six", "input", NF_INET_LOCAL_IN);
	before = own_net_read();
	return 0;
}

static void release(struct journal *j)
{
	journal_close(j);
	close_fd(&j->single);
}

static int tear_down(void **state)
{
	(void)state;
	nth_stop();
	release(&journal);
	release(&other);
	own_net_flush();
	(void)unlinkat(state_fd, "journal", AT_REMOVEDIR);
	(void)unlinkat(state_fd, "journal", 0);
	(void)unlinkat(state_fd, "journal.new", 0);
	(void)unlinkat(state_fd, "journal.corrupt", 0);
	close(state_fd);
	return rmdir(directory);
}

static int claim(enum claim how)
{
	memset(&fault, 0, sizeof(fault));
	return recovery_claim(&journal, how == CLAIM_STATE ? state_fd : -1, how, &fault);
}

static void assert_shut(void)
{
	assert_int_equal(own_net_read(), before);
	assert_int_equal(own_net_count("acmegate"), 0);
}

/* Neither lock is held: another one can have both. */
static void assert_free(void)
{
	assert_int_equal(journal.fd, -1);
	assert_int_equal(journal.single, -1);
	nth_stop();
	log_text[0] = '\0';
	must(recovery_claim(&other, state_fd, CLAIM_STATE, &fault), 0);
	release(&other);
	assert_shut();
}

/* Leaves rules in two families and an armed journal, as a process does that was killed. */
static void leave_open(bool own_listener)
{
	const struct policy policy = { .backend = BACKEND_NFTABLES, .port = 80, .target = 80, .seconds = 60, .user = 65534 };
	struct window window;

	must(journal_open(&other, state_fd, &fault), 0);
	must(window_prepare(&window, &other, &policy, own_listener, &fault), 0);
	must(window_open(&window, &fault), 0);
	own_net_read();
	assert_int_equal(own_net_count(window.opening.tag), 2);
	window_free(&window);
	release(&other);
	log_text[0] = '\0';
}

/* --- what was left ------------------------------------------------------------------------------------------------------- */

static void a_clean_host(void **state)
{
	(void)state;
	must(claim(CLAIM_STATE), 0);
	assert_true(journal.fd >= 0 && journal.single >= 0 && !journal.armed);
	assert_string_equal(log_text, "");
	assert_shut();
}

static void rules_of_an_earlier_run(void **state)
{
	(void)state;
	leave_open(false);
	must(claim(CLAIM_STATE), 0);
	assert_logged("an earlier run had left the port open; it is closed now");
	assert_false(journal.armed);
	release(&journal);
	assert_shut();
	leave_open(true);
	must(claim(CLAIM_STATE), 0);
	assert_logged("an earlier run was killed while port 80 was open; the kernel closed it with that process");
	release(&journal);
	assert_free();
}

/* As after a start of the machine: the journal is armed, and the rules are gone. */
static void rules_that_are_gone(void **state)
{
	(void)state;
	leave_open(false);
	own_net_flush();
	own_net_table(NFPROTO_IPV4, "four");
	own_net_table(NFPROTO_IPV6, "six");
	before = own_net_read();
	must(claim(CLAIM_STATE), 0);
	assert_logged("an earlier run ended before it could say that the port is closed; it is");
	assert_false(journal.armed);
	must(journal_reread(&journal, &fault), 0);
	assert_false(journal.armed);
}

static void rules_that_no_run_has_left(void **state)
{
	(void)state;
	leave_open(false);
	unlinkat(state_fd, "journal", 0);
	must(claim(CLAIM_STATE), 0);
	assert_logged("the firewall had rules of acmegate that no run had left");
	release(&journal);
	assert_shut();
}

static void without_a_state_directory(void **state)
{
	(void)state;
	must(claim(CLAIM_WITHOUT_STATE), 0);
	assert_logged("searched without a journal: no rule of acmegate is left in it");
	leave_open(false);
	must(claim(CLAIM_WITHOUT_STATE), 0);
	assert_logged("searched without a journal: rules of an earlier run are removed");
	assert_shut();
	must(recovery_claim(&journal, -1, CLAIM_STATE, &fault), 0);
	assert_logged("searched without a journal: no rule of acmegate is left in it");
	assert_int_equal(journal.fd, -1);
	nth_fail_on("mnl_socket_sendto", 1, ENOBUFS);
	must(claim(CLAIM_WITHOUT_STATE), 0); /* there is nothing that it could try again */
	assert_logged("closing what an earlier run left open: ");
}

static void without_a_trace(void **state)
{
	(void)state;
	must(claim(CLAIM_WITHOUT_TRACE), 0);
	assert_string_equal(log_text, "");
	leave_open(false);
	must(claim(CLAIM_WITHOUT_TRACE), 0);
	assert_logged("the firewall had rules of acmegate that no run had left");
	assert_shut();
	nth_fail_on("mnl_socket_sendto", 1, ENOBUFS);
	must(claim(CLAIM_WITHOUT_TRACE), -1);
	assert_fault(FAULT_FAILED, "closing what an earlier run left open: ");
	assert_string_equal(log_text, "");
}

/* --- the locks ----------------------------------------------------------------------------------------------------------- */

static void another_one_is_at_work(void **state)
{
	(void)state;
	must(recovery_claim(&other, state_fd, CLAIM_STATE, &fault), 0);
	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_LATER, "another acmegate is at work; try again when it has finished");
	assert_int_not_equal(fault.code, EBUSY);
	must(claim(CLAIM_WITHOUT_STATE), -1);
	assert_fault(FAULT_LATER, directory);
	must(claim(CLAIM_WITHOUT_TRACE), -1);
	assert_fault(FAULT_LATER, directory);
	assert_int_equal(fault.code, EBUSY);
	assert_string_equal(log_text, ""); /* who is at work is not swept away */
	release(&other);
	assert_free();
}

static void another_one_with_another_state_directory_is_at_work(void **state)
{
	int own_fd = state_fd;

	(void)state;
	mkdirat(own_fd, "other", 0700);
	state_fd = openat(own_fd, "other", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(recovery_claim(&other, own_fd, CLAIM_STATE, &fault), 0);
	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_LATER, directory);
	assert_int_equal(fault.code, EBUSY);
	release(&other);
	assert_free();
	unlinkat(state_fd, "journal", 0);
	close(state_fd);
	state_fd = own_fd;
	unlinkat(state_fd, "other", AT_REMOVEDIR);
}

/* The lock of the namespace with the text of an acmegate with the same state directory, which is just ending. */
static void hold_single(void)
{
	must(recovery_claim(&other, state_fd, CLAIM_STATE, &fault), 0);
	journal_close(&other);
}

static void let_go(void)
{
	close_fd(&other.single);
}

static void become_another(void)
{
	if (pwrite(other.single, "1:2 /elsewhere", 14, 0) != 14 || ftruncate(other.single, 14) < 0)
		abort();
}

static void another_one_is_just_ending(void **state)
{
	(void)state;
	hold_single();
	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_LATER, "another acmegate is at work; try again when it has finished");
	let_go();
	assert_free();
	hold_single();
	nth_act("flock", 2, let_go); /* the first is that of the namespace, the second that of the journal */
	must(claim(CLAIM_STATE), 0);
	assert_true(journal.fd >= 0 && journal.single >= 0);
	release(&journal);
	hold_single();
	nth_act("flock", 2, become_another);
	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_LATER, "/elsewhere");
	let_go();
	assert_free();
}

/* It has locked the file and not written into it yet, or it cannot be read. */
static void a_holder_without_a_name_may_be_anybody(void **state)
{
	(void)state;
	hold_single();
	assert_int_equal(ftruncate(other.single, 0), 0);
	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_LATER, "another acmegate is at work; try again when it has finished");
	assert_int_equal(pwrite(other.single, "name", 4, 0), 4);
	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_LATER, "with the state directory name: only");
	nth_fail("pread", 1, EIO); /* and after the look at the journal it can be */
	must(claim(CLAIM_STATE), -1);
	assert_true(nth_happened());
	assert_fault(FAULT_LATER, "with the state directory name: only");
	let_go();
	assert_free();
}

static void a_lock_that_cannot_be_described_holds_all_the_same(void **state)
{
	struct stat s;

	(void)state;
	nth_fail_on("pwrite", 1, ENOSPC);
	must(recovery_claim(&other, state_fd, CLAIM_STATE, &fault), -1); /* no journal either */
	other.single = -1;
	must(single_take(&other.single, state_fd, directory, &fault), 1);
	close_fd(&other.single);
	nth_fail("pwrite", 1, ENOSPC);
	must(single_take(&other.single, state_fd, directory, &fault), 1);
	assert_true(nth_happened());
	assert_int_equal(fstat(other.single, &s), 0);
	assert_int_equal(s.st_size, 0); /* not the name of an earlier holder */
	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_LATER, "another acmegate is at work");
}

static void without_roots_rights_no_lock_is_needed(void **state)
{
	(void)state;
	user = 1000; /* to which nothing here belongs */
	must(single_take(&other.single, state_fd, directory, &fault), 1);
	assert_int_equal(other.single, -1);
	assert_string_equal(log_text, "");
}

/* Locks are only where nobody but root can make and open files. */
static void a_directory_that_others_can_change_has_no_lock(void **state)
{
	static const struct {
		mode_t mode;
		bool locks;
	} modes[] = { { 0700, true }, { 0755, true }, { 0720, false }, { 0702, false }, { 0777, false } };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(modes); i++) {
		assert_int_equal(chmod(SINGLE_DIRECTORY, modes[i].mode), 0);
		must(single_take(&other.single, state_fd, directory, &fault), 1);
		assert_int_equal(other.single >= 0, modes[i].locks);
		close_fd(&other.single);
		if (!modes[i].locks)
			assert_logged(SINGLE_DIRECTORY
				      ": Permission denied; another acmegate with another state directory would not");
		assert_string_equal(log_text, "");
	}
	chmod(SINGLE_DIRECTORY, 0700);
	assert_int_equal(rename(SINGLE_DIRECTORY, "/run/away"), 0);
	assert_int_equal(symlink("/run/away", SINGLE_DIRECTORY), 0);
	must(single_take(&other.single, state_fd, directory, &fault), 1);
	assert_int_equal(other.single, -1);
	assert_logged(SINGLE_DIRECTORY ": Permission denied");
	unlink(SINGLE_DIRECTORY);
	assert_int_equal(chmod("/run/away", 0700), 0);
	assert_int_equal(rename("/run/away", SINGLE_DIRECTORY), 0);
}

static void without_a_lock_directory_it_goes_on_and_says_so(void **state)
{
	(void)state;
	assert_int_equal(mount("none", "/run", "tmpfs", MS_RDONLY, NULL), 0);
	must(claim(CLAIM_STATE), 0);
	assert_logged(SINGLE_DIRECTORY ": Read-only file system; another acmegate with another state directory would not be noticed");
	assert_int_equal(umount2("/run", MNT_DETACH), 0);
	assert_true(journal.fd >= 0);
	assert_int_equal(journal.single, -1);
}

/* --- the journal --------------------------------------------------------------------------------------------------------- */

static void write_journal(const void *data, size_t length)
{
	int fd = openat(state_fd, "journal", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, data, length), length);
	close(fd);
}

static void a_corrupt_journal_is_kept_and_any_rule_removed(void **state)
{
	char nonsense[JOURNAL_SLOTS * JOURNAL_SLOT_SIZE];
	struct stat s;

	(void)state;
	leave_open(false);
	memset(nonsense, 'x', sizeof(nonsense));
	write_journal(nonsense, sizeof(nonsense));
	must(claim(CLAIM_STATE), 0);
	assert_non_null(strstr(log_text, "the journal was unreadable and is kept as "));
	assert_non_null(strstr(log_text, directory));
	assert_logged("an earlier run had left the port open; it is closed now");
	assert_int_equal(fstatat(state_fd, "journal.corrupt", &s, 0), 0);
	assert_int_equal(s.st_size, sizeof(nonsense));
	release(&journal);
	assert_shut();
	must(claim(CLAIM_STATE), 0);
	assert_string_equal(log_text, "");
}

/* Closing goes by tag and needs no journal. */
static void assert_closed_without_it(const char *words)
{
	char where[512];

	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_FAILED, words);
	snprintf(where, sizeof(where), "%s/journal: ", directory);
	assert_int_equal(strncmp(fault.text, where, strlen(where)), 0);
	assert_logged("searched without a journal: rules of an earlier run are removed");
	assert_int_equal(journal.fd, -1);
	assert_int_equal(journal.single, -1);
	assert_shut();
}

static void a_journal_that_cannot_be_used_keeps_nothing_open(void **state)
{
	(void)state;
	leave_open(false);
	assert_int_equal(fchmodat(state_fd, "journal", 0666, 0), 0);
	assert_closed_without_it("not a regular file that root alone can write");
	assert_int_equal(fchmodat(state_fd, "journal", 0600, 0), 0);
	leave_open(false);
	unlinkat(state_fd, "journal", 0);
	assert_int_equal(symlinkat("elsewhere", state_fd, "journal"), 0);
	assert_closed_without_it("opening the journal");
	unlinkat(state_fd, "journal", 0);
	leave_open(false);
	nth_fail("pread", 1, EIO);
	assert_closed_without_it("reading the journal: Input/output error");
	unlinkat(state_fd, "journal", 0);
	leave_open(false);
	unlinkat(state_fd, "journal", 0);
	assert_int_equal(mkdirat(state_fd, "journal", 0700), 0);
	assert_closed_without_it("opening the journal");
	unlinkat(state_fd, "journal", AT_REMOVEDIR);
	assert_free();
}

static void a_journal_of_a_newer_version_is_left_alone(void **state)
{
	unsigned char slot[JOURNAL_SLOT_SIZE], now[JOURNAL_SLOT_SIZE];
	struct sha256_ctx sum;
	const uint32_t version = 2;
	int fd;

	(void)state;
	leave_open(false);
	fd = openat(state_fd, "journal", O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, slot, sizeof(slot), 0), sizeof(slot));
	memcpy(slot + 8, &version, sizeof(version)); /* behind the magic */
	sha256_init(&sum);
	sha256_update(&sum, sizeof(slot) - SHA256_DIGEST_SIZE, slot);
	sha256_digest(&sum, SHA256_DIGEST_SIZE, slot + sizeof(slot) - SHA256_DIGEST_SIZE);
	assert_int_equal(pwrite(fd, slot, sizeof(slot), 0), sizeof(slot));
	assert_closed_without_it("it was written by a newer acmegate (version 2, this one knows 1)");
	assert_int_equal(pread(fd, now, sizeof(now), 0), sizeof(now));
	assert_memory_equal(now, slot, sizeof(slot));
	close(fd);
}

static void a_journal_that_cannot_be_cleared_stays_armed(void **state)
{
	(void)state;
	leave_open(false);
	nth_fail("fdatasync", 1, EIO);
	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_FAILED, "writing the journal: Input/output error");
	assert_int_equal(journal.fd, -1);
	assert_shut();
	must(journal_open(&other, state_fd, &fault), 0);
	release(&other);
	assert_free();
}

/* --- others who commit all the time -------------------------------------------------------------------------------------- */

static void it_tries_again_while_others_commit(void **state)
{
	(void)state;
	leave_open(false);
	later = 5;
	must(claim(CLAIM_STATE), 0);
	assert_int_equal(later, 0);
	assert_logged("an earlier run had left the port open; it is closed now");
	release(&journal);
	assert_shut();
	later = 1000;
	seconds_a_look = 7;
	must(claim(CLAIM_STATE), -1);
	assert_fault(FAULT_LATER, "somebody commits all the time");
	assert_int_equal(later, 1000 - 3); /* the third look ends after the 20 seconds */
	later = seconds_a_look = 0;
	assert_free();
}

/* An error that will not go away by itself is not waited for. */
static void a_firewall_that_cannot_be_read_is_a_fault(void **state)
{
	(void)state;
	leave_open(false);
	seconds_a_look = 1;
	skipped = 0;
	nth_fail_on("mnl_socket_sendto", 1, ENOBUFS);
	must(claim(CLAIM_STATE), -1);
	assert_int_equal(skipped, 1);
	assert_fault(FAULT_FAILED, "closing what an earlier run left open: ");
	assert_free();
}

/* After any failure there is a reason, no lock is kept, and the next one closes. */
static void after_any_failure_the_next_one_closes(void **state)
{
	bool happened = true;
	unsigned int failed = 0;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		int rc;

		leave_open(false);
		nth_fail("", n, ENOMEM);
		rc = claim(CLAIM_STATE);
		nth_stop();
		happened = nth_happened();
		failed += rc < 0;
		if (rc < 0)
			assert_true(fault.kind != FAULT_NONE && fault.text[0]);
		else
			assert_false(journal.armed);
		if (rc == 0)
			release(&journal);
		assert_free();
	}
	assert_true(failed > 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_clean_host),
		TEST(rules_of_an_earlier_run),
		TEST(rules_that_are_gone),
		TEST(rules_that_no_run_has_left),
		TEST(without_a_state_directory),
		TEST(without_a_trace),
		TEST(another_one_is_at_work),
		TEST(another_one_with_another_state_directory_is_at_work),
		TEST(another_one_is_just_ending),
		TEST(a_holder_without_a_name_may_be_anybody),
		TEST(a_lock_that_cannot_be_described_holds_all_the_same),
		TEST(without_roots_rights_no_lock_is_needed),
		TEST(a_directory_that_others_can_change_has_no_lock),
		TEST(without_a_lock_directory_it_goes_on_and_says_so),
		TEST(a_corrupt_journal_is_kept_and_any_rule_removed),
		TEST(a_journal_that_cannot_be_used_keeps_nothing_open),
		TEST(a_journal_of_a_newer_version_is_left_alone),
		TEST(a_journal_that_cannot_be_cleared_stays_armed),
		TEST(it_tries_again_while_others_commit),
		TEST(a_firewall_that_cannot_be_read_is_a_fault),
		TEST(after_any_failure_the_next_one_closes),
	};

	if (!own_net() || !own_run())
		return 0;
	return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
