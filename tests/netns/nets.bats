#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The four nets under an open port, each alone: the others are switched off by the seams that only a test build has.
bats_require_minimum_version 1.5.0
load ../lib/suite
rig_probe_options=(-b)

setup_file() {
	rig_seams
	rig_up
}

setup() {
	RIG_ACMEGATE=$RIG_BUILD/seams/acmegate
	most=10 # less would be over before a busy machine lets the test act in it
	[ "${RIG_SLOWER:-1}" -lt 10 ] || most=60 # opening alone takes seconds where the machine is emulated
	RIG_GATE="max_open = $most"
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out" "$RIG_DIR/probe")"
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_end_of server
	rig_pebble_stop
}

without() { export ACMEGATE_SEAMS="$*"; }

# dies WHO: SIGKILL to acmegate itself, its gate, or all of acmegate at once; remembers when
dies() {
	local victims=()
	case $1 in
	acmegate) victims=("$pid") ;;
	gate) victims=("$(rig_gate)") ;;
	all) mapfile -t victims < <(ip netns pids "$RIG_HOST") ;;
	esac
	killed=$EPOCHREALTIME
	rig_kill_at_once "${victims[@]}"
}

# A listener of somebody else's, which a time-bound opening would let the world in to.
server_start() {
	ip netns exec "$RIG_HOST" python3 -c 'import socket, time
for family, address in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
    s = socket.socket(family); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    family == socket.AF_INET6 and s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, 80)); s.listen(); globals().setdefault("keep", []).append(s)
time.sleep(60)' 3>&- &
	echo $! >"$RIG_DIR/server.pid"
}

# noted WORDS: what the newest entry in the ledger of windows ends with
noted() {
	run -0 rig_acmegate history
	[[ ${lines[0]} == *"port 80 for renew-now: one.test"*", $1"* ]] || {
		echo "not noted: $1"
		return 1
	}
}

@test "the gate alone closes when a child or acmegate dies, at its deadline, and at a signal" {
	without no-timeout no-socket no-watchdog
	rig_window
	kill -s KILL "$(pgrep -P "$pid" -f 'agent client')"
	rig_ends 1
	rig_after
	rig_window
	kill -s STOP "$(pgrep -P "$pid" -f 'agent client')"
	rig_ends 75
	[[ $output == *max_open* ]]
	[[ $output == *'port 80 closed after'* ]]
	rig_after
	noted 'closed by the gate'
	rig_window
	kill -s TERM "$pid"
	rig_ends 75
	rig_after
	noted 'closed by the gate'
	rig_window
	dies acmegate
	rig_closed_after "$killed" 0.050
	rig_until 30 rig_idle
	grep -q 'acmegate has died: the gate closes the port' "$RIG_DIR/out"
	rig_as_before
	noted 'its end is not noted'
	run -0 rig_acmegate recover
	[[ $output != *'earlier run'* ]]
	noted 'closed by the gate'
}

@test "the watchdog alone closes when the gate is killed" {
	without no-timeout no-socket
	RIG_GATE='' rig_window
	dies gate
	rig_closed_after "$killed" 0.050
	rig_ends 1
	rig_until 30 rig_idle
	grep -q 'the watchdog has closed the port' "$RIG_DIR/out"
	rig_as_before
	run -0 rig_acmegate recover
	[[ $output != *'earlier run'* ]]
	noted 'closed by the watchdog'
}

@test "the kernel alone closes when everything is killed: the rule ends with our socket" {
	without no-timeout no-watchdog
	RIG_GATE='' rig_window
	dies all
	server_start
	rig_closed_after "$killed" 0.050
	[ "$(rig_ours)" = 2 ]
	run -0 rig_acmegate recover
	[[ $output == *'the kernel closed it with that process'* ]]
	rig_as_before
	noted 'closed by the kernel'
}

@test "the kernel alone closes when everything is killed: the time is up" {
	without no-socket no-watchdog
	rig_window
	dies all
	server_start
	rig_closed_after "$killed" "$most.1"
	[ "$(rig_ours)" = 2 ]
	run -0 rig_acmegate recover
	[[ $output == *'it is closed now'* ]]
	rig_as_before
	noted 'closed by the kernel'
}

