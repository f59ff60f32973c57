/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rcode.h - the codes of answers (RFC 1035, 4.1.1; RFC 2136, 2.2) that mean something here. */
#ifndef ACMEGATE_DNS_RCODE_H
#define ACMEGATE_DNS_RCODE_H

enum rcode {
	RCODE_NOERROR,
	RCODE_FORMERR,
	RCODE_SERVFAIL,
	RCODE_NXDOMAIN,
	RCODE_NOTIMP,
	RCODE_REFUSED,
	RCODE_NOTAUTH = 9,
	RCODE_NOTZONE
};

#endif
