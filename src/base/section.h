/* SPDX-License-Identifier: GPL-3.0-or-later */
/* section.h - the sections of the configuration: how each kind begins and ends, that of a certificate among them. */
#ifndef ACMEGATE_BASE_SECTION_H
#define ACMEGATE_BASE_SECTION_H

#include "base/loader.h"

#define SECTION_EXPECTED "expected [acme], [ca NAME], [gate], [responder], [status], [dns NAME], [watch NAME] or [certificate NAME]"

/* section: without brackets */
enum section section_kind(const char *section);

/* header: from its bracket on. -1: a mistake, which is noted: what follows belongs to no section. */
int section_begin(struct loader *loader, const char *header);

/* Behind its last key. A certificate with a mistake is left out. */
void section_finish(struct loader *loader);

#endif
