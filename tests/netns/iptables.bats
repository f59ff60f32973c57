#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Tables of iptables-nft and of iptables-legacy, and ufw on top of them: opened with the host's own tools, left as they were. What
# all layers have in common is in conformance.bats.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_seams
	rig_up
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/layers.sh"
	fresh
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out")"
	for process in probe server contest; do rig_end_of "$process"; done
	rig_pebble_stop
	rm -f /run/acmegate-test-$$*
}

seen() {
	local family
	for family in ${families:-4 6}; do grep -q "^answer $family" "$RIG_DIR/probe" || return 1; done
}

# passes [listening]: a certificate through a window that stands until the probe has seen it ($families), and all is as before
passes() {
	rig_pebble
	rig_config one.test
	rig_hold
	saved >"$RIG_DIR/saved-before"
	rig_before
	rm -f "$RIG_DIR/out"
	with_mounts "${mounts:-:}" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 &
	pid=$!
	rig_until 30 seen
	ends_of_run "$@"
}
ends_of_run() {
	rig_release
	rig_ends 0
	[[ $output == *'ruleset unchanged'* ]]
	rig_after "$@"
	saved | diff "$RIG_DIR/saved-before" -
	rig_certificate one.test one.test
}

opens_once() {
	rig_was_open 4 1
	rig_was_open 6 1
}

# ours: how many rules of ours stand, whatever the variant
ours() { saved | grep -cE 'acmegate:[0-9a-f]{16}' || true; }
clear_of_ours() { [ "$(ours)" = 0 ]; }
mended() { grep -q 'the opening was put back' "$RIG_DIR/out"; }
saved_as_before() { saved | cmp -s - "$RIG_DIR/saved-before"; }

# window [COMMAND...]: one that stays open
window() {
	saved >"$RIG_DIR/saved-before"
	rig_window "$@"
}

# ends: the run in it gets its certificate, and all is as it was before, but for the handles of what others made anew
ends() {
	rig_release
	rig_ends 0
	rig_certificate one.test one.test
	all_is_over "$@"
}
all_is_over() {
	rig_probe_stop
	[ "$(rig_probe_total 4 last)" = silent ]
	[ "$(rig_probe_total 6 last)" = silent ]
	saved | diff "${1:-$RIG_DIR/saved-before}" -
}

# --- each variant ---------------------------------------------------------------------------------------------------------

# drops VARIANT [PORT]: an explicit drop wherever iptables can have one, under policy accept
drops() {
	both "$1" -t raw -A PREROUTING -p tcp --dport 1:1023 -j DROP
	both "$1" -t mangle -A PREROUTING -p tcp -m multiport --dports 443,80 -j DROP
	both "$1" -t mangle -N closed
	both "$1" -t mangle -A closed -j DROP
	both "$1" -t mangle -A INPUT -p tcp -j closed
	both "$1" -A INPUT -p tcp --dport "${2:-80}" -j DROP
}

@test "the port opens behind drops in raw, mangle and filter, both variants" {
	for variant in nft legacy; do
		fresh
		drops "$variant"
		# Answers to this host's own packets traverse the same chains.
		both "$variant" -t mangle -I INPUT 1 -m conntrack --ctstate ESTABLISHED -j ACCEPT
		passes
		opens_once
		[[ $output == *'(8 rules in'* ]]
	done
}

@test "port 443 opens for tls-alpn-01 behind the same drops, both variants" {
	rig_probe_arguments[0]=443
	export RIG_CERTIFICATE='challenge = tls-alpn-01'
	for variant in nft legacy; do
		fresh
		drops "$variant" 443
		both "$variant" -t mangle -I INPUT 1 -m conntrack --ctstate ESTABLISHED -j ACCEPT
		passes
		opens_once
		[[ $output == *'port 443 open'*'(8 rules in'* ]]
	done
}

@test "a kernel that has tables of iptables-legacy and no nf_tables" {
	policy_drop legacy
	RIG_ACMEGATE=$RIG_BUILD/seams/acmegate ACMEGATE_SEAMS=no-nftables
	export ACMEGATE_SEAMS
	passes
	opens_once
	[[ $output == *'(2 rules in'* ]]
}

