// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * liar - acmegate-surveyor that turns against the process which has started it.
 *
 * The file "orders" beside the program says "ACT confined|loose": loose leaves out the sandbox, to show that these attacks
 * can succeed. Each thing that must not have worked is a line "gained: ..." on stderr.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/confine.h"
#include "backends/nft/survey.h"
#include "base/sandbox.h"

static void gained(const char *what)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "gained: %s\n", what);

	(void)!write(STDERR_FILENO, line, (size_t)n);
}

static void say(uint32_t kind, const void *payload, size_t length)
{
	struct survey_answer answer = { .kind = kind };

	memcpy(answer.request, payload, length);
	(void)send(FD_QUESTIONS, &answer, SURVEY_ANSWER_SIZE(length), MSG_NOSIGNAL);
}

/* A message about the table "inet filter" of the tests. */
static struct nlmsghdr *build(char *buffer, uint16_t type, uint16_t flags)
{
	static struct netlink netlink;

	return netlink_about(&netlink, buffer, type, flags, NFPROTO_INET, "filter", NULL, 0);
}

static struct nlmsghdr *mark(char *buffer, uint16_t type)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST;
	generic->res_id = htons(NFNL_SUBSYS_NFTABLES);
	return message;
}

/* One record of several messages. */
static size_t build_batch(char *buffer)
{
	size_t used = mark(buffer, NFNL_MSG_BATCH_BEGIN)->nlmsg_len;

	used += build(buffer + used, NFT_MSG_DELTABLE, NLM_F_ACK)->nlmsg_len;
	return used + mark(buffer + used, NFNL_MSG_BATCH_END)->nlmsg_len;
}

static void act_write(char *buffer)
{
	say(SAY_READ, buffer, build(buffer, NFT_MSG_DELTABLE, 0)->nlmsg_len);
}

static void act_batch(char *buffer)
{
	say(SAY_READ, buffer, build_batch(buffer));
}

/* A request that reads, and behind it one that does not. */
static void act_tail(char *buffer)
{
	size_t used = build(buffer, NFT_MSG_GETTABLE, NLM_F_DUMP)->nlmsg_len;

	say(SAY_READ, buffer, used + build_batch(buffer + used));
}

static void act_reset(char *buffer)
{
	say(SAY_READ, buffer, build(buffer, NFT_MSG_GETOBJ_RESET, NLM_F_DUMP)->nlmsg_len);
}

static void act_other(char *buffer)
{
	struct nlmsghdr *message = build(buffer, NFT_MSG_GETTABLE, NLM_F_DUMP);

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | (message->nlmsg_type & 0xff);
	say(SAY_READ, buffer, message->nlmsg_len);
}

/* Over the socket, past who has started it. */
static void act_directly(char *buffer, int fd)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (sendto(fd, buffer, build_batch(buffer), 0, (struct sockaddr *)&kernel, sizeof(kernel)) > 0) {
		ssize_t n = recv(fd, buffer, 1024, 0);
		const struct nlmsghdr *message = (const void *)buffer;
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

		if (n > 0 && message->nlmsg_type == NLMSG_ERROR && error->error == 0)
			gained("a table was deleted");
	}
}

/* It must not see the kernel's messages about the ruleset, or about connections. */
static void join_groups(int fd)
{
	for (int group = 1; group < 32; group++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0)
			gained("news of a group of netlink");
}

static void act_direct(char *buffer)
{
	for (int fd = FD_NETLINK; fd <= FD_TRACE; fd++) {
		act_directly(buffer, fd);
		join_groups(fd);
	}
	_exit(0);
}

static struct survey_question question; /* the last one */

static void act_findings(char *buffer)
{
	struct spot spot = { .family = NFPROTO_INET };

	(void)buffer;
	for (int i = 0; i <= SURVEY_MOST; i++)
		say(SAY_SPOT, &spot, sizeof(spot));
}

/* Names without an end; the ruleset has no such chain. */
static void act_names(char *buffer)
{
	struct spot spot;

	(void)buffer;
	memset(&spot, 'x', sizeof(spot));
	spot.family = NFPROTO_INET;
	spot.holder = HOLDER_NOBODY;
	spot.leaving = spot.bindable = true;
	spot.bound = BOUND_BY_HOOK;
	memset(spot.handle, 0, sizeof(spot.handle));
	if (question.verb == ASK_CHOOSE)
		say(SAY_SPOT, &spot, sizeof(spot));
	memset(buffer, 0, sizeof(((struct survey_answer *)0)->done));
	say(SAY_DONE, buffer, sizeof(((struct survey_answer *)0)->done));
}

