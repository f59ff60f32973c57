#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs of the timer with nothing due, as nearly all are. The second such run believes the first one, unless something has changed.
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
	rig_policy_drop | rig_nft -
	rig_pebble
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	[ -L "$(rig_live one.test)" ] && return
	rig_config one.test two.test
	rig_acmegate renew
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
}

quick='nothing has changed since'
# renews STATUS TEXT: what a run of the timer says
renews() {
	run rig_acmegate renew
	[ "$status" -eq "$1" ]
	[[ $output == *"$2"* ]]
}
# Three runs: the first one may ask the CA when to renew, the second one may look at all certificates, the last one is quick; so is what
# comes next, unless a test changes something.
settle() {
	renews 0 'nothing is due'
	renews 0 'nothing is due'
	renews 0 "$quick"
}

@test "the second run reads no certificate, starts no process but the gate, sends nothing and changes nothing" {
	settle
	rig_before
	run rig_host strace -f -qq -o "$RIG_DIR/trace" -e trace=execve,execveat,clone,clone3,fork,vfork,connect,openat,sendto,sendmsg \
		"$RIG_ACMEGATE" -c "$RIG_CONF" renew
	[ "$status" -eq 0 ]
	[[ $output == *"$quick"* ]]
	[ "$(grep -cE 'execve(at)?\(' "$RIG_DIR/trace")" = 2 ]
	[ "$(grep -c 'execveat(.*acmegate-gate' "$RIG_DIR/trace")" = 1 ]
	[ "$(grep -cE '(clone3?|v?fork)\(' "$RIG_DIR/trace")" = 1 ]
	run ! grep -E "connect.*AF_INET|certificates/.*pem|NFT_MSG_(NEW|DEL)|BATCH_BEGIN" "$RIG_DIR/trace"
	rig_after
	rig_never_open
	# With -v it says more.
	run rig_acmegate -v renew
	[[ $output == *'one.test: valid until'*'two.test: valid until'* ]]
}

@test "what is replaced or removed by hand, another configuration and damage are noticed" {
	settle
	touch "$(rig_live two.test)/cert.pem"
	renews 0 'two.test: valid until'
	renews 0 "$quick"
	# Key and certificate that do not belong together.
	cp "$(rig_live one.test)/privkey.pem" "$(rig_live two.test)/privkey.pem"
	renews 0 'was broken'
	settle
	rm "$(rig_live one.test)"
	renews 0 'one.test: valid until' # the newest whole generation is live again
	settle
	rm -r "$RIG_STATE/certificates/one.test"
	renews 0 'one.test is stored'
	settle
	printf 'x' | dd of="$RIG_STATE/due" bs=1 seek=20 conv=notrunc status=none
	renews 0 'one.test: valid until'
	renews 0 "$quick"
	: >"$RIG_STATE/due"
	renews 0 'one.test: valid until'
	renews 0 "$quick"
	sed -i 's/^contact = .*/contact = other@example.test/' "$RIG_CONF"
	renews 0 'one.test: valid until'
	settle
	rig_config one.test two.test three.test
	renews 0 'three.test is stored'
	rig_config one.test two.test
}

@test "a clock that was set back, a day that has passed, a certificate that is due" {
	command -v faketime >/dev/null || skip 'faketime is not installed'
	settle
	for when in '-1 hour' '+25 hours'; do
		# faketime and not its library: the agent drops LD_PRELOAD, so that only acmegate itself has another time.
		run timeout 60 ip netns exec "$RIG_HOST" faketime -f "${when/ hour/h}" "$RIG_ACMEGATE" -c "$RIG_CONF" renew 3>&-
		[ "$status" -eq 0 ]
		[[ $output == *'one.test: valid until'* ]]
		# That was another now, and what it has noted is not of this one.
		rm "$RIG_STATE/due"
		settle
	done
}

