// SPDX-License-Identifier: GPL-3.0-or-later
#include "setup/trail.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/safe.h"
#include "setup/tool.h"

#define LINE_SIZE (PATH_MAX + 32)

static void name_copy(const struct trail *trail, unsigned int line, const char *which, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%u.%s", trail->folder, line, which);
}

/* Of a line that a power cut has cut off nothing was done. */
static int count(struct trail *trail)
{
	OWN_PAPER struct paper list = { 0 };
	char path[PATH_MAX];
	struct fault fault;
	size_t whole = 0;

	snprintf(path, sizeof(path), "%s/trail", trail->folder);
	if (paper_read(path, &list, &fault) < 0)
		return -1;
	for (size_t i = 0; i < list.length; i++) {
		if (list.text[i] != '\n')
			continue;
		trail->lines++;
		whole = i + 1;
	}
	return ftruncate(trail->list, (off_t)whole);
}

int trail_open(struct trail *trail, const char *state, struct fault *fault)
{
	char path[PATH_MAX];
	OWN_FD int folder = safe_directory(state, fault);

	*trail = (struct trail){ .list = -1 };
	if (folder < 0)
		return -1;
	snprintf(trail->folder, sizeof(trail->folder), "%s/setup", state);
	snprintf(path, sizeof(path), "%s/trail", trail->folder);
	if (mkdir(trail->folder, 0700) < 0 && errno != EEXIST)
		return fault_errno(fault, FAULT_FAILED, "%s", trail->folder);
	trail->list = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (trail->list < 0)
		return fault_errno(fault, FAULT_FAILED, "%s", path);
	if (flock(trail->list, LOCK_EX | LOCK_NB) < 0)
		return fault_set(fault, FAULT_LATER, "another acmegate setup is at work: try again when it has ended");
	return count(trail) < 0 ? fault_errno(fault, FAULT_FAILED, "%s", path) : 0;
}

/* Without a change it leaves nothing. */
void trail_close(struct trail *trail)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/trail", trail->folder);
	if (trail->list >= 0 && !trail->lines && unlink(path) == 0)
		(void)rmdir(trail->folder);
	close_fd(&trail->list);
}

/* --- doing --------------------------------------------------------------------------------------------------------- */

int trail_note(struct trail *trail, const char *kind, const char *what, struct fault *fault)
{
	char line[LINE_SIZE];
	int length = snprintf(line, sizeof(line), "%s %s\n", kind, what);

	if (length >= (int)sizeof(line) || strchr(what, '\n'))
		return fault_set(fault, FAULT_USAGE, "%s: a name that cannot be noted", what);
	if (write(trail->list, line, (size_t)length) != length || fsync(trail->list) < 0)
		return fault_errno(fault, FAULT_FAILED, "%s/trail", trail->folder);
	trail->lines++;
	return 0;
}

int trail_put(struct trail *trail, const char *path, const struct paper *next, struct fault *fault)
{
	OWN_PAPER struct paper before = { 0 };
	char copy[PATH_MAX];

	if (paper_read(path, &before, fault) < 0)
		return -1;
	if (paper_is_same(&before, next))
		return 0;
	name_copy(trail, trail->lines, "before", copy);
	if (paper_write(copy, &before, fault) < 0)
		return -1;
	name_copy(trail, trail->lines, "after", copy);
	if (paper_write(copy, next, fault) < 0 || trail_note(trail, "file", path, fault) < 0)
		return -1;
	return paper_write(path, next, fault) < 0 ? -1 : 1;
}

int trail_make_directory(struct trail *trail, const char *path, struct fault *fault)
{
	if (access(path, F_OK) == 0)
		return 0;
	if (trail_note(trail, "directory", path, fault) < 0)
		return -1;
	return mkdir(path, 0755) < 0 ? fault_errno(fault, FAULT_FAILED, "%s", path) : 0;
}

/* --- undoing ------------------------------------------------------------------------------------------------------- */

/* Keeps the file as somebody has changed it since then. */
static int keep(const struct trail *trail, unsigned int line, const char *path, const struct paper *now, struct fault *fault)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s-kept.%u", trail->folder, line);
	if (paper_write(copy, now, fault) < 0)
		return -1;
	log_warning("%s was changed since setup has written it: that version is now %s", path, copy);
	return 0;
}

