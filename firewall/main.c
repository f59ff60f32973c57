// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acmegate-gate: the holder of rights over the firewall, which it lends to acmegate-iptables only. It owns the journal, the window and the
 * watchdog.
 *
 * Its parent tells it a policy, once, and then to prepare, to let in and to shut; a record that is malformed or out of turn, the end of
 * the channel, the end of the watchdog and the end of the time all lead to the same place: close, read back, clear the journal.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#include "base/launch.h"
#include "base/launch_program.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "firewall/inquiry.h"
#include "firewall/recovery.h"
#include "firewall/report.h"
#include "firewall/watchdog.h"

#define WINDOWS 4	/* of our own client in one run, which needs one for each port */
#define GRACE_SECONDS 5 /* for a parent to answer that the time is up */
#define REPEATED 100000 /* of a guard that follows a listener: its time ends it */

typedef void handler(struct gate *);

/* --- what the parent says ------------------------------------------------------------------------------------------ */

static int may_prepare(struct gate *g)
{
	if (++g->windows > (g->own ? WINDOWS : REPEATED))
		return fault_set(&g->fault, FAULT_FAILED, "the client asked for the port more than %d times", WINDOWS);
	if (!g->left.it_value.tv_sec && !g->left.it_value.tv_nsec)
		return fault_set(&g->fault, FAULT_FAILED,
				 "the client asked for the port again, but the time that [gate] max_open "
				 "allows this run is used up");
	return 0;
}

static int hand_over_listeners(struct gate *g)
{
	int fds[2] = { -1, -1 }, rc;

	if (g->own && g->policy.mode != RESPONDER_WEBROOT && gate_listen(g, g->window.opening.target, fds) < 0)
		return -1;
	rc = wire_send_with(g->fd[ON_PARENT], VERB_PREPARED, 0, NULL, 0, fds, &g->fault);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	return rc;
}

/* The watchdog before the listening sockets: a child that holds one keeps the port. */
static int prepare(struct gate *g)
{
	const struct whereabouts *at = g->own ? (const void *)g->record.data : NULL;
	int rc = at ? window_prepare_at(&g->window, &g->journal, &g->policy, at, &g->fault) :
		      window_prepare(&g->window, &g->journal, &g->policy, false, &g->fault);

	if (rc < 0)
		return -1;
	g->window.opening.seconds = (uint32_t)g->left.it_value.tv_sec + (g->left.it_value.tv_nsec > 0);
	g->fd[ON_WATCHDOG] = watchdog_start(&g->journal, &g->policy, &g->fault);
	return g->fd[ON_WATCHDOG] < 0 ? -1 : hand_over_listeners(g);
}

static int give_up_rights(struct gate *g)
{
	if (!g->policy.has_command) {
		launch_settle();
		return sandbox_gate(&g->fault);
	}
	sandbox_gate_with_command();
	return 0;
}

static void begin(struct gate *g)
{
	window_use(&g->policy, g->command);
	g->left.it_value.tv_sec = g->policy.seconds;
	g->state = TOLD;
	if (give_up_rights(g) == 0)
		return;
	log_error("%s", g->fault.text);
	g->status = STATUS_FAILED;
	g->state = ENDED;
}

static void on_policy(struct gate *g)
{
	memcpy(&g->told, g->record.data, sizeof(g->told));
	g->policy = g->told;
	g->state_fd = steal_fd(&g->passed[0]);
	if (!policy_is_sound(&g->policy)) {
		log_error("the gate was told a policy that is not one");
		g->status = STATUS_FAILED;
		g->state = ENDED;
		return;
	}
	if (g->policy.detached)
		log_detach();
	if (g->policy.has_command)
		g->state = AWAITING_COMMAND;
	else
		begin(g);
}

/* guard --max, and the user that plan has found. */
static void on_limit(struct gate *g)
{
	const struct policy *policy = (const void *)g->record.data;

	if (!policy_is_sound(policy) || g->windows) /* no word makes a window longer */
		return;
	g->told.seconds = policy->seconds;
	g->told.user = policy->user;
	g->policy = g->told;
	g->left.it_value.tv_sec = policy->seconds;
	window_use(&g->policy, g->command);
}

static void on_command(struct gate *g)
{
	snprintf(g->command, sizeof(g->command), "%.*s", COMMAND_SIZE - 1, g->record.data);
	begin(g);
}

