// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * outside.c - acmegate check --from-outside: opens the port as a renewal would, for a minute at most, has the responder answer for one
 * token, and prints the lines that somebody elsewhere runs to see whether that is reached.
 */
#include "check/outside.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/launch.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "check/host.h"
#include "warden/children.h"
#include "warden/crew.h"

#define MOST_SECONDS 60
#define TOKEN_BEGIN "acmegate-check-"

struct outside {
	struct supervisor s;
	const struct config *config;
	struct crew crew;
	struct token token;
	char *const *word; /* certificates that are named; none: all */
	int words;
	unsigned int hits;
};

static struct outside *outside_of(struct supervisor *s)
{
	return (void *)s;
}

/* Only this host tells it to anybody, and its answer names the host. Both have the alphabet of tokens. */
static int make_token(struct token *token, struct fault *fault)
{
	unsigned char random[8];
	char host[65] = "";
	size_t used;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random) || gethostname(host, sizeof(host) - 1) < 0)
		return fault_errno(fault, FAULT_LATER, "making a token");
	used = (size_t)snprintf(token->token, sizeof(token->token), TOKEN_BEGIN);
	for (size_t i = 0; i < sizeof(random); i++)
		used += (size_t)snprintf(token->token + used, sizeof(token->token) - used, "%02x", random[i]);
	for (char *c = host; *c; c++)
		*c = isalnum((unsigned char)*c) ? *c : '-';
	snprintf(token->key_authorization, sizeof(token->key_authorization), "%s.reached-%.30s", token->token, host);
	return 0;
}

/* --- what to run elsewhere ------------------------------------------------------------------------------------------ */

static bool is_named(const struct outside *o, const struct certificate *certificate)
{
	for (int i = 0; i < o->words; i++)
		if (!strcmp(o->word[i], certificate->name))
			return true;
	return !o->words;
}

static void print_line(const struct outside *o, const char *name)
{
	const bool own = o->config->responder.mode != RESPONDER_WEBROOT, six = strchr(name, ':') != NULL;
	char port[8] = "";

	if (o->config->gate.port != 80)
		snprintf(port, sizeof(port), ":%u", o->config->gate.port);
	printf("  curl --max-time 10 http://%s%s%s%s/%s%s\n", six ? "[" : "", name, six ? "]" : "", port,
	       own ? ".well-known/acme-challenge/" : "", own ? o->token.token : "");
}

static void print_lines(const struct outside *o)
{
	const bool own = o->config->responder.mode != RESPONDER_WEBROOT;

	printf("Port %u is open for %u s. Run on a host elsewhere, with -4 and with -6:\n\n", o->config->gate.port,
	       o->config->gate.max_open);
	for (uint32_t i = 0; i < o->config->certificates; i++)
		for (uint32_t j = 0;
		     is_named(o, &o->config->certificate[i]) && config_answers(&o->config->certificate[i], CHALLENGE_HTTP) &&
		     j < o->config->certificate[i].names;
		     j++)
			print_line(o, o->config->name[o->config->certificate[i].first_name + j]);
	if (own)
		printf("\nEach prints %s, and a line appears here. Ctrl-C ends it.\n", o->token.key_authorization);
	else
		printf("\nEach shows the page of this host's web server. Ctrl-C ends it.\n");
	fflush(stdout);
}

/* --- the window ----------------------------------------------------------------------------------------------------- */

static void on_ready(struct supervisor *s)
{
	if (supervise_let_in(s) < 0)
		supervise_give_up(s);
}

static void on_prepared(struct supervisor *s)
{
	struct outside *o = outside_of(s);

	s->state = LISTENING;
	if (o->config->responder.mode == RESPONDER_WEBROOT)
		on_ready(s);
	else if (crew_start_responder(&o->crew, ROLE_RESPONDER, s->passed, &s->fd[RESPONDER_PID], &s->fd[ON_RESPONDER], &s->fault) <
			 0 ||
		 sandbox_warden(true, &s->fault) < 0)
		supervise_give_up(s);
}

static void on_opened(struct supervisor *s)
{
	s->state = STANDING;
	print_lines(outside_of(s));
}

/* The responder has read what anybody sent, and so is not believed: an address has few characters. */
static void on_hit(struct supervisor *s)
{
	const struct hit *hit = (const void *)s->record.data;

	outside_of(s)->hits++;
	printf("reached from %.*s\n", (int)strspn(hit->address, "0123456789abcdef.:"), hit->address);
	fflush(stdout);
}

