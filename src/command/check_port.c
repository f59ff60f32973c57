// SPDX-License-Identifier: GPL-3.0-or-later
/* check_port.c - which program has the port, and does that suit the way in which acmegate answers? */
#include "command/check.h"

#include <stdio.h>
#include <string.h>

#include "base/process.h"
#include "base/sockets.h"

#define MOST_LISTENERS 16
#define HOLDER_SIZE 128

/* "NAME (pid N)", or "" when no process that we may look at has one of these sockets. */
static void find_holder(const uint32_t *inodes, int n, char holder[HOLDER_SIZE])
{
	OWN_DIR DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char name[KIN_NAME];

	holder[0] = '\0';
	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || !process_holds(pid, inodes, n))
			continue;
		process_name(pid, name);
		snprintf(holder, HOLDER_SIZE, "%s (pid %d)", name, (int)pid);
		return;
	}
}

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
	uint32_t inodes[MOST_LISTENERS];
	char holder[HOLDER_SIZE] = "", subject[16];
	struct fault fault;
	int n = sockets_listeners(e->config->gate.port, inodes, MOST_LISTENERS, &fault);

	snprintf(subject, sizeof(subject), "%u", e->config->gate.port);
	if (n > 0)
		find_holder(inodes, n, holder);
	if (n < 0)
		sheet_add(&e->sheet, MARK_WARNING, subject, "run ss -ltnp by hand", "%s", fault.text);
	else if (n > 0)
		say_taken(e, subject, holder[0] ? holder : "a process that cannot be seen from here");
	else if (e->listens && e->config->responder.mode == RESPONDER_WEBROOT)
		sheet_add(&e->sheet, MARK_WRONG, subject, "start the web server, or set mode = standalone in [responder]",
			  "no program listens, and with mode = webroot a web server has to");
	else
		sheet_add(&e->sheet, MARK_OK, subject, NULL, "no program listens: it is free for a validation");
}
