// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/trust.h"

#include <inttypes.h>
#include <string.h>

#include "store/openssl.h"

/* A CA dates certificates back; a host's clock may be a little behind all the same. */
#define CLOCK_TOLERANCE (60 * 60)

/* For a certificate that no known root has signed: the CA/Browser Forum's limit until 2026. */
#define LIFETIME_MOST (398 * 86400LL)

static int verify_leaf(const struct chain *chain, const char (*names)[NAME_SIZE], uint32_t count, int64_t now, struct fault *fault)
{
	struct facts facts;

	if (chain_facts(chain, &facts, fault) < 0)
		return -1;
	if (!chain_facts_have_names(&facts, names, count))
		return fault_set(fault, FAULT_FAILED, "the CA's certificate has other names than were asked for; its first is '%s'",
				 facts.names ? facts.name[0] : "");
	if (facts.not_after <= facts.not_before)
		return fault_set(fault, FAULT_FAILED, "the CA's certificate has no lifetime");
	if (facts.not_after <= now)
		return fault_set(fault, FAULT_FAILED,
				 "the CA's certificate expired %" PRId64 " seconds ago; is the clock of this host right?",
				 now - facts.not_after);
	if (facts.not_before > now + CLOCK_TOLERANCE)
		return fault_set(fault, FAULT_FAILED,
				 "the CA's certificate is valid only in %" PRId64 " seconds; is the clock of this host right?",
				 facts.not_before - now);
	return 0;
}

static bool signed_by(X509 *certificate, X509 *issuer)
{
	EVP_PKEY *pkey = X509_get0_pubkey(issuer);
	bool good = pkey && X509_check_issued(issuer, certificate) == X509_V_OK && X509_verify(certificate, pkey) == 1;

	ERR_clear_error();
	return good;
}

/* The leaf must be for TLS servers, and must not be a CA. */
static int verify_use(X509 *leaf, struct fault *fault)
{
	bool server = X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) == 1, ca = X509_check_ca(leaf) != 0;

	ERR_clear_error();
	if (ca)
		return fault_set(fault, FAULT_FAILED, "the CA's certificate is one of a CA (CA:TRUE)");
	return server ? 0 : fault_set(fault, FAULT_FAILED, "the CA's certificate is not for TLS servers");
}

int trust_verify(const struct chain *chain, const struct key *key, const char (*names)[NAME_SIZE], uint32_t count, int64_t now,
		 struct fault *fault)
{
	if (!chain_has_key(chain, key))
		return fault_set(fault, FAULT_FAILED, "the CA's certificate is not for the key that it was asked for");
	if (verify_leaf(chain, names, count, now, fault) < 0 || verify_use(chain->certificate[0], fault) < 0)
		return -1;
	for (size_t i = 0; i + 1 < chain->count; i++)
		if (!signed_by(chain->certificate[i], chain->certificate[i + 1]))
			return fault_set(fault, FAULT_FAILED,
					 "the CA's chain does not link up: certificate %zu is not signed by certificate %zu", i + 1,
					 i + 2);
	return 0;
}

/* Does the DER of a root contain the name of an issuer of the chain? Parsing all 140 roots takes longer. */
static bool may_be_issuer(const struct chain *chain, const unsigned char *der, size_t n)
{
	for (size_t i = 0; i < chain->count; i++) {
		const unsigned char *name;
		size_t length;

		if (X509_NAME_get0_der(X509_get_issuer_name(chain->certificate[i]), &name, &length) == 1 &&
		    memmem(der, n, name, length))
			return true;
	}
	return false;
}

/* Tolerates a clock that is a little behind the CA's, as verify_leaf() does. */
static int64_t moment(const struct chain *chain, int64_t now)
{
	int64_t from = openssl_seconds(X509_get0_notBefore(chain->certificate[0]));

	return from > now && from <= now + CLOCK_TOLERANCE ? from : now;
}

/* X509_V_OK, or what OpenSSL calls it. */
static int error_of_dates(X509 *certificate, int64_t at)
{
	if (openssl_seconds(X509_get0_notBefore(certificate)) > at)
		return X509_V_ERR_CERT_NOT_YET_VALID;
	return openssl_seconds(X509_get0_notAfter(certificate)) < at ? X509_V_ERR_CERT_HAS_EXPIRED : X509_V_OK;
}

