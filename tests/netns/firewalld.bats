#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Real firewalld, with a D-Bus of its own: version 1, whose table is like any other, and version 2, which owns its table.
#
# Debian 13 has version 2. For Debian 12, which has version 1, "make check-firewalld2" fetches it, and runs this file.
bats_require_minimum_version 1.5.0
load ../lib/rude

setup_file() {
	rig_up
	FIREWALLD=$(firewall-offline-cmd --version || true)
	export FIREWALLD
}

setup() {
	RIG_GATE='max_open = 60'
	rm -rf "$RIG_STATE"
	rig_host nft flush ruleset
	BUILT=$RIG_ACMEGATE
	for program in firewalld dbus-daemon; do command -v "$program" >/dev/null || skip "$program is not installed"; done
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out" "$RIG_DIR/probe" "$RIG_DIR/firewalld.log")"
		rig_host nft list ruleset
	}
	rig_ca nft flush ruleset
	for process in probe rude server firewalld bus holder; do rig_end_of "$process" KILL; done
	rig_pebble_stop
	if [ -n "${ROOT:-}" ]; then rm -rf "$RIG_DIR/private"; fi
}

# inside COMMAND...: in the host's network, and where /run and /etc/firewalld are its own
inside() { nsenter -t "$(cat "$RIG_DIR/holder.pid")" -m -n "$@" 3>&-; }

# A process that holds the mounts. ROOT: another Debian, with the same /run/dbus.
enter() {
	mkdir -p "$RIG_DIR/private"
	rm -rf "$RIG_DIR/private/firewalld"
	cp -a "${ROOT:-}/etc/firewalld" "$RIG_DIR/private/firewalld"
	cp "${ROOT:-}"/etc/firewalld/firewalld.conf.dpkg-new "$RIG_DIR/private/firewalld/firewalld.conf" 2>/dev/null || true
	ip netns exec "$RIG_HOST" unshare -m --propagation private sh -c '
		mount -t tmpfs tmpfs /run && mkdir -p /run/dbus /run/firewalld &&
		mount --bind "$1/firewalld" "$2/etc/firewalld" || exit
		if [ -n "$2" ]; then
			mount -t tmpfs tmpfs "$2/run" && mkdir -p "$2/run/dbus" && mount --bind /run/dbus "$2/run/dbus" &&
				mount -t proc proc "$2/proc" && mount --bind /dev "$2/dev" && mount --bind /sys "$2/sys" || exit
		fi
		touch "$1/ready" && exec sleep 600' sh "$RIG_DIR/private" "${ROOT:-}" 3>&- &
	echo $! >"$RIG_DIR/holder.pid"
	rig_until 30 test -e "$RIG_DIR/private/ready"
	rm "$RIG_DIR/private/ready"
	printf '#!/bin/sh\nexec nsenter -t %s -m -- %s "$@"\n' "$(cat "$RIG_DIR/holder.pid")" "$BUILT" >"$RIG_DIR/acmegate"
	chmod 0755 "$RIG_DIR/acmegate"
	RIG_ACMEGATE=$RIG_DIR/acmegate
}

# firewalld asks polkit about everybody but root.
bus_start() {
	nsenter -t "$(cat "$RIG_DIR/holder.pid")" -m -n dbus-daemon --system --nofork --nopidfile >"$RIG_DIR/bus.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/bus.pid"
	rig_until 30 inside test -S /run/dbus/system_bus_socket
}

firewalld_start() {
	nsenter -t "$(cat "$RIG_DIR/holder.pid")" -m -n ${ROOT:+chroot "$ROOT"} firewalld --nofork --nopid >"$RIG_DIR/firewalld.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/firewalld.pid"
	rig_until 30 firewalld_runs
	firewall_cmd --zone=public --change-interface=cable0
}
# Its own tool, which takes longer than all else here to start, is asked once it is there.
firewalld_runs() {
	inside dbus-send --system --print-reply=literal --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
		string:org.fedoraproject.FirewallD1 2>/dev/null | grep -q true && firewall_cmd --state 2>/dev/null | grep -qx running
}
firewall_cmd() { inside ${ROOT:+chroot "$ROOT"} firewall-cmd "$@"; }
# On a busy machine firewalld loses what the kernel answers ("COMMAND_FAILED: 'handle'"), and does it when it is asked again.
reload() { rig_until 30 firewall_cmd --reload; }

