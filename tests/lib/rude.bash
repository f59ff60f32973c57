# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# rude.bash - "load ../lib/rude" brings the suite, and rude.py: a CA before Pebble that breaks rules by rules.
# shellcheck source=tests/lib/suite.bash
source "$BATS_TEST_DIRNAME/../lib/suite.bash"
rude=$RIG_CA4:14443
rude_always=() # rules behind those of each test

rude_answers() { rig_ca bash -c "exec 5<>/dev/tcp/${rude/:/\/}" 2>/dev/null; }

# rude RULE...: the rude CA in the place of the polite one
rude() {
	rig_end_of rude
	rm -f "$RIG_DIR/rude.log"
	ip netns exec "$RIG_CA" python3 "$RIG_ROOT/tests/lib/rude.py" "$rude" "$RIG_CA4:14000" "$RIG_DIR/pki/server.pem" \
		"$RIG_DIR/pki/server.key" "$@" "${rude_always[@]}" >"$RIG_DIR/rude.log" 2>&1 3>&- &
	echo $! >"$RIG_DIR/rude.pid"
	rig_until 30 rude_answers
}

setup_file() {
	rig_up
	rig_pebble
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}"
	rig_end_of probe
	rig_end_of rude
}
