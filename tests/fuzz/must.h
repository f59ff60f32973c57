/* SPDX-License-Identifier: GPL-3.0-or-later */
/* must.h - what a fuzz target asserts. */
#ifndef ACMEGATE_TESTS_FUZZ_MUST_H
#define ACMEGATE_TESTS_FUZZ_MUST_H

#include <stdio.h>
#include <stdlib.h>

static inline _Noreturn void broken(const char *what, int line)
{
	fprintf(stderr, "line %d: not so: %s\n", line, what);
	abort();
}

#define must(condition) ((condition) ? (void)0 : broken(#condition, __LINE__))

#endif
