#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# After a failed validation the next one is traced: which rule drops the CA's packets, the answers to them, or the requests behind.
bats_require_minimum_version 1.5.0

load ../lib/suite

setup_file() {
	rig_up
	rig_pebble
}

# The surveyor takes it for granted that the CA's packets have a time to live of 32 at least: a rule about others stays ahead of ours.
setup() {
	RIG_GATE='max_open = 5'
	pid=
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	rig_ca nft 'add table inet far; add chain inet far out { type filter hook output priority 0; }
		add rule inet far out tcp dport 80 ip ttl set 20; add rule inet far out tcp dport 80 ip6 hoplimit set 20'
	rig_config one.test
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	[ -z "$pid" ] || rig_end "$pid" KILL
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_until 30 rig_idle
}

# The name leads elsewhere: the CA is refused there, at once.
fails_once() {
	rig_dns one.test 127.0.0.1
	run rig_acmegate renew-now
	rig_ca curl -sf --max-time 30 -d '{"host":"one.test."}' http://127.0.0.1:8055/clear-a
	[ "$status" -ne 0 ]
	[[ $output != *traced* ]]
	rig_ruleset >"$RIG_DIR/before"
}

# traced TEXT: the next run fails, and says so of its packets: in the log, in both ledgers, in status. Nothing of ours is left.
traced() {
	run rig_acmegate renew-now
	[ "$status" -ne 0 ]
	[[ $output == *"packets for port 80 were traced: $1"* && $output == *"error: certificate one.test: one.test: "*"$1"* ]]
	rig_as_before
	run rig_acmegate history
	[[ ${lines[0]} == *", closed by the gate, "*": $1"* ]]
	run rig_acmegate status
	[[ $output == *"$1"* ]]
	run rig_acmegate status --json
	[[ $(jq -r '.certificates[0].last.problem.detail' <<<"$output") == "$1"* ]]
	[[ $(jq -r '.windows[0].detail' <<<"$output") == "$1"* ]]
}

# handle_of CHAIN TEXT: of the rule with this in it
# shellcheck disable=SC2086 # more words than one
handle_of() { rig_host nft -a list chain $1 | sed -nE "s/.*$2.*# handle ([0-9]+)/\1/p"; }

@test "a SYN that a rule of nft drops" {
	rig_host nft insert rule inet filter input ip ttl '<' 32 reject with tcp reset comment '"far"'
	fails_once
	traced "SYN from $RIG_CA4 dropped in inet filter input by the rule with handle $(handle_of 'inet filter input' far) (number 1, \"far\")"
}

@test "a SYN that a chain behind two jumps drops" {
	rig_host nft -f - <<-'NFT'
		table ip late {
			chain away { ip ttl < 32 goto gone; }
			chain gone { counter reject with tcp reset; }
			chain in { type filter hook input priority 10; tcp dport 80 jump away; }
		}
	NFT
	fails_once
	traced "SYN from $RIG_CA4 dropped in ip late gone by the rule with handle $(handle_of 'ip late gone' counter) (number 1)"
	! rig_host nft list ruleset | grep -q nftrace || false
}

@test "a request that a rule drops, while the SYN before it passed" {
	rig_host nft 'insert rule inet filter input ip ttl < 32 tcp flags & psh == psh reject with tcp reset'
	fails_once
	traced "SYN from $RIG_CA4 answered, the request behind it dropped in inet filter input by the rule with handle $(handle_of 'inet filter input' psh) (number 1)"
}

@test "a SYN that iptables-nft drops" {
	rig_host iptables-nft -w 5 -I INPUT -p tcp -m ttl --ttl-lt 32 -j REJECT --reject-with tcp-reset
	fails_once
	traced "SYN from $RIG_CA4 dropped in ip filter INPUT by the rule with handle $(handle_of 'ip filter INPUT' ttl) (number 1)"
}

@test "nothing comes" {
	fails_once
	rig_hold
	traced 'no SYN came'
}

@test "a request that succeeds is not worth a word" {
	fails_once
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	[[ $output != *traced* ]]
	rig_as_before
}

@test "over IPv6" {
	rig_host nft insert rule inet filter input ip6 hoplimit '<' 32 reject with tcp reset
	rig_ca curl -sf --max-time 30 -d "{\"host\":\"one.test.\",\"addresses\":[\"$RIG_HOST6\"]}" http://127.0.0.1:8055/add-aaaa
	run rig_acmegate renew-now
	[ "$status" -ne 0 ]
	rig_ruleset >"$RIG_DIR/before"
	traced "SYN from $RIG_CA6 dropped in inet filter input by the rule with handle $(handle_of 'inet filter input' hoplimit) (number 1)"
	rig_ca curl -sf --max-time 30 -d '{"host":"one.test."}' http://127.0.0.1:8055/clear-aaaa
}

