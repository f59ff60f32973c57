/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * challenge.h - responds to the challenges of pending authorizations and polls until these are final (RFC 8555, 7.5.1).
 *
 *	challenges_prepare -> (tokens are published, the port opens) challenges_respond, challenges_hit (the port closes)
 */
#ifndef ACMEGATE_ACME_CHALLENGE_H
#define ACMEGATE_ACME_CHALLENGE_H

#include "acme/authorization.h"

/*
 * For the challenges that need this window: fetches nonces and signs the responses in advance. Afterwards
 * list->pending is the number of challenges.
 */
int challenges_prepare(struct authorizations *list, enum challenge_window window, struct acme *acme, struct fault *fault) MUST_CHECK;

/* Responds and polls until all authorizations are final, for at most `most` milliseconds. */
int challenges_respond(struct authorizations *list, struct acme *acme, int64_t most, struct fault *fault) MUST_CHECK;

/* Somebody has fetched a token at the time now, by the transport's clock. */
void challenges_hit(struct authorizations *list, const struct hit *hit, int64_t now);

#endif
