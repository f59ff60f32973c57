// SPDX-License-Identifier: GPL-3.0-or-later
/* A file with a TSIG key. What is taken from it is printed as BIND would, and read again: the same key, and not another one. */
#include <stdint.h>
#include <string.h>

#include "base/tsig_key.c"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dns *dns)
{
	struct dns again = { .algorithm = TSIG_UNKNOWN };
	char text[FILE_MOST];
	unsigned char bytes[TSIG_SECRET_SIZE];
	char secret[TSIG_SECRET_SIZE];
	struct fault fault;
	long n;

	must(memchr(dns->key_name, '\0', sizeof(dns->key_name)) && memchr(dns->secret, '\0', sizeof(dns->secret)));
	must(dns->algorithm < TSIG_ALGORITHMS && strlen(dns->secret) % 4 == 0);
	must(!strpbrk(dns->secret, "-_"));
	snprintf(secret, sizeof(secret), "%s", dns->secret);
	for (char *c = secret; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	n = base64url_decode(bytes, secret, strcspn(secret, "="));
	must(n > 0 && n <= TSIG_SECRET_MOST);
	snprintf(text, sizeof(text), "key \"%s\" { algorithm %s; secret \"%s\"; };\n", dns->key_name,
		 dns->algorithm ? tsig_algorithms[dns->algorithm] : "sha256", dns->secret);
	must(parse(text, &again, &fault) == 0);
	must(!strcmp(again.key_name, dns->key_name) && !strcmp(again.secret, dns->secret));
	must(!dns->algorithm || again.algorithm == dns->algorithm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns dns = { .algorithm = TSIG_UNKNOWN };
	struct fault fault = { .kind = FAULT_NONE };
	char *text;

	if (size >= FILE_MOST)
		return 0;
	text = strndup((const char *)data, size); /* its end is the end of its memory */
	must(text);
	if (parse(text, &dns, &fault) == 0)
		check(&dns);
	else
		must(fault.kind == FAULT_USAGE && fault.text[0]);
	free(text);
	return 0;
}
