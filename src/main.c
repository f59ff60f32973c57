// SPDX-License-Identifier: GPL-3.0-or-later
/* acmegate: opens the port for the seconds of an ACME HTTP-01 validation, and leaves the firewall as it was. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/prctl.h>

#include "command/command.h"
#include "base/log.h"

static const struct command commands[] = {
	{ .name = "renew", .arguments = "", .help = "renew the certificates that are due (what the timer runs)",
	  .run = renew_run, .part = CONFIG_WHOLE, .claims = true },
	{ .name = "renew-now", .arguments = "[NAME...]", .help = "obtain these certificates now, or all of them",
	  .run = renew_now_run, .part = CONFIG_WHOLE, .claims = true },
	{ .name = "plan", .arguments = "", .help = "show what would be opened in the firewall, changing nothing",
	  .run = plan_run, .part = CONFIG_GATE, .claims = true },
	{ .name = "guard", .arguments = "[--max SECONDS] [--on-listen] -- COMMAND...",
	  .help = "run a command with the port open as long as it lives",
	  .run = guard_run, .prepare = guard_prepare, .part = CONFIG_GATE, .claims = true, .tolerates = true },
	{ .name = "hook", .arguments = "pre|post [--client PID]",
	  .help = "open the port for the program that runs this hook, and close it",
	  .run = hook_run, .part = CONFIG_GATE, .closes = true, .tolerates = true, .tells_client = true },
	{ .name = "recover", .arguments = "", .help = "close whatever an earlier run may have left open",
	  .run = recover_run, .part = CONFIG_CLOSING, .claims = true, .closes = true },
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

/* What could not be printed was not done. */
static int finish(int status)
{
	if (fflush(stdout) < 0 || ferror(stdout)) {
		log_error("standard output: %s", strerror(errno));
		status = status == STATUS_DONE ? STATUS_FAILED : status;
	}
	log_finish();
	return status;
}

static int usage(FILE *out, int status)
{
	help_write(out, commands, LENGTH_OF(commands));
	return status;
}

int main(int argc, char **argv)
{
	const char *file = CONFIG_FILE;
	bool verbose = false;
	int option;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	while ((option = getopt_long(argc, argv, "+c:vh", options, NULL)) >= 0) {
		if (option == 'c')
			file = optarg;
		else if (option == 'v')
			verbose = true;
		else if (option == 'h')
			return finish(usage(stdout, STATUS_DONE));
		else if (option == 'V')
			return finish(help_version());
		else
			return usage(stderr, STATUS_USAGE);
	}
	/*
	 * No core dump of what root has in memory, and no ptrace by a storer that turned hostile. Capabilities stay: with fewer, a
	 * tool that is executed would gain some, and the kernel then forgets that the tool is to die with us (PR_SET_PDEATHSIG).
	 */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	log_start(NULL, verbose);
	for (size_t i = 0; optind < argc && i < LENGTH_OF(commands); i++)
		if (!strcmp(argv[optind], commands[i].name))
			return finish(command_run(&commands[i], file, argc - optind, argv + optind));
	return usage(stderr, STATUS_USAGE);
}
