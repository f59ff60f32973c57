// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
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

#include "command/due.h"

#define NOW INT64_C(1790812800)
#define UNTIL (NOW + 30 * 86400)
#define DAY INT64_C(86400)

static struct config config;
static char top[] = "/tmp/acmegate-due-XXXXXX";
static int state = -1;

static void put(const char *path, const char *text)
{
	int fd = openat(state, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int begin(void **context)
{
	static const char *const files[] = { "privkey.pem", "cert.pem", "chain.pem", "fullchain.pem" };
	char path[64];

	(void)context;
	memset(&config, 0, sizeof(config));
	config.certificates = 2;
	config.names = 2;
	snprintf(config.certificate[0].name, sizeof(config.certificate[0].name), "one");
	snprintf(config.certificate[1].name, sizeof(config.certificate[1].name), "two");
	snprintf(config.name[0], sizeof(config.name[0]), "one.test");
	snprintf(config.name[1], sizeof(config.name[1]), "two.test");
	memcpy(top + sizeof(top) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(top));
	state = open(top, O_RDONLY | O_DIRECTORY);
	mkdirat(state, "certificates", 0700);
	for (int i = 0; i < 2; i++) {
		for (int directory = 0; directory < 3; directory++) {
			snprintf(path, sizeof(path), directory ? "certificates/%s/%d" : "certificates/%s",
				 config.certificate[i].name, directory);
			assert_int_equal(mkdirat(state, path, 0700), 0);
		}
		for (size_t file = 0; file < 4; file++) {
			snprintf(path, sizeof(path), "certificates/%s/1/%s", config.certificate[i].name, files[file]);
			put(path, files[file]);
		}
		snprintf(path, sizeof(path), "certificates/%s/live", config.certificate[i].name);
		assert_int_equal(symlinkat("1", state, path), 0);
	}
	return 0;
}

static int end(void **context)
{
	char command[64];

	(void)context;
	close(state);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void note(void)
{
	struct due due;

	due_take_grounds(&due, &config, state);
	due.until = UNTIL;
	due_note(&due, state, NOW);
}

static bool recalls(int64_t now)
{
	struct due due;

	due_take_grounds(&due, &config, state);
	return due_recall(&due, state, now) && due.until == UNTIL;
}

static void is_believed_for_a_day(void **context)
{
	(void)context;
	assert_false(recalls(NOW));
	note();
	assert_true(recalls(NOW));
	assert_true(recalls(NOW + DAY - 1));
	assert_false(recalls(NOW + DAY));
	assert_false(recalls(UNTIL));
	assert_false(recalls(NOW - 1)); /* the clock was set back */
}

static void ends_when_something_is_due(void **context)
{
	struct due due;

	(void)context;
	due_take_grounds(&due, &config, state);
	due.until = NOW + 3600;
	due_note(&due, state, NOW);
	assert_true(due_recall(&due, state, NOW + 3599));
	assert_false(due_recall(&due, state, NOW + 3600));
}

static void changed_files_are_noticed(void **context)
{
	static const char *const commands[] = {
		"echo x >>certificates/one/live/privkey.pem",
		"echo FULLCHAIN.PEM | tr -d '\\n' >certificates/two/live/fullchain.pem", /* in place, as long as before */
		"cp certificates/two/live/cert.pem new && touch -r certificates/two/live/cert.pem new && mv new certificates/two/live/cert.pem",
		"rm certificates/one/live/chain.pem",
		"chmod 644 certificates/one/live/privkey.pem",
		"ln -sfn 2 certificates/two/live",
		"rm certificates/one/live",
		": >certificates/two/deploy-pending",
		"mkdir certificates/one/3",
		"rm -r certificates/one",
	};
	char command[256];

	(void)context;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		note();
		assert_true(recalls(NOW));
		usleep(10000); /* the kernel's clock for files ticks */
		snprintf(command, sizeof(command), "cd %s && %s", top, commands[i]);
		assert_int_equal(system(command), 0);
		if (recalls(NOW))
			fail_msg("not noticed: %s", commands[i]);
	}
}

/* The grounds are from before the change, and so is the conclusion. */
static void a_change_while_it_looks_is_noticed(void **context)
{
	struct due due;

	(void)context;
	due_take_grounds(&due, &config, state);
	usleep(10000);
	put("certificates/one/1/cert.pem", "another");
	due.until = UNTIL;
	due_note(&due, state, NOW);
	assert_false(recalls(NOW));
}

static void changed_configuration_is_noticed(void **context)
{
	(void)context;
	note();
	config.certificate[1].key = KEY_P384;
	assert_false(recalls(NOW));
	note();
	config.hooks = 1;
	assert_false(recalls(NOW));
	note();
	config.hook[0][0] = 'x';
	assert_false(recalls(NOW));
	note();
	config.name[1][0] = 'x';
	assert_false(recalls(NOW));
	note();
	config.acme.directory[0] = 'x';
	assert_false(recalls(NOW));
	note();
	config.certificates = 1;
	assert_false(recalls(NOW));
}

static void damage_is_the_long_way(void **context)
{
	unsigned char image[256];
	char path[64];
	ssize_t n;
	int fd;

	(void)context;
	note();
	fd = openat(state, "due", O_RDWR);
	n = read(fd, image, sizeof(image));
	assert_true(n > 32 && n < (ssize_t)sizeof(image));
	for (ssize_t i = 0; i < n; i++) {
		unsigned char other = image[i] ^ 0x40;

		assert_int_equal(pwrite(fd, &other, 1, i), 1);
		assert_false(recalls(NOW));
		assert_int_equal(pwrite(fd, &image[i], 1, i), 1);
	}
	assert_true(recalls(NOW));
	assert_int_equal(ftruncate(fd, n - 1), 0);
	assert_false(recalls(NOW));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_false(recalls(NOW));
	close(fd);
	note(); /* makes it good */
	assert_true(recalls(NOW));
	assert_int_equal(renameat(state, "due", state, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", state, "due"), 0);
	assert_false(recalls(NOW));
	unlinkat(state, "due", 0);
	mkdirat(state, "due", 0700);
	assert_false(recalls(NOW));
	note(); /* cannot, and leaves nothing behind */
	assert_false(recalls(NOW));
	snprintf(path, sizeof(path), "%s/due.new", top);
	assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_believed_for_a_day),
		TEST(ends_when_something_is_due),
		TEST(changed_files_are_noticed),
		TEST(a_change_while_it_looks_is_noticed),
		TEST(changed_configuration_is_noticed),
		TEST(damage_is_the_long_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
