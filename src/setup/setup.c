// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * setup.c - the order of the steps. What needs a right, or reads what comes from the network, is done by other commands of acmegate, as
 * somebody would type them; setup has no code for it. Everything is asked before anything is changed.
 */
#include "setup/setup.h"

#include <stdio.h>
#include <string.h>

#include "base/config_load.h"
#include "base/log.h"
#include "warden/holder.h"
#include "publish/international.h"
#include "setup/question.h"
#include "setup/tool.h"

#define WAIT "--wait", "300" /* for the timer, which may be at work */

static int fail(const struct fault *fault)
{
	log_error("%s", fault->text);
	return fault_status(fault);
}

/* --- looking: nothing is changed ----------------------------------------------------------------------------------- */

static bool is_agreed(const struct setup *setup)
{
	return setup->config->ca[0].directory[0] && setup->config->ca[0].accept_terms;
}

static int write_draft(const struct setup *setup, struct fault *fault)
{
	OWN_PAPER struct paper draft = { 0 };

	return draft_write(setup, &draft, fault) < 0 ? -1 : paper_write(setup->draft, &draft, fault);
}

/* A web server whose directory is known keeps the port. */
static void look_at_port(struct setup *setup)
{
	struct holder holder;
	struct fault ignored;

	if (setup->config->responder.mode != RESPONDER_WEBROOT && holder_find(setup->config->gate.port, &holder, &ignored) == 1)
		snprintf(setup->holder, sizeof(setup->holder), "%s", holder.pid ? holder.name : "a program");
}

static int look(struct setup *setup)
{
	struct fault fault;
	int status;

	look_at_port(setup);
	if (write_draft(setup, &fault) < 0)
		return fail(&fault);
	log_notice("setup: the firewall, and what is opened in it during a validation:");
	status = tool_acmegate(setup->draft, "plan", WAIT, NULL);
	if (status != STATUS_DONE)
		return status;
	log_notice("setup: what a renewal needs (the timer is enabled at the end):");
	if (tool_acmegate(setup->draft, "check", setup->label, NULL) == STATUS_USAGE)
		log_warning("setup: what is wrong there may keep the certificate from coming");
	if (is_agreed(setup))
		return STATUS_DONE;
	log_notice("setup: the CA, and its terms of service:");
	return tool_acmegate(setup->draft, "terms", NULL);
}

/* --- asking -------------------------------------------------------------------------------------------------------- */

static bool ask_terms(struct setup *setup)
{
	const struct question question = { "Do you agree to the CA's terms of service above?", "--agree", NULL };

	if (is_agreed(setup)) {
		setup->agreed = true;
		return true;
	}
	if (!question_confirm(&question, setup->yes || setup->call->value[SETUP_AGREE], &setup->agreed))
		return false;
	if (!setup->agreed)
		log_error("without that the CA gives no certificate; nothing was changed");
	return setup->agreed;
}

static bool ask_services(struct setup *setup)
{
	const char *given = setup->call->value[SETUP_SERVICE];
	char found[SERVICES_SIZE], answer[SERVICES_SIZE];
	struct question question = { "Which services read the certificate?", "--service NAME", found };
	struct fault fault;

	service_find(found);
	if (given)
		snprintf(answer, sizeof(answer), "%s", given);
	else if (!question_ask(&question, setup->yes || !strcmp(found, "none"), answer, sizeof(answer)))
		return false;
	setup->services = service_choose(answer, setup->service, &fault);
	if (setup->services < 0)
		log_error("%s", fault.text);
	return setup->services >= 0;
}

static bool ask_hooks(struct setup *setup)
{
	const struct question question = { "Replace these hooks of certbot by acmegate's?", "--hooks replace or keep", "yes" };
	const char *given = setup->call->value[SETUP_HOOKS];
	struct fault fault;
	int found;

	if (given && strcmp(given, "replace") != 0 && strcmp(given, "keep") != 0) {
		log_error("--hooks %s: expected replace or keep", given);
		return false;
	}
	if (given && !strcmp(given, "keep"))
		return true;
	found = certbot_show(&fault);
	if (found < 0)
		log_error("%s", fault.text);
	else if (!found && !setup->label[0])
		log_error("setup needs the names of the certificate: certbot has no hook that opens the port");
	if (found <= 0)
		return found == 0 && setup->label[0];
	return question_confirm(&question, setup->yes || given, &setup->replaces_hooks);
}

/* A configuration that is there is not changed without showing how. */
static bool ask_change(struct setup *setup)
{
	const struct question question = { "Change the configuration so?", "--extend", "yes" };
	OWN_PAPER struct paper now = { 0 };
	bool agrees = true;
	struct fault fault;

	if (write_draft(setup, &fault) < 0 || paper_read(setup->draft, &now, &fault) < 0) {
		log_error("%s", fault.text);
		return false;
	}
	if (!setup->before.exists || paper_is_same(&setup->before, &now))
		return true;
	log_notice("setup: %s would change:", setup->call->file);
	if (tool_show_difference(setup->call->file, setup->draft, &fault) < 0)
		log_warning("%s", fault.text);
	if (!question_confirm(&question, setup->yes || setup->call->value[SETUP_EXTEND], &agrees))
		return false;
	if (!agrees)
		log_error("nothing was changed");
	return agrees;
}

