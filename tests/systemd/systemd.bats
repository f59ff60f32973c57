#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# At home: systemd is PID 1, the timer fires, the service runs with all its restrictions, and everything that systemd can do to
# a service in mid-window is done to it.
bats_require_minimum_version 1.5.0
load suite
rig_probe_options=(-b)

setup_file() {
	machine_from_tree || return 0
	mkdir "$machine/etc/acmegate"
	cp "$RIG_DIR/pki/ca.pem" "$machine/etc/acmegate/"
	# A deploy hook reloads this service.
	cat >"$machine/etc/systemd/system/consumer.service" <<-'UNIT'
		[Service]
		ExecStart=sleep infinity
		ExecReload=sh -c 'echo >>/run/reloaded'
		[Install]
		WantedBy=multi-user.target
	UNIT
	# The timer is persistent and has missed its time; only the random part is taken from it.
	mkdir -p "$machine/etc/systemd/system/acmegate.timer.d" "$machine/var/lib/systemd/timers"
	printf '[Timer]\nRandomizedDelaySec=0\n' >"$machine/etc/systemd/system/acmegate.timer.d/rig.conf"
	touch -d '3 hours ago' "$machine/var/lib/systemd/timers/stamp-acmegate.timer"
	machine_without_boot sh -c 'systemctl -q enable acmegate.timer acmegate-recover.service consumer.service'
	configure one.test
	rig_pebble
	rig_policy_drop | rig_nft -
	rig_before
	machine_boot
}

setup() {
	machine_can
	machine=${RIG_DIR:-}/machine
	# Without a random part it fires again at the full hour, into whatever is tested then.
	case $BATS_TEST_DESCRIPTION in
	'the timer fires'*) ;;
	*) machine systemctl -q stop acmegate.timer ;;
	esac
}

teardown() {
	[ -z "${MACHINE_LACKS:-}" ] || return 0
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		machine journalctl -b -o short-precise --no-pager -u 'acmegate*' | tail -n 40
		cat "$RIG_DIR/probe"
	}
	rig_ca nft flush ruleset
	rig_end_of probe
	rm -rf "$machine/run/systemd/system/acmegate.service.d"
	machine systemctl -q stop holder.service 2>/dev/null || true
}

# configure NAME: one certificate, of another owner, with a hook
configure() {
	RIG_STATE=/var/lib/acmegate rig_config <<-INI
		[certificate $1]
		names = $1
		owner = daemon
		mode = 0640
		deploy = /usr/share/acmegate/deploy/reload consumer debug-shell
	INI
	sed "s,$RIG_DIR/pki,/etc/acmegate,; s/^user = .*/user = _acmegate/" "$RIG_CONF" >"$machine/etc/acmegate/acmegate.conf"
}

property() { machine systemctl show -P "$1" acmegate.service; }
# What has been said is in the journal a little later.
log() { machine sh -c "journalctl --sync; journalctl -b -o cat --no-pager -u ${1:-acmegate.service}"; }
is_in_state() { [ "$(property ActiveState)" = "$1" ]; }
is_over() { is_in_state inactive || is_in_state failed; }
has_certificate() { [ -L "$machine/var/lib/acmegate/certificates/$1/live" ]; }
drop_in() {
	machine mkdir -p /run/systemd/system/acmegate.service.d
	printf '[Service]\n%s\n' "$@" | machine tee /run/systemd/system/acmegate.service.d/rig.conf >/dev/null
	machine systemctl daemon-reload
}

# window NAME: the service runs, and its window stands
window() {
	configure "$1"
	rig_hold
	rig_before
	machine systemctl reset-failed
	machine systemctl start --no-block acmegate.service
	rig_until 30 rig_opened
}

# closed_now: since just before, and nothing is left
closed_now() {
	rig_closed_after "$EPOCHREALTIME" 0.050
	rig_until 30 is_over
	# systemd 257 of Debian 13 kills the group of processes as one, and what it starts right then in its place, too. The port is closed; the
	# rule goes with the next start, as after any death of all at once.
	[[ $(property ExecStopPost) != *code=killed* ]] || {
		echo "# $BATS_TEST_DESCRIPTION: systemd has killed ExecStopPost=, too" >&3
		machine systemctl start acmegate-recover.service
	}
	rig_until 30 rig_as_before
	rig_was_open 4 1
}

