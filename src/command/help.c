// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

void help_write(FILE *out, const struct command *commands, size_t number)
{
	fprintf(out, "usage: acmegate [-c FILE] [-v] COMMAND\n\n");
	for (size_t i = 0; i < number; i++)
		fprintf(out, "  %s%s%s\n              %s\n", commands[i].name, commands[i].arguments[0] ? " " : "",
			commands[i].arguments, commands[i].help);
	fprintf(out, "\n  -c, --config FILE   instead of " CONFIG_FILE "\n"
		     "  -v, --verbose       say more\n"
		     "  -h, --help          this text\n"
		     "      --version       version and licence\n\n"
		     "Exit status: 0 done, 1 failed, 2 usage or configuration, 75 try again later; guard has that of its\n"
		     "command. See acmegate(8).\n");
}

int help_version(void)
{
	printf("acmegate " PACKAGE_VERSION "\nLicence GPL-3.0-or-later\n");
	return STATUS_DONE;
}
