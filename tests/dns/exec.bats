#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# [dns NAME] type = exec: a program of the administrator puts the values into a real BIND. It has no rights, whatever it tries; nothing of it is
# left, however it ends; and the adapters for acme.sh, certbot and lexicon do what acmegate-dns-hooks(7) says.
bats_require_minimum_version 1.5.0

load suite

setup_file() {
	dns_have || skip "$DNS_MISSING"
	rig_up
	ip -n "$RIG_CA" addr add fe80::53/64 dev cable0 nodad
	dns_up bind hmac-sha256
	mkdir -m 0755 "$RIG_DIR/bin"
	dns_zone >"$RIG_DIR/zone.first"
}

setup() {
	rm -rf "$RIG_STATE" "${RIG_DIR:?}/bin/"*
	rig_policy_drop | rig_nft -
	export RIG_PEBBLE_STAYS=1
	echo "nameserver $RIG_CA4" >"/etc/netns/$RIG_HOST/resolv.conf"
	printf '# for nsupdate -y\nDNS_KEY = %s\n' "hmac-sha256:acmegate:$DNS_SECRET" | sed 's/ = /=/' >"$RIG_DIR/etc/env"
	printf 'DNS_SERVER="%s"\n' "${SERVER:-$RIG_CA4}" >>"$RIG_DIR/etc/env"
	chmod 0600 "$RIG_DIR/etc/env"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
	empty_zone
}

# A test that failed may have left values.
empty_zone() {
	dns_zone | diff -q "$RIG_DIR/zone.first" - >/dev/null || dns_zone | comm -13 "$RIG_DIR/zone.first" - |
		awk '{ print "update delete " $1 " TXT " $5 } END { print "send" }' | sed "1iserver $RIG_CA4" |
		rig_ca nsupdate -y "hmac-sha256:acmegate:$DNS_SECRET" || true
}

# update: what a program of one's own does, as a part of one
update='
case $1 in
present) verb=add ttl=60 ;;
cleanup) verb=delete ttl= ;;
*) exit 2 ;;
esac
nsupdate -v -y "$DNS_KEY" <<END || exit
server $DNS_SERVER
update $verb $2 $ttl TXT "$3"
send
END
'

# script NAME <its text
script() {
	{
		echo '#!/bin/sh'
		cat
	} >"$RIG_DIR/bin/$1"
	chmod 0755 "$RIG_DIR/bin/$1"
}

# config PROGRAM [LINE...]
config() {
	{
		printf '[dns own]\ntype = exec\nprogram = %s\nenvironment_file = %s\n' "$1" "$RIG_DIR/etc/env"
		printf '%s\n' "${@:2}"
		printf '[certificate one]\nchallenge = dns-01\nnames = %s\n' "${NAMES:-a.example.org}"
	} | rig_config
	dns_pebble
}

# succeeds [OPTION]: no window, the ruleset and the zone as before
succeeds() {
	rig_before
	run -0 rig_acmegate "$@" renew-now
	rig_after
	rig_never_open
	unchanged
}
unchanged() {
	dns_zone | diff "$RIG_DIR/zone.first" -
	[ ! -s "$RIG_STATE/dns" ]
}

# alone: no process is left in the host's network
alone() { [ -z "$(ip netns pids "$RIG_HOST")" ]; }

@test "a program puts the values of two names and a wildcard into BIND and takes them out, over IPv4" {
	script own <<<"$update echo \"\$1 \$2 \$3 \$ACMEGATE_ZONE \$ACMEGATE_NAME \$#\""
	NAMES='a.example.org example.org *.example.org' config "$RIG_DIR/bin/own"
	succeeds -v
	rig_certificate one a.example.org any.example.org
	[ "$(grep -cE 'dns own: present _acme-challenge\.example\.org\. [A-Za-z0-9_-]{43} example\.org example\.org 3$' <<<"$output")" -eq 2 ]
	[ "$(grep -cE 'dns own: cleanup _acme-challenge\.a\.example\.org\. [A-Za-z0-9_-]{43} example\.org a\.example\.org 3$' <<<"$output")" -eq 1 ]
	rm -rf "$RIG_STATE"
	succeeds
	[[ $output != *'dns own: '* ]] # without -v
}

