// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/told.h"

#include <nettle/sha2.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "acmetold"
#define TOLD_VERSION 1

static struct image {
	char magic[8];
	uint64_t version;
	unsigned char sum[SHA256_DIGEST_SIZE]; /* of what follows */
	struct told told;
} image;

static size_t length_of(uint32_t certificates)
{
	return offsetof(struct told, certificate) + certificates * sizeof(image.told.certificate[0]);
}

static void add_up(unsigned char sum[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, length_of(image.told.certificates), (const uint8_t *)&image.told);
	sha256_digest(&context, SHA256_DIGEST_SIZE, sum);
}

static bool is_whole(ssize_t n)
{
	unsigned char sum[SHA256_DIGEST_SIZE];

	if (n < (ssize_t)(offsetof(struct image, told) + length_of(0)) || memcmp(image.magic, MAGIC, sizeof(image.magic)) != 0 ||
	    image.version != TOLD_VERSION || image.told.certificates > MAX_CERTIFICATES ||
	    n < (ssize_t)(offsetof(struct image, told) + length_of(image.told.certificates)))
		return false;
	add_up(sum);
	return !memcmp(sum, image.sum, sizeof(sum));
}

void told_read(int fd, struct told *told)
{
	ssize_t n;

	memset(&image, 0, sizeof(image));
	n = read(fd, &image, sizeof(image));
	memset(told, 0, sizeof(*told));
	if (!is_whole(n))
		return;
	memcpy(told, &image.told, length_of(image.told.certificates));
	for (uint32_t i = 0; i < told->certificates; i++)
		told->certificate[i].name[LABEL_SIZE - 1] = '\0';
}

int told_write(int fd, const struct told *told, struct fault *fault)
{
	const ssize_t length = (ssize_t)(offsetof(struct image, told) + length_of(told->certificates));

	memcpy(image.magic, MAGIC, sizeof(image.magic));
	image.version = TOLD_VERSION;
	image.told = *told;
	add_up(image.sum);
	if (lseek(fd, 0, SEEK_SET) < 0 || write(fd, &image, (size_t)length) != length)
		return fault_errno(fault, FAULT_LATER, "keeping what alarms were given");
	return 0;
}

static struct told_certificate *find(const struct told *told, const char *name)
{
	for (uint32_t i = 0; i < told->certificates; i++)
		if (!strcmp(told->certificate[i].name, name))
			return (struct told_certificate *)(uintptr_t)&told->certificate[i];
	return NULL;
}

uint8_t told_troubles(const struct told *told, const char *name)
{
	const struct told_certificate *there = find(told, name);

	return there ? there->troubles : 0;
}

/* One without trouble needs no record. */
void told_note(struct told *told, const char *name, uint8_t troubles)
{
	struct told_certificate *there = find(told, name);

	if (!there && troubles && told->certificates < MAX_CERTIFICATES) {
		there = &told->certificate[told->certificates++];
		memset(there, 0, sizeof(*there));
		memcpy(there->name, name, strnlen(name, LABEL_SIZE - 1));
	}
	if (there)
		there->troubles = troubles;
	if (there && !troubles)
		*there = told->certificate[--told->certificates];
}
