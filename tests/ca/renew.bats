#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Whole runs against Pebble behind a policy drop. Port 80 is watched from outside, the ruleset compared.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
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
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_pebble_stop
}

# succeeds ARGUMENTS...: exit status 0 and the host as before
succeeds() {
	rig_before
	run rig_acmegate "$@"
	[ "$status" -eq 0 ]
	rig_after
}

opens_once() {
	rig_was_open 4 1
	rig_was_open 6 1
}

hook() {
	cat >"$RIG_DIR/hook"
	chmod 0755 "$RIG_DIR/hook"
}

@test "the first run: account, one window, a certificate, plain words" {
	rig_pebble
	rig_config one.test
	succeeds renew-now
	opens_once
	rig_certificate one.test one.test
	[[ $output == *open* ]]
	[[ $output == *closed* ]]
	[[ $output == *unchanged* ]]
}

@test "with --debug a run shows records by name and size, states and connections, and no content" {
	rig_pebble
	rig_config one.test
	succeeds --debug renew-now
	[[ $output =~ client:\ sent\ SIGN\ to\ descriptor\ 5:\ [0-9]+\ bytes ]]
	[[ $output == *"signer: received SIGN from descriptor 5: "* ]]
	[[ $output == *"storer: received SAVE from descriptor 5: "* ]]
	[[ $output == *"responder: connection from "* ]]
	[[ $output == *"client: the authorization of one.test is pending, its challenge pending"* ]]
	[[ $output == *"client: the order of certificate one.test is valid"* ]]
	[[ $output != *"BEGIN "* ]]
	[[ $output != *'"protected"'* ]]
	succeeds --verbose renew-now
	[[ $output != *"sent SIGN"* ]]
}

@test "a build that lies in a home directory, which only root and its owner can enter" {
	rig_pebble
	rig_config one.test
	mkdir -p "$RIG_DIR/home/build"
	chmod 0700 "$RIG_DIR/home"
	cp "$RIG_BUILD/acmegate" "$RIG_BUILD"/acmegate-{agent,firewalld,gate,iptables,surveyor} "$RIG_DIR/home/build/"
	RIG_ACMEGATE=$RIG_DIR/home/build/acmegate succeeds renew-now
	opens_once
	rig_certificate one.test one.test
}

@test "the second run has the same account and replaces the certificate as a whole" {
	rig_pebble
	accounts=$(grep -c 'There are now [0-9]* accounts' "$RIG_DIR/pebble.log" || true)
	rig_config one.test
	succeeds renew-now
	first=$(readlink "$(rig_live one.test)")
	serial=$(openssl x509 -noout -serial -in "$(rig_live one.test)/cert.pem")
	succeeds renew-now
	[ "$(readlink "$(rig_live one.test)")" != "$first" ]
	[ "$(openssl x509 -noout -serial -in "$(rig_live one.test)/cert.pem")" != "$serial" ]
	rig_certificate one.test one.test
	[ "$(grep -c 'There are now [0-9]* accounts' "$RIG_DIR/pebble.log")" -eq $((accounts + 1)) ]
}

@test "several names in one certificate" {
	rig_pebble
	rig_config one.test,www.one.test,mail.one.test,two.test
	succeeds renew-now
	opens_once
	rig_certificate one.test one.test www.one.test mail.one.test two.test
}

@test "several certificates in one run with one window" {
	rig_pebble
	rig_config one.test two.test,www.two.test three.test
	succeeds renew-now
	opens_once
	rig_certificate one.test one.test
	rig_certificate two.test two.test www.two.test
	rig_certificate three.test three.test
}

@test "only the certificates that were named" {
	rig_pebble
	rig_config one.test two.test
	succeeds renew-now two.test
	rig_certificate two.test two.test
	[ ! -e "$(rig_live one.test)" ]
}

@test "a failing name beside a good one: exit status 1, the good one is stored" {
	rig_pebble
	rig_dns bad.test "$RIG_CA4"
	rig_config one.test bad.test two.test
	rig_before
	run rig_acmegate renew-now
	[ "$status" -eq 1 ]
	[[ $output == *bad.test* ]]
	rig_after
	opens_once
	rig_certificate one.test one.test
	rig_certificate two.test two.test
	[ ! -e "$(rig_live bad.test)" ]
}

