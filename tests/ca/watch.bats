#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# [watch NAME]: certificates of other clients, in status in each form and in alarms. No CA answers here: nothing is obtained.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	LIVE=$RIG_DIR/letsencrypt/live
	mkdir -p "$RIG_DIR/made" "$LIVE"
	: >"$RIG_DIR/made/index"
	openssl ecparam -name prime256v1 -genkey -noout -out "$RIG_DIR/made/key.pem"
	cat >"$RIG_DIR/made/ca.cnf" <<-END
		[ca]
		default_ca = own
		[own]
		database = $RIG_DIR/made/index
		new_certs_dir = $RIG_DIR/made
		rand_serial = yes
		unique_subject = no
		default_md = sha256
		copy_extensions = copy
		policy = any
		[any]
		commonName = optional
	END
	lineage good.test '-30 days' '+60 days 12 hours' 'DNS:good.test,DNS:www.good.test'
	lineage sixth.test '-80 days' '+10 days' DNS:sixth.test
	lineage days.test '-88 days' '+2 days' DNS:days.test
	lineage over.test '-100 days' '-10 days 12 hours' DNS:over.test
	export LIVE
}

# certificate FILE FROM UNTIL SAN [SUBJECT]: signed by itself; no clock is set for it
certificate() {
	openssl req -new -utf8 -key "$RIG_DIR/made/key.pem" -subj "${5:-/CN=nobody}" -addext "subjectAltName=$4" -out "$RIG_DIR/made/csr.pem" &&
		openssl ca -batch -notext -utf8 -selfsign -config "$RIG_DIR/made/ca.cnf" -keyfile "$RIG_DIR/made/key.pem" -in "$RIG_DIR/made/csr.pem" \
			-startdate "$(date -u -d "$2" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$3" +%Y%m%d%H%M%SZ)" -out "$1" 2>"$RIG_DIR/made/said"
}

# lineage NAME FROM UNTIL SAN [SUBJECT]: as certbot keeps it, live/ has links
lineage() {
	mkdir -p "$LIVE/$1" "$LIVE/../archive/$1"
	certificate "$LIVE/../archive/$1/cert1.pem" "$2" "$3" "$4" "${5:-/CN=Root of $1}"
	ln -sf "../../archive/$1/cert1.pem" "$LIVE/$1/cert.pem"
}

# watch PATTERN...: one certificate of our own, and these
watch() {
	rig_config own.test
	printf '[watch certbot]\nfiles = %s\n' "$*" >>"$RIG_CONF"
}

setup() { watch "$LIVE/*/cert.pem"; }

# wanted NAME EXPRESSION: of the watched certificate with this name in the JSON
wanted() { rig_acmegate status --json | jq -e --arg name "$1" ".watched[] | select(.name == \$name) | $2"; }

@test "certbot's live directory: links, a row for each certificate, its dates, and who renews it" {
	run -1 rig_acmegate status
	until=$(date -u -d "$(openssl x509 -noout -enddate -in "$LIVE/good.test/cert.pem" | sed 's/.*=//')" +%F)
	grep -qE "^certbot/good.test +good.test \\+1 +$until +60 +valid$" <<<"$output"
	[[ $output == *"renewed by another client; $LIVE/good.test/cert.pem, issued by Root of good.test"* ]]
	grep -q '^certbot/sixth.test .* expiring$' <<<"$output"
	grep -q '^certbot/days.test .* expiring$' <<<"$output"
	grep -q '^certbot/over.test .* -10 .* expired$' <<<"$output"
	[[ $output != *'[watch certbot]'* ]]
	run -1 rig_acmegate status certbot
	[[ $output != *own.test* && $output == *good.test* ]]
	run -1 rig_acmegate status certbot/over.test
	[[ $output != *own.test* && $output != *good.test* && $output == *expired* ]]
	run -75 rig_acmegate status own.test
	[[ $output != *good.test* ]]
	run -2 rig_acmegate status certbo
	[[ $output == *'has no [certificate certbo]'* ]]
}

@test "a host with watched certificates alone has a status, 0 when all are well" {
	sed -i '/^\[certificate/,$d' "$RIG_CONF"
	printf '[watch certbot]\nfiles = %s\n' "$LIVE/good.test/cert.pem" >>"$RIG_CONF"
	run -0 rig_acmegate status
	[[ $output == *certbot/cert.pem*valid* ]]
	run -0 rig_acmegate status --check
	[[ $output == 'ACMEGATE OK - 1 certificate | certbot/cert.pem=60d' ]]
}

