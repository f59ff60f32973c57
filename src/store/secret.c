// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/secret.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "store/file.h"

#define SECRET ".secret"

int secret_look(int dir, struct secret *secret, struct fault *fault)
{
	size_t length;
	OWN_FREE char *data = file_read(dir, SECRET, &length);

	memset(secret, 0, sizeof(*secret));
	if (!data && !file_is_broken(errno))
		return fault_errno(fault, FAULT_LATER, "reading ledger/" SECRET);
	if (!data || length != sizeof(*secret))
		return 0;
	memcpy(secret, data, sizeof(*secret));
	return 1;
}

int secret_open(int dir, struct secret *secret, struct fault *fault)
{
	int rc = secret_look(dir, secret, fault);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (getrandom(secret, sizeof(*secret), 0) != (ssize_t)sizeof(*secret) ||
	    file_replace(dir, SECRET, (const char *)secret, sizeof(*secret)) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing ledger/" SECRET);
	return 0;
}

double secret_draw(const struct secret *secret, const void *data, size_t length)
{
	struct hmac_sha256_ctx context;
	unsigned char digest[sizeof(uint64_t)];
	uint64_t number;

	hmac_sha256_set_key(&context, sizeof(secret->byte), secret->byte);
	hmac_sha256_update(&context, length, data);
	hmac_sha256_digest(&context, sizeof(digest), digest);
	memcpy(&number, digest, sizeof(number));
	return (double)(number >> 11) * 0x1p-53;
}