@test "the timer fires, the service renews through the closed firewall, and the hook reloads" {
	rig_until 60 has_certificate one.test
	rig_until 30 is_over
	[ "$(property Result)" = success ]
	rig_after
	rig_was_open 4 1
	rig_was_open 6 1
	run log
	[[ $output == *'port 80 open'*'port 80 closed'*'ruleset unchanged'* ]]
	machine test -e /run/reloaded
	live=$machine/var/lib/acmegate/certificates/one.test/live
	cat "$live/fullchain.pem" "$live/privkey.pem" | cmp - "$live/combined.pem"
	[ "$(stat -L -c '%a %U' "$live"/*.pem | uniq)" = '640 daemon' ]
	openssl x509 -in "$live/cert.pem" -noout -checkhost one.test | grep -q 'does match'
	[ "$(stat -c %a "$machine/var/lib/acmegate" "$machine/var/lib/acmegate/certificates" | tr '\n' ' ')" = '711 711 ' ]
	# The next time is within the hour, and its random part.
	run machine systemctl list-timers --no-legend acmegate.timer
	[[ $output == *acmegate.service* ]]
}

# shellcheck disable=SC2053 # a pattern
says() { [[ $(property StatusText) == $1 ]]; }
event() { machine journalctl -b --no-pager -u acmegate.service "${@:2}" "ACMEGATE_EVENT=$1"; }

@test "the journal has the fields of a run, the catalog says what to do, and systemctl shows how far it is" {
	machine journalctl --update-catalog
	window journal.test
	rig_until 30 says 'validating 0 of 1 name, port 80 open for * s, * s left'
	is_in_state activating # a oneshot, whatever it says of itself
	rig_release
	rig_until 60 has_certificate journal.test
	rig_until 30 is_over
	rig_after
	[ "$(property Result)" = success ]
	says 'all is done'
	machine journalctl --sync
	event certificate-stored ACMEGATE_CERTIFICATE=journal.test -o json | jq -es 'length == 1 and (.[0] | .ACMEGATE_CERTIFICATE == "journal.test" and .SYSLOG_IDENTIFIER == "acmegate"
		and .PRIORITY == "5" and ._TRANSPORT == "journal" and .MESSAGE_ID == "580bdf941264442494b652ac2765d486")'
	event window-closed -o json | jq -es '.[-1] | (.ACMEGATE_SECONDS | tonumber) > 0 and (.ACMEGATE_WINDOW | tonumber) > 0'
	run -0 event window-closed -x
	[[ $output == *'Subject: acmegate has closed the port'* && $output == *'Nothing is to be done. acmegate history'* ]]
	[ "$(log | grep -c 'certificate journal.test is stored in')" = 1 ]
}

@test "the next run finds nothing due, although the key has another owner, and opens nothing" {
	rig_before
	machine systemctl start acmegate.service
	rig_after
	rig_never_open
	[ "$(property Result)" = success ]
}

@test "recovery at boot asks every layer when the journal cannot be read, firewalld too" {
	[ ! -e "$machine/var/lib/acmegate/journal.corrupt" ]
	machine sh -c 'echo nonsense >/var/lib/acmegate/journal'
	machine systemctl restart acmegate-recover.service
	[ "$(machine systemctl show -P Result acmegate-recover.service)" = success ]
	rm "$machine/var/lib/acmegate/journal.corrupt"
}

@test "systemd-analyze accepts the units, and rates their exposure as low" {
	run machine systemd-analyze verify --man=no acmegate.service acmegate.timer acmegate-recover.service acmegate-recover-again.service \
		acmegate-address.service acmegate-address.timer
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	run machine systemd-analyze security --no-pager --threshold=25 acmegate.service
	printf '%s\n' "${lines[@]: -1}" >&3
	[ "$status" -eq 0 ]
	run machine systemd-analyze security --no-pager --threshold=20 acmegate-recover.service
	[ "$status" -eq 0 ]
	run machine systemd-analyze security --no-pager --threshold=20 acmegate-address.service
	[ "$status" -eq 0 ]
}

