// SPDX-License-Identifier: GPL-3.0-or-later
/* draft.c - the text of the configuration that setup writes: sections behind what is there. */
#include "setup/setup.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import/estate.h"
#include "publish/international.h"

/* --- the arguments --------------------------------------------------------------------------------------------------- */

/* A value becomes one line of the configuration. */
static int check_text(const char *what, const char *text, const char *refused, struct fault *fault)
{
	bool plain = text[0] != '\0' && !strpbrk(text, refused);

	for (const char *c = text; *c; c++)
		plain = plain && !iscntrl((unsigned char)*c);
	return plain ? 0 : fault_set(fault, FAULT_USAGE, "%s '%s': expected one word without any of '%s'", what, text, refused);
}

/* acmegate.service has a /tmp of its own, and no /root and /home. */
static int check_reach(const char *file, struct fault *fault)
{
	static const char *const folders[] = { "/root/", "/home/", "/tmp/", "/var/tmp/", "/run/user/" };

	for (size_t i = 0; i < LENGTH_OF(folders) && access("/run/systemd/system", F_OK) == 0; i++)
		if (!strncmp(file, folders[i], strlen(folders[i])))
			return fault_set(fault, FAULT_USAGE,
					 "--ca-file %s: acmegate.service cannot read below %s; copy it to /etc, and name that",
					 file, folders[i]);
	return 0;
}

/* The value in the configuration for an option. NULL: the section is not there. */
static const char *find_present(const struct setup *setup, int option)
{
	const struct ca *ca = &setup->config->ca[0];

	if (option == SETUP_WEBROOT)
		return setup->before.exists && strstr(setup->before.text, "[responder]") ? setup->config->responder.webroot : NULL;
	if (!ca->directory[0])
		return NULL;
	return option == SETUP_CA ? ca->directory : option == SETUP_CA_FILE ? ca->ca_file : ca->contact;
}

/* A section that is there stays as it is: a value that it has already is that of the same command once more. */
static int check_option(const struct setup *setup, int option, struct fault *fault)
{
	const char *value = setup->call->value[option], *name = setup->call->command->options[option].name, *present, *known;

	if (!value)
		return 0;
	if (check_text(name, value, option == SETUP_CONTACT ? "#;" : "#; ", fault) < 0 ||
	    (option == SETUP_CA_FILE && check_reach(value, fault) < 0))
		return -1;
	present = find_present(setup, option);
	known = option == SETUP_CA ? config_ca_url(value) : NULL;
	if (!present || !strcmp(present, value) || (known && !strcmp(present, known)))
		return 0;
	return fault_set(fault, FAULT_USAGE,
			 "--%s %s: %s has another one, or none, in a section that setup leaves as it is: change it there", name,
			 value, setup->call->file);
}

static int check_options(const struct setup *setup, struct fault *fault)
{
	static const int options[] = { SETUP_CA, SETUP_CA_FILE, SETUP_CONTACT, SETUP_WEBROOT };

	for (size_t i = 0; i < LENGTH_OF(options); i++)
		if (check_option(setup, options[i], fault) < 0)
			return -1;
	return 0;
}

/* Is it a name of this certificate? Those are in their ASCII form. */
static bool has_name(const struct config *config, const struct certificate *certificate, const char *name)
{
	for (uint32_t i = 0; i < certificate->names; i++)
		if (!strcasecmp(config->name[certificate->first_name + i], name))
			return true;
	return false;
}

static int find_known(struct setup *setup, char *const *names, int n, struct fault *fault)
{
	const struct config *config = setup->config;
	const int index = config_find(config, setup->label);
	const struct certificate *certificate = index < 0 ? NULL : &config->certificate[index];
	bool same = certificate && certificate->names == (uint32_t)n;
	struct fault ignored;

	for (int i = 0; same && i < n; i++) {
		char ascii[NAME_SIZE];
		bool plain = true;

		for (const char *c = names[i]; *c; c++)
			plain = plain && isascii(*c);
		same = has_name(config, certificate, plain || international_ascii(names[i], ascii, &ignored) < 0 ? names[i] : ascii);
	}
	setup->known = same;
	return !certificate || same ? 0 :
				      fault_set(fault, FAULT_USAGE,
						"%s:%u: [certificate %s] has other names: change them there, and say acmegate renew",
						config->file, certificate->line, setup->label);
}

int draft_check(struct setup *setup, struct fault *fault)
{
	const struct call *call = setup->call;
	int rc = check_options(setup, fault);

	if (rc < 0 || !call->words)
		return rc;
	if (call->words > MAX_NAMES_EACH)
		return fault_set(fault, FAULT_USAGE, "a certificate has at most %d names", MAX_NAMES_EACH);
	for (int i = 0; i < call->words; i++)
		if (check_text("the name", call->word[i], " ,#;=[]*", fault) < 0)
			return -1;
	estate_name(setup->label, call->word[0]);
	rc = find_known(setup, call->word, call->words, fault);
	international_end();
	return rc;
}

/* --- the text -------------------------------------------------------------------------------------------------------- */