static int undo_file(const struct trail *trail, unsigned int line, const char *path, struct fault *fault)
{
	OWN_PAPER struct paper before = { 0 }, after = { 0 }, now = { 0 };
	char copy[PATH_MAX];

	name_copy(trail, line, "before", copy);
	if (paper_read(copy, &before, fault) < 0)
		return -1;
	name_copy(trail, line, "after", copy);
	if (paper_read(copy, &after, fault) < 0 || paper_read(path, &now, fault) < 0)
		return -1;
	if (paper_is_same(&now, &before))
		return 0;
	if (now.exists && !paper_is_same(&now, &after) && keep(trail, line, path, &now, fault) < 0)
		return -1;
	if (paper_write(path, &before, fault) < 0)
		return -1;
	log_notice("%s is %s", path, before.exists ? "as it was before setup" : "removed");
	return 0;
}

/* One that has something of others in it by now stays. */
static int undo_directory(const struct trail *trail, unsigned int line, const char *path, struct fault *fault)
{
	(void)trail;
	(void)line;
	if (rmdir(path) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
		return fault_errno(fault, FAULT_FAILED, "%s", path);
	return 0;
}

static int undo_unit(const struct trail *trail, unsigned int line, const char *unit, struct fault *fault)
{
	(void)trail;
	(void)line;
	if (tool_run(fault, "systemctl", "--quiet", "disable", "--now", unit, NULL) != 0 && tool_is_enabled(unit))
		return -1;
	log_notice("%s is disabled", unit);
	return 0;
}

/* A service that does not take its own configuration is not a reason to keep ours. */
static int undo_reload(const struct trail *trail, unsigned int line, const char *command, struct fault *fault)
{
	(void)trail;
	(void)line;
	if (tool_run_line(fault, command) != 0)
		log_warning("%s", fault->text);
	return 0;
}

static const struct kind {
	const char *word;
	int (*undo)(const struct trail *, unsigned int line, const char *what, struct fault *);
} kinds[] = {
	{ "file", undo_file },
	{ "directory", undo_directory },
	{ TRAIL_UNIT, undo_unit },
	{ TRAIL_RELOAD, undo_reload },
};

/* text: KIND WHAT, without its newline */
static int undo_line(const struct trail *trail, unsigned int line, const char *text, struct fault *fault)
{
	const size_t length = strcspn(text, " ");

	for (size_t i = 0; i < LENGTH_OF(kinds); i++)
		if (strlen(kinds[i].word) == length && !strncmp(kinds[i].word, text, length) && text[length])
			return kinds[i].undo(trail, line, text + length + 1, fault);
	return fault_set(fault, FAULT_FAILED, "%s/trail:%u: '%s' is from another version of acmegate", trail->folder, line + 1, text);
}

/* A change that is undone goes from the list: an undo that is killed continues there. */
static int forget(struct trail *trail, off_t length, struct fault *fault)
{
	char copy[PATH_MAX];

	trail->lines--;
	if (ftruncate(trail->list, length) < 0)
		return fault_errno(fault, FAULT_FAILED, "%s/trail", trail->folder);
	name_copy(trail, trail->lines, "before", copy);
	(void)unlink(copy);
	name_copy(trail, trail->lines, "after", copy);
	(void)unlink(copy);
	return 0;
}

int trail_undo(struct trail *trail)
{
	OWN_PAPER struct paper list = { 0 };
	struct fault fault;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/trail", trail->folder);
	if (paper_read(path, &list, &fault) < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	while (trail->lines) {
		char *last;

		list.text[list.length - 1] = '\0'; /* its newline */
		last = strrchr(list.text, '\n');
		last = last ? last + 1 : list.text;
		if (undo_line(trail, trail->lines - 1, last, &fault) < 0 || forget(trail, last - list.text, &fault) < 0) {
			log_error("%s; the rest stays as it is: say acmegate setup --undo again", fault.text);
			return fault_status(&fault);
		}
		list.length = (size_t)(last - list.text);
	}
	return STATUS_DONE;
}
