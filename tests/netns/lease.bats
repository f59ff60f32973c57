#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Windows for other people's clients: hooks and guard. The listener behind the port is not ours.
bats_require_minimum_version 1.5.0
load ../lib/suite
rig_probe_options=(-b)

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	printf '[gate]\nuser = nobody\nstate = %s\nmax_open = 30\n' "$RIG_STATE" >"$RIG_CONF"
	# serve SECONDS [DELAY]: listens on port 80 after DELAY, keeps what it accepts, ends with status 7
	cat >"$RIG_DIR/serve" <<-'PY'
		#!/usr/bin/python3
		import select, signal, socket, sys, time
		signal.signal(signal.SIGINT, signal.SIG_DFL)	# a shell ignores it for what it starts in the background
		time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 0)
		listeners, kept, end = [], [], time.monotonic() + float(sys.argv[1])
		for family, address in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
		    s = socket.socket(family)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    if family == socket.AF_INET6:
		        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		    s.bind((address, 80))
		    s.listen()
		    listeners.append(s)
		while time.monotonic() < end:
		    for s in select.select(listeners, [], [], 0.01)[0]:
		        kept.append(s.accept()[0])
		sys.exit(7)
	PY
	chmod 0755 "$RIG_DIR/serve"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/probe" "$RIG_DIR/out" "$RIG_DIR/talk.out")"
	rig_end_of probe
	rig_end_of server
	rig_end_of talk
	rig_pebble_stop
	local process
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
}

# The file must not tell of a process before this one: the shell behind "&" empties it, sooner or later.
run_behind() {
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$@" >"$RIG_DIR/out" 2>&1 3>&- &
}

server_start() {
	ip netns exec "$RIG_HOST" "$RIG_DIR/serve" 60 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 listening
}
# Over both families.
listening() { [ "$(rig_host ss -Hltn 'sport = 80' | wc -l)" = 2 ]; }
is_open() { [ "$(rig_probe_once)" = $'4 listening\n6 listening' ]; }

