# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154 # vm, vm_root_disk and vm_job_disk come from those who source this
#
# vm.sh - small virtual machines (qemu, software emulation) with Debian's kernels. To be sourced after rig.sh.
#
#	vm_apt SUITE ARCHITECTURE ARGUMENTS...	apt-get with a state of its own below $vm; this machine's apt is not touched
#	vm_tree SUITE ARCHITECTURE DIRECTORY PACKAGES...	these packages and all that they need, unpacked and not configured
#	vm_kernel SUITE ARCHITECTURE PACKAGE DIRECTORY	the newest kernel that this package of Debian's depends on
#	vm_initrd DIRECTORY BUSYBOX	$DIRECTORY/initrd, which mounts the disks: root, modules, job
#	vm_disk FILE DIRECTORY		an ext4 file system with what is in the directory
#	vm_start JOBS	makes $vm/job/start: these jobs one after another; $vm/job has the tests, and in "build" what was built
#	vm_tell NAME LOG JOBS	a line for each job and the failures, out of what the machine printed; counts $passed, $failed, $skipped
#	vm_run DIRECTORY SECONDS QEMU... boots the kernel; the job's output is on the serial line. VM_COUNTS: one processor, and a
#					clock that counts its instructions and jumps while it sleeps: a busy host makes it no slower
#
# Disks: root is the same for all kernels of an architecture and thrown away after each boot; modules are the kernel's; job is
# mounted on /job, and /job/start is what the machine does, as its first process; "busybox poweroff -f" ends it.

# The packages that a tree needs for the job.
VM_PACKAGES=('?essential' mount kmod iproute2 nftables iptables procps)

vm_mirror() { printf '%s\n' "${ACMEGATE_MIRROR:-$(rig_mirror)}"; }

vm_apt() {
	local state=$vm/apt/$1-$2 suite=$1 architecture=$2
	shift 2
	mkdir -p "$state"/{lists/partial,cache/archives/partial,etc/preferences.d,etc/apt.conf.d} || return
	: >"$state/status"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$(vm_mirror)" "$suite" \
		>"$state/etc/sources.list"
	nice apt-get -qq -o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status" \
		-o "Dir::Cache=$state/cache" -o "Dir::Etc::sourcelist=$state/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root \
		-o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture" -o APT::Install-Recommends=false \
		-o Acquire::Languages=none -o DPkg::Post-Invoke= -o APT::Update::Post-Invoke-Success= \
		-o APT::Keep-Downloaded-Packages=true "$@"
}

# Every package that was downloaded goes into the directory.
vm_unpack() {
	local deb directory=$2
	for deb in "$1"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -xf - --keep-directory-symlink -C "$directory" || return
	done
}

vm_links() {
	local family
	for family in iptables ip6tables; do
		ln -sf "$family-nft" "$1/usr/sbin/$family" && ln -sf "$family-nft-save" "$1/usr/sbin/$family-save" &&
			ln -sf "$family-nft-restore" "$1/usr/sbin/$family-restore" || return
	done
	[ -e "$1/usr/bin/awk" ] || ln -sf mawk "$1/usr/bin/awk"
	cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd" && cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
}

