/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch.h - [watch NAME]: files with certificates that other clients renew. They are looked at, and nothing else. */
#ifndef ACMEGATE_BASE_WATCH_H
#define ACMEGATE_BASE_WATCH_H

#include <stdint.h>

#include "base/ca.h"

#define MAX_WATCHES 16
#define WATCH_SIZE 1024

struct watchlist {
	char name[LABEL_SIZE];
	char files[WATCH_SIZE]; /* absolute paths or patterns for glob(3), each with a space behind it */
	uint32_t line;		/* where its section begins */
};

#endif
