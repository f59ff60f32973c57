// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/gate.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "firewall/listener.h"
#include "firewall/report.h"
#include "firewall/watchdog.h"

void gate_tell(struct gate *g, enum verb verb, uint32_t index, const void *data, size_t length)
{
	struct fault ignored;

	if (wire_send(g->fd[ON_PARENT], verb, index, data, length, &ignored) < 0)
		(void)shutdown(g->fd[ON_PARENT], SHUT_RDWR);
}

void gate_refuse(struct gate *g)
{
	gate_tell(g, g->fault.code == EBUSY && g->fault.kind == FAULT_LATER ? VERB_OCCUPIED : VERB_FAULT, g->fault.kind,
		  g->fault.text, strlen(g->fault.text));
}

void gate_answer(struct gate *g, int rc)
{
	if (rc < 0)
		gate_refuse(g);
	else
		gate_tell(g, VERB_REPLY, 0, NULL, 0);
}

void gate_start_clock(struct gate *g)
{
	timerfd_settime(g->fd[ON_OVERTIME], 0, &g->left, NULL);
	g->runs = true;
}

void gate_stop_clock(struct gate *g)
{
	const struct itimerspec never = { 0 };

	if (g->runs) /* of a timer that does not, nothing would be left */
		timerfd_settime(g->fd[ON_OVERTIME], 0, &never, &g->left);
	g->runs = false;
}

int gate_turn(struct gate *g)
{
	const uint16_t before = g->policy.port;
	const bool tls = g->record.index & FOR_TLS;

	if (tls && !g->told.tls_port)
		return fault_set(&g->fault, FAULT_FAILED, "no certificate of the configuration has challenge = tls-alpn-01");
	g->own = g->record.index != 0;
	g->policy = tls ? policy_for_tls(&g->told) : g->told;
	if (g->policy.port != before)
		window_use(&g->policy, g->command);
	return 0;
}

/* A server on the port of tls-alpn-01 keeps its visitors: where packets for it would be redirected, the port has to be free, too. */
int gate_listen(struct gate *g, uint16_t target, int fds[2])
{
	if (g->policy.port != g->told.tls_port)
		return listener_open(target, fds, &g->fault);
	if (listener_open_for_tls(g->policy.port, fds, &g->fault) < 0)
		return -1;
	if (target == g->policy.port)
		return 0;
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	return listener_open(target, fds, &g->fault);
}

void gate_shut(struct gate *g)
{
	g->fd[ON_NEWS] = -1; /* the window's own */
	if (g->window.standing && window_shut(&g->window, &g->fault) < 0)
		g->status = STATUS_FAILED; /* the journal stays armed */
	else if (g->own && g->state > CLAIMED)
		gate_stop_clock(g);
}

static void clear_journal(struct gate *g)
{
	g->journal.net = NET_GATE;
	if (!g->journal.armed || journal_clear(&g->journal, &g->fault) == 0)
		return;
	log_error("%s; run acmegate recover when the disk works again", g->fault.text);
	g->status = STATUS_FAILED;
}

void gate_tidy(struct gate *g, bool for_good)
{
	bool opened = g->window.opened > 0;

	if (g->state <= CLAIMED || g->window.standing)
		return;
	clear_journal(g);
	if (for_good) {
		gate_stop_clock(g);
		watchdog_stop(&g->fd[ON_WATCHDOG]);
	}
	if (opened)
		report_unchanged(&g->window);
	if (opened && g->own)
		window_remark(&g->window, &g->policy);
	g->window.opened = 0;
	g->state = for_good ? CLAIMED : PREPARED;
	if (for_good)
		window_free(&g->window);
}
