// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "say/entry.h"
#include "publish/international.h"
#include "say/notify.h"
#include "say/progress.h"
#include "publish/publish.h"
#include "base/cas.h"
#include "base/config_load.h"
#include "base/kernel.h"
#include "base/log.h"
#include "base/safe.h"
#include "base/sandbox.h"

/* Without the right to, up to the hard limit. */
static void raise_limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0 || limit.rlim_cur >= most)
		return;
	if (setrlimit(resource, &(const struct rlimit){ most, limit.rlim_max > most ? limit.rlim_max : most }) == 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

void command_leave_caller(int from)
{
	static const __rlimit_resource_t resources[] = { RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NPROC };

	close_range((unsigned int)from, ~0U, 0);
	umask(022);
	for (size_t i = 0; i < LENGTH_OF(resources); i++)
		raise_limit(resources[i], RLIM_INFINITY);
	raise_limit(RLIMIT_NOFILE, 1024);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would take our children's statuses away */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGTTOU, SIG_IGN); /* a log line from the background, on a terminal that is set so */
	log_unblock();
}

void command_say_mistakes(const struct mistakes *mistakes, bool matter)
{
	for (uint32_t i = 0; i < mistakes->number && i < MOST_MISTAKES; i++)
		entry_log(matter ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, &(struct entry){ .occasion = OCCASION_MISTAKE }, "%s",
			  mistakes->text[i]);
	if (mistakes->number > MOST_MISTAKES)
		log_line(matter ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "and %u mistakes more", mistakes->number - MOST_MISTAKES);
}

static void say_unused(const struct config *config)
{
	for (uint32_t i = 1; i < config->cas; i++)
		if (cas_is_unused(config, i))
			log_warning("%s:%u: [ca %s] is used by no certificate; name it in ca = of one, or of [acme], or remove it",
				    config->file, config->ca[i].line, config->ca[i].name);
}

/*
 * Before any right is given up: of all channels, the one for tokens has to hold more than the system lets others queue.
 * 0; 1 with a fault: everything but the gate; -1.
 */
static int start(struct host *host, const struct command *command, struct fault *fault)
{
	struct fault ignored;
	bool started;

	if (command->prepare && command->prepare(host, fault) < 0)
		return -1;
	if (command->tells_client && dup2(STDOUT_FILENO, STDERR_FILENO) >= 0)
		log_start(NULL, log_detail_of(log_option()));
	command_leave_caller(host->first_fd);
	entry_start();
	notify_start(command->shows);
	if (command->shows)
		progress_start();
	for (size_t i = 0; command->part == CONFIG_WHOLE && !command->reads && !command->gateless && i < MAX_CAS; i++)
		if (wire_pair(host->tokens[i], fault) < 0)
			return -1;
	started = command->reads || command->gateless || gate_start(&host->gate, fault) == 0;
	return sandbox_give_up_firewall(started ? fault : &ignored) < 0 ? -1 : !started;
}

/*
 * Closes what an earlier run left; the mistakes are told after that. A wrong configuration names a state directory, too; one that does
 * not exist is not made for it.
 */
static int begin(struct host *host, const struct command *command, enum claim how, struct fault *fault)
{
	if (gate_tell(&host->gate, host->config, host->state_fd, command->tells_client, fault) < 0 ||
	    (how != CLAIM_STATE && gate_claim(&host->gate, how, fault) < 0))
		return -1;
	return how == CLAIM_STATE && (command->claims || (!host->serves && !command->closes)) ? host_wait(host, host_claim, fault) :
												0;
}

static enum claim open_state(struct host *host, bool reads, struct fault *fault)
{
	if ((!host->serves || reads) && access(host->config->gate.state, F_OK) < 0 && errno == ENOENT)
		return CLAIM_WITHOUT_TRACE;
	host->state_fd = safe_directory(host->config->gate.state, fault);
	return host->state_fd < 0 ? CLAIM_WITHOUT_STATE : CLAIM_STATE;
}

int command_run(const struct call *call)
{
	const struct command *command = call->command;
	static struct config config;
	static struct mistakes mistakes;
	struct host host = {
		.config = &config, .gate = NO_GATE, .state_fd = -1, .store_fd = -1, .first_fd = STDERR_FILENO + 1, .wait = call->wait
	};
	struct fault wrong, fault, other;
	enum claim how;
	int rc = start(&host, command, &fault), status;

	if (rc < 0 || (rc > 0 && !command->asks)) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	config_translate_with(international_ascii);
	host.serves = config_load(&config, call->file, command->part, &mistakes, &wrong) == 0;
	international_end();
	how = open_state(&host, command->reads, &other);
	if (rc == 0 && !command->reads && !command->gateless)
		rc = begin(&host, command, how, &fault);
	if (rc == 0 && how == CLAIM_WITHOUT_STATE) {
		fault = other;
		rc = -1;
	}
	host.mistakes = mistakes.number;
	progress_ready();
	command_say_mistakes(&mistakes, !host.serves || !command->tolerates);
	if (command->part == CONFIG_WHOLE && !mistakes.number)
		say_unused(&config);
	if (rc)
		log_error("%s", fault.text);
	if (!host.serves && (host.state_fd < 0 || !command->closes))
		status = fault_status(&wrong);
	else
		status = rc && (!command->asks || host.state_fd < 0) ? fault_status(&fault) :
			 call->wrong				     ? STATUS_USAGE :
								       command->run(&host, call);
	progress_done(status);
	gate_end(&host.gate);
	if (command->publishes || (host.settled && !command->tells_client)) /* a client with its port open does not wait for that */
		publish(&host);
	return status == STATUS_DONE && mistakes.number && !(command->tolerates && host.serves) ? STATUS_USAGE : status;
}