# A client like certbot: a process that runs hooks through a shell, and does its work in between: for so many seconds, or until there
# is a file of that name.
client() {
	cat >"$RIG_DIR/client" <<-PY
		#!/usr/bin/python3
		import os, signal, subprocess, sys, time
		signal.signal(signal.SIGINT, signal.SIG_DFL)
		command = "$RIG_ACMEGATE -c $RIG_CONF hook "
		p = subprocess.run(command + "pre", shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
		print("pre", p.returncode, p.stdout, flush=True)
		while "/" in sys.argv[1] and not os.path.exists(sys.argv[1]): time.sleep(0.01)
		time.sleep(0 if "/" in sys.argv[1] else float(sys.argv[1]))
		if len(sys.argv) > 2:
		    p = subprocess.run(command + "post", shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
		    print("post", p.returncode, p.stdout, flush=True)
	PY
	chmod 0755 "$RIG_DIR/client"
}

# Its timeout begins anew at each load, but the rule is of a time that is over.
@test "a ruleset that is saved while guard holds the port open opens nothing when it is loaded later" {
	printf '[gate]\nuser = nobody\nstate = %s\nmax_open = 5\n' "$RIG_STATE" >"$RIG_CONF"
	server_start
	rig_probe_start
	run -0 rig_acmegate guard -- nft list ruleset
	listed=$output
	[[ $listed == *'timeout 5s'*'meta time "'*'comment "acmegate:'* ]]
	sleep 8
	{
		echo 'flush ruleset'
		grep -v '^acmegate: ' <<<"$listed"
	} | rig_host nft -f -
	[ "$(rig_ours)" -ge 2 ]
	rig_silent
	run -0 rig_acmegate recover
	[ "$(rig_ours)" = 0 ]
	rig_end_of server
}

@test "guard: the port is open while the command lives, and its exit status is that of guard" {
	rig_before
	run rig_acmegate guard -- "$RIG_DIR/serve" 0.5
	[ "$status" -eq 7 ]
	[[ $output == *'port 80 open'*'port 80 closed'*'ruleset unchanged'* ]]
	rig_after
	rig_was_open 4 1
	run -127 rig_acmegate guard -- /nonexistent
	run rig_acmegate guard
	[ "$status" -eq 2 ]
	run rig_acmegate guard --max 1 -- true
	[ "$status" -eq 2 ]
	rig_as_before
}

@test "guard: signals are passed on, and the port closes when the command dies" {
	for signal in TERM INT KILL; do
		rig_before
		run_behind "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- "$RIG_DIR/serve" 60
		pid=$!
		rig_until 30 rig_opened
		rig_until 30 is_open
		if [ "$signal" = KILL ]; then victim=$(pgrep -P "$pid" -x serve); else victim=$pid; fi
		at=$EPOCHREALTIME
		kill -s "$signal" "$victim"
		rig_closed_after "$at" 0.050
		result=0
		wait "$pid" || result=$?
		[ "$result" -eq $((128 + $(kill -l "$signal"))) ]
		rig_until 30 rig_as_before
	done
}

@test "guard killed: the watchdog closes" {
	rig_before
	run_behind "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- "$RIG_DIR/serve" 60
	pid=$!
	rig_until 30 rig_opened
	rig_until 30 is_open
	at=$EPOCHREALTIME
	kill -s KILL "$pid"
	rig_closed_after "$at" 0.050
	rig_until 30 rig_as_before
}

@test "guard: after max_open the command goes on behind a closed port" {
	rig_before
	run rig_acmegate guard --max 5 -- "$RIG_DIR/serve" 6
	[ "$status" -eq 7 ]
	[[ $output == *'the time is up'* ]]
	rig_after
	rig_at_most "$(rig_probe_total 4 open)" 5.2
}

@test "guard --on-listen: the port is open only while the command, or its children, listen" {
	rig_before
	run rig_acmegate guard --on-listen -- sh -c "sleep 2; $RIG_DIR/serve 2 & wait; sleep 2; $RIG_DIR/serve 2; true"
	[ "$status" -eq 0 ]
	rig_after
	rig_was_open 4 2
	awk -v open="$(rig_probe_total 4 open)" -v lost="$(rig_lost)" 'BEGIN { exit !(open > 3.5 - lost) }'
	rig_at_most "$(rig_probe_total 4 open)" 4.4
	# Somebody else's listener does not count.
	server_start
	rig_before
	run rig_acmegate guard --on-listen -- sleep 0.5
	[ "$status" -eq 0 ]
	rig_after
	rig_never_open
}

@test "hooks: pre opens, post closes; the output of pre ends with it" {
	server_start
	client
	rig_before
	at=$EPOCHREALTIME
	run rig_host "$RIG_DIR/client" 0.3 post
	took=$(awk -v from="$at" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }')
	[ "$status" -eq 0 ]
	[[ $output == *'pre 0'*'port 80 open'*'post 0'*'the port is closed'* ]]
	rig_after
	rig_at_most "$took" 3 # max_open is 30
	rig_was_open 4 1
	rig_until 30 eval '[ "$(ip netns pids "$RIG_HOST" | wc -l)" = 1 ]'
}

@test "hooks: the port closes when the client dies of any signal, or ends without post" {
	server_start
	client
	for signal in KILL TERM INT ''; do
		rig_before
		rm -f "$RIG_DIR/go"
		run_behind "$RIG_DIR/client" "$RIG_DIR/go"
		pid=$!
		rig_until 30 is_open
		if [ -n "$signal" ]; then
			at=$EPOCHREALTIME
			kill -s "$signal" "$pid"
		else
			touch "$RIG_DIR/go"
		fi
		wait "$pid" || true
		[ -n "$signal" ] || at=$EPOCHREALTIME
		rig_closed_after "$at" 0.050
		rig_until 30 rig_as_before
	done
}

# lonely HOOK: acmegate alone, without the programs beside it, and without installed ones
lonely() {
	run rig_host unshare -m sh -c '! [ -d /usr/local/libexec ] || mount -t tmpfs none /usr/local/libexec; exec "$@"' - \
		"$RIG_DIR/lonely/acmegate" -c "$RIG_CONF" hook --client $$ "$1"
	[[ $output == *'error: '*'/acmegate-gate: install acmegate completely'* ]]
}

@test "hooks: post reaches the process that holds the port open although its own gate cannot start" {
	server_start
	mkdir -p "$RIG_DIR/lonely" && cp "$RIG_ACMEGATE" "$RIG_DIR/lonely/acmegate"
	rig_before
	run -0 rig_acmegate hook --client $$ pre
	lonely post
	[ "$status" -eq 0 ]
	[[ $output == *'the port is closed'* ]]
	rig_after
	rig_was_open 4 1
	# With nobody to ask, its own mistake is its status; pre opens nothing.
	for hook in post pre; do
		lonely "$hook"
		[ "$status" -eq 1 ]
	done
	rig_silent
}

@test "hooks: the client is found behind scripts, and a script that nothing but cron has started is the client" {
	server_start
	client
	# A hook in a file of its own, whose process has the name of that file.
	printf '#!/bin/sh\n%s -c %s hook "$1"\n:\n' "$RIG_ACMEGATE" "$RIG_CONF" >"$RIG_DIR/hook-script"
	# A client in shell, as env finds it; its hook is called in a subshell.
	printf '#!/usr/bin/env bash\n(%s pre; :)\nsleep 30 & wait\n' "$RIG_DIR/hook-script" >"$RIG_DIR/shell-client"
	# A script that runs a client; cron gives each job a session of its own.
	printf '#!/bin/sh\n%s -c %s hook pre\nsleep 30 & wait\n' "$RIG_ACMEGATE" "$RIG_CONF" >"$RIG_DIR/job"
	chmod 755 "$RIG_DIR/hook-script" "$RIG_DIR/shell-client" "$RIG_DIR/job"
	sed -i "s,^command = .*,command = '$RIG_DIR/hook-script '," "$RIG_DIR/client"
	for what in "client 30" shell-client "job"; do
		rig_before
		# shellcheck disable=SC2086 # words
		run_behind setsid -w sh -c "exec $RIG_DIR/$what"
		rig_until 30 is_open
		# It is still open when the hook has long ended.
		sleep 0.3
		is_open
		victim=$(pgrep -n -f "$RIG_DIR/$what\$")
		at=$EPOCHREALTIME
		kill -s KILL "$victim"
		rig_closed_after "$at" 0.050
		rig_until 30 rig_as_before
	done
}

# A client in shell that evaluates its hooks, as acme.sh does, called by a script in the same session.
eval_client() {
	cat >"$RIG_DIR/eval-client" <<-SH
		#!/bin/sh
		# \$1: what comes behind the hook
		command="$RIG_ACMEGATE -c $RIG_CONF hook"
		_run() {
			if [ -n "\$1" ]; then
				if ! eval "\$1"; then
					echo "error when running \$1" >&2
					return 1
				fi
			fi
		}
		_run "\$command pre" || exit
		case \$1 in
		wait) sleep 30 ;;
		post)
			sleep 0.3
			_run "\$command post"
			;;
		esac
	SH
	printf '#!/bin/sh\n%s "$1" &\necho $! >"$2"\nwait\nsleep 20\n' "$RIG_DIR/eval-client" >"$RIG_DIR/caller"
	chmod 755 "$RIG_DIR/eval-client" "$RIG_DIR/caller"
}

