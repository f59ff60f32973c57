// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/windows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "store/file.h"
#include "store/window_day.h"

#define CORRUPT WINDOWS_FILE ".corrupt"
#define BESIDE WINDOWS_FILE "~"
#define OLD_KEPT 64 /* of an earlier acmegate, whose file had no days */
#define SLOTS (2 * WINDOWS_KEPT + WINDOWS_DAYS)
#define FILE_SIZE(kept) ((off_t)(kept)*2 * SLOT_SIZE)
#define WHOLE_SIZE ((size_t)SLOTS * SLOT_SIZE)

/* The slot with this sequence, if it is there. */
static bool find(const struct windows *windows, uint64_t sequence, struct slot *slot)
{
	return slot_read(windows->fd, slot_place(windows->kept, sequence), slot) == 0 && slot->sequence == sequence &&
	       slot_is_valid(slot, SLOT_ENTRY);
}

/* The end of an entry, or if there is none its beginning. */
static bool find_entry(const struct windows *windows, uint64_t number, struct slot *slot)
{
	if (!find(windows, 2 * number + 1, slot) && !find(windows, 2 * number, slot))
		return false;
	slot->u.entry.client[WINDOWS_TEXT - 1] = slot->u.entry.detail[WINDOWS_TEXT - 1] = '\0';
	return true;
}

/* --- the newest entry --------------------------------------------------------------------------------------------- */

/* The number of the entry whose beginning is at this place; 0: none yet. -1: it is damaged. */
static int64_t number_at(const struct windows *windows, uint32_t place)
{
	static const struct slot nothing;
	struct slot slot;

	if (slot_read(windows->fd, 2 * (size_t)(place % windows->kept), &slot) < 0)
		return -1;
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c): all bytes of it in the file */
	if (!memcmp(&slot, &nothing, sizeof(slot)))
		return 0;
	return slot_is_valid(&slot, SLOT_ENTRY) && slot.sequence % (2 * windows->kept) == 2 * (place % windows->kept) ?
		       (int64_t)slot.sequence / 2 :
		       -1;
}

/*
 * Beginnings lie in the order of their numbers, from place 1 on, and the newest is followed by the oldest: a dozen slots are read, and not
 * all. 0: one of these is damaged, or empty.
 */
static uint64_t search(const struct windows *windows)
{
	uint32_t least = 1, most = windows->kept + 1;
	const int64_t first = number_at(windows, least);

	while (first > 0 && most - least > 1) {
		const uint32_t middle = (least + most) / 2;
		const int64_t number = number_at(windows, middle);

		if (number < 0)
			return 0;
		if (number == first - 1 + (int64_t)middle)
			least = middle;
		else
			most = middle;
	}
	return first > 0 ? (uint64_t)first - 1 + least : 0;
}

/* The highest sequence in any valid slot. *empty: all that was read is zero. */
static uint64_t search_all(const struct windows *windows, bool *empty)
{
	static const struct slot nothing;
	uint64_t highest = 0;
	struct slot slot;

	*empty = true;
	for (size_t i = 0; i < 2 * (size_t)windows->kept; i++) {
		const bool read = slot_read(windows->fd, i, &slot) == 0;

		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c): all bytes of it in the file */
		if (read && !memcmp(&slot, &nothing, sizeof(slot)))
			continue;
		*empty = false; /* a slot that cannot be read is not said to be empty: nothing is written over it */
		if (!read)
			continue;
		if (slot.sequence > highest && slot_place(windows->kept, slot.sequence) == i && slot.sequence > 1 &&
		    slot_is_valid(&slot, SLOT_ENTRY))
			highest = slot.sequence;
	}
	return highest / 2;
}

static enum windows_state parse(struct windows *windows)
{
	struct slot slot;
	bool empty;

	windows->number = search(windows);
	if (!windows->number || !find_entry(windows, windows->number, &slot)) {
		windows->number = search_all(windows, &empty);
		if (!windows->number)
			return empty ? WINDOWS_READ : WINDOWS_CORRUPT;
		if (!find_entry(windows, windows->number, &slot))
			return WINDOWS_CORRUPT;
	}
	if (slot.version > SLOT_VERSION)
		return WINDOWS_NEWER;
	windows->ended = slot.sequence % 2;
	windows->newest = slot.u.entry;
	return WINDOWS_READ;
}

