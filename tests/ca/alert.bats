#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# [status] alert: a program that is run once for each change that somebody has to know, without rights.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	rig_pebble
	rig_policy_drop | rig_nft -
	mkdir -m 0755 "$RIG_DIR/bin"
	mkdir -m 0777 "$RIG_DIR/calls"
	# Writes its input, environment and rights into a file for each call.
	cat >"$RIG_DIR/bin/alert" <<-'END'
		#!/bin/sh
		file=$(mktemp "$1/XXXXXX") || exit
		{ cat; echo; env; grep -E '^(Uid|Gid|Groups|CapEff|CapPrm|CapBnd|NoNewPrivs):' /proc/self/status; ls /proc/self/fd | wc -l; } >"$file"
		[ ! -e "$1/fails" ] || { echo 'it fails'; exit 3; }
	END
	chmod 0755 "$RIG_DIR/bin/alert"
}

configure() {
	rig_config one.test
	printf '[status]\nalert = %s %s\n' "$RIG_DIR/bin/alert" "$RIG_DIR/calls" >>"$RIG_CONF"
}

setup() {
	configure
	rm -rf "$RIG_DIR/calls"/* "$RIG_STATE"
}

calls() { find "$RIG_DIR/calls" -type f ! -name fails | wc -l; }
# The events that it was told, sorted; and forgets them.
events() {
	cat "$RIG_DIR/calls"/?????? 2>/dev/null | sed -n 's/^ACMEGATE_EVENT=//p' | sort | tr '\n' ' '
	rm -f "$RIG_DIR/calls"/??????
}

# A run that fails at once, whatever the CA would say: what is in front of the host does not open.
failing_run() {
	install -d -m 0755 "$RIG_DIR/bin"
	printf '#!/bin/sh\n[ "$1" = close ]\n' >"$RIG_DIR/bin/refuses"
	chmod 0755 "$RIG_DIR/bin/refuses"
	RIG_GATE="command = $RIG_DIR/bin/refuses" configure
	rm -rf "$RIG_STATE/accounts" # Pebble takes one of 100 authorizations of an account for valid still, and then needs no window
	run ! rig_acmegate renew-now
	configure
}

@test "a failure and a recovery are told once each, and not by each run" {
	failing_run
	[[ $output == *'[status] alert: ACMEGATE_EVENT=failing was told'* ]]
	file=$(echo "$RIG_DIR/calls"/??????)
	head -n 1 "$file" | jq -e '.version == 1 and .event == "failing" and .certificate.name == "one.test" and .certificate.failures == 1 and
		.window == null and (.text | startswith("certificate one.test could not be obtained: "))'
	grep -q '^ACMEGATE_NAME=one.test$' "$file"
	grep -q '^ACMEGATE_TEXT=certificate one.test could not be obtained: ' "$file"
	[ "$(events)" = 'failing ' ]
	failing_run # twice: the pause is ten minutes now, and no machine takes so long
	for _ in 1 2 3; do run -75 rig_acmegate renew; done
	[ "$(calls)" = 0 ]
	run -0 rig_acmegate renew-now
	[ "$(events)" = 'recovered ' ]
	run -0 rig_acmegate renew
	[ "$(calls)" = 0 ]
}

@test "the program is nobody special: no rights, no groups, no descriptors, no variables of the caller" {
	export SECRET=of-the-caller
	failing_run
	file=$(echo "$RIG_DIR/calls"/??????)
	nobody=$(id -u nobody)
	grep -qE "^Uid:\s+$nobody\s+$nobody\s+$nobody\s+$nobody$" "$file"
	grep -qE '^Groups:\s*$' "$file"
	for set in CapEff CapPrm CapBnd; do grep -qE "^$set:\s+0+$" "$file"; done
	grep -qE '^NoNewPrivs:\s+1$' "$file"
	run ! grep SECRET "$file"
	[ "$(tail -n 1 "$file")" = 4 ] # three, and that of ls
}

@test "a program that fails is tried by three runs; that is said once, and no run is worse for it" {
	touch "$RIG_DIR/calls/fails"
	failing_run
	[[ $output == *"warning: [status] alert: $RIG_DIR/bin/alert ended with status 3: it fails (said once)"* ]]
	failing_run
	[[ $output != *'warning: [status]'* ]]
	for _ in 1 2 3; do
		run -75 rig_acmegate renew
		[[ $output != *'warning: [status]'* ]]
	done
	[ "$(events)" = 'failing failing failing ' ]
	rm "$RIG_DIR/calls/fails"
	run -0 rig_acmegate renew-now
	[[ $output == *'[status] alert: works again'* ]]
	[ "$(events)" = 'recovered ' ]
}

@test "a port that a killed run has left open is told with the net that closed it; a program that is gone is said once" {
	run -0 rig_acmegate renew-now
	rig_window
	printf '[status]\nalert = %s %s\n' "$RIG_DIR/bin/alert" "$RIG_DIR/calls" >>"$RIG_CONF"
	rig_kill_at_once "$pid" "$(rig_gate)"
	rig_until 30 rig_idle
	rig_release
	run -0 rig_acmegate recover
	rig_after
	net=$(rig_acmegate status --json | jq -r '.windows[0].closed_by')
	grep -hq "\"closed_by\":\"$net\"" "$RIG_DIR/calls"/??????
	grep -hq "^ACMEGATE_TEXT=port 80, opened on .* for renew-now (one.test), was left open; what closed it: $net$" "$RIG_DIR/calls"/??????
	[[ $(events) == *'left_open '* ]]
	run rig_acmegate recover
	[ "$(calls)" = 0 ]
	mv "$RIG_DIR/bin/alert" "$RIG_DIR/bin/gone"
	run -2 rig_acmegate renew
	mv "$RIG_DIR/bin/gone" "$RIG_DIR/bin/alert"
	[[ $output == *"alert: $RIG_DIR/bin/alert: No such file or directory"* ]]
}

# hear PORT: one request, into $RIG_DIR/heard; answers as an HTTP or an SMTP server would
hear() {
	rm -f "$RIG_DIR/heard" "$RIG_DIR/listens"
	ip netns exec "$RIG_HOST" timeout 60 python3 - "$1" >"$RIG_DIR/listens" 3>&- <<-'END' &
		import socket, sys
		port = int(sys.argv[1])
		server = socket.create_server(("127.0.0.1", port))
		print("listens", flush=True)
		c = server.accept()[0]
		f = c.makefile("rwb")
		def say(text):
		    f.write(text + b"\r\n"); f.flush()
		heard = b""
		if port == 25:
		    say(b"220 here")
		    data = False
		    for line in f:
		        heard += line
		        if data and line != b".\r\n": continue
		        if line.startswith(b"QUIT"): say(b"221 bye"); break
		        data = line.startswith(b"DATA")
		        say(b"354 go on" if data else b"250 yes")
		else:
		    length = 0
		    for line in f:
		        heard += line
		        if line.lower().startswith(b"content-length:"): length = int(line.split(b":")[1])
		        if line == b"\r\n": break
		    heard += f.read(length)
		    say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n")
		open(sys.argv[1] and "/dev/stdout", "w").write("heard\n" + heard.decode())
	END
	echo $! >"$RIG_DIR/hear.pid"
	rig_until 30 grep -q listens "$RIG_DIR/listens"
}

@test "the examples tell a webhook, ntfy and a mail server" {
	export ACMEGATE_EVENT=failing ACMEGATE_HOST=host.test ACMEGATE_NAME=one.test ACMEGATE_TEXT='certificate one.test could not be obtained'
	folder=$RIG_ROOT/units/hooks/alert
	hear 8081
	echo '{"version":1}' | rig_host "$folder/webhook" http://127.0.0.1:8081/hook 'X-Token: abc' 'X-Other: two words'
	rig_until 30 grep -q '^{"version":1}' "$RIG_DIR/listens"
	grep -q '^X-Other: two words' "$RIG_DIR/listens"
	grep -q '^X-Token: abc' "$RIG_DIR/listens"
	hear 8081
	echo '{}' | rig_host "$folder/ntfy" http://127.0.0.1:8081/topic
	rig_until 30 grep -q '^certificate one.test could not' "$RIG_DIR/listens"
	grep -q '^Title: acmegate on host.test: failing' "$RIG_DIR/listens"
	hear 25
	echo '{"version":1}' | rig_host "$folder/mail" admin@example.test smtp://127.0.0.1
	rig_until 30 grep -q '^QUIT' "$RIG_DIR/listens"
	grep -q '^RCPT TO:<admin@example.test>' "$RIG_DIR/listens"
	grep -q '^Subject: acmegate on host.test: failing one.test' "$RIG_DIR/listens"
	grep -q '^{"version":1}' "$RIG_DIR/listens"
	run -2 "$folder/mail"
	rig_end_of hear
}
