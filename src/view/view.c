// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acmegate-view FORM right|mistaken [NAME...]: becomes what `acmegate status` was, with the configuration and the directory of the ledgers
 * as descriptors (wire.h). It has no capability and reads nothing else; as root it may read the ledgers, as somebody else what they may.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/config_share.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/wire.h"
#include "view/alarm.h"
#include "view/history.h"
#include "view/status.h"

#define WIDTH 80	      /* where the terminal does not tell */
#define WIDTH_OF_A_FILE 10000 /* nothing is cut or broken */

static unsigned int width_of(int fd)
{
	struct winsize size;

	if (!isatty(fd))
		return WIDTH_OF_A_FILE;
	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : WIDTH;
}

struct look {
	unsigned int width;
	bool coloured;
	int64_t since;
	bool left, unheard;
};

/* Each writes, and returns the exit status. */
static int show_table(const struct status *status, const struct look *look)
{
	table_write(status, stdout, look->width, look->coloured);
	return status_exit(status->health);
}

static int show_json(const struct status *status, const struct look *look)
{
	(void)look;
	if (json_write(status, stdout) == 0)
		return status_exit(status->health);
	log_error("writing JSON failed");
	return STATUS_FAILED;
}

static int show_check(const struct status *status, const struct look *look)
{
	(void)look;
	return summary_write(status, stdout);
}

static int show_metrics(const struct status *status, const struct look *look)
{
	(void)look;
	metrics_write(status, stdout);
	return STATUS_DONE;
}

static int show_html(const struct status *status, const struct look *look)
{
	(void)look;
	page_write(status, stdout);
	return STATUS_DONE;
}

static int show_history(const struct status *status, const struct look *look)
{
	if (!status->windows)
		log_idle("no window is noted yet");
	if (history_write(status, stdout, look->since) == 0)
		return STATUS_DONE;
	log_error("there is not enough memory");
	return STATUS_FAILED;
}

static int show_csv(const struct status *status, const struct look *look)
{
	if (history_write_csv(status, stdout, look->since) == 0)
		return STATUS_DONE;
	log_error("there is not enough memory");
	return STATUS_FAILED;
}

/* Standard input is a copy of STATE/status/told, and becomes what it is once the alarm was given, or given in vain. */
static int show_alarm(const struct status *status, const struct look *look)
{
	static struct told told;
	struct alarm alarm;
	struct fault fault;

	told_read(STDIN_FILENO, &told);
	alarm = alarm_next(&told, status, look->left);
	if (!look->unheard && alarm_write(&alarm, status, stdout) < 0) {
		log_error("writing JSON failed");
		return STATUS_FAILED;
	}
	(look->unheard ? alarm_unheard : alarm_heard)(&told, &alarm);
	if (told_write(STDIN_FILENO, &told, &fault) == 0)
		return STATUS_DONE;
	log_error("%s", fault.text);
	return STATUS_FAILED;
}

static const struct form {
	const char *name;
	int (*show)(const struct status *, const struct look *);
	int unknown;	    /* the exit status when nothing can be found out */
	bool bare;	    /* it needs no certificate: the windows of hooks and guard are enough */
	bool history;	    /* its first word is a moment */
	bool left, unheard; /* of alarms: this run has left its window; the program has failed */
} forms[] = {
	{ .name = "table", .show = show_table },
	{ .name = "json", .show = show_json, .bare = true },
	{ .name = "check", .show = show_check, .unknown = 3 },
	{ .name = "metrics", .show = show_metrics, .bare = true },
	{ .name = "html", .show = show_html, .bare = true },
	{ .name = "history", .show = show_history, .bare = true, .history = true },
	{ .name = "history-csv", .show = show_csv, .bare = true, .history = true },
	{ .name = "alarm", .show = show_alarm, .bare = true },
	{ .name = "unheard", .show = show_alarm, .bare = true, .unheard = true },
	{ .name = "alarm-left", .show = show_alarm, .bare = true, .left = true },
	{ .name = "unheard-left", .show = show_alarm, .bare = true, .left = true, .unheard = true },
};

static const struct form *find_form(const char *name)
{
	for (size_t i = 0; name && i < LENGTH_OF(forms); i++)
		if (!strcmp(name, forms[i].name))
			return &forms[i];
	return NULL;
}

static int start(const struct config **config, struct fault *fault)
{
	instant_learn_boot();
	if (getuid() == 0 && sandbox_prove(ROLE_VIEWER, fault) < 0)
		return -1;
	*config = config_share_receive(FD_CONFIG);
	if (!*config)
		return fault_set(fault, FAULT_FAILED, "the viewer got no configuration");
	return confine(ROLE_VIEWER, *config, -1, fault);
}

/* -1: acmegate has given something else. */
static int add_watched(struct status *status, char *const names[], struct fault *fault)
{
	const size_t size = status->config->watched * sizeof(struct watched);
	struct stat s;
	const struct watched *rows = MAP_FAILED;

	if (!status->config->watches)
		return 0;
	if (!size)
		rows = NULL;
	else if (fstat(FD_WATCHED, &s) == 0 && s.st_size == (off_t)size)
		rows = mmap(NULL, size, PROT_READ, MAP_PRIVATE, FD_WATCHED, 0);
	if (rows == MAP_FAILED)
		return fault_set(fault, FAULT_FAILED, "the viewer got no certificates of other clients");
	return status_add_watched(status, rows, names, fault);
}

static int show(const struct form *form, bool mistaken, char *const names[])
{
	const struct look look = { width_of(STDOUT_FILENO), isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
				   form->history && names[0] ? strtoll(names[0], NULL, 10) : 0, form->left, form->unheard };
	char *const *chosen = names + (form->history && names[0]);
	const int ledgers = fcntl(FD_LEDGERS, F_GETFD) < 0 ? -1 : FD_LEDGERS;
	const int windows = fcntl(FD_WINDOWS, F_GETFD) < 0 ? -1 : FD_WINDOWS;
	static struct status status;
	const struct config *config;
	struct fault fault;
	int rc = start(&config, &fault);

	if (rc == 0 && form->bare && !config->certificates && !config->watches && (form->history || !names[0]))
		rc = status_begin(&status, config, &fault);
	else if (rc == 0)
		rc = status_collect(&status, config, ledgers, chosen, &fault);
	if (rc == 0)
		rc = add_watched(&status, chosen, &fault);
	if (rc == 0 && status_add_windows(&status, windows, &fault) < 0)
		log_warning("the windows are not known: %s", fault.text);
	if (rc < 0) {
		log_error("%s", fault.text);
		status_free(&status);
		return form->unknown ? form->unknown : fault_status(&fault);
	}
	status.mistaken = mistaken;
	if (mistaken)
		status.health = HEALTH_ATTENTION;
	rc = form->show(&status, &look);
	status_free(&status);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	log_error("standard output: %s", strerror(errno));
	return form->unknown ? form->unknown : STATUS_FAILED;
}

int main(int argc, char **argv)
{
	const struct form *form = argc > 2 ? find_form(argv[1]) : NULL;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	log_start("view", LOG_PLAIN);
	if (form)
		return show(form, !strcmp(argv[2], "mistaken"), argv + 3);
	fprintf(stderr, "acmegate-view is started by acmegate status, see acmegate(8)\n");
	return STATUS_USAGE;
}