static int load(struct windows *windows, int state_fd, const char *name, int flags, enum windows_state *state, struct fault *fault)
{
	struct stat s = { 0 };
	char first;

	*windows = (struct windows){ .fd = openat(state_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) };
	*state = WINDOWS_NONE;
	if (windows->fd < 0 && errno == ENOENT)
		return 0;
	if (windows->fd < 0 || fstat(windows->fd, &s) < 0 || (S_ISREG(s.st_mode) && pread(windows->fd, &first, 1, 0) < 0)) {
		const bool unseen = errno == EIO && !s.st_mode; /* that it cannot be looked at does not mean that it is damaged */

		if (unseen || (!file_is_broken(errno) && errno != EISDIR)) {
			fault_errno(fault, FAULT_LATER, "reading %s", name);
			close_fd(&windows->fd);
			return -1;
		}
		s.st_size = 0;
	}
	windows->kept = s.st_size == FILE_SIZE(OLD_KEPT) ? OLD_KEPT : WINDOWS_KEPT;
	*state = windows->kept == OLD_KEPT || s.st_size == (off_t)WHOLE_SIZE ? parse(windows) : WINDOWS_CORRUPT;
	if (*state != WINDOWS_READ) {
		close_fd(&windows->fd);
		windows->number = 0;
	}
	return 0;
}

/* --- days --------------------------------------------------------------------------------------------------------- */

uint32_t windows_read_days(const struct windows *windows, struct window_day day[WINDOWS_DAYS + 1])
{
	const int64_t last = window_day_number(&windows->newest);
	struct slot slot;
	uint32_t count = 0;

	if (windows->fd < 0 || !windows->number)
		return 0;
	day[count++] = window_day_of(&windows->newest);
	for (size_t i = 0; windows->kept == WINDOWS_KEPT && i < WINDOWS_DAYS; i++) {
		if (slot_read(windows->fd, 2 * WINDOWS_KEPT + i, &slot) < 0 || !slot_is_valid(&slot, SLOT_DAY))
			continue;
		if (slot.u.day.day <= last - WINDOWS_DAYS)
			continue;
		day[count++] = slot.u.day;
	}
	return count;
}

/* --- making ------------------------------------------------------------------------------------------------------- */

/* The group that may read the ledgers of certificates may read this one. A host without that group changes nothing. */
static void share(int fd, int state_fd)
{
	struct stat ledgers, s;

	if (fstatat(state_fd, "ledger", &ledgers, AT_SYMLINK_NOFOLLOW) < 0 || !(ledgers.st_mode & S_IRGRP) || fstat(fd, &s) < 0 ||
	    (s.st_gid == ledgers.st_gid && (s.st_mode & S_IRGRP)))
		return;
	if (fchown(fd, (uid_t)-1, ledgers.st_gid) == 0)
		(void)fchmod(fd, 0640);
}

/* Copies the entries of an older acmegate's file to their places in the new one, with the sums of their days. */
static void fill(struct slot *slots, const struct windows *from)
{
	const uint64_t oldest = from->number >= from->kept ? from->number - from->kept + 1 : 1;
	struct window_entry newest = { 0 };
	struct slot slot;
	uint64_t number = 0;

	for (uint64_t n = oldest; n <= from->number; n++) {
		struct window_entry *entry = &slot.u.entry;
		uint64_t before;

		if (!find_entry(from, n, &slot))
			continue;
		before = entry->before_ms;
		if (!window_day_go_on(entry, &newest, number) && number) {
			struct slot *day = &slots[slot_place_of_day(window_day_number(&newest))];

			*day = window_day_end(day, &newest, number);
		}
		entry->before_ms = before;
		slots[slot_place(WINDOWS_KEPT, 2 * n)] = slot_seal_entry(2 * n, entry);
		if (slot.sequence % 2)
			slots[slot_place(WINDOWS_KEPT, 2 * n + 1)] = slot_seal_entry(2 * n + 1, entry);
		newest = *entry;
		number = n;
	}
}

