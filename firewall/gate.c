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
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "base/sockets.h"
#include "base/launch.h"
#include "base/launch_program.h"
#include "base/wire.h"
#include "firewall/backends.h"
#include "firewall/listener.h"
#include "firewall/recovery.h"
#include "firewall/watchdog.h"
#include "firewall/report.h"
#include "firewall/window.h"

#define WINDOWS 4	/* of our own client in one run, which needs one */
#define GRACE_SECONDS 5 /* for a parent to answer that the time is up */
#define REPEATED 100000 /* of a guard that follows a listener: its time ends it */

enum state { FRESH, AWAITING_COMMAND, TOLD, CLAIMED, PREPARED, STANDING, ENDED, STATES };

/* The descriptors of poll; news of the ruleset come last, since they may never end. */
enum watched { ON_OVERTIME, ON_WATCHDOG, ON_PARENT, ON_NEWS, WATCHED };

struct gate {
	enum state state;
	int status;
	int fd[WATCHED]; /* -1: not there */
	int state_fd;	 /* the state directory; -1: none */
	int passed[2];	 /* what came with the record */
	struct policy policy;
	char command[COMMAND_SIZE];
	struct journal journal;
	struct window window;
	bool own;		/* our own client's window */
	uint16_t target;	/* of the last plan for our own listener */
	struct itimerspec left; /* of the open time */
	bool runs;		/* the timer */
	unsigned int windows;
	bool late; /* the time is up, and the parent has not answered */
	struct record record;
	struct fault fault;
};

typedef void handler(struct gate *);

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* A parent that cannot be told must not wait: the end of the channel is the end for both. */
static void tell(struct gate *g, enum verb verb, uint32_t index, const void *data, size_t length)
{
	struct fault ignored;

	if (wire_send(g->fd[ON_PARENT], verb, index, data, length, &ignored) < 0)
		(void)shutdown(g->fd[ON_PARENT], SHUT_RDWR);
}

static void refuse(struct gate *g)
{
	tell(g, g->fault.code == EBUSY && g->fault.kind == FAULT_LATER ? VERB_OCCUPIED : VERB_FAULT, g->fault.kind, g->fault.text,
	     strlen(g->fault.text));
}

static void answer(struct gate *g, int rc)
{
	if (rc < 0)
		refuse(g);
	else
		tell(g, VERB_REPLY, 0, NULL, 0);
}

/* --- time --------------------------------------------------------------------------------------------------------- */

/* The timer has what is left of the open time: it runs while our own window is open, and always for another program. */
static void start_clock(struct gate *g)
{
	timerfd_settime(g->fd[ON_OVERTIME], 0, &g->left, NULL);
	g->runs = true;
}

static void stop_clock(struct gate *g)
{
	const struct itimerspec never = { 0 };

	if (g->runs) /* of a timer that does not, nothing would be left */
		timerfd_settime(g->fd[ON_OVERTIME], 0, &never, &g->left);
	g->runs = false;
}

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

/* --- the window --------------------------------------------------------------------------------------------------- */

/* Everything that ends a window ends here. */
static void shut(struct gate *g)
{
	g->fd[ON_NEWS] = -1; /* the window's own */
	if (g->window.standing && window_shut(&g->window, &g->fault) < 0)
		g->status = STATUS_FAILED; /* the journal stays armed */
	else if (g->own && g->state > CLAIMED)
		stop_clock(g);
}

static void clear_journal(struct gate *g)
{
	g->journal.net = NET_GATE;
	if (!g->journal.armed || journal_clear(&g->journal, &g->fault) == 0)
		return;
	log_error("%s; run acmegate recover when the disk works again", g->fault.text);
	g->status = STATUS_FAILED;
}

