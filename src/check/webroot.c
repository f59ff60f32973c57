// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * webroot.c - with [responder] mode = webroot: does the host's web server give out what acmegate will put there? A placer puts a file into
 * its directory, an examiner fetches it for each name, over loopback.
 */
#include "check/network.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/launch_channel.h"
#include "check/host.h"

#define PLACER_SECONDS 10
#define SECURE_PORT 443
#define TRIAL "acmegate-check-%016llx" /* webroot.h knows files of an earlier trial by it */

struct placer {
	int pidfd, channel;
	bool gone;
};

static int make_token(struct token *token, struct fault *fault)
{
	unsigned long long random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return fault_errno(fault, FAULT_LATER, "making a token");
	snprintf(token->token, sizeof(token->token), TRIAL, random);
	snprintf(token->key_authorization, sizeof(token->key_authorization), "%s.%s", token->token, "this-is-a-trial");
	return 0;
}

/* It answers with the reason why the file could not be put there, or with an empty text. */
static int place(const struct examination *e, struct placer *placer, const struct token *token, struct fault *fault)
{
	struct pollfd reader = { .events = POLLIN };
	char why[FAULT_TEXT_SIZE] = "";
	ssize_t n;

	placer->pidfd = launch_channel(ROLE_PLACER, e->config, &(struct descriptor){ -1, FD_WARDEN }, 1, &placer->channel, fault);
	if (placer->pidfd < 0)
		return -1;
	reader.fd = placer->channel;
	n = send(placer->channel, token, sizeof(*token), MSG_NOSIGNAL);
	if (n > 0 && poll(&reader, 1, PLACER_SECONDS * 1000) > 0)
		n = recv(placer->channel, why, sizeof(why) - 1, 0);
	else
		n = -1;
	placer->gone = n == 0;
	if (n <= 0)
		return fault_set(fault, FAULT_FAILED, "the placer has ended early, or is slow");
	return why[0] ? fault_set(fault, FAULT_FAILED, "%s", why) : 0;
}

/* A renewal that began meanwhile may use the directories that were made. */
static void clear(const struct examination *e, struct placer *placer)
{
	if (placer->channel >= 0 && !check_is_busy(e->config))
		(void)!send(placer->channel, "", 1, MSG_NOSIGNAL);
	close_fd(&placer->channel);
	(void)launch_reap_in(&placer->pidfd, placer->gone ? 0 : PLACER_SECONDS); /* a slow one takes its file with it */
}

/* Does a chain block the port that the server redirects to? A CA follows. */
static bool is_shut(struct examination *e)
{
	static struct config config;
	const char *text = "";
	struct fault fault;

	if (e->busy || e->secure.channel < 0)
		return false;
	if (!config.gate.port) {
		config.gate = e->config->gate;
		config.gate.port = SECURE_PORT;
		config.responder.mode = RESPONDER_WEBROOT;
		config.responder.port = e->config->responder.port;
		if (gate_tell(&e->secure, &config, -1, false, &fault) < 0)
			return false;
	}
	return gate_ask_plan(&e->secure, false, &text, &fault) < 0 || text[0] != '#';
}

static void say_redirected(struct examination *e, const char *name, const struct finding *finding)
{
	if (finding->of_answer.secure && is_shut(e))
		sheet_add(&e->sheet, MARK_WRONG, name,
			  "have it answer /.well-known/acme-challenge/ without a redirect, before the rule that redirects",
			  "the web server redirects to %s, and the firewall keeps TCP port %d shut, which acmegate does not open",
			  finding->of_answer.text, SECURE_PORT);
	else
		sheet_add(&e->sheet, MARK_WARNING, name, "have it answer /.well-known/acme-challenge/ without a redirect",
			  "the web server redirects%s%s: a CA follows, and must find the file there",
			  finding->of_answer.secure ? " to " : "", finding->of_answer.text);
}

static void say_unanswered(struct examination *e, const char *name, const struct finding *finding)
{
	const bool six = finding->of_answer.six;

	if (finding->of_answer.refused && !(six ? e->six : e->four)[finding->index])
		return;
	if (finding->of_answer.refused)
		sheet_add(&e->sheet, MARK_WARNING, name,
			  six ? "have it listen on IPv6 too (nginx: listen [::]:80), or remove the AAAA record" :
				"have it listen on all addresses, or see by curl whether it answers",
			  "the web server does not listen on the loopback address of IPv%d", six ? 6 : 4);
	else
		sheet_add(&e->sheet, MARK_WRONG, name,
			  "have it answer requests for this name and /.well-known/acme-challenge/ (nginx: no return 444 there)",
			  "the web server gives no answer over IPv%d: %s", six ? 6 : 4, finding->of_answer.text);
}

static void say_answer(struct examination *e, const struct finding *finding)
{
	const char *name = e->config->name[finding->index];
	const uint32_t status = finding->of_answer.status;
	char remedy[FAULT_TEXT_SIZE];

	snprintf(remedy, sizeof(remedy), "have it serve http://%s/.well-known/acme-challenge/ from %s/.well-known/acme-challenge/",
		 name, e->config->responder.webroot);
	if (!status)
		say_unanswered(e, name, finding);
	else if (finding->of_answer.same)
		sheet_add(&e->sheet, MARK_OK, name, NULL, "the web server gives out what is put into %s, over IPv%d",
			  e->config->responder.webroot, finding->of_answer.six ? 6 : 4);
	else if (status >= 300 && status < 400)
		say_redirected(e, name, finding);
	else if (status == 200)
		sheet_add(&e->sheet, MARK_WRONG, name, remedy, "the web server answers with something else than the file");
	else
		sheet_add(&e->sheet, MARK_WRONG, name, remedy, "the web server answers with status %u", status);
}

static int examine(struct examination *e, const struct token *token, struct fault *fault)
{
	const struct assignment work = { .server = 1, .port = e->config->gate.port, .token = *token };
	struct examiner examiner = NO_EXAMINER;
	const time_t end = examiner_end();
	struct finding finding;
	int rc = examiner_start(e, &examiner, &work, fault);

	while (rc == 0 && examiner_next(e->config, &examiner, end, &finding) > 0)
		if (finding.kind == FINDING_ANSWER)
			say_answer(e, &finding);
	examiner_stop(&examiner);
	return rc;
}

void check_webroot(struct examination *e)
{
	struct placer placer = { -1, -1, false };
	struct token token;
	struct fault fault;

	if (e->config->responder.mode != RESPONDER_WEBROOT || !e->listens || e->homeless.kind != FAULT_NONE)
		return;
	if (check_is_busy(e->config)) {
		sheet_add(&e->sheet, MARK_OK, "", NULL,
			  "another acmegate is at work on this host: nothing was put into its directory");
		return;
	}
	if (make_token(&token, &fault) < 0 || place(e, &placer, &token, &fault) < 0 || examine(e, &token, &fault) < 0)
		sheet_add(&e->sheet, MARK_WRONG, e->config->responder.webroot,
			  "see to [responder] webroot: its owner, and the way to it", "%s", fault.text);
	clear(e, &placer);
}
