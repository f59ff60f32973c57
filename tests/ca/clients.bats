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
		case \$1 in
		begin) [ -z "\$PRE" ] || \$PRE || exit ;;
		*) [ -z "\$POST" ] || \$POST ;;
		esac
		web=\$WORK/web/.well-known/acme-challenge
		case \$1 in
		begin) mkdir -p "\$web" && printf %s "\$5" >"\$web/\$4" && exec "$RIG_DIR/serve" ;;
		*) kill "\$(cat "\$WORK/httpd")" ;;
		esac
	SH
	cat >"$RIG_DIR/dehydrated-hook" <<-SH
		#!/bin/sh
		case \$1 in
		deploy_challenge) { [ -z "\$PRE" ] || \$PRE; } && exec "$RIG_DIR/serve" ;;
		clean_challenge)
			[ -z "\$POST" ] || \$POST
			kill "\$(cat "\$WORK/httpd")"
			;;
		esac
	SH
	cat >"$RIG_DIR/client" <<-'SH'
		#!/bin/sh
		# Every client looks for trusted certificates here. ip-netns has given us mounts of our own.
		[ -z "${SUDOERS:-}" ] || mount --bind "$SUDOERS" /etc/sudoers || exit
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
	rig_probe_options=(-b)
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	name=c$BATS_TEST_NUMBER.example.test
	URL=https://$RIG_CA4:14000/dir WORK=$RIG_DIR/work REQUESTS_CA_BUNDLE=$RIG_DIR/pki/ca.pem
	export URL WORK REQUESTS_CA_BUNDLE
	clean
	hook=$RIG_DIR/sbin/acmegate
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 30 "$RIG_DIR/out" "$RIG_DIR/probe"
	rig_ca nft flush ruleset
	rig_end_of probe
	end_all
}

# A server that is killed may have started another process meanwhile.
nobody_is_left() {
	local process left
	left=$(ip netns pids "$RIG_HOST")
	for process in $left; do rig_end "$process" KILL; done
	[ -z "$left" ]
}
end_all() { rig_until 30 nobody_is_left; }

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
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_DIR/client" "$@" >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
}

ends() {
	result=0
	rig_until 240 rig_gone "$pid" || return
	wait "$pid" || result=$?
	at=$EPOCHREALTIME
}

# comes_to_its_end STATUS [WINDOWS]: with a status like that (an extended regular expression), and the port was open in that time only, and closed with it
comes_to_its_end() {
	ends
	[[ $result =~ ^($1)$ ]]
	rig_closed_after "$at" 0.050
	rig_until 30 rig_as_before
	rig_was_open 4 "${2:-1}"
	rig_at_most "$(rig_probe_total 4 open)" "$(awk -v a="$started" -v b="$at" 'BEGIN { print b - a }')"
}

# A process that was killed is dead when it gets to it, which on a busy machine is not at once; its parent may take longer to notice.
has_ended() {
	local state
	read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" || return 0
	[[ $state = [ZX] ]]
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
certbot_issue() {
	certbot_start certonly --standalone --agree-tos -m admin@example.test --no-eff-email --server "$URL" -d "$name" \
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

# --- the others -----------------------------------------------------------------------------------------------------------

# start CLIENT HOW: with hooks, in guard, or in guard --on-listen ("listen"); the client itself is then $(victim).
start() {
	client=$1 how=$2 PRE='' POST=''
	case $how in
	hook)
		prefix=()
		PRE="$hook hook pre" POST="$hook hook post"
		;;
	guard) prefix=("$hook" guard --max 60 --) ;;
	listen) prefix=("$hook" guard --on-listen --) ;;
	esac
	export PRE POST
	"start_$client"
}
victim() { if [ "$how" = hook ]; then echo "$pid"; else pgrep -P "$pid" -x "$client"; fi; }