static void on_claim(struct gate *g)
{
	enum claim how = (enum claim)g->record.index;
	int rc = g->record.index < CLAIMS ? recovery_claim(&g->journal, g->state_fd, how, &g->fault) :
					    fault_set(&g->fault, FAULT_FAILED, "there is no such claim");
	struct past past = { .sequence = g->journal.sequence, .cleared = g->journal.cleared, .net = g->journal.net };

	if (rc == 0 && how == CLAIM_STATE)
		g->state = CLAIMED;
	if (rc < 0)
		gate_refuse(g);
	else
		gate_tell(g, VERB_REPLY, 0, &past, sizeof(past));
}

static void on_prepare(struct gate *g)
{
	int rc;

	if (gate_turn(g) < 0 || may_prepare(g) < 0) {
		gate_refuse(g);
		return;
	}
	g->policy.traced = (g->record.index & ~FOR_TLS) == 2;
	gate_start_clock(g); /* preparing costs no open time, but has no more than that */
	g->state = PREPARED;
	launch_while(g->fd[ON_PARENT]);
	rc = prepare(g);
	launch_while(-1);
	if (rc == 0)
		return;
	gate_refuse(g);
	gate_tidy(g, true);
}

/* An opening for a parent that has gone need not be finished. */
static void on_let_in(struct gate *g)
{
	int rc;

	if (g->own)
		gate_start_clock(g);
	g->state = STANDING;
	launch_while(g->fd[ON_PARENT]);
	rc = window_open(&g->window, &g->fault);
	launch_while(-1);
	if (rc < 0) {
		gate_refuse(g);
		gate_shut(g);
		gate_tidy(g, true);
		return;
	}
	g->fd[ON_NEWS] = g->window.news;
	if (g->own) /* each moment counts */
		gate_tell(g, VERB_OPENED, 0, NULL, 0);
	report_opened(&g->window);
	if (g->policy.detached)
		log_leave_terminal(); /* the client waits for the end of its hook's output */
	if (!g->own)
		gate_tell(g, VERB_OPENED, 0, NULL, 0);
}

static void on_shut(struct gate *g)
{
	struct closed closed = { 0 };

	if (g->late)
		timerfd_settime(g->fd[ON_OVERTIME], 0, &(const struct itimerspec){ 0 }, NULL);
	g->late = false;
	gate_shut(g);
	if (!g->window.standing) {
		closed.counted = g->window.evidence.counted;
		closed.packets = g->window.evidence.packets;
		closed.open_us = (uint64_t)(g->window.open_for * 1e6);
		memcpy(closed.shut, g->window.evidence.shut, sizeof(closed.shut));
		memcpy(closed.traced, g->window.traced, sizeof(closed.traced));
		gate_tell(g, VERB_CLOSED, 0, &closed, sizeof(closed));
	}
	gate_tidy(g, g->record.index == 0);
	gate_tell(g, VERB_CLEARED, (uint32_t)g->status, NULL, 0);
}

/* --- what else happens --------------------------------------------------------------------------------------------- */

static void on_parent_ended(struct gate *g)
{
	if (g->window.standing)
		log_warning("acmegate has died: the gate closes the port");
	gate_shut(g);
	gate_tidy(g, true);
	g->state = ENDED;
}

static void on_overtime(struct gate *g)
{
	const struct itimerspec grace = { .it_value.tv_sec = GRACE_SECONDS };

	if (g->late) { /* it hangs: the locks are for others */
		log_warning("acmegate has not answered for %d s that the time is up: its gate ends", GRACE_SECONDS);
		g->status = STATUS_FAILED;
		on_parent_ended(g);
		return;
	}
	gate_shut(g);
	gate_tell(g, VERB_OVERTIME, (uint32_t)(g->window.standing ? STATUS_FAILED : STATUS_DONE), NULL, 0);
	gate_tidy(g, true);
	gate_stop_clock(g);
	g->left = (struct itimerspec){ 0 };
	timerfd_settime(g->fd[ON_OVERTIME], 0, &grace, NULL);
	g->late = true;
}

/* A window needs a watchdog: close it, and start another watchdog if it cannot be closed. */
static void on_watchdog_ended(struct gate *g)
{
	watchdog_stop(&g->fd[ON_WATCHDOG]);
	gate_shut(g);
	if (g->window.standing && (g->fd[ON_WATCHDOG] = watchdog_start(&g->journal, &g->policy, &g->fault)) < 0)
		log_error("%s", g->fault.text);
	fault_set(&g->fault, FAULT_FAILED, "the watchdog has ended");
	gate_refuse(g);
	gate_tidy(g, true);
}

