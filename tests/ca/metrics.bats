#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# [status] metrics and page: files for others, written after each run, and in nobody's way.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	rig_pebble
	rig_policy_drop | rig_nft -
}

setup() {
	FOLDER=$RIG_DIR/exporter
	FILE=$FOLDER/acmegate.prom
	mkdir -p "$FOLDER"
	chown root: "$FOLDER"
	chmod 0755 "$FOLDER"
	configure "metrics = $FILE"
	rm -rf "$RIG_STATE/status"
}

# configure LINE...: one certificate, and these lines in [status]
configure() {
	rig_config one.test
	printf '[status]\n' >>"$RIG_CONF"
	printf '%s\n' "$@" >>"$RIG_CONF"
}

@test "after a run the metrics are there, 0644, and what status --metrics says; an idle run writes them anew" {
	rm -f "$FILE"
	run -0 rig_acmegate renew-now
	[ "$(stat -c '%a %U' "$FILE")" = '644 root' ]
	rig_acmegate status --metrics | diff - "$FILE"
	grep -q '^acmegate_certificate_not_after_timestamp_seconds{certificate="one.test"} [1-9]' "$FILE"
	touch -d '2 hours ago' "$FILE"
	run -0 rig_acmegate renew
	[ -n "$(find "$FILE" -mmin -1)" ]
	[ "$(ls -A "$FOLDER")" = acmegate.prom ]
}

# The number of warnings about it in $output
warnings() { grep -c 'warning: \[status\]' <<<"$output" || true; }

# A run that fails at once, whatever the CA would say: what is in front of the host does not open.
failing_run() {
	install -d -m 0755 "$RIG_DIR/bin"
	printf '#!/bin/sh\n[ "$1" = close ]\n' >"$RIG_DIR/bin/refuses"
	chmod 0755 "$RIG_DIR/bin/refuses"
	RIG_GATE="command = $RIG_DIR/bin/refuses" configure "metrics = $FILE"
	rm -rf "$RIG_STATE/accounts" # Pebble takes one of 100 authorizations of an account for valid still, and then needs no window
	run ! rig_acmegate renew-now
	configure "metrics = $FILE"
}

@test "a directory that is gone is said once, the run and its status are as without, and it is said when it works again" {
	run -0 rig_acmegate renew-now
	rm -r "$FOLDER"
	run -0 rig_acmegate renew
	[[ $output == *"warning: [status] metrics: $FILE: No such file or directory (said once)"* ]]
	[ "$(warnings)" = 1 ]
	run -0 rig_acmegate renew
	[ "$(warnings)" = 0 ]
	[ ! -e "$FOLDER" ]
	# another reason is another line
	ln -s "$RIG_DIR" "$FOLDER"
	run -0 rig_acmegate renew
	[[ $output == *'a symbolic link, or no directory, is on the way'* ]]
	[ ! -e "$RIG_DIR/acmegate.prom" ]
	rm "$FOLDER"
	mkdir -m 0755 "$FOLDER"
	run -0 rig_acmegate renew
	[[ $output == *'[status] metrics: works again'* ]]
	[ -s "$FILE" ]
	run -0 rig_acmegate renew
	[[ $output != *'[status]'* ]]
}

@test "nothing is written where others could have put a trap" {
	run -0 rig_acmegate renew-now
	rm "$FILE"
	for mode in 0777 0775 1777; do
		chmod "$mode" "$FOLDER"
		run -0 rig_acmegate renew
		[ ! -e "$FILE" ]
	done
	[[ $(cat "$RIG_STATE/status/metrics.said") == *'others than the owner can write a directory on the way; chmod go-w takes that away' ]]
	chmod 0755 "$FOLDER"
	# root's directory in one of somebody else's, who could put another in its place
	mkdir -p "$RIG_DIR/theirs/ours"
	chown 65534 "$RIG_DIR/theirs"
	configure "metrics = $RIG_DIR/theirs/ours/acmegate.prom"
	run -0 rig_acmegate renew
	[[ $output == *'a directory on the way belongs to user 0, who is not the owner of the one above it'* ]]
	[ ! -e "$RIG_DIR/theirs/ours/acmegate.prom" ]
	# links in the place of the file, and of the one beside it, are replaced and not followed
	echo kept >"$RIG_DIR/kept"
	ln -s "$RIG_DIR/kept" "$FILE"
	ln -s "$RIG_DIR/kept" "$FOLDER/.acmegate.prom.new"
	configure "metrics = $FILE"
	run -0 rig_acmegate renew
	[ ! -L "$FILE" ]
	[ -s "$FILE" ]
	[ "$(cat "$RIG_DIR/kept")" = kept ]
}

