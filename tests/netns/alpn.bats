#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# tls-alpn-01: the window on port 443, and what answers behind it. ALPN_KILLS: how many moments to kill at; 160 with make check-alpn.
bats_require_minimum_version 1.5.0
export RIG_PROBED=443
load ../lib/suite

setup() {
	export RIG_PEBBLE_STAYS=1 RIG_CERTIFICATE='challenge = tls-alpn-01' RIG_GATE='max_open = 20'
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out" "$RIG_DIR/probe" 2>/dev/null)"
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_end_of server
	ip netns pids "$RIG_HOST" | xargs -r kill -s KILL
	rig_until 30 rig_idle
}

teardown_file() { RIG_PEBBLE_STAYS='' rig_down; }

# A server of somebody else's on port 443.
hold_port() {
	rm -f "$RIG_DIR/held"
	ip netns exec "$RIG_HOST" python3 -c 'import socket, time, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", 443)); s.listen()
open(sys.argv[1], "w").close(); time.sleep(300)' "$RIG_DIR/held" 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 test -e "$RIG_DIR/held"
}

all_of_it() { ip netns pids "$RIG_HOST"; }
tls() { pgrep -P "$pid" -x acmegate-tls; }

# hello PORT ARGUMENTS...: openssl s_client from a source port that the held CA does not use; what it printed is $output
hello() {
	local port=$1
	shift
	run rig_ca timeout 60 openssl s_client -connect "$RIG_HOST4:443" -bind "$RIG_CA4:$port" "$@" </dev/null
}

@test "names over IPv4 and IPv6 through the shut firewall; port 80 stays shut, the ruleset is the same, and history names the port" {
	rig_pebble
	rig_ca curl -sf --max-time 30 -d "{\"host\":\"six.test.\",\"addresses\":[\"$RIG_HOST6\"]}" http://127.0.0.1:8055/add-aaaa
	rig_config four.test,other.test six.test
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	[[ $output == *'port 443 open'* && $output == *'port 443 closed'* && $output != *'port 80 '* ]]
	[[ $output == *"six.test is valid ("*"from $RIG_CA6 "* && $output == *"four.test is valid ("*"from $RIG_CA4 "* ]]
	rig_was_open 4 1
	rig_was_open 6 1
	rig_certificate four.test four.test other.test
	rig_certificate six.test six.test
	printf '# window on port 443 with 3 names: %.1f ms; the bar is 60\n' "$(rig_milliseconds "$(rig_probe_total 4 open)")" >&3
	run -0 rig_acmegate history
	[[ ${lines[0]} == *'port 443 for renew-now: '*'closed by the gate'* && $output == *'port 443 was open'* ]]
}

@test "IP addresses, by their names in the reverse tree" {
	rig_pebble
	rig_config <<-CONF
		[certificate addresses]
		names = $RIG_HOST4 $RIG_HOST6
		challenge = tls-alpn-01
	CONF
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	openssl x509 -in "$(rig_live addresses)/cert.pem" -noout -checkip "$RIG_HOST6" | grep 'does match'
}

# One window on port 80, and two on port 443: a name in two certificates has two authorizations.
mixture() {
	rig_config <<-CONF
		[certificate tls]
		names = a.test b.test
		challenge = tls-alpn-01, http-01
		[certificate http]
		names = c.test
		[certificate again]
		names = b.test
		challenge = tls-alpn-01
	CONF
}
has_mixture() { for name in tls:a.test http:c.test again:b.test; do rig_certificate "${name%:*}" "${name#*:}"; done; }

@test "a run mixes challenges: a window on port 80, then one on port 443, each noted; a name in two certificates has two" {
	rig_pebble
	mixture
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	rig_was_open 4 2
	has_mixture
	run -0 rig_acmegate history
	[ "$(grep -o 'port [0-9]* for' <<<"$output" | tr '\n' ' ')" = 'port 443 for port 443 for port 80 for ' ]
	[[ $output == *'ports 80 and 443 were open'* ]]
}

# Both responders read what the client publishes from one channel.
@test "what is published for the next window is not for the responder of the one before, however late that one ends" {
	rig_pebble
	mixture
	run -0 rig_host strace -qq -f -e trace=pidfd_send_signal -e inject=pidfd_send_signal:delay_enter=300000 -o /dev/null \
		"$RIG_BUILD/acmegate" -c "$RIG_CONF" renew-now
	has_mixture
}

