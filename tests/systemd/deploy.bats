#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The deploy hooks that come with acmegate, under the restrictions of the unit, with the servers that they are for: after a
# renewal each of them shows the new certificate. "make check-systemd"; needs Debian's archive.
bats_require_minimum_version 1.5.0
load suite

servers=(nginx haproxy mosquitto dovecot postfix)
deploy=/usr/share/acmegate/deploy live=/var/lib/acmegate/certificates

fetch_servers() { machine_fetch nginx-light haproxy mosquitto dovecot-imapd postfix openssl procps; }

# Each in the way that the README says.
configure_servers() {
	RIG_STATE=/var/lib/acmegate rig_config <<-INI
		[certificate mail]
		names = mail.test
		deploy = $deploy/reload postfix dovecot
		[certificate web]
		names = web.test
		deploy = $deploy/reload nginx
		[certificate mqtt]
		names = mqtt.test
		group = mosquitto
		mode = 0640
		deploy = $deploy/reload mosquitto
		[certificate proxy]
		names = proxy.test
		deploy = $deploy/reload haproxy
	INI
	mkdir "$RIG_DIR/machine/etc/acmegate"
	cp "$RIG_DIR/pki/ca.pem" "$RIG_DIR/machine/etc/acmegate/"
	sed "s,$RIG_DIR/pki,/etc/acmegate,; s/^user = .*/user = _acmegate/" "$RIG_CONF" >"$RIG_DIR/machine/etc/acmegate/acmegate.conf"
	rm -f "$RIG_DIR/machine"/etc/nginx/sites-enabled/*
	printf 'server { listen 8443 ssl; ssl_certificate %s; ssl_certificate_key %s; }\n' "$live/web/live/fullchain.pem" \
		"$live/web/live/privkey.pem" >"$RIG_DIR/machine/etc/nginx/conf.d/rig.conf"
	printf 'frontend rig\n\tbind :8444 ssl crt %s\n' "$live/proxy/live/combined.pem" >>"$RIG_DIR/machine/etc/haproxy/haproxy.cfg"
	printf 'listener 8883\ncertfile %s\nkeyfile %s\nallow_anonymous true\n' "$live/mqtt/live/fullchain.pem" \
		"$live/mqtt/live/privkey.pem" >"$RIG_DIR/machine/etc/mosquitto/conf.d/rig.conf"
	local ssl='ssl = yes\nssl_cert = <%s\nssl_key = <%s\n'
	[[ $(chroot "$RIG_DIR/machine" dovecot --version) == 2.[0-3].* ]] || ssl='ssl = yes\nssl_server_cert_file = %s\nssl_server_key_file = %s\n'
	# shellcheck disable=SC2059 # the two ways to write it
	printf "$ssl" "$live/mail/live/fullchain.pem" "$live/mail/live/privkey.pem" >"$RIG_DIR/machine/etc/dovecot/conf.d/10-ssl.conf"
	chroot "$RIG_DIR/machine" postconf -e "smtpd_tls_chain_files=$live/mail/live/keyfirst.pem" smtpd_tls_security_level=may inet_protocols=all
}

setup_file() {
	machine_from_tree || return 0
	fetch_servers || { machine_lacks "the servers cannot be installed: $(tail -n 1 "$RIG_DIR/apt.log")"; return 0; }
	configure_servers
	# Until there is a certificate. postfix starts without one.
	machine_without_boot systemctl -q disable nginx haproxy mosquitto dovecot
	rig_policy_drop | rig_nft -
	rig_pebble
	machine_boot
}

# shown WHERE...: the serial number of the certificate that is shown there
shown() { machine sh -c 'echo QUIT | openssl s_client -connect "$@" 2>/dev/null | openssl x509 -noout -serial' sh "$@"; }
shown_by_all() {
	shown 127.0.0.1:8443
	shown 127.0.0.1:8444
	shown 127.0.0.1:8883
	shown 127.0.0.1:993
	shown 127.0.0.1:25 -starttls smtp
}
all_show() { [ "$(shown_by_all 2>/dev/null | grep -c '^serial')" = 5 ]; }
# Five servers that show another certificate than before.
all_show_others() { [ "$(diff "$RIG_DIR/serials" <(shown_by_all 2>/dev/null) | grep -c '^> serial')" = 5 ]; }

@test "after a renewal nginx, haproxy, mosquitto, dovecot and postfix show the new certificate" {
	machine_can
	# Most of them do not run yet: a hook has nothing to reload, and nothing is wrong with that.
	machine systemctl start acmegate.service
	machine systemctl restart "${servers[@]}"
	rig_until 30 all_show || {
		shown_by_all || true
		machine systemctl --no-pager --no-legend list-units --all "${servers[@]/%/.service}"
		machine journalctl -b -o cat --no-pager -u 'acmegate*' -u 'postfix*' | tail -n 40
		false
	}
	shown_by_all >"$RIG_DIR/serials"
	machine sh -c 'mkdir -p /run/systemd/system/acmegate.service.d && printf "[Service]\nExecStart=\nExecStart=/usr/sbin/acmegate renew-now\n" \
		>/run/systemd/system/acmegate.service.d/rig.conf && systemctl daemon-reload'
	machine systemctl start acmegate.service || {
		machine journalctl -b -o cat --no-pager -u acmegate.service -u haproxy -u mosquitto | tail -n 40
		false
	}
	rig_until 30 all_show_others
}
