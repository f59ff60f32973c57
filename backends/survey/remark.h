/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remark.h - obstacles to a validation that are no firewall rules. They are named, never judged. */
#ifndef ACMEGATE_BACKENDS_SURVEY_REMARK_H
#define ACMEGATE_BACKENDS_SURVEY_REMARK_H

#include "backends/nft/host.h"
#include "backends/nft/survey.h"

/*
 * Says, one text each: programs of XDP on interfaces, answers for which the host's routes have no way to the CA (the peers of the
 * question; else an address of the Internet), and bridges of container engines.
 */
void remark_host(struct mnl_socket *route, const struct host *host, const struct survey_question *question,
		 void (*say)(const char *text));

#endif
