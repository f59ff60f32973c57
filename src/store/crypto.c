// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/crypto.h"

#include "store/openssl.h"

void crypto_start(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

void crypto_wipe(void *secret, size_t length)
{
	OPENSSL_cleanse(secret, length);
}

int openssl_fault(struct fault *fault, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason;

	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
	reason = ERR_reason_error_string(code);
	fault_set(fault, ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE ? FAULT_LATER : FAULT_FAILED, "%s: %s", what,
		  reason ? reason : "OpenSSL gives no reason");
	ERR_clear_error();
	return -1;
}

int crypto_sha256(const void *data, size_t length, unsigned char hash[SHA256_SIZE], struct fault *fault)
{
	if (!EVP_Digest(data, length, hash, NULL, EVP_sha256(), NULL))
		return openssl_fault(fault, "computing a SHA-256 hash");
	return 0;
}

int crypto_hmac(const void *secret, size_t secret_length, const void *data, size_t length, unsigned char mac[SHA256_SIZE],
		struct fault *fault)
{
	size_t n;

	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, secret_length, data, length, mac, SHA256_SIZE, &n))
		return openssl_fault(fault, "computing an HMAC");
	return 0;
}
