#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# One of the processes without rights turns hostile (hostile.c) at its start, or while the port stands open. Whatever it does:
# the port is closed, the ruleset is the same, no process is left, the certificate is whole, and the run says who it was.
bats_require_minimum_version 1.5.0
load ../lib/suite
rig_probe_options=(-b)

setup_file() {
	# In this build a kernel can be without Landlock, or with an early one.
	[ -n "${RIG_BUILT:-}" ] || { rig_seams && make -s -C "$RIG_BUILD/seams" tests/crash/hostile; }
	# tmpfs takes attributes of users since Linux 6.6.
	attributes=$(mktemp)
	python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.theirs", b"1")' "$attributes" 2>/dev/null || export TMPDIR=/var/tmp
	rm "$attributes"
	rig_up
	rig_pebble
	rig_config one.test
	rig_policy_drop | rig_nft -
	rig_acmegate renew-now
	# acmegate takes the images that lie beside it.
	mkdir -p "$RIG_DIR/hostile"
	chmod 0755 "$RIG_DIR/hostile"
	cp "$RIG_BUILD/seams/acmegate" "$RIG_BUILD"/seams/acmegate-{gate,surveyor,view} "$RIG_DIR/hostile/"
	[ ! -e "$RIG_BUILD/seams/acmegate-dns" ] || cp "$RIG_BUILD/seams/acmegate-dns" "$RIG_DIR/hostile/"
	cp "$RIG_BUILD/seams/tests/crash/hostile" "$RIG_DIR/hostile/acmegate-agent"
	cp "$RIG_BUILD/seams/tests/crash/hostile" "$RIG_DIR/hostile/acmegate-tls"
}

# Files of either user that no role owns, in directories that these users may write. Made anew: a test without confinement spoils them.
make_outside() {
	local owner
	rm -rf "$RIG_DIR/outside"
	mkdir "$RIG_DIR/outside"
	for owner in root user; do
		mkdir -p "$RIG_DIR/outside/$owner/empty"
		echo precious >"$RIG_DIR/outside/$owner/file"
		python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.theirs", b"1")' "$RIG_DIR/outside/$owner/file"
	done
	chown -R nobody "$RIG_DIR/outside/user"
}

setup() {
	under=()
	make_outside
	RIG_GATE='max_open = 5' rig_config one.test other.test
	# The CA never gets through: what happens while the port stands open has time to happen.
	rig_ca nft 'flush ruleset; add table inet deaf; add chain inet deaf out { type filter hook output priority 0; }
		add rule inet deaf out tcp sport >= 32768 tcp dport { 80, 443 } drop'
}

teardown() {
	local pid
	for pid in $(ip netns pids "$RIG_HOST"); do rig_end "$pid" KILL; done
	rig_end_of probe
}

# agent_of ROLE: its process
agent_of() {
	local candidate
	for candidate in $(ip netns pids "$RIG_HOST"); do
		[[ $(tr '\0' ' ' <"/proc/$candidate/cmdline") =~ ^"acmegate-"(agent|tls)" $1 "$ ]] && echo "$candidate" && return
	done
	return 1
}
host_idle() { [ -z "$(ip netns pids "$RIG_HOST")" ]; }
store_sum() { (cd "$RIG_STATE" && find certificates accounts -type f -exec sha256sum {} + | sort -k 2); }
untouched() {
	sha256sum /etc/passwd /etc/shadow /etc/hostname 2>/dev/null || true # not all of them are everywhere
	find "$RIG_DIR/www" "$RIG_STATE/webroot" -printf '%p %m %u %s\n' 2>/dev/null | sort
	find "$RIG_DIR/outside" -printf '%p %m %u %g %s %T@ %n %l\n' | sort
	find "$RIG_STATE" -maxdepth 1 ! -name webroot -printf '%p %m %u %g\n' | sort
	python3 -c 'import os, sys
for top, _, names in os.walk(sys.argv[1]):
	for name in [""] + names: print(top, name, os.listxattr(os.path.join(top, name)))' "$RIG_DIR/outside" | sort
}

