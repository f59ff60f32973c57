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

# The server's clock is ten minutes ahead: BIND and Knot say so, PowerDNS does not.
skewed() { # SERVER WORDS
	DNS_CLOCK=600 dns_up "$1" hmac-sha256
	{
		section own "$RIG_CA4" "$RIG_DIR/etc/key"
		certificate one own a.example.org
	} | rig_config
	fails
	[[ $output =~ $2 ]]
}
@test "a clock that differs is named: BIND, Knot, PowerDNS" {
	skewed bind 'BADTIME: the clock of this host is (59[0-9]|60[0-9]) s behind that of the server'
	skewed knot 'BADTIME: the clock of this host is (59[0-9]|60[0-9]) s behind that of the server'
	skewed pdns "or the clocks differ by more than five minutes \\(PowerDNS\\): it is $(date -u +%F)T[0-9:]{8}Z here"
}

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
	tamper
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
		far IN NS ns.example.org.
		loop IN NS ns.loop
		ns.loop IN A $RIG_CA4
		lost IN NS nobody.example.org.
		inner IN CNAME i.sub
		there IN DNAME sub
	ZONE
	zone sub.acme.example.net </dev/null
	zone far.acme.example.net </dev/null
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
		_acme-challenge.i IN CNAME inner.acme.example.net.
		_acme-challenge.j IN CNAME j.far.acme.example.net.
		_acme-challenge.k IN CNAME k.loop.acme.example.net.
		_acme-challenge.l IN CNAME l.lost.acme.example.net.
		_acme-challenge.m IN CNAME m.there.acme.example.net.
		to IN DNAME fro
		fro IN DNAME to
		_acme-challenge.n IN CNAME n.to
		_acme-challenge.o IN CNAME deep.er.and.deep.er.acme.example.net.
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
				zone "far.acme.example.net" { type primary; file "far.acme.example.net"; update-policy { grant acmegate zonesub TXT; }; };
				zone "example.org" { type primary; file "example.org"; };
			};
		CONF
	} >"$RIG_DIR/dns/named.conf"
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	rig_until 30 dns_sees_world
}
dns_sees_world() { rig_host dig +tcp +short +time=1 +tries=1 "@$RIG_CA4" example.org SOA | grep -q '^ns.example.org'; }

@test "fifteen ways from a name to its zone: aliases (CNAME, DNAME), delegations, both; nine aliases, circles, and ways that lead nowhere" {
	local letter zone zones=(acme.example.net {sub,far}.acme.example.net)
	views
	{
		section own "$RIG_CA6" "$RIG_DIR/etc/key"
		for letter in {a..o}; do certificate "$letter" own "$letter.example.org"; done
	} | rig_config
	dns_pebble
	for zone in "${zones[@]}"; do dns_zone "$RIG_CA4" "$zone"; done >"$RIG_DIR/zone.before"
	run -1 rig_acmegate renew-now
	for zone in "${zones[@]}"; do dns_zone "$RIG_CA4" "$zone"; done | diff "$RIG_DIR/zone.before" -
	for letter in a b e f i j m o; do rig_certificate "$letter" "$letter.example.org"; done
	says c 'more than 8 aliases (CNAME): _acme-challenge.c.example.org -> c8.example.org -> c7.example.org'
	says d 'the aliases (CNAME) go in a circle: _acme-challenge.d.example.org -> circle.example.org -> round.example.org -> circle.example.org'
	says g "$RIG_CA6 has no zone of nowhere.example.com"
	says h 'which is in the zone example.org: name a server of that in [dns own], or make _acme-challenge.h.example.org an alias'
	says k 'the servers of k.loop.acme.example.net send from one to another without end'
	says l 'a part of the zone of l.lost.acme.example.net is delegated, to servers without an address'
	says n 'the aliases (CNAME) go in a circle: _acme-challenge.n.example.org -> n.to.example.org -> n.fro.example.org -> n.to.example.org'
}

