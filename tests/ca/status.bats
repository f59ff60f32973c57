#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# `acmegate status`: what it says is what runs have done, in each form; and it is in nobody's way.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	rig_pebble
	rig_policy_drop | rig_nft -
	rig_dns bad.test "$RIG_CA4"
	rig_config one.test bad.test
	rig_acmegate renew >"$RIG_DIR/renewed" 2>&1 || [ $? -eq 1 ]
}

setup() { rig_config one.test bad.test; }

# The schema and python3-jsonschema say whether the JSON is what was promised.
fits_schema() {
	python3 - "$RIG_ROOT/units/status.schema.json" "$1" <<'END'
import json, jsonschema, sys
schema, document = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(document, schema)
END
}

# member EXPRESSION: of the JSON in $output
member() { python3 -c 'import json, sys; s = json.load(sys.stdin); c = {x["name"]: x for x in s["certificates"]}; print('"$1"')' <<<"$output"; }

@test "the table: a certificate that was stored, one that failed, why, and the exit status" {
	run -1 rig_acmegate status
	[[ $output == *'NAME'*'NAMES'*'UNTIL'*'DAYS'*'LAST'*'STATE'* ]]
	[[ $output == *$'\none.test  one.test  20'*' stored '*' valid\n'* ]] || [[ $output == *'one.test'*'stored'*'valid'* ]]
	[[ $output == *'one.test'*' stored '*' valid'* ]]
	[[ $output == *'bad.test'*'invalid'*'failing, failed 1 time'*'not tried again before '*'acmegate renew-now does'* ]]
	run -0 rig_acmegate status one.test
	[[ $output != *bad.test* ]]
	run -2 rig_acmegate status other.test
	[[ $output == *'has no [certificate other.test]'* ]]
	run -2 rig_acmegate status --json --metrics
	[[ $output == *'--json and --metrics: expected one of them'* ]]
}

@test "JSON fits its schema and says what the certificate's file says" {
	run -1 --separate-stderr rig_acmegate status --json
	[ -z "$stderr" ]
	printf '%s\n' "$output" >"$RIG_DIR/status.json"
	fits_schema "$RIG_DIR/status.json"
	end=$(date -u -d "$(openssl x509 -noout -enddate -in "$RIG_STATE/certificates/one.test/live/cert.pem" | sed 's/.*=//')" +%Y-%m-%dT%H:%M:%SZ)
	[ "$(member 'c["one.test"]["not_after"]')" = "$end" ]
	[ "$(member 'c["one.test"]["identifiers"]')" = "['one.test']" ]
	[ "$(member 'c["one.test"]["last"]["result"], c["one.test"]["state"]')" = "stored valid" ]
	[ "$(member 'c["bad.test"]["last"]["result"], c["bad.test"]["failures"], c["bad.test"]["not_after"]')" = "invalid 1 None" ]
	# bad.test was pending, and one.test with it: the window that the renewal has opened
	[ "$(member 's["exposure"]["windows"], s["windows"][0]["for"], s["windows"][0]["closed_by"], s["exposure"]["open"]')" = '1 renew gate False' ]
	[ "$(member 's["exposure"]["seconds"] == s["windows"][0]["seconds"] == s["exposure"]["longest_seconds"] > 0')" = True ]
	# a document that does not fit is told from one that does
	sed 's/"valid"/"fine"/' "$RIG_DIR/status.json" >"$RIG_DIR/wrong.json"
	run ! fits_schema "$RIG_DIR/wrong.json"
}

@test "a line for Nagios, and metrics that promtool takes" {
	run -2 rig_acmegate status --check
	[[ $output == 'ACMEGATE CRITICAL - 2 certificates: bad.test is failing | one.test='*d ]]
	run -0 rig_acmegate status --check one.test
	[[ $output == 'ACMEGATE OK - 1 certificate | one.test='*d ]]
	run -0 --separate-stderr rig_acmegate status --metrics
	[[ $output == *'acmegate_certificate_failures{certificate="bad.test"} 1'* ]]
	[[ $output == *'acmegate_certificate_failures{certificate="one.test"} 0'* ]]
	[[ $output == *'acmegate_windows_total{result="closed"} 1'* ]]
	[[ $output == *'acmegate_open 0'* ]]
	command -v promtool >/dev/null || skip 'the metrics are not checked by promtool, which is not here (Debian: prometheus)'
	printf '%s\n' "$output" | promtool check metrics
}

