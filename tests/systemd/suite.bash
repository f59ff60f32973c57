# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# suite.bash - what the bats files of this folder share: the rig, a machine in it, and that a test is skipped where there can be none.
# shellcheck source=tests/lib/rig.sh
source "$BATS_TEST_DIRNAME/../lib/rig.sh"
# shellcheck source=tests/systemd/machine.sh
source "$BATS_TEST_DIRNAME/machine.sh"

teardown_file() {
	machine_down
	rig_down
}

setup() {
	machine_can
	machine=${RIG_DIR:-}/machine
}
