#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# For [dns NAME] type = exec: any script of acme.sh's dnsapi. acmegate-dns-hooks(7) says how.
usage='usage: acme.sh DIRECTORY DNSAPI present|cleanup FQDN. VALUE

Puts a value into the DNS, or takes it away, by a script of the dnsapi of acme.sh:
	type = exec
	program = /usr/share/acmegate/dns/acme.sh /usr/local/share/acme.sh dns_cf
	environment_file = /etc/acmegate/dns.env
DIRECTORY has acme.sh and the folder dnsapi; the user of the section can read them.
The variables that the script wants (CF_Token=...) are in the environment_file.'

fail() {
	echo "acme.sh: $*" >&2
	exit 1
}

case ${1:-} in
-h | --help)
	printf '%s\n' "$usage"
	exit 0
	;;
esac
[ $# -eq 5 ] || {
	printf '%s\n' "$usage" >&2
	exit 2
}
directory=$1 dnsapi=$2 name=${4%.} value=$5
case $dnsapi in
dns_*[!A-Za-z0-9_]* | dns_) fail "'$dnsapi' is no name of a script of the dnsapi, as dns_cf is" ;;
dns_*) ;;
*) fail "'$dnsapi' is no name of a script of the dnsapi, as dns_cf is" ;;
esac
case $3 in
present) action=${dnsapi}_add ;;
cleanup) action=${dnsapi}_rm ;;
*) fail "'$3' is neither present nor cleanup" ;;
esac
for file in "$directory/acme.sh" "$directory/dnsapi/$dnsapi.sh"; do
	[ -r "$file" ] || fail "$file: this user ($(id -un)) cannot read it, or it is not there"
done

# What the script saves (account.conf) is kept for the next time, and is nobody else's to read.
umask 077
LE_WORKING_DIR=$HOME/acme.sh LE_CONFIG_HOME=$HOME/acme.sh
export LE_WORKING_DIR LE_CONFIG_HOME
mkdir -p "$LE_CONFIG_HOME" || exit

# acme.sh looks at "$@" when it is read, and without a word it only prints its help.
set --
# shellcheck disable=SC1091 # it is not ours
. "$directory/acme.sh" >/dev/null
_initpath
# shellcheck disable=SC1090
. "$directory/dnsapi/$dnsapi.sh"
"$action" "$name" "$value"