firewalld_up() {
	enter && bus_start && firewalld_start
	sums >"$RIG_DIR/private/sums"
}

# Saving what runs writes every file anew, with a copy of the one before, whatever there is to save.
settle() {
	firewall_cmd --runtime-to-permanent && firewall_cmd --runtime-to-permanent && reload
	sums >"$RIG_DIR/private/sums"
}

sums() { (cd "$RIG_DIR/private/firewalld" && find . -type f -exec sha256sum {} + | sort -k 2); }

# /etc/firewalld is as it was
same_files() { sums | diff "$RIG_DIR/private/sums" -; }

# The rules without counters and handles: firewalld makes its table anew when it is reloaded.
rules() { rig_host nft list ruleset | sed -E 's/packets [0-9]+ bytes [0-9]+//; s/ *# progname.*//; /^\tflags /d'; }

open_again() { [ "$(rig_probe_once)" = $'4 listening\n6 listening' ]; }

# closed_and_same: nothing of ours is left, in the ruleset or on disk
closed_and_same() {
	rig_probe_stop
	rig_silent
	run -0 rules
	[[ $output != *acmegate* ]]
	same_files
}

# in_mid_window COMMAND...: open again after that. A window for each. The CA has been here, and tells nobody before the end: Pebble gives up
# after 15 s, and firewalld may take longer to start.
in_mid_window() {
	rm -f "$RIG_DIR/enough"
	rude "POST|/authZ/|all|pending=$RIG_DIR/enough" "POST|/my-order/|all|pending=$RIG_DIR/enough"
	RIG_GATE='max_open = 300' RIG_DIRECTORY=https://$rude/dir rig_window
	rig_release
	"$@"
	rig_until 30 open_again
	touch "$RIG_DIR/enough"
	rig_ends 0
	closed_and_same
}

# in_guarded_window COMMAND...: the same, and no CA waits: firewalld may take more than 15 s to start.
in_guarded_window() {
	RIG_GATE='max_open = 300' guard_window
	"$@"
	rig_until 30 open_again
	guard_ends
	closed_and_same
	rig_end_of server
}

restart() { rig_end_of firewalld TERM && firewalld_start; }
killed_and_started() { rig_end_of firewalld KILL && open_again && firewalld_start; }

in_full() { [ "${NETS:-}" = all ] || skip 'it takes its time: make check-nets'; }

# The native way: the table of version 1 is opened like any other.
version_1() {
	ROOT=
	[[ $FIREWALLD != 2.* ]] || skip "firewalld here is version 2"
}

@test "version 1: acmegate opens, closes, and changes nothing else" {
	version_1
	firewalld_up
	RIG_DNS6=$RIG_HOST6
	rig_config one.test
	run -0 rig_acmegate plan
	[[ $output == *'rule inet firewalld filter_INPUT '*'tcp dport @acmegate_'* ]]
	rig_window
	rig_release
	rig_ends 0
	rig_after
	rig_was_open 4 1
	rig_was_open 6 1
	same_files
}

# for_tls: port 443 is opened for tls-alpn-01, and nothing else is changed
for_tls() {
	rig_probe_arguments[0]=443
	RIG_CERTIFICATE='challenge = tls-alpn-01' rig_window
	rig_release
	rig_ends 0
	[[ $output == *'port 443 open'*'port 443 closed'* && $output != *'port 80 '* ]]
	rig_after
	rig_was_open 4 1
	rig_was_open 6 1
	same_files
}

@test "version 1: port 443 for tls-alpn-01" {
	version_1
	firewalld_up
	for_tls
}

@test "version 1 in mid-window: reloaded, restarted, killed, saved as permanent; it keeps no rule of acmegate" {
	version_1
	firewalld_up
	settle
	rules >"$RIG_DIR/rules"
	for order in --reload --complete-reload --runtime-to-permanent; do
		in_guarded_window firewall_cmd "$order"
	done
	in_guarded_window rig_end_of firewalld KILL
	in_guarded_window firewalld_start
	in_guarded_window restart
	rules | diff "$RIG_DIR/rules" -
	reload
	rules | diff "$RIG_DIR/rules" -
}

