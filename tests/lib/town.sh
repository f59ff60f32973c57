# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# town.sh - hosts around the firewalled one: what else is reachable while its port 80 is open? To be sourced behind rig.sh.
#
#	outside			where the CA is: 203.0.113.1, 2001:db8:cafe::1; web server. far: its address behind a router
#	host			eth0 203.0.113.10 and, a second public address, 203.0.113.20; IPv6 alike; forwards; :3128 is a proxy
#	inner			routed, uplinks: behind the host's lan0, 10.9.0.2, 2001:db8:9::2; bridged: a guest, 203.0.113.30, behind
#				lan0, a port of br0 as eth0 is; web server
#	uplink			uplinks: the host's default route is over wan1, which loses what has an address of eth0's provider;
#				mark 1 is routed back to eth0, where all of the CA's and of far's packets come in
#
#	town_up, town_down	for setup_file and teardown_file
#	town LAYOUT		new namespaces for host and inner: routed, bridged or uplinks
#	town_expect LINE...	see town.py
#	contained LINE...	these hold before, in and after a window of each form in $forms; in it, the host answers the world;
#				before and after, $shut holds, and not a byte of the ruleset differs
#
# shellcheck disable=SC2034 # used by those who source this

RIG_HOST4=203.0.113.10 RIG_CA4=203.0.113.1 RIG_HOST6=2001:db8:cafe::10 RIG_CA6=2001:db8:cafe::1
RIG_DNS4=$RIG_HOST4 RIG_DNS6=''
rig_probe_arguments=("$RIG_PORT" "$RIG_CA4" "$RIG_HOST4" "$RIG_CA6" "$RIG_HOST6")
TOWN=$RIG_ROOT/tests/lib/town.py
TOWN_FAR4=198.51.100.7 TOWN_FAR6=2001:db8:fa::7

town_namespaces() {
	TOWN_INNER=${RIG_HOST/agh/agi} TOWN_UPLINK=${RIG_HOST/agh/agu} TOWN_MAP=$RIG_DIR/town
	export TOWN_MAP
}
[ -z "${RIG_DIR:-}" ] || town_namespaces

town_inner() { ip netns exec "$TOWN_INNER" "$@" 3>&-; }

town_up() {
	rig_up && rig_pebble
}
# The rig's cable: to the host as it is made first.
rig_cable() {
	ip netns add "$RIG_CA" && ip -n "$RIG_CA" -batch - <<-IP && town_namespaces && town routed
		link set lo up
		addr add $TOWN_FAR4/32 dev lo
		addr add $TOWN_FAR6/128 dev lo nodad
	IP
}

town_clear() {
	local namespace pid
	rig_end_of servers
	for namespace in "$RIG_HOST" "$TOWN_INNER" "$TOWN_UPLINK"; do
		for pid in $(ip netns pids "$namespace" 2>/dev/null); do rig_end "$pid" KILL; done
		ip netns del "$namespace" 2>/dev/null || true
	done
	# The cable goes with the host, though not at once.
	ip -n "$RIG_CA" link del eth0 2>/dev/null || true
	rm -f "/etc/netns/$RIG_HOST/hosts"
	rmdir "/etc/netns/$RIG_HOST" 2>/dev/null || true
}

town_down() {
	[ -z "${RIG_DIR:-}" ] || town_clear
	rig_down
}

town_cables() {
	ip netns add "$RIG_HOST" && ip netns add "$TOWN_INNER" && ip netns add "$TOWN_UPLINK" &&
		ip -n "$RIG_HOST" link add eth0 type veth peer name eth0 netns "$RIG_CA" &&
		ip -n "$RIG_HOST" link add lan0 type veth peer name eth0 netns "$TOWN_INNER" &&
		ip -n "$RIG_HOST" link set lo up && ip -n "$TOWN_INNER" link set lo up &&
		ip -n "$RIG_CA" -batch - <<-IP &&
			link set eth0 up
			addr add $RIG_CA4/24 dev eth0
			addr add $RIG_CA6/64 dev eth0 nodad
			route add 10.9.0.0/24 via $RIG_HOST4
			route add 2001:db8:9::/64 via $RIG_HOST6
		IP
		rig_host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.src_valid_mark=1
}

# town_public DEVICE: where the host has its public addresses
town_public() {
	ip -n "$RIG_HOST" -batch - <<-IP
		link set eth0 up
		link set lan0 up
		addr add $RIG_HOST4/24 dev $1
		addr add 203.0.113.20/24 dev $1
		addr add $RIG_HOST6/64 dev $1 nodad
		addr add 2001:db8:cafe::20/64 dev $1 nodad
		route add default via $RIG_CA4
		route add default via $RIG_CA6
	IP
}

