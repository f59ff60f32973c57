#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The account at the CA: shown, told other contacts, given another key, deactivated. Nothing of it opens the port.
bats_require_minimum_version 1.5.0
load ../lib/rude

setup() {
	rig_policy_drop | rig_nft -
	rm -rf "$RIG_STATE"
	rude
	RIG_DIRECTORY=https://$rude/dir rig_config one.test
}

# with an account, and its certificate
obtained() { rig_acmegate renew >"$RIG_DIR/first" 2>&1 || { cat "$RIG_DIR/first"; return 1; }; }
# deal ARGUMENTS...: acmegate account; the firewall is not touched, and no gate is started
deal() {
	rig_ruleset >"$RIG_DIR/before"
	run --separate-stderr rig_acmegate account "$@"
	printf '%s\n' "$output" "$stderr"
	rig_as_before
}
file() { echo "$RIG_STATE"/accounts/*/"$1"; }
has() { [ -e "$(file "$1")" ]; }
# requests PATH: how many POST requests for it the CA has got
requests() { grep -c "^POST [^ ]*$1" "$RIG_DIR/rude.log" || true; }
contact() { sed -i "s/^contact = .*/contact = $1/" "$RIG_CONF"; }
key() { sha256sum <"$(file key.pem)"; }

@test "there is no account before the first renewal, and none is made" {
	for word in show update rollover 'deactivate --yes'; do
		# shellcheck disable=SC2086 # words
		deal $word
		[ "$status" -eq 1 ]
		[[ $stderr == *'there is no account at https://'*'the first renewal makes it'* ]]
	done
	[ -z "$(find "$RIG_STATE" -name '*.pem')" ]
	[ "$(grep -c ^POST "$RIG_DIR/rude.log" || true)" -eq 0 ]
}

@test "show asks the CA, and writes to standard output" {
	obtained
	deal show
	[ "$status" -eq 0 ]
	[[ $output == "account:    https://$rude/my-account/"* ]]
	[[ $output == *$'\n'"CA:         https://$rude/dir"$'\n'"status:     valid"$'\n'"contacts:   admin@example.test"$'\n'"key:        ES256, thumbprint "* ]]
	[ -z "$(grep -v "this kernel has no Landlock" <<<"$stderr")" ]
	rm "$(file url)" # it is found by its key
	deal show
	[ "$status" -eq 0 ]
	[[ $output == "account:    https://$rude/my-account/"* ]]
}

@test "show works while a run is at work; what writes waits for it" {
	obtained
	exec 8<"$RIG_STATE"
	flock 8
	deal show
	[ "$status" -eq 0 ]
	deal update
	[ "$status" -eq 75 ]
	[[ $stderr == *'another acmegate is at work in'* ]]
	run -75 rig_acmegate renew-now
	[[ $output == *'another acmegate is at work in'* ]]
	(sleep 1 && exec 8<&-) 8<&8 &
	exec 8<&-
	deal update --wait 30
	[ "$status" -eq 0 ]
	[[ $stderr == *'waiting for it'* ]]
}

@test "other contacts in the configuration are told once, by the next run that talks to the CA" {
	obtained
	contact 'a@example.test, b@example.test'
	deal show
	[[ $output == *$'contacts:   admin@example.test\nconfigured: a@example.test, b@example.test (acmegate account update'* ]]
	run -0 rig_acmegate renew # nothing is due, but the CA may be asked when to renew
	[[ $output == *'account: the CA is told its contacts: a@example.test, b@example.test'*'nothing is due'* ]]
	deal show
	[[ $output == *'contacts:   a@example.test, b@example.test'$'\nkey'* ]]
	local told
	told=$(requests my-account)
	run -0 rig_acmegate renew-now
	[ "$(requests my-account)" -eq "$told" ]
	contact ''
	sed -i '/^contact/d' "$RIG_CONF"
	deal update
	[ "$status" -eq 0 ]
	deal show
	[[ $output == *'contacts:   the CA shows none'* ]]
}

@test "contacts that the CA refuses keep no certificate from being renewed, and are not told again" {
	obtained
	contact c@example.test
	rude 'POST:mailto|my-account|all|status=400:invalidContact'
	run -0 rig_acmegate renew-now
	[[ $output == *'the CA refuses its contacts, and is not told again before they change'*'one.test is stored'* ]]
	run -0 rig_acmegate renew-now
	[[ $output != *contacts* ]]
	deal update
	[ "$status" -eq 1 ]
	rude 'POST:mailto|my-account|all|status=503::3600'
	contact d@example.test
	run -0 rig_acmegate renew-now
	[[ $output == *'which a later run tries again'*'one.test is stored'* ]]
	rude
	run -0 rig_acmegate renew-now
	[[ $output == *'is told its contacts: d@example.test'* ]]
}

@test "rollover gives the account another key, of the configured type" {
	obtained
	local old
	old=$(key)
	deal rollover
	[ "$status" -eq 0 ]
	[[ $stderr == *'its key is a new one: ES256, thumbprint '* ]]
	[ "$(key)" != "$old" ]
	! has next.pem || false
	sed -i '/^contact/a account_key = rsa2048' "$RIG_CONF"
	deal rollover
	[[ $stderr == *'its key is a new one: RS256, thumbprint '* ]]
	deal show
	[[ $output == *'key:        RS256'* ]]
	run -0 rig_acmegate renew-now
	[[ $output != *'account:'* ]]
}

@test "a CA that refuses the new key leaves the old one" {
	obtained
	local old
	old=$(key)
	rude 'POST|rollover|all|status=403:unauthorized'
	deal rollover
	[ "$status" -eq 1 ]
	[[ $stderr == *'key change: the CA says unauthorized: rude on purpose'* ]]
	[ "$(key)" = "$old" ]
	! has next.pem || false
	deal show
	[ "$status" -eq 0 ]
}

@test "an answer to a rollover that is lost is asked for" {
	obtained
	local old
	old=$(key)
	rude 'POST|rollover|1|drop'
	deal rollover
	[ "$status" -eq 0 ]
	[ "$(key)" != "$old" ]
	deal show
	[ "$status" -eq 0 ]
}

# interrupted ACTION: a rollover that is killed while it waits for the answer to keyChange, or had none
interrupted() {
	rude "POST|rollover|1|$1" 'POST|sign-me-up|all|reset'
	timeout 40 ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" account rollover >"$RIG_DIR/killed" 2>&1 3>&- &
	local pid=$!
	rig_until 30 grep -q 'POST [^ ]*rollover' "$RIG_DIR/rude.log"
	kill -KILL "$(pgrep -P "$pid" -f 'account rollover' | head -n 1)" 2>/dev/null || true
	wait "$pid" || true
	rig_until 30 rig_idle
	has next.pem
	rude
}

@test "a rollover that is killed is ended by the next run, whichever key the CA has" {
	obtained
	local old next
	old=$(key)
	interrupted hang
	run -0 rig_acmegate renew-now
	[[ $output == *'a change of its key was not ended: the CA has the old key, which is kept'*'one.test is stored'* ]]
	[ "$(key)" = "$old" ]
	! has next.pem || false

	interrupted lose
	next=$(sha256sum <"$(file next.pem)")
	deal show # changes nothing
	[ "$(key)" = "$old" ]
	has next.pem
	run -0 rig_acmegate renew-now
	[[ $output == *'the CA has the new key, which is kept'*'one.test is stored'* ]]
	[ "$(key)" = "$next" ]
	! has next.pem || false
	deal show
	[ "$status" -eq 0 ]
}

@test "a CA that does not say which key it has keeps both, and nothing is ordered" {
	obtained
	interrupted lose
	rude 'POST|sign-me-up|all|status=503::3600'
	run -75 rig_acmegate renew-now
	[[ $output == *'asking the CA which key the account has'* ]]
	has next.pem
	has key.pem
	rude
	run -0 rig_acmegate renew-now
	! has next.pem || false
}

# Each call that may change something, in each process, one after another until the rollover gets through. By default some of them.
@test "a rollover that is killed anywhere loses no account" {
	obtained
	local call n step=80 killed=0
	[ "${ACCOUNT:-}" != all ] || step=1
	for call in openat renameat fsync sendmsg unlinkat; do
		for ((n = step / 7 + 1; n < 200; n += step)); do
			rm -f "$RIG_DIR/trace"
			rig_host timeout 60 strace -f -qq -o "$RIG_DIR/trace" -e trace="$call" -e inject="$call:signal=KILL:when=$n" \
				"$RIG_ACMEGATE" -c "$RIG_CONF" account rollover >"$RIG_DIR/out" 2>&1 || true
			grep -q 'killed by SIGKILL' "$RIG_DIR/trace" || break
			killed=$((killed + 1))
			rig_until 30 rig_idle
			run rig_acmegate account update
			[ "$status" -eq 0 ] || { echo "after $call $n: $output"; false; }
		done
	done
	echo "# killed $killed times" >&3
	[ "$killed" -ge 5 ]
	run -0 rig_acmegate renew-now
	[[ $output != *'account: https'* ]]
}

@test "deactivate asks, and says what it means" {
	obtained
	deal deactivate </dev/null
	[ "$status" -eq 2 ]
	[[ $stderr == *'is deactivated for good'*'say --yes'* ]]
	deal deactivate --yes
	[ "$status" -eq 0 ]
	[[ $stderr == *'is deactivated; its key is put aside'* ]]
	! has key.pem || false
	has key.pem.deactivated
	deal show
	[ "$status" -eq 1 ]
	# The certificate stays, and the next renewal has an account of its own.
	run -0 rig_acmegate renew-now
	[[ $output == *"account: https://$rude/my-account/"*'one.test is stored'* ]]
}

@test "an account that was deactivated without our hearing of it says what to do" {
	obtained
	local key
	key=$(file key.pem)
	cp "$key" "$RIG_DIR/kept"
	deal deactivate --yes
	cp "$RIG_DIR/kept" "$key"
	run -1 rig_acmegate renew-now
	echo "$output"
	[[ $output == *'acmegate account deactivate'* || $output == *deactivated* ]]
	deal deactivate --yes
	[ "$status" -eq 0 ]
	run -0 rig_acmegate renew-now
}

@test "words that make no sense are named" {
	deal
	[ "$status" -eq 2 ]
	deal frobnicate
	[ "$status" -eq 2 ]
	[[ $stderr == *'account needs one of show, update, rollover and deactivate'* ]]
	deal show update
	[ "$status" -eq 2 ]
}

@test "no certificate needs to be configured" {
	obtained
	sed -i '/^\[certificate/,$d' "$RIG_CONF"
	deal show
	[ "$status" -eq 0 ]
	deal deactivate --yes
	[ "$status" -eq 0 ]
}