@test "fetched by two of the CA's addresses, and not by the third" {
	local i
	for i in 11 12; do ip -n "$RIG_CA" addr replace "10.98.0.$i/24" dev cable0; done
	rig_ca nft 'add table ip perspectives; add chain ip perspectives post { type nat hook postrouting priority 100; }
		add rule ip perspectives post tcp dport 80 snat to numgen inc mod 3 map { 0 : 10.98.0.1, 1 : 10.98.0.11, 2 : 10.98.0.12 }'
	rig_host nft insert rule inet filter input ip saddr 10.98.0.12 ip ttl '<' 32 reject with tcp reset
	fails_once
	traced "SYN from 10.98.0.12 dropped in inet filter input by the rule with handle $(handle_of 'inet filter input' 10.98.0.12) (number 1); SYN from 10.98.0.1"
	run rig_acmegate renew-now
	# shellcheck disable=SC2026 # the numbers in it are patterns
	[[ $output =~ 'requests from 10.98.0.1'1?', 10.98.0.1'1?' were answered, and the CA says otherwise' ]]
}

@test "another host gives the CA a wrong answer" {
	ip netns exec "$RIG_CA" python3 -m http.server 80 --bind 127.0.0.1 --directory "$RIG_DIR/pki" >/dev/null 2>&1 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 rig_ca curl -s -o "$RIG_DIR/page" --max-time 2 http://127.0.0.1/
	rig_dns one.test 127.0.0.1
	run rig_acmegate renew-now
	rig_end_of server
	rig_ca curl -sf --max-time 30 -d '{"host":"one.test."}' http://127.0.0.1:8055/clear-a
	[ "$status" -ne 0 ]
	[[ $output == *'another host gave the CA that answer, since no packet for the port came to this one'* ]]
}

# The probe's packets that were let in and answered, a line each.
knocked_often() { [ "$(grep -c '^answer' "$RIG_DIR/probe")" -ge 1 ] && [ "$(rig_host nft list ruleset | sed -nE 's/.*counter packets ([0-9]+) .*acmegate:.*/\1/p' | head -n 1)" -ge 50 ]; }
tables_of_ours() { rig_host nft list tables | grep -c acmegate_; }
no_table_is_left() { [ "$(tables_of_ours)" = 0 ]; }

@test "ten packets are traced and no more, whoever knocks" {
	fails_once
	rm -f "$RIG_DIR/monitor"
	ip netns exec "$RIG_HOST" stdbuf -oL nft monitor trace >"$RIG_DIR/monitor" 2>&1 3>&- &
	echo $! >"$RIG_DIR/monitor.pid"
	rig_window renew-now
	rig_until 30 knocked_often
	[ "$(tables_of_ours)" = 1 ]
	kill -s TERM "$pid"
	rig_ends '1|75'
	rig_end_of monitor
	rig_probe_stop
	[[ $output == *'packets for port 80 were traced: SYN from '* ]]
	local ids
	ids=$(awk '$1 == "trace" { print $3 }' "$RIG_DIR/monitor" | sort -u | wc -l)
	echo "# packets that were traced: $ids" >&3
	[ "$ids" -ge 2 ] && [ "$ids" -le 10 ]
}

@test "whatever dies, the table goes" {
	fails_once
	rig_window renew-now
	kill -s KILL "$(rig_gate)"
	rig_ends 1
	rig_until 30 rig_idle
	rig_as_before
	rig_probe_stop
	rig_window renew-now
	# shellcheck disable=SC2046
	rig_kill_at_once $(ip netns pids "$RIG_HOST")
	rig_until 30 rig_gone "$pid"
	rig_until 30 no_table_is_left
	run rig_acmegate recover
	rig_as_before
	rig_probe_stop
}

@test "a SYN that iptables-legacy drops is not told by the kernel, and that is said" {
	rig_host iptables-legacy -w 5 -I INPUT -p tcp -m ttl --ttl-lt 32 -j REJECT --reject-with tcp-reset
	fails_once
	traced "SYN from $RIG_CA4 passed all chains of nftables and was not answered: iptables-legacy, which cannot be traced, may drop it"
	rig_host iptables-legacy -w 5 -F INPUT
}

@test "a SYN that a chain at ingress drops" {
	rig_host nft -f - <<-'NFT'
		table netdev outer { chain in { type filter hook ingress device cable0 priority 0; ip ttl < 32 tcp dport 80 drop comment "no entry"; }; }
	NFT
	fails_once
	traced "SYN from $RIG_CA4 dropped in netdev outer in by the rule with handle $(handle_of 'netdev outer in' 'no entry') (number 1, \"no entry\")"
	! rig_host nft list ruleset | grep -q nftrace || false
}
