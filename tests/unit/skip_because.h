/* SPDX-License-Identifier: GPL-3.0-or-later */
/* skip_because.h - cmocka's skip(), with the reason, as for printf(), in a line before it. */
#ifndef ACMEGATE_TESTS_UNIT_SKIP_BECAUSE_H
#define ACMEGATE_TESTS_UNIT_SKIP_BECAUSE_H

#define skip_because(...) (print_message("# skipped: " __VA_ARGS__), print_message("\n"), skip())

#endif
