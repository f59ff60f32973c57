/* SPDX-License-Identifier: GPL-3.0-or-later */
/* between.h - cmocka 2 has other names for assert_in_range(), by type, and warns of the old one; cmocka 1 has only that. */
#ifndef ACMEGATE_BETWEEN_H
#define ACMEGATE_BETWEEN_H

#include <stdbool.h>
#include <stdint.h>

static inline bool is_between(intmax_t value, intmax_t least, intmax_t most)
{
	return value >= least && value <= most;
}

#define assert_between(value, least, most) \
	do { \
		const intmax_t between = (intmax_t)(value); /* once: it may be a call */ \
\
		assert_true(between >= (intmax_t)(least) && between <= (intmax_t)(most)); \
	} while (0)

#endif
