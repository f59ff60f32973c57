#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# setup on a Debian host that is fresh but for nginx, postfix, dovecot and certbot: one command, three questions, and all show the certificate; the
# units renew it; and back. "make check-systemd"; needs Debian's archive.
bats_require_minimum_version 1.5.0
load suite

fetch_servers() {
	machine_fetch nginx-light postfix dovecot-imapd certbot openssl curl diffutils || return
	# Without a network its package writes none, and postfix listens nowhere.
	chroot "$RIG_DIR/machine" postconf -e inet_protocols=all inet_interfaces=all
}

setup_file() {
	machine_from_tree || return 0
	fetch_servers || { machine_lacks "the servers cannot be installed: $(tail -n 1 "$RIG_DIR/apt.log")"; return 0; }
	# A host with a hook of certbot that somebody has written.
	mkdir -p "$RIG_DIR/machine/etc/letsencrypt/renewal-hooks/pre"
	printf '#!/bin/sh\nnft insert rule inet filter input tcp dport 80 accept\n' >"$RIG_DIR/machine/etc/letsencrypt/renewal-hooks/pre/open"
	chmod 755 "$RIG_DIR/machine/etc/letsencrypt/renewal-hooks/pre/open"
	cp "$RIG_DIR/pki/ca.pem" "$RIG_DIR/machine/etc/"
	cp "$BATS_TEST_DIRNAME/../lib/terminal.py" "$RIG_DIR/machine/root/"
	rig_policy_drop | rig_nft -
	rig_pebble
	machine_boot
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		printf '%s\n' "${output:-}"
		[ -n "${MACHINE_LACKS:-}" ] || machine journalctl -b -o cat --no-pager -u 'acmegate*' -u 'postfix*' -u dovecot | tail -n 40
	}
}

configuration() { (cd "$machine/etc" && find acmegate letsencrypt nginx postfix dovecot systemd -printf '%p %m %U:%G %l\n' -type f -exec sha256sum {} \; 2>/dev/null | sort); }

# shown WHERE...: the names of the certificate that is shown there
shown() { machine sh -c 'echo QUIT | openssl s_client -connect "$@" 2>/dev/null | openssl x509 -noout -ext subjectAltName 2>/dev/null' sh "$@"; }
nginx_shows() { shown 127.0.0.1:443 | grep -q "DNS:$1"; }
dovecot_shows() { shown 127.0.0.1:993 | grep -q "DNS:$1"; }
postfix_shows() { shown 127.0.0.1:25 -starttls smtp | grep -q "DNS:$1"; }

@test "one command and three questions: nginx, postfix and dovecot show the certificate, the timer runs, certbot has acmegate's hooks; and back" {
	rig_until 60 machine sh -c 'systemctl -q is-active nginx.service && systemctl list-units "postfix*" | grep -q active'
	configuration >"$RIG_DIR/configuration"
	rig_ruleset >"$RIG_DIR/before"
	run machine python3 /root/terminal.py yes '' '' -- acmegate setup --ca "https://$RIG_CA4:14000/dir" --ca-file /etc/ca.pem mail.fresh.test www.fresh.test
	[ "$status" -eq 0 ]
	[[ $output == *'questions: 3' ]]
	[[ $output == *'[nginx,postfix,dovecot]'* ]]
	rig_as_before
	rig_until 60 nginx_shows mail.fresh.test
	rig_until 60 postfix_shows mail.fresh.test
	rig_until 60 dovecot_shows mail.fresh.test
	machine systemctl -q is-active acmegate.timer
	machine systemctl -q is-enabled acmegate-recover.service acmegate-recover-again.service
	[ -x "$machine/etc/letsencrypt/renewal-hooks/pre/acmegate" ]
	[ ! -e "$machine/etc/letsencrypt/renewal-hooks/pre/open" ]
	machine systemctl start acmegate-recover.service
	# The unit renews what setup has configured, and its deploy hooks work there.
	machine rm -r /var/lib/acmegate/certificates/mail.fresh.test /var/lib/acmegate/ledger
	machine systemctl start acmegate.service
	[ -e "$machine/var/lib/acmegate/certificates/mail.fresh.test/live" ] || [ -L "$machine/var/lib/acmegate/certificates/mail.fresh.test/live" ]
	run machine journalctl -b -o cat --no-pager -u acmegate.service
	[[ $output == *'the deploy hook has succeeded'*'nginx'* ]]
	run machine acmegate setup --undo
	[ "$status" -eq 0 ]
	configuration | diff "$RIG_DIR/configuration" -
	! machine systemctl -q is-active acmegate.timer || false
	! nginx_shows mail.fresh.test || false
	! postfix_shows mail.fresh.test || false
	! dovecot_shows mail.fresh.test || false
}
