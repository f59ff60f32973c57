# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# servers.sh - real name servers in the CA's network of the rig: BIND, Knot, PowerDNS. To be sourced behind rig.sh.
#
#	dns_up KIND ALGORITHM...	KIND (bind, knot, pdns) has the zone example.org, and a key for each algorithm, which may change DNS_NAMES:
#					the first is "acmegate" in etc/key, others are "acmegate-ALGORITHM" in etc/key-ALGORITHM
#	DNS_CLOCK			for how many seconds the server's clock is ahead
#	dns_values [SERVER]		the TXT records of the zone, sorted
#	dns_zone			the whole zone but for its serial
#	dns_key				a file for [dns NAME] key_file

DNS_SECRET=c2VjcmV0LW9mLXRoaXJ0eS10d28tYnl0ZXMtZm9yLWFjbWU=
DNS_NAMES=(a.example.org b.example.org example.org www.example.org)
DNS_ADDRESS_NAMES=() # whose A and AAAA the key may change

dns_key() { # ALGORITHM [NAME [FILE]]
	printf 'key "%s" {\n\talgorithm %s;\n\tsecret "%s";\n};\n' "${2:-acmegate}" "$1" "$DNS_SECRET" >"$RIG_DIR/etc/${3:-key}"
	chmod 0600 "$RIG_DIR/etc/${3:-key}"
}
# Their names, and all keys as "NAME ALGORITHM".
dns_key_names() { dns_keys "$@" | cut -d' ' -f1; }
dns_keys() {
	local algorithm
	echo "acmegate $1"
	for algorithm in "${@:2}"; do echo "acmegate-$algorithm $algorithm"; done
}

dns_zone_file() { # ZONE
	cat <<-ZONE
		\$ORIGIN $1.
		\$TTL 60
		@ IN SOA ns1.$1. admin.$1. 1 3600 600 86400 60
		@ IN NS ns1.$1.
		ns1 IN A $RIG_CA4
		ns1 IN AAAA $RIG_CA6
		@ IN A $RIG_HOST4
		a IN A $RIG_HOST4
		b IN A $RIG_HOST4
		www IN A $RIG_HOST4
		@ IN TXT "of somebody else"
		_acme-challenge.a IN TXT "of another client"
	ZONE
}

dns_answers() { rig_host dig +tcp +short +time=1 +tries=1 "@$RIG_CA4" example.org SOA | grep -q '^ns1'; }

dns_up() {
	local algorithm
	dns_down
	rm -rf "$RIG_DIR/dns"
	mkdir -p "$RIG_DIR/dns"
	dns_zone_file example.org >"$RIG_DIR/dns/example.org"
	rm -f "$RIG_DIR"/etc/key*
	dns_key "$2"
	for algorithm in "${@:3}"; do dns_key "$algorithm" "acmegate-$algorithm" "key-$algorithm"; done
	"dns_$1" "${@:2}"
	echo "$1" >"$RIG_DIR/dns/kind"
	rig_until 30 dns_answers
	# The CA's resolver is this server.
	mkdir -p "/etc/netns/$RIG_HOST"
	echo "nameserver $RIG_CA4" >"/etc/netns/$RIG_HOST/resolv.conf"
}

dns_down() {
	rig_end_of nameserver KILL
	rm -rf "/etc/netns/$RIG_HOST"
}

dns_start() {
	local clock=()
	if [ -n "${DNS_CLOCK:-}" ]; then
		cc -O2 -shared -fPIC -o "$RIG_DIR/dns/skew.so" "$RIG_ROOT/tests/dns/skew.c" || return
		clock=(env LD_PRELOAD="$RIG_DIR/dns/skew.so" SKEW="$DNS_CLOCK")
	fi
	ip netns exec "$RIG_CA" "${clock[@]}" "$@" >"$RIG_DIR/dns/log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/nameserver.pid"
}

