# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# suite.bash - what the bats files of the rig share. "load ../lib/suite" brings the rig, and one host and one CA for all tests of a
# file. A file that needs more defines its own setup_file or teardown_file below that line.
# shellcheck source=tests/lib/rig.sh
source "$BATS_TEST_DIRNAME/../lib/rig.sh"

setup_file() { rig_up; }
teardown_file() { rig_down; }
