#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Somebody else commits to the ruleset all the time: renewals, closing, recovery, and what is put back meanwhile.
# STORM=all takes the whole of it (make check-storm).
bats_require_minimum_version 1.5.0

setup_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_up
}

teardown_file() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rig_down
}

setup() {
	source "$BATS_TEST_DIRNAME/../lib/rig.sh"
	rm -rf "$RIG_STATE"
	RIG_GATE='max_open = 30'
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out")"
	storm_stop
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_end_of server
	rig_pebble_stop
}

# often ALL SOME: how many times
often() { if [ "${STORM:-}" = all ]; then echo "$1"; else echo "$2"; fi; }

# storm_rules NUMBER: a blocklist of so many rules, and first of all a table that has nothing to do with it
storm_rules() {
	{
		printf 'table inet storm {\n\tchain c { }\n}\n'
		printf 'table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n'
		printf '\t\tiif "lo" accept\n\t\tct state established,related accept\n\t\tmeta l4proto ipv6-icmp accept\n'
		awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "\t\tip saddr 203.%d.%d.%d drop\n", i / 65536, i / 256 % 256, i % 256 }'
		printf '\t\ttcp dport 22 accept\n\t}\n}\n'
	} | rig_nft -
}

# storm_start COMMITS-A-SECOND: one table is filled and flushed in turn
# shellcheck disable=SC2094
storm_start() {
	local pause
	pause=$(awk -v n="$1" 'BEGIN { print 1 / n }')
	mkfifo "$RIG_DIR/never" "$RIG_DIR/pipe"
	ip netns exec "$RIG_HOST" nft -i <"$RIG_DIR/pipe" >/dev/null 2>&1 3>&- &
	echo $! >"$RIG_DIR/storm.pid"
	(
		exec 3>&- 4<>"$RIG_DIR/never" >"$RIG_DIR/pipe"
		while echo 'add rule inet storm c counter'; do
			read -rt "$pause" -u 4 || true
			echo 'flush chain inet storm c' || exit 0
			read -rt "$pause" -u 4 || true
		done
	) 2>/dev/null &
	echo $! >"$RIG_DIR/storm_feed.pid"
	rig_until 5 storm_rages
}
storm_rages() { rig_host timeout 1 nft monitor | grep -qm 1 generation; }
storm_stop() {
	rig_end_of storm_feed
	rig_end_of storm
	rm -f "$RIG_DIR/never" "$RIG_DIR/pipe"
}
