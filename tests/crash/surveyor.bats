#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A surveyor that turns against acmegate: nothing changes but what a rule of ours for the port would, and acmegate says what happened.

load ../lib/suite

setup_file() {
	rig_up
	make -s -C "$RIG_BUILD" tests/crash/liar
	mkdir -p "$RIG_DIR/liar"
	# acmegate takes the images that lie beside it.
	cp "$RIG_ACMEGATE" "$RIG_BUILD"/acmegate-{agent,gate} "$RIG_DIR/liar/"
	cp "$RIG_BUILD/tests/crash/liar" "$RIG_DIR/liar/acmegate-surveyor"
}

setup() {
	rig_policy_drop | rig_nft -
	rig_config
	export RIG_ACMEGATE=$RIG_DIR/liar/acmegate
}

# lie ACT HOW COMMAND...: one command with a surveyor that does this
lie() {
	printf '%s %s\n' "$1" "$2" >"$RIG_DIR/liar/orders"
	shift 2
	run rig_acmegate "$@"
	echo "status $status: $output"
	[ "$status" -eq 1 ] || [ "$status" -eq 75 ]
}

# refused ACT WORDS: plan and a hook fail and say so; the ruleset is what it was
refused() {
	rig_before
	lie "$1" confined plan
	[[ $output == *error:*"$2"* && $output != *gained* ]]
	lie "$1" confined guard -- true
	[[ $output == *error:*"$2"* && $output != *gained* ]]
	rig_after
}

@test "the warden passes on no request that changes something, and ends the surveyor" {
	local act
	for act in write batch tail reset other; do refused "$act" 'the surveyor said what it may not say'; done
}

@test "malformed records end the surveyor" {
	refused kinds 'the surveyor said what it may not say (77'
	refused short 'the surveyor said what it may not say'
}

@test "remarks without a question, or without an end, are refused, and their bytes do not reach the terminal" {
	refused remark 'the surveyor said what it may not say'
	printf 'remarks confined\n' >"$RIG_DIR/liar/orders"
	run rig_acmegate plan
	[[ $output == *'the surveyor said what it may not say'* && $output != *$'\033'* && $output == *'# ????'* ]]
}

@test "more findings than there is room for are refused" { refused findings 'more than 64 spots'; }

@test "a fault text without an end is refused" { refused fault yyyy; }

@test "a chain that does not exist is an error" { refused names 'the ruleset changed meanwhile'; }

@test "a surveyor that dies in the middle of an answer is an error" { refused crash 'the surveyor died of signal'; }

@test "the surveyor's netlink socket obeys acmegate alone, and it reaches nothing else" {
	local act
	for act in direct everything; do refused "$act" 'the surveyor ended, with status 0'; done
}

@test "without the sandbox the same attacks gain something" {
	lie everything loose plan
	[[ $output == *'gained: /etc/passwd can be read'* && $output == *'gained: a socket of IPv4'* && $output == *'gained: a process'* ]]
	rm -f /tmp/acmegate-liar
}
