// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/config.h"
#include "base/config_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[PATH_SIZE], file[PATH_SIZE];
static struct config config;

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void clean_up(void)
{
	unlink(file);
	rmdir(directory);
}

/* config_load() reads only files that nobody else can write, in such directories. */
static void make_file(void)
{
	const char *temporary = getenv("TMPDIR");
	int n;

	snprintf(directory, sizeof(directory) - 8, "%s/acmegate-fuzz-XXXXXX", temporary ? temporary : "/tmp");
	check(mkdtemp(directory) != NULL);
	n = snprintf(file, sizeof(file), "%s/conf", directory);
	check(n > 0 && (size_t)n < sizeof(file));
	atexit(clean_up);
}

static void write_file(const uint8_t *data, size_t size)
{
	OWN_FD int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
}

static void check_text(const char *text, size_t size)
{
	check(strnlen(text, size) < size);
	for (; *text; text++)
		check(*text >= 0x20 && *text <= 0x7e);
}

static void check_name(const char *name)
{
	check_text(name, NAME_SIZE);
	check(*name && !strpbrk(name, " ,*/"));
	check(config_is_address(name) || strchr(name, '.'));
	for (; *name; name++)
		check(*name < 'A' || *name > 'Z');
}

static void check_certificate(const struct certificate *certificate)
{
	check_text(certificate->name, sizeof(certificate->name));
	check(certificate->name[0] && certificate->name[0] != '.' && !strchr(certificate->name, '/'));
	check_text(certificate->profile, sizeof(certificate->profile));
	check_text(certificate->chain, sizeof(certificate->chain));
	check(certificate->cas >= 1 && certificate->cas <= config.cas && config.cas <= MAX_CAS);
	for (uint32_t i = 0; i < certificate->cas; i++)
		check(certificate->ca[i] < config.cas && config.ca[certificate->ca[i]].directory[0]);
	check(certificate->hooks <= MAX_HOOKS_EACH && certificate->first_hook + certificate->hooks <= config.hooks);
	for (uint32_t i = 0; i < certificate->hooks; i++)
		check_text(config.hook[certificate->first_hook + i], sizeof(config.hook[0]));
	check(certificate->names >= 1 && certificate->names <= MAX_NAMES_EACH);
	check(certificate->first_name + certificate->names <= config.names);
	check(certificate->key < KEY_TYPES && !(certificate->mode & ~(mode_t)0644) && (certificate->mode & 0400));
	check(config_find(&config, certificate->name) == (int)(certificate - config.certificate));
}

static void check_gate(void)
{
	check_text(config.gate.user, sizeof(config.gate.user));
	check_text(config.gate.state, sizeof(config.gate.state));
	check_text(config.gate.command, sizeof(config.gate.command));
	check(config.gate.state[0] == '/' && config.gate.port && config.gate.backend < BACKEND_CHOICES);
	check(config.gate.max_open >= 5 && config.gate.max_open <= 600);
}

static void check_config(void)
{
	check_text(config.acme.directory, sizeof(config.acme.directory));
	check(!strncmp(config.acme.directory, "https://", 8));
	check_text(config.acme.contact, sizeof(config.acme.contact));
	check_text(config.acme.ca_file, sizeof(config.acme.ca_file));
	check_text(config.acme.proxy, sizeof(config.acme.proxy));
	check_text(config.acme.eab_kid, sizeof(config.acme.eab_kid));
	check_text(config.acme.eab_key_file, sizeof(config.acme.eab_key_file));
	check(!config.acme.eab_kid[0] == !config.acme.eab_key_file[0] && config.acme.account_key < KEY_TYPES);
	check_gate();
	check(config.gate.uid);
	check(config.certificates >= 1 && config.certificates <= MAX_CERTIFICATES && config.names <= MAX_NAMES);
	for (uint32_t i = 0; i < config.certificates; i++)
		check_certificate(&config.certificate[i]);
	for (uint32_t i = 0; i < config.names; i++)
		check_name(config.name[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mistakes mistakes;
	struct fault fault = { 0 };

	if (!file[0])
		make_file();
	write_file(data, size);
	if (config_load(&config, file, CONFIG_WHOLE, &mistakes, &fault) == 0)
		check_config();
	else
		check(mistakes.number && fault.kind == FAULT_USAGE && !strncmp(fault.text, file, strlen(file)));
	check(config_load(&config, file, CONFIG_CLOSING, &mistakes, &fault) == 0);
	check_gate();
	return 0;
}
