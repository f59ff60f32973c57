#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A part of the power cuts; the whole is "make check-powercut".
bats_require_minimum_version 1.5.0

@test "power cuts: a part of the images that a disk may hold" {
	# The rig of a program of its own is taken down when that ends.
	run env -u BATS_VERSION "$BATS_TEST_DIRNAME/powercut" --short 3>&-
	printf '%s\n' "$output"
	[ "$status" -ne 77 ] || skip "${lines[0]}"
	[ "$status" -eq 0 ]
}

# There the sandbox makes the directories for accounts and certificates in another way.
@test "power cuts during a first run on a kernel without Landlock" {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_seams
	run env -u BATS_VERSION ACMEGATE="$RIG_BUILD/seams/acmegate" ACMEGATE_SEAMS=no-landlock "$BATS_TEST_DIRNAME/powercut" --first 3>&-
	[ "$status" -ne 77 ] || skip "${lines[0]}"
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
}