# Zones beside the first are those in DNS_MORE, lines of named.conf.
dns_bind() {
	local name key
	{
		cat "$RIG_DIR"/etc/key*
		cat <<-CONF
			options {
				directory "$RIG_DIR/dns"; pid-file none; session-keyfile none;
				listen-on port 53 { $RIG_CA4; 127.0.0.1; }; listen-on-v6 port 53 { $RIG_CA6; fe80::53; };
				recursion no; dnssec-validation no; allow-transfer { any; }; notify no; ${DNS_OPTIONS:-}
			};
			controls { };
			zone "example.org" { type primary; file "example.org"; update-policy {
		CONF
		for key in $(dns_key_names "$@"); do
			for name in "${DNS_NAMES[@]}"; do echo "grant $key name _acme-challenge.$name. TXT;"; done
			for name in "${DNS_ADDRESS_NAMES[@]}"; do echo "grant $key name $name. A AAAA;"; done
		done
		printf '}; };\n%s\n' "${DNS_MORE:-}"
	} >"$RIG_DIR/dns/named.conf"
	dns_start named -g -n 1 -c "$RIG_DIR/dns/named.conf"
}

dns_knot_addresses() {
	[ ${#DNS_ADDRESS_NAMES[@]} -gt 0 ] || return 0
	printf '  - id: address\n    key: acmegate\n    action: update\n    update-type: [ A, AAAA ]\n    update-owner: name\n'
	printf '    update-owner-match: equal\n    update-owner-name: [ %s ]\n' "$(printf '%s.\n' "${DNS_ADDRESS_NAMES[@]}" | paste -s -d ,)"
}

dns_knot() {
	local names keys
	keys=$(dns_key_names "$@" | paste -s -d ,)
	names=$(printf ', _acme-challenge.%s.' "${DNS_NAMES[@]}")
	cat >"$RIG_DIR/dns/knot.conf" <<-CONF
		server:
		    listen: [ $RIG_CA4@53, $RIG_CA6@53, 127.0.0.1@53 ]
		    rundir: $RIG_DIR/dns
		    tcp-workers: 1
		    udp-workers: 1
		    background-workers: 1
		database:
		    storage: $RIG_DIR/dns
		key:
		$(dns_keys "$@" | sed -E "s/(.*) (.*)/  - id: \\1\\n    algorithm: \\2\\n    secret: ${DNS_SECRET//\//\\/}/")
		acl:
		  - id: acmegate
		    key: [ $keys ]
		    action: update
		    update-type: TXT
		    update-owner: name
		    update-owner-match: equal
		    update-owner-name: [ ${names#, } ]
		$(dns_knot_addresses)
		  - id: transfer
		    address: [ $RIG_CA4, $RIG_HOST4, 127.0.0.1 ]
		    action: transfer
		template:
		  - id: default
		    storage: $RIG_DIR/dns
		    zonefile-sync: -1
		    zonefile-load: difference
		    journal-content: changes
		    acl: [ acmegate, ${DNS_ADDRESS_NAMES:+address,} transfer ]
		zone:
		  - domain: example.org
		    file: example.org
	CONF
	dns_start knotd -c "$RIG_DIR/dns/knot.conf"
}

dns_pdns() {
	local base=$RIG_DIR/dns/pdns.sqlite3 name algorithm
	sqlite3 "$base" </usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql
	cat >"$RIG_DIR/dns/pdns.conf" <<-CONF
		launch=gsqlite3
		gsqlite3-database=$base
		local-address=$RIG_CA4,$RIG_CA6,127.0.0.1
		local-port=53
		dnsupdate=yes
		allow-dnsupdate-from=0.0.0.0/0,::/0
		disable-axfr=no
		allow-axfr-ips=0.0.0.0/0
		socket-dir=$RIG_DIR/dns
		daemon=no
		guardian=no
		loglevel=4
		cache-ttl=0
		query-cache-ttl=0
		negquery-cache-ttl=0
	CONF
	{
		pdnsutil --config-dir="$RIG_DIR/dns" load-zone example.org "$RIG_DIR/dns/example.org"
		dns_keys "$@" | while read -r name algorithm; do
			pdnsutil --config-dir="$RIG_DIR/dns" import-tsig-key "$name" "$algorithm" "$DNS_SECRET"
		done
		# shellcheck disable=SC2046
		pdnsutil --config-dir="$RIG_DIR/dns" set-meta example.org TSIG-ALLOW-DNSUPDATE $(dns_key_names "$@")
	} >"$RIG_DIR/dns/pdnsutil.log" 2>&1 || return
	dns_start pdns_server --config-dir="$RIG_DIR/dns"
}

dns_zone() {
	rig_ca dig +tcp +noall +answer "@${1:-$RIG_CA4}" "${2:-example.org}" AXFR | tr -s '\t ' ' ' | awk '$4 == "SOA" { $7 = "SERIAL" } 1' | sort
}
dns_values() { dns_zone "$@" | awk '$4 == "TXT"'; }

# Pebble, whose resolver is the name server of the test.
dns_pebble() {
	RIG_RESOLVER=127.0.0.1:53 rig_pebble "$@"
}

# Is all of it here?
dns_have() {
	local program
	for program in named knotd pdns_server pdnsutil sqlite3 dig; do
		command -v "$program" >/dev/null || DNS_MISSING="$program is not installed"
	done
	[ -x "$RIG_BUILD/acmegate-dns" ] || DNS_MISSING='acmegate-dns was not built (--without-dns)'
	[ -z "${DNS_MISSING:-}" ]
}
