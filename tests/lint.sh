#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks that no compiler makes: includes between folders, licence lines, leftovers, manual pages, shell scripts. TAP.
set -u
cd "${top_srcdir:-.}" || exit 1
export LC_ALL=C

count=0
status=0

# report NAME FINDINGS: ok when there are none
report() {
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
	else
		status=1
		echo "not ok $count - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# includes FILE...: "FILE HEADER" for each header, without path brackets and quotes
includes() {
	[ $# -eq 0 ] || awk 'match($0, /^[ \t]*#[ \t]*include[ \t]*[<"][^>"]+/) {
		header = substr($0, RSTART, RLENGTH); sub(/.*[<"]/, "", header); print FILENAME, header }' "$@"
}

# users PATTERN ALLOWED: sources that include a header matching PATTERN and whose name does not match ALLOWED
users() {
	# shellcheck disable=SC2086
	includes $sources | awk -v header="$1" -v allowed="$2" '$2 ~ header && $1 !~ allowed { print $1 " includes " $2 }'
}

# files DIRECTORY...: those there are, with a name that ends in .c or .h
files() {
	find "$@" -type f \( -name '*.c' -o -name '*.h' \) 2>/dev/null | sort
}

sources=$(files src firewall backends)

echo "1..27"

# --- who may include whom -----------------------------------------------------------------------------------------

# FOLDER: the folders below it. A folder may include itself too.
layers='
src/base:
src/acme: src/base
src/store: src/base
src/agent: src/acme src/store src/base
backends: src/base
backends/nft: backends src/base
backends/iptables: backends/nft backends src/base
backends/firewalld: backends/nft backends src/base
backends/command: backends src/base
backends/survey: backends/iptables backends/nft backends src/base
firewall: backends/nft backends src/base
src/say: src/base
src/host: src/say src/base
src/publish: src/host src/say src/base
src/warden: src/publish src/host src/say src/base
src/command: src/warden src/publish src/host src/say src/base
src/dns: src/base
src/tls: src/base
src/view: src/store src/base
src/check: src/command src/warden src/publish src/host src/say src/base
src/import: src/command src/warden src/publish src/host src/say src/base
src/setup: src/import src/command src/warden src/publish src/host src/say src/base
src: src/command src/warden src/publish src/host src/say src/base
'
report "a folder includes only what is below it" "$(
	# shellcheck disable=SC2086
	includes $sources | awk -v layers="$layers" '
		function folder(file) { sub(/\/[^\/]*$/, "", file); return file }
		BEGIN {
			for (n = split(layers, line, "\n"); n > 0; n--) {
				m = split(line[n], word, /[: ]+/)
				for (i = 1; i <= m; i++) may[word[1], word[i]] = 1
				if (m > 0) known[word[1]] = 1
			}
		}
		!(folder($1) in known) { print $1 ": its folder is not in the table of tests/lint.sh"; next }
		$2 ~ /^(base|acme|agent|check|command|dns|host|import|publish|say|setup|store|tls|view|warden)\// { $2 = "src/" $2 }
		# The decision of a run, its ledger and its secret: acmegate shows what a renewal would do. It keeps the ledger of windows.
		$1 ~ /^src\/(command|host|import|publish|warden)\// && $2 ~ /^src\/store\/(ledger|limits|reuse|schedule|secret|windows|wish)\.h$/ { next }
		# The table of backends names them all.
		$1 == "firewall/backends.c" && $2 ~ /^backends\// { next }
		$2 ~ /^(src|firewall|backends)\// && !((folder($1), folder($2)) in may) { print $1 " includes " $2 }'
)"
# A source and its header count as one; tsort names the circles.
report "no files include each other in a circle" "$(
	# shellcheck disable=SC2086
	includes $sources | sed -E 's, (base|acme|agent|check|command|dns|host|import|publish|say|setup|store|tls|view|warden)/, src/\1/,; s/\.[ch]\>//g' |
		grep -E ' (src|firewall|backends)/' | tsort 2>&1 >/dev/null
)"
report "an include names the folder" "$(
	# shellcheck disable=SC2086
	grep -nE '^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*"[^/"]*"' $sources
)"

# Small enough to be read by who trusts it with the firewall: the gate, without helpers that only others link. Lines without comments and
# blank lines; raise it only with a reason.
# (150 of them are the lists of system calls that gate and watchdog may not make.)
# (8224 with the tools and legacy tables of iptables: acmegate-iptables has them, a program of its own.)
# (17 of them read the ruleset for a rehearsal, which says that it is the same afterwards.)
# (26 have the journal say which net had closed the port.)
# (Words of wire.h about accounts, terms and revocation no gate is ever sent; those of config.h it does not include.)
# (Two are in headers that it shares: which CAs are public, and until when one of them is not to be asked.)
# (Five name the roles of acmegate check.)
# (40 are the log's: quiet, and beside a line that lives on a terminal.)
# (183 have the kernel trace ten packets of the window after a failed validation, 49 of them at ingress; the surveyor reads what it tells.)
# (30 are the words of dns-01 in wire.h, wire.c, sandbox and launch.c, and the role of acmegate-dns, which no gate is ever sent.)
# (Six are the words of the writers for dns-01 in wire.h, and the role of the provider.)
# (Four are the role that looks at certificates of other clients, in sandbox, launch.c and wire.h.)
# (64 are the window on the port of tls-alpn-01: which port is at hand, and that a server there stays in peace; and words of acmegate-tls.)
# (Eight are the words of wire.h and wire.c for addresses and names in the DNS, which no gate is ever sent.)
# (28 are words of dns-persist-01 in wire.h and wire.c, which no gate is ever sent; the table in wire.c now has one in a line.)
# (189 have conntrack forget the connections that ended with a window: whoever was let in once could come again by them, after the close.)
# (Five have the gate itself tell how long the port was open.)
most=8310
of_base='bounds|clock|fault|filter|kernel|launch|launch_program|log|own|policy|process|refusal|sandbox|sandbox_rights|seam|sockets|wire'
# shellcheck disable=SC2002,SC2046
lines=$(cat $(find src/base firewall backends -name survey -prune -o -name '*.[ch]' -print |
	grep -E "^(firewall|backends)/|^src/base/($of_base)\.[ch]$|^src/base/process\.h$" |
	grep -vE '^backends/(firewalld/(bus|kept)|iptables/(closer|job|kernel|opener|place|probe|program|rules|sight|state|table|tool|twins))\.[ch]$') | grep -cvE '^[[:blank:]]*(/\*|\*|//|$)')
echo "# the gate has $lines lines"
report "the gate has at most $most lines" "$([ "$lines" -le "$most" ] || echo "it has $lines")"

# --- one user for each library --------------------------------------------------------------------------------------

report "only src/agent/http.c, http_answer.h and http_failure.h include curl" "$(users '^curl/' '^src/agent/http(\.c|_(answer|failure)\.h)$')$(
	users '^agent/http_(answer|failure)\.h$' '^src/agent/http(_answer|_failure)?\.c$')"