@test "replies are let out where they would be dropped, both variants" {
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		both "$variant" -P OUTPUT DROP
		both "$variant" -A OUTPUT -o lo -j ACCEPT
		both "$variant" -A OUTPUT -p tcp -m multiport --dports 14000,15000 -j ACCEPT
		rig_host "ip6tables-$variant" -A OUTPUT -p ipv6-icmp -j ACCEPT
		passes
		opens_once
		[[ $output == *'(4 rules in'* ]]
	done
}

@test "port 80 belongs to a container: it comes to us for the time of the window, both variants" {
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		both "$variant" -t nat -N DOCKER
		both "$variant" -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		rig_host "iptables-$variant" -t nat -A DOCKER ! -i docker0 -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2:8080
		rig_host "ip6tables-$variant" -t nat -A DOCKER -p tcp --dport 80 -j REDIRECT --to-ports 3128
		both "$variant" -t mangle -A POSTROUTING -p tcp --sport 80 -j DROP
		passes
		opens_once
		[[ $output == *'(6 rules in'* ]]
	done
}

# A listener as acmegate's is: with IP_TRANSPARENT and IPV6_TRANSPARENT.
transparent_server_start() {
	ip netns exec "$RIG_HOST" python3 -c 'import socket, time
for family, address, level, option in (socket.AF_INET, "0.0.0.0", 0, 19), (socket.AF_INET6, "::", 41, 75):
    s = socket.socket(family); s.setsockopt(level, option, 1)
    family == socket.AF_INET6 and s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, 80)); s.listen(); globals().setdefault("keep", []).append(s)
time.sleep(60)' 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 two_listen
}
two_listen() { [ "$(rig_host ss -Hltn 'sport = :80' | wc -l)" = 2 ]; }

@test "plan prints commands that open when they are typed, and changes nothing" {
	rig_policy_drop | rig_nft -
	policy_drop nft
	policy_drop legacy
	saved >"$RIG_DIR/saved-before"
	rig_config one.test
	rig_before
	run -0 rig_acmegate plan
	rig_after
	saved_as_before
	[[ $output == *'/usr/sbin/iptables-nft -w 5 -t filter -I INPUT 4 -p tcp --dport 80 -m socket --transparent --nowildcard -m time --datestart '*' -j ACCEPT'* ]]
	sed '/^# for hook/,$d; /^#/d' <<<"$output" >"$RIG_DIR/typed"
	[ "$(wc -l <"$RIG_DIR/typed")" = 6 ] # a set and five rules
	transparent_server_start
	rig_silent
	rig_host sh -e "$RIG_DIR/typed"
	rig_until 30 open_again
}

@test "chains that cannot block are not touched, both variants" {
	for variant in nft legacy; do
		fresh
		both "$variant" -P INPUT DROP
		both "$variant" -A INPUT -p tcp --dport 22 -j DROP
		both "$variant" -A INPUT -p udp -j DROP
		[ "$variant" = nft ] || both legacy -A INPUT -p tcp -m multiport --dports 25,465 -j DROP
		both "$variant" -A INPUT -p tcp --dport 80 -m comment --comment web -j ACCEPT
		both "$variant" -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
		rig_host "ip6tables-$variant" -A INPUT -p ipv6-icmp -j ACCEPT
		both "$variant" -t mangle -A PREROUTING -p tcp --dport 80 -j MARK --set-mark 7
		both "$variant" -t raw -A PREROUTING -p tcp --dport 80 -j LOG --log-prefix 'a "b" -j DROP '
		passes listening
		[[ $output == *'not blocked by any chain'* ]]
	done
}

@test "looking never creates a table of iptables" {
	rig_policy_drop | rig_nft -
	names=$(rig_host cat /proc/net/ip_tables_names /proc/net/ip6_tables_names)
	passes
	[ "$(rig_host cat /proc/net/ip_tables_names /proc/net/ip6_tables_names)" = "$names" ]
	[ "$(rig_host nft list tables)" = 'table inet filter' ]
}

