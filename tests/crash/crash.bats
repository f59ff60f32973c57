#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A part of the fault sweep: all kinds of accidents in proportion, as many as the time allows. make check-crash does the rest.
bats_require_minimum_version 1.5.0

setup() {
	make -s -C "$ACMEGATE_BUILD" tests/crash/tracer tests/crash/failmalloc.so
	tracer=$ACMEGATE_BUILD/tests/crash/tracer
	run "$tracer" count -- true
	[ "$status" -ne 77 ] || skip 'no ptrace here, or another machine than x86-64'
}

# number NAME COMMAND...: which of its system calls is the last one of this name
number() {
	local name=$1
	shift
	# Into a pipe, as "run" has it: a program looks at what its output is.
	"$tracer" -v -o "$BATS_TEST_TMPDIR/calls" count -- "$@" | cat >/dev/null
	awk -v name="$name" '$1 == "call" && $2 == "main" && $4 == name { n = $3 } END { print n }' "$BATS_TEST_TMPDIR/calls"
}

@test "the tracer causes the faults that it is told, and no others" {
	run --separate-stderr "$tracer" kill main 5 -- true
	[[ $stderr =~ accident\ [0-9.]+\ main\ 5\  && $stderr =~ exit\ [0-9.]+\ main\ 137 && $stderr =~ role\ main\ 5\  ]]
	n=$(number write echo word)
	run --separate-stderr "$tracer" fail main "$n" ENOSPC once -- echo word
	[ "$output" = "" ]
	[[ $stderr == *'No space left'* && $stderr =~ exit\ [0-9.]+\ main\ 1 ]]
	run --separate-stderr "$tracer" fail main $((n - 1)) EIO once -- echo word
	[ "$output" = word ]
	run --separate-stderr "$tracer" killall fork1 3 -- bash -c 'sleep 60 & sleep 60 & wait'
	[[ $stderr =~ exit\ [0-9.]+\ main\ 137 && $stderr =~ exit\ [0-9.]+\ fork1\ 137 && $stderr == *'left 0'* ]]
	run --separate-stderr "$tracer" -t 1 stop main 5 -- true
	[[ $stderr =~ exit\ [0-9.]+\ main\ 137 && $stderr == *'left 1'* ]]
	run --separate-stderr "$tracer" kill main 100000 -- bash -c 'exit 3'
	[[ $stderr != *accident* && $stderr =~ exit\ [0-9.]+\ main\ 3 ]]
}

@test "a renewal killed or failing at a sample of its system calls leaves nothing open, lost or broken" {
	run "$BATS_TEST_DIRNAME/sweep" --budget "${CRASH_BUDGET:-60}" --seed "${CRASH_SEED:-$RANDOM}"
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
	# It has seen something, and it ends as it should.
	[[ ${lines[-1]} =~ ^[1-9][0-9]*\ passed,\ 0\ failed ]]
}
