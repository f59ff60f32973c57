#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Recovery whatever is wrong with the configuration, and one acmegate at a time whatever its state directory.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup() {
	rm -rf "$RIG_STATE" "$RIG_DIR/other"
	rig_policy_drop | rig_nft -
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out" "$RIG_DIR/probe" "$RIG_CONF")"
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_pebble_stop
	local process
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
}

# left_open: rules of a guard that was killed with its watchdog. Whatever listens is reachable until the kernel's time is up.
left_open() {
	rig_config one.test
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 60 >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 eval '[ "$(rig_ours)" -gt 0 ]'
	mapfile -t victims < <(ip netns pids "$RIG_HOST")
	rig_kill_at_once "${victims[@]}"
	rig_until 30 rig_idle
	[ "$(rig_ours)" -gt 0 ]
}

# closes COMMAND...: what is left open is closed before the command complains
closes() {
	run rig_acmegate "$@"
	[ "$(rig_ours)" = 0 ] || {
		echo "left open by: $*"
		return 1
	}
	[[ $output == *'is closed now'* ]]
	[ "$status" -eq 2 ] || {
		echo "status $status of: $*"
		return 1
	}
}

@test "recover closes whatever is wrong in the configuration, and says what is" {
	left_open
	cp "$RIG_CONF" "$RIG_DIR/good"
	for mistake in 's/^accept_terms = .*/accept_terms = maybe/' '/^names/a deploy = /nonexistent/program' \
		'/^port/a max_open = 0' 's/^user = .*/user = no body/' '/^\[gate/a command = /nonexistent/open' '/^\[acme/a nonsense' \
		's/^\[certificate.*/[certificate/' '$a [colour]\nx = 1' 's/^directory = .*/directory = ftp:/' '/^names/d'; do
		[ "$(rig_ours)" -gt 0 ] || left_open
		sed "$mistake" "$RIG_DIR/good" >"$RIG_CONF"
		closes recover
		[[ $output == *"$RIG_CONF:"* ]]
	done
	left_open
	chmod 0666 "$RIG_CONF"
	# Of a file that others may write nothing is believed, the state directory neither.
	run rig_acmegate recover
	[ "$status" -eq 2 ]
	[ "$(rig_ours)" = 0 ]
	[[ $output == *'can be written by others'* ]]
	chmod 0644 "$RIG_CONF"
}

@test "recover closes although its own command line is wrong, and says so" {
	local words
	for words in --frobnicate 'no argument' -x; do
		left_open
		# shellcheck disable=SC2086 # words
		closes recover $words
		[[ $output == *'usage: acmegate'*recover* ]]
	done
}

@test "recover closes without a state directory that can be used" {
	left_open
	chmod 0777 "$RIG_STATE"
	run rig_acmegate recover
	[ "$status" -eq 2 ]
	[ "$(rig_ours)" = 0 ]
	[[ $output == *'without a journal'*'chmod go-w'* ]]
}

# gate_is KIND: a build whose gate is so
gate_is() {
	mkdir -p "$RIG_DIR/partial"
	cp "$RIG_BUILD"/acmegate{,-agent,-surveyor,-gate} "$RIG_DIR/partial/"
	case $1 in
	missing) rm "$RIG_DIR/partial/acmegate-gate" ;;
	nonsense) echo nonsense >"$RIG_DIR/partial/acmegate-gate" ;;
	'for another machine') printf '\177ELF\2\1\1' >"$RIG_DIR/partial/acmegate-gate" ;;
	'ends at once') cp /bin/true "$RIG_DIR/partial/acmegate-gate" ;;
	esac
}

@test "without a gate that can be started every command says which file is at fault and what to do, and changes nothing" {
	local kind command
	rig_config one.test
	rig_nft list ruleset >"$RIG_DIR/before"
	for kind in missing nonsense 'for another machine' 'ends at once'; do
		gate_is "$kind"
		for command in recover "hook --client $$ pre" "hook --client $$ post" renew plan 'guard -- false'; do
			# shellcheck disable=SC2086 # words
			run ip netns exec "$RIG_HOST" timeout 60 "$RIG_DIR/partial/acmegate" -c "$RIG_CONF" $command
			echo "gate $kind, $command: $status: $output"
			[ "$status" -eq 1 ]
			[[ $output == *'error: /'*'/acmegate-gate'*'install acmegate completely (make install)'* ]]
		done
	done
	rig_nft list ruleset | diff "$RIG_DIR/before" -
}

@test "every other command closes before it says what is wrong" {
	for command in renew renew-now plan 'guard -- true' "hook --client $$ pre" "hook --client $$ post"; do
		left_open
		sed -i 's/^port = .*/port = web/' "$RIG_CONF"
		# shellcheck disable=SC2086 # words
		closes $command
	done
}