/* from: of an older acmegate, or NULL. */
static int make(int state_fd, const char *name, const struct windows *from, struct fault *fault)
{
	OWN_FD int listed = dir_open(state_fd, ".");
	OWN_FREE struct slot *slots = calloc(SLOTS, sizeof(*slots));

	if (slots && from)
		fill(slots, from);
	if (!slots || listed < 0 || file_replace(listed, name, (const char *)slots, WHOLE_SIZE) < 0)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
		return fault_errno(fault, FAULT_FAILED, "making %s, %zu bytes", name, WHOLE_SIZE);
	return 0;
}

static int make_and_load(struct windows *windows, int state_fd, const char *name, const struct windows *from, struct fault *fault)
{
	enum windows_state now;

	if (make(state_fd, name, from, fault) < 0)
		return -1;
	close_fd(&windows->fd);
	if (load(windows, state_fd, name, O_RDWR, &now, fault) < 0)
		return -1;
	return now == WINDOWS_READ ? 0 : fault_set(fault, FAULT_FAILED, "%s is not as it was made", name);
}

int windows_open(struct windows *windows, int state_fd, enum windows_state *state, struct fault *fault)
{
	const char *name = WINDOWS_FILE;
	enum windows_state now;
	int rc = 0;

	if (load(windows, state_fd, name, O_RDWR, state, fault) < 0)
		return -1;
	now = *state;
	if (now == WINDOWS_NEWER) {
		name = BESIDE;
		if (load(windows, state_fd, name, O_RDWR, &now, fault) < 0)
			return -1;
	}
	if (now == WINDOWS_CORRUPT && renameat(state_fd, name, state_fd, CORRUPT) < 0)
		return fault_errno(fault, FAULT_FAILED, "renaming %s, which is corrupt, to " CORRUPT, name);
	if (now != WINDOWS_READ)
		rc = make_and_load(windows, state_fd, name, NULL, fault);
	else if (windows->kept != WINDOWS_KEPT)
		rc = make_and_load(windows, state_fd, name, windows, fault);
	if (rc == 0)
		share(windows->fd, state_fd);
	return rc;
}

int windows_look(struct windows *windows, int state_fd, enum windows_state *state, struct fault *fault)
{
	enum windows_state beside;

	if (load(windows, state_fd, WINDOWS_FILE, O_RDONLY, state, fault) < 0)
		return -1;
	return *state == WINDOWS_NEWER ? load(windows, state_fd, BESIDE, O_RDONLY, &beside, fault) : 0;
}

/* --- writing and reading ------------------------------------------------------------------------------------------ */

