// SPDX-License-Identifier: GPL-3.0-or-later
#include "setup/tool.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/config.h"
#include "base/launch_program.h"
#include "base/log.h"

#define TOOL_SECONDS 120
#define MOST_WORDS 16
#define MOST_OUTPUT (1024 * 1024)

static char *const environment[] = { (char[]){ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
				     (char[]){ "HOME=/root" }, (char[]){ "LANG=C.UTF-8" }, NULL };

/* The words that follow those n. */
static void gather(char *words[MOST_WORDS], size_t n, va_list more)
{
	while (n < MOST_WORDS - 1 && (words[n] = va_arg(more, char *)))
		n++;
	words[n] = NULL;
}

/* Ctrl-C is for the command that runs: it closes the port, and setup says where it has stopped. */
static void pass_over(int number)
{
	(void)number;
}

static _Noreturn void become_acmegate(const char *file, char *const words[])
{
	char *arguments[MOST_WORDS + 5] = { (char[]){ "acmegate" } };
	char *detail = (char *)(uintptr_t)log_option();
	size_t n = 1;

	if (detail)
		arguments[n++] = detail;
	arguments[n++] = (char[]){ "-c" };
	arguments[n++] = (char *)(uintptr_t)file;
	for (size_t i = 0; i < MOST_WORDS && words[i]; i++)
		arguments[n++] = words[i];
	execv("/proc/self/exe", arguments);
	log_error("starting acmegate: %s", strerror(errno));
	_exit(STATUS_FAILED);
}

int tool_acmegate(const char *file, ...)
{
	char *words[MOST_WORDS];
	const struct sigaction passes = { .sa_handler = pass_over };
	struct sigaction before;
	int status = 0;
	va_list more;
	pid_t pid;

	va_start(more, file);
	gather(words, 0, more);
	va_end(more);
	fflush(stdout);
	sigaction(SIGINT, &passes, &before);
	pid = fork();
	if (pid == 0)
		become_acmegate(file, words);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &before, NULL);
	if (pid < 0) {
		log_error("starting acmegate: %s", strerror(errno));
		return STATUS_LATER;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* --- tools of the host ----------------------------------------------------------------------------------------------- */

static int find(const char *name, char path[PATH_MAX], struct fault *fault)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

	snprintf(path, PATH_MAX, "%s", name);
	if (path[0] == '/' && access(path, X_OK) == 0)
		return 0;
	for (size_t i = 0; i < LENGTH_OF(folders); i++) {
		snprintf(path, PATH_MAX, "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return 0;
	}
	return fault_set(fault, FAULT_FAILED, "there is no program %s on this host", name);
}

int tool_run(struct fault *fault, const char *name, ...)
{
	char path[PATH_MAX], *words[MOST_WORDS] = { path };
	va_list more;

	va_start(more, name);
	gather(words, 1, more);
	va_end(more);
	return find(name, path, fault) < 0 ? -1 :
					     launch_program(name, words, environment, TOOL_SECONDS, LAUNCH_WITHOUT_FIREWALL, fault);
}

int tool_run_line(struct fault *fault, const char *line)
{
	char text[COMMAND_SIZE], *words[MOST_WORDS];

	snprintf(text, sizeof(text), "%s", line);
	if (!launch_split(text, words, MOST_WORDS))
		return fault_set(fault, FAULT_FAILED, "no program");
	return launch_program(strrchr(words[0], '/') + 1, words, environment, TOOL_SECONDS, LAUNCH_WITHOUT_FIREWALL, fault);
}

int tool_ask(char **output, struct fault *fault, char *words[])
{
	char path[PATH_MAX];
	pid_t pid;

	*output = NULL;
	if (find(words[0], path, fault) < 0)
		return -1;
	words[0] = path;
	return launch_capture(words, environment, TOOL_SECONDS, LAUNCH_WITHOUT_FIREWALL, MOST_OUTPUT, output, &pid, fault);
}

/* diff ends with 1 where there is a difference. */
int tool_show_difference(const char *from, const char *to, struct fault *fault)
{
	static char diff[] = "diff", unified[] = "-u";
	char *words[] = { diff, unified, (char *)(uintptr_t)from, (char *)(uintptr_t)to, NULL };
	OWN_FREE char *said = NULL;

	if (tool_ask(&said, fault, words) < 0)
		return -1;
	fputs(said, stdout);
	fflush(stdout);
	return 0;
}

bool tool_is_enabled(const char *unit)
{
	static char systemctl[] = "systemctl", is_enabled[] = "is-enabled";
	char *words[] = { systemctl, is_enabled, (char *)(uintptr_t)unit, NULL };
	OWN_FREE char *said = NULL;
	struct fault ignored;

	return tool_ask(&said, &ignored, words) == STATUS_DONE;
}
