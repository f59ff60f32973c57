#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The memory of acmegate across runs: nothing is tried twice in vain. Time passes in the ledger, not on the machine's clock.
bats_require_minimum_version 1.5.0
load ../lib/rude

setup_file() {
	make -s -C "$RIG_BUILD" tests/lib/ledger
	rig_up
	rig_pebble
}

setup() {
	rig_policy_drop | rig_nft -
	rm -rf "$RIG_STATE"
	rig_dns bad.test "$RIG_CA4"
}

ledger() { "$RIG_BUILD/tests/lib/ledger" "$RIG_STATE/ledger" "$@"; }
# pass NAME SECONDS
pass() { ledger "$1" age "$2"; }

@test "24 hourly runs of a validation that fails open the port four times" {
	rig_config bad.test
	tried=0
	rig_before
	for hour in {1..24}; do
		run rig_acmegate renew
		if [ "$status" -eq 75 ] && [[ $output == *'certificate bad.test: not tried again before '*', because '*'; acmegate renew-now does'* ]]; then
			[[ $output != *'port 80'* ]]
		else
			[ "$status" -eq 1 ]
			[[ $output == *'port 80 open'*'port 80 closed'* ]]
			tried=$((tried + 1))
		fi
		pass bad.test 3600
	done
	rig_after
	echo "tried $tried times"
	[ "$tried" -eq 4 ]
	[[ $(ledger bad.test show | head -n 1) == 'invalid '* ]]
	[ "$(ledger bad.test show | wc -l)" -eq "$tried" ]
}

@test "renew-now tries all the same, and a certificate that is stored ends the waiting" {
	rig_config bad.test
	run -1 rig_acmegate renew
	run -75 rig_acmegate renew
	run -1 rig_acmegate renew-now
	[[ $output == *'port 80 open'* ]]
	[ "$(ledger bad.test show | wc -l)" -eq 2 ]
	rig_ca curl -sf -d '{"host":"bad.test."}' http://127.0.0.1:8055/clear-a
	run -0 rig_acmegate renew-now
	[[ $(ledger bad.test show | head -n 1) == 'stored '* ]]
	run -0 rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
}

@test "a certificate that waits keeps no other one waiting, and plan says until when" {
	rig_config bad.test
	run -1 rig_acmegate renew
	rig_config bad.test two.test
	run rig_acmegate plan
	[[ $output == *'certificate bad.test: not tried again before '*'certificate two.test: no renewal has looked at it yet'* ]]
	run -0 rig_acmegate renew
	[[ $output == *'bad.test: not tried again'*'two.test is stored'* ]]
	run rig_acmegate plan
	[[ $output == *'certificate two.test: valid until '* ]]
}

@test "another configuration is tried at once" {
	rig_config bad.test
	run -1 rig_acmegate renew
	run -75 rig_acmegate renew
	printf '[certificate bad.test]\nnames = two.test\n' | rig_config
	run -0 rig_acmegate renew
	# Another preferred chain is another order, once.
	printf '[certificate bad.test]\nnames = two.test\nchain = Nobody\n' | rig_config
	run -0 rig_acmegate renew
	[[ $output == *'ordered with another profile, chain'*'bad.test is stored'* ]]
	run -0 rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
}

@test "a run that was killed has tried" {
	rig_config one.test
	rude '*|^/dir|all|hang'
	RIG_DIRECTORY=https://$rude/dir rig_config one.test
	rm -f "$RIG_DIR/killed"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew >"$RIG_DIR/killed" 2>&1 3>&- &
	rig_until 30 ledger one.test show
	kill -KILL $!
	wait $! || true
	[[ $(ledger one.test show) == 'unknown 0 0 ' ]]
	rig_until 30 rig_acmegate recover
	run -75 rig_acmegate renew
	[[ $output == *'because the last run was killed, or is at work'* ]]
	pass one.test 751 # 10 minutes, and a quarter
	rude
	run -0 rig_acmegate renew
	[[ $output == *'one.test is stored'* ]]
}

@test "ledgers that are damaged or of a newer acmegate, and a secret that is lost, stop no renewal" {
	rig_config one.test
	run -0 rig_acmegate renew
	printf 'x' | dd of="$RIG_STATE/ledger/one.test" bs=1 seek=100 conv=notrunc status=none
	run -0 rig_acmegate renew
	[[ $output == *'ledger/one.test was corrupt and has been renamed to one.test.corrupt'*'nothing is due'* ]]
	[ -e "$RIG_STATE/ledger/one.test.corrupt" ]
	rm "$RIG_STATE/ledger/.secret"
	run -0 rig_acmegate -v renew
	[[ $output == *'nothing is due'* ]]
	[ "$(stat -c '%a %s' "$RIG_STATE/ledger/.secret")" = '600 32' ]
	python3 - "$RIG_STATE/ledger/one.test" <<-'PY'
		import hashlib, struct, sys
		content = b"from the future"
		image = struct.pack("=8sII", b"acmeledg", 2, len(content)) + content
		open(sys.argv[1], "wb").write(image + hashlib.sha256(image).digest())
	PY
	cp "$RIG_STATE/ledger/one.test" "$RIG_DIR/newer"
	run -0 rig_acmegate renew-now
	[[ $output == *'is of a newer acmegate and is left alone'*'one.test is stored'* ]]
	cmp "$RIG_STATE/ledger/one.test" "$RIG_DIR/newer"
	[ -s "$RIG_STATE/ledger/one.test~" ]
}

@test "a window that is refused: the reason is kept, however slow the client is" {
	mkdir -p "$RIG_DIR/bin"
	# Refuses when it is told to.
	cat >"$RIG_DIR/bin/refuses" <<-END
		#!/bin/sh
		[ "\$1" = open ] || exit 0
		touch "$RIG_DIR/asked"
		while [ ! -e "$RIG_DIR/stopped" ]; do sleep 0.1; done
		exit 1
	END
	chmod 0755 "$RIG_DIR/bin" "$RIG_DIR/bin/refuses"
	rm -f "$RIG_DIR/asked" "$RIG_DIR/stopped" "$RIG_DIR/out"
	RIG_GATE="command = $RIG_DIR/bin/refuses" rig_config one.test
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 test -e "$RIG_DIR/asked"
	client=$(pgrep -P "$pid" -f 'agent client')
	kill -s STOP "$client"
	touch "$RIG_DIR/stopped"
	rig_until 30 grep -q 'refuses ended with status 1' "$RIG_DIR/out"
	sleep 1 # so slow
	kill -s CONT "$client"
	rig_ends 1
	run -1 rig_acmegate status --json
	jq -e '.certificates[0] | .failures == 1 and .last.result == "host" and
		(.last.problem.detail | contains("the port was not opened"))' <<<"$output"
}

@test "what cannot be written down is not begun" {
	rig_config one.test
	run -0 rig_acmegate renew
	rig_before
	# As on a full disk, a ledger cannot be replaced: its temporary name is taken by a directory with something in it.
	mkdir -p "$RIG_STATE/ledger/.tmp-one.test/full"
	run -1 rig_acmegate renew-now
	rm -r "$RIG_STATE/ledger/.tmp-one.test"
	[[ $output == *'certificate one.test: '*'writing ledger/one.test: '*'nothing has been asked of the CA'* ]]
	rig_after
	rig_never_open
}
