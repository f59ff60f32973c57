#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# acmegate check for names that are validated through the DNS: where the aliases lead, whether the key may write there, what the servers say.
bats_require_minimum_version 1.5.0

load suite

# The rows of "check" that are about the DNS, as "STATE CHECK SUBJECT: TEXT".
rows() {
	rig_acmegate check --json >"$RIG_DIR/rows" 2>"$RIG_DIR/said" || true
	jq -r '.rows[] | select(.check == "dns") | "\(.state) \(.check) \(.subject): \(.text) [\(.remedy)]"' "$RIG_DIR/rows"
}
# has WORDS: a row that begins so, or has them behind it
has() {
	grep -qE -- "$1" <<<"$rows" || {
		rig_say "no row is: $1"
		printf '%s\n' "$rows" >&2
		return 1
	}
}
serial() { rig_ca dig +tcp +short "@$RIG_CA4" example.org SOA | cut -d ' ' -f 3; }

check_config() { # NAMES
	{
		printf '[dns own]\nserver = %s\nkey_file = %s\n' "$RIG_CA4" "$RIG_DIR/etc/key"
		printf '[certificate one]\nchallenge = dns-01\nnames = %s\n' "${1//,/$'\n  '}"
	} | rig_config
}
again() {
	rig_end_of nameserver KILL
	dns_start "$@"
	rig_until 30 dns_answers
}
bind_again() { again named -g -n 1 -c "$RIG_DIR/dns/named.conf"; }

@test "BIND: what the key may change and what not, aliases, a circle, an alias that leads nowhere; the zone is as before" {
	local before
	dns_up bind hmac-sha256
	cat >>"$RIG_DIR/dns/example.org" <<-'ZONE'
		_acme-challenge.alias IN CNAME _acme-challenge.b
		_acme-challenge.round IN CNAME around
		around IN CNAME _acme-challenge.round
		_acme-challenge.lost IN CNAME nowhere.example.com.
	ZONE
	bind_again
	check_config 'a.example.org,*.a.example.org,refused.example.org,alias.example.org,round.example.org,lost.example.org,x.example.net'
	before=$(dns_zone && serial)
	rows=$(rows)
	[ "$(dns_zone && serial)" = "$before" ]
	has '^ok dns _acme-challenge\.a\.example\.org: is in the zone example\.org, and the key acmegate may change it at 10\.98\.0\.1 \[null\]'
	[ "$(grep -c 'dns _acme-challenge\.a\.example\.org' <<<"$rows")" = 1 ]
	has '^ok dns _acme-challenge\.alias\.example\.org: is an alias of _acme-challenge\.b\.example\.org, in the zone example\.org, and the key acmegate may'
	has '^wrong dns _acme-challenge\.refused\.example\.org: is in the zone example\.org, where \[dns own\] may not change it: .*REFUSED: it knows the key.*\[give the key that right: acmegate dns setup'
	has '^wrong dns _acme-challenge\.round\.example\.org: .*go in a circle: _acme-challenge\.round\.example\.org -> around\.example\.org -> _acme-challenge'
	has '^wrong dns _acme-challenge\.lost\.example\.org: .*has no zone of nowhere\.example\.com'
	has '^wrong dns _acme-challenge\.x\.example\.net: .*has no zone of _acme-challenge\.x\.example\.net.*\[acmegate dns setup prints the aliases'
}

@test "Knot and PowerDNS: the key may, or may not" {
	dns_up knot hmac-sha256
	check_config 'a.example.org,refused.example.org'
	rows=$(rows)
	has '^ok dns _acme-challenge\.a\.example\.org: .*the key acmegate may change it'
	has '^wrong dns _acme-challenge\.refused\.example\.org: .*may not change it: .*its acl'
	dns_up pdns hmac-sha256
	rows=$(rows)
	has '^ok dns _acme-challenge\.a\.example\.org: .*the key acmegate may change it'
	pdnsutil --config-dir="$RIG_DIR/dns" set-meta example.org TSIG-ALLOW-DNSUPDATE somebody >/dev/null
	rows=$(rows)
	has '^wrong dns _acme-challenge\.a\.example\.org: .*may not change it: .*REFUSED'
}

other_answers() { rig_host dig +tcp +short +time=1 +tries=1 @10.98.0.3 example.org SOA 2>&1 | grep -q '^ns1'; }
@test "servers of the zone: one that is older, one that is silent, and then the first one too" {
	ip -n "$RIG_CA" addr add 10.98.0.3/24 dev cable0 2>/dev/null || true
	dns_up bind hmac-sha256
	printf '@ IN NS ns2.example.org.\nns2 IN A 10.98.0.3\n' >>"$RIG_DIR/dns/example.org"
	sed 's/ 1 3600 / 0 3600 /' "$RIG_DIR/dns/example.org" >"$RIG_DIR/dns/old"
	sed -e '/zone "example.org"/,$d' -e "s/$RIG_CA4; 127.0.0.1;/10.98.0.3;/; s/$RIG_CA6;/none;/" "$RIG_DIR/dns/named.conf" >"$RIG_DIR/dns/old.conf"
	echo 'zone "example.org" { type primary; file "old"; };' >>"$RIG_DIR/dns/old.conf"
	bind_again
	ip netns exec "$RIG_CA" named -g -n 1 -c "$RIG_DIR/dns/old.conf" >"$RIG_DIR/dns/old.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/second.pid"
	rig_until 30 other_answers
	check_config 'a.example.org,b.example.org'
	rows=$(rows)
	has '^warning dns example\.org: is older at ns2\.example\.org \(10\.98\.0\.3\) than at the other servers'
	[ "$(grep -c 'is older at' <<<"$rows")" = 1 ]
	rig_end_of second KILL
	rows=$(rows)
	has '^warning dns example\.org: gets no answer from ns2\.example\.org \(10\.98\.0\.3\)'
	has '^ok dns _acme-challenge\.b\.example\.org: '
	rig_end_of nameserver KILL
	rows=$(rows)
	has '^wrong dns _acme-challenge\.a\.example\.org: \[dns own\]: 10\.98\.0\.1: TCP port 53: Connection refused'
}

@test "check goes on beside a renewal that has values in the DNS" {
	dns_up bind hmac-sha256
	check_config 'a.example.org'
	mkdir -p "$RIG_STATE"
	exec 9>"$RIG_STATE/dns" && flock -x 9
	rows=$(rows)
	exec 9>&-
	has '^ok dns _acme-challenge\.a\.example\.org: '
}
