#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# plan names problems before a renewal would meet them: no CA runs here.
bats_require_minimum_version 1.5.0
load ../lib/suite
load ../lib/xdp

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	rig_config one.test
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of server
	rig_end_of xdp
	rig_end_of probe
	rig_pebble_stop
	rig_ca nft flush ruleset
}

# server ADDRESS: listens on port 80 and keeps its name
server() {
	ip netns exec "$RIG_HOST" python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 80))
s.listen()
time.sleep(60)' "$1" 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 listening
}
listening() { rig_host ss -Hltn 'sport = 80' | grep -q .; }

# section WHOSE: its lines
section() { sed -n "/^# for $1/,/^# for /{/^#/d;p}" <<<"$output"; }

# opens_typed WHOSE: its lines, typed into a shell of the host, are what acmegate itself would have made
opens_typed() {
	rig_host nft list ruleset >"$RIG_DIR/plain"
	run -0 rig_acmegate plan
	section "$1" >"$RIG_DIR/typed"
	rig_host nft list ruleset | diff "$RIG_DIR/plain" -
	rig_host sh -e "$RIG_DIR/typed"
	rig_host nft list ruleset | without_tag >"$RIG_DIR/by-hand"
	[ "$(rig_ours)" = 2 ]
	run -0 rig_acmegate recover
	[[ $output == *'no run had left'* ]]
	rig_host nft list ruleset | diff "$RIG_DIR/plain" -
}
without_tag() { sed -E 's/acmegate([:_])[0-9a-f]{16}/acmegate\1TAG/g; s/ expires [0-9a-z]+//; s/packets [0-9]+ bytes [0-9]+/packets/; s/meta time "[^"]*"-"[^"]*"/meta time/'; }

@test "the printed lines, typed into a shell, make the same rules as acmegate, for renewals, hook and guard" {
	rig_nft - <<-'NFT'
		table inet filter {
			chain input {
				type filter hook input priority 0; policy accept;
				ct state established,related accept
				meta l4proto ipv6-icmp accept
				tcp dport 22 accept
				tcp dport 80 meta mark set 7
				drop
			}
		}
	NFT
	opens_typed 'hook and guard'
	run_guard=$(rig_acmegate guard -- sh -c 'nft list ruleset' 2>/dev/null)
	without_tag <<<"$run_guard" | diff "$RIG_DIR/by-hand" -
	opens_typed renewals
	grep -q 'socket transparent 1' "$RIG_DIR/by-hand"
	rig_window
	rig_host nft list ruleset | without_tag | diff "$RIG_DIR/by-hand" -
	rig_release
	rig_ends 0
	rig_probe_stop
	rig_pebble_stop
}

@test "plan names the program that has the port, and prints the rest all the same" {
	for address in 0.0.0.0 :: "$RIG_HOST4"; do
		server "$address"
		run -1 rig_acmegate plan
		[[ $output == *"nft 'add rule inet filter input"* ]]
		[[ $output == *"port 80 is taken by python3 (pid $(cat "$RIG_DIR/server.pid"))"* ]]
		rig_end_of server
	done
	run -0 rig_acmegate plan
	# With a foreign listener the port may be taken.
	printf '[gate]\nstate = %s\n' "$RIG_STATE" >"$RIG_CONF"
	server 0.0.0.0
	run -0 rig_acmegate plan
}

@test "plan names a user that is missing" {
	sed -i 's/^user = .*/user = _nobody_here/' "$RIG_CONF"
	run -2 rig_acmegate plan
	[[ $output == *"nft 'add rule inet filter input"* ]]
	[[ $output == *"there is no user '_nobody_here' on this host"* ]]
}

@test "with mode = webroot plan names a missing directory, and a port without a web server" {
	mkdir -p "$RIG_DIR/www"
	printf '[responder]\nmode = webroot\nwebroot = %s\n' "$RIG_DIR/www" >>"$RIG_CONF"
	run -1 rig_acmegate plan
	[[ $output == *'no program listens on port 80'*'webroot'* ]]
	server 0.0.0.0
	run -0 rig_acmegate plan
	rmdir "$RIG_DIR/www"
	run -1 rig_acmegate plan
	[[ $output == *"$RIG_DIR/www: No such file or directory"* ]]
}

# The client has to reach the CA before anything is opened; on hosts that let little out, that is where a renewal ends.
@test "plan names a chain that stops the client on its way to the CA, with the rule and the user" {
	user=$(id -u nobody)
	{
		rig_policy_drop
		echo "table inet out { chain out { type filter hook output priority 0; meta skuid $user tcp dport 14000 reject with tcp reset; }; }"
	} | rig_nft -
	rig_pebble
	rig_config one.test
	run -0 rig_acmegate plan
	handle=$(rig_host nft -a list chain inet out out | sed -nE 's/.*skuid.*# handle ([0-9]+)/\1/p')
	said="the chain inet out out (output) may keep acmegate's client, user id $user, from port 14000 of the CA: the rule with handle $handle in out"
	[[ $output == *"# $said"* ]]
	run -75 rig_acmegate renew-now
	[[ $output == *"$said"* ]]
	# Somebody else's user is somebody else's business.
	rig_host nft flush chain inet out out
	rig_host nft add rule inet out out meta skuid 0 tcp dport 14000 drop
	run -0 rig_acmegate plan
	[[ $output != *"acmegate's client"* ]]
	rig_policy_drop | rig_nft -
	rig_pebble_stop
}