@test "half of all nonces are rejected" {
	rig_pebble PEBBLE_WFE_NONCEREJECT=50
	rig_config one.test,www.one.test two.test
	succeeds renew-now
	rig_certificate one.test one.test www.one.test
	rig_certificate two.test two.test
}

@test "valid authorizations are used again: no window" {
	rig_pebble PEBBLE_AUTHZREUSE=100
	rig_config one.test
	succeeds renew-now
	opens_once
	succeeds renew-now
	rig_never_open
	rig_certificate one.test one.test
}

@test "renew with nothing due: no window, nothing stored" {
	rig_pebble
	rig_config one.test
	succeeds renew
	opens_once
	first=$(readlink "$(rig_live one.test)")
	succeeds renew
	rig_never_open
	[ "$(readlink "$(rig_live one.test)")" = "$first" ]
}

@test "renew takes up a name that was added to the configuration" {
	rig_pebble
	rig_config one.test
	succeeds renew
	rig_config one.test,new.one.test
	succeeds renew
	opens_once
	rig_certificate one.test one.test new.one.test
}

@test "a slow CA: the window lasts as long as the validation and not longer" {
	rig_pebble PEBBLE_VA_NOSLEEP=0 PEBBLE_VA_SLEEPTIME=4
	rig_config one.test two.test
	succeeds renew-now
	opens_once
	rig_certificate two.test two.test
}

@test "each type of key" {
	rig_pebble
	rig_config <<-'INI'
		[certificate small]
		names = small.test
		key = p384
		[certificate rsa]
		names = rsa.test
		key = rsa2048
	INI
	succeeds renew-now
	rig_certificate small small.test
	rig_certificate rsa rsa.test
	openssl x509 -in "$(rig_live small)/cert.pem" -noout -text | grep -q 'secp384r1'
	openssl x509 -in "$(rig_live rsa)/cert.pem" -noout -text | grep -q '2048 bit'
}

@test "the deploy hook: its environment, its words, and port 80 closed by then" {
	hook <<-HOOK
		#!/bin/bash
		env >"$RIG_DIR/environment"
		printf '%s\n' "\$@" >"$RIG_DIR/arguments"
		[ -s "\$ACMEGATE_LIVE/privkey.pem" ] && echo 'hello from the hook'
	HOOK
	rig_pebble
	rig_config <<-INI
		[certificate shop]
		names = one.test www.one.test
		deploy = $RIG_DIR/hook reload nginx
	INI
	SECRET=1 succeeds renew-now
	[[ $output == *'hello from the hook'* ]]
	diff - "$RIG_DIR/arguments" <<<$'reload\nnginx'
	grep -qx 'ACMEGATE_NAME=shop' "$RIG_DIR/environment"
	grep -qx "ACMEGATE_LIVE=$(rig_live shop)" "$RIG_DIR/environment"
	grep -qx "RENEWED_LINEAGE=$(rig_live shop)" "$RIG_DIR/environment"
	grep -qx 'ACMEGATE_NAMES=one.test www.one.test' "$RIG_DIR/environment"
	grep -qx 'RENEWED_DOMAINS=one.test www.one.test' "$RIG_DIR/environment"
	if grep -q '^SECRET=' "$RIG_DIR/environment"; then false; fi
	grep -qx 'HOME=/root' "$RIG_DIR/environment"
	grep -qx 'LANG=C.UTF-8' "$RIG_DIR/environment"
	grep -q '^PATH=/usr/local/sbin:.*:/bin$' "$RIG_DIR/environment"
	[[ $output == *"certificate shop: the deploy hook has succeeded ($RIG_DIR/hook reload nginx)"* ]]
}

