// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/webroot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THUMBPRINT "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

static char top[64], web[96];
static int state_fd;
static struct fault fault;
static struct webroot webroot;

static int set_up(void **unused)
{
	(void)unused;
	snprintf(top, sizeof(top), "/tmp/test_webroot.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(web, sizeof(web), "%s/www", top);
	webroot = (struct webroot){ .directory = web, .notes = -1, .challenge = -1 };
	state_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return mkdir(web, 0755) < 0 || state_fd < 0 ? -1 : 0;
}

static int tear_down(void **unused)
{
	char command[128];

	(void)unused;
	webroot_forget(&webroot);
	close(state_fd);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static int put(const char *name, const char *answer)
{
	struct token token = { 0 };

	snprintf(token.token, sizeof(token.token), "%s", name);
	snprintf(token.key_authorization, sizeof(token.key_authorization), "%s", answer);
	return webroot_put(&webroot, state_fd, &token, &fault);
}

static int put_one(void)
{
	return put("one", "one." THUMBPRINT);
}

static int sweep(void)
{
	webroot_forget(&webroot);
	return webroot_sweep(state_fd, &fault);
}

static bool has(const char *path)
{
	struct stat s;

	return fstatat(state_fd, path, &s, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_malformed_tokens(void **unused)
{
	static const char *const tokens[][2] = {
		{ "", "." THUMBPRINT },
		{ "..", "..." THUMBPRINT },
		{ ".at", ".at." THUMBPRINT },
		{ "../x", "../x." THUMBPRINT },
		{ "a/b", "a/b." THUMBPRINT },
		{ "a b", "a b." THUMBPRINT },
		{ "a", "a" },
		{ "a", "a." },
		{ "a", "b." THUMBPRINT },
		{ "a", "a.x/y" },
		{ "a", "a.x\n" },
		{ "a", "ab." THUMBPRINT },
	};

	(void)unused;
	for (size_t i = 0; i < LENGTH_OF(tokens); i++)
		assert_int_equal(put(tokens[i][0], tokens[i][1]), -1);
	assert_false(has("webroot/one") || has("webroot/.at"));
}

static void test_there_and_away(void **unused)
{
	char text[256] = "";
	struct stat s;
	mode_t mask = umask(0077);
	int fd;

	(void)unused;
	assert_int_equal(sweep(), 0);
	assert_int_equal(put_one(), 0);
	assert_int_equal(put_one(), 0);
	assert_int_equal(put("two", "two." THUMBPRINT), 0);
	umask(mask);
	fd = openat(state_fd, "www/.well-known/acme-challenge/one", O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), (int)strlen("one." THUMBPRINT));
	assert_string_equal(text, "one." THUMBPRINT);
	assert_int_equal(fstat(fd, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0644);
	close(fd);
	assert_int_equal(fstatat(state_fd, "www/.well-known/acme-challenge", &s, 0), 0);
	assert_int_equal(s.st_mode & 07777, 0755);
	assert_true(has("www/.well-known/acme-challenge/two"));
	assert_true(has("webroot/one"));
	webroot_forget(&webroot);
	assert_int_equal(put("three", "three." THUMBPRINT), -1); /* not again, before they are gone */
	assert_false(has("www/.well-known/acme-challenge/three"));
	assert_int_equal(sweep(), 1);
	assert_false(has("www/.well-known"));
	assert_false(has("webroot/one") || has("webroot/.at"));
	assert_int_equal(sweep(), 0);
}

static void test_what_others_have(void **unused)
{
	(void)unused;
	mkdirat(state_fd, "www/.well-known", 0755);
	mkdirat(state_fd, "www/.well-known/acme-challenge", 0755);
	close(openat(state_fd, "www/.well-known/acme-challenge/mine", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(put("mine", "mine." THUMBPRINT), -1);
	assert_int_equal(fault.code, EEXIST);
	assert_int_equal(sweep(), 1);
	assert_true(has("www/.well-known/acme-challenge/mine"));
	assert_int_equal(put("ours", "ours." THUMBPRINT), 0);
	assert_true(has("www/.well-known/acme-challenge/ours"));
	assert_int_equal(unlinkat(state_fd, "www/.well-known/acme-challenge/mine", 0), 0);
	assert_int_equal(sweep(), 1);
	assert_false(has("www/.well-known/acme-challenge/ours"));
	assert_true(has("www/.well-known/acme-challenge"));
}

static void test_links(void **unused)
{
	char link[128];

	(void)unused;
	mkdirat(state_fd, "precious", 0755);
	assert_int_equal(symlinkat("../precious", state_fd, "www/.well-known"), 0);
	assert_int_equal(put_one(), -1);
	assert_non_null(strstr(fault.text, "symbolic link"));
	assert_int_equal(sweep(), 0);
	unlinkat(state_fd, "www/.well-known", 0);
	assert_int_equal(symlinkat("www", state_fd, "link"), 0);
	snprintf(link, sizeof(link), "%s/link", top);
	webroot.directory = link;
	assert_int_equal(put_one(), -1);
	assert_non_null(strstr(fault.text, "symbolic link"));
	assert_int_equal(sweep(), 0);
	webroot.directory = web;
	assert_false(has("precious/acme-challenge"));
	/* in mid-window: what is behind the link is not ours to remove */
	assert_int_equal(put_one(), 0);
	assert_int_equal(renameat(state_fd, "www/.well-known", state_fd, "aside"), 0);
	mkdirat(state_fd, "precious/acme-challenge", 0755);
	close(openat(state_fd, "precious/acme-challenge/one", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlinkat("../precious", state_fd, "www/.well-known"), 0);
	assert_int_equal(sweep(), 1);
	assert_true(has("precious/acme-challenge/one"));
}

static void test_killed_in_between(void **unused)
{
	(void)unused;
	assert_int_equal(put_one(), 0); /* noted, and no more */
	unlinkat(state_fd, "www/.well-known/acme-challenge/one", 0);
	unlinkat(state_fd, "www/.well-known/acme-challenge", AT_REMOVEDIR);
	unlinkat(state_fd, "www/.well-known", AT_REMOVEDIR);
	assert_int_equal(sweep(), 1);
	assert_false(has("webroot/one") || has("webroot/.at"));
	unlinkat(state_fd, "webroot", AT_REMOVEDIR);
	mkdirat(state_fd, "webroot", 0700); /* not even that: it is made when the storer confines itself */
	assert_int_equal(sweep(), 0);
	assert_false(has("webroot/one") || has("webroot/.at"));
	assert_int_equal(put_one(), 0);
	unlinkat(state_fd, "www/.well-known/acme-challenge/one", 0); /* a sweep that did not come further */
	assert_int_equal(sweep(), 1);
	assert_false(has("www/.well-known"));
	assert_int_equal(put_one(), 0);
	assert_int_equal(renameat(state_fd, "www", state_fd, "elsewhere"),
			 0); /* where there is no directory, there is nothing of ours */
	assert_int_equal(sweep(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_malformed_tokens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_there_and_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_others_have, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_in_between, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
