# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# rig.sh - a firewalled host and a CA, each in a network namespace of its own, joined by one cable. To be sourced; needs root.
#
#	rig_up				build it: policy drop on the host, Pebble's TLS certificate, the probe
#	rig_nft FILE			flush the host's ruleset and load this one ("-": standard input)
#	rig_pebble [NAME=VALUE...]	Pebble and its DNS mock, as good as new; RIG_DNS4, RIG_DNS6: the answers to A and AAAA ('' for none)
#	RIG_RESOLVER			where it looks names up, instead of the mock
#	RIG_VALIDITY			how many seconds its certificates last (90 days)
#	rig_config NAMES...		a configuration with one certificate for each argument ("a.test,b.test"); without
#					arguments the sections come from standard input. RIG_ACME, RIG_GATE, RIG_CERTIFICATE: further lines
#	rig_acmegate ARGUMENTS...	acmegate in the host's namespace, for 60 seconds at most
#	rig_ruleset			the ruleset as text and JSON without what packets and time change
#	rig_probe_start, rig_probe_stop	port 80, or RIG_PROBED, seen from the CA's side, into $RIG_DIR/probe; see probe.c
#	rig_probe_options=(-b)		before that, in a test that compares with a bound: what the machine takes is measured, for twice the work
#	rig_at_most SECONDS MOST	a bound that the program promises, beside what the machine took in that time
#	rig_open_at_most SECONDS	the same, for the time that the port was open
#	rig_before, rig_after		both, and the assertion that nothing is left behind
#	rig_window, rig_release, rig_ends	a run whose window stays open until it is released or somebody acts
#	rig_down			remove it all; done by a trap on exit, except in bats, where teardown_file must

# The packages that a build and a run in the rig need; the tests and the benchmark name more.
# shellcheck disable=SC2034 # used by those who source this
RIG_PACKAGES=(autoconf automake make gcc libc6-dev pkg-config libnftnl-dev libmnl-dev nettle-dev libcurl4-openssl-dev libssl-dev
	libinih-dev libidn2-dev libjansson-dev libseccomp-dev libsystemd-dev libknot-dev netbase nftables iproute2 procps pebble curl jq openssl ca-certificates)

RIG_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
RIG_BUILD=${ACMEGATE_BUILD:-$RIG_ROOT/build-test}
RIG_ACMEGATE=${ACMEGATE:-$RIG_BUILD/acmegate}
RIG_HOST4=10.98.0.2 RIG_CA4=10.98.0.1 RIG_HOST6=fd98::2 RIG_CA6=fd98::1
RIG_PORT=${RIG_PORT:-80}
: "${RIG_DNS4=$RIG_HOST4}" "${RIG_DNS6=}"

# A process that inherits descriptor 3 would keep bats waiting for it. What goes into the background is started by "ip netns
# exec" itself and not by these, so that $! is the process and not a shell around it.
rig_host() { ip netns exec "$RIG_HOST" "$@" 3>&-; }
rig_ca() { ip netns exec "$RIG_CA" "$@" 3>&-; }

# It would read all CAs that the system knows, even to show one certificate, which takes seven times as long as that.
openssl() { SSL_CERT_FILE=/dev/null command openssl "$@"; }

# bats keeps the stack of callers before each command: 0.2 ms, longer than most commands take, and half of what the tests took. Those of the
# file of the test itself are enough to say where it failed.
rig_trace=$(declare -f bats_debug_trap || true)
# shellcheck disable=SC2016 # it is bats that expands it
rig_short=': short; [[ $1 == "$BATS_TEST_SOURCE" ]] || return 0;'
[[ -z $rig_trace || $rig_trace == *': short;'* ]] || eval "${rig_trace/\{/"{ $rig_short"}"

rig_say() { printf '%s\n' "$*" >&2; }

# rig_until SECONDS COMMAND...: true as soon as the command is. A busy machine gets at least four tries for each second: it bounds how long
# the test waits, and proves no promise, which is what rig_at_most is for. RIG_SLOWER: how many times as long it takes on a machine
# that is emulated; RIG_NAP: how long it sleeps between two tries, which are most of what such a machine does.
rig_until() {
	local - # what is tried again and again is not traced
	set +T
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000 * ${RIG_SLOWER:-1})) tries=$((4 * $1))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || [ "$tries" -gt 0 ] || return 1
		tries=$((tries - 1))
		sleep "${RIG_NAP:-0.01}"
	done
}

