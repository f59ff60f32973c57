/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * survey.h - which chains keep the world from our listener: asked of the surveyor, who reads the ruleset and may do nothing else.
 *
 * acmegate-surveyor (backends/survey/) is a process without rights, files or network. It has a netlink socket that the kernel
 * obeys only when this process sends: each request of the surveyor's comes through here, and what does not merely read is its
 * end. The answers it takes from the socket itself. So the code that understands rulesets, most of what there is about
 * firewalls, cannot change one; what it says names chains, and all that happens to those is our one rule for our one port.
 *
 * There is one surveyor in a process, started by the first question; after its death the next one starts another.
 */
#ifndef ACMEGATE_BACKENDS_NFT_SURVEY_H
#define ACMEGATE_BACKENDS_NFT_SURVEY_H

#include "backends/nft/netlink.h"
#include "backends/opening.h"

#define SURVEY_MOST 64	/* findings */
#define SURVEY_NAME 256 /* NFT_NAME_MAXLEN */
#define SURVEY_DIGEST_SIZE 32

/* The program that owns a chain: rules of others would be lost there. */
enum holder {
	HOLDER_NOBODY,
	HOLDER_IPTABLES,  /* the tools of iptables: native rules there would be lost or misread by iptables-save */
	HOLDER_FIREWALLD, /* firewalld, which owns its table and can be asked */
	HOLDER_OWNER,	  /* another process that owns the table */
	HOLDERS
};

/* The condition that keeps a rule of ours from packets that are not for this host. */
enum spot_bound {
	BOUND_BY_HOOK,	  /* the hook: only those for this host, or from it, traverse the chain */
	BOUND_BY_FIB,	  /* the kernel's routing: fib daddr type local */
	BOUND_BY_ADDRESS, /* a list of addresses, where the kernel cannot ask the routing, or where only some of them are meant */
};

/* A place where a rule has to be inserted. */
struct spot {
	uint8_t family;	  /* NFPROTO_* */
	uint8_t holder;	  /* enum holder */
	uint8_t leaving;  /* 0 or not: the chain sees what answers */
	uint8_t bindable; /* likewise: "socket transparent" can match there */
	uint8_t returns;  /* likewise: the rule goes back to the chain that has jumped there; else it accepts */
	uint8_t bound;	  /* enum spot_bound */
	uint16_t port;	  /* as the chain sees it */
	uint32_t number;  /* of the rule, counted from 1, that it comes before: as iptables counts */
	uint64_t before;  /* the handle of that rule; 0: behind the last one */
	uint64_t handle[2]; /* of the rules with the opening's tag: 0 if there is none; two with BOUND_BY_ADDRESS, for IPv4 and IPv6 */
	uint64_t ahead;	    /* the handle of a rule that blocks ahead of those; 0: there is none */
	char table[SURVEY_NAME], chain[SURVEY_NAME];
	char lost[128]; /* the marks that packets miss because of the rule, "" for none */
	char why[640];	/* for a refusal: what blocks, who holds it, the remedy */
};

struct survey {
	uint32_t generation; /* of the ruleset that was read */
	char client[640];    /* how a chain may stop our client on its way to the CA, or "" */
	size_t spots;
	struct spot spot[SURVEY_MOST];
	char shut[EVIDENCE_TEXT]; /* what blocks although rules of this opening are there, or "" */
	uint64_t admitted;	  /* of the peers that were asked about: a bit for each that all chains surely let in without us */
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

/*
 * The same of what "iptables -S" printed of a table of iptables-legacy. Its spots have handles of 1 instead of the kernel's. What is
 * returned stays as it is until the next listing.
 */
const struct survey *survey_listing(const char *listing, uint8_t family, const char *table, const struct opening *opening,
				    struct fault *fault) MUST_CHECK;

/* The same two questions about up to PEERS_MOST peers: clears the bits of those that may not be let in. */
int survey_peers(const struct opening *opening, const struct peer *peer, size_t n, uint64_t *admitted, struct fault *fault) MUST_CHECK;
int survey_peers_listed(const char *listing, uint8_t family, const char *table, const struct opening *opening,
			const struct peer *peer, size_t n, uint64_t *admitted, struct fault *fault) MUST_CHECK;

/* Hands out remarks on this host (remark.h), one line each, for the plan. ca: the addresses of the CA; n may be 0. */
#define SURVEY_REMARK 320
int survey_remarks(const struct opening *opening, const struct peer *ca, size_t n, void (*take)(void *arg, const char *text),
		   void *arg, struct fault *fault) MUST_CHECK;

/*
 * From now on the surveyor is sent what the kernel tells of packets that are traced. Later: the way of those for the port through the
 * chains, in words; of printable characters.
 */
int survey_follow(struct fault *fault) MUST_CHECK;
int survey_traced(const struct opening *opening, char text[EVIDENCE_TEXT], struct fault *fault) MUST_CHECK;

/* Ends the surveyor, if there is one. */
void survey_end(void);

/* --- what is said between the two, in one record each --------------------------------------------------------------- */

enum {
	FD_QUESTIONS = 3,
	FD_NETLINK = 4,
	FD_TRACE = 5
}; /* of the surveyor; FD_TRACE: another socket of netlink, for survey_follow() */

enum survey_verb { ASK_CHOOSE = 1, ASK_DIGEST, ASK_LISTING, ASK_REMARKS, ASK_TRACED };

struct survey_question {
	uint32_t verb;
	bool hidden; /* tables of iptables-legacy may hide packets from connection tracking */
	struct opening opening;
	uint32_t peers; /* not 0: the question is not for spots, but about these */
	struct peer peer[PEERS_MOST];
	uint8_t family; /* ASK_LISTING: of this table; the text follows, */
	char table[16];
	size_t length; /* so many bytes of it, in records of at most */
};
#define SURVEY_TEXT 65536

enum survey_answer_kind {
	SAY_READ = 1, /* send this request to the kernel; a message of netlink. One byte says that it was sent */
	SAY_SPOT,
	SAY_REMARK, /* text */
	SAY_DONE,
	SAY_FAULT,
};

struct survey_answer {
	uint32_t kind;
	union {
		struct spot spot;
		struct {
			uint32_t generation;
			char client[640];
			unsigned char digest[SURVEY_DIGEST_SIZE];
			char shut[EVIDENCE_TEXT]; /* ASK_TRACED: the way of the packets */
			uint64_t admitted;
		} done;
		struct fault fault;
		char remark[SURVEY_REMARK];
		_Alignas(struct nlmsghdr) char request[1024];
	};
};

/* Bytes of an answer with a payload of this size. */
#define SURVEY_ANSWER_SIZE(payload) (offsetof(struct survey_answer, spot) + (payload))

#endif
