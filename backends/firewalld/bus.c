// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acmegate-firewalld: a client of firewalld's, started by acmegate only, which keeps what D-Bus brings out of its own process. It is asked
 * as helper.h says. It is uid 0, which is who D-Bus and firewalld do this for, without a capability, and never starts firewalld. It
 * ends with status 1 if firewalld cannot be asked, or is dead and will make a rule of ours again when it starts, because that is kept
 * on disk; with 75 if firewalld took too long.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>

#include "base/confine.h"
#include "base/log.h"
#include "backends/firewalld/kept.h"
#include "backends/helper.h"

#define SERVICE "org.fedoraproject.FirewallD1"
#define PATH "/org/fedoraproject/FirewallD1"
#define ZONES SERVICE ".zone"
#define CONFIG SERVICE ".config"
#define SOCKET "/run/dbus/system_bus_socket"

#define CALL_LIMIT 3000000 /* microseconds: meanwhile nobody listens to the client */
#define MOST_ZONES 32
#define ZONE_SIZE 64

struct zones {
	size_t number;
	char name[MOST_ZONES][ZONE_SIZE];
};

/* --- D-Bus ---------------------------------------------------------------------------------------------------------- */

/* Never starts firewalld. The answer is the caller's; NULL: fault, with ESRCH when nobody of that name is there. */
static sd_bus_message *ask(sd_bus *bus, const char *path, const char *interface, const char *method, struct fault *fault,
			   const char *types, ...)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *request = NULL, *answer = NULL;
	va_list arguments;
	int rc = sd_bus_message_new_method_call(bus, &request, SERVICE, path, interface, method);

	va_start(arguments, types);
	if (rc >= 0)
		rc = sd_bus_message_appendv(request, types, arguments);
	va_end(arguments);
	if (rc >= 0)
		rc = sd_bus_message_set_auto_start(request, false);
	log_trace("asks %s.%s of %s", interface, method, path);
	if (rc >= 0)
		rc = sd_bus_call(bus, request, CALL_LIMIT, &error, &answer);
	if (rc < 0) {
		fault_set(fault, rc == -ETIMEDOUT ? FAULT_LATER : FAULT_FAILED, "firewalld (%s): %s", method,
			  error.message ? error.message : strerror(-rc));
		fault->code = error.name && (strstr(error.name, "ServiceUnknown") || strstr(error.name, "NameHasNoOwner")) ? ESRCH :
															     -rc;
	}
	sd_bus_error_free(&error);
	sd_bus_message_unref(request);
	return rc < 0 ? NULL : answer;
}

static int tell(sd_bus *bus, const char *path, const char *interface, const char *method, const char *zone, const char *rule,
		struct fault *fault)
{
	sd_bus_message *answer = zone ? ask(bus, path, interface, method, fault, "ss", zone, rule) :
					ask(bus, path, interface, method, fault, "s", rule);

	sd_bus_message_unref(answer);
	return answer ? 0 : -1;
}

/* --- zones ---------------------------------------------------------------------------------------------------------- */

/* A zone becomes a word of a command that a person may type. */
static int add_zone(struct zones *zones, const char *zone)
{
	if (!zone[0])
		return -EINVAL;
	for (const char *c = zone; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("'\"\\$`;&|<>(){}", *c))
			return -EINVAL;
	for (size_t i = 0; i < zones->number; i++)
		if (!strcmp(zones->name[i], zone))
			return 0;
	if (zones->number < MOST_ZONES && strlen(zone) < ZONE_SIZE)
		snprintf(zones->name[zones->number++], ZONE_SIZE, "%s", zone);
	return 0;
}

/* a{sa{sas}}: each zone in use, with its interfaces and sources */
static int read_active(struct zones *zones, sd_bus_message *answer)
{
	const char *zone;
	int rc = sd_bus_message_enter_container(answer, 'a', "{sa{sas}}");

	while (rc >= 0 && (rc = sd_bus_message_enter_container(answer, 'e', "sa{sas}")) > 0) {
		rc = sd_bus_message_read(answer, "s", &zone) > 0 ? add_zone(zones, zone) : -EBADMSG;
		if (rc >= 0)
			rc = sd_bus_message_skip(answer, "a{sas}");
		if (rc >= 0)
			rc = sd_bus_message_exit_container(answer);
	}
	return rc;
}

