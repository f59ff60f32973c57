#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# dns-01 by RFC 2136 with the servers of Debian and Pebble, which asks them: no window, no port, and the zone afterwards as it was.
bats_require_minimum_version 1.5.0

load suite

# dns_config NAMES... <further lines of [dns own]
dns_config() {
	local names=$1
	{
		printf '[dns own]\ntype = rfc2136\nserver = %s\nkey_file = %s\n%s\n' "${DNS_SERVER:-$RIG_CA4}" "$RIG_DIR/etc/key" "${DNS_KEYS:-}"
		printf '[certificate one]\nchallenge = %s\ndns = own\nnames = %s\n' "${CHALLENGE:-dns-01}" "${names//,/$'\n  '}"
		cat
	} | rig_config
}

# succeeds: no window, the ruleset and the zone as before
succeeds() {
	dns_pebble
	dns_zone >"$RIG_DIR/zone.before"
	rig_before
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	rig_after
	rig_never_open
	dns_zone | diff "$RIG_DIR/zone.before" -
	[ ! -s "$RIG_STATE/dns" ]
}

# each COMMAND: is called for each algorithm over IPv4 and IPv6, with the name of section and certificate, the key file and the address
each() {
	local algorithm key
	for algorithm in hmac-sha256 hmac-sha384 hmac-sha512; do
		key=$RIG_DIR/etc/key-$algorithm
		[ -e "$key" ] || key=$RIG_DIR/etc/key
		"$1" "$algorithm.4" "$key" "$RIG_CA4"
		"$1" "$algorithm.6" "$key" "$RIG_CA6"
	done
}
section() {
	printf '[dns %s]\ntype = rfc2136\nserver = %s\nkey_file = %s\n' "$1" "$3" "$2"
	printf '[certificate %s]\nchallenge = dns-01\ndns = %s\nnames = %s.example.org\n' "$1" "$1" "$1"
}
was_obtained() {
	rig_certificate "$1" "$1.example.org"
	[[ $output == *"$1.example.org is valid (through the DNS)"* ]]
}

# six SERVER: of the 18 combinations those of this one, in one run
six() {
	DNS_NAMES=({hmac-sha256,hmac-sha384,hmac-sha512}.{4,6}.example.org)
	dns_up "$1" hmac-sha256 hmac-sha384 hmac-sha512
	each section | rig_config
	succeeds
	each was_obtained
}

@test "BIND: hmac-sha256, 384 and 512, each over IPv4 and IPv6" { six bind; }
@test "Knot: hmac-sha256, 384 and 512, each over IPv4 and IPv6" { six knot; }
@test "PowerDNS: hmac-sha256, 384 and 512, each over IPv4 and IPv6" { six pdns; }

@test "libknot, and GnuTLS, lmdb and libbpf with it, are in acmegate-dns alone" {
	local program
	run -0 ldd "$RIG_BUILD/acmegate-dns"
	[[ $output == *libknot* ]]
	for program in acmegate acmegate-{gate,surveyor,iptables,firewalld,view}; do
		[ -x "$RIG_BUILD/$program" ] || continue
		run -0 ldd "$RIG_BUILD/$program"
		[[ ! $output =~ knot|gnutls|lmdb|bpf|xdp ]]
	done
	run -0 ldd "$RIG_BUILD/acmegate-agent" # where Debian's libcurl brings GnuTLS, for RTMP
	[[ $output != *knot* ]]
}

@test "apex, wildcard and a host in one certificate" {
	dns_up bind hmac-sha256
	dns_config 'example.org,*.example.org,www.example.org' </dev/null
	succeeds
	rig_certificate one example.org www.example.org any.example.org
}

@test "two hosts with one name at the same time: each has its certificate, and neither takes the other's value away" {
	local other=$RIG_DIR/other
	dns_up knot hmac-sha256
	dns_pebble
	dns_config a.example.org </dev/null
	dns_zone >"$RIG_DIR/zone.before"
	rm -rf "$other"
	sed "s,^state = .*,state = $other," "$RIG_CONF" >"$RIG_DIR/etc/other.conf"
	# A network namespace has one gate at a time: the other host is the CA's.
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_CA" "$RIG_ACMEGATE" -c "$RIG_DIR/etc/other.conf" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	run -0 rig_acmegate renew-now
	rig_ends 0
	dns_zone | diff "$RIG_DIR/zone.before" -
	rig_certificate one a.example.org
	[ -L "$other/certificates/one/live" ]
}

