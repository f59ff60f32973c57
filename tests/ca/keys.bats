#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Keys that outlive a certificate: reuse_key, with the next key announced before it is used (DANE), TLSA records; and keys that are
# elsewhere: csr.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
	rig_policy_drop | rig_nft -
	rig_pebble
	[ -n "${RIG_BUILT:-}" ] || make -s -C "$RIG_BUILD" tests/lib/ledger
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() { source "$BATS_TEST_DIRNAME/../lib/rig.sh"; }

teardown() { [ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"; }

# configure [LINE...]: one certificate, mx.test, for two names and an address, with these lines
configure() { { rig_sections "mx.test,imap.mx.test,$RIG_HOST4"; printf '%s\n' "$@"; } | rig_config; }
# An independent way to the same figure.
live_hash() {
	openssl x509 -in "$(rig_live mx.test)/cert.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d ' ' -f 1
}
key_hash() { openssl pkey -in "$1" -pubout -outform DER | sha256sum | cut -d ' ' -f 1; }
serial() { openssl x509 -in "$(rig_live mx.test)/cert.pem" -noout -serial; }
next=ledger/mx.test~next
# announced: the hash of the next key, as printed
announced() { rig_acmegate tlsa mx.test 2>/dev/null | sed -n '/the next key/{n;s/.* 3 1 1 //p}'; }

@test "a key and its TLSA record stay for three renewals, and change at the fourth as was announced" {
	configure 'reuse_key = 3'
	rig_acmegate renew
	first=$(live_hash)
	second=$(announced)
	[ "$second" = "$(key_hash "$RIG_STATE/$next")" ]
	[ "$second" != "$first" ]
	[ "$(stat -c %U:%a "$RIG_STATE/$next")" = root:600 ]
	# The next key is two days old at the last renewal before it is used.
	"$RIG_BUILD/tests/lib/ledger" "$RIG_STATE/ledger" mx.test age $((48 * 3600))
	for left in 3 2 1 0; do
		run -0 rig_acmegate tlsa mx.test
		[[ $output == "; mx.test: the key in use, for $left more renewal"* ]]
		[ "$(grep -c "^_25\._tcp\.\(imap\.\)\?mx\.test\. IN TLSA 3 1 1 $first\$" <<<"$output")" = 2 ]
		[ "$(grep -c "^_25\._tcp\.\(imap\.\)\?mx\.test\. IN TLSA 3 1 1 $second\$" <<<"$output")" = 2 ]
		[ "$(grep -c TLSA <<<"$output")" = 4 ]
		before=$(serial)
		rig_acmegate renew-now mx.test
		[ "$(serial)" != "$before" ]
		[ "$left" = 0 ] || [ "$(live_hash)" = "$first" ]
	done
	[ "$(live_hash)" = "$second" ]
	[ "$(key_hash "$(rig_live mx.test)/privkey.pem")" = "$second" ]
	# Another one is announced at once, before any hook asks.
	third=$(announced)
	[ "$third" = "$(key_hash "$RIG_STATE/$next")" ]
	[ "$third" != "$first" ]
	[ "$third" != "$second" ]
	# A client that verifies by these records alone.
	run -0 rig_acmegate tlsa --port 993 mx.test
	record=$(sed -n 's/^_993\._tcp\.mx\.test\. IN TLSA //p' <<<"$output" | head -n 1)
	ip netns exec "$RIG_HOST" openssl s_server -quiet -accept 127.0.0.1:993 -cert "$(rig_live mx.test)/fullchain.pem" \
		-key "$(rig_live mx.test)/privkey.pem" >/dev/null 2>&1 3>&- &
	server=$!
	dane() { rig_host openssl s_client -brief -connect 127.0.0.1:993 -dane_tlsa_domain mx.test -dane_tlsa_rrdata "$1" -verify_return_error \
		</dev/null 2>&1 | grep -q '^Verification: OK'; }
	rig_until 30 dane "$record" || { rig_end $server; false; }
	! dane "3 1 1 $first" || { rig_end $server; false; }
	rig_end $server
}

@test "the next key is on the disk before the ledger names it, and reuse_key alone is no reason for an order" {
	command -v strace >/dev/null || skip 'strace is not installed'
	rm -rf "$RIG_STATE"/{ledger,certificates}/mx.test*
	configure
	rig_acmegate renew
	first=$(live_hash) before=$(serial)
	configure 'reuse_key = yes' 'key = rsa2048'
	run -0 rig_host strace -f -qq -y -o "$RIG_DIR/trace" -e trace=fsync,fdatasync,renameat,renameat2,rename "$RIG_ACMEGATE" -c "$RIG_CONF" renew
	[[ $output == *'mx.test: its next key is made'*'nothing is due'* ]]
	[ "$(serial)" = "$before" ]
	# A file that is brought to the disk, gets its name, and the directory, before the ledger gets its own.
	sed -nE 's/^[0-9]+ +(fsync|fdatasync)\([0-9]+<([^>]*)>.*/sync \2/p; s/^[0-9]+ +rename[a-z0-9]*\(.*"([^"]*)"[^"]*\) = 0$/name \1/p' "$RIG_DIR/trace" >"$RIG_DIR/calls"
	sed -n '/~next/,$p' "$RIG_DIR/calls" >"$RIG_DIR/order"
	sed '/~next/,$d' "$RIG_DIR/calls" >"$RIG_DIR/earlier"
	[ "$(grep -n 'name mx.test~next$' "$RIG_DIR/order" | cut -d : -f 1)" = 2 ]
	[ "$(sed -n 1p "$RIG_DIR/order")" = "sync $RIG_STATE/ledger/.tmp-mx.test~next" ]
	[ "$(sed -n 3p "$RIG_DIR/order")" = "sync $RIG_STATE/ledger" ]
	grep -q 'name mx.test$' "$RIG_DIR/order"
	run ! grep 'name mx.test$' "$RIG_DIR/earlier"
	[ "$(announced)" = "$(key_hash "$RIG_STATE/$next")" ]
	openssl pkey -in "$RIG_STATE/$next" -noout -text | grep -q '2048 bit'
	# `key` is that of the next one: the certificate keeps its own.
	rig_acmegate renew-now mx.test
	[ "$(live_hash)" = "$first" ]
	run -0 rig_acmegate tlsa
	[[ $output == '; mx.test: the key in use, for all renewals'* ]]
	# What was removed by hand is not printed, and is made again by the next run.
	rm "$RIG_STATE/$next"
	[ -z "$(announced)" ]
	run -0 rig_acmegate renew
	[[ $output == *'its next key is another one now'* ]]
	[ "$(announced)" = "$(key_hash "$RIG_STATE/$next")" ]
}

@test "tlsa takes no lock, needs no right, starts no process and changes nothing" {
	command -v strace >/dev/null || skip 'strace is not installed'
	configure 'reuse_key = yes'
	rig_acmegate renew-now mx.test
	expected=$(rig_acmegate tlsa mx.test)
	sum() { find "$RIG_STATE" -type f -printf '%p %i %T@\n' | sort; }
	sum >"$RIG_DIR/sum"
	exec {lock}<"$RIG_STATE/journal"
	flock "$lock"
	run -75 rig_acmegate plan
	run -0 rig_host strace -f -qq -o "$RIG_DIR/trace" -e trace=execve,execveat,clone,clone3,fork,vfork,socket,flock,fcntl \
		setpriv --bounding-set -all --inh-caps -all "$RIG_ACMEGATE" -c "$RIG_CONF" tlsa mx.test
	exec {lock}<&-
	[ "$output" = "$expected" ]
	[ "$(grep -c 'execve' "$RIG_DIR/trace")" = 2 ] # setpriv and acmegate
	run ! grep -E 'clone|fork\(|AF_NETLINK|LOCK_|F_(OFD_)?SETLK' "$RIG_DIR/trace"
	sum | cmp - "$RIG_DIR/sum"
	# What it cannot say.
	run -2 rig_acmegate tlsa mail
	[[ $output == *"there is no [certificate mail]"* ]]
	run -2 rig_acmegate tlsa --port 0
	[[ $output == *'--port 0: expected 1 to 65535'* ]]
	configure
	run -0 rig_acmegate tlsa mx.test
	[[ $output == *'until the next renewal: there is no reuse_key'* ]]
	[ "$(grep -c TLSA <<<"$output")" = 2 ]
	rig_sections new.test | rig_config
	run -1 rig_acmegate tlsa
	[[ $output == *'new.test: no run has noted a key of it yet; acmegate -v renew does'* ]]
	sed -i "s,^state = .*,state = $RIG_DIR/nothing," "$RIG_CONF"
	run -1 rig_acmegate tlsa
	[ ! -e "$RIG_DIR/nothing" ]
}

# request NAME SAN [OPTION...]: a request, as made where the key is
request() {
	rm -f "$RIG_DIR/etc/$1.csr"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$RIG_DIR/$1.key" -out "$RIG_DIR/etc/$1.csr" \
		-subj / -addext "subjectAltName = $2" "${@:3}" 2>/dev/null
}
csr_config() { { rig_sections "hsm.test,www.hsm.test" other.test | sed "s,^\[certificate other,csr = $RIG_DIR/etc/hsm.csr\n&,"; printf '%s\n' "$@"; } | rig_config; }
files() { find "$(rig_live hsm.test)/" -type f -printf '%f\n' | sort | paste -sd ' '; }
of_key() { openssl x509 -in "$(rig_live hsm.test)/cert.pem" -noout -pubkey | cmp -s - <(openssl pkey -in "$RIG_DIR/$1.key" -pubout); }

@test "a certificate for a request whose key is elsewhere, and for another request at once" {
	request hsm DNS:hsm.test,DNS:www.hsm.test
	csr_config
	rig_before
	run -0 rig_acmegate renew
	rig_after
	of_key hsm
	[ "$(files)" = 'cert.pem chain.pem directory fullchain.pem keyless' ]
	[ -e "$(rig_live other.test)/privkey.pem" ]
	run ! grep -rl 'PRIVATE KEY' "$RIG_STATE/certificates/hsm.test" "$RIG_STATE"/ledger/hsm.test*
	cmp <(cat "$(rig_live hsm.test)"/{cert,chain}.pem) "$(rig_live hsm.test)/fullchain.pem"
	run -0 rig_acmegate tlsa hsm.test
	[[ $output == *'the key in use, which is elsewhere'*"IN TLSA 3 1 1 $(key_hash "$RIG_DIR/hsm.key")"* ]]
	# The same request again, as DER: that is another content, and no reason to wait for the end of the certificate.
	run -0 rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
	cp "$RIG_DIR/hsm.key" "$RIG_DIR/first.key"
	request hsm DNS:hsm.test,DNS:www.hsm.test -outform DER
	run -0 rig_acmegate renew
	[[ $output == *'hsm.test: valid until '*', but the request (csr) is another'*'hsm.test is stored'* ]]
	of_key hsm
	run -0 rig_acmegate renew
	[[ $output == *'nothing is due'* ]]
	# Killed when the CA has the order, or has made the certificate: the next run has it, for the same request.
	run rig_host timeout -s KILL 0.5 "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now hsm.test
	rig_until 30 rig_acmegate renew-now hsm.test
	of_key hsm
	[ "$(files)" = 'cert.pem chain.pem directory fullchain.pem keyless' ]
}

@test "a request that the CA could not take is explained, before the CA is asked and with the port shut; the others are renewed" {
	request hsm DNS:hsm.test,DNS:www.hsm.test
	csr_config
	rig_acmegate renew
	serial=$(openssl x509 -in "$(rig_live hsm.test)/cert.pem" -noout -serial)
	# wrong TEXT: what is said of the request; nothing is asked, the certificate in use stays
	wrong() {
		rig_before
		run -1 rig_acmegate renew
		[[ $output == *"certificate hsm.test: $RIG_DIR/etc/hsm.csr (csr): $1"* ]]
		run -1 rig_acmegate renew-now hsm.test
		[[ $output == *"$1"* && $output != *'port 80 open'* && $output != *'account:'* ]]
		rig_after
		rig_never_open
		[ "$(openssl x509 -in "$(rig_live hsm.test)/cert.pem" -noout -serial)" = "$serial" ]
	}
	request hsm DNS:hsm.test
	wrong 'www.hsm.test is in names, but not among its alternative names (subjectAltName): make the request for all names'
	request hsm DNS:hsm.test,DNS:www.hsm.test,DNS:more.hsm.test
	wrong 'it is for more.hsm.test, too: add that to names'
	request hsm DNS:hsm.test,DNS:www.hsm.test -subj /CN=mail
	wrong 'its common name is "mail"'
	cp "$RIG_DIR/hsm.key" "$RIG_DIR/etc/hsm.csr"
	wrong 'it is no certificate request (PKCS#10, PEM or DER)'
	run -1 rig_acmegate renew-now
	[[ $output == *'other.test is stored'* ]]
	# What the configuration cannot say.
	rm "$RIG_DIR/etc/hsm.csr"
	run -2 rig_acmegate renew
	[[ $output == *"csr: $RIG_DIR/etc/hsm.csr: No such file or directory; put the request there"* ]]
	request hsm DNS:hsm.test,DNS:www.hsm.test
	chmod 0666 "$RIG_DIR/etc/hsm.csr"
	run -2 rig_acmegate renew
	[[ $output == *'chmod go-w'* ]]
}

@test "with csr, and without it again, the certificate in use stays until another one takes its place" {
	request hsm DNS:hsm.test,DNS:www.hsm.test
	csr_config
	rig_acmegate renew-now hsm.test
	live=$(readlink "$(rig_live hsm.test)")
	rig_sections hsm.test,www.hsm.test | rig_config
	rig_pebble_end
	run -75 rig_acmegate renew
	[ "$(readlink "$(rig_live hsm.test)")" = "$live" ]
	of_key hsm
	rig_pebble
	run -0 rig_acmegate renew-now
	[ -e "$(rig_live hsm.test)/privkey.pem" ]
	csr_config
	run -0 rig_acmegate renew
	[[ $output == *'hsm.test: valid until '*', but the request (csr) is another'* ]]
	of_key hsm
}
