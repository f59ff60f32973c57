/* SPDX-License-Identifier: GPL-3.0-or-later */
/* payload.h - the payloads of requests (RFC 8555, 7). The caller frees them; NULL: no memory, or a text that is not UTF-8. */
#ifndef ACMEGATE_ACME_PAYLOAD_H
#define ACMEGATE_ACME_PAYLOAD_H

#include "base/config.h"

char *payload_new_account(const char *contact, bool agreed, bool only_existing, const char *binding) MUST_CHECK;
/* Of an account that is there: these contacts and no others. */
char *payload_update_account(const char *contact) MUST_CHECK;
#define PAYLOAD_DEACTIVATE "{\"status\":\"deactivated\"}"
/* replaces: certID of the certificate that is renewed (RFC 9773, 5), or "". */
char *payload_new_order(const char (*names)[NAME_SIZE], size_t count, const char *profile, const char *replaces) MUST_CHECK;

#endif
