// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/values.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/launch_channel.h"
#include "base/log.h"
#include "base/wire.h"
#include "warden/writers.h"

#define REMOVAL_SECONDS 30 /* to take values away, at servers that may not answer */

bool values_are_left(int state_fd)
{
	struct stat s;

	return fstatat(state_fd, VALUE_NOTES, &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(s.st_mode) && s.st_size > 0;
}

/* Locked as long as anybody has it open. The name is on the disk before anything is written. */
static int open_notes(int state_fd, struct fault *fault)
{
	OWN_FD int fd = openat(state_fd, VALUE_NOTES, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	OWN_FD int state = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || state < 0 || fsync(state) < 0)
		return fault_errno(fault, FAULT_FAILED, "the notes of values in the DNS");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fault_errno(fault, FAULT_LATER, "the notes of values in the DNS: another acmegate is at work");
	return steal_fd(&fd);
}

/* end: of the channel to writers; it is closed. */
static int launch(const struct config *config, int channel, int notes, int *end, int *pid, struct fault *fault)
{
	const struct descriptor given[] = { { channel, FD_CLIENT }, { notes, FD_NOTES }, { *end, FD_WRITER } };

	*pid = launch_role(ROLE_DNS, config, given, LENGTH_OF(given), fault);
	close_fd(end);
	if (*pid < 0)
		writers_end();
	if (*pid < 0 && fault->code == ENOENT)
		return fault_set(fault, FAULT_FAILED,
				 "validation through the DNS needs acmegate-dns, which is not installed: apt-get install acmegate-dns, or configure "
				 "without --without-dns");
	return *pid < 0 ? -1 : 0;
}

/* The notes may list values of any section. */
static int start(const struct config *config, const uint8_t *wanted, int state_fd, int channel, int *pid, struct fault *fault)
{
	OWN_FD int notes = open_notes(state_fd, fault), end = -1;

	if (notes < 0 || writers_start(config, values_are_left(state_fd) ? NULL : wanted, &end, fault) < 0)
		return -1;
	return launch(config, channel, notes, &end, pid, fault);
}

/* Notes that end at once, and cannot be written: without them no value is added. */
int values_look(const struct config *config, int *pid, int *channel, struct fault *fault)
{
	OWN_FD int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int ends[2], none = -1, rc;

	if (nothing < 0)
		return fault_errno(fault, FAULT_FAILED, "/dev/null");
	if (wire_pair(ends, fault) < 0)
		return -1;
	rc = launch(config, ends[1], nothing, &none, pid, fault);
	close(ends[1]);
	if (rc < 0)
		close(ends[0]);
	else
		*channel = ends[0];
	return rc;
}

int values_start(const struct config *config, const uint8_t *wanted, int state_fd, int *pid, int *channel, struct fault *fault)
{
	int ends[2], rc;

	if (wire_pair(ends, fault) < 0)
		return -1;
	rc = start(config, wanted, state_fd, ends[1], pid, fault);
	close(ends[1]);
	if (rc < 0)
		close(ends[0]);
	else
		*channel = ends[0];
	return rc;
}

void values_end(int *pid)
{
	int status;

	if (*pid < 0)
		return;
	status = launch_reap_in(pid, REMOVAL_SECONDS);
	if (status > 128)
		log_warning("acmegate-dns died of signal %d (%s); the next run removes the values that it has left in the DNS",
			    status - 128, strsignal(status - 128));
	writers_end();
}

/* Recovery has not looked for the user yet. */
void values_sweep(struct config *config, int state_fd)
{
	struct fault fault;
	int pid = -1;

	if (!values_are_left(state_fd))
		return;
	if ((!config->gate.uid && config_find_user(config, &fault) < 0) || start(config, NULL, state_fd, -1, &pid, &fault) < 0)
		log_warning("values of an earlier run are left in the DNS: %s", fault.text);
	values_end(&pid);
}
