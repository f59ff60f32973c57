#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The configured chain, with a CA that offers three for each certificate.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
	rig_pebble PEBBLE_ALTERNATE_ROOTS=2
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_policy_drop | rig_nft -
	rm -rf "$RIG_STATE"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
}

# The CA's N-th root, which it makes anew with each start; and its common name.
root_pem() { rig_ca curl -s --max-time 30 --cacert "$RIG_DIR/pki/ca.pem" "https://127.0.0.1:15000/roots/$1"; }
root() { root_pem "$1" | openssl x509 -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p'; }

# Of what the test is about; a kernel without Landlock is told of everywhere.
warned() { grep -v 'no Landlock' <<<"$output" | grep -q warning; }

# wants NAME: a certificate with this chain preferred; all of the CA's roots are known
wants() {
	for n in 0 1 2; do root_pem "$n"; done >"$RIG_DIR/etc/roots.pem"
	RIG_ACME="trust_file = $RIG_DIR/etc/roots.pem" rig_config <<-INI
		[certificate one.test]
		names = one.test
		chain = $1
	INI
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
}

# issuer: of the topmost certificate that is stored
issuer() {
	openssl crl2pkcs7 -nocrl -certfile "$(rig_live one.test)/chain.pem" | openssl pkcs7 -print_certs -noout |
		sed -n "s/^issuer=.*CN *= *//p" | tail -n 1
}

@test "each of the chains that the CA offers can be chosen by the name of its root" {
	for i in 0 1 2; do
		name=$(root "$i")
		[ -n "$name" ]
		wants "$name"
		[ "$(issuer)" = "$name" ]
		if warned; then false; fi
	done
	[ "$(root 0)" != "$(root 1)" ] && [ "$(root 1)" != "$(root 2)" ]
}

@test "a chain that the CA does not offer: the default one is stored, and a warning says so" {
	wants 'No Such Root'
	[ "$(issuer)" = "$(root 0)" ]
	[[ $output == *warning*one.test*'"No Such Root"'* ]]
	rig_certificate one.test one.test
}

@test "with another root as trust_file: refused, nothing is stored; without: stored, and the log says what it could not verify" {
	RIG_ACME="trust_file = $RIG_DIR/pki/ca.pem" rig_config one.test
	run rig_acmegate renew-now
	[ "$status" -eq 1 ]
	[[ $output == *'certificate one.test is not installed: no root in '*'pki/ca.pem (trust_file) has signed it'* ]]
	[ ! -e "$(rig_live one.test)" ]
	rig_config one.test
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	[[ $output == *'warning: certificate one.test: whether the CA has issued it cannot be verified'*'trust_file in [acme]'* ]]
	# Roots in ca_file will do; and what they have verified gives way to nothing that cannot be.
	for n in 0 1 2; do root_pem "$n"; done | cat "$RIG_DIR/pki/ca.pem" - >"$RIG_DIR/etc/both.pem"
	sed -i "s,^ca_file = .*,ca_file = $RIG_DIR/etc/both.pem," "$RIG_CONF"
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	if warned; then false; fi
	live=$(readlink "$(rig_live one.test)")
	rig_pebble PEBBLE_ALTERNATE_ROOTS=2 # with roots that nobody knows
	run rig_acmegate renew-now
	[ "$status" -eq 1 ]
	[[ $output == *'as one has signed the certificate in use'* ]]
	[ "$(readlink "$(rig_live one.test)")" = "$live" ]
}