@test "one backend alone" {
	policy_drop nft
	rig_config one.test
	RIG_BACKEND=iptables passes
	opens_once
	rm -rf "$RIG_STATE"
	RIG_BACKEND=nftables rig_config one.test
	rig_before
	run rig_acmegate renew-now
	[ "$status" -eq 1 ]
	[[ $output == *'the chain ip filter INPUT (input) may block the port'*'backend = auto'* ]]
	rig_after
	rig_never_open
}

# --- ufw --------------------------------------------------------------------------------------------------------------------

@test "ufw without IPv6" {
	ufw_up nft s/^IPV6=.*/IPV6=no/
	families=4 passes
	# ufw drops all of IPv6 then, neighbour discovery too.
	rig_was_open 4 1
	ufw_files_as_before
}

@test "ufw is disabled and enabled in the window" {
	ufw_up nft
	window
	ufw disable
	ufw --force enable
	rig_until 30 [ "$(ours)" = 2 ]
	ends
	ufw_files_as_before
}

@test "ufw is enabled in the window for the first time" {
	ufw_up nft
	saved >"$RIG_DIR/saved-enabled"
	ufw disable
	rig_nft - </dev/null
	RIG_DNS6='' window
	[ "$(ours)" = 0 ]
	ufw --force enable
	rig_until 30 mended
	ends "$RIG_DIR/saved-enabled"
}

@test "rules of ufw change in the window, and stay" {
	ufw_up nft
	window
	ufw allow 8443/tcp
	ufw delete deny proto tcp from any to any port 80
	[ "$(ours)" = 2 ]
	rig_release
	rig_ends 0
	rig_probe_stop
	[ "$(rig_probe_total 4 last)" = silent ]
	clear_of_ours
	saved | grep -q 'ufw-user-input -p tcp -m tcp --dport 8443 -j ACCEPT'
	saved >"$RIG_DIR/saved"
	run ! grep -e '--dport 80 ' "$RIG_DIR/saved"
	run ! grep -r acmegate "$RIG_DIR/ufw/etc"
}

# --- other hands ------------------------------------------------------------------------------------------------------------

# contested COMMAND: runs that in the background all the time, on the host
contested() {
	ip netns exec "$RIG_HOST" sh -c "$1" >/dev/null 2>&1 3>&- &
	echo $! >"$RIG_DIR/contest.pid"
}

@test "frontends that put their rules back every second" {
	rig_policy_drop >"$RIG_DIR/plain"
	rig_nft "$RIG_DIR/plain"
	policy_drop legacy
	for family in ip ip6; do rig_host "${family}tables-legacy-save" >"$RIG_DIR/file-$family"; done
	server_start
	window guard -- sh -c "until [ -e $RIG_DIR/enough ]; do sleep 0.1; done"
	contested "while sleep 1; do (echo flush ruleset; cat '$RIG_DIR/plain') | nft -f -
		for f in ip ip6; do \${f}tables-legacy-restore -w 5 '$RIG_DIR/file-'\$f; done; done"
	rig_until 30 three_times_mended
	rig_until 30 open_again
	rig_end_of contest
	touch "$RIG_DIR/enough"
	rig_ends 0
	all_is_over
}
three_times_mended() { [ "$(grep -c 'the opening was put back' "$RIG_DIR/out")" -ge 6 ]; } # twice a second

@test "tables that others change all the time while they are read, both variants" {
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		both "$variant" -N storm
		saved >"$RIG_DIR/saved-before"
		contested "while :; do for f in ip ip6; do for n in 1 2 3 4 5 6 7 8; do \${f}tables-$variant -w 5 -A storm -p \$n; done
			\${f}tables-$variant -w 5 -F storm; done; done"
		rig_pebble
		rig_config one.test
		run -0 rig_acmegate renew-now
		rig_certificate one.test one.test
		clear_of_ours
		rig_end_of contest
		both "$variant" -F storm
		saved_as_before
	done
}

