// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "between.h"
#include "store/accounts.h"
#include "store/crypto.h"
#include "store/trust.h"
#include "store/store.h"
#include "tiny_ca.h"
#include "skip_because.h"

#define DIRECTORY "https://ca.example/directory"

static const char names[][NAME_SIZE] = { "a.example.org" };
static struct fault fault;
static char path[PATH_SIZE];
static struct store store;
static struct certificate certificate;
static struct key *keys[2]; /* two certificates for the same names */
static struct chain *chains[2];
static char pems[2][KEY_PEM_SIZE];
static _Alignas(struct bundle) char bundles[2][WIRE_DATA];
static size_t lengths[2];

static size_t form_seen;

/* As the signer does it. */
static int examine(void *context, const struct bundle *bundle, size_t length, struct verdict *verdict, struct fault *why)
{
	OWN_KEY struct key *key = bundle->key_length ? key_read(bundle->text, bundle->key_length, why) : NULL;
	OWN_CHAIN struct chain *chain = chain_read(bundle->text + bundle->key_length,
						   length - sizeof(*bundle) - bundle->key_length - bundle->form_length, why);
	size_t leaf, clean;

	(void)context;
	form_seen = bundle->form_length;
	*verdict = (struct verdict){ 0 };
	if ((!key && bundle->key_length) || !chain)
		return 0;
	(void)chain_text(chain, &leaf, &clean);
	verdict->whole = (!key || chain_has_key(chain, key)) && leaf == bundle->leaf_length;
	verdict->not_after = 1234567;
	return 0;
}

static void pack(size_t i)
{
	struct bundle *bundle = (void *)bundles[i];
	size_t leaf, length;
	const char *text = chain_text(chains[i], &leaf, &length);

	bundle->key_length = (uint32_t)strlen(pems[i]);
	bundle->leaf_length = (uint32_t)leaf;
	memcpy(bundle->text, pems[i], bundle->key_length);
	memcpy(bundle->text + bundle->key_length, text, length);
	lengths[i] = sizeof(*bundle) + bundle->key_length + length;
}

static int set_up(void **state)
{
	static unsigned char csr[4096];
	static char pem[TINY_PEM_SIZE];

	(void)state;
	crypto_start();
	for (size_t i = 0; i < LENGTH_OF(keys); i++) {
		int n;

		keys[i] = key_generate(KEY_P256, &fault);
		n = key_request(keys[i], names, 1, csr, sizeof(csr), &fault);
		if (n < 0)
			return -1;
		tiny_ca_issue(csr, (size_t)n, &(struct tiny_order){ 0 }, pem);
		chains[i] = chain_read(pem, strlen(pem), &fault);
		if (!chains[i] || key_write(keys[i], pems[i], &fault) < 0)
			return -1;
		pack(i);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH_OF(keys); i++) {
		key_free(keys[i]);
		chain_free(chains[i]);
	}
	return 0;
}

static int run(const char *format, ...) PRINTF_LIKE(1, 2);
static int run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

/* An empty state directory, and a certificate with the defaults of the configuration. */
static int begin(void **state)
{
	const char *temporary = getenv("TMPDIR");

	(void)state;
	snprintf(path, sizeof(path), "%s/acmegate-store-XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(path) || chmod(path, 0711) < 0)
		return -1;
	store = (struct store){ .state = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC),
				.path = path,
				.directory = DIRECTORY,
				.examiner = { examine, NULL } };
	certificate = (struct certificate){ .name = "mail", .names = 1, .mode = 0600 };
	return store.state < 0 ? -1 : 0;
}

static int drop(const char *name, const struct stat *status, int kind, struct FTW *at)
{
	(void)status, (void)kind, (void)at;
	return remove(name);
}

static int end(void **state)
{
	(void)state;
	close(store.state);
	return nftw(path, drop, 16, FTW_DEPTH | FTW_PHYS);
}

static void again(void)
{
	assert_int_equal(end(NULL), 0);
	assert_int_equal(begin(NULL), 0);
}