@test "a server on port 443: renewal, plan and check name it and the other ways; its visitors lose nothing" {
	rig_pebble
	hold_port
	rig_config one.test
	rig_before
	run -1 rig_acmegate renew-now
	rig_after listening
	[[ $output =~ 'port 443 is taken by python3'[^\ ]*' (pid '[0-9]+'); tls-alpn-01 needs it' ]]
	[[ $output == *http-01*dns-01*'haproxy 3.2'*nginx-acme*mod_md* ]]
	rig_never_open
	run -1 rig_acmegate plan
	[[ $output == *'port 443 is taken by python3'* && $output == *'for renewals over TLS (tls-alpn-01)'* ]]
	run rig_acmegate check
	[[ $output == *'443'*python3* ]]
}

@test "[responder] mode is of port 80 alone; a rehearsal opens port 443, too; plan says what it would open" {
	mkdir -p "$RIG_DIR/www"
	export RIG_GATE=$'max_open = 20\n[responder]\nmode = webroot\nwebroot = '$RIG_DIR/www RIG_ACME="staging = https://$RIG_CA4:14000/dir"
	rig_pebble
	rig_config one.test
	rig_before
	run -0 rig_acmegate renew --dry-run
	rig_after
	rig_was_open 4 1
	[[ $output == *'byte for byte what it was before'* ]]
	run rig_acmegate plan
	[[ $output == *'tls-alpn-01'*'tcp dport'* && $output == *443* ]]
}

@test "who does not mean it is refused at the first message: protocol, name, version" {
	RIG_GATE='max_open = 60'
	rig_window
	hello 30001 -servername one.test
	[[ $output == *'alert number 120'* && $output == *'no peer certificate available'* ]]
	hello 30002 -servername one.test -alpn h2
	[[ $output == *'alert number 120'* && $output == *'no peer certificate available'* ]]
	hello 30003 -servername two.test -alpn acme-tls/1
	[[ $output == *'alert number 112'* && $output == *'no peer certificate available'* ]]
	hello 30004 -noservername -alpn acme-tls/1
	[[ $output == *'alert number 112'* ]]
	hello 30005 -servername one.test -alpn acme-tls/1 -tls1_1 -cipher ALL:@SECLEVEL=0
	[[ $output == *'alert'* && $output == *'no peer certificate available'* ]]
	rig_release
	rig_ends 0
	rig_after
}

@test "who means it gets the certificate of RFC 8737 and no ticket, from a process without rights and files" {
	RIG_GATE='max_open = 60'
	rig_window
	for version in tls1_2 tls1_3; do
		hello "3001${version: -1}" -servername one.test -alpn acme-tls/1 "-$version"
		[[ $output == *'ALPN protocol: acme-tls/1'* && $output != *'New Session Ticket'* ]]
		openssl x509 -outform DER <<<"$output" | od -An -v -tx1 | tr -d ' \n' >"$RIG_DIR/der"
		# One dNSName, one critical acmeIdentifier of 32 bytes, no other extension, and a short common name.
		grep -qE '0603551d11040c300a82086f6e652e74657374' "$RIG_DIR/der"
		grep -qE '06082b0601050507011f0101ff04220420[0-9a-f]{64}' "$RIG_DIR/der"
		[ "$(openssl x509 -noout -subject -issuer <<<"$output")" = $'subject=CN = acmegate\nissuer=CN = acmegate' ] ||
			[ "$(openssl x509 -noout -subject -issuer <<<"$output")" = $'subject=CN=acmegate\nissuer=CN=acmegate' ]
	done
	process=/proc/$(tls)
	[[ $(<"$process/status") =~ Uid:.$(id -u nobody).*CapEff:.0000000000000000.*NoNewPrivs:.1.*Seccomp:.2 ]]
	# Nothing but channels, sockets and the log.
	[ "$(find "$process/fd" -lname '/*' -not -lname '/dev/null' -not -lname "$RIG_DIR/out" | wc -l)" = 0 ]
	rig_release
	rig_ends 0
	rig_after
}

