#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Nothing else is reachable while port 80 is open: hosts behind this one are as reachable as before, what was open stays open and is
# answered the same way. Each ruleset through a window of guard and one of renew-now, from outside and from behind, over IPv4 and
# IPv6; see town.sh.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/town.sh"
	town_up
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/town.sh"
	town_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/town.sh"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "in: ${step:-}" "${output:-}"
	rig_release 2>/dev/null || true
	rig_end_of walker
	rig_end "${pid:-}" KILL
	! rig_host ipset list -n >/dev/null 2>&1 || rig_host ipset destroy 2>/dev/null || true
}

# both TOOL-VARIANT ARGUMENTS...: the same rule of IPv4 and IPv6
both() {
	local variant=$1
	shift
	rig_host "iptables-$variant" -w 5 "$@" && rig_host "ip6tables-$variant" -w 5 "$@"
}

# Some kernels have not all of it: "loads nft -f FILE" or skip.
loads() { "$@" || skip "this kernel or its tools cannot load: $*"; }

# The rules of a host beside those that a test is about.
shut_host='table inet host { chain input { type filter hook input priority filter; policy drop; iif "lo" accept
	ct state established,related accept
	meta l4proto { icmp, ipv6-icmp } accept
	}; }'
second_behind='table inet nat { chain pre { type nat hook prerouting priority dstnat
	ip daddr 203.0.113.20 tcp dport 80 dnat ip to 10.9.0.2
	ip6 daddr 2001:db8:cafe::20 tcp dport 80 dnat ip6 to 2001:db8:9::2
	}; }'

# nothing_in TABLE: acmegate has put no rule there
nothing_in() {
	[ "$(rig_ours "$@")" = 0 ] || {
		rig_host nft list "$@"
		return 1
	}
}

# --- hosts behind this one: routed -----------------------------------------------------------------------------------------------

docker_is_left_alone() { nothing_in table ip docker-bridges && nothing_in table ip6 docker-bridges; }