vm_tree() {
	local suite=$1 architecture=$2 directory=$3 archives=$vm/apt/$1-$2/cache/archives name
	shift 3
	[ -e "$directory" ] && return
	rm -rf "$directory.new" && mkdir -p "$directory.new"/{proc,sys,dev,run,tmp,job,root,etc,usr/{bin,sbin,lib,lib64}} || return
	for name in bin sbin lib lib64; do ln -s "usr/$name" "$directory.new/$name" || return; done
	vm_apt "$suite" "$architecture" update && rm -f "$archives"/*.deb &&
		vm_apt "$suite" "$architecture" -y --download-only install "${VM_PACKAGES[@]}" "$@" &&
		vm_unpack "$archives" "$directory.new" && vm_links "$directory.new" || return
	rm -rf "$directory.new"/usr/share/{doc,man,locale,info} "$archives"/*.deb
	mkdir -p "$directory.new/lib/modules" && mv "$directory.new" "$directory"
}

# The names of kernels change with each update. Since 7.0 the image is a package of its own, and the modules are another.
vm_kernel() {
	local suite=$1 architecture=$2 package=$3 directory=$4 archives=$vm/apt/$1-$2/cache/archives version
	[ -e "$directory/vmlinuz" ] && return
	rm -rf "$directory" && mkdir -p "$directory/tree/usr/lib" && ln -s usr/lib "$directory/tree/lib" || return
	vm_apt "$suite" "$architecture" update && rm -f "$archives"/*.deb &&
		vm_apt "$suite" "$architecture" -y --download-only install "$package" || return
	rm -f "$archives"/linux-*-doc*.deb
	find "$archives" -name '*.deb' ! -name 'linux-image-[0-9]*' ! -name 'linux-binary-[0-9]*' ! -name 'linux-modules-[0-9]*' \
		-delete
	vm_unpack "$archives" "$directory/tree" || return
	rm -f "$archives"/*.deb
	version=$(ls "$directory/tree/lib/modules") && depmod -b "$directory/tree" "$version" &&
		printf '%s\n' "$version" >"$directory/version" || return
	cp "$directory/tree/boot/vmlinuz-$version" "$directory/vmlinuz" 2>/dev/null ||
		cp "$directory/tree/lib/modules/$version/vmlinuz" "$directory/vmlinuz" || return
	vm_disk "$directory/modules" "$directory/tree/lib/modules"
}

vm_disk() {
	local size
	size=$(du -s --block-size=1M "$2" | cut -f 1) || return
	rm -f "$1"
	truncate -s $((size + size / 4 + ${VM_ROOM:-64}))M "$1" && mke2fs -q -t ext4 -E root_owner=0:0 -d "$2" "$1"
}

vm_initrd() {
	local directory=$1 busybox=$2 early=$1/early version module n=10 modules
	version=$(<"$directory/version")
	rm -rf "$early"
	mkdir -p "$early"/{bin,proc,sys,dev,root,modules} && cp "$busybox" "$early/bin/busybox" || return
	modules=$(for module in ${VM_DISK_MODULES:-virtio_pci virtio_blk} ext4 crc32c_generic; do
		modprobe -d "$directory/tree" -S "$version" --show-depends "$module" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }')
	for module in $modules; do
		case $module in
		*.xz) xz -dc "$module" >"$early/modules/$n.ko" || return ;;
		*) cp "$module" "$early/modules/$n.ko" || return ;;
		esac
		n=$((n + 1))
	done
	cat >"$early/init" <<-'INIT'
		#!/bin/busybox sh
		busybox mount -t proc proc /proc; busybox mount -t sysfs sys /sys; busybox mount -t devtmpfs dev /dev
		for module in /modules/*; do busybox insmod $module; done
		tries=0
		while [ ! -b /dev/vdc ] && [ $tries -lt 200 ]; do busybox usleep 50000; tries=$((tries + 1)); done
		# In which order they are found depends on the bus.
		disk() { for block in /sys/block/vd*; do [ "$(busybox cat $block/serial)" != disk$1 ] || echo /dev/${block##*/}; done; }
		busybox mount -t ext4 $(disk 0) /root && busybox mount -t ext4 -o ro $(disk 1) /root/lib/modules &&
			busybox mount -t ext4 $(disk 2) /root/job || busybox poweroff -f
		for name in proc sys dev; do busybox mount --move /$name /root/$name; done
		busybox mount -t tmpfs run /root/run; busybox mount -t tmpfs tmp /root/tmp
		busybox mkdir -p /root/dev/pts /root/dev/shm; busybox ln -s /proc/self/fd /root/dev/fd
		busybox mount -t devpts pts /root/dev/pts; busybox mount -t tmpfs shm /root/dev/shm
		busybox hostname rig
		exec busybox env PATH=/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8 /bin/busybox switch_root /root /bin/bash /job/start
	INIT
	chmod 0755 "$early/init"
	(cd "$early" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$directory/initrd"
}

