// SPDX-License-Identifier: GPL-3.0-or-later
/* dns_address.c - acmegate dns address: finds the addresses of this host, and has acmegate-dns put them into the DNS. */
#include "command/dns.h"

#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "command/dns_inquiry.h"
#include "command/own_addresses.h"

#define LOOK_SECONDS 3600 /* after which a server is asked also if nothing has changed here */
#define LOCK_TRIES 150	  /* of 200 ms: another one, of the timer or a hook, is at work */

/* A run, over all names. */
struct tour {
	const struct config *config;
	const struct call *call;
	struct dns_inquiry inquiry;
	bool trusts, looked;
	int status;
};

static bool is_chosen(const struct call *call, const struct dns *dns, const char *name)
{
	for (int i = 0; i < call->words; i++)
		if (!strcmp(call->word[i], name) || !strcmp(call->word[i], dns->name))
			return true;
	return call->words == 0;
}

/* The worst one stays: a failure, then "later". */
static void fail(struct tour *tour, const struct fault *fault)
{
	if (tour->status == STATUS_DONE || tour->status == STATUS_LATER)
		tour->status = fault_status(fault);
}

static void say(struct tour *tour, const char *name, struct address_report *report)
{
	report->done[ADDRESS_TEXT - 1] = report->left[ADDRESS_TEXT - 1] = '\0';
	tour->looked = tour->looked || report->looked;
	if (report->done[0])
		log_notice("%s: %s", name, report->done);
	else
		log_idle("%s: nothing has changed%s", name, report->looked ? "" : ", no server was asked");
	if (report->left[0] && (report->done[0] || log_is_verbose() || !tour->trusts))
		log_warning("%s: has also %s, which acmegate has not set, and leaves: remove what leads elsewhere", name,
			    report->left);
}

static int keep(struct tour *tour, uint32_t section, uint32_t name, struct fault *fault)
{
	const struct dns *dns = &tour->config->dns[section];
	const bool forgets = tour->call->value[DNS_REMOVE] != NULL;
	struct address_wish wish = { .name = name, .trusts = tour->trusts };
	struct address_report report;

	if (!dns->sound)
		return fault_set(fault, FAULT_USAGE, "[dns %s] has a mistake, see above", dns->name);
	if (!forgets && own_addresses_find(&dns->address, &wish.addresses, fault) < 0)
		return -1;
	if (!forgets && !wish.addresses.count)
		return fault_set(
			fault, FAULT_LATER,
			"this host has no address for it, only link-local, temporary or deprecated ones%s%s; what is in the DNS stays",
			dns->address.interface[0] ? " at " : ", or no default route: see address_interface", dns->address.interface);
	if (dns_inquiry_ask(&tour->inquiry, VERB_SET_ADDRESS, section, &wish, sizeof(wish), &report, sizeof(report), fault) < 0)
		return -1;
	say(tour, dns->address.name[name], &report);
	return 0;
}

static int keep_all(struct tour *tour)
{
	int chosen = 0;

	for (uint32_t i = 0; i < tour->config->dnses; i++) {
		const struct dns *dns = &tour->config->dns[i];

		for (uint32_t k = 0; k < dns->address.names; k++) {
			const char *name = dns->address.name[k];
			struct fault fault;

			if (!is_chosen(tour->call, dns, name))
				continue;
			chosen++;
			if (keep(tour, i, k, &fault) == 0)
				continue;
			log_error("%s%s%s", strstr(fault.text, name) ? "" : name, strstr(fault.text, name) ? "" : ": ", fault.text);
			fail(tour, &fault);
		}
	}
	return chosen;
}

/* One at a time: what another one has found of this host may be old by now. */
static int open_notes(int state_fd, struct fault *fault)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	OWN_FD int fd = openat(state_fd, ADDRESS_NOTES, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	OWN_FD int state = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || state < 0 || fsync(state) < 0)
		return fault_errno(fault, FAULT_FAILED, "the notes of addresses in the DNS");
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK || i == LOCK_TRIES)
			return fault_errno(fault, FAULT_LATER, "the notes of addresses in the DNS: another acmegate is at work");
		nanosleep(&pause, NULL);
	}
	return steal_fd(&fd);
}

/* The time of the notes is that of the last look, or change. */
static bool was_looked(int notes)
{
	const time_t now = time(NULL);
	struct stat s;

	return fstat(notes, &s) == 0 && s.st_mtime <= now && now - s.st_mtime < LOOK_SECONDS;
}

static int run(struct tour *tour, int notes, struct fault *fault)
{
	int chosen;

	tour->trusts = tour->call->value[DNS_IF_CHANGED] && was_looked(notes);
	if (dns_inquiry_start(&tour->inquiry, tour->config, notes, fault) < 0)
		return -1;
	chosen = keep_all(tour);
	if (dns_inquiry_end(&tour->inquiry) != STATUS_DONE && tour->status == STATUS_DONE)
		tour->status = STATUS_LATER;
	if (!chosen && tour->call->words)
		return fault_set(fault, FAULT_USAGE, "%s: there is no [dns %s] with address =, and no address = %s",
				 tour->config->file, tour->call->word[0], tour->call->word[0]);
	if (tour->looked && tour->status == STATUS_DONE)
		(void)futimens(notes, NULL);
	return 0;
}

/* Addresses at names that the configuration no longer has are to be removed. */
static bool has_work(const struct config *config, int notes)
{
	struct stat s;

	for (uint32_t i = 0; i < config->dnses; i++)
		if (config->dns[i].address.names)
			return true;
	return fstat(notes, &s) == 0 && s.st_size > 0;
}

int dns_address_run(struct host *host, const struct call *call)
{
	struct tour tour = { .config = host->config, .call = call, .inquiry = NO_DNS_INQUIRY };
	OWN_FD int notes = -1;
	struct fault fault;
	int rc = -1;

	if (geteuid() != 0) {
		log_error("dns address needs the key, which only root may read: run it as root");
		return STATUS_USAGE;
	}
	notes = open_notes(host->state_fd, &fault);
	if (notes >= 0 && !has_work(host->config, notes)) {
		log_error("%s: no section [dns NAME] has address = the name of this host", host->config->file);
		return STATUS_USAGE;
	}
	if (notes >= 0 && config_find_user(host->config, &fault) == 0)
		rc = run(&tour, notes, &fault);
	if (rc == 0)
		return tour.status;
	(void)dns_inquiry_end(&tour.inquiry);
	log_error("%s", fault.text);
	return fault_status(&fault);
}
