/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.h - the checks of acmegate check, one function each; check.c has their table. None takes a lock or changes anything. */
#ifndef ACMEGATE_CHECK_CHECK_H
#define ACMEGATE_CHECK_CHECK_H

#include "base/config.h"
#include "host/gate_client.h"
#include "check/sheet.h"

/* The state that all checks share. */
struct examination {
	struct sheet sheet;
	struct config *config;
	struct mistakes mistakes;
	struct gate gate, secure; /* secure: for TCP port 443, to which a web server may redirect */
	struct fault ungated;	  /* why there is no gate; FAULT_NONE: there is */
	struct fault homeless;	  /* why there is no user for processes without rights; FAULT_NONE: there is */
	bool listens;		  /* a certificate is validated over HTTP: acmegate or a web server answers on the port */
	bool busy;		  /* another acmegate is at work on this host */
	bool four[MAX_NAMES], six[MAX_NAMES]; /* the name has an address of that family */
	char client_stopped[FAULT_TEXT_SIZE]; /* the chain that may keep our client from the CA, or "" */
};

void check_configuration(struct examination *);
void check_storage(struct examination *);
void check_keys(struct examination *);
void check_units(struct examination *);
void check_port(struct examination *);
void check_firewall(struct examination *);
void check_services(struct examination *);
void check_hooks(struct examination *);
void check_programs(struct examination *);
void check_network(struct examination *);
void check_dns(struct examination *);
void check_persist(struct examination *);
void check_webroot(struct examination *);

#endif