# Ends a process of ours by its id, and waits until it is gone even if it is not this shell's child.
rig_end() {
	local pid=${1:-} signal=${2:-TERM}
	[ -n "$pid" ] || return 0
	kill -s "$signal" "$pid" 2>/dev/null || return 0
	wait "$pid" 2>/dev/null || true
	rig_until 2 rig_gone "$pid" || kill -s KILL "$pid" 2>/dev/null || true
}
rig_gone() { ! kill -s 0 "$1" 2>/dev/null; }

# A process and all that it has started, whoever of them started it.
rig_family() {
	local child
	echo "$1"
	for child in $(pgrep -P "$1"); do rig_family "$child"; done
}

rig_end_of() {
	local file=$RIG_DIR/$1.pid pid
	[ -s "$file" ] || return 0
	read -r pid <"$file"
	rm -f "$file"
	rig_end "$pid" "${2:-TERM}"
}

# rig_available PACKAGES...: those that this release of Debian has. 13 has no lexicon: the test that needs it is skipped there.
rig_available() {
	local package
	for package; do
		if apt-cache policy "$package" | grep -q 'Candidate: [^(]'; then
			printf '%s\n' "$package"
		else
			rig_say "this Debian has no package $package"
		fi
	done
}

# rig_install PACKAGES...: those that are missing, by Debian's package manager
rig_install() {
	local package missing=()
	for package; do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	rig_say "installing: ${missing[*]}"
	DEBIAN_FRONTEND=noninteractive apt-get -qq update && mapfile -t missing < <(rig_available "${missing[@]}") &&
		DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null
}

# The server that this machine's own packages come from.
# shellcheck disable=SC2016 # the variable is apt-get's
rig_mirror() { apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -v security | head -n 1; }

# rig_make CONFIGURE-ARGUMENTS...: builds into $RIG_BUILD
rig_make() {
	(cd "$RIG_ROOT" && autoreconf -fi) && mkdir -p "$RIG_BUILD" && (cd "$RIG_BUILD" && "$RIG_ROOT/configure" -q "$@") &&
		make -s -C "$RIG_BUILD" -j"$(nproc)"
}

# A second build, in which single nets can be switched off; see src/base/seam.h. Several files ask for it at the same time.
rig_seams() {
	[ -z "${RIG_BUILT:-}" ] || return 0 # in a virtual machine, which has what was built
	mkdir -p "$RIG_BUILD/seams" || return
	(
		flock 9
		cd "$RIG_BUILD/seams" || exit
		if [ ! -e Makefile ] || [ "$RIG_ROOT/configure" -nt config.status ]; then
			"$RIG_ROOT/configure" -q --enable-werror --enable-seams || exit
		fi
		make -s Makefile >/dev/null && rig_share_objects seams '"base/seam\.h"' && make -s -j"$(nproc)" images >/dev/null
	) 9>"$RIG_BUILD/seams.lock"
}

# rig_share_objects BUILD PATTERN: few sources have what another build has in another way; the objects of all others are those of the release.
# They depend on .dirstamp, which make would make anew.
rig_share_objects() {
	local source with=()
	while IFS= read -r source; do with+=(! -path "${source%.[ch]}.o"); done \
		< <(cd "$RIG_ROOT" && grep -rlE --include='*.[ch]' "$2" src firewall backends)
	(cd "$RIG_BUILD" && find src firewall backends \( -name '*.o' "${with[@]}" -o -name .dirstamp \) -exec cp -pu --parents -t "$1" {} +)
}

