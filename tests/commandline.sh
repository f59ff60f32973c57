#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The command line: help, usage, misspelt words, completion in three shells. Without root, configuration or firewall. TAP.
set -u
build=${top_builddir:-.}
acmegate=$build/acmegate
folder=$(mktemp -d "${TMPDIR:-/tmp}/acmegate-commandline.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
count=0 status=0

# try NAME COMMAND...: a test, which the command passes
try() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@" >"$folder/said" 2>&1; then
		echo "ok $count - $name"
	else
		status=1
		echo "not ok $count - $name"
		sed 's/^/# /' "$folder/said"
	fi
}
skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# call ARGUMENTS...: sets out, err, rc
call() {
	out=$("$acmegate" "$@" 2>"$folder/err")
	rc=$?
	err=$(<"$folder/err")
	printf '%s %s: %d\n%s\n%s\n' "$acmegate" "$*" "$rc" "$out" "$err"
}
# helps ARGUMENTS... or refuses ARGUMENTS...: to standard output with 0, or to standard error with 2
helps() {
	call "$@"
	[ "$rc" = 0 ] && [ -n "$out" ] && [ -z "$err" ]
}
refuses() {
	call "$@"
	[ "$rc" = 2 ] && [ -z "$out" ] && [[ $err == *'usage: acmegate'* ]]
}

commands=$("$acmegate" help | sed -nE 's/^  ([a-z][a-z-]*)  .*/\1/p')
options_of() { "$acmegate" help "$@" | sed -nE 's/^  (-[a-z], |    )(--[a-z-]+).*/\2/p'; }

lists_the_commands() {
	helps help && [ "$("$acmegate" --help)" = "$out" ] && [ "$("$acmegate" -h)" = "$out" ] &&
		[ "$(wc -w <<<"$commands")" -ge 8 ] && [[ $out == *'Exit status: 0 done'* ]]
}
explains_each_command() {
	local command
	for command in $commands; do
		helps "$command" --help && [[ $out == "usage: acmegate"*" $command"* ]] &&
			[ "$("$acmegate" help "$command")" = "$out" ] && [[ $out == *"  -h, --help  "* ]] || return
	done
}
fits_into_80_columns() {
	local command
	for command in '' $commands; do
		# shellcheck disable=SC2086 # none is no word
		[ -z "$("$acmegate" help $command | grep -v -e '--config FILE ' | awk 'length > 80')" ] || return
	done
}
every_page_has_every_option() {
	local command option
	for command in $commands; do
		grep -qE "^\.(It|Ss|Nm).*Cm $command|^\.Cm $command" "${top_srcdir:-.}/src/acmegate.8" || return
		for option in $(options_of "$command"); do
			grep -qE "Fl -?${option#--}( |$)" "${top_srcdir:-.}/src/acmegate.8" || return
		done
	done
}
version() {
	helps version && [[ $out == 'acmegate '[0-9]* ]] && [[ $out == *GPL* ]] && [ "$("$acmegate" --version)" = "$out" ]
}

# near TYPED MEANT
near() {
	refuses "$1" && [[ $err == *"there is no command '$1'; did you mean '$2'?"* ]]
}
nearest() {
	near renow renew && near renew-nwo renew-now && near plna plan && near recovre recover && near gaurd guard && near helo help && near holp help &&
		near hok hook && near versoin version && refuses help renow && [[ $err == *"did you mean 'renew'"* ]]
}
nothing_near() {
	local word
	for word in frobnicate x '' renewal-of-everything; do
		refuses "$word" && [[ $err == *"there is no command '$word'; acmegate help lists"* ]] || return
	done
	refuses "$(head -c 100000 /dev/zero | tr '\0' e)"
}
mistakes() {
	refuses && refuses --frobnicate && [[ $err == *"--frobnicate of acmegate is unknown"* ]] &&
		refuses -x && [[ $err == *"-x of acmegate is unknown"* ]] && refuses -vx && [[ $err == *"-x of acmegate is unknown"* ]] &&
		refuses --config && [[ $err == *"--config of acmegate needs a value"* ]] && refuses -c && [[ $err == *"-c of acmegate needs"* ]] &&
		refuses --verbose=3 && [[ $err == *"--verbose=3 of acmegate takes no value"* ]]
}
mistakes_of_a_command() {
	refuses guard --frobnicate && [[ $err == *"usage: acmegate [-c FILE] [-v] guard [OPTION...] -- COMMAND..."* ]] && refuses guard --max &&
		[[ $err == *"--max of guard needs a value"* ]] && refuses renew now && [[ $err == *"renew takes no arguments"* ]] &&
		call renew --wait soon && [ "$rc" = 2 ] && [[ $err == *'--wait soon: expected 1 to 86400 seconds'* ]] &&
		call plan --wait 86401 && [ "$rc" = 2 ] && call plan --wait 0 && [ "$rc" = 2 ] && refuses renew --wait &&
		refuses account show --frobnicate && refuses revoke --reason && refuses remove --force=yes && refuses plan x && refuses version x && refuses help a b && refuses renew-now --frobnicate
}
echo "1..15"
try 'help lists the commands, on standard output' lists_the_commands
try 'COMMAND --help and help COMMAND explain each of them' explains_each_command
try 'help fits into 80 columns' fits_into_80_columns
try 'acmegate(8) has each command and each option' every_page_has_every_option
try 'version and --version' version
try 'a misspelt command is named with the nearest' nearest
try 'a command that is near to none is named' nothing_near
try 'a wrong option is named, with the usage, on standard error' mistakes
try 'a wrong option or argument of a command is named, with its usage' mistakes_of_a_command

