/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backend_table.h - the kinds of firewall that there are, one row each: CHOICE(NUMBER, name) for what [gate] backend may name, ALWAYS(name) for
 * what it may not. The names are those of the configuration, and of the struct backend: name_backend.
 *
 * Their order is fixed: the journal names them by a bit mask of it. It is the order in which they are closed, and opened in reverse: what
 * opens and closes in no time is the last to open and the first to close. So the port, which is open when all layers are, stays shut while
 * a program talks to a cloud, and the time that the kernel ends by itself begins when the program is done.
 */
#ifndef ACMEGATE_BASE_BACKEND_TABLE_H
#define ACMEGATE_BASE_BACKEND_TABLE_H

#define BACKEND_TABLE(CHOICE, ALWAYS) \
	CHOICE(BACKEND_NFTABLES, nftables) \
	CHOICE(BACKEND_IPTABLES, iptables) \
	ALWAYS(redirect) \
	CHOICE(BACKEND_FIREWALLD, firewalld) \
	CHOICE(BACKEND_COMMAND, command)

#define BACKEND_NUMBER(number, name) number,
#define BACKEND_NAME(number, name) [number] = #name,
#define BACKEND_NOTHING(name)

#endif