start_certbot() {
	local hooks=(--pre-hook "$hook hook pre" --post-hook "$hook hook post")
	[ "$how" = hook ] || hooks=()
	in_host "${prefix[@]}" certbot certonly --standalone -n --agree-tos -m admin@example.test --no-eff-email --server "$URL" -d "$name" \
		--config-dir "$WORK/c" --work-dir "$WORK/w" --logs-dir "$WORK/l" "${hooks[@]}"
}

# It has no such hooks: a shell calls them, and becomes it.
start_lego() {
	# shellcheck disable=SC2016 # the inner shell expands
	in_host "${prefix[@]}" sh -c '[ -z "$PRE" ] || $PRE --client $$ || exit; exec lego "$@"' sh --server "$URL" --accept-tos \
		--email admin@example.test --path "$WORK" --key-type ec256 --http --http.port :80 -d "$name" run
}

start_uacme() {
	# shellcheck disable=SC2016
	in_host "${prefix[@]}" sh -c 'uacme -y -t EC -c "$WORK" -a "$URL" new admin@example.test &&
		exec uacme -y -t EC -c "$WORK" -a "$URL" -h "$1" issue "$2"' sh "$RIG_DIR/uacme-hook" "$name"
}

start_dehydrated() {
	printf 'CA=%s\nBASEDIR=%s\nWELLKNOWN=%s\nHOOK=%s\nCHALLENGETYPE=http-01\nKEY_ALGO=prime256v1\n' "$URL" "$WORK" \
		"$WORK/web/.well-known/acme-challenge" "$RIG_DIR/dehydrated-hook" >"$WORK/config"
	# shellcheck disable=SC2016
	in_host "${prefix[@]}" sh -c 'dehydrated -f "$1" --register --accept-terms && exec dehydrated -f "$1" -c -d "$2"' \
		sh "$WORK/config" "$name"
}

# A script that evaluates its hooks in its own shell, as acme.sh does, with a client in the foreground.
start_evalclient() {
	cat >"$RIG_DIR/evalclient" <<-'SH'
		#!/bin/sh
		_hook() {
			if [ -n "$1" ]; then
				eval "$1" || return
			fi
		}
		_on_error() {
			_hook "$POST"
			exit 1
		}
		_hook "$PRE" || exit
		lego "$@" || _on_error
		_hook "$POST"
	SH
	chmod 0755 "$RIG_DIR/evalclient"
	in_host "${prefix[@]}" "$RIG_DIR/evalclient" --server "$URL" --accept-tos --email admin@example.test --path "$WORK" \
		--key-type ec256 --http --http.port :80 -d "$name" run
}

certificate_of() {
	case $1 in
	evalclient) certificate "$WORK/certificates/$name.crt" ;;
	certbot) certificate "$WORK/c/live/$name/cert.pem" ;;
	lego) certificate "$WORK/certificates/$name.crt" ;;
	uacme) certificate "$WORK/$name/cert.pem" ;;
	dehydrated) certificate "$WORK/certs/$name/cert.pem" ;;
	esac
}

# issues CLIENT HOW...: in each of these ways; without CLIENT_CASES=all in the first
issues() {
	local client=$1 how
	shift
	[ "${CLIENT_CASES:-}" = all ] || set -- "$1"
	for how; do
		rig_before
		start "$client" "$how"
		comes_to_its_end 0
		certificate_of "$client"
		clean_up
	done
}

clean_up() {
	end_all
	clean
}

# --- and their deaths -----------------------------------------------------------------------------------------------------

# Ctrl-C: everything in the terminal's foreground gets it, guard and the client's children too.
interrupt() {
	local process
	for process in $(ip netns pids "$RIG_HOST"); do
		[ "$process" = "$pid" ] || ! grep -q '^acmegate' "/proc/$process/comm" 2>/dev/null || continue
		kill -s INT "$process" 2>/dev/null || true
	done
}

