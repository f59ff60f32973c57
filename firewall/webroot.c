// SPDX-License-Identifier: GPL-3.0-or-later
#include "webroot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NOTES "webroot"		/* in the state directory */
#define PLACE ".at"		/* in there: a link to "N:DIRECTORY", N directories were made; no token has a dot */
#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static const char *const parts[] = { ".well-known", "acme-challenge" };
enum { LEVELS = LENGTH_OF(parts) };

/* dir[0]: the web server's, dir[LEVELS]: where the tokens go. -1: not there. */
struct tree {
	int dir[LEVELS + 1];
};

static void close_tree(struct tree *tree)
{
	for (int i = 0; i <= LEVELS; i++)
		close_fd(&tree->dir[i]);
}
#define OWN_TREE __attribute__((cleanup(close_tree)))
#define NO_TREE { { -1, -1, -1 } }

/* --- as the owner of a directory ------------------------------------------------------------------------------------ */

/* The rights of root in the file system go with the user: fsuid, capabilities(7). */
static int become(uid_t uid, gid_t gid)
{
	if (uid != 0)
		setfsgid(gid);
	setfsuid(uid);
	if (uid == 0)
		setfsgid(gid);
	return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid ? 0 : -1;
}

static int become_owner(int dir)
{
	struct stat s;

	return fstat(dir, &s) == 0 && become(s.st_uid, s.st_gid) == 0 ? 0 : -1;
}

static void become_root(void)
{
	if (become(geteuid(), getegid()) < 0)
		abort();
}

/* --- where ---------------------------------------------------------------------------------------------------------- */

static int refuse(const char *directory, struct fault *fault)
{
	switch (errno) {
	case ELOOP:
	case ENOTDIR:
		return fault_set(fault, FAULT_FAILED, "%s/%s/%s: a symbolic link, or no directory, is on the way; name the directory "
						      "itself as [responder] webroot", directory, parts[0], parts[1]);
	case EROFS:
		return fault_set(fault, FAULT_FAILED, "%s cannot be written here; under acmegate.service that takes a drop-in with "
						      "ReadWritePaths=%s", directory, directory);
	default:
		return fault_errno(fault, errno == ENOSPC || errno == EDQUOT ? FAULT_LATER : FAULT_FAILED,
				   "putting the tokens into %s/%s/%s", directory, parts[0], parts[1]);
	}
}

/* Opens what is there; tree->dir[] is -1 from the first level on that is not. */
static int enter(struct tree *tree, const char *directory)
{
	const struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };

	tree->dir[0] = (int)syscall(SYS_openat2, AT_FDCWD, directory, &how, sizeof(how));
	if (tree->dir[0] < 0)
		return -1;
	for (int i = 0; i < LEVELS; i++) {
		tree->dir[i + 1] = openat(tree->dir[i], parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (tree->dir[i + 1] < 0)
			return errno == ENOENT ? 0 : -1;
	}
	return 0;
}

static int note_place(int notes, int made, const char *directory)
{
	char text[PATH_SIZE + 8];

	snprintf(text, sizeof(text), "%d:%s", made, directory);
	(void)unlinkat(notes, PLACE, 0);
	return symlinkat(text, notes, PLACE);
}

