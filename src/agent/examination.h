/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * examination.h - the storer's questions to the signer about what is stored: to the storer keys and certificates are bytes.
 *
 * They are asked before there is a client: later the signer asks the storer, and takes whatever comes for the reply.
 */
#ifndef ACMEGATE_AGENT_EXAMINATION_H
#define ACMEGATE_AGENT_EXAMINATION_H

#include <stdbool.h>

#include "base/wire.h"

struct examination {
	uint32_t index;
	bool lost;	      /* the signer has gone or makes no sense */
	struct bundle *fresh; /* what was asked about, with the PKCS#12 that it should have; NULL: it has it */
	size_t length;
};

/* About a generation, as struct examiner wants it; context: a struct examination. */
int examination_ask(void *context, const struct bundle *bundle, size_t length, struct verdict *verdict,
		    struct fault *fault) MUST_CHECK;

/*
 * About the next key, PEM, or none. *fresh: a key to be stored in its place, which lives until the next question; NULL: it is good.
 */
int examination_prepare(struct examination *examination, const char *pem, size_t length, struct verdict *verdict,
			const char **fresh, size_t *fresh_length, struct fault *fault) MUST_CHECK;

/* Wipes what came with the replies. */
void examination_forget(struct examination *examination);

#define OWN_EXAMINATION __attribute__((cleanup(examination_forget)))

#endif
