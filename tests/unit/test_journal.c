// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <nettle/sha2.h>

#include "firewall/journal.h"
#include "nth_call.h"

#define BYTES (JOURNAL_SLOTS * JOURNAL_SLOT_SIZE)
#define VERSION_AT 8 /* of a slot, as it lies on the disk */
#define SEQUENCE_AT 16
#define TAG_AT 35
#define SUM_AT (JOURNAL_SLOT_SIZE - SHA256_DIGEST_SIZE)

static struct fault fault;
static struct journal journal, other;
static struct opening opening;
static char directory[256];
static int state_fd;
static unsigned char image[BYTES];

static int begin(void **state)
{
	const char *temporary = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/test-journal-XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	state_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	memset(&fault, 0, sizeof(fault));
	memset(&other, 0, sizeof(other));
	other.fd = -1;
	return opening_make(&opening, 80, 60, &fault);
}

static int end(void **state)
{
	(void)state;
	nth_stop();
	journal_close(&journal);
	journal_close(&other);
	unlinkat(state_fd, "journal.new", 0);
	unlinkat(state_fd, "journal", 0);
	unlinkat(state_fd, "journal.corrupt", 0);
	close(state_fd);
	return rmdir(directory);
}

static void open_it(void)
{
	if (journal_open(&journal, state_fd, &fault) < 0)
		fail_msg("%s", fault.text);
}

static void reopen(void)
{
	journal_close(&journal);
	open_it();
}

static void read_image(void)
{
	OWN_FD int fd = openat(state_fd, "journal", O_RDONLY);

	assert_int_equal(pread(fd, image, BYTES, 0), BYTES);
}

static void write_image(void)
{
	OWN_FD int fd = openat(state_fd, "journal", O_WRONLY | O_CREAT, 0600);

	assert_int_equal(pwrite(fd, image, BYTES, 0), BYTES);
}

/* Makes the checksum of that slot right again. */
static void seal(unsigned char *slot)
{
	struct sha256_ctx sum;

	sha256_init(&sum);
	sha256_update(&sum, SUM_AT, slot);
	sha256_digest(&sum, SHA256_DIGEST_SIZE, slot + SUM_AT);
}

static uint64_t sequence_of(const unsigned char *slot)
{
	uint64_t sequence;

	memcpy(&sequence, slot + SEQUENCE_AT, sizeof(sequence));
	return sequence;
}

/* The slot that counts. */
static unsigned char *newest(void)
{
	return sequence_of(image) > sequence_of(image + JOURNAL_SLOT_SIZE) ? image : image + JOURNAL_SLOT_SIZE;
}

static void assert_armed(const struct journal *j)
{
	assert_true(j->armed);
	assert_int_equal(j->backends, 5);
	assert_string_equal(j->opening.tag, opening.tag);
	assert_int_equal(j->opening.port, opening.port);
	assert_int_equal(j->opening.seconds, opening.seconds);
	assert_int_equal(j->opening.own_listener, opening.own_listener);
}

