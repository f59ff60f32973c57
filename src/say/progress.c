// SPDX-License-Identifier: GPL-3.0-or-later
#include "say/progress.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "say/notify.h"

#define INTERVAL 200 /* ms between two looks at the clock */
#define INTERVAL_OF_STATUS 1000
#define PAUSE 0.05   /* s between two lines of the same step */
#define BAR_LEAST 12 /* columns, brackets included */
#define BAR_MOST 42
#define USUAL_COLUMNS 80

static const struct {
	const char *doing, *unit; /* unit: of done and of; NULL: they do not count */
} steps[] = {
	[PROGRESS_LOOKING] = { "looking at", "certificate" }, [PROGRESS_ORDERING] = { "ordering", "certificate" },
	[PROGRESS_OPENING] = { "opening the port", NULL },    [PROGRESS_VALIDATING] = { "validating", "name" },
	[PROGRESS_ISSUING] = { "fetching", "certificate" },   [PROGRESS_DEPLOYING] = { "deploying", "certificate" },
};
_Static_assert(sizeof(steps) / sizeof(*steps) == PROGRESS_STEPS, "words for each step");

/* --- words ---------------------------------------------------------------------------------------------------------- */

static double open_for(const struct progress *p, double now)
{
	return now > p->since ? now - p->since : 0;
}

static double left_of(const struct progress *p, double now)
{
	return p->left > open_for(p, now) ? p->left - open_for(p, now) : 0;
}

static size_t limited(int n)
{
	return n < 0 ? 0 : n < PROGRESS_SIZE ? (size_t)n : PROGRESS_SIZE - 1;
}

size_t progress_say(const struct progress *p, double now, char text[PROGRESS_SIZE])
{
	size_t n = limited(snprintf(text, PROGRESS_SIZE, "%s", steps[p->step].doing));

	if (steps[p->step].unit && p->of)
		n += limited(snprintf(text + n, PROGRESS_SIZE - n, " %u of %u %s%s", p->done, p->of, steps[p->step].unit,
				      p->of == 1 ? "" : "s"));
	else if (steps[p->step].unit)
		n += limited(snprintf(text + n, PROGRESS_SIZE - n, " %ss", steps[p->step].unit));
	if (p->since > 0)
		n += limited(snprintf(text + n, PROGRESS_SIZE - n, ", port %u open for %.1f s, %.1f s left", p->port,
				      open_for(p, now), left_of(p, now)));
	return n;
}

/* For a terminal that is too narrow for the words. */
static size_t abbreviate(const struct progress *p, double now, char line[PROGRESS_SIZE])
{
	size_t n = 0;

	if (p->of && steps[p->step].unit)
		n = limited(snprintf(line, PROGRESS_SIZE, "%u/%u", p->done, p->of));
	else
		n = limited(snprintf(line, PROGRESS_SIZE, "%s", steps[p->step].doing));
	if (p->since > 0)
		n += limited(snprintf(line + n, PROGRESS_SIZE - n, " open %.1f s", open_for(p, now)));
	return n;
}

static size_t add_bar(const struct progress *p, size_t room, size_t n, char line[PROGRESS_SIZE])
{
	const size_t width = (room < BAR_MOST ? room : BAR_MOST) - 3;
	const size_t full = (size_t)((uint64_t)width * (p->done < p->of ? p->done : p->of) / p->of);

	line[n++] = ' ';
	line[n++] = '[';
	memset(line + n, '#', full);
	memset(line + n + full, '.', width - full);
	n += width;
	line[n++] = ']';
	line[n] = '\0';
	return n;
}

size_t progress_draw(const struct progress *p, double now, size_t columns, char line[PROGRESS_SIZE])
{
	const size_t width = columns <= 1 ? 0 : columns < PROGRESS_SIZE ? columns - 1 : PROGRESS_SIZE - 1;
	size_t n = progress_say(p, now, line);

	if (n > width)
		n = abbreviate(p, now, line);
	else if (p->of > 1 && steps[p->step].unit && width - n >= BAR_LEAST)
		n = add_bar(p, width - n, n, line);
	n = n < width ? n : width;
	line[n] = '\0';
	return n;
}

/* --- the terminal --------------------------------------------------------------------------------------------------- */

static struct {
	bool live;
	double drawn; /* when; 0: there is no line */
} screen;
static struct progress at;
static char told[PROGRESS_SIZE]; /* to systemd */
static double spent;		 /* seconds that the port was open in earlier windows */

/* A shell's prompt is on the terminal of a job in the background. A terminal that is not the controlling one has no jobs. */
static bool is_in_front(void)
{
	pid_t front = tcgetpgrp(STDERR_FILENO);

	return front < 0 || front == getpgrp();
}

/* A description that waits is the caller's, and could not be opened anew: log_unblock(). */
static bool is_willing(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDERR_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0 && !getenv("NO_COLOR") &&
	       !log_is_quiet() && (fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) && is_in_front();
}

void progress_start(void)
{
	screen.live = is_willing();
	if (screen.live)
		log_live();
}

int progress_interval(void)
{
	return screen.live ? INTERVAL : notify_is_on() ? INTERVAL_OF_STATUS : -1;
}

static size_t columns(void)
{
	struct winsize size = { 0 };

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : USUAL_COLUMNS;
}

static void draw(double now)
{
	char text[PROGRESS_SIZE], line[PROGRESS_SIZE + sizeof(LOG_ERASE)];
	int n;

	progress_say(&at, now, text);
	if (strcmp(text, told) != 0)
		notify_say("", "%s", text);
	memcpy(told, text, sizeof(told));
	screen.drawn = now;
	if (!screen.live || !is_in_front())
		return;
	progress_draw(&at, now, columns(), text);
	n = snprintf(line, sizeof(line), LOG_ERASE "%s", text);
	if (n > 0)
		(void)!write(STDERR_FILENO, line, (size_t)n);
}

void progress_step(enum progress_step step, uint32_t done, uint32_t of)
{
	const bool same = at.step == step, last = done == of;
	const double now = clock_boot_seconds();

	at.step = step;
	at.done = done;
	at.of = of;
	if (!same || last || now - screen.drawn > PAUSE)
		draw(now);
}

void progress_open(uint16_t port, uint32_t most)
{
	at.port = port;
	at.since = clock_boot_seconds();
	at.left = most > spent ? most - spent : 0;
}

void progress_shut(void)
{
	if (at.since > 0)
		spent += clock_boot_seconds() - at.since;
	at.since = 0;
}

void progress_tick(void)
{
	draw(clock_boot_seconds());
}

void progress_end(void)
{
	if (screen.live && screen.drawn > 0 && is_in_front())
		(void)!write(STDERR_FILENO, LOG_ERASE, sizeof(LOG_ERASE) - 1);
	screen.live = false;
}

void progress_ready(void)
{
	notify_say("READY=1", "%s", "begins");
}

void progress_done(int status)
{
	notify_say("STOPPING=1", "%s",
		   status == STATUS_DONE  ? "all is done" :
		   status == STATUS_LATER ? "something is to be tried again later: see the log" :
					    "something has failed: see the log");
}
