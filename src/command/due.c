// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/due.h"

#include <fcntl.h>
#include <nettle/sha2.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"

#define BELIEVED (24 * 60 * 60)

struct note {
	int64_t noted, until;
	unsigned char sum[SHA256_DIGEST_SIZE]; /* of the two, and the grounds */
};

static void add(struct sha256_ctx *sum, const void *data, size_t length)
{
	sha256_update(sum, length, data);
}

/* A write to a file, or another file in its place, changes one of these; nobody can set the time of the last change. */
static void add_file(struct sha256_ctx *sum, int state_fd, const char *path, int flags)
{
	struct stat s = { 0 };
	bool there = fstatat(state_fd, path, &s, flags) == 0;
	const uint64_t facts[] = {
		there,
		s.st_dev,
		s.st_ino,
		s.st_mode,
		s.st_uid,
		s.st_gid,
		(uint64_t)s.st_size,
		(uint64_t)s.st_mtim.tv_sec,
		(uint64_t)s.st_mtim.tv_nsec,
		(uint64_t)s.st_ctim.tv_sec,
		(uint64_t)s.st_ctim.tv_nsec,
	};

	add(sum, facts, sizeof(facts));
}

/* The directory itself: it changes with every entry that comes or goes, "live" and "deploy-pending" among them. */
static void add_certificate(struct sha256_ctx *sum, int state_fd, const char *name)
{
	static const char *const files[] = {
		"", "/privkey.pem", "/cert.pem", "/chain.pem", "/fullchain.pem", "/combined.pem", "/keyfirst.pem", "/bundle.p12"
	};
	char path[128];

	snprintf(path, sizeof(path), "ledger/%.*s", LABEL_SIZE - 1, name);
	add_file(sum, state_fd, path, AT_SYMLINK_NOFOLLOW);
	snprintf(path, sizeof(path), "ledger/%.*s~next", LABEL_SIZE - 1, name);
	add_file(sum, state_fd, path, AT_SYMLINK_NOFOLLOW);
	snprintf(path, sizeof(path), "certificates/%.*s", LABEL_SIZE - 1, name);
	add_file(sum, state_fd, path, AT_SYMLINK_NOFOLLOW);
	for (size_t i = 0; i < LENGTH_OF(files); i++) {
		snprintf(path, sizeof(path), "certificates/%.*s/live%s", LABEL_SIZE - 1, name, files[i]);
		add_file(sum, state_fd, path, 0);
	}
}

void due_take_grounds(struct due *due, const struct config *config, int state_fd)
{
	struct sha256_ctx sum;

	sha256_init(&sum);
	add(&sum, PACKAGE_VERSION, sizeof(PACKAGE_VERSION));
	add(&sum, config, offsetof(struct config, certificate));
	add(&sum, config->certificate, config->certificates * sizeof(config->certificate[0]));
	add(&sum, config->hook, config->hooks * sizeof(config->hook[0]));
	add(&sum, config->csr, config->csr_used);
	add(&sum, config->name, config->names * sizeof(config->name[0]));
	for (uint32_t i = 0; i < config->certificates; i++)
		add_certificate(&sum, state_fd, config->certificate[i].name);
	sha256_digest(&sum, sizeof(due->grounds), due->grounds);
	due->until = 0;
}

static void seal(const struct due *due, const struct note *note, unsigned char out[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx sum;

	sha256_init(&sum);
	add(&sum, due->grounds, sizeof(due->grounds));
	add(&sum, note, offsetof(struct note, sum));
	sha256_digest(&sum, SHA256_DIGEST_SIZE, out);
}

bool due_recall(struct due *due, int state_fd, int64_t now)
{
	OWN_FD int fd = openat(state_fd, "due", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	unsigned char sum[SHA256_DIGEST_SIZE];
	struct note note;

	if (fd < 0 || read(fd, &note, sizeof(note)) != (ssize_t)sizeof(note))
		return false;
	seal(due, &note, sum);
	if (memcmp(sum, note.sum, sizeof(sum)) || now < note.noted || now - note.noted >= BELIEVED || now >= note.until)
		return false;
	due->until = note.until;
	return true;
}

void due_note(const struct due *due, int state_fd, int64_t now)
{
	struct note note = { .noted = now, .until = due->until };
	OWN_FD int fd = openat(state_fd, "due.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	seal(due, &note, note.sum);
	if (fd < 0 || write(fd, &note, sizeof(note)) != (ssize_t)sizeof(note) || renameat(state_fd, "due.new", state_fd, "due") < 0)
		(void)unlinkat(state_fd, "due.new", 0);
}
