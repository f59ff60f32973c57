#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Tables of iptables-nft and of iptables-legacy, and ufw on top of them: opened with the host's own tools, left as they were.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	fresh
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out")"
	rig_end_of probe
	rig_end_of server
	rig_pebble_stop
}

# New namespaces: a table of iptables-legacy that was loaded stays for as long as they do.
fresh() {
	local namespace process
	rig_end_of probe
	rig_end_of server
	rig_pebble_stop
	for namespace in "$RIG_HOST" "$RIG_CA"; do
		for process in $(ip netns pids "$namespace"); do rig_end "$process" KILL; done
		ip netns del "$namespace"
	done
	rig_cable
	rm -rf "$RIG_STATE" "$RIG_DIR/out"
}

# Both tools of one variant, which must print nothing.
both() {
	local variant=$1
	shift
	rig_host "iptables-$variant" -w 5 "$@" && rig_host "ip6tables-$variant" -w 5 "$@"
}

# What all tools save, without counters and dates. Only tables that are there: to look would make them.
saved() {
	local family
	for family in ip ip6; do
		rig_host "${family}tables-nft-save" 2>&1
		[ -z "$(rig_host cat "/proc/net/${family}_tables_names" 2>/dev/null)" ] || rig_host "${family}tables-legacy-save"
	done | sed -E 's/\[[0-9]+:[0-9]+\]//; s/ on [A-Z].*//; s/packets [0-9]+ bytes [0-9]+/packets N bytes N/'
}

# The plainest firewall of a host with iptables.
policy_drop() {
	both "$1" -P INPUT DROP
	both "$1" -A INPUT -i lo -j ACCEPT
	both "$1" -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
	both "$1" -A INPUT -p tcp --dport 22 -m comment --comment "it's \"ssh\"" -j ACCEPT
	rig_host "ip6tables-$1" -w 5 -A INPUT -p ipv6-icmp -j ACCEPT
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
	with_mounts "${mounts:-:}" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 &
	pid=$!
	rig_until 20 seen
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
ours() { saved | grep -c 'acmegate:' || true; }
clear_of_ours() { [ "$(ours)" = 0 ]; }
mended() { grep -q 'the opening was put back' "$RIG_DIR/out"; }
saved_as_before() { saved | cmp -s - "$RIG_DIR/saved-before"; }

# window [COMMAND...]: a window that stands
window() {
	saved >"$RIG_DIR/saved-before"
	rig_window "$@"
}

# ends: the run in it gets its certificate, and all is as it was before, but for the handles of what others made anew
ends() {
	rig_release
	rig_ends 0
	rig_certificate one.test one.test
	rig_probe_stop
	[ "$(rig_probe_total 4 last)" = silent ]
	[ "$(rig_probe_total 6 last)" = silent ]
	saved | diff "${1:-$RIG_DIR/saved-before}" -
}

# A listener of somebody else's on port 80.
server_start() {
	ip netns exec "$RIG_HOST" python3 -c 'import socket, time
for family, address in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
    s = socket.socket(family); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    family == socket.AF_INET6 and s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, 80)); s.listen(); globals().setdefault("keep", []).append(s)
time.sleep(60)' 3>&- &
	echo $! >"$RIG_DIR/server.pid"
}

everything_dies() {
	local victims
	mapfile -t victims < <(ip netns pids "$RIG_HOST")
	# The watchdog would close before its turn came.
	kill -s STOP "${victims[@]}"
	killed=$EPOCHREALTIME
	kill -s KILL "${victims[@]}"
}

# A host's program with a file system of its own: with_mounts SCRIPT COMMAND..., the script mounts.
with_mounts() {
	local script=$1
	shift
	ip netns exec "$RIG_HOST" unshare -m sh -c "set -e; $script; exec \"\$@\"" sh "$@" 3>&-
}

# --- each variant ---------------------------------------------------------------------------------------------------------

@test "iptables-nft, policy drop" {
	policy_drop nft
	passes
	opens_once
}

@test "iptables-legacy, policy drop" {
	policy_drop legacy
	passes
	opens_once
}

@test "the name has an IPv6 address only, both variants" {
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		RIG_DNS4='' RIG_DNS6=$RIG_HOST6 passes
		opens_once
		fresh
	done
}

# drops VARIANT: an explicit drop wherever iptables can have one, under policy accept
drops() {
	both "$1" -t raw -A PREROUTING -p tcp --dport 1:1023 -j DROP
	both "$1" -t mangle -A PREROUTING -p tcp -m multiport --dports 443,80 -j DROP
	both "$1" -t mangle -N closed
	both "$1" -t mangle -A closed -j DROP
	both "$1" -t mangle -A INPUT -p tcp -j closed
	both "$1" -A INPUT -p tcp --dport 80 -j DROP
}

