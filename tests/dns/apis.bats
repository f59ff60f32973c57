#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# dns-01 by the APIs of services (apis.py), which change a real BIND; Pebble asks that. No window, no port.
bats_require_minimum_version 1.5.0

load suite

# The values of each name are in example.org, or behind an alias in the zone of acme-dns.
setup_file() {
	dns_have || skip "$DNS_MISSING"
	command -v nsupdate >/dev/null || skip 'nsupdate is not installed'
	rig_up
	export RIG_PEBBLE_STAYS=1 DNS_MORE="zone \"auth.example.net\" { type primary; file \"auth.example.net\"; update-policy { grant acmegate zonesub TXT; }; };"
	DNS_NAMES=({a,b,www,r1,r2,t{1..8}}.example.org example.org)
	dns_up bind hmac-sha256
	printf '$ORIGIN auth.example.net.\n$TTL 1\n@ IN SOA ns admin 1 3600 600 86400 1\n@ IN NS ns\nns IN A %s\n' "$RIG_CA4" >"$RIG_DIR/dns/auth.example.net"
	rm -f "$RIG_DIR/dns/apis.log"
	ip netns exec "$RIG_CA" python3 "$BATS_TEST_DIRNAME/apis.py" 127.0.0.1 "$RIG_DIR/etc/key" "$RIG_DIR/requests" \
		"$RIG_DIR/pki/server.pem" "$RIG_DIR/pki/server.key" >"$RIG_DIR/dns/apis.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/apis.pid"
	registered
	dns_pebble
	rig_until 30 api_answers
}

secret() { # FILE TEXT
	printf '%s' "$2" >"$RIG_DIR/etc/$1"
	chmod 0600 "$RIG_DIR/etc/$1"
}

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	secret login $'lego:secret: with a colon\n'
	secret token $'dop_v1_token\n'
	: >"$RIG_DIR/requests"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		printf '%s\n' "${output:-}"
		tail -n 5 "$RIG_DIR/dns/apis.log"
	}
	rig_end_of here KILL
	rig_end_of stub KILL
	echo "nameserver $RIG_CA4" >"/etc/netns/$RIG_HOST/resolv.conf"
	rig_end_of probe
}

V4=https://$RIG_CA4:8443 V6=https://[$RIG_CA6]:8443

api_answers() { rig_host curl -s -o /dev/null --max-time $((2 * ${RIG_SLOWER:-1})) --cacert "$RIG_DIR/pki/ca.pem" "$V4/"; }

# section NAME TYPE URL LINE...
section() { printf '[dns %s]\ntype = %s\nurl = %s\nca_file = %s\n' "${@:1:3}" "$RIG_DIR/pki/ca.pem" && printf '%s\n' "${@:4}"; }
certificate() { printf '[certificate %s]\nchallenge = dns-01\ndns = %s\nnames = %s\n' "$@"; }
acme_dns() { section own acme-dns "${1:-$V4/acmedns}" "credentials_file = $RIG_DIR/etc/acme-dns.json" 'allow_from = 10.98.0.0/16, fd98::/16'; }
httpreq() { section own httpreq "${1:-$V4}/httpreq" "credentials_file = $RIG_DIR/etc/login"; }
digitalocean() { section own digitalocean "${1:-$V4}" "token_file = $RIG_DIR/etc/token"; }

# The aliases of the names that are registered, as the one who has the zone sets them.
registered() {
	rig_until 30 api_answers
	{
		acme_dns
		certificate one own 'r1.example.org *.r1.example.org'
		certificate two own r2.example.org
	} | rig_config
	rig_acmegate dns register >"$RIG_DIR/aliases"
	cat "$RIG_DIR/aliases" >>"$RIG_DIR/dns/example.org"
	rig_end_of nameserver KILL
	# As any resolver, it follows aliases from zone to zone.
	sed -i 's/recursion no;/recursion yes; allow-recursion { any; };/' "$RIG_DIR/dns/named.conf"
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	rig_until 30 dns_answers
}

# runs STATUS ARGUMENT...: no window; the ruleset, the zone and the notes are as before
runs() {
	dns_zone >"$RIG_DIR/zone.before"
	rig_before
	run "-$1" rig_acmegate "${@:2}"
	rig_after
	rig_never_open
	dns_zone | diff "$RIG_DIR/zone.before" -
	[ ! -s "$RIG_STATE/dns" ]
}

