// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/registration.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/launch_channel.h"
#include "base/log.h"
#include "base/safe.h"
#include "base/wire.h"
#include "warden/writers.h"

#define PATIENCE 30 /* seconds for one registration */

/* The file with the registrations of a section, and who makes them. */
struct office {
	const struct dns *dns;
	uint32_t section;
	int directory, channel, pid;
	char name[PATH_SIZE], fresh[PATH_SIZE + 8]; /* in the directory */
};

/* Locked, so that two at a time lose none. */
static int open_directory(struct office *office, struct fault *fault)
{
	const char *path = office->dns->credentials_file, *name = strrchr(path, '/');
	char directory[PATH_SIZE];

	snprintf(directory, sizeof(directory), "%.*s", name > path ? (int)(name - path) : 1, path);
	snprintf(office->name, sizeof(office->name), "%s", name + 1);
	snprintf(office->fresh, sizeof(office->fresh), "%s.new", office->name);
	office->directory = safe_directory(directory, fault);
	if (office->directory < 0)
		return -1;
	if (flock(office->directory, LOCK_EX | LOCK_NB) < 0)
		return fault_errno(fault, FAULT_LATER, "%s: another acmegate dns register is at work", directory);
	return 0;
}

/* The provider's file takes the place of the old one, durably; an empty one does not. */
static int replace(const struct office *office, int file, struct fault *fault)
{
	struct stat s;

	if (fstat(file, &s) < 0)
		return fault_errno(fault, FAULT_FAILED, "%s", office->dns->credentials_file);
	if (!s.st_size)
		return 0;
	if (fsync(file) < 0 || renameat(office->directory, office->fresh, office->directory, office->name) < 0 ||
	    fsync(office->directory) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing %s", office->dns->credentials_file);
	return 0;
}

static int ask(const struct office *office, const char *name, int file, char fulldomain[NAME_SIZE], struct fault *fault)
{
	static struct record reply;
	int n = wire_send_with(office->channel, VERB_REGISTER, office->section, name, strlen(name), (const int[2]){ file, -1 },
			       fault);

	if (n == 0)
		n = wire_await(office->channel, &reply, PATIENCE, fault);
	if (n == 0)
		return fault_set(fault, FAULT_FAILED, "the process that registers has ended");
	if (n > 0 && reply.verb == VERB_FAULT)
		return fault_set(fault, (enum fault_kind)reply.index == FAULT_LATER ? FAULT_LATER : FAULT_FAILED, "%s", reply.data);
	if (n > 0)
		snprintf(fulldomain, NAME_SIZE, "%.*s", NAME_SIZE - 1, reply.data);
	return n < 0 ? -1 : 0;
}

static int enrol(const struct office *office, const char *name, struct fault *fault)
{
	char fulldomain[NAME_SIZE] = "";
	OWN_FD int file = -1;
	int rc;

	(void)unlinkat(office->directory, office->fresh, 0); /* of one that was killed */
	file = openat(office->directory, office->fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return fault_errno(fault, FAULT_FAILED, "writing %s", office->dns->credentials_file);
	rc = ask(office, name, file, fulldomain, fault);
	if (rc == 0)
		rc = replace(office, file, fault);
	(void)unlinkat(office->directory, office->fresh, 0);
	if (rc == 0)
		printf("_acme-challenge.%s. IN CNAME %s.\n", name, fulldomain);
	return rc;
}

/* Each once: a wildcard has the registration of the name that it is of. */
static bool is_first(const struct config *config, const struct errand *errand, uint32_t section, uint32_t certificate, uint32_t k)
{
	const char *name = config->name[config->certificate[certificate].first_name + k];

	name += strncmp(name, "*.", 2) ? 0 : 2;
	for (uint32_t i = 0; i <= certificate; i++) {
		const struct certificate *c = &config->certificate[i];

		for (uint32_t j = 0; errand->named[i] && c->dns == section && j < (i == certificate ? k : c->names); j++) {
			const char *other = config->name[c->first_name + j];

			if (!strcmp(name, other + (strncmp(other, "*.", 2) ? 0 : 2)))
				return false;
		}
	}
	return !config_is_address(name);
}

static int enrol_all(const struct config *config, const struct errand *errand, const struct office *office)
{
	int status = STATUS_DONE;
	struct fault fault;

	for (uint32_t i = 0; i < config->certificates; i++) {
		const struct certificate *certificate = &config->certificate[i];

		for (uint32_t k = 0; errand->named[i] && certificate->dns == office->section && k < certificate->names; k++) {
			const char *name = config->name[certificate->first_name + k];

			if (!is_first(config, errand, office->section, i, k) ||
			    enrol(office, name + (strncmp(name, "*.", 2) ? 0 : 2), &fault) == 0)
				continue;
			log_error("[dns %s]: %s: %s", office->dns->name, name, fault.text);
			status = fault_status(&fault);
		}
	}
	return status;
}

static bool is_used(const struct config *config, const struct errand *errand, uint32_t section)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		if (errand->named[i] && config->certificate[i].dns == section)
			return true;
	return false;
}

static int serve(const struct config *config, const struct errand *errand, uint32_t section)
{
	struct office office = { .dns = &config->dns[section], .section = section, .directory = -1, .channel = -1, .pid = -1 };
	struct fault fault;
	int status;

	if (open_directory(&office, &fault) < 0 || writer_start(config, section, &office.pid, &office.channel, &fault) < 0) {
		log_error("[dns %s]: %s", office.dns->name, fault.text);
		status = fault_status(&fault);
	} else {
		status = enrol_all(config, errand, &office);
	}
	close_fd(&office.channel);
	(void)launch_reap_in(&office.pid, PATIENCE);
	close_fd(&office.directory);
	return status;
}

int registration_run(const struct config *config, const struct errand *errand)
{
	int status = STATUS_DONE;
	size_t served = 0;

	for (uint32_t i = 0; i < config->dnses; i++) {
		int its;

		if (config->dns[i].type != DNS_ACME_DNS || !is_used(config, errand, i))
			continue;
		its = serve(config, errand, i);
		status = status == STATUS_DONE ? its : status;
		served++;
	}
	if (!served)
		log_notice("no certificate has a section [dns NAME] with type = acme-dns");
	return status;
}
