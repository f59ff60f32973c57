#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian package: it builds, lintian finds no error, and a machine in which it is installed, upgraded and removed in
# mid-window, and purged, has its port closed and its ruleset as before. "make check-systemd"; too long for every day.
bats_require_minimum_version 1.5.0
load suite
rig_probe_options=(-b)

# Builds from a copy of all files that git knows or does not ignore: the build does not touch this tree.
build_package() {
	mkdir -p "$RIG_DIR/package/acmegate" || return
	(
		cd "$RIG_ROOT" || exit
		if [ -e .git ]; then git ls-files -co --exclude-standard; else find . -type f; fi |
			tar -cf - -T - | tar -xf - -C "$RIG_DIR/package/acmegate" || exit
		cd "$RIG_DIR/package/acmegate" && DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -us -uc -b
	) >"$RIG_DIR/package/log" 2>&1 3>&- || {
		tail -n 20 "$RIG_DIR/package/log" >&2
		return 1
	}
}

setup_file() {
	for program in systemd-nspawn debootstrap dh lintian; do
		command -v "$program" >/dev/null || { machine_lacks "$program is not installed (systemd-container debootstrap debhelper lintian)"; return 0; }
	done
	rig_up
	machine_base || { machine_lacks "no Debian root could be made, see $MACHINE_BASE.log"; return 0; }
	machine_make
	machine_without_boot true >"$RIG_DIR/console" 2>&1 || { machine_lacks "systemd-nspawn cannot work here: $(tail -n 1 "$RIG_DIR/console")"; return 0; }
	build_package
	mkdir "$machine/root/package"
	cp "$RIG_DIR"/package/*.deb "$machine/root/package/"
	rig_policy_drop | rig_nft -
	rig_pebble
	machine_boot
}

teardown() {
	[ -z "${MACHINE_LACKS:-}" ] || return 0
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		printf '%s\n' "${output:-}"
		machine journalctl -b -o short-precise --no-pager -u 'acmegate*' | tail -n 40
	}
	rig_ca nft flush ruleset
	rig_end_of probe
}

package() { machine sh -c 'exec dpkg "$@" /root/package/acmegate_*_*.deb' sh "$@"; }
configure() {
	RIG_STATE=/var/lib/acmegate rig_config "$1"
	mkdir -p "$machine/etc/acmegate"
	cp "$RIG_DIR/pki/ca.pem" "$machine/etc/acmegate/"
	sed "s,$RIG_DIR/pki,/etc/acmegate,; s/^user = .*/user = _acmegate/" "$RIG_CONF" >"$machine/etc/acmegate/acmegate.conf"
}
window() {
	configure "$1"
	rig_hold
	rig_before
	machine systemctl start --no-block acmegate.service
	rig_until 30 rig_opened
}
has_certificate() { [ -L "$machine/var/lib/acmegate/certificates/$1/live" ]; }
is_over() { machine systemctl show -P ActiveState acmegate.service | grep -qE '^(inactive|failed)$'; }