@test "JSON fits its schema, metrics fit promtool, a line for Nagios, the page is well-formed: all say the same" {
	run -1 --separate-stderr rig_acmegate status --json
	printf '%s\n' "$output" >"$RIG_DIR/status.json"
	python3 - "$RIG_ROOT/units/status.schema.json" "$RIG_DIR/status.json" <<-'END'
		import json, jsonschema, sys
		schema, document = (json.load(open(name)) for name in sys.argv[1:])
		jsonschema.Draft202012Validator.check_schema(schema)
		jsonschema.validate(document, schema)
		document["watched"][0]["state"] = "fine"
		try: jsonschema.validate(document, schema)
		except jsonschema.ValidationError: sys.exit(0)
		sys.exit("a wrong document fits")
	END
	jq -e '.certificates | map(.name) == ["own.test"]' "$RIG_DIR/status.json"
	jq -e '.remarks == [] and (.watched | map(.name + " " + .state) | sort) == ["certbot/days.test expiring", "certbot/good.test valid",
		"certbot/over.test expired", "certbot/sixth.test expiring"]' "$RIG_DIR/status.json"
	end=$(date -u -d "$(openssl x509 -noout -enddate -in "$LIVE/good.test/cert.pem" | sed 's/.*=//')" +%s)
	begin=$(date -u -d "$(openssl x509 -noout -startdate -in "$LIVE/good.test/cert.pem" | sed 's/.*=//')" +%s)
	wanted certbot/good.test ".identifiers == [\"good.test\", \"www.good.test\"] and .names == 2 and .watch == \"certbot\" and
		.issuer == \"Root of good.test\" and (.not_after | fromdate) == $end and (.not_before | fromdate) == $begin"
	run -2 rig_acmegate status --check
	[[ $output == 'ACMEGATE CRITICAL - 5 certificates: '*'certbot/over.test is expired'*'certbot/good.test=60d'* ]]
	run -0 --separate-stderr rig_acmegate status --metrics
	grep -q "^acmegate_certificate_not_after_timestamp_seconds{certificate=\"certbot/good.test\"} $end$" <<<"$output"
	grep -q '^acmegate_certificate_needs_attention{certificate="certbot/over.test"} 1$' <<<"$output"
	grep -q '^acmegate_watched_files{watch="certbot"} 4$' <<<"$output"
	run ! grep -E 'attempts_total|_failures|_renewal_' <(grep certbot/ <<<"$output")
	run -0 rig_acmegate status --html "$RIG_DIR/page.html"
	python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$RIG_DIR/page.html"
	grep -q 'renewed by another client' "$RIG_DIR/page.html"
	run ! grep -q 1970 "$RIG_DIR/page.html" # they have no next attempt
	command -v promtool >/dev/null || skip 'the metrics are not checked by promtool, which is not here (Debian: prometheus)'
	rig_acmegate status --metrics | promtool check metrics
}

@test "no certificate: fifo, device, directory, garbage, nothing, too large, a link to nowhere; each says why, and the rest goes on" {
	odd=$RIG_DIR/odd
	mkdir -p "$odd/directory.pem"
	mkfifo "$odd/fifo.pem"
	ln -s /dev/zero "$odd/device.pem"
	ln -s nowhere "$odd/link.pem"
	ln -s loop.pem "$odd/loop.pem"
	: >"$odd/empty.pem"
	head -c 3000 /dev/urandom >"$odd/garbage.pem"
	truncate -s 1G "$odd/huge.pem"
	sed '5s/./A/g' "$LIVE/good.test/cert.pem" >"$odd/broken.pem"
	{ cat "$RIG_DIR/made/key.pem" && openssl x509 -text -in "$LIVE/good.test/cert.pem" && cat "$LIVE/over.test/cert.pem"; } >"$odd/whole.pem"
	certificate "$odd/later.pem" '+2 days' '+90 days' DNS:later.test
	install -o 64320 -m 0600 "$LIVE/good.test/cert.pem" "$odd/private.pem"
	watch "$odd/*.pem $odd/gone.crt"
	printf 'files = /proc/kmsg\nfiles = %s\n' "$LIVE/good.test/cert.pem" >>"$RIG_CONF"
	run -1 rig_acmegate status certbot
	why() { grep -A 1 "^certbot/$1 .* unknown$" <<<"$output" | grep -qF "$2"; }
	why directory.pem 'it is no regular file'
	why fifo.pem 'it is no regular file'
	why device.pem 'it is no regular file'
	why loop.pem 'Too many levels of symbolic links'
	why gone.crt 'No such file or directory'
	why empty.pem 'it is empty'
	why private.pem 'Permission denied' # root is asked as what writes the page after a run: without capabilities
	why kmsg 'it is empty' || why kmsg 'Operation not permitted' || why kmsg 'Permission denied' ||
		why kmsg 'it is no regular file' # in a container
	why garbage.pem 'there is no certificate (PEM) in it'
	why huge.pem 'it is larger than 64 KiB'
	why broken.pem 'cannot be read'
	why later.pem 'it is not valid before'
	grep -q '^certbot/whole.pem .* valid$' <<<"$output"
	grep -q '^certbot/cert.pem .* valid$' <<<"$output"
	run -3 rig_acmegate status --check certbot
	run -0 rig_acmegate status --metrics
}

