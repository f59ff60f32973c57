// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/window.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "firewall/backends.h"
#include "firewall/listener.h"
#include "backends/nft/host.h"
#include "backends/nft/survey.h"
#include "base/log.h"

#define SHUT_SECONDS 20 /* when each attempt is slow; otherwise it ends after 2 seconds */

static struct means for_backends; /* the argument of attach() */

void window_use(const struct policy *policy, const char *command)
{
	snprintf(for_backends.command, sizeof(for_backends.command), "%s", command);
	for_backends.port = policy->port;
	for_backends.seconds = policy->seconds;
}

static uint32_t mask_of(const struct window *window)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; backends[i]; i++)
		mask |= window->ruleset[i] ? 1U << i : 0;
	return mask;
}

static bool is_chosen(const struct window *window, const struct policy *policy, const struct backend *backend)
{
	if (backend->redirects)
		return window->opening.target != window->opening.port || window->opening.traced;
	if (policy->backend == BACKEND_AUTO)
		return !backend->last || window->plan.owned[0];
	return backend->choice == policy->backend;
}

static int attach(struct window *window, const struct policy *policy, struct fault *fault)
{
	for (int i = 0; backends[i]; i++)
		if (!window->ruleset[i] && is_chosen(window, policy, backends[i]) &&
		    backends[i]->attach(&window->ruleset[i], &for_backends, fault) < 0)
			return -1;
	if (!mask_of(window))
		return fault_set(fault, FAULT_FAILED,
				 "this kernel has no nf_tables, and acmegate knows no other firewall here: "
				 "load the module (modprobe nf_tables)");
	return 0;
}

static int watch(struct window *window, int fd, struct fault *fault)
{
	struct epoll_event readable = { .events = EPOLLIN };

	if (epoll_ctl(window->news, EPOLL_CTL_ADD, fd, &readable) < 0 && errno != EEXIST)
		return fault_errno(fault, FAULT_LATER, "watching the firewall");
	return 0;
}

static int make_plan(struct window *window, const struct policy *policy, struct fault *fault)
{
	memset(&window->plan, 0, sizeof(window->plan));
	for (int i = 0; backends[i]; i++) {
		struct ruleset *ruleset = window->ruleset[i];

		if (ruleset && (backends[i]->plan(ruleset, &window->opening, &window->plan, fault) < 0 ||
				(backends[i]->digest && backends[i]->digest(ruleset, window->before[i], fault) < 0) ||
				(backends[i]->watch && watch(window, backends[i]->watch(ruleset), fault) < 0)))
			return -1;
	}
	if (window->plan.left[0] && policy->backend == BACKEND_NFTABLES)
		return fault_set(fault, FAULT_FAILED, "%s", window->plan.left);
	if (window->plan.unbound)
		window->opening.own_listener = false;
	return 0;
}

static uint16_t choose_target(const struct policy *policy)
{
	struct fault fault;
	uint16_t port = listener_choose(policy->target, &fault);

	if (port != policy->target)
		log_warning("acmegate listens on port %u this time: %s", port, fault.text);
	return port;
}

/* A chain that only its owner can change, firewalld's for example, may still accept what was redirected by nat. */
static int go_around(struct window *window, const struct policy *policy, struct fault *fault)
{
	char why[FAULT_TEXT_SIZE];

	memcpy(why, window->plan.owned, sizeof(why));
	if (window->opening.own_listener && window->opening.target == window->opening.port) {
		window->plan.owned[0] = '\0';
		window->opening.target = choose_target(policy);
		if (attach(window, policy, fault) < 0 || make_plan(window, policy, fault) < 0)
			return -1;
	}
	if (window->plan.owned[0] && (attach(window, policy, fault) < 0 || make_plan(window, policy, fault) < 0))
		return -1;
	return window->plan.owned[0] ? fault_set(fault, FAULT_FAILED, "%s", why) : 0;
}

/* An address that is not this host's says nothing: a router may be between the world and the host. */
static void take_addresses(struct opening *opening, const struct whereabouts *at)
{
	struct fault ignored;
	struct host host = { 0 };
	struct mnl_socket *route = host_connect(&ignored);
	bool known = route && host_read(&host, route, &ignored) == 0;

	_Static_assert(OPENING_ADDRESSES == WHEREABOUTS_MOST, "one is copied to the other");
	opening->addresses4 = known && at->addresses4 <= OPENING_ADDRESSES ? at->addresses4 : 0;
	opening->addresses6 = known && at->addresses6 <= OPENING_ADDRESSES ? at->addresses6 : 0;
	memcpy(opening->address4, at->address4, sizeof(opening->address4));
	memcpy(opening->address6, at->address6, sizeof(opening->address6));
	for (uint32_t i = 0; i < opening->addresses4; i++)
		if (!host_has(&host, NFPROTO_IPV4, opening->address4[i]))
			opening->addresses4 = 0;
	for (uint32_t i = 0; i < opening->addresses6; i++)
		if (!host_has(&host, NFPROTO_IPV6, opening->address6[i]))
			opening->addresses6 = 0;
	if (route)
		mnl_socket_close(route);
	host_free(&host);
}

