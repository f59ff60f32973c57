// SPDX-License-Identifier: GPL-3.0-or-later
/* units.c - are the timer, and the unit that closes at boot, enabled? */
#include "check/check.h"

#include <string.h>

#include "base/launch_program.h"

#define SYSTEMCTL_SECONDS 10
#define OUTPUT_MOST 4096

/* The first word of what "systemctl VERB UNIT" prints, in place; the caller frees it. NULL: it did not run. */
static char *ask(const char *systemctl, const char *verb, const char *unit, struct fault *fault)
{
	char *const argv[] = { (char *)(uintptr_t)systemctl, (char *)(uintptr_t)verb, (char *)(uintptr_t)unit, NULL };
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char *const environment[] = { path, locale, NULL };
	char *output = NULL;
	pid_t pid;

	if (launch_capture(argv, environment, SYSTEMCTL_SECONDS, LAUNCH_DISARMED, OUTPUT_MOST, &output, &pid, fault) < 0) {
		free(output);
		return NULL;
	}
	output[strcspn(output, "\r\n")] = '\0';
	return output;
}

static void check_unit(struct examination *e, const char *systemctl, const char *unit, const char *why, const char *remedy)
{
	struct fault fault;
	OWN_FREE char *state = ask(systemctl, "is-enabled", unit, &fault);

	if (!state)
		sheet_add(&e->sheet, MARK_WARNING, unit, "run systemctl is-enabled by hand", "%s", fault.text);
	else if (!strncmp(state, "enabled", strlen("enabled")) || !strcmp(state, "static") || !strcmp(state, "alias"))
		sheet_add(&e->sheet, MARK_OK, unit, NULL, "is %s", state);
	else
		sheet_add(&e->sheet, MARK_WRONG, unit, remedy, "is %s: %s", *state ? state : "not known to systemd", why);
}

static void check_failed(struct examination *e, const char *systemctl)
{
	struct fault fault;
	OWN_FREE char *state = ask(systemctl, "is-failed", "acmegate.service", &fault);

	if (state && !strcmp(state, "failed"))
		sheet_add(&e->sheet, MARK_WARNING, "acmegate.service", "journalctl -u acmegate says why", "has failed the last time");
}

static bool keeps_addresses(const struct config *config)
{
	for (uint32_t i = 0; i < config->dnses; i++)
		if (config->dns[i].address.names)
			return true;
	return false;
}

void check_units(struct examination *e)
{
	const char *systemctl = access("/usr/bin/systemctl", X_OK) == 0 ? "/usr/bin/systemctl" : "/bin/systemctl";

	if (access("/run/systemd/system", F_OK) < 0) {
		sheet_add(&e->sheet, MARK_OK, "", NULL,
			  "systemd does not run here: have something else run acmegate recover at boot and acmegate renew every hour");
		return;
	}
	check_unit(e, systemctl, "acmegate.timer", "nothing renews", "systemctl enable --now acmegate.timer");
	check_unit(e, systemctl, "acmegate-recover.service", "after a power cut nothing closes at boot",
		   "systemctl enable acmegate-recover.service");
	if (keeps_addresses(e->config))
		check_unit(e, systemctl, "acmegate-address.timer", "when an address of this host changes, the DNS keeps the old one",
			   "systemctl enable --now acmegate-address.timer");
	check_failed(e, systemctl);
}
