#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# import: accounts and certificates of certbot and lego, as Debian packages them, and PEM files. Nothing is ordered.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
	rig_pebble
	cat >"$RIG_DIR/client" <<-'SH'
		#!/bin/sh
		# Every client looks for trusted certificates here. ip-netns has given us mounts of our own.
		mount --bind "$REQUESTS_CA_BUNDLE" /etc/ssl/certs/ca-certificates.crt && exec "$@"
	SH
	chmod 0755 "$RIG_DIR/client"
	export URL=https://$RIG_CA4:14000/dir REQUESTS_CA_BUNDLE=$RIG_DIR/pki/ca.pem
	# The clients open the firewall themselves.
	rig_nft - </dev/null
	if command -v certbot >/dev/null; then
		for names in "-d b1.example.test -d b2.example.test" "-d b3.example.test --key-type rsa"; do
			# shellcheck disable=SC2086 # words
			in_host certbot certonly --standalone -n --agree-tos -m admin@example.test --no-eff-email --server "$URL" $names \
				--config-dir "$RIG_DIR/certbot" --work-dir "$RIG_DIR/w" --logs-dir "$RIG_DIR/l"
		done
	fi
	if command -v lego >/dev/null; then
		in_host lego --server "$URL" --accept-tos --email admin@example.test --path "$RIG_DIR/lego" --key-type rsa2048 --http \
			--http.port :80 -d l1.example.test -d l2.example.test run
	fi
}

in_host() { rig_host "$RIG_DIR/client" "$@" >>"$RIG_DIR/clients.log" 2>&1 || { cat "$RIG_DIR/clients.log" >&2; return 1; }; }

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	URL=https://$RIG_CA4:14000/dir
	rm -rf "$RIG_STATE" "$RIG_DIR/copy"
	rig_policy_drop | rig_nft -
	printf '[acme]\ndirectory = %s\nca_file = %s\n[gate]\nuser = nobody\nstate = %s\n' "$URL" "$RIG_DIR/pki/ca.pem" "$RIG_STATE" >"$RIG_CONF"
	# Requests that the CA has answered: none of an import, and none for an account or an order afterwards.
	requests=$(asked)
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "${stderr:-}"
	rig_end_of probe
}

needs() { command -v "$1" >/dev/null || skip "$1 is not installed"; }
asked() { grep -cE '(GET|POST|HEAD) /' "$RIG_DIR/pebble.log"; }
asked_for() { grep -cE "POST /$1" "$RIG_DIR/pebble.log"; }

# imports ARGUMENTS...: without a window or a word to the CA; what it prints is $output, what it logs $stderr
imports() {
	rig_before
	run --separate-stderr rig_acmegate import "$@"
	rig_after
	rig_never_open
	[ "$(asked)" = "$requests" ]
}

# sections: what was printed goes where it says
sections() { printf '%s\n' "$output" >>"$RIG_CONF"; }

# public FILE...: the public key, PEM or certbot's JSON
public() { openssl pkey -pubout <"$1"; }

# is_same STORED CLIENT: the same certificate, with that key
is_same() {
	local live
	live=$(rig_live "$1")
	diff <(openssl x509 -noout -fingerprint -sha256 -in "$live/cert.pem") <(openssl x509 -noout -fingerprint -sha256 -in "$2") &&
		diff <(openssl x509 -noout -pubkey -in "$live/cert.pem") <(public "$live/privkey.pem") &&
		cat "$live/cert.pem" "$live/chain.pem" | cmp - "$live/fullchain.pem" &&
		[ "$(cat "$live/directory")" = "$URL" ] && [ "$(stat -L -c %a:%u "$live/privkey.pem")" = 600:0 ]
}