@test "hooks: a client that evaluates them in its own shell is watched itself, and not what has called it" {
	server_start
	eval_client
	for signal in KILL TERM KILL; do
		rig_before
		run_behind setsid -w "$RIG_DIR/caller" wait "$RIG_DIR/victim"
		rig_until 30 is_open
		at=$EPOCHREALTIME
		kill -s "$signal" "$(cat "$RIG_DIR/victim")"
		rig_closed_after "$at" 0.050
		rig_until 30 rig_as_before
		grep -q "watching $(cat "$RIG_DIR/victim") eval-client" "$RIG_DIR/out"
		for process in $(ip netns pids "$RIG_HOST"); do
			[ "$process" = "$(cat "$RIG_DIR/server.pid")" ] || rig_end "$process" KILL
		done
	done
	rig_before
	run_behind setsid -w "$RIG_DIR/caller" post "$RIG_DIR/victim"
	rig_until 30 grep -q 'the port is closed' "$RIG_DIR/out"
	rig_after
	rig_was_open 4 1
}

@test "hooks: a hook logs to standard output" {
	rig_before
	run --separate-stderr rig_acmegate hook --client $$ pre
	[ "$status" -eq 0 ]
	[[ $output == *"watching $$ bash"*'port 80 open'* ]]
	[ -z "$stderr" ]
	run --separate-stderr rig_acmegate hook --client $$ post
	[[ $output == *'the port is closed'* ]]
	[ -z "$stderr" ]
	rig_after
}

