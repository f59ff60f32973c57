// SPDX-License-Identifier: GPL-3.0-or-later
/* import.c - takes over accounts and live certificates of other clients: first looks at all of them, and stores them if all are good. */
#include "command/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/moment.h"
#include "import/adoption.h"

static struct estate_list list;
static struct adoption adoption;

/* --- what there is ------------------------------------------------------------------------------------------------- */

static int gather_files(const struct host *host, const struct call *call, struct fault *fault)
{
	const char *directory = host->config->ca[0].directory, *url = call->value[IMPORT_URL];

	if (!directory[0])
		return fault_set(fault, FAULT_USAGE, "%s: set directory = URL in [acme] first: that of the CA that these come from",
				 host->config->file);
	if (call->words && estate_of_files(&list, call->word, call->words, directory, fault) < 0)
		return -1;
	return call->value[IMPORT_KEY] ? estate_of_account(&list, call->value[IMPORT_KEY], url ? url : "", directory, fault) : 0;
}

static int gather(const struct host *host, const struct call *call, struct fault *fault)
{
	const char *from = call->value[IMPORT_FROM], *home = getenv("HOME");
	const bool one = call->words == 1;
	char lego[PATH_MAX];

	if (one && !strcmp(call->word[0], "certbot"))
		return estate_of_certbot(&list, from ? from : "/etc/letsencrypt", fault);
	snprintf(lego, sizeof(lego), "%s/.lego", home ? home : "/root");
	if (one && !strcmp(call->word[0], "lego"))
		return estate_of_lego(&list, from ? from : lego, host->config, fault);
	return gather_files(host, call, fault);
}

/* --- is it good? --------------------------------------------------------------------------------------------------- */

/* Tells of each that is not. */
static int weigh(const struct host *host)
{
	struct fault fault;
	int status = STATUS_DONE;

	adoption_set(&adoption, host->config, host->state_fd, "");
	if (adoption_look(&adoption, &fault) < 0) {
		log_error("%s", fault.text);
		status = fault_status(&fault);
	}
	for (size_t i = 0; adoption.importer >= 0 && i < list.items; i++) {
		if (adoption_ask(&adoption, VERB_WEIGH, 0, &list.item[i], &fault) == 0)
			continue;
		log_error("%s: %s", list.item[i].files, fault.text);
		status = fault_status(&fault);
	}
	(void)adoption_end(&adoption);
	if (status != STATUS_DONE)
		log_error("nothing is imported: put that right, or take it away, and import again");
	return status;
}

static bool has_name(const char *names, const char *name)
{
	const size_t length = strlen(name);

	for (const char *at = names; *at; at += strcspn(at, " "), at += *at == ' ')
		if (strcspn(at, " ") == length && !strncmp(at, name, length))
			return true;
	return false;
}

static uint32_t count_names(const char *names)
{
	uint32_t count = names[0] != '\0';

	for (; *names; names++)
		count += *names == ' ';
	return count;
}

static bool has_names(const struct config *config, const struct certificate *certificate, const char *names)
{
	for (uint32_t i = 0; i < certificate->names; i++)
		if (!has_name(names, config->name[certificate->first_name + i]))
			return false;
	return certificate->names == count_names(names);
}

/* The section with these names, or else with that name. -1: there is none. */
static int find_section(const struct config *config, const struct estate_item *item)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		if (has_names(config, &config->certificate[i], item->found->names))
			return (int)i;
	return config_find(config, item->name);
}

static bool is_taken(const struct estate_item *item)
{
	for (const struct estate_item *other = list.item; other < item; other++)
		if (!other->data->account && !other->left_out && !strcmp(other->name, item->name))
			return true;
	return false;
}

/* A number at its end tells it from one of the same name. */
static void name(const struct config *config, struct estate_item *item)
{
	char first[NAME_SIZE], base[LABEL_SIZE];

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(item->found->names, " "), item->found->names);
	if (!item->name[0])
		estate_name(item->name, first);
	item->section = find_section(config, item);
	if (item->section >= 0)
		memcpy(item->name, config->certificate[item->section].name, sizeof(item->name));
	memcpy(base, item->name, sizeof(base));
	for (uint8_t i = 2; is_taken(item); i++) { /* ESTATE_ITEMS are fewer */
		snprintf(item->name, sizeof(item->name), "%.*s-%hhu", LABEL_SIZE - 6, base, i);
		item->section = -1;
	}
}

