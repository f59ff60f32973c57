#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What no compiler checks: who includes whom (DESIGN.md), licence lines, leftovers, manual pages, shell scripts. TAP.
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

# headers DIRECTORY: their names without the directory, as one extended regular expression
headers() {
	find "$1" -type f -name '*.h' 2>/dev/null | sed 's,.*/,,; s/\./\\./' | sort | paste -sd '|' -
}

sources=$(files src firewall backends)
gate_headers="^((firewall|backends|\\.\\.)/.*|$(headers firewall)|$(headers backends))\$"

echo "1..22"

# --- the images -------------------------------------------------------------------------------------------------

# The privileged image consists of these, of firewall/ and of backends/ without its directories, each of which is an image of its
# own; everything else in src/ belongs to the agent or to several.
privileged='^src/(main|due|process|spawn|listener|forecast|international)\.[ch]$'
gate=$(files firewall backends | grep -v '^backends/.*/')
report "the agent and the base include nothing of firewall/ and backends/" \
	"$(users "$gate_headers" "^(firewall|backends)/|$privileged")"

# What both share: fault, own, log, wire, config, safe, seam, kernel, sandbox.
agent_headers=$(find src -name '*.h' | sed 's,.*/,,' |
	grep -vxE '(fault|own|log|wire|config|safe|seam|kernel|sandbox|due|process|spawn|listener|forecast|international)\.h' | sed 's/\./\\./' | paste -sd '|' -)
report "the privileged image includes nothing of the agent" "$(
	# shellcheck disable=SC2046,SC2086
	includes $gate $(files src | grep -E "$privileged") |
		awk -v header="^($agent_headers|$(headers backends/survey))\$" '$2 ~ header { print $1 " includes " $2 }'
)"
report "the surveyor includes its own files, the base, and what only reads" "$(
	# shellcheck disable=SC2046
	includes $(files backends/survey) | while read -r file header; do
		case $header in
		nft_netlink.h | nft_survey.h | nft_tag.h | ipt_rules.h | host.h | opening.h | fault.h | own.h | seam.h | kernel.h | sandbox.h | confine.h) continue ;;
		esac
		[ -e "backends/survey/$header" ] && continue
		[ -e "src/$header" ] || [ -e "firewall/$header" ] || [ -e "backends/$header" ] || continue
		echo "$file includes $header"
	done
)"

# Small enough to be read by who trusts it with root. Lines without comments, with its part of the base; the limit is what it has
# come down to, and who needs more of it says why.
most=10200
# shellcheck disable=SC2046,SC2086
lines=$(cat $gate $(files src | grep -E "$privileged|^src/(fault|own|log|wire|config|safe|seam|kernel|sandbox)\.[ch]$") |
	grep -cvE '^[[:blank:]]*(/\*|\*|//|$)')
echo "# the privileged image has $lines lines"
report "the privileged image has at most $most lines" "$([ "$lines" -le "$most" ] || echo "it has $lines")"

# --- one user for each library --------------------------------------------------------------------------------------

report "only src/http.c includes curl" "$(users '^curl/' '^src/http\.c$')"
report "only src/crypto.c includes OpenSSL" "$(users '^openssl/' '^src/crypto\.c$')"
report "only src/codec.c includes jansson" "$(users '^jansson' '^src/codec\.c$')"
report "only src/idna.c includes libidn2" "$(users '^idn2' '^src/idna\.c$')"
report "only src/confine.c (agent, acmegate-firewalld) and src/sandbox.c (watchdog) include libseccomp" \
	"$(users '^seccomp\.h$' '^src/(confine|sandbox)\.c$')"
report "only src/config.c includes inih" "$(users '^(ini|INIReader)\.h$' '^src/config\.c$')"
report "only acmegate-firewalld includes libsystemd, and nothing is loaded at run time" "$(users '^(systemd/|dlfcn\.h$)' '^backends/bus/bus\.c$')"
report "only backends/nft_*.c include libnftnl" "$(users '^libnftnl/' '^backends/nft_[a-z_]*\.c$')"
report "only backends/nft_*.[ch], backends/host.[ch], the surveyor and firewall/connections.c include libmnl" "$(
	users '^libmnl/' '^(backends/(nft_[a-z_]*|host|survey/[a-z]*)\.[ch]|firewall/connections\.c)$'
)"
report "only src/due.c, firewall/journal.c, backends/survey/digest.c, backends/iptables.c and backends/ipt_table.[ch] include nettle" \
	"$(users '^nettle/' '^((src/due|firewall/journal|backends/survey/digest|backends/iptables)\.c|backends/ipt_table\.[ch])$')"

