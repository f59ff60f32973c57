# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# suite.bash - what the bats files of this folder share: the rig with name servers, and a firewall that lets nothing in.
# shellcheck source=tests/lib/rig.sh
source "$BATS_TEST_DIRNAME/../lib/rig.sh"
# shellcheck source=tests/dns/servers.sh
source "$BATS_TEST_DIRNAME/servers.sh"

setup_file() {
	dns_have || skip "$DNS_MISSING"
	rig_up
}

teardown_file() {
	[ -z "${RIG_DIR:-}" ] || dns_down
	rig_down
}

setup() {
	rm -rf "$RIG_STATE"
	rig_policy_drop | rig_nft -
	export RIG_PEBBLE_STAYS=1
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
}

# Everything of this host that is not the test's.
all_of_it() { ip netns pids "$RIG_HOST"; }
nobody_left() { [ -z "$(all_of_it)" ]; }

# A run in the background; its process is $pid.
begin_run() {
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
}

# tamper [FATE]: at 10.98.0.3, between acmegate-dns and the server; see tamper.py.
tamper() {
	ip -n "$RIG_CA" addr add 10.98.0.3/24 dev cable0 2>/dev/null || true
	ip netns exec "$RIG_CA" python3 "$BATS_TEST_DIRNAME/tamper.py" 10.98.0.3 "$RIG_CA4" "$@" >"$RIG_DIR/dns/tamper" 2>&1 3>&- &
	echo $! >"$RIG_DIR/tamper.pid"
	rig_until 30 tamper_answers
}
tamper_answers() { rig_host dig +tcp +short +time=1 +tries=1 @10.98.0.3 example.org SOA 2>&1 | grep -q "^ns1"; }
