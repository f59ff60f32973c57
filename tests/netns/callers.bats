#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Hostile children that ask for more than one run may have, and careless callers: what they leave open, closed, full or limited.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	make -s -C "$RIG_BUILD" tests/crash/hostile
	rig_up
}

setup() {
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
gate_config() { printf '[gate]\nuser = nobody\nstate = %s\n%s\n' "$RIG_STATE" "${1:-}" >"$RIG_CONF"; }

# --- a run's budget -----------------------------------------------------------------------------------------------------

# hostile ROLE ACT: a run in which that role turns hostile at its start; $status, and its words in $RIG_DIR/out
hostile() {
	mkdir -p "$RIG_DIR/hostile"
	chmod 0755 "$RIG_DIR/hostile"
	cp "$RIG_ACMEGATE" "$RIG_DIR/hostile/acmegate"
	cp "$RIG_BUILD"/acmegate-{gate,surveyor} "$RIG_DIR/hostile/"
	cp "$RIG_BUILD/tests/crash/hostile" "$RIG_DIR/hostile/acmegate-agent"
	printf '%s %s start confined\n' "$1" "$2" >"$RIG_DIR/hostile/orders"
	chmod 0644 "$RIG_DIR/hostile/orders"
	status=0
	timeout -k 1 120 ip netns exec "$RIG_HOST" "$RIG_DIR/hostile/acmegate" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- ||
		status=$?
	echo "status $status"
	cat "$RIG_DIR/out"
}

@test "a client that opens and closes in turn has no more than max_open in all, and few windows" {
	rig_probe_options=(-b)
	rig_pebble
	RIG_GATE='max_open = 5' rig_config one.test
	rig_before
	hostile client windows
	[ "$status" -eq 75 ]
	rig_after
	rig_was_open 4 3
	rig_was_open 6 3
	rig_probe_total 4 open | awk '{ exit !($1 > 4) }'
	rig_open_at_most 5.2 6
	grep -q 'max_open allows' "$RIG_DIR/out"
	rig_before
	hostile client blinks
	[ "$status" -eq 1 ]
	rig_after
	rig_was_open 4 4
	grep -q 'the client asked for the port more than 4 times' "$RIG_DIR/out"
}

@test "a client that tells of validations without end is ended, and the port closes" {
	rig_probe_options=(-b)
	rig_pebble
	rig_config one.test
	rig_before
	hostile client counts
	[ "$status" -eq 1 ]
	rig_after
	rig_was_open 4 1
	rig_open_at_most 1
	grep -q 'the client told of validations in the wrong order' "$RIG_DIR/out"
}

# --- a log that nobody reads --------------------------------------------------------------------------------------------

# unread KIND COMMAND...: its standard error is a full pipe, a socket that is called the journal and full, or a terminal that was
# stopped (Ctrl-S). Prints what came after it was read again, and fails if our file description was changed.
unread() {
	cat >"$RIG_DIR/unread" <<-'PY'
		#!/usr/bin/python3
		import fcntl, os, pty, select, socket, sys, termios, tty
		kind, command = sys.argv[1], sys.argv[2:]
		if kind == "pipe":
		    r, w = os.pipe()
		elif kind == "journal":
		    a, b = socket.socketpair()
		    r, w = a.detach(), b.detach()
		    s = os.fstat(w)
		    os.environ["JOURNAL_STREAM"] = "%d:%d" % (s.st_dev, s.st_ino)
		else:
		    r, w = pty.openpty()
		    tty.setraw(w)
		    os.environ["TERM"] = "xterm" # so that a line lives there
		    os.environ.pop("NO_COLOR", None)
		if kind == "terminal":
		    termios.tcflow(w, termios.TCOOFF)
		else:
		    os.set_blocking(w, False)
		    try:
		        while True:
		            os.write(w, b"x" * (4096 if kind == "pipe" else 1))
		    except BlockingIOError:
		        os.set_blocking(w, True)
		before = fcntl.fcntl(w, fcntl.F_GETFL)
		pid = os.fork()
		if pid == 0:
		    os.close(r)
		    os.dup2(w, 2)
		    os.closerange(3, 1024)
		    os.execvp(command[0], command)
		status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
		same = fcntl.fcntl(w, fcntl.F_GETFL) == before
		if kind == "terminal":
		    termios.tcflow(w, termios.TCOON)
		text = b""
		while select.select([r], [], [], 0.2)[0]:
		    text += os.read(r, 65536)
		sys.stdout.write(text.decode().lstrip("x"))
		sys.exit(99 if not same else status)
	PY
	timeout -k 1 $((60 * ${RIG_SLOWER:-1})) ip netns exec "$RIG_HOST" python3 "$RIG_DIR/unread" "$@" 3>&-
}

@test "a renewal goes on while nobody reads its log: a full pipe, a stuck journal, a stopped terminal" {
	for kind in pipe journal terminal; do
		rig_pebble
		rig_config one.test
		rm -rf "$RIG_STATE"
		rig_before
		run unread $kind "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now
		[ "$status" -eq 0 ]
		rig_after
		rig_was_open 4 1
		rig_certificate one.test one.test
	done
}

@test "guard and its watchdog close a cloud's firewall while nobody reads the log" {
	# The command's words are logged; the file says what it did.
	printf '#!/bin/sh\necho "a line of the command, %s"\necho "$1" >>%s\n' "$(printf '%0500d' 0)" "$RIG_DIR/cloud" >"$RIG_DIR/gate-command"
	chmod 0755 "$RIG_DIR/gate-command"
	gate_config "command = $RIG_DIR/gate-command"
	for kind in pipe journal terminal; do
		rm -f "$RIG_DIR/cloud"
		run unread $kind "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 0.3
		[ "$status" -eq 0 ]
		[ "$(paste -sd ' ' "$RIG_DIR/cloud")" = 'open close' ]
	done
	# All die but the watchdog.
	rm -f "$RIG_DIR/cloud"
	rm -f "$RIG_DIR/out"
	unread pipe "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 20 >"$RIG_DIR/out" &
	pid=$!
	rig_until 30 grep -q open "$RIG_DIR/cloud"
	sleep 0.3
	for process in $(ip netns pids "$RIG_HOST"); do
		[[ $(cat "/proc/$process/comm") != acmegate && $(cat "/proc/$process/comm") != acmegate-gate ]] || kill -s KILL "$process"
	done
	rig_until 30 grep -q close "$RIG_DIR/cloud"
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
	wait "$pid" || true
}

@test "the holder of a hook's window closes it while nobody reads the system's log" {
	rig_probe_options=(-b)
	gate_config
	mkdir -p "$RIG_DIR/dev"
	for device in null zero random urandom; do touch "$RIG_DIR/dev/$device"; done
	cat >"$RIG_DIR/stuck" <<-'PY'
		import os, socket, subprocess, sys, time
		directory, command = sys.argv[1], sys.argv[2:]
		for device in "null", "zero", "random", "urandom":
		    subprocess.run(["mount", "--bind", "/dev/" + device, directory + "/" + device], check=True)
		if os.path.exists(directory + "/log"):
		    os.unlink(directory + "/log")
		log, full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		log.bind(directory + "/log")
		subprocess.run(["mount", "--rbind", directory, "/dev"], check=True)
		full.connect("/dev/log")
		full.setblocking(False)
		try:
		    while True:
		        full.send(b"x" * 4096)
		except BlockingIOError:
		    pass
		client = subprocess.Popen(["sleep", "60"])
		subprocess.run(command + ["hook", "--client", str(client.pid), "pre"], check=True)
		time.sleep(1)
		client.kill()
		client.wait()
		print("the client has ended", flush=True)
		sys.stdin.readline()
	PY
	rm -f "$RIG_DIR/stuck.in" "$RIG_DIR/out" && mkfifo "$RIG_DIR/stuck.in"
	rig_before
	ip netns exec "$RIG_HOST" unshare -m python3 "$RIG_DIR/stuck" "$RIG_DIR/dev" "$RIG_ACMEGATE" -c "$RIG_CONF" \
		<>"$RIG_DIR/stuck.in" >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 grep -q 'the client has ended' "$RIG_DIR/out"
	rig_until 30 rig_as_before
	echo >"$RIG_DIR/stuck.in"
	wait "$pid"
	rig_until 30 rig_idle
	rig_after
	# The client lives for one second after pre, and max_open is 60.
	rig_open_at_most 2 4
}

@test "acmegate logs the number of lost lines when there is room again" {
	gate_config
	run unread terminal sh -c "$RIG_ACMEGATE -c $RIG_CONF guard -- true; true"
	[ "$status" -eq 0 ]
	# A reader that comes back before the end.
	cat >"$RIG_DIR/late" <<-'PY'
		import os, subprocess, sys, time
		r, w = os.pipe()
		os.set_blocking(w, False)
		try:
		    while True:
		        os.write(w, b"x" * 4096)
		except BlockingIOError:
		    os.set_blocking(w, True)
		p = subprocess.Popen(sys.argv[2:], stderr=w)
		os.close(w)
		while not os.path.exists(sys.argv[1] + "/open"):
		    time.sleep(0.01)
		text = os.read(r, 1 << 20)
		open(sys.argv[1] + "/read", "w")
		while more := os.read(r, 65536):
		    text += more
		print(text.decode().lstrip("x"))
		sys.exit(p.wait())
	PY
	rm -f "$RIG_DIR/open" "$RIG_DIR/read"
	run rig_host python3 "$RIG_DIR/late" "$RIG_DIR" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- \
		sh -c "touch $RIG_DIR/open; until [ -e $RIG_DIR/read ]; do sleep 0.05; done"
	[ "$status" -eq 0 ]
	[[ $output == 'acmegate: warning: 1 line of this log is lost: there was no room for it'*'port 80 closed'* ]]
}

# --- pipes that end, descriptors that are closed or left open -------------------------------------------------------------

@test "a renewal outlives the reader of its log" {
	rig_pebble
	rig_config one.test
	rig_before
	status=0
	(
		set -o pipefail
		rig_acmegate -v renew-now 2>&1 | head -n 2 >"$RIG_DIR/out"
	) || status=$?
	[ "$status" -eq 0 ]
	rig_after
	rig_was_open 4 1
	rig_certificate one.test one.test
	# Programs that we run die of SIGPIPE, as they do elsewhere; a service of systemd ignores it.
	gate_config
	run rig_host env --default-signal=PIPE "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sh -c 'kill -s PIPE $$; echo alive'
	[ "$status" -eq 141 ]
}

@test "with closed standard descriptors the log goes nowhere, the journal stays a journal, and the holder keeps its lock" {
	rig_pebble
	rig_config one.test
	for closed in 0 1 2 '0 1 2'; do
		rm -rf "$RIG_STATE"
		redirections=''
		for number in $closed; do redirections="$redirections $number>&-"; done
		rig_before
		rig_acmegate recover
		size=$(stat -c %s "$RIG_STATE/journal")
		run rig_host sh -c "exec $RIG_ACMEGATE -c $RIG_CONF renew-now $redirections"
		[ "$status" -eq 0 ]
		[ "$(stat -c %s "$RIG_STATE/journal")" = "$size" ]
		[ "$(grep -c 'port 80' "$RIG_STATE/journal")" = 0 ]
		rig_after
		rig_was_open 4 1
		# A client, and the hook that it runs.
		sleep 20 3>&- &
		client=$!
		rig_host sh -c "exec $RIG_ACMEGATE -c $RIG_CONF hook --client $client pre $redirections"
		[ "$(rig_ours)" = 2 ]
		run rig_acmegate recover
		[ "$status" -eq 75 ]
		[[ $output == *'another acmegate is at work'* ]]
		kill "$client"
		rig_until 30 rig_as_before
		rig_until 30 rig_idle
	done
}

@test "the caller's descriptors are closed in the holder and in guard, and guard's command gets them" {
	gate_config
	lock_is_free() { flock -n "$RIG_DIR/lock" true; }
	sleep 20 3>&- &
	client=$!
	rig_host sh -c "exec 9>$RIG_DIR/lock; flock 9; $RIG_ACMEGATE -c $RIG_CONF hook --client $client pre"
	[ "$(rig_ours)" = 2 ]
	lock_is_free
	kill "$client"
	rig_until 30 rig_idle
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" sh -c "exec 9>$RIG_DIR/lock; flock 9; exec $RIG_ACMEGATE -c $RIG_CONF guard -- sh -c \
		'readlink /proc/self/fd/9; exec 9>&-; echo closed; sleep 2'" >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 grep -q closed "$RIG_DIR/out"
	grep -qx "$RIG_DIR/lock" "$RIG_DIR/out"
	lock_is_free
	wait "$pid"
	[ "$(rig_ours)" = 0 ]
}

# --- limits and masks ------------------------------------------------------------------------------------------------------

@test "a first run with odd masks and small limits" {
	rig_pebble
	rig_config one.test
	# Without CAP_SYS_RESOURCE no hard limit can be raised.
	for limit in 'ulimit -n 16' 'ulimit -f 1'; do
		rig_before
		run rig_host bash -c "$limit; exec $RIG_ACMEGATE -c $RIG_CONF renew-now"
		echo "$limit: $output"
		[ "$status" -eq 0 ] || { [ "$status" -eq 2 ] && [[ $output == *'and a renewal needs 64 files of 1048576 bytes'* ]]; }
		rig_after
		[ "$status" -eq 0 ] || rig_never_open
	done
	run rig_host bash -c "ulimit -f 0; exec $RIG_ACMEGATE -c $RIG_CONF guard -- true"
	[ "$status" -eq 0 ] || { [ "$status" -eq 1 ] && [[ $output == *'journal'*'File too large'* ]]; }
	for limit in 'umask 077' 'umask 777' 'ulimit -n 64' 'ulimit -S -n 16' 'ulimit -S -f 0' 'ulimit -S -f 1; trap "" XFSZ' 'ulimit -S -t 1'; do
		rm -rf "$RIG_STATE"
		rig_before
		run rig_host bash -c "$limit; exec $RIG_ACMEGATE -c $RIG_CONF renew-now"
		echo "$limit: $output"
		[ "$status" -eq 0 ]
		rig_after
		rig_was_open 4 1
		rig_certificate one.test one.test
		run rig_acmegate renew
		[ "$status" -eq 0 ]
	done
	# They are for guard's command.
	gate_config
	run rig_host bash -c "umask 027; ulimit -n 64; trap '' PIPE; exec $RIG_ACMEGATE -c $RIG_CONF guard -- bash -c 'umask; ulimit -n; kill -s PIPE \$\$; echo alive'"
	[[ $output == *0027*64*alive* ]]
}

@test "a full standard output is a failure; a number that is no process is refused" {
	gate_config
	rig_ruleset >"$RIG_DIR/before"
	run rig_host bash -c "$RIG_ACMEGATE -c $RIG_CONF plan >/dev/full"
	[ "$status" -eq 1 ]
	[[ $output == *'standard output: No space left'* ]]
	run rig_host bash -c "$RIG_ACMEGATE --help >/dev/full"
	[ "$status" -eq 1 ]
	for number in 4294967297 18446744073709551617 0 -1 1x x ''; do
		run rig_acmegate hook --client "$number" pre
		[ "$status" -eq 2 ]
	done
	rig_as_before
}

# --- a lock that somebody holds ----------------------------------------------------------------------------------------------

@test "while somebody holds the xtables lock guard ends in time, with the command's status, and names the holder" {
	rig_probe_options=(-b)
	command -v iptables-legacy >/dev/null || skip 'no iptables-legacy'
	gate_config 'max_open = 5'
	rm -f "$RIG_DIR/open" "$RIG_DIR/locked"
	rig_host nft flush ruleset
	rig_host iptables-legacy -P INPUT DROP
	# A lock of its own: the one in /run is that of all tests of this machine.
	: >"$RIG_DIR/lock"
	legacy_rules() { rig_host iptables-legacy -S INPUT | grep -c acmegate; }
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" unshare -m sh -c "mount --bind $RIG_DIR/lock /run/xtables.lock
		exec $RIG_ACMEGATE -c $RIG_CONF guard -- sh -c 'touch $RIG_DIR/open; until [ -e $RIG_DIR/locked ]; do sleep 0.05; done; exit 7'" >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 test -e "$RIG_DIR/open"
	[ "$(legacy_rules)" -gt 0 ]
	rig_probe_start
	at=$EPOCHREALTIME
	flock "$RIG_DIR/lock" sh -c "touch $RIG_DIR/locked; exec sleep 40" 3>&- &
	holder=$!
	result=0
	wait "$pid" || result=$?
	took=$(awk -v from="$at" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }')
	cat "$RIG_DIR/out"
	[ "$result" -eq 7 ]
	# max_open, and the watchdog's five seconds of grace
	rig_probe_stop
	rig_at_most "$took" 16
	grep -q "xtables.lock is held by flock (pid $holder)" "$RIG_DIR/out"
	grep -q 'the gate is overdue' "$RIG_DIR/out"
	grep -q 'the process that held the port open was killed' "$RIG_DIR/out"
	pkill -P "$holder" sleep
	rig_until 30 rig_idle
	[ "$(legacy_rules)" -eq 0 ] || rig_acmegate recover
	[ "$(legacy_rules)" -eq 0 ]
	rig_host iptables-legacy -P INPUT ACCEPT
}

# --- a flood -------------------------------------------------------------------------------------------------------------------

@test "10,000 slow connections from a few sources reset no other peer, over IPv4 and IPv6" {
	cat >"$RIG_DIR/flood" <<-'PY'
		import itertools, os, signal, socket, sys, time
		host4, host6, slow_most, responder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[5]
		REQUEST = b"GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: one.test\r\n\r\n"
		def dial(family, source, port, block):
		    s = socket.socket(family, socket.SOCK_STREAM)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    s.bind((source, port))
		    s.setblocking(block)
		    s.settimeout(30) if block else None
		    s.connect_ex((host4 if family == socket.AF_INET else host6, 80)) if not block else s.connect((host4 if family == socket.AF_INET else host6, 80))
		    return s
		# The CA's own ports from 32768 on are held back, see rig_hold.
		def flood(family, sources, counter):
		    kept, start = [], time.monotonic()
		    for i in itertools.count():
		        try:
		            s = dial(family, sources[i % len(sources)], 2000 + i // len(sources) % 30000, False)
		            kept.append(s)
		            if len(kept) > 400:
		                old = kept.pop(0)
		                old.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
		                old.close()
		            if len(kept) > 20:
		                kept[-20].send(b"GET /")
		        except OSError:
		            pass
		        os.pwrite(counter, b"%8d" % (i + 1), 0)
		        if i - (time.monotonic() - start) * 4000 > 10:
		            time.sleep(0.002)
		# For how long the responder and this process were ready to run, and others had the processor.
		def kept_waiting():
		    return sum(int(open("/proc/%s/schedstat" % pid).read().split()[1]) for pid in (responder, "self")) / 1e9
		def peer(family, source, pause, port):
		    s = dial(family, source, port, True)
		    time.sleep(pause)
		    waited, start, answer = kept_waiting(), time.monotonic(), b""
		    s.sendall(REQUEST)
		    while True:
		        more = s.recv(4096)
		        if not more:
		            break
		        answer += more
		    assert answer.startswith(b"HTTP/1.1 404"), answer
		    took = time.monotonic() - start
		    return took, max(0, took - (kept_waiting() - waited))
		def peers(out, jobs):
		    for family, source, pause, port in jobs:
		        try:
		            os.write(out, b"%f %f\n" % peer(family, source, pause, port))
		        except Exception as e:
		            os.write(out, b"lost %s\n" % type(e).__name__.encode())
		def fork(run, *arguments):
		    pid = os.fork()
		    if pid == 0:
		        try:
		            run(*arguments)
		        finally:
		            os._exit(0)
		    return pid
		# Sleeps and works, as one that answers does: what sleeps alone gets the processor sooner on a busy machine.
		def beside(out):
		    worst = 0
		    while True:
		        start = time.monotonic()
		        time.sleep(0.02)
		        work = time.thread_time() + 0.002
		        while time.thread_time() < work:
		            pass
		        late = time.monotonic() - start - 0.022
		        if late > worst:
		            worst = late
		            os.pwrite(out, b"%f" % worst, 0)
		counters = [os.open(sys.argv[4] + name, os.O_RDWR | os.O_CREAT | os.O_TRUNC) for name in (".4", ".6")]
		gap = os.open(sys.argv[4] + ".gap", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
		floods = [fork(flood, socket.AF_INET, ["10.98.0.51", "10.98.0.52"], counters[0]),
		          fork(flood, socket.AF_INET6, ["fd98:0:0:1::%x" % i for i in range(1, 9)], counters[1]), fork(beside, gap)]
		time.sleep(0.5)
		r, w = os.pipe()
		jobs, children = {}, []
		for n in range(30):
		    family, source = (socket.AF_INET, "10.98.0.%d" % (100 + n)) if n % 2 else (socket.AF_INET6, "fd98:0:0:%x::1" % (100 + n))
		    children.append(fork(peers, w, [(family, source, 0.06 * (k % 2), 3000 + k) for k in range(20)]))
		for pid in children:
		    os.waitpid(pid, 0)
		os.close(w)
		while sum(int(os.pread(c, 8, 0) or 0) for c in counters) < slow_most:
		    time.sleep(0.05)
		for pid in floods:
		    os.kill(pid, signal.SIGKILL)
		lines = b""
		while more := os.read(r, 65536):
		    lines += more
		lost = [line for line in lines.decode().split("\n") if line.startswith("lost")]
		answered = [[float(word) for word in line.split()] for line in lines.decode().split("\n") if line[:1].isdigit()]
		times, own = (sorted(column) for column in zip(*answered))
		late_beside = float(os.pread(gap, 16, 0) or 0)
		print("%d slow connections; %d answered, %d lost %s; median %.1f ms, longest %.1f, %.1f of them the responder's own (a process beside: %.1f late)" % (
		    sum(int(os.pread(c, 8, 0) or 0) for c in counters), len(times), len(lost), sorted(set(lost)), times[len(times) // 2] * 1e3,
		    times[-1] * 1e3, own[-1] * 1e3, late_beside * 1e3))
		# The kernel's thread that carries the packets waits as the process beside does.
		sys.exit(0 if len(times) == 600 and not lost and own[-1] <= 0.05 + late_beside else 1)
	PY
	local n
	for n in 51 52 $(seq 101 2 129); do rig_ca ip addr add "10.98.0.$n/24" dev cable0; done
	for n in $(seq 1 8); do rig_ca ip addr add "fd98:0:0:1::$n/128" dev cable0 nodad; done
	for n in $(seq 100 2 128); do rig_ca ip addr add "fd98:0:0:$(printf %x "$n")::1/128" dev cable0 nodad; done
	rig_host ip route add fd98:0:0::/48 dev cable0
	RIG_GATE='max_open = 60' rig_window
	result=0
	rig_ca python3 "$RIG_DIR/flood" "$RIG_HOST4" "$RIG_HOST6" 10000 "$RIG_DIR/flooded" "$(pgrep -P "$pid" -f 'agent responder')" >"$RIG_DIR/flood.out" 2>&1 || result=$?
	sed 's/^/# /' "$RIG_DIR/flood.out" >&3
	rig_release
	# The CA gives up after 15 s, and on a busy machine the flood takes longer.
	rig_ends '0|1'
	[[ $output == *'is stored in'* || $output == *'Client.Timeout exceeded'* ]]
	[ "$result" -eq 0 ]
	rig_after
}
