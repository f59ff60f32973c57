// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "store/file.h"

#define MARKER "deploy-pending"
#define DIRECTORY "directory"
#define FORM "bundle.p12"

/* One generation takes eight files and a directory, some 40 KiB; a run prunes as it goes. */
#define ROOM_BYTES (1024 * 1024)
#define ROOM_INODES 64

int store_clean(const struct store *store, struct fault *fault)
{
	static const char *const tops[] = { "certificates", "accounts", "ledger" };

	for (size_t i = 0; i < LENGTH_OF(tops); i++) {
		OWN_FD int top = dir_open(store->state, tops[i]);

		if (top < 0 && errno == ENOENT)
			continue;
		if (top < 0 || dir_clean(top) < 0)
			return fault_errno(fault, FAULT_FAILED, "cleaning %s/%s", store->path, tops[i]);
	}
	return 0;
}

/*
 * File systems that make inodes as they need them (btrfs) count none at all. Where there is no Landlock, the state directory itself is
 * read-only, see seclusion_enter().
 */
int store_check_room(const struct store *store, struct fault *fault)
{
	OWN_FD int top = dir_open(store->state, "certificates");
	struct statvfs s;
	uint64_t bytes;

	if (fstatvfs(top < 0 ? store->state : top, &s) < 0)
		return fault_errno(fault, FAULT_FAILED, "looking for room in %s", store->path);
	bytes = (uint64_t)s.f_bavail * s.f_frsize;
	if (s.f_flag & ST_RDONLY)
		return fault_set(fault, FAULT_FAILED,
				 "%s cannot be written: its file system is mounted read-only; mount it "
				 "for writing, nothing has been asked of the CA",
				 store->path);
	if (bytes < ROOM_BYTES)
		return fault_set(fault, FAULT_FAILED,
				 "%s has no room for a certificate: its file system has %" PRIu64
				 " KiB left, %d KiB are wanted; make room, nothing has been asked of the CA",
				 store->path, bytes / 1024, ROOM_BYTES / 1024);
	if (s.f_files && s.f_favail < ROOM_INODES)
		return fault_set(fault, FAULT_FAILED,
				 "%s has no room for a certificate: its file system has %" PRIu64
				 " inodes left, %d are wanted; remove files, nothing has been asked of the CA",
				 store->path, (uint64_t)s.f_favail, ROOM_INODES);
	return 0;
}

