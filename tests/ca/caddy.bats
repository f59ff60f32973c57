#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A CA of another family: caddy's acme_server, which is smallstep's. It validates before it answers a challenge, once; after a
# failure it leaves the authorization pending, with the reason in the challenge; its certificates live for 12 hours.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	command -v caddy >/dev/null || return 0
	rig_up
	cat >"$RIG_DIR/Caddyfile" <<-CADDY
		{
			admin off
			storage file_system $RIG_DIR/caddy
			skip_install_trust
			auto_https disable_redirects
			https_port 14000
		}
		https://$RIG_CA4:14000 {
			tls internal
			acme_server
		}
	CADDY
	# It looks names up as every program does.
	printf '127.0.0.1 localhost\n%s one.test two.test %s\n%s elsewhere.test\n' "$RIG_HOST4" "$(longest_name)" "$RIG_CA4" \
		>"$RIG_DIR/hosts"
	# shellcheck disable=SC2016 # the shell in the namespace
	ip netns exec "$RIG_CA" env HOME="$RIG_DIR" sh -c 'mount --bind "$1/hosts" /etc/hosts && exec caddy run --config "$1/Caddyfile"' \
		sh "$RIG_DIR" >"$RIG_DIR/caddy.log" 2>&1 3>&- &
	rig_until 30 answers || {
		tail -n 5 "$RIG_DIR/caddy.log" >&2
		return 1
	}
	cp "$root" "$RIG_DIR/pki/ca.pem"
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_probe_options=(-b)
	command -v caddy >/dev/null || skip 'caddy is not installed'
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	export RIG_DIRECTORY=https://$RIG_CA4:14000/acme/local/directory
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		printf '%s\n' "${output:-}"
		tail -n 5 "$RIG_DIR/caddy.log"
	}
	rig_end_of probe
	rig_end_of server
}

longest_name() {
	local label
	label=$(printf 'x%.0s' {1..63})
	printf %s "$label.$label.$label.${label:0:56}.test"
}

answers() {
	root=$RIG_DIR/caddy/pki/authorities/local/root.crt
	[ -s "$root" ] && rig_host curl -s -o /dev/null --max-time 2 --cacert "$root" "https://$RIG_CA4:14000/acme/local/directory"
}

open_for_less() {
	rig_was_open 4 1
	rig_open_at_most "$1"
}

@test "a certificate for two names, and the port open for no longer than the validation" {
	rig_config one.test,two.test
	rig_before
	run rig_acmegate renew-now
	rig_after
	[ "$status" -eq 0 ]
	open_for_less 2
	openssl verify -CAfile "$RIG_DIR/pki/ca.pem" -untrusted "$(rig_live one.test)/chain.pem" "$(rig_live one.test)/cert.pem"
	openssl x509 -in "$(rig_live one.test)/cert.pem" -noout -checkhost two.test | grep 'does match'
	# It lives for twelve hours, and is due when half of them have passed.
	run -0 rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
}

# Pebble's resolver takes none that is longer than 200.
@test "a name of 253 characters, in one line with another" {
	name=$(longest_name)
	[ ${#name} = 253 ]
	printf '[certificate long]\nnames = one.test %s\n' "$name" | rig_config
	run -0 rig_acmegate renew-now
	openssl x509 -in "$(rig_live long)/cert.pem" -noout -checkhost "$name" | grep 'does match'
}

# fails HOST WORD
fails() {
	rig_config "$1"
	rig_before
	run rig_acmegate renew-now
	rig_after
	[ "$status" -eq 1 ]
	[[ $output == *"$1: "*"$2"*'(the CA leaves the authorization pending); no '* ]]
	[ ! -e "$(rig_live "$1")" ]
}

@test "a name that leads elsewhere: what the CA found there is shown, and the port is closed soon" {
	fails elsewhere.test 'connection: '
	open_for_less 2
	mkdir -p "$RIG_DIR/web"
	ip netns exec "$RIG_CA" python3 -m http.server --bind "$RIG_CA4" 80 --directory "$RIG_DIR/web" >"$RIG_DIR/server.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 rig_ca curl -s -o /dev/null --max-time 1 "http://$RIG_CA4/"
	fails elsewhere.test 'connection: '
	open_for_less 2
}

@test "a name that the CA does not find" {
	fails nowhere.invalid ': '
	open_for_less 5
}