@test "systemctl kill -s KILL in mid-window" {
	window kill.test
	# Stopped first: systemd kills one after another, and the gate would close when it saw the first one die.
	machine systemctl kill -s STOP acmegate.service
	machine systemctl kill -s KILL acmegate.service
	closed_now
	[ "$(property Result)" = signal ]
	[[ $(log)$(log acmegate-recover.service) == *'an earlier run was killed'* ]]
}

@test "TimeoutStartSec ends in mid-window" {
	drop_in TimeoutStartSec=15s # opening is to come before it, on a busy machine too
	window timeout.test
	rig_until 60 is_over
	closed_now
	[ "$(property Result)" = timeout ]
	rig_at_most "$(rig_probe_total 4 open)" 15.5
}

@test "systemctl stop in mid-window" {
	window stop.test
	machine systemctl stop acmegate.service
	closed_now
	[[ $(log) == *Terminated* ]]
	[[ $(log) != *'died of signal'* ]]
	[ "$(property Result)" = success ]
}

@test "the machine is shut down in mid-window: the port is closed on the way, and nothing is left for the next boot" {
	window shutdown.test
	machine systemctl poweroff || true
	rig_until 30 rig_silent
	rig_closed_after "$EPOCHREALTIME" 0.050
	rig_until 30 rig_gone "$(cat "$RIG_DIR/nspawn.pid")"
	rig_as_before
	machine_cut
	rig_ca nft flush ruleset
	rig_probe_start
	machine_boot
	rig_after
	rig_never_open
	[[ $(log acmegate-recover.service) != *'earlier run'* ]]
}

@test "the machine dies in mid-window, and comes back" {
	window cut.test
	[ "$(rig_ours)" = 2 ]
	machine_cut
	rig_closed_after "$EPOCHREALTIME" 0.050
	# The namespace lives on, and so do our rules, as no ruleset of a machine that was switched off would.
	[ "$(rig_ours)" = 2 ]
	rig_probe_start
	rig_ca nft flush ruleset
	machine_boot
	rig_after
	rig_never_open
	[ "$(machine systemctl show -P Result acmegate-recover.service)" = success ]
	[[ $(log acmegate-recover.service) == *'was killed while port 80 was open'* ]]
	# Recovery comes before the firewall, and the firewall before the network.
	[ "$(machine systemctl show -P Before acmegate-recover.service | tr ' ' '\n' | grep -cxE 'network-pre.target|nftables.service')" = 2 ]
}

@test "without a configuration, or with a wrong one, the service does nothing" {
	rig_before
	mv "$machine/etc/acmegate/acmegate.conf" "$machine/etc/acmegate/away"
	machine systemctl start acmegate.service
	[ "$(property ConditionResult)" = no ]
	sed 's/^user = .*/user = nobody-has-this-name/' "$machine/etc/acmegate/away" >"$machine/etc/acmegate/acmegate.conf"
	run machine systemctl start acmegate.service
	[ "$status" -ne 0 ]
	[ "$(property ExecMainStatus)" = 2 ]
	[[ $(log) == *nobody-has-this-name* ]]
	rig_after
	rig_never_open
}

lines_of() { machine journalctl -b -o cat --no-pager -u acmegate.service | wc -l; }

# The unit of the manual's example, with a mail program that keeps what it is told.
example_of_onfailure() {
	sed -n '/^\[Unit\]$/,/^\.Ed$/{/^Description=Tell/,/^\.Ed$/p}' "$RIG_ROOT/src/acmegate.8" |
		sed '/^\.Ed$/,$d; s/\\e$/\\/'
}