static void on_news(struct gate *g)
{
	report_mended(&g->window, window_mend(&g->window, &g->fault), &g->fault);
}

static void on_nonsense(struct gate *g)
{
	log_error("acmegate sent its gate nonsense: %s", g->fault.text);
	g->status = STATUS_FAILED;
	on_parent_ended(g);
}

/* The parent's word has crossed the gate's own: the window is closed already. */
static void on_late(struct gate *g)
{
	(void)g;
}

/* The records that count in each state; any other is nonsense. */
static handler *const table[STATES][VERBS] = {
	[FRESH] = { [VERB_POLICY] = on_policy },
	[AWAITING_COMMAND] = { [VERB_COMMAND] = on_command },
	[TOLD] = { [VERB_CLAIM] = on_claim, [VERB_PLAN] = inquiry_on_plan }, /* reading needs no lock */
	[CLAIMED] = { [VERB_POLICY] = on_limit,
		      [VERB_PLAN] = inquiry_on_plan,
		      [VERB_TRY_LISTENING] = inquiry_on_try_listening,
		      [VERB_EXPLAIN] = inquiry_on_explain,
		      [VERB_READ] = inquiry_on_read,
		      [VERB_PREPARE] = on_prepare,
		      [VERB_LET_IN] = on_late,
		      [VERB_SHUT] = on_shut },
	[PREPARED] = { [VERB_LET_IN] = on_let_in, [VERB_SHUT] = on_shut },
	[STANDING] = { [VERB_SHUT] = on_shut },
};

static void on_parent(struct gate *g)
{
	int rc = wire_receive_with(g->fd[ON_PARENT], &g->record, g->passed, &g->fault);
	handler *handle = rc > 0 ? table[g->state][g->record.verb] : NULL;

	if (rc > 0 && !handle)
		rc = fault_set(&g->fault, FAULT_FAILED, "%s out of turn", verb_name((enum verb)g->record.verb));
	if (rc < 0)
		on_nonsense(g);
	else if (handle)
		handle(g);
	else
		on_parent_ended(g);
	close_fd(&g->passed[0]);
	close_fd(&g->passed[1]);
}

static void loop(struct gate *g)
{
	static handler *const handlers[WATCHED] = {
		[ON_OVERTIME] = on_overtime, [ON_WATCHDOG] = on_watchdog_ended, [ON_PARENT] = on_parent, [ON_NEWS] = on_news
	};

	while (g->state != ENDED) {
		struct pollfd list[WATCHED];
		int i = 0;

		for (int j = 0; j < WATCHED; j++)
			list[j] = (struct pollfd){ .fd = g->fd[j], .events = POLLIN };
		if (poll(list, WATCHED, -1) < 0) {
			if (errno == EINTR)
				continue;
			fault_errno(&g->fault, FAULT_FAILED, "waiting");
			on_nonsense(g);
			return;
		}
		while (i < WATCHED && !list[i].revents) /* one event a round: each may change what there is to wait for */
			i++;
		if (i < WATCHED)
			handlers[i](g);
	}
}

int main(int argc, char **argv)
{
	static struct gate g;

	g = (struct gate){ .fd = { -1, -1, FD_WARDEN, -1 },
			   .state_fd = -1,
			   .passed = { -1, -1 },
			   .journal.fd = -1,
			   .journal.single = -1,
			   .window.news = -1 };
	if (fill_standard() < 0)
		return STATUS_FAILED;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	log_start(NULL, log_detail_of(argc > 2 ? argv[2] : NULL));
	(void)setpriority(PRIO_PROCESS, 0, -20);			 /* a busy machine must not keep the port open */
	(void)setsid();							 /* and no key on a terminal */
	g.fd[ON_OVERTIME] = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC); /* goes on while the machine sleeps */
	if (g.fd[ON_OVERTIME] < 0 || fcntl(FD_WARDEN, F_SETFL, O_NONBLOCK) < 0) {
		log_error("preparing to wait: %s", strerror(errno));
		return STATUS_FAILED;
	}
	loop(&g);
	log_finish();
	return g.status;
}