# renews NAME...: nothing is due, and the account is what the CA knows: an order made with it needs no other one
renews() {
	local accounts orders
	accounts=$(asked_for sign-me-up) orders=$(asked_for order-plz)
	run rig_acmegate -v renew
	[ "$status" -eq 0 ]
	for name; do [[ $output == *"certificate $name: valid until "*", renewed from "* ]]; done
	[[ $output == *'nothing is due'* ]]
	[ "$(asked_for order-plz)" = "$orders" ]
	rm -f "$RIG_STATE/due"
	run rig_acmegate renew-now "$1"
	[ "$status" -eq 0 ]
	[ "$(asked_for sign-me-up)" = "$accounts" ]
	[ "$(asked_for order-plz)" = $((orders + 1)) ]
}

@test "certbot's accounts and certificates" {
	needs certbot
	imports certbot --from "$RIG_DIR/certbot"
	[ "$status" -eq 0 ]
	is_same b1.example.test "$RIG_DIR/certbot/live/b1.example.test/cert.pem"
	is_same b3.example.test "$RIG_DIR/certbot/live/b3.example.test/cert.pem"
	[ "$(cat "$RIG_STATE"/accounts/*/url)" = "$(jq -r .uri "$RIG_DIR"/certbot/accounts/*/*/*/regr.json)" ]
	sections
	renews b1.example.test b3.example.test
	grep -x 'key = rsa2048' "$RIG_CONF"
	# A second time: all of it is there.
	requests=$(asked)
	find "$RIG_STATE" -printf '%P %l %T@\n' | grep -vE 'journal|windows' | sort >"$RIG_DIR/store"
	imports certbot --from "$RIG_DIR/certbot"
	[ "$status" -eq 0 ] && [ -z "$output" ]
	[[ $stderr == *"$RIG_STATE/certificates/b1.example.test/live is there, and stays"* ]]
	[[ $stderr == *"has an account for $URL, which stays"* ]]
	find "$RIG_STATE" -printf '%P %l %T@\n' | grep -vE 'journal|windows' | sort | diff "$RIG_DIR/store" -
}

@test "certificates of two CAs; what is no longer valid, or has a wildcard, is left out" {
	needs certbot
	cp -a "$RIG_DIR/certbot" "$RIG_DIR/copy"
	local accounts=$RIG_DIR/copy/accounts/$RIG_CA4:14000 one
	cp -r "$accounts/dir" "$accounts/other"
	sed -i "s,^server = .*,server = ${URL%dir}other," "$RIG_DIR/copy/renewal/b3.example.test.conf"
	for one in wild past; do
		mkdir "$RIG_DIR/copy/live/$one"
		cp "$RIG_DIR/copy/renewal/b1.example.test.conf" "$RIG_DIR/copy/renewal/$one.conf"
	done
	cd "$RIG_DIR/copy/live"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout wild/privkey.pem -out wild/fullchain.pem -subj / -days 9 \
		-addext 'subjectAltName=DNS:a.test,DNS:*.b.test' -addext basicConstraints=CA:FALSE
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout past/privkey.pem -out past/csr -subj /CN=a.test
	printf '%s\n' '[ca]' default_ca=d '[d]' database=past/index new_certs_dir=past rand_serial=yes default_md=sha256 policy=p \
		x509_extensions=e '[p]' commonName=optional '[e]' subjectAltName=DNS:a.test >past/conf
	: >past/index
	openssl ca -batch -notext -config past/conf -selfsign -keyfile past/privkey.pem -in past/csr -startdate 20200101000000Z \
		-enddate 20200201000000Z -out past/fullchain.pem
	imports certbot --from "$RIG_DIR/copy"
	[ "$status" -eq 0 ]
	[[ $stderr == *"live/wild/fullchain.pem: left out: it has a wildcard"* ]]
	[[ $stderr == *"live/past/fullchain.pem: left out: it expired on"* ]]
	[ "$(ls "$RIG_STATE/accounts" | wc -l)" = 2 ]
	[ "$(cat "$(rig_live b3.example.test)/directory")" = "${URL%dir}other" ]
	[ ! -e "$RIG_STATE/certificates/wild" ] && [ ! -e "$RIG_STATE/certificates/past" ]
	sections
	[ "$(grep -c '^directory = ' "$RIG_CONF")" = 2 ]
	run rig_acmegate renew
	[ "$status" -eq 0 ]
	[[ $output == *'certificate b1.example.test: valid until '* && $output == *'certificate b3.example.test: valid until '* ]]
}