# The programs where every user may run them: the build may lie below a directory that is closed, as /root is.
rig_programs() {
	chmod 0755 "$RIG_DIR"
	rm -rf "$RIG_DIR/programs"
	mkdir -m 0755 "$RIG_DIR/programs" && find "$RIG_BUILD" -maxdepth 1 -type f -name 'acmegate*' -perm -u+x -exec cp -t "$RIG_DIR/programs" {} +
}

rig_build_probe() {
	RIG_PROBE=$RIG_BUILD/tests/lib/probe
	export RIG_PROBE
	[ -n "${RIG_BUILT:-}" ] || [ "$RIG_PROBE" -nt "$RIG_ROOT/tests/lib/probe.c" ] && return 0
	mkdir -p "$RIG_BUILD/tests/lib" || return
	cc -O2 -Wall -Wextra -o "$RIG_PROBE.$$" "$RIG_ROOT/tests/lib/probe.c" && mv "$RIG_PROBE.$$" "$RIG_PROBE"
}

# The Debian packages carry no certificate for Pebble's listeners. The directory is named by address, so it must have them.
rig_pki() {
	local pki=$RIG_DIR/pki new=(openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
	mkdir -p "$pki"
	{
		"${new[@]}" -x509 -days 30 -subj '/CN=acmegate rig' -addext basicConstraints=critical,CA:TRUE \
			-addext keyUsage=critical,keyCertSign,cRLSign -keyout "$pki/ca.key" -out "$pki/ca.pem" &&
			"${new[@]}" -subj /CN=pebble -keyout "$pki/server.key" -out "$pki/server.csr" &&
			printf 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:%s,IP:%s\nextendedKeyUsage=serverAuth\n' \
				"$RIG_CA4" "$RIG_CA6" >"$pki/extensions" &&
			openssl x509 -req -in "$pki/server.csr" -CA "$pki/ca.pem" -CAkey "$pki/ca.key" -CAcreateserial -days 30 \
				-extfile "$pki/extensions" -out "$pki/server.pem"
	} 2>"$pki/log" || {
		cat "$pki/log" >&2
		return 1
	}
}

rig_cable() {
	ip netns add "$RIG_HOST" && ip netns add "$RIG_CA" &&
		ip link add cable0 netns "$RIG_HOST" type veth peer name cable0 netns "$RIG_CA" &&
		ip -n "$RIG_HOST" addr add "$RIG_HOST4/24" dev cable0 && ip -n "$RIG_CA" addr add "$RIG_CA4/24" dev cable0 &&
		ip -n "$RIG_HOST" addr add "$RIG_HOST6/64" dev cable0 nodad && ip -n "$RIG_CA" addr add "$RIG_CA6/64" dev cable0 nodad &&
		ip -n "$RIG_HOST" link set lo up && ip -n "$RIG_CA" link set lo up &&
		ip -n "$RIG_HOST" link set cable0 up && ip -n "$RIG_CA" link set cable0 up &&
		rig_neighbour "$RIG_CA" cable0 "$RIG_HOST" cable0 "$RIG_HOST4" "$RIG_HOST6" &&
		rig_neighbour "$RIG_HOST" cable0 "$RIG_CA" cable0 "$RIG_CA4" "$RIG_CA6"
}

# rig_neighbour NAMESPACE DEVICE NAMESPACE DEVICE ADDRESS...: the first knows where these are. What ARP and neighbour discovery meet
# is not the port's matter; with a ruleset that drops them, they would fail once half a minute is over.
rig_neighbour() {
	local address mac
	mac=$(ip netns exec "$3" cat "/sys/class/net/$4/address") || return
	for address in "${@:5}"; do ip -n "$1" neigh replace "$address" lladdr "$mac" nud permanent dev "$2" || return; done
}

rig_up() {
	[ "$(id -u)" = 0 ] || {
		rig_say 'the rig needs root'
		return 1
	}
	# The system's own tools: a wrapper around python3 that looks for versions takes ten times as long to start.
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
	RIG_HOST=agh$$ RIG_CA=agc$$
	RIG_DIR=$(mktemp -d "${TMPDIR:-/tmp}/acmegate-rig.XXXXXX") || return
	RIG_CONF=$RIG_DIR/etc/acmegate.conf RIG_STATE=$RIG_DIR/state
	export RIG_HOST RIG_CA RIG_DIR RIG_CONF RIG_STATE RIG_PORT
	chmod 0711 "$RIG_DIR"
	if [ -z "${BATS_VERSION:-}" ]; then
		trap rig_down EXIT
		trap 'exit 130' INT TERM HUP
	fi
	if ! { mkdir "$RIG_DIR/etc" && chmod 0755 "$RIG_DIR/etc" && rig_build_probe && rig_pki && rig_cable && rig_policy_drop | rig_nft -; }; then
		rig_say 'the rig could not be built'
		return 1
	fi
}

rig_down() {
	local namespace pid
	[ -n "${RIG_DIR:-}" ] || return 0
	for namespace in "$RIG_HOST" "$RIG_CA"; do
		# All processes in these namespaces are the rig's.
		for pid in $(ip netns pids "$namespace" 2>/dev/null); do
			rig_end "$pid" KILL
		done
		ip netns del "$namespace" 2>/dev/null || true
	done
	rm -rf "$RIG_DIR"
	unset RIG_DIR
}

rig_nft() {
	{
		echo 'flush ruleset'
		cat "$1"
	} | rig_host nft -f -
}

# The plainest firewall of a Debian host.
rig_policy_drop() {
	cat <<-'NFT'
		table inet filter {
			chain input {
				type filter hook input priority filter; policy drop;
				iif "lo" accept comment "loopback"
				ct state established,related counter accept
				ct state invalid drop
				meta l4proto { icmp, ipv6-icmp } accept
				tcp dport 22 accept comment "ssh"
			}
			chain forward { type filter hook forward priority filter; policy drop; }
			chain output { type filter hook output priority filter; policy accept; }
		}
	NFT
}

# Pebble stays for the next test that wants the same; not if it still knocks for this one.
rig_pebble_stop() {
	[ -z "${RIG_PEBBLE_STAYS:-}" ] || return 0
	[ -n "${BATS_TEST_COMPLETED:-}" ] && [ -z "$(rig_knocks)" ] || rig_pebble_end
}
rig_knocks() { rig_ca ss -Hnt exclude time-wait dport = "$RIG_PORT" or dport = 443; }
rig_pebble_end() {
	rm -f "$RIG_DIR/pebble.wanted"
	rig_end_of pebble
	rig_end_of dns
}

rig_answers() { rig_host curl -s -o /dev/null --max-time $((2 * ${RIG_SLOWER:-1})) --cacert "$RIG_DIR/pki/ca.pem" "https://$RIG_CA4:14000/dir"; }

# rig_answers_as ADDRESS4 ADDRESS6: what the mock says of every name from now on
rig_answers_as() {
	[ "$*" != "$(<"$RIG_DIR/pebble.dns")" ] || return 0
	rig_ca curl -sf --max-time 30 -d "{\"ip\":\"$1\"}" http://127.0.0.1:8055/set-default-ipv4 &&
		rig_ca curl -sf --max-time 30 -d "{\"ip\":\"$2\"}" http://127.0.0.1:8055/set-default-ipv6 && echo "$*" >"$RIG_DIR/pebble.dns"
}

# True if one that runs is as good as a new one. Of an account with a valid authorization it may know that one again, one time in a
# hundred, and no window opens. RIG_PEBBLE_STAYS: as good all the same, where its start takes long or names are new each time.
rig_pebble_serves() {
	local valid
	[ "$1" = "$(cat "$RIG_DIR/pebble.wanted" 2>/dev/null)" ] && ! rig_gone "$(<"$RIG_DIR/pebble.pid")" && rig_answers_as "$RIG_DNS4" "$RIG_DNS6" ||
		return
	[ -z "${RIG_PEBBLE_STAYS:-}" ] || return 0
	valid=$(grep -c 'set VALID' "$RIG_DIR/pebble.log")
	[ -e "$RIG_STATE/accounts" ] || echo "$valid" >"$RIG_DIR/pebble.valid"
	[ "$valid" = "$(cat "$RIG_DIR/pebble.valid" 2>/dev/null)" ] && [ -z "$(rig_knocks)" ]
}

# shellcheck disable=SC2120 # arguments come from those who source this
rig_pebble() {
	local wanted="$RIG_PORT ${RIG_VALIDITY:-} ${RIG_RESOLVER:-} $PATH $*"
	! rig_pebble_serves "$wanted" || return 0
	rig_pebble_end
	cat >"$RIG_DIR/pebble.json" <<-JSON
		{ "pebble": { "listenAddress": "0.0.0.0:14000", "managementListenAddress": "0.0.0.0:15000",
		  "certificate": "$RIG_DIR/pki/server.pem", "privateKey": "$RIG_DIR/pki/server.key",
		  "httpPort": $RIG_PORT, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": false,
		  "certificateValidityPeriod": ${RIG_VALIDITY:-7776000} } }
	JSON
	# -dns01 is -dnsserver in newer ones; -defaultIPv6 is ::1 unless told otherwise, and Pebble never falls back to IPv4.
	local flag=-dns01
	pebble-challtestsrv -help 2>&1 | grep -q -- '-dnsserver' && flag=-dnsserver
	ip netns exec "$RIG_CA" pebble-challtestsrv -defaultIPv4 "$RIG_DNS4" -defaultIPv6 "$RIG_DNS6" "$flag" 127.0.0.1:8053 \
		-management 127.0.0.1:8055 -http01 '' -https01 '' -tlsalpn01 '' >"$RIG_DIR/dns.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/dns.pid"
	ip netns exec "$RIG_CA" env PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 "$@" \
		pebble -config "$RIG_DIR/pebble.json" -dnsserver "${RIG_RESOLVER:-127.0.0.1:8053}" >"$RIG_DIR/pebble.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/pebble.pid"
	# Two RSA keys come first; a bound on the machine and not on what is tested.
	rig_until 60 rig_answers || {
		rig_say 'pebble did not come up'
		tail -n 5 "$RIG_DIR/pebble.log" "$RIG_DIR/dns.log" >&2
		return 1
	}
	echo 0 >"$RIG_DIR/pebble.valid"
	echo "$RIG_DNS4 $RIG_DNS6" >"$RIG_DIR/pebble.dns"
	echo "$wanted" >"$RIG_DIR/pebble.wanted"
}

# rig_dns HOST ADDRESS: another answer to A for this name alone
rig_dns() {
	rm -f "$RIG_DIR/pebble.wanted"
	rig_ca curl -sf --max-time 30 -d "{\"host\":\"$1.\",\"addresses\":[\"$2\"]}" http://127.0.0.1:8055/add-a
}

rig_sections() {
	local names
	for names; do
		# One name in a line, as long lines are refused.
		printf '[certificate %s]\nnames = %s\n%s\n' "${names%%,*}" "${names//,/$'\n  '}" "${RIG_CERTIFICATE:-}"
	done
}

rig_config() {
	{
		printf '[acme]\ndirectory = %s\n' "${RIG_DIRECTORY:-https://$RIG_CA4:14000/dir}"
		printf 'contact = admin@example.test\naccept_terms = yes\nca_file = %s\n%s\n' "$RIG_DIR/pki/ca.pem" "${RIG_ACME:-}"
		printf '[gate]\nbackend = %s\nport = %s\nuser = nobody\nstate = %s\n%s\n' "${RIG_BACKEND:-auto}" "$RIG_PORT" \
			"$RIG_STATE" "${RIG_GATE:-}"
		if [ $# -gt 0 ]; then rig_sections "$@"; else cat; fi
	} >"$RIG_CONF.new" && chmod 0644 "$RIG_CONF.new" && mv "$RIG_CONF.new" "$RIG_CONF"
}

rig_acmegate() {
	timeout -k 5 $((60 * ${RIG_SLOWER:-1})) ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" "$@" 3>&-
}

rig_live() { printf '%s\n' "$RIG_STATE/certificates/$1/live"; }

rig_ruleset() {
	rig_host nft -a list ruleset | sed -E 's/packets [0-9]+ bytes [0-9]+/packets N bytes N/g; s/ expires [0-9a-z]+//g'
	# Each object in a line of its own. jq would take ten times as long as both lists.
	rig_host nft -j list ruleset | sed -E 's/"(packets|bytes|expires)": [0-9]+/"\1": N/g; s/(, )?"expires": N//g; s/\}, \{/},\n{/g'
}

rig_probe_arguments=("${RIG_PROBED:-$RIG_PORT}" "$RIG_CA4" "$RIG_HOST4" "$RIG_CA6" "$RIG_HOST6")

rig_probe_options=()
rig_probe_start() {
	rm -f "$RIG_DIR/probe"
	ip netns exec "$RIG_CA" "$RIG_PROBE" "${rig_probe_options[@]}" "${rig_probe_arguments[@]}" >"$RIG_DIR/probe" 2>&1 3>&- &
	echo $! >"$RIG_DIR/probe.pid"
	# The probe is at work before the test goes on.
	rig_until 30 grep -qs '^begin' "$RIG_DIR/probe"
	sleep 0.02
}

rig_probe_stop() {
	sleep 0.1
	rig_end_of probe
	grep -q '^total 6 ' "$RIG_DIR/probe" || {
		rig_say "the probe failed: $(tail -n 3 "$RIG_DIR/probe")"
		return 1
	}
}

# rig_probe_once: "4 STATE" and "6 STATE" of this moment
rig_probe_once() { rig_ca "$RIG_PROBE" -o "${rig_probe_arguments[@]}" | awk '/^total/ { print $2, $12 }'; }

# rig_probe_total FAMILY FIELD: probes, open, listening, first, last or gap of the last probe_stop
rig_probe_total() {
	awk -v family="$1" -v field="$2" '$1 == "total" && $2 == family { for (i = 3; i < NF; i += 2) if ($i == field) print $(i + 1) }' \
		"$RIG_DIR/probe"
}

# rig_lost: the seconds that the machine took from the last probe, and from a process beside it that had to act. RIG_HANDS: so
# many processes act one after another until what is promised is done; at least the test, which kills, and the one that closes.
rig_lost() {
	grep -q '^beside ' "$RIG_DIR/probe" || {
		rig_say 'what the machine took was not measured: rig_probe_options=(-b)'
		return 1
	}
	awk -v hands="${RIG_HANDS:-2}" '$1 == "total" && $NF > gap { gap = $NF } $1 == "beside" { beside = $2 }
		END { printf "%.6f\n", gap + hands * beside }' "$RIG_DIR/probe"
}

# rig_at_most SECONDS MOST [WHAT]: a promise of the program's. What the machine took is not the program's.
rig_at_most() {
	local lost
	lost=$(rig_lost) || return
	printf '# %s: %.1f ms, of %.1f; the machine took %.1f ms\n' "${3:-${RIG_WHAT:-$BATS_TEST_DESCRIPTION}}" \
		"$(rig_milliseconds "$1")" "$(rig_milliseconds "$2")" "$(rig_milliseconds "$lost")" >&3
	awk -v took="$1" -v most="$2" -v lost="$lost" 'BEGIN { exit !(took <= most + lost) }'
}
# rig_open_at_most SECONDS [HANDS]: what the port was open for over IPv4, while so many processes acted one after another, CA and client among them
rig_open_at_most() { RIG_HANDS=${2:-10} rig_at_most "$(rig_probe_total 4 open)" "$1" "${RIG_WHAT:-$BATS_TEST_DESCRIPTION}: open"; }
rig_milliseconds() { awk -v seconds="$1" 'BEGIN { printf "%.1f", seconds * 1000 }'; }

# rig_probe_windows FAMILY: how many times the port was open
rig_probe_windows() {
	awk -v family="$1" '$1 == "interval" && $2 == family { if ($3 != "silent" && last == "silent") n++; last = $3 } END { print n + 0 }' \
		"$RIG_DIR/probe"
}

rig_opened() { grep -q '^answer' "$RIG_DIR/probe" 2>/dev/null; }

# --- a window that stays open -------------------------------------------------------------------------------------------------

# The CA's packets stay at home, and the probe's do not: Pebble's source ports are the ephemeral ones. TCP tries again, each second
# where the kernel can do that (6.5), so a validation goes on once it is released; after 15 s the CA gives up.
rig_hold() {
	rig_ca sysctl -qe -w net.ipv4.tcp_syn_linear_timeouts=15
	rig_ca nft 'add table inet hold; add chain inet hold out { type filter hook output priority 0; }
		add rule inet hold out tcp sport >= 32768 tcp dport { 80, 443 } drop'
}
rig_release() { rig_ca nft delete table inet hold; }

# rig_window [COMMAND...]: starts renew-now (or another command), and returns when its window is open. $pid is acmegate itself.
rig_window() {
	rig_pebble
	rig_config one.test
	rig_hold
	rig_before
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" "${@:-renew-now}" >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 rig_opened_or_gone
	rig_opened || {
		cat "$RIG_DIR/out"
		return 1
	}
}
rig_opened_or_gone() { rig_opened || rig_gone "$pid"; }

# The process that holds the rights over the firewall, in the host's namespace.
rig_gate() { ip netns pids "$RIG_HOST" | grep -xFf <(pgrep -x acmegate-gate); }

# rig_ends STATUS: the run ends so (an extended regular expression); what it printed is $output
rig_ends() {
	local result=0
	rig_until 60 rig_gone "$pid" || kill -s KILL "$pid"
	wait "$pid" || result=$?
	output=$(cat "$RIG_DIR/out")
	[[ $result =~ ^($1)$ ]] || {
		rig_say "exit status $result, not $1"
		return 1
	}
}

# Landlock is there: neither the seam nor this machine's kernel is without it. The number is the same on all processors.
rig_landlocked() {
	[ "${ACMEGATE_SEAMS:-}" != no-landlock ] &&
		python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) <= 0)'
}