@test "each process stopped in mid-window: the port closes after max_open at the latest" {
	unset ACMEGATE_SEAMS
	for role in client responder storer signer; do
		rig_window
		kill -s STOP "$(pgrep -P "$pid" -f "agent $role")"
		rig_ends '1|75'
		rig_after
	done
	# The watchdog is the one child that has another name for itself.
	RIG_GATE='' rig_window
	kill -s STOP "$(pgrep -P "$(rig_gate)" -x acmegate-watch)"
	rig_release
	rig_ends 0
	rig_after
	rig_window
	kill -s STOP "$pid"
	rig_until 30 rig_silent
	rig_until 30 rig_as_before
	# It does not keep others from their work.
	rig_until 30 flock -n "$RIG_STATE/journal" true
	run -0 rig_acmegate recover
	[[ $output != *'earlier run'* ]]
	kill -s CONT "$pid"
	rig_ends '1|75'
	rig_after
	rig_open_at_most "$most.5" 2
	rig_window
	kill -s STOP "$(rig_gate)"
	rig_until 30 rig_silent
	# The kernel closed; the watchdog ends a gate that overstays and tidies up.
	rig_ends 1
	rig_until 30 rig_idle
	rig_after
	rig_open_at_most "$most.5" 2
}

@test "the clock is set a year on and a year back in mid-window" {
	unset ACMEGATE_SEAMS
	cat >"$RIG_DIR/acmegate" <<-SH
		#!/bin/sh
		export LD_PRELOAD=$(dpkg -L libfaketime | grep '/libfaketime\.so\.1$') FAKETIME_TIMESTAMP_FILE=$RIG_DIR/clock
		export FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
		exec $RIG_ACMEGATE "\$@"
	SH
	chmod 0755 "$RIG_DIR/acmegate"
	RIG_ACMEGATE=$RIG_DIR/acmegate
	for step in +365d -365d; do
		echo +0d >"$RIG_DIR/clock"
		rig_window
		grep -q faketime "/proc/$pid/maps"
		echo "$step" >"$RIG_DIR/clock"
		rig_release
		rig_ends 0
		rig_after
		echo +0d >"$RIG_DIR/clock"
		rig_window
		echo "$step" >"$RIG_DIR/clock"
		kill -s STOP "$(pgrep -P "$pid" -f 'agent client')"
		SECONDS=0
		rig_ends 75
		[ "$SECONDS" -ge 4 ]
		rig_after
	done
}

refusing() { [ "$(rig_probe_once)" = $'4 refusing\n6 refusing' ]; }

@test "recovery alone closes at the next start of anything" {
	for command in recover plan renew renew-now; do
		without no-timeout no-socket no-watchdog
		rm -rf "$RIG_STATE"
		rig_window
		dies all
		# Open, to whoever listens next.
		rig_until 30 refusing
		rig_release
		run rig_acmegate "$command"
		[[ $output == *'had left the port open; it is closed now'* ]]
		[ "$command" != recover ] || noted 'closed by the next acmegate'
		rig_silent
		rig_probe_stop
		rig_as_before
	done
}

@test "recovery without any journal" {
	without no-timeout no-socket no-watchdog
	rig_window
	dies all
	rm "$RIG_STATE/journal"
	run -0 rig_acmegate recover
	[[ $output == *'no run had left'* ]]
	rig_silent
	rig_as_before
}

# another_version NUMBER: the journal as that version of the program would have written it
another_version() {
	python3 - "$RIG_STATE/journal" "$1" <<-'PY'
		import hashlib, struct, sys
		with open(sys.argv[1], "r+b") as file:
		    image = bytearray(file.read())
		    for at in range(0, len(image), 512):
		        image[at + 8:at + 12] = struct.pack("=I", int(sys.argv[2]))
		        image[at + 480:at + 512] = hashlib.sha256(image[at:at + 480]).digest()
		    file.seek(0)
		    file.write(image)
	PY
}

