#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# One certificate through every shape of nftables ruleset. Each test: port 80 closed before and after as seen from outside, one
# window, the ruleset the same as text and as JSON.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup() {
	rm -rf "$RIG_STATE"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
	rig_pebble_stop
	! rig_host ip link show br0 >/dev/null 2>&1 || unbridged
}

# passes [listening]: a certificate, and all is as before
passes() {
	rig_pebble
	rig_config one.test
	local try
	for try in 1 2 3; do
		rig_before
		run rig_acmegate renew-now
		[ "$status" -eq 0 ]
		rig_after "$@"
		rig_blind || break # it has measured nothing: once more
	done
	rig_certificate one.test one.test
}

opens_once() {
	rig_was_open 4 1
	rig_was_open 6 1
}

reachable() { [ "$(rig_probe_once)" = $'4 refusing\n6 refusing' ]; }

# The host's end of the cable becomes a port of a bridge, and one's own again.
bridged() {
	rig_host ip -batch - <<-IP
		link add br0 type bridge
		link set br0 up
		link set cable0 master br0
		addr flush dev cable0
		addr add $RIG_HOST4/24 dev br0
		addr add $RIG_HOST6/64 dev br0 nodad
	IP
	rig_ca ip neigh flush all
	rig_until 30 reachable
}
unbridged() {
	rig_nft - </dev/null
	rig_host ip -batch - <<-IP
		link del br0
		addr add $RIG_HOST4/24 dev cable0
		addr add $RIG_HOST6/64 dev cable0 nodad
	IP
	rig_ca ip neigh flush all
	rig_until 30 reachable
}

# heard FAMILY: somebody listened there for a while
heard() { rig_probe_total "$1" listening | grep -qv '^0\.000000$'; }

@test "policy drop, the name has an IPv4 address only" {
	rig_policy_drop | rig_nft -
	passes
	rig_was_open 4 1
}

@test "policy drop, the name has an IPv6 address only" {
	rig_policy_drop | rig_nft -
	RIG_DNS4='' RIG_DNS6=$RIG_HOST6 passes
	rig_was_open 6 1
}

@test "policy drop, the name has both addresses" {
	rig_policy_drop | rig_nft -
	RIG_DNS6=$RIG_HOST6 passes
	opens_once
}

@test "an explicit drop of port 80 under policy accept" {
	rig_nft - <<-'NFT'
		table inet filter {
			chain input {
				type filter hook input priority filter; policy accept;
				tcp dport 80 counter drop
			}
		}
	NFT
	passes
	opens_once
}

@test "reject instead of drop" {
	rig_nft - <<-'NFT'
		table inet filter {
			chain input {
				type filter hook input priority filter; policy accept;
				ct state established,related accept
				meta l4proto tcp reject with tcp reset
				reject with icmpx type admin-prohibited
			}
		}
	NFT
	passes listening
	heard 4
}

@test "several tables with a chain each at the input hook" {
	rig_nft - <<-'NFT'
		table inet first { chain in { type filter hook input priority -10; policy drop; ct state established accept; }; }
		table inet second { chain in { type filter hook input priority 0; policy drop; ct state established accept; }; }
		table inet third { chain in { type filter hook input priority 300; policy accept; tcp dport 1-1023 drop; }; }
	NFT
	passes
	opens_once
}

@test "several base chains of one table, two of the same priority" {
	rig_nft - <<-'NFT'
		table inet filter {
			chain early { type filter hook input priority -150; policy accept; tcp dport { 80, 443 } drop; }
			chain one { type filter hook input priority 0; policy drop; ct state established accept; }
			chain two { type filter hook input priority 0; policy drop; ct state established accept; }
		}
	NFT
	passes
	opens_once
}

@test "a drop in prerouting" {
	rig_nft - <<-'NFT'
		table inet guard {
			chain pre { type filter hook prerouting priority raw; policy accept; tcp dport { 80, 443 } drop; }
			chain in { type filter hook input priority 0; policy drop; ct state established accept; }
		}
	NFT
	passes
	opens_once
}

