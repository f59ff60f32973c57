// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/windows.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "store/file.h"

#define MAGIC "acmewind"
#define WINDOWS_VERSION 1
#define CORRUPT WINDOWS_FILE ".corrupt"
#define BESIDE WINDOWS_FILE "~"
#define SLOTS (2 * WINDOWS_KEPT)
#define SLOT_SIZE 512

/* The beginning of entry N has the sequence 2N, its end 2N + 1; the first entry is number 1. */
struct slot {
	char magic[8];
	uint32_t version, length; /* length: of the entry, by the acmegate that wrote it */
	uint64_t sequence;
	struct window_entry entry;
	unsigned char reserved[SLOT_SIZE - 24 - sizeof(struct window_entry) - SHA256_DIGEST_SIZE];
	unsigned char sum[SHA256_DIGEST_SIZE]; /* of all before it */
};
_Static_assert(sizeof(struct slot) == SLOT_SIZE, "a slot is a sector, which a disk writes whole or not");

struct image {
	struct slot slot[SLOTS];
};

static void add_up(const struct slot *slot, unsigned char sum[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, offsetof(struct slot, sum), (const uint8_t *)slot);
	sha256_digest(&context, SHA256_DIGEST_SIZE, sum);
}

static bool is_valid(const struct slot *slot)
{
	unsigned char sum[SHA256_DIGEST_SIZE];

	if (memcmp(slot->magic, MAGIC, sizeof(slot->magic)) != 0)
		return false;
	add_up(slot, sum);
	return !memcmp(sum, slot->sum, sizeof(sum));
}

static bool is_empty(const struct image *image)
{
	static const struct slot nothing;

	for (size_t i = 0; i < SLOTS; i++)
		if (memcmp(&image->slot[i], &nothing, sizeof(nothing)) != 0)
			return false;
	return true;
}

static void take(const struct slot *slot, struct window_entry *entry)
{
	*entry = slot->entry;
	entry->client[sizeof(entry->client) - 1] = entry->detail[sizeof(entry->detail) - 1] = '\0';
}

/* The valid slot with the highest sequence below this one; NULL: there is none. Sums are added up for few: they cost most. */
static const struct slot *find_before(const struct image *image, uint64_t sequence)
{
	const struct slot *best;

	do {
		best = NULL;
		for (size_t i = 0; i < SLOTS; i++) {
			const struct slot *slot = &image->slot[i];

			if (slot->sequence > (best ? best->sequence : 1) && slot->sequence < sequence && slot->sequence % SLOTS == i)
				best = slot;
		}
		sequence = best ? best->sequence : 0;
	} while (best && !is_valid(best));
	return best;
}

static enum windows_state parse(struct windows *windows, const struct image *image)
{
	const struct slot *slot = find_before(image, UINT64_MAX);

	if (!slot)
		return is_empty(image) ? WINDOWS_READ : WINDOWS_CORRUPT;
	if (slot->version > WINDOWS_VERSION)
		return WINDOWS_NEWER;
	windows->number = slot->sequence / 2;
	windows->ended = slot->sequence % 2;
	take(slot, &windows->newest);
	return WINDOWS_READ;
}

static int read_image(int fd, struct image *image)
{
	ssize_t n = pread(fd, image, sizeof(*image), 0);

	return n < 0 ? -1 : n == (ssize_t)sizeof(*image);
}

/* An image has 64 KiB, which no stack should carry; each process has one thread. */
static struct image image;

static int load(struct windows *windows, int state_fd, const char *name, int flags, enum windows_state *state, struct fault *fault)
{
	off_t size;
	int whole;

	*windows = (struct windows){ .fd = openat(state_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) };
	*state = WINDOWS_NONE;
	if (windows->fd < 0 && errno == ENOENT)
		return 0;
	size = windows->fd < 0 ? 0 : lseek(windows->fd, 0, SEEK_END);
	whole = size == (off_t)sizeof(image) ? read_image(windows->fd, &image) : 0;
	if ((windows->fd < 0 || whole < 0) && !file_is_broken(errno) && errno != EISDIR) {
		fault_errno(fault, FAULT_LATER, "reading %s", name);
		close_fd(&windows->fd);
		return -1;
	}
	*state = whole > 0 ? parse(windows, &image) : WINDOWS_CORRUPT;
	if (*state != WINDOWS_READ)
		close_fd(&windows->fd);
	return 0;
}