@test "an ipset that vanishes, and names that need quotes, both variants" {
	for variant in nft legacy; do
		fresh
		rig_host ipset create bans hash:ip
		policy_drop "$variant"
		both "$variant" -N "it's\"so\"\\\$(x)"
		both "$variant" -I INPUT 1 -p tcp -j "it's\"so\"\\\$(x)"
		both "$variant" -I INPUT 1 -p udp -m comment --comment 'acmegate: "not" ours' -j LOG --log-prefix 'a "b" \ -j DROP '
		saved >"$RIG_DIR/saved-without"
		rig_host "iptables-$variant" -I INPUT 1 -m set --match-set bans src -j DROP
		rig_host "iptables-$variant-save" >"$RIG_DIR/file"
		window
		rig_host "iptables-$variant" -D INPUT -m set --match-set bans src -j DROP
		rig_host ipset destroy bans
		# A saved ruleset that names it can no longer be loaded, and changes nothing.
		run ! rig_host "iptables-$variant-restore" -w 5 "$RIG_DIR/file"
		[ "$(ours)" = 2 ]
		everything_dies
		run -0 rig_acmegate recover
		rig_end_of probe
		saved | diff "$RIG_DIR/saved-without" -
		rm -f "$RIG_DIR/out"
	done
}

# --- tools that are not what they should be ---------------------------------------------------------------------------------

# fake SCRIPT: both names of the nft variant are this program; $REAL is what they were
fake() {
	mkdir -p "$RIG_DIR/real"
	cp /usr/sbin/xtables-nft-multi "$RIG_DIR/real/"
	ln -sf xtables-nft-multi "$RIG_DIR/real/iptables-nft"
	ln -sf xtables-nft-multi "$RIG_DIR/real/ip6tables-nft"
	printf '#!/bin/bash\nreal=%s/real/${0##*/}\n%s\nexec "$real" "$@"\n' "$RIG_DIR" "$1" >"$RIG_DIR/fake"
	chmod 0755 "$RIG_DIR/fake"
	mounts="mount --bind '$RIG_DIR/fake' /usr/sbin/xtables-nft-multi"
}

# refused TEXT [COMMAND]: with $mounts it fails, says so, and has opened nothing in the end
refused() {
	rig_pebble
	rig_config one.test
	rig_before
	run with_mounts "$mounts" timeout -k 5 60 "$RIG_ACMEGATE" -c "$RIG_CONF" "${2:-renew-now}"
	[ "$status" -eq 1 ] || [ "$status" -eq 75 ]
	[[ $output == *"$1"* ]]
	rig_after
	clear_of_ours
}

@test "a tool that is missing is an error; one under its common name only is found" {
	policy_drop nft
	mounts='mount -t tmpfs none /usr/sbin' refused 'install it'
	rig_never_open
	[[ $output == *'chains of iptables-nft block the port'* ]]
	rm -rf "$RIG_STATE"
	rig_config one.test
	mounts="cp /usr/sbin/xtables-nft-multi '$RIG_DIR/multi'; mount -t tmpfs none /usr/sbin
		cp '$RIG_DIR/multi' /usr/sbin/iptables; cp '$RIG_DIR/multi' /usr/sbin/ip6tables" passes
	opens_once
}

@test "tables of iptables-legacy without the tool: refused, unless the administrator has decided" {
	policy_drop legacy
	mounts='mount -t tmpfs none /usr/sbin' refused 'tables of iptables-legacy are loaded'
	[[ $output == *'backend = nftables'* ]]
	rig_never_open
	run -0 with_mounts 'mount -t tmpfs none /usr/sbin' "$RIG_ACMEGATE" -c "$RIG_CONF" recover
	RIG_BACKEND=nftables rig_config one.test
	run -0 with_mounts 'mount -t tmpfs none /usr/sbin' "$RIG_ACMEGATE" -c "$RIG_CONF" plan
}

@test "closing iptables-nft needs no tool" {
	policy_drop nft
	window
	everything_dies
	[ "$(ours)" = 2 ]
	run -0 with_mounts 'mount -t tmpfs none /usr/sbin' "$RIG_ACMEGATE" -c "$RIG_CONF" recover
	saved_as_before
}

@test "a tool of the other variant" {
	policy_drop nft
	mounts='mount --bind /usr/sbin/xtables-legacy-multi /usr/sbin/xtables-nft-multi' refused '(legacy)'
	rig_never_open
}