@test "drops at ingress, of a device and of inet" {
	rig_nft - <<-'NFT'
		table netdev early { chain in { type filter hook ingress device "cable0" priority -500; tcp dport 80 drop; }; }
		table inet filter {
			chain first { type filter hook ingress device "cable0" priority 0; tcp dport vmap { 22 : accept, 23-1023 : drop }; }
			chain in { type filter hook input priority 0; policy drop; ct state established accept; meta l4proto ipv6-icmp accept; }
		}
	NFT
	RIG_DNS6=$RIG_HOST6 passes
	opens_once
}

@test "a bridge that drops in both directions" {
	rig_nft - </dev/null
	bridged
	rig_host nft -f - <<-'NFT'
		table bridge filter {
			chain pre { type filter hook prerouting priority -200; ether type { ip, ip6 } tcp dport 80 drop; }
			chain in { type filter hook input priority 0; policy drop; meta l4proto != tcp accept; ether type arp accept; tcp dport != 80 accept; }
			chain out { type filter hook output priority 0; tcp sport 80 drop; }
			chain post { type filter hook postrouting priority 0; tcp sport 80 drop; }
		}
	NFT
	RIG_DNS6=$RIG_HOST6 passes
	opens_once
}

@test "port 80 belongs to a container, another host, a proxy: it comes to us for the time of the window" {
	rig_nft - <<-'NFT'
		table ip docker {
			chain PRE { type nat hook prerouting priority dstnat; fib daddr type local jump published; }
			chain published { iifname != "docker0" tcp dport 80 dnat to 172.17.0.2:8080; }
		}
		table inet second { chain pre { type nat hook prerouting priority -90; tcp dport 80 redirect to :3128; }; }
		table inet proxy { chain pre { type filter hook prerouting priority mangle; tcp dport 80 tproxy to :12345 meta mark set 1 accept; }; }
		table inet filter { chain in { type filter hook input priority 0; policy drop; ct state established accept; meta l4proto ipv6-icmp accept; }; }
	NFT
	RIG_DNS6=$RIG_HOST6 passes
	opens_once
}

@test "replies are dropped: output, route, postrouting and egress" {
	rig_nft - <<-'NFT'
		table inet filter {
			chain in { type filter hook input priority 0; policy drop; ct state established accept; meta l4proto ipv6-icmp accept; }
			chain raw { type filter hook output priority raw; tcp sport 80 drop; }
			chain out { type filter hook output priority 0; policy drop; ct state new accept; tcp sport != 80 accept; meta l4proto ipv6-icmp accept; }
			chain post { type filter hook postrouting priority srcnat; tcp sport { 80, 443 } drop; }
		}
		table ip marks { chain out { type route hook output priority mangle; tcp sport 80 drop; }; }
	NFT
	rig_nft - <<<'table netdev last { chain out { type filter hook egress device "cable0" priority 0; tcp sport 80 drop; }; }' ||
		[ "$(uname -r | cut -d. -f1,2)" = 5.10 ] # which has no such hook
	RIG_DNS6=$RIG_HOST6 passes
	opens_once
}

# Else a port that is open for replies could be used to call out.
@test "the rule for replies lets nobody begin a connection" {
	rig_nft - <<-'NFT'
		table inet filter { chain out { type filter hook output priority 0; policy drop; meta l4proto ipv6-icmp accept; }; }
	NFT
	rig_pebble_end
	ip netns exec "$RIG_CA" busybox httpd -f -p 8090 -h "$RIG_DIR" 3>&- &
	server=$!
	rig_config one.test
	run rig_acmegate guard -- python3 -c 'import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 80))
s.settimeout(1)
try: s.connect((sys.argv[1], 8090))
except TimeoutError: sys.exit(28)' "$RIG_CA4"
	rig_end "$server"
	[ "$status" -eq 28 ]
	[[ $output == *'(1 rule in'* ]]
}

@test "packets that are hidden from connection tracking, and a synproxy" {
	rig_nft - <<-'NFT'
		table inet filter {
			chain pre { type filter hook prerouting priority raw; tcp dport 80 notrack; }
			chain in { type filter hook input priority 0; policy drop; ct state established accept; tcp dport 80 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm; ct state invalid drop; meta l4proto ipv6-icmp accept; }
			chain out { type filter hook output priority 0; ct state invalid drop; tcp sport 80 ct state new drop; }
		}
	NFT
	RIG_DNS6=$RIG_HOST6 passes
	rig_was_open 4 1
}

