// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/own.h"
#include "store/windows.h"
#include "other_names.h"

#define NOW INT64_C(1790812800)
#define SLOT 512
#define BYTES ((2 * WINDOWS_KEPT + WINDOWS_DAYS) * SLOT)
#define DAY INT64_C(86400)
#define OLD_KEPT 64  /* of an earlier acmegate */
#define VERSION_AT 8 /* of a slot, as it lies on the disk */
#define SUM_AT (SLOT - SHA256_DIGEST_SIZE)

static char top[] = "/tmp/acmegate-windows-XXXXXX";
static int dir = -1;
static struct windows windows;
static enum windows_state found;
static struct fault fault;
static struct window_entry list[WINDOWS_KEPT];
static struct window_day days[WINDOWS_DAYS + 1];
static unsigned char image[BYTES];
static bool hasty; /* nothing is brought to the disk: for many entries */

/* --- calls that fail ---------------------------------------------------------------------------------------------- */

static int failing, error; /* the call after so many; 0: none */

static bool fails(void)
{
	if (!failing || --failing)
		return false;
	errno = error;
	return true;
}

ssize_t __real_write(int fd, const void *data, size_t length);
ssize_t __wrap_write(int fd, const void *data, size_t length);
ssize_t __real_pwrite(int fd, const void *data, size_t length, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t length, off_t at);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

ssize_t __wrap_write(int fd, const void *data, size_t length)
{
	return fails() ? -1 : __real_write(fd, data, length);
}

/* A power cut in the middle of a sector, which no disk should do. */
ssize_t __wrap_pwrite(int fd, const void *data, size_t length, off_t at)
{
	bool now = fails();

	if (now)
		(void)!__real_pwrite(fd, data, length / 2, at);
	return now ? -1 : __real_pwrite(fd, data, length, at);
}

