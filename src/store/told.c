// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/told.h"

#include <nettle/sha2.h>
#include <string.h>
#include <unistd.h>

#include "base/base64url.h"

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
	    image.version != TOLD_VERSION || image.told.certificates > TOLD_MOST ||
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

#define KEY_BYTES 23
_Static_assert(BASE64URL_LENGTH(KEY_BYTES) + 2 == LABEL_SIZE, "'~', the hash and a NUL");

/* No name of ours begins with '~'. */
static void key_of(const char *name, char key[LABEL_SIZE])
{
	const size_t length = strlen(name);
	unsigned char hash[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;

	memset(key, 0, LABEL_SIZE);
	if (length < LABEL_SIZE) {
		/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the rest of it is zero */
		memcpy(key, name, length);
		return;
	}
	sha256_init(&context);
	sha256_update(&context, length, (const uint8_t *)name);
	sha256_digest(&context, sizeof(hash), hash);
	key[0] = '~';
	base64url_encode(key + 1, hash, KEY_BYTES);
}

int told_find(const struct told *told, const char *name)
{
	char key[LABEL_SIZE];

	key_of(name, key);
	for (uint32_t i = 0; i < told->certificates; i++)
		if (!strcmp(told->certificate[i].name, key))
			return (int)i;
	return -1;
}

uint8_t told_troubles(const struct told *told, const char *name)
{
	const int place = told_find(told, name);

	return place < 0 ? 0 : told->certificate[place].troubles;
}

/* One without trouble needs no record. */
void told_note(struct told *told, const char *name, uint8_t troubles)
{
	int place = told_find(told, name);

	if (place < 0 && troubles && told->certificates < TOLD_MOST) {
		place = (int)told->certificates++;
		memset(&told->certificate[place], 0, sizeof(told->certificate[0]));
		key_of(name, told->certificate[place].name);
	}
	if (place >= 0)
		told->certificate[place].troubles = troubles;
	if (place >= 0 && !troubles)
		told->certificate[place] = told->certificate[--told->certificates];
}