@test "over IPv6, with arguments of its own before the words" {
	printf "nameserver %s\n" "$RIG_CA6" >"/etc/netns/$RIG_HOST/resolv.conf"
	printf 'DNS_SERVER=%s\n' "$RIG_CA6" >>"$RIG_DIR/etc/env"
	sed -i '/^DNS_SERVER="/d' "$RIG_DIR/etc/env"
	script own <<<"[ \"\$1 \$2\" = 'one -two' ] || exit 9; shift 2; $update"
	config "$RIG_DIR/bin/own one -two"
	succeeds
	rig_certificate one a.example.org
}

answers_on_link() { rig_host dig +tcp +short +time=1 +tries=1 @fe80::53%cable0 example.org SOA 2>&1 | grep -q '^ns1'; }
@test "the resolver's address is link-local: its interface is a part of it, by name and by number" {
	local scope
	script own <<<"$update"
	config "$RIG_DIR/bin/own"
	rig_until 30 answers_on_link
	for scope in cable0 "$(rig_host cat /sys/class/net/cable0/ifindex)"; do
		rm -rf "$RIG_STATE"
		echo "nameserver fe80::53%$scope" >"/etc/netns/$RIG_HOST/resolv.conf"
		succeeds
	done
	rm -rf "$RIG_STATE"
	echo 'nameserver fe80::53%absent0' >"/etc/netns/$RIG_HOST/resolv.conf"
	run -75 rig_acmegate renew-now
	[[ $output == *'fe80::53%absent0: TCP port 53: Invalid argument'* ]]
}

@test "it runs without rights: user, groups, capabilities, descriptors, variables, files of root, setuid, signals" {
	local id=$RIG_DIR/bin/id
	install -m 4755 "$(command -v id)" "$id"
	script own <<-SH
		{
			grep -E '^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):' /proc/self/status
			echo "descriptors \$(ls /proc/self/fd | tr '\n' ' ')" # the last is that of ls
			readlink /proc/self/fd/0
			env | sed 's/=.*//' | sort | tr '\n' ' '; echo
			stat -c '%U %a' "\$HOME"; pwd
			awk '{ print "group", \$1 == \$5 }' /proc/\$\$/stat
			"$id" -u
			for file in "$RIG_DIR/etc/env" "$RIG_DIR/etc/key" "$RIG_STATE/ledger/." "$RIG_STATE/accounts/."; do
				cat "\$file" >/dev/null 2>&1 && echo "reads \$file"
				ls "\$file" >/dev/null 2>&1 && [ ! -f "\$file" ] && echo "lists \$file"
			done
			for process in \$(pgrep -x acmegate) \$(pgrep -x acmegate-gate); do
				kill -0 "\$process" 2>/dev/null && echo "may kill \$process"
			done
			umask
		} >"\$HOME/seen.\$1" 2>&1
		$update
	SH
	config "$RIG_DIR/bin/own" 'user = daemon'
	SECRET_OF_CALLER=1 succeeds
	sed 's/[[:blank:]]*$//' "$RIG_STATE/programs/own/seen.present" | diff - <(cat <<-SEEN
		$(printf 'Uid:\t%s\t%s\t%s\t%s' "$(id -u daemon)"{,,,})
		$(printf 'Gid:\t%s\t%s\t%s\t%s' "$(id -g daemon)"{,,,})
		$(printf 'Groups:')
		$(printf 'CapInh:\t%016d' 0)
		$(printf 'CapPrm:\t%016d' 0)
		$(printf 'CapEff:\t%016d' 0)
		$(printf 'CapBnd:\t%016d' 0)
		$(printf 'CapAmb:\t%016d' 0)
		$(printf 'NoNewPrivs:\t1')
		descriptors 0 1 2 3
		/dev/null
		ACMEGATE_NAME ACMEGATE_ZONE DNS_KEY DNS_SERVER HOME LANG PATH PWD
		daemon 700
		$RIG_STATE/programs/own
		group 1
		$(id -u daemon)
		0077
	SEEN
	)
	# Without the barrier it would be root: the test sees something.
	[ "$(setpriv --reuid daemon --regid daemon --clear-groups "$id" -u)" -eq 0 ] || printf '# %s is on a file system with nosuid\n' "$RIG_DIR" >&3
}