static void write_acme(FILE *out, const struct setup *setup)
{
	const struct call *call = setup->call;
	const char *ca = call->value[SETUP_CA];

	fprintf(out,
		"[acme]\n\n# The CA: one of the names in acmegate.conf(5), or the https URL of its ACME directory.\ndirectory = %s\n",
		ca ? ca : "letsencrypt");
	fprintf(out, "\n# Its terms of service are agreed to: acmegate terms\naccept_terms = %s\n", setup->agreed ? "yes" : "no");
	if (call->value[SETUP_CONTACT])
		fprintf(out, "\n# For the account at the CA.\ncontact = %s\n", call->value[SETUP_CONTACT]);
	if (call->value[SETUP_CA_FILE])
		fprintf(out, "\n# The CA's own HTTPS is verified with these.\nca_file = %s\n", call->value[SETUP_CA_FILE]);
}

/* Another server that holds the port is neither stopped nor exposed. */
static void write_responder(FILE *out, const struct setup *setup)
{
	const char *webroot = setup->call->value[SETUP_WEBROOT];

	if (webroot && !find_present(setup, SETUP_WEBROOT))
		fprintf(out,
			"\n[responder]\n\n# The web server answers, with files in this directory.\nmode = webroot\nwebroot = %s\n",
			webroot);
	else if (setup->holder[0] && setup->config->responder.mode == RESPONDER_STANDALONE &&
		 !(setup->before.exists && strstr(setup->before.text, "[responder]")))
		fprintf(out,
			"\n[responder]\n\n# %s listens on port %u: during a validation new connections are redirected to acmegate.\nmode = redirect\n",
			setup->holder, setup->config->gate.port);
}

static void write_certificate(FILE *out, const struct setup *setup)
{
	const char *group = NULL;

	fprintf(out, "\n[certificate %s]\n", setup->label);
	for (int i = 0; i < setup->call->words; i++)
		fprintf(out, "%s%s\n", i ? "  " : "names = ", setup->call->word[i]);
	for (int i = 0; i < setup->services; i++) {
		fprintf(out, "\n# %s reads the new certificate.\ndeploy = " SHARE "/deploy/%s\n", setup->service[i]->name,
			setup->service[i]->hook);
		group = setup->service[i]->group ? setup->service[i]->group : group;
	}
	if (group)
		fprintf(out, "\n# It reads the key as this group.\ngroup = %s\nmode = 0640\n", group);
}

/* Calls take for each line of the text, with whether it is in [acme]. The last one may have no newline. */
static void each_line(const char *text, void (*take)(void *context, const char *line, size_t length, bool in_acme), void *context)
{
	bool in_acme = false; /* cppcheck-suppress variableScope ; it holds from line to line */

	while (*text) {
		const size_t length = strcspn(text, "\n") + (strchr(text, '\n') != NULL);

		in_acme = text[0] == '[' ? !strncmp(text, "[acme]", strlen("[acme]")) : in_acme;
		take(context, text, length, in_acme);
		text += length;
	}
}

struct agreement {
	FILE *out;
	bool has_line; /* accept_terms is there, and becomes yes; otherwise it gets a line behind [acme] */
};

static bool is_answer(const char *line, bool in_acme)
{
	return in_acme && !strncmp(line, "accept_terms", strlen("accept_terms"));
}

static void find_answer(void *context, const char *line, size_t length, bool in_acme)
{
	struct agreement *agreement = context;

	(void)length;
	agreement->has_line = agreement->has_line || is_answer(line, in_acme);
}

static void copy_line(void *context, const char *line, size_t length, bool in_acme)
{
	struct agreement *agreement = context;

	if (!is_answer(line, in_acme))
		fwrite(line, 1, length, agreement->out);
	if (is_answer(line, in_acme) || (in_acme && line[0] == '[' && !agreement->has_line))
		fputs("accept_terms = yes\n", agreement->out);
}

static void write_agreeing(FILE *out, const char *text)
{
	struct agreement agreement = { .out = out };

	each_line(text, find_answer, &agreement);
	each_line(text, copy_line, &agreement);
}

static void write_all(FILE *out, const struct setup *setup)
{
	const struct config *config = setup->config;
	const bool has_ca = config->ca[0].directory[0];
	const char *text = setup->before.text;

	if (!setup->before.exists)
		fprintf(out, "# acmegate.conf: see acmegate.conf(5). Made by acmegate setup; " DOCUMENTS
			     "/acmegate.conf.sample has every key.\n\n");
	else if (has_ca && setup->agreed && !config->ca[0].accept_terms)
		write_agreeing(out, text);
	else
		fwrite(text, 1, setup->before.length, out);
	if (setup->before.length && text[setup->before.length - 1] != '\n')
		fputc('\n', out);
	if (!has_ca) {
		fputs(setup->before.length ? "\n" : "", out);
		write_acme(out, setup);
	}
	if (!setup->known) {
		write_responder(out, setup);
		write_certificate(out, setup);
	}
}

int draft_write(const struct setup *setup, struct paper *draft, struct fault *fault)
{
	FILE *out;

	*draft = setup->before.exists ? setup->before : PAPER(NULL, 0, 0644);
	draft->exists = true;
	draft->text = NULL;
	out = open_memstream(&draft->text, &draft->length);
	if (!out)
		return fault_errno(fault, FAULT_LATER, "not enough memory");
	write_all(out, setup);
	return fclose(out) < 0 ? fault_errno(fault, FAULT_LATER, "not enough memory") : 0;
}
