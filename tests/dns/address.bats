#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# acmegate dns address: the addresses of this host, at the name of the configuration, with the servers of Debian; what others have set stays.
bats_require_minimum_version 1.5.0

load suite

# The host's own networks of the test: home0 has the default route.
setup() {
	rm -rf "$RIG_STATE"
	DNS_NAMES=(a.example.org)
	DNS_ADDRESS_NAMES=(host.example.org)
	ip -n "$RIG_HOST" link del home0 2>/dev/null || true
	ip -n "$RIG_HOST" link add home0 type veth peer name home1
	rig_host sysctl -qw net.ipv6.conf.home0.accept_dad=0
	ip -n "$RIG_HOST" link set home1 up
	ip -n "$RIG_HOST" link set home0 up
	own add 10.77.0.5/24
	ip -n "$RIG_HOST" route add default via 10.77.0.1 dev home0
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of tamper KILL
	rig_host nft flush ruleset
	ip -n "$RIG_HOST" link del home0 2>/dev/null || true
}

own() { ip -n "$RIG_HOST" addr "$1" "$2" dev home0 "${@:3}"; }

# address_config [LINE...]: of [dns own]
address_config() {
	printf '[dns own]\nserver = %s\nkey_file = %s\n' "${DNS_SERVER:-$RIG_CA4}" "$RIG_DIR/etc/key" >"$RIG_DIR/etc/address"
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$RIG_DIR/etc/address"
	printf '[gate]\nuser = nobody\nstate = %s\n' "$RIG_STATE" >"$RIG_CONF"
	cat "$RIG_DIR/etc/address" >>"$RIG_CONF"
}

# has [NAME] ADDRESS...: exactly these, and their TTL
addresses() { dns_zone | awk -v name="${1:-host.example.org}." '$1 == name && ($4 == "A" || $4 == "AAAA") { print $5 }' | sort | xargs; }
has() { [ "$(addresses)" = "$(printf '%s\n' "$@" | sort | xargs)" ]; }
serial() { rig_ca dig +tcp +short "@$RIG_CA4" example.org SOA | cut -d ' ' -f 3; }
others() { dns_zone | grep -v '^host\.example\.org\.'; }

# counting: packets to name servers from now on; counted: how many there were
counting() {
	rig_host nft -f - <<-'NFT'
		flush ruleset
		table inet count { counter asked { }; chain out { type filter hook output priority 0; meta l4proto { tcp, udp } th dport 53 counter name asked; }; }
	NFT
}
counted() { rig_host nft -j list counter inet count asked | jq '.nftables[] | .counter.packets? // empty'; }

# both SERVER: from nothing to an address that changes, over both families
both() {
	dns_up "$1" hmac-sha256
	own add fd77::5/64
	address_config 'address = host.example.org' 'address_ttl = 120'
	others >"$RIG_DIR/others"
	run -0 rig_acmegate dns address
	[[ $output == *'host.example.org: A 10.77.0.5 added, AAAA fd77::5 added'* ]]
	has 10.77.0.5 fd77::5
	[ "$(dns_zone | awk '$1 == "host.example.org." && $2 != 120')" = '' ]
	local before
	before=$(serial)
	run -0 rig_acmegate dns address
	[[ $output == *'host.example.org: nothing has changed'* ]]
	[ "$(serial)" = "$before" ]
	own del 10.77.0.5/24
	own add 10.77.0.6/24
	ip -n "$RIG_HOST" route replace default via 10.77.0.1 dev home0
	run -0 rig_acmegate dns address --if-changed
	[[ $output == *'host.example.org: A 10.77.0.6 added, A 10.77.0.5 removed'* ]]
	has 10.77.0.6 fd77::5
	own del fd77::5/64
	run -0 rig_acmegate dns address --if-changed
	has 10.77.0.6
	run -0 rig_acmegate dns address --remove
	[[ $output == *'A 10.77.0.6 removed'* ]]
	has
	others | diff "$RIG_DIR/others" -
}

@test "BIND: set, unchanged, changed, removed" { both bind; }
@test "Knot: the same" { both knot; }
@test "PowerDNS: the same" { both pdns; }

@test "the server is asked over IPv6" {
	dns_up bind hmac-sha512
	DNS_SERVER=$RIG_CA6 address_config 'address = host.example.org'
	run -0 rig_acmegate dns address
	has 10.77.0.5
}