says() { # CERTIFICATE WORDS
	grep -F "certificate $1: " <<<"$output" | grep -qF -- "$2" || {
		rig_say "certificate $1 does not say: $2"
		return 1
	}
}

# succeeds TYPE: over IPv4, and over IPv6
succeeds() {
	{
		"$1" "$V4"
		"$1" "$V6" | sed 's/own/six/'
		certificate one own 'b.example.org *.b.example.org example.org'
		certificate two six www.example.org
	} | rig_config
	runs 0 renew-now
	rig_certificate one b.example.org any.b.example.org example.org
	rig_certificate two www.example.org
	[[ $output == *'b.example.org is valid (through the DNS)'* ]]
}

@test "httpreq, over IPv4 and IPv6" { succeeds httpreq; }
@test "DigitalOcean, over IPv4 and IPv6" {
	succeeds digitalocean
	run -1 grep GET "$RIG_DIR/requests" # what it made itself it removes by its number
}

here_answers() { rig_host curl -s -o /dev/null --max-time $((2 * ${RIG_SLOWER:-1})) http://127.0.0.1:8443/; }
@test "a service on this host, by HTTP: IPv4 and IPv6" {
	rm -f "$RIG_DIR/dns/here.log"
	ip netns exec "$RIG_HOST" python3 "$BATS_TEST_DIRNAME/apis.py" "$RIG_CA4" "$RIG_DIR/etc/key" "$RIG_DIR/requests" \
		>"$RIG_DIR/dns/here.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/here.pid"
	rig_until 30 here_answers
	{
		section four httpreq http://127.0.0.1:8443/httpreq/ "credentials_file = $RIG_DIR/etc/login" | grep -v ca_file
		section six httpreq 'http://[::1]:8443/httpreq' "credentials_file = $RIG_DIR/etc/login" | grep -v ca_file
		certificate one four b.example.org
		certificate two six www.example.org
	} | rig_config
	runs 0 renew-now
	[ "$(grep -c '^POST /httpreq/present$' "$RIG_DIR/requests")" -eq 2 ]
}

@test "acme-dns: each name is registered once, a wildcard with its name; the file is as other clients have it" {
	acme_dns | cat - <(certificate one own 'r1.example.org *.r1.example.org') <(certificate two own r2.example.org) | rig_config
	[ "$(stat -c %a "$RIG_DIR/etc/acme-dns.json")" = 600 ]
	[ "$(jq -r 'keys | join(" ")' "$RIG_DIR/etc/acme-dns.json")" = 'r1.example.org r2.example.org' ]
	[ "$(jq -r '.["r1.example.org"] | [.username, .password, .subdomain, .server_url] | map(length > 20) | all' "$RIG_DIR/etc/acme-dns.json")" = true ]
	[ "$(jq -c '.["r2.example.org"].allowfrom' "$RIG_DIR/etc/acme-dns.json")" = '["10.98.0.0/16","fd98::/16"]' ]
	run -0 --separate-stderr rig_acmegate dns register
	[ "$output" = "$(cat "$RIG_DIR/aliases")" ]
	[[ $output == '_acme-challenge.r1.example.org. IN CNAME '*'.auth.example.net.'* ]]
	[ ! -s "$RIG_DIR/requests" ]
	run -0 --separate-stderr rig_acmegate dns register two
	[ "$output" = "$(grep r2 "$RIG_DIR/aliases")" ]
	run -0 --separate-stderr rig_acmegate dns setup
	[[ $output == *'[dns own], type acme-dns'*'acmegate dns register'* && $output != *grant* ]]
}

@test "acme-dns, over IPv4, and over IPv6 with a single registration as it answers with" {
	jq '.["r2.example.org"]' "$RIG_DIR/etc/acme-dns.json" >"$RIG_DIR/etc/single.json"
	chmod 0600 "$RIG_DIR/etc/single.json"
	{
		acme_dns
		acme_dns "$V6/acmedns" | sed 's/own/single/; s/acme-dns.json/single.json/'
		certificate one own 'r1.example.org *.r1.example.org'
		certificate two single r2.example.org
	} | rig_config
	runs 0 renew-now
	rig_certificate one r1.example.org any.r1.example.org
	rig_certificate two r2.example.org
}

stub_answers() { rig_host dig +tcp +short +time=1 +tries=1 @127.0.0.53 example.org SOA | grep -q '^ns1'; }
@test "a resolver that does not say which zone an answer is from" {
	rm -f "$RIG_DIR/dns/stub.log"
	ip netns exec "$RIG_HOST" python3 "$BATS_TEST_DIRNAME/stub.py" 127.0.0.53 "$RIG_CA4" >"$RIG_DIR/dns/stub.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/stub.pid"
	rig_until 30 stub_answers
	echo 'nameserver 127.0.0.53' >"/etc/netns/$RIG_HOST/resolv.conf"
	{
		httpreq
		section two acme-dns "$V4/acmedns" "credentials_file = $RIG_DIR/etc/acme-dns.json"
		certificate one own 'b.example.org example.org'
		certificate two two r1.example.org
	} | rig_config
	runs 0 renew-now
	rig_certificate one b.example.org example.org
	rig_certificate two r1.example.org
}

@test "acme-dns: five values of one registration do not push each other out, but wait until there is room; others do not wait" {
	acme_dns | cat - <(certificate one own 'r1.example.org *.r1.example.org') <(certificate two own r1.example.org) \
		<(certificate three own '*.r1.example.org r1.example.org') <(certificate other own r2.example.org) | rig_config
	runs 0 renew-now
	rig_certificate one r1.example.org any.r1.example.org
	rig_certificate two r1.example.org
	rig_certificate three r1.example.org any.r1.example.org
	rig_certificate other r2.example.org
	[ "$(grep -c /update "$RIG_DIR/requests")" -eq 6 ]
	[ "$(grep -o 'validation of [0-9] names* through the DNS' <<<"$output" | grep -o '[0-9]' | tr '\n' ' ')" = '3 2 1 ' ]
}

@test "acme-dns: names without a registration, without an alias, with another's, and a pair that it does not know" {
	jq '.["b.example.org"] = .["r1.example.org"] | .["r2.example.org"].password = "other" | .["www.example.org"] = {}' \
		"$RIG_DIR/etc/acme-dns.json" >"$RIG_DIR/etc/wrong.json"
	chmod 0600 "$RIG_DIR/etc/wrong.json"
	acme_dns | sed 's/acme-dns.json/wrong.json/' | cat - <(certificate missing own a.example.org) <(certificate alias own b.example.org) \
		<(certificate pair own r2.example.org) <(certificate empty own www.example.org) | rig_config
	runs 1 renew-now
	says missing 'a.example.org is not registered at'
	says missing 'acmegate dns register'
	says alias "set _acme-challenge.b.example.org. IN CNAME $(jq -r '.["r1.example.org"].fulldomain' "$RIG_DIR/etc/acme-dns.json")."
	says pair '/update: status 401: either the username and password of r2.example.org'
	says empty 'the registration of www.example.org has no username, password, fulldomain and subdomain'
}

@test "what a service may answer: each has its own words" {
	local i words=(unused 401 404 429 500 redirect large stall page)
	{
		for i in {1..7}; do
			section "s$i" httpreq "$V4/bad/${words[i]}" "credentials_file = $RIG_DIR/etc/login"
			certificate "t$i" "s$i" "t$i.example.org"
		done
		section s8 digitalocean "$V4/bad/page" "token_file = $RIG_DIR/etc/token"
		certificate t8 s8 t8.example.org
	} | rig_config
	dns_zone >"$RIG_DIR/zone.before"
	rig_seams # one of them never answers
	RIG_ACMEGATE=$RIG_BUILD/seams/acmegate ACMEGATE_SEAMS=hasty run -1 rig_acmegate renew-now
	dns_zone | diff "$RIG_DIR/zone.before" -
	says t1 "[dns s1]: $V4/bad/401/present: status 401 (\"as you like it\"): it does not accept what is in $RIG_DIR/etc/login"
	says t2 "[dns s2]: $V4/bad/404/present: status 404"
	says t2 "is url = $V4/bad/404 right?"
	says t3 'status 429 ("as you like it"): too many requests; the next run tries again'
	says t4 'status 500 ("as you like it"): the service has a fault'
	says t5 'status 302: it redirects, and is not followed, since the request has a secret'
	says t6 'the answer is larger than 262144 bytes'
	says t7 "$V4/bad/stall/present: no answer in 1 s"
	says t8 'its answer to a new record has no number'
	# Those that were refused wrote nothing; of the others nobody knows.
	[ "$(awk '/^[^ ]/ { print $1 }' "$RIG_STATE/dns" | sort | tr '\n' ' ')" = 's3 s4 s6 s7 s8 ' ]
	run -1 grep -F ' /httpreq/' "$RIG_DIR/requests"
}

@test "what is wrong in the configuration, and a service that is not there or not to be trusted" {
	{
		section nobody httpreq "https://$RIG_CA4:1" "credentials_file = $RIG_DIR/etc/login"
		section stranger httpreq "$V4/httpreq" "credentials_file = $RIG_DIR/etc/login" | grep -v ca_file
		section account digitalocean "$V4" "token_file = $RIG_DIR/etc/token" 'zone = example.org'
		section unregistered acme-dns "$V4/acmedns" "credentials_file = $RIG_DIR/etc/none.json"
		certificate nobody nobody t1.example.org
		certificate stranger stranger t2.example.org
		certificate account account alias.auth.example.net
		certificate unregistered unregistered t4.example.org
	} | rig_config
	run -1 rig_acmegate renew-now
	says nobody "https://$RIG_CA4:1/present: Failed to connect"
	says nobody 'is url right, and does the service run?'
	says stranger "the server's certificate comes from no CA that this host knows"
	says stranger '[dns stranger] ca_file'
	says account 'in the zone auth.example.net, and [dns account] has zone = example.org'
	says unregistered 't4.example.org is not registered at'
	section own acme-dns "$V4/bad/500" "credentials_file = $RIG_DIR/etc/none.json" | cat - <(certificate one own t1.example.org) | rig_config
	run -75 rig_acmegate dns register
	[[ $output == *"[dns own]: t1.example.org: $V4/bad/500/register: status 500"* ]]
	[ -z "$(find "$RIG_DIR/etc" -name 'none*')" ]
	chmod 0640 "$RIG_DIR/etc/login"
	httpreq | cat - <(certificate one own t1.example.org) | rig_config
	run -2 rig_acmegate renew-now
	[[ $output == *"others than root can read the secrets in $RIG_DIR/etc/login; chmod 0600 $RIG_DIR/etc/login"* ]]
}

has_value() { [ "$(dns_values | grep -c '_acme-challenge.b')" -ge 1 ]; }

# A second name waits for a value that its service never puts anywhere.
@test "killed while the value is in the DNS: the agent with its provider, acmegate-dns, all at once; the next command leaves 0 values" {
	local type whom
	dns_zone >"$RIG_DIR/zone.before"
	for type in httpreq digitalocean; do
		{
			"$type"
			section hollow httpreq "$V4/bad/empty" "credentials_file = $RIG_DIR/etc/login" 'propagation = 300'
			certificate one own b.example.org
			certificate two hollow t1.example.org
		} | rig_config
		for whom in acmegate-agent acmegate-dns all; do
			rm -rf "$RIG_STATE"
			begin_run
			rig_until 30 has_value
			# shellcheck disable=SC2046
			if [ "$whom" = all ]; then
				rig_kill_at_once $(all_of_it)
			else
				rig_kill_at_once $(all_of_it | grep -xFf <(pgrep -x "$whom")) || true
			fi
			wait "$pid" || true
			rig_until 60 nobody_left
			[ -s "$RIG_STATE/dns" ]
			run -0 rig_acmegate recover
			[[ $output != *'died of'* && $output == *'the value of an earlier run at _acme-challenge.b.example.org is removed'* ]]
			dns_zone | diff "$RIG_DIR/zone.before" -
			[ ! -s "$RIG_STATE/dns" ]
		done
	done
}

@test "killed at any moment: 0 values after the next command (KILLS: how many)" {
	local i left=0 most=${KILLS:-4} types=(httpreq digitalocean)
	dns_zone >"$RIG_DIR/zone.before"
	for ((i = 0; i < most; i++)); do
		"${types[i % 2]}" | cat - <(certificate one own 'b.example.org www.example.org') | rig_config
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