@test "OnFailure= of the manual's example tells of a failure, once, and not of what is tried again" {
	local units="$machine/etc/systemd/system"
	configure one.test
	mkdir -p "$units/acmegate.service.d"
	printf '[Unit]\nOnFailure=acmegate-failed.service\n' >"$units/acmegate.service.d/failed.conf"
	{ echo '[Unit]' && example_of_onfailure; } >"$units/acmegate-failed.service"
	printf '#!/bin/sh\n{ echo "$@"; cat; } >>/var/mailed\n' >"$machine/usr/local/bin/mail"
	chmod 0755 "$machine/usr/local/bin/mail"
	cp "$machine/etc/acmegate/acmegate.conf" "$RIG_DIR/good.conf"
	sed -i 's/^accept_terms.*/accept_terms = maybe/' "$machine/etc/acmegate/acmegate.conf"
	machine systemctl daemon-reload
	run machine systemctl start acmegate.service
	rig_until 30 grep -q '^-s acmegate has failed on .* root$' "$machine/var/mailed"
	rig_until 30 grep -q 'accept_terms: expected yes or no' "$machine/var/mailed"
	cp "$RIG_DIR/good.conf" "$machine/etc/acmegate/acmegate.conf"
	machine systemd-run -q --unit=holder acmegate guard -- sh -c 'touch /var/held; exec sleep 600'
	rig_until 30 test -e "$machine/var/held"
	machine systemctl start acmegate.service
	[ "$(property ExecMainStatus)" = 75 ]
	machine systemctl stop holder.service
	machine systemctl start acmegate.service
	[ "$(property ExecMainStatus)" = 0 ]
	[ "$(grep -c '^-s ' "$machine/var/mailed")" = 1 ]
	rm -r "$units/acmegate.service.d" "$units/acmegate-failed.service"
	machine systemctl daemon-reload
	machine systemctl reset-failed
}

@test "a run with nothing due logs no line, and neither does the recovery after it" {
	configure one.test
	machine systemctl start acmegate.service
	machine systemctl start acmegate.service
	before=$(lines_of)
	machine systemctl start acmegate.service
	rig_until 30 is_over
	machine journalctl --sync
	run -0 machine journalctl -b -o cat --no-pager -u acmegate.service
	printf '%s\n' "${lines[@]:before}"
	[ "$(lines_of)" = "$before" ]
}

saved_and_loaded() { [ "$(rig_ours)" = 0 ] && [[ $(log acmegate-recover-again.service) == *'that no run had left'* ]]; }

@test "rules that a saved ruleset brings back are removed, by hand and at boot" {
	configure one.test
	client=$(machine sh -c 'sleep 120 >/dev/null 2>&1 & acmegate hook --client $! pre >&2 && echo $!')
	machine sh -c '{ echo flush ruleset && nft list ruleset; } >/etc/nftables.conf'
	machine sh -c "kill $client"
	rig_until 30 eval '[ "$(rig_ours)" = 0 ]'
	grep -q 'acmegate:' "$machine/etc/nftables.conf"
	machine nft -f /etc/nftables.conf
	[ "$(rig_ours)" -gt 0 ] # a bare load does bring them back
	machine systemctl restart nftables.service
	rig_until 30 saved_and_loaded
	machine systemctl -q enable nftables.service
	machine_cut
	machine_boot
	rig_until 30 saved_and_loaded
	machine systemctl -q disable nftables.service
}

legacy() { machine iptables-legacy-save; machine ip6tables-legacy-save; }
legacy_as_before() { legacy | sed '/^#/d; s/\[[0-9:]*\]//' | cmp -s - "$RIG_DIR/legacy-before"; }

@test "the service opens iptables-legacy, and closes it when it is killed in mid-window" {
	rig_host nft flush ruleset
	for tool in iptables-legacy ip6tables-legacy; do
		machine "$tool" -P INPUT DROP || skip 'this kernel has no iptables-legacy'
		machine "$tool" -A INPUT -i lo -j ACCEPT
		machine "$tool" -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
		machine "$tool" -A INPUT -p ipv6-icmp -j ACCEPT
	done
	legacy | sed '/^#/d; s/\[[0-9:]*\]//' >"$RIG_DIR/legacy-before"
	# As it is after a boot, before any tool has run; and ProtectSystem=strict does not reach /run in every machine of this kind.
	machine rm /run/xtables.lock
	machine systemd-tmpfiles --create acmegate.conf
	drop_in ReadOnlyPaths=/run
	configure legacy.test
	rig_before
	machine systemctl reset-failed
	machine systemctl start acmegate.service
	has_certificate legacy.test
	rig_closed_after "$EPOCHREALTIME" 0.050
	rig_was_open 4 1
	legacy_as_before
	# Its end is seen by the watchdog, or by ExecStopPost: both run the tools with what the unit leaves them.
	window killed.test
	run legacy
	[[ $output == *acmegate:* ]]
	machine systemctl kill -s KILL acmegate.service
	closed_now
	legacy_as_before
	run machine systemd-analyze security --no-pager --threshold=25 acmegate.service
	[ "$status" -eq 0 ]
}
