/* SPDX-License-Identifier: GPL-3.0-or-later */
/* document.h - JSON objects of others and our own, with jansson, which is included nowhere else in src/acme. */
#ifndef ACMEGATE_ACME_DOCUMENT_H
#define ACMEGATE_ACME_DOCUMENT_H

#include <jansson.h>

#include "base/own.h"

/* For locals: a document that is released at the end of its block. */
void document_release(json_t **document);
#define OWN_JSON __attribute__((cleanup(document_release)))

/* NULL: it is no JSON object. text may be NULL. */
json_t *document_parse(const char *text, size_t length);

/* An empty object; NULL: no memory. */
json_t *document_begin(void);

/* A member that is a text, else "". Lives as long as the object. */
const char *document_text(const json_t *object, const char *key);

#endif
