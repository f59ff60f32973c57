#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The memory of acmegate for a CA: its suggested moment and the certificate that an order replaces (RFC 9773), an order that a
# run has left, a limit, the CA's clock. rude.py is before Pebble; the last tests have a Pebble with renewal information of its own.
# ARI_KILLS: so many runs are killed (12).
bats_require_minimum_version 1.5.0
load ../lib/rude

# The directory has renewalInfo, whatever Pebble can.
rude_always=("GET|^/dir|all|set=renewalInfo=\"https://$rude/ari\"")

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	RIG_DIRECTORY=https://$rude/dir rig_config one.test
}

# asked PATTERN: how many requests the CA got
asked() { grep -cE "^(GET|POST|HEAD) $1" "$RIG_DIR/rude.log" || true; }

renews() {
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
}

serial() { openssl x509 -noout -serial -in "$(rig_live one.test)/cert.pem"; }

@test "an order names the certificate that it replaces, if that is the CA's" {
	rude 'POST:"replaces"|order-plz|all|status=409:alreadyReplaced'
	renews
	[[ $output != *replacement* ]]
	[ "$(asked /order-plz)" = 1 ]
	renews
	[[ $output == *'alreadyReplaced'*'placed as a new one'* || $output == *'placed as a new one'*'alreadyReplaced'* ]]
	[ "$(asked '/order-plz status')" = 1 ]
	# From another CA: its name says nothing here.
	sed -i "s,^directory = .*,directory = https://$RIG_CA4:14000/dir," "$RIG_CONF"
	renews
	RIG_DIRECTORY=https://$rude/dir rig_config one.test
	rude 'POST:"replaces"|order-plz|all|status=409:alreadyReplaced'
	renews
	[[ $output != *replacement* ]]
	[ "$(asked '/order-plz status')" = 0 ]
}

@test "however the replacement is refused: one order without it, in the same run" {
	rude
	renews
	for way in 400:malformed 403:unauthorized 404:notFound 409:alreadyReplaced 409:conflict 500:serverInternal 400; do
		before=$(serial)
		rude "POST:\"replaces\"|order-plz|all|status=$way"
		renews
		[[ $output == *'placed as a new one'* ]]
		[ "$(asked '/order-plz -')" = 1 ]
		[ "$(serial)" != "$before" ]
	done
}

@test "a limit is not about the replacement: nothing is ordered" {
	rude
	renews
	rude 'POST:"replaces"|order-plz|all|status=429:rateLimited:7200'
	run rig_acmegate renew-now
	[ "$status" -eq 75 ]
	[ "$(asked /order-plz)" = 1 ]
}

# stops TEXT: nothing is ordered, one line says why and what to do
stops() {
	run rig_acmegate renew-now
	[ "$status" -eq 1 ]
	[[ $output == *"$1"*'set the clock'*'nothing has been ordered'* ]]
	[ "$(grep -c 'error: .*set the clock' <<<"$output")" = 1 ]
	[ "$(asked /order-plz)" = 0 ]
}

@test "24 runs with a clock 2 h behind: nothing is ordered" {
	rude '*|.|all|ahead=7200'
	rig_before
	for _ in {1..24}; do stops 's behind that of the CA'; done
	rig_after
	rig_never_open
	[ "$(asked /sign-me-up)" = 0 ]
	[ "$(asked /finalize-order)" = 0 ]
}

@test "a clock so far ahead that the certificate would have expired: nothing is ordered" {
	rude
	renews
	rude '*|.|all|ahead=-7776060'
	stops 's ahead of that of the CA'
}

@test "a CA that dates certificates back by an hour makes one that is valid here with a clock up to 2 h behind" {
	make -s -C "$RIG_BUILD" tests/lib/ledger
	rude
	renews
	rude '*|.|all|ahead=5400'
	stops 's behind that of the CA'
	# What this CA did with the certificate in use, it does again: an hour less the minute that the clock may have been wrong by.
	"$RIG_BUILD/tests/lib/ledger" "$RIG_STATE/ledger" one.test back 7200
	renews
	[[ $output == *'the clock of this host is '*' s behind that of the CA'* ]]
	"$RIG_BUILD/tests/lib/ledger" "$RIG_STATE/ledger" one.test back 7200
	rude '*|.|all|ahead=7300'
	stops 's behind that of the CA'
}

