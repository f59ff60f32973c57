// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/dns_program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/base64url.h"
#include "base/environment.h"
#include "base/kernel.h"
#include "base/launch_program.h"
#include "base/log.h"
#include "base/reply.h"
#include "base/sandbox.h"
#include "host/guest.h"

#define HOMES "programs" /* in the state directory: one for each section, for what its program keeps */
#define MOST_WORDS 64
#define OWN_VARIABLES 8
#define PLAIN "abcdefghijklmnopqrstuvwxyz0123456789-_."

enum { ON_CHANNEL = STDERR_FILENO + 1, ON_KEEPER, ON_STATE, ON_END }; /* descriptors */

/* The words and variables of one run. */
struct call {
	char command[COMMAND_SIZE], fqdn[NAME_SIZE + 1], home[PATH_SIZE + LABEL_SIZE + sizeof(HOMES) + 2];
	char who[LABEL_SIZE + 8], remedy[LABEL_SIZE + 64];
	char own[OWN_VARIABLES][PATH_SIZE + NAME_SIZE + 32];
	char *word[MOST_WORDS + 4], *variable[ENVIRONMENT_MOST + OWN_VARIABLES + 1];
	size_t variables;
	struct environment file;
};

/* --- one run ------------------------------------------------------------------------------------------------------ */

/* acmegate-dns talks to name servers: what it passes on becomes words of a program. */
static bool is_plain(const char *name)
{
	return !name[strspn(name, PLAIN)] && name[0] != '-';
}

static int check(const struct record *record, uint32_t section, struct fault *fault)
{
	const struct placed *placed = (const void *)record->data;

	if ((record->verb != VERB_PUT_VALUE && record->verb != VERB_TAKE_VALUE) || record->index != section)
		return fault_set(fault, FAULT_FAILED, "%s is no question for this process", verb_name((enum verb)record->verb));
	if (!placed->owner[0] || !is_plain(placed->owner) || !is_plain(placed->zone) || !is_plain(placed->name))
		return fault_set(fault, FAULT_FAILED, "%s: a program is not told of a name with such characters", placed->owner);
	for (size_t i = 0; i < VALUE_SIZE; i++)
		if (i == VALUE_SIZE - 1 ? placed->value[i] : !base64url_is(placed->value[i]))
			return fault_set(fault, FAULT_FAILED, "%s: not a value of dns-01", placed->owner);
	return 0;
}

