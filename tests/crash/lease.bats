#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Hooks and guard (fork1 becomes its command, fork3 follows it), the holder of a hook's window (fork2) and the gate, killed at their system calls: LEASE_STEP=1 takes each of them,
# more takes one of so many.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	make -s -C "$ACMEGATE_BUILD" tests/crash/tracer
	rig_up
}

setup() {
	tracer=$ACMEGATE_BUILD/tests/crash/tracer
	run "$tracer" count -- true
	[ "$status" -ne 77 ] || skip 'no ptrace here, or another machine than x86-64'
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	printf '[gate]\nuser = nobody\nstate = %s\nmax_open = 60\n' "$RIG_STATE" >"$RIG_CONF"
	rig_acmegate recover
	rig_ruleset >"$RIG_DIR/before"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out")"
	local process
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
}

trace() { timeout -k 5 60 ip netns exec "$RIG_HOST" "$tracer" "$@" >"$RIG_DIR/out" 2>&1 3>&-; }

guard() { trace "$@" -- "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 0.02; }

# The client lives until the hook has ended; the holder of the window is a fork of the hook.
hook() {
	rm -f "$RIG_DIR/out"
	timeout 60 sh -c "until grep -qs '^exit .* main ' '$RIG_DIR/out'; do sleep 0.02; done" 3>&- &
	trace "$@" -- "$RIG_ACMEGATE" -c "$RIG_CONF" hook --client $! pre
}

# closed KIND: all of acmegate is gone, and nothing of it left in the firewall; when all died at once, after the next start
closed() {
	rig_until 30 rig_idle || return 1 # before max_open
	: >"$RIG_DIR/recovered"
	if [ "$1" = killall ]; then
		rig_acmegate recover >"$RIG_DIR/recovered" 2>&1 || return 1
	fi
	rig_as_before || return 1
	rig_acmegate recover >"$RIG_DIR/recovered" 2>&1 && ! grep -q 'rules' "$RIG_DIR/recovered"
}

# sweep KIND ROLE RUN: KIND is kill or killall, RUN is guard or hook
sweep() {
	local n last
	"$3" count || true
	rig_until 30 rig_idle
	last=$(awk -v role="$2" '$1 == "role" && $2 == role { print $3 }' "$RIG_DIR/out")
	[ "$last" -gt 20 ]
	for ((n = 1 + RANDOM % ${LEASE_STEP:-12}; n <= last; n += ${LEASE_STEP:-12})); do
		"$3" "$1" "$2" "$n" || true
		closed "$1" || {
			echo "$3: $1 $2 $n"
			cat "$RIG_DIR/recovered"
			return 1
		}
		points=$((${points:-0} + 1))
	done
}

@test "guard killed at its system calls, alone and with all that it has started" {
	sweep kill main guard
	sweep kill fork3 guard
	sweep kill gate guard
	sweep killall main guard
	sweep killall gate guard
	printf '# %d points\n' "$points" >&3
}

@test "a hook, and the holder of its window, killed at their system calls, alone and all at once" {
	sweep kill main hook
	sweep kill fork2 hook
	sweep kill gate hook
	sweep killall gate hook
	printf '# %d points\n' "$points" >&3
}