@test "a clock that is a little wrong, and a directory out of an old cache: a certificate, and a word" {
	rude '*|.|all|ahead=3000'
	renews
	[[ $output == *'the clock of this host is '*' s behind that of the CA'* ]]
	rude 'GET|^/dir|all|ahead=-90000'
	renews
	[[ $output != *'the clock of this host'* ]]
}

# killed_at PATTERN: a run, and all its processes killed once the CA has such a request
killed_at() {
	local log
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 grep -qE "$1" "$RIG_DIR/rude.log" || {
		log=$(cat "$RIG_DIR/out" "$RIG_DIR/rude.log")
		echo "never: $1: $log"
		return 1
	}
	# shellcheck disable=SC2046
	rig_kill_at_once $(ip netns pids "$RIG_HOST")
	wait "$pid" 2>/dev/null || true
	rig_until 30 rig_idle
	orders=$((orders + $(asked /order-plz)))
}

@test "runs killed between the order and the certificate: the same order is resumed" {
	orders=0 kills=0 finalized=0
	most=${ARI_KILLS:-12}
	rude 'POST|/authZ/|all|hang'
	killed_at '/authZ/.* hang'
	[ "$orders" = 1 ]
	while [ $((kills += 1)) -lt "$most" ]; do
		# No step of an order can be undone: from one third to the next the order is further.
		case $((kills * 3 / most)):$((kills % 2)) in
		0:0) rule='POST|/authZ/|all|hang' at='/authZ/.* hang' ;;
		0:1) rule='POST|/chalZ/|all|hang' at='/chalZ/.* hang' ;;
		1:*) rule='POST|/finalize-order/|all|hang' at='/finalize-order/.* hang' ;;
		2:0) rule='POST|/certZ/|all|hang' at='/certZ/.* hang' ;;
		2:1) rule='POST|/certZ/|all|lose' at='^lost' ;;
		esac
		if [ "$finalized" = 0 ] && [ $((kills * 3 / most)) = 2 ]; then
			rule='POST|/finalize-order/|all|lose' at='^lost' finalized=1
		fi
		rude "$rule"
		killed_at "$at"
	done
	rude
	renews
	orders=$((orders + $(asked /order-plz)))
	printf '# %s runs killed, %s order\n' "$most" "$orders" >&3
	[ "$orders" = 1 ]
	[[ $output == *'the order of an earlier run is resumed'* ]]
	rig_certificate one.test one.test
}

@test "an order of an earlier run that the CA does not have, or has given up: one new order" {
	for way in status=404:malformed 'set=status="invalid"'; do
		rude 'POST|/authZ/|all|hang'
		orders=0
		killed_at '/authZ/.* hang'
		rude "POST|/my-order/|1|$way"
		renews
		[[ $output == *'the order of an earlier run cannot be resumed'* ]]
		[ "$(asked /order-plz)" = 1 ]
		rm -rf "$RIG_STATE"
	done
}

# window FROM TO [HEADERS]: the CA suggests to renew so many seconds from now
window() {
	local json
	json=$(date -u -d "@$(($(date +%s) + $1))" +'"start":"%Y-%m-%dT%H:%M:%SZ"'),$(date -u -d "@$(($(date +%s) + $2))" +'"end":"%Y-%m-%dT%H:%M:%SZ"')
	printf 'GET|^/ari/|all|document={"suggestedWindow":{%s},"explanationURL":"https://ca.test/why"}%s' "$json" "${3:-}"
}

timer() {
	run rig_acmegate renew
	[ "$status" -eq "$1" ]
}

@test "a window that lies ahead: nothing is ordered, and the CA is not asked again before its time" {
	rude
	renews
	before=$(serial)
	rude "$(window 864000 1036800 $'\nRetry-After: 21600')"
	timer 0
	[ "$(asked /ari/)" = 1 ]
	[ "$(asked /order-plz)" = 0 ]
	requests=$(asked '')
	for _ in 1 2 3; do timer 0; done
	[ "$(asked '')" = "$requests" ]
	[ "$(serial)" = "$before" ]
}

