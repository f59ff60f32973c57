/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reply.h - a fault as the reply to a question of another process: VERB_FAULT, or VERB_REFUSED where there is no room (DNS_NO_ROOM). */
#ifndef ACMEGATE_BASE_REPLY_H
#define ACMEGATE_BASE_REPLY_H

#include "base/wire.h"

/* -1: the peer is gone. */
int reply_fault(int fd, const struct fault *why, struct fault *fault) MUST_CHECK;

/* Is the reply a fault? -1: it is in *fault; a kind other than FAULT_LATER and FAULT_USAGE becomes FAULT_FAILED. 0: it is none. */
int reply_check(const struct record *reply, struct fault *fault) MUST_CHECK;

#endif
