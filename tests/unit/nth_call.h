/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nth_call.h - the n-th call of the program under test into libc, libmnl or libnftnl goes wrong, as it does once in a
 *year.
 *
 * The calls are real: each is passed on to the library, except the one that fails. The linker puts these functions in
 *between (NTH_CALLS in Makefile.am). A test lets every call fail in its turn:
 *
 *	for (unsigned int n = 1; n == 1 || nth_happened(); n++) {
 *		nth_fail("", n, ENOMEM);
 *		rc = what_is_tested();
 *		nth_stop();
 *		...
 *	}
 */
#ifndef ACMEGATE_TESTS_UNIT_NTH_CALL_H
#define ACMEGATE_TESTS_UNIT_NTH_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* From now on the n-th call of this function ("": of any of them) in this process fails with that errno. */
void nth_fail(const char *call, unsigned int n, int error);

/* All calls from the n-th on fail. */
void nth_fail_on(const char *call, unsigned int n, int error);

/* Something happens just before the n-th call, which is then passed on. */
void nth_act(const char *call, unsigned int n, void (*act)(void));

/* change() gets the data of the n-th reading from a socket, and returns the new length. */
void nth_change(unsigned int n, ssize_t (*change)(void *buffer, ssize_t length));

void nth_change_all(ssize_t (*change)(void *buffer, ssize_t length));

/* Nothing happens any more. */
void nth_stop(void);

/* Did it? Else there were fewer calls. */
bool nth_happened(void);

#endif
