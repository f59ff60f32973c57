// SPDX-License-Identifier: GPL-3.0-or-later
/* acmegate-surveyor: started by acmegate only, with the descriptors of nft_survey.h; reads rulesets, and can do nothing else. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "choice.h"
#include "confine.h"
#include "digest.h"
#include "listing.h"
#include "nft_survey.h"
#include "sandbox.h"

#define DIGEST_READINGS 3

/* What netlink_insist() hands to an attempt. */
struct ruleset {
	struct netlink netlink;
	const struct survey_question *question;
	struct survey survey;
	struct survey_answer answer;
	struct outcome {
		int rc;
		struct fault fault;
		struct survey survey;
	} before;		/* of a reading during which others committed */
	unsigned int readings;
};

static int say(enum survey_answer_kind kind, const void *payload, size_t length)
{
	struct survey_answer answer = { .kind = kind };

	memcpy(answer.request, payload, length);
	return send(FD_QUESTIONS, &answer, SURVEY_ANSWER_SIZE(length), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* The kernel obeys the process that has started us, not us. It says when it has sent the request. */
static ssize_t send_through(const struct nlmsghdr *request)
{
	char sent;

	if (say(SAY_READ, request, request->nlmsg_len) < 0)
		return -1;
	return recv(FD_QUESTIONS, &sent, 1, 0) == 1 ? 0 : -1;
}

static bool is_same(const struct outcome *before, int rc, const struct survey *survey, const struct fault *fault)
{
	if (before->rc != rc || rc < 0)
		return before->rc == rc && !strcmp(before->fault.text, fault->text);
	return before->survey.findings == survey->findings &&
	       !memcmp(before->survey.finding, survey->finding, survey->findings * sizeof(survey->finding[0]));
}

/*
 * Of many rules no reading may be whole, as often as others commit. One that comes to the same as the reading before is believed:
 * what was missed in both would have to be the same.
 */
static int attempt_choice(struct ruleset *ruleset, const void *opening, struct fault *fault)
{
	int rc = choose(&ruleset->survey, &ruleset->netlink, opening, ruleset->question->hidden, fault);
	bool believed;

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

static int answer_choice(struct ruleset *ruleset, struct fault *fault)
{
	if (netlink_insist(attempt_choice, ruleset, &ruleset->question->opening, fault) < 0)
		return -1;
	for (size_t i = 0; i < ruleset->survey.findings; i++)
		if (say(SAY_FINDING, &ruleset->survey.finding[i], sizeof(ruleset->survey.finding[i])) < 0)
			return fault_errno(fault, FAULT_FAILED, "answering");
	ruleset->answer.done.generation = ruleset->survey.generation;
	return 0;
}

static int answer_listing(struct ruleset *ruleset, struct fault *fault)
{
	static const char *const chains[SURVEY_HOOKS] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING" };
	const struct survey_question *question = ruleset->question;
	OWN_FREE char *listing = malloc(question->length + 1);

	if (!listing)
		return fault_errno(fault, FAULT_LATER, "reading a listing of %llu bytes", (unsigned long long)question->length);
	for (size_t got = 0; got < question->length;) {
		ssize_t n = recv(FD_QUESTIONS, listing + got, question->length - got, 0);

		if (n <= 0)
			return fault_errno(fault, FAULT_FAILED, "reading a listing");
		got += (size_t)n;
	}
	listing[question->length] = '\0';
	for (uint32_t i = 0; i < SURVEY_HOOKS; i++)
		if (question->port[i] && listing_can_block(listing, chains[i], question->port[i]))
			ruleset->answer.done.blocks |= 1U << i;
	return 0;
}

static int answer_question(struct ruleset *ruleset)
{
	struct fault fault = { 0 };
	int rc;

	memset(&ruleset->answer, 0, sizeof(ruleset->answer));
	ruleset->readings = 0;
	if (ruleset->question->verb == ASK_CHOOSE)
		rc = answer_choice(ruleset, &fault);
	else if (ruleset->question->verb == ASK_DIGEST)
		rc = netlink_insist(attempt_digest, ruleset, NULL, &fault);
	else
		rc = answer_listing(ruleset, &fault);
	return rc < 0 ? say(SAY_FAULT, &fault, sizeof(fault)) :
			say(SAY_DONE, &ruleset->answer.done, sizeof(ruleset->answer.done));
}

static int prepare(struct netlink *netlink, struct fault *fault)
{
	if (sandbox_prove(ROLE_SURVEYOR, fault) < 0)
		return -1;
	netlink->socket = mnl_socket_fdopen(FD_NETLINK);
	if (!netlink->socket && errno != EBADF) /* where there is no nf_tables there is none */
		return fault_errno(fault, FAULT_FAILED, "the surveyor got no netlink socket");
	if (netlink->socket)
		netlink->port = mnl_socket_get_portid(netlink->socket);
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
	if (prepare(&ruleset.netlink, &fault) < 0) {
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
