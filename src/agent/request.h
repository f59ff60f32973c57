/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * request.h - the one HTTP request that the responder understands (RFC 8555, 8.3; RFC 9112, 3). Pure.
 */
#ifndef ACMEGATE_AGENT_REQUEST_H
#define ACMEGATE_AGENT_REQUEST_H

#include <stddef.h>

#define REQUEST_SIZE 2048 /* bytes of request line and header together */

enum request_verdict {
	REQUEST_MORE,  /* good so far, not at its end */
	REQUEST_TOKEN, /* whole, and asks for a token */
	REQUEST_OTHER, /* anything else, whatever follows */
};

/*
 * Looks at all that has come so far; call it again with the same bytes and more of them. Once a verdict is not
 * REQUEST_MORE, more bytes do not change it. With REQUEST_TOKEN, *token points into data: *token_length characters, 1
 * to 128 of the base64url alphabet. Lines may end in a bare LF (RFC 9112, 2.2).
 */
enum request_verdict request_parse(const char *data, size_t length, const char **token, size_t *token_length);

#endif