@test "nothing changed: --if-changed sends no packet, within the hour; then one look, and no update" {
	local before
	dns_up bind hmac-sha256
	address_config 'address = host.example.org'
	rig_acmegate dns address
	before=$(serial)
	counting
	run -0 rig_acmegate dns address --if-changed
	[[ $output == *'nothing has changed, no server was asked'* ]]
	[ "$(counted)" = 0 ]
	# The hour is since a server was asked, however often nothing had to be.
	touch -d '59 minutes ago' "$RIG_STATE/addresses"
	run -0 rig_acmegate dns address --if-changed
	[ "$(counted)" = 0 ]
	[ "$(($(date +%s) - $(stat -c %Y "$RIG_STATE/addresses")))" -ge 3540 ]
	touch -d '2 hours ago' "$RIG_STATE/addresses"
	run -0 rig_acmegate dns address --if-changed
	[[ $output == *'host.example.org: nothing has changed'* ]]
	[[ $output != *'no server was asked'* ]]
	[ "$(counted)" -gt 0 ]
	[ "$(serial)" = "$before" ]
	counting
	run -0 rig_acmegate dns address --if-changed
	[ "$(counted)" = 0 ]
	# A clock that was set back is no reason to trust.
	touch -d 'tomorrow' "$RIG_STATE/addresses"
	run -0 rig_acmegate dns address --if-changed
	[ "$(counted)" -gt 0 ]
	# Nor is a look that has failed at one of the servers.
	printf '[dns dead]\nserver = %s\nkey_file = %s\naddress = dead.example.org\n' "$RIG_HOST4" "$RIG_DIR/etc/key" >>"$RIG_CONF"
	touch -d '2 hours ago' "$RIG_STATE/addresses"
	run -75 rig_acmegate dns address --if-changed
	[ "$(($(date +%s) - $(stat -c %Y "$RIG_STATE/addresses")))" -ge 7000 ]
	sed -i '/^\[dns dead\]/,$d' "$RIG_CONF"
	# Nor is a note of a run that was killed before it knew.
	[ "$(head -c 1 "$RIG_STATE/addresses")" = '=' ]
	printf '?' | dd of="$RIG_STATE/addresses" conv=notrunc status=none
	counting
	run -0 rig_acmegate dns address --if-changed
	[ "$(counted)" -gt 0 ]
	[ "$(head -c 1 "$RIG_STATE/addresses")" = '=' ]
}

@test "what somebody removed comes back; what somebody else has set stays, also if it is this host's address" {
	dns_up bind hmac-sha256
	printf 'host IN A 10.77.0.5\nhost IN A 10.9.9.9\nhost IN AAAA fd99::9\n' >>"$RIG_DIR/dns/example.org"
	rig_end_of nameserver KILL
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	rig_until 30 dns_answers
	address_config 'address = host.example.org'
	run -0 rig_acmegate dns address
	[[ $output == *'nothing has changed'* ]]
	[[ $output == *'has also A 10.9.9.9, AAAA fd99::9, which acmegate has not set, and leaves'* ]]
	[ ! -s "$RIG_STATE/addresses" ]
	own del 10.77.0.5/24
	own add 10.77.0.6/24
	ip -n "$RIG_HOST" route replace default via 10.77.0.1 dev home0
	run -0 rig_acmegate dns address
	has 10.77.0.5 10.77.0.6 10.9.9.9 fd99::9
	gone() {
		printf 'server %s\nupdate delete host.example.org. A 10.77.0.6\nsend\n' "$RIG_CA4" |
			rig_ca nsupdate -y "hmac-sha256:acmegate:$DNS_SECRET"
	}
	gone
	run -0 rig_acmegate dns address
	[[ $output == *'A 10.77.0.6 added'* ]]
	gone
	run -0 rig_acmegate dns address --remove
	[[ $output == *'nothing has changed'* ]]
	[ ! -s "$RIG_STATE/addresses" ]
	rig_acmegate dns address
	run -0 rig_acmegate dns address --remove
	has 10.77.0.5 10.9.9.9 fd99::9
}