@test "hooks: the first process of a container, and one that came from outside, are clients" {
	server_start
	eval_client
	rig_before
	# As an entry point: the hook's parent is process 1, a shell with -c. With it all processes of the container end, ours too.
	run -0 rig_host unshare --pid --fork --kill-child --mount-proc sh -c \
		"$RIG_ACMEGATE -c $RIG_CONF hook pre; sleep 1; $RIG_ACMEGATE -c $RIG_CONF hook post"
	[[ $output == *'watching 1 sh'*'port 80 open'*'the port is closed'* ]]
	rig_after
	rig_was_open 4 1
	awk -v open="$(rig_probe_total 4 open)" -v lost="$(rig_lost)" 'BEGIN { exit !(open > 0.9 - lost) }'
	# As docker exec does it: a client whose parent is not to be seen.
	ip netns exec "$RIG_HOST" unshare --pid --fork --kill-child --mount-proc sleep 60 3>&- &
	pid=$!
	rig_until 30 pgrep -P "$pid" -x sleep
	first=$(pgrep -P "$pid" -x sleep)
	rig_before
	run_behind nsenter -t "$first" -p -m sh -c "exec $RIG_DIR/eval-client wait"
	rig_until 30 is_open
	sleep 0.3
	is_open
	victim=$(pgrep -x eval-client | tail -n 1)
	at=$EPOCHREALTIME
	kill -s KILL "$victim"
	rig_closed_after "$at" 0.050
	rig_until 30 rig_as_before
	rig_end "$pid" KILL
}

@test "hooks: the holder killed, stopped by the watchdog, or told to stop" {
	server_start
	client
	for signal in KILL TERM; do
		rig_before
		run_behind "$RIG_DIR/client" 60
		pid=$!
		rig_until 30 is_open
		holder=$(ip netns pids "$RIG_HOST" | while read -r p; do
			if grep -qx acmegate "/proc/$p/comm"; then echo "$p"; fi
		done)
		at=$EPOCHREALTIME
		kill -s "$signal" "$holder"
		rig_closed_after "$at" 0.050
		rig_until 30 rig_as_before
		rig_end "$pid" KILL
	done
}

@test "hooks: after max_open the port closes although the client goes on" {
	server_start
	client
	sed -i 's/^max_open = .*/max_open = 5/' "$RIG_CONF"
	rig_before
	run rig_host "$RIG_DIR/client" 6 post
	[[ $output == *'pre 0'*'post 0'*'nothing to close'* ]]
	rig_after
	rig_at_most "$(rig_probe_total 4 open)" 5.2
}

@test "hooks: two clients at once share a window, the last one closes it" {
	server_start
	client
	rig_before
	run_behind "$RIG_DIR/client" "$RIG_DIR/first" post
	pid=$!
	rig_until 30 is_open
	rm -f "$RIG_DIR/talk.out"
	ip netns exec "$RIG_HOST" "$RIG_DIR/client" "$RIG_DIR/second" post >"$RIG_DIR/talk.out" 2>&1 3>&- &
	second=$!
	rig_until 30 grep -q '^pre' "$RIG_DIR/talk.out"
	touch "$RIG_DIR/first"
	wait "$pid"
	[[ $(cat "$RIG_DIR/out") == *'post 0'*'another client'* ]]
	touch "$RIG_DIR/second"
	wait "$second"
	[[ $(cat "$RIG_DIR/talk.out") == *'pre 0'*'open already'*'post 0'*'the port is closed'* ]]
	rig_after
	rig_was_open 4 1
}

