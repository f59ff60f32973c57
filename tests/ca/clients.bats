#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The clients that people have, as Debian packages them, through hooks and guard: port 80 is open while they need it and never
# longer than they live.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
	printf '[gate]\nuser = nobody\nstate = %s\n' "$RIG_STATE" >"$RIG_CONF"
	rig_pebble
	mkdir "$RIG_DIR/sbin"
	printf '#!/bin/sh\nexec %s -c %s "$@"\n' "$RIG_ACMEGATE" "$RIG_CONF" >"$RIG_DIR/sbin/acmegate"
	# For the clients that leave the serving to others.
	cat >"$RIG_DIR/serve" <<-'SH'
		#!/bin/sh
		busybox httpd -f -p 80 -h "$WORK/web" &
		echo $! >"$WORK/httpd"
	SH
	cat >"$RIG_DIR/uacme-hook" <<-SH
		#!/bin/sh
		[ "\$2" = http-01 ] || exit 1
		web=\$WORK/web/.well-known/acme-challenge
		case \$1 in
		begin) mkdir -p "\$web" && printf %s "\$5" >"\$web/\$4" && exec "$RIG_DIR/serve" ;;
		*) kill "\$(cat "\$WORK/httpd")" ;;
		esac
	SH
	cat >"$RIG_DIR/dehydrated-hook" <<-SH
		#!/bin/sh
		case \$1 in
		deploy_challenge) exec "$RIG_DIR/serve" ;;
		clean_challenge) kill "\$(cat "\$WORK/httpd")" ;;
		esac
	SH
	cat >"$RIG_DIR/client" <<-'SH'
		#!/bin/sh
		# Every client looks for trusted certificates here. ip-netns has given us mounts of our own.
		mount --bind "$REQUESTS_CA_BUNDLE" /etc/ssl/certs/ca-certificates.crt &&
			exec env --default-signal=INT "$@" # ignored by what a shell starts in the background
	SH
	chmod 0755 "$RIG_DIR/sbin/acmegate" "$RIG_DIR/serve" "$RIG_DIR/uacme-hook" "$RIG_DIR/dehydrated-hook" "$RIG_DIR/client"
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	name=c$BATS_TEST_NUMBER.example.test
	URL=https://$RIG_CA4:14000/dir WORK=$RIG_DIR/work REQUESTS_CA_BUNDLE=$RIG_DIR/pki/ca.pem
	export URL WORK REQUESTS_CA_BUNDLE
	clean
	hook=$RIG_DIR/sbin/acmegate guard=("$RIG_DIR/sbin/acmegate" guard)
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 30 "$RIG_DIR/out" "$RIG_DIR/probe"
	rig_ca nft flush ruleset
	rig_end_of probe
	local process
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
}

# needs PACKAGE...: tests/run installs them
needs() {
	local package
	for package; do
		command -v "$package" >/dev/null || skip "$package is not installed"
	done
}

clean() { rm -rf "$WORK" && mkdir -p "$WORK/web/.well-known/acme-challenge"; }

# in_host COMMAND...: becomes $pid, which is the command itself
in_host() {
	started=$EPOCHREALTIME
	ip netns exec "$RIG_HOST" "$RIG_DIR/client" "$@" >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
}

ends() {
	result=0
	rig_until 60 rig_gone "$pid" || return
	wait "$pid" || result=$?
	at=$EPOCHREALTIME
}

# comes_to_its_end STATUS [WINDOWS]: with a status like that (an extended regular expression), and the port was open in that time only, and closed with it
comes_to_its_end() {
	ends
	[[ $result =~ ^($1)$ ]]
	rig_closed_after "$at" 0.050
	rig_until 5 rig_as_before
	rig_was_open 4 "${2:-1}"
	awk -v open="$(rig_probe_total 4 open)" -v run="$(awk -v a="$started" -v b="$at" 'BEGIN { print b - a }')" '
		BEGIN { printf "# open for %.2f s of %.2f s\n", open, run; exit !(open < run) }' >&3
}

# A process that was killed is dead when it gets to it, which on a busy machine is not at once; its parent may take longer to notice.
has_ended() {
	local state
	read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" || return 0
	[[ $state = [ZX] ]]
}

# dies_of SIGNAL [PROCESS]: in mid-window, and the port is closed with it
dies_of() {
	local end=$((SECONDS + 10))
	kill -s "$1" "${2:-$pid}"
	until has_ended "${2:-$pid}"; do [ "$SECONDS" -lt "$end" ]; done
	at=$EPOCHREALTIME
	rig_closed_after "$at" 0.050
	rig_until 5 rig_as_before
}

listening() { rig_host ss -Hltn 'sport = 80' | grep -q .; }

# certificate FILE: is the CA's, for $name
certificate() {
	openssl x509 -in "$1" -noout -checkhost "$name" | grep -q 'does match'
}

# --- certbot and the hooks ----------------------------------------------------------------------------------------------

certbot_start() {
	local verb=$1
	shift
	in_host certbot "$verb" -n --config-dir "$WORK/c" --work-dir "$WORK/w" --logs-dir "$WORK/l" "$@"
}
# certbot_issue [NAME]
certbot_issue() {
	certbot_start certonly --standalone --agree-tos -m admin@example.test --no-eff-email --server "$URL" -d "${1:-$name}" \
		--pre-hook "$hook hook pre" --post-hook "$hook hook post"
}

