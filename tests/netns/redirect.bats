#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Another server holds port 80, and is neither stopped nor exposed: the port is redirected to our listener. Also where that is
# the only way past a chain that nobody but its owner can change.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_seams
	rig_up
}

setup() {
	unset ACMEGATE_SEAMS
	RIG_GATE=$'max_open = 20\n[responder]\nmode = redirect'
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out" "$RIG_DIR/probe")"
	rig_ca nft flush ruleset
	for process in probe server owner visitor; do rig_end_of "$process" KILL; done
	ip netns pids "$RIG_HOST" | xargs -r kill -s KILL
	rig_host nft flush ruleset
	rig_host iptables-legacy -F
	rig_host iptables-legacy -P INPUT ACCEPT
	rig_host sysctl -qw net.ipv6.conf.all.disable_ipv6=0
	ip -n "$RIG_HOST" addr replace "$RIG_HOST6/64" dev cable0 nodad
	rig_neighbour "$RIG_HOST" cable0 "$RIG_CA" cable0 "$RIG_CA6" # went with the address
	rig_pebble_stop
}

# The other server: a page, on IPv4 and IPv6.
server_start() {
	mkdir -p "$RIG_DIR/www"
	echo theirs >"$RIG_DIR/www/page"
	ip netns exec "$RIG_HOST" busybox httpd -f -p "${1:-[::]:80}" -h "$RIG_DIR/www" 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 rig_host curl -sfo /dev/null "http://localhost:${2:-80}/page"
}

# The CA's packets of other source ports are held, see rig_hold.
page() { "$1" curl -s --max-time 30 --local-port 500-999 -o - -w '%{http_code}\n' "http://$2/page" || true; }

# nft_owner: loads what comes on standard input and holds the socket, as firewalld 2 does
nft_owner() {
	mkfifo "$RIG_DIR/owner.in"
	rm -f "$RIG_DIR/owner.out"
	ip netns exec "$RIG_HOST" nft -i <"$RIG_DIR/owner.in" >"$RIG_DIR/owner.out" 2>&1 3>&- &
	echo $! >"$RIG_DIR/owner.pid"
	exec 9>"$RIG_DIR/owner.in"
	rm "$RIG_DIR/owner.in"
	tr -s '\n\t' ' ' >&9
	echo >&9
	rig_until 30 eval 'rig_host nft list tables | grep -q owned'
}

needs_owners() {
	rig_host nft -c 'add table inet owned { flags owner; }' || skip 'this kernel knows no table that belongs to a process (5.12 does)'
}

owned_table() {
	nft_owner <<-NFT
		add table inet owned { flags owner; chain input { type filter hook input priority 10; policy accept;
			ct state { established, related } accept; $1 iifname lo accept; ct state invalid drop;
			tcp dport 22 accept; reject with icmpx admin-prohibited; }; }
	NFT
	rig_host nft delete table inet filter
}

@test "the other server keeps its port: it is not exposed or stopped, and its visitors stay" {
	RIG_DNS6=$RIG_HOST6
	server_start
	rig_host nft insert rule inet filter input ip saddr "$RIG_CA4" tcp dport 80 ct state established accept
	rig_window
	# The world meets our responder, the host itself the server.
	[ "$(page rig_ca "$RIG_HOST4")" = $'not found\n404' ]
	[ "$(page rig_ca "[$RIG_HOST6]")" = $'not found\n404' ]
	[ "$(page rig_host 127.0.0.1)" = $'theirs\n200' ]
	[ "$(page rig_host "$RIG_HOST4")" = $'theirs\n200' ]
	[ "$(page rig_host '[::1]')" = $'theirs\n200' ]
	rig_release
	rig_ends 0
	rig_after
	rig_was_open 4 1
	rig_was_open 6 1
	rig_certificate one.test one.test
	[ "$(page rig_host 127.0.0.1)" = $'theirs\n200' ]
}

@test "connections to the other server go on in the window, and new ones reach it afterwards" {
	server_start
	rig_host nft add rule inet filter input tcp dport 80 accept
	rm -f "$RIG_DIR/visits"
	ip netns exec "$RIG_CA" python3 - "$RIG_HOST4" "$RIG_HOST6" "$RIG_DIR/go" >"$RIG_DIR/visits" 3>&- <<-'PY' &
		import os, socket, sys, time
		visits = [socket.create_connection((address, 80), source_address=("", 400 + i))
		          for i, address in enumerate(sys.argv[1:3])]
		for visit in visits:
		    visit.sendall(b"GET /pa")
		open(sys.argv[3] + ".here", "w")
		while not os.path.exists(sys.argv[3]):
		    time.sleep(0.01)
		for visit in visits:
		    visit.sendall(b"ge HTTP/1.0\r\n\r\n")
		    print(b"theirs" in visit.makefile("rb").read())
	PY
	echo $! >"$RIG_DIR/visitor.pid"
	rig_until 30 test -e "$RIG_DIR/go.here"
	rig_window
	rig_until 30 eval '[ "$(page rig_ca "$RIG_HOST4")" = "'"not found"$'\n'"404"'" ]'
	touch "$RIG_DIR/go"
	rig_until 30 eval '[ "$(grep -c True "$RIG_DIR/visits")" = 2 ]'
	rig_release
	rig_ends 0
	[ "$(page rig_ca "$RIG_HOST4")" = $'theirs\n200' ]
	[ "$(page rig_ca "[$RIG_HOST6]")" = $'theirs\n200' ]
	rig_as_before
}