static int make(int state_fd, const char *name, struct fault *fault)
{
	OWN_FD int listed = dir_open(state_fd, ".");

	memset(&image, 0, sizeof(image));
	if (listed < 0 || file_replace(listed, name, (const char *)&image, sizeof(image)) < 0)
		return fault_errno(fault, FAULT_FAILED, "making %s, %zu bytes", name, sizeof(image));
	return 0;
}

int windows_open(struct windows *windows, int state_fd, enum windows_state *state, struct fault *fault)
{
	const char *name = WINDOWS_FILE;
	enum windows_state now;

	if (load(windows, state_fd, name, O_RDWR, state, fault) < 0)
		return -1;
	if (*state == WINDOWS_READ)
		return 0;
	now = *state;
	if (now == WINDOWS_NEWER) {
		name = BESIDE;
		if (load(windows, state_fd, name, O_RDWR, &now, fault) < 0)
			return -1;
	}
	if (now == WINDOWS_CORRUPT && renameat(state_fd, name, state_fd, CORRUPT) < 0)
		return fault_errno(fault, FAULT_FAILED, "renaming %s, which is corrupt, to " CORRUPT, name);
	if (now == WINDOWS_READ)
		return 0;
	if (make(state_fd, name, fault) < 0 || load(windows, state_fd, name, O_RDWR, &now, fault) < 0)
		return -1;
	return now == WINDOWS_READ ? 0 : fault_set(fault, FAULT_FAILED, "%s is not as it was made", name);
}

int windows_look(struct windows *windows, int state_fd, enum windows_state *state, struct fault *fault)
{
	enum windows_state beside;

	if (load(windows, state_fd, WINDOWS_FILE, O_RDONLY, state, fault) < 0)
		return -1;
	return *state == WINDOWS_NEWER ? load(windows, state_fd, BESIDE, O_RDONLY, &beside, fault) : 0;
}

static int put(struct windows *windows, uint64_t sequence, const struct window_entry *entry, struct fault *fault)
{
	struct slot slot = { .version = WINDOWS_VERSION, .length = sizeof(*entry), .sequence = sequence };
	off_t at = (off_t)(sequence % SLOTS) * SLOT_SIZE;

	memcpy(slot.magic, MAGIC, sizeof(slot.magic));
	memcpy(&slot.entry, entry, sizeof(*entry));
	add_up(&slot, slot.sum);
	if (pwrite(windows->fd, &slot, sizeof(slot), at) != (ssize_t)sizeof(slot) || fdatasync(windows->fd) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing the ledger of windows");
	windows->number = sequence / 2;
	windows->ended = sequence % 2;
	windows->newest = *entry;
	return 0;
}

/* What an older acmegate has not counted is not known. */
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

int windows_begin(struct windows *windows, const struct window_entry *entry, struct fault *fault)
{
	struct window_entry counted = *entry;

	counted.before_ms = windows->newest.before_ms + windows->newest.open_ms;
	count_before(&counted, windows);
	return put(windows, 2 * (windows->number + 1), &counted, fault);
}

int windows_end(struct windows *windows, const struct window_entry *entry, struct fault *fault)
{
	struct window_entry counted = *entry;

	counted.before_ms = windows->newest.before_ms;
	memcpy(counted.before, windows->newest.before, sizeof(counted.before));
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

bool windows_settle(const struct windows *windows, const struct past *past, const struct instant *now, struct window_entry *entry)
{
	if (!windows->number || windows->ended)
		return false;
	*entry = windows->newest;
	entry->net = conclude(entry, past, now);
	if (entry->net != NET_NEVER)
		entry->closed = past->cleared ? past->cleared : now->wall;
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
	uint64_t below = UINT64_MAX;
	const struct slot *slot;
	uint32_t count = 0;

	if (windows->fd < 0 || read_image(windows->fd, &image) <= 0)
		return 0;
	while (count < WINDOWS_KEPT && (slot = find_before(&image, below))) {
		take(slot, &entry[count++]);
		below = slot->sequence / 2 * 2; /* the beginning of an entry that has its end is passed */
	}
	return count;
}
