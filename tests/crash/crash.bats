#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A part of the fault sweep: all kinds of accidents in proportion, as many as the time allows. make check-crash does them all.
bats_require_minimum_version 1.5.0

@test "killed or failing at a sample of its system calls: nothing is left open, lost or broken" {
	make -s -C "$ACMEGATE_BUILD" tests/crash/tracer tests/crash/failmalloc.so
	run "$ACMEGATE_BUILD/tests/crash/tracer" count -- true
	[ "$status" -ne 77 ] || skip 'no ptrace here, or another machine than x86-64'
	run "$BATS_TEST_DIRNAME/sweep" --budget "${CRASH_BUDGET:-90}" --seed "${CRASH_SEED:-$RANDOM}"
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
	# It has seen something, and it ends as it should.
	[[ ${lines[-1]} =~ ^[1-9][0-9]*\ passed,\ 0\ failed ]]
}