# run_with ROLE ACT WHEN HOW: one run with these orders, for a name that the CA has never validated; $status, and its words in $RIG_DIR/out
run_with() {
	local victim
	# A new order each time: the CA may be about to give up the one of the run before, and would end this run too early.
	rm -f "$RIG_STATE"/ledger/other.test*
	printf '%s %s %s %s\n' "$@" >"$RIG_DIR/hostile/orders"
	chmod 0644 "$RIG_DIR/hostile/orders"
	rm -f "$RIG_DIR/out"
	timeout -k 1 $((160 * ${RIG_SLOWER:-1})) ip netns exec "$RIG_HOST" "$RIG_DIR/hostile/acmegate" -c "$RIG_CONF" renew-now other.test \
		>"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	if [ "$3" = later ]; then
		rig_until 30 rig_opened || return 1
		victim=$(agent_of "$1") || return 1
		kill -s USR1 "$victim"
	fi
	status=0
	wait "$pid" || status=$?
}

# in_time ROLE ACT SECONDS: half a minute is more than max_open and all that waits after it
in_time() { RIG_HANDS=20 rig_at_most "$3" $((40 * ${RIG_SLOWER:-1})) "$1, $2" 3>/dev/null; }

# withstands ROLE WHEN ACT...
withstands() {
	local role=$1 when=$2 act began took how=confined
	rig_landlocked || how=readable
	shift 2
	store_sum >"$RIG_DIR/store-before"
	untouched >"$RIG_DIR/files-before"
	for act; do
		rig_before
		began=$EPOCHSECONDS took=
		if ! run_with "$role" "$act" "$when" "$how" || ! took=$((EPOCHSECONDS - began)) || ! survived "$role" "$act" || ! rig_after ||
			! in_time "$role" "$act" "$took"; then
			echo "$role, $act, $when, ${ACMEGATE_SEAMS:-as it is}: status $status after ${took:-?} s"
			cat "$RIG_DIR/out"
			return 1
		fi
	done
}

survived() {
	grep -q "the $1 turns hostile: $2" "$RIG_DIR/out" || return 1
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || return 1
	case $2 in
	everything | execute | memory | turns) grep -qx 'gained: nothing' "$RIG_DIR/out" || return 1 ;;
	esac
	! grep -q '^gained: [^n]' "$RIG_DIR/out" || return 1
	# A role that does nothing looks like a CA that does nothing; a signer that keeps the others busy looks like that too.
	[ "$2" = hang ] || { [ "$1" = provider ] && grep -q 'error: certificate other.test: ' "$RIG_DIR/out"; } || { [ "$1" = signer ] && grep -q 'error: ' "$RIG_DIR/out"; } || grep -qE "error: .*the ${1/tls/responder}" "$RIG_DIR/out" || return 1
	rig_until 30 host_idle || return 1
	store_sum | diff - "$RIG_DIR/store-before" && untouched | diff - "$RIG_DIR/files-before" || return 1
	rig_certificate one.test one.test
}

# some ACT...: with HOSTILE=all every one of them (make check-hostile), with HOSTILE=one the first (where it is slow), else the first
# and three others, other ones each time
some() {
	case ${HOSTILE:-} in
	all) echo "$*" ;;
	one) echo "$1" ;;
	*) echo "$1 $(shift && shuf -n 3 -e "$@" | paste -sd ' ')" ;;
	esac
}

@test "the client, from its start" {
	# shellcheck disable=SC2046 # one act a word
	withstands client start $(some everything execute memory verbs lengths flood descriptors close)
}

@test "the client, while the port is open" {
	# shellcheck disable=SC2046 # one act a word
	withstands client later $(some everything execute memory verbs lengths flood descriptors close hang)
}

@test "the responder, from its start: the port is about to open" {
	# shellcheck disable=SC2046 # one act a word
	withstands responder start $(some everything execute memory verbs lengths flood descriptors close hang)
}