@test "a program that fails: its last words are told, all that it printed are errors, and 75 means later" {
	script own <<<'echo "on output"; echo "first" >&2; echo "the token is wrong" >&2; echo >&2; exit 3'
	config "$RIG_DIR/bin/own"
	run -1 rig_acmegate renew-now
	[[ $output == *"[dns own]: $RIG_DIR/bin/own ended with status 3: the token is wrong"* ]]
	[[ $output == *'error: dns own: on output'* ]]
	[[ $output == *'error: dns own: first'* ]]
	rm -rf "$RIG_STATE"
	script own <<<'exit 75'
	run -75 rig_acmegate renew-now
	[[ $output == *'ended with status 75: it says nothing'* ]]
	rm -rf "$RIG_STATE"
	script own <<<'kill -SEGV $$'
	run -1 rig_acmegate renew-now
	[[ $output == *"$RIG_DIR/bin/own died of signal 11"* ]]
	rm -rf "$RIG_STATE"
	chmod 0700 "$RIG_DIR/bin/own"
	run -1 rig_acmegate renew-now
	[[ $output == *"own cannot be started as user $(id -u nobody): Permission denied"* ]]
}

@test "a program that hangs is killed with all that it has started, and the message says what to do" {
	script own <<<'setsid sleep 600 & (setsid sleep 600 &) & sleep 600'
	config "$RIG_DIR/bin/own" 'timeout = 1'
	run -1 rig_acmegate renew-now
	[[ $output == *'own did not end within 1 seconds and was killed, with all that it had started; if it needs longer: timeout = SECONDS in [dns own]'* ]]
	rig_until 30 alone
}

@test "a program that floods: the last lines are told, and how many are not" {
	# The last lines are short: a log that is not read in time loses what has no room.
	script own <<<'yes "x" | tr -d "\n" | head -c 100000 >&2; echo >&2; yes "a line" | head -n 200000; echo "the end" >&2; exit 1'
	config "$RIG_DIR/bin/own"
	run -1 rig_acmegate renew-now
	[[ $output == *'own ended with status 1: the end'* ]]
	[[ $output =~ 'dns own: '[0-9]+' lines before these are left out' ]]
	[ "$(grep -c 'dns own: ' <<<"$output")" -eq $((51 * $(grep -c 'lines before these' <<<"$output"))) ]
}

@test "what a program leaves running is killed when it has ended, also what forked away" {
	script own <<-SH
		$update
		sleep 600 & setsid sleep 600 & (setsid sh -c 'sleep 600 & sleep 600' &)
		(trap '' HUP TERM; setsid setsid sleep 600 >/dev/null 2>&1 &) &
	SH
	config "$RIG_DIR/bin/own"
	succeeds
	rig_until 30 alone
}

@test "a file of variables that others may read is refused, and so is one that is not root's, or no such file" {
	script own <<<"$update"
	config "$RIG_DIR/bin/own"
	chmod 0604 "$RIG_DIR/etc/env"
	run -2 rig_acmegate renew-now
	[[ $output == *"environment_file: $RIG_DIR/etc/env: others than root may read it; chmod 0600 $RIG_DIR/etc/env"* ]]
	chmod 0600 "$RIG_DIR/etc/env"
	chown daemon "$RIG_DIR/etc/env"
	run -2 rig_acmegate renew-now
	[[ $output == *'make it root'* ]]
	chown root "$RIG_DIR/etc/env"
	echo 'export A=b' >>"$RIG_DIR/etc/env"
	run -2 rig_acmegate renew-now
	[[ $output == *"$RIG_DIR/etc/env: line 4: expected NAME=VALUE"* ]]
	# What it was when the configuration was read it need not be any more.
	sed -i '$d' "$RIG_DIR/etc/env"
	script own <<<"$update"
	rm "$RIG_DIR/etc/env"
	run -2 rig_acmegate renew-now
	[[ $output == *'No such file'* ]]
	unchanged
}

