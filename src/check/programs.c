// SPDX-License-Identifier: GPL-3.0-or-later
/* programs.c - programs of the administrator that acmegate runs as another user: may that user start them? Root's answer would not tell. */
#include "check/check.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/launch_program.h"

struct user {
	uid_t uid;
	gid_t gid;
};

/* As this user, in no other group. 0, or an errno. */
static int try(const char *path, int mode, const struct user *user)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		const bool other = setgroups(0, NULL) == 0 && setresgid(user->gid, user->gid, user->gid) == 0 &&
				   setresuid(user->uid, user->uid, user->uid) == 0;

		_exit(other && access(path, mode) == 0 ? 0 : errno);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

/* The interpreter of a script, behind "#!". false: it is no script. */
static bool find_interpreter(const char *path, char *interpreter, size_t size)
{
	OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[256] = "", *word = line + 2;
	const ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	if (n < 2 || strncmp(line, "#!", 2))
		return false;
	word += strspn(word, " \t");
	word[strcspn(word, " \t\r\n")] = '\0';
	snprintf(interpreter, size, "%s", word);
	return true;
}

/* place: what of the configuration names it. */
static void look(struct examination *e, const char *place, const char *program, const struct user *user)
{
	char command[COMMAND_SIZE], interpreter[256], *words[2];
	const char *what = command;
	bool script;
	int bad;

	snprintf(command, sizeof(command), "%s", program);
	launch_split(command, words, LENGTH_OF(words));
	script = find_interpreter(command, interpreter, sizeof(interpreter));
	bad = try(command, script ? R_OK | X_OK : X_OK, user);
	if (!bad && script && (bad = try(interpreter, X_OK, user)) != 0)
		what = interpreter;
	if (bad)
		sheet_add(&e->sheet, MARK_WRONG, command,
			  "chmod a+rx it and each directory above it, or have it where this user comes, on a file system without noexec",
			  "%s cannot run it as user %u: %s: %s", place, user->uid, what, strerror(bad));
	else
		sheet_add(&e->sheet, MARK_OK, command, NULL, "%s can run it as user %u", place, user->uid);
}

/* That they are root's, and that others can neither write them nor read the file of variables, was checked with the configuration. */
void check_programs(struct examination *e)
{
	const struct config *config = e->config;
	const struct user usual = { config->gate.uid, config->gate.gid };
	char place[LABEL_SIZE + 8];

	if (config->status.alert[0] && e->homeless.kind == FAULT_NONE)
		look(e, "[status] alert", config->status.alert, &usual);
	for (uint32_t i = 0; i < config->dnses; i++) {
		const struct dns_program *program = &config->dns[i].program;
		const struct user own = { program->uid, program->gid };

		if (config->dns[i].type != DNS_EXEC || !config->dns[i].sound || (!program->user[0] && e->homeless.kind != FAULT_NONE))
			continue;
		snprintf(place, sizeof(place), "[dns %s]", config->dns[i].name);
		look(e, place, program->command, program->user[0] ? &own : &usual);
	}
}
