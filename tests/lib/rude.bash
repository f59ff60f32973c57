# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# rude.bash - "load ../lib/rude" brings the suite, and rude.py: a CA before Pebble that breaks rules by rules.
# shellcheck source=tests/lib/suite.bash
source "$BATS_TEST_DIRNAME/../lib/suite.bash"
rude=$RIG_CA4:14443
rude_always=() # rules behind those of each test

# rude RULE...: the rude CA in the place of the polite one, as new
rude() {
	printf '%s\0' "$@" "${rude_always[@]}" >"$RIG_DIR/rude.rules"
	rm -f "$RIG_DIR/rude.log" "$RIG_DIR/rude.ready"
	if ! { [ -s "$RIG_DIR/rude.pid" ] && kill -s HUP "$(<"$RIG_DIR/rude.pid")" 2>/dev/null; }; then
		ip netns exec "$RIG_CA" python3 "$RIG_ROOT/tests/lib/rude.py" "$rude" "$RIG_CA4:14000" "$RIG_DIR/pki/server.pem" \
			"$RIG_DIR/pki/server.key" "@$RIG_DIR" >"$RIG_DIR/rude.error" 2>&1 3>&- &
		echo $! >"$RIG_DIR/rude.pid"
	fi
	rig_until 30 test -e "$RIG_DIR/rude.ready" || {
		cat "$RIG_DIR/rude.error" "$RIG_DIR/rude.log"
		return 1
	}
}

setup_file() {
	rig_up
	rig_pebble
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
}
