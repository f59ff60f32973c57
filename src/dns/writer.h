/* SPDX-License-Identifier: GPL-3.0-or-later */
/* writer.h - the processes that write values where the section [dns NAME] is not rfc2136, see VERB_WRITER in wire.h. */
#ifndef ACMEGATE_DNS_WRITER_H
#define ACMEGATE_DNS_WRITER_H

#include "base/config.h"
#include "dns/notes.h"

/* Takes the channels to those that acmegate has started. */
int writer_learn(struct fault *fault) MUST_CHECK;

/* Has the writer of this section (an index) put the value into the DNS, or take it away. FAULT_USAGE: it has changed nothing. */
int writer_ask(const struct config *config, uint32_t section, bool put, const struct note *note, struct fault *fault) MUST_CHECK;

#endif
