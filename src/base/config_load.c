// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/config_load.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cas.h"
#include "base/config_line.h"
#include "base/dns_section.h"
#include "base/names.h"
#include "base/safe.h"
#include "base/value.h"
#include "base/watch_section.h"

#define INI_SECTION_LIMIT 48 /* likewise MAX_SECTION */
#define CERTIFICATE_PREFIX "certificate "
#define CA_PREFIX "ca "
#define DNS_PREFIX "dns "
#define WATCH_PREFIX "watch "
#define EXPECTED_SECTIONS \
	"expected [acme], [ca NAME], [gate], [responder], [status], [dns NAME], [watch NAME] or [certificate NAME]"

/* The sections whose mistakes stop a command; none stops recovery. An unknown section may be a misspelled one. */
static const bool matters[][SECTIONS] = {
	[CONFIG_WHOLE] = { [SECTION_ACME] = true, [SECTION_GATE] = true, [SECTION_RESPONDER] = true, [SECTION_UNKNOWN] = true },
	[CONFIG_ACCOUNT] = { [SECTION_ACME] = true, [SECTION_GATE] = true, [SECTION_UNKNOWN] = true },
	[CONFIG_GATE] = { [SECTION_GATE] = true, [SECTION_RESPONDER] = true, [SECTION_UNKNOWN] = true },
	[CONFIG_CLOSING] = { false },
};

static int (*translate)(const char *name, char ascii[NAME_SIZE], struct fault *fault);

void config_translate_with(int (*translator)(const char *name, char ascii[NAME_SIZE], struct fault *fault))
{
	translate = translator;
}

/* --- sections and keys -------------------------------------------------------------------------------------------- */

static const char *const key_types[] = {
	[KEY_P256] = "p256",	   [KEY_P384] = "p384",	      [KEY_RSA2048] = "rsa2048",
	[KEY_RSA3072] = "rsa3072", [KEY_RSA4096] = "rsa4096", NULL,
};
_Static_assert(LENGTH_OF(key_types) == KEY_TYPES + 1, "one name for each type of key");

static const char *const modes[] = {
	[RESPONDER_STANDALONE] = "standalone",
	[RESPONDER_REDIRECT] = "redirect",
	[RESPONDER_WEBROOT] = "webroot",
	NULL,
};
_Static_assert(LENGTH_OF(modes) == RESPONDER_MODES + 1, "one name for each mode");

#define ACME(member) offsetof(struct ca, member), sizeof(((struct ca *)0)->member)
#define GATE(member) offsetof(struct config, gate.member), sizeof(((struct config *)0)->gate.member)
#define RESP(member) offsetof(struct config, responder.member), sizeof(((struct config *)0)->responder.member)
#define STAT(member) offsetof(struct config, status.member), sizeof(((struct config *)0)->status.member)
#define DNS(member) offsetof(struct dns, member), sizeof(((struct dns *)0)->member)
#define CERT(member) offsetof(struct certificate, member), sizeof(((struct certificate *)0)->member)