@test "mixed: http-01 and dns-01 in one run, one window for those that need it" {
	dns_up bind hmac-sha256
	dns_pebble
	{
		printf '[dns own]\nserver = %s\nkey_file = %s\n' "$RIG_CA4" "$RIG_DIR/etc/key"
		printf '[certificate one]\nchallenge = dns-01\nnames = *.example.org\n[certificate two]\nnames = a.example.org\n'
		printf '[certificate three]\nchallenge = dns-01, http-01\nnames = b.example.org %s\n' "$RIG_HOST4"
	} | rig_config
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	rig_was_open 4 1
	rig_certificate one any.example.org
	rig_certificate two a.example.org
	[[ $output == *"b.example.org is valid (through the DNS)"* ]]
	[[ $output =~ $RIG_HOST4\ is\ valid\ \([0-9]+\ request ]]
}

@test "dns setup prints what each server has to allow, and no more" {
	dns_up bind hmac-sha256
	DNS_KEYS='zone = acme.example.net' dns_config 'a.example.org,*.a.example.org,my-host.example.org,x.acme.example.net' </dev/null
	run -0 --separate-stderr rig_acmegate dns setup
	[[ $output == *$'_acme-challenge.a.example.org. IN CNAME org-example-a.acme.example.net.\n_acme-challenge.my-host.example.org. IN CNAME org-example-my--host.acme.example.net.\n\n'* ]]
	[[ $output != *'_acme-challenge.x.acme.example.net. IN CNAME'* ]]
	[ "$(grep -c 'grant acmegate name .* TXT;' <<<"$output")" -eq 3 ]
	[[ $output == *'grant acmegate name _acme-challenge.x.acme.example.net. TXT;'* ]]
	[[ $output == *'update-owner-name: [ org-example-a.acme.example.net., org-example-my--host.acme.example.net., _acme-challenge.x.acme.example.net. ]'* ]]
	[[ $output != *"$DNS_SECRET"* ]]
}

# A policy as printed, in the place of the rig's own: names that it has get through, others do not.
pasted() {
	DNS_NAMES=(a.example.org)
	dns_up "$1" hmac-sha256
	dns_config a.example.org </dev/null
	rig_acmegate dns setup >"$RIG_DIR/setup"
	rig_end_of nameserver KILL
}

@test "what it prints works: BIND" {
	pasted bind
	awk '/^update-policy/,/^}/' "$RIG_DIR/setup" >"$RIG_DIR/policy"
	sed -i "/update-policy {/,\$d" "$RIG_DIR/dns/named.conf"
	{
		echo 'zone "example.org" { type primary; file "example.org";'
		cat "$RIG_DIR/policy"
		echo '};'
	} >>"$RIG_DIR/dns/named.conf"
	sed -i '/^zone "example.org" { type primary; file "example.org"; *$/{x;s/^/x/;/^xx/!{x;b};x}' "$RIG_DIR/dns/named.conf"
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	rig_until 30 dns_answers
	succeeds
	dns_config b.example.org </dev/null
	run -1 rig_acmegate renew-now
	[[ $output == *'REFUSED: it knows the key acmegate and does not let it change TXT of _acme-challenge.b.example.org'* ]]
}

@test "what it prints works: Knot" {
	pasted knot
	awk '/^acl:/,/^$/' "$RIG_DIR/setup" >"$RIG_DIR/policy"
	sed -i -e "/^acl:/,/update-owner-name/{/^acl:/!d}" "$RIG_DIR/dns/knot.conf"
	sed -i -e "/^acl:/{r $RIG_DIR/policy
		d}" -e 's/acl: \[ acmegate,/acl: [ acmegate-own,/' "$RIG_DIR/dns/knot.conf"
	sed -i -e '/^$/d' "$RIG_DIR/dns/knot.conf"
	dns_start knotd -c "$RIG_DIR/dns/knot.conf"
	rig_until 30 dns_answers
	succeeds
	dns_config b.example.org </dev/null
	run -1 rig_acmegate renew-now
	[[ $output == *': it has no key acmegate'*'its acl does not let the key change TXT of _acme-challenge.b.example.org'* ]]
}

@test "what it prints works: PowerDNS" {
	pasted pdns
	sed -n '/^local names/,/^end/p' "$RIG_DIR/setup" >"$RIG_DIR/dns/policy.lua"
	echo "lua-dnsupdate-policy-script=$RIG_DIR/dns/policy.lua" >>"$RIG_DIR/dns/pdns.conf"
	dns_start pdns_server --config-dir="$RIG_DIR/dns"
	rig_until 30 dns_answers
	succeeds
	DNS_KEYS='propagation = 1' dns_config b.example.org </dev/null
	run -1 rig_acmegate renew-now
	[[ $output == *'says that it has added the value, and does not have it'* ]]
}

@test "check asks for no address of names that are validated through the DNS" {
	dns_up bind hmac-sha256
	dns_pebble
	dns_config '*.example.org,no-address.example.org' </dev/null
	run rig_acmegate check
	[[ $output != *'has no address in the DNS'* ]]
	[[ $output == *'example.org'* ]]
	CHALLENGE='http-01' dns_config 'no-address.example.org' </dev/null
	sed -i '/^dns = own/d' "$RIG_CONF"
	run rig_acmegate check
	[[ $output == *'has no address in the DNS'* ]]
}