report "only src/store/openssl.h and src/tls include OpenSSL" "$(users '^openssl/' '^src/(store/openssl\.h$|tls/(openssl|certificate)\.h$)')$(
	users '^store/openssl\.h$' '^src/store/(crypto|csr|key|jwk|chain|pkcs12|trust)\.c$')$(
	users '^tls/openssl\.h$' '^src/tls/(certificate|handshake)\.c$')"
report "only src/acme/document.h, for those that parse or make JSON, and src/view/json.c include jansson" \
	"$(users '^jansson' '^src/(acme/document\.h|view/json\.c)$')$(users '^acme/document\.h$' '^src/(acme/(codec|document|foreign|offer|payload)|agent/(acme_dns|api|digitalocean))\.c$')"
report "only src/dns/message.c includes libknot" "$(users '^libknot/' '^src/dns/message\.c$')"
report "only src/agent/idna.c includes libidn2" "$(users '^idn2' '^src/agent/idna\.c$')"
report "only src/base/filter.h includes libseccomp, for those that make filters" "$(users '^seccomp\.h$' '^src/base/filter\.h$')$(
	users '^base/filter\.h$' '^src/base/(client_filter|confine|filter|permission|refusal)\.c$')"
report "only src/base/config_load.c includes inih" "$(users '^(ini|INIReader)\.h$' '^src/base/config_load\.c$')"
report "only acmegate-firewalld includes libsystemd, and nothing is loaded at run time" \
	"$(users '^(systemd/|dlfcn\.h$)' '^backends/firewalld/bus\.c$')"
report "only backends/nft includes libnftnl" "$(users '^libnftnl/' '^backends/nft/')"
report "only backends/nft, the surveyor and src/base/sockets.c include libmnl" \
	"$(users '^libmnl/' '^(backends/(nft|survey)/|src/base/sockets\.[ch]$)')"
report "only src/command/due.c, src/store (moments), src/view/page_summary.c (hash of its style), firewall/journal.c, backends/survey/digest.c and backends/iptables include nettle" \
	"$(users '^nettle/' '^((src/(command/due|store/(ledger|secret|told|wish)|view/page_summary)|firewall/journal|backends/survey/digest)\.c$|src/store/slot\.h$|backends/iptables/)')"

# --- text -----------------------------------------------------------------------------------------------------------