int __wrap_fdatasync(int fd)
{
	return fails() ? -1 : hasty ? 0 : __real_fdatasync(fd);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	memcpy(top + sizeof(top) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(top));
	dir = open(top, O_RDONLY | O_DIRECTORY);
	windows.fd = -1;
	failing = 0;
	hasty = false;
	return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	close_fd(&windows.fd);
	close(dir);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void reopen(enum windows_state expected)
{
	close_fd(&windows.fd);
	if (windows_open(&windows, dir, &found, &fault) < 0)
		fail_msg("%s", fault.text);
	assert_int_equal(found, expected);
	assert_true(windows.fd >= 0);
}

static void look(enum windows_state expected)
{
	close_fd(&windows.fd);
	assert_int_equal(windows_look(&windows, dir, &found, &fault), 0);
	assert_int_equal(found, expected);
}

static struct window_entry entry_of(int64_t number)
{
	struct window_entry entry = { .begun = { NOW + number, number, "boot" }, .asker = ASKER_HOOK, .limit = 60, .port = 80 };

	snprintf(entry.client, sizeof(entry.client), "client %d", (int)number);
	return entry;
}

static void begin(int64_t number)
{
	struct window_entry entry = entry_of(number);

	assert_int_equal(windows_begin(&windows, &entry, &fault), 0);
}

static void end(int64_t number)
{
	struct window_entry entry = entry_of(number);

	entry.net = NET_GATE;
	entry.closed = NOW + number + 1;
	assert_int_equal(windows_end(&windows, &entry, &fault), 0);
}

static void take_image(void)
{
	OWN_FD int fd = openat(dir, "windows", O_RDONLY);

	assert_int_equal(pread(fd, image, BYTES, 0), BYTES);
}

static void put_image(size_t length)
{
	OWN_FD int fd = openat(dir, "windows", O_WRONLY | O_TRUNC);

	assert_int_equal(__real_write(fd, image, length), (ssize_t)length);
}

static void flip(size_t at)
{
	OWN_FD int fd = openat(dir, "windows", O_RDWR);
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1;
	assert_int_equal(__real_pwrite(fd, &byte, 1, (off_t)at), 1);
}

static bool is_there(const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
	struct stat s;

	(void)state;
	look(WINDOWS_NONE);
	assert_int_equal(windows.fd, -1);
	assert_false(is_there("windows"));
	reopen(WINDOWS_NONE);
	assert_int_equal(fstatat(dir, "windows", &s, 0), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_int_equal(s.st_size, BYTES);
	assert_int_equal(windows_read(&windows, list), 0);
	begin(1);
	reopen(WINDOWS_READ);
	assert_int_equal(windows.number, 1);
	assert_false(windows.ended);
	assert_int_equal(windows_read(&windows, list), 1);
	assert_string_equal(list[0].client, "client 1");
	assert_int_equal(list[0].net, NET_UNKNOWN);
	end(1);
	look(WINDOWS_READ);
	assert_true(windows.ended);
	assert_int_equal(windows_read(&windows, list), 1);
	assert_int_equal(list[0].net, NET_GATE);
	assert_int_equal(list[0].closed, NOW + 2);
}

static void assert_newest(int i)
{
	const uint32_t kept = i < WINDOWS_KEPT ? (uint32_t)i : WINDOWS_KEPT;

	reopen(WINDOWS_READ);
	assert_int_equal(windows.number, i);
	assert_int_equal(windows.ended, i % 3 != 0);
	if (i % 97 && (i + 2) % WINDOWS_KEPT > 4)
		return;
	assert_int_equal(windows_read(&windows, list), kept);
	for (uint32_t j = 0; j < kept; j++) {
		assert_int_equal(list[j].begun.boot, i - (int)j);
		assert_int_equal(list[j].net, (i - (int)j) % 3 ? NET_GATE : NET_UNKNOWN);
	}
}

static void the_newest_are_kept(void **state)
{
	const int most = 3 * WINDOWS_KEPT + 5;

	(void)state;
	hasty = true;
	reopen(WINDOWS_NONE);
	for (int i = 1; i <= most; i++) {
		begin(i);
		if (i % 3) /* of some the end is not noted */
			end(i);
		assert_newest(i);
	}
	take_image(); /* no more than it was */
}

static void a_write_that_is_torn_leaves_what_was_before(void **state)
{
	struct window_entry entry = entry_of(2);

	(void)state;
	reopen(WINDOWS_NONE);
	begin(1);
	end(1);
	error = EIO;
	failing = 1;
	assert_int_equal(windows_begin(&windows, &entry, &fault), -1);
	reopen(WINDOWS_READ);
	assert_int_equal(windows.number, 1);
	assert_true(windows.ended);
	begin(2);
	failing = 1;
	assert_int_equal(windows_end(&windows, &entry, &fault), -1);
	reopen(WINDOWS_READ);
	assert_int_equal(windows.number, 2);
	assert_false(windows.ended);
	assert_int_equal(windows_read(&windows, list), 2);
	failing = 2; /* fdatasync() */
	assert_int_equal(windows_end(&windows, &entry, &fault), -1);
	assert_non_null(strstr(fault.text, "windows"));
	end(2);
	assert_int_equal(windows_read(&windows, list), 2);
}

static void each_byte_that_is_damaged_costs_one_slot(void **state)
{
	(void)state;
	reopen(WINDOWS_NONE);
	for (int i = 1; i <= 3; i++) {
		begin(i);
		end(i);
	}
	for (size_t at = 2 * SLOT; at < 8 * SLOT; at++) {
		flip(at);
		reopen(WINDOWS_READ);
		assert_int_equal(windows_read(&windows, list), 3);
		for (int i = 0; i < 3; i++) {
			const struct window_entry whole = entry_of(3 - i);

			assert_memory_equal(list[i].client, whole.client, sizeof(whole.client));
			assert_memory_equal(&list[i].begun, &whole.begun, sizeof(whole.begun));
		}
		flip(at);
	}
	assert_false(is_there("windows.corrupt"));
}

static void what_is_damaged_as_a_whole_is_put_aside(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		reopen(i ? WINDOWS_CORRUPT : WINDOWS_NONE);
		assert_int_equal(is_there("windows.corrupt"), i > 0);
		begin(1);
		end(1);
		take_image();
		memset(image, i == 0 ? 'x' : 0xff, BYTES);
		put_image(i == 1 ? BYTES - 1 : i == 2 ? 0 : BYTES);
		look(WINDOWS_CORRUPT);
		assert_int_equal(windows.fd, -1);
		assert_int_equal(windows_read(&windows, list), 0);
	}
	assert_int_equal(unlinkat(dir, "windows", 0), 0);
	assert_int_equal(symlinkat("/dev/null", dir, "windows"), 0);
	reopen(WINDOWS_CORRUPT);
	assert_int_equal(unlinkat(dir, "windows", 0), 0);
	assert_int_equal(unlinkat(dir, "windows.corrupt", 0), 0);
	assert_int_equal(mkdirat(dir, "windows", 0700), 0);
	reopen(WINDOWS_CORRUPT);
	begin(1);
	assert_int_equal(unlinkat(dir, "windows.corrupt", AT_REMOVEDIR), 0);
}

static void that_of_a_newer_acmegate_is_left_alone(void **state)
{
	static unsigned char before[BYTES];
	struct sha256_ctx sum;
	uint32_t version = 2;

	(void)state;
	reopen(WINDOWS_NONE);
	begin(1);
	take_image();
	memcpy(image + 2 * SLOT + VERSION_AT, &version, sizeof(version));
	sha256_init(&sum);
	sha256_update(&sum, SUM_AT, image + 2 * SLOT);
	sha256_digest(&sum, SHA256_DIGEST_SIZE, image + 2 * SLOT + SUM_AT);
	put_image(BYTES);
	memcpy(before, image, BYTES);
	for (int i = 1; i <= 2; i++) {
		reopen(WINDOWS_NEWER);
		begin(i);
		end(i);
		look(WINDOWS_NEWER);
		assert_int_equal(windows_read(&windows, list), i);
	}
	take_image();
	assert_memory_equal(image, before, BYTES);
	assert_true(is_there("windows~"));
	assert_false(is_there("windows.corrupt"));
}

/* All room is taken when the file is made; later writes need none. */
static void a_full_disk_makes_none_or_a_whole_one(void **state)
{
	(void)state;
	error = ENOSPC;
	failing = 1;
	assert_int_equal(windows_open(&windows, dir, &found, &fault), -1);
	assert_non_null(strstr(fault.text, "1253376 bytes: No space left"));
	assert_false(is_there("windows"));
	assert_false(is_there(".tmp-windows"));
	hasty = true;
	reopen(WINDOWS_NONE);
	for (int i = 1; i < 2 * WINDOWS_KEPT; i++) {
		begin(i);
		end(i);
	}
	take_image();
	for (size_t i = 2; i < 2 * WINDOWS_KEPT; i++)
		assert_memory_equal(image + i * SLOT, "acmewind", 8);
}

/* --- days --------------------------------------------------------------------------------------------------------- */

/* A window of so many milliseconds, on that day. */
static void on_day(int64_t day, uint32_t open_ms, enum net net)
{
	struct window_entry entry = { .begun = { day * DAY + 3600, 1, "boot" }, .limit = 60, .port = 80 };

	assert_int_equal(windows_begin(&windows, &entry, &fault), 0);
	entry.open_ms = open_ms;
	entry.net = net;
	assert_int_equal(windows_end(&windows, &entry, &fault), 0);
}

static const struct window_day *find_day(int64_t day)
{
	const uint32_t count = windows_read_days(&windows, days);

	for (uint32_t i = 0; i < count; i++)
		if (days[i].day == day)
			return &days[i];
	return NULL;
}

static void assert_day(int64_t day, uint32_t number, uint64_t open_ms, uint32_t longest_ms)
{
	const struct window_day *found_day = find_day(day);

	if (!found_day) {
		fail_msg("nothing is known of day %d", (int)day);
		return;
	}
	assert_int_equal(found_day->windows, number);
	assert_int_equal(found_day->open_ms, open_ms);
	assert_int_equal(found_day->longest_ms, longest_ms);
}

static void days_are_counted(void **state)
{
	(void)state;
	reopen(WINDOWS_NONE);
	assert_int_equal(windows_read_days(&windows, days), 0);
	on_day(20000, 1000, NET_GATE);
	on_day(20000, 3000, NET_GATE);
	on_day(20000, 0, NET_NEVER); /* does not count */
	on_day(20000, 2000, NET_GATE);
	assert_day(20000, 3, 6000, 3000);
	on_day(20002, 500, NET_GATE);
	look(WINDOWS_READ);
	assert_int_equal(windows_read_days(&windows, days), 2);
	assert_day(20000, 3, 6000, 3000);
	assert_day(20002, 1, 500, 500);
	/* the clock was a day ahead, and was set back: the day gets more, once */
	reopen(WINDOWS_READ);
	on_day(20001, 700, NET_GATE);
	on_day(20002, 900, NET_GATE);
	on_day(20003, 100, NET_GATE);
	assert_day(20001, 1, 700, 700);
	assert_day(20002, 2, 1400, 900);
}

/* Killed between the day's slot and the entry's: the day is not counted twice. */
static void a_day_is_counted_once(void **state)
{
	struct window_entry entry = entry_of(0);

	(void)state;
	entry.begun.wall = 20001 * DAY;
	reopen(WINDOWS_NONE);
	on_day(20000, 1000, NET_GATE);
	for (int i = 0; i < 3; i++) {
		error = EIO;
		failing = 2;
		assert_int_equal(windows_begin(&windows, &entry, &fault), -1);
		reopen(WINDOWS_READ);
	}
	failing = 0;
	assert_int_equal(windows_begin(&windows, &entry, &fault), 0);
	assert_day(20000, 1, 1000, 1000);
}

/* More windows than are kept, and more days than there is room for. */
static void a_year_is_known(void **state)
{
	uint64_t open_ms = 0, number = 0;
	uint32_t count;

	(void)state;
	hasty = true;
	reopen(WINDOWS_NONE);
	for (int64_t day = 20000; day < 20000 + WINDOWS_DAYS + 20; day++)
		for (uint32_t i = 0; i < 5; i++)
			on_day(day, 1000 + i, NET_GATE);
	look(WINDOWS_READ);
	count = windows_read_days(&windows, days);
	assert_int_equal(count, WINDOWS_DAYS);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(days[i].day >= 20020);
		open_ms += days[i].open_ms;
		number += days[i].windows;
	}
	assert_int_equal(number, 5 * WINDOWS_DAYS);
	assert_int_equal(open_ms, 5010 * WINDOWS_DAYS);
	assert_int_equal(windows_read(&windows, list), WINDOWS_KEPT);
}