@test "hooks: post without pre, pre twice, pre of a process that is not there" {
	rig_before
	run rig_acmegate hook --client $$ post
	[ "$status" -eq 0 ]
	[[ $output == *'nothing to close'* ]]
	run rig_acmegate hook --client 4194303 pre
	[ "$status" -eq 1 ]
	[[ $output == *4194303* ]]
	run rig_acmegate hook sideways
	[ "$status" -eq 2 ]
	run rig_acmegate hook --client $$ pre
	[ "$status" -eq 0 ]
	run rig_acmegate hook --client $$ pre
	[ "$status" -eq 0 ]
	[[ $output == *'open already'* ]]
	# Another one's post leaves it alone.
	run rig_acmegate hook --client 1 post
	[ "$status" -eq 0 ]
	[ "$(rig_ours)" = 2 ]
	run rig_acmegate hook --client $$ post
	[ "$status" -eq 0 ]
	rig_after
}

@test "hooks: while acmegate has a window of its own, pre has to wait and post closes nothing" {
	rig_window
	run rig_acmegate hook --client $$ pre
	[ "$status" -eq 75 ]
	[[ $output == *'another acmegate'* ]]
	run rig_acmegate hook --client $$ post
	[ "$status" -eq 75 ]
	[ "$(rig_ours)" = 2 ]
	rig_release
	rig_ends 0
	rig_after
}

@test "connections that came through the window end with it, others do not" {
	rig_host nft insert rule inet filter input ip saddr 10.98.0.77 tcp dport 80 accept
	rig_ca ip addr add 10.98.0.77/24 dev cable0
	server_start
	cat >"$RIG_DIR/talk.py" <<-'PY'
		import socket, subprocess, sys, time
		def connect(target, source=None):
		    return socket.create_connection((target, 80), 30, source_address=(source, 0) if source else None)
		def alive(s):
		    s.settimeout(1)
		    try:
		        return s.recv(1) != b""
		    except socket.timeout:
		        return True
		    except ConnectionResetError:
		        return False
		before = connect(sys.argv[1], "10.98.0.77")
		print("ready", flush=True)
		sys.stdin.readline()
		through = [connect(sys.argv[1], sys.argv[3]), connect(sys.argv[2])]
		print("connected", flush=True)
		sys.stdin.readline()
		print("before", alive(before), "through", [alive(s) for s in through], flush=True)
	PY
	rm -f "$RIG_DIR/talk.in" "$RIG_DIR/talk.out" && mkfifo "$RIG_DIR/talk.in"
	ip netns exec "$RIG_CA" python3 "$RIG_DIR/talk.py" "$RIG_HOST4" "$RIG_HOST6" "$RIG_CA4" \
		<>"$RIG_DIR/talk.in" >"$RIG_DIR/talk.out" 3>&- &
	echo $! >"$RIG_DIR/talk.pid"
	rig_until 30 grep -q ready "$RIG_DIR/talk.out"
	rig_before
	run -0 rig_acmegate hook --client $$ pre
	echo >"$RIG_DIR/talk.in"
	rig_until 30 grep -q connected "$RIG_DIR/talk.out"
	run -0 rig_acmegate hook --client $$ post
	echo >"$RIG_DIR/talk.in"
	rig_until 30 grep -q before "$RIG_DIR/talk.out"
	rig_after
	rig_ca ip addr del 10.98.0.77/24 dev cable0
	[ "$(tail -n 1 "$RIG_DIR/talk.out")" = 'before True through [False, False]' ]
}