/* Those of [acme] are those of [ca NAME] too. */
static const struct key keys[] = {
	{ SECTION_ACME, "directory", value_directory, ACME(directory), NULL },
	{ SECTION_ACME, "staging", value_directory, ACME(staging), NULL },
	{ SECTION_ACME, "contact", value_contact, ACME(contact), NULL },
	{ SECTION_ACME, "accept_terms", value_bool, ACME(accept_terms), NULL },
	{ SECTION_ACME, "ca_file", value_file, ACME(ca_file), NULL },
	{ SECTION_ACME, "trust_file", value_file, ACME(trust_file), NULL },
	{ SECTION_ACME, "hosts", value_hosts, ACME(hosts), NULL },
	{ SECTION_ACME, "proxy", value_proxy, ACME(proxy), NULL },
	{ SECTION_ACME, "eab_kid", value_text, ACME(eab_kid), NULL },
	{ SECTION_ACME, "eab_key_file", value_file, ACME(eab_key_file), NULL },
	{ SECTION_ACME, "account_key", value_choice, ACME(account_key), key_types },
	{ SECTION_ACME, "profile", value_label, ACME(profile), NULL },
	{ SECTION_ACME, "chain", value_text, ACME(chain), NULL },
	{ SECTION_ACME, "ca", cas_set, 0, 0, NULL },
	{ SECTION_GATE, "backend", value_choice, GATE(backend), backend_names },
	{ SECTION_GATE, "command", value_command, GATE(command), NULL },
	{ SECTION_GATE, "port", value_port, GATE(port), NULL },
	{ SECTION_GATE, "max_open", value_max_open, GATE(max_open), NULL },
	{ SECTION_GATE, "user", value_label, GATE(user), NULL },
	{ SECTION_GATE, "state", value_path, GATE(state), NULL },
	{ SECTION_RESPONDER, "mode", value_choice, RESP(mode), modes },
	{ SECTION_RESPONDER, "port", value_port, RESP(port), NULL },
	{ SECTION_RESPONDER, "webroot", value_path, RESP(webroot), NULL },
	{ SECTION_STATUS, "metrics", value_metrics, STAT(metrics), NULL },
	{ SECTION_STATUS, "alert", value_program, STAT(alert), NULL },
	{ SECTION_STATUS, "page", value_path, STAT(page), NULL },
	{ SECTION_STATUS, "mode", value_mode, STAT(mode), NULL },
	{ SECTION_STATUS, "group", value_group, STAT(group), NULL },
	{ SECTION_DNS, "type", dns_set_type, 0, 0, NULL },
	{ SECTION_DNS, "server", dns_set_server, DNS(server), NULL },
	{ SECTION_DNS, "key_file", dns_set_key, DNS(key_file), NULL },
	{ SECTION_DNS, "algorithm", dns_set_algorithm, DNS(algorithm), NULL },
	{ SECTION_DNS, "zone", dns_set_zone, DNS(zone), NULL },
	{ SECTION_DNS, "propagation", dns_set_propagation, DNS(propagation), NULL },
	{ SECTION_WATCH, "files", watch_set_files, 0, 0, NULL },
	{ SECTION_CERTIFICATE, "names", names_set, 0, 0, NULL },
	{ SECTION_CERTIFICATE, "key", value_choice, CERT(key), key_types },
	{ SECTION_CERTIFICATE, "reuse_key", value_reuse, CERT(reuse), NULL },
	{ SECTION_CERTIFICATE, "csr", value_csr, CERT(csr), NULL },
	{ SECTION_CERTIFICATE, "ca", cas_set, 0, 0, NULL },
	{ SECTION_CERTIFICATE, "challenge", dns_set_challenges, CERT(challenge), NULL },
	{ SECTION_CERTIFICATE, "dns", value_label, CERT(dns_name), NULL },
	{ SECTION_CERTIFICATE, "profile", value_label, CERT(own_profile), NULL },
	{ SECTION_CERTIFICATE, "chain", value_text, CERT(own_chain), NULL },
	{ SECTION_CERTIFICATE, "owner", value_owner, CERT(owner), NULL },
	{ SECTION_CERTIFICATE, "group", value_group, CERT(group), NULL },
	{ SECTION_CERTIFICATE, "mode", value_mode, CERT(mode), NULL },
	{ SECTION_CERTIFICATE, "forms", value_forms, CERT(pkcs12), NULL },
	{ SECTION_CERTIFICATE, "pkcs12_password_file", value_password, CERT(password), NULL },
	{ SECTION_CERTIFICATE, "deploy", value_hook, offsetof(struct config, hook), COMMAND_SIZE, NULL },
};
_Static_assert(LENGTH_OF(keys) <= 64, "one bit for each key");

/* A key of the certificate that is being read. */
static bool is_given(const struct loader *loader, const char *name)
{
	for (size_t i = 0; i < LENGTH_OF(keys); i++)
		if (keys[i].section == SECTION_CERTIFICATE && !strcmp(keys[i].name, name))
			return loader->seen[SECTION_CERTIFICATE] & (UINT64_C(1) << i);
	return false;
}

