# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A machine with systemd as PID 1 (systemd-nspawn) in the rig's host namespace; source it after rig.sh.
#
#	machine_base		a root to start from, made once: Debian, nftables, and the libraries that we need
#	machine_tree			$RIG_DIR/tree: what "make install" makes of this tree
#	machine_fetch PACKAGE...	installs packages of Debian in its root, before it is started; their services do not start meanwhile
#	machine_from_tree	all of that, for what this tree installs; 1: there can be no machine here, and machine_lacks has said why
#	machine_make [LAYER]	$RIG_DIR/machine: the base, with LAYER on top, writable until machine_down
#	machine_without_boot COMMAND...	in its root, before it is started
#	machine_boot		starts it and waits until it is up
#	machine COMMAND...	in the machine
#	machine_cut		the power: everything in it is killed at once
#	machine_down		the same, and its root is gone

# The release that this host has: what is built here runs there.
# shellcheck disable=SC2016 # the variable is apt-get's
MACHINE_RELEASE=$(apt-get indextargets --format '$(CODENAME)' 2>/dev/null | grep -v -- - | head -n 1)
MACHINE_BASE=${ACMEGATE_CACHE:-/var/cache/acmegate-tests}/${MACHINE_RELEASE:=bookworm}-2

# The libraries of what is built: what their -dev packages depend on.
machine_libraries() {
	dpkg-query -W -f '${Depends}, ' libnftnl-dev libmnl-dev nettle-dev libinih-dev libcurl4-openssl-dev libssl-dev libidn2-dev libjansson-dev \
		libseccomp-dev libsystemd-dev | tr ',' '\n' | awk '$1 ~ /^lib/ && $1 !~ /-dev$/ { print $1 }' | sort -u | paste -sd , -
}

