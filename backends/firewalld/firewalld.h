/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * firewalld.h - firewalld itself is asked, over D-Bus: where its table is its own (version 2) and no redirection helps.
 *
 * A rule for the time of the window in each zone that is in use and in the default one, and nothing on disk:
 *
 *	firewall-cmd --zone=ZONE --timeout=SECONDS --add-rich-rule='rule priority="-32768" port port="80" protocol="tcp"
 *		nflog prefix="acmegate:DIGITS" group="65535" accept'
 *
 * A port that is added has no room for a tag; a rule has, in the prefix of what it logs, to a group to which nobody listens.
 */
#ifndef ACMEGATE_BACKENDS_FIREWALLD_FIREWALLD_H
#define ACMEGATE_BACKENDS_FIREWALLD_FIREWALLD_H

#include "backends/backend.h"

extern const struct backend firewalld_backend;

#endif
