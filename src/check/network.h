/* SPDX-License-Identifier: GPL-3.0-or-later */
/* network.h - examiners, and the rows that their findings make (base/finding.h). */
#ifndef ACMEGATE_CHECK_NETWORK_H
#define ACMEGATE_CHECK_NETWORK_H

#include "base/finding.h"
#include "check/check.h"

struct examiner {
	int pidfd, channel;
};
#define NO_EXAMINER \
	{ \
		-1, -1 \
	}

/* Starts one, for the CA at hand. examiner_stop() follows in any case. */
int examiner_start(struct examination *, struct examiner *, const struct assignment *work, struct fault *fault) MUST_CHECK;

/* 1: *finding. 0: there are no more, or it is later than end, CLOCK_MONOTONIC; examiner_end(): as long as one may take. */
int examiner_next(const struct config *config, const struct examiner *, time_t end, struct finding *finding) MUST_CHECK;
time_t examiner_end(void);
void examiner_stop(struct examiner *);

/* "ca" and "clock". */
void check_ca(struct examination *, const struct finding *);

/* "name" and "caa". */
void check_addresses(struct examination *, const struct finding *);
void check_caa(struct examination *, const struct finding *);

/* "name", of a name that is an address. */
void check_own_address(struct examination *, const char *address);

#endif
