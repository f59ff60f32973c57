// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/survey.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/nft/builtin.h"
#include "base/clock.h"
#include "base/launch.h"

#define PATIENCE 60	   /* seconds for the next word of an answer */
#define ANSWER_SECONDS 120 /* for all of it: the surveyor may always have something to say */
#define MOST_REMARKS 64

static struct {
	int channel, process;	      /* -1: there is no surveyor */
	pid_t asker;		      /* whose it is: in a child of that process, the numbers of descriptors mean others */
	struct netlink netlink;	      /* that is read for it */
	struct netlink trace;	      /* that it reads by itself */
	bool follows;		      /* ... because of survey_follow() */
	struct survey survey, listed; /* the last ones: of nf_tables, of a listing */
	struct opening opening;	      /* that it was about; no tag: none */
	unsigned char digest[SURVEY_DIGEST_SIZE];
	uint32_t digested;			   /* the generation that it is of; 0: none */
	void (*take)(void *arg, const char *text); /* while remarks are asked for */
	void *arg;
	unsigned int remarks; /* that were taken */
} it = { .channel = -1, .process = -1 };

void survey_end(void)
{
	if (it.asker == getpid()) {
		launch_reap(&it.process, true);
		close_fd(&it.channel);
		netlink_close(&it.netlink);
		netlink_close(&it.trace);
	}
	it.channel = it.process = -1;
	memset(&it.opening, 0, sizeof(it.opening));
	it.digested = 0;
	it.follows = false;
}

