# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# layers.sh - the firewalls that a host may have, as layers that can be put on one another. To be sourced behind rig.sh.
#
#	fresh			new namespaces: a table of iptables-legacy that was loaded stays for as long as they do
#	layer LAYER ACTION	up, down, reload, save, boot; LAYER: nft iptables-nft iptables-legacy ufw-nft ufw-legacy firewalld docker
#				command. reload: what an administrator's tool does; save, boot: all of it to a file, and from that
#	saved			everything on the host, without what packets, time and handles change
#
# shellcheck disable=SC2034 # used by those who source this

fresh() {
	local namespace process
	for process in probe server contest firewalld bus holder; do rig_end_of "$process" KILL; done
	rig_pebble_end
	for namespace in "$RIG_HOST" "$RIG_CA"; do
		for process in $(ip netns pids "$namespace"); do rig_end "$process" KILL; done
		ip netns del "$namespace"
	done
	rig_cable
	rm -rf "$RIG_STATE" "$RIG_DIR/out"
}

# To our listener, as seen from outside at this moment.
open_again() { [ "$(rig_probe_once)" = $'4 listening\n6 listening' ]; }

# Both tools of one variant, which must print nothing.
both() {
	local variant=$1
	shift
	rig_host "iptables-$variant" -w 5 "$@" && rig_host "ip6tables-$variant" -w 5 "$@"
}

legacy_is_there() { [ -n "$(rig_host cat "/proc/net/$1_tables_names" 2>/dev/null)" ]; }

# Only tables that are there: to look would make them. Rules of the other variant are named in a warning.
saved() {
	local family
	{
		rig_host nft list ruleset 2>/dev/null
		for family in ip ip6; do
			rig_host "${family}tables-nft-save" 2>/dev/null
			! legacy_is_there "$family" || rig_host "${family}tables-legacy-save"
		done
	} | sed -E 's/\[[0-9]+:[0-9]+\]//; s/ on [A-Z].*//; s/(counter )?packets [0-9]+ bytes [0-9]+/packets/; s/ (expires|timeout) [0-9a-z]+//g; /progname/s/#.*//'
}

# The plainest firewall of a host with iptables.
policy_drop() {
	both "$1" -P INPUT DROP
	both "$1" -A INPUT -i lo -j ACCEPT
	both "$1" -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
	both "$1" -A INPUT -p tcp --dport 22 -m comment --comment "it's \"ssh\"" -j ACCEPT
	rig_host "ip6tables-$1" -w 5 -A INPUT -p ipv6-icmp -j ACCEPT
}

# A host's program with a file system of its own: with_mounts SCRIPT COMMAND..., the script mounts.
with_mounts() {
	local script=$1
	shift
	ip netns exec "$RIG_HOST" unshare -m sh -c "set -e; $script; exec \"\$@\"" sh "$@" 3>&-
}

# --- ufw with files of its own ------------------------------------------------------------------------------------------------

# ufw_up VARIANT [CHANGE]: a change to /etc/default/ufw, as of sed
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

# --- firewalld with a bus and files of its own --------------------------------------------------------------------------------

firewalld_inside() { nsenter -t "$(cat "$RIG_DIR/holder.pid")" -m -n "$@" 3>&-; }
firewalld_runs() { firewalld_inside firewall-cmd --state 2>/dev/null | grep -qx running; }
firewalld_up() {
	rm -rf "$RIG_DIR/firewalld"
	cp -a /etc/firewalld "$RIG_DIR/firewalld"
	ip netns exec "$RIG_HOST" unshare -m --propagation private sh -c 'mount -t tmpfs tmpfs /run && mkdir -p /run/dbus /run/firewalld &&
		mount --bind "$1" /etc/firewalld && touch "$1/ready" && exec sleep 600' sh "$RIG_DIR/firewalld" 3>&- &
	echo $! >"$RIG_DIR/holder.pid"
	rig_until 30 test -e "$RIG_DIR/firewalld/ready"
	nsenter -t "$(cat "$RIG_DIR/holder.pid")" -m -n dbus-daemon --system --nofork --nopidfile >"$RIG_DIR/bus.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/bus.pid"
	rig_until 30 firewalld_inside test -S /run/dbus/system_bus_socket
	nsenter -t "$(cat "$RIG_DIR/holder.pid")" -m -n firewalld --nofork --nopid >"$RIG_DIR/firewalld.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/firewalld.pid"
	rig_until 30 firewalld_runs
}