@test "a tool that prints garbage, prints without end, or hangs" {
	policy_drop nft
	fake 'head -c 4000 /dev/urandom; exit 0'
	refused 'neither is iptables-nft'
	rig_never_open
	fake 'exec yes'
	refused 'printed too much'
	rig_never_open
	fake 'trap "" TERM; sleep 60'
	refused 'did not end within'
	rig_never_open
}

@test "a tool that fails half-way takes all of the opening with it" {
	policy_drop nft
	fake '[[ $0 != *ip6* || $* != *-I* ]] || { echo "no luck"; exit 3; }'
	refused 'ip6tables-nft -w 5 -t filter -I INPUT 5 -p tcp --dport 80'
	[[ $output == *'no luck (status 3)'* ]]
	fake '[[ $0 != *ip6* || $* != *-I* ]] || sleep 60'
	refused 'did not end within 10 seconds'
	fake '[[ $0 != *ip6* || $* != *-I* ]] || exit 0'
	refused 'has made no rule in filter INPUT'
	fake '[[ $0 != *ip6* || $* != *-I* ]] || kill -s KILL $$'
	refused 'died of signal 9'
}

# The tool for IPv6 waits before it makes its rule until there is a file; the one for IPv4 makes its own. Tools write below /run only.
waits="{ echo >/run/acmegate-test-$$.begun; while [ ! -e /run/acmegate-test-$$.go ]; do sleep 0.1; done; }"
half_open() { [ -e /run/acmegate-test-$$.begun ] && rig_host iptables-nft -w 5 -S INPUT | grep -q acmegate:; }

# half_opened: a run that is so far; $pid
half_opened() {
	rm -f /run/acmegate-test-$$.*
	rig_pebble
	rig_config one.test
	rm -f "$RIG_DIR/out"
	with_mounts "$mounts" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 &
	pid=$!
	rig_until 30 half_open
}

# stays_closed: and what may have waited makes no rule any more
stays_closed() {
	rig_until 30 saved_as_before
	# A tool that still waits goes on now, and has its time.
	: >/run/acmegate-test-$$.go
	rig_until 30 rig_idle
	saved_as_before
	rig_silent
}

