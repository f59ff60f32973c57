#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Bad input and a bad world: one clear error, the documented exit status, and firewall and store as they were.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
	rig_pebble
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rm -rf "$RIG_STATE" "$RIG_CONF"
	chmod 0755 "$RIG_DIR/etc"
	rig_policy_drop | rig_nft -
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
	rig_end_of server
}

store_list() { find "$RIG_STATE" -printf '%P %y %m %l\n' 2>/dev/null | sort; }

# fails STATUS WORD ARGUMENTS...: that status and word, no window, nothing stored, the host as before
fails() {
	local expected=$1 word=$2
	shift 2
	rig_before
	run rig_acmegate "$@"
	rig_after
	rig_never_open
	[ "$status" -eq "$expected" ]
	[[ ${output,,} == *"${word,,}"* ]]
	[ ! -e "$RIG_STATE/certificates/one.test/live" ]
}

# refuses WORD: the configuration from standard input is refused with status 2 and a message with that word
refuses() {
	# Wholly read before it is put in place: the other end of the pipe writes there too.
	cat >"$RIG_DIR/new"
	chmod 0644 "$RIG_DIR/new"
	mv "$RIG_DIR/new" "$RIG_CONF"
	run rig_acmegate renew-now
	# At the end of a pipe: teardown does not see $output.
	printf '%s\n' "$output"
	[ "$status" -eq 2 ]
	[[ ${output,,} == *"${1,,}"* ]]
	[[ $output == *acmegate.conf* ]]
	[ ! -e "$RIG_STATE" ]
}

# good SED-SCRIPT: the good configuration with one thing changed
good() {
	rig_config one.test
	sed "$1" "$RIG_CONF"
}

serve() {
	ip netns exec "$1" python3 -m http.server --bind "$2" 80 --directory "$RIG_DIR/etc" >"$RIG_DIR/server.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 ip netns exec "$1" curl -s -o /dev/null --max-time 1 "http://$3/"
}

@test "an unknown key" { good '/^contact/a colour = blue' | refuses colour; }
@test "an unknown section" { good '$a [colour]\nx = 1' | refuses colour; }
@test "a key given twice" { good '/^contact/p' | refuses twice; }
@test "a line that is neither section nor key" { good '/^contact/a what is this' | refuses 'acmegate.conf:4'; }
@test "no directory" { good '/^directory/d' | refuses directory; }
@test "a directory without TLS" { good 's,https://,http://,' | refuses https; }
@test "no certificate" { good '/^\[certificate/,$d' | refuses certificate; }
@test "a certificate without names" { good 's/^names = .*/key = p256/' | refuses 'one.test'; }
@test "an empty section" { good '/^names/d' | refuses 'section'; }
@test "a wildcard" { good 's/^names = .*/names = *.one.test/' | refuses wildcard; }
@test "a broken name" { good 's/^names = .*/names = -one..test/' | refuses 'one..test'; }
@test "a name given twice" { good 's/^names = .*/names = one.test one.test/' | refuses twice; }
@test "a port out of range" { good 's/^port = .*/port = 65536/' | refuses port; }
@test "a longest time out of range" { good '/^port/a max_open = 0' | refuses max_open; }
@test "an unknown backend" { good 's/^backend = .*/backend = pf/' | refuses backend; }
@test "an unknown type of key" { good '/^names/a key = dsa' | refuses p256; }
@test "a user that does not exist" { good 's/^user = .*/user = nosuchuser/' | refuses nosuchuser; }
@test "a state directory that is not absolute" { good 's/^state = .*/state = state/' | refuses absolute; }
@test "a deploy hook that does not exist" { good '/^names/a deploy = /nonexistent/hook' | refuses /nonexistent/hook; }
@test "a missing CA file" { good 's,^ca_file = .*,ca_file = /nonexistent/ca.pem,' | refuses /nonexistent/ca.pem; }
@test "a NUL byte" { good 's/^contact = .*/contact = a\x00b@example.test/' | refuses NUL; }
@test "an empty file" { refuses directory </dev/null; }

@test "a very long line" {
	good "s/^contact = .*/contact = $(head -c 5000 /dev/zero | tr '\0' a)@example.test/" | refuses characters
}

@test "a deploy hook that others may write" {
	printf '#!/bin/sh\n' >"$RIG_DIR/hook"
	chmod 0777 "$RIG_DIR/hook"
	good "/^names/a deploy = $RIG_DIR/hook" | refuses 'written by others'
}

@test "the user of the package is missing" {
	! getent passwd _acmegate >/dev/null || skip 'there is a user _acmegate'
	good '/^user/d' | refuses systemd-sysusers
}

@test "no configuration" { fails 2 acmegate.conf renew-now; }

@test "a configuration that others may write" {
	rig_config one.test
	chmod 0666 "$RIG_CONF"
	fails 2 'written by others' renew-now
}

@test "a configuration of another user" {
	rig_config one.test
	chown nobody "$RIG_CONF"
	fails 2 belongs renew-now
}

