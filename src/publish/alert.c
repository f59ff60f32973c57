// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/alert.h"

#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>

#include "base/launch_program.h"
#include "base/log.h"
#include "host/guest.h"
#include "host/note.h"
#include "publish/said.h"
#include "publish/viewing.h"

#define PROGRAM_SECONDS 20
#define ALL_SECONDS 60 /* for all of a run */
#define TOLD "told"
#define BESIDE TOLD ".new"
#define MOST_WORDS 64
#define MOST_VARIABLES 16
#define FIRST_VARIABLE 3 /* of the alarm's; ours are before it */
#define ALARM_SIZE (32 * 1024)

/* A line of JSON, and variables. */
struct alarm {
	char text[ALARM_SIZE];
	size_t line; /* bytes of the first line */
	char *variable[MOST_VARIABLES + 1];
};

/* --- the program -------------------------------------------------------------------------------------------------- */

/* As the user of the processes that talk to the network. It reads the first line of the alarm. */
static int run_program(const struct config *config, const struct alarm *alarm, struct fault *fault)
{
	OWN_FD int input = memfd_create("acmegate-alarm", MFD_CLOEXEC);
	char command[COMMAND_SIZE], *words[MOST_WORDS + 1];
	const struct guest guest = { .who = "alert",
				     .words = words,
				     .variables = alarm->variable,
				     .home = "/",
				     .input = input,
				     .uid = config->gate.uid,
				     .gid = config->gate.gid,
				     .mask = 022,
				     .seconds = PROGRAM_SECONDS,
				     .remedy = "",
				     .channel = { -1, -1 },
				     .quiet = true };

	snprintf(command, sizeof(command), "%s", config->status.alert);
	launch_split(command, words, LENGTH_OF(words));
	if (input < 0 || write(input, alarm->text, alarm->line) != (ssize_t)alarm->line || lseek(input, 0, SEEK_SET) < 0)
		return fault_errno(fault, FAULT_LATER, "running the program");
	return guest_run(&guest, fault);
}

/* --- alarms ------------------------------------------------------------------------------------------------------- */

/* Behind the line there are lines NAME=VALUE. Nothing else of the alarm is read here. */
static void split(struct alarm *alarm, size_t length)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", locale[] = "LANG=C.UTF-8", home[] = "HOME=/";
	size_t n = 0;
	char *rest = NULL;

	alarm->text[length] = '\0';
	alarm->line = strcspn(alarm->text, "\n") + 1;
	alarm->variable[n++] = path;
	alarm->variable[n++] = locale;
	alarm->variable[n++] = home;
	for (char *name = strtok_r(alarm->text + alarm->line, "\n", &rest); name && n < MOST_VARIABLES;
	     name = strtok_r(NULL, "\n", &rest))
		if (!strncmp(name, "ACMEGATE_", strlen("ACMEGATE_")))
			alarm->variable[n++] = name;
	alarm->variable[n] = NULL;
}

/* A copy of what was told, for acmegate-view to change. */
static int copy_told(int folder)
{
	OWN_FD int from = openat(folder, TOLD, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	OWN_FD int to = openat(folder, BESIDE, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	char buffer[4096];
	ssize_t n = 0;

	while (to >= 0 && from >= 0 && (n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, (size_t)n) != n)
			return -1;
	return to < 0 || n < 0 || lseek(to, 0, SEEK_SET) < 0 ? -1 : steal_fd(&to);
}

/* Has acmegate-view look, and write into `output`; what it makes of the copy is beside STATE/status/told. */
static int look(const struct config *config, int folder, const char *form, int output, struct fault *fault)
{
	static char *const nothing[] = { NULL };
	const struct show show = { .file = config->file, .form = form, .names = nothing };
	OWN_FD int copy = copy_told(folder);

	return copy < 0 ? fault_errno(fault, FAULT_FAILED, BESIDE " in STATE/status") : viewing_run(&show, copy, output, fault);
}

static int keep(int folder, struct fault *fault)
{
	return renameat(folder, BESIDE, folder, TOLD) < 0 ? fault_errno(fault, FAULT_FAILED, TOLD " in STATE/status") : 0;
}

/* 1: there is one. 0: there is none. */
static int next(const struct config *config, int folder, struct alarm *alarm, struct fault *fault)
{
	OWN_FD int output = memfd_create("acmegate-alarm", MFD_CLOEXEC);
	ssize_t n;

	if (output < 0 || look(config, folder, note_was_left() ? "alarm-left" : "alarm", output, fault) < 0)
		return output < 0 ? fault_errno(fault, FAULT_LATER, "looking for changes") : -1;
	n = pread(output, alarm->text, sizeof(alarm->text) - 1, 0);
	if (n <= 0)
		return keep(folder, fault);
	split(alarm, (size_t)n);
	return 1;
}

/* The next run tries again, but not for ever. */
static void give_up(const struct config *config, int folder)
{
	struct fault ignored;

	if (look(config, folder, note_was_left() ? "unheard-left" : "unheard", STDERR_FILENO, &ignored) == 0)
		(void)!keep(folder, &ignored);
}

/* The number that was given. */
static int give(const struct config *config, int folder, struct fault *fault)
{
	static struct alarm alarm;
	const time_t end = time(NULL) + ALL_SECONDS;
	int given = 0, rc;

	while ((rc = next(config, folder, &alarm, fault)) > 0 && time(NULL) < end) {
		if (run_program(config, &alarm, fault) < 0) {
			give_up(config, folder);
			return -1;
		}
		log_notice("[status] alert: %s was told",
			   alarm.variable[FIRST_VARIABLE] ? alarm.variable[FIRST_VARIABLE] : "a change");
		if (keep(folder, fault) < 0)
			return -1;
		given++;
	}
	return rc < 0 ? -1 : given;
}

/* A run with nothing to tell says nothing about a program that has failed before. */
void alert_give(struct config *config, int folder)
{
	OWN_FD int lock = openat(folder, "alert.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct fault fault = { 0 };
	int given;

	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0) /* another acmegate tells of it */
		return;
	given = config_find_user(config, &fault) < 0 ? -1 : give(config, folder, &fault);
	if (given)
		said_once(folder, "alert", given > 0 ? "" : fault.text);
}
