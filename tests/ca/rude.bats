#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A CA that fails at each step of an order, in each way: one clear error, the documented exit status, the certificate in use
# and the firewall as before. rude.py stands before Pebble.
bats_require_minimum_version 1.5.0
load ../lib/rude

setup_file() {
	rig_up
	rig_pebble
	# The certificate in use, that no failure may harm.
	rig_config one.test
	rig_acmegate renew-now >"$RIG_DIR/first" 2>&1 || {
		cat "$RIG_DIR/first" >&2
		return 1
	}
	cp -a "$RIG_STATE" "$RIG_DIR/good"
}

setup() {
	rig_policy_drop | rig_nft -
	RIG_DIRECTORY=https://$rude/dir rig_config one.test
}

# Contents, modes and links of all certificates.
stored() {
	(cd "$1/certificates" && find . -printf '%p %y %m %U %G %l\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

# fails STATUS WORD: this is how the run ends; the world is as before
fails() {
	rm -rf "$RIG_STATE"
	cp -a "$RIG_DIR/good" "$RIG_STATE"
	rig_before
	run rig_acmegate renew-now
	rig_after || return
	if ! { [[ $status =~ ^($1)$ ]] && [[ ${output,,} == *"${2,,}"* ]] && [[ $output == *one.test* || $output == *"$rude"* ]] &&
		diff <(stored "$RIG_DIR/good") <(stored "$RIG_STATE"); }; then
		echo "ended with status $status, not $1; the word '$2'; rude.py saw:"
		tail -n 5 "$RIG_DIR/rude.log"
		return 1
	fi
	# Recovery finds nothing.
	run -0 rig_acmegate recover
}

# each STEP: every way to fail at METHOD|PATH|WHICH. A CA that is unwell: later; one that refuses: somebody must act.
each() {
	rude "$1|status=500" && fails 75 'rude on purpose' || return
	rude "$1|status=503::3600" && fails 75 'rude on purpose' || return
	rude "$1|status=429:rateLimited:7200" && fails 75 'rude on purpose' || return
	rude "$1|status=403:unauthorized" && fails 1 'rude on purpose' || return
	rude "$1|reset" && fails 75 ''
}

# The same for a step whose answer has to be understood.
each_read() {
	each "$1" && rude "$1|garbage" && fails '1|75' ''
}

@test "at the directory" { each_read 'GET|^/dir|all' && rig_never_open; }
@test "at the nonce" {
	for way in status=500 reset; do
		rude "HEAD|nonce|all|$way" "*|.|all|nononce"
		fails 75 ''
		rig_never_open
	done
}
@test "at the account" { each 'POST|sign-me-up|all' && rig_never_open; }
@test "at the order" { each_read 'POST|order-plz|all' && rig_never_open; }
@test "at the authorization" { each_read 'POST|/authZ/|all' && rig_never_open; }
@test "at the answer to the challenge" { each 'POST|/chalZ/|all'; }
@test "at the polling of the authorization" { each_read 'POST|/authZ/|2-'; }
@test "at the finalization" { each_read 'POST|/finalize-order/|all'; }
@test "at the download" { each_read 'POST|/certZ/|all'; }

@test "one failure at each step: overcome" {
	rm -rf "$RIG_STATE"
	rude 'GET|^/dir|1|status=500' 'POST|sign-me-up|1|reset' 'POST|order-plz|1|status=500' 'POST|/authZ/|1|close' \
		'POST|/finalize-order/|1|status=500' 'POST|/certZ/|1|reset'
	rig_before
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	rig_after
	rig_was_open 4 1
	rig_certificate one.test one.test
}

@test "a connection that ends without an answer" {
	rude 'POST|order-plz|all|close'
	fails 75 ''
	rig_never_open
}

@test "a body that never ends" {
	rude 'GET|^/dir|all|endless'
	fails '1|75' ''
	rig_never_open
}

@test "half a body" {
	for step in 'POST|order-plz' 'POST|/certZ/'; do
		rude "$step|all|truncate"
		fails '1|75' ''
	done
}

@test "an empty certificate, and one that is a web page" {
	rude 'POST|/certZ/|all|empty'
	fails '1|75' ''
	rude 'POST|/certZ/|all|html'
	fails '1|75' ''
}

@test "a guest network in the place of the CA" {
	rude 'GET|^/dir|all|html'
	fails '1|75' ''
	rig_never_open
}

@test "a CA that falls silent while the port is open: closed at the deadline" {
	rig_probe_options=(-b)
	rm -rf "$RIG_STATE"
	cp -a "$RIG_DIR/good" "$RIG_STATE"
	rude 'POST|/authZ/|2-|hang'
	RIG_GATE='max_open = 5' RIG_DIRECTORY=https://$rude/dir rig_config one.test
	rig_before
	run rig_acmegate renew-now
	[[ $status =~ ^(1|75)$ ]]
	rig_after
	rig_was_open 4 1
	rig_open_at_most 6 2
	diff <(stored "$RIG_DIR/good") <(stored "$RIG_STATE")
}

@test "only stale nonces: given up in bounded time, and said so" {
	rude 'POST|order-plz|all|status=400:badNonce'
	fails 75 'rude on purpose'
	rig_never_open
}

# The window as seen from outside: fails unless it was open for less than so many seconds.
open_for_less() {
	rig_was_open 4 1
	rig_open_at_most "$1"
}

@test "a CA that leaves the authorization pending: its reason is shown, and the port is closed after a second look" {
	rig_probe_options=(-b)
	rude 'POST|/authZ/|2-|pending=600::no route to one.test' 'POST|/my-order/|all|pending=600'
	fails 1 'one.test: connection: no route to one.test (the CA leaves the authorization pending)'
	open_for_less 2.5
	# The same with two names, where the order is looked at first.
	RIG_DIRECTORY=https://$rude/dir rig_config one.test,two.test
	rude 'POST|/authZ/|3-|pending=600::no route to one.test' 'POST|/my-order/|all|pending=600'
	fails 1 'no route to one.test (the CA leaves the authorization pending)'
	open_for_less 4.5
}

@test "a poll that stalls: another connection after 4 s" {
	rig_probe_options=(-b)
	rm -rf "$RIG_STATE"
	rude 'POST|/authZ/|2|hang'
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	open_for_less 5.5
	rig_certificate one.test one.test
}

@test "an answer to the challenge that stalls, and the poll after it" {
	rig_probe_options=(-b)
	rm -rf "$RIG_STATE"
	rude 'POST|/chalZ/|1|hang' 'POST|/authZ/|2|hang'
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	open_for_less 9.5
}

@test "a CA that falls silent while the port is open: given up long before the deadline" {
	rig_probe_options=(-b)
	rude 'POST|/authZ/|2-|hang'
	fails 75 'authorization: '
	open_for_less 18
}

@test "a CA that validates in a second and always says Retry-After: 3: not 3 s of open port" {
	rig_probe_options=(-b)
	rm -rf "$RIG_STATE"
	rude 'POST|/authZ/|2-|pending=1:3'
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	open_for_less 2
}

@test "an order that cannot be finished: said at once, without a window" {
	for members in 'status="ready";finalize=null' 'status="valid"' 'status="valid";certificate="http://ca.test/c"' \
		'status="invalid"' 'finalize="http://ca.test/f"' 'status="deactivated"'; do
		rude "POST|order-plz|all|set=$members"
		fails 1 'certificate one.test: new order: '
		rig_never_open
	done
}

@test "a new order that is no JSON is not one for other names" {
	rude 'POST|order-plz|all|garbage'
	fails 1 'new order: the CA'"'"'s order object is not JSON'
	rig_never_open
}

@test "every error names the step" {
	while IFS='|' read -r method path step; do
		rude "$method|$path|all|status=403:unauthorized"
		fails 1 "$step: the CA says unauthorized: rude on purpose"
	done <<-'STEPS'
		GET|^/dir|directory
		POST|sign-me-up|account
		POST|order-plz|new order
		POST|/authZ/|authorization
		POST|/chalZ/|challenge
		POST|/finalize-order/|finalization
		POST|/certZ/|certificate
	STEPS
	rude 'POST|/authZ/|2-|status=403:unauthorized'
	fails 1 'authorization: the CA says unauthorized: rude on purpose'
	rude 'POST|/my-order/|all|status=403:unauthorized' 'POST|/finalize-order/|all|set=status="processing"'
	fails 1 'order: the CA says unauthorized: rude on purpose'
}

@test "headers without measure are called that" {
	for size in 400000 400000:100 70000:10; do
		rude "GET|^/dir|all|headers=$size"
		fails 1 'header'
		[[ ${output,,} != *memory* ]]
		rig_never_open
	done
	rude 'GET|^/dir|all|headers=60000:10'
	rig_acmegate renew-now
}

@test "a redirect is called one" {
	rude 'POST|order-plz|all|redirect=https://elsewhere.test/order'
	fails 1 'new order: the CA redirects to https://elsewhere.test/order (HTTP status 302)'
	rude 'GET|^/dir|all|redirect=http://elsewhere.test/dir'
	fails 1 'it redirects to a URL that is not https'
	rude 'HEAD|nonce|all|redirect=https://elsewhere.test/nonce' '*|.|all|nononce'
	fails 75 'a redirect, without Replay-Nonce'
	rig_never_open
}

@test "an order without authorizations, and one for other names" {
	rude 'POST|order-plz|all|set=authorizations=[]'
	fails '1|75' ''
	rude 'POST|order-plz|all|set=identifiers=[{"type":"dns","value":"evil.test"}]'
	fails '1|75' ''
	rig_never_open
}
