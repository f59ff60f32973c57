#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Each backend, and a mixture of all, through everything that conformance.sh asks. tests/conformance has the other mixtures:
# "make check-conformance" runs both.
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

@test "nft" { conforms 1 nft; }
@test "iptables-nft" { conforms 2 iptables-nft; }
@test "iptables-legacy" { conforms 2 iptables-legacy; }
@test "ufw on iptables-nft" {
	conforms 2 ufw-nft
	ufw_files_as_before
}
@test "ufw on iptables-legacy" {
	conforms 2 ufw-legacy
	ufw_files_as_before
}
@test "firewalld" {
	[[ $(firewall-offline-cmd --version 2>/dev/null) == 1.* ]] || skip "firewalld 1 is not installed"
	conforms '[12]' firewalld
}
@test "Docker on iptables-nft" { conforms 2 iptables-nft docker; }
@test "nft, iptables-nft and iptables-legacy" { CONFORMANCE=all conforms 5 nft iptables-nft iptables-legacy; }
@test "nft and a command" { conforms 2 nft command; }
