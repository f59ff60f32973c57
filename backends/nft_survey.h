/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nft_survey.h - which chains keep the world from our listener: asked of the surveyor, who reads the ruleset and may do nothing else.
 *
 * acmegate-surveyor (backends/survey/) is a process without rights, files or network. It has a netlink socket that the kernel
 * obeys only when this process sends: each request of the surveyor's comes through here, and what does not merely read is its
 * end. The answers it takes from the socket itself. So the code that understands rulesets, most of what there is about
 * firewalls, cannot change one; what it says names chains, and all that happens to those is our one rule for our one port.
 *
 * There is one surveyor in a process, started by the first question; after its death the next one starts another.
 */
#ifndef ACMEGATE_NFT_SURVEY_H
#define ACMEGATE_NFT_SURVEY_H

#include "nft_netlink.h"
#include "opening.h"

#define SURVEY_MOST 64	/* findings */
#define SURVEY_NAME 128	/* longer names of tables and chains are refused */
#define SURVEY_HOOKS 5	/* built-in chains of iptables, in the order of NF_INET_PRE_ROUTING and so on */
#define SURVEY_DIGEST_SIZE 32

/* Who alone can change a chain. */
enum holder {
	HOLDER_NOBODY,
	HOLDER_IPTABLES,	/* the tools of iptables: native rules there would be lost or misread by iptables-save */
	HOLDER_OWNER,		/* the process that owns the table */
};

/* A base chain that may block. */
struct finding {
	uint8_t family;			/* NFPROTO_* */
	uint8_t holder;			/* enum holder */
	uint8_t reply;			/* 0 or not: it sees what answers */
	uint8_t bindable;		/* likewise: "socket transparent" can match there */
	uint16_t port;			/* as the chain sees it */
	uint64_t handle;		/* of the rule with the opening's tag, 0 if it has none */
	char table[SURVEY_NAME], chain[SURVEY_NAME];
	char why[640];			/* for whom it has to be refused: what blocks, who holds it, the remedy */
};

struct survey {
	uint32_t generation;		/* of the ruleset that was read */
	size_t findings;
	struct finding finding[SURVEY_MOST];
};

/*
 * Of all of nf_tables. A chain that blocks and that nobody could open is a fault with the reason. What is returned stays as it is
 * until the next question; it is asked only if the ruleset or the opening is another one than that time.
 */
const struct survey *survey_choose(const struct opening *opening, struct fault *fault) MUST_CHECK;

/*
 * SHA-256 over tables, chains, rules (handles included), sets and their elements, objects and flowtables of all families, as
 * the kernel tells them. Left out: what carries our tag, and what changes by itself: counters, quotas, times, use counts,
 * elements of dynamic sets and elements with a timeout.
 */
int survey_digest(unsigned char out[SURVEY_DIGEST_SIZE], struct fault *fault) MUST_CHECK;

/* What "iptables -S" printed of a table: a bit for each built-in chain that can block this port there (0: do not look). */
int survey_listing(const char *listing, const uint16_t port[SURVEY_HOOKS], uint32_t *blocks, struct fault *fault) MUST_CHECK;

/* Ends the surveyor, if there is one. */
void survey_end(void);

/* --- what is said between the two, in one record each --------------------------------------------------------------- */

enum { FD_QUESTIONS = 3, FD_NETLINK = 4 }; /* of the surveyor */

enum survey_verb { ASK_CHOOSE = 1, ASK_DIGEST, ASK_LISTING };

struct survey_question {
	uint32_t verb;
	bool hidden;			/* tables of iptables-legacy may hide packets from connection tracking */
	struct opening opening;		/* ASK_CHOOSE */
	uint16_t port[SURVEY_HOOKS];	/* ASK_LISTING; the text follows, */
	uint64_t length;		/* so many bytes of it, in records of at most */
};
#define SURVEY_TEXT 65536

enum survey_answer_kind {
	SAY_READ = 1,	/* send this request to the kernel; a message of netlink. One byte says that it was sent */
	SAY_FINDING,
	SAY_DONE,
	SAY_FAULT,
};

struct survey_answer {
	uint32_t kind;
	union {
		struct finding finding;
		struct {
			uint32_t generation, blocks;
			unsigned char digest[SURVEY_DIGEST_SIZE];
		} done;
		struct fault fault;
		_Alignas(struct nlmsghdr) char request[1024];
	};
};

/* Bytes of an answer with a payload of this size. */
#define SURVEY_ANSWER_SIZE(payload) (offsetof(struct survey_answer, finding) + (payload))

#endif