# rig_ours [WHAT]: how many rules and sets of ours stand
rig_ours() { rig_host nft -a list "${@:-ruleset}" | grep -cE '(comment|set) .*acmegate[:_][0-9a-f]{16}' || true; }
# A process that was killed leaves its namespace before it lets go of its files, and so of the journal.
rig_idle() {
	[ -z "$(ip netns pids "$RIG_HOST")" ] && { [ ! -e "$RIG_STATE/journal" ] || flock -n "$RIG_STATE/journal" true; }
}
# At once, as far as one can: of those killed one by one the watchdog would close before its turn came.
rig_kill_at_once() {
	kill -s STOP "$@" || true
	kill -s KILL "$@"
}
rig_silent() { [ "$(rig_probe_once)" = $'4 silent\n6 silent' ]; }
rig_as_before() { rig_ruleset | cmp -s - "$RIG_DIR/before"; }

# --- assertions ---------------------------------------------------------------------------------------------------------

rig_before() {
	rig_ruleset >"$RIG_DIR/before" && rig_probe_start
}

# rig_after: port 80 is closed at both ends of the time since rig_before, nothing of ours is left, the ruleset is the same.
# With "listening", closed means that nobody listens (hosts whose firewall lets port 80 in anyhow).
rig_after() {
	local family edge state
	rig_probe_stop || return
	rig_ruleset >"$RIG_DIR/after" || return
	if ! diff -u "$RIG_DIR/before" "$RIG_DIR/after" >"$RIG_DIR/difference"; then
		rig_say 'the ruleset is not what it was:'
		cat "$RIG_DIR/difference" >&2
		return 1
	fi
	if grep -q 'acmegate' "$RIG_DIR/after"; then
		rig_say 'a rule of acmegate is left'
		return 1
	fi
	for family in 4 6; do
		for edge in first last; do
			state=$(rig_probe_total "$family" "$edge")
			[ "$state" = silent ] || { [ "${1:-}" = listening ] && [ "$state" = refusing ]; } || {
				rig_say "IPv$family: port ${RIG_PROBED:-$RIG_PORT} is $state ($edge probe)"
				return 1
			}
		done
	done
}

