// SPDX-License-Identifier: GPL-3.0-or-later
/* acmegate-surveyor: reads rulesets and can do nothing else. Only acmegate starts it, with the descriptors of survey.h. */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/survey/choice.h"
#include "base/confine.h"
#include "backends/survey/digest.h"
#include "backends/survey/facts.h"
#include "backends/nft/host.h"
#include "backends/survey/listing.h"
#include "backends/survey/message.h"
#include "backends/nft/survey.h"
#include "backends/survey/remark.h"
#include "backends/survey/trace.h"
#include "base/sandbox.h"

#define DIGEST_READINGS 3
#define TRACE_MESSAGES 10000

/* The argument of an attempt of netlink_insist(). */
struct ruleset {
	struct netlink netlink;
	struct mnl_socket *route; /* for addresses and links of this host; NULL: none can be read */
	const struct survey_question *question;
	struct survey survey;
	struct survey_answer answer;
	struct earlier {
		int rc;
		struct fault fault;
		struct survey survey;
	} before; /* the reading before, during which another program committed */
	unsigned int readings;
};

static int say(enum survey_answer_kind kind, const void *payload, size_t length)
{
	struct survey_answer answer = { .kind = kind };

	memcpy(answer.request, payload, length);
	return send(FD_QUESTIONS, &answer, SURVEY_ANSWER_SIZE(length), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* The kernel takes requests on this socket from our parent only, which writes one byte after it has sent the request. */
static ssize_t send_through(const struct nlmsghdr *request)
{
	char sent;

	if (say(SAY_READ, request, request->nlmsg_len) < 0)
		return -1;
	return recv(FD_QUESTIONS, &sent, 1, 0) == 1 ? 0 : -1;
}

static bool is_same(const struct earlier *before, int rc, const struct survey *survey, const struct fault *fault)
{
	if (before->rc != rc || rc < 0)
		return before->rc == rc && !strcmp(before->fault.text, fault->text);
	return before->survey.spots == survey->spots && before->survey.admitted == survey->admitted &&
	       !memcmp(before->survey.spot, survey->spot, survey->spots * sizeof(survey->spot[0]));
}

/* A bit for each peer that the ruleset surely lets in. An unknown interface may be any. */
static uint64_t judge_peers(struct ruleset *ruleset, struct snapshot *snapshot, const struct host *host, bool bridged)
{
	const struct survey_question *question = ruleset->question;
	uint64_t admitted = 0;

	for (uint32_t i = 0; i < question->peers && i < PEERS_MOST; i++) {
		const struct peer *peer = &question->peer[i];
		uint16_t port = question->opening.target;
		uint32_t index = ruleset->route ? host_route(ruleset->route, peer->family, peer->address, peer->local, port) : 0;
		struct facts facts;
		struct fault ignored;

		if (facts_make_peer(&facts, host, peer, index, &ignored) == 0 &&
		    choose_admits(snapshot, &facts, bridged, &question->opening, peer->family))
			admitted |= UINT64_C(1) << i;
		facts_free(&facts);
	}
	return admitted;
}

/* Judges a ruleset. If nothing can be learned of this host, every address may be its own. */
static int choose_spots(struct ruleset *ruleset, struct snapshot *snapshot, struct fault *fault)
{
	const struct opening *opening = &ruleset->question->opening;
	struct facts facts = { 0 };
	struct host host = { 0 };
	struct fault ignored;
	bool known = ruleset->route && host_read(&host, ruleset->route, &ignored) == 0, bridged = !known;
	int rc = facts_make(&facts, known ? &host : NULL, opening->public_ca, fault);

	for (size_t i = 0; i < host.links; i++)
		bridged = bridged || host.link[i].bridge;
	if (rc == 0 && ruleset->question->peers)
		ruleset->survey.admitted = judge_peers(ruleset, snapshot, &host, bridged);
	else if (rc == 0)
		rc = choose(&ruleset->survey, snapshot, &facts, bridged, opening, fault);
	facts_free(&facts);
	host_free(&host);
	return rc;
}

/* One reading. The survey has generation 0 if another program committed meanwhile: it may have missed rules. */
static int read_and_choose(struct ruleset *ruleset, struct fault *fault)
{
	struct snapshot snapshot;
	struct fault ignored;
	uint32_t generation;
	int rc = snapshot_read(&snapshot, &ruleset->netlink, ruleset->question->hidden, fault);

	if (rc == 0)
		rc = choose_spots(ruleset, &snapshot, fault);
	if (netlink_generation(&ruleset->netlink, &generation, &ignored) < 0 || generation != snapshot.generation)
		ruleset->survey.generation = 0;
	snapshot_free(&snapshot);
	return rc;
}

/*
 * While other programs commit all the time, no reading of many rules may be whole. A result that equals the one before is believed:
 * both readings would have to miss the same rules.
 */
static int attempt_choice(struct ruleset *ruleset, const void *unused, struct fault *fault)
{
	int rc = read_and_choose(ruleset, fault);
	bool believed;

	(void)unused;
	if (rc == AGAIN || ruleset->survey.generation || (rc == -1 && fault->kind != FAULT_FAILED))
		return rc;
	believed = ruleset->readings++ && is_same(&ruleset->before, rc, &ruleset->survey, fault);
	ruleset->before.rc = rc;
	ruleset->before.survey = ruleset->survey;
	ruleset->before.fault = *fault;
	return believed ? rc : AGAIN;
}

/* A digest of what was seen while others committed is as good as none, and says so: it is not the same as the next one. */
static int attempt_digest(struct ruleset *ruleset, const void *unused, struct fault *fault)
{
	int rc = digest_read(&ruleset->netlink, ruleset->answer.done.digest, &ruleset->answer.done.generation, fault);

	(void)unused;
	return rc == 0 && !ruleset->answer.done.generation && ++ruleset->readings < DIGEST_READINGS ? AGAIN : rc;
}

static int say_spots(struct ruleset *ruleset, struct fault *fault)
{
	for (size_t i = 0; i < ruleset->survey.spots; i++)
		if (say(SAY_SPOT, &ruleset->survey.spot[i], sizeof(ruleset->survey.spot[i])) < 0)
			return fault_errno(fault, FAULT_FAILED, "answering");
	ruleset->answer.done.generation = ruleset->survey.generation;
	ruleset->answer.done.admitted = ruleset->survey.admitted;
	memcpy(ruleset->answer.done.shut, ruleset->survey.shut, sizeof(ruleset->survey.shut));
	memcpy(ruleset->answer.done.client, ruleset->survey.client, sizeof(ruleset->survey.client));
	return 0;
}

static int answer_choice(struct ruleset *ruleset, struct fault *fault)
{
	return netlink_insist(attempt_choice, ruleset, NULL, fault) < 0 ? -1 : say_spots(ruleset, fault);
}

/* NULL: fault. */
static char *receive_listing(size_t length, struct fault *fault)
{
	char *listing = malloc(length + 1);
	size_t got = 0;
	ssize_t n = 1;

	while (listing && got < length && n > 0) {
		n = recv(FD_QUESTIONS, listing + got, length - got, 0);
		got += n > 0 ? (size_t)n : 0;
	}
	if (listing && got == length) {
		listing[length] = '\0';
		return listing;
	}
	fault_errno(fault, FAULT_LATER, "reading a listing of %zu bytes", length);
	free(listing);
	return NULL;
}

static int answer_listing(struct ruleset *ruleset, struct fault *fault)
{
	const struct survey_question *question = ruleset->question;
	char *listing = receive_listing(question->length, fault);
	struct snapshot snapshot;
	int rc;

	if (!listing)
		return -1;
	rc = listing_read(&snapshot, listing, question->family, question->table, question->hidden, fault);
	if (rc == 0)
		rc = choose_spots(ruleset, &snapshot, fault);
	snapshot_free(&snapshot);
	return rc < 0 ? -1 : say_spots(ruleset, fault);
}

static void say_remark(const char *text)
{
	char padded[SURVEY_REMARK] = "";

	snprintf(padded, sizeof(padded), "%s", text);
	(void)say(SAY_REMARK, padded, sizeof(padded)); /* who asks has gone: the next word ends us */
}

/* They are remarks: where nothing can be learned, nothing is said. */
static int answer_remarks(struct ruleset *ruleset)
{
	struct host host = { 0 };
	struct fault ignored;

	if (ruleset->route && host_read(&host, ruleset->route, &ignored) == 0)
		remark_host(ruleset->route, &host, ruleset->question, say_remark);
	host_free(&host);
	return 0;
}

/* Reads the messages that wait on the socket of traces, a bounded number: another tool may trace every packet. */
static void receive_trace(struct trace *trace, const struct opening *opening)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];

	for (int i = 0; i < TRACE_MESSAGES; i++) {
		ssize_t n = recv(FD_TRACE, buffer, sizeof(buffer), MSG_DONTWAIT);
		int left = (int)n;

		if (n < 0 && (errno == EINTR || errno == ENOBUFS)) /* of the latter: some are lost */
			continue;
		if (n <= 0)
			return;
		for (const struct nlmsghdr *message = (void *)buffer; message_is_whole(message, left);
		     message = mnl_nlmsg_next(message, &left))
			if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE))
				trace_take(trace, message, opening);
	}
}

