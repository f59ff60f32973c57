// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/cas.h"

#include <stdio.h>
#include <string.h>

#define ACME_NAME "acme" /* of the CA of [acme], in ca = */
#define SEPARATORS " \t,"

/* --- the CA at hand ----------------------------------------------------------------------------------------------- */

const char *cas_profile(const struct config *config, const struct certificate *certificate, uint32_t ca)
{
	return certificate->own_profile[0] && certificate->ca[0] == ca ? certificate->own_profile : config->ca[ca].profile;
}

const char *cas_chain(const struct config *config, const struct certificate *certificate, uint32_t ca)
{
	return certificate->own_chain[0] && certificate->ca[0] == ca ? certificate->own_chain : config->ca[ca].chain;
}

void cas_turn_to(struct config *config, uint32_t ca)
{
	config->turn = ca;
	config->acme = config->ca[ca];
	for (uint32_t i = 0; i < config->certificates; i++) {
		struct certificate *certificate = &config->certificate[i];

		snprintf(certificate->profile, sizeof(certificate->profile), "%s", cas_profile(config, certificate, ca));
		snprintf(certificate->chain, sizeof(certificate->chain), "%s", cas_chain(config, certificate, ca));
	}
}

int cas_place(const struct config *config, const struct certificate *certificate, const char *directory)
{
	if (!certificate->cas && !strcmp(config->acme.directory, directory))
		return 0;
	for (uint32_t i = 0; i < certificate->cas; i++)
		if (!strcmp(config->ca[certificate->ca[i]].directory, directory))
			return (int)i;
	return -1;
}

bool cas_is_unused(const struct config *config, uint32_t ca)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		if (memchr(config->certificate[i].ca, (int)ca, config->certificate[i].cas))
			return false;
	return config->ca[ca].name[0] != '\0';
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

int cas_find(const struct config *config, const char *name)
{
	for (uint32_t i = 1; i < config->cas; i++)
		if (!strcmp(config->ca[i].name, name))
			return (int)i;
	return strcmp(name, ACME_NAME) ? -1 : 0;
}

int cas_begin(struct loader *loader, const char *name)
{
	struct config *config = loader->config;
	int other = cas_find(config, name);

	if (!config_is_label(name))
		return loader_wrong(loader, "[ca NAME]: expected 1 to %d of a-z, 0-9, '.', '_', '-'", LABEL_SIZE - 1);
	if (other == 0)
		return loader_wrong(loader, "[ca %s]: that is the name of the CA in section [acme]; name this one otherwise", name);
	if (other > 0)
		return loader_wrong(loader, "[ca %s] is already in line %u", name, config->ca[other].line);
	if (config->cas == MAX_CAS)
		return loader_wrong(loader, "more than %d sections [ca NAME]", MAX_CAS - 1);
	loader->ca = &config->ca[config->cas++];
	memset(loader->ca, 0, sizeof(*loader->ca));
	snprintf(loader->ca->name, sizeof(loader->ca->name), "%s", name);
	loader->ca->line = loader->line;
	memset(loader->seen[SECTION_CA], 0, sizeof(loader->seen[SECTION_CA]));
	return 0;
}

void cas_finish(struct loader *loader)
{
	struct ca *ca = loader->ca;

	if (!ca->directory[0] && !loader->spoiled)
		loader_wrong(loader, "[ca %s] has no directory = URL", ca->name);
	if (!ca->eab_kid[0] != !ca->eab_key_file[0] && !loader->spoiled)
		loader_wrong(loader, "[ca %s]: eab_kid and eab_key_file go together", ca->name);
	if (loader->spoiled)
		ca->directory[0] = '\0';
	loader->ca = &loader->config->acme;
}

/* One more name. */
static int add(struct loader *loader, struct wanted *wanted, const struct key *key, const char *word, size_t length)
{
	char *name;

	if (wanted->names == MAX_CAS || length >= LABEL_SIZE)
		return loader_wrong(loader, "%s: expected at most %d names of at most %d characters", key->name, MAX_CAS,
				    LABEL_SIZE - 1);
	name = wanted->name[wanted->names];
	snprintf(name, LABEL_SIZE, "%.*s", (int)length, word);
	for (uint32_t i = 0; i < wanted->names; i++)
		if (!strcmp(wanted->name[i], name))
			return loader_wrong(loader, "%s: %s is given twice", key->name, name);
	wanted->names++;
	return 0;
}

