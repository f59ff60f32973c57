#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Somebody else commits to the ruleset all the time: renewals, closing, recovery, and what is put back meanwhile.
# STORM=all takes the whole of it (make check-storm).
bats_require_minimum_version 1.5.0
load ../lib/suite
rig_probe_options=(-b)

setup() {
	rm -rf "$RIG_STATE"
	export RIG_GATE='max_open = 30'
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out")"
	storm_stop
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_end_of server
	rig_pebble_stop
}

# often ALL SOME: how many times
often() { if [ "${STORM:-}" = all ]; then echo "$1"; else echo "$2"; fi; }

# storm_rules NUMBER: a blocklist of so many rules, and first of all a table that has nothing to do with it
storm_rules() {
	{
		printf 'table inet storm {\n\tchain c { }\n\tchain d { }\n}\n'
		printf 'table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n'
		printf '\t\tiif "lo" accept\n\t\tct state established,related accept\n\t\tmeta l4proto ipv6-icmp accept\n'
		awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "\t\tip saddr 203.%d.%d.%d drop\n", i / 65536, i / 256 % 256, i % 256 }'
		printf '\t\ttcp dport 22 accept\n\t}\n}\n'
	} | rig_nft -
}

# storm_start COMMITS-A-SECOND: two hands fill and flush a chain each, as fast as that if the kernel lets them
storm_start() {
	local pause hand
	pause=$(awk -v n="$1" 'BEGIN { print 1 / n }')
	mkfifo "$RIG_DIR/never"
	for hand in c d; do
		mkfifo "$RIG_DIR/pipe-$hand"
		ip netns exec "$RIG_HOST" nft -i <"$RIG_DIR/pipe-$hand" >/dev/null 2>&1 3>&- &
		echo $! >"$RIG_DIR/storm-$hand.pid"
		storm_feed "$hand" "$pause" >"$RIG_DIR/pipe-$hand" 2>/dev/null 3>&- 4<>"$RIG_DIR/never" &
		echo $! >"$RIG_DIR/feed-$hand.pid"
	done
	calm=$(storm_generation)
	rig_until 30 storm_rages
	calm=$(storm_generation) raged=$EPOCHREALTIME
}
storm_feed() {
	trap - DEBUG # bats would trace it
	while echo "add rule inet storm $1 counter"; do
		read -rt "$2" -u 4 || true
		echo "flush chain inet storm $1" || return 0
		read -rt "$2" -u 4 || true
	done
}
storm_rages() { [ "$(storm_generation)" -gt $((calm + 10)) ]; }
# The number of commits, as the kernel counts them: NFT_MSG_GETGEN.
storm_generation() {
	rig_host python3 -c 'import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
s.send(struct.pack("=IHHIIBBH", 20, 10 << 8 | 16, 1, 1, 0, 0, 0, 0))
print(struct.unpack(">I", s.recv(4096)[24:28])[0])'
}
# Prints the commits in a second.
storm_rate() {
	awk -v from="$raged" -v to="$EPOCHREALTIME" -v n=$(($(storm_generation) - calm)) 'BEGIN { printf "%d\n", n / (to - from) }'
}
storm_stop() {
	local hand
	[ -e "$RIG_DIR/never" ] || return 0
	for hand in c d; do
		rig_end_of "feed-$hand"
		rig_end_of "storm-$hand"
		rm -f "$RIG_DIR/pipe-$hand"
	done
	rm -f "$RIG_DIR/never"
	rig_host nft 'flush chain inet storm c; flush chain inet storm d'
}

server_start() {
	ip netns exec "$RIG_HOST" busybox httpd -f -p 80 -h "$RIG_DIR/etc" >/dev/null 2>&1 3>&- &
	echo $! >"$RIG_DIR/server.pid"
}
# The gate, and the process that watches it.
storm_watchdog() { pgrep -x acmegate-watch --ns "$pid" --nslist net; }
storm_holder() { ps -o ppid= -p "$(storm_watchdog)"; }
# Those who were killed hold their locks a little longer.
storm_dead() { flock -n "$RIG_STATE/journal" true; }
storm_reads() { rig_host timeout 2 nft list ruleset >/dev/null; }
storm_clean() { [ "$(rig_host nft list ruleset | grep -c acmegate)" = 0 ]; }

# renewals RULES RUNS: all of them get their certificate; beside some of them, nft reads the same ruleset if it can
renewals() {
	local round read=0 reads
	reads=$(often "$2" 1)
	storm_rules "$1"
	rig_pebble
	rig_config one.test
	rig_before
	storm_start 100
	for ((round = 0; round < $2; round++)); do
		run -0 rig_acmegate renew-now
		[[ $output == *'port 80 open'*'port 80 closed'* ]]
		if [ "$round" -lt "$reads" ] && storm_reads; then read=$((read + 1)); fi
	done
	printf '# %s rules, %s commits a second: %s of %s renewals; nft list ruleset: %s of %s within 2 s\n' "$1" "$(storm_rate)" "$2" "$2" "$read" "$reads" >&3
	storm_stop
	rig_after
}

