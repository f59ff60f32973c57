#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Why a validation failed: nothing came; it came, and nobody asked; it was shut ahead of our rule; it was answered.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	source "$BATS_TEST_DIRNAME/../lib/layers.sh"
	rig_up
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	source "$BATS_TEST_DIRNAME/../lib/layers.sh"
	RIG_GATE='max_open = 6'
	rm -rf "$RIG_STATE"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_pebble_stop
}

# on FIREWALL: a host with that one
on() {
	fresh
	layer "$1" up
	rig_pebble
	rig_config one.test
}

nothing_comes() {
	on "$1"
	rig_hold
	run rig_acmegate renew-now
	[ "$status" -ne 0 ]
	[[ $output == *'one.test: '*'no validation request reached this host, nor any packet for the port'* ]]
	[[ $output != *'let in'* ]]
}

# Its own answers do not reach the CA.
nobody_asks() {
	on "$1"
	rig_ca nft 'add table inet deaf; add chain inet deaf in { type filter hook input priority 0; }
		add rule inet deaf in tcp sport 80 drop'
	run rig_acmegate renew-now
	[ "$status" -ne 0 ]
	[[ $output =~ 'no request for the token came, although '[1-9][0-9]*' packets for the port were let in' ]]
	[[ $output != *'reached this host'* ]]
}

@test "nothing came: nft" { nothing_comes nft; }
@test "nothing came: iptables-nft" { nothing_comes iptables-nft; }
@test "nothing came: iptables-legacy" { nothing_comes iptables-legacy; }
@test "packets came, and nobody asked: nft" { nobody_asks nft; }
@test "packets came, and nobody asked: iptables-nft" { nobody_asks iptables-nft; }
@test "packets came, and nobody asked: iptables-legacy" { nobody_asks iptables-legacy; }

@test "nothing came, where a web server answers" {
	on nft
	mkdir -p "$RIG_DIR/www"
	chmod 0755 "$RIG_DIR/www"
	printf '[responder]\nmode = webroot\nwebroot = %s\n' "$RIG_DIR/www" >>"$RIG_CONF"
	ip netns exec "$RIG_HOST" python3 -m http.server 80 --directory "$RIG_DIR/www" >/dev/null 2>&1 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_hold
	run rig_acmegate renew-now
	rig_end_of server
	[ "$status" -ne 0 ]
	[[ $output == *'no validation request reached this host, nor any packet for the port'* ]]
}

# shut FIREWALL COMMAND...: which somebody runs in mid-window
shut() {
	on "$1"
	shift
	rig_hold
	rig_probe_start
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 rig_opened
	rig_host "$@"
	rig_until 30 grep -q 'may shut port 80 again' "$RIG_DIR/out"
	rig_release
	rig_ends '1|75'
	rig_probe_stop
}

@test "a block ahead of our rule, put there in mid-window, is named at once and in the end: nft" {
	shut nft nft insert rule inet filter input tcp dport 80 drop comment '"attack"'
	handle=$(rig_host nft -a list chain inet filter input | sed -nE 's/.*attack.*# handle ([0-9]+)/\1/p')
	[[ $output == *"port 80 again was put ahead of acmegate's rule: inet filter input: the rule with handle $handle in input"* ]]
	[[ $output == *"one.test: "*"reached this host: somebody has put a rule"*"(inet filter input: the rule with handle $handle in input)"* ]]
}

@test "a block ahead of our rule, put there in mid-window, is named: iptables-nft" {
	shut iptables-nft iptables-nft -w 5 -I INPUT -p tcp --dport 80 -j DROP
	[[ $output == *'reached this host: somebody has put a rule'*'(ip filter INPUT: the rule with handle'* ]]
}

@test "a block ahead of our rule, put there in mid-window, is named: iptables-legacy" {
	shut iptables-legacy iptables-legacy -w 5 -I INPUT -p tcp --dport 80 -j DROP
	[[ $output == *'reached this host: somebody has put a rule'*'(ip filter INPUT: the rule -A INPUT -p tcp'* ]]
}

@test "answered, and the CA says otherwise" {
	RIG_GATE='max_open = 60'
	on nft
	# Of the CA's three connections the first is lost.
	rig_ca nft -f - <<-'NFT'
		table inet lossy {
			set lost { type inet_service; size 1; flags dynamic; }
			chain out {
				type filter hook output priority 0;
				tcp dport 80 tcp sport @lost drop
				tcp dport 80 tcp flags == syn add @lost { tcp sport } drop
			}
		}
	NFT
	run rig_acmegate renew-now
	[ "$status" -ne 0 ]
	local answered='[1-9] requests? from 10\.98\.0\.1 (was|were) answered, and the CA says otherwise'
	[[ $output =~ $answered ]]
}
