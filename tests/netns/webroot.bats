#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# nginx answers, out of a directory of its user, through the closed firewall.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup() {
	WEB=$RIG_DIR/www
	RIG_GATE=$'max_open = 20\n[responder]\nmode = webroot\nwebroot = '$WEB
	rm -rf "$RIG_STATE" "$WEB"
	mkdir -m 0700 "$WEB"
	echo page >"$WEB/page"
	chown -R www-data: "$WEB"
	find "$WEB" -printf '%p %m %u %T@ %s\n' | sort >"$RIG_DIR/files"
	rig_policy_drop | rig_nft -
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out" "$RIG_DIR/nginx.log")" "$(find "$WEB" -ls)"
	rig_ca nft flush ruleset
	for process in probe nginx visitor; do rig_end_of "$process"; done
	rig_pebble_stop
	mountpoint -q "$WEB" && umount "$WEB" || true
	ip netns pids "$RIG_HOST" | xargs -r kill -s KILL
}

nginx_start() {
	if ! command -v nginx >/dev/null; then
		echo '# nginx is not installed: busybox httpd answers' >&3
		ip netns exec "$RIG_HOST" busybox httpd -f -p '[::]:80' -h "${1:-$WEB}" 3>&- &
		echo $! >"$RIG_DIR/nginx.pid"
		rig_until 30 rig_host curl -so /dev/null http://127.0.0.1/
		return
	fi
	cat >"$RIG_DIR/nginx.conf" <<-CONF
		user www-data; daemon off; worker_processes 1; pid $RIG_DIR/nginx.run; error_log $RIG_DIR/nginx.log;
		events { }
		http { access_log $RIG_DIR/access.log;
			server { listen 80; listen [::]:80; root ${1:-$WEB}; } }
	CONF
	ip netns exec "$RIG_HOST" nginx -c "$RIG_DIR/nginx.conf" >"$RIG_DIR/nginx.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/nginx.pid"
	rig_until 30 rig_host curl -so /dev/null http://127.0.0.1/
}

# All is as it was: what others have there, and nothing of ours.
same_files() {
	find "$WEB" -printf '%p %m %u %T@ %s\n' | sort | grep -v "^$WEB [0-9]* www-data" | diff <(grep -v "^$WEB [0-9]* www-data" "$RIG_DIR/files") - &&
		[ ! -e "$RIG_STATE/webroot" ]
}

tokens() { find "$WEB/.well-known/acme-challenge" -type f 2>/dev/null; }

@test "the web server answers; afterwards the tokens and their directories are gone" {
	nginx_start
	RIG_DNS6=$RIG_HOST6
	rig_window
	token=$(tokens)
	[ "$(stat -c '%a %U' "$token")" = '644 www-data' ]
	[ "$(stat -c '%a %U' "$WEB/.well-known" "$WEB/.well-known/acme-challenge")" = $'755 www-data\n755 www-data' ]
	[[ $(cat "$token") =~ ^$(basename "$token")\.[A-Za-z0-9_-]{43}$ ]]
	[ "$(stat -c %s "$token")" = "$(head -c 500 "$token" | tr -d '\n' | wc -c)" ]
	rig_release
	rig_ends 0
	rig_after
	same_files
	rig_certificate one.test one.test
	[[ $output == *"out of $WEB"* ]]
}

@test "a run that fails, or is stopped, removes the tokens" {
	nginx_start /nonexistent
	rig_pebble
	rig_config one.test
	rig_before
	run -1 rig_acmegate renew-now
	[[ $output == *404*"is $WEB/.well-known/acme-challenge what the web server"* ]]
	rig_after
	same_files
	rig_window
	[ -n "$(tokens)" ]
	kill -s TERM "$pid"
	rig_ends 75
	rig_after
	same_files
	rig_window
	kill -s KILL "$(pgrep -P "$pid" -f 'agent client')"
	rig_ends 1
	rig_after
	same_files
	rig_window
	kill -s KILL "$(storer)"
	rig_ends 1
	rig_after
	same_files
}

storer() { pgrep -P "$pid" -f 'agent storer'; }

@test "after a kill the watchdog closes at once, or the kernel in time, and the next start removes the tokens" {
	rig_probe_options=(-b)
	nginx_start
	rig_window
	kill -s STOP "$(storer)" # which would take the tokens along, if it were quicker than its own death
	gate=$(rig_gate)
	killed=$EPOCHREALTIME
	kill -s KILL "$pid" "$gate"
	rig_closed_after "$killed" 0.050
	[ -n "$(tokens)" ]
	rig_until 30 rig_as_before
	# Wherever the configuration says that they are now.
	RIG_GATE='max_open = 5' rig_config one.test
	# With fewer rights, as at boot, it fails: that is what starts acmegate.service.
	run -1 ip netns exec "$RIG_HOST" setpriv --bounding-set=-setpcap --inh-caps=-setpcap "$RIG_ACMEGATE" -c "$RIG_CONF" recover
	[[ $output == *sweeper* && -n $(tokens) ]]
	run -0 rig_acmegate recover
	[[ $output == *'had left tokens'* ]]
	same_files
	run -0 rig_acmegate recover
	[[ $output != *tokens* ]]
	[ "${NETS:-}" = all ] || return 0 # the rest takes its time: make check-nets
	RIG_GATE=${RIG_GATE/max_open = 20/max_open = 5}
	rig_window
	mapfile -t victims < <(rig_family "$pid")
	killed=$EPOCHREALTIME
	rig_kill_at_once "${victims[@]}"
	rig_closed_after "$killed" 5.1
	run -0 rig_acmegate plan
	[[ $output == *'had left tokens'* ]]
	same_files
	rig_as_before
}

