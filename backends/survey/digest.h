/* SPDX-License-Identifier: GPL-3.0-or-later */
/* digest.h - a hash of the whole ruleset, which tells afterwards that nothing else has changed. */
#ifndef ACMEGATE_BACKENDS_SURVEY_DIGEST_H
#define ACMEGATE_BACKENDS_SURVEY_DIGEST_H

#include "backends/nft/survey.h"

/*
 * As survey_digest(), in one reading. *generation is 0 if another program committed meanwhile: the digest is of what was read.
 */
int digest_read(struct netlink *netlink, unsigned char out[SURVEY_DIGEST_SIZE], uint32_t *generation, struct fault *fault) MUST_CHECK;

#endif