static void act_kinds(char *buffer)
{
	memset(buffer, 0xff, 512);
	say(77, buffer, 512);
}

/* Nobody has asked for it. */
static void act_remark(char *buffer)
{
	memset(buffer, 'z', SURVEY_REMARK);
	say(SAY_REMARK, buffer, SURVEY_REMARK);
}

/* Answers nothing until acmegate asks for remarks: those never end, and would write on the terminal. */
static void act_remarks(char *buffer)
{
	do {
		memset(buffer, '\033', SURVEY_REMARK);
		while (question.verb == ASK_REMARKS)
			say(SAY_REMARK, buffer, SURVEY_REMARK);
		memset(buffer, 0, sizeof(((struct survey_answer *)0)->done));
		say(SAY_DONE, buffer, sizeof(((struct survey_answer *)0)->done));
	} while (recv(FD_QUESTIONS, &question, sizeof(question), 0) == (ssize_t)sizeof(question));
}

static void act_short(char *buffer)
{
	(void)buffer;
	(void)send(FD_QUESTIONS, "x", 1, MSG_NOSIGNAL);
}

static void act_fault(char *buffer)
{
	struct fault fault;

	(void)buffer;
	memset(&fault, 'y', sizeof(fault));
	say(SAY_FAULT, &fault, sizeof(fault));
}

static void act_crash(char *buffer)
{
	(void)buffer;
	__builtin_trap();
}

static void act_everything(char *buffer)
{
	char *const argv[] = { (char[]){ "/bin/true" }, NULL };
	int fd;

	if (open("/etc/passwd", O_RDONLY) >= 0)
		gained("/etc/passwd can be read");
	if (open("/tmp/acmegate-liar", O_WRONLY | O_CREAT, 0600) >= 0)
		gained("a file was made");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd >= 0)
		gained("a socket of IPv4");
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	if (fd >= 0)
		gained("a netlink socket of its own");
	if (kill(getppid(), 0) == 0)
		gained("a signal can be sent to acmegate");
	if (ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == 0)
		gained("acmegate can be traced");
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		gained("memory to run code from");
	if (fork() == 0) {
		gained("a process");
		execv(argv[0], argv);
		_exit(0);
	}
	act_direct(buffer);
}

static const struct act {
	const char *name;
	void (*run)(char *buffer);
} acts[] = {
	{ "write", act_write },		  { "batch", act_batch },   { "tail", act_tail },	{ "reset", act_reset },
	{ "other", act_other },		  { "direct", act_direct }, { "names", act_names },	{ "findings", act_findings },
	{ "kinds", act_kinds },		  { "short", act_short },   { "fault", act_fault },	{ "crash", act_crash },
	{ "everything", act_everything }, { "remark", act_remark }, { "remarks", act_remarks },
};

static const struct act *read_orders(bool *confined)
{
	char path[PATH_MAX], name[32], how[32];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	FILE *orders;
	int words;

	path[n < 0 ? 0 : n] = '\0';
	snprintf(strrchr(path, '/') + 1, 7, "orders");
	orders = fopen(path, "re");
	words = orders ? fscanf(orders, "%31s %31s", name, how) : 0;
	if (orders)
		fclose(orders);
	*confined = words == 2 && !strcmp(how, "confined");
	for (size_t i = 0; words == 2 && i < LENGTH_OF(acts); i++)
		if (!strcmp(acts[i].name, name))
			return &acts[i];
	return NULL;
}

int main(void)
{
	static char buffer[4096];
	struct fault fault;
	bool confined;
	const struct act *act = read_orders(&confined);

	if (!act || (confined && (sandbox_prove(ROLE_SURVEYOR, &fault) < 0 || confine(ROLE_SURVEYOR, NULL, -1, &fault) < 0)))
		return 4;
	while (recv(FD_QUESTIONS, &question, sizeof(question), 0) == (ssize_t)sizeof(question))
		act->run(buffer);
	return 0;
}