# row: of the program, as "STATE SUBJECT: TEXT"
row() { rig_acmegate check --json 2>/dev/null | jq -r '.rows[] | select(.check == "program") | "\(.state) \(.subject): \(.text)"'; }
@test "check says whether the user may start the program: its mode, the way there, its interpreter" {
	local own=$RIG_DIR/bin/way/own nobody
	nobody=$(id -u nobody)
	mkdir "$RIG_DIR/bin/way"
	script way/own <<<"$update"
	config "$own and words"
	[ "$(row)" = "ok $own: [dns own] can run it as user $nobody" ]
	chmod 0711 "$own"
	[ "$(row)" = "wrong $own: [dns own] cannot run it as user $nobody: $own: Permission denied" ]
	chmod 0755 "$own"
	chmod 0700 "$RIG_DIR/bin/way"
	[ "$(row)" = "wrong $own: [dns own] cannot run it as user $nobody: $own: Permission denied" ]
	chmod 0755 "$RIG_DIR/bin/way"
	sed -i '1s,.*,#! /absent/sh -e,' "$own"
	[ "$(row)" = "wrong $own: [dns own] cannot run it as user $nobody: /absent/sh: No such file or directory" ]
	cp /bin/true "$own"
	chmod 0711 "$own"
	config "$own" 'user = daemon' '[status]' "alert = $RIG_DIR/bin/own"
	script own <<<'exit 0'
	[ "$(row)" = "ok $RIG_DIR/bin/own: [status] alert can run it as user $nobody"$'\n'"ok $own: [dns own] can run it as user $(id -u daemon)" ]
}

has_value() { [ "$(dns_values | grep -c _acme-challenge.a)" -ge 2 ]; }

@test "killed while the program runs, and while its value is in the DNS: the next command has it taken out" {
	local whom
	# The program goes on behind the value; so does the run, as the program has not ended.
	script own <<<"$update [ \"\$1\" = cleanup ] || sleep 600"
	config "$RIG_DIR/bin/own"
	for whom in acmegate-dns acmegate all; do
		rm -rf "$RIG_STATE" "$RIG_DIR/out"
		ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
		pid=$!
		rig_until 30 has_value
		[ -s "$RIG_STATE/dns" ]
		# shellcheck disable=SC2046
		if [ "$whom" = all ]; then
			rig_kill_at_once $(ip netns pids "$RIG_HOST")
		elif [ "$whom" = acmegate ]; then
			kill -s KILL "$pid"
		else
			kill -s KILL $(ip netns pids "$RIG_HOST" | grep -xFf <(pgrep -x "$whom"))
		fi
		wait "$pid" || true
		rig_until 60 alone
		has_value
		run -0 rig_acmegate recover
		[[ $output == *'the value of an earlier run at _acme-challenge.a.example.org is removed'* ]]
		unchanged
	done
}

told_writer() { [ -s "$RIG_STATE/programs/own/writer" ]; }
@test "what a program has started ends also when the process that runs it is killed, or the keeper of that" {
	local whom writer
	script own <<<"setsid sleep 600 & (setsid sleep 600 &) $update [ \"\$1\" = cleanup ] || { echo \$PPID >\"\$HOME/writer\"; sleep 600; }"
	config "$RIG_DIR/bin/own"
	for whom in writer keeper; do
		rm -rf "$RIG_STATE"
		begin_run
		rig_until 30 told_writer
		writer=$(<"$RIG_STATE/programs/own/writer")
		[ "$whom" = writer ] || writer=$(awk '{ print $4 }' "/proc/$writer/stat")
		[ "$writer" != "$pid" ]
		kill -s KILL "$writer"
		rig_until 30 alone
		wait "$pid" || true
		run -0 rig_acmegate recover
		unchanged
	done
}

# Without Landlock acmegate needs CAP_SYS_ADMIN for the file systems of its processes.
@test "the process that runs a program has five capabilities, with and without Landlock" {
	local seam name
	rig_seams
	script own <<<"grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs):' /proc/\$PPID/status >\"\$HOME/rights\"; $update"
	for seam in '' no-landlock; do
		rm -rf "$RIG_STATE"
		config "$RIG_DIR/bin/own"
		ACMEGATE_SEAMS=$seam RIG_ACMEGATE=$RIG_BUILD/seams/acmegate run -0 rig_acmegate renew-now
		for name in Inh:0 Prm:1e1 Eff:1e1 Bnd:1e1 Amb:0; do printf 'Cap%s:\t%016x\n' "${name%:*}" "0x${name#*:}"; done |
			cat - <(printf 'NoNewPrivs:\t1\n') | diff - "$RIG_STATE/programs/own/rights"
	done
}