@test "temporary, deprecated and link-local addresses, and those of other interfaces, are left out; a family can be" {
	dns_up bind hmac-sha256
	own add 169.254.7.7/16
	own add fd77::1/64
	own add fd77::dead/64 preferred_lft 0
	own add 10.77.0.99/24 preferred_lft 0
	ip -n "$RIG_HOST" addr add 10.66.0.1/24 dev lo
	address_config 'address = host.example.org'
	run -0 rig_acmegate dns address
	has 10.77.0.5 fd77::1
	address_config 'address = host.example.org' 'address_family = ipv6'
	run -0 rig_acmegate dns address
	[[ $output == *'A 10.77.0.5 removed'* ]]
	has fd77::1
	address_config 'address = host.example.org' 'address_interface = lo' 'address_family = ipv4'
	run -0 rig_acmegate dns address
	has 10.66.0.1
	ip -n "$RIG_HOST" addr del 10.66.0.1/24 dev lo
	run -75 rig_acmegate dns address
	[[ $output == *'host.example.org: this host has no address for it'*'at lo; what is in the DNS stays'* ]]
	has 10.66.0.1
	address_config 'address = host.example.org' 'address_interface = nowhere0'
	run -75 rig_acmegate dns address
	[[ $output == *'address_interface = nowhere0: this host has no such interface'* ]]
	has 10.66.0.1
}

@test "another TTL, another name, and no name any more" {
	DNS_ADDRESS_NAMES=(host.example.org other.example.org)
	dns_up bind hmac-sha256
	address_config 'address = host.example.org'
	rig_acmegate dns address
	address_config 'address = host.example.org other.example.org' 'address_ttl = 30'
	run -0 rig_acmegate dns address other.example.org
	[ "$(addresses other.example.org)" = 10.77.0.5 ]
	[ "$(dns_zone | awk '$1 == "host.example.org." { print $2 }')" = 300 ]
	run -0 rig_acmegate dns address --if-changed
	[[ $output == *'host.example.org: A 10.77.0.5 has another TTL'* ]]
	[ "$(dns_zone | awk '$1 == "host.example.org." { print $2 }')" = 30 ]
	address_config 'address = other.example.org'
	run -0 rig_acmegate dns address
	[[ $output == *'host.example.org: A 10.77.0.5 removed: no address = has this name any more'* ]]
	has
	run -0 rig_acmegate dns address own
	[[ $output == *'other.example.org: nothing has changed'* ]]
	run -2 rig_acmegate dns address nobody.example.org
	[[ $output == *'there is no [dns nobody.example.org] with address ='* ]]
	address_config
	run -0 rig_acmegate dns address
	[ "$(addresses other.example.org)" = '' ]
	run -2 rig_acmegate dns address
	[[ $output == *'no section [dns NAME] has address ='* ]]
}

@test "refusals have their own words, and what was not done is not noted as done" {
	dns_up bind hmac-sha256
	address_config 'address = elsewhere.example.org'
	run -1 rig_acmegate dns address
	[[ $output == *'REFUSED: it knows the key acmegate and does not let it change A and AAAA of elsewhere.example.org'* ]]
	! grep -qa '^[?=]' "$RIG_STATE/addresses" || false
	printf 'alias IN CNAME host\n' >>"$RIG_DIR/dns/example.org"
	rig_end_of nameserver KILL
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	rig_until 30 dns_answers
	address_config 'address = alias.example.org'
	run -1 rig_acmegate dns address
	[[ $output == *'alias.example.org: it is an alias (CNAME) of host.example.org, and has no addresses of its own'* ]]
	address_config 'address = host.example.org' 'zone = acme.example.net'
	run -2 rig_acmegate dns address
	[[ $output == *'address = host.example.org is not in zone = acme.example.net'* ]]
	printf 'key "acmegate" { algorithm hmac-sha256; secret "bm90LXRoZS1zZWNyZXQ="; };\n' >"$RIG_DIR/etc/key"
	address_config 'address = host.example.org'
	run -1 rig_acmegate dns address
	[[ $output == *'BADSIG: it knows the key acmegate, with another secret than that in'* ]]
	rig_end_of nameserver KILL
	run -75 rig_acmegate dns address
	[[ $output == *"$RIG_CA4: TCP port 53: Connection refused"* ]]
}

@test "PowerDNS whose policy refuses says that it has done it: that is seen" {
	dns_up pdns hmac-sha256
	rig_end_of nameserver KILL
	printf 'function updatepolicy(input)\n\treturn false\nend\n' >"$RIG_DIR/dns/policy.lua"
	echo "lua-dnsupdate-policy-script=$RIG_DIR/dns/policy.lua" >>"$RIG_DIR/dns/pdns.conf"
	dns_start pdns_server --config-dir="$RIG_DIR/dns"
	rig_until 30 dns_answers
	address_config 'address = host.example.org'
	run -75 rig_acmegate dns address
	[[ $output == *'says that it has made the change, and does not have it'* ]]
	has
}

