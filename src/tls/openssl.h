/* SPDX-License-Identifier: GPL-3.0-or-later */
/* openssl.h - OpenSSL for certificate.c and handshake.c; nobody else here includes it (libssl and libcrypto 3). */
#ifndef ACMEGATE_TLS_OPENSSL_H
#define ACMEGATE_TLS_OPENSSL_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/fault.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): a type takes none */
#define OWN_OPENSSL(type, release) \
	static inline void own_##release(type **pointer) \
	{ \
		release(*pointer); \
	}
/* NOLINTEND(bugprone-macro-parentheses) */
#define OWN(release) __attribute__((cleanup(own_##release)))

#endif