@test "1,000 rules, 100 commits a second: every renewal succeeds" {
	renewals 1000 "$(often 12 3)"
}

@test "10,000 rules, 100 commits a second: every renewal succeeds" {
	renewals 10000 "$(often 12 3)"
}

# The listener is not ours: no rule ends with its socket, and nothing but the watchdog closes before the time is up.
@test "10,000 rules, 100 commits a second: the gate is killed, and the watchdog closes within a second" {
	local round runs
	runs=$(often 12 2)
	storm_rules 10000
	rig_config one.test
	server_start
	storm_start 100
	for ((round = 0; round < runs; round++)); do
		rm -f "$RIG_DIR/probe"
		rig_probe_start
		rm -f "$RIG_DIR/out"
		ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 30 >"$RIG_DIR/out" 2>&1 3>&- &
		pid=$!
		rig_until 30 rig_opened
		holder=$(storm_holder)
		killed=$EPOCHREALTIME
		kill -s KILL "$holder"
		rig_closed_after "$killed" 1
		rig_until 30 grep -q 'the watchdog has closed the port' "$RIG_DIR/out"
	done
	storm_stop
	storm_clean
}

@test "10,000 rules, 100 commits a second: recover succeeds every time" {
	local round runs victims
	runs=$(often 20 5)
	storm_rules 10000
	rig_config one.test
	server_start
	storm_start 100
	for ((round = 0; round < runs; round++)); do
		rm -f "$RIG_DIR/probe"
		rig_probe_start
		rm -f "$RIG_DIR/out"
		ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 30 >"$RIG_DIR/out" 2>&1 3>&- &
		pid=$!
		rig_until 30 rig_opened
		mapfile -t victims < <(pgrep -x 'acmegate|acmegate-gate|acmegate-watch' --ns "$pid" --nslist net)
		rig_kill_at_once "${victims[@]}"
		rig_until 30 storm_dead
		run -0 rig_acmegate recover
		[[ $output == *'it is closed now'* ]]
		rig_silent
		rig_probe_stop
	done
	storm_stop
	storm_clean
}

@test "hundreds of commits a second: removed rules come back, a signal ends the run at once, and no rule is left" {
	local round
	storm_rules 50
	rig_pebble
	rig_config one.test
	rig_before
	storm_start 1000
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 60 >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 grep -q 'port 80 open' "$RIG_DIR/out"
	for round in 1 2 3; do
		handle=$(rig_host nft -a list chain inet filter input | sed -n 's/.*comment "acmegate:.* # handle //p')
		rig_host nft delete rule inet filter input handle "$handle"
		rig_until 30 storm_mended "$round"
	done
	kill -s TERM "$pid"
	rig_ends 143
	rig_probe_stop
	rig_hold
	rig_probe_start
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 rig_opened
	started=$EPOCHREALTIME
	kill -s TERM "$pid"
	rig_ends 75
	took=$(awk -v from="$started" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }')
	printf '# %s commits a second\n' "$(storm_rate)" >&3
	storm_stop
	rig_after
	rig_at_most "$took" 2
}
storm_mended() { [ "$(grep -c 'the opening was put back' "$RIG_DIR/out")" -ge "$1" ]; }

# Here the reason is a netlink socket with nothing but errors for three seconds.
@test "a watchdog that cannot close does not give up, lets go of the output, and closes in the end" {
	strace -qq -o "$RIG_DIR/trace" true 2>/dev/null || skip 'strace may not trace here'
	storm_rules 10
	rig_config one.test
	server_start
	rig_probe_start
	mkfifo "$RIG_DIR/output"
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 30 >"$RIG_DIR/output" 2>&1 3>&- &
	pid=$!
	cat "$RIG_DIR/output" >"$RIG_DIR/out" 3>&- &
	reader=$!
	rig_until 30 rig_opened
	watchdog=$(storm_watchdog)
	holder=$(storm_holder)
	strace -qq -o "$RIG_DIR/trace" -e trace=recvfrom -e inject=recvfrom:error=EIO -p "$watchdog" 3>&- &
	tracer=$!
	rig_until 30 storm_traced "$watchdog"
	rig_kill_at_once $(pgrep -x acmegate --ns "$pid" --nslist net) "$holder" "$(pgrep -xn sleep --ns "$pid" --nslist net)"
	# Nobody else holds the output any more, and the port is still open.
	rig_until 30 rig_gone "$reader"
	grep -q 'goes on trying' "$RIG_DIR/out"
	run ! rig_silent
	kill -s TERM "$tracer"
	rig_until 30 rig_silent
	rig_until 30 rig_gone "$watchdog"
	rig_probe_stop
	storm_clean
	run -0 rig_acmegate recover
	[[ $output != *'earlier run'* ]]
}
storm_traced() { grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$1/status"; }
