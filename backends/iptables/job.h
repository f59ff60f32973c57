/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job.h - what acmegate-iptables works on from its start to its end, which is one verb. Only that program includes this. */
#ifndef ACMEGATE_BACKENDS_IPTABLES_JOB_H
#define ACMEGATE_BACKENDS_IPTABLES_JOB_H

#include <sys/types.h>

#include "backends/backend.h"
#include "backends/iptables/place.h"
#include "backends/nft/netlink.h"

#define HEX_SIZE (2 * DIGEST_SIZE + 1)
#define MOST_PIDS 32

/* The legacy tables, and what others have made of them. */
struct sight {
	char all[HEX_SIZE], others[HEX_SIZE];
};

/* By this process. */
struct done {
	bool found; /* a rule of ours that is to go */
	unsigned int made, removed, pids;
	pid_t pid[MOST_PIDS]; /* of the tools that have made them */
	uint64_t packets;     /* the most that a rule that went has counted */
};

/* netlink_insist() hands this to an attempt: it knows it as a ruleset. */
struct ruleset {
	struct netlink netlink; /* no socket: not needed yet, or no nf_tables */
	const char *tag;	/* NULL: any */
	uint32_t seconds;
	struct places places;
	bool present[PLACES_MOST]; /* in legacy tables */
	struct rule rule;
	bool probed;	   /* rule.bound and rule.timed are known */
	struct sight seen; /* the legacy tables, when the places were chosen or rules were made */
	struct done done;
};

#endif