@test "hook post closes although the configuration has become wrong meanwhile" {
	rig_config one.test
	run -0 rig_acmegate hook --client $$ pre
	sed -i 's/^port = .*/port = web/' "$RIG_CONF"
	run rig_acmegate hook --client $$ post
	[ "$status" -eq 2 ]
	[[ $output == *'the port is closed'* ]]
	[ "$(rig_ours)" = 0 ]
	run rig_acmegate hook --client $$ pre
	[ "$status" -eq 2 ]
	[ "$(rig_ours)" = 0 ]
}

@test "a mistake in a certificate stops only that certificate" {
	rig_pebble
	rig_config one.test two.test three.test
	sed -i '/^names = two/a deploy = /nonexistent/program' "$RIG_CONF"
	rig_before
	for _ in 1 2; do # the second time nothing is due
		run rig_acmegate renew
		[ "$status" -eq 2 ]
		[[ $output == *'/nonexistent/program'* ]]
		rig_certificate one.test one.test
		rig_certificate three.test three.test
		[ ! -e "$(rig_live two.test)" ]
	done
	rig_after
	rig_was_open 4 1
	run rig_acmegate renew-now two.test
	[ "$status" -eq 2 ]
	# guard needs no certificates: a mistake there is only a warning.
	run -0 rig_acmegate guard -- true
	[[ $output == *'warning: '*'/nonexistent/program'* ]]
}

@test "a second acmegate with another state directory in one namespace says so at once" {
	rig_probe_options=(-b)
	rig_config one.test
	run -0 rig_acmegate hook --client $$ pre
	ours=$(rig_ours)
	sed "s,^state = .*,state = $RIG_DIR/other," "$RIG_CONF" >"$RIG_DIR/etc/other.conf"
	for command in recover renew plan 'guard -- true' "hook --client $$ pre"; do
		rig_probe_start
		at=$EPOCHREALTIME
		# shellcheck disable=SC2086 # words
		run rig_acmegate -c "$RIG_DIR/etc/other.conf" $command
		[ "$status" -eq 75 ]
		took=$(awk -v from="$at" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }')
		rig_probe_stop
		rig_at_most "$took" 1
		[[ $output == *"$RIG_STATE"* ]]
		[ "$(rig_ours)" = "$ours" ]
	done
	# With the same one it is as before.
	run rig_acmegate recover
	[ "$status" -eq 75 ]
	[[ $output == *'another acmegate is at work; try again'* ]]
	run -0 rig_acmegate hook --client $$ post
	run -0 rig_acmegate -c "$RIG_DIR/etc/other.conf" recover
	# --wait: until the other one has ended, and no longer than it says.
	rig_acmegate hook --client $$ pre
	for command in 'recover --wait 1' 'plan --wait 1' 'guard --wait 1 -- true'; do
		# shellcheck disable=SC2086 # words
		run -75 rig_acmegate $command
		[[ $output == *'waiting for it, at most 1 seconds'*'another acmegate is at work; try again'* ]]
	done
	for state in "$RIG_STATE" "$RIG_DIR/other"; do
		rig_acmegate hook --client $$ pre
		sed "s,^state = .*,state = $state," "$RIG_CONF" >"$RIG_DIR/etc/other.conf"
		rm -f "$RIG_DIR/out"
		rig_acmegate -c "$RIG_DIR/etc/other.conf" recover --wait 3600 >"$RIG_DIR/out" 2>&1 &
		pid=$!
		rig_until 30 grep -q 'waiting for it' "$RIG_DIR/out"
		rig_acmegate hook --client $$ post
		wait "$pid"
		[ "$(grep -c 'waiting for it' "$RIG_DIR/out")" = 1 ]
	done
	run -2 rig_acmegate recover --wait never
	# The watchdog keeps the lock until it has closed.
	lock=/run/acmegate/netns-$(rig_host stat -L -c %i /proc/self/ns/net)
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 60 >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 eval '[ "$(rig_ours)" -gt 0 ] && watchdog=$(ip netns pids "$RIG_HOST" | grep -xFf <(pgrep -x acmegate-watch))'
	kill -s STOP "$watchdog"
	kill -s KILL "$(ps -o ppid= -p "$watchdog" | tr -d " ")"
	! flock -n "$lock" true || false
	kill -s CONT "$watchdog"
	rig_until 30 flock -n "$lock" true
	[ "$(rig_ours)" = 0 ]
	[ "$(stat -c %a:%u /run/acmegate)" = 700:0 ]
}
