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
#include "base/keys.h"
#include "base/safe.h"
#include "base/section.h"

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
	if (section_kind(section) != loader->section || loader->section == SECTION_UNKNOWN)
		(void)!loader_wrong(loader, "section [%s]: " SECTION_EXPECTED, section);
	else if (keys_set(loader, name, value) > 0)
		(void)!loader_wrong(loader, "[%s] has no key '%s', see acmegate.conf(5)", section, name);
	return 1;
}

static void set_defaults(struct config *config, const char *file)
{
	config_clear(config);
	snprintf(config->file, sizeof(config->file), "%s", file);
	config->cas = 1;
	config->status.mode = 0644;
	config->gate.port = 80;
	config->gate.tls_port = 443;
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
	if (config->gate.port == config->gate.tls_port && config_needs_tls(config))
		return fault_set(fault, FAULT_USAGE, "%s: [gate] port and tls_port must be two ports", config->file);
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
	section_finish(loader);
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
				 .begin_section = section_begin,
				 .finish_section = section_finish,
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