/* The default one and those in use. */
static int find_zones(sd_bus *bus, struct zones *zones, struct fault *fault)
{
	sd_bus_message *answer = ask(bus, PATH, SERVICE, "getDefaultZone", fault, "");
	const char *zone;
	int rc;

	if (!answer)
		return -1;
	rc = sd_bus_message_read(answer, "s", &zone);
	if (rc > 0 && add_zone(zones, zone) < 0)
		rc = -EINVAL;
	sd_bus_message_unref(answer);
	answer = rc > 0 ? ask(bus, PATH, ZONES, "getActiveZones", fault, "") : NULL;
	if (rc > 0 && !answer)
		return -1;
	if (answer) {
		rc = read_active(zones, answer);
		sd_bus_message_unref(answer);
	}
	return rc < 0 ? fault_set(fault, FAULT_FAILED, "firewalld names its zones in a way that acmegate does not know") : 0;
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static void write_rule(const struct opening *opening, char *text, size_t size)
{
	snprintf(text, size, "rule priority=\"-32768\" port port=\"%u\" protocol=\"tcp\" nflog prefix=\"%s\" group=\"65535\" accept",
		 (unsigned int)opening->target, opening->tag);
}

static int plan(sd_bus *bus, const struct opening *opening, struct fault *fault)
{
	struct zones zones = { 0 };
	char rule[256];

	if (find_zones(bus, &zones, fault) < 0)
		return -1;
	write_rule(opening, rule, sizeof(rule));
	for (size_t i = 0; i < zones.number; i++)
		printf("firewall-cmd --zone=%s --timeout=%u --add-rich-rule='%s'\n", zones.name[i], opening->seconds, rule);
	return 0;
}

/* 1, 0 or -1. */
static int stands(sd_bus *bus, const char *zone, const char *rule, struct fault *fault)
{
	sd_bus_message *answer = ask(bus, PATH, ZONES, "queryRichRule", fault, "ss", zone, rule);
	int yes = 0, rc = answer ? sd_bus_message_read(answer, "b", &yes) : -1;

	sd_bus_message_unref(answer);
	if (answer && rc < 0)
		return fault_set(fault, FAULT_FAILED, "firewalld gave no answer that acmegate knows");
	return rc < 0 ? -1 : yes;
}

/* 1: it was missing. 0: it stood. */
static int add_missing(sd_bus *bus, const char *zone, const char *rule, uint32_t seconds, struct fault *fault)
{
	int there = stands(bus, zone, rule, fault);
	sd_bus_message *answer;

	if (there != 0)
		return there < 0 ? -1 : 0;
	answer = ask(bus, PATH, ZONES, "addRichRule", fault, "ssi", zone, rule, (int)seconds);
	if (!answer)
		return -1;
	sd_bus_message_unref(answer);
	if (stands(bus, zone, rule, fault) != 1)
		return fault_set(fault, FAULT_LATER, "firewalld has not made the rule in zone %s", zone);
	return 1;
}

static int open_zones(sd_bus *bus, const struct opening *opening, struct fault *fault)
{
	struct zones zones = { 0 };
	char rule[256];
	int added = 0;

	if (find_zones(bus, &zones, fault) < 0)
		return -1;
	write_rule(opening, rule, sizeof(rule));
	for (size_t i = 0; i < zones.number; i++) {
		int one = add_missing(bus, zones.name[i], rule, opening->seconds, fault);

		if (one < 0)
			return -1;
		added += one;
	}
	printf("%d\n", added);
	return 0;
}

/* --- closing -------------------------------------------------------------------------------------------------------- */

/* Removes the rules with our tag that this list has, in the words of firewalld; returns how many. */
static int remove_listed(sd_bus *bus, sd_bus_message *list, const char *path, const char *interface, const char *zone,
			 const char *tag, struct fault *fault)
{
	const char *rule;
	int removed = 0, rc = sd_bus_message_enter_container(list, 'a', "s");

	while (rc >= 0 && (rc = sd_bus_message_read(list, "s", &rule)) > 0) {
		if (!kept_has_tag(rule, tag))
			continue;
		if (tell(bus, path, interface, "removeRichRule", zone, rule, fault) < 0)
			return -1;
		removed++;
	}
	return rc < 0 ? fault_set(fault, FAULT_FAILED, "firewalld lists its rules in a way that acmegate does not know") : removed;
}

/* Removes our rules from the running zone, or from a zone's file, into which somebody has saved the running one. */
static int close_zone(sd_bus *bus, const char *name, bool kept, const char *tag, struct fault *fault)
{
	const char *path = kept ? name : PATH, *interface = kept ? CONFIG ".zone" : ZONES, *zone = kept ? NULL : name;
	sd_bus_message *list = kept ? ask(bus, path, interface, "getRichRules", fault, "") :
				      ask(bus, path, interface, "getRichRules", fault, "s", zone);
	int removed = list ? remove_listed(bus, list, path, interface, zone, tag, fault) : -1;

	sd_bus_message_unref(list);
	return removed;
}

static int close_zones(sd_bus *bus, bool kept, const char *tag, struct fault *fault)
{
	sd_bus_message *list = kept ? ask(bus, PATH "/config", CONFIG, "listZones", fault, "") :
				      ask(bus, PATH, ZONES, "getZones", fault, "");
	const char *name;
	int result = 0, rc;

	if (!list)
		return -1;
	rc = sd_bus_message_enter_container(list, 'a', kept ? "o" : "s");
	while (rc >= 0 && result >= 0 && (rc = sd_bus_message_read(list, kept ? "o" : "s", &name)) > 0) {
		int removed = close_zone(bus, name, kept, tag, fault);

		result = removed < 0 ? -1 : result + removed;
	}
	sd_bus_message_unref(list);
	return rc < 0 ? fault_set(fault, FAULT_FAILED, "firewalld lists its zones in a way that acmegate does not know") : result;
}

static int close_all(sd_bus *bus, const struct opening *opening, struct fault *fault)
{
	int running = close_zones(bus, false, opening->tag, fault);
	int kept = running < 0 ? -1 : close_zones(bus, true, opening->tag, fault);

	if (kept < 0)
		return -1;
	printf("%d\n", running + kept);
	return 0;
}

/* --- what it is asked ----------------------------------------------------------------------------------------------- */

static const struct command {
	const char *name;
	bool any; /* tag will do */
	int (*act)(sd_bus *bus, const struct opening *opening, struct fault *fault);
} commands[] = {
	{ "plan", false, plan },
	{ "open", false, open_zones },
	{ "close", true, close_all },
};

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static const struct command *find_command(int argc, char **argv, struct opening *opening)
{
	const char *tag = variable("ACMEGATE_TAG");

	if (argc != 2 || (tag[0] && !opening_is_tag(tag, NULL)))
		return NULL;
	snprintf(opening->tag, sizeof(opening->tag), "%s", tag);
	opening->target = (uint16_t)strtoul(variable("ACMEGATE_PORT"), NULL, 10);
	opening->seconds = (uint32_t)strtoul(variable("ACMEGATE_SECONDS"), NULL, 10);
	for (size_t i = 0; i < LENGTH_OF(commands); i++)
		if (!strcmp(argv[1], commands[i].name) && (tag[0] || commands[i].any))
			return &commands[i];
	return NULL;
}

/* sd_bus_open_system() would bind a name of its own to the socket (since libsystemd 254), which confine.c refuses. */
static int connect_bus(struct fault *fault)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	OWN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return steal_fd(&fd);
	if (errno != ENOENT && errno != ECONNREFUSED)
		return fault_errno(fault, FAULT_FAILED, "connecting to D-Bus");
	fault_set(fault, FAULT_FAILED, "there is no D-Bus to ask firewalld by");
	fault->code = ESRCH;
	return -1;
}