/* Work that can wait until the parent has its answer: the journal, the watchdog, the comparison. */
static void tidy(struct gate *g, bool for_good)
{
	bool opened = g->window.opened > 0;

	if (g->state <= CLAIMED || g->window.standing)
		return;
	clear_journal(g);
	if (for_good) {
		stop_clock(g);
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

static int hand_over_listeners(struct gate *g)
{
	int fds[2] = { -1, -1 }, rc;

	if (g->own && g->policy.mode != RESPONDER_WEBROOT && listener_open(g->window.opening.target, fds, &g->fault) < 0)
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

/* --- what the parent says ------------------------------------------------------------------------------------------ */

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
	memcpy(&g->policy, g->record.data, sizeof(g->policy));
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
	g->policy.seconds = policy->seconds;
	g->policy.user = policy->user;
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
		refuse(g);
	else
		tell(g, VERB_REPLY, 0, &past, sizeof(past));
}

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

static void on_plan(struct gate *g)
{
	static struct record text;
	int rc;

	g->own = g->record.index != 0;
	text.length = 0;
	rc = window_prepare(&g->window, &g->journal, &g->policy, g->own, &g->fault);
	print_plan(g, &text, rc);
	if (g->own)
		g->target = g->window.opening.target;
	answer(g, rc);
	tell(g, VERB_REPLY, 0, text.data, text.length);
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
static void on_try_listening(struct gate *g)
{
	int listeners[2] = { -1, -1 };

	answer(g, g->policy.mode == RESPONDER_WEBROOT ? find_server(g) : listener_open(g->target, listeners, &g->fault));
	close_fd(&listeners[0]);
	close_fd(&listeners[1]);
}

/* A client that failed before it asked for a window has not reached the CA, or was not liked there: the firewall may be the reason. */
static void on_explain(struct gate *g)
{
	if (!g->windows && window_prepare(&g->window, &g->journal, &g->policy, true, &g->fault) == 0 && g->window.plan.client[0])
		log_warning("%s", g->window.plan.client);
	for (size_t i = 0; g->windows && i < g->window.plan.remarks; i++)
		log_warning("%s", g->window.plan.remark[i]);
	window_free(&g->window);
	answer(g, 0);
}

/* A reading of the ruleset, which a rehearsal compares with another one. */
static void on_read(struct gate *g)
{
	_Static_assert(sizeof(g->window.before) == sizeof(struct reading), "one is sent as the other");
	if (window_prepare(&g->window, &g->journal, &g->policy, true, &g->fault) < 0)
		refuse(g);
	else
		tell(g, VERB_REPLY, 0, g->window.before, sizeof(g->window.before));
	window_free(&g->window);
}

static void on_prepare(struct gate *g)
{
	int rc;

	g->own = g->record.index != 0;
	g->policy.traced = g->record.index == 2;
	if (may_prepare(g) < 0) {
		refuse(g);
		return;
	}
	start_clock(g); /* preparing costs no open time, but has no more than that */
	g->state = PREPARED;
	launch_while(g->fd[ON_PARENT]);
	rc = prepare(g);
	launch_while(-1);
	if (rc == 0)
		return;
	refuse(g);
	tidy(g, true);
}

/* An opening for a parent that has gone need not be finished. */
static void on_let_in(struct gate *g)
{
	int rc;

	if (g->own)
		start_clock(g);
	g->state = STANDING;
	launch_while(g->fd[ON_PARENT]);
	rc = window_open(&g->window, &g->fault);
	launch_while(-1);
	if (rc < 0) {
		refuse(g);
		shut(g);
		tidy(g, true);
		return;
	}
	g->fd[ON_NEWS] = g->window.news;
	if (g->own) /* each moment counts */
		tell(g, VERB_OPENED, 0, NULL, 0);
	report_opened(&g->window);
	if (g->policy.detached)
		log_leave_terminal(); /* the client waits for the end of its hook's output */
	if (!g->own)
		tell(g, VERB_OPENED, 0, NULL, 0);
}

static void on_shut(struct gate *g)
{
	struct closed closed = { 0 };

	if (g->late)
		timerfd_settime(g->fd[ON_OVERTIME], 0, &(const struct itimerspec){ 0 }, NULL);
	g->late = false;
	shut(g);
	if (!g->window.standing) {
		closed.counted = g->window.evidence.counted;
		closed.packets = g->window.evidence.packets;
		memcpy(closed.shut, g->window.evidence.shut, sizeof(closed.shut));
		memcpy(closed.traced, g->window.traced, sizeof(closed.traced));
		tell(g, VERB_CLOSED, 0, &closed, sizeof(closed));
	}
	tidy(g, g->record.index == 0);
	tell(g, VERB_CLEARED, (uint32_t)g->status, NULL, 0);
}

/* --- what else happens --------------------------------------------------------------------------------------------- */

static void on_parent_ended(struct gate *g)
{
	if (g->window.standing)
		log_warning("acmegate has died: the gate closes the port");
	shut(g);
	tidy(g, true);
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
	shut(g);
	tell(g, VERB_OVERTIME, (uint32_t)(g->window.standing ? STATUS_FAILED : STATUS_DONE), NULL, 0);
	tidy(g, true);
	stop_clock(g);
	g->left = (struct itimerspec){ 0 };
	timerfd_settime(g->fd[ON_OVERTIME], 0, &grace, NULL);
	g->late = true;
}

/* A window needs a watchdog: close it, and start another watchdog if it cannot be closed. */
static void on_watchdog_ended(struct gate *g)
{
	watchdog_stop(&g->fd[ON_WATCHDOG]);
	shut(g);
	if (g->window.standing && (g->fd[ON_WATCHDOG] = watchdog_start(&g->journal, &g->policy, &g->fault)) < 0)
		log_error("%s", g->fault.text);
	fault_set(&g->fault, FAULT_FAILED, "the watchdog has ended");
	refuse(g);
	tidy(g, true);
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
	[TOLD] = { [VERB_CLAIM] = on_claim, [VERB_PLAN] = on_plan }, /* reading needs no lock */
	[CLAIMED] = { [VERB_POLICY] = on_limit,
		      [VERB_PLAN] = on_plan,
		      [VERB_TRY_LISTENING] = on_try_listening,
		      [VERB_EXPLAIN] = on_explain,
		      [VERB_READ] = on_read,
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
