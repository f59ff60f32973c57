#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# setup: from nothing to a certificate, on a host that looks fresh: the directories that acmegate and the services have are the test's, in
# a mount namespace. And back: every file is what it was.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	rig_pebble
}

setup() {
	FRESH=$RIG_DIR/fresh
	rm -rf "$FRESH"
	mkdir -p "$FRESH/local/share/acmegate" "$FRESH/local/etc" "$FRESH/local/var/lib" "$FRESH/run" "$FRESH/etc" "$FRESH/bin"
	cp -r "$RIG_ROOT/units/hooks/." "$FRESH/local/share/acmegate/"
	for hook in pre post; do
		sed "s,@sbindir@/acmegate,$RIG_ACMEGATE," "$RIG_ROOT/units/hooks/certbot/$hook/acmegate.in" >"$FRESH/local/share/acmegate/certbot/$hook/acmegate"
		rm "$FRESH/local/share/acmegate/certbot/$hook/acmegate.in"
	done
	cp /etc/passwd /etc/group "$FRESH/etc/"
	grep -q '^_acmegate:' /etc/passwd || echo '_acmegate:x:64999:65534::/nonexistent:/usr/sbin/nologin' >>"$FRESH/etc/passwd"
	cp "$RIG_DIR/pki/ca.pem" "$FRESH/local/etc/"
	# Nobody answers for other names, and at once.
	echo 'nameserver 127.0.0.1' >"$FRESH/etc/resolv.conf"
	echo "127.0.0.1 localhost" >"$FRESH/etc/hosts"
	CONF=$FRESH/local/etc/acmegate/acmegate.conf
	STATE=$FRESH/local/var/lib/acmegate
	name=s$BATS_TEST_NUMBER.example.test
	echo "$RIG_HOST4 $name" >>"$FRESH/etc/hosts"
	rig_policy_drop | rig_nft -
	pebble=(--ca "https://$RIG_CA4:14000/dir" --ca-file /usr/local/etc/ca.pem)
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
	ip netns pids "$RIG_HOST" | xargs -r kill -s KILL
}