@test "plan names marks that packets would miss because of a rule of acmegate" {
	rig_nft - <<-'NFT'
		table inet mw { chain pre { type filter hook prerouting priority mangle; tcp dport 80 ip saddr 192.0.2.0/24 drop; ct mark set 1; }; }
	NFT
	run -0 rig_acmegate plan
	[[ $output == *'inet mw pre position '*' fib daddr type local '*' counter accept comment '* ]]
	[[ $output == *'# meanwhile packets for the port miss what rules behind these set: inet mw pre: ct mark'* ]]
	rig_policy_drop | rig_nft -
}

# --- what no rule shows -------------------------------------------------------------------------------------------------

@test "plan, and a failed validation, name a program of XDP on an interface" {
	run -0 rig_acmegate plan
	[[ $output != *XDP* && $output != *'no way to'* && $output != *bridge* ]]
	xdp_attach cable0
	run -0 rig_acmegate plan
	[[ $output =~ '# a program of XDP (id '[1-9][0-9]*') on cable0 gets packets before the firewall does' ]]
	rig_pebble
	RIG_GATE='max_open = 5' rig_config one.test
	rig_hold
	run rig_acmegate renew-now
	[ "$status" -ne 0 ]
	[[ $output == *'warning: a program of XDP (id '* ]]
}

@test "plan names routes that stop the answers to the CA: none, prohibited by a rule, blackholed, unreachable" {
	for kind in unreachable prohibit blackhole; do
		rig_host ip route add "$kind" "$RIG_CA4/32"
		run -0 rig_acmegate plan
		[[ $output == *"# no answer to the CA leaves this host over IPv4: its routes have no way to $RIG_CA4 ("* ]]
		rig_host ip route del "$kind" "$RIG_CA4/32"
	done
	# Of two addresses of the host one is sent elsewhere.
	rig_host ip addr add 10.98.0.78/24 dev cable0
	rig_host ip rule add from 10.98.0.78 ipproto tcp sport 80 prohibit
	run -0 rig_acmegate plan
	rig_host ip rule del from 10.98.0.78 ipproto tcp sport 80 prohibit
	rig_host ip addr del 10.98.0.78/24 dev cable0
	[[ $output == *"# answers from 10.98.0.78 to the CA do not leave this host"*"ip route get $RIG_CA4 from 10.98.0.78 ipproto tcp sport 80"* ]]
	[[ $output != *"answers from $RIG_HOST4"* ]]
	# A CA whose address is not known is somewhere in the Internet; this host has no way there.
	sed -i 's,^directory = .*,directory = letsencrypt,' "$RIG_CONF"
	run -0 rig_acmegate plan
	[[ $output == *'over IPv4: its routes have no way to 198.41.0.4 ('*'over IPv6: its routes have no way to 2001:503:ba3e::2:30 ('* ]]
	rig_host ip route add default via "$RIG_CA4"
	rig_host ip -6 route add default via "$RIG_CA6"
	run -0 rig_acmegate plan
	rig_host ip route del default
	rig_host ip -6 route del default
	[[ $output != *'no way to'* ]]
	# By IPv6 address.
	sed -i "s,^directory = .*,directory = https://[$RIG_CA6]:14000/dir," "$RIG_CONF"
	rig_host ip -6 route add prohibit "$RIG_CA6/128"
	run -0 rig_acmegate plan
	rig_host ip -6 route del prohibit "$RIG_CA6/128"
	[[ $output == *"over IPv6: its routes have no way to $RIG_CA6 ("* && $output != *IPv4* ]]
}

@test "plan says on a host with containers what opens and what does not; so does guard when it runs an engine" {
	for bridge in docker0 br-0123456789ab; do
		rig_host ip link add "$bridge" type bridge
		run -0 rig_acmegate plan
		[[ $output == *"# $bridge is a bridge of containers: port 80 of this host is opened, and the chains that forward"* ]]
		rig_host ip link del "$bridge"
	done
	for bridge in br-lan br0; do
		rig_host ip link add "$bridge" type bridge
		run -0 rig_acmegate plan
		[[ $output != *containers* ]]
		rig_host ip link del "$bridge"
	done
	mkdir -p "$RIG_DIR/bin"
	ln -sf /bin/true "$RIG_DIR/bin/docker"
	run -0 rig_acmegate guard -- "$RIG_DIR/bin/docker" run -p 80:80 web
	[[ $output == *'docker: port 80 of this host is opened, and the chains that forward to a container'* ]]
	run -0 rig_acmegate guard -- "$RIG_DIR/bin/docker" run --network host web
	[[ $output == *'docker: '* ]]
	run -0 rig_acmegate guard -- true
	[[ $output != *'forward'* ]]
}
