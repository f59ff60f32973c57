// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/launch_channel.h"
#include "base/watched.h"
#include "base/wire.h"

#define ANSWER_MOST 5000   /* ms */
#define FAILURES 3	   /* of the watcher, before no other is started */
#define ENTRIES_MOST 20000 /* of directories, for one pattern */
#define WILD "*?["

struct watching {
	int channel, pidfd; /* to the watcher; -1: there is none */
	int failures;
	struct watched *row;
	uint32_t count, room;
	uint32_t section; /* rows of the section at hand */
	uint32_t more;	  /* its files that are too many, or have a path that is too long */
};

/* --- rows --------------------------------------------------------------------------------------------------------- */

static struct watched *add_row(struct watching *w, const struct watchlist *watch)
{
	struct watched *row = w->row;

	if (w->count == w->room) {
		row = realloc(w->row, (w->room + 64) * sizeof(*row));
		if (!row)
			return NULL;
		w->row = row;
		w->room += 64;
	}
	row += w->count++;
	memset(row, 0, sizeof(*row));
	memcpy(row->section, watch->name, sizeof(row->section));
	return row;
}

static int remark(struct watching *w, const struct watchlist *watch, const char *what, const char *why, struct fault *fault)
{
	struct watched *row = add_row(w, watch);

	if (!row)
		return fault_errno(fault, FAULT_LATER, "looking at watched certificates");
	snprintf(row->sighting.why, sizeof(row->sighting.why), "%.*s: %s", WATCHED_WHY - 100, what, why);
	return 0;
}

/* The watcher may have been overcome by what it has read. */
static void clean(char *text, size_t size, bool many)
{
	text[size - 1] = '\0';
	if (many)
		text[size - 2] = '\0';
	for (size_t i = 0; i < size - 1 && (many || text[i]); i++)
		if (text[i] && (text[i] < ' ' || text[i] > '~'))
			text[i] = '?';
}

/*
 * Adds n bytes of a path to a text: as they are, or as %XX, so that different paths stay different, and whoever shows them has nothing to escape.
 * false: there is no room.
 */
static bool add_path(char *text, size_t size, const char *path, size_t n)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+,@~/";
	size_t used = strlen(text);

	for (size_t i = 0; i < n; i++) {
		if (size - used < sizeof("%XX"))
			return false;
		used += (size_t)snprintf(text + used, size - used, strchr(plain, path[i]) ? "%c" : "%%%02X", (unsigned char)path[i]);
	}
	return true;
}

/* NAME, and the parts of the path for which the pattern has no fixed name, or without such the last one: "certbot/www.example.org". */
static void name_row(struct watched *row, const char *pattern, const char *path)
{
	const bool fixed = !strpbrk(pattern, WILD);

	snprintf(row->label, sizeof(row->label), "%s", row->section);
	while (*pattern && *path) {
		const size_t skip = strspn(path, "/"), length = strcspn(path + skip, "/");

		pattern += strspn(pattern, "/");
		if (strcspn(pattern, WILD) < strcspn(pattern, "/") || (fixed && !path[skip + length])) {
			add_path(row->label, sizeof(row->label), "/", 1);
			add_path(row->label, sizeof(row->label), path + skip, length);
		}
		pattern += strcspn(pattern, "/");
		path += skip + length;
	}
}

/* Short names of a section that are the same become whole paths. */
static void tell_apart(struct watched *row, uint32_t rows)
{
	for (uint32_t i = 0; i < rows; i++) {
		bool same = false;

		for (uint32_t k = i + 1; k < rows; k++) {
			if (!row[i].label[0] || strcmp(row[i].label, row[k].label) != 0)
				continue;
			snprintf(row[k].label, sizeof(row[k].label), "%s:%s", row[k].section, row[k].file);
			same = true;
		}
		if (same)
			snprintf(row[i].label, sizeof(row[i].label), "%s:%s", row[i].section, row[i].file);
	}
}

/* --- the watcher -------------------------------------------------------------------------------------------------- */

static void end_watcher(struct watching *w)
{
	close_fd(&w->channel);
	(void)launch_reap(&w->pidfd, true);
}