@test "files and directories of others there stay" {
	nginx_start
	mkdir -p "$WEB/.well-known/acme-challenge"
	echo theirs >"$WEB/.well-known/acme-challenge/theirs"
	find "$WEB" -printf '%p %m %u %T@ %s\n' | sort | grep -v 'acme-challenge [0-9]' >"$RIG_DIR/files"
	rig_pebble
	rig_config one.test two.test
	run -0 rig_acmegate renew-now
	find "$WEB" -printf '%p %m %u %T@ %s\n' | sort | grep -v 'acme-challenge [0-9]' | diff "$RIG_DIR/files" -
	# One that comes into a directory of ours meanwhile keeps it.
	rm -r "$WEB/.well-known"
	rig_window renew-now one.test
	touch "$WEB/.well-known/acme-challenge/late"
	rig_release
	rig_ends 0
	[ "$(cd "$WEB/.well-known/acme-challenge" && ls)" = late ]
}

@test "links, no directory, no right, no room: refused with the reason before the port opens" {
	rig_pebble
	rig_config one.test
	rig_before
	mkdir "$RIG_DIR/precious"
	ln -s "$RIG_DIR/precious" "$WEB/.well-known"
	run -1 rig_acmegate renew-now
	[[ $output == *'symbolic link'* ]]
	rm "$WEB/.well-known"
	mkdir "$WEB/.well-known"
	ln -s "$RIG_DIR/precious" "$WEB/.well-known/acme-challenge"
	run -1 rig_acmegate renew-now
	[[ $output == *'symbolic link'* ]]
	[ -z "$(ls -A "$RIG_DIR/precious")" ]
	rm -r "$WEB/.well-known"
	mv "$WEB" "$WEB.away"
	run -1 rig_acmegate renew-now
	[[ $output == *"$WEB/.well-known/acme-challenge: No such file"* ]]
	mv "$WEB.away" "$WEB"
	# Root could; what the owner cannot, is not done.
	chmod a-w "$WEB"
	run -1 rig_acmegate renew-now
	[[ $output == *'Permission denied'* ]]
	chmod u+w "$WEB"
	mount -t tmpfs -o ro tmpfs "$WEB"
	run -1 rig_acmegate renew-now
	[[ $output == *ReadWritePaths=* ]]
	umount "$WEB"
	mount -t tmpfs -o size=4k,nr_inodes=8,mode=777 tmpfs "$WEB"
	dd if=/dev/zero of="$WEB/full" bs=4k count=1 2>/dev/null
	run rig_acmegate renew-now
	[[ $status = 75 && $output == *'No space left'* ]]
	[ "$(cd "$WEB" && find . -mindepth 1)" = ./full ]
	umount "$WEB"
	rig_never_open
	rig_after
	[ ! -e "$RIG_STATE/webroot" ]
}

@test "where the port is open anyway acmegate opens nothing, and no visitor loses a connection" {
	nginx_start
	rig_host nft add rule inet filter input tcp dport 80 accept
	rig_pebble
	rig_config one.test
	rm -f "$RIG_DIR/visits"
	ip netns exec "$RIG_CA" python3 - "$RIG_HOST4" "$RIG_DIR/go" >"$RIG_DIR/visits" 3>&- <<-'PY' &
		import os, socket, sys, time
		while not os.path.exists(sys.argv[2]):
		    time.sleep(0.01)
		visit = socket.create_connection((sys.argv[1], 80), source_address=("", 500))
		open(sys.argv[2] + ".here", "w")
		while os.path.exists(sys.argv[2]):
		    time.sleep(0.01)
		visit.sendall(b"GET /page HTTP/1.0\r\n\r\n")
		print(b"200 OK" in visit.makefile("rb").read())
	PY
	echo $! >"$RIG_DIR/visitor.pid"
	rig_hold
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 grep -q 'nothing to open' "$RIG_DIR/out"
	touch "$RIG_DIR/go"
	rig_until 30 test -e "$RIG_DIR/go.here"
	rig_release
	rig_ends 0
	rm "$RIG_DIR/go"
	rig_until 30 grep -q True "$RIG_DIR/visits"
}