@test "containers that only raw PREROUTING protects stay shut: Docker's nftables backend" {
	town routed
	for family in ip:10.9.0.2 ip6:2001:db8:9::2; do
		echo "table ${family%%:*} docker-nat { chain post { type nat hook postrouting priority srcnat; oifname \"eth0\" masquerade; }; }
		table ${family%%:*} docker-bridges {
			chain filter-FORWARD {
				type filter hook forward priority filter; policy drop;
				ct state established,related accept
				iifname \"lan0\" accept
				oifname \"lan0\" ${family%%:*} daddr ${family#*:} tcp dport 80 accept
			}
			chain raw-PREROUTING {
				type filter hook prerouting priority raw; policy accept;
				${family%%:*} daddr ${family#*:} iifname != \"lan0\" drop comment \"DROP DIRECT ACCESS\"
			}
		}"
	done | rig_nft -
	inside=docker_is_left_alone contained 'outside>inner closed' 'far>inner closed' 'inner>outside outside'
}

@test "the same containers stay shut on a host whose own port is shut in prerouting and at ingress" {
	town routed
	rig_nft - <<-NFT
		table inet early {
			chain pre { type filter hook prerouting priority -350; tcp dport { 80, 443 } drop; }
		}
		table netdev port { chain in { type filter hook ingress device "eth0" priority 0; tcp dport 80 drop; }; }
		table inet port { chain in { type filter hook ingress device "eth0" priority 10; tcp dport 80 drop; }; }
		$shut_host
	NFT
	contained 'outside>inner closed' 'far>inner closed' 'inner>outside closed'
}

@test "answers of hosts behind this one stay dropped where the host's own answers are let out" {
	town routed
	step=output,postrouting
	rig_nft - <<-NFT
		table inet late {
			chain out { type filter hook output priority 0; tcp sport 80 drop; }
			chain post { type filter hook postrouting priority 10; tcp sport 80 drop; }
		}
		$shut_host
	NFT
	contained 'outside>inner closed'
	step=egress forms=(guard)
	rig_nft - <<-NFT
		table netdev last { chain out { type filter hook egress device "eth0" priority 0; tcp sport 80 drop; }; }
		$shut_host
	NFT
	contained 'outside>inner closed'
}

@test "containers stay shut where raw and mangle PREROUTING shut them and the host, both variants of iptables" {
	for variant in nft legacy; do
		step=$variant
		town routed
		rig_host "iptables-$variant" -t raw -A PREROUTING -d 10.9.0.2 ! -i lan0 -j DROP
		rig_host "ip6tables-$variant" -t raw -A PREROUTING -d 2001:db8:9::2 ! -i lan0 -j DROP
		both "$variant" -t nat -A POSTROUTING -o eth0 -j MASQUERADE
		both "$variant" -P INPUT DROP
		both "$variant" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		rig_host "ip6tables-$variant" -A INPUT -p ipv6-icmp -j ACCEPT
		forms=(guard)
		contained 'outside>inner closed' 'far>inner closed' 'inner>outside outside'
		both "$variant" -t raw -F PREROUTING
		both "$variant" -t raw -A PREROUTING -p tcp --dport 80 -j DROP
		both "$variant" -t mangle -A PREROUTING -p tcp -m multiport --dports 80,443 -j DROP
		forms=(renew)
		contained 'outside>inner closed' 'far>inner closed' 'inner>outside closed'
	done
}

# --- routed: nat -------------------------------------------------------------------------------------------------------------------

@test "the web traffic of a LAN goes through its proxy, nftables and both variants of iptables" {
	town routed
	rig_nft - <<-NFT
		table inet nat { chain pre { type nat hook prerouting priority dstnat; iifname "lan0" tcp dport 80 redirect to :3128; }; }
		table inet host { chain input { type filter hook input priority filter; policy drop; ct state established,related accept
			iifname "lan0" accept
			meta l4proto { icmp, ipv6-icmp } accept
			}; }
	NFT
	contained 'inner>outside proxy' 'inner>far proxy' 'outside>inner inner'
	forms=(renew)
	for variant in nft legacy; do
		step=$variant
		town routed
		both "$variant" -t nat -A PREROUTING -i lan0 -p tcp --dport 80 -j REDIRECT --to-ports 3128
		both "$variant" -P INPUT DROP
		both "$variant" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		both "$variant" -A INPUT -i lan0 -j ACCEPT
		rig_host "ip6tables-$variant" -A INPUT -p ipv6-icmp -j ACCEPT
		contained 'inner>outside proxy' 'inner>far proxy' 'outside>inner inner'
		forms=(guard)
	done
}

@test "a proxy (tproxy, redirect) keeps all connections but those to this host" {
	town routed
	rig_nft - <<-NFT
		table inet nat { chain pre { type nat hook prerouting priority dstnat; tcp dport 80 redirect to :3128; }; }
		table inet host { chain input { type filter hook input priority filter; policy drop; ct state established,related accept
			tcp dport 3128 accept
			meta l4proto { icmp, ipv6-icmp } accept
			}; }
	NFT
	shut=('outside>host proxy')
	contained 'inner>outside proxy' 'far>inner proxy'
}

@test "visitors of a second public address still reach the host behind it" {
	town routed
	rig_nft - <<-NFT
		$second_behind
		$shut_host
	NFT
	forms=(renew)
	contained 'outside>second inner' 'far>second inner'
	for variant in nft legacy; do
		step=$variant
		town routed
		rig_host "iptables-$variant" -t nat -A PREROUTING -d 203.0.113.20 -p tcp --dport 80 -j DNAT --to-destination 10.9.0.2
		rig_host "ip6tables-$variant" -t nat -A PREROUTING -d 2001:db8:cafe::20 -p tcp --dport 80 -j DNAT --to-destination 2001:db8:9::2
		both "$variant" -P INPUT DROP
		both "$variant" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		rig_host "ip6tables-$variant" -A INPUT -p ipv6-icmp -j ACCEPT
		contained 'outside>second inner' 'far>second inner'
	done
}

# Where conntrack has forgotten a connection, its next packet begins a new one, and this ruleset lets none begin without a SYN.
@test "connections that pass through this host, forwarded and redirected, outlive the end of a window" {
	town routed
	rig_nft - <<-NFT
		$second_behind
		table inet pass { chain forward { type filter hook forward priority filter; policy drop; ct state established accept
			tcp dport 80 tcp flags & (fin | syn | rst | ack) == syn accept
			meta l4proto ipv6-icmp accept
			}; }
		$shut_host
	NFT
	cat >"$RIG_DIR/keep.py" <<-'PY'
		import sys
		sys.path.insert(0, sys.argv[1])
		import town
		known, kept = town.places(), []
		for come, go in ("outside", "inner"), ("outside", "second"), ("inner", "outside"):
		    for family, column in (4, 1), (6, 2):
		        kept.append(town.inside(known[come][0], town.connect, family, known[come][column], known[go][column], 80, 10))
		print("open:", *map(town.ask, kept), flush=True)
		sys.stdin.readline()
		print("afterwards:", *map(town.ask, kept), flush=True)
	PY
	rm -f "$RIG_DIR/keep.in" "$RIG_DIR/keep.out" && mkfifo "$RIG_DIR/keep.in"
	python3 "$RIG_DIR/keep.py" "${TOWN%/*}" <>"$RIG_DIR/keep.in" >"$RIG_DIR/keep.out" 2>&1 3>&- &
	echo $! >"$RIG_DIR/walker.pid"
	rig_until 30 grep -q open: "$RIG_DIR/keep.out"
	town_guard
	town_guard_ends
	echo >"$RIG_DIR/keep.in"
	rig_until 90 grep -q afterwards: "$RIG_DIR/keep.out"
	output=$(<"$RIG_DIR/keep.out")
	[ "$output" = $'open: inner inner inner inner outside outside\nafterwards: inner inner inner inner outside outside' ]
	rig_end_of walker
}

# --- bridged -----------------------------------------------------------------------------------------------------------------------

@test "a guest that may not begin connections does not begin any: Proxmox VE's nftables backend" {
	town bridged
	loads rig_nft - <<-NFT
		$shut_host
		table bridge guests {
			map out { type ifname : verdict; elements = { "lan0" : goto guest-out }; }
			chain guest-out {
				ether type arp accept
				tcp flags & (syn|ack) == syn drop
			}
			chain vm-out { type filter hook prerouting priority 0; policy accept; iifname vmap @out; }
		}
	NFT
	contained 'inner>outside closed' 'outside>inner inner'
}

@test "frames for guests stay shut where those for the bridge itself are opened" {
	town bridged
	loads rig_nft - <<-NFT
		$shut_host
		table bridge guests {
			chain pre { type filter hook prerouting priority 0; tcp dport 80 drop; }
			chain in { type filter hook input priority 0; tcp dport 80 drop; }
		}
	NFT
	contained 'outside>inner closed' 'inner>outside closed'
	forms=(guard)
	rig_nft - <<-NFT
		$shut_host
		table netdev port { chain in { type filter hook ingress device "eth0" priority 0; tcp dport 80 drop; }; }
	NFT
	contained 'outside>inner closed' 'inner>outside outside'
}

@test "what guests answer stays shut where the bridge's own answers are opened" {
	town bridged
	loads rig_nft - <<-NFT
		$shut_host
		table bridge guests {
			chain out { type filter hook output priority 0; tcp sport 80 drop; }
			chain post { type filter hook postrouting priority 0; tcp sport 80 drop; }
		}
	NFT
	contained 'outside>inner closed'
}

@test "bridged frames stay shut that go through the chains of routed packets" {
	town bridged
	rig_host sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 2>/dev/null ||
		skip 'this kernel has no br_netfilter'
	rig_nft - <<-NFT
		$shut_host
		table inet early { chain pre { type filter hook prerouting priority raw; tcp dport 80 drop; }; }
	NFT
	contained 'outside>inner closed' 'inner>outside closed'
}

# ebtables-save is right, or the run was refused with the reason and changed nothing.
@test "ebtables can load what it saved in the window" {
	town bridged
	loads rig_host ebtables -P INPUT DROP
	rig_host ebtables -A INPUT -p ARP -j ACCEPT
	rig_host ebtables -A INPUT -p IPv4 --ip-proto tcp --ip-dport 22 -j ACCEPT
	rig_host ebtables -A INPUT -p IPv4 --ip-proto tcp --ip-sport 14000 -j ACCEPT
	town_ebtables=1
	town_state >"$RIG_DIR/before"
	town_when=before town_expect 'outside>host closed' 'outside>inner inner'
	for form in "${forms[@]}"; do
		step=$form
		if "town_$form"; then
			run -0 rig_host ebtables-save
			[ "$(grep -c '^-A' <<<"$output")" -ge 3 ]
			town_expect 'outside>inner inner'
			"town_${form}_ends"
		else
			rig_until 30 rig_gone "$pid"
			output=$(cat "$RIG_DIR/out")
			[[ $output == *ebtables* && $output == *INPUT* ]]
		fi
		town_when=after town_expect 'outside>host closed'
		town_same
	done
}

# --- marks, zones and routes -------------------------------------------------------------------------------------------------------

@test "a packet keeps the zone of connection tracking that it gets before a drop" {
	town routed
	rig_nft - <<-'NFT'
		table inet z {
			set bad { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 }; }
			chain pre { type filter hook prerouting priority raw; ct zone set 7
				ip saddr @bad drop
			}
			chain out { type filter hook output priority raw; ct zone set 7
			}
			chain fout { type filter hook output priority filter; policy drop; ct state established,related accept
				tcp dport 14000 accept
				meta l4proto ipv6-icmp accept
			}
		}
	NFT
	# The port was open all the time.
	rm -f "$RIG_DIR/web"
	python3 "$TOWN" serve web@host:80 >"$RIG_DIR/web" 3>&- &
	echo $! >"$RIG_DIR/walker.pid"
	town_when='a web server' town_expect 'outside>host web' 'far>host web'
	rig_end_of walker
	contained 'outside>inner inner'
}

