/* SPDX-License-Identifier: GPL-3.0-or-later */
/* paper.h - a small file as a whole: its bytes, owner and mode, or that it does not exist. */
#ifndef ACMEGATE_SETUP_PAPER_H
#define ACMEGATE_SETUP_PAPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/fault.h"

struct paper {
	bool exists;
	char *text; /* with a NUL behind it; paper_free() frees it */
	size_t length;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* A text that is root's. */
#define PAPER(what, size, bits) ((struct paper){ .exists = true, .text = (what), .length = (size), .mode = (bits) })
#define OWN_PAPER __attribute__((cleanup(paper_free)))

/* A file that does not exist is no fault. */
int paper_read(const char *path, struct paper *paper, struct fault *fault) MUST_CHECK;

/* In one piece: it is written beside, comes to the disk, and takes the place of the file. One that does not exist is removed. */
int paper_write(const char *path, const struct paper *paper, struct fault *fault) MUST_CHECK;

bool paper_is_same(const struct paper *a, const struct paper *b);
void paper_free(struct paper *paper);

#endif
