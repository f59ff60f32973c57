// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/config_share.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	CLIENT = 1 << ROLE_CLIENT,
	SIGNER = 1 << ROLE_SIGNER,
	STORER = 1 << ROLE_STORER,
	VIEWER = 1 << ROLE_VIEWER,
	IMPORTER = 1 << ROLE_IMPORTER,
	EXAMINER = 1 << ROLE_EXAMINER,
	PLACER = 1 << ROLE_PLACER,
	DNS = 1 << ROLE_DNS,
	PROVIDER = 1 << ROLE_PROVIDER
};

#define OF(type, member, roles) \
	{ \
		offsetof(type, member), sizeof(((type *)0)->member), roles \
	}

struct part {
	size_t offset, size;
	unsigned int roles; /* that use it */
};

static const struct part parts[] = {
	OF(struct config, file, CLIENT | SIGNER | VIEWER | EXAMINER), /* for messages */
	OF(struct config, acme.name, CLIENT | SIGNER),		      /* likewise */
	OF(struct config, task, CLIENT | SIGNER | STORER),
	OF(struct config, acme.directory, CLIENT | SIGNER | STORER | VIEWER | EXAMINER),
	OF(struct config, acme.staging, SIGNER),
	OF(struct config, acme.contact, CLIENT | SIGNER),
	OF(struct config, acme.accept_terms, CLIENT | SIGNER),
	OF(struct config, acme.ca_file, CLIENT | SIGNER | EXAMINER),
	OF(struct config, acme.trust_file, SIGNER),
	OF(struct config, acme.hosts, SIGNER),
	OF(struct config, acme.proxy, CLIENT | EXAMINER),
	OF(struct config, acme.eab_kid, CLIENT | SIGNER),
	OF(struct config, acme.eab_key_file, SIGNER | STORER),
	OF(struct config, acme.account_key, SIGNER),
	OF(struct config, turn, STORER | VIEWER | EXAMINER),
	OF(struct config, cas, STORER | VIEWER | EXAMINER),
	OF(struct config, gate.max_open, CLIENT),
	OF(struct config, gate.state, STORER | DNS),
	OF(struct config, responder.mode, CLIENT | STORER | PLACER),
	OF(struct config, responder.webroot, CLIENT | STORER | PLACER),
	OF(struct config, watches, VIEWER),
	OF(struct config, watch, VIEWER),
	OF(struct config, watched, VIEWER),
	OF(struct config, dnses, DNS | PROVIDER),
	OF(struct config, certificates, CLIENT | SIGNER | STORER | VIEWER | IMPORTER | EXAMINER | DNS),
	OF(struct config, csr_used, SIGNER | STORER | VIEWER),
	OF(struct config, names, CLIENT | SIGNER | STORER | VIEWER | IMPORTER | EXAMINER | DNS),
};

static const struct part certificate_parts[] = {
	OF(struct certificate, name, CLIENT | SIGNER | STORER | VIEWER | IMPORTER),
	OF(struct certificate, first_name, CLIENT | SIGNER | STORER | VIEWER | IMPORTER | EXAMINER | DNS),
	OF(struct certificate, names, CLIENT | SIGNER | STORER | VIEWER | IMPORTER | EXAMINER | DNS),
	OF(struct certificate, challenge, CLIENT | VIEWER | EXAMINER),
	OF(struct certificate, challenges, CLIENT | VIEWER | EXAMINER),
	OF(struct certificate, persist_until, CLIENT),
	OF(struct certificate, dns, DNS),
	OF(struct certificate, key, SIGNER | STORER | VIEWER | IMPORTER),
	OF(struct certificate, reuse, SIGNER | STORER | VIEWER),
	OF(struct certificate, csr, SIGNER), /* for messages */
	OF(struct certificate, csr_at, SIGNER | STORER | VIEWER),
	OF(struct certificate, csr_length, SIGNER | STORER | VIEWER),
	OF(struct certificate, profile, CLIENT | SIGNER | STORER | VIEWER),
	OF(struct certificate, chain, CLIENT | SIGNER | STORER | VIEWER),
	OF(struct certificate, own_profile, STORER | VIEWER),
	OF(struct certificate, own_chain, STORER | VIEWER),
	OF(struct certificate, ca, STORER | VIEWER | EXAMINER),
	OF(struct certificate, cas, STORER | VIEWER | EXAMINER),
	OF(struct certificate, owner, STORER),
	OF(struct certificate, group, STORER),
	OF(struct certificate, mode, STORER),
	OF(struct certificate, pkcs12, SIGNER),
	OF(struct certificate, password, SIGNER),
	OF(struct certificate, hooks, STORER), /* a stored certificate waits for its hooks if there are any */
};