# Answers leave by the uplink that the request came in by.
providers() {
	open='far>host us' shut=('far>host closed')
	contained "$@"
}

@test "packets keep their marks with two uplinks, marks before the drop" {
	town uplinks
	rig_nft - <<-'NFT'
		table inet mw {
			set bad { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 }; }
			chain pre { type filter hook prerouting priority mangle; iifname "eth0" ct mark set 1
				ip saddr @bad drop
			}
			chain out { type route hook output priority mangle; ct mark 1 meta mark set 1
			}
			chain in { type filter hook input priority filter; policy drop; ct state established,related accept
				meta l4proto ipv6-icmp accept
			}
		}
	NFT
	providers 'inner>outside outside'
}

@test "packets keep their marks with two uplinks, before them drops that no validation can meet" {
	town uplinks
	rig_nft - <<-'NFT'
		table inet mw {
			chain pre { type filter hook prerouting priority mangle
				iif != "lo" ip saddr 127.0.0.0/8 drop
				tcp flags & (fin|syn) == fin|syn drop
				tcp flags != syn ct state new drop
				ct state new tcp option maxseg size 1-535 drop
				ip ttl < 5 drop
				ip frag-off & 0x1fff != 0 drop
				ip daddr 10.9.0.2 iifname != "lan0" drop
				iifname "eth0" ct state new ct mark set 1
			}
			chain out { type route hook output priority mangle; ct mark 1 meta mark set 1
			}
			chain in { type filter hook input priority filter; policy drop; ct state established,related accept
				meta l4proto ipv6-icmp accept
			}
		}
	NFT
	providers 'outside>inner closed inner'
}

