#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# `acmegate check`: each row is seen to be ok, and not to be where something keeps a renewal from working; it takes no lock, and changes
# nothing.
bats_require_minimum_version 1.5.0
load ../lib/suite
load ../lib/xdp

setup_file() {
	rig_up
	export RIG_PEBBLE_STAYS=1
	rig_pebble
	mkdir -p "/etc/netns/$RIG_HOST"
	echo "nameserver $RIG_CA4" >"/etc/netns/$RIG_HOST/resolv.conf"
	systemctl enabled active
}

teardown_file() {
	rig_end_of names
	rm -rf "/etc/netns/${RIG_HOST:-none}"
	unset RIG_PEBBLE_STAYS
	rig_down
}

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	rig_config one.test two.test,www.two.test
	names
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of server
	rig_end_of ca
	rig_end_of xdp
	rig_host ip link del docker0 2>/dev/null || true
	rig_ca nft flush ruleset
}

# names [LINE...]: the name server of the host, with these lines of dnsmasq.conf for the names of the rig
names() {
	rig_end_of names
	{
		printf 'no-resolv\nno-hosts\nlocal=/test/\nlisten-address=%s\nbind-interfaces\nno-daemon\n' "$RIG_CA4"
		if [ $# -gt 0 ]; then
			printf '%s\n' "$@"
		else
			printf 'host-record=%s,%s,%s\n' one.test "$RIG_HOST4" "$RIG_HOST6" two.test "$RIG_HOST4" "$RIG_HOST6"
			printf 'cname=www.two.test,two.test\n'
		fi
	} >"$RIG_DIR/names.conf"
	ip netns exec "$RIG_CA" dnsmasq -C "$RIG_DIR/names.conf" --pid-file= >"$RIG_DIR/names.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/names.pid"
	rig_until 30 resolves
}
resolves() { rig_host python3 -c 'import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); s.sendto(bytes([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]), (sys.argv[1], 53)); s.recv(512)' "$RIG_CA4"; }

# caa NAME FLAGS TAG VALUE: a line of dnsmasq.conf
caa() { printf 'dns-rr=%s,257,%02x%02x%s\n' "$1" "$2" "${#3}" "$(printf '%s%s' "$3" "$4" | od -An -tx1 | tr -d ' \n')"; }

# systemctl TIMER SERVICE: what stands in its place says this of both
systemctl() {
	printf '#!/bin/sh\ncase "$1 $2" in *timer) echo %s ;; *recover*) echo enabled ;; *) echo %s ;; esac\n' "$1" "$2" >"$RIG_DIR/systemctl"
	chmod 0755 "$RIG_DIR/systemctl"
}

# checked [ARGUMENT...]: acmegate check where neither units nor other clients of this machine are seen. PREPARE: shell commands before it
checked() {
	timeout -k 5 $((60 * ${RIG_SLOWER:-1})) ip netns exec "$RIG_HOST" unshare -m bash -ec 'mount --make-rprivate /
		[ ! -d /run/systemd/system ] || mount --bind "$RIG_DIR/systemctl" "$(readlink -f "$(command -v systemctl)")"
		for other in letsencrypt nginx apache2 postfix dovecot haproxy mosquitto prosody; do
			[ ! -d "/etc/$other" ] || mount -t tmpfs none "/etc/$other"
		done
		eval "${PREPARE:-}"
		exec "$0" -c "$RIG_CONF" check "$@"' "$RIG_ACMEGATE" "$@" 3>&-
}

# rows STATUS [ARGUMENT...]: runs check --json, and leaves the rows as "STATE CHECK SUBJECT: TEXT [REMEDY]" in $rows
rows() {
	local wanted=$1
	shift
	run "-$wanted" --separate-stderr checked --json "$@"
	printf '%s\n' "$output" >"$RIG_DIR/check.json"
	rows=$(jq -er '.version == 1 and (.rows | all(keys == ["check", "remedy", "state", "subject", "text"]))' "$RIG_DIR/check.json") || return
	rows=$(jq -r '.rows[] | "\(.state) \(.check) \(.subject): \(.text) [\(.remedy // "")]"' "$RIG_DIR/check.json")
	output=$rows$stderr
	# what is not ok has a remedy
	[ "$(jq '.rows | all((.state == "ok") == (.remedy == null))' "$RIG_DIR/check.json")" = true ]
}

# has PATTERN: one of the rows is like this (an extended regular expression)
has() {
	grep -qE -- "^$1" <<<"$rows" || {
		echo "no row is like $1"
		return 1
	}
}

server() {
	ip netns exec "$RIG_HOST" python3 -c 'import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", 80)); s.listen(); time.sleep(60)' 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 listening
}
listening() { rig_host ss -Hltn 'sport = 80' | grep -q .; }

@test "all is ok where all is as it should be; the table says the same, and nothing is changed or made" {
	rig_ruleset >"$RIG_DIR/before"
	rows 0
	rig_ruleset | diff "$RIG_DIR/before" -
	[ ! -e "$RIG_STATE" ]
	has "ok configuration $RIG_CONF: 2 certificates, 3 names "
	has "ok storage $RIG_STATE: is not there yet"
	has 'ok port 80: no program listens'
	has 'ok firewall inet filter input: may block TCP port 80 over IPv4 and IPv6, .*adds a rule behind all others'
	has "ok ca https://$RIG_CA4:14000/dir: answers the user nobody "
	has 'ok clock .*: this host.s clock agrees'
	has "ok name one.test: leads to this host: $RIG_HOST4, $RIG_HOST6 "
	has "ok name www.two.test: leads to this host: $RIG_HOST4, $RIG_HOST6, CNAME two.test "
	has 'ok caa one.test: no CAA record'
	run -0 checked one.test
	[[ $output == *$'\nok       port           80: no program listens'* ]]
	[[ $output != *two.test* ]]
	run -2 checked other.test
	[[ $output == *'there is no [certificate other.test]'* ]]
}

@test "names that lead elsewhere, nowhere, and through a router; an address in the place of a name" {
	names host-record=one.test,"$RIG_CA4" host-record=two.test,"$RIG_HOST4",2001:db8::1 cname=www.two.test,other.test
	rows 2
	has "wrong name one.test: leads to $RIG_CA4, which is not an address of this host \[correct the A record"
	has "ok name two.test: leads to this host: $RIG_HOST4 "
	has 'warning name two.test: leads to 2001:db8::1, .*a router is in front'
	has 'wrong name www.two.test: has no address in the DNS'
	names host-record=one.test,192.0.2.7
	rig_config "one.test,$RIG_HOST4,$RIG_CA4"
	rows 2
	has 'warning name one.test: leads to 192.0.2.7, .*a router is in front \(NAT\) \[have the router forward'
	has "ok name $RIG_HOST4: is an address of this host"
	has "wrong name $RIG_CA4: is not an address of this host \[correct names"
	rig_end_of names
	rows 2
	has 'wrong name one.test: Temporary failure in name resolution \[see to the host.s name servers'
}

@test "CAA records of the name and of those above it" {
	ca_with_identities ca.example
	names "host-record=one.test,$RIG_HOST4" "host-record=two.test,$RIG_HOST4" "host-record=www.two.test,$RIG_HOST4" \
		"$(caa one.test 0 issue other.example)" "$(caa two.test 0 issue 'ca.example; validationmethods=dns-01,http-01')"
	rows 2
	has 'wrong caa one.test: one.test has CAA 0 issue "other.example": that forbids https'
	has 'ok caa two.test: two.test has CAA 0 issue "ca.example; validationmethods=dns-01,http-01": that allows'
	has 'ok caa www.two.test: two.test has CAA'
	names "host-record=one.test,$RIG_HOST4" "$(caa test 128 newer ';')"
	rig_config one.test
	rows 2
	has 'wrong caa one.test: test has CAA 128 newer ";": that forbids'
}

# ca_with_identities NAME...: a CA that is a directory and no more
ca_with_identities() {
	RIG_DIRECTORY=https://$RIG_CA4:14100/dir rig_config one.test two.test,www.two.test
	printf '{"newNonce":"https://%s/n","newAccount":"https://%s/a","newOrder":"https://%s/o","meta":{"caaIdentities":["%s"]}}' \
		"$RIG_CA4" "$RIG_CA4" "$RIG_CA4" "$1" >"$RIG_DIR/dir"
	directory_server 0
}

# directory_server SECONDS: serves $RIG_DIR/dir, and its clock is so much ahead
directory_server() {
	ip netns exec "$RIG_CA" python3 -c 'import email.utils, http.server, ssl, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = open(sys.argv[1] + "/dir", "rb").read()
        self.send_response_only(200)
        self.send_header("Date", email.utils.formatdate(time.time() + int(sys.argv[2]), usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(("0.0.0.0", 14100), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + "/pki/server.pem", sys.argv[1] + "/pki/server.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()' "$RIG_DIR" "$1" >"$RIG_DIR/ca.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/ca.pid"
	rig_until 30 rig_host curl -s -o /dev/null --max-time 5 --cacert "$RIG_DIR/pki/ca.pem" "https://$RIG_CA4:14100/dir"
}

@test "the CA: a chain of output that stops its user, a port where nothing listens, another clock, no directory" {
	rig_host nft add table inet out
	rig_host nft add chain inet out out '{ type filter hook output priority 0; }'
	rig_host nft add rule inet out out meta skuid "$(id -u nobody)" tcp dport 14000 reject with tcp reset
	rows 2
	has 'warning firewall output: the chain inet out out \(output\) may keep acmegate.s client'
	has "wrong ca https://$RIG_CA4:14000/dir: cannot be reached by the user nobody: .*\[let the user nobody through: the chain inet out out"
	rig_policy_drop | rig_nft -
	RIG_DIRECTORY=https://$RIG_CA4:14100/dir rig_config one.test
	rows 2
	has "wrong ca https://$RIG_CA4:14100/dir: cannot be reached by the user nobody: .*Connection refused \[let the user nobody reach TCP port 14100"
	echo '{}' >"$RIG_DIR/dir"
	directory_server 700
	rows 2
	has 'wrong ca .*14100/dir: does not serve the user nobody: the directory lacks'
	rig_end_of ca
	ca_with_identities ca.example
	rig_end_of ca
	directory_server 700
	rows 2
	has 'wrong clock .*: this host.s clock is (699|70[0-9]) s behind of the CA'
}

@test "the port: who has it, and whether that suits the mode" {
	server
	pid=$(cat "$RIG_DIR/server.pid")
	rows 2
	has "wrong port 80: python3 \(pid $pid\) listens, where acmegate is to"
	printf '[responder]\nmode = redirect\n' >>"$RIG_CONF"
	rows 0
	has "ok port 80: python3 \(pid $pid\) listens, which suits"
	rig_end_of server
	mkdir -p "$RIG_DIR/www"
	rig_config one.test
	printf '[responder]\nmode = webroot\nwebroot = %s\n' "$RIG_DIR/www" >>"$RIG_CONF"
	rows 2
	has 'wrong port 80: no program listens, and with mode = webroot'
	# hook and guard need no CA and no certificate
	printf '[gate]\nuser = nobody\nstate = %s\n' "$RIG_STATE" >"$RIG_CONF"
	server
	rows 0
	has 'ok port 80: python3 .* listens; no renewal needs the port; with hook and guard that is the client'
	[[ $rows != *' ca '* ]]
}

@test "the firewall: every chain that blocks, whose it is, and one that only its owner can change" {
	rig_nft - <<-'NFT'
		table inet crowdsec { chain crowdsec-input { type filter hook input priority -10; tcp dport 80 ip saddr 192.0.2.0/24 drop; }; }
		table ip filter {
			chain INPUT { type filter hook input priority 0; policy drop; ct state established accept; }
			chain OUTPUT { type filter hook output priority 0; }
		}
		table ip6 mine { chain in { type filter hook input priority 0; tcp dport 22 accept; tcp dport 80 drop; accept; }; }
	NFT
	rows 0
	has 'ok firewall inet crowdsec crowdsec-input: may block TCP port 80 over IPv4 and IPv6, made by CrowdSec.s bouncer \(/etc/crowdsec'
	has 'ok firewall ip filter INPUT: may block TCP port 80 over IPv4'
	handle=$(rig_host nft -a list chain ip6 mine in | sed -nE 's/.*dport 80 .*# handle ([0-9]+)/\1/p')
	has "ok firewall ip6 mine in: may block TCP port 80 over IPv6; .*ahead of that with handle $handle "
	echo 'table inet filter { chain input { type filter hook input priority 0; policy accept; }; }' | rig_nft -
	rows 0
	has 'ok firewall : no chain blocks port 80'
}

@test "beside a renewal it says so, and is in nobody's way" {
	rig_window
	rows 0
	has 'ok firewall : another acmegate is at work on this host'
	has 'ok port 80: acmegate-agent \(pid [0-9]+\) listens while a renewal is at work'
	rig_release
	rig_ends 0
	rig_after
	rows 0
	has 'ok key one.test: the key has the owner and the mode of the configuration'
	has "ok storage $RIG_STATE: can be written"
	chmod 0644 "$RIG_STATE/certificates/one.test/live/privkey.pem"
	rows 2
	has 'wrong key one.test: .*/live/privkey.pem has owner 0:0 and mode 0644, not 0:0 and 0600'
	chmod 0777 "$RIG_STATE"
	rows 2
	has "wrong storage $RIG_STATE: can be written by others than root"
}

@test "a configuration with mistakes: each is a row, and the rest is looked at" {
	printf '[certificate three.test]\nnames = three.test\nkye = ec\n[ca spare]\ndirectory = https://192.0.2.1/dir\n' >>"$RIG_CONF"
	rows 2
	has "wrong configuration : $RIG_CONF:[0-9]+: .*'kye'"
	has "warning configuration $RIG_CONF: line [0-9]+: \[ca spare\] is used by no certificate"
	has 'ok name one.test: leads to this host'
	rig_config one.test
	sed -i 's/^user = .*/user = _nobody_here/' "$RIG_CONF"
	rows 2
	has "wrong ca _nobody_here: .*there is no user '_nobody_here'.*CA and names were not looked at"
	run -2 checked --nonsense
}

@test "the timer and recovery, by systemctl; hooks of certbot that open the port by themselves" {
	[ -x /usr/bin/systemctl ] || skip 'there is no systemctl, in whose place a script answers'
	mkdir -p "$RIG_DIR/le/renewal" "$RIG_DIR/le/renewal-hooks/pre" /etc/letsencrypt /run/systemd
	printf '[renewalparams]\npre_hook = ufw allow 80\n# post_hook = ufw deny 80\npost_hook = acmegate hook post\n' >"$RIG_DIR/le/renewal/a.conf"
	printf '#!/bin/sh\n# nft before\n/usr/sbin/iptables -I INPUT -p tcp --dport 80 -j ACCEPT\n' >"$RIG_DIR/le/renewal-hooks/pre/open"
	export PREPARE='[ -d /run/systemd/system ] || {
			mount -t tmpfs none /run/systemd
			mkdir /run/systemd/system
			mount --bind "$RIG_DIR/systemctl" /usr/bin/systemctl
		}
		mount --bind "$RIG_DIR/le" /etc/letsencrypt'
	systemctl disabled failed
	rows 2
	has 'wrong timer acmegate.timer: is disabled: nothing renews .*enable --now'
	has 'ok timer acmegate-recover.service: is enabled'
	has 'warning timer acmegate.service: has failed the last time'
	has 'warning hooks /etc/letsencrypt/renewal/a.conf:2: runs ufw'
	has 'warning hooks /etc/letsencrypt/renewal-hooks/pre/open:3: runs iptables'
	[ "$(grep -c ' hooks ' <<<"$rows")" = 2 ]
	systemctl enabled active
	rm "$RIG_DIR/le/renewal/a.conf" "$RIG_DIR/le/renewal-hooks/pre/open"
	rows 0
	has 'ok timer acmegate.timer: is enabled'
	has 'ok hooks : no hook of certbot'
	unset PREPARE
}

# web_server HOW: serves $RIG_DIR/www on port 80 of both families; "drop": no answer, "redirect": to https, "other": something else, "four":
# over IPv4 only. The next one takes the place of the first where it can.
web_server() {
	echo "$1" >"$RIG_DIR/how"
	[ "$1" = four ] || [ ! -s "$RIG_DIR/server.pid" ] || [ "$(cat "$RIG_DIR/served")" = four ] || return 0
	echo "$1" >"$RIG_DIR/served"
	rig_end_of server
	ip netns exec "$RIG_HOST" python3 -c 'import http.server, socket, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        how = open(sys.argv[1] + "/../how").read().strip()
        self.directory = sys.argv[1] + ("/elsewhere" if how == "elsewhere" else "")
        if how == "drop":
            self.close_connection = True
        elif how == "redirect":
            self.send_response(301)
            self.send_header("Location", "https://" + self.headers["Host"] + self.path)
            self.end_headers()
        elif how == "other":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"welcome")
        else:
            super().do_GET()
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if sys.argv[2] != "four" else socket.AF_INET
Server(("::" if sys.argv[2] != "four" else "0.0.0.0", 80), Handler).serve_forever()' "$RIG_DIR/www" "$1" >"$RIG_DIR/server.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/server.pid"
	rig_until 30 listening
}

@test "webroot: the web server gives out what acmegate puts there, or not, and nothing is left in its directory" {
	rm -rf "$RIG_DIR/www"
	mkdir -p "$RIG_DIR/www/elsewhere"
	chown nobody "$RIG_DIR/www"
	rig_config one.test
	printf '[responder]\nmode = webroot\nwebroot = %s\n' "$RIG_DIR/www" >>"$RIG_CONF"
	web_server well
	rows 0
	has "ok webroot one.test: the web server gives out what is put into $RIG_DIR/www, over IPv4"
	has 'ok webroot one.test: .*, over IPv6'
	[ "$(cd "$RIG_DIR/www" && find .)" = $'.\n./elsewhere' ]
	# what a check that was killed has left goes with the next one; somebody else's stays
	mkdir -p "$RIG_DIR/www/.well-known/acme-challenge"
	touch "$RIG_DIR/www/.well-known/acme-challenge/"{acmegate-check-0123,theirs}
	chown -R nobody "$RIG_DIR/www/.well-known"
	rows 0
	[ "$(ls "$RIG_DIR/www/.well-known/acme-challenge")" = theirs ]
	[ ! -x "$RIG_BUILD/seams/acmegate" ] || ACMEGATE_SEAMS=no-landlock RIG_ACMEGATE=$RIG_BUILD/seams/acmegate rows 0
	web_server drop
	rows 2
	has 'wrong webroot one.test: the web server gives no answer over IPv4: Empty reply from server .*444'
	web_server elsewhere
	rows 2
	has "wrong webroot one.test: the web server answers with status 404 \[have it serve http://one.test/.well-known/acme-challenge/ from $RIG_DIR/www/"
	web_server other
	rows 2
	has 'wrong webroot one.test: the web server answers with something else than the file'
	web_server four
	rows 1
	has 'warning webroot one.test: the web server does not listen on the loopback address of IPv6'
	web_server redirect
	rows 2
	has 'wrong webroot one.test: the web server redirects to https://one.test/.*, and the firewall keeps TCP port 443 shut'
	rig_host nft insert rule inet filter input tcp dport 443 accept
	rows 1
	has 'warning webroot one.test: the web server redirects to https://one.test/'
	ln -s "$RIG_DIR/www" "$RIG_DIR/link" && chown -h nobody "$RIG_DIR/link"
	sed -i "s,^webroot = .*,webroot = $RIG_DIR/link," "$RIG_CONF"
	rows 2
	has "wrong webroot $RIG_DIR/link: .*a symbolic link"
	rm "$RIG_DIR/link"
}

# from_outside [NAME]: starts it, and waits for the port
from_outside() {
	rm -f "$RIG_DIR/outside"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" check --from-outside "$@" >"$RIG_DIR/outside" 2>&1 3>&- &
	pid=$!
	rig_until 30 told
	token=$(grep -om 1 'acmegate-check-[0-9a-f]*' "$RIG_DIR/outside") || true
}
told() { grep -q 'Ctrl-C' "$RIG_DIR/outside" || rig_gone "$pid"; }
ended() {
	local result=0
	rig_until 90 rig_gone "$pid"
	wait "$pid" || result=$?
	output=$(cat "$RIG_DIR/outside")
	[ "$result" = "$1" ]
}

@test "from outside: the lines that it prints reach this host over both families while it waits, and the port is shut before and after" {
	rig_before
	from_outside two.test
	grep -q "curl --max-time 10 http://www.two.test/.well-known/acme-challenge/$token" "$RIG_DIR/outside"
	run ! grep -q one.test "$RIG_DIR/outside"
	rig_ca curl -sf --max-time 30 "http://$RIG_HOST4/.well-known/acme-challenge/$token" | grep -q "^$token.reached-"
	rig_ca curl -sf --max-time 30 "http://[$RIG_HOST6]/.well-known/acme-challenge/$token" | grep -q "^$token.reached-"
	run ! rig_ca curl -sf --max-time 30 "http://$RIG_HOST4/"
	kill -s INT "$pid"
	ended 0
	[[ $output == *"reached from $RIG_CA4"*"reached from $RIG_CA6"*'2 requests from outside reached this host'* ]]
	rig_until 30 rig_silent
	rig_after
	run -0 rig_acmegate history
	[[ $output == *'for guard: acmegate check (process '*'closed by the gate'* ]]
	run -2 checked --json --from-outside
}

@test "from outside: it ends by itself in the time that max_open allows, and whoever kills it closes the port" {
	RIG_GATE='max_open = 5' rig_config one.test
	rig_before
	from_outside
	grep -q 'is open for 5 s' "$RIG_DIR/outside"
	ended 1
	[[ $output == *'no request from outside reached this host'*'keeps port 80 shut'* ]]
	rig_until 30 rig_silent
	from_outside
	kill -s KILL "$pid"
	rig_until 30 rig_silent
	rig_until 30 rig_idle
	rig_after
	# where a web server has the port, its own page is what is reached
	mkdir -p "$RIG_DIR/www"
	web_server well
	printf '[responder]\nmode = webroot\nwebroot = %s\n' "$RIG_DIR/www" >>"$RIG_CONF"
	from_outside
	rig_ca curl -sf --max-time 30 -o /dev/null "http://$RIG_HOST4/"
	kill -s TERM "$pid"
	ended 0
	[[ $output == *'curl --max-time 10 http://one.test/'*'shows the page of this host'* ]]
	rig_until 30 rig_silent
}

@test "services that read the files in use, one generation, and those of certbot" {
	mkdir -p "$RIG_DIR/haproxy" /etc/haproxy
	printf ' bind :443 crt %s\n' "$RIG_STATE/certificates/one.test/live/combined.pem" "$RIG_STATE/certificates/two.test/3/combined.pem" \
		/etc/letsencrypt/live/www.two.test/fullchain.pem /etc/letsencrypt/live/other.test/fullchain.pem >"$RIG_DIR/haproxy/haproxy.cfg"
	printf '# %s\n' "$RIG_STATE/certificates/one.test/3/combined.pem" >>"$RIG_DIR/haproxy/haproxy.cfg"
	export PREPARE='mount --bind "$RIG_DIR/haproxy" /etc/haproxy'
	rows 2
	has 'ok service /etc/haproxy/haproxy.cfg:1: reads the files in use of one.test'
	has "wrong service /etc/haproxy/haproxy.cfg:2: names one generation, .* of two.test \[name $RIG_STATE/certificates/two.test/live there"
	has 'warning service /etc/haproxy/haproxy.cfg:3: reads certbot.s files, .* two.test'
	[ "$(grep -c ' service ' <<<"$rows")" = 3 ]
	unset PREPARE
}

@test "what no rule shows: a program of XDP, containers, answers that have no way back" {
	rig_host ip link add docker0 type bridge
	rows 0
	has 'ok firewall : docker0 is a bridge of containers'
	rig_host ip rule add ipproto tcp sport 80 prohibit
	rows 1
	has 'warning firewall routes: .*to the CA .*\[add a route'
	rig_host ip rule del ipproto tcp sport 80 prohibit
	xdp_attach cable0
	rows 1
	has 'warning firewall XDP: a program of XDP \(id [0-9]+\) on cable0 .*\[find out whose'
}

@test "the CA behind a proxy: reached, and a proxy that does not let us through" {
	ip netns exec "$RIG_CA" python3 "$RIG_ROOT/tests/lib/proxy.py" "$RIG_CA4:3128" 'user:secret' >"$RIG_DIR/proxy.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/ca.pid"
	rig_until 30 rig_ca bash -c "exec 5<>/dev/tcp/$RIG_CA4/3128" 2>/dev/null
	RIG_ACME="proxy = http://user:secret@$RIG_CA4:3128" rig_config one.test
	chmod 0600 "$RIG_CONF"
	rows 0
	has "ok ca https://$RIG_CA4:14000/dir: answers the user nobody through the proxy"
	RIG_ACME="proxy = http://user:wrong@$RIG_CA4:3128" rig_config one.test
	chmod 0600 "$RIG_CONF"
	rows 2
	has 'wrong ca .*: does not serve the user nobody: the proxy wants a user and a password.*\[see to directory, ca_file and proxy in \[acme\]'
	rig_end_of ca
	rows 2
	has 'wrong ca .*: cannot be reached by the user nobody: .*\[see to the proxy that \[acme\] names'
}

@test "names that are validated through the DNS need neither the port nor to lead here; CAA of wildcards" {
	printf 'key "k" {\n\talgorithm hmac-sha256;\n\tsecret "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0";\n};\n' >"$RIG_DIR/etc/key"
	chmod 0600 "$RIG_DIR/etc/key"
	ca_with_identities ca.example
	RIG_DIRECTORY=https://$RIG_CA4:14100/dir rig_config <<-CONF
		[dns own]
		type = rfc2136
		server = $RIG_CA4
		key_file = $RIG_DIR/etc/key
		[certificate one]
		challenge = dns-01
		dns = own
		names = *.one.test
		  one.test
	CONF
	names "host-record=one.test,$RIG_CA4" "$(caa one.test 0 issue 'ca.example; validationmethods=http-01')" "$(caa one.test 0 issuewild ca.example)"
	server
	rows 2
	has 'ok port 80: python3 .* no renewal needs the port'
	has 'ok caa \*.one.test: one.test has CAA 0 issuewild "ca.example": that allows'
	has 'wrong caa one.test: one.test has CAA 0 issue "ca.example; validationmethods=http-01": that forbids the challenges of the certificate to https.*\[add the challenge to'
	[[ $rows != *' name '* ]]
	run -2 rig_acmegate check --from-outside
	[[ $output == *'no certificate'*'over HTTP'* ]]
}