/* The rules are named as they are now. Without a reading their handles have to do. */
static int answer_trace(struct ruleset *ruleset)
{
	static struct trace trace;
	struct snapshot snapshot;
	struct fault ignored;
	bool known;

	receive_trace(&trace, &ruleset->question->opening);
	known = snapshot_read(&snapshot, &ruleset->netlink, false, &ignored) == 0;
	trace_say(&trace, known ? &snapshot : NULL, ruleset->question->hidden, ruleset->answer.done.shut,
		  sizeof(ruleset->answer.done.shut));
	snapshot_free(&snapshot);
	return 0;
}

static int answer_question(struct ruleset *ruleset)
{
	struct fault fault = { 0 };
	int rc;

	memset(&ruleset->answer, 0, sizeof(ruleset->answer));
	memset(&ruleset->survey, 0, sizeof(ruleset->survey));
	ruleset->readings = 0;
	if (ruleset->question->verb == ASK_CHOOSE)
		rc = answer_choice(ruleset, &fault);
	else if (ruleset->question->verb == ASK_REMARKS)
		rc = answer_remarks(ruleset);
	else if (ruleset->question->verb == ASK_TRACED)
		rc = answer_trace(ruleset);
	else if (ruleset->question->verb == ASK_DIGEST)
		rc = netlink_insist(attempt_digest, ruleset, NULL, &fault);
	else
		rc = answer_listing(ruleset, &fault);
	return rc < 0 ? say(SAY_FAULT, &fault, sizeof(fault)) : say(SAY_DONE, &ruleset->answer.done, sizeof(ruleset->answer.done));
}