/* A directory of the user's own, where a program may keep what it needs from present to cleanup, and between runs. */
static int make_home(const struct dns *dns, uid_t uid, gid_t gid, struct fault *fault)
{
	OWN_FD int homes = -1;
	OWN_FD int home = -1;

	(void)mkdirat(ON_STATE, HOMES, 0711);
	homes = openat(ON_STATE, HOMES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (homes >= 0)
		(void)mkdirat(homes, dns->name, 0700);
	home = homes < 0 ? -1 : openat(homes, dns->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (home < 0 || fchownat(homes, dns->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fault_errno(fault, FAULT_FAILED, HOMES "/%s in the state directory", dns->name);
	return 0;
}

/* NAME=VALUE, unless the file has another value. */
static void add(struct call *call, size_t i, const char *name, const char *value)
{
	const size_t length = strlen(name);

	for (size_t k = 0; k < call->file.variables; k++)
		if (!strncmp(call->file.variable[k], name, length) && call->file.variable[k][length] == '=')
			return;
	snprintf(call->own[i], sizeof(call->own[i]), "%s=%s", name, value);
	call->variable[call->variables++] = call->own[i];
}

static int list_variables(struct call *call, const struct dns *dns, const struct placed *placed, struct fault *fault)
{
	const struct dns_program *program = &dns->program;

	call->variables = 0;
	call->file.variables = 0;
	if (program->environment_file[0] && environment_read(program->environment_file, &call->file, fault) < 0)
		return -1;
	add(call, 0, "PATH", "/usr/local/bin:/usr/bin:/bin");
	add(call, 1, "HOME", call->home);
	add(call, 2, "LANG", "C.UTF-8");
	add(call, 3, "ACMEGATE_ZONE", placed->zone);
	add(call, 4, "ACMEGATE_NAME", placed->name);
	for (size_t i = 0; i < call->file.variables; i++)
		call->variable[call->variables++] = call->file.variable[i];
	call->variable[call->variables] = NULL;
	return 0;
}

static void list_words(struct call *call, const struct dns *dns, const struct placed *placed, bool put)
{
	static char present[] = "present", cleanup[] = "cleanup";
	size_t n;

	snprintf(call->command, sizeof(call->command), "%s", dns->program.command);
	n = launch_split(call->command, call->word, MOST_WORDS);
	snprintf(call->fqdn, sizeof(call->fqdn), "%s.", placed->owner);
	call->word[n++] = put ? present : cleanup;
	call->word[n++] = call->fqdn;
	call->word[n++] = (char *)(uintptr_t)placed->value;
	call->word[n] = NULL;
}

static int run(const struct config *config, const struct record *record, struct fault *fault)
{
	static struct call call;
	const struct dns *dns = &config->dns[record->index];
	const bool own = dns->program.user[0];
	const struct guest guest = { .who = call.who,
				     .words = call.word,
				     .variables = call.variable,
				     .home = call.home,
				     .input = -1,
				     .uid = own ? dns->program.uid : config->gate.uid,
				     .gid = own ? dns->program.gid : config->gate.gid,
				     .mask = 077,
				     .seconds = dns->program.seconds ? dns->program.seconds : DNS_PROGRAM_SECONDS,
				     .remedy = call.remedy,
				     .channel = { ON_CHANNEL, ON_KEEPER } };
	int rc;

	snprintf(call.who, sizeof(call.who), "dns %s", dns->name);
	snprintf(call.remedy, sizeof(call.remedy), "; if it needs longer: timeout = SECONDS in [dns %s]", dns->name);
	snprintf(call.home, sizeof(call.home), "%s/" HOMES "/%s", config->gate.state, dns->name);
	if (make_home(dns, guest.uid, guest.gid, fault) < 0)
		return -1;
	list_words(&call, dns, (const void *)record->data, record->verb == VERB_PUT_VALUE);
	rc = list_variables(&call, dns, (const void *)record->data, fault);
	if (rc == 0)
		rc = guest_run(&guest, fault);
	explicit_bzero(&call.file, sizeof(call.file));
	return rc;
}

/* --- the process -------------------------------------------------------------------------------------------------- */

static int serve(const struct config *config, uint32_t section, struct fault *fault)
{
	static struct record record;
	struct fault why;
	int n;

	while ((n = wire_receive(ON_CHANNEL, &record, fault)) > 0) {
		if (record.verb == VERB_WRITER) /* it knows its section */
			continue;
		if (check(&record, section, &why) == 0 && run(config, &record, &why) == 0)
			n = wire_send(ON_CHANNEL, VERB_REPLY, 0, NULL, 0, fault);
		else
			n = reply_fault(ON_CHANNEL, &why, fault);
		if (n < 0)
			return 0; /* acmegate-dns has ended */
	}
	return n;
}

/* A signal to all processes of a run is acmegate's to obey: values are taken out of the DNS after that. */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t none;

	for (size_t i = 0; i < LENGTH_OF(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The channel, the end of a pipe that the keeper has, and the state directory: all others are closed. */
static int keep_descriptors(const struct config *config, int channel, int keeper)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int high = fcntl(channel, F_DUPFD, ON_END), end = fcntl(keeper, F_DUPFD, ON_END);
	int state;

	if (null < 0 || high < 0 || end < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(high, ON_CHANNEL) < 0 || dup2(end, ON_KEEPER) < 0 || close_range(ON_STATE, ~0U, 0) < 0)
		return -1;
	state = open(config->gate.state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return state == ON_STATE ? 0 : -1;
}

static _Noreturn void work(const struct config *config, uint32_t section, int channel, int keeper)
{
	struct fault fault = { 0 };

	if (keep_descriptors(config, channel, keeper) < 0)
		fault_errno(&fault, FAULT_FAILED, "starting the process that runs a program");
	else if (guest_adopt(&fault) == 0 && serve(config, section, &fault) == 0)
		_exit(STATUS_DONE);
	log_error("%s", fault.text);
	_exit(STATUS_FAILED);
}

/*
 * The keeper adopts what a program has started when the process that runs it is killed. If the keeper is killed, that process sees the end of a
 * pipe, and kills it all. Nobody else has the other end.
 */
static _Noreturn void keep(const struct config *config, uint32_t section, int channel)
{
	char who[LABEL_SIZE + 8];
	int ends[2];
	const pid_t pid = pipe2(ends, O_CLOEXEC) < 0 ? -1 : fork();

	if (pid == 0)
		work(config, section, channel, ends[0]);
	if (pid < 0 || dup2(ends[1], STDIN_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(STATUS_FAILED);
	snprintf(who, sizeof(who), "dns %s", config->dns[section].name);
	guest_keep(pid, who);
	_exit(STATUS_DONE);
}

static _Noreturn void become(const struct config *config, uint32_t section, int channel)
{
	struct fault fault = { 0 };

	log_through(NULL);
	log_start("program", log_detail_of(log_option()));
	ignore_signals();
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		fault_errno(&fault, FAULT_FAILED, "starting the process that runs a program");
	else if (sandbox_warden(false, &fault) == 0 && guest_adopt(&fault) == 0)
		keep(config, section, channel);
	log_error("%s", fault.text);
	_exit(STATUS_FAILED);
}

int dns_program_start(const struct config *config, uint32_t section, int channel, struct fault *fault)
{
	const pid_t pid = fork();
	int pidfd;

	if (pid == 0)
		become(config, section, channel);
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	if (pidfd < 0)
		return fault_errno(fault, FAULT_LATER, "starting the process that runs a program");
	(void)fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	return pidfd;
}