town_lan() {
	ip -n "$RIG_HOST" -batch - <<-IP && ip -n "$TOWN_INNER" -batch - <<-INNER
		addr add 10.9.0.1/24 dev lan0
		addr add 2001:db8:9::1/64 dev lan0 nodad
	IP
		link set eth0 up
		addr add 10.9.0.2/24 dev eth0
		addr add 2001:db8:9::2/64 dev eth0 nodad
		route add default via 10.9.0.1
		route add default via 2001:db8:9::1
	INNER
}

town_guest() {
	ip -n "$RIG_HOST" -batch - <<-IP && ip -n "$TOWN_INNER" -batch - <<-INNER
		link add br0 type bridge
		link set eth0 master br0
		link set lan0 master br0
		link set br0 up
	IP
		link set eth0 up
		addr add 203.0.113.30/24 dev eth0
		addr add 2001:db8:cafe::30/64 dev eth0 nodad
		route add default via $RIG_CA4
		route add default via $RIG_CA6
	INNER
}

town_second_uplink() {
	ip -n "$RIG_HOST" link add wan1 type veth peer name eth0 netns "$TOWN_UPLINK" &&
		ip -n "$TOWN_UPLINK" -batch - <<-UPLINK && ip -n "$RIG_HOST" -batch - <<-IP && ip -n "$RIG_CA" -batch - <<-CA
			link set eth0 up
			addr add 198.18.0.1/24 dev eth0
			addr add 2001:db8:18::1/64 dev eth0 nodad
		UPLINK
			link set wan1 up
			addr add 198.18.0.10/24 dev wan1
			addr add 2001:db8:18::10/64 dev wan1 nodad
			route replace default via 198.18.0.1
			route del default via $RIG_CA6
			route add default via 2001:db8:18::1
			route add default via $RIG_CA4 table 100
			route add default via $RIG_CA6 table 100
			route add 10.9.0.0/24 dev lan0 table 100
			route add 2001:db8:9::/64 dev lan0 table 100
			rule add fwmark 1/0xff lookup 100
		IP
			route replace $RIG_HOST4/32 dev eth0 src $TOWN_FAR4
			route replace $RIG_HOST6/128 dev eth0 src $TOWN_FAR6
		CA
		ip -n "$RIG_HOST" -6 rule add fwmark 1/0xff lookup 100
}

town_neighbours() {
	local public=eth0 lan=lan0 inside=(10.9.0.1 2001:db8:9::1) host=("$RIG_HOST4" "$RIG_HOST6" 203.0.113.20 2001:db8:cafe::20)
	if rig_host ip link show br0 >/dev/null 2>&1; then
		public=br0 lan=br0 inside=("${host[@]}")
		rig_neighbour "$TOWN_INNER" eth0 "$RIG_CA" eth0 "$RIG_CA4" "$RIG_CA6"
		rig_neighbour "$RIG_CA" eth0 "$TOWN_INNER" eth0 "$@"
	fi
	rig_neighbour "$RIG_CA" eth0 "$RIG_HOST" "$public" "${host[@]}"
	rig_neighbour "$RIG_HOST" "$public" "$RIG_CA" eth0 "$RIG_CA4" "$RIG_CA6"
	rig_neighbour "$TOWN_INNER" eth0 "$RIG_HOST" "$lan" "${inside[@]}"
	rig_neighbour "$RIG_HOST" "$lan" "$TOWN_INNER" eth0 "$@"
}

town() {
	local guest4=10.9.0.2 guest6=2001:db8:9::2
	town_clear
	rm -rf "$RIG_STATE"
	town_cables || return
	case $1 in
	routed) town_public eth0 && town_lan ;;
	uplinks) town_public eth0 && town_lan && town_second_uplink ;;
	bridged)
		# Frames that pass the bridge are the bridge tables' alone, unless a test wants it otherwise.
		guest4=203.0.113.30 guest6=2001:db8:cafe::30
		rig_host sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null || true
		town_guest && town_public br0
		;;
	esac || return
	town_neighbours "$guest4" "$guest6"
	cat >"$TOWN_MAP" <<-MAP
		outside $RIG_CA $RIG_CA4 $RIG_CA6
		far $RIG_CA $TOWN_FAR4 $TOWN_FAR6
		host $RIG_HOST $RIG_HOST4 $RIG_HOST6
		second $RIG_HOST 203.0.113.20 2001:db8:cafe::20
		inner $TOWN_INNER $guest4 $guest6
	MAP
	rm -f "$RIG_DIR/servers"
	python3 "$TOWN" serve outside@outside:80 inner@inner:80 proxy@host:3128 >"$RIG_DIR/servers" 3>&- &
	echo $! >"$RIG_DIR/servers.pid"
	rig_until 30 grep -qs ready "$RIG_DIR/servers"
}

