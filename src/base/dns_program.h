/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns_program.h - what a section [dns NAME] with type = exec says: a program of the administrator that puts values into the DNS, which is run
 * as "PROGRAM [ARGUMENT...] present|cleanup FQDN. VALUE".
 */
#ifndef ACMEGATE_BASE_DNS_PROGRAM_H
#define ACMEGATE_BASE_DNS_PROGRAM_H

#include <stdint.h>
#include <sys/types.h>

#include "base/ca.h"
#include "base/policy.h"

#define DNS_PROGRAM_SECONDS 120
#define DNS_PROGRAM_MOST 240 /* seconds; acmegate-dns waits for longer */

struct dns_program {
	char command[COMMAND_SIZE]; /* absolute program and its arguments, split at white space; "": none is given */
	char user[LABEL_SIZE];	    /* whom it runs as; "": [gate] user */
	uid_t uid;
	gid_t gid;
	char environment_file[PATH_SIZE]; /* or "". Its words are read when the program is started, and go to nobody else */
	uint32_t seconds;		  /* that it may take; 0: DNS_PROGRAM_SECONDS */
};

#endif
