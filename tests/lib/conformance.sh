# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# conformance.sh - what every backend and every mixture must do, in the same order: open, seen from outside over IPv4 and IPv6, and
# close; be harmless when it was saved and is loaded after a boot; come back after a foreign reload; close when the gate dies,
# when everything does, and when the time is up; and leave all as it was each time. To be sourced behind rig.sh and layers.sh.
#
#	conforms RULES LAYER...		so many rules (a regular expression) it takes to open these. CONFORMANCE=all: the last
#					step, waiting for the time to be up, too
#
# shellcheck disable=SC2034,SC2154 # step is told by teardown, killed set in layers.sh

each() {
	local layer
	for layer in "${layers[@]}"; do layer "$layer" "$1"; done
}

seen() { grep -q '^answer 4' "$RIG_DIR/probe" && grep -q '^answer 6' "$RIG_DIR/probe"; }
# Tools that load anew what they have saved do so in an order of their own.
as_before() {
	diff <(sort "$RIG_DIR/saved-before") <(saved | sort) >"$RIG_DIR/difference" && ! rig_ca nft list ruleset | grep -q 'acmegate:'
}

# A set is a paragraph of its own. Of a rule of iptables-nft's, nft shows no comment, and since 1.1 what it means.
without_ours() { saved | sed '/set acmegate_/,/^$/d; /acmegate:/d; /xt match socket/d; /socket transparent 1/d'; }

# window [COMMAND...]: open, as seen from outside. One Pebble serves all windows of a row.
window() {
	rig_ca nft delete table inet hold 2>/dev/null || true
	rig_hold
	name=$((${name:-0} + 1)) # Pebble may know an authorization again
	rig_config "w$name.test"
	rig_probe_options=(-b)
	rig_probe_start
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" "${@:-renew-now}" >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 seen
}

# closed: nothing of ours is left, anywhere, and nothing else has changed
closed() {
	rig_silent
	rig_end_of probe
	rig_end_of server
	as_before || {
		cat "$RIG_DIR/difference"
		return 1
	}
}

# conforms RULES LAYER...: so many rules it takes to open these
conforms() {
	local rules=$1 name=0
	shift
	layers=("$@")
	step=up
	each up
	saved >"$RIG_DIR/saved-before"
	rig_silent
	RIG_DNS6=$RIG_HOST6 rig_pebble # which then goes by IPv6

	step='open and close'
	rig_ruleset >"$RIG_DIR/before"
	window
	each save
	rig_release
	rig_ends 0
	[[ $output =~ \($rules\ rules?\ in ]]
	[[ $output == *'ruleset unchanged'* ]]
	rig_certificate w1.test w1.test
	rig_as_before
	closed

	step=boot
	# Empty, as a kernel is that has just started; but legacy tables cannot be unloaded.
	[[ ${layers[*]} == iptables-legacy ]] || rig_host nft flush ruleset
	each boot
	without_ours >"$RIG_DIR/saved-before"
	server_start
	sleep 0.1
	rig_silent
	run -0 rig_acmegate recover
	[[ ${layers[*]} == command ]] || [[ $output == *'no run had left'* ]]
	closed

	step=reload
	window
	reloads || {
		# If the layers took more than the 15 s after which the CA gives up, the window is guard's, which has the time.
		rig_until 30 rig_gone "$pid" && grep -q 'Client.Timeout exceeded' "$RIG_DIR/out" || {
			cat "$RIG_DIR/difference"
			return 1
		}
		closed
		server_start
		window guard -- sleep 50
		reloads || {
			cat "$RIG_DIR/difference"
			return 1
		}
	}
	open_again
	step='the gate dies'
	gate=$(rig_gate)
	killed=$EPOCHREALTIME
	kill -s KILL "$gate"
	rig_until 30 closes_by_watchdog
	rig_closed_after "$killed" 0.050
	closed

	step='everything dies'
	window
	everything_dies
	server_start
	rig_closed_after "$killed" 0.050
	run ! as_before
	run -0 rig_acmegate recover
	closed
	[ "${CONFORMANCE:-}" != all ] || expires
}
reloads() {
	saved >"$RIG_DIR/saved-open"
	each reload
	rig_until 30 as_when_open
}
as_when_open() { diff <(sort "$RIG_DIR/saved-open") <(saved | sort) >"$RIG_DIR/difference"; }
closes_by_watchdog() { grep -q 'the watchdog has closed the port' "$RIG_DIR/out"; }

# The listener is not ours, and everything is dead: only the time is left.
expires() {
	step='the time is up'
	RIG_GATE+=$'\nmax_open = 5'
	window guard -- sleep 60
	everything_dies
	server_start
	rig_closed_after "$killed" 5.1
	run -0 rig_acmegate recover
	closed
}
