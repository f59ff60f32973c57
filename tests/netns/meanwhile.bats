#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The ruleset while the port is open, changes by others meanwhile, single deaths, and a kernel that refuses.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup() {
	rm -rf "$RIG_STATE"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_end_of monitor
	rig_pebble_stop
}

monitor_start() {
	rm -f "$RIG_DIR/monitor"
	ip netns exec "$RIG_HOST" nft monitor >"$RIG_DIR/monitor" 2>&1 3>&- &
	echo $! >"$RIG_DIR/monitor.pid"
	# It has no word for "ready": it is when it shows a change of ours.
	rig_until 30 monitor_shows
	rig_host nft delete table inet canary
	sleep 0.1
	: >"$RIG_DIR/monitor"
}
monitor_shows() {
	rig_host nft 'add table inet canary; add chain inet canary c; delete chain inet canary c'
	[ -s "$RIG_DIR/monitor" ]
}

@test "in the window there are one tagged rule behind those that let others in, and a set that expires; where nothing blocks, nothing" {
	rig_nft - <<-'NFT'
		table inet filter {
			chain input {
				type filter hook input priority 0; policy drop;
				ct state established,related accept
				meta l4proto ipv6-icmp accept
			}
			chain forward { type filter hook forward priority 0; policy drop; }
		}
		table inet count { chain input { type filter hook input priority -5; policy accept; tcp dport 80 counter accept; }; }
		table ip sleeping { flags dormant; chain input { type filter hook input priority 0; policy drop; }; }
	NFT
	rig_window
	run -0 rig_host nft -a list chain inet filter input
	ours=$(sed -n '/ipv6-icmp accept/{n;p}' <<<"$output")
	[[ $ours =~ comment\ \"acmegate:[0-9a-f]{16}\" ]]
	[[ $ours == *'accept'* && $ours == *'socket transparent 1'* ]]
	[ "$(rig_ours chain inet filter input)" = 1 ]
	run -0 rig_host nft list sets
	[[ $output =~ set\ acmegate_[0-9a-f]{16} ]]
	[[ $output =~ 80\ timeout\ [0-9ms]+\ expires ]]
	[ "$(rig_ours table inet count)" = 0 ]
	[ "$(rig_ours table ip sleeping)" = 0 ]
	[ "$(rig_ours chain inet filter forward)" = 0 ]
	rig_release
	rig_ends 0
	rig_after
	rig_was_open 4 1
}

@test "bans from before and from the window stay" {
	rig_nft - <<-'NFT'
		table inet f2b {
			set banned { type ipv4_addr; flags timeout; elements = { 198.51.100.1 timeout 1h }; }
			chain input { type filter hook input priority -1; policy accept; ip saddr @banned drop; }
		}
		table inet filter { chain input { type filter hook input priority 0; policy drop; ct state established accept; meta l4proto ipv6-icmp accept; }; }
	NFT
	rig_window
	rig_host nft 'add element inet f2b banned { 203.0.113.9 timeout 1h }'
	rig_host nft 'insert rule inet filter input ip saddr 203.0.113.10 drop comment "ban"'
	rig_host nft 'delete element inet f2b banned { 198.51.100.1 }; add element inet f2b banned { 198.51.100.1 timeout 2h }'
	rig_release
	rig_ends 0
	rig_host nft 'get element inet f2b banned { 203.0.113.9 }'
	run -0 rig_host nft -a list chain inet filter input
	[[ $output =~ 'comment "ban" # handle '([0-9]+) ]]
	# Taken back, the ruleset is what it was, to the handle.
	rig_host nft "delete rule inet filter input handle ${BASH_REMATCH[1]}"
	rig_host nft 'delete element inet f2b banned { 203.0.113.9, 198.51.100.1 }; add element inet f2b banned { 198.51.100.1 timeout 1h }'
	rig_after
	rig_was_open 4 1
}

@test "with nothing due the ruleset does not change, and the port stays shut" {
	rig_policy_drop | rig_nft -
	rig_pebble PEBBLE_AUTHZREUSE=100
	rig_config one.test
	run -0 rig_acmegate renew-now
	monitor_start
	rig_before
	run -0 rig_acmegate renew
	rig_after
	rig_never_open
	[ "$(rig_probe_total 4 open)" = 0.000000 ]
	[ ! -s "$RIG_DIR/monitor" ]
	# The same when a new certificate is had with authorizations that are still valid.
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	rig_never_open
	[ ! -s "$RIG_DIR/monitor" ]
}

@test "each child killed alone in mid-window: the port closes, the ruleset is the same, an error names the child" {
	for role in responder client storer signer; do
		rm -rf "$RIG_STATE"
		rig_policy_drop | rig_nft -
		rig_window
		victim=$(pgrep -f -P "$pid" "acmegate-agent.*$role|^$role" | head -n 1)
		[ -n "$victim" ]
		kill -s KILL "$victim"
		rig_ends '1|75'
		[[ ${output,,} == *"$role"* ]]
		rig_after
		rig_was_open 4 1
		rig_ca nft flush ruleset
	done
}

@test "the watchdog killed alone: the gate closes the window" {
	rig_policy_drop | rig_nft -
	rig_window
	victim=$(pgrep -P "$(rig_gate)" -x acmegate-watch)
	[ -n "$victim" ]
	kill -s KILL "$victim"
	rig_release
	rig_ends '0|1|75'
	rig_after
	rig_was_open 4 1
}

@test "a second acmegate at the same time says so and leaves the first alone" {
	rig_policy_drop | rig_nft -
	rig_window
	run rig_acmegate renew-now
	[ "$status" -eq 75 ]
	[ "$(rig_ours ruleset)" -ge 2 ]
	rig_release
	rig_ends 0
	rig_after
	rig_was_open 4 1
}

# Without a lock of our own, which would keep out the one that is waited for.
journal_is_held() { grep -q ":$(stat -c %i "$RIG_STATE/journal") 0 EOF" /proc/locks; }

@test "a command waits while another one recovers" {
	strace -qq -o "$RIG_DIR/trace" true 2>/dev/null || skip 'strace may not trace here'
	rig_policy_drop | rig_nft -
	rig_window
	mapfile -t victims < <(ip netns pids "$RIG_HOST")
	rig_kill_at_once "${victims[@]}"
	rig_until 30 rig_idle
	# Clearing the journal takes three seconds.
	rm -f "$RIG_DIR/recovery"
	ip netns exec "$RIG_HOST" strace -f -qq -o "$RIG_DIR/trace" -e trace=fdatasync -e inject=fdatasync:delay_enter=3000000 \
		"$RIG_ACMEGATE" -c "$RIG_CONF" recover >"$RIG_DIR/recovery" 2>&1 3>&- &
	first=$!
	rig_until 30 journal_is_held
	run rig_acmegate renew-now
	[ "$status" -eq 75 ]
	[[ $output == *'another acmegate is at work'* ]]
	wait "$first"
	grep -q 'an earlier run was killed' "$RIG_DIR/recovery"
	rig_as_before
	run -0 rig_acmegate recover
	[[ $output != *'earlier run'* ]]
}

@test "a kernel without nf_tables is an error that names the remedy, and no renewal begins" {
	rig_seams
	rig_policy_drop | rig_nft -
	rig_pebble
	rig_config one.test
	rig_before
	RIG_ACMEGATE=$RIG_BUILD/seams/acmegate ACMEGATE_SEAMS=no-nftables run rig_acmegate renew-now
	[ "$status" -eq 1 ]
	[[ ${output,,} == *nf_tables* ]]
	rig_after
	rig_never_open
	[ ! -e "$(rig_live one.test)" ]
}