static const struct {
	bool (*ask)(struct setup *); /* false: it was not answered, or with no; that was logged */
	bool always;		     /* also without names */
} questions[] = {
	{ .ask = ask_terms },
	{ .ask = ask_services },
	{ .ask = ask_hooks, .always = true },
	{ .ask = ask_change },
};

/* Without a terminal all that is not answered is named. */
static int ask(struct setup *setup)
{
	bool all = true;

	for (size_t i = 0; i < LENGTH_OF(questions) && (all || !isatty(STDIN_FILENO)); i++)
		all = (!setup->label[0] && !questions[i].always) || (questions[i].ask(setup) && all);
	return all ? STATUS_DONE : STATUS_USAGE;
}

/* --- doing --------------------------------------------------------------------------------------------------------- */

static int configure(struct setup *setup)
{
	OWN_PAPER struct paper next = { 0 };
	char folder[PATH_MAX];
	struct fault fault;
	int rc;

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(setup->call->file, '/') - setup->call->file), setup->call->file);
	if (draft_write(setup, &next, &fault) < 0 || trail_make_directory(&setup->trail, folder, &fault) < 0)
		return fail(&fault);
	rc = trail_put(&setup->trail, setup->call->file, &next, &fault);
	if (rc < 0)
		return fail(&fault);
	log_notice("setup: %s %s", setup->call->file, rc ? "is written" : "has all of this already");
	return STATUS_DONE;
}

/* The same command once more, as from Ansible, orders nothing: the timer renews. */
static bool is_there(const struct setup *setup)
{
	char path[PATH_SIZE + LABEL_SIZE + 48];

	snprintf(path, sizeof(path), "%s/certificates/%s/live/fullchain.pem", setup->config->gate.state, setup->label);
	return setup->known && access(path, F_OK) == 0;
}

static int rehearse(struct setup *setup)
{
	static struct config config;
	static struct mistakes mistakes;
	struct fault fault;

	if (setup->call->value[SETUP_NO_REHEARSAL] || is_there(setup))
		return STATUS_DONE;
	if (config_load(&config, setup->call->file, CONFIG_ACCOUNT, &mistakes, &fault) < 0)
		return fail(&fault);
	if (!config_staging(&config.ca[0])) {
		log_notice("setup: no rehearsal, since the CA's directory for tests is not known (staging in [acme])");
		return STATUS_DONE;
	}
	return tool_acmegate(setup->call->file, "rehearse", WAIT, setup->label, NULL);
}

static int obtain(struct setup *setup)
{
	if (!is_there(setup))
		return tool_acmegate(setup->call->file, "renew-now", WAIT, setup->label, NULL);
	log_notice("setup: certificate %s is there, and renewed when it is due", setup->label);
	return STATUS_DONE;
}

/* Only a timer is started: the others are for the next boot. */
static int enable(struct setup *setup, const char *unit, struct fault *fault)
{
	const bool starts = strstr(unit, ".timer");

	if (tool_is_enabled(unit))
		return 0;
	if (trail_note(&setup->trail, TRAIL_UNIT, unit, fault) < 0 ||
	    tool_run(fault, "systemctl", "--quiet", "enable", unit, NULL) < 0 ||
	    (starts && tool_run(fault, "systemctl", "start", unit, NULL) < 0))
		return -1;
	log_notice("setup: %s is enabled", unit);
	return 0;
}

/* The unit may write nothing but its own directories otherwise. */
static int allow_webroot(struct setup *setup, struct fault *fault)
{
	static const char folder[] = "/etc/systemd/system/acmegate.service.d";
	const char *webroot = setup->call->value[SETUP_WEBROOT];
	char text[PATH_SIZE + 96], path[96];
	int length, rc;

	if (!webroot)
		return 0;
	length = snprintf(text, sizeof(text), "# Made by acmegate setup.\n[Service]\nReadWritePaths=%s\n", webroot);
	snprintf(path, sizeof(path), "%s/setup.conf", folder);
	if (access(path, F_OK) < 0 && trail_note(&setup->trail, TRAIL_RELOAD, "/bin/systemctl daemon-reload", fault) < 0)
		return -1;
	if (trail_make_directory(&setup->trail, folder, fault) < 0)
		return -1;
	rc = trail_put(&setup->trail, path, &PAPER(text, (size_t)length, 0644), fault);
	return rc <= 0 ? rc : tool_run(fault, "systemctl", "daemon-reload", NULL);
}