/* Half a day's slot costs that day, and nothing else. */
static void a_day_that_is_damaged_is_left_out(void **state)
{
	(void)state;
	reopen(WINDOWS_NONE);
	for (int64_t day = 20000; day < 20005; day++)
		on_day(day, 1000, NET_GATE);
	flip((2 * WINDOWS_KEPT + 20001 % WINDOWS_DAYS) * SLOT + 40);
	look(WINDOWS_READ);
	assert_int_equal(windows_read_days(&windows, days), 4);
	assert_null(find_day(20001));
}

static void put_slot(unsigned char *slots, uint64_t sequence, const struct window_entry *entry, size_t length)
{
	unsigned char *slot = slots + sequence % (2 * OLD_KEPT) * SLOT;
	const uint32_t head[] = { 1, (uint32_t)length };
	struct sha256_ctx sum;

	memset(slot, 0, SLOT);
	memcpy(slot, "acmewind", 8);
	memcpy(slot + 8, head, sizeof(head));
	memcpy(slot + 16, &sequence, sizeof(sequence));
	memcpy(slot + 24, entry, length);
	sha256_init(&sum);
	sha256_update(&sum, SUM_AT, slot);
	sha256_digest(&sum, SHA256_DIGEST_SIZE, slot + SUM_AT);
}

