// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * check.c - acmegate check: the table of checks. It takes no lock and changes nothing, and goes on beside a renewal. The gate reads the
 * ruleset, unclaimed; examiners without rights look at the network.
 */
#include "check/check.h"

#include <string.h>

#include "base/config_load.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "check/host.h"
#include "check/outside.h"
#include "command/command.h"
#include "publish/international.h"

static const struct {
	const char *name; /* of its rows, unless it names them otherwise */
	void (*run)(struct examination *);
} checks[] = {
	{ "configuration", check_configuration },
	{ "storage", check_storage },
	{ "key", check_keys },
	{ "timer", check_units },
	{ "port", check_port },
	{ "firewall", check_firewall },
	{ "hooks", check_hooks },
	{ "service", check_services },
	{ "program", check_programs },
	{ "ca", check_network },
	{ "dns", check_dns },
	{ "dns-persist", check_persist },
	{ "webroot", check_webroot },
};

/* --- the whole ------------------------------------------------------------------------------------------------------ */

/* Leaves only these certificates. -1: there is none of that name, which was logged. */
static int choose(struct config *config, char **word, int words)
{
	uint32_t kept = 0;

	for (int i = 0; i < words; i++)
		if (config_find(config, word[i]) < 0) {
			log_error("%s: there is no [certificate %s]", config->file, word[i]);
			return -1;
		}
	for (uint32_t i = 0; words && i < config->certificates; i++)
		for (int j = 0; j < words; j++)
			if (!strcmp(config->certificate[i].name, word[j])) {
				config->certificate[kept++] = config->certificate[i];
				break;
			}
	config->certificates = words ? kept : config->certificates;
	return 0;
}

/* A mistake is a row, and what there is without it is looked at. Hook and guard need no CA and no certificate. */
static int read_configuration(struct examination *e, const struct call *call)
{
	struct fault ignored;

	config_translate_with(international_ascii);
	if (config_load(e->config, call->file, CONFIG_GATE, &e->mistakes, &ignored) < 0 || e->mistakes.number ||
	    e->config->certificates || e->config->acme.directory[0])
		(void)!config_load(e->config, call->file, CONFIG_WHOLE, &e->mistakes, &ignored);
	international_end();
	e->homeless.kind = FAULT_NONE;
	if (config_find_user(e->config, &e->homeless) == 0)
		e->homeless.kind = FAULT_NONE;
	return choose(e->config, call->word, call->words);
}

/* First of all, so that no right over the firewall is left when the configuration is read. */
static int begin(struct examination *e)
{
	struct fault fault;

	command_leave_caller(STDERR_FILENO + 1);
	e->ungated.kind = FAULT_NONE;
	if (gate_start(&e->gate, &e->ungated) == 0)
		e->ungated.kind = FAULT_NONE;
	if (e->ungated.kind == FAULT_NONE && gate_start(&e->secure, &fault) < 0)
		log_warning("%s", fault.text);
	if (sandbox_give_up_firewall(&fault) == 0)
		return 0;
	log_error("%s", fault.text);
	return -1;
}

/* It opens, and so does what every command does that opens. */
static int run_outside(const struct call *call)
{
	static const struct command outside = { .name = "check", .run = check_outside_run, .part = CONFIG_WHOLE, .claims = true };
	struct call copy = *call;

	copy.command = &outside;
	return command_run(&copy);
}

int check_run(struct host *host, const struct call *call)
{
	static struct config config;
	static struct examination e = { .config = &config, .gate = NO_GATE, .secure = NO_GATE };

	(void)host;
	if (call->value[CHECK_OUTSIDE] && call->value[CHECK_JSON]) {
		log_error("--json and --from-outside: expected one of them");
		return STATUS_USAGE;
	}
	if (call->value[CHECK_OUTSIDE])
		return run_outside(call);
	if (geteuid() != 0) {
		log_error("check looks at what root alone may see: run it as root");
		return STATUS_USAGE;
	}
	if (begin(&e) < 0 || read_configuration(&e, call) < 0) {
		gate_end(&e.gate);
		gate_end(&e.secure);
		return STATUS_USAGE;
	}
	if (e.ungated.kind == FAULT_NONE && gate_tell(&e.gate, &config, -1, false, &e.ungated) == 0)
		e.ungated.kind = FAULT_NONE;
	e.listens = check_is_listening(&config);
	e.busy = check_is_busy(&config);
	sheet_begin(&e.sheet, call->value[CHECK_JSON] != NULL);
	for (size_t i = 0; i < LENGTH_OF(checks); i++) {
		e.sheet.check = checks[i].name;
		checks[i].run(&e);
	}
	gate_end(&e.gate);
	gate_end(&e.secure);
	return sheet_end(&e.sheet);
}