# conntrack takes a SYN for a part of a connection that this host has reset: see backends/nft/tracks.h.
@test "who came in through the window does not come in from the same port afterwards: reset then, reset before, or dialling all the time" {
	server_start
	cat >"$RIG_DIR/again.py" <<-'PY'
		import socket, struct, sys, threading, time
		ESTABLISHED, SYN_SENT = b"\1", b"\2"
		def state(s):
		    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
		def dial(family, host, source, port=80):
		    s = socket.socket(family)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		    s.bind(("", source))
		    s.setblocking(False)
		    s.connect_ex((host, port))
		    return s
		def wait(s):
		    while state(s) == SYN_SENT:
		        time.sleep(0.001)
		    return s
		def insist(s, *where):
		    while not stop.is_set():
		        if state(s) != ESTABLISHED:
		            s.close()
		            s = dial(*where)
		        time.sleep(0.001)
		    insisting.append(state(s) == ESTABLISHED)
		hosts = (socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2])
		stop, insisting = threading.Event(), []
		through = [wait(dial(*host, source)) for host in hosts for source in (2001, 2004)]
		threads = [threading.Thread(target=insist, args=(wait(dial(*host, 2002)), *host, 2002)) for host in hosts]
		for thread in threads:
		    thread.start()
		print("connected", [state(s) == ESTABLISHED for s in through], flush=True)
		sys.stdin.readline()
		for s in through:
		    wait(s)
		    s.close()
		again = [dial(*host, source) for host in hosts for source in (2001, 2004)]
		for host in hosts: # let in, and refused: what was sent before has arrived by then
		    wait(dial(*host, 2003, 22))
		time.sleep(0.05)
		stop.set()
		for thread in threads:
		    thread.join()
		print("again", [state(s) == ESTABLISHED for s in again], "insisting", insisting, flush=True)
	PY
	rig_before
	run -0 rig_acmegate hook --client $$ pre
	rm -f "$RIG_DIR/talk.in" "$RIG_DIR/talk.out" && mkfifo "$RIG_DIR/talk.in"
	ip netns exec "$RIG_CA" python3 "$RIG_DIR/again.py" "$RIG_HOST4" "$RIG_HOST6" <>"$RIG_DIR/talk.in" >"$RIG_DIR/talk.out" 2>&1 3>&- &
	echo $! >"$RIG_DIR/talk.pid"
	rig_until 30 grep -q connected "$RIG_DIR/talk.out"
	rig_host ss -HK 'dport = 2004' >"$RIG_DIR/killed" # two that are no more when the window ends
	[ "$(wc -l <"$RIG_DIR/killed")" = 2 ]
	run -0 rig_acmegate hook --client $$ post
	echo >"$RIG_DIR/talk.in"
	rig_until 30 grep -q again "$RIG_DIR/talk.out"
	[ "$(cat "$RIG_DIR/talk.out")" = $'connected [True, True, True, True]\nagain [False, False, False, False] insisting [False, False]' ]
	rig_after
}

# Between loopback, own addresses and both families; what dials one of them in the window must be alive after it.
@test "connections of this host to itself are left alone when the window ends" {
	server_start
	cat >"$RIG_DIR/self.py" <<-'PY'
		import socket, sys
		pairs = [("127.0.0.1", "127.0.0.1"), ("127.0.0.5", "127.0.0.1"), ("::1", "::1"), (sys.argv[1], sys.argv[1]),
		         (sys.argv[1], "127.0.0.1"), ("10.98.0.78", sys.argv[1]), (sys.argv[2], sys.argv[2]), ("fd98::78", sys.argv[2])]
		through = [socket.create_connection((to, 80), 30, source_address=(source, 0)) for source, to in pairs]
		print("connected", flush=True)
		sys.stdin.readline()
		def alive(s):
		    s.settimeout(0.2)
		    try:
		        return s.recv(1) != b""
		    except socket.timeout:
		        return True
		    except ConnectionResetError:
		        return False
		print("alive", [alive(s) for s in through].count(True), flush=True)
	PY
	rig_host ip addr add 10.98.0.78/24 dev cable0
	rig_host ip addr add fd98::78/64 dev cable0 nodad
	rig_before
	run -0 rig_acmegate hook --client $$ pre
	rm -f "$RIG_DIR/self.in" "$RIG_DIR/self.out" && mkfifo "$RIG_DIR/self.in"
	ip netns exec "$RIG_HOST" python3 "$RIG_DIR/self.py" "$RIG_HOST4" "$RIG_HOST6" <>"$RIG_DIR/self.in" >"$RIG_DIR/self.out" 3>&- &
	echo $! >"$RIG_DIR/talk.pid"
	rig_until 30 grep -q connected "$RIG_DIR/self.out"
	# A stranger whose port is one on which this host listens is a stranger all the same.
	ip netns exec "$RIG_HOST" busybox nc -l -p 8443 >/dev/null 3>&- &
	echo $! >"$RIG_DIR/server.pid2"
	rm -f "$RIG_DIR/talk.out"
	ip netns exec "$RIG_CA" python3 -c 'import socket, sys
s = socket.create_connection((sys.argv[1], 80), 30, source_address=("", 8443))
s.settimeout(20)
print("connected", flush=True)
try: print("ended" if s.recv(1) == b"" else "alive")
except ConnectionResetError: print("reset")' "$RIG_HOST4" >"$RIG_DIR/talk.out" 3>&- &
	stranger=$!
	rig_until 30 grep -q connected "$RIG_DIR/talk.out"
	run -0 rig_acmegate hook --client $$ post
	echo >"$RIG_DIR/self.in"
	rig_until 30 grep -q alive "$RIG_DIR/self.out"
	wait "$stranger"
	rig_end "$(cat "$RIG_DIR/server.pid2")"
	rig_host ip addr del 10.98.0.78/24 dev cable0
	rig_host ip addr del fd98::78/64 dev cable0
	rig_after
	[ "$(tail -n 1 "$RIG_DIR/self.out")" = 'alive 8' ]
	[ "$(tail -n 1 "$RIG_DIR/talk.out")" = reset ]
}