@test "a window that has passed: renewed by the next run of the timer, in place of the certificate" {
	rude
	renews
	before=$(serial)
	rude "$(window 1 2)" 'POST:"replaces"|order-plz|all|wait=0'
	sleep 3
	timer 0
	[ "$(asked /ari/)" = 1 ]
	[ "$(asked '/order-plz wait=0')" = 1 ]
	[ "$(serial)" != "$before" ]
}

@test "a window from before the certificate was stored says nothing about it" {
	rude "$(window -7200 -3600)"
	renews
	for _ in 1 2 3; do timer 0; done
	[ "$(asked /ari/)" = 1 ]
	[ "$(asked /order-plz)" = 1 ]
}

@test "whatever is wrong with renewal information, it is no error, and a certificate that is due is renewed" {
	# Half of a short lifetime is what holds without it.
	RIG_VALIDITY=16 rig_pebble
	for way in status=503 garbage status=404:malformed reset \
		'document={"suggestedWindow":{"start":"2026-12-02T04:00:00Z","end":"2026-12-01T04:00:00Z"}}'; do
		rm -rf "$RIG_STATE"
		rude "GET|^/ari/|all|$way"
		ordered=$SECONDS
		renews
		before=$(serial) stored=$SECONDS
		timer 0
		[[ $output != *error* ]]
		[ "$(serial)" = "$before" ] || [ $((SECONDS - ordered)) -ge 7 ]
		sleep $((stored + 9 - SECONDS > 0 ? stored + 9 - SECONDS : 0))
		[ "$(serial)" != "$before" ] || timer 0
		[ "$(serial)" != "$before" ]
		[ "$(asked /ari/)" -ge 1 ]
	done
	rig_pebble
}

@test "a CA that asks to wait: not one more request before that" {
	rude 'POST|order-plz|all|status=429:rateLimited:7200'
	timer 75
	[ "$(asked /order-plz)" = 1 ]
	requests=$(asked '')
	rig_before
	for _ in {1..4}; do
		timer 75
		[[ $output == *'not tried again before'* ]]
	done
	rig_after
	rig_never_open
	[ "$(asked '')" = "$requests" ]
}

# --- a Pebble that has renewal information ------------------------------------------------------------------------------------

# shellcheck source=tests/lib/pebble.sh
source "$BATS_TEST_DIRNAME/../lib/pebble.sh"

# The window of the certificate in use, by the CA's management port.
set_window() {
	jq -n --rawfile pem "$(rig_live one.test)/cert.pem" --arg from "$(date -u -d "@$1" +%FT%TZ)" --arg to "$(date -u -d "@$2" +%FT%TZ)" \
		'{Certificate: $pem, ARIResponse: ({suggestedWindow: {"start": $from, "end": $to}, explanationURL: "https://ca.test/why"} | tojson)}' |
		rig_ca curl -sf --max-time 30 --cacert "$RIG_DIR/pki/ca.pem" -d @- https://127.0.0.1:15000/set-renewal-info/
}

@test "Pebble with renewal information: its window is heard, the replacement is taken, and one that was replaced is no obstacle" {
	pebble_new || skip "no Pebble with renewal information: $(tail -n 1 "$RIG_DIR/apt" 2>/dev/null)"
	rig_pebble_end
	rig_pebble
	RIG_DIRECTORY=https://$RIG_CA4:14000/dir rig_config one.test
	curl_directory=$(rig_ca curl -s --cacert "$RIG_DIR/pki/ca.pem" "https://$RIG_CA4:14000/dir")
	[[ $curl_directory == *renewalInfo* ]]
	renews
	first=$(serial)
	cp -a "$RIG_STATE" "$RIG_DIR/first"
	now=$(date +%s)
	set_window $((now + 1)) $((now + 2))
	sleep 3
	timer 0
	second=$(serial)
	[ "$second" != "$first" ]
	[[ $output != *'placed as a new one'* ]]
	timer 0
	[ "$(serial)" = "$second" ]
	# Another acmegate with the same certificate, as after a restored backup.
	rm -rf "$RIG_STATE"
	mv "$RIG_DIR/first" "$RIG_STATE"
	renews
	[[ $output == *'placed as a new one'*alreadyReplaced* ]]
	rig_pebble_end
	PATH=${PATH#*:}
	rig_pebble
}
