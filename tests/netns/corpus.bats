#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A sample of the real-world rulesets, in which every feature occurs that any of them makes use of; "make check-corpus" does all.
bats_require_minimum_version 1.5.0

@test "real-world rulesets are opened, and left as they were" {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	make -s -C "$RIG_BUILD" tests/corpus/stand
	run env ACMEGATE_BUILD="$RIG_BUILD" "$RIG_ROOT/tests/corpus/corpus" -s
	[ "$status" -ne 77 ] || skip "$output"
	echo "$output"
	[ "$status" -eq 0 ]
	echo "# ${lines[-1]}" >&3
}

@test "in a few of them somebody's rule that drops a validation's packets is named" {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	make -s -C "$RIG_BUILD" tests/corpus/stand
	run env ACMEGATE_BUILD="$RIG_BUILD" "$RIG_ROOT/tests/corpus/corpus" -t 4
	[ "$status" -ne 77 ] || skip "$output"
	echo "$output"
	[ "$status" -eq 0 ]
	echo "# ${lines[-1]}" >&3
}