@test "packets keep their marks with two uplinks, a user chain blocks before the marks" {
	town uplinks
	rig_nft - <<-'NFT'
		table inet mw {
			chain unwanted { ip saddr 203.0.113.0/24 return
				tcp dport { 80, 443 } drop
			}
			chain pre { type filter hook prerouting priority mangle; iifname "eth0" jump unwanted
				iifname "eth0" ct state new ct mark set 1
			}
			chain out { type route hook output priority mangle; ct mark 1 meta mark set 1
			}
			chain in { type filter hook input priority filter; policy drop; ct state established,related accept
				meta l4proto ipv6-icmp accept
			}
		}
	NFT
	providers 'inner>outside outside'
}

# The blocking rule is in a base chain and the mark behind it: neither place is right, so it is told.
@test "plan and the log name a mark that has to be skipped" {
	town routed
	rig_nft - <<-NFT
		table inet mw { chain pre { type filter hook prerouting priority mangle; tcp dport 80 drop
			iifname "eth0" ct state new ct mark set 1
			}; }
		$shut_host
	NFT
	rig_config one.test
	run -0 rig_acmegate plan
	[[ $output == *'ct mark'* ]]
	forms=(guard)
	inside=skips contained 'outside>inner closed'
}
skips() { grep -q 'ct mark' "$RIG_DIR/out"; }