static mode_t mode_of(const char *name)
{
	struct stat s;

	return fstatat(store.state, name, &s, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : s.st_mode & 07777;
}

static bool exists(const char *name)
{
	struct stat s;

	return fstatat(store.state, name, &s, AT_SYMLINK_NOFOLLOW) == 0;
}

static int save_nth(size_t i)
{
	return store_save(&store, &certificate, (void *)bundles[i], lengths[i], &fault);
}

static struct stored inspect(void)
{
	static struct stored stored;

	assert_int_equal(store_inspect(&store, &certificate, &stored, &fault), 0);
	return stored;
}

static size_t slurp(const char *name, char *out, size_t size)
{
	OWN_FD int fd = openat(store.state, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size);

	assert_between(n, 0, size - 1);
	out[n] = '\0';
	return (size_t)n;
}

/* The live generation is whole and is that of keys[i]. */
static void assert_live(size_t i, uint32_t generation)
{
	static char text[32768], full[32768];
	char pem[KEY_PEM_SIZE];
	struct stored stored = inspect();
	size_t n;

	assert_true(stored.present);
	assert_int_equal(stored.generation, generation);
	assert_int_equal(key_write(keys[i], pem, &fault), 0);
	slurp("certificates/mail/live/privkey.pem", text, sizeof(text));
	assert_string_equal(text, pem);
	n = slurp("certificates/mail/live/cert.pem", text, sizeof(text));
	slurp("certificates/mail/live/chain.pem", text + n, sizeof(text) - n);
	slurp("certificates/mail/live/fullchain.pem", full, sizeof(full));
	assert_string_equal(text, full);
	slurp("certificates/mail/live/combined.pem", text, sizeof(text));
	assert_memory_equal(text, full, strlen(full));
	assert_string_equal(text + strlen(full), pem);
	slurp("certificates/mail/live/keyfirst.pem", text, sizeof(text));
	assert_memory_equal(text, pem, strlen(pem));
	assert_string_equal(text + strlen(pem), full);
}

static void assert_no_leftovers(void)
{
	assert_false(exists("certificates/mail/.tmp-generation") || exists("certificates/mail/.tmp-live"));
}

static void nothing_is_nothing(void **state)
{
	struct stored stored = inspect();

	(void)state;
	assert_int_equal(store_clean(&store, &fault), 0);
	assert_false(stored.present || stored.broken || stored.deploy_pending);
	assert_false(exists("certificates"));
}

static void saved_is_there(void **state)
{
	struct stored stored;

	(void)state;
	assert_int_equal(save_nth(0), 0);
	assert_live(0, 1);
	stored = inspect();
	assert_false(stored.broken || stored.deploy_pending);
	assert_int_equal(stored.verdict.not_after, 1234567);
	assert_int_equal(mode_of("certificates"), 0700);
	assert_int_equal(mode_of("certificates/mail"), 0700);
	assert_int_equal(mode_of("certificates/mail/1"), 0700);
	assert_int_equal(mode_of("certificates/mail/1/privkey.pem"), 0600);
	assert_int_equal(mode_of("certificates/mail/1/fullchain.pem"), 0600);
	assert_int_equal(mode_of("certificates/mail/1/combined.pem"), 0600);
	assert_int_equal(mode_of("certificates/mail/1/keyfirst.pem"), 0600);
	assert_int_equal(save_nth(1), 0);
	assert_live(1, 2);
}

static void three_generations_are_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(save_nth(i % 2), 0);
	assert_live(1, 6);
	assert_int_equal(run("[ \"$(ls -A '%s/certificates/mail' | tr '\\n' ' ')\" = '4 5 6 live ' ]", path), 0);
}

/* Staging first, and then the real CA: the one that it came from is known as long as it is live. */
static void its_ca_is_known(void **state)
{
	(void)state;
	assert_int_equal(save_nth(0), 0);
	assert_string_equal(inspect().directory, DIRECTORY);
	store.directory = "https://other.example/directory";
	assert_string_equal(inspect().directory, DIRECTORY);
	assert_int_equal(save_nth(1), 0);
	assert_string_equal(inspect().directory, "https://other.example/directory");
	/* it heals to the older one, which is from there */
	assert_int_equal(run("rm '%s/certificates/mail/2/cert.pem'", path), 0);
	assert_string_equal(inspect().directory, DIRECTORY);
	/* what generations did not have once is not missed */
	assert_int_equal(run("rm '%s/certificates/mail/1/directory'", path), 0);
	assert_string_equal(inspect().directory, "");
	assert_live(0, 1);
}

