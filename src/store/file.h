/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * file.h - files that are on the disk when we say so, relative to open directories, following no symbolic link.
 *
 * Functions return -1 (or NULL) with errno. What is unfinished has a name that begins with TEMPORARY; all renames stay
 * within one directory.
 */
#ifndef ACMEGATE_STORE_FILE_H
#define ACMEGATE_STORE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/own.h"

#define TEMPORARY ".tmp-"

/* Opens a directory for listing; the caller closes it. */
int dir_open(int at, const char *name) MUST_CHECK;

/* The same, making it first if need be, 0700; passable makes it 0711: others may go through it, not list it. */
int dir_make(int at, const char *name, bool passable) MUST_CHECK;

/*
 * The same right below the state directory, which comes as O_PATH. confine() has made it already and leaves no right to make another
 * one; a build with sanitizers and the tests make it here.
 */
int dir_top(int state, const char *name, bool passable) MUST_CHECK;

/* Makes the directory 0711 if its mode has less. */
int dir_let_pass(int fd) MUST_CHECK;

/* Calls act for each entry except "." and ".."; a failure of act ends it. */
int dir_each(int dir, int (*act)(int dir, const char *name, void *context), void *context) MUST_CHECK;

/* Removes a file, or a directory of files. Of a TEMPORARY the failure may be passed over: dir_clean() comes again. */
int dir_remove(int dir, const char *name);

/* Removes what is unfinished in dir and in the directories in it. */
int dir_clean(int dir) MUST_CHECK;

/* A new file, on the disk with its content when it returns 0; 0600, or as the certificate says when there is one. */
int file_write(int dir, const char *name, const char *data, size_t length, const struct certificate *access) MUST_CHECK;

/* The same through a temporary name, instead of what has the name: the old or the new, whatever happens. */
int file_replace(int dir, const char *name, const char *data, size_t length) MUST_CHECK;
int file_replace_for(int dir, const char *name, const char *data, size_t length, const struct certificate *access) MUST_CHECK;

/* Owner, group and mode of a file as the certificate has them now. 1: changed. 0: they were so already. */
int file_give(int dir, const char *name, const struct certificate *access) MUST_CHECK;

bool file_exists(int dir, const char *name);

/* The content with a NUL behind it; the caller frees it. */
char *file_read(int dir, const char *name, size_t *length) MUST_CHECK;

/*
 * Of errno after dir_open() or file_read(): what is stored is at fault (missing, a link, no regular file, too long, its
 * blocks unreadable), not this process or the machine.
 */
bool file_is_broken(int code);

#endif