static int prepare(struct window *window, struct journal *journal, const struct policy *policy, bool own_listener,
		   const struct whereabouts *at, struct fault *fault)
{
	memset(window, 0, sizeof(*window));
	window->journal = journal;
	window->news = epoll_create1(EPOLL_CLOEXEC);
	if (window->news < 0)
		return fault_errno(fault, FAULT_LATER, "watching the firewall");
	if (opening_make(&window->opening, policy->port, policy->seconds, fault) < 0)
		return -1;
	window->opening.own_listener = own_listener && policy->mode != RESPONDER_WEBROOT;
	if (own_listener) { /* the CA asks for our own client */
		window->opening.public_ca = policy->public_ca != 0;
		window->opening.traced = policy->traced != 0;
		window->opening.ca_port = policy->ca_port;
		window->opening.client = policy->user;
	}
	if (at && (at->addresses4 || at->addresses6))
		take_addresses(&window->opening, at);
	if (own_listener && policy->mode == RESPONDER_REDIRECT)
		window->opening.target = choose_target(policy);
	if (attach(window, policy, fault) < 0 || make_plan(window, policy, fault) < 0)
		return -1;
	return window->plan.owned[0] ? go_around(window, policy, fault) : 0;
}

int window_prepare(struct window *window, struct journal *journal, const struct policy *policy, bool own_listener, struct fault *fault)
{
	return prepare(window, journal, policy, own_listener, NULL, fault);
}

int window_prepare_at(struct window *window, struct journal *journal, const struct policy *policy, const struct whereabouts *at,
		      struct fault *fault)
{
	return prepare(window, journal, policy, true, at, fault);
}

void window_remark(struct window *window, const struct policy *policy)
{
	struct peer ca = { .family = policy->ca_family };
	struct fault fault;

	memcpy(ca.address, policy->ca, sizeof(ca.address));
	for (int i = 0; backends[i]; i++)
		if (window->ruleset[i] && backends[i]->remark) {
			if (backends[i]->remark(window->ruleset[i], &window->opening, &ca, policy->ca_family != 0, &window->plan,
						&fault) < 0)
				log_warning("%s", fault.text);
			return;
		}
}

int window_open(struct window *window, struct fault *fault)
{
	double start, last;

	window->standing = true;
	if (!window->opening.own_listener && connections_note(&window->connected, window->opening.target, fault) < 0)
		return -1;
	if (journal_arm(window->journal, &window->opening, mask_of(window), fault) < 0)
		return -1;
	start = last = clock_boot_seconds();
	for (int i = WINDOW_BACKENDS; i-- > 0;) { /* in reverse, see backends[] */
		if (!window->ruleset[i])
			continue;
		last = clock_boot_seconds();
		if (backends[i]->open(window->ruleset[i], &window->opening, fault) < 0)
			return -1;
	}
	window->opened = last; /* packets have to pass all of them */
	window->open_cost = clock_boot_seconds() - start;
	return 0;
}

static void gather(struct window *window)
{
	memset(&window->evidence, 0, sizeof(window->evidence));
	for (int i = 0; backends[i]; i++)
		if (window->ruleset[i] && backends[i]->tell)
			backends[i]->tell(window->ruleset[i], &window->evidence);
}

/* Rules that are put back live no longer than those that were swept away would have. */
int window_mend(struct window *window, struct fault *fault)
{
	struct opening rest = window->opening;
	double left = rest.seconds - (clock_boot_seconds() - window->opened);
	double start = clock_seconds();
	int mended = 0;

	rest.seconds = left < 1 ? 1 : (uint32_t)left + 1;
	for (int i = 0; backends[i]; i++) { /* one that fails does not keep the others shut */
		bool mends = window->ruleset[i] && backends[i]->mend;
		int rc = mends ? backends[i]->mend(window->ruleset[i], &rest, fault) : 0;

		mended = rc < 0 || mended < 0 ? -1 : mended | rc;
	}
	window->mend_cost = clock_seconds() - start;
	gather(window);
	window->mended = window->mended || mended > 0;
	return mended;
}

int window_close(struct window *window, struct fault *fault)
{
	struct fault one;
	int rc = 0;

	for (int i = 0; backends[i]; i++) /* one that fails does not keep the others open, nor do these have its last word */
		if (window->ruleset[i] && backends[i]->close(window->ruleset[i], window->opening.tag, &one) < 0) {
			*fault = one;
			rc = -1;
		}
	if (rc < 0)
		return -1;
	window->open_for = window->opened > 0 ? clock_boot_seconds() - window->opened : 0;
	gather(window);
	window->standing = false;
	return 0;
}

/* The ruleset is without our rules again. Where that cannot be told, nobody was let in by it. */
static uint64_t admit(void *arg, const struct peer *peer, size_t n)
{
	const struct window *window = arg;
	uint64_t admitted = UINT64_MAX;
	struct fault fault;

	for (int i = 0; backends[i] && admitted; i++) {
		const struct backend *backend = window->ruleset[i] ? backends[i] : NULL;
		int rc = backend && backend->admit ?
				 backend->admit(window->ruleset[i], &window->opening, peer, n, &admitted, &fault) :
				 0;

		if (rc < 0)
			log_warning("which connections the ruleset lets in anyway is not known: %s", fault.text);
		if (rc < 0 || (backend && !backend->admit))
			admitted = 0;
	}
	return admitted;
}