/* A file of an earlier acmegate with so many entries, an hour between two of them; the last one has no end. */
static void forge_old(uint64_t entries)
{
	static unsigned char old[2 * OLD_KEPT * SLOT];
	OWN_FD int fd = openat(dir, "windows", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct window_entry entry = { 0 };

	memset(old, 0, sizeof(old));
	for (uint64_t n = 1; n <= entries; n++) {
		const uint64_t before_ms = entry.before_ms + entry.open_ms;

		entry = entry_of((int64_t)n * 3600);
		entry.before_ms = before_ms;
		put_slot(old, 2 * n, &entry, offsetof(struct window_entry, before));
		if (n == entries)
			break;
		entry.net = NET_GATE;
		entry.open_ms = 1000;
		put_slot(old, 2 * n + 1, &entry, offsetof(struct window_entry, before));
	}
	assert_int_equal(__real_write(fd, old, sizeof(old)), sizeof(old));
}

static void assert_taken_over(uint64_t entries)
{
	const uint32_t kept = entries < OLD_KEPT ? (uint32_t)entries : OLD_KEPT;

	assert_int_equal(windows.number, entries);
	assert_false(windows.ended);
	assert_int_equal(windows.newest.before_ms, (entries - 1) * 1000);
	assert_int_equal(windows_read(&windows, list), kept);
	for (uint32_t i = 0; i < kept; i++) {
		assert_int_equal(list[i].begun.wall, NOW + (int64_t)(entries - i) * 3600);
		assert_int_equal(list[i].before_ms, (entries - i - 1) * 1000);
		assert_int_equal(list[i].open_ms, i ? 1000 : 0);
	}
}

static void that_of_an_earlier_acmegate_is_taken_over(void **state)
{
	static const uint64_t numbers[] = { 1, 2, 63, 64, 65, 127, 128, 129, 1000, 1500, 5000 };
	struct stat s;

	(void)state;
	hasty = true;
	for (size_t i = 0; i < LENGTH_OF(numbers); i++) {
		forge_old(numbers[i]);
		look(WINDOWS_READ);
		assert_taken_over(numbers[i]);
		assert_int_equal(fstat(windows.fd, &s), 0);
		assert_int_equal(s.st_size, 2 * OLD_KEPT * SLOT); /* looking changes nothing */
		error = ENOSPC;
		failing = 1;
		assert_int_equal(windows_open(&windows, dir, &found, &fault), -1);
		close_fd(&windows.fd);
		failing = 0;
		look(WINDOWS_READ); /* a full disk leaves what was there */
		assert_taken_over(numbers[i]);
		reopen(WINDOWS_READ);
		assert_taken_over(numbers[i]);
		assert_int_equal(fstat(windows.fd, &s), 0);
		assert_int_equal(s.st_size, BYTES);
		if (numbers[i] > 60) /* a whole day: 24 hours, 1 s each */
			assert_day((NOW + (int64_t)numbers[i] * 3600) / DAY - 1, 24, 24000, 1000);
		begin((int64_t)numbers[i] + 1);
		reopen(WINDOWS_READ);
		assert_int_equal(windows.number, numbers[i] + 1);
		assert_int_equal(windows.newest.before_ms, (numbers[i] - 1) * 1000);
	}
	assert_false(is_there("windows.corrupt"));
}

static const struct instant later = { NOW + 30, 30, "boot" }, much_later = { NOW + 3600, 3600, "boot" },
			    after_boot = { NOW + 30, 5, "other boot" };

static enum net settle(enum net said, uint64_t sequence, const struct instant *now)
{
	struct past past = { .sequence = sequence, .cleared = NOW + 7, .net = said };
	struct window_entry entry;

	reopen(WINDOWS_READ);
	assert_true(windows_settle(&windows, &past, now, &entry));
	assert_int_equal(entry.closed, entry.net == NET_NEVER ? 0 : NOW + 7);
	assert_int_equal(entry.open_ms, entry.net == NET_NEVER ? 0 : 8000); /* at most */
	assert_int_equal(entry.bounded, entry.net != NET_NEVER);
	assert_string_equal(entry.client, "client 0");
	return (enum net)entry.net;
}

static void what_closed_a_window_is_concluded(void **state)
{
	struct past past = { .sequence = 9, .net = NET_GATE };
	struct window_entry entry = entry_of(0);

	(void)state;
	reopen(WINDOWS_NONE);
	assert_false(windows_settle(&windows, &past, &later, &entry));
	entry = entry_of(0);
	entry.journal = 7;
	assert_int_equal(windows_begin(&windows, &entry, &fault), 0);
	assert_int_equal(settle(NET_GATE, 7, &later), NET_NEVER);
	assert_int_equal(settle(NET_GATE, 9, &later), NET_GATE);
	assert_int_equal(settle(NET_WATCHDOG, 9, &later), NET_WATCHDOG);
	assert_int_equal(settle(NET_KERNEL, 9, &later), NET_KERNEL);
	assert_int_equal(settle(NET_RECOVERY, 9, &later), NET_RECOVERY);
	assert_int_equal(settle(NET_RECOVERY, 9, &much_later), NET_KERNEL);
	assert_int_equal(settle(NET_GONE, 9, &later), NET_GONE);
	assert_int_equal(settle(NET_GONE, 9, &after_boot), NET_BOOT);
	assert_int_equal(settle(NET_RECOVERY, 9, &after_boot), NET_BOOT);
	assert_int_equal(settle(NET_WATCHDOG, 9, &after_boot), NET_WATCHDOG);
	assert_int_equal(settle(NET_GATE, 9, &after_boot), NET_GATE);
	assert_int_equal(settle((enum net)77, 9, &later), NET_UNKNOWN);
	end(0);
	assert_false(windows_settle(&windows, &past, &later, &entry));
}

static void all_windows_are_counted_by_what_closed_them(void **state)
{
	(void)state;
	hasty = true;
	reopen(WINDOWS_NONE);
	for (int64_t i = 1; i <= 3 * WINDOWS_KEPT; i++) {
		struct window_entry entry = entry_of(i);

		begin(i);
		if (i % 3 == 0)
			continue; /* nobody has found out */
		entry.net = i % 3 == 1 ? NET_GATE : NET_KERNEL;
		assert_int_equal(windows_end(&windows, &entry, &fault), 0);
		reopen(WINDOWS_READ);
	}
	assert_int_equal(windows.newest.before[NET_GATE], WINDOWS_KEPT);
	assert_int_equal(windows.newest.before[NET_KERNEL], WINDOWS_KEPT);
	assert_int_equal(windows.newest.before[NET_UNKNOWN], WINDOWS_KEPT - 1);
	/* after an older acmegate, which has counted nothing */
	memset(windows.newest.before, 0, sizeof(windows.newest.before));
	begin(3 * WINDOWS_KEPT + 1);
	assert_int_equal(windows.newest.before[NET_UNKNOWN], 3 * WINDOWS_KEPT);
	end(3 * WINDOWS_KEPT + 1);
	assert_int_equal(windows.newest.before[NET_UNKNOWN], 3 * WINDOWS_KEPT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(the_newest_are_kept),
		TEST(a_write_that_is_torn_leaves_what_was_before),
		TEST(each_byte_that_is_damaged_costs_one_slot),
		TEST(what_is_damaged_as_a_whole_is_put_aside),
		TEST(that_of_a_newer_acmegate_is_left_alone),
		TEST(a_full_disk_makes_none_or_a_whole_one),
		TEST(what_closed_a_window_is_concluded),
		TEST(all_windows_are_counted_by_what_closed_them),
		TEST(days_are_counted),
		TEST(a_day_is_counted_once),
		TEST(a_year_is_known),
		TEST(a_day_that_is_damaged_is_left_out),
		TEST(that_of_an_earlier_acmegate_is_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