@test "the responder, while the port is open" {
	# shellcheck disable=SC2046 # one act a word
	withstands responder later $(some everything execute memory verbs lengths flood descriptors close hang)
}

@test "acmegate-tls, while port 443 is open" {
	rig_probe_arguments[0]=443
	RIG_GATE='max_open = 5' RIG_CERTIFICATE='challenge = tls-alpn-01' rig_config one.test other.test
	# shellcheck disable=SC2046 # one act a word
	withstands tls later everything $([ "${HOSTILE:-}" != all ] || echo execute memory verbs lengths flood descriptors close hang)
}

# It never says where its value should be: acmegate-dns looks there itself.
@test "the provider, whose answers acmegate-dns takes" {
	# shellcheck source=tests/dns/servers.sh
	source "$BATS_TEST_DIRNAME/../dns/servers.sh"
	dns_have || skip "$DNS_MISSING"
	dns_up bind hmac-sha256
	{
		printf '[dns own]\ntype = httpreq\nurl = https://%s:8443\npropagation = 1\n' "$RIG_CA4"
		printf '[certificate one.test]\nnames = one.test\n[certificate other.test]\nchallenge = dns-01\ndns = own\nnames = a.example.org\n'
	} | rig_config
	# The note of a value that nobody can remove is left for the next run.
	install -m 0600 /dev/null "$RIG_STATE/dns"
	# shellcheck disable=SC2046 # one act a word
	withstands provider start everything $([ "${HOSTILE:-}" != all ] || echo execute memory verbs lengths flood descriptors close turns)
	run_with provider execute start loose
	grep -qx 'gained: a shell' "$RIG_DIR/out"
	dns_down
	rm "$RIG_STATE/dns"
}

# turned ROLE ACT COMMAND...: the command ends, and nothing is gained; $status and $output are the command's. under: what acmegate is started by
turned() {
	local role=$1 act=$2
	shift 2
	echo "$role $act start $(rig_landlocked && echo confined || echo readable)" >"$RIG_DIR/hostile/orders"
	run timeout -k 1 $((60 * ${RIG_SLOWER:-1})) ip netns exec "$RIG_HOST" "${under[@]}" "$RIG_DIR/hostile/acmegate" -c "$RIG_CONF" "$@" 3>&-
	[[ $status != 124 && $output == *"the $role turns hostile: $act"* && ! $output =~ 'gained: '[^n] ]] || return
	[ "$act" != turns ] || [[ $output == *'gained: nothing'* ]] || return
	rig_until 30 host_idle
	untouched | diff - "$RIG_DIR/files-before"
}

@test "the examiner and the placer, which check starts" {
	local role
	rm -rf "$RIG_DIR/www"
	install -d -o www-data "$RIG_DIR/www"
	RIG_GATE=$'[responder]\nmode = webroot\nwebroot = '$RIG_DIR/www rig_config one.test
	untouched >"$RIG_DIR/files-before"
	for role in 'examiner turns' 'placer turns' 'placer close'; do
		# shellcheck disable=SC2086 # role and act
		turned $role check
		[ "$status" = 2 ]
	done
	rm -r "$RIG_DIR/www"
}

@test "translator, importer and watcher, which read what others wrote" {
	local file
	untouched >"$RIG_DIR/files-before"
	store_sum >"$RIG_DIR/store-before"
	rig_config one.test
	printf '[certificate foreign]\nnames = b\xc3\xbccher.test\n' >>"$RIG_CONF"
	turned translator turns renew
	[[ $status = 2 && $output == *'acmegate-agent does not translate it'* ]]
	rig_config two.test
	turned importer turns import "$(rig_live one.test)/fullchain.pem" "$(rig_live one.test)/privkey.pem"
	[[ $status = 1 && $output == *'nothing is imported'* ]]
	# More files than the channel has room for.
	mkdir "$RIG_DIR/theirs"
	{ cat "$(rig_live one.test)/cert.pem" && head -c 60000 /dev/zero | tr '\0' '#'; } >"$RIG_DIR/theirs/1"
	for file in {2..250}; do ln "$RIG_DIR/theirs/1" "$RIG_DIR/theirs/$file"; done
	printf '[watch theirs]\nfiles = %s\n' "$RIG_DIR/theirs/*" >>"$RIG_CONF"
	turned watcher turns status
	[[ $status = 1 && $output == *'acmegate-agent has failed at 3 others'* ]]
	# With that right it could have any room.
	under=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
	turned watcher ahead status
	store_sum | diff - "$RIG_DIR/store-before"
	rm -r "$RIG_DIR/theirs"
}