@test "a configuration in a directory that others may write" {
	rig_config one.test
	chmod 0777 "$RIG_DIR/etc"
	fails 2 'written by others' renew-now
}

@test "a state directory that others may write" {
	rig_config one.test
	mkdir -m 0777 "$RIG_STATE"
	chmod 0777 "$RIG_STATE"
	fails 2 'written by others' renew-now
}

@test "a state directory of another user" {
	rig_config one.test
	mkdir -m 0711 "$RIG_STATE"
	chown nobody "$RIG_STATE"
	for command in renew renew-now recover plan 'hook --client 1 pre' 'hook --client 1 post' 'guard -- true'; do
		# shellcheck disable=SC2086 # words
		fails 2 "chown root $RIG_STATE" $command
	done
}

@test "directories in the store of another user, or that others may write, are used but not believed in" {
	rig_config one.test
	rig_acmegate renew-now
	chown -R nobody "$RIG_STATE/certificates" "$RIG_STATE/accounts"
	rig_before
	# root without CAP_DAC_OVERRIDE is nobody's friend there: an error, and not a wrong certificate
	run rig_acmegate renew-now
	[ "$status" -eq 1 ]
	[[ $output == *"$RIG_STATE/"*'Permission denied'* ]]
	rig_after
	rig_never_open
	chown -R root "$RIG_STATE"
	run -0 rig_acmegate renew-now
}

# frozen DIRECTORY ARGUMENTS...: acmegate while that directory cannot be written
frozen() {
	local directory=$1
	shift
	run timeout -k 5 60 ip netns exec "$RIG_HOST" sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"' \
		sh "$directory" "$RIG_ACMEGATE" -c "$RIG_CONF" "$@" 3>&-
}

@test "a read-only /etc keeps nobody from a certificate" {
	rig_config one.test
	rig_before
	frozen /etc renew-now
	[ "$status" -eq 0 ]
	rig_after
	frozen "$RIG_DIR/etc" renew-now
	[ "$status" -eq 0 ]
}

@test "a read-only state directory: nothing is opened or asked of the CA, and what stands open is closed" {
	rig_config one.test
	rig_acmegate renew-now
	for command in renew renew-now 'hook --client 1 pre' 'guard -- true'; do
		rig_before
		# shellcheck disable=SC2086 # words
		frozen "$RIG_STATE" $command
		[ "$status" -eq 1 ]
		[[ $output == *'Read-only file system'* ]]
		rig_after
		rig_never_open
	done
	rig_host nft 'add set inet filter acmegate_0123456789abcdef { type inet_service; timeout 60s; elements = { 80 }; }
		insert rule inet filter input tcp dport @acmegate_0123456789abcdef accept comment "acmegate:0123456789abcdef"'
	frozen "$RIG_STATE" recover
	[ "$status" -eq 1 ]
	[ "$(rig_ours)" = 0 ]
}

@test "the terms were not accepted" {
	good 's/^accept_terms = .*/accept_terms = no/' >"$RIG_DIR/new"
	cat "$RIG_DIR/new" >"$RIG_CONF"
	rig_before
	run rig_acmegate renew-now
	rig_after
	rig_never_open
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	[[ $output == *accept_terms* ]]
}

@test "an unknown command, option or certificate" {
	rig_config one.test
	fails 2 usage frobnicate
	fails 2 usage --frobnicate
	fails 2 nosuch renew-now nosuch
}

@test "no command" {
	rig_config one.test
	fails 2 usage
}

@test "--help and --version need no configuration" {
	run -0 "$RIG_ACMEGATE" --help
	[[ $output == *renew-now* ]]
	run -0 "$RIG_ACMEGATE" --version
	[[ $output == acmegate* ]]
}

@test "a CA that refuses the connection: later" {
	RIG_DIRECTORY=https://$RIG_CA4:14999/dir rig_config one.test
	fails 75 14999 renew-now
}

@test "a CA without a route: later" {
	RIG_DIRECTORY=https://192.0.2.1/dir rig_config one.test
	fails 75 192.0.2.1 renew-now
}

@test "a CA whose certificate is not trusted" {
	rig_config one.test
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other -keyout /dev/null \
		-out "$RIG_DIR/other.pem" 2>/dev/null
	sed -i "s,^ca_file = .*,ca_file = $RIG_DIR/other.pem," "$RIG_CONF"
	rig_before
	run rig_acmegate renew-now
	rig_after
	rig_never_open
	[ "$status" -eq 1 ]
	[[ $output == *'comes from no CA in [acme] ca_file'* ]]
	# Without a ca_file the way out is told.
	sed -i '/^ca_file/d' "$RIG_CONF"
	fails 1 'comes from no CA that this host knows; install the package ca-certificates, or name a file with the CA'"'"'s own root in [acme] ca_file' renew-now
}

@test "a CA whose certificate is for another name: ca_file is not the way out" {
	RIG_DIRECTORY=https://10.98.0.3:14000/dir rig_config one.test
	ip -n "$RIG_CA" addr add 10.98.0.3/24 dev cable0
	fails 1 10.98.0.3 renew-now
	ip -n "$RIG_CA" addr del 10.98.0.3/24 dev cable0
	[[ $output != *ca_file* ]]
}