@test "version 1 in mid-window: panic mode shuts the port, too, and nothing opens while it is on" {
	version_1
	in_full
	firewalld_up
	rig_window
	firewall_cmd --panic-on
	rig_until 30 rig_silent
	! rig_host nft list table inet firewalld_policy_drop | grep acmegate || false
	rig_release
	firewall_cmd --panic-off
	rig_until 2 open_again || true
	rig_ends '0|1|75'
	closed_and_same
	firewall_cmd --panic-on
	run -1 rig_acmegate plan
	[[ $output == *'panic mode'*'--panic-off'* ]]
}

@test "version 1: killed with all of acmegate in mid-window, the port is closed and the next start removes the rule" {
	rig_probe_options=(-b)
	version_1
	in_full
	firewalld_up
	rules >"$RIG_DIR/rules"
	rig_window
	mapfile -t victims < <(rig_family "$pid")
	victims+=("$(cat "$RIG_DIR/firewalld.pid")")
	killed=$EPOCHREALTIME
	rig_kill_at_once "${victims[@]}"
	rig_closed_after "$killed" 0.050
	run -0 rig_acmegate recover
	rules | diff "$RIG_DIR/rules" -
	same_files
}

# --- asked over D-Bus -----------------------------------------------------------------------------------------------------

# The listener is another's, as with hooks and guard.
server_start() {
	ip netns exec "$RIG_HOST" busybox httpd -f -p '[::]:80' -h "$RIG_DIR/private" 3>&- &
	echo $! >"$RIG_DIR/server.pid"
}

# guard_window: a window for that listener which stands until guard's command is ended
guard_window() {
	server_start
	rig_config one.test
	rig_probe_start
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" ${debug:+"$debug"} guard -- sleep 300 >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 rig_opened
	# firewalld opens before it answers that it has: one that is killed in between is one that refused.
	rig_until 30 grep -q 'port 80 open' "$RIG_DIR/out"
}

guard_ends() {
	kill -s TERM "$pid"
	rig_ends "${1:-143}"
}

asked() {
	firewalld_up
	settle
	# The administrator's own: the same but for the tag, and a port.
	firewall_cmd --zone=trusted --add-port=80/tcp
	firewall_cmd --zone=public --add-rich-rule='rule priority="-32768" port port="81" protocol="tcp" nflog prefix="mine" accept'
	rules >"$RIG_DIR/rules"
}

asked_opens_and_closes() {
	local debug=--debug
	asked
	guard_window
	grep -q 'firewalld: asks org\.fedoraproject\.FirewallD1\.zone\.addRichRule of ' "$RIG_DIR/out"
	[ "$(rig_probe_once)" = $'4 listening\n6 listening' ]
	same_files
	guard_ends
	closed_and_same
	rules | diff "$RIG_DIR/rules" -
	[ "$(firewall_cmd --zone=trusted --list-ports)" = 80/tcp ]
}

asked_saved() {
	asked
	guard_window
	firewall_cmd --runtime-to-permanent
	grep -q acmegate "$RIG_DIR/private/firewalld/zones/public.xml"
	guard_ends
	rig_probe_stop
	rig_silent
	run grep -l acmegate: -r "$RIG_DIR/private/firewalld" --include='*.xml'
	[ -z "$output" ]
	reload
	rig_silent
}

# ask METHOD: of firewalld, for a rule like ours
ask() {
	# shellcheck disable=SC2086 # the second argument may be none
	inside dbus-send --system --print-reply --dest=org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 \
		"org.fedoraproject.FirewallD1.zone.$1" string:public \
		string:'rule priority="-32768" port port="83" protocol="tcp" nflog prefix="directly" accept' $2 >/dev/null
}
# takes_firewalld: the seconds between the question, put directly, and the answer
takes_firewalld() {
	local from
	ask addRichRule int32:0
	from=$EPOCHREALTIME
	ask removeRichRule
	awk -v from="$from" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", to - from }'
}