# dies CLIENT HOW WHO SIGNAL WHEN: WHO is the client, or guard; WHEN is "opened", "listening", or milliseconds after its start
dies() {
	local who=$3 signal=$4 moment=$5 process end again
	RIG_WHAT="$*"
	rig_before
	start "$1" "$2"
	case $moment in
	opened) rig_until 240 rig_opened ;;
	listening) rig_until 240 rig_opened && rig_until 240 listening ;;
	*) sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))" ;;
	esac || return
	if [ "$who" = guard ]; then process=$pid; else process=$(victim) || process=$pid; fi
	if [ "$signal" = INT ]; then interrupt; else kill -s "$signal" "$process"; fi || true
	# Some tidy up before they die. If Ctrl-C comes while certbot starts the thread of its server, it says that it exits, and waits for that
	# thread without end: one presses it again.
	end=$((SECONDS + 240)) again=$((SECONDS + 60))
	until has_ended "$process"; do
		[ "$SECONDS" -lt "$end" ] || return
		[ "$signal" = INT ] && [ "$SECONDS" -ge "$again" ] || continue
		printf '# %s: it did not end within a minute of Ctrl-C, which comes again\n' "$RIG_WHAT" >&3
		interrupt
		again=$end
	done
	at=$EPOCHREALTIME
	# The test, the client's end, the holder of its window, the gate: each waits for a processor.
	RIG_HANDS=4 rig_closed_after "$at" 0.050 || return
	rig_until 30 rig_as_before && [ "$(rig_ours)" = 0 ] || return
	rig_until 30 no_acmegate || return
	rig_at_most "$(rig_probe_total 4 open)" "$(awk -v a="$started" -v b="$at" 'BEGIN { print b - a + 0.05 }')" "$RIG_WHAT: open" || return
	[ "$(rig_probe_windows 4)" = 0 ] || opened=$((opened + 1))
	clean_up
}
# No process of ours is left, whatever the client has left.
no_acmegate() {
	local process
	for process in $(ip netns pids "$RIG_HOST"); do
		! grep -q '^acmegate' "/proc/$process/comm" 2>/dev/null || return
	done
}

# cases CLIENT HOW...: each way in which a client in a window can die; without CLIENT_CASES=all (make check-clients) two of them, others each time
cases() {
	local client=$1 how who signal moment all=() line
	for how in "${@:2}"; do
		for signal in KILL TERM INT; do
			for moment in opened listening; do
				for who in client guard; do
					[ "$who.$how" = guard.hook ] || all+=("$client $how $who $signal $moment")
				done
			done
		done
	done
	[ "${CLIENT_CASES:-}" = all ] || mapfile -t all < <(shuf -n 2 -e "${all[@]}")
	opened=0
	rig_hold
	for line in "${all[@]}"; do
		# shellcheck disable=SC2086 # five words
		dies $line || {
			echo "failed: $line"
			return 1
		}
	done
	[ "$opened" = "${#all[@]}" ]
	rig_release
}

# at_any_moment CLIENT HOW MOMENTS: over its life, with one signal after the other
at_any_moment() {
	local moments=$3 length i signals=(KILL TERM INT)
	rig_before
	start "$1" "$2"
	comes_to_its_end 0
	clean_up
	length=$(awk -v a="$started" -v b="$at" 'BEGIN { printf "%d", (b - a) * 1000 }')
	opened=0
	for ((i = 1; i <= moments; i++)); do
		name=m$i.$1.$2.example.test
		dies "$1" "$2" client "${signals[i % 3]}" $((length * i / (moments + 1))) || {
			echo "failed: $RIG_WHAT"
			return 1
		}
	done
	# Some of these moments are in its window; a machine that was slower in the first life has them all before it.
	[ "$opened" -gt 0 ] || { name=m0.$1.$2.example.test && dies "$1" "$2" client KILL opened; } || return
	[ "$opened" -gt 0 ]
}

