# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# pebble.sh - a newer Pebble than Debian's stable releases have: with renewal information, dns-persist-01 and dns-account-01. To be sourced
# behind rig.sh.
#
#	pebble_new	puts it first into PATH; false: it cannot be had, and the last line of $RIG_DIR/apt says why

# Debian 12 has Pebble 2.4; sid's 2.10 needs no more than libc. It is fetched once, beside the build; apt's own state stays as it is.
pebble_new() {
	local vm=$RIG_BUILD/pebble-new
	[ -x "$vm/tree/usr/bin/pebble" ] || (
		source "$RIG_ROOT/tests/lib/vm.sh"
		mkdir -p "$vm" && exec 9>"$vm/lock" && flock 9 || exit
		[ ! -x "$vm/tree/usr/bin/pebble" ] || exit 0
		cd "$vm" && vm_apt sid "$(dpkg --print-architecture)" update && vm_apt sid "$(dpkg --print-architecture)" download pebble &&
			dpkg-deb -x pebble_*.deb new && rm -rf apt pebble_*.deb && mv new tree
	) >"$RIG_DIR/apt" 2>&1 3>&-
	PATH=$vm/tree/usr/bin:$PATH
	pebble -version >/dev/null 2>&1
}
