#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The ledger of windows: for whom the port was open, what closed it, and that no window depends on it.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	rig_config one.test
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out")"
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_pebble_stop
	local process
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
}

# last PATTERN: the newest window, as acmegate tells it
last() {
	run -0 rig_acmegate history
	# shellcheck disable=SC2053 # a pattern
	[[ ${lines[0]} == $1 ]] || {
		echo "not like $1: ${lines[0]:-}"
		return 1
	}
}

# guarded ARGUMENTS...: starts guard in the background; $pid is acmegate. It returns when the port is open.
guarded() {
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard "$@" -- sleep 60 >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 grep -q 'port 80 open' "$RIG_DIR/out"
}

# dies all | gate
dies() {
	local victims
	if [ "$1" = gate ]; then
		kill -s KILL "$(rig_gate)"
		rig_until 30 grep -q 'the watchdog has closed the port' "$RIG_DIR/out"
		rig_end "$pid"
	else
		mapfile -t victims < <(ip netns pids "$RIG_HOST")
		rig_kill_at_once "${victims[@]}"
	fi
	rig_until 30 rig_idle
}

# rewrite PYTHON: changes the newest entry, a bytearray named entry, and sums it up again; "boot" is where the name of its boot is
rewrite() {
	python3 - "$RIG_STATE/windows" "$1" <<-'PY'
		import hashlib, struct, sys
		with open(sys.argv[1], "r+b") as file:
		    image = bytearray(file.read())
		    at = max(range(0, len(image), 512), key=lambda i: struct.unpack_from("=Q", image, i + 16))
		    entry = image[at:at + 480]
		    exec(sys.argv[2])
		    image[at:at + 512] = entry + hashlib.sha256(entry).digest()
		    file.seek(0)
		    file.write(image)
	PY
}

@test "renew, renew-now, hook and guard are told apart, with their certificates and clients" {
	rig_pebble
	run -0 rig_acmegate history
	[[ $output != *UTC* ]]
	run -0 rig_acmegate renew
	last '20* UTC port 80 for renew: one.test, open for [0-9]*.[0-9][0-9][0-9] s, closed by the gate, [1-9]* packet*'
	run -0 rig_acmegate renew-now
	last '20* UTC port 80 for renew-now: one.test, open for [0-9]*.[0-9][0-9][0-9] s, closed by the gate, [1-9]* packet*'
	run -7 rig_acmegate guard -- sh -c 'sleep 0.01; exit 7'
	last '20* UTC port 80 for guard: sh (process [1-9]*), open for *, closed by the gate, 0 packets'
	sleep 60 3>&- &
	client=$!
	run -0 rig_acmegate hook --client "$client" pre
	last "20* UTC port 80 for hook: sleep (process $client), its end is not noted: it is open, *"
	run -0 rig_acmegate hook --client "$client" post
	last "20* UTC port 80 for hook: sleep (process $client), open for *, closed by the gate, 0 packets"
	run -0 rig_acmegate hook --client "$client" pre
	rig_end "$client" KILL
	rig_until 30 rig_idle
	last "20* UTC port 80 for hook: sleep (process $client), open for *, closed by the gate, 0 packets"
	# five windows, two attempts, and the sum
	[ "$(grep -c ' UTC port 80 for ' <<<"$output")" = 5 ]
	[ "$(grep -c ' UTC certificate one.test at .*: stored$' <<<"$output")" = 2 ]
	[[ ${lines[-1]} == 'port 80 was open '[0-9]*'.'[0-9][0-9][0-9]' s in 365 days, in 5 windows, longest '*' s; nothing is known before '* ]]
	[ "${#lines[@]}" = 8 ]
	# Nothing due: nothing written.
	sum=$(sha256sum <"$RIG_STATE/windows")
	run -0 rig_acmegate -v renew
	[ "$(sha256sum <"$RIG_STATE/windows")" = "$sum" ]
}

@test "a hook's script that ends is not the client: what has run it is" {
	printf '#!/bin/sh\n%s -c %s hook pre\n' "$RIG_ACMEGATE" "$RIG_CONF" >"$RIG_DIR/before-hook"
	cat >"$RIG_DIR/client" <<-PY
		#!/usr/bin/python3
		import subprocess, time
		subprocess.run(["$RIG_DIR/before-hook"], check=True)
		time.sleep(60)
	PY
	chmod 0755 "$RIG_DIR/client" "$RIG_DIR/before-hook"
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_DIR/client" >"$RIG_DIR/out" 2>&1 3>&- &
	client=$!
	rig_until 30 grep -q 'port 80 open' "$RIG_DIR/out"
	last '*port 80 for hook: before-hook, client (process *'
	rig_until 30 only_client
	rig_end "$client" KILL
	rig_until 30 rig_idle
	last "*port 80 for hook: client (process $client), open for *, closed by the gate*"
}
only_client() { ! pgrep -x before-hook; }