# rights_of_hook [COMMAND...]: the hook's capabilities, as numbers, when a program that gives some away runs acmegate
rights_of_hook() {
	ip netns exec "$RIG_HOST" "$@" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now 3>&-
	local set
	while read -r _ set; do
		[ $((0x$set & 1 << 12)) = 0 ] && [ $((0x$set & 1 << 13)) = 0 ] || {
			cat "$RIG_DIR/rights"
			return 1
		}
	done < <(grep -E '^Cap(Inh|Prm|Eff|Amb):' "$RIG_DIR/rights")
}

@test "the deploy hook has no right over the firewall, whatever it executes, and all others" {
	hook <<-HOOK
		#!/bin/bash
		grep -E '^Cap' /proc/self/status >"$RIG_DIR/rights"
		nft add table ip of_the_hook && echo 'it changed the firewall'
		[ -w /proc/sys/kernel/hostname ] && echo 'and is root'
		true
	HOOK
	rig_pebble
	rig_config <<-INI
		[certificate shop]
		names = one.test
		deploy = $RIG_DIR/hook
	INI
	run -0 rights_of_hook
	[[ $output != *'it changed the firewall'* && $output == *'and is root'* ]]
	read -r _ all < <(grep '^CapEff:' /proc/self/status)
	read -r _ set < <(grep '^CapEff:' "$RIG_DIR/rights")
	[ $((0x$set)) = $((0x$all & ~(3 << 12))) ]
	# Without CAP_SETPCAP the bounding set cannot be made smaller.
	run -0 rights_of_hook setpriv --bounding-set=-setpcap --inh-caps=-setpcap
	[[ $output != *'it changed the firewall'* ]]
}

@test "a hook's words keep tabs and UTF-8, and nothing that a terminal obeys" {
	hook <<-'HOOK'
		#!/bin/bash
		printf 'a\tb \303\244\342\202\254\360\237\230\200 \033[2J \302\233 \300\257 \355\240\200 \377\n'
	HOOK
	rig_pebble
	rig_config <<-INI
		[certificate shop]
		names = one.test
		deploy = $RIG_DIR/hook
	INI
	run -0 rig_acmegate renew-now
	[[ $output == *$'deploy shop: a\tb \u00e4\u20ac\U0001f600 ?[2J ?? ?? ??? ?\n'* ]]
}

@test "a deploy hook that failed: exit status 1, the certificate stays, the hook runs again with the next run" {
	hook <<-HOOK
		#!/bin/bash
		echo x >>"$RIG_DIR/calls"
		[ -e "$RIG_DIR/repaired" ]
	HOOK
	rm -f "$RIG_DIR/calls" "$RIG_DIR/repaired"
	rig_pebble
	rig_config <<-INI
		[certificate shop]
		names = one.test
		deploy = $RIG_DIR/hook
	INI
	rig_before
	run rig_acmegate renew-now
	[ "$status" -eq 1 ]
	rig_after
	rig_certificate shop one.test
	touch "$RIG_DIR/repaired"
	succeeds renew
	rig_never_open
	[ "$(wc -l <"$RIG_DIR/calls")" -eq 2 ]
	succeeds renew
	[ "$(wc -l <"$RIG_DIR/calls")" -eq 2 ]
}