@test "certbot: killed with its window open" {
	needs certbot
	[ "${CLIENT_CASES:-}" != all ] || issues certbot hook guard listen
	cases certbot hook guard listen
}

@test "lego: issues with hooks and in guard, and is killed" {
	needs lego
	issues lego hook guard listen
	cases lego hook guard listen
}

@test "uacme: issues with hooks and in guard, and is killed" {
	needs uacme busybox
	issues uacme listen hook guard
	cases uacme hook guard listen
}

@test "dehydrated: issues with hooks and in guard, and is killed" {
	needs dehydrated busybox
	issues dehydrated hook guard listen
	cases dehydrated hook guard listen
}

@test "a script that evaluates its hooks: issues, and is killed" {
	needs lego
	issues evalclient hook guard
	cases evalclient hook
}

# As the README has it. Apache runs the command as its own user, from a child.
apache_up() {
	local module modules=/usr/lib/apache2/modules
	cat >"$RIG_DIR/mod_md" <<-SH
		#!/bin/sh
		case \$1 in
		challenge-setup:http-01:*) exec $hook hook pre ;;
		renewed | errored) exec $hook hook post ;;
		esac
	SH
	chmod 0755 "$RIG_DIR/mod_md"
	printf 'www-data ALL=(root) NOPASSWD: %s\n' "$RIG_DIR/mod_md" >"$RIG_DIR/sudoers"
	chmod 0440 "$RIG_DIR/sudoers"
	{
		for module in mpm_event authz_core ssl md; do echo "LoadModule ${module}_module $modules/mod_$module.so"; done
		cat <<-CONF
			ServerRoot $WORK
			PidFile $WORK/pid
			ErrorLog $WORK/log
			User www-data
			Group www-data
			ServerName $name
			Listen 80
			Listen 443
			MDomain $name
			MDRenewMode always
			MDCertificateAgreement accepted
			MDContactEmail admin@example.test
			MDCertificateAuthority $URL
			MDCACertificateFile $REQUESTS_CA_BUNDLE
			MDMessageCmd /usr/bin/sudo -n $RIG_DIR/mod_md
			MDStoreDir $WORK/md
			<VirtualHost *:443>
				ServerName $name
				SSLEngine on
			</VirtualHost>
		CONF
	} >"$WORK/conf"
	SUDOERS=$RIG_DIR/sudoers in_host apache2 -f "$WORK/conf" -D FOREGROUND
}
apache_has_certificate() { [ -s "$WORK/md/staging/$name/pubcert.pem" ] || [ -s "$WORK/md/domains/$name/pubcert.pem" ]; }

@test "Apache's mod_md: issues, and its death closes the port" {
	needs apache2 sudo
	rig_before
	apache_up
	rig_until 60 apache_has_certificate || { cat "$WORK/log"; false; }
	rig_until 30 rig_as_before
	certificate "$(find "$WORK/md/staging/$name" "$WORK/md/domains/$name" -name pubcert.pem -size +0 | head -n 1)"
	kill -s TERM "$pid"
	ends
	rig_closed_after "$at" 0.050
	rig_was_open 4 1
	clean_up
	name=killed.$name
	rig_hold
	rig_before
	apache_up
	rig_until 60 rig_opened
	pkill -KILL -P "$pid"
	rig_until 30 rig_as_before
	[ "$(rig_ours)" = 0 ]
}

@test "clients are killed at any moment of their life" {
	needs certbot lego uacme dehydrated busybox
	at_any_moment certbot hook "${CLIENT_MOMENTS:-3}"
	# The rest takes minutes: make check-clients.
	[ -n "${CLIENT_MOMENTS:-}" ] || return 0
	for how in guard listen; do at_any_moment certbot "$how" "$CLIENT_MOMENTS"; done
	for client in lego uacme dehydrated; do
		for how in hook guard listen; do at_any_moment "$client" "$how" "$CLIENT_MOMENTS"; done
	done
}
