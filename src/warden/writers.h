/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * writers.h - the processes that write values for acmegate-dns, one for each section [dns NAME] that is not rfc2136, see VERB_WRITER in wire.h.
 * Each has the secrets of its section.
 */
#ifndef ACMEGATE_WARDEN_WRITERS_H
#define ACMEGATE_WARDEN_WRITERS_H

#include "base/config.h"

/* Starts that of one section. *pid becomes its pidfd, *channel the end for those who ask it. It knows its section. */
int writer_start(const struct config *config, uint32_t section, int *pid, int *channel, struct fault *fault) MUST_CHECK;

/*
 * Starts those that certificates need; wanted: enum work_kind of each, or NULL for those of all sections. *end becomes acmegate-dns's
 * FD_WRITER. One that does not start is logged, and fails the names that need it.
 */
int writers_start(const struct config *config, const uint8_t *wanted, int *end, struct fault *fault) MUST_CHECK;

/* Ends them: acmegate-dns has ended. */
void writers_end(void);

#endif