static int prepare(struct ruleset *ruleset, struct fault *fault)
{
	struct netlink *netlink = &ruleset->netlink;
	struct fault ignored;

	if (sandbox_prove(ROLE_SURVEYOR, fault) < 0)
		return -1;
	netlink->socket = mnl_socket_fdopen(FD_NETLINK);
	if (!netlink->socket && errno != EBADF) /* where there is no nf_tables there is none */
		return fault_errno(fault, FAULT_FAILED, "the surveyor got no netlink socket");
	if (netlink->socket)
		netlink->port = mnl_socket_get_portid(netlink->socket);
	ruleset->route = host_connect(&ignored);
	/* who has started acmegate may wait for the end of its output, while this process goes on */
	if (dup2(STDIN_FILENO, STDERR_FILENO) < 0)
		return fault_errno(fault, FAULT_FAILED, "leaving the output to others");
	netlink->send = send_through;
	return confine(ROLE_SURVEYOR, NULL, -1, fault);
}

int main(void)
{
	static struct ruleset ruleset;
	static struct survey_question question;
	struct fault fault = { 0 };

	if (fill_standard() < 0)
		return STATUS_FAILED;
	if (prepare(&ruleset, &fault) < 0) {
		if (say(SAY_FAULT, &fault, sizeof(fault)) < 0)
			fprintf(stderr, "acmegate-surveyor is started by acmegate, see acmegate(8)\n");
		return STATUS_FAILED;
	}
	ruleset.question = &question;
	while (recv(FD_QUESTIONS, &question, sizeof(question), 0) == (ssize_t)sizeof(question))
		if (answer_question(&ruleset) < 0)
			return STATUS_FAILED;
	return STATUS_DONE;
}
