// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/tsig_key.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/base64url.h"
#include "base/safe.h"

#define FILE_MOST 8192
#define WORD_SIZE 512
#define SPACE " \t\r\n"
#define MARKS "{};"

const char *const tsig_algorithms[TSIG_ALGORITHMS] = {
	[TSIG_SHA256] = "hmac-sha256",
	[TSIG_SHA384] = "hmac-sha384",
	[TSIG_SHA512] = "hmac-sha512",
};

/* Letters and digits in lower case, "hmac" left out. */
static void plain(const char *text, char *out, size_t size)
{
	size_t used = 0;

	for (; *text && used + 1 < size; text++)
		if (isalnum((unsigned char)*text))
			out[used++] = (char)tolower((unsigned char)*text);
	out[used] = '\0';
	if (!strncmp(out, "hmac", 4))
		memmove(out, out + 4, used - 3);
}

int tsig_algorithm_find(const char *text, uint32_t *algorithm, struct fault *fault)
{
	char word[32];

	plain(text, word, sizeof(word));
	if (!strncmp(word, "md5", 3) || !strcmp(word, "sha1"))
		return fault_set(fault, FAULT_USAGE,
				 "%s is not used here, as its hash is broken; make another key: tsig-keygen -a hmac-sha256 NAME",
				 text);
	for (uint32_t i = TSIG_UNKNOWN + 1; i < TSIG_ALGORITHMS; i++) {
		if (strcmp(word, tsig_algorithms[i] + strlen("hmac-")))
			continue;
		*algorithm = i;
		return 0;
	}
	return fault_set(fault, FAULT_USAGE, "'%s': expected hmac-sha256, hmac-sha384 or hmac-sha512", text);
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static const char *skip(const char *at)
{
	for (;;) {
		at += strspn(at, SPACE);
		if (*at != '#' && strncmp(at, "//", 2))
			return at;
		at += strcspn(at, "\n");
	}
}

/* The next word, or one mark; quotation marks are left out. Returns what follows; NULL: the end. */
static const char *next_word(const char *at, char word[WORD_SIZE], bool value)
{
	const bool quoted = *(at = value ? at + strspn(at, SPACE) : skip(at)) == '"';
	size_t length;

	if (!*at)
		return NULL;
	at += quoted;
	length = quoted ? strcspn(at, "\"\n") : strchr(MARKS, *at) ? 1 : strcspn(at, SPACE MARKS);
	snprintf(word, WORD_SIZE, "%.*s", (int)length, at);
	return at + length + (quoted && at[length] == '"');
}

/* Base64 (RFC 4648, 4), whose alphabet differs by two characters from the one that we can read; its padding may be missing. */
static int take_secret(struct dns *dns, const char *word, struct fault *fault)
{
	unsigned char bytes[WORD_SIZE];
	char text[WORD_SIZE];
	size_t length = strcspn(word, "=");
	long n;

	snprintf(text, sizeof(text), "%.*s", (int)length, word);
	for (char *c = text; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	n = strpbrk(word, "-_") ? -1 : base64url_decode(bytes, text, length);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(text, sizeof(text));
	if (n <= 0 || n > TSIG_SECRET_MOST)
		return fault_set(fault, FAULT_USAGE, "its secret is not Base64 of 1 to %d bytes", TSIG_SECRET_MOST);
	snprintf(dns->secret, sizeof(dns->secret), "%.*s%s", (int)length, word,
		 length % 4 == 2 ? "==" :
		 length % 4 == 3 ? "=" :
				   "");
	return 0;
}

static int take_name(struct dns *dns, const char *word, struct fault *fault)
{
	size_t length = strlen(word);

	if (dns->key_name[0])
		return fault_set(fault, FAULT_USAGE, "it has more than one key; put the one for acmegate into a file of its own");
	length -= length && word[length - 1] == '.';
	if (!length || length >= sizeof(dns->key_name) || word[0] == '.' || strstr(word, "..") ||
	    strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") < length)
		return fault_set(fault, FAULT_USAGE, "'%s' is not the name of a key", word);
	for (size_t i = 0; i < length; i++)
		dns->key_name[i] = (char)tolower((unsigned char)word[i]);
	dns->key_name[length] = '\0';
	return 0;
}

/* One key and its value. The word "key" is one in BIND's form only: Knot has "key:", a heading. */
static int take(struct dns *dns, const char *key, char *value, struct fault *fault)
{
	if (!strcasecmp(key, "key") || !strcasecmp(key, "id:"))
		return take_name(dns, value, fault);
	if (!strcasecmp(key, "algorithm") || !strcasecmp(key, "algorithm:"))
		return tsig_algorithm_find(value, &dns->algorithm, fault);
	return take_secret(dns, value, fault);
}

static bool is_key(const char *word)
{
	static const char *const keys[] = { "key", "id:", "algorithm", "algorithm:", "secret", "secret:" };

	for (size_t i = 0; i < LENGTH_OF(keys); i++)
		if (!strcasecmp(word, keys[i]))
			return true;
	return false;
}

static int parse(const char *text, struct dns *dns, struct fault *fault)
{
	char word[WORD_SIZE], value[WORD_SIZE] = "";
	int rc = 0;

	dns->key_name[0] = '\0';
	while (rc == 0 && (text = next_word(text, word, false))) {
		if (!is_key(word))
			continue;
		text = next_word(text, value, true);
		if (!text)
			break;
		rc = take(dns, word, value, fault);
	}
	explicit_bzero(value, sizeof(value));
	explicit_bzero(word, sizeof(word));
	if (rc == 0 && (!dns->key_name[0] || !dns->secret[0]))
		return fault_set(fault, FAULT_USAGE,
				 "expected a key as tsig-keygen or keymgr -t prints it: key \"NAME\" { algorithm hmac-sha256; secret "
				 "\"BASE64\"; };");
	return rc;
}

int tsig_key_read(const char *path, struct dns *dns, struct fault *fault)
{
	char text[FILE_MOST];
	OWN_FD int fd = -1;
	struct stat s;
	ssize_t n;
	int rc;

	if (access(path, F_OK) < 0)
		return fault_errno(fault, FAULT_USAGE,
				   "%s: put the key there (tsig-keygen -a hmac-sha256 acmegate), and chmod 0600", path);
	fd = safe_open(path, fault);
	if (fd < 0)
		return -1;
	if (fstat(fd, &s) < 0 || (s.st_mode & S_IROTH))
		return fault_set(fault, FAULT_USAGE, "everybody can read the key in %s; chmod o-r %s", path, path);
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0 || n == sizeof(text) - 1)
		return fault_set(fault, FAULT_USAGE, "%s: expected a file of less than %d bytes", path, FILE_MOST - 1);
	text[n] = '\0';
	rc = parse(text, dns, fault);
	explicit_bzero(text, sizeof(text));
	return rc == 0 ? 0 : fault_at(fault, "%s", path);
}