/* Of all sections [dns NAME]. */
static const struct part dns_parts[] = {
	OF(struct dns, name, DNS | PROVIDER),
	OF(struct dns, type, DNS | PROVIDER),
	OF(struct dns, sound, DNS),
	OF(struct dns, server, DNS),
	OF(struct dns, zone, DNS),
	OF(struct dns, propagation, DNS),
	OF(struct dns, key_file, DNS),
	OF(struct dns, key_name, DNS),
	OF(struct dns, algorithm, DNS),
	OF(struct dns, secret, DNS),
	OF(struct dns, address, DNS),
	OF(struct dns, url, PROVIDER),
	OF(struct dns, credentials_file, PROVIDER), /* for messages */
	OF(struct dns, token_file, PROVIDER),
	OF(struct dns, allow_from, PROVIDER),
};

/* Of all CAs, for the decision whose turn it is. */
static const struct part ca_parts[] = {
	OF(struct ca, name, STORER | VIEWER),
	OF(struct ca, directory, STORER | VIEWER),
	OF(struct ca, profile, STORER | VIEWER),
	OF(struct ca, chain, STORER | VIEWER),
};

bool config_share_has(enum role role)
{
	return (1U << role) & (CLIENT | SIGNER | STORER | VIEWER | IMPORTER | EXAMINER | PLACER | DNS | PROVIDER);
}

static void copy(void *to, const void *from, const struct part *part, size_t n, enum role role)
{
	for (size_t i = 0; i < n; i++)
		if (part[i].roles & (1U << role))
			memcpy((char *)to + part[i].offset, (const char *)from + part[i].offset, part[i].size);
}

int config_share(const struct config *config, enum role role, struct fault *fault)
{
	OWN_FD int fd = memfd_create("acmegate-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct config *shared = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(*config)) == 0)
		shared = mmap(NULL, sizeof(*config), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		return fault_errno(fault, FAULT_LATER, "sharing the configuration with the agent");
	copy(shared, config, parts, LENGTH_OF(parts), role);
	for (uint32_t i = 0; i < shared->cas; i++)
		copy(&shared->ca[i], &config->ca[i], ca_parts, LENGTH_OF(ca_parts), role);
	for (uint32_t i = 0; i < shared->dnses; i++)
		copy(&shared->dns[i], &config->dns[i], dns_parts, LENGTH_OF(dns_parts), role);
	for (uint32_t i = 0; i < shared->certificates; i++)
		copy(&shared->certificate[i], &config->certificate[i], certificate_parts, LENGTH_OF(certificate_parts), role);
	memcpy(shared->csr, config->csr, shared->csr_used);
	memcpy(shared->name, config->name, shared->names * sizeof(config->name[0]));
	memcpy(shared->mark, config->mark, shared->names * sizeof(config->mark[0]));
	munmap(shared, sizeof(*config)); /* a writable mapping forbids F_SEAL_WRITE */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return fault_errno(fault, FAULT_LATER, "sharing the configuration with the agent");
	return steal_fd(&fd);
}

const struct config *config_share_receive(int fd)
{
	struct stat s;
	const struct config *config;

	if (fstat(fd, &s) < 0 || s.st_size != (off_t)sizeof(*config))
		return NULL;
	/* private: 5.10, 6.1 before 6.1.153 and 6.12 before 6.12.9 refuse to share a file that is sealed against writing */
	config = mmap(NULL, sizeof(*config), PROT_READ, MAP_PRIVATE, fd, 0);
	return config == MAP_FAILED ? NULL : config;
}