static void judge(const struct config *config, struct estate_item *item)
{
	const struct found *found = item->found;

	item->left_out = true;
	if (found->names[0] == '*' || strstr(found->names, " *"))
		log_warning("%s: left out: it has a wildcard, which takes validation through the DNS; add its section to the configuration, with "
			    "challenge = dns-01 (acmegate.conf(5), \"dns\")",
			    item->files);
	else if (found->not_after <= (int64_t)time(NULL))
		log_warning("%s: left out: it expired on %s; acmegate renew obtains another one", item->files,
			    moment_day(found->not_after).text);
	else
		item->left_out = false;
	if (!item->left_out)
		name(config, item);
}

/* --- storing ------------------------------------------------------------------------------------------------------- */

static void say_account(const struct host *host, const struct estate_item *item)
{
	if (item->found->present)
		log_notice("%s: left out: %s has an account for %s, which stays", item->files, host->config->gate.state,
			   item->directory);
	else
		log_notice("account %s is imported from %s", item->found->url[0] ? item->found->url : "(the CA tells its URL)",
			   item->files);
}

static void say_certificate(const struct host *host, const struct estate_item *item)
{
	log_notice("certificate %s is stored in %s/certificates/%s/live, from %s; valid until %s", item->name,
		   host->config->gate.state, item->name, item->files, moment_day(item->found->not_after).text);
	if (item->section >= 0 && !has_names(host->config, &host->config->certificate[item->section], item->found->names))
		log_warning("certificate %s: its names are others than those of [certificate %s] in %s: the next renewal orders one for those",
			    item->name, item->name, host->config->file);
}

/* index: of the next certificate of this adoption */
static int adopt_one(const struct host *host, struct estate_item *item, uint32_t *index, struct fault *fault)
{
	const uint32_t i = item->data->account ? 0 : (*index)++;

	if (!item->data->account && adoption.present[i]) {
		item->left_out = true;
		log_notice("%s: left out: %s/certificates/%s/live is there, and stays", item->files, host->config->gate.state,
			   item->name);
		return 0;
	}
	if (adoption_ask(&adoption, VERB_ADOPT, i, item, fault) < 0)
		return fault_at(fault, "%s", item->files);
	if (item->data->account)
		say_account(host, item);
	else
		say_certificate(host, item);
	return 0;
}

static bool is_of(const struct estate_item *item, const char *directory)
{
	return !item->left_out && !strcmp(item->directory, directory);
}

static int adopt(const struct host *host, const char *directory, struct fault *fault)
{
	uint32_t index = 0;

	adoption_set(&adoption, host->config, host->state_fd, directory);
	for (size_t i = 0; i < list.items; i++) {
		const struct estate_item *item = &list.item[i];

		if (is_of(item, directory) && !item->data->account &&
		    adoption_add(&adoption, item->section < 0 ? NULL : &host->config->certificate[item->section], item->name) < 0)
			return fault_set(fault, FAULT_FAILED, "more than %d certificates", MAX_CERTIFICATES);
	}
	if (adoption_begin(&adoption, fault) < 0)
		return -1;
	for (size_t i = 0; i < list.items; i++)
		if (is_of(&list.item[i], directory) && adopt_one(host, &list.item[i], &index, fault) < 0)
			return -1;
	return 0;
}

/* One CA after the other: each when its first item comes. */
static int adopt_all(const struct host *host)
{
	bool first[ESTATE_ITEMS] = { false };
	int status = STATUS_DONE;
	struct fault fault;

	for (size_t i = 0; i < list.items; i++) {
		const struct estate_item *item = &list.item[i];

		first[i] = !item->left_out;
		for (size_t j = 0; j < i; j++)
			first[i] = first[i] && !(first[j] && !strcmp(list.item[j].directory, item->directory));
		if (!first[i])
			continue;
		if (adopt(host, item->directory, &fault) < 0) {
			log_error("%s", fault.text);
			status = fault_status(&fault);
		}
		if (!adoption_end(&adoption) && status == STATUS_DONE)
			status = STATUS_FAILED;
	}
	return status;
}