@test "garbage, the slow and 1,000 connections are in nobody's way" {
	RIG_GATE='max_open = 60'
	rig_window
	rig_ca python3 - "$RIG_HOST4" "$RIG_CA4" >"$RIG_DIR/crowd" <<-'PY'
		import socket, sys, time
		def dial(port):
		    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.settimeout(20)
		    s.bind((sys.argv[2], port)); s.connect((sys.argv[1], 443)); return s
		garbage = dial(30100); garbage.send(b"\x16\x03\x01\x00\x05hello"); print("garbage", garbage.recv(99)[:1] == b"\x15")
		crowd = [dial(31000 + i) for i in range(1000)]
		start = time.monotonic()
		import ssl
		context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
		context.set_alpn_protocols(["acme-tls/1"])
		with context.wrap_socket(dial(30101), server_hostname="one.test") as s: print("crowd", s.selected_alpn_protocol())
		try: crowd[-1].recv(1); print("slow: not reset")
		except ConnectionResetError: print("slow", 2 < time.monotonic() - start < 20)
	PY
	[ "$(<"$RIG_DIR/crowd")" = $'garbage True\ncrowd acme-tls/1\nslow True' ]
	# The CA has given up by then, or not: it dials again 7 and 15 s after the first time.
	kill -s TERM "$pid"
	rig_release
	rig_ends 75
	rig_after
}

@test "each process killed in mid-window: port 443 closes, the ruleset is the same, and the journal names the port" {
	rig_probe_options=(-b)
	for victim in client tls gate watchdog acmegate all; do
		rig_window
		case $victim in
		client) victims=$(pgrep -P "$pid" -f 'agent client') ;;
		tls) victims=$(tls) ;;
		gate) victims=$(rig_gate) ;;
		watchdog) victims=$(pgrep -P "$(rig_gate)" -x acmegate-watch) ;;
		acmegate) victims=$pid ;;
		all) victims=$(all_of_it) ;;
		esac
		[ -n "$victims" ]
		killed=$EPOCHREALTIME
		# shellcheck disable=SC2086
		rig_kill_at_once $victims
		RIG_WHAT="$victim killed: silent" rig_closed_after "$killed" 0.050
		rig_ca nft flush ruleset
		rig_until 60 rig_gone "$pid"
		wait "$pid" || true
		rig_until 30 rig_idle
		run -0 rig_acmegate recover
		[ "$victim" != all ] || [[ $output == *'killed while port 443 was open'* ]]
		rig_as_before
		run -0 rig_acmegate history
		[[ ${lines[0]} == *'port 443 for renew-now: one.test'*'closed by'* ]]
	done
}

@test "killed at any moment: port 443 is closed and the ruleset the same (ALPN_KILLS)" {
	local i moment most=${ALPN_KILLS:-5} open=0 whom=(all acmegate acmegate-gate acmegate-tls acmegate-agent)
	rig_pebble
	rig_config one.test
	rig_ruleset >"$RIG_DIR/before"
	for ((i = 0; i < most; i++)); do
		rm -rf "$RIG_STATE"
		rm -f "$RIG_DIR/out"
		ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
		pid=$!
		moment=$(awk -v i="$i" -v most="$most" 'BEGIN { print 0.02 + 0.3 * i / most }')
		sleep "$moment"
		victims=$(all_of_it)
		[ "${whom[i % 5]}" = all ] || victims=$(grep -xFf <(pgrep -x "${whom[i % 5]}") <<<"$victims" || true)
		# shellcheck disable=SC2086
		[ -z "$victims" ] || rig_kill_at_once $victims 2>/dev/null || true # one that has just ended
		wait "$pid" || true
		rig_until 60 rig_idle
		rig_until 30 rig_silent || open=$((open + 1))
		rig_acmegate recover
		rig_as_before
	done
	printf '# %s kills, %s left port 443 open\n' "$most" "$open" >&3
	[ "$open" = 0 ]
}

@test "the images with power over firewall or files link no TLS" {
	for image in acmegate acmegate-gate acmegate-iptables acmegate-surveyor; do
		run -0 readelf -d "$RIG_BUILD/$image"
		[[ $output != *libssl* && $output != *libcrypto* ]]
	done
	run -0 readelf -d "$RIG_BUILD/acmegate-tls"
	[[ $output == *libssl* && $output != *libcurl* ]]
}