@test "rates, numbers of connections, named limits and quotas, spoofed and unwanted addresses" {
	rig_nft - <<-'NFT'
		table inet filter {
			limit slow { rate 1/day; }
			quota few { over 1 bytes; }
			set seen { type ipv4_addr; flags dynamic; timeout 1m; }
			set world { type ipv4_addr; flags interval; elements = { 0.0.0.0/1, 128.0.0.0/1 }; }
			chain spoofed { type filter hook prerouting priority raw; fib daddr . iif type local meta l4proto tcp th dport 80 drop; }
			chain geo { type filter hook prerouting priority mangle; tcp dport 80 ip saddr @world drop; }
			chain much { type filter hook input priority -20; tcp dport 80 quota name "few" drop; }
			chain often { type filter hook input priority -10; tcp dport 80 add @seen { ip saddr limit rate over 1/day burst 1 packets } drop; }
			chain many { type filter hook input priority -5; tcp dport 80 ct count over 0 reject; }
			chain in { type filter hook input priority 0; policy drop; ct state established accept; tcp dport 80 limit name "slow" accept; meta l4proto ipv6-icmp accept; }
		}
	NFT
	passes
	rig_was_open 4 1
}

@test "chains that mark, count, pass, or block others are left alone" {
	rig_nft - <<-'NFT'
		table netdev count { chain in { type filter hook ingress device "cable0" priority 0; counter; tcp dport { 22, 25 } drop; }; }
		table inet mangle {
			map marks { type inet_service : mark; elements = { 80 : 1 }; }
			chain pre { type filter hook prerouting priority mangle; meta mark set tcp dport map @marks; tcp dport != { 80, 443 } drop; }
			chain nat { type nat hook prerouting priority dstnat; tcp dport { 8080, 8443 } redirect to :80; }
			chain out { type filter hook output priority 0; policy drop; ct state vmap { established : accept, related : accept, new : accept, invalid : drop }; }
			chain post { type nat hook postrouting priority srcnat; masquerade; }
		}
		table inet filter {
			chain ssh { tcp dport 22 drop; }
			chain web { accept; }
			chain check { type filter hook input priority -1; iifname vmap { "lo" : accept, "cable0" : jump ssh }; }
			chain in { type filter hook input priority 0; policy drop; ct state established accept; meta l4proto ipv6-icmp accept; tcp dport vmap { 25 : drop, 80-90 : goto web }; }
		}
	NFT
	rig_config one.test
	rig_before
	run -0 rig_acmegate plan
	[[ $output == *'no chain blocks port 80'* ]]
	rig_after listening
}

@test "names of the greatest length that the kernel allows" {
	long=$(printf '%0254d' 0)
	rig_nft - <<-NFT
		table inet t$long { chain c$long { type filter hook input priority 0; policy drop; ct state established accept; }; }
	NFT
	rig_pebble
	rig_config one.test
	rig_before
	run -0 rig_acmegate renew-now
	rig_after closed
}

@test "a chain that cannot be opened is named, with the rule and what can be done" {
	rig_nft - <<-NFT
		table ip filter { chain INPUT { type filter hook input priority 0; }; chain d { tcp dport 22 drop; }
			chain in { type filter hook input priority 1; jump d; tcp dport 80 reject; }; }
	NFT
	rig_config one.test
	rig_before
	run -1 rig_acmegate plan
	[[ $output == *"the chain ip filter in (input) may block the port: the rule with handle "*' in in; '*'move this chain to a table of its own. Nothing was changed'* ]]
	handle=$(rig_host nft -a list ruleset | sed -nE 's/.*reject.*# handle ([0-9]+)/\1/p')
	[[ $output == *"the rule with handle $handle "* ]]
	rig_after listening
	rig_nft - <<-NFT
		table ip filter { chain INPUT { type filter hook input priority 0; }
			chain in { type filter hook input priority 1; policy drop; }; }
	NFT
	run -1 rig_acmegate plan
	[[ $output == *'may block the port: its policy; '* ]]
}

@test "inet, ip and ip6 together" {
	rig_nft - <<-'NFT'
		table inet both { chain in { type filter hook input priority 5; policy drop; ct state established accept; meta l4proto ipv6-icmp accept; }; }
		table ip four { chain in { type filter hook input priority 0; policy drop; ct state established accept; }; }
		table ip6 six { chain in { type filter hook input priority 0; policy drop; ct state established accept; meta l4proto ipv6-icmp accept; }; }
	NFT
	RIG_DNS6=$RIG_HOST6 passes
	opens_once
}

