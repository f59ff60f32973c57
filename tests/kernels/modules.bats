#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A kernel without xt_time and xt_socket, below tools that know both. Only for a virtual machine of tests/kernels/run: until its end
# it takes no module any more.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	local module
	[ -e /job/start ] || skip 'not in a virtual machine of tests/kernels/run'
	# Another job may have loaded them.
	modprobe -r xt_time xt_socket 2>/dev/null || true
	for module in nf_tables nft_compat nft_socket nft_counter nft_ct nft_reject_inet nft_fib_inet x_tables xt_tcpudp xt_comment xt_addrtype \
		xt_conntrack ip_tables iptable_filter iptable_mangle iptable_raw iptable_nat ip6_tables ip6table_filter ip6table_mangle \
		ip6table_raw ip6table_nat veth nfnetlink inet_diag tcp_diag; do
		modprobe -q "$module" || true
	done
	! grep -qE '^xt_(time|socket) ' /proc/modules || false
	echo 1 >/proc/sys/kernel/modules_disabled
	rig_up
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() { source "$BATS_TEST_DIRNAME/../lib/rig.sh"; }

# tables VARIANT: policy drop, in that variant alone
tables() {
	rig_host nft flush ruleset
	rig_host iptables-legacy -P INPUT ACCEPT
	rig_host ip6tables-legacy -P INPUT ACCEPT
	rig_host "iptables-$1" -P INPUT DROP
	rig_host "ip6tables-$1" -P INPUT DROP
	rig_config </dev/null
}

# opens VARIANT: without the two matches, and closes
opens() {
	tables "$1"
	run rig_acmegate plan
	printf '%s\n' "$output"
	[ "$status" = 0 ]
	[[ $output != *'-m time'* && $output != *'-m socket'* ]]
	run rig_acmegate guard -- "iptables-$1" -S INPUT
	printf '%s\n' "$output"
	[ "$status" = 0 ]
	[[ $output == *'-A INPUT -p tcp'*'--dport 80'*'-j ACCEPT'* && $output != *'-m time'* ]]
	[[ $output == *'ruleset unchanged'* ]]
	! rig_host "iptables-$1" -S | grep acmegate || false
}

@test "iptables-nft: the rule does without -m time and -m socket" { opens nft; }
@test "iptables-legacy: the rule does without -m time and -m socket" { opens legacy; }
