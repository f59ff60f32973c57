// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/slot.h"

#include <string.h>
#include <unistd.h>

static void add_up(const struct slot *slot, unsigned char sum[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, offsetof(struct slot, sum), (const uint8_t *)slot);
	sha256_digest(&context, SHA256_DIGEST_SIZE, sum);
}

bool slot_is_valid(const struct slot *slot, const char magic[SLOT_MAGIC])
{
	unsigned char sum[SHA256_DIGEST_SIZE];

	if (memcmp(slot->magic, magic, sizeof(slot->magic)) != 0)
		return false;
	add_up(slot, sum);
	return !memcmp(sum, slot->sum, sizeof(sum));
}

struct slot slot_seal_entry(uint64_t sequence, const struct window_entry *entry)
{
	struct slot slot = { .version = SLOT_VERSION, .length = sizeof(*entry), .sequence = sequence };

	memcpy(slot.magic, SLOT_ENTRY, sizeof(slot.magic));
	memcpy(&slot.u.entry, entry, sizeof(*entry));
	add_up(&slot, slot.sum);
	return slot;
}

struct slot slot_seal_day(uint64_t number, const struct window_day *day)
{
	struct slot slot = { .version = SLOT_VERSION, .length = sizeof(*day), .sequence = number };

	memcpy(slot.magic, SLOT_DAY, sizeof(slot.magic));
	slot.u.day = *day;
	add_up(&slot, slot.sum);
	return slot;
}

size_t slot_place(uint32_t kept, uint64_t sequence)
{
	return (size_t)(sequence % (2 * kept));
}

size_t slot_place_of_day(int64_t day)
{
	return 2 * WINDOWS_KEPT + (size_t)(day % WINDOWS_DAYS);
}

int slot_read(int fd, size_t place, struct slot *slot)
{
	return pread(fd, slot, sizeof(*slot), (off_t)(place * SLOT_SIZE)) == (ssize_t)sizeof(*slot) ? 0 : -1;
}

int slot_write(int fd, size_t place, const struct slot *slot)
{
	return pwrite(fd, slot, sizeof(*slot), (off_t)(place * SLOT_SIZE)) == (ssize_t)sizeof(*slot) ? 0 : -1;
}