static void check_certificate(struct loader *loader, struct certificate *certificate)
{
	if (!certificate->names && !loader->spoiled)
		loader_wrong(loader, "[certificate %s] has no names = HOST...", certificate->name);
	if (certificate->pkcs12 != (certificate->password[0] != '\0') && !loader->spoiled)
		loader_wrong(loader, "[certificate %s]: forms = pem, pkcs12 and pkcs12_password_file = FILE go together",
			     certificate->name);
	if (certificate->csr_length && !loader->spoiled && (certificate->pkcs12 || certificate->reuse || is_given(loader, "key")))
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

static void finish_section(struct loader *loader)
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
	loader->seen[SECTION_CERTIFICATE] = 0;
	return 0;
}

static enum section kind_of(const char *section)
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

/* text: the header, from its bracket on */
static int begin_section(struct loader *loader, const char *text)
{
	char section[INI_SECTION_LIMIT + 1];

	snprintf(section, sizeof(section), "%.*s", (int)strcspn(text + 1, "]"), text + 1);
	loader->section = kind_of(section);
	if (!strchr(text, ']'))
		return loader_wrong(loader, "expected [SECTION] or KEY = VALUE");
	if (strcspn(text, "]") > INI_SECTION_LIMIT)
		return loader_wrong(loader, "expected a section name of at most %d characters", INI_SECTION_LIMIT);
	if (loader->section == SECTION_UNKNOWN)
		return loader_wrong(loader, "section [%s]: " EXPECTED_SECTIONS, section);
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

/* Names go on in the next line; each line with a hook is another one. Files may do both. */
static bool may_come_again(const struct loader *loader, const struct key *key)
{
	return key->set == watch_set_files || key->set == (loader->continued ? names_set : value_hook);
}

/* The names of CAs are for certificates, and in [acme] for all of them. */
static bool is_in_section(const struct key *key, enum section section)
{
	return key->section == section || (section == SECTION_CA && key->section == SECTION_ACME && key->set != cas_set);
}

static int set(struct loader *loader, const char *name, const char *value)
{
	for (size_t i = 0; i < LENGTH_OF(keys); i++) {
		uint64_t bit = UINT64_C(1) << i;

		if (!is_in_section(&keys[i], loader->section) || strcmp(keys[i].name, name))
			continue;
		if ((loader->seen[loader->section] & bit) && !may_come_again(loader, &keys[i]))
			return loader_wrong(loader, loader->continued ? "%s: expected one line" : "%s is given twice", name);
		loader->seen[loader->section] |= bit;
		return keys[i].set(loader, &keys[i], value);
	}
	return 1;
}

static int store(void *user, const char *section, const char *name, const char *piece)
{
	struct loader *loader = user;
	const char *value = loader->value;
	size_t length = strlen(piece);

	if (loader->skipping || length >= sizeof(loader->value) - loader->used)
		return 1;
	memcpy(loader->value + loader->used, piece, length + 1);
	loader->used += length;
	if (loader->rest)
		return 1;
	loader->fresh_section = false;
	if (kind_of(section) != loader->section || loader->section == SECTION_UNKNOWN)
		(void)!loader_wrong(loader, "section [%s]: " EXPECTED_SECTIONS, section);
	else if (set(loader, name, value) > 0)
		(void)!loader_wrong(loader, "[%s] has no key '%s', see acmegate.conf(5)", section, name);
	return 1;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void set_defaults(struct config *config, const char *file)
{
	config_clear(config);
	snprintf(config->file, sizeof(config->file), "%s", file);
	config->cas = 1;
	config->status.mode = 0644;
	config->gate.port = 80;
	config->responder.port = 8402;
	config->gate.max_open = 60;
	snprintf(config->gate.user, sizeof(config->gate.user), "_acmegate");
	snprintf(config->gate.state, sizeof(config->gate.state), LOCALSTATEDIR "/lib/acmegate");
}

static int check_gate(const struct config *config, struct fault *fault)
{
	if (config->gate.backend == BACKEND_COMMAND && !config->gate.command[0])
		return fault_set(fault, FAULT_USAGE, "%s: [gate] backend = command needs command = PROGRAM [ARGUMENT...]",
				 config->file);
	if (config->responder.mode == RESPONDER_WEBROOT && !config->responder.webroot[0])
		return fault_set(fault, FAULT_USAGE,
				 "%s: [responder] mode = webroot needs webroot = DIRECTORY, which the web "
				 "server serves as /",
				 config->file);
	if (config->responder.mode == RESPONDER_REDIRECT && config->responder.port == config->gate.port)
		return fault_set(fault, FAULT_USAGE, "%s: [responder] port must be another one than [gate] port", config->file);
	return 0;
}

static int check_whole(struct config *config, enum config_part part, struct fault *fault)
{
	if (!config->acme.directory[0])
		return fault_set(fault, FAULT_USAGE, "%s: [acme] directory is missing; for example directory = letsencrypt",
				 config->file);
	if (!config->certificates && part == CONFIG_WHOLE)
		return fault_set(fault, FAULT_USAGE, "%s: there is no [certificate NAME] section", config->file);
	if (!config->ca[0].eab_kid[0] != !config->ca[0].eab_key_file[0])
		return fault_set(fault, FAULT_USAGE, "%s: [acme] eab_kid and eab_key_file go together", config->file);
	return config_find_user(config, fault);
}

/* -1: the file could not be read to its end, which must not pass for a short one. */
static int parse(struct loader *loader, struct fault *fault)
{
	int line = ini_parse_stream(config_line_next, loader, store, loader);

	free(loader->buffer);
	if (line < 0 || ferror(loader->file))
		return fault_errno(fault, FAULT_LATER, "reading %s", loader->config->file);
	finish_section(loader);
	if (line > 0) {
		loader->line = (uint32_t)line;
		loader->section = SECTION_UNKNOWN;
		(void)!loader_wrong(loader, "expected [SECTION] or KEY = VALUE");
	}
	cas_resolve(loader);
	dns_resolve(loader);
	return 0;
}

static int read_file(struct loader *loader, struct fault *fault)
{
	int fd = safe_open(loader->config->file, fault), rc;

	if (fd < 0)
		return -1;
	loader->file = fdopen(fd, "r");
	if (!loader->file) {
		close(fd);
		return fault_errno(fault, FAULT_FAILED, "reading %s", loader->config->file);
	}
	rc = parse(loader, fault);
	fclose(loader->file);
	return rc;
}

/* Mistakes that stop this part; without them, what there is as a whole. */
static bool serves(const struct loader *loader, enum config_part part)
{
	struct config *config = loader->config;
	struct fault fault;

	if (part == CONFIG_WHOLE && loader->mistakes->number && !config->certificates)
		return false;
	for (int i = 0; i < SECTIONS; i++)
		if (loader->wrong[i] && matters[part][i])
			return false;
	if (part == CONFIG_CLOSING ||
	    (check_gate(config, &fault) == 0 && (part == CONFIG_GATE || check_whole(config, part, &fault) == 0)))
		return true;
	loader_note(loader->mistakes, fault.text);
	return false;
}

int config_load(struct config *config, const char *file, enum config_part part, struct mistakes *mistakes, struct fault *fault)
{
	static struct wanted wanted[MAX_CERTIFICATES + 1];
	struct loader loader = { .config = config,
				 .ca = &config->acme,
				 .wanted = wanted,
				 .mistakes = mistakes,
				 .part = part,
				 .section = SECTION_UNKNOWN,
				 .begin_section = begin_section,
				 .finish_section = finish_section,
				 .translate = translate };

	wanted[MAX_CERTIFICATES].names = 0;
	mistakes->number = 0;
	set_defaults(config, file);
	if (part != CONFIG_WHOLE && !strcmp(file, CONFIG_FILE) && access(file, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (read_file(&loader, fault) < 0) {
		loader_note(mistakes, fault->text);
		return -1;
	}
	return serves(&loader, part) ? 0 : fault_set(fault, FAULT_USAGE, "%s", mistakes->text[0]);
}