# A second server of the zone, of which this test decides what it says.
second() {
	dns_up bind hmac-sha256
	rig_end_of nameserver KILL
	ip -n "$RIG_CA" addr add 10.98.0.3/24 dev cable0 2>/dev/null || true
	# This host has no way to the IPv6 address, and another one may.
	printf '@ IN NS ns2.example.org.\nns2 IN A 10.98.0.3\nns2 IN AAAA 2001:db8::53\n' >>"$RIG_DIR/dns/example.org"
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

# A cache before the second server may remember what it did not have.
@test "a server that says NXDOMAIN gets the negative TTL of the zone beside propagation, and no more than that once again" {
	second 1
	certificate two own b.example.org >>"$RIG_CONF"
	lagging
	dns_pebble
	run -75 rig_acmegate renew-now
	says one 'after 1 s ns2.example.org (10.98.0.3) does not give the value yet' # has another value: nothing negative
	says two 'after 2 s ns2.example.org (10.98.0.3) does not give the value yet: is the zone transferred there? Or does a cache before the server remember that there was nothing, for 60 s'
}

# nsd [LINES]: the second server is NSD, which takes the zone from the first one when it is told to.
nsd() {
	command -v nsd >/dev/null || skip 'nsd is not installed'
	cat >"$RIG_DIR/dns/nsd.conf" <<-CONF
		server:
		    ip-address: 10.98.0.3
		    username: ""
		    chroot: ""
		    zonesdir: "$RIG_DIR/dns"
		    database: ""
		    zonelistfile: "$RIG_DIR/dns/nsd.list"
		    xfrdfile: ""
		    xfrdir: "$RIG_DIR/dns"
		    pidfile: ""
		    server-count: 1
		remote-control:
		    control-enable: yes
		    control-interface: "$RIG_DIR/dns/nsd.socket"
		zone:
		    name: example.org
		    ${1:-request-xfr: AXFR $RIG_CA4 NOKEY}
		    ${2:-}
	CONF
	ip netns exec "$RIG_CA" nsd -d -c "$RIG_DIR/dns/nsd.conf" >"$RIG_DIR/dns/nsd.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/tamper.pid"
	rig_until 30 "${3:-tamper_answers}"
}
# By this address only the CA's resolver asks.
ca_has_asked() { grep -q '127.0.0.1#.* query: _acme-challenge.a.example.org IN TXT' "$RIG_DIR/dns/log"; }
second_has_value() { [ "$(rig_host dig +tcp +short +time=1 +tries=1 @10.98.0.3 _acme-challenge.a.example.org TXT | wc -l)" -ge 2 ]; }

@test "a secondary (NSD) that lags: the CA is not asked before it gives the value, and at most 3 s later (LAG: for how many seconds)" {
	rig_probe_options=(-b)
	local at asked peak
	DNS_OPTIONS='querylog yes;' second 100
	nsd
	dns_pebble
	rig_before
	begin_run
	rig_until 30 has_value
	sleep "${LAG:-2}"
	run ! second_has_value
	run ! ca_has_asked
	peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$(victims dns)/status")
	printf '# acmegate-dns has had %s KiB of memory\n' "$peak" >&3
	[ "$peak" -le $((14 * 1024)) ]
	rig_ca nsd-control -c "$RIG_DIR/dns/nsd.conf" transfer example.org
	rig_until 30 second_has_value
	at=$EPOCHREALTIME
	rig_until 60 ca_has_asked
	asked=$EPOCHREALTIME
	rig_ends 0
	rig_after
	rig_certificate one a.example.org
	rig_at_most "$(awk -v from="$at" -v to="$asked" 'BEGIN { print to - from }')" 3
}

expired() { rig_host dig +tcp +time=1 +tries=1 @10.98.0.3 example.org SOA | grep -q 'status: SERVFAIL'; }
@test "a secondary whose zone has expired is named, and does not keep the certificate from being renewed" {
	second 1
	sed -i 's/ 3600 600 86400 60$/ 1 1 2 60/' "$RIG_DIR/dns/old"
	nsd 'request-xfr: AXFR 10.98.0.9 NOKEY' 'zonefile: old' expired
	dns_pebble
	run -0 rig_acmegate renew-now
	[[ $output == *'ns2.example.org (10.98.0.3): SERVFAIL for _acme-challenge.a.example.org: has the zone expired there'* ]]
	[[ $output != *2001:db8* ]]
	rig_certificate one a.example.org
}

@test "a second server whose answers are refusals, cut, shorter than promised, of 64 KB, or too many records: each is named" {
	local i
	DNS_NAMES=({t17,t18,t19,t20,t21,a}.example.org)
	second 1
	tamper
	{
		section own "$RIG_CA4" "$RIG_DIR/etc/key" 'propagation = 1'
		for i in {17..21}; do certificate "t$i" own "t$i.example.org"; done
	} | rig_config
	dns_pebble
	run -0 rig_acmegate renew-now
	for i in {17..21}; do rig_certificate "t$i" "t$i.example.org"; done
	[[ $output == *'ns2.example.org (10.98.0.3): SERVFAIL for _acme-challenge.t17.example.org'* ]]
	[[ $output == *'_acme-challenge.t18.example.org:'*'ns2.example.org (10.98.0.3): it cuts its answer off, over TCP too'* ]]
	[[ $output == *'_acme-challenge.t19.example.org:'*'ns2.example.org (10.98.0.3): an answer that ends early'* ]]
	[[ $output != *'_acme-challenge.t20.example.org:'* ]]
	[[ $output == *'_acme-challenge.t21.example.org:'*'ns2.example.org (10.98.0.3): an answer of more than 1024 records'* ]]
}

@test "a primary that cannot tell, and one that is dead: named" {
	dns_up bind hmac-sha256
	rig_end_of nameserver KILL
	echo 'zone "example.net" { type primary; file "nothing"; };' >>"$RIG_DIR/dns/named.conf"
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	rig_until 30 dns_answers
	{
		section own "$RIG_CA4" "$RIG_DIR/etc/key"
		section dead "$RIG_HOST6" "$RIG_DIR/etc/key"
		certificate unloaded own a.example.net
		certificate dead dead a.example.org
	} | rig_config
	dns_pebble
	run -75 rig_acmegate renew-now
	says unloaded "$RIG_CA4: SERVFAIL for _acme-challenge.a.example.net: has the zone expired there, or was it not loaded?"
	says dead "$RIG_HOST6: TCP port 53: Connection refused"
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

# victims WHOM: their process ids; all of acmegate, acmegate itself, or a role of its children
victims() {
	local child
	case $1 in
	all) all_of_it ;;
	acmegate) echo "$pid" ;;
	*)
		for child in $(all_of_it); do
			[[ " $(tr '\0' ' ' 2>/dev/null <"/proc/$child/cmdline")" != *" $1 "* ]] || echo "$child"
		done
		;;
	esac
}