# notes MARK ADDRESS...: exactly these have that mark
notes() { [ "$(awk -v mark="$1" '$1 == mark { print $4 }' "$RIG_STATE/addresses" | sort | xargs)" = "$(printf '%s\n' "${@:2}" | sort | xargs)" ]; }
moved() {
	own del "$1/24"
	own add "$2/24"
	ip -n "$RIG_HOST" route replace default via 10.77.0.1 dev home0
}

@test "an update without an answer, which the server makes at once, late or never: the address stays acmegate's, and what the next run says is so" {
	local fate=$RIG_DIR/dns/fate
	dns_up bind hmac-sha256
	tamper "$fate"
	DNS_SERVER=10.98.0.3 address_config 'address = host.example.org'
	rig_acmegate dns address
	echo lost >"$fate"
	moved 10.77.0.5 10.77.0.6
	run -75 rig_acmegate dns address
	[[ $output == *'10.98.0.3: no answer'* ]]
	has 10.77.0.6
	notes '?' 10.77.0.6
	notes '='
	rm "$fate"
	run -0 rig_acmegate dns address --if-changed
	notes '=' 10.77.0.6
	# Late: the look after it does not show the new address yet.
	moved 10.77.0.6 10.77.0.7
	echo late >"$fate"
	run -75 rig_acmegate dns address
	has 10.77.0.6
	notes '?' 10.77.0.7
	notes '=' 10.77.0.6
	rm "$fate"
	rig_until 30 has 10.77.0.7
	run -0 rig_acmegate dns address --if-changed
	[[ $output != *'acmegate has not set'* ]]
	notes '=' 10.77.0.7
	# Never: the note has the new TTL, the record the old one.
	DNS_SERVER=10.98.0.3 address_config 'address = host.example.org' 'address_ttl = 30'
	echo late >"$fate"
	run -75 rig_acmegate dns address
	rig_end_of tamper KILL
	rm "$fate"
	tamper "$fate"
	run -0 rig_acmegate dns address --if-changed
	[ "$(dns_zone | awk '$1 == "host.example.org." { print $2 }')" = 30 ]
	run -0 rig_acmegate dns address --remove
	has
}

@test "a note that finds no room: nothing is sent; one that a power cut has left without words gives its place" {
	dns_up bind hmac-sha256
	address_config 'address = host.example.org'
	mkdir -p "$RIG_STATE"
	mount -t tmpfs -o size=4k none "$RIG_STATE"
	head -c 4096 /dev/zero >"$RIG_STATE/full"
	run rig_acmegate dns address
	umount "$RIG_STATE"
	[ "$status" -eq 75 ]
	[[ $output == *'noting an address that is to go into the DNS: No space left on device'* ]]
	has
	head -c 512 /dev/zero >"$RIG_STATE/addresses"
	rig_acmegate dns address
	has 10.77.0.5
	[ "$(stat -c %s "$RIG_STATE/addresses")" = 512 ]
}

begin_address() {
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" dns address >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
}

is_held() { [ ! -s "$RIG_DIR/dns/fate" ]; }
# A run that is killed while the server has its update, and has not made it yet.
killed_meanwhile() {
	echo held >"$RIG_DIR/dns/fate"
	begin_address
	rig_until 30 is_held
	# shellcheck disable=SC2046
	rig_kill_at_once $(ip netns pids "$RIG_HOST")
	wait "$pid" || true
	rig_until 30 nobody_left
}

@test "killed between an update and its answer: what the server makes of it is acmegate's, and what it has not made is made by the next run" {
	dns_up bind hmac-sha256
	tamper "$RIG_DIR/dns/fate"
	DNS_SERVER=10.98.0.3 address_config 'address = host.example.org'
	rig_acmegate dns address
	moved 10.77.0.5 10.77.0.6
	killed_meanwhile
	notes '?' 10.77.0.6
	notes '=' 10.77.0.5
	rm "$RIG_DIR/dns/fate"
	rig_until 30 has 10.77.0.6
	moved 10.77.0.6 10.77.0.7
	run -0 rig_acmegate dns address --if-changed
	has 10.77.0.7
	notes '=' 10.77.0.7
	moved 10.77.0.7 10.77.0.8
	killed_meanwhile
	rig_end_of tamper KILL
	rm "$RIG_DIR/dns/fate"
	tamper "$RIG_DIR/dns/fate"
	has 10.77.0.7
	run -0 rig_acmegate dns address --if-changed
	has 10.77.0.8
	notes '=' 10.77.0.8
	notes '?'
}