# --- adapters -----------------------------------------------------------------------------------------------------

adapters=$BATS_TEST_DIRNAME/../../units/dns

# The user cannot enter every directory that a source may lie in.
adapter() {
	install -m 0755 "$adapters/$1" "$RIG_DIR/bin/$1"
}

@test "each adapter explains itself, and refuses what makes no sense" {
	local name
	for name in acme.sh certbot lexicon; do
		run -0 "$adapters/$name" --help
		[[ $output == usage:* && $output == *'type = exec'* ]]
		run -2 "$adapters/$name" present
		[[ $output == usage:* ]]
	done
	run -1 "$adapters/acme.sh" /nowhere dns_x present a. v
	[[ $output == *'/nowhere/acme.sh: this user (root) cannot read it'* ]]
	run -1 "$adapters/acme.sh" /nowhere '../x' present a. v
	[[ $output == *'is no name of a script'* ]]
	run -1 "$adapters/certbot" /bin/true /bin/true present alias.example.net. v
	[[ $output == *'cannot follow the alias to alias.example.net'* ]]
	run -1 env HOME="$RIG_DIR" "$adapters/certbot" /bin/true /bin/true renew _acme-challenge.example.net. v
	[[ $output == *"'renew' is neither present nor cleanup"* ]]
}

@test "lexicon gets the zone, the name, the value, and its own options" {
	mkdir "$RIG_DIR/bin/path"
	script path/lexicon <<<'printf "%s\n" "$*"'
	run -0 env PATH="$RIG_DIR/bin/path:/usr/bin:/bin" ACMEGATE_ZONE=sub.example.org "$adapters/lexicon" ddns --ttl=60 '--x=a b' present _acme-challenge.a.sub.example.org. -value
	[ "$output" = '--delegated sub.example.org ddns create sub.example.org TXT --name=_acme-challenge.a.sub.example.org --content=-value --ttl=60 --x=a b' ]
	run -0 env PATH="$RIG_DIR/bin/path:/usr/bin:/bin" "$adapters/lexicon" ddns cleanup a.example.org. v
	[ "$output" = 'ddns delete a.example.org TXT --name=a.example.org --content=v' ]
	run -1 env PATH="$RIG_DIR/bin/path:/usr/bin:/bin" "$adapters/lexicon" ../x cleanup a.example.org. v
	[[ $output == *"'../x' is no name of a provider"* ]]
}

# An acme.sh as far as scripts of the dnsapi see it: it prints its help when it is read without words, and keeps what they save.
small_acme() {
	mkdir -p "$RIG_DIR/bin/acme/dnsapi"
	cat >"$RIG_DIR/bin/acme/acme.sh" <<-'SH'
		#!/usr/bin/env sh
		_info() { printf '%s\n' "$*"; }
		_err() { printf '%s\n' "$*" >&2; return 1; }
		_initpath() {
			[ -d "$LE_CONFIG_HOME" ] || return 1
			ACCOUNT_CONF_PATH=$LE_CONFIG_HOME/account.conf
			[ ! -f "$ACCOUNT_CONF_PATH" ] || . "$ACCOUNT_CONF_PATH"
		}
		_saveaccountconf_mutable() { echo "SAVED_$1='$2'" >>"$ACCOUNT_CONF_PATH"; }
		_readaccountconf_mutable() { eval "printf '%s' \"\$SAVED_$1\""; }
		main() {
			[ -z "$1" ] && { _info 'the help of acme.sh'; return; }
			"$@"
		}
		main "$@"
	SH
	cat >"$RIG_DIR/bin/acme/dnsapi/dns_small.sh" <<-'SH'
		#!/usr/bin/env sh
		dns_small_add() { fulldomain=$1 txtvalue=$2; small "add $1. 60 TXT \"$2\""; }
		dns_small_rm() { small "delete $1. TXT \"$2\""; }
		small() {
			DNS_KEY="${DNS_KEY:-$(_readaccountconf_mutable DNS_KEY)}"
			_saveaccountconf_mutable DNS_KEY "$DNS_KEY"
			[ -n "$undefined" ] || _info "$1"
			printf 'server %s\nupdate %s\nsend\n' "$DNS_SERVER" "$1" | nsupdate -v -y "$DNS_KEY" || { _err 'nsupdate has failed'; return 1; }
		}
	SH
}