# rig_closed_after TIME SECONDS: silent so soon after that moment, as seen from outside
rig_closed_after() {
	local after
	rig_until 30 rig_silent
	rig_probe_stop
	after=$(awk -v at="$1" '
		$1 == "interval" { state[$2] = $3; from[$2] = $4 }
		END {
			for (family in state) {
				if (state[family] != "silent") exit 1
				if (from[family] - at > worst) worst = from[family] - at
			}
			printf "%.6f\n", worst
		}' "$RIG_DIR/probe") || {
		rig_say "the port is not silent: $(tail -n 4 "$RIG_DIR/probe")"
		return 1
	}
	rig_at_most "$after" "$2" "${RIG_WHAT:-$BATS_TEST_DESCRIPTION}: silent"
}

# rig_was_open FAMILY WINDOWS: so many windows with our listener behind them
rig_was_open() {
	local windows
	windows=$(rig_probe_windows "$1")
	[ "$windows" = "$2" ] || {
		rig_say "IPv$1: $windows windows instead of $2; the longest time without a probe was $(rig_probe_total "$1" gap) s"
		grep '^interval' "$RIG_DIR/probe" >&2
		return 1
	}
}

# rig_blind: the probe of a family saw no window, and stood still for long enough to miss one
rig_blind() {
	local family
	for family in 4 6; do
		[ "$(rig_probe_windows "$family")" = 0 ] && awk -v gap="$(rig_probe_total "$family" gap)" 'BEGIN { exit !(gap > 0.01) }' && return
	done
	return 1
}