@test "killed at any moment: the next run has the right address alone, and removes no more than its own (KILLS: how many)" {
	local round most=${KILLS:-6} unsure=0 old=10.77.0.5 new
	dns_up bind hmac-sha256
	address_config 'address = host.example.org'
	rig_acmegate dns address
	others >"$RIG_DIR/others"
	for ((round = 0; round < most; round++)); do
		new=10.77.0.$((20 + round))
		own del "$old/24"
		own add "$new/24"
		ip -n "$RIG_HOST" route replace default via 10.77.0.1 dev home0
		begin_address
		sleep "$(awk -v i="$round" -v most="$most" 'BEGIN { print 0.01 + 0.1 * i / most }')"
		# shellcheck disable=SC2046
		rig_kill_at_once $(ip netns pids "$RIG_HOST") 2>/dev/null || true
		wait "$pid" || true
		rig_until 60 nobody_left
		! grep -qa '^?' "$RIG_STATE/addresses" || unsure=$((unsure + 1))
		run -0 rig_acmegate dns address --if-changed
		has "$new"
		others | diff "$RIG_DIR/others" -
		old=$new
	done
	printf '# %s kills, %s of them between note and mark\n' "$most" "$unsure" >&3
}

running() { pgrep -P "$pid" -x "$1" >/dev/null; }
has_notes() { find "/proc/$pid/fd" -lname "$RIG_STATE/addresses" 2>/dev/null | grep -q .; }

@test "it goes on beside a renewal, and has no gate; two of it are one after the other" {
	dns_up bind hmac-sha256
	address_config 'address = host.example.org'
	rig_policy_drop | rig_nft -
	rig_before
	mkdir -p "$RIG_STATE"
	exec 9<"$RIG_STATE" && flock -x 9
	exec 8>"$RIG_STATE/addresses" && flock -x 8
	kill -s STOP "$(<"$RIG_DIR/nameserver.pid")"
	begin_address
	rig_until 30 has_notes
	sleep 0.5 # in which one that does not wait starts acmegate-dns
	! running acmegate-dns || false
	exec 8>&-
	rig_until 30 running acmegate-dns
	! running acmegate-gate || false
	kill -s CONT "$(<"$RIG_DIR/nameserver.pid")"
	wait "$pid"
	exec 9<&-
	rig_after
	has 10.77.0.5
}

# What "acmegate dns setup" prints, in the place of the rig's own rights.
pasted() {
	DNS_NAMES=(a.example.org)
	dns_up "$1" hmac-sha256
	{
		printf '[dns own]\nserver = %s\nkey_file = %s\naddress = host.example.org\n' "$RIG_CA4" "$RIG_DIR/etc/key"
		printf '[certificate one]\nchallenge = dns-01\nnames = a.example.org\n'
	} | rig_config
	rig_acmegate dns setup >"$RIG_DIR/setup"
	rig_end_of nameserver KILL
}
works() {
	rig_until 30 dns_answers
	run -0 rig_acmegate dns address
	has 10.77.0.5
	sed -i 's/^address = .*/address = elsewhere.example.org/' "$RIG_CONF"
	run rig_acmegate dns address
	[ "$status" -ne 0 ]
	[ "$(addresses elsewhere.example.org)" = '' ]
}

@test "what dns setup prints works: BIND" {
	pasted bind
	awk '/^update-policy/,/^}/' "$RIG_DIR/setup" >"$RIG_DIR/policy"
	sed -i '/update-policy {/,$d' "$RIG_DIR/dns/named.conf"
	{
		echo 'zone "example.org" { type primary; file "example.org";'
		cat "$RIG_DIR/policy"
		echo '};'
	} >>"$RIG_DIR/dns/named.conf"
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	works
}

@test "what dns setup prints works: Knot" {
	pasted knot
	awk '/^acl:/,/^$/' "$RIG_DIR/setup" | sed '/^$/d' >"$RIG_DIR/policy"
	sed -i -e '/^acl:/,/update-owner-name/{/^acl:/!d}' "$RIG_DIR/dns/knot.conf"
	sed -i -e "/^acl:/{r $RIG_DIR/policy
		d}" -e 's/acl: \[ acmegate.*transfer \]/acl: [ acmegate-own, acmegate-own-address, transfer ]/' "$RIG_DIR/dns/knot.conf"
	dns_start knotd -c "$RIG_DIR/dns/knot.conf"
	works
}