# geo_blocker VARIANT RULES: a drop before the mark, the mark in the connection, and from there in what answers it
geo_blocker() {
	town uplinks
	both "$1" -P INPUT DROP
	both "$1" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	rig_host "ip6tables-$1" -A INPUT -p ipv6-icmp -j ACCEPT
	"$2" "$1"
	both "$1" -t mangle -A PREROUTING -i eth0 -m conntrack --ctstate NEW -j CONNMARK --set-mark 1
	both "$1" -t mangle -A OUTPUT -m connmark --mark 1 -j MARK --set-mark 1
}
geo() {
	rig_host ipset create allow hash:net 2>/dev/null || skip 'this kernel has no ipset'
	rig_host ipset create allow6 hash:net family inet6
	rig_host ipset add allow 203.0.113.0/24
	rig_host ipset add allow6 2001:db8:cafe::/64
	both "$1" -t mangle -N GEO
	both "$1" -t mangle -N GEO_WAN_IN
	both "$1" -t mangle -A PREROUTING -j GEO_WAN_IN
	both "$1" -t mangle -A GEO_WAN_IN -i eth0 -j GEO
	both "$1" -t mangle -A GEO -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	rig_host "iptables-$1" -t mangle -A GEO -m set --match-set allow src -j RETURN
	rig_host "ip6tables-$1" -t mangle -A GEO -m set --match-set allow6 src -j RETURN
	both "$1" -t mangle -A GEO -j DROP
}
malformed() {
	rig_host "iptables-$1" -t mangle -A PREROUTING -s 127.0.0.0/8 ! -i lo -j DROP
	rig_host "ip6tables-$1" -t mangle -A PREROUTING -s ::1 ! -i lo -j DROP
	both "$1" -t mangle -A PREROUTING -p tcp -m conntrack --ctstate NEW -m tcpmss ! --mss 536:65535 -j DROP
}

@test "packets keep their marks with two uplinks, a geo-blocker before the marks, both variants of iptables" {
	for variant in nft legacy; do
		step=$variant
		geo_blocker "$variant" geo
		providers 'inner>outside outside'
	done
}

@test "packets keep their marks with two uplinks, drops of spoofed and malformed packets before them, both variants of iptables" {
	for variant in nft legacy; do
		step=$variant
		geo_blocker "$variant" malformed
		forms=(guard)
		[ "$variant" = nft ] || forms=(renew)
		providers 'inner>outside outside'
	done
}

@test "packets keep their marks with two uplinks like Shorewall's providers, both variants of iptables" {
	for variant in nft legacy; do
		step=$variant
		town uplinks
		both "$variant" -P INPUT DROP
		both "$variant" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		rig_host "ip6tables-$variant" -A INPUT -p ipv6-icmp -j ACCEPT
		both "$variant" -t mangle -N routemark
		both "$variant" -t mangle -N rpfilter
		both "$variant" -t mangle -A PREROUTING -i tun0 -j rpfilter
		loads both "$variant" -t mangle -A rpfilter -m rpfilter --validmark --invert -j DROP
		both "$variant" -t mangle -A PREROUTING -j CONNMARK --restore-mark --mask 0xff
		both "$variant" -t mangle -A PREROUTING -i eth0 -m mark --mark 0/0xff -j routemark
		both "$variant" -t mangle -A routemark -i eth0 -j MARK --set-mark 0x1/0xff
		both "$variant" -t mangle -A routemark -m mark ! --mark 0/0xff -j CONNMARK --save-mark --mask 0xff
		both "$variant" -t mangle -A OUTPUT -m connmark ! --mark 0/0xff -j CONNMARK --restore-mark --mask 0xff
		providers 'inner>outside outside'
		forms=(guard)
	done
}

# --- what the survey must not miss ---------------------------------------------------------------------------------------------------

# told CHAIN: the window is open, or acmegate has named the chain that may block, and not said that there is nothing to open
told() {
	rig_config one.test
	run rig_acmegate plan
	[[ $output != *'nothing to open'* && $output != *'no chain blocks'* ]]
	[[ $output == *"$1"* ]]
}