int store_open(const struct store *store, const char *name, bool passable, struct fault *fault)
{
	int fd = dir_top(store->state, name, passable);

	if (fd < 0)
		return fault_errno(fault, FAULT_FAILED, "%s/%s", store->path, name);
	return fd;
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

/* All hooks are owed from before the switch on: a crash in between runs one once too often rather than never. */
static int mark_pending(int dir, const struct certificate *certificate, struct fault *fault)
{
	if (!certificate->hooks)
		return 0;
	if (file_write(dir, MARKER, "", 0, NULL) < 0 && (errno != EEXIST || file_replace(dir, MARKER, "", 0) < 0))
		return fault_errno(fault, FAULT_FAILED, "noting that the deploy hooks are pending");
	if (fsync(dir) < 0)
		return fault_errno(fault, FAULT_FAILED, "noting that the deploy hooks are pending");
	return 0;
}

/* Nothing usable is live: it never was, a crash came before the switch, or it broke. */
static int heal(int dir, const struct store *store, const struct certificate *certificate, struct stored *stored, struct fault *fault)
{
	if (stored->broken && generation_put_aside(dir, stored->generation, fault) < 0)
		return -1;
	if (generation_find_whole(dir, &store->examiner, &stored->verdict, &stored->generation, fault) < 0)
		return -1;
	if (!stored->generation) {
		if (unlinkat(dir, "live", 0) < 0 && errno != ENOENT)
			return fault_errno(fault, FAULT_FAILED, "removing a link to nothing");
		return 0;
	}
	stored->present = true;
	if (mark_pending(dir, certificate, fault) < 0)
		return -1;
	return generation_switch(dir, stored->generation, fault);
}

/* Generations had no such file once, and it is no part of the certificate: one that cannot be read says nothing. */
static void read_directory(int dir, struct stored *stored)
{
	OWN_FD int generation = generation_open(dir, stored->generation);
	size_t length;
	OWN_FREE char *text = generation < 0 ? NULL : file_read(generation, DIRECTORY, &length);

	if (text && length > 0 && length < sizeof(stored->directory))
		memcpy(stored->directory, text, length + 1);
}

static int inspect(int dir, const struct store *store, const struct certificate *certificate, struct stored *stored,
		   struct fault *fault)
{
	bool unusable;
	int whole = 0;

	stored->generation = generation_live(dir, &unusable);
	if (stored->generation)
		whole = generation_examine(dir, stored->generation, &store->examiner, &stored->verdict, fault);
	if (whole < 0)
		return -1;
	stored->present = whole;
	stored->broken = !whole && (stored->generation || unusable);
	if (!whole && heal(dir, store, certificate, stored, fault) < 0)
		return -1;
	stored->deploy_pending = certificate->hooks && file_exists(dir, MARKER);
	if (stored->present)
		read_directory(dir, stored);
	return 0;
}

/* 0: *dir is open, or -1 when there is no such directory yet. */
static int open_certificate(const struct store *store, const char *name, int *dir, struct fault *fault)
{
	OWN_FD int top = dir_open(store->state, "certificates");

	*dir = top < 0 ? -1 : dir_open(top, name);
	if (*dir < 0 && errno != ENOENT)
		return fault_errno(fault, FAULT_FAILED, "%s/certificates/%s", store->path, name);
	return 0;
}

int store_inspect(const struct store *store, const struct certificate *certificate, struct stored *stored, struct fault *fault)
{
	OWN_FD int dir = -1;

	memset(stored, 0, sizeof(*stored));
	if (open_certificate(store, certificate->name, &dir, fault) < 0)
		return -1;
	if (dir >= 0 && inspect(dir, store, certificate, stored, fault) < 0)
		return fault_at(fault, "%s/certificates/%s", store->path, certificate->name);
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static bool is_shared(const struct certificate *certificate)
{
	return certificate->owner || certificate->group || (certificate->mode & 0077);
}

struct text {
	const char *data;
	size_t length;
};

/* Key and certificates in one file, in the two orders that servers want. */
static int write_joined(int dir, const char *name, struct text first, struct text second, const struct certificate *certificate)
{
	size_t length = first.length + second.length;
	char *both = malloc(length);
	int rc;

	if (!both)
		return -1;
	memcpy(both, first.data, first.length);
	memcpy(both + first.length, second.data, second.length);
	rc = file_write(dir, name, both, length, certificate);
	explicit_bzero(both, length);
	free(both);
	return rc;
}

static int write_key(int dir, const struct certificate *certificate, struct text key, struct text chain, struct fault *fault)
{
	if (file_write(dir, "privkey.pem", key.data, key.length, certificate) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing privkey.pem");
	if (write_joined(dir, "combined.pem", chain, key, certificate) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing combined.pem");
	if (write_joined(dir, "keyfirst.pem", key, chain, certificate) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing keyfirst.pem");
	return 0;
}

static int write_files(int dir, const struct certificate *certificate, const struct bundle *bundle, size_t length, struct fault *fault)
{
	const struct text key = { bundle->text, bundle->key_length };
	const struct text chain = { bundle->text + bundle->key_length,
				    length - sizeof(*bundle) - bundle->key_length - bundle->form_length };
	const struct {
		const char *name;
		struct text text;
	} files[] = {
		{ "cert.pem", { chain.data, bundle->leaf_length } },
		{ "chain.pem", { chain.data + bundle->leaf_length, chain.length - bundle->leaf_length } },
		{ "fullchain.pem", chain },
		{ FORM, { chain.data + chain.length, bundle->form_length } },
	};
	const size_t number = bundle->form_length ? LENGTH_OF(files) : LENGTH_OF(files) - 1;

	if (key.length ? write_key(dir, certificate, key, chain, fault) < 0 : file_write(dir, KEYLESS, "", 0, NULL) < 0)
		return key.length ? -1 : fault_errno(fault, FAULT_FAILED, "writing " KEYLESS);
	for (size_t i = 0; i < number; i++)
		if (file_write(dir, files[i].name, files[i].text.data, files[i].text.length, certificate) < 0)
			return fault_errno(fault, FAULT_FAILED, "writing %s", files[i].name);
	return 0;
}

/* A whole generation under a temporary name. */
static int write_generation(int dir, const struct store *store, const struct certificate *certificate, const struct bundle *bundle,
			    size_t length, struct fault *fault)
{
	OWN_FD int generation = -1;

	(void)dir_remove(dir, TEMPORARY "generation");
	generation = dir_make(dir, TEMPORARY "generation", is_shared(certificate));
	if (generation < 0)
		return fault_errno(fault, FAULT_FAILED, "making a directory");
	if (write_files(generation, certificate, bundle, length, fault) < 0)
		return -1;
	if (file_write(generation, DIRECTORY, store->directory, strlen(store->directory), NULL) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing " DIRECTORY);
	if (fsync(generation) < 0)
		return fault_errno(fault, FAULT_FAILED, "bringing the new files to the disk");
	return 0;
}

static int publish(int dir, const struct certificate *certificate, uint32_t number, struct fault *fault)
{
	if (mark_pending(dir, certificate, fault) < 0 || generation_name(dir, TEMPORARY "generation", number, fault) < 0)
		return -1;
	return generation_switch(dir, number, fault);
}

/* A generation that did not become live leaves nothing behind, and the old one owes no hook because of it. */
static void discard(int dir, uint32_t number, bool was_pending)
{
	bool unusable;

	if (generation_live(dir, &unusable) == number)
		return;
	(void)dir_remove(dir, TEMPORARY "generation");
	generation_remove(dir, number);
	if (!was_pending)
		(void)unlinkat(dir, MARKER, 0);
}

static int save(int dir, const struct store *store, const struct certificate *certificate, const struct bundle *bundle,
		size_t length, struct fault *fault)
{
	bool was_pending = file_exists(dir, MARKER);
	uint32_t number = generation_next(dir, fault);

	if (!number)
		return -1;
	if (write_generation(dir, store, certificate, bundle, length, fault) < 0 || publish(dir, certificate, number, fault) < 0) {
		discard(dir, number, was_pending);
		return -1;
	}
	generation_prune(dir, number);
	return 0;
}

int store_save(const struct store *store, const struct certificate *certificate, const struct bundle *bundle, size_t length,
	       struct fault *fault)
{
	OWN_FD int top = store_open(store, "certificates", is_shared(certificate), fault);
	OWN_FD int dir = -1;

	if (top < 0)
		return -1;
	dir = dir_make(top, certificate->name, is_shared(certificate));
	if (dir < 0)
		return fault_errno(fault, FAULT_FAILED, "%s/certificates/%s", store->path, certificate->name);
	if (save(dir, store, certificate, bundle, length, fault) < 0)
		return fault_at(fault, "%s/certificates/%s", store->path, certificate->name);
	return 0;
}

static int adjust(int top, const struct certificate *certificate, uint32_t number, struct fault *fault)
{
	static const char *const files[] = { "privkey.pem", "combined.pem", "keyfirst.pem",
					     "cert.pem",    "chain.pem",    "fullchain.pem",
					     FORM };
	OWN_FD int dir = dir_make(top, certificate->name, is_shared(certificate));
	OWN_FD int generation = dir < 0 ? -1 : generation_open(dir, number);
	int changed = 0;

	if (generation < 0 || (is_shared(certificate) && dir_let_pass(generation) < 0))
		return fault_errno(fault, FAULT_FAILED, "generation %u", number);
	for (size_t i = 0; i < LENGTH_OF(files); i++) {
		int rc = file_give(generation, files[i], certificate);

		if (rc < 0 && errno != ENOENT) /* not all generations have all */
			return fault_errno(fault, FAULT_FAILED, "owner, group and mode of %s", files[i]);
		changed |= rc > 0;
	}
	return changed;
}

int store_adjust(const struct store *store, const struct certificate *certificate, uint32_t generation, struct fault *fault)
{
	OWN_FD int top = store_open(store, "certificates", is_shared(certificate), fault);
	int rc = top < 0 ? -1 : adjust(top, certificate, generation, fault);

	return rc < 0 && top >= 0 ? fault_at(fault, "%s/certificates/%s", store->path, certificate->name) : rc;
}

char *store_load_key(const struct store *store, const struct certificate *certificate, size_t *length, struct fault *fault)
{
	OWN_FD int dir = -1;
	OWN_FD int generation = -1;
	bool unusable;
	char *key;

	if (open_certificate(store, certificate->name, &dir, fault) < 0)
		return NULL;
	generation = dir < 0 ? -1 : generation_open(dir, generation_live(dir, &unusable));
	key = generation < 0 ? NULL : file_read(generation, "privkey.pem", length);
	if (!key)
		fault_errno(fault, FAULT_LATER, "%s/certificates/%s/live/privkey.pem", store->path, certificate->name);
	return key;
}

int store_deployed(const struct store *store, const struct certificate *certificate, const char *hooks, size_t length,
		   struct fault *fault)
{
	OWN_FD int dir = -1;
	int rc;

	if (open_certificate(store, certificate->name, &dir, fault) < 0)
		return -1;
	if (dir < 0)
		return 0;
	if (length)
		rc = file_replace(dir, MARKER, hooks, length);
	else
		rc = (unlinkat(dir, MARKER, 0) < 0 && errno != ENOENT) ? -1 : fsync(dir);
	if (rc < 0)
		return fault_errno(fault, FAULT_FAILED, "%s/certificates/%s/" MARKER, store->path, certificate->name);
	return 0;
}