@test "in another user's directory it is that user's file, and root need not be almighty" {
	run -0 rig_acmegate renew-now
	rm -f "$FILE"
	chown 65534 "$FOLDER"
	chmod 0700 "$FOLDER"
	# as in acmegate.service
	run -0 rig_host setpriv --bounding-set -all,+net_admin,+net_bind_service,+net_raw,+setuid,+setgid,+setpcap,+chown,+kill \
		"$RIG_ACMEGATE" -c "$RIG_CONF" renew
	[[ $output != *'[status]'* ]]
	[ "$(stat -c '%a %u' "$FILE")" = '644 65534' ]
	# without the right to become that user nothing is written, and nothing is said: acmegate-recover.service
	rm "$FILE"
	run rig_host setpriv --bounding-set -all,+net_admin,+net_bind_service,+net_raw,+setgid,+setpcap,+chown,+kill "$RIG_ACMEGATE" -c "$RIG_CONF" renew
	[[ $output == *acmegate:* ]]
	[[ $output != *'[status]'* ]]
	[ ! -e "$FILE" ]
}

# value METRIC: of the file
value() { awk -v name="$1" '$1 == name { print $2 }' "$FILE"; }

@test "guard, hooks, a run that fails and a recovery write them too, once the port is closed" {
	run -0 rig_acmegate renew-now
	before=$(value acmegate_last_window_timestamp_seconds)
	rm "$FILE"
	run -7 rig_acmegate guard -- sh -c 'exit 7'
	[ "$(value acmegate_open)" = 0 ]
	rm "$FILE"
	run -0 rig_acmegate hook pre --client $$
	[ ! -e "$FILE" ]
	run -0 rig_acmegate hook post --client $$
	rig_until 30 test -s "$FILE"
	[ "$(value acmegate_open)" = 0 ]
	[ "$(value acmegate_last_window_timestamp_seconds)" -ge "$before" ]
	rig_until 30 rig_idle
	rm "$FILE"
	failing_run
	[ "$(value 'acmegate_certificate_failures{certificate="one.test"}')" = 1 ]
	run -0 rig_acmegate recover
	rm "$FILE"
	run -0 rig_acmegate recover
	[ ! -e "$FILE" ]
	# a run that is killed, and the recovery after it
	rig_window
	configure "metrics = $FILE"
	rig_kill_at_once "$pid"
	rig_until 30 rig_idle
	rig_release
	run -0 rig_acmegate recover
	[ "$(value acmegate_open)" = 0 ]
	rig_after
}

@test "what acmegate-view says about a ledger that is damaged is logged once" {
	run -0 rig_acmegate renew-now
	head -c 65536 /dev/urandom >"$RIG_STATE/windows"
	run -0 rig_acmegate renew
	[[ $output == *'warning: [status] metrics: warning: the windows are not known: windows is corrupt'* ]]
	run -0 rig_acmegate renew
	[ "$(warnings)" = 0 ]
	run ! grep acmegate_windows "$FILE"
	rm "$RIG_STATE/windows"
	run -0 rig_acmegate renew
}

@test "a directory in the place of the page is told by its path, and nothing is left beside it" {
	run -0 rig_acmegate renew-now
	mkdir "$FOLDER/file.html"
	configure "page = $FOLDER/file.html" "metrics = $FILE"
	run -0 rig_acmegate renew
	[ "$(warnings)" = 1 ]
	[[ $output == *"[status] page: $FOLDER/file.html: Is a directory"* ]]
	[ "$(ls -A "$FOLDER")" = $'acmegate.prom\nfile.html' ]
	rmdir "$FOLDER/file.html"
}

@test "a mistake in [status] is told by each run, which does the rest of it" {
	run -0 rig_acmegate renew-now
	configure "metrics = $FILE" 'group = nobody-has-this-one'
	rm -f "$FILE"
	run -2 rig_acmegate renew
	[[ $output == *"there is no group 'nobody-has-this-one' on this host"* ]]
	[ -s "$FILE" ]
}

needs_tools() {
	local tool
	for tool; do command -v "$tool" >/dev/null || skip "$tool is not here (Debian: prometheus, prometheus-node-exporter)"; done
}

