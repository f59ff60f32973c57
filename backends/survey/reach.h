/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reach.h - which chains jump where. */
#ifndef ACMEGATE_BACKENDS_SURVEY_REACH_H
#define ACMEGATE_BACKENDS_SURVEY_REACH_H

#include "backends/survey/snapshot.h"

/* Can this chain be reached from a base chain on a hook where the kernel knows no sockets? */
bool reach_is_shared(struct snapshot *snapshot, const struct nft_chain *chain);

#endif