@test "nothing is found: a remark, which is no error; a directory that nobody may read is told" {
	watch "$RIG_DIR/none/*/cert.pem $LIVE/good.test/cert.pem"
	run -0 rig_acmegate status certbot
	[[ $output == *$'[watch certbot]\n    '"$RIG_DIR/none/*/cert.pem: there is no such file" ]]
	run -75 rig_acmegate status --json
	jq -e --arg text "$RIG_DIR/none/*/cert.pem: there is no such file" '.remarks == [{"watch": "certbot", "text": $text}]' <<<"$output"
	rig_acmegate status --html - | grep -qF 'there is no such file'
	watch "$RIG_DIR/none/*.pem"
	rig_acmegate status --metrics | grep -q '^acmegate_watched_files{watch="certbot"} 0$'
	watch "$LIVE/*/cert.pem" "$LIVE/good.test/cert.pem"
	chmod 0755 "$RIG_DIR" "$RIG_DIR/etc"
	chmod 0700 "$LIVE/../archive/over.test"
	run -1 setpriv --reuid 64320 --regid 64320 --clear-groups "$RIG_BUILD/acmegate" -c "$RIG_CONF" status certbot
	chmod 0755 "$LIVE/../archive/over.test"
	grep -q '^certbot/good.test .* valid$' <<<"$output"
	grep -A 1 '^certbot/over.test .* unknown$' <<<"$output" | grep -qF 'Permission denied'
	chmod 0700 "$LIVE"
	run -1 setpriv --reuid 64320 --regid 64320 --clear-groups "$RIG_BUILD/acmegate" -c "$RIG_CONF" status certbot
	chmod 0755 "$LIVE"
	[[ $output == *$'[watch certbot]\n    '"$LIVE: Permission denied"* ]]
}

@test "hostile names, of files and in certificates: no form breaks, and no two have the same label" {
	bad=$RIG_DIR/hostile
	mkdir -p "$bad/a/\"} 1" "$bad/b/\"} 1" "$bad/a/"$'x\ny' "$bad/a/x%0Ay" "$bad/a/<script>"
	certificate "$RIG_DIR/evil.pem" '-1 day' '+60 days' 'DNS:<script>alert(1)</script>,DNS:"} 1' $'/CN=<script>alert(2)<\\/script>\e[31m\n\u202e'
	for place in "$bad"/?/*; do cp "$RIG_DIR/evil.pem" "$place/c.pem"; done
	watch "$bad/a/*/c.pem $bad/b/*/c.pem $bad/?/*/c.pem"
	run -0 --separate-stderr rig_acmegate status certbot
	run ! grep -q $'[\x01-\x09\x0b-\x1f\x7f-\xff]' <<<"$output"
	run -75 --separate-stderr rig_acmegate status --json
	[ "$(jq '.watched | length' <<<"$output")" = 5 ]
	[ "$(jq -r '.watched[].name' <<<"$output" | sort -u | wc -l)" = 5 ]
	jq -e '.watched | map(.name) | contains(["certbot/x%0Ay", "certbot/x%250Ay", "certbot/%3Cscript%3E"])' <<<"$output"
	[ "$(jq '.watched | map(select(.name | startswith("certbot:/"))) | length' <<<"$output")" = 2 ]
	rig_acmegate status --html "$RIG_DIR/page.html" && run ! grep -q '<script' "$RIG_DIR/page.html"
	python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$RIG_DIR/page.html"
	command -v promtool >/dev/null || skip 'the metrics are not checked by promtool, which is not here (Debian: prometheus)'
	rig_acmegate status --metrics | promtool check metrics
}

# agent BODY: acmegate with a watcher that does this, once it has got bytes
agent() {
	mkdir -p "$RIG_DIR/liar"
	cp "$RIG_BUILD"/acmegate{,-view} "$RIG_DIR/liar/"
	{
		printf '#include "base/watched.h"\n#include <string.h>\n#include <sys/socket.h>\n#include <time.h>\n'
		printf 'int main(void) { static char b[65536]; static struct sighting s; while (recv(3, b, sizeof(b), 0) > 0) { %s } return 0; }\n' "$1"
	} | "${CC:-cc}" -I "$RIG_ROOT/src" -x c - -o "$RIG_DIR/liar/acmegate-agent"
	export RIG_ACMEGATE=$RIG_DIR/liar/acmegate
}