# proxy PASSWORD|STATUS
proxy() {
	rig_end_of server
	ip netns exec "$RIG_CA" python3 "$RIG_ROOT/tests/lib/proxy.py" "$RIG_CA4:3128" "$1" >"$RIG_DIR/proxy.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 rig_ca bash -c "exec 5<>/dev/tcp/$RIG_CA4/3128" 2>/dev/null
}

# through LOGIN@: the configuration with this proxy, which only root reads
through() {
	RIG_ACME="proxy = http://$1$RIG_CA4:3128" rig_config one.test
	chmod 0600 "$RIG_CONF"
}

@test "a proxy with user and password" {
	proxy 'us er:p@ss'
	through 'us%20er:p%40ss@'
	run -0 rig_acmegate -v renew-now
	[[ $output != *p%40ss* && $output != *p@ss* ]]
	grep -q "^CONNECT $RIG_CA4:14000 200" "$RIG_DIR/proxy.log"
	rm -rf "$RIG_STATE"
	through 'user:wrong@'
	fails 1 'the proxy wants a user and a password (status 407)' renew-now
	[ "$(grep -c 407 "$RIG_DIR/proxy.log")" = 1 ]
	through ''
	fails 1 'the proxy wants a user and a password (status 407)' renew-now
	# By its name, which needs no thread either; there it is on this host.
	rig_end_of server
	ip netns exec "$RIG_HOST" python3 "$RIG_ROOT/tests/lib/proxy.py" 127.0.0.1:3128 user:secret >"$RIG_DIR/proxy.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 rig_host bash -c 'exec 5<>/dev/tcp/127.0.0.1/3128' 2>/dev/null
	RIG_ACME="proxy = http://user:secret@localhost:3128" rig_config one.test
	chmod 0600 "$RIG_CONF"
	run -0 rig_acmegate renew-now
	rm -rf "$RIG_STATE"
	through ''
	proxy 403
	fails 1 'the proxy does not connect us (status 403)' renew-now
	proxy 503
	fails 75 'the proxy does not connect us (status 503)' renew-now
}

@test "a password of the proxy that everybody can read" {
	RIG_ACME='proxy = http://user:secret@proxy.test:3128' good '' | refuses 'chmod o-r'
	RIG_ACME='proxy = http://user@proxy.test:3128' good '' | refuses 'USER:PASSWORD@HOST:PORT'
	for wrong in proxy.test:3128/path proxy.test proxy.test: user:secret@proxy.test @proxy.test:1 ':1' 'user:pass@:1'; do
		RIG_ACME="proxy = http://$wrong" good '' | refuses 'USER:PASSWORD@HOST:PORT'
	done
}

@test "a CA file without a certificate" {
	rig_config one.test
	echo nonsense >"$RIG_DIR/other.pem"
	sed -i "s,^ca_file = .*,ca_file = $RIG_DIR/other.pem," "$RIG_CONF"
	rig_before
	run rig_acmegate renew-now
	rig_after
	rig_never_open
	[ "$status" -ne 0 ]
	[[ ${output,,} == *ca_file* ]]
}

@test "a directory that is no ACME directory" {
	RIG_DIRECTORY=https://$RIG_CA4:14000/nothing rig_config one.test
	rig_before
	run rig_acmegate renew-now
	rig_after
	rig_never_open
	[ "$status" -eq 1 ] || [ "$status" -eq 75 ]
}

@test "port 80 is held by another process: it is named" {
	rig_config one.test
	serve "$RIG_HOST" 0.0.0.0 127.0.0.1
	fails 1 python3 renew-now
}

@test "port 80 is held by another process, on IPv6" {
	rig_config one.test
	serve "$RIG_HOST" ::1 '[::1]'
	fails 1 python3 renew-now
}

@test "the name leads elsewhere: what the CA says is shown" {
	rig_dns one.test "$RIG_CA4"
	serve "$RIG_CA" "$RIG_CA4" "$RIG_CA4"
	rig_config one.test
	rig_before
	run rig_acmegate renew-now
	rig_dns one.test "$RIG_HOST4"
	[ "$status" -eq 1 ]
	[[ $output == *one.test* ]]
	[[ ${output,,} == *unauthorized* ]]
	rig_after
	rig_was_open 4 1
	[ ! -e "$(rig_live one.test)" ]
}

@test "without CAP_NET_ADMIN" {
	rig_config one.test
	rig_before
	run timeout 60 ip netns exec "$RIG_HOST" setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now 3>&-
	rig_after
	rig_never_open
	[ "$status" -eq 1 ]
	[[ ${output,,} == *net_admin* ]] || [[ ${output,,} == *root* ]]
}

@test "as an ordinary user" {
	rig_config one.test
	rig_before
	run timeout 60 ip netns exec "$RIG_HOST" setpriv --reuid=65534 --regid=65534 --clear-groups "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now 3>&-
	rig_after
	rig_never_open
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	[ "${#lines[@]}" -le 2 ]
}