@test "the gate is killed while a tool is at work: the tool opens nothing afterwards" {
	policy_drop nft
	saved >"$RIG_DIR/saved-before"
	# Of the second one the kernel kills the tool, and not what that has started.
	for busy in "$waits" 'setsid bash -c '\'''"$waits"'; exec "$@"'\'' sh "$real" "$@" & wait; exit'; do
		fake "[[ \$0 != *ip6* || \$* != *-I* ]] || { $busy; }"
		half_opened
		kill -s KILL "$(rig_gate)"
		wait "$pid" || true
		stays_closed
	done
}

# --- acmegate-iptables ------------------------------------------------------------------------------------------------------

helpers() { ip netns pids "$RIG_HOST" | while read -r p; do ! grep -sqx acmegate-iptabl "/proc/$p/comm" || echo "$p"; done; }
other_helper() { [ -n "$(helpers | grep -vxF "$killed")" ]; }

# helper_dies: once, in the middle of its work; the gate starts another one
helper_dies() {
	killed=$(helpers)
	# shellcheck disable=SC2086 # one or two of them
	kill -s KILL $killed
}

@test "acmegate-iptables is killed after its first rule: another one makes the rest, or all of the opening goes" {
	policy_drop nft
	saved >"$RIG_DIR/saved-before"
	fake "[[ \$0 != *ip6* || \$* != *-I* ]] || $waits"
	half_opened
	helper_dies
	: >/run/acmegate-test-$$.go
	rig_ends 0
	[[ $output == *'ruleset unchanged'* ]]
	saved_as_before
	half_opened
	helper_dies
	rig_until 30 other_helper
	helper_dies
	rig_ends 1
	[[ $output == *'acmegate-iptables died of signal 9'* ]]
	stays_closed
	[ -z "$(helpers)" ]
	run -0 rig_acmegate recover
	saved_as_before
}

@test "the tools have the rights that they need, and no others" {
	policy_drop nft
	# With Landlock they write below /run only.
	fake "[[ \$0 != *ip6* || \$* != *-I* ]] || { exec 2>/dev/null
		awk '/^(CapPrm|NoNewPrivs|Seccomp):/ { print \$2 }' /proc/self/status >/run/acmegate-test-$$
		python3 -c 'import socket; s = socket.socket(); s.bind((\"\", 8099)); s.listen()' && echo listens >>/run/acmegate-test-$$
		! : >/etc/acmegate-test-$$ || echo writes >>/run/acmegate-test-$$; }"
	passes
	has=$(paste -sd ' ' /run/acmegate-test-$$)
	rm -f /etc/acmegate-test-$$
	landlocked || has=${has% writes}
	[ "$has" = '0000000000003000 1 2' ]
}
landlocked() { python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) <= 0)'; }

# lies SCRIPT: a build whose acmegate-iptables is this; the real one is $real
lies() {
	mkdir -p "$RIG_DIR/lies"
	cp "$RIG_BUILD"/acmegate{,-agent,-gate,-surveyor,-iptables} "$RIG_DIR/lies/"
	mv "$RIG_DIR/lies/acmegate-iptables" "$RIG_DIR/lies/real"
	printf '#!/bin/bash\nreal=%s\n%s\nexec "$real" "$@"\n' "$RIG_DIR/lies/real" "$1" >"$RIG_DIR/lies/acmegate-iptables"
	chmod 0755 "$RIG_DIR/lies" "$RIG_DIR/lies/acmegate-iptables"
	RIG_ACMEGATE=$RIG_DIR/lies/acmegate
}

# lied VERB LIE...: with each of these instead of an answer a guard fails and says so, and the ruleset is what it was
lied() {
	local verb=$1 lie
	shift
	for lie; do
		lies "[ \$1 != $verb ] || { $lie; exit; }"
		run rig_acmegate guard --max 5 -- true
		echo "$verb, $lie: status $status: $output"
		[ "$status" -eq 1 ]
		[[ $output == *'error: '*'acmegate-iptables gave no answer that acmegate knows'* && $output != *$'\033'* ]]
		saved_as_before
	done
}

@test "with --debug a run shows the commands of the tools, both variants" {
	rig_config
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		run -0 rig_acmegate --debug guard -- true
		for tool in iptables ip6tables; do
			[[ $output == *"iptables: runs /usr/sbin/$tool-$variant -w 5 -t filter -I INPUT "* ]]
			[[ $output == *"iptables: /usr/sbin/$tool-$variant ended after "* ]]
		done
		[[ $output == *'runs '*'/acmegate-iptables open'* && $output == *'ACMEGATE_TAG=acmegate:'*' ACMEGATE_PORT=80 ACMEGATE_SECONDS='* ]]
		[[ $output == *'ruleset unchanged'* ]]
	done
	[[ $output == *'iptables: runs /usr/sbin/iptables-legacy -w 5 -t filter -D INPUT '* ]]
	run -0 rig_acmegate --verbose guard -- true
	[[ $output != *' runs '* ]]
}

@test "what acmegate-iptables prints is taken for hostile" {
	policy_drop legacy
	saved >"$RIG_DIR/saved-before"
	rig_config
	lied list echo 'yes x | head -n 9' 'exit 77' 'printf "%0300d\nip filter 1\nx" 0' 'printf "state\nip filter 99999999\nx\n"' \
		'printf "state\nip nowhere 2\nx\n"' 'printf "state\nip filter 2\nxx\n"'
	lied plan echo 'printf "state\n0 0\nrm -rf /\n"' 'printf "state\n0 0\n/usr/sbin/iptables \033[2J\n"' 'exit 77'
	lied open echo 'printf "state\n-1\n"' 'printf "state\nmany\n"' 'exit 77'
}

@test "acmegate-iptables that does not close: said, and the port is closed when it does again" {
	policy_drop legacy
	saved >"$RIG_DIR/saved-before"
	rig_config
	lies '[ "$1" != open ] || echo >"${0%/*}/broken"; [ "$1" != close ] || [ ! -e "${0%/*}/broken" ] || { echo 1; exit 0; }'
	run rig_acmegate guard --max 60 -- true
	[ "$status" -eq 1 ]
	[[ $output == *'closing port 80: acmegate-iptables gave no answer that acmegate knows'*'the port may still be open'* ]]
	[ "$(ours)" = 2 ]
	run rig_acmegate recover
	[ "$status" -ne 0 ]
	[ "$(ours)" = 2 ]
	rm "$RIG_DIR/lies/broken"
	rig_until 60 saved_as_before
}

@test "without tables of iptables acmegate-iptables is not started, nor to close those of iptables-nft" {
	rig_policy_drop | rig_nft -
	lies 'echo "$1" >>"${0%/*}/started"'
	passes
	run rig_acmegate hook --client $$ pre
	run rig_acmegate hook --client $$ post
	rig_acmegate recover
	[ ! -e "$RIG_DIR/lies/started" ]
	fresh
	policy_drop nft
	window
	[ -e "$RIG_DIR/lies/started" ]
	RIG_BUILD=$RIG_DIR/lies everything_dies
	rm "$RIG_DIR/lies/started"
	run -0 rig_acmegate recover
	saved_as_before
	[ ! -e "$RIG_DIR/lies/started" ]
}

@test "a tool or kernel without -m socket, without -m time" {
	policy_drop nft
	fake '[[ $* != *-m\ socket* ]] || exit 2'
	passes
	opens_once
	[[ $output == *xt_socket* ]]
	rm -rf "$RIG_STATE"
	fake '[[ $* != *-m\ time* ]] || exit 2'
	passes
	opens_once
	[[ $output == *xt_time*'only the end of its socket'* ]]
}

@test "a kernel that lacks what the rule asks for lacks it the next time: status 1, not 75" {
	policy_drop nft
	fake '[[ $* != *-I* ]] || { echo "iptables v1.8.9 (nf_tables):  RULE_INSERT failed (No such file or directory): rule in chain INPUT"
		exit 4; }'
	refused 'RULE_INSERT failed (No such file or directory)'
	[ "$status" -eq 1 ]
	rig_never_open
}

@test "a listing that is none is not taken for an empty one" {
	policy_drop legacy
	fake '[[ $* != *-S* ]] || { echo "# nothing to see"; exit 0; }'
	cp /usr/sbin/xtables-legacy-multi "$RIG_DIR/real/xtables-nft-multi"
	for tool in iptables ip6tables; do ln -sf xtables-nft-multi "$RIG_DIR/real/$tool-legacy"; done
	mounts="mount --bind '$RIG_DIR/fake' /usr/sbin/xtables-legacy-multi" refused 'printed no rules'
	rig_never_open
}

@test "the lock of iptables-legacy is held when the port is to be opened, and when it is to be closed" {
	# A lock of its own: the one in /run is that of all tests of this machine.
	: >"$RIG_DIR/lock"
	printf '#!/bin/sh\nexec unshare -m sh -c "mount --bind %s/lock /run/xtables.lock; exec %s \\"\\$@\\"" sh "$@"\n' "$RIG_DIR" \
		"$RIG_ACMEGATE" >"$RIG_DIR/locked"
	chmod 0755 "$RIG_DIR/locked"
	RIG_ACMEGATE=$RIG_DIR/locked
	policy_drop legacy
	flock "$RIG_DIR/lock" sleep 2 3>&- &
	passes
	opens_once
	rm -rf "$RIG_STATE"
	window
	rig_until 30 grep -q 'port 80 open' "$RIG_DIR/out"
	flock "$RIG_DIR/lock" sh -c "touch $RIG_DIR/locked.now; until [ -e $RIG_DIR/unlock ]; do sleep 0.05; done" 3>&- &
	rig_until 30 test -e "$RIG_DIR/locked.now"
	rig_release
	rig_until 30 grep -q 'closing port 80:.*xtables lock' "$RIG_DIR/out"
	touch "$RIG_DIR/unlock"
	rig_ends 0
	[[ $output == *'closing port 80:'*'xtables lock'* ]]
	rig_after
}