# Each net alone: nets.bats.
@test "how a window ended whose acmegate was killed: time, a start of the machine, rules that are gone" {
	guarded
	dies gate
	last '*port 80 for guard: sleep *, its end is not noted: *'
	run -0 rig_acmegate recover
	last '*port 80 for guard: sleep *, closed by the watchdog'
	# A rule for somebody else's listener: until its time is up the next acmegate closes, after that the kernel has.
	guarded
	dies all
	run -0 rig_acmegate plan
	last '*port 80 for guard: sleep *, closed by the next acmegate'
	guarded
	dies all
	rewrite 'entry[24:40] = struct.pack("=qq", *(t - 1000 for t in struct.unpack_from("=qq", entry, 24)))'
	run -0 rig_acmegate recover
	run -0 rig_acmegate history # it is not the newest any more
	[[ $output == *'port 80 for guard: sleep '*', open for at most 60.000 s, closed by the kernel'* ]]
	guarded
	dies all
	rewrite 'entry[40:56] = b"of another boot."'
	run -0 rig_acmegate recover
	last '*port 80 for guard: sleep *, closed by the start of the machine'
	guarded
	dies all
	rig_policy_drop | rig_nft -
	run -0 rig_acmegate recover
	last '*port 80 for guard: sleep *, acmegate was killed, and the next one found no rule'
}

@test "the port is opened and shut again and again: one window" {
	rm -f "$RIG_DIR/out"
	cat >"$RIG_DIR/twice" <<-'PY'
		#!/usr/bin/python3
		import os, socket, sys, time
		for i in range(2):
		    s = socket.create_server(("", 80))
		    while open(sys.argv[1]).read().count("port 80 open") <= i:
		        time.sleep(0.01)
		    s.close()
		    while open(sys.argv[1]).read().count("port 80 closed") <= i:
		        time.sleep(0.01)
	PY
	chmod 0755 "$RIG_DIR/twice"
	# shellcheck disable=SC2094 # it waits for words of its own output
	timeout 60 ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard --on-listen -- "$RIG_DIR/twice" "$RIG_DIR/out" \
		>"$RIG_DIR/out" 2>&1 3>&-
	last '*port 80 for guard: */twice (process *), open for * in 2 times, closed by the gate, 0 packets'
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[1]} == *' in 1 window, longest '* ]]
}

@test "a window that the gate refuses is noted with the reason" {
	printf '[gate]\nuser = nobody\nstate = %s\nbackend = firewalld\n' "$RIG_STATE" >"$RIG_CONF"
	run rig_acmegate guard -- true
	[ "$status" -ne 0 ]
	last '20* UTC port 80 for guard: true (process [1-9]*), not opened: *firewalld*'
}

@test "killed before the gate was told: the window was not opened" {
	guarded
	rig_end "$pid"
	rig_until 30 rig_idle
	run strace -f -qq -e trace=fdatasync -e inject=fdatasync:signal=KILL:when=1 -o "$RIG_DIR/trace" \
		ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- true
	rig_until 30 rig_idle
	last '*port 80 for guard: true *, its end is not noted: *'
	run -0 rig_acmegate recover
	last '*port 80 for guard: true *, not opened'
}

@test "a ledger that cannot be written keeps no window shut, and is one warning" {
	mkdir -p "$RIG_STATE"
	chmod 0700 "$RIG_STATE"
	mkdir "$RIG_STATE/windows" "$RIG_STATE/windows.corrupt" "$RIG_STATE/windows.corrupt/full"
	rig_before
	run -0 rig_acmegate guard -- true
	[[ $output == *'is not kept for acmegate history'* ]]
	[ "$(grep -c 'acmegate history' <<<"$output")" = 1 ]
	[[ $output == *'port 80 open'*'port 80 closed'* ]]
	rig_after
	rmdir "$RIG_STATE/windows" "$RIG_STATE/windows.corrupt/full" "$RIG_STATE/windows.corrupt"
	# Corrupt: put aside, said, and begun anew.
	head -c 65536 /dev/urandom >"$RIG_STATE/windows"
	run rig_acmegate history
	[[ $output == *'is corrupt'* ]]
	run -0 rig_acmegate guard -- true
	[[ $output == *'has been renamed to windows.corrupt'* ]]
	last '*port 80 for guard: true *'
	[ "$(stat -c %s:%a "$RIG_STATE/windows" "$RIG_STATE/windows.corrupt" | tr '\n' ' ')" = '1253376:600 65536:644 ' ]
}

@test "a ledger whose size cannot be looked at is not taken for a corrupt one" {
	run -0 rig_acmegate guard -- true
	cp "$RIG_STATE/windows" "$RIG_DIR/windows"
	run -0 rig_host strace -qq -f -o /dev/null -P "$RIG_STATE/windows" -e inject=newfstatat,fstat:error=EIO \
		"$RIG_ACMEGATE" -c "$RIG_CONF" guard -- true
	[[ $output == *'is not kept for acmegate history: reading windows: Input/output error'* ]]
	cmp "$RIG_STATE/windows" "$RIG_DIR/windows"
	[ ! -e "$RIG_STATE/windows.corrupt" ]
}

