// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/webroot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/owner.h"
#include "store/file.h"

#define PLACE TOKEN_LINK /* among the notes: a link to "N:DIRECTORY", N directories were made; no token has a dot */
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
#define NO_TREE \
	{ \
		{ \
			-1, -1, -1 \
		} \
	}

/* --- as the owner of a directory ------------------------------------------------------------------------------------ */

static int make(int at, const char *name)
{
	int rc = owner_become(at) < 0 ? -1 : mkdirat(at, name, 0755), fd;

	owner_leave();
	if (rc < 0)
		return -1;
	fd = owner_step(at, name, O_RDONLY);
	/* the mask of this process is for others */
	if (fd >= 0 && (owner_become(at) < 0 || fchmod(fd, 0755) < 0))
		close_fd(&fd);
	owner_leave();
	return fd;
}

static int remove_as_owner(int at, const char *name, int flags)
{
	int rc = owner_become(at) < 0 ? -1 : unlinkat(at, name, flags);

	owner_leave();
	return rc < 0 && errno != ENOENT ? -1 : 0;
}

/* A new file with this content. What could not be written to its end is noted all the same, and goes with the others. */
static int write_new(int dir, const struct token *token)
{
	const size_t length = strlen(token->key_authorization);
	OWN_FD int fd = openat(dir, token->token, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	ssize_t n = fd < 0 || fchmod(fd, 0644) < 0 ? -1 : write(fd, token->key_authorization, length);

	if (n >= 0 && (size_t)n < length)
		errno = ENOSPC;
	return n == (ssize_t)length ? 0 : -1;
}

/* --- where ---------------------------------------------------------------------------------------------------------- */

static int refuse(const char *directory, struct fault *fault)
{
	switch (errno) {
	case ELOOP:
	case ENOTDIR:
		return fault_set(fault, FAULT_FAILED,
				 "%s/%s/%s: a symbolic link, or no directory, is on the way; name the directory "
				 "itself as [responder] webroot",
				 directory, parts[0], parts[1]);
	case EROFS:
		return fault_set(fault, FAULT_FAILED,
				 "%s cannot be written here; under acmegate.service that takes a drop-in with "
				 "ReadWritePaths=%s",
				 directory, directory);
	default:
		return fault_errno(fault, errno == ENOSPC || errno == EDQUOT ? FAULT_LATER : FAULT_FAILED,
				   "putting the tokens into %s/%s/%s", directory, parts[0], parts[1]);
	}
}

static int open_directory(const char *directory)
{
	char path[PATH_SIZE], *rest = NULL;
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	snprintf(path, sizeof(path), "%s", directory);
	for (char *name = strtok_r(path, "/", &rest); name && fd >= 0; name = strtok_r(NULL, "/", &rest)) {
		OWN_FD int above = fd;

		fd = owner_step(above, name, O_PATH);
	}
	return fd;
}

/* Opens what is there; tree->dir[] is -1 from the first level on that is not. */
static int enter(struct tree *tree, const char *directory)
{
	tree->dir[0] = open_directory(directory);
	if (tree->dir[0] < 0)
		return -1;
	for (int i = 0; i < LEVELS; i++) {
		tree->dir[i + 1] = owner_step(tree->dir[i], parts[i], O_RDONLY);
		if (tree->dir[i + 1] < 0)
			return errno == ENOENT ? 0 : -1;
	}
	return 0;
}

/* On the disk before what it tells of: a power cut must not leave what is not noted. */
static int note_place(int notes, int made, const char *directory)
{
	char text[PATH_SIZE + 8];

	snprintf(text, sizeof(text), "%d:%s", made, directory);
	(void)unlinkat(notes, PLACE, 0);
	return symlinkat(text, notes, PLACE) < 0 ? -1 : fsync(notes);
}

/* Makes the levels that are missing. When somebody else makes one in that moment, it is theirs. */
static int make_missing(struct tree *tree, int notes, const char *directory)
{
	int made = 0;

	for (int i = 0; i <= LEVELS; i++)
		made += tree->dir[i] < 0;
	if (note_place(notes, made, directory) < 0)
		return -1;
	for (int i = LEVELS - made; i < LEVELS; i++) {
		tree->dir[i + 1] = make(tree->dir[i], parts[i]);
		if (tree->dir[i + 1] < 0 && errno == EEXIST) {
			(void)!note_place(notes, 0, directory);
			errno = EEXIST;
		}
		if (tree->dir[i + 1] < 0)
			return -1;
	}
	return 0;
}

/* --- there ---------------------------------------------------------------------------------------------------------- */

static bool is_token(const char *name)
{
	size_t length = strspn(name, ALPHABET);

	return length > 0 && length < TOKEN_SIZE && !name[length];
}

static bool is_answer(const struct token *token)
{
	size_t length = strlen(token->token);

	return is_token(token->token) && !strncmp(token->key_authorization, token->token, length) &&
	       token->key_authorization[length] == '.' && is_token(token->key_authorization + length + 1);
}

/* Before the first token. */
static int begin(struct webroot *webroot, int state_fd, struct fault *fault)
{
	OWN_FD int notes = dir_top(state_fd, TOKEN_NOTES, false);
	OWN_TREE struct tree tree = NO_TREE;
	struct stat s;

	if (notes < 0)
		return fault_errno(fault, FAULT_FAILED, TOKEN_NOTES " in the state directory");
	if (fstatat(notes, PLACE, &s, AT_SYMLINK_NOFOLLOW) == 0)
		return fault_set(fault, FAULT_FAILED, "the tokens of an earlier run could not be removed");
	if (enter(&tree, webroot->directory) < 0 || make_missing(&tree, notes, webroot->directory) < 0)
		return refuse(webroot->directory, fault);
	webroot->notes = steal_fd(&notes);
	webroot->challenge = steal_fd(&tree.dir[LEVELS]);
	return 0;
}

int webroot_put(struct webroot *webroot, int state_fd, const struct token *token, struct fault *fault)
{
	OWN_FD int note = -1;
	int rc, why;

	if (!is_answer(token) || webroot->tokens++ >= MAX_NAMES)
		return fault_set(fault, FAULT_FAILED, "the client sent a malformed token, or too many");
	if (webroot->notes < 0 && begin(webroot, state_fd, fault) < 0)
		return -1;
	note = openat(webroot->notes, token->token, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (note < 0 && errno == EEXIST)
		return 0;
	if (note < 0 || fsync(webroot->notes) < 0)
		return fault_errno(fault, FAULT_FAILED, "noting a token in the state directory");
	rc = owner_become(webroot->challenge) < 0 ? -1 : write_new(webroot->challenge, token);
	owner_leave();
	why = errno;
	if (rc < 0 && why == EEXIST) /* it is somebody else's, and stays */
		(void)unlinkat(webroot->notes, token->token, 0);
	errno = why;
	return rc < 0 ? refuse(webroot->directory, fault) : 0;
}

void webroot_forget(struct webroot *webroot)
{
	close_fd(&webroot->notes);
	close_fd(&webroot->challenge);
}

/* --- away ----------------------------------------------------------------------------------------------------------- */

static int withdraw(int notes, const char *name, void *challenge)
{
	const int *at = challenge;

	if (!is_token(name))
		return 0;
	return *at >= 0 && remove_as_owner(*at, name, 0) < 0 ? -1 : unlinkat(notes, name, 0);
}

/* The directories that were made, unless somebody has put something into them. */
static int remove_made(const struct tree *tree, int made)
{
	for (int i = LEVELS; i > LEVELS - made && i > 0 && tree->dir[i] >= 0; i--)
		if (remove_as_owner(tree->dir[i - 1], parts[i - 1], AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST)
			return -1;
	return 0;
}

/* A directory that is gone holds no token of ours. */
static int withdraw_all(int notes, const char *place)
{
	OWN_TREE struct tree tree = NO_TREE;
	const char *directory = place[0] ? place + 2 : NULL;

	if (directory && enter(&tree, directory) < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return -1;
	if (dir_each(notes, withdraw, &tree.dir[LEVELS]) < 0 || remove_made(&tree, place[0] - '0') < 0)
		return -1;
	return tree.dir[LEVELS] >= 0 ? fsync(tree.dir[LEVELS]) : 0;
}

/* "": nothing has been put anywhere. */
static void read_place(int notes, char place[PATH_SIZE + 8])
{
	ssize_t n = readlinkat(notes, PLACE, place, PATH_SIZE + 7);

	place[n < 0 ? 0 : n] = '\0';
}

int webroot_open(enum role role, const struct config *config)
{
	OWN_FD int notes = role == ROLE_SWEEPER ? dir_open(FD_STATE, TOKEN_NOTES) : -1;
	char place[PATH_SIZE + 8] = "";

	if ((role == ROLE_STORER || role == ROLE_PLACER) && config->responder.mode == RESPONDER_WEBROOT)
		return open_directory(config->responder.webroot);
	if (notes >= 0)
		read_place(notes, place);
	return place[0] ? open_directory(place + 2) : -1;
}

int webroot_sweep(int state_fd, struct fault *fault)
{
	OWN_FD int notes = dir_open(state_fd, TOKEN_NOTES);
	char place[PATH_SIZE + 8];

	if (notes < 0 && errno == ENOENT)
		return 0;
	if (notes < 0)
		return fault_errno(fault, FAULT_FAILED, "opening " TOKEN_NOTES " in the state directory");
	read_place(notes, place);
	if (withdraw_all(notes, place) < 0)
		return fault_errno(fault, FAULT_FAILED, "removing the tokens from %s/%s/%s", place[0] ? place + 2 : "", parts[0],
				   parts[1]);
	if (unlinkat(notes, PLACE, 0) < 0 && errno != ENOENT)
		return fault_errno(fault, FAULT_FAILED, "emptying " TOKEN_NOTES " in the state directory");
	return place[0] ? 1 : 0;
}

/* --- for acmegate check --------------------------------------------------------------------------------------------- */

static int remove_trial(int challenge, const char *name, void *unused)
{
	(void)unused;
	return strncmp(name, TRIAL_BEGIN, strlen(TRIAL_BEGIN)) != 0 ? 0 : remove_as_owner(challenge, name, 0);
}

static int place_trial(struct trial *trial, struct tree *tree, const struct token *token)
{
	int rc, why;

	for (int i = 0; i < LEVELS; i++) {
		if (tree->dir[i + 1] >= 0)
			continue;
		tree->dir[i + 1] = make(tree->dir[i], parts[i]);
		if (tree->dir[i + 1] < 0)
			return -1;
		trial->made++;
	}
	(void)!dir_each(tree->dir[LEVELS], remove_trial, NULL);
	rc = owner_become(tree->dir[LEVELS]) < 0 ? -1 : write_new(tree->dir[LEVELS], token);
	why = errno;
	owner_leave();
	errno = why;
	return rc;
}

int trial_begin(struct trial *trial, const char *directory, const struct token *token, struct fault *fault)
{
	struct tree tree = NO_TREE;
	int rc;

	_Static_assert(sizeof(tree.dir) == sizeof(trial->dir), "one is kept in the other");
	trial->made = 0;
	rc = !is_answer(token) ? fault_set(fault, FAULT_FAILED, "a malformed token") :
	     enter(&tree, directory) < 0 || place_trial(trial, &tree, token) < 0 ? refuse(directory, fault) :
										   0;
	memcpy(trial->dir, tree.dir, sizeof(tree.dir));
	return rc;
}

void trial_end(struct trial *trial, const struct token *token, bool used)
{
	OWN_TREE struct tree tree = NO_TREE;

	memcpy(tree.dir, trial->dir, sizeof(tree.dir));
	if (tree.dir[LEVELS] >= 0)
		(void)!remove_as_owner(tree.dir[LEVELS], token->token, 0);
	if (!used)
		(void)!remove_made(&tree, trial->made);
}