/* Resets the connections that came in through the window to a foreign listener. With nothing to open they stay. */
static void end_connections(struct window *window)
{
	struct fault fault;
	int ended;

	if (window->opening.own_listener || (!window->plan.lines && !window->mended))
		return;
	ended = connections_end(&window->connected, window->opening.target, admit, window, &fault);
	if (ended < 0)
		log_warning("%s", fault.text);
	else if (ended > 0)
		log_info("%d connection%s that came through the port ended", ended, ended == 1 ? "" : "s");
}

/* The way of packets is evidence: without it the window was as good. */
static void tell_trace(struct window *window)
{
	struct fault fault;

	if (window->evidence.traced && survey_traced(&window->opening, window->traced, &fault) < 0)
		log_warning("the packets were traced in vain: %s", fault.text);
	else if (window->traced[0])
		log_notice("packets for port %u were traced: %s", window->opening.port, window->traced);
}

int window_shut(struct window *window, struct fault *fault)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	double end = clock_seconds() + SHUT_SECONDS;

	for (int i = 0; window_close(window, fault) < 0; i++) {
		log_error("closing port %u: %s", window->opening.port, fault->text);
		if (i == 20 || clock_seconds() > end) {
			log_error("the port may still be open; the watchdog goes on trying, and every command of acmegate tries again, "
				  "first of all acmegate recover. The kernel closes its rules after %u s at the latest",
				  window->opening.seconds);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	if (window->opened <= 0)
		return 0;
	if (window->plan.lines || window->mended) /* else there was nothing to open */
		log_notice("port %u closed after %.1f ms", window->opening.port, window->open_for * 1e3);
	end_connections(window);
	tell_trace(window); /* last: nothing waits for a surveyor that is slow */
	return 0;
}

void window_free(struct window *window)
{
	for (int i = 0; backends[i]; i++)
		if (window->ruleset[i])
			backends[i]->detach(window->ruleset[i]);
	memset(window->ruleset, 0, sizeof(window->ruleset));
	close_fd(&window->news);
}

/* The journal says that it may stand: a backend that is no longer to be used cannot be asked. */
static int say_gone(const struct backend *backend, struct fault *fault)
{
	return fault_set(fault, FAULT_FAILED,
			 "an earlier run opened by [gate] %s, which the configuration does not name any more: put it "
			 "back, or close by hand what it opened and remove the journal in the state directory",
			 backend_names[backend->choice]);
}

/* First what the journal names: that is ours whatever it looks like. 1, 0 or -1 as close(). */
static int close_leftovers(const struct backend *backend, struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	int named = tag ? backend->close(ruleset, tag, fault) : 0, any = 0;

	if (named >= 0 && (!backend->on_demand || !tag)) /* a firewall that hangs is asked once */
		any = backend->close(ruleset, NULL, fault);
	return named < 0 || any < 0 ? -1 : named | any;
}

/*
 * Any tag, not the journal's only: there is one gate at a time, so whatever else carries a tag is a leftover too. And not
 * only when the journal is armed: a ruleset that somebody saved during a window and loads later brings the rules back.
 */
int window_sweep(const struct journal *journal, struct fault *fault)
{
	const uint32_t armed = !journal ? UINT32_MAX : journal->armed ? journal->backends : 0;
	const char *tag = journal && journal->armed && journal->opening.tag[0] ? journal->opening.tag : NULL;
	int result = 0;

	for (int i = 0; backends[i]; i++) { /* one that fails does not keep the others open, nor do these have its last word */
		const bool on_demand = backends[i]->on_demand, may_stand = armed & (1U << i);
		struct ruleset *ruleset = NULL;
		struct fault one;
		int rc = !on_demand || may_stand ? backends[i]->attach(&ruleset, &for_backends, &one) : 0;

		if (rc == 0 && on_demand && may_stand && armed != UINT32_MAX)
			rc = say_gone(backends[i], &one);
		if (rc > 0) {
			rc = close_leftovers(backends[i], ruleset, tag, &one);
			backends[i]->detach(ruleset);
		}
		if (rc < 0)
			*fault = one;
		result = rc < 0 || result < 0 ? -1 : result | rc;
	}
	return result < 0 ? fault_at(fault, "closing what an earlier run left open") : result;
}

int window_recover(struct journal *journal, struct fault *fault)
{
	bool armed = journal->armed;
	int found = window_sweep(journal, fault);

	if (armed && journal->net != NET_WATCHDOG)
		journal->net = !found ? NET_GONE : journal->opening.own_listener ? NET_KERNEL : NET_RECOVERY;
	if (found < 0 || (armed && journal_clear(journal, fault) < 0))
		return -1;
	return found ? RECOVERY_RULES : armed ? RECOVERY_ARMED : RECOVERY_NOTHING;
}
