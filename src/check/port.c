// SPDX-License-Identifier: GPL-3.0-or-later
/* port.c - which program has the port, and does that suit the way in which acmegate answers? */
#include "check/check.h"

#include <stdio.h>

#include "command/holder.h"

static void say_taken(struct examination *e, const char *subject, const char *holder)
{
	if (!e->listens)
		sheet_add(&e->sheet, MARK_OK, subject, NULL,
			  "%s listens; no renewal needs the port; with hook and guard that is the client's affair", holder);
	else if (e->config->responder.mode == RESPONDER_STANDALONE && e->busy)
		sheet_add(&e->sheet, MARK_OK, subject, NULL, "%s listens while a renewal is at work", holder);
	else if (e->config->responder.mode == RESPONDER_STANDALONE)
		sheet_add(&e->sheet, MARK_WRONG, subject,
			  "in [responder] set mode = webroot with its directory if it is a web server, else mode = redirect; or stop it",
			  "%s listens, where acmegate is to", holder);
	else
		sheet_add(&e->sheet, MARK_OK, subject, NULL, "%s listens, which suits [responder] mode", holder);
}

void check_port(struct examination *e)
{
	char text[PROCESS_NAME + 32] = "a process that cannot be seen from here", subject[16];
	struct holder holder;
	struct fault fault;
	const int held = holder_find(e->config->gate.port, &holder, &fault);

	snprintf(subject, sizeof(subject), "%u", e->config->gate.port);
	if (holder.pid)
		snprintf(text, sizeof(text), "%s (pid %d)", holder.name, (int)holder.pid);
	if (held < 0)
		sheet_add(&e->sheet, MARK_WARNING, subject, "run ss -ltnp by hand", "%s", fault.text);
	else if (held)
		say_taken(e, subject, text);
	else if (e->listens && e->config->responder.mode == RESPONDER_WEBROOT)
		sheet_add(&e->sheet, MARK_WRONG, subject, "start the web server, or set mode = standalone in [responder]",
			  "no program listens, and with mode = webroot a web server has to");
	else
		sheet_add(&e->sheet, MARK_OK, subject, NULL, "no program listens: it is free for a validation");
}
