/* SPDX-License-Identifier: GPL-3.0-or-later */
/* must.h - asserts what a call of the backends returns, with the fault's words when it is another value. */
#ifndef ACMEGATE_TESTS_UNIT_MUST_H
#define ACMEGATE_TESTS_UNIT_MUST_H

#include "base/fault.h"
#include "nth_call.h"

/* For a test with a variable "fault". From here on every call goes well. */
#define must(rc, wanted) must_be(rc, wanted, &fault)

static inline void must_be(int rc, int wanted, const struct fault *fault)
{
	nth_stop();
	if (rc != wanted)
		fail_msg("%d instead of %d: %s", rc, wanted, rc < 0 ? fault->text : "");
}

#endif