@test "what dns setup prints works: PowerDNS" {
	pasted pdns
	sed -n '/^local names/,/^end/p' "$RIG_DIR/setup" >"$RIG_DIR/dns/policy.lua"
	echo "lua-dnsupdate-policy-script=$RIG_DIR/dns/policy.lua" >>"$RIG_DIR/dns/pdns.conf"
	dns_start pdns_server --config-dir="$RIG_DIR/dns"
	works
}

# example NAME: that of acmegate-dns(7), for this rig
example() {
	awk -v name="$1" '$0 == ".\\\" example: " name { on = 1 } $0 == ".\\\" end" { on = 0 } on && !/^\./' "$RIG_ROOT/src/acmegate-dns.7" |
		sed -e "s,/var/lib/bind/,$RIG_DIR/dns/," -e "s,192\.0\.2\.53,$RIG_CA4," -e "s,/etc/acmegate/dns.key,$RIG_DIR/etc/key," \
			-e "s,^directory = .*,directory = https://$RIG_CA4:14000/dir\nca_file = $RIG_DIR/pki/ca.pem," \
			-e "s,^\[dns own\],[gate]\nuser = nobody\nstate = $RIG_STATE\n[dns own],"
}
# The zone and the key of the guide, beside those of the rig.
guided() {
	dns_up "$1" hmac-sha256
	rig_end_of nameserver KILL
	dns_zone_file internal.example.com | grep -v 'another client' >"$RIG_DIR/dns/internal.example.com"
	dns_key hmac-sha256 host
	example acmegate.conf >"$RIG_CONF"
}
guide_works() {
	rig_until 30 dns_answers
	dns_pebble
	run -0 rig_acmegate dns address
	[[ $output == *'host.internal.example.com: A 10.77.0.5 added'* ]]
	run -0 rig_acmegate renew-now
	rig_certificate host host.internal.example.com
	[ "$(dns_values "$RIG_CA4" internal.example.com)" = 'internal.example.com. 60 IN TXT "of somebody else"' ]
	sed -i 's/host\.internal/other.internal/' "$RIG_CONF"
	run rig_acmegate dns address
	[ "$status" -ne 0 ]
	[ -z "$(dns_zone "$RIG_CA4" internal.example.com | grep '^other')" ]
}

@test "acmegate-dns(7) from nothing to a certificate and an address: BIND" {
	guided bind
	{
		cat "$RIG_DIR/etc/key"
		example named.conf
	} >>"$RIG_DIR/dns/named.conf"
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
	guide_works
}

@test "acmegate-dns(7) from nothing to a certificate and an address: Knot" {
	guided knot
	sed -i -e "s/^key:/&\n  - id: host\n    algorithm: hmac-sha256\n    secret: ${DNS_SECRET//\//\\/}/" \
		-e "/^acl:/{r "<(example knot.conf | awk '/^zone:/ { exit } !/^acl:|^$/')"
		}" -e "/^zone:/{r "<(example knot.conf | awk '/^zone:/ { on = 1; next } on' | sed 's/host-address \]/host-address, transfer ]/')"
		}" "$RIG_DIR/dns/knot.conf"
	sed -i '/domain: internal/a\    file: internal.example.com' "$RIG_DIR/dns/knot.conf"
	dns_start knotd -c "$RIG_DIR/dns/knot.conf"
	guide_works
}

@test "acmegate-dns(7) from nothing to a certificate and an address: PowerDNS" {
	guided pdns
	{
		pdnsutil --config-dir="$RIG_DIR/dns" load-zone internal.example.com "$RIG_DIR/dns/internal.example.com"
		pdnsutil --config-dir="$RIG_DIR/dns" import-tsig-key host hmac-sha256 "$DNS_SECRET"
		pdnsutil --config-dir="$RIG_DIR/dns" set-meta internal.example.com TSIG-ALLOW-DNSUPDATE host
	} >"$RIG_DIR/dns/pdnsutil.log" 2>&1
	example policy.lua >"$RIG_DIR/dns/policy.lua"
	echo "lua-dnsupdate-policy-script=$RIG_DIR/dns/policy.lua" >>"$RIG_DIR/dns/pdns.conf"
	dns_start pdns_server --config-dir="$RIG_DIR/dns"
	guide_works
}