@test "a page says the same: the certificate, the failure and what the CA said, the window" {
	run -0 rig_acmegate status --html "$RIG_DIR/page.html"
	python3 - "$RIG_DIR/page.html" >"$RIG_DIR/page.txt" <<'END'
import sys
import xml.etree.ElementTree as tree
page = tree.fromstring(open(sys.argv[1], encoding="utf-8").read().replace("<!DOCTYPE html>", "", 1))
print(" ".join("".join(page.find("body").itertext()).split()))
END
	run -1 --separate-stderr rig_acmegate status --json
	grep -qF '1 of 2 certificates needs attention' "$RIG_DIR/page.txt"
	grep -qF "$(member 'c["bad.test"]["last"]["problem"]["detail"]')" "$RIG_DIR/page.txt"
	grep -qF 'invalid at the validation' "$RIG_DIR/page.txt"
	grep -qF "$(member 'c["one.test"]["next"]["why"]')" "$RIG_DIR/page.txt"
	grep -qF "$(member '"%.3f" % s["windows"][0]["seconds"]')renew: " "$RIG_DIR/page.txt"
}

@test "it works beside a renewal, changes nothing, and opens nothing" {
	rm -rf "$RIG_DIR/state-before"
	cp -a "$RIG_STATE" "$RIG_DIR/state-before"
	rig_before
	exec 9<"$RIG_STATE/journal"
	flock -n 9
	run -1 rig_acmegate status
	run -2 rig_acmegate status --check
	exec 9<&-
	rig_after
	diff -r "$RIG_DIR/state-before" "$RIG_STATE"
	find "$RIG_STATE" -printf '%p %m %U %T@\n' | sort >"$RIG_DIR/files-after"
	(cd "$RIG_DIR/state-before" && find . -printf "$RIG_STATE/%P %m %U %T@\n" | sed "s,/ , ," | sort) | diff - "$RIG_DIR/files-after"
}

# as_reader --clear-groups|--groups=GROUPS COMMAND...: acmegate as an ordinary user
as_reader() { setpriv --reuid 64320 --regid 64320 "$1" "$RIG_DIR/programs/acmegate" -c "$RIG_CONF" "${@:2}"; }
# without_next: the text without the moment of the next attempt, which may be told a second later
without_next() { sed -E '/"generated"|"at"|_renewal_timestamp_seconds/d; s/before [0-9-]+ [0-9:]+ UTC//'; }
# with_group COMMAND...: acmegate on a host with the group acmegate, 64321
with_group() { rig_host unshare -m sh -c 'mount --bind "$1" /etc/group && shift && exec "$@"' sh "$RIG_DIR/group" "$RIG_ACMEGATE" -c "$RIG_CONF" "$@"; }

@test "the group acmegate sees what root sees, and nothing that is secret; others see nothing" {
	rig_programs
	chmod 0755 "$RIG_DIR/etc"
	chmod 0644 "$RIG_CONF"
	# as on a host without the group
	chgrp 0 "$RIG_STATE/ledger" "$RIG_STATE/ledger/"* "$RIG_STATE/windows"
	chmod 0600 "$RIG_STATE/ledger/"* "$RIG_STATE/windows"
	chmod 0700 "$RIG_STATE/ledger"
	run -1 as_reader --clear-groups status
	[[ $output == *"/ledger (root may read it, and the group acmegate): Permission denied"* ]]
	{ cat /etc/group && echo 'acmegate:x:64321:'; } >"$RIG_DIR/group"
	: >"$RIG_STATE/ledger/one.test~next"
	chmod 0600 "$RIG_STATE/ledger/one.test~next"
	run with_group renew-now
	[ "$(stat -c %a:%g "$RIG_STATE/ledger" "$RIG_STATE/ledger/one.test" "$RIG_STATE/ledger/bad.test" "$RIG_STATE/windows" | tr '\n' ' ')" = \
		'750:64321 640:64321 640:64321 640:64321 ' ]
	[ "$(stat -c %a:%g "$RIG_STATE/ledger/.secret" "$RIG_STATE/ledger/one.test~next" | tr '\n' ' ')" = '600:0 600:0 ' ]
	rm "$RIG_STATE/ledger/one.test~next"
	for form in '' --json --check --metrics; do
		run rig_acmegate status $form
		root=$output code=$status
		run as_reader --groups=64321 status $form
		[ "$status" = "$code" ]
		diff <(without_next <<<"$root") <(without_next <<<"$output")
	done
	# the moment that was drawn for the next attempt, from a clock of seconds
	run -0 rig_acmegate status --metrics bad.test
	root=$(awk '/^acmegate_certificate_renewal_timestamp_seconds/ { print $2 }' <<<"$output")
	run -0 as_reader --groups=64321 status --metrics bad.test
	awk -v root="$root" '/^acmegate_certificate_renewal_timestamp_seconds/ { d = $2 - root; right = d >= -2 && d <= 2 } END { exit !right }' <<<"$output"
	run -0 rig_acmegate history
	root=$output
	run -0 as_reader --groups=64321 history
	[ "$output" = "$root" ]
	[[ $output == *' window'*', longest '* ]]
	for secret in accounts ledger/.secret journal; do run ! setpriv --reuid 64320 --regid 64320 --groups=64321 cat "$RIG_STATE/$secret"; done
	run -1 as_reader --clear-groups status
	[[ $output == *"Permission denied"* ]]
	run ! grep -q 'CAP\|core' <<<"$output"
}