@test "the signer, from its start" {
	# shellcheck disable=SC2046 # one act a word
	withstands signer start $(some everything execute memory verbs lengths flood descriptors close turns)
}

@test "the signer, while the port is open" {
	# shellcheck disable=SC2046 # one act a word
	withstands signer later $(some everything execute memory verbs lengths flood descriptors close turns hang)
}

@test "the storer, from its start" {
	# shellcheck disable=SC2046 # one act a word
	withstands storer start $(some everything execute memory verbs lengths flood descriptors close)
}

@test "the storer, while the port is open" {
	# shellcheck disable=SC2046 # one act a word
	withstands storer later $(some everything execute memory verbs lengths flood descriptors close hang)
}

@test "client and storer, where the storer puts the tokens into a web server's directory" {
	rm -rf "$RIG_DIR/www"
	mkdir -m 0755 "$RIG_DIR/www"
	echo page >"$RIG_DIR/www/page"
	chown -R www-data: "$RIG_DIR/www"
	RIG_GATE=$'max_open = 5\n[responder]\nmode = webroot\nwebroot = '$RIG_DIR/www rig_config one.test other.test
	rig_opened() { [ -n "$(find "$RIG_DIR/www/.well-known" -type f 2>/dev/null)" ] && grep -q 'port 80 open' "$RIG_DIR/out"; }
	# shellcheck disable=SC2046 # one act a word
	withstands storer later $(some everything close lengths descriptors hang)
	# shellcheck disable=SC2046 # one act a word
	withstands client later $(some verbs everything lengths flood close)
	rm -r "$RIG_DIR/www"
}

@test "each of them in turn, with every Landlock that there is, and without" {
	for level in '' landlock-2 landlock-1 no-landlock; do
		for role in client signer storer responder; do
			ACMEGATE_SEAMS=$level withstands "$role" start turns
		done
	done
}

@test "a kernel without Landlock is told of, once" {
	rig_config one.test
	for level in '' landlock-1 no-landlock; do
		ACMEGATE_SEAMS=$level RIG_ACMEGATE=$RIG_BUILD/seams/acmegate run rig_acmegate -v renew
		[ "$status" = 0 ]
		[ "$(grep -c 'Landlock' <<<"$output")" = "$(ACMEGATE_SEAMS=$level rig_landlocked && echo 0 || echo 1)" ]
	done
	[[ $output == *'no Landlock'*'all file systems are read-only for it but its own directories'* ]]
}

@test "the sweeper, with every Landlock that there is, and without" {
	for level in '' landlock-2 landlock-1 no-landlock; do
		mkdir -p "$RIG_STATE/webroot" "$RIG_DIR/www"
		ln -sfn "0:$RIG_DIR/www" "$RIG_STATE/webroot/.at"
		untouched >"$RIG_DIR/files-before"
		echo "sweeper turns start $(ACMEGATE_SEAMS=$level rig_landlocked && echo confined || echo readable)" >"$RIG_DIR/hostile/orders"
		ACMEGATE_SEAMS=$level run rig_host "$RIG_DIR/hostile/acmegate" -c "$RIG_CONF" recover
		[[ $output == *'the sweeper turns hostile: turns'*'gained: nothing'* && ! $output =~ 'gained: '[^n] ]]
		untouched | diff - "$RIG_DIR/files-before"
	done
	rm -r "$RIG_STATE/webroot" "$RIG_DIR/www"
}

