/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backend.h - what every kind of firewall can do for us. base/backend_table.h has the table of the kinds.
 *
 * close() is the promise of the program: it may be called at any time, any number of times, by a process that never called
 * open(), and it succeeds only when a fresh reading of the firewall shows nothing that carries our tag.
 */
#ifndef ACMEGATE_BACKENDS_BACKEND_H
#define ACMEGATE_BACKENDS_BACKEND_H

#include <stddef.h>

#include "base/policy.h"
#include "backends/opening.h"
#include "backends/plan.h"

#define DIGEST_SIZE 32

/* For the administrator's own way to open. */
struct means {
	char command[COMMAND_SIZE]; /* [gate] command, or "" */
	uint16_t port;
	uint32_t seconds;
};

struct ruleset; /* a backend's connection to its firewall */

struct backend {
	enum backend_choice choice; /* of [gate] backend; BACKEND_CHOICES: none names it */
	/* Leftovers are looked for only if the journal says that there may be some: looking costs more than a glance. */
	bool on_demand;
	bool redirects; /* only for a listener that is on another port */
	bool last;	/* with backend = auto, only for a chain that nothing else gets past */
	/* 1: in use on this host, *ruleset is the caller's until detach(). 0: not in use here. -1: fault. */
	int (*attach)(struct ruleset **ruleset, const struct means *means, struct fault *fault);
	/* Changes nothing. A firewall that would block the port and cannot be opened is a fault that names the place. */
	int (*plan)(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault);
	/* All or nothing; read back before it returns. Opens nothing where nothing blocks. */
	int (*open)(struct ruleset *ruleset, const struct opening *opening, struct fault *fault);
	/* A descriptor that is readable when somebody has committed; from plan() to detach(). NULL, and mend: nobody tells. */
	int (*watch)(struct ruleset *ruleset);
	/* After that, while it stands: puts back what of the opening is gone. 1: it did. 0: nothing was gone. -1: fault. */
	int (*mend)(struct ruleset *ruleset, const struct opening *opening, struct fault *fault);
	/* Removes what carries this tag, or any tag of ours when tag is NULL. 1: there was some. 0: there was none. -1: fault. */
	int (*close)(struct ruleset *ruleset, const char *tag, struct fault *fault);
	/* Adds what the rules that close() removed have seen. NULL: they cannot count. */
	void (*tell)(const struct ruleset *ruleset, struct evidence *evidence);
	/* Adds remarks about the host; the CA is at these addresses, if they are known. NULL: none. */
	int (*remark)(struct ruleset *ruleset, const struct opening *opening, const struct peer *ca, size_t n, struct plan *plan,
		      struct fault *fault);
	/* Clears the bits of those peers that its chains might not have let in without us. NULL: that cannot be told of any. */
	int (*admit)(struct ruleset *ruleset, const struct opening *opening, const struct peer *peer, size_t n, uint64_t *admitted,
		     struct fault *fault);
	/* SHA-256 over all that is not ours and does not change by itself (counters, timeouts, dynamic sets). NULL: nothing can be read. */
	int (*digest)(struct ruleset *ruleset, unsigned char out[DIGEST_SIZE], struct fault *fault);
	void (*detach)(struct ruleset *ruleset);
};

#endif