@test "a deploy hook that failed is tried again by every run, until it succeeds" {
	printf '#!/bin/sh\n[ -e %s/good ]\n' "$RIG_DIR" >"$RIG_DIR/hook"
	chmod 755 "$RIG_DIR/hook"
	{ rig_sections one.test; echo "deploy = $RIG_DIR/hook"; rig_sections two.test; } | rig_config
	rig_acmegate renew-now one.test || [ $? = 1 ]
	renews 1 'the hook is tried again'
	renews 1 'the hook is tried again'
	touch "$RIG_DIR/good"
	renews 0 'one.test: valid until'
	settle
}

own_files() { stat -L -c %U:%G:%a "$(rig_live own.test)"/*.pem | sort -u; }

@test "a changed owner, group or mode is applied without an order" {
	{ rig_sections own.test; printf 'owner = daemon\nmode = 0600\n'; } | rig_config
	renews 0 'own.test is stored'
	[ "$(own_files)" = daemon:root:600 ]
	renews 0 'own.test: valid until'
	serial=$(openssl x509 -in "$(rig_live own.test)/cert.pem" -noout -serial)
	while read -r owner group mode; do
		{ rig_sections own.test; printf 'owner = %s\ngroup = %s\nmode = %s\n' "$owner" "$group" "$mode"; } | rig_config
		rig_before
		renews 0 'own.test: owner, group and mode of its files are as configured now'
		rig_after
		rig_never_open
		[ "$(own_files)" = "$owner:$group:${mode#0}" ]
		# Whom they belong to now can read them.
		setpriv --reuid="$owner" --clear-groups cat "$(rig_live own.test)/privkey.pem" >/dev/null
		renews 0 'own.test: valid until'
		[[ $output != *'as configured now'* ]]
	done <<-'ROWS'
		nobody root 0400
		nobody daemon 0440
		daemon mail 0640
		root daemon 0644
		root root 0600
	ROWS
	[ "$(openssl x509 -in "$(rig_live own.test)/cert.pem" -noout -serial)" = "$serial" ]
	[ "$(find "$RIG_STATE" -name '*.broken')" = '' ]
	rig_config one.test two.test
}

# opens PASSWORD: bundle.p12 of p12.test has the key and the whole chain of the files beside it, in algorithms of today
opens() {
	local p12 form
	p12=$(rig_live p12.test)/bundle.p12 form=$RIG_DIR/form.pem
	openssl pkcs12 -in "$p12" -passin "pass:$1" -nodes -out "$form" -info 2>"$RIG_DIR/info"
	grep -q 'MAC: sha256' "$RIG_DIR/info"
	[ "$(grep -c 'PBES2, PBKDF2, AES-256-CBC.*hmacWithSHA256' "$RIG_DIR/info")" = 2 ]
	grep -q 'friendlyName: p12.test' "$form"
	cmp <(openssl pkey -in "$form") <(openssl pkey -in "$(rig_live p12.test)/privkey.pem")
	diff <(grep -A1 -e 'BEGIN CERT' "$form") <(grep -A1 -e 'BEGIN CERT' "$(rig_live p12.test)/fullchain.pem")
	! openssl pkcs12 -in "$p12" -passin "pass:$1x" -nodes -out /dev/null 2>/dev/null || false
}
p12_config() {
	{ rig_sections p12.test; printf '%s\n' "pkcs12_password_file = $RIG_DIR/etc/p12" 'group = daemon' 'mode = 0640' \
		"deploy = /usr/bin/touch $RIG_DIR/hooked" "$@"; } | rig_config
}

@test "PKCS#12: with a new certificate, for one that is there, with another password, in the place of a damaged one" {
	command -v strace >/dev/null || skip 'strace is not installed'
	umask 077
	echo 'first word of "pass"' >"$RIG_DIR/etc/p12"
	# A certificate in PEM, which gets the other form without an order.
	rig_sections p12.test | rig_config
	renews 0 'p12.test is stored'
	[ ! -e "$(rig_live p12.test)/bundle.p12" ]
	serial=$(openssl x509 -in "$(rig_live p12.test)/cert.pem" -noout -serial)
	key=$(sha256sum <"$(rig_live p12.test)/privkey.pem")
	pass='first word of "pass"'
	for change in none password damage loss; do
		rm -f "$RIG_DIR/hooked"
		case $change in
		password) printf 'wq7zk-2\r\n' >"$RIG_DIR/etc/p12" && pass=wq7zk-2 ;;
		damage) printf x | dd of="$(rig_live p12.test)/bundle.p12" bs=1 seek=200 conv=notrunc status=none ;;
		loss) rm "$(rig_live p12.test)/bundle.p12" ;;
		esac
		p12_config 'forms = pem, pkcs12'
		live=$(readlink "$(rig_live p12.test)")
		rig_before
		renews 0 'p12.test: the same key and certificate are PKCS#12 now'
		rig_after
		rig_never_open
		opens "$pass"
		[ -e "$RIG_DIR/hooked" ]
		[ "$(readlink "$(rig_live p12.test)")" != "$live" ]
		[ "$(stat -L -c %U:%G:%a "$(rig_live p12.test)"/{bundle.p12,*.pem} | sort -u)" = root:daemon:640 ]
		[ "$(openssl x509 -in "$(rig_live p12.test)/cert.pem" -noout -serial)" = "$serial" ]
		[ "$(sha256sum <"$(rig_live p12.test)/privkey.pem")" = "$key" ]
		renews 0 'p12.test: valid until'
		[[ $output != *PKCS* ]]
		renews 0 "$quick"
	done
	# A new certificate has it at once, in one generation; the password is told to the signer and to nobody else, by no argument.
	live=$(readlink "$(rig_live p12.test)")
	run -0 rig_host strace -f -qq -s 9999 -o "$RIG_DIR/trace" -e trace=execve,execveat,sendmsg,sendto,write \
		"$RIG_ACMEGATE" -c "$RIG_CONF" --debug renew-now p12.test
	[ "$(readlink "$(rig_live p12.test)")" = $((live + 1)) ]
	[ "$(openssl x509 -in "$(rig_live p12.test)/cert.pem" -noout -serial)" != "$serial" ]
	opens "$pass"
	[[ $output != *"$pass"* ]]
	run ! grep -qF "$pass" "$RIG_DIR/trace"
	# Without the form it stays until the next certificate.
	rig_sections p12.test | rig_config
	renews 0 'p12.test: valid until'
	[ -e "$(rig_live p12.test)/bundle.p12" ]
	rig_acmegate renew-now p12.test
	[ ! -e "$(rig_live p12.test)/bundle.p12" ]
	rig_config one.test two.test
}

@test "a certificate that came from another CA than the configured one is due" {
	settle
	serial=$(openssl x509 -in "$(rig_live one.test)/cert.pem" -noout -serial)
	RIG_DIRECTORY="https://$RIG_CA4:14000/dir?the-real-one" rig_config one.test two.test
	renews 0 "one.test: from another CA than the configured one: https://$RIG_CA4:14000/dir"
	[[ $output == *'one.test is stored'* && $output == *'two.test is stored'* ]]
	[ "$(openssl x509 -in "$(rig_live one.test)/cert.pem" -noout -serial)" != "$serial" ]
	renews 0 'nothing is due'
	# A generation of an earlier acmegate does not say: that is no reason.
	rm "$(rig_live one.test)/directory" "$RIG_STATE/ledger/one.test"
	rig_config one.test
	renews 0 'one.test: valid until'
	rig_config one.test two.test
	renews 0 'two.test is stored'
}

@test "a certificate that cannot be looked at is an error in every run" {
	settle
	mv "$RIG_STATE/certificates/two.test" "$RIG_STATE/away"
	touch "$RIG_STATE/certificates/two.test"
	renews 1 'two.test'
	renews 1 'two.test'
	rm "$RIG_STATE/certificates/two.test"
	mv "$RIG_STATE/away" "$RIG_STATE/certificates/two.test"
	renews 0 'two.test: valid until'
}