@test "ip only: IPv6 is not filtered" {
	rig_nft - <<-'NFT'
		table ip four { chain in { type filter hook input priority 0; policy drop; ct state established accept; }; }
	NFT
	passes listening
	rig_was_open 4 1
}

@test "ip6 only: IPv4 is not filtered" {
	rig_nft - <<-'NFT'
		table ip6 six { chain in { type filter hook input priority 0; policy drop; ct state established accept; meta l4proto ipv6-icmp accept; }; }
	NFT
	RIG_DNS4='' RIG_DNS6=$RIG_HOST6 passes listening
	rig_was_open 6 1
}

@test "jumps, sets, maps, named counters, limits and a flow of chains" {
	rig_nft - <<-'NFT'
		table inet filter {
			counter hits { }
			set admins { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 198.51.100.7 }; }
			set banned { type ipv4_addr; flags dynamic, timeout; timeout 1h; }
			map services { type inet_service : verdict; elements = { 22 : jump ssh, 443 : accept }; }
			chain ssh { ip saddr @admins accept; limit rate 3/minute accept; counter name hits drop; }
			chain rest { ip saddr @banned drop; counter; }
			chain input {
				type filter hook input priority filter; policy drop;
				ct state vmap { established : accept, related : accept, invalid : drop }
				meta l4proto ipv6-icmp accept
				tcp dport vmap @services
				jump rest
				log prefix "dropped: " limit rate 1/second
			}
		}
	NFT
	passes
	opens_once
}

@test "a chain that accepts port 80 anyway is not touched" {
	rig_nft - <<-'NFT'
		table inet filter {
			chain input {
				type filter hook input priority filter; policy drop;
				ct state established,related accept
				meta l4proto ipv6-icmp accept
				tcp dport { 80, 443 } accept
			}
		}
	NFT
	passes listening
	heard 4
}

@test "no firewall at all" {
	rig_nft - </dev/null
	passes listening
	heard 4
	[ -z "$(rig_host nft list ruleset)" ]
}

@test "a table without a base chain, and a chain at the output hook only" {
	rig_nft - <<-'NFT'
		table inet odd { set names { type ipv4_addr; }; chain never { drop; }; }
		table ip out { chain output { type filter hook output priority 0; policy accept; tcp dport 25 drop; }; }
	NFT
	passes listening
	heard 4
}

@test "ten thousand rules" {
	{
		echo 'table inet filter { chain input { type filter hook input priority filter; policy drop;'
		echo 'ct state established,related accept; meta l4proto ipv6-icmp accept;'
		printf 'ip saddr 203.0.%s tcp dport 22 accept\n' {0..39}.{0..249}
		echo '}; }'
	} >"$RIG_DIR/large"
	rig_nft "$RIG_DIR/large"
	passes
	opens_once
}

@test "changes of others while the port is open stay" {
	rig_policy_drop | rig_nft -
	rig_pebble PEBBLE_VA_NOSLEEP=0 PEBBLE_VA_SLEEPTIME=3
	rig_config one.test
	rig_probe_start
	rm -f "$RIG_DIR/out"
	rig_acmegate renew-now >"$RIG_DIR/out" 2>&1 &
	pid=$!
	rig_until 30 rig_opened
	rig_host nft 'add rule inet filter input tcp dport 8443 accept comment "meanwhile"; add table inet later'
	result=0
	wait "$pid" || result=$?
	output=$(cat "$RIG_DIR/out")
	[ "$result" -eq 0 ]
	rig_probe_stop
	[ "$(rig_probe_total 4 last)" = silent ]
	run -0 rig_host nft list ruleset
	[[ $output == *'tcp dport 8443 accept comment "meanwhile"'* ]]
	[[ $output == *'table inet later'* ]]
	[[ $output != *acmegate* ]]
}

@test "plan prints what would be opened and changes nothing" {
	rig_policy_drop | rig_nft -
	rig_config one.test
	rig_before
	run rig_acmegate plan
	[ "$status" -eq 0 ]
	[[ $output == *'inet filter input'* ]]
	rig_after
	rig_never_open
}
