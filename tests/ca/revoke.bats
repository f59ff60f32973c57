#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A certificate is revoked, and replaced at the next renewal; what is stored of one is removed. Neither opens the port.
bats_require_minimum_version 1.5.0
load ../lib/rude

setup() {
	rig_policy_drop | rig_nft -
	rm -rf "$RIG_STATE"
	rude
	RIG_DIRECTORY=https://$rude/dir rig_config one.test two.test
	rig_acmegate renew >"$RIG_DIR/first" 2>&1 || {
		cat "$RIG_DIR/first"
		return 1
	}
}

# does STATUS ARGUMENTS...: acmegate ends so, and the firewall is not touched
does() {
	rig_ruleset >"$RIG_DIR/before"
	run rig_acmegate "${@:2}"
	[ "$status" -eq "$1" ] && rig_as_before
}
serial() { openssl x509 -noout -serial -in "$(rig_live "${1:-one.test}")/cert.pem" | cut -d = -f 2; }
key() { sha256sum <"$(rig_live one.test)/privkey.pem"; }
# What Pebble says of a certificate: STATUS REASON
ca_says() { rig_ca curl -skf "https://127.0.0.1:15000/cert-status-by-serial/$1" | jq -r '"\(.Status) \(.Reason // 0)"'; }

@test "a certificate is revoked in the name of the account, stays in use, and is replaced by the next renewal" {
	local old
	old=$(serial)
	does 0 revoke one.test --reason Key-Compromise
	[[ $output == *'certificate one.test is revoked (keyCompromise); it stays in use until another one is there'* ]]
	[ "$(ca_says "$old")" = 'Revoked 1' ]
	[ "$(serial)" = "$old" ]
	run rig_acmegate plan
	[[ $output == *'certificate one.test: valid until '*', but it was revoked (keyCompromise)'* ]]
	does 0 revoke one.test # again
	[[ $output == *'certificate one.test was revoked already'* ]]
	run -0 rig_acmegate renew
	[[ $output == *'but it was revoked'*'one.test is stored'* ]]
	[[ $output != *'two.test is stored'* ]]
	[ "$(serial)" != "$old" ]
	run -0 rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
	[ "$(ca_says "$(serial)")" = 'Valid 0' ]
}

@test "without an account the certificate's key revokes" {
	local old
	old=$(serial)
	rm -r "$RIG_STATE/accounts"
	does 0 revoke one.test
	[ "$(ca_says "$old")" = 'Revoked 0' ]
	[ -z "$(find "$RIG_STATE/accounts" -name key.pem)" ]
	old=$(serial two.test)
	run -0 rig_acmegate renew # with another account, which does not own two.test
	rude 'POST|revoke-cert|1|status=403:unauthorized'
	does 0 revoke two.test --reason superseded
	[[ $output == *'trying with the key of the certificate'*'two.test is revoked (superseded)'* ]]
	[ "$(ca_says "$old")" = 'Revoked 4' ]
}

@test "a compromised key is not used again, whatever reuse_key says" {
	sed -i '/^\[certificate one.test/a reuse_key = yes' "$RIG_CONF"
	run -0 rig_acmegate renew-now one.test
	local old
	old=$(key)
	run -0 rig_acmegate renew-now one.test
	[ "$(key)" = "$old" ]
	does 0 revoke one.test --reason superseded
	run -0 rig_acmegate renew
	[ "$(key)" = "$old" ]
	does 0 revoke one.test --reason keycompromise
	run -0 rig_acmegate renew
	[[ $output == *'one.test is stored'* ]]
	[ "$(key)" != "$old" ]
}

@test "what cannot be revoked is said" {
	does 2 revoke one.test --reason compromised
	[[ $output == *'--reason compromised: expected unspecified, keyCompromise, affiliationChanged, superseded or cessationOfOperation'* ]]
	does 2 revoke other.test
	[[ $output == *'there is no [certificate other.test]'* ]]
	does 2 revoke
	does 2 revoke one.test two.test
	rude '*|revoke-cert|all|status=503::3600'
	does 75 revoke one.test
	run rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
	rm -r "$RIG_STATE/certificates/one.test"
	does 1 revoke one.test
	[[ $output == *'there is nothing in '*'/certificates/one.test/live that could be revoked'* ]]
}

@test "a certificate that is no longer configured is removed, and nothing else" {
	does 2 remove one.test
	[[ $output == *'[certificate one.test] is in line '*'or say --force'* ]]
	sed -i 's/^\[certificate one.test\]/[certificate one.tset]\ncolour = blue/' "$RIG_CONF"
	does 2 remove one.test
	[[ $output == *'has mistakes, so that it is not certain'* ]]
	RIG_DIRECTORY=https://$rude/dir rig_config two.test
	mkdir "$RIG_DIR/elsewhere"
	echo precious >"$RIG_DIR/elsewhere/file"
	ln -s "$RIG_DIR/elsewhere" "$RIG_STATE/certificates/one.test/9.broken"
	does 0 remove one.test
	[[ $output == *'certificate one.test: its keys, its certificates and its ledger are removed'*'no longer find it'* ]]
	[ "$(find "$RIG_STATE" -name '*one.test*')" = '' ]
	[ "$(cat "$RIG_DIR/elsewhere/file")" = precious ]
	does 1 remove one.test
	[[ $output == *'nothing is stored as one.test'* ]]
	run -0 rig_acmegate renew
	[[ $output == *'certificate two.test: valid until'*'nothing is due'* ]]
	does 0 remove --force two.test
	run -0 rig_acmegate renew
	[[ $output == *'two.test is stored'* ]]
	rm -r "$RIG_DIR/elsewhere"
}

@test "remove takes no way out of the store" {
	local name
	for name in ../accounts /etc . .. 'a/b' -x '' accounts/x Abc "$(printf 'x%.0s' {1..40})"; do
		does 2 remove --force -- "$name"
	done
	mv "$RIG_STATE/certificates/one.test" "$RIG_DIR/moved"
	ln -s "$RIG_DIR/moved" "$RIG_STATE/certificates/one.test"
	does 1 remove --force one.test
	[[ $output == *'is no directory: nothing was removed'* ]]
	[ -e "$RIG_DIR/moved/live/privkey.pem" ]
	rm -r "$RIG_DIR/moved"
}

@test "a removal that was interrupted is ended by the next" {
	chattr +i "$RIG_STATE/certificates/one.test/1/cert.pem" 2>/dev/null || skip 'the file system has no immutable files'
	does 1 remove --force one.test
	[[ $output == *'of which a part may be left'* ]]
	chattr -i "$RIG_STATE/certificates/one.test/1/cert.pem"
	does 0 remove --force one.test
	[ ! -e "$RIG_STATE/certificates/one.test" ]
}
