#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Other hands on the ruleset while the port is open: the opening comes back, what they did stays.
bats_require_minimum_version 1.5.0
load ../lib/suite
rig_probe_options=(-b)

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	{
		echo 'flush ruleset'
		rig_policy_drop
		printf 'table inet bans {\n\tset banned { type ipv4_addr; elements = { 203.0.113.7 }; }\n'
		printf '\tchain input { type filter hook input priority -10; ip saddr @banned drop; }\n}\n'
	} >"$RIG_DIR/new.nft"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_end_of storm
	rig_pebble_stop
}

# Prints the ruleset after a fresh load of this file, without counters.
loaded() {
	local namespace=agf$$
	ip netns add "$namespace" && ip netns exec "$namespace" nft -f "$1" &&
		ip netns exec "$namespace" nft list ruleset | plain
	ip netns del "$namespace"
}
plain() { sed -E 's/packets [0-9]+ bytes [0-9]+/packets N bytes N/'; }

# succeeds_with FILE: the run gets its certificate, and what stands afterwards is that file and nothing else
succeeds_with() {
	rig_release
	rig_ends '0|1'
	rig_probe_stop
	# If a busy machine took more than the 15 s after which the CA gives up, the next run gets the certificate.
	if [[ $output == *'Client.Timeout exceeded'* ]]; then rig_acmegate renew-now; fi
	rig_certificate one.test one.test
	[ "$(rig_probe_total 4 last)" = silent ]
	[ "$(rig_probe_total 6 last)" = silent ]
	diff <(loaded "$1") <(rig_host nft list ruleset | plain)
}

mended() { grep -q 'the opening was put back' "$RIG_DIR/out"; }

# longest_gap: seconds for which the port was silent between two times that it was open, IPv4
longest_gap() {
	awk '$1 == "interval" && $2 == 4 {
		if ($3 == "silent" && open) gap = $6
		if ($3 == "listening") { if (gap > most) most = gap; open = 1; gap = 0 }
	} END { printf "%.6f\n", most }' "$RIG_DIR/probe"
}

# within SECONDS: so long at most until the opening was back, as seen from outside
within() { rig_at_most "$(longest_gap)" "$1"; }

# A commit of eight new rules for each line, for as long as nft reads them.
storm_start() {
	rig_host nft 'add table ip storm; add chain ip storm c'
	cat >"$RIG_DIR/storm" <<-'SH'
		while :; do
			echo "flush chain ip storm c$(printf '; add rule ip storm c counter %s' accept drop accept drop accept drop accept drop)"
		done | nft -i >/dev/null
	SH
	ip netns exec "$RIG_HOST" bash "$RIG_DIR/storm" 2>/dev/null 3>&- &
	echo $! >"$RIG_DIR/storm.pid"
	sleep 0.2
}
# The number of commits so far: the kernel's generation of the ruleset (NFT_MSG_GETGEN, NFTA_GEN_ID).
commits() {
	rig_host python3 -c 'import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
s.send(struct.pack("=IHHIIBBH", 20, 10 << 8 | 16, 1, 1, 0, 0, 0, 0))
print(struct.unpack_from(">I", s.recv(4096), 24)[0])'
}

@test "a new file is loaded whole: the opening is back within 50 ms" {
	rig_window
	rig_host nft -f "$RIG_DIR/new.nft"
	rig_until 30 mended
	succeeds_with "$RIG_DIR/new.nft"
	within 0.050
}

@test "a file is flushed first and loaded a moment later: the opening is back within 50 ms" {
	rig_window
	rig_host nft flush ruleset
	sleep 0.3
	[ "$(rig_ours)" = 0 ]
	rig_host nft -f "$RIG_DIR/new.nft"
	rig_until 30 mended
	succeeds_with "$RIG_DIR/new.nft"
	within 0.050
}

@test "the surveyor is killed, and then a new file is loaded: another surveyor reads it" {
	rig_window
	for process in $(ip netns pids "$RIG_HOST"); do
		! tr '\0' ' ' <"/proc/$process/cmdline" | grep -q '^acmegate-surveyor ' || surveyor=$process
	done
	kill -s KILL "$surveyor"
	rig_host nft -f "$RIG_DIR/new.nft"
	rig_until 30 mended
	succeeds_with "$RIG_DIR/new.nft"
	within 0.050
}

@test "a file with 10,000 rules is loaded: the opening is back" {
	{
		cat "$RIG_DIR/new.nft"
		printf 'table inet many {\n\tchain input {\n\t\ttype filter hook input priority 10;\n'
		printf '\t\tip saddr 198.18.%s tcp dport 25 drop\n' {0..39}.{0..249}
		printf '\t}\n}\n'
	} >"$RIG_DIR/many.nft"
	rig_window
	rig_host nft -f "$RIG_DIR/many.nft"
	rig_until 30 mended
	succeeds_with "$RIG_DIR/many.nft"
	within 0.500
}

@test "a table is deleted and made anew: handles that mean other rules now are left alone" {
	rig_window
	handle=$(rig_host nft -a list chain inet filter input | sed -nE 's/.*acmegate:.*# handle ([0-9]+)/\1/p')
	[ -n "$handle" ]
	kill -s STOP "$pid"
	{
		echo 'delete table inet filter'
		rig_policy_drop
		for i in {1..20}; do echo "add rule inet filter input tcp dport $((1000 + i)) accept"; done
	} >"$RIG_DIR/anew.nft"
	rig_host nft -f "$RIG_DIR/anew.nft"
	rig_host nft -a list chain inet filter input | grep -q "# handle $handle\$"
	kill -s CONT "$pid"
	rig_until 30 mended
	sed -i 's/^delete table.*/flush ruleset/' "$RIG_DIR/anew.nft"
	succeeds_with "$RIG_DIR/anew.nft"
}

