// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/clients.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define SCRIPT_SECONDS 10 /* a script that goes on for longer after its hook is the client itself */

/* As long as a process has not ended, its number is nobody else's. */
static bool lives(int pidfd)
{
	struct pollfd process = { .fd = pidfd, .events = POLLIN };

	return poll(&process, 1, 0) == 0;
}

void client_close(struct client *client)
{
	for (uint32_t i = 0; i < MOST_KIN; i++)
		close_fd(&client->fd[i]);
}

void clients_init(struct clients *clients)
{
	for (int i = 0; i < CLIENTS; i++)
		clients->client[i] = (struct client)NO_CLIENT;
}

static bool is_kin(const struct client *client, pid_t pid)
{
	uint32_t i = 0;

	while (i < client->number && client->kin[i].pid != pid)
		i++;
	return i < client->number;
}

int clients_find(const struct clients *clients, const struct client *client)
{
	for (int i = 0; i < CLIENTS; i++) {
		const struct client *other = &clients->client[i];

		if (other->fd[0] >= 0 && (!client || (is_kin(client, other->kin[0].pid) && lives(other->fd[0]))))
			return i;
	}
	return -1;
}

static void say_watched(const struct client *client)
{
	char text[FAULT_TEXT_SIZE] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < client->number; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d %s", i ? ", and if that was only the hook, " : "",
					 (int)client->kin[i].pid, client->kin[i].name);
	log_notice("watching %s", text);
}

int clients_add(struct clients *clients, const struct client *client, struct fault *fault)
{
	struct client *new = clients->client;
	int place = 0;

	if (client->fd[0] < 0)
		return fault_set(fault, FAULT_FAILED, "there is no process %d to watch", (int)client->kin[0].pid);
	if (clients_find(clients, client) >= 0) /* pre twice: once is enough */
		return 0;
	while (place < CLIENTS && clients->client[place].fd[0] >= 0)
		place++;
	if (place == CLIENTS)
		return fault_set(fault, FAULT_LATER, "%d clients have the port open already", CLIENTS);
	new += place;
	*new = *client;
	clients->since[place] = clock_seconds();
	for (uint32_t i = 0; i < MOST_KIN; i++)
		new->fd[i] = client->fd[i] < 0 ? -1 : fcntl(client->fd[i], F_DUPFD_CLOEXEC, 0);
	if (new->fd[0] < 0)
		return fault_errno(fault, FAULT_FAILED, "watching the process %d", (int)client->kin[0].pid);
	say_watched(client);
	return 0;
}

/* The first of its kin is the next one. */
static void step(struct client *c)
{
	c->number--;
	close_fd(&c->fd[0]);
	memmove(c->kin, c->kin + 1, c->number * sizeof(c->kin[0]));
	memmove(c->fd, c->fd + 1, (MOST_KIN - 1) * sizeof(c->fd[0]));
	c->fd[MOST_KIN - 1] = -1;
}

/* A script that ends soon and by itself was the hook, and what has run it is the client. */
void clients_step(struct clients *clients, int place)
{
	struct client *client = &clients->client[place];
	const pid_t pid = client->kin[0].pid;

	if (client->number > 1 && clock_seconds() - clients->since[place] < SCRIPT_SECONDS && lives(client->fd[1]) &&
	    !kin_was_killed(client->fd[0], pid)) {
		step(client);
		say_watched(client);
		return;
	}
	log_info("process %d (%s) has ended without a post hook", (int)pid, client->kin[0].name);
	client_close(client);
}
