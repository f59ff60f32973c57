#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# dns-persist-01: a record that stays lets the CA issue, and a renewal neither writes nor opens anything. BIND has the zone, without a key for
# anybody; the CA is Pebble 2.10, which has draft -01, and rude.py before it for the other drafts. And dns-account-01.
bats_require_minimum_version 1.5.0

load suite
# shellcheck source=tests/lib/pebble.sh
source "$BATS_TEST_DIRNAME/../lib/pebble.sh"
rude=$RIG_CA4:14443
other=10.98.0.3 # the second server of the zone

setup_file() {
	dns_have || skip "$DNS_MISSING"
	rig_up
	pebble_new || skip "no Pebble with dns-persist-01: $(tail -n 1 "$RIG_DIR/apt" 2>/dev/null)"
	export PATH
	ip -n "$RIG_CA" addr add "$other/24" dev cable0
	RIG_DNS4=$RIG_HOST4 RIG_PEBBLE_STAYS=1 dns_pebble PEBBLE_AUTHZREUSE=0
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
	rig_end_of rude
}

# net_zone FILE SERIAL [LINE...]: the zone example.net with these lines, of two servers, or SERVERS
net_zone() {
	{
		printf '$TTL 60\n@ IN SOA ns1 admin %s 3600 600 86400 60\n' "$2"
		# shellcheck disable=SC2086 # their names
		printf '@ IN NS %s\n' ${SERVERS:-ns1 ns2}
		printf 'ns1 IN A %s\nns2 IN A %s\n@ IN A %s\na IN A %s\n' "$RIG_CA4" "$other" "$RIG_HOST4" "$RIG_HOST4"
		printf '_validation-persist.a IN TXT "of somebody else"\n'
		[ $# -lt 3 ] || printf '%s\n' "${@:3}"
	} >"$1"
}

serial() { rig_host dig +tcp +short +time=1 +tries=1 "@$1" example.net SOA | awk '{ print $3 }'; }
answers() { [ "$(serial "$1")" = "$2" ]; }

# Called by dns_up.
dns_static() { DNS_MORE='zone "example.net" { type primary; file "../example.net"; };' dns_bind "$@"; }

second() {
	cat >"$RIG_DIR/second.conf" <<-CONF
		options {
			directory "$RIG_DIR"; pid-file none; session-keyfile none; listen-on port 53 { $other; }; listen-on-v6 { none; };
			recursion no; dnssec-validation no; notify no;
		};
		controls { };
		zone "example.net" { type primary; file "second.net"; };
	CONF
	named_second
}
named_second() {
	ip netns exec "$RIG_CA" named -g -n 1 -c "$RIG_DIR/second.conf" >"$RIG_DIR/second.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/second.pid"
}
refuses() { rig_host dig +tcp +time=1 +tries=1 "@$other" example.net SOA | grep -q 'status: REFUSED'; }

# again NAME: whether it runs, and reads its zones again
again() { [ -s "$RIG_DIR/$1.pid" ] && kill -s HUP "$(<"$RIG_DIR/$1.pid")" 2>/dev/null; }

# zone [LINE...]: both servers have it with these lines. SECOND: lines of the second one
zone() {
	local serial
	serial=$(($(cat "$RIG_DIR/serial" 2>/dev/null || echo 0) + 1))
	echo "$serial" >"$RIG_DIR/serial"
	net_zone "$RIG_DIR/example.net" "$serial" "$@"
	if [ -n "${SECOND+set}" ]; then net_zone "$RIG_DIR/second.net" "$serial" "$SECOND"; else cp "$RIG_DIR/example.net" "$RIG_DIR/second.net"; fi
	again nameserver || dns_up static hmac-sha256
	again second || second
	rig_until 30 answers "$RIG_CA4" "$serial"
	rig_until 30 answers "$other" "$serial"
}

# config NAMES [LINE...]: a certificate "one" that has no [dns NAME]
config() {
	printf '[certificate one]\nchallenge = %s\nnames = %s\n' "${CHALLENGE:-dns-persist-01}" "$1" >"$RIG_DIR/section"
	[ $# -lt 2 ] || printf '%s\n' "${@:2}" >>"$RIG_DIR/section"
	rig_config <"$RIG_DIR/section"
}

# The record that acmegate prints, without its remarks.
records() { rig_acmegate dns persist "$@" 2>/dev/null | grep -v '^;'; }

# The first run makes the account, and finds no record.
first() {
	zone
	config "$@"
	run -1 rig_acmegate renew-now
}

whole() { rig_ca dig +tcp +noall +answer "@$RIG_CA4" example.net AXFR; }

# renews: nothing is written, serials included, and what it said is $said
renews() {
	whole >"$RIG_DIR/zone.before"
	grep -c 'updating zone' "$RIG_DIR/dns/log" >"$RIG_DIR/updates" || true
	run -0 rig_acmegate renew-now
	said=$output
	whole | diff "$RIG_DIR/zone.before" -
	[ "$(grep -c 'updating zone' "$RIG_DIR/dns/log" || true)" = "$(cat "$RIG_DIR/updates")" ]
	[ ! -s "$RIG_STATE/dns" ]
}

# succeeds: nothing opens either
succeeds() {
	rig_before
	renews
	rig_after
	rig_never_open
	[ "$(rig_acmegate status --json | jq -c '[.windows, .exposure.windows]')" = '[[],0]' ]
	[[ $(rig_acmegate history 2>&1) == *'no window is noted yet'* ]]
}

status_of() { rig_acmegate status --json | jq -c ".certificates[0].$1"; }

@test "the record as it is printed: 0 writes, 0 windows, no key" {
	first 'a.example.net'
	[[ $output == *'_validation-persist.a.example.net has no record for pebble.letsencrypt.org; set the record: _validation-persist.a.example.net. IN TXT "pebble.letsencrypt.org; accounturi=https://'*'"'* ]]
	url=$(rig_acmegate account show | sed -n 's/^account: *//p')
	run -0 --separate-stderr rig_acmegate dns persist
	[[ ${lines[1]} == "_validation-persist.a.example.net. IN TXT \"pebble.letsencrypt.org; accounturi=$url\"" ]]
	[[ ${lines[2]} == '; not yet: _validation-persist.a.example.net has no record for pebble.letsencrypt.org' ]]
	run rig_acmegate check one
	[[ $output == *'set this record, at all servers of the zone: _validation-persist.a.example.net. IN TXT'* ]]
	zone "$(records)" 'ns2 IN AAAA 2001:db8::53' # this host has no way there, and another one may
	succeeds
	[[ $said == *'a.example.net is valid (by a record in the DNS)'* ]]
	rig_certificate one a.example.net
	[ "$(status_of persist)" = null ]
	run -0 rig_acmegate dns persist
	[[ $output == *"; _validation-persist.a.example.net has its record at ns"* ]]
	[[ $output == *"ns1.example.net ($RIG_CA4)"* && $output == *"ns2.example.net ($other)"* && $output != *2001:db8* ]]
	run rig_acmegate check one
	[[ $output == *"ok"*"_validation-persist.a.example.net has its record at ns"* ]]
}

@test "apex and wildcard have one record, with policy=wildcard, and it lapses on the day that --until or persist_until says" {
	first 'example.net,*.example.net' 'persist_until = 2099-01-02'
	[ "$(grep -c 'set the record: .*; policy=wildcard; persistUntil=4070995200"' <<<"$output")" -ge 2 ]
	! grep 'set the record: ' <<<"$output" | grep -v 'policy=wildcard' || false
	[ "$(records | wc -l)" -eq 1 ]
	[[ $(records) == *'; policy=wildcard; persistUntil=4070995200"' ]]
	[[ $(records --until 2031-05-06) == *'; policy=wildcard; persistUntil=1935792000"' ]]
	zone "$(records --until 2031-05-06)"
	succeeds
	rig_certificate one example.net any.example.net
	[ "$(status_of persist.until)" = '"2031-05-06T00:00:00Z"' ]
	run rig_acmegate status
	[[ $output == *'the record of'*'example.net for dns-persist-01 lapses on 2031-05-06 00:00 UTC: acmegate dns persist'* ]]
	run rig_acmegate status --metrics
	[[ $output == *'acmegate_dns_persist_until_timestamp_seconds{certificate="one"'*'} 1935792000'* ]]
	run -2 rig_acmegate dns persist --until 2031-02-30
	[[ $output == *'expected a date as in 2027-12-31'* ]]
}

@test "a wildcard alone needs policy=wildcard; of two records the one that lapses first is told" {
	first '*.example.net,a.example.net'
	zone "$(records | sed 's/; policy=wildcard//')"
	run -1 rig_acmegate renew-now
	[[ $output == *'*.example.net: dns-persist-01 is passed over: _validation-persist.example.net has a record for pebble.letsencrypt.org, without policy=wildcard, which a wildcard needs'* ]]
	[[ $output != *'a.example.net: dns-persist-01 is passed over'* ]]
	zone "$(records --until 2031-05-06 | sed '/persist\.a\./s/1935792000/1935792001/')"
	renews
	[ "$(status_of persist)" = '{"name":"*.example.net","until":"2031-05-06T00:00:00Z"}' ]
	zone "$(records --until 2031-05-06 | sed '/persist\.a\./s/1935792000/1935791999/')"
	renews
	[ "$(status_of persist)" = '{"name":"a.example.net","until":"2031-05-05T23:59:59Z"}' ]
}

# passes_over WORDS: the record is of no use for this reason, and the next challenge does it, with a window
passes_over() {
	run -0 rig_acmegate renew-now
	[[ $output == *"a.example.net: dns-persist-01 is passed over: $1"* ]]
	[[ $output =~ a\.example\.net\ is\ valid\ \([0-9]+\ request ]]
}

@test "records that are of no use: the next challenge of the certificate is taken" {
	CHALLENGE='dns-persist-01, http-01'
	zone
	config a.example.net
	passes_over '_validation-persist.a.example.net has no record for pebble.letsencrypt.org'
	record=$(records)
	zone "${record/accounturi/policy=x; policy=wildcard; accounturi}"
	passes_over '_validation-persist.a.example.net has a record for pebble.letsencrypt.org, and it is malformed'
	zone "${record/https:\/\//https:\/\/other-}"
	passes_over '_validation-persist.a.example.net has a record for pebble.letsencrypt.org, for another account or an earlier key'
	zone "${record%\"}; persistUntil=1000000000\""
	passes_over '_validation-persist.a.example.net has a record for pebble.letsencrypt.org, whose persistUntil is over'
	SECOND='' zone "$record"
	passes_over "_validation-persist.a.example.net has its record, but not at ns2.example.net ($other) yet"
	run -0 rig_acmegate dns persist
	[[ $output == *"; not yet: _validation-persist.a.example.net has its record, but not at ns2.example.net"* ]]
	# Of two that are good, the one that each server has: the other one would last longer.
	lasting=$record record=${record%\"}'; persistUntil=4070995200"'
	SECOND=$record zone "$lasting" "$record"
	rig_before
	renews
	rig_after
	rig_never_open
	[ "$(status_of persist.until)" = '"2099-01-02T00:00:00Z"' ]
}

@test "a server that is down keeps nobody from the record; a zone without a server that answers does" {
	first a.example.net
	zone "$(records)"
	sed -i '/^zone/d' "$RIG_DIR/second.conf"
	rig_end_of second KILL
	named_second
	rig_until 30 refuses
	rig_acmegate dns persist | grep -F "; these do not answer this host: ns2.example.net ($other)"
	rig_end_of second KILL
	succeeds
	run rig_acmegate check one
	[[ $output == *"has its record at ns1.example.net ($RIG_CA4); these do not answer this host: ns2.example.net ($other)"* ]]
	rig_end_of nameserver KILL
	run rig_acmegate renew-now
	[ "$status" -ne 0 ]
	[[ $output == *'the record is: _validation-persist.a.example.net. IN TXT'* ]]
}

@test "a zone whose servers are all silent, while the resolver answers: named" {
	first a.example.net
	SERVERS=ns2 zone "$(records)"
	rig_end_of second KILL
	run -75 rig_acmegate renew-now
	[[ $output == *"no server of the zone example.net answers this host: ns2.example.net ($other)"* ]]
	run rig_acmegate dns persist
	[[ $output == *"; not yet: no server of the zone example.net answers this host: "* ]]
}

@test "case does not matter, nor what is not known, nor other records" {
	first a.example.net
	zone "$(records | sed 's/pebble.letsencrypt.org/  PEBBLE.letsencrypt.org  /; s/accounturi/future=x; AccountURI/')" \
		'_validation-persist.a IN TXT "pebble.letsencrypt.org; accounturi=https://other.example/1"'
	# Pebble compares the issuer's name with regard to case: that acmegate has used the challenge shows in its answer.
	run rig_acmegate renew-now
	[[ $output != *'passed over'* ]]
	[[ $output == *'accounturi mismatch'* ]]
	[[ $output == *'the servers of the zone give the value: does the CA ask the same ones'* ]]
}

# before_pebble RULE...
before_pebble() {
	rig_end_of rude
	ip netns exec "$RIG_CA" python3 "$RIG_ROOT/tests/lib/rude.py" "$rude" "$RIG_CA4:14000" "$RIG_DIR/pki/server.pem" \
		"$RIG_DIR/pki/server.key" "$@" >"$RIG_DIR/rude.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/rude.pid"
	rig_until 30 rig_ca bash -c "exec 5<>/dev/tcp/${rude/:/\/}" 2>/dev/null
}

@test "draft -00: a challenge without an account has its URL in the record" {
	before_pebble 'POST|/authZ/|all|challenge=dns-persist-01:accounturi='
	RIG_DIRECTORY=https://$rude/dir
	first a.example.net
	[[ $output == *'set the record: _validation-persist.a.example.net. IN TXT "pebble.letsencrypt.org; accounturi='* ]]
	zone "$(records)"
	succeeds
}

@test "draft -01: a challenge for somebody else's account is not used" {
	before_pebble 'POST|/authZ/|all|challenge=dns-persist-01:accounturi="https://ca.example/acct/1"'
	RIG_DIRECTORY=https://$rude/dir
	first a.example.net
	[[ $output == *"the CA's challenge is for the account https://ca.example/acct/1, and ours is https://"* ]]
}

@test "draft -02: the account is hashed, for the name or for any; all names of the directory are in the challenge" {
	local meta='{"caaIdentities":["ca.example","pebble.letsencrypt.org"],"accountHashPrefix":"urn:ca:","issuerDomainNames":["pebble.letsencrypt.org"]}'
	before_pebble "GET|/dir|all|set=meta=$meta" 'POST|/authZ/|all|challenge=dns-persist-01:accounturi=;issuer-domain-names=;issuerDomainNames=["pebble.letsencrypt.org"]'
	RIG_DIRECTORY=https://$rude/dir
	first a.example.net
	record=$(records)
	[[ $record =~ accounturi=urn:ca:sha-256/[A-Za-z0-9_-]{43}\"$ ]]
	url=$(rig_acmegate account show | sed -n 's/^account: *//p') print=$(rig_acmegate account show | sed -n 's/.*thumbprint //p')
	hash() { printf '%b%s' "\\x$(printf %02x "${#1}")" "$1$print$url" | openssl dgst -sha256 -binary | openssl base64 | tr '+/' '-_' | tr -d '='; }
	[[ $record == *"/$(hash a.example.net)\"" ]]
	plain="_validation-persist.a IN TXT \"pebble.letsencrypt.org; accounturi=$url\""
	zone "$plain"
	run -1 rig_acmegate renew-now
	[[ $output == *'for another account or an earlier key'* ]]
	# Pebble needs the plain one, which acmegate does not use here.
	zone "$record" "$plain"
	succeeds
	zone "${record/$(hash a.example.net)/$(hash '*')}" "$plain"
	succeeds
	before_pebble "GET|/dir|all|set=meta=${meta/pebble/other}"
	run -1 rig_acmegate renew-now
	[[ $output == *"the CA's issuerDomainNames are malformed, or not all of them are in its caaIdentities"* ]]
	before_pebble "GET|/dir|all|set=meta=${meta//'"pebble.letsencrypt.org"'/'"pebble.letsencrypt.org","b.example"'}" \
		'POST|/authZ/|all|challenge=dns-persist-01:accounturi='
	run -1 rig_acmegate renew-now
	[[ $output == *'it lacks b.example, which its directory names'* ]]
	before_pebble 'POST|/authZ/|all|challenge=dns-persist-01:issuer-domain-names=[]'
	run -1 rig_acmegate renew-now
	[[ $output == *'its dns-persist-01 is malformed: it has 0 names of issuers'* ]]
}

@test "an account that is deactivated: no record is printed for it" {
	before_pebble 'POST|/my-account/|all|set=status="deactivated"'
	RIG_DIRECTORY=https://$rude/dir
	first a.example.net
	run -1 rig_acmegate dns persist
	[[ $output == *'is deactivated: no record lets it obtain certificates any more'* && $output != *'IN TXT'* ]]
	# This CA answers nothing to such an account.
	unset RIG_DIRECTORY
	rm -rf "$RIG_STATE"
	first a.example.net
	cp -a "$RIG_STATE" "$RIG_DIR/kept"
	rig_acmegate account deactivate --yes
	rm -rf "$RIG_STATE"
	mv "$RIG_DIR/kept" "$RIG_STATE"
	run -1 rig_acmegate dns persist
	[[ $output == *'deactivated'* ]]
	[[ $output != *'IN TXT'* ]]
}

@test "authorizations that are valid at once need no record" {
	first a.example.net
	zone "$(records)"
	succeeds
	rig_pebble_end
	RIG_DNS4=$RIG_HOST4 dns_pebble PEBBLE_AUTHZREUSE=100
	rm -rf "$RIG_STATE"
	first a.example.net
	zone "$(records --until 2031-05-06)"
	succeeds
	rig_acmegate renew-now
	[ "$(status_of persist.until)" = '"2031-05-06T00:00:00Z"' ] # it was valid already, and its record is looked at all the same
	zone
	run -0 rig_acmegate renew-now
	[[ $output == *'a.example.net is valid (it was already)'* ]]
	rig_pebble_end
	RIG_DNS4=$RIG_HOST4 dns_pebble PEBBLE_AUTHZREUSE=0
}

@test "dns-account-01: a value at the name of the account" {
	zone
	cat >>"$RIG_DIR/dns/named.conf" <<-'CONF'
		zone "example.com" { type primary; file "example.com"; update-policy { grant acmegate zonesub TXT; }; };
	CONF
	sed 's/example\.net/example.com/' "$RIG_DIR/example.net" | grep -v ns2 >"$RIG_DIR/dns/example.com"
	rig_end_of nameserver KILL
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	rig_until 30 answers "$RIG_CA4" "$(<"$RIG_DIR/serial")"
	rig_config <<-CONF
		[dns own]
		server = $RIG_CA4
		key_file = $RIG_DIR/etc/key
		[certificate one]
		challenge = dns-account-01
		names = a.example.com *.example.com
	CONF
	rig_before
	run -0 rig_acmegate -vv renew-now
	rig_after
	rig_never_open
	label=$(rig_acmegate account show | sed -n 's/^account: *//p' | tr -d '\n' | openssl dgst -sha256 -binary | head -c 10 | base32 | tr A-Z a-z)
	grep -q "adding an RR at '_$label._acme-challenge.a.example.com' TXT" "$RIG_DIR/dns/log"
	rig_certificate one a.example.com any.example.com
	dns_values "$RIG_CA4" example.com | diff - <(echo '_validation-persist.a.example.com. 60 IN TXT "of somebody else"')
	[ ! -s "$RIG_STATE/dns" ]
}