@test "acme.sh: a script of its dnsapi, as they are written, with what it saves" {
	adapter acme.sh
	small_acme
	config "$RIG_DIR/bin/acme.sh $RIG_DIR/bin/acme dns_small"
	succeeds -v
	rig_certificate one a.example.org
	[[ $output == *'dns own: add _acme-challenge.a.example.org. 60 TXT'* ]]
	[[ $output != *'the help of acme.sh'* && $output != *'ermission denied'* ]]
	grep -qF "SAVED_DNS_KEY='hmac-sha256:acmegate:$DNS_SECRET'" "$RIG_STATE/programs/own/acme.sh/account.conf"
	[ "$(stat -c '%U %a' "$RIG_STATE/programs/own/acme.sh/account.conf")" = 'nobody 600' ]
	# What it saved does without the file.
	sed -i '/^DNS_KEY=/d' "$RIG_DIR/etc/env"
	rm -r "$RIG_STATE/certificates" "$RIG_STATE/ledger"
	succeeds
	printf 'DNS_SERVER=%s\nDNS_KEY=hmac-sha256:acmegate:bm9uZQ==\n' "$RIG_CA4" >"$RIG_DIR/etc/env"
	rm -rf "$RIG_STATE"
	run -1 rig_acmegate renew-now
	[[ $output == *'ended with status 1: nsupdate has failed'* ]]
}

@test "certbot: a pair of hooks of its plugin manual, with the output of the first for the second" {
	adapter certbot
	script auth <<-'SH'
		nsupdate -v -y "$DNS_KEY" <<END || exit
		server $DNS_SERVER
		update add _acme-challenge.$CERTBOT_DOMAIN. 60 TXT "$CERTBOT_VALIDATION"
		send
		END
		echo "id of $CERTBOT_DOMAIN"
		env | grep '^CERTBOT_' | sort >"$HOME/auth"
	SH
	script clean <<-'SH'
		env | grep '^CERTBOT_' | sort >"$HOME/clean"
		[ "$CERTBOT_AUTH_OUTPUT" = "id of $CERTBOT_DOMAIN" ] || exit 1
		nsupdate -v -y "$DNS_KEY" <<END
		server $DNS_SERVER
		update delete _acme-challenge.$CERTBOT_DOMAIN. TXT "$CERTBOT_VALIDATION"
		send
		END
	SH
	config "$RIG_DIR/bin/certbot $RIG_DIR/bin/auth $RIG_DIR/bin/clean"
	succeeds
	rig_certificate one a.example.org
	sed -i -E 's/^(CERTBOT_VALIDATION=).{43}$/\1VALUE/' "$RIG_STATE/programs/own/auth" "$RIG_STATE/programs/own/clean"
	diff - "$RIG_STATE/programs/own/auth" <<-'SEEN'
		CERTBOT_ALL_DOMAINS=a.example.org
		CERTBOT_ALL_IDENTIFIERS=a.example.org
		CERTBOT_DOMAIN=a.example.org
		CERTBOT_IDENTIFIER=a.example.org
		CERTBOT_REMAINING_CHALLENGES=0
		CERTBOT_VALIDATION=VALUE
	SEEN
	grep -v ^CERTBOT_AUTH_OUTPUT "$RIG_STATE/programs/own/clean" | diff - "$RIG_STATE/programs/own/auth"
	[ "$(ls "$RIG_STATE/programs/own")" = $'auth\nclean' ]
}

@test "lexicon of Debian, with its provider for dynamic updates" {
	command -v lexicon >/dev/null || skip 'lexicon is not installed'
	adapter lexicon
	printf 'LEXICON_DDNS_AUTH_TOKEN=hmac-sha256:acmegate:%s\nLEXICON_DDNS_DDNS_SERVER=%s\n' "$DNS_SECRET" "$RIG_CA4" >"$RIG_DIR/etc/env"
	config "$RIG_DIR/bin/lexicon ddns --ttl=60"
	succeeds
	rig_certificate one a.example.org
}