@test "an ordinary user's configuration has no mistake where only root reads a file" {
	printf '[certificate p]\nnames = one.test\nforms = pem, pkcs12\npkcs12_password_file = %s/word\n' "$RIG_DIR" >>"$RIG_CONF"
	echo word >"$RIG_DIR/word"
	chmod 0600 "$RIG_DIR/word"
	rig_programs
	chmod 0755 "$RIG_DIR/etc"
	chmod 0644 "$RIG_CONF"
	{ cat /etc/group && echo 'acmegate:x:64321:'; } >"$RIG_DIR/group"
	run with_group renew
	run as_reader --groups=64321 status p
	[ "$status" -ne 2 ]
	[[ $output != *warning* && $output == *'one.test'* ]]
}

@test "ledgers that are damaged are told, and the others are shown" {
	cp "$RIG_STATE/ledger/one.test" "$RIG_DIR/one.ledger"
	echo nonsense >"$RIG_STATE/ledger/one.test"
	run -1 rig_acmegate status
	[[ $output == *'one.test'*'unknown'*'ledger/one.test is corrupt; the next run begins a new one'* ]]
	[[ $output == *'bad.test'*'failing'* ]]
	run -3 rig_acmegate status --check one.test
	[[ $output == 'ACMEGATE UNKNOWN - 1 certificate: one.test is unknown |' ]]
	run -1 --separate-stderr rig_acmegate status --json
	printf '%s\n' "$output" >"$RIG_DIR/status.json"
	fits_schema "$RIG_DIR/status.json"
	[ "$(member 'c["one.test"]["next"], c["one.test"]["failures"]')" = 'None None' ]
	cp "$RIG_DIR/one.ledger" "$RIG_STATE/ledger/one.test"
	run -0 rig_acmegate status one.test
}

@test "mistakes in the configuration are told, and are somebody's to mend; before the first run nothing is known" {
	printf '[certificate broken]\nnames = -\n' >>"$RIG_CONF"
	run -1 --separate-stderr rig_acmegate status one.test
	[[ $stderr == *'warning: '*'acmegate.conf:'* ]]
	[[ $output == *'one.test'*'valid'* ]]
	run -1 rig_acmegate status --check one.test
	[[ $output == *'ACMEGATE WARNING - 1 certificate, mistakes in the configuration |'* ]]
	rig_config one.test
	sed -i "s,^state = .*,state = $RIG_DIR/nothing," "$RIG_CONF"
	run -75 rig_acmegate status
	[[ $output == *'missing'*'there is no certificate yet'* ]]
	[ ! -e "$RIG_DIR/nothing" ]
}

# names_to N: the names of so many certificates
names_to() { seq -f 'n%.0f.test' "$1"; }

# held: KiB of memory of its own that the largest process of a hook's window has
held() {
	local pid largest=0 own
	sleep 600 3>&- &
	run -0 rig_acmegate hook --client $! pre
	for pid in $(ip netns pids "$RIG_HOST"); do
		own=$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$pid/status")
		[ "${own:-0}" -le "$largest" ] || largest=$own
	done
	run -0 rig_acmegate hook --client $! post
	kill $!
	held=$largest
}

@test "2,000 certificates: all are shown, the next one is told with file, line and limit, and a hook's window does not hold them" {
	mapfile -t names < <(names_to 2000)
	rig_config one.test
	held
	few=$held
	rig_config "${names[@]}"
	run -75 --separate-stderr rig_acmegate status --json
	[ -z "$stderr" ]
	[ "$(member 'len(c), c["n2000.test"]["identifiers"]')" = "2000 ['n2000.test']" ]
	run -75 rig_acmegate status n1.test n2000.test
	[ "$(grep -c 'missing$' <<<"$output")" = 2 ]
	held
	echo "# a hook holds $few KiB with one certificate, and $held with 2,000" >&3
	[ "$held" -le $((few + 256)) ]
	printf '[certificate more]\nnames = more.test\n' >>"$RIG_CONF"
	line=$(grep -n 'certificate more' "$RIG_CONF" | cut -d: -f1)
	run -1 rig_acmegate status --check n1.test
	[[ $output == *"$RIG_CONF:$line: more than 2000 certificates"* ]]
}