@test "several deploy hooks run in their order; one that failed stops no other, and is alone tried again" {
	hook <<-HOOK
		#!/bin/bash
		echo "\$1 first=\$ACMEGATE_FIRST previous=\$ACMEGATE_PREVIOUS" >>"$RIG_DIR/calls"
		[ -z "\$ACMEGATE_PREVIOUS" ] || cat "\$ACMEGATE_PREVIOUS/privkey.pem" >>"$RIG_DIR/previous" || exit
		[ "\$1" != bad ] || [ -e "$RIG_DIR/repaired" ]
	HOOK
	rm -f "$RIG_DIR"/{calls,repaired,previous}
	rig_pebble
	sections() { printf '[certificate shop]\nnames = one.test\n'; printf "deploy = $RIG_DIR/hook %s\n" "$@"; }
	# calls LINE...: what the hooks have said since the last time
	calls() {
		diff <(printf '%s\n' "$@") "$RIG_DIR/calls"
		: >"$RIG_DIR/calls"
	}
	sections one bad two | rig_config
	run -1 rig_acmegate renew-now
	[[ $output == *"the deploy hook has succeeded ($RIG_DIR/hook one)"*'the hook is tried again by the next'*"($RIG_DIR/hook two)"* ]]
	rig_certificate shop one.test
	calls {one,bad,two}' first=yes previous='
	run -1 rig_acmegate renew
	calls 'bad first=yes previous='
	# A new certificate is for all of them.
	key=$(<"$(rig_live shop)/privkey.pem")
	run -1 rig_acmegate renew-now
	calls {one,bad,two}" first=no previous=$RIG_STATE/certificates/shop/1"
	[ "$(head -n "$(wc -l <<<"$key")" "$RIG_DIR/previous")" = "$key" ]
	# A line that was mended is another hook.
	sections one good two | rig_config
	succeeds renew
	calls "good first=no previous=$RIG_STATE/certificates/shop/1"
	succeeds renew
	[ ! -s "$RIG_DIR/calls" ]
	sections one bad two new | rig_config
	touch "$RIG_DIR/repaired"
	succeeds renew
	[ ! -s "$RIG_DIR/calls" ]
}

@test "a kernel without Landlock: a certificate all the same, for another user too, and a warning" {
	[ -x "$RIG_BUILD/seams/acmegate" ] || skip 'there is no build with seams: rig_seams'
	rig_pebble
	printf '[certificate one.test]\nnames = one.test\nowner = daemon\nmode = 0640\n' | rig_config
	ACMEGATE_SEAMS=no-landlock RIG_ACMEGATE=$RIG_BUILD/seams/acmegate succeeds renew-now
	[[ $output == *'has no Landlock'* ]]
	[ "$(stat -L -c '%a %U' "$(rig_live one.test)"/*.pem | uniq)" = '640 daemon' ]
}

@test "SIGTERM in mid-window: closed, the ruleset the same, nothing runs on" {
	rig_window
	# As systemctl stop and Ctrl-C do it: all of its processes get the signal.
	local process
	for process in $(pgrep -P "$pid") "$pid"; do kill -s TERM "$process"; done
	rig_ends 75
	[[ $output == *'stopped by Terminated'* && $output != *'died of signal'* && $output != *error:* ]]
	rig_silent
	rig_until 30 rig_idle
	rig_after
	opens_once
}

@test "SIGINT in mid-window: closed, the ruleset the same" {
	rig_window
	# A job in the background of a shell without job control ignores SIGINT unless it sets its own handler.
	rig_end "$pid" INT
	output=$(cat "$RIG_DIR/out")
	rig_silent
	rig_until 30 rig_idle
	rig_after
}

@test "SIGKILL in mid-window: the watchdog closes, the next run is a normal one" {
	rig_probe_options=(-b)
	rig_window
	killed=$EPOCHREALTIME
	kill -s KILL "$pid"
	rig_closed_after "$killed" 0.050
	rig_until 30 rig_as_before
	rig_until 30 rig_idle
	rig_after
	opens_once
	rig_ca nft flush ruleset
	succeeds renew-now
	opens_once
	rig_certificate one.test one.test
}

@test "everything killed at once: silent at once, recover removes the rest" {
	rig_probe_options=(-b)
	rig_window
	killed=$EPOCHREALTIME
	for victim in $(ip netns pids "$RIG_HOST"); do kill -s KILL "$victim" || true; done # some end with the first
	rig_closed_after "$killed" 0.050
	run rig_acmegate recover
	[ "$status" -eq 0 ]
	rig_after
	opens_once
}

@test "recover with nothing to do" {
	rig_config one.test
	rig_before
	run rig_acmegate recover
	[ "$status" -eq 0 ]
	rig_after
	rig_never_open
}

@test "a CA that never comes: the deadline closes the window" {
	rig_probe_options=(-b)
	RIG_GATE='max_open = 5' rig_window
	rig_until 30 rig_gone "$pid"
	result=0
	wait "$pid" || result=$?
	output=$(cat "$RIG_DIR/out")
	[ "$result" -ne 0 ]
	rig_after
	rig_open_at_most 6 2
}
