#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The rig's own probe on a machine that lets it stand still, here by a signal: it misses no window, and invents none.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || cat "$RIG_DIR/probe"
	rig_end_of probe KILL
	rig_pebble_stop
}

prober() { cat "$RIG_DIR/probe.pid"; }

@test "a window that falls into a gap of the probe is known by the CA's visit, and where none was, none is found" {
	rig_pebble
	rig_config one.test
	# The first is a renewal, and then nothing is due.
	for windows in 1 0; do
		rig_before
		kill -s STOP "$(prober)"
		run -0 rig_acmegate renew
		kill -s CONT "$(prober)"
		rig_after
		rig_was_open 4 "$windows"
		awk -v gap="$(rig_probe_total 4 gap)" 'BEGIN { exit !(gap > 0.01) }'
	done
	run rig_was_open 4 1
	[ "$status" -ne 0 ]
	[[ $output == *'0 windows instead of 1; the longest time without a probe was '*'.'*' s'* ]]
}

@test "the probe runs ahead of others where it may, and the process beside it does not" {
	rig_probe_options=(-b)
	chrt -f 1 true 2>/dev/null || skip 'this machine permits no priority'
	rig_probe_start
	[[ $(chrt -p "$(prober)") == *SCHED_FIFO* ]]
	[[ $(chrt -p "$(pgrep -P "$(prober)")") == *SCHED_OTHER* ]]
}