# Guard, the process that holds its window, and the gate; the watchdog lives.
kill_holders() {
	local process
	for process in $(rig_family "$pid"); do
		[[ $(cat "/proc/$process/comm") != acmegate && $(cat "/proc/$process/comm") != acmegate-gate ]] || victims+=("$process")
	done
	killed=$EPOCHREALTIME
	rig_kill_at_once "${victims[@]}"
}
# Those killed, or still ending, may hold the journal for a moment.
recovers() {
	run rig_acmegate recover
	[ "$status" -eq 0 ]
}
asked_killed() {
	rig_probe_options=(-b)
	local victims=()
	asked
	# The watchdog. What firewalld itself takes to remove a rule is not acmegate's.
	takes=$(takes_firewalld)
	guard_window
	kill_holders
	# The watchdog starts the process that asks, and its greeting, name and question go through D-Bus, there and back, to firewalld.
	RIG_HANDS=10 rig_closed_after "$killed" "$(awk -v takes="$takes" 'BEGIN { print 0.080 + 2 * takes }')"
	rig_until 30 eval 'rules | cmp -s - "$RIG_DIR/rules"'
	rig_end_of server
	# firewalld's own timer.
	RIG_GATE='max_open = 5'
	guard_window
	mapfile -t victims < <(rig_family "$pid")
	killed=$EPOCHREALTIME
	rig_kill_at_once "${victims[@]}"
	rig_closed_after "$killed" 6
	rig_until 30 recovers
	rules | diff "$RIG_DIR/rules" -
	rig_end_of server
	# firewalld with all of acmegate: nobody closes but the next start, which needs no firewalld.
	guard_window
	mapfile -t victims < <(rig_family "$pid")
	rig_kill_at_once "${victims[@]}" "$(cat "$RIG_DIR/firewalld.pid")"
	rig_until 30 rig_gone "$pid"
	rig_until 30 recovers
	[[ $output == *'is closed now'* ]]
	rig_silent
	rules | diff "$RIG_DIR/rules" -
	rig_probe_stop
}

asked_dead() {
	asked
	guard_window
	rig_end_of firewalld KILL
	guard_ends
	rig_probe_stop
	rig_silent
	rules | diff "$RIG_DIR/rules" -
	same_files
}

# keeps_trusted: a client in a zone that is let in anyway keeps its connection when the window ends, another one does not
keeps_trusted() {
	firewalld_up
	firewall_cmd --zone=trusted --add-source=10.98.0.77
	rig_ca ip addr add 10.98.0.77/24 dev cable0
	cat >"$RIG_DIR/private/talk.py" <<-'PY'
		import socket, sys
		through = [socket.create_connection((sys.argv[1], 80), 30, source_address=(source, 0)) for source in ("10.98.0.77", sys.argv[2])]
		print("connected", flush=True)
		sys.stdin.readline()
		def alive(s):
		    s.settimeout(0.5)
		    try:
		        return s.recv(1) != b""
		    except socket.timeout:
		        return True
		    except ConnectionResetError:
		        return False
		print("alive", [alive(s) for s in through], flush=True)
	PY
	guard_window
	rm -f "$RIG_DIR/private/talk.out" && mkfifo "$RIG_DIR/private/talk.in"
	ip netns exec "$RIG_CA" python3 "$RIG_DIR/private/talk.py" "$RIG_HOST4" "$RIG_CA4" <>"$RIG_DIR/private/talk.in" >"$RIG_DIR/private/talk.out" 3>&- &
	talk=$!
	rig_until 30 grep -q connected "$RIG_DIR/private/talk.out"
	guard_ends
	echo >"$RIG_DIR/private/talk.in"
	wait "$talk"
	rig_ca ip addr del 10.98.0.77/24 dev cable0
	rm -f "$RIG_DIR/private/talk.in"
	[ "$(tail -n 1 "$RIG_DIR/private/talk.out")" = 'alive [True, False]' ]
}

@test "version 1: a client of a trusted zone keeps its connection when a window ends; opened by a rule, or over D-Bus" {
	version_1
	keeps_trusted
	for process in probe server firewalld bus holder; do rig_end_of "$process" KILL; done
	RIG_ACMEGATE=$BUILT RIG_BACKEND=firewalld
	keeps_trusted
}

@test "version 1 over D-Bus: acmegate opens for another program's listener and closes; the administrator's rules stay" {
	version_1
	RIG_BACKEND=firewalld
	asked_opens_and_closes
}

@test "version 1 over D-Bus: a save in mid-window keeps no rule of acmegate" {
	version_1
	in_full
	RIG_BACKEND=firewalld
	asked_saved
}