/* --- what the configuration needs ----------------------------------------------------------------------------------- */

/* A certificate that the configuration has no section for. */
static bool is_printed(const struct estate_item *item)
{
	return !item->data->account && !item->left_out && item->section < 0;
}

/* The CA with this directory: NAME of [ca NAME], "" of [acme]. NULL: the configuration has none. */
static const char *find_ca(const struct config *config, const char *directory)
{
	for (uint32_t i = 0; i < config->cas; i++)
		if (!strcmp(config->ca[i].directory, directory))
			return config->ca[i].name;
	return NULL;
}

/* A NAME for a CA that the configuration does not have. */
static void name_ca(char name[LABEL_SIZE], const char *directory)
{
	char host[LABEL_SIZE];

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(directory + strlen("https://"), ":/"), directory + strlen("https://"));
	estate_name(name, host);
}

/* main: the directory of [acme]. */
static void print_section(const struct config *config, const char *main, const struct estate_item *item)
{
	static const char *const keys[] = {
		[KEY_P256] = NULL,	   [KEY_P384] = "p384",	      [KEY_RSA2048] = "rsa2048",
		[KEY_RSA3072] = "rsa3072", [KEY_RSA4096] = "rsa4096",
	};
	const char *ca = strcmp(item->directory, main) ? find_ca(config, item->directory) : "";
	char other[LABEL_SIZE];

	name_ca(other, item->directory);
	printf("\n[certificate %s]\n", item->name);
	for (const char *at = item->found->names; *at; at += strcspn(at, " "), at += *at == ' ')
		printf("%s%.*s\n", at == item->found->names ? "names = " : "  ", (int)strcspn(at, " "), at);
	if (item->found->key < LENGTH_OF(keys) && keys[item->found->key])
		printf("key = %s\n", keys[item->found->key]);
	if (!ca || ca[0])
		printf("ca = %s\n", ca ? ca : other);
}

/* The CAs that these come from and the configuration lacks: the first as [acme], if that says none. */
static void print_cas(const struct config *config, const char **main, const struct estate_item *item)
{
	char label[LABEL_SIZE];

	for (const struct estate_item *other = list.item; other < item; other++)
		if (is_printed(other) && !strcmp(other->directory, item->directory))
			return;
	if (!(*main)[0]) {
		printf("\n[acme]\ndirectory = %s\n", item->directory);
		*main = item->directory;
	} else if (strcmp(*main, item->directory) != 0 && !find_ca(config, item->directory)) {
		name_ca(label, item->directory);
		printf("\n[ca %s]\ndirectory = %s\n", label, item->directory);
	}
}

static void print_sections(const struct config *config)
{
	const char *main = config->ca[0].directory;
	bool any = false;

	for (size_t i = 0; i < list.items; i++) {
		if (!is_printed(&list.item[i]))
			continue;
		if (!any)
			printf("# to be added to %s, so that these are renewed:\n", config->file);
		any = true;
		print_cas(config, &main, &list.item[i]);
		print_section(config, main, &list.item[i]);
	}
}

/* --- all of it ------------------------------------------------------------------------------------------------------ */

static int import(struct host *host)
{
	int status = weigh(host);

	if (status != STATUS_DONE)
		return status;
	for (size_t i = 0; i < list.items; i++)
		if (!list.item[i].data->account)
			judge(host->config, &list.item[i]);
	status = adopt_all(host);
	print_sections(host->config);
	return status;
}

int import_run(struct host *host, const struct call *call)
{
	struct fault fault;
	int status;

	if (!call->words && !call->value[IMPORT_KEY]) {
		log_error("import needs certbot, lego, or the files of a certificate (PEM: its key, itself, its issuers'); --account-key FILE "
			  "for an account");
		return STATUS_USAGE;
	}
	if (config_find_user(host->config, &fault) < 0 || gather(host, call, &fault) < 0) {
		log_error("%s", fault.text);
		status = fault_status(&fault);
	} else if (!list.items) {
		log_notice("there is nothing to import");
		status = STATUS_DONE;
	} else {
		status = import(host);
	}
	estate_free(&list);
	return status;
}