/* A root that has expired may have a twin that has not. */
static int add_root(X509_STORE *store, const unsigned char *der, int length, int64_t at)
{
	X509 *root = d2i_X509(NULL, &der, length);
	int added = root && !error_of_dates(root, at) ? X509_STORE_add_cert(store, root) : 0;

	X509_free(root);
	return added;
}

/* Adds the roots that may have signed the chain; other text between the blocks is skipped. Returns their number. */
static int add_roots(X509_STORE *store, const struct chain *chain, const char *pem, size_t length, int64_t when)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	OWN_FREE unsigned char *scratch = malloc(length + 1);
	const char *at = scratch ? memmem(pem, length, begin, strlen(begin)) : NULL;
	int added = 0;

	while (at) {
		struct cursor cursor = { at, memmem(at, length - (size_t)(at - pem), end, strlen(end)) };
		int n;

		if (!cursor.end)
			break;
		cursor.end += strlen(end);
		n = openssl_next_block(&cursor, scratch);
		if (n > 0 && may_be_issuer(chain, scratch, (size_t)n))
			added += add_root(store, scratch, n, when);
		at = memmem(cursor.end, length - (size_t)(cursor.end - pem), begin, strlen(begin));
	}
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
	return added;
}

/* The first error of dates in the chain that OpenSSL has found. */
static int error_of_path(X509_STORE_CTX *context, int64_t at)
{
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(context);
	int error = X509_V_OK;

	for (int i = 0; !error && i < sk_X509_num(path); i++)
		error = error_of_dates(sk_X509_value(path, i), at);
	return error;
}

/*
 * OpenSSL verifies signatures, constraints and uses up to a certificate of the store. Dates we do: on 32 bits its time_t may have
 * another size than ours (Debian 12's OpenSSL: 32), and on armhf its X509_VERIFY_PARAM_set_time() takes it from another register.
 * Returns NULL, or why not.
 */
static const char *verify_up_to(X509_STORE *store, const struct chain *chain, int64_t now)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	const char *why = "no memory";
	int64_t at = moment(chain, now);

	/* They have twins, too. */
	for (size_t i = 1; others && i < chain->count; i++)
		if (!error_of_dates(chain->certificate[i], at))
			(void)sk_X509_push(others, chain->certificate[i]);
	if (context && others && X509_STORE_CTX_init(context, store, chain->certificate[0], others) == 1) {
		int error;

		X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
		X509_STORE_CTX_set_flags(context, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
		error = X509_verify_cert(context) == 1 ? error_of_path(context, at) : X509_STORE_CTX_get_error(context);
		why = error ? X509_verify_cert_error_string(error) : NULL;
	}
	sk_X509_free(others);
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	return why;
}

bool trust_has_root(const struct chain *chain, const char *roots, size_t length, int64_t now)
{
	X509_STORE *store = length <= INT_MAX / 2 ? X509_STORE_new() : NULL;
	bool leads = store && add_roots(store, chain, roots, length, moment(chain, now)) > 0 && !verify_up_to(store, chain, now);

	X509_STORE_free(store);
	ERR_clear_error();
	return leads;
}

int trust_is_plausible(const struct chain *chain, int64_t now, struct fault *fault)
{
	X509 *leaf = chain->certificate[0];
	int64_t lifetime = openssl_seconds(X509_get0_notAfter(leaf)) - openssl_seconds(X509_get0_notBefore(leaf));
	X509_STORE *store;
	const char *why = "no memory";

	if (chain->count < 2)
		return fault_set(fault, FAULT_FAILED, "the CA's certificate comes without that of its issuer");
	if (lifetime > LIFETIME_MOST)
		return fault_set(fault, FAULT_FAILED,
				 "the CA's certificate is valid for %" PRId64 " days, longer than any of a public CA",
				 lifetime / 86400);
	if (!(X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE))
		return fault_set(fault, FAULT_FAILED, "the CA's certificate does not say that it is for TLS servers");
	store = X509_STORE_new();
	if (store && X509_STORE_add_cert(store, chain->certificate[chain->count - 1]) == 1)
		why = verify_up_to(store, chain, now);
	X509_STORE_free(store);
	return why ? fault_set(fault, FAULT_FAILED, "the CA's chain is not one: %s", why) : 0;
}
