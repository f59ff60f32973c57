// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * measure FILE COMMAND...: runs it and writes "WALL-SECONDS CPU-SECONDS PEAK-KIB STATUS" of it and all its descendants, also
 * those that outlive it. In C, because the peak of a process begins with the size of the one that started it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	double start = now(), wall = 0;
	int status = 0, result = 127;
	struct rusage used;
	pid_t child, ended;
	FILE *out;

	if (argc < 3 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return 2;
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0)
		return 1;
	while ((ended = wait(&status)) > 0 || errno == EINTR)
		if (ended == child) {
			wall = now() - start;
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	getrusage(RUSAGE_CHILDREN, &used);
	out = fopen(argv[1], "w");
	if (!out)
		return 1;
	fprintf(out, "%.4f %.4f %ld %d\n", wall, seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss, result);
	return fclose(out) ? 1 : result;
}