machine_base() {
	local new=$MACHINE_BASE.$$
	[ -e "$MACHINE_BASE" ] && return
	mkdir -p "${MACHINE_BASE%/*}" || return
	nice debootstrap --variant=minbase \
		--include="systemd,systemd-sysv,dbus,nftables,iptables,iproute2,ca-certificates,$(machine_libraries)" \
		"$MACHINE_RELEASE" "$new" "${ACMEGATE_MIRROR:-$(rig_mirror)}" >"${MACHINE_BASE}.log" 2>&1 3>&- || {
		tail -n 5 "$MACHINE_BASE.log" >&2
		rm -rf "$new"
		return 1
	}
	rm -rf "$new"/var/cache/apt/archives/*.deb
	# Nothing of it is to reach for the network by itself, and no boot is to be the first one.
	rm -f "$new"/etc/systemd/system/timers.target.wants/* "$new/etc/resolv.conf"
	echo rig >"$new/etc/hostname"
	chroot "$new" systemd-machine-id-setup >/dev/null 2>&1
	mv -T "$new" "$MACHINE_BASE" 2>/dev/null || rm -rf "$new"
	[ -e "$MACHINE_BASE" ]
}

# With the paths of a package, which the units name.
machine_tree() {
	(
		mkdir -p "$RIG_BUILD/home" && cd "$RIG_BUILD/home" || exit
		[ -e Makefile ] || "$RIG_ROOT/configure" -q --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
			--with-systemdsystemunitdir=/usr/lib/systemd/system || exit
		make -s Makefile && rig_share_objects home '\<(SYSCONFDIR|LOCALSTATEDIR|SBINDIR|LIBEXECDIR|SHARE|DOCUMENTS|CONFIG_FILE)\>' &&
			make -s -j"$(nproc)" images && make -s install DESTDIR="$RIG_DIR/tree" || exit
		if grep -rlE '/usr/local/(etc|var|share|libexec|sbin/acmegate)' "$RIG_DIR"/tree/usr/{sbin,libexec}; then
			echo 'has paths of the release'
			exit 1
		fi
	) >"$RIG_DIR/install.log" 2>&1 3>&- || {
		tail -n 20 "$RIG_DIR/install.log" >&2
		return 1
	}
}

machine_fetch() {
	local root=$RIG_DIR/machine
	cp /etc/resolv.conf "$root/etc/"
	cp -r /etc/apt/apt.conf.d "$root/etc/apt/"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	# Where a package has tmpfiles.d, sid cannot configure it without /proc.
	DEBIAN_FRONTEND=noninteractive unshare --mount-proc --root="$root" sh -c \
		'apt-get -qq update && apt-get -qq -y --no-install-recommends install "$@"' sh "$@" >"$RIG_DIR/apt.log" 2>&1 3>&- || return
	rm "$root/usr/sbin/policy-rc.d"
}

machine_make() {
	local layers=${1:+$1:}$MACHINE_BASE
	machine=$RIG_DIR/machine
	mkdir -p "$RIG_DIR/upper" "$machine" && mount -t tmpfs -o mode=755 acmegate-machine "$RIG_DIR/upper" &&
		mkdir "$RIG_DIR/upper/data" "$RIG_DIR/upper/work" &&
		mount -t overlay -o "lowerdir=$layers,upperdir=$RIG_DIR/upper/data,workdir=$RIG_DIR/upper/work" acmegate-machine "$machine"
}

# machine_options: $nspawn is the command. What goes into the background is started by itself, so that $! is that process.
machine_options() {
	nspawn=(systemd-nspawn -q -D "$RIG_DIR/machine" "--network-namespace-path=/run/netns/$RIG_HOST" --capability=CAP_NET_ADMIN
		"--machine=acmegate$$" --register=no --keep-unit --resolv-conf=off --timezone=off --link-journal=no)
}

# machine_without_boot COMMAND...: in its root, for what is to be done before it is switched on
machine_without_boot() {
	local nspawn
	machine_options
	"${nspawn[@]}" --pipe "$@" </dev/null 3>&-
}

machine_is_up() {
	machine_leader=$(pgrep -P "$(cat "$RIG_DIR/nspawn.pid")" | head -n 1)
	[ -n "$machine_leader" ] && machine systemctl is-system-running 2>/dev/null | grep -qE '^(running|degraded)$'
}

machine_boot() {
	local nspawn
	machine_options
	"${nspawn[@]}" -b --console=pipe </dev/null >"$RIG_DIR/console" 2>&1 3>&- &
	echo $! >"$RIG_DIR/nspawn.pid"
	rig_until 90 machine_is_up || {
		rig_say 'the machine does not come up:'
		tail -n 20 "$RIG_DIR/console" >&2
		return 1
	}
}

machine() { nsenter -t "${machine_leader:-$(pgrep -P "$(cat "$RIG_DIR/nspawn.pid")" | head -n 1)}" -a env SYSTEMD_COLORS=0 "$@" 3>&-; }

machine_cut() {
	local nspawn leader
	[ -s "$RIG_DIR/nspawn.pid" ] || return 0
	nspawn=$(cat "$RIG_DIR/nspawn.pid")
	leader=$(pgrep -P "$nspawn" | head -n 1)
	rm -f "$RIG_DIR/nspawn.pid"
	machine_leader=
	# With its PID 1 the kernel kills every process of a machine.
	[ -z "$leader" ] || kill -s KILL "$leader"
	rig_until 30 rig_gone "$nspawn" || kill -s KILL "$nspawn"
	wait "$nspawn" 2>/dev/null || true
}

machine_down() {
	[ -n "${RIG_DIR:-}" ] || return 0
	machine_cut
	! mountpoint -q "$RIG_DIR/machine" || umount "$RIG_DIR/machine" "$RIG_DIR/upper"
}

# machine_lacks WHY: for setup_file, where bats 1.8 knows no skip; machine_can then skips each test
machine_lacks() { export MACHINE_LACKS=$*; }
machine_can() { [ -z "${MACHINE_LACKS:-}" ] || skip "$MACHINE_LACKS"; }

machine_from_tree() {
	local program
	for program in systemd-nspawn debootstrap; do
		command -v "$program" >/dev/null || { machine_lacks "$program is not installed"; return 1; }
	done
	rig_up
	machine_base || { machine_lacks "no Debian root could be made, see $MACHINE_BASE.log"; return 1; }
	machine_tree
	machine_make "$RIG_DIR/tree"
	machine_without_boot systemd-sysusers >"$RIG_DIR/console" 2>&1 && return
	machine_lacks "systemd-nspawn cannot work here: $(tail -n 1 "$RIG_DIR/console")"
	return 1
}
