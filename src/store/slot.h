/* SPDX-License-Identifier: GPL-3.0-or-later */
/* slot.h - the sectors of the ledger of windows (windows.h), each with a checksum. */
#ifndef ACMEGATE_STORE_SLOT_H
#define ACMEGATE_STORE_SLOT_H

#include <nettle/sha2.h>
#include <stdbool.h>

#include "base/fault.h"
#include "store/window_entry.h"

#define SLOT_MAGIC 8
#define SLOT_ENTRY "acmewind"
#define SLOT_DAY "acmedays"
#define SLOT_SIZE 512
#define SLOT_VERSION 1

/* The beginning of entry N has the sequence 2N, its end 2N + 1; the first entry is number 1. A day has the number of its last entry. */
struct slot {
	char magic[SLOT_MAGIC];
	uint32_t version, length; /* length: of the entry, by the acmegate that wrote it */
	uint64_t sequence;
	union {
		struct window_entry entry;
		struct window_day day;
		unsigned char room[SLOT_SIZE - 24 - SHA256_DIGEST_SIZE];
	} u;
	unsigned char sum[SHA256_DIGEST_SIZE]; /* of all before it */
};
_Static_assert(sizeof(struct slot) == SLOT_SIZE, "a slot is a sector, which a disk writes whole or not");

/* Is it a whole one of this kind, SLOT_ENTRY or SLOT_DAY? */
bool slot_is_valid(const struct slot *slot, const char magic[SLOT_MAGIC]);

struct slot slot_seal_entry(uint64_t sequence, const struct window_entry *entry);
struct slot slot_seal_day(uint64_t number, const struct window_day *day);

/* Their places, in slots from the start of the file. kept: the number of windows that the file has room for. */
size_t slot_place(uint32_t kept, uint64_t sequence);
size_t slot_place_of_day(int64_t day);

int slot_read(int fd, size_t place, struct slot *slot) MUST_CHECK;
int slot_write(int fd, size_t place, const struct slot *slot) MUST_CHECK;

#endif