@test "promtool takes the metrics, the alert rules and their tests" {
	needs_tools promtool
	run -0 rig_acmegate renew-now
	promtool check metrics <"$FILE"
	promtool check rules "$RIG_ROOT/units/acmegate.rules.yml"
	cp "$RIG_ROOT/units/acmegate.rules.yml" "$RIG_ROOT/tests/ca/acmegate.rules.test.yml" "$RIG_DIR/"
	run -0 promtool test rules "$RIG_DIR/acmegate.rules.test.yml"
	# each name in a rule is that of a metric
	run -1 rig_acmegate guard -- false
	failing_run
	# shellcheck disable=SC2013 # a word each
	for name in $(grep -v '^ *-\? *\(alert\|description\|summary\)' "$RIG_ROOT/units/acmegate.rules.yml" | grep -o 'acmegate_[a-z_]*' | sort -u); do
		grep -q "^${name}[{ ]" "$FILE" || echo "$name"
	done | diff /dev/null -
	# and no counter has gone back
	[ "$(value 'acmegate_windows_total{result="closed"}')" -ge 2 ]
	[ "$(value 'acmegate_attempts_total{certificate="one.test",result="stored"}')" -ge 1 ]
	[ "$(value 'acmegate_attempts_total{certificate="one.test",result="host"}')" -ge 1 ]
}

# ask EXPRESSION: what Prometheus answers
ask() { rig_host curl -s --max-time 30 http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" | jq -r '.data.result[].value[1]'; }
answers() { [ "$(ask "$1")" = "$2" ]; }

@test "node-exporter and Prometheus have them, without an error, and an alert fires" {
	needs_tools prometheus prometheus-node-exporter
	run -0 rig_acmegate renew-now
	rm -f "$RIG_DIR/exporter.log" "$RIG_DIR/prometheus.log"
	printf '%s\n' 'global: { scrape_interval: 1s, evaluation_interval: 1s }' "rule_files: [$RIG_ROOT/units/acmegate.rules.yml]" \
		'scrape_configs: [{ job_name: node, static_configs: [{ targets: ["127.0.0.1:9100"] }] }]' >"$RIG_DIR/prometheus.yml"
	ip netns exec "$RIG_HOST" prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$FOLDER" --web.listen-address=127.0.0.1:9100 >"$RIG_DIR/exporter.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/exporter.pid"
	ip netns exec "$RIG_HOST" prometheus --config.file="$RIG_DIR/prometheus.yml" --storage.tsdb.path="$RIG_DIR/prometheus" \
		--web.listen-address=127.0.0.1:9090 >"$RIG_DIR/prometheus.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/prometheus.pid"
	rig_until 60 answers node_textfile_scrape_error 0
	rig_until 30 answers acmegate_certificate_failures 0
	rig_until 30 answers acmegate_certificate_not_after_timestamp_seconds \
		"$(date -d "$(openssl x509 -noout -enddate -in "$RIG_STATE/certificates/one.test/live/cert.pem" | sed 's/.*=//')" +%s)"
	[ "$(ask 'ALERTS{alertname=~"Acmegate.*"}')" = '' ]
	# 80 of 90 days are over
	awk '/not_(before|after)_timestamp_seconds[{]/ { $2 = sprintf("%d", $2 - 80 * 86400) } 1' "$FILE" >"$RIG_DIR/aged"
	mv "$RIG_DIR/aged" "$FILE"
	rig_until 30 answers 'ALERTS{alertname="AcmegateCertificateEnding"}' 1
	rig_end_of prometheus
	rig_end_of exporter
}

@test "the page is written beside the metrics, with its mode and group, and one of the two that cannot be written is no obstacle" {
	install -d -m 0755 "$RIG_DIR/www"
	configure "metrics = $FILE" "page = $RIG_DIR/www/index.html" 'mode = 0640' 'group = daemon'
	run -0 rig_acmegate renew-now
	[[ $output != *'[status]'* ]]
	[ "$(stat -c '%a %U %G' "$RIG_DIR/www/index.html")" = '640 root daemon' ]
	[ "$(stat -c '%a %U %G' "$FILE")" = '644 root root' ]
	[[ $(cat "$RIG_DIR/www/index.html") == '<!DOCTYPE html>'*'The certificate is valid'*'renew-now: one.test'*'</html>' ]]
	rm -r "$FOLDER" "$RIG_DIR/www/index.html"
	configure "metrics = $FILE" "page = $RIG_DIR/www/index.html"
	run -0 rig_acmegate renew
	[[ $output == *'[status] metrics: '*'No such file'* ]]
	[ "$(stat -c '%a %U %G' "$RIG_DIR/www/index.html")" = '644 root root' ]
	mkdir -m 0755 "$FOLDER"
	chmod 0777 "$RIG_DIR/www"
	run -0 rig_acmegate renew
	[[ $output == *'[status] page: '*'others than the owner can write a directory on the way'* ]]
	[[ $output == *'[status] metrics: works again'* ]]
	[ -s "$FILE" ]
}
