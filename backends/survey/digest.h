/* SPDX-License-Identifier: GPL-3.0-or-later */
/* digest.h - one number for the whole ruleset, to see afterwards that nothing else has changed. */
#ifndef ACMEGATE_DIGEST_H
#define ACMEGATE_DIGEST_H

#include "nft_survey.h"

/* As survey_digest(), in one reading. FAULT_RACED: somebody committed meanwhile. */
int digest_read(struct netlink *netlink, unsigned char out[SURVEY_DIGEST_SIZE], struct fault *fault) MUST_CHECK;

#endif
