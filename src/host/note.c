// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/note.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "say/entry.h"
#include "store/ledger.h"

static void complain(const struct fault *fault)
{
	log_warning("this window is not kept for acmegate history: %s", fault->text);
}

static void say_state(enum windows_state state)
{
	if (state == WINDOWS_CORRUPT)
		log_warning("the ledger of windows was corrupt and has been renamed to windows.corrupt in the state directory: earlier "
			    "windows are forgotten");
	else if (state == WINDOWS_NEWER)
		log_warning("the ledger of windows is of a newer acmegate and is left alone; this one keeps its own in windows~");
}

/* For the journal; to people the gate says it. */
static void tell(const struct note *note, enum log_level level, enum occasion occasion, const char *words)
{
	const struct window_entry *entry = &note->entry;
	const bool foreign = entry->asker == ASKER_HOOK || entry->asker == ASKER_GUARD;
	const struct entry event = {
		.occasion = occasion,
		.certificate = foreign ? NULL : entry->client,
		.client = foreign ? entry->client : NULL,
		.window = note->begun ? note->windows.number : 0,
		.seconds = entry->open_ms / 1e3,
	};

	entry_note(level, &event, "port %u, for %s (%s): %s", entry->port, windows_asker(entry), entry->client, words);
}

void note_client(struct note *note, const char *name)
{
	char *text = note->entry.client;
	const size_t used = strlen(text), room = sizeof(note->entry.client);

	if (used + strlen(name) + 6 < room) /* with ", " before it, and ", ..." behind it */
		snprintf(text + used, room - used, "%s%s", used ? ", " : "", name);
	else if (used < 5 || strcmp(text + used - 5, ", ...") != 0)
		snprintf(text + used, room - used, "%s", ", ...");
	ledger_clean(text, room);
}

/* Opened once: later windows of a run are written where files can be opened no more. */
static int open_ledger(struct note *note, const struct gate *gate, struct fault *fault)
{
	enum windows_state state;

	if (note->tried)
		return note->windows.fd < 0 ? -1 : 0;
	note->tried = true;
	instant_learn_boot();
	if (windows_open(&note->windows, gate->state_fd, &state, fault) < 0) {
		complain(fault);
		return -1;
	}
	say_state(state);
	return 0;
}

void note_begin(struct note *note, const struct gate *gate)
{
	struct window_entry *entry = &note->entry;
	struct fault fault;

	if (gate->state_fd < 0 || note->begun || open_ledger(note, gate, &fault) < 0)
		return;
	entry->begun = instant_now();
	entry->journal = gate->past.sequence;
	entry->limit = gate->seconds;
	entry->port = gate->port;
	if (windows_begin(&note->windows, entry, &fault) == 0)
		note->begun = true;
	else
		complain(&fault);
}

void note_opened(struct note *note)
{
	note->since = clock_boot_seconds();
	note->open = true;
	if (!note->entry.times++)
		note->entry.opened = time(NULL);
	tell(note, LOG_LEVEL_NOTICE, OCCASION_WINDOW_OPENED, "open");
}

/* Rounded up: the ledger never has less than a stranger saw. */
static void add_time(struct note *note, uint64_t microseconds)
{
	note->entry.open_ms += (uint32_t)((microseconds + 999) / 1000);
	note->since = 0;
	note->entry.closed = time(NULL);
}

void note_closed(struct note *note, const struct closed *closed)
{
	struct window_entry *entry = &note->entry;

	if (note->since > 0)
		add_time(note, closed->open_us);
	if (!entry->net)
		entry->net = NET_GATE;
	if (note->open) { /* else it is the last one's count again */
		entry->packets += closed->packets;
		entry->counted |= closed->counted;
	}
	if (note->open && (closed->shut[0] || closed->traced[0]))
		snprintf(entry->detail, sizeof(entry->detail), "%.*s", (int)sizeof(entry->detail) - 1,
			 closed->traced[0] ? closed->traced : closed->shut);
	if (note->open)
		tell(note, LOG_LEVEL_NOTICE, OCCASION_WINDOW_CLOSED, "closed");
	note->open = false;
}

void note_overtime(struct note *note)
{
	if (note->since > 0)
		add_time(note, (uint64_t)((clock_boot_seconds() - note->since) * 1e6));
	note->entry.net = NET_TIME;
	tell(note, LOG_LEVEL_WARNING, OCCASION_WINDOW_OVERTIME, "closed, since the time that max_open allows is up");
}

void note_refused(struct note *note, const char *why)
{
	note->entry.refused = !note->entry.times;
	snprintf(note->entry.detail, sizeof(note->entry.detail), "%.*s", (int)sizeof(note->entry.detail) - 1, why);
	tell(note, LOG_LEVEL_ERROR, OCCASION_WINDOW_REFUSED, why);
}

void note_end(struct note *note)
{
	struct window_entry *entry = &note->entry;
	struct fault fault;

	if (!note->begun)
		return;
	if (!entry->times)
		entry->net = NET_NEVER;
	ledger_clean(entry->detail, sizeof(entry->detail));
	if (windows_end(&note->windows, entry, &fault) < 0)
		complain(&fault);
	note->begun = false;
	*entry = (struct window_entry){ 0 };
}

static bool left;

void note_leave(struct note *note)
{
	left |= note->begun;
	tell(note, LOG_LEVEL_ERROR, OCCASION_WINDOW_LEFT, "acmegate could not close it; its watchdog does, or the kernel in time");
	note->begun = false;
}

bool note_was_left(void)
{
	return left;
}

void note_free(struct note *note)
{
	if (note->tried)
		close_fd(&note->windows.fd);
}

bool note_settle(const struct gate *gate)
{
	static struct windows windows;
	struct window_entry entry;
	enum windows_state state;
	struct instant now;
	struct fault fault;
	bool settles;

	if (windows_look(&windows, gate->state_fd, &state, &fault) < 0)
		return false; /* the next entry that cannot be written is said */
	if (!windows.ended)
		instant_learn_boot();
	now = instant_now();
	settles = windows_settle(&windows, &gate->past, &now, &entry);
	if (settles) {
		entry_note(LOG_LEVEL_WARNING,
			   &(struct entry){
				   .occasion = OCCASION_WINDOW_SETTLED, .window = windows.number, .seconds = entry.open_ms / 1e3 },
			   "port %u, for %s (%s): that acmegate was killed, and the port is closed", entry.port,
			   windows_asker(&entry), entry.client);
		close_fd(&windows.fd);
		if (windows_open(&windows, gate->state_fd, &state, &fault) < 0 || windows_end(&windows, &entry, &fault) < 0)
			log_warning("the end of an earlier window is not kept for acmegate history: %s", fault.text);
	}
	close_fd(&windows.fd);
	return settles;
}
