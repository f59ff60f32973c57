#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hold.sh COMMAND...: runs it in the host's namespace of a rig of its own (tests/lib/rig.sh), with Pebble and a ruleset that
# has something to lose. The rig is described to it by the variables RIG_... and ends with it.
set -u
# Not even under bats, where rig.sh leaves this to others.
trap 'exit 130' INT TERM HUP
trap rig_down EXIT
# Nothing here depends on a disk, and a thousand runs would wear it.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm
# shellcheck source=../lib/rig.sh
source "$(dirname "$0")/../lib/rig.sh"

# Other people's: several tables and families, base chains that block and some that do not, sets, maps, a ban list.
foreign() {
	rig_policy_drop
	cat <<-'NFT'
		table inet filter {
			set friends { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 198.51.100.7 }; }
			set friends6 { type ipv6_addr; elements = { 2001:db8::1, 2001:db8::2 }; }
			chain services { tcp dport { 25, 465, 993 } accept; ip saddr @friends tcp dport 5432 accept; }
		}
		table ip nat {
			map ports { type inet_service : verdict; elements = { 8081 : accept, 8082 : drop }; }
			chain prerouting { type nat hook prerouting priority dstnat; policy accept; }
			chain postrouting { type nat hook postrouting priority srcnat; policy accept; ip daddr 203.0.113.0/24 masquerade; }
		}
		table ip bans {
			set banned { type ipv4_addr; flags timeout; timeout 30d; elements = { 203.0.113.66, 203.0.113.67 }; }
			chain input { type filter hook input priority -10; policy accept; ip saddr @banned drop; }
		}
		table ip6 bans {
			chain input { type filter hook input priority -10; policy accept; ip6 saddr 2001:db8:bad::/48 drop; }
		}
		table inet early {
			chain prerouting {
				type filter hook prerouting priority raw; policy accept;
				fib saddr . iif oif missing tcp dport 80 drop
			}
		}
	NFT
}

# The probe of each point has a source address of its own for a while: conntrack remembers a reset connection for ten
# seconds, and a SYN that meets one is not judged as a new one.
sources() {
	local i
	for i in {10..89}; do
		printf 'addr add 10.98.0.%d/24 dev cable0\naddr add fd98::%d/64 dev cable0 nodad\n' "$i" "$i"
	done | ip -n "$RIG_CA" -batch -
}

# shellcheck disable=SC2119 # its arguments are variables for Pebble, not ours
begin() {
	rig_up && foreign >"$RIG_DIR/foreign.nft" && rig_nft "$RIG_DIR/foreign.nft" && sources && rig_pebble &&
		rig_dns bad.test 127.0.0.1
}

begin >&2 || exit 1
export RIG_HOST4 RIG_CA4 RIG_HOST6 RIG_CA6 RIG_ACMEGATE RIG_BUILD RIG_PROBE
rig_host "$@"