# The hooks as make install puts them into renewal-hooks.
certbot_hooks() {
	local which
	for which in pre post; do
		install -D -m 755 /dev/stdin "$WORK/c/renewal-hooks/$which/acmegate" < <(
			sed "s,@sbindir@,$RIG_DIR/sbin," "$RIG_ROOT/units/hooks/certbot/$which/acmegate.in"
		)
	done
}

@test "certbot issues, renews and fails to renew: open between the hooks only" {
	needs certbot
	rig_before
	certbot_issue
	comes_to_its_end 0
	certificate "$WORK/c/live/$name/cert.pem"
	certbot_hooks
	# With the hooks in the directory too each of them is called twice.
	rig_before
	certbot_start renew --force-renewal --no-random-sleep-on-renew
	comes_to_its_end 0
	# Pebble uses one authorization in a hundred again, whatever it is told: then there is nothing to validate, and no failure.
	rig_dns "$name" "$RIG_CA4"
	for _ in 1 2 3 4; do
		rig_before
		certbot_start renew --force-renewal --no-random-sleep-on-renew
		comes_to_its_end '0|1'
		[ "$result" = 0 ] || break
	done
	[ "$result" = 1 ]
	grep -q 'port 80 open' "$RIG_DIR/out"
	# Nothing is due: no hook, no window.
	rig_before
	certbot_start renew --no-random-sleep-on-renew
	comes_to_its_end 0 0
}

@test "certbot dies of SIGINT, SIGTERM and SIGKILL while the CA validates" {
	needs certbot
	rig_hold
	for signal in INT TERM KILL; do
		rig_before
		certbot_issue
		rig_until 30 listening
		if [ "$signal" = KILL ]; then
			dies_of KILL
		else
			# It tidies up, and with SIGINT it calls its post hook. That takes its time.
			kill -s "$signal" "$pid"
			ends
			rig_closed_after "$at" 0.050
			rig_until 5 rig_as_before
		fi
	done
}

@test "certbot is killed as soon as the port is open, before it listens" {
	needs certbot
	rig_before
	certbot_issue
	rig_until 30 rig_opened
	dies_of KILL
}

# CLIENT_STEP: milliseconds between two moments of certbot's life; make check-clients has it die at many more of them.
@test "certbot is killed at any moment of its life" {
	needs certbot
	local ms=200 opened=0
	while
		rig_before
		certbot_issue "c$ms.example.test"
		sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
		! rig_gone "$pid"
	do
		dies_of KILL
		[ "$(rig_probe_windows 4)" = 0 ] || opened=$((opened + 1))
		ms=$((ms + ${CLIENT_STEP:-600}))
	done
	comes_to_its_end 0
	# Some of these moments were in its window.
	[ "$opened" -gt 0 ]
}

# --- the others and guard -----------------------------------------------------------------------------------------------

lego_start() {
	in_host "${guard[@]}" "$@" -- lego --server "$URL" --accept-tos --email admin@example.test --path "$WORK" --key-type ec256 \
		--http --http.port :80 -d "$name" run
}

uacme_start() {
	in_host "${guard[@]}" "$@" -- sh -c 'uacme -y -t EC -c "$WORK" -a "$URL" new admin@example.test &&
		exec uacme -y -t EC -c "$WORK" -a "$URL" -h "$1" issue "$2"' sh "$RIG_DIR/uacme-hook" "$name"
}

dehydrated_start() {
	printf 'CA=%s\nBASEDIR=%s\nWELLKNOWN=%s\nHOOK=%s\nCHALLENGETYPE=http-01\nKEY_ALGO=prime256v1\n' "$URL" "$WORK" \
		"$WORK/web/.well-known/acme-challenge" "$RIG_DIR/dehydrated-hook" >"$WORK/config"
	in_host "${guard[@]}" "$@" -- sh -c 'dehydrated -f "$1" --register --accept-terms && exec dehydrated -f "$1" -c -d "$2"' \
		sh "$WORK/config" "$name"
}

# The client below guard.
victim() { pgrep -P "$pid" -x "$1"; }

# killed CLIENT NAME: with guard it is the client that is killed, with SIGTERM guard, which passes it on
killed() {
	local signal
	rig_hold
	for signal in KILL TERM; do
		rig_before
		"$1_start" "${@:3}"
		rig_until 30 rig_opened
		rig_until 30 listening
		if [ "$signal" = KILL ]; then dies_of KILL "$(victim "$2")"; else dies_of TERM; fi
		rig_until 5 rig_gone "$pid"
		for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
		clean
	done
	rig_release
}

@test "lego in guard: issues, and is killed" {
	needs lego
	rig_before
	lego_start --max 60
	comes_to_its_end 0
	certificate "$WORK/certificates/$name.crt"
	clean
	killed lego lego --on-listen
}

@test "uacme in guard --on-listen: issues, and is killed" {
	needs uacme busybox
	rig_before
	uacme_start --on-listen
	comes_to_its_end 0
	certificate "$WORK/$name/cert.pem"
	clean
	killed uacme uacme --on-listen
}

@test "dehydrated in guard --on-listen: issues, and is killed" {
	needs dehydrated busybox
	rig_before
	dehydrated_start --on-listen
	comes_to_its_end 0
	certificate "$WORK/certs/$name/cert.pem"
	clean
	killed dehydrated dehydrated --on-listen
}

@test "guard is killed with its client: the watchdog closes" {
	needs lego
	rig_hold
	rig_before
	lego_start --max 60
	rig_until 30 listening
	dies_of KILL
}
