// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acmegate-dns: started by acmegate only, with the descriptors of wire.h, which say what for. It has the TSIG keys, and adds and removes values
 * of _acme-challenge names of the configuration, itself or by a writer: first those that an earlier run has left, then as the client asks, and
 * at the end of its channel what is still there. Or it keeps the host's addresses, or only looks.
 */
#include <stdio.h>
#include <string.h>

#include "base/config_share.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/reply.h"
#include "dns/address.h"
#include "dns/resolver.h"
#include "dns/sighting.h"
#include "dns/standing.h"
#include "dns/value.h"
#include "dns/writer.h"

/* acmegate starts it for a client, or for a command beside one. */
enum purpose { FOR_VALUES = 1, FOR_ADDRESSES = 2, FOR_LOOKING = 4 };

union reply {
	struct address_report address;
	struct sighting sighting;
	struct persist_found found;
};

static int add(const struct config *config, uint32_t certificate, const void *data, union reply *reply, struct fault *fault)
{
	(void)reply;
	return value_add(config, certificate, data, fault);
}

static int await(const struct config *config, uint32_t certificate, const void *data, union reply *reply, struct fault *fault)
{
	(void)reply;
	return value_await(config, certificate, data, fault);
}

static int take_away(const struct config *config, uint32_t certificate, const void *data, union reply *reply, struct fault *fault)
{
	(void)reply;
	return value_remove(config, certificate, data, fault);
}

static int set_address(const struct config *config, uint32_t section, const void *data, union reply *reply, struct fault *fault)
{
	return address_set(config, section, data, &reply->address, fault);
}

static int sight(const struct config *config, uint32_t certificate, const void *data, union reply *reply, struct fault *fault)
{
	return sighting_take(config, certificate, data, &reply->sighting, fault);
}

static int find_records(const struct config *config, uint32_t certificate, const void *data, union reply *reply, struct fault *fault)
{
	const struct value *value = data;

	return standing_find(config, certificate, value->name, &reply->found, fault);
}

static const struct question {
	enum verb verb;
	unsigned int purposes;
	int (*answer)(const struct config *, uint32_t, const void *, union reply *, struct fault *);
	size_t reply; /* bytes of it */
} questions[] = {
	{ VERB_ADD_VALUE, FOR_VALUES, add, 0 },
	{ VERB_AWAIT_VALUE, FOR_VALUES, await, 0 },
	{ VERB_REMOVE_VALUE, FOR_VALUES, take_away, 0 },
	{ VERB_FIND_RECORDS, FOR_VALUES | FOR_LOOKING, find_records, sizeof(struct persist_found) },
	{ VERB_SIGHT_NAME, FOR_LOOKING, sight, sizeof(struct sighting) },
	{ VERB_SET_ADDRESS, FOR_ADDRESSES, set_address, sizeof(struct address_report) },
};

/* Nobody who asks can have anything of it that acmegate has not started it for. */
static const struct question *question_of(enum purpose purpose, uint32_t verb)
{
	for (size_t i = 0; i < LENGTH_OF(questions); i++)
		if (questions[i].verb == verb && (questions[i].purposes & purpose))
			return &questions[i];
	return NULL;
}

static int answer(const struct config *config, enum purpose purpose, const struct record *record, struct fault *fault)
{
	const struct question *question = question_of(purpose, record->verb);
	static union reply reply;
	struct fault why;

	if (!question)
		fault_set(&why, FAULT_FAILED, "%s is no question for this acmegate-dns", verb_name((enum verb)record->verb));
	else if (question->answer(config, record->index, record->data, &reply, &why) == 0)
		return wire_send(FD_CLIENT, VERB_REPLY, 0, &reply, question->reply, fault);
	return reply_fault(FD_CLIENT, &why, fault);
}

/* Until the client's end of the channel is closed, by itself or by its death. */
static int serve(const struct config *config, enum purpose purpose, struct fault *fault)
{
	static struct record record;
	int n;

	while ((n = wire_receive(FD_CLIENT, &record, fault)) > 0)
		if (answer(config, purpose, &record, fault) < 0)
			return 0; /* it has ended */
	return n;
}

static int start(const struct config **config, struct fault *fault)
{
	if (sandbox_prove(ROLE_DNS, fault) < 0)
		return -1;
	*config = config_share_receive(FD_CONFIG);
	if (!*config)
		return fault_set(fault, FAULT_FAILED, "acmegate-dns got no configuration");
	resolver_learn();
	if (writer_learn(fault) < 0)
		return -1;
	return confine(ROLE_DNS, *config, -1, fault);
}

/* For a command that is at work beside a renewal: that one has the notes of values. */
static int serve_command(const struct config *config, enum purpose purpose)
{
	struct fault fault;

	if (serve(config, purpose, &fault) < 0)
		log_error("acmegate sent nonsense: %s", fault.text);
	return purpose == FOR_ADDRESSES && address_sweep(config) ? STATUS_LATER : STATUS_DONE;
}

static enum purpose find_purpose(void)
{
	if (fcntl(FD_ADDRESSES, F_GETFD) >= 0)
		return FOR_ADDRESSES;
	return fcntl(FD_NOTES, F_GETFD) >= 0 ? FOR_VALUES : FOR_LOOKING;
}

int main(int argc, char **argv)
{
	const struct config *config;
	enum purpose purpose;
	struct fault fault;
	size_t left;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	if (argc < 2 || strcmp(argv[1], sandbox_role_name(ROLE_DNS))) {
		fprintf(stderr, "acmegate-dns is started by acmegate, see acmegate(8)\n");
		return STATUS_USAGE;
	}
	log_start(argv[1], log_detail_of(argv[2]));
	purpose = find_purpose(); /* before anything is opened */
	if (start(&config, &fault) < 0) {
		log_error("%s", fault.text);
		return STATUS_FAILED;
	}
	if (purpose != FOR_VALUES)
		return serve_command(config, purpose);
	left = value_sweep(config, "an earlier run");
	if (fcntl(FD_CLIENT, F_GETFD) >= 0) {
		if (serve(config, purpose, &fault) < 0)
			log_error("the client sent nonsense: %s", fault.text);
		left = value_sweep(config, "this run");
	}
	return left ? STATUS_LATER : STATUS_DONE;
}
