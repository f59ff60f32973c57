// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Answers of D-Bus to acmegate-firewalld: any number of any strings, or an error at any place, for each question. After any of them
 * the helper ends, what it prints are the lines that acmegate knows, and it asks for no more: it removes nothing without our tag.
 *
 * The input: the command (0 to 2), then one byte for each thing that is read: 0 for an error, 1 for the end of a list, 2 for a string
 * out of a few, 3 for one that follows with its length before it, more for one of our rules.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/confine.h"
#include "backends/opening.h"
#include "base/log.h" /* before printf has another name */
#include "base/sandbox.h"

static int world_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int bus_main(int argc, char **argv);

/* The functions of libsystemd are those below. */
#undef printf
#define printf world_printf
#define main bus_main
#include "backends/firewalld/bus.c"
#include "tests/fuzz/must.h"
#undef main
#undef printf

#define TAG "acmegate:0123456789abcdef"
#define MOST_READS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const uint8_t *data;
	size_t size;
	int reads;
	char text[256], method[32], printed[64 * 1024];
	size_t used;
} world;

static uint8_t next_byte(void)
{
	if (!world.size || ++world.reads > MOST_READS)
		return 0;
	world.size--;
	return *world.data++;
}

static int world_printf(const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(world.printed + world.used, sizeof(world.printed) - world.used, format, arguments);
	va_end(arguments);
	must(n >= 0 && world.used + (size_t)n < sizeof(world.printed)); /* acmegate reads no more */
	world.used += (size_t)n;
	return n;
}

int sd_bus_message_enter_container(sd_bus_message *message, char type, const char *contents)
{
	uint8_t what = next_byte();

	(void)message;
	(void)type;
	(void)contents;
	return what == 0 ? -EBADMSG : what != 1;
}

/* A string of D-Bus is UTF-8 without NUL; here it is any text that ends. */
static const char *next_text(uint8_t what)
{
	static const char *const some[] = { "public", "", "work", "rule family=\"ipv4\" accept" };
	size_t length;

	if (what == 2)
		return some[next_byte() % LENGTH_OF(some)];
	if (what > 3)
		return "rule port port=\"80\" nflog prefix=\"" TAG "\" accept";
	length = next_byte();
	length = length < world.size ? length : world.size;
	memcpy(world.text, world.data, length);
	world.text[length] = '\0';
	world.data += length;
	world.size -= length;
	return world.text;
}

int sd_bus_message_read(sd_bus_message *message, const char *types, ...)
{
	uint8_t what = next_byte();
	va_list arguments;

	(void)message;
	if (what < 2)
		return what == 0 ? -EBADMSG : 0;
	va_start(arguments, types);
	if (types[0] == 'b')
		*va_arg(arguments, int *) = what & 1;
	else
		*va_arg(arguments, const char **) = next_text(what);
	va_end(arguments);
	return 1;
}

int sd_bus_message_new_method_call(sd_bus *bus, sd_bus_message **message, const char *service, const char *path,
				   const char *interface, const char *method)
{
	(void)bus;
	(void)service;
	(void)path;
	(void)interface;
	snprintf(world.method, sizeof(world.method), "%s", method);
	*message = (sd_bus_message *)(void *)&world;
	return 0;
}

/* A rule that goes has our tag; one that comes is ours, word for word. */
int sd_bus_message_appendv(sd_bus_message *message, const char *types, va_list arguments)
{
	char rule[512] = "";

	(void)message;
	for (const char *type = types; *type == 's'; type++)
		snprintf(rule, sizeof(rule), "%s", va_arg(arguments, const char *));
	must(strcmp(world.method, "removeRichRule") || strstr(rule, TAG));
	must(strcmp(world.method, "addRichRule") || strstr(rule, "nflog prefix=\"" TAG "\""));
	return 0;
}

int sd_bus_call(sd_bus *bus, sd_bus_message *request, uint64_t limit, sd_bus_error *error, sd_bus_message **answer)
{
	uint8_t what = next_byte();

	(void)bus;
	(void)request;
	must(limit <= 10000000);
	*answer = (sd_bus_message *)(void *)&world;
	if (what)
		return 0;
	error->name = "org.freedesktop.DBus.Error.NoReply";
	error->message = "a message\nof two lines";
	return -EIO;
}

#define NOTHING(name, ...) \
	int name(__VA_ARGS__) \
	{ \
		return 1; \
	}
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOTHING(sd_bus_message_skip, sd_bus_message *message, const char *types)
NOTHING(sd_bus_message_exit_container, sd_bus_message *message)
NOTHING(sd_bus_message_set_auto_start, sd_bus_message *message, int start)
NOTHING(sd_bus_new, sd_bus **bus)
NOTHING(sd_bus_set_fd, sd_bus *bus, int in, int out)
NOTHING(sd_bus_set_bus_client, sd_bus *bus, int yes)
NOTHING(sd_bus_start, sd_bus *bus)
NOTHING(sandbox_prove, enum role role, struct fault *fault)
NOTHING(confine, enum role role, const struct config *config, int tokens, struct fault *fault)

sd_bus_message *sd_bus_message_unref(sd_bus_message *message)
{
	return message;
}

sd_bus *sd_bus_flush_close_unref(sd_bus *bus)
{
	return bus;
}

void sd_bus_error_free(sd_bus_error *error)
{
	(void)error;
}

static bool is_plain(const char *line, size_t length)
{
	static const char begin[] = "firewall-cmd --zone=";
	const char *zone = line + strlen(begin), *end;

	if (length < strlen(begin) || memcmp(line, begin, strlen(begin)) || !(end = memchr(zone, ' ', length - strlen(begin))))
		return false;
	for (const char *c = zone; c < end; c++)
		if ((unsigned char)*c <= ' ' || strchr("'\"\\$`;&|<>(){}", *c))
			return false;
	return end > zone && !strncmp(end, " --timeout=60 --add-rich-rule='rule ", strlen(" --timeout=60 --add-rich-rule='rule "));
}

static void check_printed(int command, int rc)
{
	char *line = world.printed, *end;

	if (rc < 0)
		return;
	for (; command == 0 && (end = strchr(line, '\n')); line = end + 1)
		must(is_plain(line, (size_t)(end - line)));
	if (command != 0)
		line += strspn(line, "0123456789") + 1;
	must(line == world.printed + world.used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct opening opening = { .tag = TAG, .target = 80, .seconds = 60 };
	struct fault fault = { 0 };
	int command = size ? data[0] % 3 : 0, rc;

	memset(&world, 0, sizeof(world));
	world.data = data + !!size;
	world.size = size ? size - 1 : 0;
	rc = commands[command].act(NULL, &opening, &fault);
	must(rc >= 0 || (fault.kind != FAULT_NONE && fault.text[0]));
	must(!strpbrk(fault.text, "\n\r\x1b"));
	check_printed(command, rc);
	return 0;
}