@test "only the chain is flushed: the rule comes back, the set and its time stay" {
	rig_window
	rig_host nft flush chain inet filter input
	rig_until 30 mended
	[ "$(rig_ours)" = 2 ]
	rig_policy_drop >"$RIG_DIR/plain.nft"
	rig_host nft -f "$RIG_DIR/plain.nft"
	succeeds_with "$RIG_DIR/plain.nft"
	within 0.050
}

@test "1,000 rule changes a second: the port opens and closes, and no change is lost or delayed" {
	storm_start
	before=$(rig_host nft list ruleset | grep -vE 'counter')
	rig_pebble
	rig_config one.test
	rig_probe_start
	start=${EPOCHREALTIME/./}
	first=$(commits)
	run rig_acmegate renew-now
	rate=$(((8 * ($(commits) - first)) * 1000000 / (${EPOCHREALTIME/./} - start)))
	printf '# %s rule changes a second\n' "$rate" >&3
	[ "$status" -eq 0 ]
	rig_probe_stop
	rig_was_open 4 1
	[ "$(rig_probe_total 4 last)" = silent ]
	rig_end_of storm
	[ "$(rig_ours)" = 0 ]
	[ "$(rig_host nft list ruleset | grep -vE 'counter')" = "$before" ]
	[ "$rate" -ge 1000 ] || skip "this machine was too busy: nft made $rate rule changes a second, not 1,000"
}

@test "a table of an earlier priority that blocks is opened, too" {
	rig_window
	printf 'table ip early {\n\tchain input { type filter hook input priority -200; policy drop; ct state established accept; tcp dport 22 accept; }\n}\n' \
		>"$RIG_DIR/early.nft"
	rig_host nft -f "$RIG_DIR/early.nft"
	rig_until 30 mended
	[ "$(rig_ours table ip early)" = 2 ]
	{
		echo 'flush ruleset'
		rig_policy_drop
		cat "$RIG_DIR/early.nft"
	} >"$RIG_DIR/both.nft"
	succeeds_with "$RIG_DIR/both.nft"
	within 0.050
}

@test "a ruleset that is saved in the window and loaded in it: no rule of ours is left" {
	rig_window
	{
		echo 'flush ruleset'
		rig_host nft list ruleset
	} >"$RIG_DIR/saved.nft"
	rig_host nft -f "$RIG_DIR/saved.nft"
	rig_policy_drop >"$RIG_DIR/plain.nft"
	succeeds_with "$RIG_DIR/plain.nft"
}

@test "a ruleset that is saved in the window and loaded later opens nothing, and every later command removes it" {
	rig_window
	{
		echo 'flush ruleset'
		rig_host nft list ruleset
	} >"$RIG_DIR/saved.nft"
	rig_policy_drop >"$RIG_DIR/plain.nft"
	succeeds_with "$RIG_DIR/plain.nft"
	for command in recover plan renew renew-now; do
		rig_host nft -f "$RIG_DIR/saved.nft"
		[ "$(rig_ours)" = 2 ]
		rig_silent
		run -0 rig_acmegate "$command"
		[[ $output == *'no run had left'* ]]
		[ "$(rig_ours)" = 0 ]
	done
	diff <(loaded "$RIG_DIR/plain.nft") <(rig_host nft list ruleset | plain)
}

@test "a block that somebody inserts ahead of our rule is newer, and stays ahead" {
	rig_window
	rig_host nft 'insert rule inet filter input tcp dport 80 drop comment "attack"'
	sleep 0.2
	rig_host nft list chain inet filter input | sed -n '/policy drop/{n;p}' | grep -q attack
	[ "$(rig_ours)" = 2 ]
	rig_host nft delete rule inet filter input handle \
		"$(rig_host nft -a list chain inet filter input | sed -nE 's/.*attack.*# handle ([0-9]+)/\1/p')"
	rig_release
	rig_ends 0
	rig_after
}

# The comment may be an administrator's own, or a copy of ours with something else behind it.
@test "a rule of somebody else's with a comment like ours stays, in nftables and in both kinds of iptables" {
	local comment=acmegate:0123456789abcdef tool
	{
		rig_policy_drop
		printf 'table inet theirs { chain c { tcp dport 8080 accept comment "%s"; }; }\n' "$comment"
	} | rig_nft -
	for tool in iptables-nft iptables-legacy; do
		rig_host "$tool" -A INPUT -p tcp --dport 8080 -m comment --comment "$comment" -j ACCEPT
		rig_host "$tool" -A INPUT -p tcp -m limit --limit 1/s -m comment --comment "$comment" -j ACCEPT
	done
	rig_config one.test
	run -0 rig_acmegate recover
	rig_pebble
	run -0 rig_acmegate renew-now
	run -0 rig_host nft list table inet theirs
	[[ $output == *"$comment"* ]]
	for tool in iptables-nft iptables-legacy; do
		run -0 rig_host "$tool" -S INPUT
		[ "$(grep -c "$comment" <<<"$output")" = 2 ]
		rig_host "$tool" -F INPUT
	done
}
