#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Hostile children that ask for more than one run may have, and careless callers: what they leave open, closed, full or limited.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	make -s -C "$RIG_BUILD" tests/crash/hostile
	rig_up
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/probe" "$RIG_DIR/out")"
	rig_end_of probe
	rig_ca nft flush ruleset
	rig_pebble_stop
	local process
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
}

# gate_config [LINES]: for hooks and guard
gate_config() { printf '[gate]\nuser = nobody\nstate = %s\nmax_open = 5\n%s\n' "$RIG_STATE" "${1:-}" >"$RIG_CONF"; }

# --- a run's budget -----------------------------------------------------------------------------------------------------

# hostile ROLE ACT: a run in which that role turns hostile at its start; $status, and its words in $RIG_DIR/out
hostile() {
	mkdir -p "$RIG_DIR/hostile"
	chmod 0755 "$RIG_DIR/hostile"
	cp "$RIG_ACMEGATE" "$RIG_DIR/hostile/acmegate"
	cp "$RIG_BUILD/acmegate-surveyor" "$RIG_DIR/hostile/"
	cp "$RIG_BUILD/tests/crash/hostile" "$RIG_DIR/hostile/acmegate-agent"
	printf '%s %s start confined\n' "$1" "$2" >"$RIG_DIR/hostile/orders"
	chmod 0644 "$RIG_DIR/hostile/orders"
	status=0
	timeout -k 1 40 ip netns exec "$RIG_HOST" "$RIG_DIR/hostile/acmegate" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- ||
		status=$?
	cat "$RIG_DIR/out"
}

@test "a client that opens and closes in turn has no more than max_open in all, and few windows" {
	rig_pebble
	RIG_GATE='max_open = 5' rig_config one.test
	rig_before
	hostile client windows
	[ "$status" -eq 75 ]
	rig_after
	rig_was_open 4 3
	rig_was_open 6 3
	awk -v open="$(rig_probe_total 4 open)" 'BEGIN { exit !(open > 4 && open < 5.2) }'
	grep -q 'max_open allows' "$RIG_DIR/out"
	rig_before
	hostile client blinks
	[ "$status" -eq 1 ]
	rig_after
	rig_was_open 4 4
	grep -q 'the client asked for the port more than 4 times' "$RIG_DIR/out"
}
