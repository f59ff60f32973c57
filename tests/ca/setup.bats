#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# setup: from nothing to a certificate, on a host that looks fresh: the directories that acmegate and the services have are the test's, in
# a mount namespace. And back.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	rig_pebble
}

setup() {
	rm -rf "$RIG_DIR/fresh"
	mkdir -p "$RIG_DIR/fresh/local/share/acmegate" "$RIG_DIR/fresh/local/etc" "$RIG_DIR/fresh/local/var/lib" "$RIG_DIR/fresh/run"
	cp -r "$RIG_ROOT/units/hooks/." "$RIG_DIR/fresh/local/share/acmegate/"
	cp /etc/passwd /etc/group "$RIG_DIR/fresh/"
	grep -q '^_acmegate:' /etc/passwd || echo '_acmegate:x:64999:65534::/nonexistent:/usr/sbin/nologin' >>"$RIG_DIR/fresh/passwd"
	CONF=$RIG_DIR/fresh/local/etc/acmegate/acmegate.conf
	STATE=$RIG_DIR/fresh/local/var/lib/acmegate
	name=s$BATS_TEST_NUMBER.example.test
	rig_policy_drop | rig_nft -
	pebble=(--ca "https://$RIG_CA4:14000/dir" --ca-file "$RIG_DIR/pki/ca.pem")
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
	local process
	for process in $(ip netns pids "$RIG_HOST"); do rig_end "$process" KILL; done
}

# fresh COMMAND...: on that host
fresh() {
	timeout -k 5 $((60 * ${RIG_SLOWER:-1})) ip netns exec "$RIG_HOST" unshare -m sh -c 'cd "$0" && mount --bind local /usr/local &&
		mount --bind passwd /etc/passwd && mount --bind group /etc/group && cd / && exec "$@"' "$RIG_DIR/fresh" "$@" 3>&-
}

@test "setup --yes without a terminal: a certificate, a configuration that plan accepts, the ruleset as before; and back" {
	rig_before
	run fresh "$RIG_ACMEGATE" setup --yes --service none "${pebble[@]}" "$name" "www.$name" </dev/null
	[ "$status" -eq 0 ]
	rig_after
	rig_was_open 4 1
	[ "$(stat -c %a:%u "$CONF")" = 644:0 ]
	grep -qx 'accept_terms = yes' "$CONF"
	openssl x509 -in "$STATE/certificates/$name/live/cert.pem" -noout -ext subjectAltName | grep -q "DNS:www.$name"
	run fresh "$RIG_ACMEGATE" renew
	[[ $output == *'nothing is due'* ]]
	run fresh "$RIG_ACMEGATE" setup --undo
	[ "$status" -eq 0 ]
	[ ! -e "$CONF" ]
	[ ! -e "$STATE/setup" ]
	[ -e "$STATE/certificates/$name/live/cert.pem" ]
	[[ $output == *"certificates stay in"* ]]
}