@test "where nothing blocks, the log says of no port that it closed, and no connection ends" {
	rig_nft - <<<'table inet filter { chain input { type filter hook input priority 0; policy accept; }; }'
	server_start
	run -0 rig_acmegate hook --client $$ pre
	rm -f "$RIG_DIR/talk.out"
	ip netns exec "$RIG_CA" python3 -c 'import socket, sys
s = socket.create_connection((sys.argv[1], 80), 30)
s.settimeout(2)
print("connected", flush=True)
try: print("ended" if s.recv(1) == b"" else "alive")
except socket.timeout: print("alive")
except ConnectionResetError: print("reset")' "$RIG_HOST4" >"$RIG_DIR/talk.out" 3>&- &
	stranger=$!
	rig_until 30 grep -q connected "$RIG_DIR/talk.out"
	run -0 rig_acmegate hook --client $$ post
	wait "$stranger"
	[ "$(tail -n 1 "$RIG_DIR/talk.out")" = alive ]
	run -0 rig_acmegate guard -- true
	[[ $output == *'nothing to open'* ]]
	[[ $output != *'closed after'* ]]
}

# newcomers FILE SOURCE TARGET...: connects in the window, from the CA's side; tells afterwards which are alive
newcomers() {
	cat >"$RIG_DIR/newcomers.py" <<-'PY'
		import socket, sys
		pairs = list(zip(sys.argv[1::2], sys.argv[2::2]))
		def connect(source, to):
		    try:
		        return socket.create_connection((to, 80), 30, source_address=(source, 0))
		    except OSError as error:
		        print(source, "to", to, error, flush=True)
		        raise
		through = [connect(source, to) for source, to in pairs]
		print("connected", flush=True)
		sys.stdin.readline()
		def alive(s):
		    s.settimeout(0.5)
		    try:
		        return s.recv(1) != b""
		    except socket.timeout:
		        return True
		    except ConnectionResetError:
		        return False
		print("alive", [source for s, (source, to) in zip(through, pairs) if alive(s)], flush=True)
	PY
	# With the words of an earlier process in it, the test would go on before this one is connected.
	rm -f "$RIG_DIR/talk.in" "$RIG_DIR/talk.out" && mkfifo "$RIG_DIR/talk.in"
	ip netns exec "$RIG_CA" python3 "$RIG_DIR/newcomers.py" "$@" <>"$RIG_DIR/talk.in" >"$RIG_DIR/talk.out" 2>&1 3>&- &
	echo $! >"$RIG_DIR/talk.pid"
	rig_until 30 grep -q connected "$RIG_DIR/talk.out" || { cat "$RIG_DIR/talk.out"; return 1; }
}