town_expect() {
	python3 "$TOWN" expect "$@" 3>&- >"$RIG_DIR/wrong" || {
		rig_say "${town_when:-}: $(<"$RIG_DIR/wrong")"
		return 1
	}
}

# Tables are not made by looking.
town_saves() {
	local family variant
	for family in ip ip6; do
		for variant in nft legacy; do
			[ "$variant" = nft ] || [ -n "$(rig_host cat "/proc/net/${family}_tables_names" 2>/dev/null)" ] || continue
			rig_host "${family}tables-$variant-save" 2>/dev/null
		done
	done | sed -E '/^#/d; s/\[[0-9]+:[0-9]+\]//'
	[ -z "${town_ebtables:-}" ] || rig_host ebtables-save 2>&1 | sed '/^#/d'
}
town_state() { rig_ruleset 2>/dev/null && town_saves; }

town_same() {
	town_state >"$RIG_DIR/after"
	diff -u "$RIG_DIR/before" "$RIG_DIR/after" >&2
}

# --- windows that stand ---------------------------------------------------------------------------------------------------

# New names each time: Pebble may know an authorization again. One is validated over IPv4, having no other address, one over IPv6.
town_names() {
	local number
	number=$(($(cat "$RIG_DIR/number" 2>/dev/null || echo 0) + 1))
	echo "$number" >"$RIG_DIR/number"
	names=four$number.test,six$number.test
	rig_ca curl -sf --max-time 30 -d "{\"host\":\"four$number.test.\",\"addresses\":[\"$RIG_HOST4\"]}" http://127.0.0.1:8055/add-a
	rig_ca curl -sf --max-time 30 -d "{\"host\":\"six$number.test.\",\"addresses\":[\"$RIG_HOST6\"]}" http://127.0.0.1:8055/add-aaaa
	# To whoever resolves them on the host, they are the host's first address.
	mkdir -p "/etc/netns/$RIG_HOST"
	printf '%s four%s.test\n%s six%s.test\n' "$RIG_HOST4" "$number" "$RIG_HOST6" "$number" >"/etc/netns/$RIG_HOST/hosts"
}

town_start() {
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" -v "$@" >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	# It begins when the port is open, and ends early where acmegate does.
	town_when="in the window of $1"
	rig_until 30 town_opened && ! rig_gone "$pid" && town_expect "${open:-outside>host us}" || {
		town_said
		return 1
	}
}
town_said() { grep -vE 'asked for something|(GET|POST) https' "$RIG_DIR/out" >&2 || true; }
town_opened() { rig_gone "$pid" || grep -qE 'open for at most|nothing to open' "$RIG_DIR/out"; }

town_guard() {
	rig_config one.test
	# Its listener ends with acmegate's own signal.
	town_start guard -- python3 "$TOWN" serve us@-:80
}
town_guard_ends() {
	kill -s TERM "$pid"
	rig_ends '0|143'
}

town_renew() {
	town_names
	rig_config "$names"
	rig_hold
	town_start renew-now || {
		rig_release
		return 1
	}
}
town_renew_ends() {
	rig_release
	rig_ends '0|1'
	# All looks have come true. Where they took more than the 15 s after which the CA gives up, the certificate is the next run's.
	# shellcheck disable=SC2154 # rig_ends sets output
	if [[ $output == *'Client.Timeout exceeded'* ]]; then rig_acmegate renew-now; fi
	rig_certificate "${names%%,*}" "${names%%,*}" "${names##*,}"
}

contained() {
	local form
	town_state >"$RIG_DIR/before"
	town_when=before town_expect "${shut[@]}" "$@" || return
	for form in "${forms[@]}"; do
		"town_$form" || return
		town_expect "$@" || {
			town_said
			return 1
		}
		if [ -n "${inside:-}" ]; then "$inside" || return; fi
		"town_${form}_ends" || return
		town_same || return
	done
	town_when="after $form" town_expect "${shut[@]}" "$@"
}
forms=(guard renew) shut=('outside>host closed')
