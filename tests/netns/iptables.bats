#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Tables of iptables-nft and of iptables-legacy, and ufw on top of them: opened with the host's own tools, left as they were.
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
	rig_nft - </dev/null
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out")"
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_end_of server
	rig_pebble_stop
	legacy_clear
}

# Both tools of one variant, which must print nothing.
both() {
	local variant=$1
	shift
	rig_host "iptables-$variant" -w 5 "$@" && rig_host "ip6tables-$variant" -w 5 "$@"
}

# A table of iptables-legacy that was loaded stays loaded; an empty one is as good as none.
legacy_clear() {
	local tool family table
	for family in ip ip6; do
		tool=${family}tables-legacy
		while read -r table; do
			rig_host "$tool" -w 5 -t "$table" -F
			rig_host "$tool" -w 5 -t "$table" -X
			rig_host "$tool" -w 5 -t "$table" -S | sed -n 's/^-P \([A-Z]*\) DROP/\1/p' |
				while read -r chain; do rig_host "$tool" -w 5 -t "$table" -P "$chain" ACCEPT; done
		done < <(rig_host cat "/proc/net/${family}_tables_names" 2>/dev/null)
	done
}

# What all tools save, without counters and dates. Only tables that are there: to look would make them.
saved() {
	local family
	for family in ip ip6; do
		rig_host "${family}tables-nft-save" 2>&1
		[ -z "$(rig_host cat "/proc/net/${family}_tables_names" 2>/dev/null)" ] || rig_host "${family}tables-legacy-save"
	done | sed -E 's/\[[0-9]+:[0-9]+\]//; s/ on [A-Z].*//; s/packets [0-9]+ bytes [0-9]+/packets N bytes N/'
}

# The plainest firewall of a host with iptables.
policy_drop() {
	both "$1" -P INPUT DROP
	both "$1" -A INPUT -i lo -j ACCEPT
	both "$1" -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
	both "$1" -A INPUT -p tcp --dport 22 -m comment --comment "it's \"ssh\"" -j ACCEPT
	rig_host "ip6tables-$1" -w 5 -A INPUT -p ipv6-icmp -j ACCEPT
}

# passes [listening]: a certificate through one window, and all is as before
passes() {
	rig_pebble
	rig_config one.test
	saved >"$RIG_DIR/saved-before"
	rig_before
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	[[ $output == *'ruleset unchanged'* ]]
	rig_after "$@"
	saved | diff "$RIG_DIR/saved-before" -
	rig_certificate one.test one.test
}

opens_once() {
	rig_was_open 4 1
	rig_was_open 6 1
}

# ours_saved: how many rules of ours stand, whatever the variant
ours_saved() { saved | grep -c 'acmegate:' || true; }

@test "iptables-nft, policy drop" {
	policy_drop nft
	passes
	opens_once
}

@test "iptables-legacy, policy drop" {
	policy_drop legacy
	passes
	opens_once
}