static int open_bus(sd_bus **bus, struct fault *fault)
{
	OWN_FD int fd = connect_bus(fault);
	int rc = fd < 0 ? -1 : sd_bus_new(bus);

	if (fd < 0)
		return -1;
	if (rc >= 0 && (rc = sd_bus_set_fd(*bus, fd, fd)) >= 0) {
		(void)steal_fd(&fd);
		rc = sd_bus_set_bus_client(*bus, true);
	}
	if (rc >= 0)
		rc = sd_bus_start(*bus);
	errno = -rc;
	return rc < 0 ? fault_errno(fault, FAULT_FAILED, "connecting to D-Bus") : 0;
}

static int ask_all(const struct command *command, const struct opening *opening, struct fault *fault)
{
	sd_bus *bus = NULL;
	int status = open_bus(&bus, fault) < 0 ? STATUS_FAILED : HELPER_REFUSED;

	if (status == HELPER_REFUSED && command->act(bus, opening, fault) == 0)
		status = STATUS_DONE;
	else if (fault->code == ESRCH)
		status = HELPER_NOBODY;
	else if (fault->kind == FAULT_LATER)
		status = STATUS_LATER;
	sd_bus_flush_close_unref(bus);
	return status;
}

/* The exit status. */
static int run(const struct command *command, const struct opening *opening, struct fault *fault)
{
	int status;

	if (sandbox_prove(ROLE_BUS, fault) < 0 || confine(ROLE_BUS, NULL, -1, fault) < 0)
		return STATUS_FAILED;
	status = ask_all(command, opening, fault);
	if (status == HELPER_NOBODY && command->act == close_all && kept_check(opening->tag, fault) < 0)
		return STATUS_FAILED;
	return status;
}

int main(int argc, char **argv)
{
	struct opening opening = { 0 };
	const struct command *command;
	struct fault fault;
	int status;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	log_start("firewalld", getenv(HELPER_DEBUG) ? LOG_EVERYTHING : LOG_PLAIN);
	command = find_command(argc, argv, &opening);
	if (!command) {
		fprintf(stderr, "acmegate-firewalld is started by acmegate, see acmegate(8)\n");
		return STATUS_USAGE;
	}
	status = run(command, &opening, &fault);
	if (status != STATUS_DONE)
		printf("%s\n", fault.text);
	return status;
}