every=$(files src firewall backends tests)
report "every source says its licence in the first line" "$(
	for file in $every; do
		head -n 1 "$file" | grep -q 'SPDX-License-Identifier: GPL-3\.0-or-later' || echo "$file"
	done
)"
scripts=$(echo tests/format; find tests -type f -name '*.sh' | sort; find units/dns units/hooks units/completion/acmegate.in -type f | sort)
marks="TO""DO|FIX""ME|X""XX"
# shellcheck disable=SC2086
report "nothing is left to be done" \
	"$(grep -nwE "$marks" $every $scripts Makefile.am configure.ac README.md src/*.[1578] 2>/dev/null)"
report "what cmocka 2 deprecates has a name of our own, in tests/unit/between.h" \
	"$(grep -nw 'assert_\(not_\)\?in_range' tests/unit/*.c tests/fuzz/*.c)"
report "no line ends in white space" "$(
	# shellcheck disable=SC2086
	grep -nE '[[:blank:]]$' $every $scripts
)"

# --- tests on a busy machine ------------------------------------------------------------------------------------------

rigs=$(find tests -type f \( -name '*.bats' -o -path 'tests/lib/*sh' \) | sort)
# The shell behind "&" empties the file for the output of its command, sooner or later.
report "who waits for words in a file removes it before the process starts that writes them" "$(
	for file in $rigs; do
		awk -v file="$file" 'NR == FNR {
				n = split($0, part, "\"[$]RIG_DIR/")
				for (i = 2; i <= n && /rig_until/; i++) { sub(/".*/, "", part[i]); waited[part[i]] = 1 }
				next
			}
			{ line[FNR % 16] = $0 }
			/ &$/ && match($0, />"[$]RIG_DIR\/[^"]*"/) {
				name = substr($0, RSTART + 11, RLENGTH - 12); found = !(name in waited)
				for (i in line) if (line[i] ~ /rm -r?f / && index(line[i], name)) found = 1
				if (!found) print file ":" FNR ": " name
			}' "$file" "$file"
	done
)"
# shellcheck disable=SC2086
report "tests wait for half a minute at least: a promise is compared by rig_at_most" \
	"$(grep -nE 'rig_until ([0-9]|[12][0-9]) ' $rigs | grep -vE '\|\| (true|kill)')"

# --- the journal ------------------------------------------------------------------------------------------------------

report "each MESSAGE_ID is in units/acmegate.catalog with a text, and none is there twice or for nobody" "$(
	ids=$(sed -nE 's/.*OCCASION.*"([0-9a-f]{32})".*/\1/p' src/say/entry.c | sort)
	[ -n "$ids" ] || echo "src/say/entry.c has none"
	explained=$(awk -v RS= 'id && !/^-- / { print id } { id = "" }
		/^-- [0-9a-f]+\nSubject: .*\nDefined-By: acmegate\nDocumentation: / { id = $2 }' units/acmegate.catalog | sort)
	begun=$(sed -n 's/^-- //p' units/acmegate.catalog | sort)
	[ "$begun" = "$explained" ] || printf 'not a whole entry of the catalog:\n%s\n' "$begun"
	[ "$ids" = "$explained" ] || printf 'in the code:\n%s\nin the catalog:\n%s\n' "$ids" "$explained"
	printf '%s\n' "$ids" | uniq -d
)"

report "what nobody can execute is not executable" "$(
	find src firewall backends tests/unit tests/fuzz tests/ca tests/netns tests/dns tests/crash tests/conformance -type f -perm /111 \
		\( -name '*.[ch]' -o -name '*.[1578]' -o -name '*.bats' \)
)"

# --- tools that may not be there ------------------------------------------------------------------------------------

pages=$(find src -name '*.[1578]' | sort)
if ! command -v mandoc >/dev/null; then
	skip "manual pages" "mandoc is not installed"
elif [ -z "$pages" ]; then
	report "manual pages" "there is none in src/"
else
	# shellcheck disable=SC2086
	report "manual pages" "$(mandoc -Tlint -W warning $pages 2>&1)"
fi
if ! command -v groff >/dev/null; then
	skip "manual pages fit into 80 columns" "groff is not installed"
else
	report "manual pages fit into 80 columns" "$(for page in $pages; do groff -ww -mandoc -Tutf8 -rLL=80n "$page" 2>&1 >/dev/null; done)"
fi
# Each version lays out a little differently; Debian 12 has 14.
case $(clang-format --version 2>/dev/null) in
*' version 14.'*) report "C files are as .clang-format says" "$(tests/format check)" ;;
*) skip "C files are as .clang-format says" "clang-format 14 is not installed" ;;
esac
if ! command -v shellcheck >/dev/null; then
	skip "shell scripts" "shellcheck is not installed"
else
	# shellcheck disable=SC2086
	report "shell scripts" "$(shellcheck -S warning $scripts 2>&1)"
fi
exit "$status"