# fresh COMMAND...: on that host. What is in $FRESH/etc takes the place of that in /etc, and $FRESH/bin of that in /usr/bin.
fresh() {
	timeout -k 5 $((60 * ${RIG_SLOWER:-1})) ip netns exec "$RIG_HOST" unshare -m sh -c 'cd "$0" && mount --bind local /usr/local &&
		mount --bind run /run || exit 99
		for file in etc/*; do mount --bind "$file" "/$file" || exit 99; done
		for file in bin/*; do [ ! -e "$file" ] || mount --bind "$file" "/usr/$file" || exit 99; done
		cd / && exec "$@"' "$FRESH" "$@" 3>&-
}

# setup_asked ANSWER... -- ARGUMENTS...
setup_asked() {
	local answers=()
	while [ "$1" != -- ]; do
		answers+=("$1")
		shift
	done
	fresh python3 "$RIG_ROOT/tests/lib/terminal.py" "${answers[@]}" -- "$RIG_ACMEGATE" setup "${@:2}"
}

# The verbs of systemctl that setup uses.
with_systemd() {
	mkdir -p "$FRESH/run/systemd/system" "$FRESH/run/enabled"
	printf '#!/bin/sh\necho "$*" >>/run/calls\nfor unit; do :; done\ncase $* in is-enabled*) test -e "/run/enabled/$unit" ;;
		*--quiet\ enable*) >"/run/enabled/$unit" ;; *disable*) rm -f "/run/enabled/$unit" ;; esac\n' >"$FRESH/bin/systemctl"
	chmod 755 "$FRESH/bin/systemctl"
}

# Everything in the host's configuration, with modes and owners.
configuration() { (cd "$FRESH" && find etc local/etc -printf '%p %m %U:%G %y %l\n' -type f -exec sha256sum {} \; | sort); }

@test "setup --yes without a terminal: a certificate, a configuration that plan accepts, the ruleset as before; and back" {
	configuration >"$RIG_DIR/configuration"
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
	# The same once more changes nothing.
	cp "$CONF" "$RIG_DIR/conf"
	serial=$(openssl x509 -in "$STATE/certificates/$name/live/cert.pem" -noout -serial)
	run fresh "$RIG_ACMEGATE" setup --yes --service none "${pebble[@]}" "$name" "www.$name" </dev/null
	[ "$status" -eq 0 ]
	[[ $output == *'has all of this already'* ]]
	cmp "$CONF" "$RIG_DIR/conf"
	[ "$(openssl x509 -in "$STATE/certificates/$name/live/cert.pem" -noout -serial)" = "$serial" ]
	run fresh "$RIG_ACMEGATE" setup --yes --service none --contact other@example.test "$name" "www.$name" </dev/null
	[ "$status" -eq 2 ]
	[[ $output == *'--contact other@example.test'*'change it there'* ]]
	run fresh "$RIG_ACMEGATE" setup --undo
	[ "$status" -eq 0 ]
	configuration | diff "$RIG_DIR/configuration" -
	[ ! -e "$STATE/setup" ]
	[ -e "$STATE/certificates/$name/live/cert.pem" ]
	[[ $output == *"certificates stay in"* ]]
	run fresh "$RIG_ACMEGATE" setup --undo
	[ "$status" -eq 0 ]
	[[ $output == *'has changed nothing'* ]]
}

@test "without a terminal each question names its option, nothing is changed, exit status 2" {
	configuration >"$RIG_DIR/configuration"
	run fresh "$RIG_ACMEGATE" setup "${pebble[@]}" "$name" </dev/null
	[ "$status" -eq 2 ]
	[[ $output == *'--agree'* ]]
	configuration | diff "$RIG_DIR/configuration" -
	[ ! -e "$STATE/setup" ]
	[ -z "$(ls "$STATE/certificates" 2>/dev/null)" ]
	# Each of them alone is enough for its question.
	run fresh "$RIG_ACMEGATE" setup "${pebble[@]}" --agree --service none "$name" </dev/null
	[ "$status" -eq 0 ]
}

@test "on a terminal with nginx: at most three questions, and nginx shows the certificate; --undo gives it its files back" {
	[ -x /usr/sbin/nginx ] || skip 'nginx is not installed'
	cp -r /etc/nginx "$FRESH/etc/"
	configuration >"$RIG_DIR/configuration"
	fresh nginx
	rig_until 30 rig_host curl -so /dev/null http://127.0.0.1/
	run setup_asked yes nginx -- "${pebble[@]}" "$name"
	[ "$status" -eq 0 ]
	[[ $output == *'terms: '*'Do you agree'*'questions: 2' ]]
	grep -qx 'mode = redirect' "$CONF"
	rig_ca curl -s --cacert "$RIG_DIR/pki/ca.pem" https://127.0.0.1:15000/roots/0 >"$RIG_DIR/root.pem"
	rig_until 30 rig_host curl -so /dev/null --cacert "$RIG_DIR/root.pem" --resolve "$name:443:127.0.0.1" "https://$name/"
	# nginx is on port 80 as before.
	rig_host curl -so /dev/null http://127.0.0.1/
	run fresh "$RIG_ACMEGATE" setup --undo
	[ "$status" -eq 0 ]
	configuration | diff "$RIG_DIR/configuration" -
	rig_until 30 eval "! rig_host curl -sko /dev/null https://127.0.0.1/"
}

@test "no to the terms: nothing is changed" {
	configuration >"$RIG_DIR/configuration"
	run setup_asked '' -- "${pebble[@]}" "$name"
	[ "$status" -eq 2 ]
	[[ $output == *'nothing was changed'*'questions: 1' ]]
	configuration | diff "$RIG_DIR/configuration" -
	[ -z "$(ls "$STATE/certificates" 2>/dev/null)" ]
}

@test "a configuration that is there: the difference is shown, every line stays, and --undo keeps what was changed later" {
	mkdir "${CONF%/*}"
	# One of hand, with a mode of its own and no newline at its end.
	printf '%s\n' '# by hand' '[acme]' "directory = https://$RIG_CA4:14000/dir" "staging = https://$RIG_CA4:14000/dir?staging" \
		'accept_terms = no' "ca_file = $RIG_DIR/pki/ca.pem" '[gate]' 'max_open = 30' '[certificate other]' >"$CONF"
	printf 'names = other.%s' "$name" >>"$CONF"
	chmod 0640 "$CONF"
	configuration >"$RIG_DIR/configuration"
	run fresh "$RIG_ACMEGATE" setup --agree --service none "$name" </dev/null
	[ "$status" -eq 2 ]
	[[ $output == *'There is no terminal to ask on: answer with --extend'* ]]
	configuration | diff "$RIG_DIR/configuration" -
	run setup_asked yes no -- --service none "$name"
	[ "$status" -eq 2 ]
	[[ $output == *'-accept_terms = no'*'+accept_terms = yes'*"+[certificate $name]"*'questions: 2' ]]
	configuration | diff "$RIG_DIR/configuration" -
	run setup_asked yes yes -- --service none "$name"
	[ "$status" -eq 0 ]
	[[ $output == *'rehearsal: the ruleset is byte for byte'* ]]
	[ "$(stat -c %a "$CONF")" = 640 ]
	grep -qx '# by hand' "$CONF"
	grep -qx "names = other.$name" "$CONF"
	[ ! -e "$STATE/certificates/other" ]
	echo '# a line more' >>"$CONF"
	# A setup that was cut off in the middle of a line has not done what it says.
	printf 'file %s/etc/pass' "$FRESH" >>"$STATE/setup/trail"
	run fresh "$RIG_ACMEGATE" setup --undo
	[ "$status" -eq 0 ]
	configuration | diff "$RIG_DIR/configuration" -
	grep -qx '# a line more' "$STATE"/setup-kept.*
}

@test "certbot's hooks that open the port give way to acmegate's, those that do something else stay; and back" {
	[ -e /etc/letsencrypt ] || skip '/etc/letsencrypt does not exist on this machine: certbot is not installed'
	hooks=$FRESH/etc/letsencrypt/renewal-hooks
	mkdir -p "$hooks/pre" "$FRESH/etc/letsencrypt/renewal" "$FRESH/letsencrypt"
	open='nft insert rule inet filter input tcp dport 80 accept' close='nft flush chain inet filter input'
	if [ "${SETUP:-}" = all ]; then
		certbot=(fresh env REQUESTS_CA_BUNDLE="$RIG_DIR/pki/ca.pem" certbot --work-dir "$FRESH/letsencrypt" --logs-dir "$FRESH/letsencrypt" -n)
		"${certbot[@]}" certonly --standalone -d "$name" --server "https://$RIG_CA4:14000/dir" --agree-tos --register-unsafely-without-email \
			--pre-hook "$open" --post-hook "$close"
		rig_policy_drop | rig_nft -
	else
		printf 'version = 2.1.0\n[renewalparams]\nauthenticator = standalone\npre_hook = %s\npost_hook = %s\n' "$open" "$close" \
			>"$FRESH/etc/letsencrypt/renewal/$name.conf"
	fi
	printf '#!/bin/sh\niptables -I INPUT -p tcp --dport 80 -j ACCEPT\n' >"$hooks/pre/open"
	printf '#!/bin/sh\nexit 0\n' >"$hooks/pre/other"
	chmod 755 "$hooks/pre/"*
	configuration >"$RIG_DIR/configuration"
	run setup_asked yes --
	[ "$status" -eq 0 ]
	[[ $output == *"pre_hook = $open"* && $output == *'iptables -I INPUT'* && $output == *"post_hook = $close"* ]]
	[[ $output == *'questions: 1' ]]
	[ ! -e "$hooks/pre/open" ]
	[ -x "$hooks/pre/other" ]
	[ -x "$hooks/pre/acmegate" ]
	[ -x "$hooks/post/acmegate" ]
	! grep -r 'nft' "$FRESH/etc/letsencrypt/renewal" || false
	grep -q 'authenticator = standalone' "$FRESH/etc/letsencrypt/renewal/$name.conf"
	if [ "${SETUP:-}" = all ]; then
		cp -a "$FRESH/etc/letsencrypt" "$RIG_DIR/hooked"
		rig_before
		"${certbot[@]}" renew --force-renewal --no-random-sleep-on-renew
		rig_after
		rm -r "$FRESH/etc/letsencrypt"
		mv "$RIG_DIR/hooked" "$FRESH/etc/letsencrypt"
	fi
	run fresh "$RIG_ACMEGATE" setup --undo
	[ "$status" -eq 0 ]
	configuration | diff "$RIG_DIR/configuration" -
}

@test "with systemd the timer and the units of recovery are enabled, those that were stay so; --undo disables what it has enabled" {
	with_systemd
	: >"$FRESH/run/enabled/acmegate-recover.service"
	# The unit would not find it there.
	run fresh "$RIG_ACMEGATE" setup --yes --service none "${pebble[@]}" --ca-file "$RIG_DIR/pki/ca.pem" "$name" </dev/null
	[ "$status" -eq 2 ]
	[[ $output == *'acmegate.service cannot read below /tmp/'* ]]
	run fresh "$RIG_ACMEGATE" setup --yes --service none "${pebble[@]}" "$name" </dev/null
	[ "$status" -eq 0 ]
	[ "$(ls "$FRESH/run/enabled")" = $'acmegate-recover-again.service\nacmegate-recover.service\nacmegate.timer' ]
	run fresh "$RIG_ACMEGATE" setup --undo
	[ "$status" -eq 0 ]
	[ "$(ls "$FRESH/run/enabled")" = acmegate-recover.service ]
}

@test "a step that fails ends setup with the status of its command; the same command goes on" {
	rig_dns "$name" "$RIG_CA4"
	run fresh "$RIG_ACMEGATE" setup --yes --service none "${pebble[@]}" "$name" </dev/null
	[ "$status" -eq 1 ]
	[[ $output == *'setup stops at the certificate'* ]]
	run fresh "$RIG_ACMEGATE" setup --yes --service none "${pebble[@]/\/dir//other}" "$name" </dev/null
	[ "$status" -eq 2 ]
	rig_ca curl -sf --max-time 30 -d "{\"host\":\"$name.\"}" http://127.0.0.1:8055/clear-a
	run fresh "$RIG_ACMEGATE" setup --yes --service none "${pebble[@]}" "$name" </dev/null
	[ "$status" -eq 0 ]
	[ -e "$STATE/certificates/$name/live/cert.pem" ]
}

@test "--webroot: the web server that is there answers, and the unit may write there; and back" {
	[ -d /etc/systemd ] || skip 'there is no /etc/systemd on this machine'
	with_systemd
	mkdir -p "$FRESH/etc/systemd/system" "$FRESH/local/www"
	configuration >"$RIG_DIR/configuration"
	fresh busybox httpd -p '[::]:80' -h /usr/local/www
	rig_before
	run fresh "$RIG_ACMEGATE" setup --yes --service none --webroot /usr/local/www "${pebble[@]}" "$name" </dev/null
	[ "$status" -eq 0 ]
	rig_after
	grep -qx 'webroot = /usr/local/www' "$CONF"
	grep -qx 'ReadWritePaths=/usr/local/www' "$FRESH/etc/systemd/system/acmegate.service.d/setup.conf"
	grep -qx 'daemon-reload' "$FRESH/run/calls"
	run fresh "$RIG_ACMEGATE" setup --undo
	[ "$status" -eq 0 ]
	configuration | diff "$RIG_DIR/configuration" -
	[ "$(tail -n 1 "$FRESH/run/calls")" = daemon-reload ]
}