static int connect_surveyor(struct fault *fault)
{
	const struct timeval limit = { .tv_sec = PATIENCE };
	struct descriptor given[] = { { -1, FD_QUESTIONS }, { -1, FD_NETLINK }, { -1, FD_TRACE } };
	int ends[2];

	if (netlink_open(&it.netlink, fault) < 0 || (it.netlink.socket && netlink_connect(&it.trace, 0, fault) < 0))
		return -1;
	if (it.netlink.socket) { /* a kernel that has iptables-legacy alone has listings, too */
		given[1].from = mnl_socket_get_fd(it.netlink.socket);
		given[2].from = mnl_socket_get_fd(it.trace.socket);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fault_errno(fault, FAULT_LATER, "starting the surveyor");
	it.channel = ends[0];
	given[0].from = ends[1];
	it.process = launch_start(&(struct launch){ .role = ROLE_SURVEYOR }, given, LENGTH_OF(given), fault);
	close(ends[1]);
	if (it.process < 0)
		return -1;
	if (setsockopt(it.channel, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(it.channel, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return fault_errno(fault, FAULT_LATER, "starting the surveyor");
	return 0;
}

static int start(struct fault *fault)
{
	if (it.channel >= 0 && it.asker == getpid())
		return 0;
	it.asker = getpid();
	it.channel = it.process = -1;
	if (connect_surveyor(fault) == 0)
		return 0;
	survey_end();
	return -1;
}

/* One whole message that asks nf_tables for what there is. Others of these types would take counters back to zero. */
static bool only_reads(const struct nlmsghdr *message, size_t length)
{
	static const uint16_t types[] = { NFT_MSG_GETTABLE,   NFT_MSG_GETCHAIN, NFT_MSG_GETRULE,      NFT_MSG_GETSET,
					  NFT_MSG_GETSETELEM, NFT_MSG_GETOBJ,	NFT_MSG_GETFLOWTABLE, NFT_MSG_GETGEN };

	for (size_t i = 0; i < LENGTH_OF(types); i++)
		if (length >= NLMSG_HDRLEN + sizeof(struct nfgenmsg) && message->nlmsg_len == length &&
		    message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | types[i]))
			return true;
	return false;
}

/*
 * The surveyor waits for the word that it was sent. Who reads while another process is still in the call that begins a dump may
 * find that dump at its end, which the kernel takes for an error (netlink_dump() in net/netlink/af_netlink.c, cb_running).
 */
static int pass_on(const void *request, size_t length, struct fault *fault)
{
	if (mnl_socket_sendto(it.netlink.socket, request, length) < 0)
		return fault_errno(fault, FAULT_FAILED, "asking for the ruleset");
	if (send(it.channel, "", 1, MSG_NOSIGNAL) < 0)
		return fault_errno(fault, FAULT_FAILED, "telling the surveyor to read");
	return 1;
}

static int take_spot(struct survey *survey, const struct spot *spot, struct fault *fault)
{
	struct spot *kept = &survey->spot[survey->spots];

	if (spot->holder >= HOLDERS || spot->bound > BOUND_BY_ADDRESS)
		return fault_set(fault, FAULT_FAILED, "the surveyor names a spot that makes no sense");
	if (survey->spots == SURVEY_MOST)
		return fault_set(fault, FAULT_FAILED, "the surveyor names more than %d spots", SURVEY_MOST);
	*kept = *spot;
	kept->table[SURVEY_NAME - 1] = kept->chain[SURVEY_NAME - 1] = kept->why[sizeof(kept->why) - 1] = '\0';
	kept->lost[sizeof(kept->lost) - 1] = '\0';
	survey->spots++;
	return 0;
}

/* The names of interfaces in it may be of any bytes. */
static void clean(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static void take_remark(char text[SURVEY_REMARK])
{
	text[SURVEY_REMARK - 1] = '\0';
	clean(text);
	it.take(it.arg, text);
}

/* 1: there is more to come. 0: that was all. -1: fault; *answered: it is the surveyor's own, who can be asked again. */
static int take(struct survey_answer *answer, ssize_t n, struct survey *survey, bool *answered, struct fault *fault)
{
	const size_t payload = n < (ssize_t)SURVEY_ANSWER_SIZE(0) ? 0 : (size_t)n - SURVEY_ANSWER_SIZE(0);

	if (answer->kind == SAY_READ && it.netlink.socket && only_reads((void *)answer->request, payload))
		return pass_on(answer->request, payload, fault);
	if (answer->kind == SAY_SPOT && payload == sizeof(answer->spot) && survey)
		return take_spot(survey, &answer->spot, fault) < 0 ? -1 : 1;
	if (answer->kind == SAY_REMARK && payload == sizeof(answer->remark) && it.take && it.remarks++ < MOST_REMARKS) {
		take_remark(answer->remark);
		return 1;
	}
	if (answer->kind == SAY_DONE && payload == sizeof(answer->done))
		return 0;
	if (answer->kind == SAY_FAULT && payload == sizeof(answer->fault)) {
		*answered = true;
		answer->fault.text[sizeof(answer->fault.text) - 1] = '\0';
		fault_set(fault, answer->fault.kind == FAULT_LATER ? FAULT_LATER : FAULT_FAILED, "%s", answer->fault.text);
		fault->code = answer->fault.code;
		return -1;
	}
	return fault_set(fault, FAULT_FAILED, "the surveyor said what it may not say (%u, %zd bytes)", answer->kind, n);
}

/* The reason why it says nothing. */
static int give_up(ssize_t n, struct fault *fault)
{
	int status;

	if (n < 0 && errno == EAGAIN)
		return fault_set(fault, FAULT_LATER, "the surveyor gave no answer in %d s", PATIENCE);
	if (n < 0 && errno != ECONNRESET)
		return fault_errno(fault, FAULT_FAILED, "asking the surveyor");
	status = launch_reap(&it.process, true); /* killed only if it has closed the channel and runs on */
	return status > 128 ? fault_set(fault, FAULT_FAILED, "the surveyor died of signal %d", status - 128) :
			      fault_set(fault, FAULT_FAILED, "the surveyor ended, with status %d", status);
}

static int send_question(const struct survey_question *question, const char *text, struct fault *fault)
{
	if (send(it.channel, question, sizeof(*question), MSG_NOSIGNAL) < 0)
		return fault_errno(fault, FAULT_FAILED, "asking the surveyor");
	for (size_t sent = 0; sent < question->length; sent += SURVEY_TEXT) {
		size_t rest = question->length - sent;

		if (send(it.channel, text + sent, rest < SURVEY_TEXT ? rest : SURVEY_TEXT, MSG_NOSIGNAL) < 0)
			return fault_errno(fault, FAULT_FAILED, "asking the surveyor");
	}
	return 0;
}

/* One that has died since the last question does not take this one. */
static int put_question(const struct survey_question *question, const char *text, struct fault *fault)
{
	for (int i = 0; i < 2; i++) {
		if (start(fault) < 0)
			return -1;
		if (send_question(question, text, fault) == 0)
			return 0;
		survey_end();
	}
	return -1;
}

/* After an incomplete answer the surveyor is stopped: its rest would be taken for the answer to the next question. */
static int ask(const struct survey_question *question, const char *text, struct survey *survey, struct survey_answer *answer,
	       struct fault *fault)
{
	bool answered = false;
	const double end = clock_seconds() + ANSWER_SECONDS;
	int rc = put_question(question, text, fault) < 0 ? -1 : 1;

	while (rc > 0) {
		ssize_t n;

		if (clock_seconds() > end) {
			rc = fault_set(fault, FAULT_LATER, "the surveyor did not end its answer in %d s", ANSWER_SECONDS);
			break;
		}
		n = recv(it.channel, answer, sizeof(*answer), 0);

		if (n >= 0 || errno != EINTR)
			rc = n > 0 ? take(answer, n, survey, &answered, fault) : give_up(n, fault);
	}
	if (rc < 0 && !answered)
		survey_end();
	return rc;
}

/* As soon as the legacy table raw is loaded, it may have NOTRACK. */
static bool may_be_hidden(void)
{
	return (ipt_loaded(NFPROTO_IPV4) | ipt_loaded(NFPROTO_IPV6)) & 1U << ipt_table("raw");
}

/* Is what was found out still so? */
static bool is_current(uint32_t generation, struct fault *fault)
{
	uint32_t now;

	return it.channel >= 0 && it.asker == getpid() && netlink_generation(&it.netlink, &now, fault) == 0 && now == generation;
}

static bool is_same(const struct opening *a, const struct opening *b)
{
	return !strcmp(a->tag, b->tag) && a->port == b->port && a->target == b->target && a->public_ca == b->public_ca &&
	       a->addresses4 == b->addresses4 && a->addresses6 == b->addresses6;
}

const struct survey *survey_choose(const struct opening *opening, struct fault *fault)
{
	const struct survey_question question = { .verb = ASK_CHOOSE, .hidden = may_be_hidden(), .opening = *opening };
	struct survey_answer answer = { 0 };

	if (is_same(opening, &it.opening) && is_current(it.survey.generation, fault))
		return &it.survey;
	memset(&it.opening, 0, sizeof(it.opening));
	it.survey.spots = 0;
	if (ask(&question, NULL, &it.survey, &answer, fault) < 0)
		return NULL;
	it.survey.generation = answer.done.generation;
	snprintf(it.survey.shut, sizeof(it.survey.shut), "%.*s", (int)sizeof(answer.done.shut) - 1, answer.done.shut);
	answer.done.client[sizeof(answer.done.client) - 1] = '\0';
	memcpy(it.survey.client, answer.done.client, sizeof(it.survey.client));
	it.opening = *opening;
	return &it.survey;
}

int survey_digest(unsigned char out[SURVEY_DIGEST_SIZE], struct fault *fault)
{
	const struct survey_question question = { .verb = ASK_DIGEST };
	struct survey_answer answer = { 0 };

	if (!it.digested || !is_current(it.digested, fault)) {
		if (ask(&question, NULL, NULL, &answer, fault) < 0)
			return -1;
		memcpy(it.digest, answer.done.digest, sizeof(it.digest));
		it.digested = answer.done.generation;
	}
	memcpy(out, it.digest, sizeof(it.digest));
	return 0;
}

int survey_peers(const struct opening *opening, const struct peer *peer, size_t n, uint64_t *admitted, struct fault *fault)
{
	struct survey_question question = { .verb = ASK_CHOOSE, .hidden = may_be_hidden(), .opening = *opening, .peers = (uint32_t)n };
	struct survey_answer answer = { 0 };

	memcpy(question.peer, peer, n * sizeof(*peer));
	if (ask(&question, NULL, NULL, &answer, fault) < 0)
		return -1;
	*admitted &= answer.done.admitted;
	return 0;
}

static void ask_of_listing(struct survey_question *question, const char *listing, uint8_t family, const char *table,
			   const struct opening *opening)
{
	*question = (struct survey_question){
		.verb = ASK_LISTING, .hidden = may_be_hidden(), .opening = *opening, .family = family, .length = strlen(listing)
	};
	snprintf(question->table, sizeof(question->table), "%s", table);
}

int survey_peers_listed(const char *listing, uint8_t family, const char *table, const struct opening *opening,
			const struct peer *peer, size_t n, uint64_t *admitted, struct fault *fault)
{
	struct survey_question question;
	struct survey_answer answer = { 0 };

	ask_of_listing(&question, listing, family, table, opening);
	question.peers = (uint32_t)n;
	memcpy(question.peer, peer, n * sizeof(*peer));
	if (ask(&question, listing, NULL, &answer, fault) < 0)
		return -1;
	*admitted &= answer.done.admitted;
	return 0;
}

const struct survey *survey_listing(const char *listing, uint8_t family, const char *table, const struct opening *opening,
				    struct fault *fault)
{
	struct survey_question question;
	struct survey_answer answer = { 0 };

	ask_of_listing(&question, listing, family, table, opening);
	it.listed.spots = 0;
	if (ask(&question, listing, &it.listed, &answer, fault) < 0)
		return NULL;
	snprintf(it.listed.shut, sizeof(it.listed.shut), "%.*s", (int)sizeof(answer.done.shut) - 1, answer.done.shut);
	answer.done.client[sizeof(answer.done.client) - 1] = '\0';
	memcpy(it.listed.client, answer.done.client, sizeof(it.listed.client));
	return &it.listed;
}

int survey_remarks(const struct opening *opening, const struct peer *ca, size_t n, void (*take_text)(void *arg, const char *text),
		   void *arg, struct fault *fault)
{
	struct survey_question question = { .verb = ASK_REMARKS, .opening = *opening, .peers = (uint32_t)n };
	struct survey_answer answer = { 0 };
	int rc;

	memcpy(question.peer, ca, n * sizeof(*ca));
	it.take = take_text;
	it.arg = arg;
	it.remarks = 0;
	rc = ask(&question, NULL, NULL, &answer, fault);
	it.take = NULL;
	return rc < 0 ? -1 : 0;
}

/* A surveyor that is started anew has a socket that hears nothing. */
int survey_follow(struct fault *fault)
{
	int group = NFNLGRP_NFTRACE;

	if (start(fault) < 0)
		return -1;
	if (!it.trace.socket || mnl_socket_setsockopt(it.trace.socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return fault_errno(fault, FAULT_FAILED, "listening to what the kernel tells of packets");
	it.follows = true;
	return 0;
}

/* The kernel tells nothing of packets in rules of iptables-legacy. */
static bool has_legacy(void)
{
	return (ipt_loaded(NFPROTO_IPV4) | ipt_loaded(NFPROTO_IPV6)) != 0;
}

int survey_traced(const struct opening *opening, char text[EVIDENCE_TEXT], struct fault *fault)
{
	const struct survey_question question = { .verb = ASK_TRACED, .hidden = has_legacy(), .opening = *opening };
	struct survey_answer answer = { 0 };

	if (ask(&question, NULL, NULL, &answer, fault) < 0)
		return -1;
	if (!it.follows)
		return fault_set(fault, FAULT_LATER, "the surveyor has died meanwhile");
	snprintf(text, EVIDENCE_TEXT, "%.*s", EVIDENCE_TEXT - 1, answer.done.shut);
	clean(text);
	return 0;
}
