// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define JOURNAL_MAGIC "acmegate"
#define JOURNAL_VERSION 1
#define JOURNAL_BYTES (JOURNAL_SLOTS * JOURNAL_SLOT_SIZE)

struct slot {
	char magic[8];
	uint32_t version;
	uint32_t armed;
	uint64_t sequence;
	uint32_t backends;
	uint32_t seconds;
	uint16_t port;
	uint8_t own_listener;
	char tag[TAG_SIZE];
	uint8_t net, padding[2];
	int64_t cleared;
	unsigned char reserved[JOURNAL_SLOT_SIZE - 72 - SHA256_DIGEST_SIZE];
	unsigned char sum[SHA256_DIGEST_SIZE]; /* of all before it */
};
_Static_assert(sizeof(struct slot) == JOURNAL_SLOT_SIZE, "a slot is a sector, which a disk writes whole or not");

static void checksum(const struct slot *slot, unsigned char out[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx sum;

	sha256_init(&sum);
	sha256_update(&sum, offsetof(struct slot, sum), (const uint8_t *)slot);
	sha256_digest(&sum, SHA256_DIGEST_SIZE, out);
}

static bool is_valid(const struct slot *slot)
{
	unsigned char sum[SHA256_DIGEST_SIZE];

	checksum(slot, sum);
	return !memcmp(slot->magic, JOURNAL_MAGIC, sizeof(slot->magic)) && !memcmp(slot->sum, sum, sizeof(sum));
}

static void take(struct journal *journal, const struct slot *slot)
{
	journal->sequence = slot->sequence;
	journal->armed = slot->armed != 0;
	journal->backends = slot->backends;
	memset(&journal->opening, 0, sizeof(journal->opening));
	memcpy(journal->opening.tag, slot->tag, TAG_SIZE - 1);
	journal->opening.port = journal->opening.target = slot->port;
	journal->opening.seconds = slot->seconds;
	journal->opening.own_listener = slot->own_listener != 0;
	journal->net = slot->net;
	journal->cleared = slot->cleared;
}

int journal_parse(struct journal *journal, const unsigned char *image, struct fault *fault)
{
	int found = 0;

	for (int i = 0; i < JOURNAL_SLOTS; i++) {
		struct slot slot;

		memcpy(&slot, image + i * JOURNAL_SLOT_SIZE, sizeof(slot));
		if (!is_valid(&slot))
			continue;
		if (slot.version > JOURNAL_VERSION)
			return fault_set(fault, FAULT_FAILED,
					 "it was written by a newer acmegate (version %u, this one knows %d): use that one. If "
					 "it is not to come back, remove the journal while no acmegate is at work",
					 slot.version, JOURNAL_VERSION);
		if (!found || slot.sequence > journal->sequence)
			take(journal, &slot);
		found = 1;
	}
	return found;
}

/* Only what is on the disk is so. */
static int write_slot(struct journal *journal, bool armed, struct fault *fault)
{
	struct slot slot = { .version = JOURNAL_VERSION };
	off_t at;

	memcpy(slot.magic, JOURNAL_MAGIC, sizeof(slot.magic));
	slot.sequence = journal->sequence + 1;
	slot.armed = armed;
	slot.backends = journal->backends;
	slot.seconds = journal->opening.seconds;
	slot.port = journal->opening.port;
	slot.own_listener = journal->opening.own_listener;
	memcpy(slot.tag, journal->opening.tag, TAG_SIZE);
	slot.net = (uint8_t)journal->net;
	slot.cleared = journal->cleared;
	checksum(&slot, slot.sum);
	at = (off_t)(slot.sequence % JOURNAL_SLOTS) * JOURNAL_SLOT_SIZE;
	if (pwrite(journal->fd, &slot, sizeof(slot), at) != (ssize_t)sizeof(slot) || fdatasync(journal->fd) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing the journal");
	journal->sequence = slot.sequence;
	journal->armed = armed;
	return 0;
}

int journal_arm(struct journal *journal, const struct opening *opening, uint32_t mask, struct fault *fault)
{
	journal->armed = true;
	journal->opening = *opening;
	journal->backends = mask;
	journal->net = NET_UNKNOWN;
	return write_slot(journal, true, fault);
}

int journal_clear(struct journal *journal, struct fault *fault)
{
	journal->cleared = time(NULL);
	return write_slot(journal, false, fault);
}

/* A second write makes both slots valid, so that the file never depends on one sector. */
static int make(struct journal *journal, int state_fd, struct fault *fault)
{
	/* A quarantine that was interrupted is still to be made good. */
	if (faccessat(state_fd, "journal.corrupt", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		journal->armed = true;
	errno = posix_fallocate(journal->fd, 0, JOURNAL_BYTES);
	if (errno)
		return fault_errno(fault, FAULT_FAILED, "making room for the journal, %d bytes", JOURNAL_BYTES);
	/* NOLINTNEXTLINE(misc-redundant-expression): each call writes the other slot */
	if (write_slot(journal, journal->armed, fault) < 0 || write_slot(journal, journal->armed, fault) < 0)
		return -1;
	if (fsync(journal->fd) < 0 || fsync(state_fd) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing the journal");
	return 0;
}

/*
 * Puts a whole new journal in the place of one that is empty or unreadable. That one, and its lock, go when the new one is on
 * the disk: on a full disk they stay.
 */
static int replace(struct journal *journal, int state_fd, bool keep, struct fault *fault)
{
	journal->fd = openat(state_fd, "journal.new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (journal->fd < 0 || flock(journal->fd, LOCK_EX | LOCK_NB) < 0)
		return fault_errno(fault, FAULT_FAILED, "making a new journal");
	if (make(journal, state_fd, fault) < 0)
		return -1;
	if ((keep && renameat(state_fd, "journal", state_fd, "journal.corrupt") < 0) ||
	    renameat(state_fd, "journal.new", state_fd, "journal") < 0 || fsync(state_fd) < 0)
		return fault_errno(fault, FAULT_FAILED, "putting the new journal in its place");
	return 0;
}

static int begin_anew(struct journal *journal, int state_fd, bool keep, struct fault *fault)
{
	int old = steal_fd(&journal->fd);

	if (replace(journal, state_fd, keep, fault) < 0) {
		close_fd(&journal->fd);
		journal->fd = old;
		return -1;
	}
	close(old);
	return 0;
}

/* Nobody can say what stands: the evidence is kept, and the new journal begins armed with no tag, which means any. */
static int quarantine(struct journal *journal, int state_fd, struct fault *fault)
{
	journal->armed = journal->quarantined = true;
	journal->backends = UINT32_MAX;
	return begin_anew(journal, state_fd, true, fault);
}

/* 1: locked. 0: while we came to it, another process has put a new one in its place. */
static int lock(struct journal *journal, int state_fd, struct fault *fault)
{
	struct stat s, now;

	close_fd(&journal->fd);
	journal->fd = openat(state_fd, "journal", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (journal->fd < 0 && errno != EACCES) /* the gate has no right to open the file of another user */
		return fault_errno(fault, FAULT_FAILED, "opening the journal, which must be a file that can be written");
	if (journal->fd < 0 || fstat(journal->fd, &s) < 0 || !S_ISREG(s.st_mode) || s.st_uid != geteuid() ||
	    (s.st_mode & (S_IWGRP | S_IWOTH)))
		return fault_set(fault, FAULT_FAILED,
				 "the journal is not a regular file that root alone can write; remove it and "
				 "run acmegate recover");
	if (flock(journal->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? fault_set(fault, FAULT_LATER,
							"another acmegate is at work; try again when it has "
							"finished") :
					      fault_errno(fault, FAULT_FAILED, "locking the journal");
	return fstatat(state_fd, "journal", &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == s.st_dev && now.st_ino == s.st_ino;
}

static int read_slots(struct journal *journal, int state_fd, struct fault *fault)
{
	unsigned char image[JOURNAL_BYTES] = { 0 };
	ssize_t n = pread(journal->fd, image, sizeof(image), 0);
	int found;

	if (n < 0)
		return fault_errno(fault, FAULT_FAILED, "reading the journal");
	if (n == 0)
		return begin_anew(journal, state_fd, false, fault);
	found = journal_parse(journal, image, fault);
	if (found < 0)
		return -1;
	return found ? 0 : quarantine(journal, state_fd, fault);
}

int journal_reread(struct journal *journal, struct fault *fault)
{
	unsigned char image[JOURNAL_BYTES] = { 0 };
	int found;

	if (pread(journal->fd, image, sizeof(image), 0) < 0)
		return fault_errno(fault, FAULT_FAILED, "reading the journal");
	found = journal_parse(journal, image, fault);
	if (found == 0) /* then better search for what may stand than trust it */
		journal->armed = true;
	return found < 0 ? -1 : 0;
}

int journal_open(struct journal *journal, int state_fd, struct fault *fault)
{
	int rc;

	memset(journal, 0, sizeof(*journal));
	journal->fd = journal->single = -1;
	do
		rc = lock(journal, state_fd, fault);
	while (rc == 0);
	if (rc > 0 && read_slots(journal, state_fd, fault) == 0)
		return 0;
	journal_close(journal);
	return -1;
}

void journal_close(struct journal *journal)
{
	close_fd(&journal->fd);
}