# tagged_syn: a SYN in a frame with a priority tag, as some cards and switches send it: "answered" or "silent"
tagged_syn() {
	rig_ca python3 - "$RIG_CA4" "$RIG_HOST4" "$(rig_host cat /sys/class/net/eth0/address)" "$(rig_ca cat /sys/class/net/eth0/address)" <<-'PYTHON'
		import random, socket, struct, sys, time
		source, target = (socket.inet_aton(a) for a in sys.argv[1:3])
		to, own = (bytes.fromhex(a.replace(':', '')) for a in sys.argv[3:5])
		def checksum(data):
		    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
		    while total >> 16: total = (total & 0xffff) + (total >> 16)
		    return ~total & 0xffff
		wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
		wire.bind(('eth0', 0))
		port = random.randrange(2000, 10000)
		tcp = lambda sum: struct.pack('>HHIIBBHHHBBH', port, 80, 1, 0, 6 << 4, 2, 1024, sum, 0, 2, 4, 1460)
		ip = lambda sum: struct.pack('>BBHHHBBH4s4s', 0x45, 0, 44, 1, 0, 64, 6, sum, source, target)
		segment = tcp(checksum(source + target + struct.pack('>HH', 6, 24) + tcp(0)))
		wire.send(to + own + struct.pack('>HHH', 0x8100, 3 << 13, 0x0800) + ip(checksum(ip(0))) + segment)
		end = time.monotonic() + 0.5
		wire.settimeout(0.1)
		while time.monotonic() < end:
		    try: frame = wire.recv(2048)
		    except TimeoutError: continue
		    if frame[12:14] == b'\x08\0' and frame[26:30] == target and frame[34:38] == struct.pack('>HH', 80, port) and frame[47] & 0x12 == 0x12:
		        print('answered'); sys.exit()
		print('silent')
	PYTHON
}
tagged_answered() { [ "$(tagged_syn)" = answered ]; }

@test "a port opens for frames with a tag of IEEE 802.1Q at ingress" {
	town routed
	rig_nft - <<-'NFT'
		table netdev e { chain ing { type filter hook ingress device "eth0" priority 0; policy accept
			vlan pcp 3 tcp dport 80 drop
			}; }
	NFT
	rm -f "$RIG_DIR/web"
	python3 "$TOWN" serve web@host:80 >"$RIG_DIR/web" 3>&- &
	echo $! >"$RIG_DIR/walker.pid"
	town_when='a web server' town_expect 'outside>host web'
	[ "$(tagged_syn)" = silent ]
	rig_host nft flush chain netdev e ing
	tagged_answered || skip 'this kernel takes no frames with a priority tag'
	rig_host nft 'add rule netdev e ing vlan pcp 3 tcp dport 80 drop'
	rig_end_of walker
	told ing
	inside=tagged_answered contained 'outside>inner inner'
	[ "$(tagged_syn)" = silent ]
}

@test "a port opens for frames with a tag in a bridge" {
	town bridged
	loads rig_nft - <<-'NFT'
		table bridge e { chain pre { type filter hook prerouting priority 0; policy accept
			ether type vlan vlan pcp 3 tcp dport 80 drop
			}; }
	NFT
	told pre
	contained 'outside>inner inner'
}

# opened_or_told CHAIN: either the world gets in, or the chain that stops it is named
opened_or_told() {
	told "$1"
	rig_config one.test
	town_state >"$RIG_DIR/before"
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" guard -- python3 "$TOWN" serve us@-:80 >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 town_opened
	if rig_gone "$pid"; then
		grep -q "$1" "$RIG_DIR/out"
	else
		town_when='in the window' town_expect 'outside>host us'
		town_guard_ends
	fi
	town_same
}

@test "a port opens where rules change packets so that they are useless: pkttype, TCP flags" {
	town routed
	rig_nft - <<-NFT
		table inet a { chain pre { type filter hook prerouting priority -350; tcp dport 80 meta pkttype set other
			}; }
	NFT
	opened_or_told pre
	rig_nft - <<-NFT
		table inet b { chain pre { type filter hook prerouting priority -350; tcp dport 80 @th,104,8 set 0
			}; }
	NFT
	opened_or_told pre
}