# tools_turn ACT WHEN HOW: a run in which acmegate-iptables is hostile; its words are in $RIG_DIR/hostile/said
tools_turn() {
	: >"$RIG_DIR/hostile/said"
	rm -f "$RIG_STATE"/ledger/other.test*
	printf 'iptables %s %s %s\n' "$@" >"$RIG_DIR/hostile/orders"
	run rig_host "$RIG_DIR/hostile/acmegate" -c "$RIG_CONF" renew-now other.test
	printf '%s\n' "$output" "$(cat "$RIG_DIR/hostile/said")"
	grep -q 'the client of iptables turns hostile' "$RIG_DIR/hostile/said"
}

@test "acmegate-iptables, when it is asked for a plan, and behind the rules that it has made" {
	# Without Landlock it is root, which may write.
	rig_landlocked || skip 'no Landlock here'
	rig_host iptables-nft -A INPUT -p tcp --dport 80 -j DROP
	rig_host ip6tables-nft -A INPUT -p tcp --dport 80 -j DROP
	cp "$RIG_BUILD/seams/acmegate-iptables" "$RIG_DIR/hostile/acmegate-iptables.real"
	cp "$RIG_BUILD/seams/tests/crash/hostile" "$RIG_DIR/hostile/acmegate-iptables"
	store_sum >"$RIG_DIR/store-before"
	untouched >"$RIG_DIR/files-before"
	for when in start later; do
		rig_before
		tools_turn everything "$when" confined
		[ "$status" -ne 0 ]
		# Where its rules are there already, another one has nothing to do, and the port opens until the CA gives up.
		[[ $output == *'error: acmegate-iptables gave no answer that acmegate knows (status 3)'* || $output == *'port 80 closed after'* ]]
		[ "$(grep -c ^gained "$RIG_DIR/hostile/said")" = 1 ]
		grep -qx 'gained: nothing' "$RIG_DIR/hostile/said"
		rig_until 30 host_idle
		rig_after
		store_sum | diff - "$RIG_DIR/store-before"
		untouched | diff - "$RIG_DIR/files-before"
	done
	# Without its own confinement, behind the filter of the gate alone, the same attacks gain something, and no setuid file.
	cp -a "$RIG_STATE" "$RIG_DIR/whole"
	tools_turn everything start loose
	restore_state
	grep -q '^gained: .*/outside/root/file' "$RIG_DIR/hostile/said"
	grep -q '^gained: a listening socket' "$RIG_DIR/hostile/said"
	grep -q '^gained: a UNIX socket' "$RIG_DIR/hostile/said"
	! grep -qE '^gained: (chmod|a setgid|a new setuid|process)' "$RIG_DIR/hostile/said" || false
	rig_host nft delete table ip filter
	rig_host nft delete table ip6 filter
	rm "$RIG_DIR"/hostile/acmegate-iptables*
}

# Removes the changes of a process without confinement to the state directory, and beside it.
restore_state() {
	rm -rf "$RIG_STATE"*
	cp -a "$RIG_DIR/whole" "$RIG_STATE"
}

@test "the attacks are real: without confinement they gain something" {
	rm -rf "$RIG_DIR/whole"
	cp -a "$RIG_STATE" "$RIG_DIR/whole"
	for role in client responder signer storer; do
		run_with "$role" everything start loose
		cat "$RIG_DIR/out"
		grep -q '^gained: a child by fork' "$RIG_DIR/out"
		grep -q '^gained: a socket of family' "$RIG_DIR/out"
		# Without Landlock the storer has other file systems from before confine() on.
		{ [ "$role" = storer ] && ! rig_landlocked; } || grep -qa '^gained: chmod of .*/outside/' "$RIG_DIR/out"
		for pid in $(ip netns pids "$RIG_HOST"); do rig_end "$pid" KILL; done
		# Its journal may be gone: all is asked.
		restore_state
		rm -f "$RIG_STATE/journal"
		rig_acmegate recover
	done
}