int cas_set(struct loader *loader, const struct key *key, const char *value)
{
	const uint32_t which = key->section == SECTION_CERTIFICATE ? loader->config->certificates - 1 : MAX_CERTIFICATES;
	struct wanted *wanted = &loader->wanted[which];

	*wanted = (struct wanted){ .line = loader->line };
	for (const char *word = value + strspn(value, SEPARATORS); *word; word += strspn(word, SEPARATORS)) {
		size_t length = strcspn(word, SEPARATORS);

		if (add(loader, wanted, key, word, length) < 0)
			return -1;
		word += length;
	}
	return wanted->names ? 0 : loader_wrong(loader, "%s: expected names of CAs: acme, or those of sections [ca NAME]", key->name);
}

/* --- after the last line ------------------------------------------------------------------------------------------ */

/* Two with one directory would have one account, and nobody could say from which of them a certificate came. */
static void refuse_twins(struct loader *loader)
{
	struct config *config = loader->config;

	for (uint32_t i = 1; i < config->cas; i++) {
		struct ca *ca = &config->ca[i];

		for (uint32_t k = 0; k < i && ca->directory[0]; k++) {
			if (strcmp(ca->directory, config->ca[k].directory) != 0)
				continue;
			loader->line = ca->line;
			loader_wrong(loader, "[ca %s] has the same directory as [%s%s]; one section is enough", ca->name,
				     CA_SECTION(&config->ca[k]));
			ca->directory[0] = '\0';
		}
	}
}

/* Do all of these exist? */
static bool are_there(struct loader *loader, const struct wanted *wanted)
{
	const struct config *config = loader->config;

	loader->line = wanted->line;
	for (uint32_t i = 0; i < wanted->names; i++) {
		int index = cas_find(config, wanted->name[i]);

		if (index < 0)
			return loader_wrong(loader, "ca: there is no section [ca %s]", wanted->name[i]) == 0;
		if (index == 0 && !config->ca[0].directory[0])
			return loader_wrong(loader, "ca: acme is the CA of section [acme], which has no directory = URL") == 0;
	}
	return true;
}

/* Without names: that of [acme], or all others. Those with a mistake are passed over. */
static void choose(const struct config *config, const struct wanted *wanted, struct certificate *certificate)
{
	const bool others = !config->ca[0].directory[0] && config->cas > 1;
	const uint32_t names = wanted->names ? wanted->names : others ? config->cas : 1;

	for (uint32_t i = 0; i < names; i++) {
		int index = wanted->names ? cas_find(config, wanted->name[i]) : (int)i;

		if (config->ca[index].directory[0] || config->cas == 1)
			certificate->ca[certificate->cas++] = (uint8_t)index;
	}
}

static bool choose_for(struct loader *loader, uint32_t which, struct certificate *certificate)
{
	const struct wanted *wanted = &loader->wanted[which];

	if (wanted->names && !are_there(loader, wanted))
		return false;
	choose(loader->config, wanted->names ? wanted : &loader->wanted[MAX_CERTIFICATES], certificate);
	loader->line = certificate->line;
	if (!certificate->cas)
		loader_wrong(loader, "[certificate %s]: each of its CAs has a mistake, see there", certificate->name);
	return certificate->cas > 0;
}

void cas_resolve(struct loader *loader)
{
	struct config *config = loader->config;
	const uint32_t found = config->certificates;
	uint32_t kept = 0, first = config->cas;

	config->ca[0] = config->acme;
	loader->section = SECTION_CA;
	refuse_twins(loader);
	loader->section = SECTION_ACME;
	if (!are_there(loader, &loader->wanted[MAX_CERTIFICATES]))
		loader->wanted[MAX_CERTIFICATES].names = 0;
	loader->section = SECTION_CERTIFICATE;
	for (uint32_t i = 0; i < found; i++) {
		struct certificate *certificate = &config->certificate[i];

		if (!choose_for(loader, i, certificate))
			continue;
		if (certificate->ca[0] < first)
			first = certificate->ca[0];
		config->certificate[kept++] = *certificate;
	}
	config->certificates = kept;
	explicit_bzero(&config->certificate[kept], (found - kept) * sizeof(config->certificate[0])); /* one may have a password */
	cas_turn_to(config, first < config->cas ? first : 0);
}
