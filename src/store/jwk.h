/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jwk.h - a key that another client has kept in JSON. */
#ifndef ACMEGATE_STORE_JWK_H
#define ACMEGATE_STORE_JWK_H

#include "base/jwk.h"
#include "store/key.h"

/* NULL: a part is missing, they do not belong together, or the key is of no type of ours. The caller releases it with key_free(). */
struct key *jwk_read(const struct jwk *jwk, struct fault *fault) MUST_CHECK;

#endif
