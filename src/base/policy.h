/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy.h - all that the gate is told: which port, for how long, by which firewall, and who answers there. No name, no certificate.
 */
#ifndef ACMEGATE_BASE_POLICY_H
#define ACMEGATE_BASE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/backend_table.h"

#define COMMAND_SIZE 512
#define COMMAND_SECONDS 30 /* that [gate] command may take */

enum backend_choice { BACKEND_AUTO, BACKEND_TABLE(BACKEND_NUMBER, BACKEND_NOTHING) BACKEND_CHOICES };
extern const char *const backend_names[BACKEND_CHOICES + 1]; /* as the configuration spells them; NULL */

enum responder_mode {
	RESPONDER_STANDALONE, /* our listener is on the port itself */
	RESPONDER_REDIRECT,   /* ... on another one, and a nat rule sends the port's packets there */
	RESPONDER_WEBROOT,    /* the host's web server answers, out of files that we put there */
	RESPONDER_MODES
};

struct policy {
	uint32_t backend;  /* enum backend_choice */
	uint32_t mode;	   /* enum responder_mode */
	uint32_t seconds;  /* of open time for one run, hook or guard, whatever happens */
	uint32_t user;	   /* our own client's */
	uint16_t port;	   /* 80 */
	uint16_t target;   /* where our listener is when the port is redirected */
	uint16_t ca_port;  /* of the CA, or of the proxy before it; 0: neither is configured */
	uint8_t public_ca; /* 1: it asks from public addresses */
	uint8_t ca_family; /* NFPROTO_*, when the CA's URL has an address instead of a name; else 0 */
	uint8_t ca[16];
	uint8_t detached;    /* 1: the gate outlives the command, and logs to syslog too */
	uint8_t has_command; /* 1: the administrator's own way to open follows, in a record of its own */
	uint8_t traced;	     /* 1: the last validation failed: packets for the port are followed through the chains */
	uint8_t padding;
	uint16_t tls_port; /* of tls-alpn-01; 0: no certificate has it, and the gate does not open it */
	uint8_t reserved[2];
};
_Static_assert(sizeof(struct policy) == 48, "the same on each side of the socket");

/* May a gate act on these values? */
bool policy_is_sound(const struct policy *policy);

/* The same for the port of tls-alpn-01, where acmegate itself has to listen; not sound if there is none. */
struct policy policy_for_tls(const struct policy *policy);

#endif