@test "plan shows the redirection and changes nothing; a port that is taken is not needed" {
	needs_owners
	rig_config one.test
	rig_before
	run -0 rig_acmegate plan
	[[ $output == *'rule inet filter input tcp dport @acmegate_'*' socket transparent 1 '*'accept'* ]]
	[[ $output == *'flags owner'*'tcp dport @acmegate_'*' redirect to :8402'* ]]
	# A person can type the lines of the plan.
	rig_host sh -c "$(grep redirect <<<"$output")"
	server_start '[::]:8402' 8402
	rig_pebble
	run -0 rig_acmegate plan
	[[ $output == *'tcp dport @acmegate_'*' redirect to :1023'* ]]
	run -0 rig_acmegate renew-now
	[[ $output == *'acmegate listens on port 1023 this time: port 8402 is taken by busybox'* ]]
	rig_after
	rig_was_open 4 1
	rig_certificate one.test one.test
}

@test "the redirection works on a host without IPv6" {
	rig_host sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	server_start 0.0.0.0:80
	rig_window
	rig_release
	rig_ends 0
	rig_after
	rig_was_open 4 1
	rig_was_open 6 0
}

@test "the redirection comes before any other nat: port 80 that goes to a container, by nft, iptables, at the lowest priority" {
	rig_host nft -f - <<-NFT
		table ip theirs { chain pre { type nat hook prerouting priority -199; tcp dport 80 dnat to 10.99.0.9:80; }; }
	NFT
	rig_host iptables-nft -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.99.0.9:80
	rig_host iptables-legacy -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.99.0.9:80
	rig_window
	rig_release
	rig_ends 0
	rig_after
	rig_host iptables-legacy -t nat -F
}

@test "the redirection goes through iptables, native and legacy, in INPUT and in raw PREROUTING" {
	rig_host nft flush ruleset
	for tool in iptables-nft ip6tables-nft; do
		rig_host "$tool" -P INPUT DROP
		rig_host "$tool" -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
		rig_host "$tool" -A INPUT -p ipv6-icmp -j ACCEPT
		rig_host "$tool" -t raw -A PREROUTING -p tcp --dport 80 -j DROP
	done
	rig_host iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	rig_host iptables-legacy -P INPUT DROP
	rig_window
	rig_host iptables-nft -S INPUT | grep -- '--dport 8402.*--transparent'
	rig_host iptables-legacy -S INPUT | grep -- '--dport 8402.*--transparent'
	rig_host iptables-nft -t raw -S PREROUTING | grep -- '--dport 80 .*ACCEPT'
	rig_release
	rig_ends 0
	rig_after
}

@test "the redirection survives a ruleset that is listed, saved, flushed and loaded in mid-window" {
	rig_window
	rig_host nft list ruleset >"$RIG_DIR/saved"
	grep -q 'table inet acmegate_' "$RIG_DIR/saved"
	rig_host iptables-save
	# A dump of the window cannot be loaded in the window, and so changes nothing.
	run -1 rig_host nft -f - < <(echo flush ruleset && cat "$RIG_DIR/saved")
	[ "$(rig_probe_once)" = $'4 listening\n6 listening' ]
	# Anything else can: the opening is put back, and nobody but us takes the redirection away.
	rig_host nft flush ruleset
	rig_policy_drop | rig_nft -
	rig_until 30 eval '[ "$(rig_probe_once)" = $'"'4 listening\n6 listening'"' ]'
	rig_release
	rig_ends 0
	[[ $output == *'was put back'* ]]
	rig_probe_stop
	rig_silent
	run -0 rig_host nft list ruleset
	[[ $output != *acmegate* && $output == *'comment "ssh"'* ]]
	# Loaded later, the table goes with the nft that loads it; what stays is found.
	rig_host nft -f - < <(echo flush ruleset && cat "$RIG_DIR/saved")
	run -0 rig_host nft list tables
	[[ $output != *acmegate_* ]]
	rig_host nft -f - < <(echo flush ruleset && grep -v 'flags owner' "$RIG_DIR/saved")
	run -0 rig_host nft list tables
	[[ $output == *acmegate_* ]]
	run -0 rig_acmegate recover
	[[ $output == *'no run had left'* ]]
	run -0 rig_host nft list ruleset
	[[ $output != *acmegate* ]]
}