@test "drops in raw, mangle and filter, both variants" {
	for variant in nft legacy; do
		fresh
		drops "$variant"
		# What leaves this host comes back through the same chains.
		both "$variant" -t mangle -I INPUT 1 -m conntrack --ctstate ESTABLISHED -j ACCEPT
		passes
		opens_once
		[[ $output == *'(8 rules in'* ]]
	done
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

@test "plan prints commands that open, and changes nothing" {
	policy_drop nft
	rig_config one.test
	rig_before
	run -0 rig_acmegate plan
	rig_after
	rig_never_open
	[[ $output == *'/usr/sbin/iptables-nft -w 5 -t filter -I INPUT 1 -p tcp --dport 80 -m socket --transparent --nowildcard -j ACCEPT'* ]]
	[[ $output == *'/usr/sbin/ip6tables-nft -w 5 -t filter -I INPUT 1 -p tcp --dport 80'* ]]
	mapfile -t lines < <(grep -o '/usr/sbin/.*' <<<"$output")
	[ "${#lines[@]}" = 2 ]
	for line in "${lines[@]}"; do
		rig_host sh -c "$line"
	done
}

@test "what cannot block is not touched, both variants" {
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

@test "no table of iptables is made by looking" {
	rig_policy_drop | rig_nft -
	names=$(rig_host cat /proc/net/ip_tables_names /proc/net/ip6_tables_names)
	passes
	[ "$(rig_host cat /proc/net/ip_tables_names /proc/net/ip6_tables_names)" = "$names" ]
	[ "$(rig_host nft list tables)" = 'table inet filter' ]
}

@test "docker's chains are left alone" {
	policy_drop nft
	rig_host iptables-nft-restore -n <<-'RULES'
		*filter
		:DOCKER - [0:0]
		:DOCKER-ISOLATION-STAGE-1 - [0:0]
		:DOCKER-USER - [0:0]
		-P FORWARD DROP
		-A FORWARD -j DOCKER-USER
		-A FORWARD -j DOCKER-ISOLATION-STAGE-1
		-A FORWARD -o docker0 -j DOCKER
		-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 443 -j ACCEPT
		-A DOCKER-ISOLATION-STAGE-1 -j RETURN
		-A DOCKER-USER -j RETURN
		COMMIT
		*nat
		:DOCKER - [0:0]
		-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
		-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 172.17.0.2:443
		COMMIT
	RULES
	passes
	opens_once
	[[ $output == *'(2 rules in'* ]]
}

@test "nftables, iptables-nft and iptables-legacy at once, in one window" {
	rig_policy_drop | rig_nft -
	policy_drop nft
	policy_drop legacy
	passes
	opens_once
	[[ $output == *'(5 rules in'* ]]
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

# ufw with files of its own. The second argument is a change to /etc/default/ufw, as of sed.
ufw_up() {
	rm -rf "$RIG_DIR/ufw"
	mkdir -p "$RIG_DIR/ufw/run" && cp -a /etc/ufw "$RIG_DIR/ufw/etc" && cp -a /etc/default/ufw "$RIG_DIR/ufw/default" &&
		cp -a /etc/alternatives "$RIG_DIR/ufw/alternatives" && sed -i "${2:-}" "$RIG_DIR/ufw/default"
	local tool
	for tool in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
		ln -sf "/usr/sbin/${tool/tables/tables-$1}" "$RIG_DIR/ufw/alternatives/$tool"
	done
	ufw allow 22/tcp
	ufw deny proto tcp from any to any port 80 comment 'not here'
	ufw --force enable
	cp -a "$RIG_DIR/ufw/etc" "$RIG_DIR/ufw/etc-before"
}
ufw() {
	with_mounts "for each in etc:/etc/ufw default:/etc/default/ufw run:/run alternatives:/etc/alternatives; do
		mount --bind '$RIG_DIR/ufw/'\${each%:*} \${each#*:}; done" ufw "$@" >/dev/null
}
ufw_files_as_before() { diff -r "$RIG_DIR/ufw/etc" "$RIG_DIR/ufw/etc-before"; }

@test "ufw on either variant, with a deny of port 80" {
	for variant in nft legacy; do
		fresh
		ufw_up "$variant"
		passes
		opens_once
		ufw_files_as_before
	done
}

@test "ufw without IPv6" {
	ufw_up nft s/^IPV6=.*/IPV6=no/
	families=4 passes
	# ufw drops all of IPv6 then, neighbour discovery too.
	rig_was_open 4 1
	ufw_files_as_before
}

@test "ufw reload in the window" {
	ufw_up nft
	window
	ufw reload
	[ "$(ours)" = 2 ]
	ends
	ufw_files_as_before
}

@test "ufw is disabled and enabled in the window" {
	ufw_up nft
	window
	ufw disable
	ufw --force enable
	rig_until 5 [ "$(ours)" = 2 ]
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
	rig_until 5 mended
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

@test "opening and closing under ufw takes at most 20 ms, both variants" {
	make -s -C "$RIG_BUILD" tests/bench/gate
	for variant in nft legacy; do
		fresh
		ufw_up "$variant"
		# Once on a machine that has time for it.
		for ((i = 0; i < 10; i++)); do
			line=$(rig_host nice -n -20 "$RIG_BUILD/tests/bench/gate" 21 iptables)
			printf '# ufw on %s: %s\n' "$variant" "$line" >&3
			awk '{ exit !($5 + $8 <= 20) }' <<<"$line" && break
		done
		[ "$i" -lt 10 ]
		clear_of_ours
	done
}

# --- other hands ------------------------------------------------------------------------------------------------------------

@test "iptables-restore in the window, both variants: the opening comes back" {
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		rig_host "iptables-$variant-save" >"$RIG_DIR/file"
		window
		rig_host "iptables-$variant-restore" <"$RIG_DIR/file"
		rig_until 5 mended
		[ "$(ours)" = 2 ]
		ends
		grep 'was put back' "$RIG_DIR/out" | sed "s/^/# $variant: /" >&3
	done
}

@test "saved in the window, restored after a reboot: opens nothing, and every later command removes it" {
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		window
		rig_host "iptables-$variant-save" >"$RIG_DIR/file4"
		rig_host "ip6tables-$variant-save" >"$RIG_DIR/file6"
		[ "$(grep -c 'acmegate:' "$RIG_DIR/file4")" = 1 ]
		ends
		server_start
		for command in recover plan renew renew-now; do
			rig_host "iptables-$variant-restore" "$RIG_DIR/file4"
			rig_host "ip6tables-$variant-restore" "$RIG_DIR/file6"
			# Twice, as somebody may have done.
			rig_host "iptables-$variant-restore" -n "$RIG_DIR/file4"
			[ "$(ours)" = 3 ]
			rig_silent
			[ "$command" != renew-now ] || rig_end_of server
			run -0 rig_acmegate "$command"
			[[ $output == *'no run had left'* ]]
			clear_of_ours
		done
	done
}

# --- nets -------------------------------------------------------------------------------------------------------------------

@test "the warden is killed: the watchdog closes, both variants" {
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		window
		killed=$EPOCHREALTIME
		kill -s KILL "$pid"
		rig_closed_after "$killed" 0.050
		rig_until 5 rig_idle
		grep -q 'the watchdog has closed the port' "$RIG_DIR/out"
		saved_as_before
	done
}

@test "everything is killed: the rule ends with our socket, both variants" {
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		window
		everything_dies
		server_start
		rig_closed_after "$killed" 0.050
		[ "$(ours)" = 2 ]
		run -0 rig_acmegate recover
		[[ $output == *'the kernel closed it with that process'* ]]
		saved_as_before
	done
}

@test "everything is killed and the listener is not ours: the time is up, both variants" {
	for variant in nft legacy; do
		fresh
		policy_drop "$variant"
		RIG_GATE='max_open = 5' window guard -- sleep 60
		everything_dies
		server_start
		rig_closed_after "$killed" 5
		[ "$(ours)" = 2 ]
		run -0 rig_acmegate recover
		saved_as_before
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

@test "no tool, and one under its common name only" {
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
	refused 'ip6tables-nft -w 5 -t filter -I INPUT 1 -p tcp --dport 80'
	[[ $output == *'no luck (status 3)'* ]]
	fake '[[ $0 != *ip6* || $* != *-I* ]] || sleep 60'
	refused 'did not end within 10 seconds'
	fake '[[ $0 != *ip6* || $* != *-I* ]] || exit 0'
	refused 'has made no rule in filter INPUT'
	fake '[[ $0 != *ip6* || $* != *-I* ]] || kill -s KILL $$'
	refused 'died of signal 9'
}

@test "the warden is killed while a tool is at work: the tool opens nothing afterwards" {
	policy_drop nft
	fake '[[ $0 != *ip6* || $* != *-I* ]] || { echo >"$real.begun"; sleep 1; }'
	saved >"$RIG_DIR/saved-before"
	rig_pebble
	rig_config one.test
	with_mounts "$mounts" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 &
	pid=$!
	rig_until 20 [ -e "$RIG_DIR/real/ip6tables-nft.begun" ]
	killed=$(rig_host pgrep -f -o -x "$RIG_ACMEGATE -c $RIG_CONF renew-now")
	[ "$(ours)" = 1 ]
	kill -s KILL "$killed"
	wait "$pid" || true
	rig_until 5 saved_as_before
	sleep 1.5
	saved_as_before
	rig_silent
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
	rig_until 10 grep -q 'port 80 open' "$RIG_DIR/out"
	flock "$RIG_DIR/lock" sleep 8 3>&- &
	rig_release
	rig_ends 0
	[[ $output == *'closing port 80:'*'xtables lock'* ]]
	rig_after
}