static int put(struct windows *windows, uint64_t sequence, const struct window_entry *entry, struct fault *fault)
{
	const struct slot slot = slot_seal_entry(sequence, entry);

	if (slot_write(windows->fd, slot_place(windows->kept, sequence), &slot) < 0 || fdatasync(windows->fd) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing the ledger of windows");
	windows->number = sequence / 2;
	windows->ended = sequence % 2;
	windows->newest = *entry;
	return 0;
}

/* Windows that an older acmegate has not counted by their net are counted as unknown. */
static void count_before(struct window_entry *entry, const struct windows *windows)
{
	const struct window_entry *newest = &windows->newest;
	uint64_t counted = windows->number ? 1 : 0;

	_Static_assert(NETS == WINDOWS_NETS, "a number for each net");
	memcpy(entry->before, newest->before, sizeof(entry->before));
	for (uint32_t i = 0; i < WINDOWS_NETS; i++)
		counted += newest->before[i];
	if (windows->number)
		entry->before[newest->net < NETS ? newest->net : NET_UNKNOWN]++;
	if (counted < windows->number)
		entry->before[NET_UNKNOWN] += (uint32_t)(windows->number - counted);
}

/* It is on the disk together with the entry that comes next. */
static int put_day(const struct windows *windows, struct fault *fault)
{
	const size_t place = slot_place_of_day(window_day_number(&windows->newest));
	struct slot slot;

	if (slot_read(windows->fd, place, &slot) < 0)
		return fault_errno(fault, FAULT_FAILED, "reading the ledger of windows");
	slot = window_day_end(&slot, &windows->newest, windows->number);
	return slot_write(windows->fd, place, &slot) < 0 ? fault_errno(fault, FAULT_FAILED, "writing the ledger of windows") : 0;
}

int windows_begin(struct windows *windows, const struct window_entry *entry, struct fault *fault)
{
	struct window_entry counted = *entry;

	if (!window_day_go_on(&counted, &windows->newest, windows->number) && windows->number && put_day(windows, fault) < 0)
		return -1;
	count_before(&counted, windows);
	return put(windows, 2 * (windows->number + 1), &counted, fault);
}

int windows_end(struct windows *windows, const struct window_entry *entry, struct fault *fault)
{
	struct window_entry counted = *entry;

	counted.before_ms = windows->newest.before_ms;
	memcpy(counted.before, windows->newest.before, sizeof(counted.before));
	counted.day_ms = windows->newest.day_ms;
	counted.day_windows = windows->newest.day_windows;
	counted.day_longest_ms = windows->newest.day_longest_ms;
	return put(windows, 2 * windows->number + 1, &counted, fault);
}

/*
 * A machine that was started again has a firewall without our rules, however they went. When the time is up the kernel has closed: that is
 * counted from before the opening, and so too early by what that took.
 */
static enum net conclude(const struct window_entry *entry, const struct past *past, const struct instant *now)
{
	const bool found_later = past->net == NET_KERNEL || past->net == NET_RECOVERY || past->net == NET_GONE;

	if (past->sequence == entry->journal)
		return NET_NEVER;
	if (found_later && entry->begun.boot_id[0] && memcmp(entry->begun.boot_id, now->boot_id, sizeof(now->boot_id)) != 0)
		return NET_BOOT;
	if (past->net == NET_RECOVERY && instant_since(&entry->begun, now) >= (int64_t)entry->limit)
		return NET_KERNEL;
	return past->net < NETS ? (enum net)past->net : NET_UNKNOWN;
}

/* A killed acmegate has noted no end. The window was open at most until it was found closed, and no longer than the kernel lets it. */
static void bound(struct window_entry *entry)
{
	const int64_t seconds = entry->closed - entry->begun.wall + 1;

	entry->bounded = 1;
	entry->open_ms = (uint32_t)(seconds < 0 || seconds > (int64_t)entry->limit ? entry->limit : seconds) * 1000;
}

bool windows_settle(const struct windows *windows, const struct past *past, const struct instant *now, struct window_entry *entry)
{
	if (!windows->number || windows->ended)
		return false;
	*entry = windows->newest;
	entry->net = conclude(entry, past, now);
	if (entry->net == NET_NEVER)
		return true;
	entry->closed = past->cleared ? past->cleared : now->wall;
	bound(entry);
	return true;
}

const char *windows_asker(const struct window_entry *entry)
{
	static const char *const words[ASKERS] = {
		[ASKER_UNKNOWN] = "unknown", [ASKER_RENEW] = "renew", [ASKER_RENEW_NOW] = "renew-now",
		[ASKER_HOOK] = "hook",	     [ASKER_GUARD] = "guard", [ASKER_REHEARSE] = "rehearse",
	};
	_Static_assert(LENGTH_OF(words) == ASKERS, "a word for each asker");

	return words[entry->asker < ASKERS ? entry->asker : ASKER_UNKNOWN];
}

uint32_t windows_read(const struct windows *windows, struct window_entry entry[WINDOWS_KEPT])
{
	struct slot slot;
	uint32_t count = 0;

	if (windows->fd < 0)
		return 0;
	for (uint64_t back = 0; back < windows->kept && back < windows->number; back++)
		if (find_entry(windows, windows->number - back, &slot))
			entry[count++] = slot.u.entry;
	return count;
}