@test "version 1 over D-Bus: saved in mid-window, and firewalld dies: acmegate says so, and closes for good when it is back" {
	version_1
	in_full
	RIG_BACKEND=firewalld
	asked
	guard_window
	firewall_cmd --runtime-to-permanent
	rig_end_of firewalld KILL
	guard_ends 1
	[[ $output == *'/etc/firewalld/zones/public.xml'*'acmegate recover'* ]]
	rig_probe_stop
	rig_silent
	run -1 rig_acmegate recover
	# The watchdog has stayed behind, and closes as soon as it can.
	firewalld_start
	rig_until 30 eval 'rig_silent && ! grep -rq acmegate /etc/firewalld/zones "$RIG_DIR/firewalld/zones"'
	run -0 rig_acmegate recover
	reload
	rig_silent
}

@test "version 1 over D-Bus: the port closes after the death of each process and of all together" {
	version_1
	in_full
	RIG_BACKEND=firewalld
	asked_killed
}

@test "version 1 over D-Bus: closed although firewalld has died" {
	version_1
	RIG_BACKEND=firewalld
	asked_dead
}

# mute_bus: in place of D-Bus somebody who takes connections and says nothing
mute_bus() {
	rig_end_of bus KILL
	nsenter -t "$(cat "$RIG_DIR/holder.pid")" -m -n python3 -c 'import os, socket, time
path = "/run/dbus/system_bus_socket"
if os.path.exists(path): os.unlink(path)
mute = socket.socket(socket.AF_UNIX)
mute.bind(path)
mute.listen()
time.sleep(600)' 3>&- &
	echo $! >"$RIG_DIR/bus.pid"
	rig_until 30 inside sh -c 'grep -q "00010000 .*/run/dbus/system_bus_socket" /proc/net/unix'
}

asker() { ip netns pids "$RIG_HOST" | grep -xFf <(pgrep -x acmegate-firewa); }
nobody_asks() { ! asker; }

# asks_without_rights BOUNDING: root by number, and nothing else of root's
asks_without_rights() {
	rig_until 30 asker
	rig_until 30 grep -q '^Seccomp:.2$' "/proc/$(asker)/status"
	run -0 grep -E '^(Uid|Cap...|NoNewPrivs|Seccomp):' "/proc/$(asker)/status"
	[ "$output" = "$(printf '%s\n' $'Uid:\t0\t0\t0\t0' $'CapInh:\t0000000000000000' $'CapPrm:\t0000000000000000' \
		$'CapEff:\t0000000000000000' "CapBnd:"$'\t'"$1" $'CapAmb:\t0000000000000000' $'NoNewPrivs:\t1' $'Seccomp:\t2')" ]
}

@test "over D-Bus: the process that talks to firewalld has no capability, and dies with the gate" {
	version_1
	RIG_BACKEND=firewalld
	enter
	mute_bus
	rig_config one.test
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" plan >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	asks_without_rights 0000000000000000
	kill -s KILL "$(rig_gate)"
	rig_until 30 nobody_asks
}

# The watchdog's bounding set is its own, and it cannot change it.
@test "over D-Bus: the watchdog's process has none either; one that hangs is killed, and the port closes without it" {
	version_1
	in_full
	RIG_BACKEND=firewalld
	asked
	guard_window
	mute_bus
	kill_holders
	asks_without_rights 0000000000003000
	rig_until 30 grep -q 'watchdog: .*/acmegate-firewalld did not end within 10 seconds and was killed' "$RIG_DIR/out"
	rig_probe_stop
	rig_silent
	rules | diff "$RIG_DIR/rules" -
}

# liar VERB WORDS: a build, below a directory that only its owner can enter, whose program answers this to the verb, and else is real
liar() {
	mkdir -p "$RIG_DIR/home/build"
	cp --remove-destination "$RIG_BUILD"/acmegate{,-gate} "$RIG_DIR/home/build/" # a watchdog may still run it
	cp "$RIG_BUILD/acmegate-firewalld" "$RIG_DIR/home/build/real"
	printf '#!/bin/sh\n[ "$1" != %s ] || { %s; exit; }\nexec ./real "$@"\n' "$1" "$2" >"$RIG_DIR/home/build/new"
	chmod 0755 "$RIG_DIR/home/build/new"
	mv "$RIG_DIR/home/build/new" "$RIG_DIR/home/build/acmegate-firewalld"
	chown nobody "$RIG_DIR/home"
	chmod 0700 "$RIG_DIR/home"
	BUILT=$RIG_DIR/home/build/acmegate
}