static void assert_given(uid_t owner, gid_t group, mode_t mode)
{
	static const char *const files[] = { "privkey", "cert", "chain", "fullchain", "combined", "keyfirst" };
	char name[64];
	struct stat s;

	for (size_t i = 0; i < LENGTH_OF(files); i++) {
		snprintf(name, sizeof(name), "certificates/mail/live/%s.pem", files[i]);
		assert_int_equal(fstatat(store.state, name, &s, 0), 0);
		assert_true(s.st_uid == owner && s.st_gid == group && (s.st_mode & 07777) == mode);
	}
}

static void owner_and_mode_change_without_an_order(void **state)
{
	static const struct {
		uid_t owner;
		gid_t group;
		mode_t mode;
	} steps[] = { { 65534, 65533, 0640 }, { 65534, 65532, 0440 }, { 65531, 65532, 0644 }, { 0, 0, 0400 }, { 0, 0, 0600 } };

	(void)state;
	if (geteuid() != 0)
		skip_because("not root");
	assert_int_equal(save_nth(0), 0);
	assert_int_equal(store_adjust(&store, &certificate, 1, &fault), 0);
	for (size_t i = 0; i < LENGTH_OF(steps); i++) {
		certificate.owner = steps[i].owner;
		certificate.group = steps[i].group;
		certificate.mode = steps[i].mode;
		assert_int_equal(store_adjust(&store, &certificate, 1, &fault), 1);
		assert_given(steps[i].owner, steps[i].group, steps[i].mode);
		assert_int_equal(store_adjust(&store, &certificate, 1, &fault), 0);
		assert_live(0, 1);
	}
	assert_int_equal(mode_of("certificates"), 0711);
	assert_int_equal(mode_of("certificates/mail/1"), 0711);
	/* generations had no such file once */
	assert_int_equal(run("rm '%s/certificates/mail/1/keyfirst.pem'", path), 0);
	assert_int_equal(store_adjust(&store, &certificate, 1, &fault), 0);
}

static void owner_and_mode_are_as_configured(void **state)
{
	struct stat s;

	(void)state;
	if (geteuid() != 0)
		skip_because("not root");
	assert_int_equal(save_nth(0), 0); /* the directories were 0700 before */
	certificate.owner = 65534;
	certificate.group = 65533;
	certificate.mode = 0640;
	assert_int_equal(save_nth(1), 0);
	assert_live(1, 2);
	assert_int_equal(fstatat(store.state, "certificates/mail/2/privkey.pem", &s, 0), 0);
	assert_int_equal(s.st_uid, 65534);
	assert_int_equal(s.st_gid, 65533);
	assert_int_equal(s.st_mode & 07777, 0640);
	assert_int_equal(mode_of("certificates"), 0711);
	assert_int_equal(mode_of("certificates/mail"), 0711);
	assert_int_equal(fstatat(store.state, "certificates/mail/2", &s, 0), 0);
	assert_int_equal(s.st_uid, 0);
	assert_int_equal(s.st_mode & 07777, 0711);
}

static void read_into(int dir, const char *name, char *text, size_t size)
{
	OWN_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, size - 1);

	assert_true(n >= 0);
	text[n] = '\0';
}

static void deploy_is_pending_until_done(void **state)
{
	(void)state;
	certificate.hooks = 1;
	assert_int_equal(save_nth(0), 0);
	assert_true(inspect().deploy_pending);
	assert_int_equal(store_deployed(&store, &certificate, NULL, 0, &fault), 0);
	assert_false(inspect().deploy_pending);
	assert_int_equal(store_deployed(&store, &certificate, NULL, 0, &fault), 0);
	certificate.hooks = 0;
	assert_int_equal(save_nth(0), 0);
	assert_false(inspect().deploy_pending);
}

