#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The kernel's own time of a window, where the rule is put back into a table whose set is there already.
bats_require_minimum_version 1.5.0
load ../lib/suite

set_name() { rig_host nft list table inet filter | awk '$1 == "set" && $2 ~ /^acmegate/ { print $2 }'; }
handle() { rig_host nft -a list chain inet filter input | sed -nE 's/.*comment "acmegate:.*# handle ([0-9]+)$/\1/p'; }
stands() { [ -n "$(handle)" ]; }
is_back() { stands && [ "$(handle)" != "$before" ]; }

# left: the seconds after which the kernel closes
left() {
	rig_host nft -j list set inet filter "$(set_name)" | jq '[.. | .expires? // empty] | max'
}

@test "a rule that is put back lasts for the rest of the time, whatever its set had" {
	local before
	RIG_GATE='max_open = 300' rig_config </dev/null
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 290 >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 stands
	before=$(handle)
	# A saved ruleset that is loaded gives an element its whole time again; here it is more.
	rig_host nft "delete element inet filter $(set_name) { 80 }; add element inet filter $(set_name) { 80 timeout 1h }"
	[ "$(left)" -gt 3000 ]
	rig_host nft delete rule inet filter input handle "$before"
	rig_until 30 is_back
	[ "$(left)" -le 301 ]
	kill "$pid"
	wait "$pid" || true
	run ! stands
}
