// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * gate [-p MILLISECONDS] [RUNS [BACKEND [TABLE CHAIN]]] - prints the median cost of planning (before the window), opening and closing (around it) in
 * process, in milliseconds, in the ruleset of this namespace. The backend is nftables if none is named.
 *
 * -p: so long it stands open, as it does while a CA validates; what the opening has replaced the kernel takes back meanwhile, and has
 * that memory at hand when it closes.
 *
 * With a chain of a table of family inet also the least that anybody can pay: the kernel's two commits that put one rule of
 * one expression there and take it away, measured in turn with the others, each after a reading of the ruleset as they are.
 */
#include <stdio.h> /* before libnftnl's headers, which need it */

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "firewall/backends.h"
#include "backends/nft/batch.h"
#include "firewall/window.h"

#define MOST 1001

struct figures {
	double plan[MOST], open[MOST], close[MOST], insert[MOST], remove[MOST], dump[MOST];
};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static long standing; /* milliseconds */

static void stand(void)
{
	const struct timespec pause = { standing / 1000, standing % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

static int measure(const struct backend *backend, struct ruleset *ruleset, struct figures *figures, int run, struct fault *fault)
{
	static struct plan lines;
	struct opening opening;
	double first = clock_seconds(), start, opened, closing;

	if (opening_make(&opening, 80, 60, fault) < 0 || backend->plan(ruleset, &opening, &lines, fault) < 0)
		return -1;
	start = clock_seconds();
	if (backend->open(ruleset, &opening, fault) < 0)
		return -1;
	opened = clock_seconds();
	stand();
	closing = clock_seconds();
	if (backend->close(ruleset, opening.tag, fault) < 0)
		return -1;
	figures->plan[run] = (start - first) * 1e3;
	figures->open[run] = (opened - start) * 1e3;
	figures->close[run] = (clock_seconds() - closing) * 1e3;
	return 0;
}

static int take_handle(const struct nlmsghdr *message, void *handle, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_HANDLE + 1];

	(void)fault;
	attrs_of_message(message, attrs, NFTA_RULE_HANDLE);
	*(uint64_t *)handle = attr_u64(attrs[NFTA_RULE_HANDLE], *(uint64_t *)handle);
	return 0;
}

static void add_rule(struct batch *batch, const char *table, const char *chain)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nftnl_expr *accept = nftnl_expr_alloc("immediate");

	nftnl_expr_set_u32(accept, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(accept, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
	nftnl_rule_add_expr(rule, accept);
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_nlmsg_build_payload(nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWRULE, NFPROTO_INET,
							     NLM_F_CREATE | NLM_F_ECHO, ++batch->netlink->sequence),
				       rule);
	batch_add(batch);
	nftnl_rule_free(rule);
}

/* One commit; the milliseconds that the kernel takes for it. */
static double commit(struct netlink *netlink, const char *table, const char *chain, uint64_t *handle, struct fault *fault)
{
	double start = clock_seconds();
	uint32_t generation;
	struct batch batch;
	int rc;

	if (netlink_generation(netlink, &generation, fault) < 0 || batch_begin(&batch, netlink, generation, fault) < 0)
		return -1;
	if (*handle)
		batch_delete(&batch, NFT_MSG_DELRULE, NFPROTO_INET, table, chain, *handle);
	else
		add_rule(&batch, table, chain);
	rc = batch_commit(&batch, take_handle, handle, fault);
	batch_free(&batch);
	return rc < 0 ? -1 : (clock_seconds() - start) * 1e3;
}

static int look_away(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	(void)message, (void)arg, (void)fault;
	return 0;
}

/* The kernel tells all rules, and nobody listens: less than this no survey can take. */
static int measure_dump(struct netlink *netlink, double *milliseconds, struct fault *fault)
{
	double start = clock_seconds();
	char buffer[512];
	int rc = netlink_dump(netlink, netlink_request(netlink, buffer, NFT_MSG_GETRULE), look_away, NULL, fault);

	*milliseconds = (clock_seconds() - start) * 1e3;
	return rc;
}

/* Reading all of it has the same effect on the caches and the memory of the machine as before an opening. */
static int measure_kernel(const struct backend *backend, struct ruleset *ruleset, struct netlink *netlink, char **chain,
			  struct figures *figures, int run, struct fault *fault)
{
	static struct plan lines;
	struct opening opening;
	uint64_t handle = 0;

	if (opening_make(&opening, 80, 60, fault) < 0 || backend->plan(ruleset, &opening, &lines, fault) < 0)
		return -1;
	figures->insert[run] = commit(netlink, chain[0], chain[1], &handle, fault);
	stand();
	if (figures->insert[run] >= 0)
		figures->remove[run] = commit(netlink, chain[0], chain[1], &handle, fault);
	if (measure_dump(netlink, &figures->dump[run], fault) < 0)
		return -1;
	return figures->insert[run] < 0 || figures->remove[run] < 0 ? -1 : 0;
}

static double median(double *list, int runs)
{
	qsort(list, (size_t)runs, sizeof(list[0]), by_size);
	return list[runs / 2];
}

int main(int argc, char **argv)
{
	static const struct means means; /* no backend that is measured here reads it */
	static struct figures figures;
	const int skip = argc > 2 && !strcmp(argv[1], "-p") ? 2 : 0;
	int runs = argc > skip + 1 ? atoi(argv[skip + 1]) : 101;
	const char *name = argc > skip + 2 ? argv[skip + 2] : "nftables";
	char **chain = argc == skip + 5 ? argv + skip + 3 : NULL;
	const struct backend *backend = NULL;
	struct ruleset *ruleset = NULL;
	struct netlink netlink = { 0 };
	struct fault fault;

	standing = skip ? atol(argv[2]) : 0;
	for (int i = 0; backends[i]; i++)
		backend = backends[i]->choice < BACKEND_CHOICES && !strcmp(backend_names[backends[i]->choice], name) ? backends[i] :
														       backend;
	if (runs < 1 || runs > MOST || !backend)
		return STATUS_USAGE;
	if (backend->attach(&ruleset, &means, &fault) != 1 || (chain && netlink_open(&netlink, &fault) != 1)) {
		fprintf(stderr, "no %s here\n", name);
		return STATUS_FAILED;
	}
	for (int i = 0; i < runs; i++)
		if (measure(backend, ruleset, &figures, i, &fault) < 0 ||
		    (chain && measure_kernel(backend, ruleset, &netlink, chain, &figures, i, &fault) < 0)) {
			fprintf(stderr, "%s\n", fault.text);
			return STATUS_FAILED;
		}
	backend->detach(ruleset);
	netlink_close(&netlink);
	printf("plan %.3f ms open %.3f ms close %.3f ms (medians of %d)\n", median(figures.plan, runs), median(figures.open, runs),
	       median(figures.close, runs), runs);
	if (chain)
		printf("the kernel's two commits alone: %.3f ms to insert one rule of one expression, %.3f ms to delete it; its dump of all rules "
		       "alone: %.3f ms\n",
		       median(figures.insert, runs), median(figures.remove, runs), median(figures.dump, runs));
	return STATUS_DONE;
}
