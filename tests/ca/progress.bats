#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The line that lives on a terminal while a run works: what is on the screen in mid-window and afterwards, and where there is none.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	cat >"$RIG_DIR/screen" <<-'PY'
		# screen COLUMNS OUTPUT COMMAND...: runs it on a terminal of its own, of so many columns and in the foreground, and keeps all
		# that comes to it. When there is OUTPUT.stop, Ctrl-S is typed; OUTPUT.stopped says that it was.
		import fcntl, os, pty, select, struct, sys, termios
		columns, output, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
		pid, screen = pty.fork()
		if pid == 0:
		    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
		    os.execvp(command[0], command)
		with open(output, "wb", 0) as kept:
		    while True:
		        if os.path.exists(output + ".stop") and not os.path.exists(output + ".stopped"):
		            os.write(screen, b"\x13")
		            open(output + ".stopped", "w").close()
		        if not select.select([screen], [], [], 0.05)[0]:
		            if os.path.exists(output + ".stopped") and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
		                break
		            continue
		        try:
		            text = os.read(screen, 65536)
		        except OSError:
		            break
		        kept.write(text)
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	PY
}

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	rig_pebble
	export TERM=xterm
	unset NO_COLOR
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || { cat -v "$RIG_DIR/kept" "$RIG_DIR/probe"; }
	rig_ca nft flush ruleset
	rig_end_of probe
	local process
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
	rm -f "$RIG_DIR"/kept*
}

# on_screen COLUMNS ARGUMENTS...: acmegate on a terminal, in the background as $pid
on_screen() {
	rm -f "$RIG_DIR"/kept*
	ip netns exec "$RIG_HOST" python3 "$RIG_DIR/screen" "$1" "$RIG_DIR/kept" "$RIG_ACMEGATE" -c "$RIG_CONF" "${@:2}" </dev/null >/dev/null 2>&1 3>&- &
	pid=$!
}
ended() { # STATUS
	local result=0
	rig_until 60 rig_gone "$pid"
	wait "$pid" || result=$?
	[ "$result" = "$1" ]
}
shows() { grep -aqE "$1" "$RIG_DIR/kept" 2>/dev/null; }

# What the terminal shows in the end: the sequences that the line needs, and no others.
final() {
	python3 - "$RIG_DIR/kept" <<-'PY'
		import re, sys
		text = open(sys.argv[1], "rb").read().decode()
		rows, column = [""], 0
		for part in re.findall("\x1b\\[K|[^\x1b]", text):
		    if part == "\x1b[K": rows[-1] = rows[-1][:column]
		    elif part == "\r": column = 0
		    elif part == "\n": rows.append(""); column = 0
		    else:
		        rows[-1] = rows[-1][:column].ljust(column) + part + rows[-1][column + 1:]
		        column += 1
		print("\n".join(rows), end="")
	PY
}
# widest: the longest line that was drawn, in characters
widest() { tr '\r\n' '\n\n' <"$RIG_DIR/kept" | sed -n 's/^\x1b\[K\([^a].*\|a[^c].*\)$/\1/p' | awk '{ if (length > most) most = length } END { print most + 0 }'; }

@test "a run on a terminal shows the step, the names, the seconds and the rest; it erases the line, and leaves the log as it is elsewhere" {
	rig_config one.test,two.one.test,three.one.test
	rig_hold
	rig_before
	on_screen 120 renew-now
	rig_until 30 rig_opened
	rig_until 30 shows 'validating 0 of 3 names, port 80 open for [1-9][0-9]*\.[0-9] s, [0-9]+\.[0-9] s left \[\.+\]'
	rig_release
	ended 0
	rig_after
	shows 'fetching 0 of 1 certificate'
	run final
	printf '%s\n' "$output"
	[[ $output == *'acmegate: port 80 open'*'acmegate: port 80 closed'*'acmegate: certificate one.test is stored in '* ]]
	# Each line is one of the log, and the last one is empty: nothing of the line that lived is left.
	! grep -v '^acmegate: ' <<<"$output"
	[ "$(final | tail -c 1 | od -An -c | tr -d ' ')" = '\n' ]
	[ "$(widest)" -lt 120 ]
}

@test "the line is shorter than a terminal of 20 columns" {
	rig_config one.test,two.one.test
	rig_hold
	on_screen 20 renew-now
	rig_until 30 shows '0/2 open [1-9]'
	rig_release
	ended 0
	[ "$(widest)" -lt 20 ]
	[ "$(widest)" -gt 4 ]
}

@test "plain lines, without a line that lives: TERM=dumb, NO_COLOR, --quiet, a pipe" {
	rig_config one.test
	for how in TERM=dumb NO_COLOR=1; do
		export "${how?}"
		on_screen 80 renew-now
		ended 0
		shows 'acmegate: port 80 open'
		! shows $'\e'
		export TERM=xterm
		unset NO_COLOR
	done
	on_screen 80 -q renew-now
	ended 0
	[ ! -s "$RIG_DIR/kept" ]
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	[[ $output == *'port 80 open'* && $output != *$'\e'* ]]
}

@test "the port closes in time on a terminal that is stopped in mid-window (Ctrl-S)" {
	RIG_GATE='max_open = 5' rig_config one.test
	rig_hold
	rig_before
	on_screen 80 renew-now
	rig_until 30 rig_opened
	touch "$RIG_DIR/kept.stop"
	rig_until 30 test -e "$RIG_DIR/kept.stopped"
	# The CA does not come: it is the gate that closes, or the client that gives up before it.
	ended 75
	rig_after
	rig_open_at_most 5.2 6
}

@test "-vv and -v -v say as much as --debug, and -q says errors only" {
	rig_config one.test
	rig_acmegate -q renew-now >"$RIG_DIR/kept" 2>&1
	[ ! -s "$RIG_DIR/kept" ]
	run ! rig_acmegate --quiet renew-now no.such.name
	[[ $output == *'error: there is no [certificate no.such.name]'* ]]
	for how in -vv '-v -v' '--verbose -v' --debug '-q --debug'; do
		# shellcheck disable=SC2086 # words
		run rig_acmegate $how renew
		[[ $output == *'received RENEWAL from descriptor'* ]]
	done
	run rig_acmegate -v renew
	[[ $output == *'storer: '* || $output == *'nothing is due'* ]]
	[[ $output != *'received RENEWAL'* ]]
}