# Jobs: "unit" for all unit tests, a file of bats, a program of the build. tests-of-files: of which files only some tests are run.
vm_start() {
	printf '%s=%q\n' jobs "$1" RIG_SLOWER "${RIG_SLOWER:-30}" >"$vm/job/start"
	cat >>"$vm/job/start" <<-'GUEST'
		mount -o remount,exec /tmp; mkdir -p /run/netns /var/lib/acmegate
		mount -t cgroup2 none /sys/fs/cgroup; mount -t securityfs none /sys/kernel/security
		ip link set lo up
		# A probe that is not answered is a closed port: none is to be lost where softirqs come late.
		echo 100000 >/proc/sys/net/core/netdev_max_backlog
		declare -A core=()
		source /job/tests-of-files
		export ACMEGATE_BUILD=/job/build RIG_BUILT=yes RIG_PEBBLE_STAYS=yes RIG_SLOWER RIG_NAP=0.2 CMOCKA_MESSAGE_OUTPUT=TAP
		echo "vm-kernel $(uname -rm) landlock $(grep -c landlock /sys/kernel/security/lsm)"
		cd /job/build
		for job in $jobs; do
			echo "vm-begin $job $(cut -d. -f 1 /proc/uptime)"
			name=${job##*/}
			case $job in
			unit) for test in tests/unit/test_*; do
				case $test in *.* | *-*) ;; *) timeout 1200 "$test" 2>&1 || echo "not ok ${test##*/} ended with $?" ;; esac
			done ;;
			*.bats) (cd /job && timeout 5400 bats -T --formatter tap --filter "${core[${name%.bats}]:-$filter}" "$job" 2>&1) ;;
			*) timeout 1200 "$job" 2>&1 || echo "not ok $job ended with $?" ;;
			esac
			echo "vm-end $job $(cut -d. -f 1 /proc/uptime) packets lost $(cut -d ' ' -f 2 /proc/net/softnet_stat | paste -sd ' ')"
		done
		echo vm-done
		sync
		busybox poweroff -f
	GUEST
}

# shellcheck disable=SC2034 # of those who source this
vm_tell() {
	local log=$2 job p f s took
	for job in $3; do
		read -r p f s took < <(tr -d '\r' <"$log" | awk -v job="$job" '
			$1 == "vm-begin" { on = $2 == job; if (on) from = $3 }
			$1 == "vm-end" && on { took = $3 - from; on = 0 }
			on && /^(not )?ok .*# (skip|SKIP)/ { skipped++; next }
			on && /^ok / { passed++ }
			on && /^not ok / { failed++ }
			END { printf "%d %d %d %s\n", passed, failed, skipped, took == "" ? "-" : took }')
		[ "$took" != - ] && [ $((p + f + s)) -gt 0 ] || f=$((f + 1))
		printf '%-10s %-28s %3d passed %3d failed %3d skipped %6s s\n' "$1" "$job" "$p" "$f" "$s" "$took"
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done
	tr -d '\r' <"$log" | grep -aE '^not ok|^vm-kernel|# skip|# SKIP' | sort -u | sed 's/^/# /'
}

# vm_run DIRECTORY SECONDS QEMU ARGUMENTS...: with the console in VM_CONSOLE. Where this machine is busy, the check of the timer fails.
vm_run() {
	local directory=$1 seconds=$2 n=0 file disks=() processors=(-accel 'tcg,thread=multi' -smp 2)
	shift 2
	for file in "$vm_root_disk" "$directory/modules" "$vm_job_disk"; do
		disks+=(-drive "file=$file,format=raw,if=none,id=disk$n,snapshot=on" -device "${VM_BUS:-virtio-blk-pci},drive=disk$n,serial=disk$n")
		n=$((n + 1))
	done
	[ -z "${VM_COUNTS:-}" ] || processors=(-accel 'tcg,thread=single' -smp 1 -icount 'shift=0,sleep=off')
	timeout -k 5 "$seconds" nice "$@" "${processors[@]}" -display none -no-reboot -nodefaults -serial stdio \
		-kernel "$directory/vmlinuz" -initrd "$directory/initrd" "${disks[@]}" \
		-append "console=${VM_CONSOLE:-ttyS0} quiet panic=-1 ${VM_APPEND:-}" </dev/null
}
