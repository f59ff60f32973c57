#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# rehearse: the whole way at another CA, with a window of its own, and everything else stays as it is. Both CAs are the same Pebble, under
# two URLs.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	rig_pebble
}

setup() {
	STAGING="https://$RIG_CA4:14000/dir?staging"
	HOOK="/usr/bin/touch $RIG_DIR/deployed"
	rm -rf "$RIG_STATE" "$RIG_DIR/deployed"
	rig_policy_drop | rig_nft -
	name=r$BATS_TEST_NUMBER.example.test
	with_staging "staging = $STAGING"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_ca nft flush ruleset
	rig_end_of probe
	local process
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
}

# with_staging LINE
with_staging() {
	RIG_ACME=$1 rig_config <<-CONF
		[certificate one]
		names = $name
		deploy = $HOOK
	CONF
}

# The store of the real CA, with what a rehearsal must not touch: content, times of change, modes. Its window is noted as any other.
store() {
	find "$RIG_STATE" -path "$RIG_STATE/rehearsal" -prune -o -path "$RIG_STATE/journal" -prune -o -path "$RIG_STATE/windows" -prune -o -type f -printf '%P %m %T@ ' -exec sha256sum {} \; \
		-o -printf '%P %m %l\n' | sed 's,^ [0-9]* $,,' | sort
}

@test "rehearse: a window and a certificate at the staging CA beside the live one, which stays" {
	rig_acmegate renew-now
	[ -e "$RIG_DIR/deployed" ]
	rm "$RIG_DIR/deployed"
	run rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
	store >"$RIG_DIR/store"
	rig_before
	run rig_acmegate rehearse one
	[ "$status" -eq 0 ]
	rig_after
	rig_was_open 4 1
	store | diff "$RIG_DIR/store" -
	[ ! -e "$RIG_DIR/deployed" ]
	[[ $output == *"the ruleset is byte for byte what it was before"* ]]
	[[ $output == *"certificate one would be stored in $RIG_STATE/certificates/one/live"* ]]
	[[ $output == *"this would run then: $HOOK"* ]]
	[[ $output == *"asking $STAGING"* ]]
	# Keys of a rehearsal do not stay, its account does, and is another one.
	[ ! -e "$RIG_STATE/rehearsal/certificates" ]
	[ "$(cat "$RIG_STATE"/accounts/*/url "$RIG_STATE"/rehearsal/accounts/*/url | sort -u | wc -l)" = 2 ]
	run rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
}

@test "renew --dry-run is the same for all, with the account of the rehearsal before" {
	rig_acmegate rehearse
	# Pebble uses one authorization in a hundred again.
	name=other.$name
	with_staging "staging = $STAGING"
	accounts=$(grep -c 'new-account\|sign-me-up' "$RIG_DIR/pebble.log")
	rig_before
	run rig_acmegate renew --dry-run
	[ "$status" -eq 0 ]
	rig_after
	rig_was_open 4 1
	[ "$(grep -c 'new-account\|sign-me-up' "$RIG_DIR/pebble.log")" = "$accounts" ]
	[ ! -e "$RIG_STATE/certificates/one" ] && [ ! -e "$RIG_STATE/ledger/one" ]
	[[ $output == *'certificate one would be stored'* ]]
	# The real CA has not been asked, and nothing keeps the real renewal waiting.
	run rig_acmegate renew
	[ "$status" -eq 0 ]
	[[ $output == *'there is no certificate yet'* ]]
}

@test "a rehearsal fails as a renewal does, and no renewal waits because of it" {
	rig_dns "$name" "$RIG_CA4"
	rig_before
	run rig_acmegate rehearse
	rehearsed=$status
	rig_after
	[[ $output == *'one: '*"$name"* ]]
	[[ $output == *"the ruleset is byte for byte what it was before"* ]]
	[[ $output != *'would be stored'* ]]
	run rig_acmegate renew-now
	[ "$status" -eq "$rehearsed" ] && [ "$status" -ne 0 ]
	rm -rf "$RIG_STATE"
	run rig_acmegate rehearse
	[ "$status" -eq "$rehearsed" ]
	rig_ca curl -sf --max-time 30 -d "{\"host\":\"$name.\"}" http://127.0.0.1:8055/clear-a
	run rig_acmegate renew
	[ "$status" -eq 0 ]
	[[ $output == *'is stored in'* ]]
}

@test "a rehearsal says so when another program changes the ruleset" {
	rig_hold
	rig_before
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" rehearse >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 rig_opened
	rig_host nft add rule inet filter input tcp dport 4444 accept
	rig_release
	rig_ends 0
	[[ $output == *'another program has changed it meanwhile'* ]]
	[[ $output != *'byte for byte'* ]]
	[ "$(rig_ours)" = 0 ]
}

@test "without a staging CA that is known nothing is asked" {
	with_staging ''
	rig_before
	run rig_acmegate rehearse
	rig_after
	rig_never_open
	[ "$status" -eq 2 ]
	[[ $output == *"staging = URL in [acme]"* ]]
	[ ! -e "$RIG_STATE/rehearsal" ]
	run rig_acmegate rehearse two
	[ "$status" -eq 2 ]
	[[ $output == *'there is no [certificate two]'* ]]
}

@test "a rehearsal that is killed leaves nothing open, and no token" {
	mkdir -p "$RIG_DIR/www"
	rig_hold
	RIG_GATE=$'[responder]\nmode = webroot\nwebroot = '$RIG_DIR/www with_staging "staging = $STAGING"
	ip netns exec "$RIG_HOST" busybox httpd -f -p '[::]:80' -h "$RIG_DIR/www" 3>&- &
	rig_before
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" rehearse >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 rig_opened
	[ -n "$(ls -A "$RIG_DIR/www/.well-known/acme-challenge")" ]
	# shellcheck disable=SC2046 # ids
	rig_kill_at_once "$pid" $(pgrep -P "$pid" -x acmegate-agent)
	rig_until 30 rig_as_before
	rig_until 30 rig_acmegate recover
	[ ! -e "$RIG_DIR/www/.well-known" ]
	rig_probe_stop
}
