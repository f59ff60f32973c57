// SPDX-License-Identifier: GPL-3.0-or-later
#include "check/network.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CLOCK_WARNING 60 /* seconds: a certificate that begins an hour before its issue hides as much */
#define CLOCK_WRONG 600

/* The client asks as this user, and this user's packets may have rules of their own. */
static void explain(struct examination *e, const struct finding *finding, char *remedy, size_t size)
{
	const struct ca *ca = &e->config->acme;

	if (strstr(finding->of_ca.text, "not yet valid") || strstr(finding->of_ca.text, "expired"))
		snprintf(remedy, size, "look at this host's clock (date -u): with a wrong one no certificate is valid");
	else if (finding->of_ca.reached)
		snprintf(remedy, size,
			 "see to directory, ca_file and proxy in [%s%s]; if they are right, the CA is ill: look again later",
			 CA_SECTION(ca));
	else if (e->client_stopped[0])
		snprintf(remedy, size, "%s", e->client_stopped);
	else if (ca->proxy[0])
		snprintf(remedy, size, "see to the proxy that [%s%s] names, and that the user %s may reach it; then look again",
			 CA_SECTION(ca), e->config->gate.user);
	else
		snprintf(remedy, size,
			 "let the user %s reach TCP port %u (rules of output, a firewall in front, /etc/resolv.conf), or set proxy in "
			 "[%s%s]",
			 e->config->gate.user, config_ca_port(e->config), CA_SECTION(ca));
}

static void check_clock(struct examination *e, const struct finding *finding)
{
	const char *host = e->config->acme.directory;
	int64_t ahead = finding->of_ca.now - finding->of_ca.date, off = ahead < 0 ? -ahead : ahead;

	e->sheet.check = "clock";
	if (!finding->of_ca.date)
		sheet_add(&e->sheet, MARK_OK, host, NULL, "the CA does not say what time it is");
	else if (off < CLOCK_WARNING)
		sheet_add(&e->sheet, MARK_OK, host, NULL, "this host's clock agrees with the CA's");
	else
		sheet_add(&e->sheet, off < CLOCK_WRONG ? MARK_WARNING : MARK_WRONG, host,
			  "set the clock, and keep it right: apt install systemd-timesyncd, or chrony",
			  "this host's clock is %" PRId64 " s %s of the CA's", off, ahead > 0 ? "ahead" : "behind");
}

void check_ca(struct examination *e, const struct finding *finding)
{
	const struct ca *ca = &e->config->acme;

	e->sheet.check = "ca";
	if (finding->of_ca.failed) {
		char remedy[FAULT_TEXT_SIZE];

		explain(e, finding, remedy, sizeof(remedy));
		sheet_add(&e->sheet, MARK_WRONG, ca->directory, remedy, "%s the user %s: %s",
			  finding->of_ca.reached ? "does not serve" : "cannot be reached by", e->config->gate.user,
			  finding->of_ca.text);
		return;
	}
	sheet_add(&e->sheet, MARK_OK, ca->directory, NULL, "answers the user %s%s", e->config->gate.user,
		  ca->proxy[0] ? " through the proxy" : "");
	check_clock(e, finding);
}