# --- completion -------------------------------------------------------------------------------------------------------------

printf '[acme]\n[certificate mail]\n\n[certificate  www.example-1_a]\n' >"$folder/conf"
completion=$build/units/completion

# complete_bash WORD..., complete_zsh, complete_fish: the completions that a shell offers, one a line. The last word is incomplete.
complete_bash() {
	bash -c '
		source "$1"
		COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
		_acmegate
		printf "%s\n" "${COMPREPLY[@]}"' - "$completion/acmegate" "$acmegate" "$@"
}
complete_zsh() {
	# The functions of zsh itself work in an interactive shell only: ours tell what they are given.
	zsh -f -c '
		_describe() { print -l -- ${${(P)@[-1]}%%:*} }
		_files() { print -l -- *(N) }
		_pids() { print -- pid }
		_normal() { print -- normal $words[*] $CURRENT }
		compdef() { }
		words=("${@[2,-1]}") CURRENT=$(($# - 1))
		source $1' - "$completion/_acmegate" "$acmegate" "$@"
}
complete_fish() {
	fish --no-config -c '
		source $argv[1]
		set -l line (string escape -- $argv[2..-2])
		complete -c (path basename $argv[2] 2>/dev/null; or basename $argv[2]) >/dev/null
		complete -C "$line $argv[-1]"' "$completion/acmegate.fish" "$acmegate" "$@" | cut -f 1
}

# offers SHELL WANTED -- WORD...: each of the wanted words is offered
offers() {
	local shell=$1 wanted=() offered word
	shift
	while [ "$1" != : ]; do
		wanted+=("$1")
		shift
	done
	shift
	offered=$("complete_$shell" "$@")
	echo "behind '$*' $shell offers: ${offered//$'\n'/ }"
	for word in "${wanted[@]}"; do
		grep -qxF -- "$word" <<<"$offered" || return
	done
}
completes() {
	local shell=$1 command
	# shellcheck disable=SC2046,SC2086 # words
	offers "$shell" $commands : '' && offers "$shell" $(options_of) : - || return
	for command in $commands; do
		# shellcheck disable=SC2046 # words
		offers "$shell" $(options_of "$command") : "$command" - || return
	done
	# shellcheck disable=SC2086 # words
	offers "$shell" show update rollover deactivate : account '' && offers "$shell" rollover : account --wait 1 r || return
	# shellcheck disable=SC2086 # words
	offers "$shell" pre post : hook '' && offers "$shell" setup register address : dns '' && offers "$shell" pre post : hook --client 1 '' && offers "$shell" $commands : help ''
}
completes_names() {
	offers "$1" mail www.example-1_a : -c "$folder/conf" renew-now '' &&
		offers "$1" mail : --config "$folder/conf" renew-now www.example-1_a m &&
		offers "$1" mail www.example-1_a : -c "$folder/conf" revoke '' && offers "$1" mail : -c "$folder/conf" remove m
}
for shell in bash zsh fish; do
	if command -v "$shell" >/dev/null; then
		try "$shell completes each command and each option" completes "$shell"
		try "$shell completes the names of certificates" completes_names "$shell"
	else
		skip "$shell completes each command and each option" "$shell is not installed"
		skip "$shell completes the names of certificates" "$shell is not installed"
	fi
done
exit "$status"
