// SPDX-License-Identifier: GPL-3.0-or-later
/* acmegate: opens the port for the seconds of an ACME HTTP-01 validation, and leaves the firewall as it was. */
#include "command/command.h"

#define WAIT [CLAIM_WAIT] = { "wait", "SECONDS", "wait so long for another acmegate to end", 0 }

static const struct command commands[] = {
	{ .name = "setup", .words = "[NAME...]", .help = "from nothing to a certificate for these names",
	  .options = {
		[SETUP_CA] = { "ca", "CA", "not letsencrypt, but another name or URL", 0 },
		[SETUP_CA_FILE] = { "ca-file", "FILE", "the roots (PEM) of that CA's HTTPS", 0 },
		[SETUP_CONTACT] = { "contact", "MAIL", "for the account at the CA", 0 },
		[SETUP_WEBROOT] = { "webroot", "DIR", "the web server on port 80 answers from there", 0 },
		[SETUP_SERVICE] = { "service", "NAME", "nginx,postfix ...: they read the certificate", 0 },
		[SETUP_HOOKS] = { "hooks", "WORD", "replace or keep those of certbot that open", 0 },
		[SETUP_AGREE] = { "agree", NULL, "to the CA's terms of service", 0 },
		[SETUP_EXTEND] = { "extend", NULL, "the configuration that is there", 0 },
		[SETUP_NO_REHEARSAL] = { "no-rehearsal", NULL, "leave out the CA's staging", 0 },
		[SETUP_YES] = { "yes", NULL, "ask nothing", 0 },
		[SETUP_UNDO] = { "undo", NULL, "take back what setup has changed", 0 },
	  },
	  .run = setup_run, .looks = true },
	{ .name = "renew", .help = "renew the certificates that are due, as the timer does",
	  .options = { WAIT, [RENEW_DRY_RUN] = { "dry-run", NULL, "do what rehearse does", 0 } },
	  .run = renew_run, .part = CONFIG_WHOLE, .claims = true, .shows = true, .publishes = true },
	{ .name = "renew-now", .words = "[NAME...]", .help = "obtain these certificates now, or all of them",
	  .options = { WAIT },
	  .run = renew_now_run, .part = CONFIG_WHOLE, .claims = true, .shows = true, .publishes = true },
	{ .name = "rehearse", .words = "[NAME...]", .help = "do the same at the CA's staging, replace nothing",
	  .options = { WAIT },
	  .run = rehearse_run, .part = CONFIG_WHOLE, .claims = true, .shows = true, .publishes = true },
	{ .name = "import", .words = "certbot|lego|FILE...", .help = "take over accounts and certificates of another client",
	  .options = {
		WAIT,
		[IMPORT_FROM] = { "from", "DIRECTORY", "certbot's or lego's, not /etc/letsencrypt or ~/.lego", 0 },
		[IMPORT_KEY] = { "account-key", "FILE", "the key of an account (PEM, or JSON as certbot has it)", 0 },
		[IMPORT_URL] = { "account-url", "URL", "that of the account, as the CA has named it", 0 },
	  },
	  .run = import_run, .part = CONFIG_GATE, .claims = true, .publishes = true },
	{ .name = "plan", .help = "show what would be opened in the firewall, change nothing",
	  .options = { WAIT },
	  .run = plan_run, .part = CONFIG_GATE, .claims = true },
	{ .name = "check", .words = "[NAME...]", .help = "look for whatever may keep a renewal from working",
	  .options = {
		[CHECK_JSON] = { "json", NULL, "for programs: one object with all rows", 0 },
		[CHECK_OUTSIDE] = { "from-outside", NULL, "open the port for a minute; say what to run elsewhere", 0 },
	  },
	  .run = check_run, .looks = true },
	{ .name = "tlsa", .words = "[NAME...]", .help = "print the TLSA records (DANE) of certificates' keys",
	  .options = { [TLSA_PORT] = { "port", "NUMBER", "of the service, not 25", 0 } },
	  .run = tlsa_run, .part = CONFIG_WHOLE, .reads = true },
	{ .name = "dns", .words = "setup|register|persist|address [NAME...]",
	  .help = "what validation through the DNS needs; this host's address",
	  .options = {
		[DNS_IF_CHANGED] = { "if-changed", NULL, "address: ask no server if nothing has changed in this hour", 0 },
		[DNS_REMOVE] = { "remove", NULL, "address: remove the records that acmegate has set", 0 },
		[DNS_UNTIL] = { "until", "DATE", "persist: when its records are to lapse", 0 },
	  },
	  .run = dns_run, .looks = true },
	{ .name = "status", .words = "[NAME...]", .help = "show the certificates: until when, what is next and why",
	  .options = {
		[STATUS_JSON] = { "json", NULL, "for programs; the form is in status.schema.json", 0 },
		[STATUS_CHECK] = { "check", NULL, "one line and the exit status of a Nagios plugin", 0 },
		[STATUS_METRICS] = { "metrics", NULL, "for Prometheus", 0 },
		[STATUS_HTML] = { "html", "FILE", "a page for a browser, or for standard output (-)", 0 },
	  },
	  .run = status_run, .looks = true },
	{ .name = "guard", .words = "-- COMMAND...", .help = "run a command with the port open as long as it lives",
	  .options = {
		WAIT,
		[GUARD_MAX] = { "max", "SECONDS", "close after 5 to 600 seconds, not after [gate] max_open", 0 },
		[GUARD_ON_LISTEN] = { "on-listen", NULL, "open only while the command listens on the port", 0 },
	  },
	  .run = guard_run, .prepare = guard_prepare, .part = CONFIG_GATE, .others_options = true, .claims = true, .tolerates = true },
	{ .name = "hook", .words = "pre|post", .help = "open (pre) and close (post) the port for a hook's client",
	  .options = { [HOOK_CLIENT] = { "client", "PID", "watch this process, and close the port when it ends", 0 } },
	  .run = hook_run, .part = CONFIG_GATE, .closes = true, .asks = true, .tolerates = true, .tells_client = true },
	{ .name = "history", .help = "show when the port was open, for whom, and what was tried",
	  .options = {
		[HISTORY_SINCE] = { "since", "DATE", "only from 2026-11-01 on, or of the last 7d or 24h", 0 },
		[HISTORY_CSV] = { "csv", NULL, "for a spreadsheet (RFC 4180)", 0 },
	  },
	  .run = history_run, .looks = true },
	{ .name = "recover", .help = "close whatever an earlier run may have left open",
	  .options = { WAIT },
	  .run = recover_run, .part = CONFIG_CLOSING, .claims = true, .closes = true },
	{ .name = "account", .words = "show|update|rollover|deactivate", .help = "look at the account at the CA, or change it",
	  .options = {
		WAIT,
		[ACCOUNT_CA] = { "ca", "NAME", "the account at the CA of [ca NAME]", 0 },
		[ACCOUNT_YES] = { "yes", NULL, "deactivate without asking", 0 },
	  },
	  .run = account_run, .part = CONFIG_ACCOUNT, .claims = true, .gateless = true, .tolerates = true },
	{ .name = "terms", .help = "print the link to the CA's terms of service",
	  .options = { [TERMS_CA] = { "ca", "NAME", "the terms of the CA of [ca NAME]", 0 } },
	  .run = terms_run, .part = CONFIG_ACCOUNT, .gateless = true, .tolerates = true },
	{ .name = "revoke", .words = "NAME", .help = "have the CA revoke a certificate, and order another one",
	  .options = {
		WAIT,
		[REVOKE_REASON] = { "reason", "WORD", "why: keyCompromise, superseded ...", 0 },
	  },
	  .run = revoke_run, .part = CONFIG_WHOLE, .claims = true, .gateless = true, .tolerates = true, .publishes = true },
	{ .name = "remove", .words = "NAME", .help = "remove all that is stored of a certificate",
	  .options = {
		WAIT,
		[REMOVE_FORCE] = { "force", NULL, "also one that is in the configuration", 0 },
	  },
	  .run = remove_run, .part = CONFIG_GATE, .claims = true, .gateless = true, .tolerates = true, .publishes = true },
	{ .name = "help", .words = "[COMMAND]", .help = "explain a command, or list them all",
	  .run = help_run, .explains = true },
	{ .name = "version", .help = "print version and licence", .run = version_run, .explains = true },
	{ 0 },
};

static const struct line line = {
	.program = {
		.name = "acmegate", .words = "COMMAND", .others_options = true,
		.help = "open port 80 for the seconds of an ACME validation, and for no longer",
		.options = {
			[ACMEGATE_CONFIG] = { "config", "FILE", "read this file instead of " CONFIG_FILE, 'c' },
			[ACMEGATE_QUIET] = { "quiet", NULL, "say errors only", 'q' },
			[ACMEGATE_VERBOSE] = { "verbose", NULL, "say more; -vv does what --debug does", 'v' },
			[ACMEGATE_DEBUG] = { "debug", NULL, "say everything, also what the processes tell each other", 0 },
			[ACMEGATE_VERSION] = { "version", NULL, "print version and licence", 0 },
		},
	},
	.commands = commands,
};

int main(int argc, char **argv)
{
	return line_run(&line, argc, argv);
}