static int start_watcher(struct watching *w, struct fault *fault)
{
	w->pidfd = launch_channel(ROLE_WATCHER, NULL, &(struct descriptor){ -1, FD_WARDEN }, 1, &w->channel, fault);
	return w->pidfd < 0 ? -1 : 0;
}

/* One that dies, or is slow, has met a file that is made to do that: the next file gets another watcher, but not for ever. */
static int ask(struct watching *w, const char *bytes, size_t length, struct sighting *sighting, struct fault *fault)
{
	struct pollfd reader = { .events = POLLIN };

	if (w->failures == FAILURES)
		return fault_set(fault, FAULT_FAILED, "it was not looked at: acmegate-agent has failed at %d others", FAILURES);
	if (w->channel < 0 && start_watcher(w, fault) < 0) {
		w->failures = FAILURES;
		return -1;
	}
	reader.fd = w->channel;
	if (send(w->channel, bytes, length, MSG_NOSIGNAL) == (ssize_t)length && poll(&reader, 1, ANSWER_MOST) == 1 &&
	    recv(w->channel, sighting, sizeof(*sighting), 0) == (ssize_t)sizeof(*sighting))
		return 0;
	w->failures++;
	end_watcher(w);
	memset(sighting, 0, sizeof(*sighting));
	return fault_set(fault, FAULT_FAILED, "acmegate-agent has failed at it");
}

/* --- files -------------------------------------------------------------------------------------------------------- */

/* Opened only once it is known to be a file: to open a device or a fifo may wait, or do something. */
static int open_file(const char *path, struct fault *fault)
{
	OWN_FD int place = open(path, O_PATH | O_CLOEXEC);
	char link[32];
	struct stat s;
	int fd;

	if (place < 0 || fstat(place, &s) < 0)
		return fault_set(fault, FAULT_FAILED, "%s", strerror(errno));
	if (!S_ISREG(s.st_mode))
		return fault_set(fault, FAULT_FAILED, "it is no regular file");
	if (s.st_size > WATCHED_FILE_MOST)
		return fault_set(fault, FAULT_FAILED, "it is larger than %d KiB", WATCHED_FILE_MOST / 1024);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? fault_set(fault, FAULT_FAILED, "%s", strerror(errno)) : fd;
}

static int look_at(struct watching *w, const char *path, struct sighting *sighting, struct fault *fault)
{
	static char bytes[WATCHED_FILE_MOST];
	OWN_FD int fd = open_file(path, fault);
	ssize_t n = 0;
	int rc;

	if (fd < 0)
		return -1;
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0)
		return fault_set(fault, FAULT_FAILED, "%s", strerror(errno));
	if (n == 0)
		return fault_set(fault, FAULT_FAILED, "it is empty");
	rc = ask(w, bytes, (size_t)n, sighting, fault);
	explicit_bzero(bytes, (size_t)n); /* a key may lie beside the certificate */
	return rc;
}

static bool is_there(const struct watching *w, const char *file)
{
	for (uint32_t i = w->section; i < w->count; i++)
		if (!strcmp(w->row[i].file, file))
			return true;
	return false;
}

static int add_file(struct watching *w, const struct watchlist *watch, const char *pattern, const char *path, struct fault *fault)
{
	char file[PATH_SIZE] = "";
	struct watched *row;
	struct fault why;

	if (w->count - w->section >= MAX_WATCHED_EACH || w->count >= MAX_WATCHED ||
	    !add_path(file, sizeof(file), path, strlen(path))) {
		w->more++;
		return 0;
	}
	if (is_there(w, file))
		return 0;
	row = add_row(w, watch);
	if (!row)
		return fault_errno(fault, FAULT_LATER, "looking at watched certificates");
	memcpy(row->file, file, sizeof(row->file));
	name_row(row, pattern, path);
	if (look_at(w, path, &row->sighting, &why) < 0) {
		row->sighting.good = 0;
		snprintf(row->sighting.why, sizeof(row->sighting.why), "%.*s", WATCHED_WHY - 1, why.text);
	}
	clean(row->sighting.name, sizeof(row->sighting.name), true);
	clean(row->sighting.issuer, sizeof(row->sighting.issuer), false);
	clean(row->sighting.why, sizeof(row->sighting.why), false);
	return 0;
}

