/* SPDX-License-Identifier: GPL-3.0-or-later */
/* step.h - the expressions of our rules, as nft would build them. Each function adds to the rule; -1: no memory. */
#ifndef ACMEGATE_BACKENDS_NFT_STEP_H
#define ACMEGATE_BACKENDS_NFT_STEP_H

#include <libnftnl/rule.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

/* meta l4proto tcp; it comes before any expression about a port */
int step_tcp(struct nftnl_rule *rule) MUST_CHECK;

/* tcp dport @set, or tcp sport @set */
int step_port(struct nftnl_rule *rule, const char *set, bool reply) MUST_CHECK;

/* ip daddr @set, or saddr, or ip6; id: of the set in this batch */
int step_address(struct nftnl_rule *rule, bool v4, bool leaving, const char *set, uint32_t id) MUST_CHECK;

/* fib daddr type local, or fib saddr type local */
int step_fib(struct nftnl_rule *rule, bool leaving) MUST_CHECK;

/* socket transparent 1 */
int step_socket(struct nftnl_rule *rule) MUST_CHECK;

/* tcp flags & (fin|syn|rst|ack) != syn */
int step_answer(struct nftnl_rule *rule) MUST_CHECK;

/* meta time "BEGIN"-"END", in seconds since 1970 */
int step_time(struct nftnl_rule *rule, uint64_t begin, uint64_t end) MUST_CHECK;

/* counter */
int step_counter(struct nftnl_rule *rule) MUST_CHECK;

/* return, or accept */
int step_verdict(struct nftnl_rule *rule, bool returns) MUST_CHECK;

/* redirect to :PORT */
int step_redirect(struct nftnl_rule *rule, uint16_t port) MUST_CHECK;

/*
 * tcp dport PORT (or sport) tcp flags & (fin|syn|rst|psh|ack) == FLAGS limit rate 1/week burst MOST packets meta nftrace set 1: the kernel tells
 * the group NFNLGRP_NFTRACE which rules the first packets meet, so many of them
 */
int step_trace(struct nftnl_rule *rule, uint16_t port, bool reply, uint8_t flags, uint32_t most) MUST_CHECK;

#endif
