// SPDX-License-Identifier: GPL-3.0-or-later
/* account, terms, revoke and remove: the command lines of what a dealing does. */
#include "command/command.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cas.h"
#include "base/log.h"
#include "base/revocation.h"
#include "warden/dealing.h"
#include "store/ledger.h"

static int complain(const struct call *call)
{
	help_write_usage(stderr, call->line, call->command);
	return STATUS_USAGE;
}

/* A dealing that may write to the store. */
static int deal(struct host *host)
{
	struct fault fault;

	if (host_wait(host, host_lock_store, &fault) == 0)
		return dealing_run(host->config, host->state_fd);
	log_error("%s", fault.text);
	return fault_status(&fault);
}

/* --- account ------------------------------------------------------------------------------------------------------ */

static const char *const deeds[TASKS] = {
	[TASK_SHOW] = "show",
	[TASK_UPDATE] = "update",
	[TASK_ROLLOVER] = "rollover",
	[TASK_DEACTIVATE] = "deactivate",
};

static enum task_kind find_deed(const char *word)
{
	for (int kind = 0; kind < TASKS; kind++)
		if (deeds[kind] && !strcmp(deeds[kind], word))
			return (enum task_kind)kind;
	return TASK_RENEW;
}

/* On a terminal somebody is asked; a script has to say so. */
static bool confirm(const struct host *host, const struct call *call)
{
	char answer[16] = "";

	if (call->value[ACCOUNT_YES])
		return true;
	fprintf(stderr,
		"The account at %s is deactivated for good. Its certificates stay valid and can no longer be renewed or revoked by it; "
		"limits, authorizations and an external account binding go with it. The next renewal makes another account: to stop that, "
		"disable acmegate.timer.\n",
		host->config->acme.directory);
	if (!isatty(STDIN_FILENO)) {
		log_error("account deactivate asks on a terminal, and there is none: say --yes");
		return false;
	}
	fprintf(stderr, "Type yes to deactivate it: ");
	if (fgets(answer, sizeof(answer), stdin) && !strcmp(answer, "yes\n"))
		return true;
	log_error("nothing was done");
	return false;
}

/* That of [acme], or of the section that --ca names. */
static int choose_ca(struct config *config, const char *name)
{
	int ca = name ? cas_find(config, name) : 0;

	if (ca >= 0 && config->ca[ca].directory[0]) {
		cas_turn_to(config, (uint32_t)ca);
		return 0;
	}
	log_error("--ca %s: %s has no [ca %s] that can be used", name ? name : "", config->file, name ? name : "");
	return -1;
}

int account_run(struct host *host, const struct call *call)
{
	struct task *task = &host->config->task;

	task->kind = call->words == 1 ? find_deed(call->word[0]) : TASK_RENEW;
	if (task->kind == TASK_RENEW) {
		log_error("account needs one of show, update, rollover and deactivate");
		return complain(call);
	}
	if (choose_ca(host->config, call->value[ACCOUNT_CA]) < 0)
		return STATUS_USAGE;
	if (task->kind == TASK_DEACTIVATE && !confirm(host, call))
		return STATUS_USAGE;
	return task->kind == TASK_SHOW ? dealing_run(host->config, host->state_fd) : deal(host);
}

int terms_run(struct host *host, const struct call *call)
{
	host->config->task.kind = TASK_TERMS;
	return choose_ca(host->config, call->value[TERMS_CA]) < 0 ? STATUS_USAGE : dealing_run(host->config, host->state_fd);
}

/* --- revoke ------------------------------------------------------------------------------------------------------- */

/* Turns to the CA that the certificate came from, as far as that is known. */
static int find_issuer(struct host *host, const struct certificate *certificate)
{
	OWN_FD int ledgers = openat(host->state_fd, "ledger", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	static struct ledger ledger;
	const char *directory = ledger.live.directory;
	enum ledger_state state;
	struct fault fault;

	if (ledgers < 0 || ledger_look(ledgers, certificate->name, &ledger, &state, &fault) < 0 || !directory[0])
		return 0;
	for (uint32_t i = 0; i < host->config->cas; i++) {
		if (strcmp(host->config->ca[i].directory, directory) != 0)
			continue;
		cas_turn_to(host->config, i);
		return 0;
	}
	log_error("certificate %s came from the CA at %.200s, which no section of %s has: add it as [ca NAME]", certificate->name,
		  directory, host->config->file);
	return -1;
}

int revoke_run(struct host *host, const struct call *call)
{
	const char *word = call->value[REVOKE_REASON], *name = call->words == 1 ? call->word[0] : NULL;
	struct task *task = &host->config->task;
	int index = name ? config_find(host->config, name) : -1;

	if (!name) {
		log_error("revoke needs the name of one certificate");
		return complain(call);
	}
	if (index < 0) {
		log_error("there is no [certificate %s] in %s that can be used", name, host->config->file);
		return STATUS_USAGE;
	}
	*task = (struct task){ .kind = TASK_REVOKE, .certificate = (uint32_t)index, .reason = word ? revocation_find(word) : 0 };
	if (task->reason < 0) {
		log_error("--reason %s: expected %s", word, REVOCATION_CHOICES);
		return STATUS_USAGE;
	}
	return find_issuer(host, &host->config->certificate[index]) < 0 ? STATUS_USAGE : deal(host);
}

/* --- remove ------------------------------------------------------------------------------------------------------- */

/* A certificate whose section has a mistake is not in the configuration as it was read. */
static bool is_in_use(const struct host *host, const char *name)
{
	const struct config *config = host->config;
	int index = config_find(config, name);

	if (index >= 0)
		log_error("[certificate %s] is in line %u of %s: the next renewal would obtain it anew; take that section out first, or "
			  "say --force",
			  name, config->certificate[index].line, config->file);
	else if (host->mistakes)
		log_error("%s has mistakes, so that it is not certain that certificate %s is no longer in it; correct them, or say --force",
			  config->file, name);
	return index >= 0 || host->mistakes;
}

static void say_who_may_use_it(const struct config *config, const char *name)
{
	int index = config_find(config, name);

	log_notice("programs that read %s/certificates/%s/live no longer find it, and copies that deploy hooks have made stay where "
		   "they are",
		   config->gate.state, name);
	for (uint32_t i = 0; index >= 0 && i < config->certificate[index].hooks; i++)
		log_notice("a hook of it: %s", config->hook[config->certificate[index].first_hook + i]);
}

int remove_run(struct host *host, const struct call *call)
{
	struct task *task = &host->config->task;
	const char *name = call->words == 1 ? call->word[0] : "";
	int status;

	if (call->words != 1) {
		log_error("remove needs the name of one certificate");
		return complain(call);
	}
	if (!config_is_label(name)) {
		log_error("remove: '%s' is no name of a certificate: expected 1 to %d of a-z, 0-9, '.', '_', '-'", name,
			  LABEL_SIZE - 1);
		return STATUS_USAGE;
	}
	if (!call->value[REMOVE_FORCE] && is_in_use(host, name))
		return STATUS_USAGE;
	task->kind = TASK_REMOVE;
	snprintf(task->name, sizeof(task->name), "%s", name);
	status = deal(host);
	if (status == STATUS_DONE)
		say_who_may_use_it(host->config, name);
	return status;
}