@test "killed at any moment, all, acmegate, the client, acmegate-dns: 0 values after the next run (KILLS: how many)" {
	local turn begin took whom left=0 killed=0 most=${KILLS:-4}
	RANDOM=2136
	dns_up bind hmac-sha256
	{
		section own "$RIG_CA4" "$RIG_DIR/etc/key"
		certificate one own 'a.example.org b.example.org'
	} | rig_config
	dns_pebble
	dns_zone >"$RIG_DIR/zone.before"
	begin=${EPOCHREALTIME/./}
	rig_acmegate renew-now
	took=$((${EPOCHREALTIME/./} - begin))
	for ((turn = 0; killed < most && turn < 10 * most; turn++)); do
		whom=(all acmegate client dns)
		begin_run
		sleep "$(awk -v us=$((RANDOM * took / 32768)) 'BEGIN { print us / 1e6 }')"
		# A process that is not there, yet or any more, is no kill.
		# shellcheck disable=SC2046
		if rig_kill_at_once $(victims "${whom[turn % 4]}") 2>/dev/null; then killed=$((killed + 1)); fi
		wait "$pid" || true
		rig_until 60 nobody_left
		[ ! -s "$RIG_STATE/dns" ] || left=$((left + 1))
		if [ $((turn / 4 % 2)) = 0 ]; then rig_acmegate recover; else rig_acmegate renew-now; fi
		dns_zone | diff "$RIG_DIR/zone.before" -
		[ ! -s "$RIG_STATE/dns" ]
	done
	printf '# %s kills in %s runs: %s left notes, 0 left a value after the next run\n' "$killed" "$turn" "$left" >&3
	[ "$killed" -eq "$most" ]
}

# The section of a value that a killed run has left is no more.
@test "a value whose section is gone: each run says what to do, until it was done" {
	second 100 # where nobody answers: the run waits
	dns_pebble
	dns_zone >"$RIG_DIR/zone.before"
	begin_run
	rig_until 30 has_value
	# shellcheck disable=SC2046
	rig_kill_at_once $(all_of_it)
	wait "$pid" || true
	rig_until 60 nobody_left
	sed -i 's/^\[dns own\]/[dns other]/; s/^dns = own/dns = other/' "$RIG_CONF"
	run -1 rig_acmegate recover
	[[ $output == *'the configuration has no [dns own] any more. Have the section back for one run, or remove the record at 10.98.0.1 by hand'* ]]
	has_value
	value=$(dns_values | sed -nE 's/^_acme-challenge.a.*"([^" ]{43})"$/\1/p')
	printf 'server %s\nzone example.org\nupdate delete _acme-challenge.a.example.org TXT "%s"\nsend\n' "$RIG_CA4" "$value" |
		rig_host nsupdate -k "$RIG_DIR/etc/key"
	run -0 rig_acmegate recover
	[ ! -s "$RIG_STATE/dns" ]
	dns_zone | diff "$RIG_DIR/zone.before" -
	run -0 rig_acmegate recover
	[[ $output != *'no [dns own]'* ]]
}
