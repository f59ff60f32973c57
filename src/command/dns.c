// SPDX-License-Identifier: GPL-3.0-or-later
/* dns.c - acmegate dns: the table of what it does, a file for each. */
#include "command/dns.h"

#include <string.h>

#include "base/log.h"
#include "command/registration.h"
#include "command/persist.h"

static int dns_register_run(struct host *host, const struct call *call)
{
	struct errand errand = { 0 };

	return errand_choose(&errand, host->config, call) < 0 ? STATUS_USAGE : registration_run(host->config, &errand);
}

static const struct {
	const char *word;
	bool options; /* those of the command are its own */
	struct command command;
} parts[] = {
	{ "setup", false, { .name = "dns", .run = dns_setup_run, .part = CONFIG_WHOLE, .reads = true } },
	{ "register", false, { .name = "dns", .run = dns_register_run, .part = CONFIG_WHOLE, .reads = true } },
	{ "persist", true, { .name = "dns", .run = persist_run, .part = CONFIG_WHOLE, .reads = true } },
	/* Mistakes elsewhere, and a configuration without a certificate, do not matter: recovery needs no more. */
	{ "address", true, { .name = "dns", .run = dns_address_run, .part = CONFIG_CLOSING, .gateless = true, .tolerates = true } },
};

int dns_run(struct host *host, const struct call *call)
{
	struct call copy = *call;

	(void)host;
	for (size_t i = 0; call->words && i < LENGTH_OF(parts); i++) {
		if (strcmp(call->word[0], parts[i].word))
			continue;
		for (int k = 0; !parts[i].options && k < MOST_OPTIONS; k++)
			if (call->value[k]) {
				log_error("dns %s takes no option --%s", parts[i].word, call->command->options[k].name);
				return STATUS_USAGE;
			}
		copy.command = &parts[i].command;
		copy.word++;
		copy.words--;
		return command_run(&copy);
	}
	log_error("dns: expected one of the words in its usage");
	help_write_usage(stderr, call->line, call->command);
	return STATUS_USAGE;
}
