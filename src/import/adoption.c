// SPDX-License-Identifier: GPL-3.0-or-later
#include "import/adoption.h"

#include <stdio.h>
#include <string.h>

#include "base/launch_channel.h"

#define STORER_SECONDS 10

static struct record record; /* 64 KiB that no stack should carry */

void adoption_set(struct adoption *adoption, const struct config *config, int state_fd, const char *directory)
{
	config_copy(&adoption->config, config);
	adoption->config.certificates = adoption->config.names = adoption->config.hooks = adoption->config.csr_used = 0;
	adoption->config.cas = adoption->config.turn = 0;
	snprintf(adoption->config.acme.directory, sizeof(adoption->config.acme.directory), "%s", directory);
	adoption->state_fd = state_fd;
	adoption->storer = adoption->importer = adoption->to_storer = adoption->to_importer = -1;
	memset(adoption->present, false, sizeof(adoption->present));
}

/* The next renewal makes PKCS#12, for which this command has no password, and the next key, runs deploy hooks for what it stores itself only. */
int adoption_add(struct adoption *adoption, const struct certificate *certificate, const char *name)
{
	struct certificate *to = &adoption->config.certificate[adoption->config.certificates];

	if (adoption->config.certificates == MAX_CERTIFICATES)
		return -1;
	*to = certificate ? *certificate : (struct certificate){ .mode = 0600 };
	snprintf(to->name, sizeof(to->name), "%s", name);
	to->names = to->first_name = to->hooks = to->first_hook = to->reuse = to->cas = to->csr_length = 0;
	to->pkcs12 = false;
	return (int)adoption->config.certificates++;
}

/* end: of a channel to the storer, or -1. */
static int start_importer(struct adoption *adoption, int end, struct fault *fault)
{
	struct descriptor given[] = { { -1, FD_WARDEN }, { end, FD_STORER } };

	adoption->importer = launch_channel(ROLE_IMPORTER, &adoption->config, given, LENGTH_OF(given), &adoption->to_importer, fault);
	return adoption->importer < 0 ? -1 : 0;
}

static int start_storer(struct adoption *adoption, int end, struct fault *fault)
{
	struct descriptor given[] = { { -1, FD_WARDEN }, { end, FD_SIGNER }, { adoption->state_fd, FD_STATE } };

	adoption->storer = launch_channel(ROLE_STORER, &adoption->config, given, LENGTH_OF(given), &adoption->to_storer, fault);
	return adoption->storer < 0 ? -1 : 0;
}

int adoption_look(struct adoption *adoption, struct fault *fault)
{
	return start_importer(adoption, -1, fault);
}

/* Asks nothing before the storer has said what it has: the importer answers it then. */
int adoption_begin(struct adoption *adoption, struct fault *fault)
{
	int pair[2], rc;

	if (wire_pair(pair, fault) < 0)
		return -1;
	rc = start_storer(adoption, pair[0], fault) < 0 || start_importer(adoption, pair[1], fault) < 0 ? -1 : 0;
	close(pair[0]);
	close(pair[1]);
	for (uint32_t i = 0; rc == 0 && i < adoption->config.certificates; i++) {
		int n = wire_await(adoption->to_storer, &record, WIRE_PATIENCE, fault);
		const struct renewal *renewal = (const void *)record.data;

		if (n <= 0 || record.verb != VERB_RENEWAL || record.index != i)
			rc = n < 0 ? -1 : fault_set(fault, FAULT_FAILED, "the storer has ended, or makes no sense");
		else
			adoption->present[i] = renewal->present;
	}
	return rc;
}

static int keep_answer(struct estate_item *item, struct fault *fault)
{
	if (record.length < sizeof(struct found))
		return fault_set(fault, FAULT_FAILED, "the importer answers with %u bytes", record.length);
	free(item->found);
	item->found = malloc(record.length + 1);
	if (!item->found)
		return fault_errno(fault, FAULT_LATER, "importing");
	memcpy(item->found, record.data, record.length + 1); /* with its NUL */
	item->found->url[sizeof(item->found->url) - 1] = '\0';
	return 0;
}

int adoption_ask(struct adoption *adoption, enum verb verb, uint32_t index, struct estate_item *item, struct fault *fault)
{
	int n = wire_send(adoption->to_importer, verb, index, item->data, item->length, fault);

	if (n == 0)
		n = wire_await(adoption->to_importer, &record, WIRE_KEY_PATIENCE, fault);
	else
		n = -1;
	if (n < 0)
		return fault_at(fault, "the importer");
	if (n == 0)
		return fault_set(fault, FAULT_FAILED, "the importer has ended");
	if (record.verb == VERB_FAULT)
		return fault_set(fault, record.index == FAULT_LATER ? FAULT_LATER : FAULT_FAILED, "%s", record.data);
	if (record.verb != VERB_REPLY)
		return fault_set(fault, FAULT_FAILED, "the importer says %s", verb_name((enum verb)record.verb));
	return keep_answer(item, fault);
}

/* Each ends with its channel. */
bool adoption_end(struct adoption *adoption)
{
	close_fd(&adoption->to_importer);
	(void)launch_reap_in(&adoption->importer, STORER_SECONDS);
	close_fd(&adoption->to_storer);
	return launch_reap_in(&adoption->storer, STORER_SECONDS) == STATUS_DONE;
}
