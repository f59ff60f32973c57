#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Two CAs: a rude one before a Pebble, which is that of [acme], and a Pebble of its own, [ca second]. Time passes in the ledger.
bats_require_minimum_version 1.5.0
load ../lib/rude

second=https://$RIG_CA4:14100/dir

answers() { rig_host curl -s -o /dev/null --max-time $((2 * ${RIG_SLOWER:-1})) --cacert "$RIG_DIR/pki/ca.pem" "$second"; }

setup_file() {
	make -s -C "$RIG_BUILD" tests/lib/ledger
	rig_up
	rig_policy_drop | rig_nft -
	rig_pebble
	# Somebody else's file: the second part of a run can read it too.
	install -m 0600 -o nobody "$RIG_DIR/pki/ca.pem" "$RIG_DIR/etc/second.pem"
	sed 's/:14000"/:14100"/; s/:15000"/:15100"/' "$RIG_DIR/pebble.json" >"$RIG_DIR/second.json"
	ip netns exec "$RIG_CA" env PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 \
		pebble -config "$RIG_DIR/second.json" -dnsserver 127.0.0.1:8053 >"$RIG_DIR/second.log" 2>&1 3>&- &
	rig_until 60 answers
}

setup() {
	rm -rf "$RIG_STATE"
	rude
}

ledger() { "$RIG_BUILD/tests/lib/ledger" "$RIG_STATE/ledger" "$@"; }
days_pass() { ledger "$1" age $(($2 * 86400)); }
# from NAME URL: the certificate in use is of this CA
from() { [ "$(cat "$(rig_live "$1")/directory")" = "$2" ]; }

# windows NUMBER: as the log has them; the probe may miss one on a busy machine
windows() { [ "$(grep -c 'port 80 open for' <<<"$output")" = "$1" ]; }

# cas: standard input, behind the section of the second CA
cas() {
	{
		printf '[ca second]\ndirectory = %s\naccept_terms = yes\nca_file = %s\n' "$second" "$RIG_DIR/etc/second.pem"
		cat
	} | RIG_DIRECTORY=https://$rude/dir rig_config
}

refuses='POST|order-plz|all|status=403:rejectedIdentifier'

@test "after three days of failures the next CA is asked, and the first one again at the next renewal" {
	printf '[certificate one.test]\nnames = one.test\nca = acme, second\n' | cas
	rude "$refuses"
	for day in 0 1 2; do
		run -1 rig_acmegate renew
		[[ $output == *rejectedIdentifier* && $output != *'port 80'* ]]
		run -75 rig_acmegate renew
		[[ $output == *'one.test: not tried again before '* ]]
		days_pass one.test 1
		# A day's wait is up to a quarter longer.
		[ "$day" = 2 ] || ledger one.test age 22000
	done
	run rig_acmegate plan
	[[ $output == *'there is no certificate yet; from second, as acme has failed; it would be ordered now'* ]]
	rig_before
	run -0 rig_acmegate renew
	[[ $output == *'from second, as acme has failed'*'port 80 open'*'one.test is stored'* ]]
	rig_after
	windows 1
	from one.test "$second"
	[ "$(find "$RIG_STATE/accounts" -name key.pem | wc -l)" = 2 ]

	# Only the CA that it came from is asked when to renew.
	rude "$refuses"
	run -0 rig_acmegate -v renew
	[[ $output == *'one.test: valid until'*'nothing is due'* ]]
	run ! grep -E "^(GET|HEAD|POST) " "$RIG_DIR/rude.log"
	# Another form of the same certificate is still the second CA's.
	(umask 077 && echo secret >"$RIG_DIR/etc/password")
	printf 'forms = pem, pkcs12\npkcs12_password_file = %s\n' "$RIG_DIR/etc/password" >>"$RIG_CONF"
	run -0 rig_acmegate renew
	[[ $output == *'are PKCS#12 now too'* ]]
	from one.test "$second"

	rude
	run -0 rig_acmegate renew-now
	[[ $output == *'one.test is stored'* ]]
	from one.test "https://$rude/dir"
	run -0 rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
}

