// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/inquiry.h"

#include <stdio.h>

#include "base/log.h"
#include "base/sockets.h"

static void print(struct record *to, const char *line)
{
	int n = snprintf(to->data + to->length, WIRE_DATA - to->length, "%s\n", line);

	to->length += n > 0 && (size_t)n < WIRE_DATA - to->length ? (uint32_t)n : 0;
}

static void print_remark(struct record *to, const char *before, const char *text)
{
	char line[FAULT_TEXT_SIZE + 128];

	snprintf(line, sizeof(line), "# %s%s", before, text);
	print(to, line);
}

static void print_plan(struct gate *g, struct record *to, int rc)
{
	const struct plan *plan = &g->window.plan;
	char nothing[96];

	snprintf(nothing, sizeof(nothing), "no chain blocks port %u; nothing to open", g->window.opening.port);
	if (rc == 0 && !plan->lines)
		print_remark(to, "", nothing);
	for (size_t i = 0; rc == 0 && i < plan->lines; i++)
		print(to, plan->line[i]);
	if (rc == 0 && plan->lost[0])
		print_remark(to, "meanwhile packets for the port miss what rules behind these set: ", plan->lost);
	if (rc == 0 && plan->client[0])
		print_remark(to, "", plan->client);
	if (rc == 0 && g->own)
		window_remark(&g->window, &g->policy);
	for (size_t i = 0; i < plan->remarks; i++)
		print_remark(to, "", plan->remark[i]);
}

void inquiry_on_plan(struct gate *g)
{
	static struct record text;
	int rc;

	text.length = 0;
	rc = gate_turn(g) < 0 ? -1 : window_prepare(&g->window, &g->journal, &g->policy, g->own, &g->fault);
	print_plan(g, &text, rc);
	if (g->own)
		g->target = g->window.opening.target;
	gate_answer(g, rc);
	gate_tell(g, VERB_REPLY, 0, text.data, text.length);
	window_free(&g->window);
}

/* The files in webroot need a web server on the port. */
static int find_server(struct gate *g)
{
	uint32_t inode;
	int found = sockets_listeners(g->policy.port, &inode, 1, &g->fault);

	return found ? found :
		       fault_set(&g->fault, FAULT_FAILED,
				 "no program listens on port %u: with [responder] mode = webroot a web "
				 "server has to answer there; start it, or set mode = standalone",
				 g->policy.port);
}

/* By making the sockets that a renewal makes. */
void inquiry_on_try_listening(struct gate *g)
{
	int listeners[2] = { -1, -1 };

	gate_answer(g, gate_turn(g) < 0			   ? -1 :
		       g->policy.mode == RESPONDER_WEBROOT ? find_server(g) :
							     gate_listen(g, g->target, listeners));
	close_fd(&listeners[0]);
	close_fd(&listeners[1]);
}

/* A client that failed before it asked for a window has not reached the CA, or was not liked there: the firewall may be the reason. */
void inquiry_on_explain(struct gate *g)
{
	if (!g->windows && window_prepare(&g->window, &g->journal, &g->policy, true, &g->fault) == 0 && g->window.plan.client[0])
		log_warning("%s", g->window.plan.client);
	for (size_t i = 0; g->windows && i < g->window.plan.remarks; i++)
		log_warning("%s", g->window.plan.remark[i]);
	window_free(&g->window);
	gate_answer(g, 0);
}

/* A reading of the ruleset, which a rehearsal compares with another one. */
void inquiry_on_read(struct gate *g)
{
	_Static_assert(sizeof(g->window.before) == sizeof(struct reading), "one is sent as the other");
	if (window_prepare(&g->window, &g->journal, &g->policy, true, &g->fault) < 0)
		gate_refuse(g);
	else
		gate_tell(g, VERB_REPLY, 0, g->window.before, sizeof(g->window.before));
	window_free(&g->window);
}