# csv PYTHON: an expression over r, the records of `history --csv` as python reads them
csv() {
	rig_acmegate history --csv "${@:2}" | python3 -c 'import csv, io, sys
text = sys.stdin.buffer.read().decode()
assert text.count("\n") == text.count("\r\n") > 0
r = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
assert all(None not in x and None not in x.values() for x in r)
print('"$1"')'
}

@test "history: since a date or an age, and as CSV" {
	run -0 rig_acmegate guard -- true
	run -0 rig_acmegate guard -- true
	[ "$(csv 'len(r), r[0]["kind"], r[0]["for"], r[0]["client"], r[0]["closed_by"], r[0]["at_most"]')" = '2 window guard true gate 0' ]
	for since in 1m 1h 7d 2026-01-01; do
		[ "$(csv 'len(r)' --since "$since")" = 2 ]
		run -0 rig_acmegate history --since "$since"
		[[ ${lines[-1]} == 'port 80 was open '*' s since 20'*' UTC, in 2 windows, longest '* ]]
	done
	rewrite 'entry[24:40] = struct.pack("=qq", *(t - 7200 for t in struct.unpack_from("=qq", entry, 24)))'
	[ "$(csv 'len(r)' --since 1h)" = 1 ]
	for since in x 7 0d 7y 2026-13-01 2026-02-30 2026-1-1 -1d 99999999d '7d '; do
		run -2 rig_acmegate history --since "$since"
		[[ $output == *"--since $since: expected a date as in 2026-11-01, or an age as in 7d, 24h or 30m"* ]]
	done
}

@test "status, metrics and history count the same" {
	for _ in 1 2 3; do run -0 rig_acmegate guard -- sleep 0.02; done
	sum=$(csv '"%.3f" % sum(float(x["seconds"]) for x in r)')
	longest=$(csv '"%.3f" % max(float(x["seconds"]) for x in r)')
	run -0 rig_acmegate history
	[[ ${lines[-1]} == "port 80 was open $sum s in 365 days, in 3 windows, longest $longest s; "* ]]
	run -0 rig_acmegate status --metrics
	awk -v sum="$sum" -v longest="$longest" '
		$1 == "acmegate_window_open_365d_seconds" || $1 == "acmegate_window_open_seconds_total" { right += $2 == sum }
		$1 == "acmegate_longest_window_365d_seconds" { right += $2 == longest }
		$1 == "acmegate_windows_365d" || $1 == "acmegate_windows_total{result=\"closed\"}" { right += $2 == 3 }
		END { exit right != 5 }' <<<"$output"
	run -75 --separate-stderr rig_acmegate status --json
	[ "$(python3 -c 'import json, sys
e = json.load(sys.stdin)["exposure"]
print("%.3f %.3f %.3f" % (e["seconds_365d"], e["seconds"], e["longest_seconds_365d"]), e["windows_365d"], e["windows"])' <<<"$output")" = "$sum $sum $longest 3 3" ]
}

# make check-exposure has 1,000 windows.
@test "open as long as a stranger sees it: ${RIG_WINDOWS:-20} windows" {
	rig_probe_options=(-b)
	windows=${RIG_WINDOWS:-20}
	rig_before
	for window in $(seq "$windows"); do
		run -0 rig_acmegate guard -- sleep "0.0$((window % 9 + 1))"
	done
	rig_after
	[ "$(rig_probe_windows 4)" = "$windows" ] || awk -v gap="$(rig_probe_total 4 gap)" 'BEGIN { exit !(gap < 0.005) }' ||
		skip "the probe stood still for $(rig_probe_total 4 gap) s and may have missed a window"
	rig_was_open 4 "$windows"
	csv '"\n".join(x["seconds"] for x in reversed(r))' >"$RIG_DIR/noted"
	awk '$1 == "interval" && $2 == 4 {
			if ($3 != "silent") { if (!open) n++; sum[n] += $6; open = 1 } else open = 0
		}
		END { for (i = 1; i <= n; i++) print sum[i] }' "$RIG_DIR/probe" >"$RIG_DIR/seen"
	paste "$RIG_DIR/noted" "$RIG_DIR/seen" | awk '{ printf "%.6f\n", $1 - $2 }' | sort -n >"$RIG_DIR/more"
	read -r least middle most < <(awk '{ d[NR] = $1 } END { printf "%.6f %.6f %.6f\n", d[1], d[int((NR + 1) / 2)], d[NR] }' "$RIG_DIR/more")
	printf '# noted is more than seen by %.1f ms at least, %.1f in the middle, %.1f at most\n' "$(rig_milliseconds "$least")" \
		"$(rig_milliseconds "$middle")" "$(rig_milliseconds "$most")" >&3
	# Never less, but for the probe's step. More by what one process needs, and waits for, between its clock and the rule; that may
	# happen at the opening and at the close, before the call and after it.
	RIG_HANDS=1 rig_at_most "$(awk -v least="$least" 'BEGIN { print -least }')" 0.002 'noted is less than seen'
	RIG_HANDS=1 rig_at_most "$middle" 0.005 'noted is more than seen, in the middle'
	RIG_HANDS=4 rig_at_most "$most" 0.005 'noted is more than seen, at most'
}