@test "a watcher that dies spoils a row, and after three the others are not looked at; what one says reaches nobody unclean" {
	agent 'return 1;'
	run -1 rig_acmegate status certbot
	[ "$(grep -c 'acmegate-agent has failed at it' <<<"$output")" = 3 ]
	[ "$(grep -c 'it was not looked at: acmegate-agent has failed at 3 others' <<<"$output")" = 1 ]
	# one that is overcome by a file: another looks at the next one
	agent 'if (s.good++) return 1; s.not_before = time(NULL) - 9; s.not_after = time(NULL) + 9000000;
		s.names = 7; memset(s.name, 1, sizeof(s.name)); memset(s.issuer, 0x9b, sizeof(s.issuer)); memset(s.why, 10, sizeof(s.why)); send(3, &s, sizeof(s), 0);'
	run -1 rig_acmegate status certbot
	[ "$(grep -c ' valid$' <<<"$output")" = 2 ]
	[ "$(grep -c 'acmegate-agent has failed at it' <<<"$output")" = 2 ]
	run ! grep -q $'[\x01-\x09\x0b-\x1f\x7f-\xff]' <<<"$output"
	agent 'send(3, &s, sizeof(s) - 1, 0);'
	run -1 rig_acmegate status certbot
	[ "$(grep -c 'acmegate-agent has failed at it' <<<"$output")" = 3 ]
}

@test "a section shows 256 files, and says how many it leaves out" {
	mkdir "$RIG_DIR/many"
	for i in {1..260}; do ln -s "$LIVE/good.test/cert.pem" "$RIG_DIR/many/$i.pem"; done
	watch "$RIG_DIR/many/*.pem"
	run -75 rig_acmegate status --json
	jq -e '(.watched | length) == 256 and .remarks[0].text == "files: 4 files are left out: too many, or paths that are too long"' <<<"$output"
}

calls() { cat "$RIG_DIR/calls"/* 2>/dev/null | sed -n 's/^ACMEGATE_EVENT=//p' | sort | tr '\n' ' '; }

@test "alarms of a run: once for each change; metrics and page have them too; no file of the other client is touched" {
	mkdir -m 0755 "$RIG_DIR/bin" "$RIG_DIR/out"
	mkdir -m 0777 "$RIG_DIR/calls"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\n{ cat; env; } >"$(mktemp "$1/XXXXXX")"\n' >"$RIG_DIR/bin/alert"
	chmod 0755 "$RIG_DIR/bin/alert"
	lineage a-name-that-is-longer-than-labels-are.test '-80 days' '+5 days' DNS:long.test
	printf '[status]\nalert = %s\nmetrics = %s\npage = %s\n' "$RIG_DIR/bin/alert $RIG_DIR/calls" "$RIG_DIR/out/a.prom" "$RIG_DIR/out/a.html" >>"$RIG_CONF"
	before=$(find "$LIVE/.." -printf '%p %m %u %s %T@ %C@\n' | sort)
	run ! rig_acmegate renew
	[[ $(calls) == *'ending ending expired '*'three_days ' ]]
	grep -q '^ACMEGATE_NAME=certbot/over.test$' "$RIG_DIR/calls"/*
	grep -q "^ACMEGATE_TEXT=certificate certbot/over.test has expired: renewed by another client; $LIVE/over.test/cert.pem" "$RIG_DIR/calls"/*
	cat "$RIG_DIR/calls"/* | grep '^{' | jq -se 'map(select(.event == "expired"))[0] | .certificate == null and .watched.name == "certbot/over.test"'
	grep -q 'certbot/over.test' "$RIG_DIR/out/a.html"
	diff <(grep certbot/ "$RIG_DIR/out/a.prom") <(rig_acmegate status --metrics | grep certbot/)
	[ "$(find "$LIVE/.." -printf '%p %m %u %s %T@ %C@\n' | sort)" = "$before" ]
	rm -f "$RIG_DIR/calls"/*
	run ! rig_acmegate renew
	[ "$(calls)" = '' ]
	lineage over.test '-1 day' '+89 days' DNS:over.test
	rm -r "$LIVE/days.test"
	run ! rig_acmegate renew
	[ "$(calls)" = 'recovered ' ]
	grep -q '^ACMEGATE_NAME=certbot/over.test$' "$RIG_DIR/calls"/*
	# one that was gone is told again
	rm -f "$RIG_DIR/calls"/*
	lineage days.test '-88 days' '+2 days' DNS:days.test
	run ! rig_acmegate renew
	[ "$(calls)" = 'three_days ' ]
	lineage over.test '-100 days' '-10 days 12 hours' DNS:over.test
	rm -r "$LIVE/a-name-that-is-longer-than-labels-are.test"
}
