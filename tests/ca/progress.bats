#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A run speaks while it works: a line that lives on a terminal, fields in the journal, the status in systemd.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	rig_pebble
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

# A journal and a systemd that write down what they hear: the fields of each datagram as one line of JSON in OUTPUT, and STATUS= and the like
# in OUTPUT.notified. In a mount namespace of its own. With "stuck", both have a queue that is full and is never read.
listener() {
	cat >"$RIG_DIR/listener" <<-'PY'
		import json, os, select, socket, subprocess, sys
		output, stuck, command = sys.argv[1], sys.argv[2] == "stuck", sys.argv[3:]
		os.makedirs("/run/systemd/journal", exist_ok=True)
		subprocess.run(["mount", "-t", "tmpfs", "none", "/run/systemd/journal"], check=True)
		heard = {}
		for name in "/run/systemd/journal/socket", output + ".socket":
		    if os.path.exists(name):
		        os.unlink(name)
		    heard[name] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		    heard[name].bind(name)
		    if stuck:
		        full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		        full.setblocking(False)
		        try:
		            while True:
		                full.sendto(b"x", name)
		        except BlockingIOError:
		            pass
		journal, notified = heard.values()
		stream, theirs = socket.socketpair()
		s = os.fstat(theirs.fileno())
		child = subprocess.Popen(command, stderr=theirs, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=dict(
		    os.environ, JOURNAL_STREAM="%d:%d" % (s.st_dev, s.st_ino), NOTIFY_SOCKET=output + ".socket"))
		theirs.close()
		with open(output, "w", 1) as kept, open(output + ".notified", "w", 1) as words, open(output + ".text", "wb", 0) as text:
		    while True:
		        ready = select.select([stream] + ([] if stuck else [journal, notified]), [], [], 0.1)[0]
		        for each in ready:
		            data = each.recv(65536)
		            if each is stream:
		                text.write(data)
		            elif each is notified:
		                words.write(data.decode() + "\n")
		            else:
		                fields = {}
		                for line in data.decode().splitlines():
		                    field, value = line.split("=", 1)
		                    fields.setdefault(field, []).append(value)
		                kept.write(json.dumps(fields) + "\n")
		        if child.poll() is not None and (not ready or ready == [stream]):
		            break
		sys.exit(child.returncode)
	PY
	timeout -k 1 $((60 * ${RIG_SLOWER:-1})) ip netns exec "$RIG_HOST" unshare -m python3 "$RIG_DIR/listener" "$RIG_DIR/kept" "$@" 3>&-
}

# field EVENT FIELD: of the entry with this event, each value in a line
field() { jq -r "select(.ACMEGATE_EVENT == [\"$1\"]).$2[]" "$RIG_DIR/kept"; }

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
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

# Prints the screen in the end: knows the sequences that the line needs, and no others.
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
# shellcheck disable=SC2020 # each return becomes a newline
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
	! grep -v '^acmegate: ' <<<"$output" || false
	[ "$(final | tail -c 1 | od -An -c | tr -d ' ')" = '\n' ]
	[ "$(widest)" -lt 120 ]
}

@test "a window on port 443 counts the names, too, as soon as the CA has come for each" {
	rig_ca curl -sf --max-time 5 -d "{\"host\":\"six.test.\",\"addresses\":[\"$RIG_HOST6\"]}" http://127.0.0.1:8055/add-aaaa
	RIG_CERTIFICATE='challenge = tls-alpn-01' rig_config one.test,two.one.test,six.test
	rig_hold
	on_screen 120 renew-now
	rig_until 30 shows 'validating 0 of 3 names, port 443 open for [1-9][0-9]*\.[0-9] s, [0-9]+\.[0-9] s left \[\.+\]'
	rig_ca nft "insert rule inet hold out ip daddr $RIG_HOST4 accept"
	rig_until 30 shows 'validating 2 of 3 names, port 443 open'
	rig_release
	ended 0
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
		rm -rf "$RIG_STATE/accounts" # or one of 100 authorizations is valid still, and no port opens
		on_screen 80 renew-now
		ended 0
		shows 'acmegate: port 80 open'
		! shows $'\e' || false
		export TERM=xterm
		unset NO_COLOR
	done
	on_screen 80 -q renew-now
	ended 0
	[ ! -s "$RIG_DIR/kept" ]
	rm -rf "$RIG_STATE/accounts"
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	[[ $output == *'port 80 open'* && $output != *$'\e'* ]]
}

