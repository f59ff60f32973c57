#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# One certificate through every shape of nftables ruleset. Each test: port 80 closed before and after as seen from outside, one
# window, the ruleset the same as text and as JSON.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rm -rf "$RIG_STATE"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
	rig_pebble_stop
}

# passes [listening]: a certificate, and all is as before
passes() {
	rig_pebble
	rig_config one.test
	rig_before
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	rig_after "$@"
	rig_certificate one.test one.test
}

opens_once() {
	rig_was_open 4 1
	rig_was_open 6 1
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

@test "a chain that accepts port 80 anyhow is not touched" {
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
		for ((i = 0; i < 10000; i++)); do echo "ip saddr 203.0.$((i / 256)).$((i % 256)) tcp dport 22 accept"; done
		echo '}; }'
	} >"$RIG_DIR/large"
	rig_nft "$RIG_DIR/large"
	passes
	opens_once
}

@test "what somebody else changes while the port is open stays" {
	rig_policy_drop | rig_nft -
	rig_pebble PEBBLE_VA_NOSLEEP=0 PEBBLE_VA_SLEEPTIME=3
	rig_config one.test
	rig_probe_start
	rig_acmegate renew-now >"$RIG_DIR/out" 2>&1 &
	pid=$!
	rig_until 20 rig_opened
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

@test "plan tells what would be opened and changes nothing" {
	rig_policy_drop | rig_nft -
	rig_config one.test
	rig_before
	run rig_acmegate plan
	[ "$status" -eq 0 ]
	[[ $output == *'inet filter input'* ]]
	rig_after
	rig_never_open
}