static void a_new_one_is_clear(void **state)
{
	struct stat s;

	(void)state;
	open_it();
	assert_false(journal.armed);
	assert_false(journal.quarantined);
	assert_true(fcntl(journal.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstatat(state_fd, "journal", &s, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(s.st_mode, S_IFREG | 0600);
	assert_int_equal(s.st_size, BYTES);
	assert_true(s.st_blocks * 512 >= BYTES);
	read_image();
	assert_int_not_equal(sequence_of(image), sequence_of(image + JOURNAL_SLOT_SIZE));
	reopen();
	assert_false(journal.armed);
	assert_false(journal.quarantined);
}

static void what_was_armed_stays_armed(void **state)
{
	(void)state;
	open_it();
	opening.own_listener = true;
	assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
	assert_armed(&journal);
	reopen();
	assert_armed(&journal);
	reopen();
	assert_armed(&journal);
	assert_int_equal(journal_clear(&journal, &fault), 0);
	assert_false(journal.armed);
	reopen();
	assert_false(journal.armed);
}

static void slots_are_written_in_turn(void **state)
{
	uint64_t last = 0;

	(void)state;
	open_it();
	for (int i = 0; i < 7; i++) {
		unsigned char before[BYTES], *slot;

		read_image();
		memcpy(before, image, BYTES);
		if (i % 2)
			assert_int_equal(journal_clear(&journal, &fault), 0);
		else
			assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
		read_image();
		slot = newest();
		assert_int_equal(sequence_of(slot), journal.sequence);
		assert_true(journal.sequence > last);
		last = journal.sequence;
		/* the one that counted before is untouched */
		slot = slot == image ? image + JOURNAL_SLOT_SIZE : image;
		assert_memory_equal(slot, before + (slot - image), JOURNAL_SLOT_SIZE);
	}
	reopen();
	assert_armed(&journal);
	assert_int_equal(journal.sequence, last);
}

static void only_one_may_hold_it(void **state)
{
	(void)state;
	open_it();
	assert_int_equal(journal_open(&other, state_fd, &fault), -1);
	assert_int_equal(fault.kind, FAULT_LATER);
	assert_int_equal(other.fd, -1);
	journal_close(&journal);
	assert_int_equal(journal_open(&other, state_fd, &fault), 0);
}

static void a_child_holds_it_too(void **state)
{
	int status;
	pid_t child;

	(void)state;
	open_it();
	assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
	child = fork();
	if (child == 0)
		_exit(journal_reread(&journal, &fault) < 0 || !journal.armed || journal_clear(&journal, &fault) < 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(journal.armed);
	assert_int_equal(journal_reread(&journal, &fault), 0);
	assert_false(journal.armed);
	assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
	reopen();
	assert_armed(&journal);
}

/* Whichever byte of the last write is not what it should be, the state before it counts. */
static void a_torn_write_leaves_the_state_before(void **state)
{
	(void)state;
	open_it();
	assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
	assert_int_equal(journal_clear(&journal, &fault), 0);
	read_image();
	for (size_t i = 0; i < JOURNAL_SLOT_SIZE; i++) {
		unsigned char *slot = newest();
		size_t at = (size_t)(slot - image) + i;

		image[at] ^= 0x10;
		memset(&other, 0, sizeof(other));
		assert_int_equal(journal_parse(&other, image, &fault), 1);
		assert_armed(&other);
		image[at] ^= 0x10;
	}
	memset(newest() + 100, 0, JOURNAL_SLOT_SIZE - 100);
	write_image();
	other.fd = -1;
	reopen();
	assert_armed(&journal);
	assert_false(journal.quarantined);
	assert_int_equal(journal_clear(&journal, &fault), 0);
	reopen();
	assert_false(journal.armed);
}

static void assert_quarantined(void)
{
	struct stat s;

	assert_true(journal.armed);
	assert_true(journal.quarantined);
	assert_string_equal(journal.opening.tag, "");
	assert_int_equal(journal.backends, UINT32_MAX);
	assert_int_equal(fstatat(state_fd, "journal.corrupt", &s, AT_SYMLINK_NOFOLLOW), 0);
}

static void an_unreadable_one_counts_as_armed(void **state)
{
	(void)state;
	memset(image, 0xa5, sizeof(image));
	write_image();
	open_it();
	assert_quarantined();
	assert_int_equal(journal_open(&other, state_fd, &fault), -1); /* the new file is locked, too */
	assert_int_equal(fault.kind, FAULT_LATER);
	reopen();
	assert_true(journal.armed);
	assert_string_equal(journal.opening.tag, "");
	assert_int_equal(journal_clear(&journal, &fault), 0);
	reopen();
	assert_false(journal.armed);
	assert_false(journal.quarantined);
}

static void a_full_disk_keeps_the_unreadable_one(void **state)
{
	struct stat s;

	(void)state;
	memset(image, 0xa5, sizeof(image));
	write_image();
	assert_int_equal(mkdirat(state_fd, "journal.new", 0700), 0); /* in the way, as no room would be */
	assert_int_equal(journal_open(&journal, state_fd, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_int_equal(fstatat(state_fd, "journal", &s, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(s.st_size, BYTES);
	assert_int_equal(fstatat(state_fd, "journal.corrupt", &s, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(unlinkat(state_fd, "journal.new", AT_REMOVEDIR), 0);
	open_it();
	assert_quarantined();
}

static void one_that_others_can_write_is_refused(void **state)
{
	(void)state;
	open_it();
	assert_int_equal(fchmod(journal.fd, 0622), 0);
	journal_close(&journal);
	assert_int_equal(journal_open(&journal, state_fd, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_int_equal(fchmodat(state_fd, "journal", 0600, 0), 0);
	open_it();
}

static void zeros_and_a_short_file_are_unreadable(void **state)
{
	OWN_FD int fd = -1;

	(void)state;
	memset(image, 0, sizeof(image));
	write_image();
	open_it();
	assert_quarantined();
	assert_int_equal(journal_clear(&journal, &fault), 0);
	fd = openat(state_fd, "journal", O_WRONLY);
	assert_int_equal(ftruncate(fd, 100), 0);
	reopen();
	assert_quarantined();
}

static void what_cannot_be_reread_counts_as_armed(void **state)
{
	(void)state;
	open_it();
	assert_false(journal.armed);
	memset(image, 0, sizeof(image));
	write_image();
	assert_int_equal(journal_reread(&journal, &fault), 0);
	assert_true(journal.armed);
}

static void a_newer_version_is_left_alone(void **state)
{
	unsigned char before[BYTES];

	(void)state;
	open_it();
	assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
	read_image();
	newest()[VERSION_AT] = 2;
	seal(newest());
	write_image();
	memcpy(before, image, BYTES);
	assert_int_equal(journal_reread(&journal, &fault), -1);
	journal_close(&journal);
	assert_int_equal(journal_open(&journal, state_fd, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_non_null(strstr(fault.text, "newer"));
	assert_int_equal(journal.fd, -1);
	read_image();
	assert_memory_equal(image, before, BYTES);
}

static void the_higher_number_counts(void **state)
{
	uint64_t large = UINT64_C(1) << 40;

	(void)state;
	open_it();
	assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
	assert_int_equal(journal_clear(&journal, &fault), 0);
	read_image();
	for (int i = 0; i < JOURNAL_SLOTS; i++) {
		unsigned char *slot = image + (size_t)i * JOURNAL_SLOT_SIZE, old[JOURNAL_SLOT_SIZE];

		memcpy(old, slot, sizeof(old));
		memcpy(slot + SEQUENCE_AT, &large, sizeof(large));
		seal(slot);
		assert_int_equal(journal_parse(&other, image, &fault), 1);
		assert_int_equal(other.sequence, large);
		memcpy(slot, old, sizeof(old));
	}
	other.fd = -1;
}

static void a_tag_ends_within_its_field(void **state)
{
	(void)state;
	open_it();
	assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
	read_image();
	memset(newest() + TAG_AT, 'x', TAG_SIZE);
	seal(newest());
	assert_int_equal(journal_parse(&other, image, &fault), 1);
	assert_int_equal(strnlen(other.opening.tag, TAG_SIZE), TAG_SIZE - 1);
	other.fd = -1;
}

static void only_a_regular_file_is_taken(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("elsewhere", state_fd, "journal"), 0);
	assert_int_equal(journal_open(&journal, state_fd, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_int_equal(faccessat(state_fd, "elsewhere", F_OK, 0), -1);
	assert_int_equal(unlinkat(state_fd, "journal", 0), 0);
	assert_int_equal(mkfifoat(state_fd, "journal", 0600), 0);
	assert_int_equal(journal_open(&journal, state_fd, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
}

/* After any failure of the disk no journal is lost, an armed one stays armed, and the lock is free. */
static void the_next_process_opens_it_after_any_failure(void **state)
{
	static const char *const found[] = { "nothing", "an armed one", "one that nobody can read" };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(found); i++) {
		unsigned int failed = 0;
		bool happened = true;

		for (unsigned int n = 1; happened; n++) {
			int rc;

			unlinkat(state_fd, "journal", 0);
			unlinkat(state_fd, "journal.corrupt", 0);
			memset(image, 0xa5, sizeof(image));
			if (i == 1) {
				open_it();
				assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
				journal_close(&journal);
			} else if (i == 2) {
				write_image();
			}
			nth_fail("", n, EIO);
			rc = journal_open(&journal, state_fd, &fault);
			nth_stop();
			happened = nth_happened();
			if (rc < 0) {
				assert_int_equal(journal.fd, -1);
				assert_int_equal(fault.kind, FAULT_FAILED);
				assert_true(fault.text[0]);
			}
			failed += rc < 0;
			reopen();
			if (journal.armed != (i > 0))
				fail_msg("with %s, and call %u in vain, it is %s", found[i], n, journal.armed ? "armed" : "clear");
			journal_close(&journal);
		}
		assert_true(failed > 2);
	}
}

static void replace_it(void)
{
	unlinkat(state_fd, "journal", 0);
	assert_int_equal(journal_open(&other, state_fd, &fault), 0);
	journal_close(&other);
}

/* A clear that could not be written does not count, and has to be made again. */
static void it_is_armed_until_it_is_clear_on_the_disk(void **state)
{
	static const char *const calls[] = { "pwrite", "fdatasync" };

	(void)state;
	open_it();
	for (size_t i = 0; i < LENGTH_OF(calls); i++) {
		assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
		nth_fail(calls[i], 1, EIO);
		assert_int_equal(journal_clear(&journal, &fault), -1);
		assert_int_equal(fault.code, EIO);
		assert_true(journal.armed);
		nth_stop();
		assert_int_equal(journal_clear(&journal, &fault), 0);
		assert_false(journal.armed);
		nth_fail(calls[i], 1, EIO);
		assert_int_equal(journal_arm(&journal, &opening, 5, &fault), -1);
		assert_true(journal.armed); /* it may be on the disk all the same */
		nth_stop();
		reopen();
		assert_int_equal(journal_clear(&journal, &fault), 0);
	}
	nth_fail("pread", 1, EIO);
	assert_int_equal(journal_reread(&journal, &fault), -1);
	assert_int_equal(fault.code, EIO);
}

static void another_process_puts_a_new_one_in_its_place(void **state)
{
	(void)state;
	open_it();
	assert_int_equal(journal_arm(&journal, &opening, 5, &fault), 0);
	journal_close(&journal);
	nth_act("flock", 1, replace_it);
	open_it();
	assert_true(nth_happened());
	assert_false(journal.armed);				      /* it is the new one that was read, */
	assert_int_equal(journal_open(&other, state_fd, &fault), -1); /* and is locked */
	nth_fail("flock", 1, EIO);
	assert_int_equal(journal_open(&other, state_fd, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_one_is_clear),
		TEST(what_was_armed_stays_armed),
		TEST(slots_are_written_in_turn),
		TEST(only_one_may_hold_it),
		TEST(a_child_holds_it_too),
		TEST(a_torn_write_leaves_the_state_before),
		TEST(an_unreadable_one_counts_as_armed),
		TEST(a_full_disk_keeps_the_unreadable_one),
		TEST(one_that_others_can_write_is_refused),
		TEST(zeros_and_a_short_file_are_unreadable),
		TEST(what_cannot_be_reread_counts_as_armed),
		TEST(a_newer_version_is_left_alone),
		TEST(the_higher_number_counts),
		TEST(a_tag_ends_within_its_field),
		TEST(only_a_regular_file_is_taken),
		TEST(the_next_process_opens_it_after_any_failure),
		TEST(it_is_armed_until_it_is_clear_on_the_disk),
		TEST(another_process_puts_a_new_one_in_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