@test "a downgrade with an open port and the journal of a newer version: acmegate closes, says so, and keeps the journal" {
	without no-timeout no-socket no-watchdog
	rig_window
	dies all
	rig_release
	another_version 2
	cp "$RIG_STATE/journal" "$RIG_DIR/journal"
	run rig_acmegate renew
	[ "$status" -eq 1 ]
	[[ $output == *'rules of an earlier run are removed'*'written by a newer acmegate (version 2, this one knows 1)'* ]]
	rig_silent
	rig_as_before
	for command in renew-now recover plan 'hook --client 1 pre' 'guard -- true'; do
		# shellcheck disable=SC2086 # words
		run rig_acmegate $command
		[ "$status" -eq 1 ]
		[[ $output == *"$RIG_STATE/journal: "*"newer acmegate"*"remove the journal"* ]]
	done
	cmp "$RIG_STATE/journal" "$RIG_DIR/journal"
	[ ! -e "$RIG_STATE/journal.corrupt" ]
	# The newer one again.
	another_version 1
	run -0 rig_acmegate recover
	[[ $output == *'ended before it could say'* ]]
	rig_probe_stop
	rig_as_before
}

@test "acmegate says which net a kernel lacks" {
	without no-socket
	rig_window
	rig_release
	rig_ends 0
	[[ $output == *'nft_socket'* ]]
	rig_after
	without no-timeout
	rig_window
	rig_release
	rig_ends 0
	[[ $output == *'timeouts in sets'*'only the end of its socket'* ]]
	rig_after
	without no-timeout no-socket
	rig_window
	rig_release
	rig_ends 0
	[[ $output == *'stays open until acmegate recover runs'* ]]
	rig_after
}

@test "a release build has no seams" {
	RIG_ACMEGATE=$RIG_BUILD/acmegate
	without no-timeout no-socket no-watchdog
	rig_window
	[[ $(rig_host nft list ruleset) == *'socket transparent 1'* ]]
	dies all
	server_start
	rig_closed_after "$killed" 0.050
}

@test "hook pre on a kernel without timeouts in sets opens, says so, and closes with its client" {
	without no-timeout
	rig_before
	run rig_acmegate hook --client $$ pre
	[ "$status" -eq 0 ]
	[[ $output == *'cannot end the rule in time'*'until acmegate recover runs'*'port 80 open'* ]]
	run rig_host nft list ruleset
	[[ $output == *acmegate* ]] && [[ $output != *timeout* ]]
	run rig_acmegate hook --client $$ post
	[ "$status" -eq 0 ]
	rig_after
	# With timeouts the rule has one, without a rehearsal.
	without ''
	rig_before
	run rig_acmegate hook --client $$ pre
	[[ $output != *'cannot end'* ]]
	run rig_host nft list ruleset
	[[ $output == *timeout* ]]
	run rig_acmegate hook --client $$ post
	rig_after
}

@test "in a window no process has more rights than its role needs" {
	RIG_ACMEGATE=$RIG_BUILD/acmegate RIG_GATE='max_open = 60'
	rig_window
	# A container has a filter for all its processes: those without one of their own have that.
	given=$(awk '/^Seccomp:/ { print $2 }' /proc/self/status)
	# CAP_SYS_ADMIN, for the mounts of its children, where there is no Landlock.
	warden=00000000000001e1
	rig_landlocked || warden=00000000002001e1
	# They stand still while they are looked at: the CA gives up after 15 s.
	mapfile -t standing < <(ip netns pids "$RIG_HOST")
	kill -s STOP "${standing[@]}"
	# CAP_NET_ADMIN and CAP_NET_RAW; CAP_CHOWN and CAP_SETUID
	for expected in 'acmegate-watch 0000000000003000 1 2' "acmegate-gate 0000000000083540 1 2" "acmegate $warden 1 $given" \
		'storer 0000000000000081 1 2' 'signer 0000000000000000 1 2' 'client 0000000000000000 1 2' \
		'responder 0000000000000000 1 2' 'surveyor 0000000000000000 1 2'; do
		read -r role capabilities no_new filter <<<"$expected"
		process=$(ip netns pids "$RIG_HOST" | while read -r p; do
			if grep -qx "$role" "/proc/$p/comm" || tr '\0' ' ' <"/proc/$p/cmdline" | grep -qE "^acmegate-(agent|surveyor) $role "; then
				echo "$p"
			fi
		done)
		run awk '/^(CapPrm|CapBnd|NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$process/status"
		printf '%s: %s\n' "$role" "${output//$'\n'/ }"
		[ "${output//$'\n'/ }" = "$capabilities $capabilities $no_new $filter" ]
		grep -qE '^Max core file size +0 +0' "/proc/$process/limits"
	done
	kill -s CONT "${standing[@]}"
	rig_release
	rig_ends '0|1|75'
	rig_after
}