@test "the CA that a certificate came from says when to renew it, and the renewal begins with the first one" {
	local ari=('GET|^/dir|all|set=renewalInfo="https://'"$rude"'/ari"')
	rude "${ari[@]}"
	printf '[certificate one.test]\nnames = one.test\nca = acme\n' | cas
	run -0 rig_acmegate renew
	printf '[certificate one.test]\nnames = one.test\nca = second, acme\n' | cas
	# A window that begins after the certificate was stored, and has passed.
	from=$(($(date +%s) + 1))
	ari+=("GET|^/ari/|all|document={\"suggestedWindow\":{\"start\":\"$(date -u -d "@$from" +%FT%TZ)\",\"end\":\"$(date -u -d "@$((from + 1))" +%FT%TZ)\"}}")
	rude "${ari[@]}"
	rig_until 30 eval '[ "$(date +%s)" -gt $((from + 1)) ]'
	run -0 rig_acmegate renew
	[ "$(grep -c '^GET /ari/' "$RIG_DIR/rude.log")" = 1 ]
	from one.test "https://$rude/dir"
	run -0 rig_acmegate renew
	[[ $output == *'in the time that the CA suggests'*'one.test is stored'* ]]
	from one.test "$second"
	run ! grep order-plz "$RIG_DIR/rude.log"
}

@test "certificates of two CAs in one run have a window for each CA, and a CA that refuses stops only its own" {
	printf '[certificate one.test]\nnames = one.test\n[certificate two.test]\nnames = two.test\nca = second\n' | cas
	rig_before
	run -0 rig_acmegate renew
	[[ $output == *'one.test is stored'*'two.test is stored'* ]]
	rig_after
	windows 2
	from one.test "https://$rude/dir"
	from two.test "$second"
	run -0 rig_acmegate -v renew
	[[ $output == *'nothing is due'* ]]
	# Each in the part of its own CA: before that is asked, and after it.
	[ "$(grep -c 'one.test: valid until' <<<"$output")" = 2 ]
	[ "$(grep -c 'two.test: valid until' <<<"$output")" = 2 ]

	rude "$refuses"
	rig_before
	run -1 rig_acmegate renew-now
	[[ $output == *'certificate one.test: '*rejectedIdentifier*'two.test is stored'* ]]
	rig_after
	windows 1
	from one.test "https://$rude/dir"

	# One that is named is the only one, whatever the CA.
	rude
	run -0 rig_acmegate renew-now two.test
	[[ $output == *'two.test is stored'* && $output != *one.test* ]]
	run ! grep -E "^(GET|HEAD|POST) " "$RIG_DIR/rude.log"
}

@test "each certificate is rehearsed at the staging of the CA that it prefers" {
	rude "$refuses"
	printf '[certificate one.test]\nnames = one.test\n[certificate two.test]\nnames = two.test\nca = second, acme\n' |
		RIG_ACME="staging = https://$RIG_CA4:14000/dir?staging" cas
	run -2 rig_acmegate rehearse
	[[ $output == *'a rehearsal needs staging = URL in [ca second]'* ]]
	run -0 rig_acmegate rehearse one.test
	[[ $output == *'certificate one.test would be stored'* && $output != *two.test* ]]
	sed -i "s,^directory = $second,&\nstaging = $second?staging," "$RIG_CONF"
	rig_before
	run -0 rig_acmegate -v rehearse
	[[ $output == *"client: GET https://$RIG_CA4:14000/dir?staging: "*"client: GET $second?staging: "* ]]
	[[ $output == *'certificate one.test would be stored'*'certificate two.test would be stored'* ]]
	rig_after
	windows 2
	run ! grep order-plz "$RIG_DIR/rude.log"
	[ ! -e "$(rig_live two.test)" ]
}

@test "a section that no certificate uses is told, and one with a mistake stops only the certificates that depend on it" {
	printf '[certificate one.test]\nnames = one.test\n' | cas
	run -0 rig_acmegate renew
	[[ $output == *"warning: $RIG_CONF:"*': [ca second] is used by no certificate'*'one.test is stored'* ]]
	printf '%s\n' 'colour = red' '[certificate one.test]' 'names = one.test' 'ca = second, acme' '[certificate two.test]' \
		'names = two.test' 'ca = second' | cas
	run -2 rig_acmegate renew-now
	[[ $output == *"no key 'colour'"*'[certificate two.test]: each of its CAs has a mistake'*'one.test is stored'* ]]
	from one.test "https://$rude/dir"
	[ ! -e "$(rig_live two.test)" ]
}

@test "a signal ends the run, and no other CA is asked" {
	printf '[certificate one.test]\nnames = one.test\n[certificate two.test]\nnames = two.test\nca = second\n' | cas
	rude '*|order-plz|all|hang'
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 grep -q order-plz "$RIG_DIR/rude.log"
	kill -TERM "$pid"
	rig_ends 75
	[[ $output == *'stopped by Terminated'* && $output != *'two.test is stored'* ]]
}
