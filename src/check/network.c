// SPDX-License-Identifier: GPL-3.0-or-later
/* network.c - starts an examiner for each CA, takes its findings as they come, and has the rows printed that they make. */
#include "check/check.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cas.h"
#include "base/launch_channel.h"
#include "base/wire.h"
#include "check/network.h"

#define EXAMINER_SECONDS 90 /* it ends by itself before that */

int examiner_start(struct examination *e, struct examiner *examiner, const struct assignment *work, struct fault *fault)
{
	const char *ca_file = e->config->acme.ca_file;
	OWN_FD int ca = ca_file[0] ? open(ca_file, O_RDONLY | O_CLOEXEC) : -1;
	struct descriptor given[] = { { -1, FD_WARDEN }, { ca, FD_CA_FILE } };

	if (ca_file[0] && ca < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", ca_file);
	examiner->pidfd = launch_channel(ROLE_EXAMINER, e->config, given, LENGTH_OF(given), &examiner->channel, fault);
	if (examiner->pidfd < 0)
		return -1;
	return send(examiner->channel, work, sizeof(*work), MSG_NOSIGNAL) == (ssize_t)sizeof(*work) ?
		       0 :
		       fault_errno(fault, FAULT_FAILED, "the examiner has ended at once");
}

static void end_text(char *text, size_t size)
{
	text[size - 1] = '\0';
}

/* It has no rights, and has read what others sent: nothing that it says is taken on trust. */
static bool is_sound(const struct config *config, struct finding *finding)
{
	switch (finding->kind) {
	case FINDING_CA:
		end_text(finding->of_ca.text, sizeof(finding->of_ca.text));
		return finding->index == config->turn;
	case FINDING_ADDRESS:
		end_text(finding->of_name.canonical, sizeof(finding->of_name.canonical));
		return finding->index < config->names && finding->of_name.addresses4 <= FINDING_ADDRESSES &&
		       finding->of_name.addresses6 <= FINDING_ADDRESSES;
	case FINDING_CAA:
		end_text(finding->of_caa.at, sizeof(finding->of_caa.at));
		end_text(finding->of_caa.text, sizeof(finding->of_caa.text));
		return finding->index < config->names && finding->of_caa.permit < PERMITS;
	case FINDING_ANSWER:
		end_text(finding->of_answer.text, sizeof(finding->of_answer.text));
		return finding->index < config->names;
	default:
		return false;
	}
}

int examiner_next(const struct config *config, const struct examiner *examiner, time_t end, struct finding *finding)
{
	struct pollfd reader = { .fd = examiner->channel, .events = POLLIN };
	struct timespec now;
	ssize_t n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec >= end || poll(&reader, 1, (int)(end - now.tv_sec) * 1000) <= 0)
		return 0;
	n = recv(examiner->channel, finding, sizeof(*finding), 0);
	return n == (ssize_t)sizeof(*finding) && is_sound(config, finding);
}

time_t examiner_end(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + EXAMINER_SECONDS;
}

void examiner_stop(struct examiner *examiner)
{
	close_fd(&examiner->channel);
	(void)launch_reap(&examiner->pidfd, true);
}

static void gather(struct examination *e, const struct examiner *examiner, bool *names)
{
	const time_t end = examiner_end();
	struct finding finding;

	while (examiner_next(e->config, examiner, end, &finding) > 0) {
		if (finding.kind == FINDING_CA)
			check_ca(e, &finding);
		else if (finding.kind == FINDING_ADDRESS)
			check_addresses(e, &finding);
		else if (finding.kind == FINDING_CAA)
			check_caa(e, &finding);
		if (finding.kind == FINDING_ADDRESS)
			names[finding.index] = true;
	}
}

/* Those that have an address, or whose turn did not come in time. */
static void check_others(struct examination *e, const struct certificate *certificate, const bool *names)
{
	if (!config_answers(certificate, CHALLENGE_HTTP))
		return;
	for (uint32_t i = certificate->first_name; i < certificate->first_name + certificate->names; i++) {
		if (config_is_address(e->config->name[i]))
			check_own_address(e, e->config->name[i]);
		else if (!names[i] && e->config->name[i][0] != '*')
			sheet_add(&e->sheet, MARK_WARNING, e->config->name[i],
				  "see to the host's name servers (/etc/resolv.conf), and look again",
				  "was not looked up: the time for it was over, or the examiner has ended early");
	}
}

static void examine(struct examination *e, uint32_t ca, bool *names)
{
	static const struct assignment network;
	struct examiner examiner = NO_EXAMINER;
	struct fault fault;

	cas_turn_to(e->config, ca);
	if (examiner_start(e, &examiner, &network, &fault) == 0)
		gather(e, &examiner, names);
	else {
		e->sheet.check = "ca";
		sheet_add(&e->sheet, MARK_WRONG, e->config->acme.directory,
			  "correct the configuration, or install acmegate completely", "%s", fault.text);
	}
	examiner_stop(&examiner);
}

static bool is_used(const struct config *config, uint32_t ca)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		for (uint32_t j = 0; j < config->certificate[i].cas; j++)
			if (config->certificate[i].ca[j] == ca)
				return true;
	return !config->certificates && ca == 0;
}

void check_network(struct examination *e)
{
	static bool names[MAX_NAMES]; /* that were looked up */

	if (e->homeless.kind != FAULT_NONE) {
		sheet_add(&e->sheet, MARK_WRONG, e->config->gate.user,
			  "systemd-sysusers acmegate.conf, or name another user as [gate] user",
			  "%s: CA and names were not looked at", e->homeless.text);
		return;
	}
	for (uint32_t i = 0; i < e->config->cas; i++)
		if (e->config->ca[i].directory[0] && is_used(e->config, i))
			examine(e, i, names);
	e->sheet.check = "name";
	for (uint32_t i = 0; i < e->config->certificates; i++)
		check_others(e, &e->config->certificate[i], names);
}