rig_never_open() {
	rig_was_open 4 0 && rig_was_open 6 0
}

# rig_certificate NAME HOST...: the live files belong together, are the CA's, are root's alone, and name these hosts
rig_certificate() {
	local live name host
	live=$(rig_live "$1") name=$1
	shift
	[ -L "$live" ] || {
		rig_say "$name: there is no certificate"
		return 1
	}
	openssl x509 -in "$live/cert.pem" -noout -pubkey >"$RIG_DIR/public1" &&
		openssl pkey -in "$live/privkey.pem" -pubout >"$RIG_DIR/public2" && cmp "$RIG_DIR/public1" "$RIG_DIR/public2" || return
	cat "$live/cert.pem" "$live/chain.pem" | cmp - "$live/fullchain.pem" || return
	cat "$live/fullchain.pem" "$live/privkey.pem" | cmp - "$live/combined.pem" || return
	cat "$live/privkey.pem" "$live/fullchain.pem" | cmp - "$live/keyfirst.pem" || return
	[ "$(stat -L -c %a:%u "$live/privkey.pem")" = 600:0 ] || return
	rig_ca curl -s --max-time 30 --cacert "$RIG_DIR/pki/ca.pem" https://127.0.0.1:15000/roots/0 >"$RIG_DIR/root.pem" || return
	openssl verify -CAfile "$RIG_DIR/root.pem" -untrusted "$live/chain.pem" "$live/cert.pem" >/dev/null || return
	for host; do
		openssl x509 -in "$live/cert.pem" -noout -checkhost "$host" | grep -q 'does match' || {
			rig_say "$name: the certificate does not name $host"
			return 1
		}
	done
}
