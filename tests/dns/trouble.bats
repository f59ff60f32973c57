#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# dns-01 where something is in the way: servers that refuse, answers that were changed, aliases and delegations, servers that lag, kills.
bats_require_minimum_version 1.5.0

load suite

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of tamper KILL
	rig_end_of probe
}

# section NAME SERVER KEY-FILE [LINE...]
section() {
	printf '[dns %s]\nserver = %s\nkey_file = %s\n' "$1" "$2" "$3"
	[ $# -lt 4 ] || printf '%s\n' "${@:4}"
}
# certificate NAME SECTION NAMES
certificate() { printf '[certificate %s]\nchallenge = dns-01\ndns = %s\nnames = %s\n' "$@"; }

# key FILE NAME ALGORITHM [SECRET]
key() {
	printf 'key "%s" { algorithm %s; secret "%s"; };\n' "$2" "$3" "${4:-$DNS_SECRET}" >"$RIG_DIR/etc/$1"
	chmod 0600 "$RIG_DIR/etc/$1"
}

fails() {
	dns_pebble
	dns_zone >"$RIG_DIR/zone.before"
	run -1 rig_acmegate renew-now
	dns_zone | diff "$RIG_DIR/zone.before" -
	[ ! -s "$RIG_STATE/dns" ]
}

# says CERTIFICATE WORDS
says() {
	grep -F "certificate $1: " <<<"$output" | grep -qF -- "$2" || {
		rig_say "certificate $1 does not say: $2"
		return 1
	}
}

other_keys() {
	key wrong acmegate hmac-sha256 bm90LXRoZS1zZWNyZXQ=
	key unknown somebody hmac-sha256
	key algorithm acmegate hmac-sha512
	{
		section wrong "$RIG_CA4" "$RIG_DIR/etc/wrong"
		section unknown "$RIG_CA4" "$RIG_DIR/etc/unknown"
		section algorithm "$RIG_CA4" "$RIG_DIR/etc/algorithm"
		section silent "$RIG_HOST4" "$RIG_DIR/etc/key"
		section elsewhere "$RIG_CA4" "$RIG_DIR/etc/key" 'zone = example.net'
		section good "$RIG_CA4" "$RIG_DIR/etc/key"
		certificate wrong wrong a.example.org
		certificate unknown unknown a.example.org
		certificate algorithm algorithm a.example.org
		certificate silent silent a.example.org
		certificate elsewhere elsewhere a.example.org
		certificate foreign good a.example.com
	} | rig_config
}

@test "BIND refuses in different ways, and each has its own words" {
	dns_up bind hmac-sha256
	other_keys
	fails
	says wrong 'BADSIG: it knows the key acmegate, with another secret than that in'
	says unknown 'BADKEY: it has no key somebody with hmac-sha256'
	says algorithm 'BADKEY: it has no key acmegate with hmac-sha512'
	says silent "$RIG_HOST4: TCP port 53: Connection refused"
	says elsewhere '_acme-challenge.a.example.org is _acme-challenge.a.example.org in the zone example.org, and [dns elsewhere] has zone = example.net'
	says foreign 'has no zone of _acme-challenge.a.example.com'
}

@test "Knot refuses in different ways" {
	dns_up knot hmac-sha256
	other_keys
	fails
	says wrong 'BADSIG'
	# Knot 3.2 says BADKEY, Knot 3.4 NOTAUTH without a signature.
	says unknown ': it has no key somebody'
	says algorithm ': it has no key acmegate'
}

@test "PowerDNS refuses in different ways" {
	dns_up pdns hmac-sha256
	other_keys
	fails
	says wrong "$RIG_CA4"
	says unknown "$RIG_CA4"
	says algorithm "$RIG_CA4"
}

tamper_answers() { rig_host dig +tcp +short +time=1 +tries=1 @10.98.0.3 example.org SOA 2>&1 | grep -q "^ns1"; }
@test "sixteen answers that were changed on the way: none is believed, and each is told" {
	local i words=(
		[1]='the signature of its answer is wrong' [2]='the signature of its answer is wrong'
		[4]='it answers without a signature' [5]='the signature of its answer is wrong' [6]='the signature of its answer is wrong'
		[7]='its answer is signed with another key' [8]='its answer is signed with another key' [9]='is no answer to the question'
		[10]='is no answer to the question' [11]='is no answer to the question' [12]='no answer' [13]='REFUSED without a signature'
		[14]='is no answer to the question' [15]='is no answer to the question' [16]='is no answer to the question'
	)
	DNS_NAMES=({t{1..16},a}.example.org)
	dns_up bind hmac-sha256
	ip -n "$RIG_CA" addr add 10.98.0.3/24 dev cable0 || true
	ip netns exec "$RIG_CA" python3 "$BATS_TEST_DIRNAME/tamper.py" 10.98.0.3 "$RIG_CA4" >"$RIG_DIR/dns/tamper" 2>&1 3>&- &
	echo $! >"$RIG_DIR/tamper.pid"
	rig_until 30 tamper_answers
	{
		section own 10.98.0.3 "$RIG_DIR/etc/key"
		for i in {1..16}; do certificate "t$i" own "t$i.example.org"; done
	} | rig_config
	fails
	[ -L "$(rig_live t3)" ] # what RFC 8945 lets a forwarder change
	for i in "${!words[@]}"; do says "t$i" "${words[i]}"; done
}

# zone NAME <records: a file for BIND
zone() {
	{
		printf '$ORIGIN %s.\n$TTL 60\n@ IN SOA ns.%s. admin.%s. 1 3600 600 86400 60\n@ IN NS ns.%s.\nns IN A %s\n' "$1" "$1" "$1" "$1" "$RIG_CA4"
		cat
	} >"$RIG_DIR/dns/$1"
}

# Two views of one BIND: what the server of [dns own] has, at its IPv6 address, and what the world sees. The host's resolver is the world.
views() {
	dns_up bind hmac-sha256
	rig_end_of nameserver KILL
	zone acme.example.net <<-ZONE
		ns IN AAAA $RIG_CA6
		sub IN NS ns.sub
		ns.sub IN A $RIG_CA4
	ZONE
	zone sub.acme.example.net </dev/null
	zone example.org <<-'ZONE'
		_acme-challenge.a IN CNAME org-example-a.acme.example.net.
		_acme-challenge.b IN CNAME c7
		_acme-challenge.c IN CNAME c8
		c8 IN CNAME c7
		c7 IN CNAME c6
		c6 IN CNAME c5
		c5 IN CNAME c4
		c4 IN CNAME c3
		c3 IN CNAME c2
		c2 IN CNAME c1
		c1 IN CNAME org-example-b.acme.example.net.
		_acme-challenge.d IN CNAME circle
		circle IN CNAME round
		round IN CNAME circle
		moved IN DNAME acme.example.net.
		_acme-challenge.e IN CNAME e.moved
		_acme-challenge.f IN CNAME f.sub.acme.example.net.
		_acme-challenge.g IN CNAME nowhere.example.com.
	ZONE
	{
		cat "$RIG_DIR/etc/key"
		cat <<-CONF
			options {
				directory "$RIG_DIR/dns"; pid-file none; session-keyfile none; listen-on port 53 { $RIG_CA4; 127.0.0.1; };
				listen-on-v6 port 53 { $RIG_CA6; }; dnssec-validation no; allow-transfer { any; }; notify no;
			};
			controls { };
			view own {
				recursion no;
				match-destinations { $RIG_CA6; };
				zone "acme.example.net" { type primary; file "acme.example.net"; update-policy { grant acmegate zonesub TXT; }; };
			};
			view world {
				recursion yes; allow-recursion { any; };
				zone "acme.example.net" { in-view own; };
				zone "sub.acme.example.net" { type primary; file "sub.acme.example.net"; update-policy { grant acmegate zonesub TXT; }; };
				zone "example.org" { type primary; file "example.org"; };
			};
		CONF
	} >"$RIG_DIR/dns/named.conf"
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	rig_until 30 dns_sees_world
}
dns_sees_world() { rig_host dig +tcp +short +time=1 +tries=1 "@$RIG_CA4" example.org SOA | grep -q '^ns.example.org'; }

@test "aliases (CNAME, DNAME), eight of them, a delegation; nine aliases, a circle, and names that lead nowhere" {
	local letter
	views
	{
		section own "$RIG_CA6" "$RIG_DIR/etc/key"
		for letter in a b c d e f g h; do certificate "$letter" own "$letter.example.org"; done
	} | rig_config
	dns_pebble
	for zone in acme.example.net sub.acme.example.net; do dns_zone "$RIG_CA4" "$zone"; done >"$RIG_DIR/zone.before"
	run -1 rig_acmegate renew-now
	for zone in acme.example.net sub.acme.example.net; do dns_zone "$RIG_CA4" "$zone"; done | diff "$RIG_DIR/zone.before" -
	for letter in a b e f; do rig_certificate "$letter" "$letter.example.org"; done
	says c 'more than 8 aliases (CNAME): _acme-challenge.c.example.org -> c8.example.org -> c7.example.org'
	says d 'the aliases (CNAME) go in a circle: _acme-challenge.d.example.org -> circle.example.org -> round.example.org -> circle.example.org'
	says g "$RIG_CA6 has no zone of nowhere.example.com"
	says h 'which is in the zone example.org: name a server of that in [dns own], or make _acme-challenge.h.example.org an alias'
}

# A second server of the zone, of which this test decides what it says.
second() {
	dns_up bind hmac-sha256
	rig_end_of nameserver KILL
	ip -n "$RIG_CA" addr add 10.98.0.3/24 dev cable0 2>/dev/null || true
	printf '@ IN NS ns2.example.org.\nns2 IN A 10.98.0.3\n' >>"$RIG_DIR/dns/example.org"
	cp "$RIG_DIR/dns/example.org" "$RIG_DIR/dns/old"
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	rig_until 30 dns_answers
	{
		section own "$RIG_CA4" "$RIG_DIR/etc/key" "propagation = $1"
		certificate one own a.example.org
	} | rig_config
}

# The second server has the zone as it was.
lagging() {
	sed -e "/zone \"example.org\"/,\$d" -e "s/$RIG_CA4; 127.0.0.1;/10.98.0.3;/; s/$RIG_CA6;/none;/" "$RIG_DIR/dns/named.conf" >"$RIG_DIR/dns/old.conf"
	echo 'zone "example.org" { type primary; file "old"; };' >>"$RIG_DIR/dns/old.conf"
	ip netns exec "$RIG_CA" named -g -n 1 -c "$RIG_DIR/dns/old.conf" >"$RIG_DIR/dns/old.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/tamper.pid"
	rig_until 30 tamper_answers
}

@test "a server that lags: told by its name, and the CA is not asked" {
	second 1
	lagging
	dns_pebble
	dns_zone >"$RIG_DIR/zone.before"
	run -75 rig_acmegate renew-now
	says one 'after 1 s ns2.example.org (10.98.0.3) does not give the value yet'
	[[ $output != *'through the DNS took'* ]] || [[ $output == *'validation of 0 names'* ]]
	dns_zone | diff "$RIG_DIR/zone.before" -
}

has_value() { [ "$(dns_values | grep -c _acme-challenge.a)" -ge 2 ]; }

@test "a server that lags is waited for, and the CA asked when it gives the value" {
	second 100
	lagging
	dns_pebble
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 has_value
	[ ! -e "$(rig_live one)" ]
	rig_end_of tamper KILL
	ip netns exec "$RIG_CA" python3 "$BATS_TEST_DIRNAME/tamper.py" 10.98.0.3 "$RIG_CA4" >"$RIG_DIR/dns/tamper" 2>&1 3>&- &
	echo $! >"$RIG_DIR/tamper.pid"
	rig_ends 0
	rig_certificate one a.example.org
}

# Everything of this host that is not the test's.
all_of_it() { ip netns pids "$RIG_HOST"; }
nobody_left() { [ -z "$(all_of_it)" ]; }

# killed WHOM: while the value is in the DNS; PIDs
begin_run() {
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
}

@test "killed while the value is in the DNS: the client, acmegate-dns, the warden, all at once; the next command leaves 0 values" {
	local whom left=0
	second 100 # where nobody answers: the run waits
	dns_pebble
	dns_zone >"$RIG_DIR/zone.before"
	for whom in acmegate-agent acmegate-dns acmegate all; do
		rm -rf "$RIG_STATE"
		begin_run
		rig_until 30 has_value
		[ -s "$RIG_STATE/dns" ]
		# shellcheck disable=SC2046
		if [ "$whom" = all ]; then
			rig_kill_at_once $(all_of_it)
		else
			kill -s KILL $(all_of_it | grep -xFf <(pgrep -x "$whom")) || true
		fi
		wait "$pid" || true
		rig_until 60 nobody_left
		! has_value || left=$((left + 1))
		run -0 rig_acmegate recover
		dns_zone | diff "$RIG_DIR/zone.before" -
		[ ! -s "$RIG_STATE/dns" ]
	done
	printf '# %s of 4 kills left a value, which recover removed\n' "$left" >&3
	[ "$left" -eq 3 ] # the client alone: acmegate-dns removes it itself
}

@test "killed at any moment: 0 values after the next command (KILLS: how many)" {
	local i left=0 most=${KILLS:-4}
	dns_up bind hmac-sha256
	{
		section own "$RIG_CA4" "$RIG_DIR/etc/key"
		certificate one own 'a.example.org b.example.org'
	} | rig_config
	dns_pebble
	dns_zone >"$RIG_DIR/zone.before"
	for ((i = 0; i < most; i++)); do
		begin_run
		sleep "$(awk -v i="$i" -v most="$most" 'BEGIN { print 0.05 + 0.4 * i / most }')"
		# shellcheck disable=SC2046
		rig_kill_at_once $(all_of_it) 2>/dev/null || true
		wait "$pid" || true
		rig_until 60 nobody_left
		[ ! -s "$RIG_STATE/dns" ] || left=$((left + 1))
		rig_acmegate recover
		dns_zone | diff "$RIG_DIR/zone.before" -
		[ ! -s "$RIG_STATE/dns" ]
	done
	printf '# %s kills, %s of them left notes\n' "$most" "$left" >&3
}
