/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bus.h - what acmegate-firewalld is asked, and what it answers.
 *
 *	plan TAG PORT SECONDS	what open would do: a line for each zone, as a command that a person could type
 *	open TAG PORT SECONDS	makes the rule in every zone where it is missing, reads each back; says how many it made
 *	close TAG|any		removes every rule with this tag (any of ours), running and kept on disk; says how many
 *
 * All on stdout, and a fault in one line instead. It is uid 0, which is who D-Bus and firewalld do this for, without a capability;
 * it never starts firewalld. 0: done. 1: firewalld cannot be asked, or is dead and will make a rule of ours again when it starts,
 * because that is kept on disk. 75: firewalld took too long. Of its own:
 */
#ifndef ACMEGATE_BACKENDS_FIREWALLD_BUS_H
#define ACMEGATE_BACKENDS_FIREWALLD_BUS_H

enum {
	STATUS_NOBODY = 3,	/* no D-Bus, or no firewalld on it */
	STATUS_REFUSED = 4,	/* firewalld has said no */
};

#define ANY_TAG "any"

#endif