@test "a table of that name which belongs to another process is named, and not fought" {
	needs_owners
	nft_owner <<-NFT
		add table inet acmegate_0123456789abcdef { flags owner; }; add table inet owned;
	NFT
	rig_config one.test
	run -1 rig_acmegate recover
	[[ $output == *'acmegate_0123456789abcdef belongs to a process that is alive'* ]]
}

# all_but_server SIGNAL: to every process of acmegate at once
all_but_server() {
	mapfile -t victims < <(ip netns pids "$RIG_HOST" | grep -vx "$(cat "$RIG_DIR/server.pid")")
	killed=$EPOCHREALTIME
	if [ "$1" = KILL ]; then rig_kill_at_once "${victims[@]}"; else kill -s "$1" "${victims[@]}"; fi
}

@test "the kernel alone closes when everything is killed: the table goes with its owner" {
	rig_probe_options=(-b)
	needs_owners
	server_start
	RIG_ACMEGATE=$RIG_BUILD/seams/acmegate
	export ACMEGATE_SEAMS='no-timeout no-watchdog'
	rig_window
	all_but_server KILL
	rig_closed_after "$killed" 0.050
	run -0 rig_host nft list tables
	[[ $output != *acmegate_* ]]
	run -0 rig_acmegate recover
	[[ $output == *'the kernel closed it with that process'* ]]
	rig_as_before
}

@test "the watchdog alone closes when the gate is killed" {
	rig_probe_options=(-b)
	server_start
	RIG_ACMEGATE=$RIG_BUILD/seams/acmegate
	export ACMEGATE_SEAMS='no-owner no-timeout no-socket'
	rig_window
	gate=$(rig_gate)
	killed=$EPOCHREALTIME
	kill -s KILL "$gate"
	rig_closed_after "$killed" 0.050
	rig_until 30 rig_as_before
	grep -q 'the watchdog has closed the port' "$RIG_DIR/out"
	grep -q 'cannot end the redirection with acmegate' "$RIG_DIR/out"
}

@test "the kernel alone closes when the time is up; the gate alone at its deadline; and a gate that hangs" {
	rig_probe_options=(-b)
	[ "${NETS:-}" = all ] || skip 'it takes its time: make check-nets'
	RIG_GATE=${RIG_GATE/max_open = 20/max_open = 5}
	server_start
	RIG_ACMEGATE=$RIG_BUILD/seams/acmegate
	export ACMEGATE_SEAMS='no-owner no-socket no-watchdog'
	rig_window
	all_but_server KILL
	rig_closed_after "$killed" 5.1
	run -0 rig_host nft list tables
	[[ $output == *acmegate_* ]]
	run -0 rig_acmegate recover
	[[ $output == *'it is closed now'* ]]
	rig_as_before
	export ACMEGATE_SEAMS='no-owner no-timeout no-socket no-watchdog'
	rig_window
	kill -s STOP "$(pgrep -P "$pid" -f 'agent client')"
	rig_ends 75
	rig_after
	unset ACMEGATE_SEAMS
	rig_window
	kill -s STOP "$(rig_gate)"
	rig_until 30 rig_silent
	rig_probe_stop
	rig_open_at_most 5.5 2
	rig_ends 1
	rig_until 30 rig_as_before
}

@test "a chain that only its owner can change is bypassed by a redirection, if it accepts that" {
	needs_owners
	RIG_GATE='max_open = 60' RIG_DNS6=$RIG_HOST6
	owned_table 'ct status dnat accept;'
	rig_window
	rig_release
	rig_ends 0
	rig_after
	rig_was_open 4 1
	rig_was_open 6 1
	run -0 rig_acmegate plan
	[[ $output == *'redirect to :8402'* ]]
}

@test "a chain that only its owner can change is refused with its name, if it does not, or if the listener is another program's" {
	needs_owners
	RIG_GATE='max_open = 5'
	owned_table ''
	rig_config one.test
	rig_before
	run -1 rig_acmegate plan
	[[ $output == *'inet owned input (input)'*'owned by a running process'*'Nothing was changed'* ]]
	run -1 rig_acmegate guard -- true
	[[ $output == *'inet owned input (input)'* ]]
	rig_end_of owner KILL
	rig_policy_drop | rig_nft -
	owned_table 'ct status dnat accept;'
	run -1 rig_acmegate guard -- true
	[[ $output == *'inet owned input (input)'* ]]
	rig_never_open
}