/* --- patterns ----------------------------------------------------------------------------------------------------- */

/* glob(3) tells its functions nothing but a path. */
static struct {
	unsigned int entries;
	int code; /* of the first directory that could not be read, but for one that is not there */
	char path[PATH_SIZE];
} expansion;

#ifdef GLOB_ALTDIRFUNC
static void *begin_directory(const char *path)
{
	return opendir(path);
}

static struct dirent *next_entry(void *dir)
{
	return expansion.entries < ENTRIES_MOST && ++expansion.entries ? readdir(dir) : NULL;
}

static void end_directory(void *dir)
{
	closedir(dir);
}
#endif

static int note_failure(const char *path, int code)
{
	if (expansion.code || code == ENOENT || code == ENOTDIR)
		return 0;
	expansion.code = code;
	expansion.path[0] = '\0';
	add_path(expansion.path, sizeof(expansion.path), path, strlen(path));
	return 0;
}

/* musl has no such functions: there the files that match are bounded, and not the entries that do not. */
static int find(const char *pattern, glob_t *found)
{
	int flags = 0;

	memset(&expansion, 0, sizeof(expansion));
#ifdef GLOB_ALTDIRFUNC
	flags = GLOB_ALTDIRFUNC;
	*found = (glob_t){
		.gl_opendir = begin_directory, .gl_readdir = next_entry, .gl_closedir = end_directory, .gl_lstat = lstat, .gl_stat = stat
	};
#endif
	return glob(pattern, flags, note_failure, found);
}

static int expand(struct watching *w, const struct watchlist *watch, const char *pattern, struct fault *fault)
{
	glob_t found = { .gl_pathc = 0 };
	int rc = 0;

	if (find(pattern, &found) == GLOB_NOSPACE)
		rc = fault_set(fault, FAULT_LATER, "looking at watched certificates: there is not enough memory");
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
		rc = add_file(w, watch, pattern, found.gl_pathv[i], fault);
	if (rc == 0 && expansion.code)
		rc = remark(w, watch, expansion.path, strerror(expansion.code), fault);
	else if (rc == 0 && expansion.entries == ENTRIES_MOST)
		rc = remark(w, watch, pattern, "the directories have too many files; some were not looked for", fault);
	else if (rc == 0 && !found.gl_pathc)
		rc = remark(w, watch, pattern, "there is no such file", fault);
	globfree(&found);
	return rc;
}

static int look_at_section(struct watching *w, const struct watchlist *watch, struct fault *fault)
{
	char files[WATCH_SIZE], text[80], *rest = NULL;
	int rc = 0;

	w->section = w->count;
	w->more = 0;
	memcpy(files, watch->files, sizeof(files));
	for (char *pattern = strtok_r(files, " ", &rest); pattern && rc == 0; pattern = strtok_r(NULL, " ", &rest))
		rc = strpbrk(pattern, WILD) ? expand(w, watch, pattern, fault) : add_file(w, watch, pattern, pattern, fault);
	if (w->count > w->section)
		tell_apart(w->row + w->section, w->count - w->section);
	snprintf(text, sizeof(text), "%u files are left out: too many, or paths that are too long", w->more);
	return rc == 0 && w->more ? remark(w, watch, "files", text, fault) : rc;
}

int watch_look(struct config *config, struct fault *fault)
{
	struct watching w = { .channel = -1, .pidfd = -1 };
	OWN_FD int fd = -1;
	int rc = 0;

	fault->kind = FAULT_NONE;
	if (!config->watches)
		return -1;
	for (uint32_t i = 0; rc == 0 && i < config->watches; i++)
		rc = look_at_section(&w, &config->watch[i], fault);
	end_watcher(&w);
	if (rc == 0 && ((fd = memfd_create("acmegate-watched", MFD_CLOEXEC)) < 0 ||
			write(fd, w.row, w.count * sizeof(*w.row)) != (ssize_t)(w.count * sizeof(*w.row))))
		rc = fault_errno(fault, FAULT_LATER, "looking at watched certificates");
	free(w.row);
	config->watched = w.count;
	return rc < 0 ? -1 : steal_fd(&fd);
}
