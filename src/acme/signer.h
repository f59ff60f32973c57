/* SPDX-License-Identifier: GPL-3.0-or-later */
/* signer.h - the services of the process that holds the account key. */
#ifndef ACMEGATE_ACME_SIGNER_H
#define ACMEGATE_ACME_SIGNER_H

#include <stdbool.h>

#include "base/fault.h"

/* Both return a JWS (RFC 7515, 7.2.2) that the caller frees, or NULL: then acme_run() ends with the fault. */
struct signer {
	void *context;
	/* payload: NULL for POST-as-GET. by_key: in the name of the key (newAccount), else of the account. */
	char *(*sign)(void *context, bool by_key, const char *url, const char *nonce, const char *payload, struct fault *fault);
	/* The external account binding of our key for newAccount at this URL. */
	char *(*bind)(void *context, const char *url, struct fault *fault);
};

#endif