static void on_responder_ended(struct supervisor *s)
{
	children_failed(s, "responder", launch_reap(&s->fd[RESPONDER_PID], false));
}

static const struct job for_outside = {
	.watch = {
		[ON_CLIENT - ON_OWN] = { EVENT_RESPONDER_ENDED, "responder", RESPONDER_PID },
		[ON_RESPONDER - ON_OWN] = { EVENT_RESPONDER_ENDED, "responder", RESPONDER_PID },
		[RESPONDER_PID - ON_OWN] = { EVENT_RESPONDER_ENDED, NULL, 0 },
	},
	.heard = {
		{ ON_RESPONDER, VERB_READY, EVENT_READY },
		{ ON_CLIENT, VERB_HIT, EVENT_TOLD },
	},
	.always = {
		[EVENT_SIGNAL] = supervise_close,
		[EVENT_OVERTIME] = supervise_close,
		[EVENT_RESPONDER_ENDED] = on_responder_ended,
	},
	.table = {
		[PREPARING] = { [EVENT_PREPARED] = on_prepared },
		[LISTENING] = { [EVENT_READY] = on_ready },
		[OPENING] = { [EVENT_OPENED] = on_opened },
		[STANDING] = { [EVENT_TOLD] = on_hit },
	},
};

/* The token waits in the channel when the responder starts. */
static int begin(struct outside *o, struct gate *gate)
{
	static const struct whereabouts anywhere;
	const bool own = o->config->responder.mode != RESPONDER_WEBROOT;
	struct supervisor *s = &o->s;

	s->note.entry.asker = ASKER_GUARD;
	s->note.entry.pid = (uint32_t)getpid();
	note_client(&s->note, "acmegate check");
	if (make_token(&o->token, &s->fault) < 0 ||
	    supervise_begin(s, &for_outside, gate, (const int[]){ SIGINT, SIGTERM, SIGHUP, 0 }) < 0)
		return -1;
	s->fd[ON_CLIENT] = own ? o->crew.client_ends[1] : -1;
	if (own && wire_send(s->fd[ON_CLIENT], VERB_TOKEN, 0, &o->token, sizeof(o->token), &s->fault) < 0)
		return -1;
	return supervise_prepare(s, own ? &anywhere : NULL);
}

static int conclude(const struct outside *o)
{
	const bool own = o->config->responder.mode != RESPONDER_WEBROOT;

	if (o->s.status != STATUS_DONE || !own)
		return o->s.status;
	if (o->hits)
		printf("%u request%s from outside reached this host\n", o->hits, o->hits == 1 ? "" : "s");
	else
		log_error("no request from outside reached this host. If the lines were run elsewhere, something in front of it (a router, the "
			  "cloud's firewall) keeps port %u shut, or the names lead elsewhere: see acmegate check",
			  o->config->gate.port);
	return o->hits ? STATUS_DONE : STATUS_FAILED;
}

int check_outside_run(struct host *host, const struct call *call)
{
	static struct outside o;
	struct config *config = host->config;
	struct fault fault;

	if (!check_is_listening(config)) {
		log_error("%s: no certificate has a name that is validated over HTTP: nobody comes to port %u", config->file,
			  config->gate.port);
		return STATUS_USAGE;
	}
	if (config->gate.max_open > MOST_SECONDS)
		config->gate.max_open = MOST_SECONDS;
	for (int i = 0; i < call->words; i++)
		if (config_find(config, call->word[i]) < 0) {
			log_error("%s: there is no [certificate %s]", config->file, call->word[i]);
			return STATUS_USAGE;
		}
	if (gate_limit(&host->gate, config, &fault) < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	o = (struct outside){
		.config = config, .crew = CREW(config, host->state_fd, host->tokens[0]), .word = call->word, .words = call->words
	};
	if (begin(&o, &host->gate) < 0)
		supervise_give_up(&o.s);
	supervise(&o.s);
	(void)supervise_shut(&o.s, false, &(struct closed){ 0 });
	launch_reap(&o.s.fd[RESPONDER_PID], true);
	close_fd(&o.s.fd[ON_RESPONDER]);
	supervise_clear(&o.s);
	supervise_finish(&o.s);
	crew_leave(&o.crew);
	return conclude(&o);
}
