/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fault.h - why something failed: the one error type of the program.
 *
 * Functions that can fail return 0 or -1 and fill the struct fault that the caller hands in. Nobody logs on the way;
 * the top of a process logs once. The kind decides the exit status, the text says what happened, where, and what to do.
 */
#ifndef ACMEGATE_BASE_FAULT_H
#define ACMEGATE_BASE_FAULT_H

#include "base/own.h"

#define FAULT_TEXT_SIZE 1536

enum fault_kind {
	FAULT_NONE,
	FAULT_FAILED, /* will fail again unless somebody acts */
	FAULT_USAGE,  /* command line or configuration */
	FAULT_LATER,  /* try again later: the network, the CA's limits, another acmegate at work */
};

struct fault {
	enum fault_kind kind;
	int code;		    /* an errno value or 0 */
	char text[FAULT_TEXT_SIZE]; /* one line of ASCII: what is not printable is replaced */
};

/* Exit statuses of acmegate, documented in acmegate(8). 75 is EX_TEMPFAIL of sysexits.h. */
enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_LATER = 75 };

/* Fills the fault and returns -1, so that a failing function ends with: return fault_set(...); */
int fault_set(struct fault *, enum fault_kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same for a failed system call: appends ": " and the text of errno, which becomes the code. */
int fault_errno(struct fault *, enum fault_kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts where it happened before what happened: "WHERE: old text". Returns -1. */
int fault_at(struct fault *, const char *format, ...) PRINTF_LIKE(2, 3);

int fault_status(const struct fault *);

#endif