# --- a firewall in front of the host, which a program opens --------------------------------------------------------------------

cloud_up() {
	mkdir -p "$RIG_DIR/cloud"
	cat >"$RIG_DIR/cloud/gate" <<-SH
		#!/bin/sh
		cloud() { ip netns exec '$RIG_CA' nft "\$@"; }
		ours() { cloud -a list chain inet cloud out | sed -nE 's/.*"'"\${ACMEGATE_TAG:-acmegate:[0-9a-f]*}"'" # handle ([0-9]+)/\1/p'; }
		case \$1 in
		open) [ -n "\$(ours)" ] || cloud insert rule inet cloud out tcp dport "\$ACMEGATE_PORT" accept comment "\"\$ACMEGATE_TAG\"" ;;
		close) for handle in \$(ours); do cloud delete rule inet cloud out handle "\$handle"; done ;;
		esac
	SH
	chmod -R go-w "$RIG_DIR/cloud"
	chmod 0755 "$RIG_DIR/cloud/gate"
	RIG_GATE="command = $RIG_DIR/cloud/gate"
	rig_ca nft 'table inet cloud { chain out { type filter hook output priority 10; tcp dport 80 drop; }; }'
}

# --- the layers -----------------------------------------------------------------------------------------------------------------

layer() {
	local file=$RIG_DIR/layer-$1 variant=${1##*-} family
	case $1-$2 in
	nft-up) rig_policy_drop | rig_host nft -f - ;;
	nft-reload) { echo 'delete table inet filter' && rig_policy_drop; } | rig_host nft -f - ;;
	nft-save) rig_host nft list table inet filter >"$file" ;;
	firewalld-up) firewalld_up ;;
	firewalld-reload) firewalld_inside firewall-cmd --reload >/dev/null ;;
	firewalld-save) rig_host nft list table inet firewalld >"$file" ;;
	nft-boot | firewalld-boot) rig_host nft -f "$file" ;;
	iptables-*-up)
		policy_drop "$variant"
		for family in ip ip6; do rig_host "${family}tables-$variant-save" >"$file-$family-early"; done
		layer "$1" reload # it makes the chains that are not there yet
		;;
	iptables-*-reload) for family in ip ip6; do rig_host "${family}tables-$variant-restore" -w 5 "$file-$family-early"; done ;;
	iptables-*-save | ufw-*-save) for family in ip ip6; do rig_host "${family}tables-$variant-save" >"$file-$family"; done ;;
	iptables-*-boot | ufw-*-boot) for family in ip ip6; do rig_host "${family}tables-$variant-restore" -w 5 "$file-$family"; done ;;
	ufw-*-up) ufw_up "$variant" ;;
	ufw-*-reload) ufw reload ;;
	docker-up)
		layer docker reload
		rig_host iptables-nft-restore -n <<-'RULES'
			*nat
			:DOCKER - [0:0]
			-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
			-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
			-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 172.17.0.2:443
			COMMIT
		RULES
		;;
	docker-reload)
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
		RULES
		;;
	docker-save) rig_host iptables-nft-save -t nat >"$file" ;;
	docker-boot) rig_host iptables-nft-restore -n "$file" ;;
	command-up) cloud_up ;;
	command-*) ;;
	*) return 1 ;;
	esac
}

# --- other hands ----------------------------------------------------------------------------------------------------------------

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

# Every process of acmegate on the host, and no other. The watchdog would close before its turn came.
everything_dies() {
	local victims victim
	mapfile -t victims < <(rig_host pgrep --ns $$ --nslist pid -f "^($RIG_BUILD/(seams/)?)?acmegate" | sort -u)
	mapfile -t victims < <(comm -12 <(printf '%s\n' "${victims[@]}") <(ip netns pids "$RIG_HOST" | sort -u))
	kill -s STOP "${victims[@]}"
	killed=$EPOCHREALTIME
	rig_kill_at_once "${victims[@]}"
	for victim in "${victims[@]}"; do rig_until 30 rig_gone "$victim"; done
}