@test "over D-Bus: a malformed answer is an error, and the port closes" {
	version_1
	RIG_BACKEND=firewalld
	liar plan 'printf "firewall-cmd --zone=\\033[2J\n"'
	asked
	rig_config one.test
	run -1 rig_acmegate plan
	[[ $output == *'acmegate-firewalld gave no answer that acmegate knows (status 0): firewall-cmd --zone=?[2J'* ]]
	rules | diff "$RIG_DIR/rules" -
	liar open './real "$@"; echo and so on'
	server_start
	run -1 rig_acmegate guard -- true
	[[ $output == *'error: acmegate-firewalld gave no answer that acmegate knows (status 0): 1?and so on?'* ]]
	rig_silent
	rules | diff "$RIG_DIR/rules" -
	same_files
	rig_end_of server
	# A rule that firewalld was not asked to remove is removed from the kernel; firewalld lists it until it reads its files again.
	liar close 'exit 77'
	guard_window
	guard_ends 1
	[[ $output == *'closing port 80: acmegate-firewalld gave no answer that acmegate knows (status 77): '* ]]
	rig_probe_stop
	rig_silent
	rules | diff "$RIG_DIR/rules" -
	liar nothing true
	reload
	rig_until 30 recovers # the gate and its watchdog may end after guard, and hold the journal for a moment
	same_files
}

# --- version 2 ----------------------------------------------------------------------------------------------------------

version_2() {
	ROOT=
	[[ $FIREWALLD != 2.* ]] || return 0
	ROOT=${FIREWALLD2_ROOT:-$RIG_BUILD/firewalld2}
	[ -x "$ROOT/usr/sbin/firewalld" ] || skip "there is no firewalld 2 in $ROOT; make check-firewalld2 fetches it"
}

@test "version 2: a redirection bypasses its own table" {
	version_2
	firewalld_up
	RIG_DNS6=$RIG_HOST6
	rig_host nft delete table inet filter || true
	rig_host nft list tables | grep firewalld
	rig_config one.test
	run -0 rig_acmegate plan
	[[ $output == *'redirect to :8402'* ]]
	rig_window
	rig_release
	rig_ends 0
	rig_probe_stop
	rig_was_open 4 1
	rig_was_open 6 1
	closed_and_same
}

@test "version 2: port 443 for tls-alpn-01" {
	version_2
	firewalld_up
	for_tls
}

@test "version 2 in mid-window: reloaded, restarted, killed, saved as permanent; it keeps no rule of acmegate" {
	version_2
	firewalld_up
	settle
	rules >"$RIG_DIR/rules"
	for order in --reload --complete-reload --runtime-to-permanent; do
		in_mid_window firewall_cmd "$order"
	done
	# One that starts takes its table for itself alone: what was redirected before it died is let in by that, too.
	in_mid_window killed_and_started
	in_mid_window restart
	rules | diff "$RIG_DIR/rules" -
}

@test "version 2: killed with all of acmegate in mid-window, the port is closed and the next start removes the rule" {
	rig_probe_options=(-b)
	version_2
	firewalld_up
	rules >"$RIG_DIR/rules"
	rig_window
	mapfile -t victims < <(rig_family "$pid")
	victims+=("$(cat "$RIG_DIR/firewalld.pid")")
	killed=$EPOCHREALTIME
	rig_kill_at_once "${victims[@]}"
	rig_closed_after "$killed" 0.050
	run -0 rig_acmegate recover
	rules | diff "$RIG_DIR/rules" -
	same_files
}

@test "version 2 over D-Bus opens for hooks, guard and a web server" {
	version_2
	asked_opens_and_closes
}

@test "version 2 over D-Bus: saved in mid-window, and killed, it keeps no rule of acmegate" {
	version_2
	asked_saved
}

@test "version 2 over D-Bus: the port closes after the death of each process and of all together" {
	version_2
	asked_killed
}

@test "version 2 over D-Bus: closed although firewalld has died, put back when it is reloaded" {
	version_2
	asked_dead
	firewalld_start
	rig_end_of server
	guard_window
	reload
	rig_until 30 open_again
	guard_ends
	rig_probe_stop
	rig_silent
}
