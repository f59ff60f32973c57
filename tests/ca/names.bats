#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Names that are not written in ASCII: what the configuration may say, and what the CA and people get to see.
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

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
}

@test "an international name is translated, and shown both ways" {
	printf '[certificate books]\nnames = Bücher.test straße.test\n' | rig_config
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	rig_certificate books xn--bcher-kva.test xn--strae-oqa.test
	[[ $output == *'xn--bcher-kva.test (bücher.test) is valid'* ]]
	[[ $output == *'xn--strae-oqa.test (straße.test) is valid'* ]]
	# The second run is quick, and finds that nothing is due.
	run -0 rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
	# A failure names it both ways, too.
	rm -rf "$RIG_STATE"
	rig_dns xn--bcher-kva.test "$RIG_CA4"
	run rig_acmegate renew-now
	rig_dns xn--bcher-kva.test "$RIG_HOST4"
	[ "$status" -eq 1 ]
	[[ $output == *'certificate books: xn--bcher-kva.test: '* ]]
	[[ $output == *'xn--bcher-kva.test is bücher.test'* ]]
}

@test "what is no name: the file, the line, why; the other certificates are served" {
	printf '[certificate bad]\nnames = b\xff.test\n[certificate one.test]\nnames = one.test\n' | rig_config
	run rig_acmegate renew-now
	[ "$status" -eq 2 ]
	[[ $output == *"acmegate.conf:"*"names: "* ]]
	rig_certificate one.test one.test
	printf '[certificate bad]\nnames = bücher.test xn--bcher-kva.test\n' | rig_config
	run rig_acmegate renew-now
	[ "$status" -eq 2 ]
	[[ $output == *twice* ]]
}

@test "libidn2 has no rights, and runs for no other name and for nothing that closes" {
	run -0 ldd "$RIG_ACMEGATE"
	[[ $output != *idn* && $output != *unistring* ]]
	started() {
		rig_host strace -f -qq -o "$RIG_DIR/trace" -e trace=execveat "$RIG_ACMEGATE" -c "$RIG_CONF" "$@" >/dev/null || true
		grep -c '"translator"' "$RIG_DIR/trace" || true
	}
	rig_config one.test
	[ "$(started renew-now)" = 0 ]
	printf '[certificate books]\nnames = bücher.test größe.test\n' | rig_config
	[ "$(started renew-now)" = 1 ]
	for command in recover plan 'hook --client 1 post'; do
		# shellcheck disable=SC2086 # words
		[ "$(started $command)" = 0 ]
	done
	# Without it everything closes all the same, and the name is told.
	mkdir -p "$RIG_DIR/alone"
	cp "$RIG_BUILD/acmegate" "$RIG_BUILD"/acmegate-{gate,surveyor} "$RIG_DIR/alone"
	printf '#!/bin/sh\nexit 0\n' >"$RIG_DIR/alone/acmegate-agent"
	chmod 0755 "$RIG_DIR/alone/acmegate-agent"
	RIG_ACMEGATE=$RIG_DIR/alone/acmegate
	run -0 rig_acmegate recover
	run rig_acmegate renew-now
	[ "$status" -eq 2 ]
	[[ $output == *"'bücher.test': acmegate-agent does not translate it"* ]]
}