/* PKCS#12 is bytes like the others: it is there with them, and shown to the examiner. */
static void a_form_is_a_file_more(void **state)
{
	struct bundle *bundle = (void *)bundles[0];
	OWN_FD int dir = -1;
	char text[32] = "";
	struct stat s;

	(void)state;
	memcpy(bundles[0] + lengths[0], "\x30 form", 6);
	bundle->form_length = 6;
	certificate.mode = 0640;
	assert_int_equal(store_save(&store, &certificate, bundle, lengths[0] + 6, &fault), 0);
	dir = openat(store.state, "certificates/mail/live", O_RDONLY | O_DIRECTORY);
	read_into(dir, "bundle.p12", text, sizeof(text));
	assert_string_equal(text, "\x30 form");
	assert_int_equal(fstatat(dir, "bundle.p12", &s, 0), 0);
	assert_int_equal(s.st_mode & 07777, 0640);
	assert_true(inspect().present);
	assert_int_equal(form_seen, 6);
	certificate.mode = 0600;
	assert_int_equal(store_adjust(&store, &certificate, 1, &fault), 1);
	assert_int_equal(fstatat(dir, "bundle.p12", &s, 0), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_int_equal(unlinkat(dir, "bundle.p12", 0), 0);
	assert_true(inspect().present);
	assert_int_equal(form_seen, 0);
	bundle->form_length = 0;
	certificate.mode = 0600;
}

/* The key is elsewhere: no file has one, and none is missed. A key that was lost is another matter. */
static void a_generation_may_have_no_key(void **state)
{
	static _Alignas(struct bundle) char data[WIRE_DATA];
	const struct bundle *whole = (const void *)bundles[0];
	struct bundle *bundle = (void *)data;
	size_t length = lengths[0] - whole->key_length;

	(void)state;
	*bundle = *whole;
	bundle->key_length = 0;
	memcpy(bundle->text, whole->text + whole->key_length, length - sizeof(*bundle));
	assert_int_equal(store_save(&store, &certificate, bundle, length, &fault), 0);
	assert_true(inspect().present && !inspect().broken);
	assert_true(exists("certificates/mail/1/keyless") && exists("certificates/mail/1/fullchain.pem"));
	assert_false(exists("certificates/mail/1/privkey.pem") || exists("certificates/mail/1/combined.pem") ||
		     exists("certificates/mail/1/keyfirst.pem"));
	assert_int_equal(save_nth(0), 0);
	assert_int_equal(run("rm %s/certificates/mail/2/*key*.pem %s/certificates/mail/2/combined.pem", path, path), 0);
	assert_true(inspect().broken);
	assert_int_equal(inspect().generation, 1);
}

/* A new generation owes all hooks again. */
static void some_hooks_are_done(void **state)
{
	OWN_FD int dir = -1;
	char text[32] = "";

	(void)state;
	certificate.hooks = 2;
	assert_int_equal(save_nth(0), 0);
	dir = openat(store.state, "certificates/mail", O_RDONLY | O_DIRECTORY);
	assert_int_equal(store_deployed(&store, &certificate, "/bin/a\n", 7, &fault), 0);
	assert_true(inspect().deploy_pending);
	read_into(dir, "deploy-pending", text, sizeof(text));
	assert_string_equal(text, "/bin/a\n");
	assert_int_equal(save_nth(1), 0);
	read_into(dir, "deploy-pending", text, sizeof(text));
	assert_string_equal(text, "");
	assert_int_equal(store_deployed(&store, &certificate, NULL, 0, &fault), 0);
	assert_false(inspect().deploy_pending);
}

/* It is from before there were such files. */
static void a_generation_without_joined_files_is_whole(void **state)
{
	(void)state;
	assert_int_equal(save_nth(0), 0);
	assert_int_equal(run("rm '%s'/certificates/mail/1/combined.pem '%s'/certificates/mail/1/keyfirst.pem", path, path), 0);
	assert_true(inspect().present);
	assert_false(inspect().broken);
}

static void a_broken_generation_is_put_aside(void **state)
{
	static const char *const wounds[] = {
		"rm 2/privkey.pem",
		"rm 2/cert.pem",
		"rm 2/chain.pem",
		"rm 2/fullchain.pem",
		"rm -r 2",
		": > 2/privkey.pem",
		": > 2/fullchain.pem",
		"truncate -s 100 2/cert.pem",
		"cp 1/privkey.pem 2/privkey.pem",
		"cp 1/cert.pem 2/cert.pem",
		"echo >> 2/chain.pem",
		"ln -sf ../1/privkey.pem 2/privkey.pem",
		"rm 2/cert.pem; mkfifo 2/cert.pem",
		"truncate -s 1M 2/fullchain.pem",
		"echo >> 2/combined.pem",
		"cp 1/keyfirst.pem 2/keyfirst.pem",
		"cp 2/keyfirst.pem 2/combined.pem",
		": > 2/keyfirst.pem",
		"ln -sfn nonsense live",
		"ln -sfn ../../.. live",
		"rm live; mkdir live",
		"rm live; mv 2 live",
		"ln -sfn 7 live; rm -r 2",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(wounds); i++) {
		struct stored stored;

		again();
		certificate.hooks = 1;
		assert_int_equal(save_nth(0), 0);
		assert_int_equal(save_nth(1), 0);
		assert_int_equal(store_deployed(&store, &certificate, NULL, 0, &fault), 0);
		assert_int_equal(run("cd '%s/certificates/mail' && %s", path, wounds[i]), 0);
		stored = inspect();
		assert_true(stored.present && stored.broken && stored.deploy_pending);
		if (stored.generation == 1)
			assert_live(0, 1);
		else
			assert_live(1, 2); /* only the link was wrong */
		assert_false(inspect().broken);
		assert_int_equal(save_nth(1), 0);
		assert_live(1, i == 4 || i >= LENGTH_OF(wounds) - 2 ? 2 : 3); /* a number in use is never used again */
	}
}

static void all_broken_is_nothing(void **state)
{
	struct stored stored;

	(void)state;
	assert_int_equal(save_nth(0), 0);
	assert_int_equal(run("rm '%s/certificates/mail/1/cert.pem'", path), 0);
	stored = inspect();
	assert_true(!stored.present && stored.broken);
	assert_true(exists("certificates/mail/1.broken"));
	assert_false(exists("certificates/mail/live"));
	assert_int_equal(save_nth(1), 0);
	assert_live(1, 2);
}

static void links_are_not_followed(void **state)
{
	static struct stored stored;

	(void)state;
	assert_int_equal(save_nth(0), 0);
	assert_int_equal(run("cd '%s/certificates' && mv mail elsewhere && ln -s elsewhere mail", path), 0);
	assert_int_equal(store_inspect(&store, &certificate, &stored, &fault), -1);
	assert_int_equal(save_nth(1), -1);
	assert_int_equal(run("cd '%s' && mv certificates c && ln -s c certificates", path), 0);
	assert_int_equal(store_inspect(&store, &certificate, &stored, &fault), -1);
	assert_int_equal(save_nth(1), -1);
}

static void leftovers_are_removed(void **state)
{
	(void)state;
	assert_int_equal(save_nth(0), 0);
	assert_int_equal(run("cd '%s/certificates/mail' && mkdir .tmp-generation && echo > .tmp-generation/privkey.pem && "
			     "ln -s 9 .tmp-live && mkdir -p ../../accounts/a && echo > ../../accounts/a/.tmp-key.pem",
			     path),
			 0);
	assert_int_equal(store_clean(&store, &fault), 0);
	assert_int_equal(run("! find '%s' -name '.tmp*' | grep -q .", path), 0);
	assert_live(0, 1);
}

/* --- interrupted -------------------------------------------------------------------------------------------------- */

/* Makes the call that the child is about to enter fail with this error, where we know how. */
static void fail_call(pid_t child, int error)
{
#if defined(__x86_64__)
	static const long not_failed[] = {
		/* memory and signals: not what a disk can refuse */
		SYS_mmap,  SYS_mprotect,   SYS_munmap,	       SYS_brk,		SYS_madvise,
		SYS_futex, SYS_exit_group, SYS_rt_sigprocmask, SYS_sigaltstack,
	};
	struct user_regs_struct regs;
	int status;

	ptrace(PTRACE_GETREGS, child, 0, &regs);
	for (size_t i = 0; i < LENGTH_OF(not_failed); i++)
		if ((long)regs.orig_rax == not_failed[i])
			return;
	regs.orig_rax = (unsigned long long)-1;
	ptrace(PTRACE_SETREGS, child, 0, &regs);
	ptrace(PTRACE_SYSCALL, child, 0, 0);
	waitpid(child, &status, 0);
	ptrace(PTRACE_GETREGS, child, 0, &regs);
	regs.rax = (unsigned long long)-(long long)error;
	ptrace(PTRACE_SETREGS, child, 0, &regs);
#else
	(void)child, (void)error;
#endif
}

/*
 * Runs act(1) in a child. At the entry of its n-th system call it is killed, or with an error that call fails. Returns
 * the child's wait status; *reached is false when it ended before that call.
 */
static int interrupt(int (*act)(size_t), int n, int error, bool *reached)
{
	const char *preloaded = getenv("LD_PRELOAD");
	pid_t child;
	int status;

	/* Its system calls are not ours, and it makes ten times as many. */
	if (preloaded && strstr(preloaded, "valgrind"))
		skip_because("valgrind has system calls of its own");
	child = fork();
	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(77);
		raise(SIGSTOP);
		_exit(act(1) == 0 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	if (WIFEXITED(status))
		skip_because("ptrace is not permitted");
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (int stops = 0;; stops++) { /* odd stops are the ends of calls */
		ptrace(PTRACE_SYSCALL, child, 0, 0);
		waitpid(child, &status, 0);
		*reached = !WIFEXITED(status) && !WIFSIGNALED(status);
		if (!*reached || stops == 2 * n)
			break;
	}
	if (!*reached)
		return status;
	if (error)
		fail_call(child, error);
	else
		kill(child, SIGKILL);
	ptrace(error ? PTRACE_DETACH : PTRACE_CONT, child, 0, 0);
	waitpid(child, &status, 0);
	return status;
}

/* After an interrupted write of generation 2 a later run finds 1 or 2, both whole. */
static void assert_old_or_new(int status)
{
	assert_int_equal(store_clean(&store, &fault), 0);
	assert_false(inspect().broken);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		assert_live(1, 2);
	else if (inspect().generation == 2)
		assert_live(1, 2);
	else
		assert_live(0, 1);
	assert_no_leftovers();
}

static void sweep_save(int error)
{
	bool reached = true;
	int calls = 0;

	for (; reached; calls++) {
		int status;

		again();
		certificate.hooks = 1;
		assert_int_equal(save_nth(0), 0);
		assert_int_equal(store_deployed(&store, &certificate, NULL, 0, &fault), 0);
		status = interrupt(save_nth, calls, error, &reached);
		if (error)
			assert_true(WIFEXITED(status));
		assert_old_or_new(status);
		if (inspect().generation == 2)
			assert_true(inspect().deploy_pending);
		assert_int_equal(save_nth(0), 0);
	}
	assert_true(calls > 40);
}

static void killed_anywhere(void **state)
{
	(void)state;
	sweep_save(0);
}

static void disk_full_anywhere(void **state)
{
	(void)state;
	sweep_save(ENOSPC);
}

static void disk_bad_anywhere(void **state)
{
	(void)state;
	sweep_save(EIO);
}

static void killed_at_the_first_one(void **state)
{
	bool reached = true;

	(void)state;
	for (int n = 0; reached; n++) {
		again();
		interrupt(save_nth, n, 0, &reached);
		assert_int_equal(store_clean(&store, &fault), 0);
		assert_false(inspect().broken);
		if (inspect().present)
			assert_live(1, 1);
		assert_int_equal(save_nth(0), 0);
	}
}

static int inspect_in_child(size_t unused)
{
	static struct stored stored;

	(void)unused;
	return store_inspect(&store, &certificate, &stored, &fault);
}

static void killed_while_healing(void **state)
{
	bool reached = true;

	(void)state;
	for (int n = 0; reached; n++) {
		again();
		certificate.hooks = 1;
		assert_int_equal(save_nth(0), 0);
		assert_int_equal(save_nth(1), 0);
		assert_int_equal(store_deployed(&store, &certificate, NULL, 0, &fault), 0);
		assert_int_equal(run("rm '%s/certificates/mail/2/cert.pem'", path), 0);
		interrupt(inspect_in_child, n, 0, &reached);
		assert_int_equal(store_clean(&store, &fault), 0);
		assert_live(0, 1);
		assert_true(inspect().deploy_pending);
	}
}

/* --- room --------------------------------------------------------------------------------------------------------- */

static int on_a_full_disk(void)
{
	static struct stored stored;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", path, "tmpfs", 0, "size=2M,nr_inodes=100") < 0)
		return 77;
	store.state = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (store_check_room(&store, &fault) < 0 || save_nth(0) < 0)
		return 1;
	if (run("head -c 1500000 /dev/zero > '%s/fill'", path) || store_check_room(&store, &fault) == 0 ||
	    !strstr(fault.text, "KiB") || !strstr(fault.text, path))
		return 2;
	if (run("cat /dev/zero > '%s/fill2' 2>&-", path) == 0 || save_nth(1) == 0)
		return 3;
	if (store_inspect(&store, &certificate, &stored, &fault) < 0 || !stored.present || stored.generation != 1)
		return 4;
	if (run("cd '%s' && rm fill fill2 && for i in $(seq 50); do : > $i; done", path) || store_check_room(&store, &fault) == 0 ||
	    !strstr(fault.text, "inodes"))
		return 5;
	if (run("mount -o remount,ro '%s'", path) || store_check_room(&store, &fault) == 0 || !strstr(fault.text, "read-only"))
		return 6;
	return 0;
}

static void a_full_disk_is_said(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (!child)
		_exit(on_a_full_disk());
	waitpid(child, &status, 0);
	if (WEXITSTATUS(status) == 77)
		skip_because("no mounts of its own are permitted");
	assert_int_equal(status, 0);
}

/* --- accounts ----------------------------------------------------------------------------------------------------- */

static struct stored_account read_account(const char *directory)
{
	struct stored_account account;

	assert_int_equal(accounts_read(&store, directory, &account, &fault), 0);
	return account;
}

static int save_account(size_t i)
{
	return accounts_save_key(&store, DIRECTORY, pems[i], strlen(pems[i]), &fault);
}

static void account_is_kept(void **state)
{
	struct stored_account account = read_account(DIRECTORY);

	(void)state;
	assert_true(!account.key[0] && !account.url[0]);
	assert_int_equal(save_account(0), 0);
	assert_int_equal(accounts_save_url(&store, DIRECTORY, "https://ca.example/acct/12", 25, &fault), 0);
	assert_int_equal(accounts_save_url(&store, DIRECTORY, "https://ca.example/acct/1", 25, &fault), 0);
	account = read_account(DIRECTORY);
	assert_string_equal(account.key, pems[0]);
	assert_string_equal(account.url, "https://ca.example/acct/1");
	assert_int_equal(run("[ \"$(stat -c %%a '%s'/accounts '%s'/accounts/*/* | tr '\\n' ' ')\" = '700 600 600 ' ]", path, path),
			 0);
	assert_string_equal(read_account(DIRECTORY "2").key, "");
}

/* A new account key takes the place of a broken one, which is kept all the same. */
static void an_account_key_is_never_overwritten(void **state)
{
	(void)state;
	assert_int_equal(save_account(0), 0);
	assert_int_equal(accounts_save_url(&store, DIRECTORY, "u", 1, &fault), 0);
	assert_int_equal(save_account(1), 1);
	assert_string_equal(read_account(DIRECTORY).key, pems[1]);
	assert_string_equal(read_account(DIRECTORY).url, "");
	assert_int_equal(run("cd '%s'/accounts/*/ && grep -q PRIVATE key.pem.broken && ! cmp -s key.pem key.pem.broken", path), 0);
}

/* Empty, a link, too long: no key, and so put aside when another one comes. */
static void what_is_no_account_key_is_none(void **state)
{
	static const char *const wounds[] = { ": > key.pem", "rm key.pem; ln -s url key.pem", "truncate -s 1M key.pem" };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(wounds); i++) {
		again();
		assert_int_equal(save_account(0), 0);
		assert_int_equal(run("cd '%s'/accounts/*/ && %s", path, wounds[i]), 0);
		assert_string_equal(read_account(DIRECTORY).key, "");
		assert_int_equal(save_account(1), 1);
		assert_string_equal(read_account(DIRECTORY).key, pems[1]);
	}
}

static void account_killed_anywhere(void **state)
{
	bool reached = true;

	(void)state;
	for (int n = 0; reached; n++) {
		struct stored_account account;

		again();
		interrupt(save_account, n, 0, &reached);
		assert_int_equal(store_clean(&store, &fault), 0);
		account = read_account(DIRECTORY);
		if (account.key[0])
			assert_string_equal(account.key, pems[1]);
		else
			assert_int_equal(save_account(0), 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_nothing),
		TEST(saved_is_there),
		TEST(three_generations_are_kept),
		TEST(owner_and_mode_are_as_configured),
		TEST(owner_and_mode_change_without_an_order),
		TEST(its_ca_is_known),
		TEST(deploy_is_pending_until_done),
		TEST(some_hooks_are_done),
		TEST(a_form_is_a_file_more),
		TEST(a_generation_may_have_no_key),
		TEST(a_generation_without_joined_files_is_whole),
		TEST(a_broken_generation_is_put_aside),
		TEST(all_broken_is_nothing),
		TEST(links_are_not_followed),
		TEST(leftovers_are_removed),
		TEST(killed_anywhere),
		TEST(disk_full_anywhere),
		TEST(disk_bad_anywhere),
		TEST(killed_at_the_first_one),
		TEST(killed_while_healing),
		TEST(a_full_disk_is_said),
		TEST(account_is_kept),
		TEST(an_account_key_is_never_overwritten),
		TEST(what_is_no_account_key_is_none),
		TEST(account_killed_anywhere),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
