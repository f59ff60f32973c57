// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/moment.h"
#include "command/errand.h"
#include "store/reuse.h"

#define SMTP "25"

/* TLSA 3 1 1 (RFC 6698): the certificate itself (DANE-EE), its key, by SHA-256. */
static void print_record(const char *name, const char *port, const unsigned char spki[SPKI_SIZE])
{
	printf("_%s._tcp.%s. IN TLSA 3 1 1 ", port, name);
	for (size_t i = 0; i < SPKI_SIZE; i++)
		printf("%02x", spki[i]);
	printf("\n");
}

static void print_records(const struct config *config, const struct certificate *certificate, const char *port,
			  const unsigned char spki[SPKI_SIZE])
{
	for (uint32_t i = 0; i < certificate->names; i++) {
		const char *name = config->name[certificate->first_name + i];

		if (!config_is_address(name)) /* has no record: clients look for that of a name */
			print_record(name, port, spki);
	}
}

static void print_live(const struct certificate *certificate, const struct ledger *ledger)
{
	uint32_t left = reuse_left(certificate, ledger);

	if (certificate->csr_length)
		printf("; %s: the key in use, which is elsewhere\n", certificate->name);
	else if (!certificate->reuse)
		printf("; %s: the key in use, until the next renewal: there is no reuse_key\n", certificate->name);
	else if (left == REUSE_ALWAYS)
		printf("; %s: the key in use, for all renewals\n", certificate->name);
	else
		printf("; %s: the key in use, for %u more renewal%s\n", certificate->name, left, left == 1 ? "" : "s");
}

static void print_next(const struct certificate *certificate, const struct ledger *ledger)
{
	printf("; %s: the next key, used by no renewal before %s\n", certificate->name,
	       moment_utc(ledger->keys.prepared + NEXT_KEY_AGE).text);
}

/* Reads the keys in the ledger; the file of the next one is there too, or was removed by hand. */
static int look(const struct certificate *certificate, int ledgers, struct ledger *ledger, struct fault *fault)
{
	enum ledger_state state;

	*ledger = (struct ledger){ 0 };
	if (ledgers >= 0 && ledger_look(ledgers, certificate->name, ledger, &state, fault) < 0)
		return -1;
	if (!certificate->reuse || !ledger_has_key(ledgers, certificate->name, LEDGER_NEXT_KEY))
		memset(ledger->keys.next, 0, sizeof(ledger->keys.next));
	if (!ledger_has_spki(ledger->keys.live) && !ledger_has_spki(ledger->keys.next))
		return fault_set(fault, FAULT_FAILED, "no run has noted a key of it yet; acmegate -v renew does");
	return 0;
}

static int print_keys(const struct config *config, const struct certificate *certificate, const char *port, int ledgers)
{
	static struct ledger ledger;
	struct fault fault;

	if (look(certificate, ledgers, &ledger, &fault) < 0) {
		log_error("certificate %s: %s", certificate->name, fault.text);
		return fault_status(&fault);
	}
	if (ledger_has_spki(ledger.keys.live)) {
		print_live(certificate, &ledger);
		print_records(config, certificate, port, ledger.keys.live);
	}
	if (ledger_has_spki(ledger.keys.next)) {
		print_next(certificate, &ledger);
		print_records(config, certificate, port, ledger.keys.next);
	}
	return STATUS_DONE;
}

int tlsa_run(struct host *host, const struct call *call)
{
	const struct config *config = host->config;
	const char *port = call->value[TLSA_PORT] ? call->value[TLSA_PORT] : SMTP;
	OWN_FD int ledgers = host->state_fd < 0 ? -1 :
						  openat(host->state_fd, "ledger", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct errand errand;
	int status = STATUS_DONE;
	unsigned long number;

	if (config_number(port, 1, 65535, 10, &number) < 0) {
		log_error("--port %s: expected 1 to 65535", port);
		return STATUS_USAGE;
	}
	if (errand_choose(&errand, config, call) < 0)
		return STATUS_USAGE;
	for (uint32_t i = 0; i < config->certificates; i++) {
		int rc = errand.named[i] ? print_keys(config, &config->certificate[i], port, ledgers) : STATUS_DONE;

		status = rc == STATUS_DONE ? status : rc;
	}
	return status;
}