static int enable_units(struct setup *setup)
{
	static const char *const units[] = { "acmegate-recover.service", "acmegate-recover-again.service", "acmegate.timer" };
	struct fault fault;

	if (access("/run/systemd/system", F_OK) < 0 || strcmp(setup->call->file, CONFIG_FILE) != 0) {
		log_warning("setup: no unit is enabled, since %s: have acmegate renew run every hour, and acmegate recover at boot",
			    strcmp(setup->call->file, CONFIG_FILE) ? "they read " CONFIG_FILE : "systemd does not run here");
		return STATUS_DONE;
	}
	if (allow_webroot(setup, &fault) < 0)
		return fail(&fault);
	for (size_t i = 0; i < LENGTH_OF(units); i++)
		if (enable(setup, units[i], &fault) < 0)
			return fail(&fault);
	return STATUS_DONE;
}

static const struct {
	const char *name;
	int (*run)(struct setup *); /* the exit status; has logged what happened */
	bool changes;		    /* something that --undo takes back */
	bool always;		    /* also without names */
} steps[] = {
	{ .name = "looking", .run = look },
	{ .name = "asking", .run = ask, .always = true },
	{ .name = "the configuration", .run = configure, .changes = true },
	{ .name = "the rehearsal", .run = rehearse, .changes = true },
	{ .name = "the certificate", .run = obtain, .changes = true },
	{ .name = "the services", .run = serve_run, .changes = true },
	{ .name = "the units", .run = enable_units, .changes = true },
	{ .name = "certbot's hooks", .run = certbot_run, .changes = true, .always = true },
};

/* --- all of it ----------------------------------------------------------------------------------------------------- */

static int run_steps(struct setup *setup)
{
	for (size_t i = 0; i < LENGTH_OF(steps); i++) {
		const int status = setup->label[0] || steps[i].always ? steps[i].run(setup) : STATUS_DONE;

		if (status == STATUS_DONE)
			continue;
		if (steps[i].changes)
			log_error("setup stops at %s; the same command goes on there, and acmegate setup --undo takes back what was done",
				  steps[i].name);
		return status;
	}
	if (setup->label[0])
		log_notice("setup: the certificate is in %s/certificates/%s/live; acmegate status says what is next, acmegate setup --undo takes the "
			   "rest back",
			   setup->config->gate.state, setup->label);
	return STATUS_DONE;
}

/* Also for --undo, whatever is wrong with the configuration: the directory of the trail is in it. */
static int load(struct setup *setup, bool undo, struct fault *fault)
{
	static struct config config;
	static struct mistakes mistakes;
	bool serves = true;

	setup->config = &config;
	if (paper_read(setup->call->file, &setup->before, fault) < 0)
		return -1;
	config_translate_with(international_ascii);
	serves = config_load(&config, setup->call->file, CONFIG_GATE, &mistakes, fault) == 0 || !setup->before.exists;
	international_end();
	if (setup->before.exists && !undo)
		command_say_mistakes(&mistakes, true);
	if (undo || (serves && !(setup->before.exists && mistakes.number)))
		return 0;
	return fault_set(fault, FAULT_USAGE, "%s has mistakes: correct them first", setup->call->file);
}

static int undo(struct setup *setup)
{
	int status;

	if (!setup->trail.lines) {
		log_notice("setup has changed nothing that could be taken back");
		return STATUS_DONE;
	}
	status = trail_undo(&setup->trail);
	if (status == STATUS_DONE)
		log_notice("what setup has changed is taken back; accounts and certificates stay in %s", setup->config->gate.state);
	return status;
}

static int begin(struct setup *setup, bool undo, struct fault *fault)
{
	if (geteuid() != 0)
		return fault_set(fault, FAULT_USAGE, "setup needs root: say sudo acmegate setup");
	if (setup->call->file[0] != '/')
		return fault_set(fault, FAULT_USAGE, "%s: expected an absolute path", setup->call->file);
	if (load(setup, undo, fault) < 0 || (!undo && draft_check(setup, fault) < 0) ||
	    trail_open(&setup->trail, setup->config->gate.state, fault) < 0)
		return -1;
	snprintf(setup->draft, sizeof(setup->draft), "%s/draft", setup->trail.folder);
	return 0;
}

int setup_run(struct host *host, const struct call *call)
{
	static struct setup setup;
	const bool takes_back = call->value[SETUP_UNDO];
	struct fault fault;
	int status;

	(void)host;
	if (takes_back && call->words) {
		log_error("setup --undo takes all back, and no names");
		help_write_usage(stderr, call->line, call->command);
		return STATUS_USAGE;
	}
	setup = (struct setup){ .call = call, .yes = call->value[SETUP_YES], .trail = { .list = -1 } };
	if (begin(&setup, takes_back, &fault) < 0)
		status = fail(&fault);
	else
		status = takes_back ? undo(&setup) : run_steps(&setup);
	(void)unlink(setup.draft);
	trail_close(&setup.trail);
	paper_free(&setup.before);
	return status;
}
