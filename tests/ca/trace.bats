#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# After a failed validation the next one is traced: which rule drops the CA's packets, the answers to them, or the requests behind.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
	rig_pebble
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

# The surveyor takes it for granted that the CA's packets have a time to live of 32 at least: a rule about others stays ahead of ours.
setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
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
	rig_ca curl -sf --max-time 5 -d '{"host":"one.test."}' http://127.0.0.1:8055/clear-a
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
handle_of() { rig_host nft -a list chain $1 | sed -nE "s/.*$2.*# handle ([0-9]+)/\1/p"; }

@test "a SYN that a rule of nft drops" {
	rig_host nft insert rule inet filter input ip ttl '<' 32 reject with tcp reset comment '"far"'
	fails_once
	traced "SYN from $RIG_CA4 dropped in inet filter input by the rule with handle $(handle_of 'inet filter input' far) (number 1, \"far\")"
}

@test "a SYN that the policy of a chain drops, and a jump before it" {
	rig_host nft -f - <<-'NFT'
		table ip late {
			chain away { ip ttl < 32 goto gone; }
			chain gone { counter drop; }
			chain in { type filter hook input priority 10; tcp dport 80 jump away; }
		}
	NFT
	fails_once
	traced "SYN from $RIG_CA4 dropped in ip late gone by the rule with handle $(handle_of 'ip late gone' counter) (number 1)"
	! rig_host nft list ruleset | grep -q nftrace
}

@test "a request that a rule drops, while the SYN before it passed" {
	rig_host nft 'insert rule inet filter input ip ttl < 32 tcp flags & psh == psh drop'
	fails_once
	traced "SYN from $RIG_CA4 answered, the request behind it dropped in inet filter input by the rule with handle $(handle_of 'inet filter input' psh) (number 1)"
}

@test "a SYN that iptables-nft drops, and one that iptables-legacy does" {
	rig_host iptables-nft -I INPUT -p tcp -m ttl --ttl-lt 32 -j DROP
	fails_once
	traced "SYN from $RIG_CA4 dropped in ip filter INPUT by the rule with handle $(handle_of 'ip filter INPUT' drop) (number 1)"
}

@test "nothing comes" {
	fails_once
	rig_hold
	traced 'no SYN came'
}
