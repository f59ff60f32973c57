/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adoption.h - the two processes of an import: the importer, which looks at what another client has left, and the storer, which stores what
 * it finds good. Each adoption has one CA, since the storer knows one in a run.
 */
#ifndef ACMEGATE_IMPORT_ADOPTION_H
#define ACMEGATE_IMPORT_ADOPTION_H

#include "import/estate.h"

struct adoption {
	struct config config; /* of the storer: the CA, and the certificates that come */
	int state_fd;
	int storer, importer;		/* their pidfds; -1: none */
	int to_storer, to_importer;	/* channels; -1: none */
	bool present[MAX_CERTIFICATES]; /* in the store, by index in this configuration */
};

/* For the CA with this directory; no certificate comes yet. */
void adoption_set(struct adoption *, const struct config *config, int state_fd, const char *directory);

/* Adds a certificate: that of the configuration, or (NULL) one of this name. Its index; -1: there are too many. */
int adoption_add(struct adoption *, const struct certificate *certificate, const char *name);

/* Starts the importer alone, which can only look; or both, and learns what is in the store already. Then ends what was started. */
int adoption_look(struct adoption *, struct fault *fault) MUST_CHECK;
int adoption_begin(struct adoption *, struct fault *fault) MUST_CHECK;

/* Has the importer look at the item (VERB_WEIGH), or have it stored too (VERB_ADOPT). The answer is then in the item. */
int adoption_ask(struct adoption *, enum verb verb, uint32_t index, struct estate_item *item, struct fault *fault) MUST_CHECK;

/* Ends them. false: the storer has failed, and has said how. */
bool adoption_end(struct adoption *);

#endif
