// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acmegate-dns: started by acmegate only, with the descriptors of wire.h. It has the TSIG keys, and adds and removes values of
 * _acme-challenge names of the configuration, itself or by a writer: first those that an earlier run has left, then as the client asks, and at the end of its channel
 * what is still there.
 */
#include <stdio.h>
#include <string.h>

#include "base/config_share.h"
#include "base/confine.h"
#include "base/log.h"
#include "dns/address.h"
#include "dns/resolver.h"
#include "dns/sighting.h"
#include "dns/standing.h"
#include "dns/value.h"
#include "dns/writer.h"

/* The descriptors say what acmegate has started it for; nobody who asks can have anything else of it. */
static enum purpose { PURPOSE_VALUES, PURPOSE_ADDRESSES, PURPOSE_CHECK } purpose;

static bool is_ours(uint32_t verb)
{
	return verb == VERB_SET_ADDRESS ? purpose == PURPOSE_ADDRESSES :
	       verb == VERB_SIGHT_NAME	? purpose == PURPOSE_CHECK :
					  purpose == PURPOSE_VALUES;
}

/* What goes with a reply. */
static struct {
	size_t length;
	union {
		struct address_report address;
		struct sighting sighting;
		struct persist_found found;
	};
} reply;

static int set_address(const struct config *config, const struct record *record, struct fault *fault)
{
	reply.length = sizeof(reply.address);
	return address_set(config, record->index, (const void *)record->data, &reply.address, fault);
}

static int sight(const struct config *config, const struct record *record, struct fault *fault)
{
	reply.length = sizeof(reply.sighting);
	return sighting_take(config, record->index, (const void *)record->data, &reply.sighting, fault);
}

static int answer(const struct config *config, const struct record *record, struct fault *fault)
{
	const struct value *value = (const void *)record->data;

	reply.length = 0;
	if (!is_ours(record->verb))
		return fault_set(fault, FAULT_FAILED, "%s is no question for this acmegate-dns", verb_name((enum verb)record->verb));
	if (record->verb == VERB_ADD_VALUE)
		return value_add(config, record->index, value, fault);
	if (record->verb == VERB_AWAIT_VALUE)
		return value_await(config, record->index, value, fault);
	if (record->verb == VERB_REMOVE_VALUE)
		return value_remove(config, record->index, value, fault);
	if (record->verb == VERB_SET_ADDRESS)
		return set_address(config, record, fault);
	if (record->verb == VERB_SIGHT_NAME)
		return sight(config, record, fault);
	if (record->verb == VERB_FIND_RECORDS) {
		reply.length = sizeof(reply.found);
		return standing_find(config, record->index, value->name, &reply.found, fault);
	}
	return fault_set(fault, FAULT_FAILED, "%s is no question for acmegate-dns", verb_name((enum verb)record->verb));
}

/* Until the client's end of the channel is closed, by itself or by its death. */
static int serve(const struct config *config, struct fault *fault)
{
	static struct record record;
	struct fault why;
	int n;

	while ((n = wire_receive(FD_CLIENT, &record, fault)) > 0) {
		if (answer(config, &record, &why) == 0)
			n = wire_send(FD_CLIENT, VERB_REPLY, 0, &reply.address, reply.length, fault);
		else
			n = wire_send(FD_CLIENT, VERB_FAULT, (uint32_t)why.kind, why.text, strlen(why.text), fault);
		if (n < 0)
			return 0; /* it has ended */
	}
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
static int serve_command(const struct config *config)
{
	struct fault fault;

	if (serve(config, &fault) < 0)
		log_error("acmegate sent nonsense: %s", fault.text);
	return purpose == PURPOSE_ADDRESSES && address_sweep(config) ? STATUS_LATER : STATUS_DONE;
}

int main(int argc, char **argv)
{
	const struct config *config;
	struct fault fault;
	size_t left;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	if (argc < 2 || strcmp(argv[1], sandbox_role_name(ROLE_DNS))) {
		fprintf(stderr, "acmegate-dns is started by acmegate, see acmegate(8)\n");
		return STATUS_USAGE;
	}
	log_start(argv[1], log_detail_of(argv[2]));
	purpose = fcntl(FD_ADDRESSES, F_GETFD) >= 0 ? PURPOSE_ADDRESSES :
		  fcntl(FD_NOTES, F_GETFD) < 0	    ? PURPOSE_CHECK :
						      PURPOSE_VALUES;
	if (start(&config, &fault) < 0) {
		log_error("%s", fault.text);
		return STATUS_FAILED;
	}
	if (purpose != PURPOSE_VALUES)
		return serve_command(config);
	left = value_sweep(config, "an earlier run");
	if (fcntl(FD_CLIENT, F_GETFD) >= 0) {
		if (serve(config, &fault) < 0)
			log_error("the client sent nonsense: %s", fault.text);
		left = value_sweep(config, "this run");
	}
	return left ? STATUS_LATER : STATUS_DONE;
}