# spares VARIANT: 10.98.0.77 and fd98::77 are of the LAN, which the firewall lets in anyway; of the others nobody is
spares() {
	local address
	for address in 10.98.0.77/24 fd98::77/64; do rig_ca ip addr add "$address" dev cable0 nodad 2>/dev/null || rig_ca ip addr add "$address" dev cable0; done
	server_start
	run -0 rig_acmegate hook --client $$ pre
	newcomers 10.98.0.77 "$RIG_HOST4" "$RIG_CA4" "$RIG_HOST4" fd98::77 "$RIG_HOST6" "$RIG_CA6" "$RIG_HOST6"
	run -0 rig_acmegate hook --client $$ post
	echo >"$RIG_DIR/talk.in"
	rig_until 30 grep -q alive "$RIG_DIR/talk.out"
	for address in 10.98.0.77/24 fd98::77/64; do rig_ca ip addr del "$address" dev cable0; done
	run -0 tail -n 1 "$RIG_DIR/talk.out"
	[ "$(tail -n 1 "$RIG_DIR/talk.out")" = "alive ['10.98.0.77', 'fd98::77']" ]
}

@test "a client whom the ruleset lets in anyway keeps its connection when the window ends: nft" {
	rig_nft - <<-'NFT'
		table inet filter {
			set lan6 { type ipv6_addr; flags interval; elements = { fd98::70/124 }; }
			chain input {
				type filter hook input priority 0; policy drop;
				ct state established,related accept
				meta l4proto ipv6-icmp accept
				jump lan
			}
			chain lan {
				iifname "cable0" ip saddr { 10.98.0.64/26, 192.168.0.0/16 } tcp dport { 22, 80 } accept
				ip6 saddr @lan6 tcp dport 80 accept
			}
		}
		table ip early { chain pre { type filter hook prerouting priority raw; ip saddr 203.0.113.0/24 drop; }; }
	NFT
	spares
}

# The legacy tables go with the namespaces.
@test "a client whom the ruleset lets in anyway keeps its connection when the window ends: iptables, both variants" {
	source "$BATS_TEST_DIRNAME/../lib/layers.sh"
	for variant in nft legacy; do
		fresh
		printf '[gate]\nuser = nobody\nstate = %s\nmax_open = 30\n' "$RIG_STATE" >"$RIG_CONF"
		policy_drop "$variant"
		rig_host "iptables-$variant" -w 5 -A INPUT -i cable0 -s 10.98.0.64/26 -p tcp --dport 80 -j ACCEPT
		rig_host "ip6tables-$variant" -w 5 -A INPUT -s fd98::77/128 -p tcp -m multiport --dports 80,443 -j ACCEPT
		spares
		rig_end_of server
	done
	fresh
}

@test "a client that is banned in the window loses its connection when the window ends" {
	rig_nft - <<-'NFT'
		table inet filter {
			set banned { type ipv4_addr; flags timeout; }
			chain input {
				type filter hook input priority 0; policy drop;
				ct state established,related accept
				ip saddr @banned drop
				ip saddr 10.98.0.0/24 tcp dport 80 ct state new limit rate 1000/second accept
			}
		}
	NFT
	server_start
	run -0 rig_acmegate hook --client $$ pre
	newcomers "$RIG_CA4" "$RIG_HOST4"
	rig_host nft add element inet filter banned "{ $RIG_CA4 timeout 1h }"
	run -0 rig_acmegate hook --client $$ post
	echo >"$RIG_DIR/talk.in"
	rig_until 30 grep -q alive "$RIG_DIR/talk.out"
	[ "$(tail -n 1 "$RIG_DIR/talk.out")" = 'alive []' ]
}

@test "our own responder's connections are reset when the window ends" {
	rig_window
	rm -f "$RIG_DIR/talk.out"
	ip netns exec "$RIG_CA" python3 -c 'import socket, sys
s = socket.create_connection((sys.argv[1], 80), 30, source_address=("", 32750))
s.settimeout(20)
print("connected", flush=True)
try: print("ended" if s.recv(1) == b"" else "alive")
except ConnectionResetError: print("reset")
except socket.timeout: print("alive")' "$RIG_HOST4" >"$RIG_DIR/talk.out" 3>&- &
	echo $! >"$RIG_DIR/talk.pid"
	rig_until 30 grep -q connected "$RIG_DIR/talk.out"
	rig_release
	rig_ends 0
	rig_until 30 grep -q reset "$RIG_DIR/talk.out"
	rig_after
}