@test "a port opens where a rule stops all packets after the SYN, both variants of iptables" {
	for step in legacy,NFQUEUE legacy,DROP nft,NFQUEUE; do
		variant=${step%,*}
		town routed
		both "$variant" -t mangle -A INPUT -i eth0 -p tcp --dport 80 -m state --state ESTABLISHED,RELATED -j "${step#*,}"
		both "$variant" -P INPUT DROP
		both "$variant" -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
		both "$variant" -A INPUT -p tcp --dport 22 -j ACCEPT
		rig_host "ip6tables-$variant" -A INPUT -p ipv6-icmp -j ACCEPT
		contained 'outside>inner inner'
		forms=(guard)
	done
}

output_is_left_alone() { ! town_saves | grep -qE -- '-A (OUTPUT|InstanceServices).*acmegate:'; }

@test "an OUTPUT chain for link-local services is not opened: images of Oracle's cloud" {
	for variant in nft legacy; do
		step=$variant
		town routed
		both "$variant" -P INPUT DROP
		both "$variant" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		rig_host "ip6tables-$variant" -A INPUT -p ipv6-icmp -j ACCEPT
		rig_host "iptables-$variant" -N InstanceServices
		rig_host "iptables-$variant" -A OUTPUT -d 169.254.0.0/16 -j InstanceServices
		rig_host "iptables-$variant" -A InstanceServices -d 169.254.0.2 -p tcp -m owner --uid-owner 0 -m tcp --dport 3260 -j ACCEPT
		rig_host "iptables-$variant" -A InstanceServices -d 169.254.169.254 -p tcp -m tcp --dport 80 -j ACCEPT
		rig_host "iptables-$variant" -A InstanceServices -d 169.254.0.0/16 -p tcp -j REJECT --reject-with tcp-reset
		inside=output_is_left_alone contained 'outside>inner inner'
		forms=(guard)
	done
}

# names_client CHAIN: the chain, and whom its rule stops
names_client() { [[ $output == *"the chain $1"* && $output == *"user id $(id -u nobody)"* ]]; }

@test "a chain that stops acmegate's own client is named, with the rule and the user" {
	town routed
	rig_nft - <<-NFT
		$shut_host
		table inet out { chain users { type filter hook output priority 0; meta skuid "nobody" tcp dport != 53 reject
			}; }
	NFT
	rig_config one.test
	run -0 rig_acmegate plan
	names_client 'inet out users'
	run ! rig_acmegate renew-now
	names_client 'inet out users'
	for variant in nft legacy; do
		step=$variant
		town routed
		both "$variant" -A OUTPUT -m owner --uid-owner nobody -p tcp -j REJECT
		rig_config one.test
		run -0 rig_acmegate plan
		names_client 'ip filter OUTPUT'
	done
}

# --- while others reload ---------------------------------------------------------------------------------------------------------------

# mends COMMAND...: after it the host is open again, and no SYN from outside has ever reached the host behind
mends() {
	local family
	town_guard
	ip netns exec "$RIG_CA" "$RIG_PROBE" 80 "$RIG_CA4" 10.9.0.2 "$RIG_CA6" 2001:db8:9::2 >"$RIG_DIR/probe" 2>&1 3>&- &
	echo $! >"$RIG_DIR/probe.pid"
	for _ in 1 2 3 4; do
		"$@"
		town_when='after a reload' town_expect 'outside>host us' || {
			town_said
			return 1
		}
	done
	town_expect 'outside>inner closed' 'far>inner closed'
	rig_probe_stop
	for family in 4 6; do
		[ "$(rig_probe_total "$family" open)" = 0.000000 ] || {
			cat "$RIG_DIR/probe" "$RIG_DIR/out"
			return 1
		}
	done
	grep -q 'the opening was put back' "$RIG_DIR/out"
	town_guard_ends
	town_when=after town_expect 'outside>host closed' 'outside>inner closed'
}

@test "hosts behind stay shut while the opening is put back after a reload of others" {
	town routed
	cat >"$RIG_DIR/rules" <<-NFT
		flush ruleset
		table inet early { chain pre { type filter hook prerouting priority -350; tcp dport 80 drop; }; }
		table netdev port { chain in { type filter hook ingress device "eth0" priority 0; tcp dport 80 drop; }; }
		$shut_host
	NFT
	rig_host nft -f "$RIG_DIR/rules"
	mends rig_host nft -f "$RIG_DIR/rules"
	for variant in nft legacy; do
		step=$variant
		town routed
		both "$variant" -t raw -A PREROUTING -p tcp --dport 80 -j DROP
		rig_host "ip6tables-$variant" -A INPUT -p ipv6-icmp -j ACCEPT
		for family in ip ip6; do rig_host "${family}tables-$variant-save" >"$RIG_DIR/rules-$family"; done
		mends reload "$variant"
	done
}
reload() {
	local family
	for family in ip ip6; do rig_host "${family}tables-$1-restore" -w 5 "$RIG_DIR/rules-$family"; done
}

