// SPDX-License-Identifier: GPL-3.0-or-later
/* storage.c - the state directory, and the owners and modes of the keys in it. */
#include "check/check.h"

#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define ROOM_WRONG (1024 * 1024)	/* bytes that a run wants, see store.c */
#define ROOM_WARNING (16 * 1024 * 1024) /* for some hundred certificates and their ledgers */
#define INODES 64
#define OTHERS (S_IWGRP | S_IWOTH)

static void check_room(struct examination *e, const char *path, int fd)
{
	struct statvfs s;
	uint64_t bytes;

	if (fstatvfs(fd, &s) < 0)
		return;
	bytes = (uint64_t)s.f_bavail * s.f_frsize;
	if (s.f_flag & ST_RDONLY)
		sheet_add(&e->sheet, MARK_WRONG, path, "mount its file system for writing, or set [gate] state",
			  "is mounted read-only");
	else if (bytes < ROOM_WARNING || (s.f_files && s.f_favail < INODES))
		sheet_add(&e->sheet, bytes < ROOM_WRONG || (s.f_files && s.f_favail < INODES) ? MARK_WRONG : MARK_WARNING, path,
			  "make room on its file system", "has %" PRIu64 " KiB and %" PRIu64 " inodes left", bytes / 1024,
			  (uint64_t)s.f_favail);
	else
		sheet_add(&e->sheet, MARK_OK, path, NULL, "can be written, %" PRIu64 " MiB are free", bytes / (1024 * 1024));
}

/* A user who may write a directory on the way can put another one in its place. */
static bool is_safe(struct examination *e, const char *path)
{
	char part[PATH_SIZE];
	struct stat s;

	for (size_t i = 0; path[i]; i++) {
		if (path[i + 1] && path[i + 1] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i + 1, path);
		if (stat(part, &s) < 0)
			return true;
		if ((s.st_uid == 0 || s.st_uid == geteuid()) && (!(s.st_mode & OTHERS) || (s.st_mode & S_ISVTX)))
			continue;
		sheet_add(&e->sheet, MARK_WRONG, part,
			  "chown root and chmod go-w, or set [gate] state to a directory that only root can write",
			  "can be written by others than root (owner %u, mode %04o): acmegate does not use it", s.st_uid,
			  s.st_mode & 07777U);
		return false;
	}
	return true;
}

void check_storage(struct examination *e)
{
	const char *path = e->config->gate.state;
	OWN_FD int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char above[PATH_SIZE];

	if (fd < 0 && errno != ENOENT) {
		sheet_add(&e->sheet, MARK_WRONG, path, "remove what is in its place, or set [gate] state", "%s", strerror(errno));
		return;
	}
	if (!is_safe(e, path))
		return;
	if (fd >= 0) {
		check_room(e, path, fd);
		return;
	}
	snprintf(above, sizeof(above), "%.*s", strrchr(path, '/') > path ? (int)(strrchr(path, '/') - path) : 1, path);
	if (access(above, F_OK) < 0)
		sheet_add(&e->sheet, MARK_WRONG, path, "make the directory above it, or set [gate] state",
			  "cannot be made: there is no %s", above);
	else
		sheet_add(&e->sheet, MARK_OK, path, NULL, "is not there yet: the first run makes it");
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static void check_key(struct examination *e, const struct certificate *certificate)
{
	char path[2 * PATH_SIZE];
	struct stat s;

	snprintf(path, sizeof(path), "%s/certificates/%s/live/privkey.pem", e->config->gate.state, certificate->name);
	if (stat(path, &s) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			sheet_add(&e->sheet, MARK_WRONG, certificate->name, "see to the file system of the state directory",
				  "%s: %s", path, strerror(errno));
		else if (certificate->csr_length)
			sheet_add(&e->sheet, MARK_OK, certificate->name, NULL, "its key is elsewhere");
		else
			sheet_add(&e->sheet, MARK_OK, certificate->name, NULL, "is not obtained yet");
		return;
	}
	if (s.st_uid == certificate->owner && s.st_gid == certificate->group && (s.st_mode & 07777) == certificate->mode)
		sheet_add(&e->sheet, MARK_OK, certificate->name, NULL, "the key has the owner and the mode of the configuration");
	else
		sheet_add(&e->sheet,
			  (s.st_mode & ~certificate->mode & 077) || s.st_uid != certificate->owner ? MARK_WRONG : MARK_WARNING,
			  certificate->name, "acmegate renew gives it back its owner and mode; who could read it may have a copy",
			  "%s has owner %u:%u and mode %04o, not %u:%u and %04o", path, s.st_uid, s.st_gid, s.st_mode & 07777U,
			  certificate->owner, certificate->group, certificate->mode);
}

void check_keys(struct examination *e)
{
	for (uint32_t i = 0; i < e->config->certificates; i++)
		check_key(e, &e->config->certificate[i]);
}