@test "lintian finds nothing" {
	run lintian --allow-root --fail-on error,warning "$RIG_DIR"/package/*.changes
	printf '%s\n' "${lines[@]/#/# lintian: }" >&3
	[ "$status" -eq 0 ]
}

@test "acmegate-dns has its program, its page and its timer, and acmegate has none of them" {
	local own='acmegate-address\.service$|acmegate-address\.timer$|/acmegate-dns(\.7\.gz)?$'
	[ "$(dpkg-deb -c "$RIG_DIR"/package/acmegate-dns_*_*.deb | grep -cE "$own")" = 4 ]
	! dpkg-deb -c "$RIG_DIR"/package/acmegate_*_*.deb | grep -E "$own" || false
}

@test "an installation brings the user, the timer and recovery at boot, and nothing runs yet" {
	rig_before
	run -0 package -i
	machine getent passwd _acmegate
	[ "$(machine systemctl is-enabled acmegate.timer acmegate-recover.service acmegate-recover-again.service | tr '\n' ' ')" = 'enabled enabled enabled ' ]
	[ "$(machine systemctl is-active acmegate.timer)" = active ]
	[ "$(machine systemctl show -P ExecMainStartTimestamp acmegate.service acmegate-recover.service)" = '' ]
	[ "$(stat -c %a "$machine/var/lib/acmegate")" = 711 ]
	run -0 machine systemd-analyze verify --man=no acmegate.service acmegate.timer acmegate-recover.service acmegate-recover-again.service
	[ "$output" = '' ]
	machine test -s /usr/share/doc/acmegate/acmegate.conf.sample
	rig_after
	rig_never_open
}

@test "the sample works with the two values that one has to set; certbot finds the hooks" {
	# As in the README, and back.
	machine mkdir -p /etc/letsencrypt/renewal-hooks/{pre,post,deploy}
	machine cp -r /usr/share/acmegate/certbot/. /etc/letsencrypt/renewal-hooks/
	[ "$(find "$machine/etc/letsencrypt" -type f -perm 755 -printf '%P ' | xargs -n 1 | sort | xargs)" = 'renewal-hooks/post/acmegate renewal-hooks/pre/acmegate' ]
	machine bash -c 'rm /etc/letsencrypt/renewal-hooks/{pre,post}/acmegate'
	[ "$(find "$machine/etc/letsencrypt/renewal-hooks" -mindepth 1 -printf '%P ' | xargs -n 1 | sort | xargs)" = 'deploy post pre' ]
	machine install -m 644 /usr/share/doc/acmegate/acmegate.conf.sample /etc/acmegate/acmegate.conf
	run machine acmegate plan
	[ "$status" -eq 0 ]
	[[ $output == *'tcp dport'* ]]
	configure one.test
	rig_before
	machine systemctl start acmegate.service
	has_certificate one.test
	rig_after
	rig_was_open 4 1
}

@test "upgraded in mid-window: the run goes on to its end" {
	window upgrade.test
	run -0 package -i
	is_over && false
	rig_ca nft flush ruleset
	rig_until 60 is_over
	rig_after
	rig_was_open 4 1
	# If dpkg took more than the 15 s after which the CA gives up, the next run gets the certificate.
	if machine journalctl -b -o cat --no-pager -u acmegate.service | grep -q 'upgrade\.test.*Client\.Timeout exceeded'; then
		machine acmegate renew-now upgrade.test
	else
		[ "$(machine systemctl show -P Result acmegate.service)" = success ]
	fi
	has_certificate upgrade.test
	[ "$(machine systemctl is-active acmegate.timer)" = active ]
}

@test "removed in mid-window: the port is closed, nothing is left in the firewall, the certificates stay" {
	window remove.test
	run -0 machine dpkg -r acmegate
	rig_closed_after "$EPOCHREALTIME" 0.050
	rig_as_before
	[ "$(rig_ours)" = 0 ]
	has_certificate one.test
	[ -e "$machine/etc/acmegate/acmegate.conf" ]
	[ ! -e "$machine/usr/sbin/acmegate" ]
}

@test "removed while a hook holds the port open: it is closed with its client all the same" {
	run -0 package -i
	rig_before
	client=$(machine sh -c 'sleep 60 >/dev/null 2>&1 & acmegate hook --client $! pre >&2 && echo $!')
	rig_until 30 rig_opened
	run -0 machine dpkg -r acmegate
	[[ $output == *'closes it when its client ends'* ]]
	machine sh -c "kill -s KILL $client"
	rig_closed_after "$EPOCHREALTIME" 0.050
	rig_until 30 rig_as_before
}

@test "a purge leaves nothing, in the firewall either" {
	rig_ruleset >"$RIG_DIR/before"
	run -0 machine dpkg -P acmegate
	rig_as_before
	[ "$(rig_ours)" = 0 ]
	[ ! -e "$machine/var/lib/acmegate" ]
	[ ! -e "$machine/etc/acmegate/acmegate.conf" ]
	run machine systemctl is-enabled acmegate.timer
	[ "$status" -ne 0 ]
	[ -z "$(find "$machine/etc/systemd" "$machine/var/lib/systemd" -name '*acmegate*')" ]
}