@test "lego's, into sections that the configuration has" {
	needs lego
	cat >>"$RIG_CONF" <<-CONF
		[certificate web]
		names = l2.example.test l1.example.test
		key = rsa2048
		mode = 0640
	CONF
	imports lego --from "$RIG_DIR/lego"
	[ "$status" -eq 0 ] && [ -z "$output" ]
	chmod 0600 "$(rig_live web)/privkey.pem"
	is_same web "$RIG_DIR/lego/certificates/l1.example.test.crt"
	[ "$(cat "$RIG_STATE"/accounts/*/url)" = "$(jq -r .registration.uri "$RIG_DIR"/lego/accounts/*/*/account.json)" ]
	renews web
	[ "$(stat -L -c %a "$(rig_live web)/privkey.pem")" = 640 ]
}

# The account is that of lego or, with certbot's JSON, of certbot.
@test "PEM files, in any sequence, and the key of an account" {
	needs lego
	local at=$RIG_DIR/lego/certificates/l1.example.test
	imports "$at.issuer.crt" "$at.crt" "$at.key" --account-key "$RIG_DIR"/lego/accounts/*/*/keys/*.key
	[ "$status" -eq 0 ]
	is_same l1.example.test "$at.crt"
	sections
	# The URL is not known: the CA tells it, and makes no other account.
	run rig_acmegate renew-now
	[ "$status" -eq 0 ]
	[[ $output == *"account: $(jq -r .registration.uri "$RIG_DIR"/lego/accounts/*/*/account.json)"* ]]
}

# damaged WORD COMMAND...: after this command in a copy of lego's directory the import fails, names a file and says that word; nothing is stored
damaged() {
	local word=$1
	shift
	rm -rf "$RIG_DIR/copy"
	cp -r "$RIG_DIR/lego" "$RIG_DIR/copy"
	(cd "$RIG_DIR/copy" && "$@")
	run --separate-stderr rig_acmegate import lego --from "$RIG_DIR/copy"
	[ "$status" -ne 0 ] && [[ $stderr == *"$RIG_DIR/copy/"*"$word"* ]] && [ -z "$output" ] &&
		[ -z "$(find "$RIG_STATE/certificates" "$RIG_STATE/accounts" -type f 2>/dev/null)" ] || {
		echo "$word: $status $output $stderr"
		return 1
	}
}

@test "what is damaged, or does not belong together: an error with the file, and nothing is imported" {
	needs lego
	local at=certificates/l1.example.test
	damaged 'does not belong to' sh -c "openssl ecparam -genkey -name prime256v1 >$at.key"
	damaged 'has a passphrase' openssl pkey -in "$RIG_DIR/lego/$at.key" -aes128 -passout pass:x -out "$at.key"
	damaged 'no private key' sh -c "cat $at.issuer.crt >$at.key"
	damaged 'no end' truncate -s 500 "$at.key"
	damaged 'is damaged' truncate -s 800 "$at.crt"
	damaged 'chain has' sed -i '3s/^.........../!!!!!!!!!!!/' "$at.crt"
	damaged 'No such file' rm "$at.crt"
	damaged 'is empty' truncate -s 0 "$at.crt"
	damaged 'not a regular file' sh -c "rm $at.crt && mkfifo $at.crt"
	damaged 'type that acmegate does not use' sh -c "openssl genpkey -algorithm ed25519 >$at.key"
	damaged "account's URL" sh -c 'for file in accounts/*/*/account.json; do echo "{}" >"$file"; done'
	damaged 'neither PEM nor' sh -c 'for key in accounts/*/*/keys/*; do echo "{" >"$key"; done'
	damaged 'too long' sh -c "head -c 100000 /dev/zero >>$at.crt"
	damaged 'Name it with --from' rm -r accounts
}
