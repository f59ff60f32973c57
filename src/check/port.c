// SPDX-License-Identifier: GPL-3.0-or-later
/* port.c - which program has the port, and does that suit the way in which acmegate answers? */
#include "check/check.h"

#include <stdio.h>

#include "warden/holder.h"

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

static void look_at_http(struct examination *e)
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

/* Of tls-alpn-01: a server there cannot be gone around. */
static void look_at_tls(struct examination *e)
{
	char subject[16];
	struct holder holder;
	struct fault fault;
	const int held = holder_find(e->config->gate.tls_port, &holder, &fault);

	snprintf(subject, sizeof(subject), "%u", e->config->gate.tls_port);
	if (held < 0)
		sheet_add(&e->sheet, MARK_WARNING, subject, "run ss -ltnp by hand", "%s", fault.text);
	else if (held && !e->busy)
		sheet_add(&e->sheet, MARK_WRONG, subject,
			  "have challenge = http-01 or dns-01, or that server answer tls-alpn-01 itself (haproxy 3.2, nginx-acme, mod_md)",
			  "%s (pid %d) listens, where tls-alpn-01 needs acmegate itself to", holder.pid ? holder.name : "a process",
			  (int)holder.pid);
	else
		sheet_add(&e->sheet, MARK_OK, subject, NULL,
			  held ? "a renewal is at work" : "no program listens: it is free for tls-alpn-01");
}

void check_port(struct examination *e)
{
	if (config_needs_tls(e->config))
		look_at_tls(e);
	look_at_http(e);
}