@test "the port closes in time on a terminal that is stopped in mid-window (Ctrl-S)" {
	rig_probe_options=(-b)
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

@test "the journal gets fields, one entry for each line, and systemd the status" {
	rig_config <<-INI
		[certificate mail]
		names = mail.test
		deploy = /bin/true
		[certificate www]
		names = www.test
		deploy = /bin/false
	INI
	run -1 listener read "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now
	[ "$(field window-opened MESSAGE_ID)" = c48e670848cf450ea2c0e7391fbac343 ]
	[ "$(field window-closed ACMEGATE_CERTIFICATE)" = $'mail\nwww' ]
	[ "$(field window-closed ACMEGATE_WINDOW)" = 1 ]
	[[ $(field window-closed ACMEGATE_SECONDS) =~ ^[0-9]+\.[0-9]{3}$ ]]
	[ "$(field certificate-stored ACMEGATE_CERTIFICATE | sort)" = $'mail\nwww' ]
	[ "$(field hook-done ACMEGATE_CERTIFICATE)" = mail ]
	[ "$(field hook-failed ACMEGATE_CERTIFICATE)" = www ]
	[ "$(field hook-failed PRIORITY)" = 3 ]
	[ "$(jq -r '.SYSLOG_IDENTIFIER[]' "$RIG_DIR/kept" | sort -u)" = acmegate ]
	# The lines of other processes come as text with their level; those of acmegate come once.
	grep -q '^<5>port 80 open for at most' "$RIG_DIR/kept.text"
	! grep -q 'is stored in' "$RIG_DIR/kept.text" || false
	grep -qx READY=1 "$RIG_DIR/kept.notified"
	grep -qE '^STATUS=validating [0-9] of 2 names, port 80 open for [0-9.]+ s, [0-9.]+ s left$' "$RIG_DIR/kept.notified"
	[ "$(tail -n 2 "$RIG_DIR/kept.notified" | paste -sd ' ')" = 'STOPPING=1 STATUS=something has failed: see the log' ]
}

@test "a certificate that is not obtained is an event, and so is the wait after it" {
	rig_config elsewhere.test
	rig_dns elsewhere.test 127.0.0.9
	run listener read "$RIG_ACMEGATE" -c "$RIG_CONF" renew
	[ "$(field certificate-failed ACMEGATE_CERTIFICATE)" = elsewhere.test ]
	run -75 listener read "$RIG_ACMEGATE" -c "$RIG_CONF" renew
	[ "$(field certificate-waits ACMEGATE_CERTIFICATE)" = elsewhere.test ]
}

@test "neither a journal nor a systemd that do not read hold a window open: everything goes to standard error" {
	rig_config one.test
	rig_before
	listener stuck "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now
	rig_after
	rig_was_open 4 1
	grep -q '^<5>certificate one.test is stored in' "$RIG_DIR/kept.text"
	rig_certificate one.test one.test
}

@test "a deploy hook and a hook's client get no NOTIFY_SOCKET from acmegate, and a hook says nothing to its unit" {
	printf '#!/bin/sh\nenv >%s\n' "$RIG_DIR/kept.environment" >"$RIG_DIR/deploy"
	chmod 0755 "$RIG_DIR/deploy"
	rig_config <<-INI
		[certificate one.test]
		names = one.test
		deploy = $RIG_DIR/deploy
	INI
	listener read "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now
	grep -q '^ACMEGATE_NAME=one.test' "$RIG_DIR/kept.environment"
	! grep -q NOTIFY_SOCKET "$RIG_DIR/kept.environment" || false
	listener read sh -c "'$RIG_ACMEGATE' -c '$RIG_CONF' hook pre && '$RIG_ACMEGATE' -c '$RIG_CONF' hook post"
	[ ! -s "$RIG_DIR/kept.notified" ]
}
