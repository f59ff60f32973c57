// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/section.h"

#include <stdio.h>
#include <string.h>

#include "base/cas.h"
#include "base/dns_section.h"
#include "base/keys.h"
#include "base/watch_section.h"

#define INI_SECTION_LIMIT 48 /* likewise MAX_SECTION */
#define CERTIFICATE_PREFIX "certificate "
#define CA_PREFIX "ca "
#define DNS_PREFIX "dns "
#define WATCH_PREFIX "watch "

static void check_certificate(struct loader *loader, struct certificate *certificate)
{
	if (!certificate->names && !loader->spoiled)
		loader_wrong(loader, "[certificate %s] has no names = HOST...", certificate->name);
	if (certificate->pkcs12 != (certificate->password[0] != '\0') && !loader->spoiled)
		loader_wrong(loader, "[certificate %s]: forms = pem, pkcs12 and pkcs12_password_file = FILE go together",
			     certificate->name);
	if (certificate->csr_length && !loader->spoiled && (certificate->pkcs12 || certificate->reuse || keys_have(loader, "key")))
		loader_wrong(loader,
			     "[certificate %s]: with csr = FILE the key is elsewhere: leave key, reuse_key and forms = pem, pkcs12 out",
			     certificate->name);
	if (!loader->spoiled)
		(void)!dns_check_certificate(loader, certificate);
	if (loader->part != CONFIG_WHOLE)
		explicit_bzero(certificate->password, sizeof(certificate->password));
}

/* A certificate with a mistake in it is left out, with its names, the one with the mistake among them, hooks and request. */
static void leave_out(struct config *config, struct certificate *certificate)
{
	const uint32_t names = config->names;

	if (certificate->names)
		config->names = certificate->first_name;
	memset(config->name[config->names], 0, (names - config->names + 1) * sizeof(config->name[0]));
	config->hooks -= certificate->hooks;
	memset(config->hook[config->hooks], 0, certificate->hooks * sizeof(config->hook[0]));
	config->csr_used -= certificate->csr_length;
	memset(config->csr + config->csr_used, 0, certificate->csr_length);
	memset(certificate, 0, sizeof(*certificate));
	config->certificates--;
}

void section_finish(struct loader *loader)
{
	struct config *config = loader->config;
	struct certificate *certificate = loader->certificate;

	if (loader->fresh_section)
		loader_wrong(loader, "the section above has no key");
	else if (certificate)
		check_certificate(loader, certificate);
	if (loader->ca != &config->acme)
		cas_finish(loader);
	if (loader->dns)
		dns_finish(loader);
	if (loader->watch)
		watch_finish(loader);
	if (certificate && loader->spoiled)
		leave_out(config, certificate);
	loader->certificate = NULL;
	loader->fresh_section = false;
}

static int begin_certificate(struct loader *loader, const char *name)
{
	struct config *config = loader->config;
	struct certificate *certificate;
	int other = config_find(config, name);

	if (!config_is_label(name))
		return loader_wrong(loader, "[certificate NAME]: expected 1 to %d of a-z, 0-9, '.', '_', '-'", LABEL_SIZE - 1);
	if (other >= 0)
		return loader_wrong(loader, "[certificate %s] is already in line %u", name, config->certificate[other].line);
	if (config->certificates == MAX_CERTIFICATES)
		return loader_wrong(loader, "more than %d certificates", MAX_CERTIFICATES);
	certificate = &config->certificate[config->certificates++];
	memcpy(certificate->name, name, strlen(name) + 1);
	loader->wanted[config->certificates - 1].names = 0;
	certificate->mode = 0600;
	certificate->line = loader->line;
	loader->certificate = certificate;
	memset(loader->seen[SECTION_CERTIFICATE], 0, sizeof(loader->seen[SECTION_CERTIFICATE]));
	return 0;
}

enum section section_kind(const char *section)
{
	static const char *const names[] = {
		[SECTION_ACME] = "acme", [SECTION_GATE] = "gate", [SECTION_RESPONDER] = "responder", [SECTION_STATUS] = "status"
	};

	for (size_t i = 0; i < LENGTH_OF(names); i++)
		if (!strcmp(section, names[i]))
			return (enum section)i;
	if (!strncmp(section, CA_PREFIX, strlen(CA_PREFIX)))
		return SECTION_CA;
	if (!strncmp(section, DNS_PREFIX, strlen(DNS_PREFIX)))
		return SECTION_DNS;
	if (!strncmp(section, WATCH_PREFIX, strlen(WATCH_PREFIX)))
		return SECTION_WATCH;
	return strncmp(section, CERTIFICATE_PREFIX, strlen(CERTIFICATE_PREFIX)) ? SECTION_UNKNOWN : SECTION_CERTIFICATE;
}

int section_begin(struct loader *loader, const char *header)
{
	char section[INI_SECTION_LIMIT + 1];

	snprintf(section, sizeof(section), "%.*s", (int)strcspn(header + 1, "]"), header + 1);
	loader->section = section_kind(section);
	if (!strchr(header, ']'))
		return loader_wrong(loader, "expected [SECTION] or KEY = VALUE");
	if (strcspn(header, "]") > INI_SECTION_LIMIT)
		return loader_wrong(loader, "expected a section name of at most %d characters", INI_SECTION_LIMIT);
	if (loader->section == SECTION_UNKNOWN)
		return loader_wrong(loader, "section [%s]: " SECTION_EXPECTED, section);
	if (loader->section == SECTION_CA && cas_begin(loader, section + strlen(CA_PREFIX)) < 0)
		return -1;
	if (loader->section == SECTION_DNS && dns_begin(loader, section + strlen(DNS_PREFIX)) < 0)
		return -1;
	if (loader->section == SECTION_WATCH && watch_begin(loader, section + strlen(WATCH_PREFIX)) < 0)
		return -1;
	if (loader->section == SECTION_CERTIFICATE && begin_certificate(loader, section + strlen(CERTIFICATE_PREFIX)) < 0)
		return -1;
	loader->spoiled = false;
	loader->fresh_section = true;
	return 0;
}