# --- backends -------------------------------------------------------------------------------------------------------

# A backend is the file that the table in firewall/backend.c names, with the files that begin with its first three letters.
# Reading nf_tables (nft_*.h) is for all of them, since the tables of others are in there too; and so is running a program (spawn.h
# starts ours or says where they are, run.h takes rights).
report "a backend includes backend.h, the base and its own files only" "$(
	# shellcheck disable=SC2046,SC2086
	includes $(printf '%s\n' $gate | grep '^backends/') | while read -r file header; do
		name=${file##*/}
		case $file:$header in
		backends/firewalld.c:spawn.h | backends/nft_survey.c:spawn.h | backends/run.c:sandbox.h) continue ;;
		esac
		case $header in
		backend.h | opening.h | fault.h | own.h | seam.h | kernel.h | log.h | config.h | run.h | host.h | nft_*.h) continue ;;
		esac
		[ -e "src/$header" ] || [ -e "firewall/$header" ] || [ -e "backends/$header" ] || continue
		[ -e "backends/$header" ] && [ "$(printf %.3s "$header")" = "$(printf %.3s "$name")" ] && continue
		echo "$file includes $header"
	done
)"
report "of firewall/ only backend.c includes a backend" "$(
	# shellcheck disable=SC2046
	includes $(files firewall) | while read -r file header; do
		[ -e "backends/$header" ] && [ "$header" != run.h ] && [ "$header" != host.h ] && [ "$file" != firewall/backend.c ] &&
			echo "$file includes $header"
	done
)"
# opening, backend, journal, connections <- window <- watchdog <- warden, lease <- main
report "firewall/ includes downwards only" "$(
	includes firewall/*.c firewall/*.h | awk '
		BEGIN { level["opening.h"] = 1; level["backend.h"] = level["journal.h"] = level["connections.h"] = 2
			level["window.h"] = 3; level["watchdog.h"] = 4; level["warden.h"] = level["lease.h"] = 5 }
		{ name = $1; sub(/.*\//, "", name); own = name; sub(/\.c$/, ".h", own) }
		$2 in level && own in level && own != $2 && level[$2] >= level[own] { print $1 " includes " $2 }'
)"

# --- text -----------------------------------------------------------------------------------------------------------

every=$(files src firewall backends tests)
report "every source says its licence in the first line" "$(
	for file in $every; do
		head -n 1 "$file" | grep -q 'SPDX-License-Identifier: GPL-3\.0-or-later' || echo "$file"
	done
)"
scripts=$(find tests -type f -name '*.sh' | sort; find units/hooks -type f | sort)
marks="TO""DO|FIX""ME|X""XX"
# shellcheck disable=SC2086
report "nothing is left to be done" \
	"$(grep -nwE "$marks" $every $scripts Makefile.am configure.ac README.md src/*.[158] 2>/dev/null)"
report "no line ends in white space" "$(
	# shellcheck disable=SC2086
	grep -nE '[[:blank:]]$' $every $scripts
)"

# --- tools that may not be there ------------------------------------------------------------------------------------

pages=$(find src -name '*.[158]' | sort)
if ! command -v mandoc >/dev/null; then
	skip "manual pages" "mandoc is not installed"
elif [ -z "$pages" ]; then
	report "manual pages" "there is none in src/"
else
	# shellcheck disable=SC2086
	report "manual pages" "$(mandoc -Tlint -W warning $pages 2>&1)"
fi
if ! command -v shellcheck >/dev/null; then
	skip "shell scripts" "shellcheck is not installed"
else
	# shellcheck disable=SC2086
	report "shell scripts" "$(shellcheck -S warning $scripts 2>&1)"
fi
exit "$status"
