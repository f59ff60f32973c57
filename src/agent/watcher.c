// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * watcher.c - the role that looks at certificates of other clients for acmegate status, see base/watched.h. Whoever could write the files may
 * have prepared them, so its rights are to read from its channel and to write into it.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/watched.h"
#include "base/wire.h"
#include "store/chain.h"
#include "store/crypto.h"

/* As many as there is room for; the last byte stays NUL, and with it an empty name at the end. */
static void tell_names(const struct facts *facts, struct sighting *sighting)
{
	size_t used = 0;

	sighting->names = facts->names;
	for (uint32_t i = 0; i < facts->names; i++) {
		const size_t size = strlen(facts->name[i]) + 1;

		if (used + size >= sizeof(sighting->name))
			return;
		memcpy(sighting->name + used, facts->name[i], size);
		used += size;
	}
}

/* The first certificate; text around it and a key beside it are passed over. */
static struct chain *find(const char *bytes, size_t length, struct fault *fault)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	const char *first = memmem(bytes, length, begin, strlen(begin));
	const char *last = first ? memmem(first, length - (size_t)(first - bytes), end, strlen(end)) : NULL;

	if (last)
		return chain_read(first, (size_t)(last - first) + strlen(end), fault);
	fault_set(fault, FAULT_FAILED, "there is no certificate (PEM) in it");
	return NULL;
}

static int look(const char *bytes, size_t length, struct sighting *sighting, struct fault *fault)
{
	OWN_CHAIN struct chain *chain = find(bytes, length, fault);
	static struct facts facts;

	if (!chain || chain_facts(chain, &facts, fault) < 0)
		return -1;
	if (!facts.not_before || !facts.not_after)
		return fault_set(fault, FAULT_FAILED, "the dates of the certificate cannot be read");
	sighting->good = 1;
	sighting->not_before = facts.not_before;
	sighting->not_after = facts.not_after;
	chain_issuer(chain, sighting->issuer);
	tell_names(&facts, sighting);
	return 0;
}

int watcher_main(const struct config *config)
{
	static char bytes[WATCHED_FILE_MOST];
	struct sighting sighting;
	struct fault fault;
	ssize_t n;

	(void)config;
	crypto_start();
	while ((n = recv(FD_WARDEN, bytes, sizeof(bytes), 0)) > 0) {
		memset(&sighting, 0, sizeof(sighting));
		if (look(bytes, (size_t)n, &sighting, &fault) < 0)
			snprintf(sighting.why, sizeof(sighting.why), "%.*s", WATCHED_WHY - 1, fault.text);
		crypto_wipe(bytes, (size_t)n); /* a key may lie beside it */
		if (send(FD_WARDEN, &sighting, sizeof(sighting), MSG_NOSIGNAL) != (ssize_t)sizeof(sighting))
			return STATUS_FAILED;
	}
	return n < 0 ? STATUS_FAILED : STATUS_DONE;
}