/* Makes the levels that are missing, each noted before. When somebody else makes one in that moment, it is theirs. */
static int make_missing(struct tree *tree, int notes, const char *directory)
{
	int made = 0;

	for (int i = 0; i <= LEVELS; i++)
		made += tree->dir[i] < 0;
	if (note_place(notes, made, directory) < 0)
		return -1;
	for (int i = LEVELS - made; i < LEVELS; i++) {
		int rc = become_owner(tree->dir[i]) < 0 ? -1 : mkdirat(tree->dir[i], parts[i], 0755), why = errno;

		become_root();
		if (rc < 0 && why == EEXIST)
			(void)note_place(notes, 0, directory);
		errno = why;
		if (rc < 0)
			return -1;
		tree->dir[i + 1] = openat(tree->dir[i], parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (tree->dir[i + 1] < 0)
			return -1;
		/* the mask of this process is for others */
		rc = become_owner(tree->dir[i]) < 0 ? -1 : fchmod(tree->dir[i + 1], 0755);
		become_root();
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* --- notes ---------------------------------------------------------------------------------------------------------- */

/* A new file with this content, or none. */
static int put(int dir, const char *name, const char *text, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	ssize_t length = (ssize_t)strlen(text), n = fd < 0 || fchmod(fd, mode) < 0 ? -1 : write(fd, text, (size_t)length);
	int why = n >= 0 && n < length ? ENOSPC : errno;

	if (fd >= 0 && n != length)
		(void)unlinkat(dir, name, 0);
	close_fd(&fd);
	errno = why;
	return n == length ? 0 : -1;
}

static int open_notes(int state_fd)
{
	return openat(state_fd, NOTES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_token(const char *name)
{
	size_t length = strspn(name, ALPHABET);

	return length > 0 && length < TOKEN_SIZE && !name[length];
}

int webroot_add(int state_fd, const struct token *token, struct fault *fault)
{
	size_t length = strlen(token->token);
	OWN_FD int notes = -1;

	if (!is_token(token->token) || strncmp(token->answer, token->token, length) || token->answer[length] != '.' ||
	    !is_token(token->answer + length + 1))
		return fault_set(fault, FAULT_FAILED, "the client sent a malformed token");
	if (mkdirat(state_fd, NOTES, 0700) < 0 && errno != EEXIST)
		return fault_errno(fault, FAULT_FAILED, "making " NOTES " in the state directory");
	notes = open_notes(state_fd);
	if (notes < 0 || (put(notes, token->token, token->answer, 0600) < 0 && errno != EEXIST))
		return fault_errno(fault, FAULT_FAILED, "noting a token in the state directory");
	return 0;
}

/* What was noted, one by one. 1: all visited. -1: one was not. */
static int each_note(int notes, int (*visit)(int notes, const char *name, int challenge), int challenge)
{
	int again = openat(notes, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	OWN_DIR DIR *list = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;

	if (!list)
		return -1;
	for (errno = 0; (entry = readdir(list)); errno = 0)
		if (is_token(entry->d_name) && visit(notes, entry->d_name, challenge) < 0)
			return -1;
	return errno ? -1 : 1;
}

/* One that is there already is somebody else's, and stays. */
static int publish(int notes, const char *name, int challenge)
{
	OWN_FD int note = openat(notes, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[sizeof(((struct token *)0)->answer)];
	ssize_t n = note < 0 ? -1 : read(note, text, sizeof(text) - 1);
	int rc, why;

	if (n < 0)
		return -1;
	text[n] = '\0';
	rc = become_owner(challenge) < 0 ? -1 : put(challenge, name, text, 0644);
	why = errno;
	become_root();
	if (rc < 0)
		(void)unlinkat(notes, name, 0);
	errno = why;
	return rc;
}

static int withdraw(int notes, const char *name, int challenge)
{
	int rc = 0, why;

	if (challenge >= 0)
		rc = become_owner(challenge) < 0 ? -1 : unlinkat(challenge, name, 0);
	why = errno;
	become_root();
	errno = why;
	return rc < 0 && errno != ENOENT ? -1 : unlinkat(notes, name, 0);
}

int webroot_publish(int state_fd, const char *directory, struct fault *fault)
{
	OWN_FD int notes = open_notes(state_fd);
	OWN_TREE struct tree tree = NO_TREE;
	char old[PATH_SIZE + 8];

	if (notes < 0)
		return fault_errno(fault, FAULT_FAILED, "opening " NOTES " in the state directory");
	if (readlinkat(notes, PLACE, old, sizeof(old)) >= 0)
		return fault_set(fault, FAULT_FAILED, "the tokens of an earlier run could not be removed");
	if (enter(&tree, directory) < 0 || make_missing(&tree, notes, directory) < 0)
		return refuse(directory, fault);
	/* on the disk before the first file: a power cut must not leave one that is not noted */
	if (fsync(notes) < 0)
		return fault_errno(fault, FAULT_FAILED, "noting the tokens in the state directory");
	return each_note(notes, publish, tree.dir[LEVELS]) < 0 ? refuse(directory, fault) : 0;
}

/* The directories that were made, unless somebody has put something into them. */
static int remove_made(const struct tree *tree, int made)
{
	for (int i = LEVELS; i > LEVELS - made && i > 0 && tree->dir[i] >= 0; i--) {
		int rc = become_owner(tree->dir[i - 1]) < 0 ? -1 : unlinkat(tree->dir[i - 1], parts[i - 1], AT_REMOVEDIR), why = errno;

		become_root();
		if (rc < 0 && why != ENOENT && why != ENOTEMPTY && why != EEXIST) {
			errno = why;
			return -1;
		}
	}
	return 0;
}

/* Where there is no such directory any more, nothing of ours is in it. */
static int withdraw_all(int notes, const char *place)
{
	OWN_TREE struct tree tree = NO_TREE;
	const char *directory = place[0] ? place + 2 : NULL;

	if (directory && enter(&tree, directory) < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return -1;
	if (each_note(notes, withdraw, tree.dir[LEVELS]) < 0 || remove_made(&tree, place[0] - '0') < 0)
		return -1;
	if (tree.dir[LEVELS] >= 0 && fsync(tree.dir[LEVELS]) < 0)
		return -1;
	return 0;
}

int webroot_sweep(int state_fd, struct fault *fault)
{
	OWN_FD int notes = open_notes(state_fd);
	char place[PATH_SIZE + 8] = "";

	if (notes < 0 && errno == ENOENT)
		return 0;
	if (notes < 0)
		return fault_errno(fault, FAULT_FAILED, "opening " NOTES " in the state directory");
	(void)!readlinkat(notes, PLACE, place, sizeof(place) - 1); /* not there: nothing has been published */
	if (withdraw_all(notes, place) < 0)
		return fault_errno(fault, FAULT_FAILED, "removing the tokens from %s/%s/%s", place[0] ? place + 2 : "", parts[0],
				   parts[1]);
	if ((unlinkat(notes, PLACE, 0) < 0 && errno != ENOENT) || unlinkat(state_fd, NOTES, AT_REMOVEDIR) < 0)
		return fault_errno(fault, FAULT_FAILED, "removing " NOTES " from the state directory");
	return 1;
}
