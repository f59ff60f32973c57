#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Mixtures of layers that the default suite has no time for; see tests/netns/conformance.bats.
bats_require_minimum_version 1.5.0
load ../lib/suite

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/layers.sh"
	fresh
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/layers.sh"
	source "$BATS_TEST_DIRNAME/../lib/conformance.sh"
	fresh
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "in: ${step:-}" "${output:-}" "$(cat "$RIG_DIR/out")"
}

@test "nft and iptables-nft" { conforms 3 nft iptables-nft; }
@test "nft and iptables-legacy" { conforms 3 nft iptables-legacy; }
@test "iptables-nft and iptables-legacy" { conforms 4 iptables-nft iptables-legacy; }
@test "nft and ufw" {
	conforms 3 nft ufw-nft
	ufw_files_as_before
}
@test "nft and ufw on iptables-legacy" {
	conforms 3 nft ufw-legacy
	ufw_files_as_before
}
@test "nft and Docker" { conforms 3 nft iptables-nft docker; }
@test "firewalld and iptables-nft" {
	[[ $(firewall-offline-cmd --version 2>/dev/null) == 1.* ]] || skip "firewalld 1 is not installed"
	conforms '[1-4]' firewalld iptables-nft
}
@test "iptables-nft and a command" { conforms 3 iptables-nft command; }
@test "everything" {
	conforms '[0-9]' nft iptables-nft iptables-legacy docker command
}