back() { rig_host "$1tables-legacy-save" -t raw | grep -q 'acmegate:'; }

# Each reading of a legacy table takes 0.12 seconds, so that the second reload comes between two of them.
@test "a legacy table that is reloaded while the rule in another one is put back is opened again too" {
	strace -qq -o "$RIG_DIR/trace" true 2>/dev/null || skip 'strace may not trace here'
	town routed
	both legacy -t raw -A PREROUTING -p tcp --dport 80 -j DROP
	for family in ip ip6; do rig_host "${family}tables-legacy-save" -t raw >"$RIG_DIR/rules-$family"; done
	rig_config one.test
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" strace -f -qq -o "$RIG_DIR/trace" -e trace=getsockopt -e inject=getsockopt:delay_enter=60000 \
		"$RIG_ACMEGATE" -c "$RIG_CONF" guard -- sleep 50 >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 back ip6
	sleep 1
	for pause in 0.25 0.35; do
		rig_host iptables-legacy-restore -w 5 "$RIG_DIR/rules-ip"
		rig_until 30 back ip
		sleep "$pause"
		rig_host ip6tables-legacy-restore -w 5 "$RIG_DIR/rules-ip6"
		rig_until 30 back ip6
		sleep 1
	done
}

opens_again() { town_when="after $1" town_expect 'outside>host us' || { town_said; return 1; }; }

# Each tool takes 0.25 seconds to start: the other family's table is loaded anew once at each of the moments of putting back, so that
# the number by which a rule was to go in is that of another rule.
@test "a table that is reloaded while the rule in another one is put back keeps no block ahead of ours, both variants of iptables" {
	strace -qq -o "$RIG_DIR/trace" true 2>/dev/null || skip 'strace may not trace here'
	for variant in nft legacy; do
		step=$variant
		town routed
		both "$variant" -t raw -A PREROUTING -p tcp --dport 80 -j DROP
		for family in ip ip6; do rig_host "${family}tables-$variant-save" -t raw >"$RIG_DIR/rules-$family"; done
		rig_config one.test
		rm -f "$RIG_DIR/out"
		ip netns exec "$RIG_HOST" strace -f -qq -o "$RIG_DIR/trace" -e trace=execve -e inject=execve:delay_enter=250000 \
			"$RIG_ACMEGATE" -c "$RIG_CONF" guard -- python3 "$TOWN" serve us@-:80 >"$RIG_DIR/out" 2>&1 3>&- &
		pid=$!
		rig_until 30 grep -q ready "$RIG_DIR/out"
		opens_again 'the beginning'
		for pause in 0.1 0.35 0.6 0.85; do
			step="$variant, $pause s between the two"
			rig_host "iptables-$variant-restore" -w 5 "$RIG_DIR/rules-ip"
			sleep "$pause"
			rig_host "ip6tables-$variant-restore" -w 5 "$RIG_DIR/rules-ip6"
			opens_again "both were loaded, $pause s between the two"
		done
	done
}

@test "a ruleset that is reloaded with other rules under the same handles keeps no block ahead of ours" {
	town routed
	accepts='tcp dport 22 accept' drops='tcp dport 80 drop'
	begin="table inet early { chain pre { type filter hook prerouting priority -350;"
	rig_nft - <<<"$begin $accepts; $drops; }; }"
	town_guard
	rig_nft - <<<"$begin $drops; $accepts; }; }"
	opens_again 'the drop went ahead'
	run ! grep -q 'stays ahead' "$RIG_DIR/out"
	# A rule that somebody inserts ahead of ours is newer, and holds.
	rig_host nft insert rule inet early pre tcp dport 80 drop
	rig_until 30 grep -q 'stays ahead' "$RIG_DIR/out"
	town_when='a drop was inserted' town_expect 'outside>host closed'
	town_guard_ends
}
