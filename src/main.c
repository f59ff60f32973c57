// SPDX-License-Identifier: GPL-3.0-or-later
/* acmegate: opens the port for the seconds of an ACME HTTP-01 validation, and leaves the firewall as it was. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/config.h"
#include "command/due.h"
#include "command/forecast.h"
#include "command/international.h"
#include "firewall/journal.h"
#include "base/kernel.h"
#include "command/lease.h"
#include "base/log.h"
#include "base/process.h"
#include "base/safe.h"
#include "command/single.h"
#include "base/spawn.h"
#include "command/warden.h"
#include "firewall/window.h"
#include "base/wire.h"

#define SWEEPER_SECONDS 10
#define LEAST_FILES 64		/* descriptors */
#define LEAST_BYTES (1024 * 1024)
#define RECOVER_SECONDS 20 /* others may commit all the time, or hold a lock */

/* What every command starts from. */
struct host {
	struct config *config;
	struct journal journal;
	int state_fd;
	bool serves;		/* the configuration; what closes does so without */
	struct command_process *command; /* guard's */
};

static int renew(struct host *host, int argc, char **argv);
static int renew_now(struct host *host, int argc, char **argv);
static int plan(struct host *host, int argc, char **argv);
static int recover(struct host *host, int argc, char **argv);
static int guard(struct host *host, int argc, char **argv);
static int hook(struct host *host, int argc, char **argv);

static const struct command {
	const char *name, *arguments, *help;
	int (*run)(struct host *, int argc, char **argv);
	enum config_part part;	/* of the configuration that must be complete */
	bool claims;		/* nothing else is at work and nothing of an earlier run stands before it begins */
	bool closes;		/* also when the configuration is wrong */
	bool tolerates;		/* mistakes that do not concern it: its status is for another program */
} commands[] = {
	{ "renew", "", "renew the certificates that are due (what the timer runs)", renew, CONFIG_WHOLE, .claims = true },
	{ "renew-now", "[NAME...]", "obtain these certificates now, or all of them", renew_now, CONFIG_WHOLE, .claims = true },
	{ "plan", "", "show what would be opened in the firewall, changing nothing", plan, CONFIG_GATE, .claims = true },
	{ "guard", "[--max SECONDS] [--on-listen] -- COMMAND...", "run a command with the port open as long as it lives", guard,
	  CONFIG_GATE, .claims = true, .tolerates = true },
	{ "hook", "pre|post [--client PID]", "open the port for the program that runs this hook, and close it", hook, CONFIG_GATE,
	  .closes = true, .tolerates = true },
	{ "recover", "", "close whatever an earlier run may have left open", recover, CONFIG_CLOSING, .claims = true, .closes = true },
};

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: acmegate [-c FILE] [-v] COMMAND\n\n");
	for (size_t i = 0; i < LENGTH_OF(commands); i++)
		fprintf(out, "  %s%s%s\n              %s\n", commands[i].name, commands[i].arguments[0] ? " " : "",
			commands[i].arguments, commands[i].help);
	fprintf(out, "\n  -c, --config FILE   instead of " CONFIG_FILE "\n"
		     "  -v, --verbose       say more\n"
		     "  -h, --help          this text\n"
		     "      --version       version and licence\n\n"
		     "Exit status: 0 done, 1 failed, 2 usage or configuration, 75 try again later; guard has that of its\n"
		     "command. See acmegate(8).\n");
	return status;
}

static int version(void)
{
	printf("acmegate " PACKAGE_VERSION "\nLicence GPL-3.0-or-later\n");
	return STATUS_DONE;
}

static int no_arguments(const char *command)
{
	log_error("%s takes no arguments, see acmegate --help", command);
	return STATUS_USAGE;
}

static int start_sweeper(const struct host *host, struct fault *fault)
{
	OWN_FD int config = config_share(host->config, fault);
	const struct place places[] = { { config, FD_CONFIG }, { host->state_fd, FD_STATE } };

	return config < 0 ? -1 : spawn_agent(ROLE_SWEEPER, host->config, places, LENGTH_OF(places), fault);
}

/* The directory of the notes outlives them: who writes them has no right to remove it. */
static bool has_tokens(const struct host *host)
{
	return unlinkat(host->state_fd, TOKEN_NOTES, AT_REMOVEDIR) < 0 && errno != ENOENT;
}

/* What a storer that was killed has left in the web server's directory. The sweeper says what it did, or why it could not. */
static void sweep_tokens(const struct host *host)
{
	struct pollfd sweeper = { .events = POLLIN };
	struct fault fault;

	if (!has_tokens(host))
		return;
	sweeper.fd = start_sweeper(host, &fault);
	if (sweeper.fd < 0)
		log_warning("%s", fault.text);
	else if (spawn_reap(&sweeper.fd, poll(&sweeper, 1, SWEEPER_SECONDS * 1000) <= 0) > 128)
		log_warning("tokens of an earlier run may be left in the web server's directory: the sweeper was killed");
	(void)has_tokens(host);
}

/* Asked before the CA is: a run that cannot store its certificate is in vain. */
static bool has_room(void)
{
	struct rlimit files = { 0 }, bytes = { 0 };

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || getrlimit(RLIMIT_FSIZE, &bytes) < 0 ||
	    (files.rlim_cur >= LEAST_FILES && bytes.rlim_cur >= LEAST_BYTES))
		return true;
	log_error("acmegate may open %llu files, of %llu bytes each, and a renewal needs %d files of %d bytes: raise the limits (ulimit "
		  "-n and -f, or LimitNOFILE= and LimitFSIZE= of a unit)", (unsigned long long)files.rlim_cur,
		  (unsigned long long)bytes.rlim_cur, LEAST_FILES, LEAST_BYTES);
	return false;
}

/* One run, and what its storer could not take away. */
static int obtain(struct host *host, struct errand *errand)
{
	int status;

	if (!has_room())
		return STATUS_USAGE;
	status = warden_run(host->config, errand, &host->journal, host->state_fd);

	sweep_tokens(host);
	return status;
}

static int renew(struct host *host, int argc, char **argv)
{
	struct errand errand = { .only_due = true };
	struct due due;
	int status;

	if (argc > 1)
		return no_arguments(argv[0]);
	due_take_grounds(&due, host->config, host->state_fd);
	if (!log_is_verbose() && due_recall(&due, host->state_fd, time(NULL))) {
		log_idle("nothing is due, and nothing has changed since all certificates were looked at; acmegate -v renew does so "
			 "in any case");
		return STATUS_DONE;
	}
	memset(errand.named, true, sizeof(errand.named));
	status = obtain(host, &errand);
	due.until = errand.next;
	if (status == STATUS_DONE && due.until) /* who owes a hook that failed is not done, and one that succeeded changes the grounds */
		due_note(&due, host->state_fd, time(NULL));
	return status;
}

static int renew_now(struct host *host, int argc, char **argv)
{
	struct errand errand = { .only_due = false };

	memset(errand.named, argc == 1, sizeof(errand.named));
	for (int i = 1; i < argc; i++) {
		int index = config_find(host->config, argv[i]);

		if (index < 0) {
			log_error("there is no [certificate %s] in %s that can be used", argv[i], host->config->file);
			return STATUS_USAGE;
		}
		errand.named[index] = true;
	}
	return obtain(host, &errand);
}

static int plan(struct host *host, int argc, char **argv)
{
	return argc > 1 ? no_arguments(argv[0]) : forecast(host->config, &host->journal);
}

static int recover(struct host *host, int argc, char **argv)
{
	if (argc > 1)
		return no_arguments(argv[0]);
	log_idle("nothing of acmegate's stands in the firewall");
	return has_tokens(host) ? STATUS_FAILED : STATUS_DONE; /* at boot, acmegate.service is started then: it may do more */
}

/* Says which of the nets had closed the port. Whoever holds the journal knows that no process of that run lives any more. */
static void say_recovered(const struct host *host, bool armed, int recovered)
{
	const struct opening *opening = &host->journal.opening;

	if (recovered == RECOVERY_RULES && !armed)
		log_warning("rules of acmegate stood in the firewall that no run had left (was a ruleset loaded that was saved "
			    "while the port was open?); they are removed");
	else if (recovered == RECOVERY_RULES && opening->own_listener && opening->tag[0])
		log_warning("an earlier run was killed while port %u was open; the kernel closed it with that process, and its "
			    "rules are removed now", opening->port);
	else if (recovered == RECOVERY_RULES)
		log_warning("an earlier run had left the port open; it is closed now");
	else if (recovered == RECOVERY_ARMED)
		log_warning("an earlier run ended before it could say that the port is closed; it is, nothing of acmegate's "
			    "stands in the firewall");
}

/* Closing goes by tag and needs no journal, so a broken one, or none, keeps nothing open. Returns -1. */
static int without_journal(const struct host *host)
{
	struct fault why;
	int found = window_sweep(host->config, NULL, &why);

	if (found < 0)
		log_error("%s", why.text);
	else
		log_warning("the firewall was searched without a journal: %s", found ? "rules of an earlier run are removed" :
										       "nothing of acmegate's stands in it");
	return -1;
}

static int without_state(const struct host *host, struct fault *fault)
{
	OWN_FD int single = -1;

	return single_take(&single, -1, host->config->gate.state, fault) < 0 ? -1 : without_journal(host);
}

/* A state directory that is not there has no journal, and nothing is armed. It is not made for a configuration that is wrong. */
static int without_trace(const struct host *host, struct fault *fault)
{
	const struct journal clear = { .fd = -1, .single = -1 };
	OWN_FD int single = -1;
	int found;

	if (single_take(&single, -1, host->config->gate.state, fault) < 0)
		return -1;
	found = window_sweep(host->config, &clear, fault);
	if (found > 0)
		say_recovered(host, false, RECOVERY_RULES);
	return found < 0 ? -1 : 0;
}

/* The locks of namespace and journal, or neither. One that holds the first holds the second too, unless it is just ending. */
static int lock_host(struct host *host, struct fault *fault)
{
	OWN_FD int single = -1;
	int taken = single_take(&single, host->state_fd, host->config->gate.state, fault);

	if (taken < 0)
		return -1;
	if (journal_open(&host->journal, host->state_fd, fault) < 0) {
		if (fault->kind == FAULT_LATER) /* its owner is at work */
			return -1;
		(void)!fault_at(fault, "%s/journal", host->config->gate.state);
		return without_journal(host);
	}
	if (!taken)
		taken = single_take(&single, host->state_fd, host->config->gate.state, fault);
	if (taken > 0) {
		host->journal.single = steal_fd(&single);
		return 0;
	}
	journal_close(&host->journal);
	return taken < 0 ? -1 : fault_set(fault, FAULT_LATER, "another acmegate is at work; try again when it has finished");
}

static int recover_window(struct host *host, struct fault *fault)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	const double end = monotonic_seconds() + RECOVER_SECONDS;
	const bool armed = host->journal.armed;
	int recovered;

	if (host->journal.quarantined)
		log_warning("the journal was unreadable and is kept as %s/journal.corrupt; searching the firewall for leftovers",
			    host->config->gate.state);
	while ((recovered = window_recover(&host->journal, host->config, fault)) < 0 && fault->kind == FAULT_LATER &&
	       monotonic_seconds() < end)
		nanosleep(&pause, NULL);
	if (recovered < 0)
		return -1;
	say_recovered(host, armed, recovered);
	sweep_tokens(host);
	return 0;
}

static int claim(struct host *host, struct fault *fault)
{
	if (lock_host(host, fault) < 0)
		return -1;
	if (recover_window(host, fault) == 0)
		return 0;
	journal_close(&host->journal);
	close_fd(&host->journal.single);
	return -1;
}

static int guard(struct host *host, int argc, char **argv)
{
	static const struct option options[] = {
		{ "max", required_argument, NULL, 'm' }, { "on-listen", no_argument, NULL, 'l' }, { 0 },
	};
	bool on_listen = false;
	int option;

	optind = 0; /* begin anew */
	while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		if (option == 'm' && config_set_max_open(host->config, optarg) == 0)
			continue;
		if (option == 'm')
			log_error("--max %s: expected 5 to 600 seconds", optarg);
		if (option != 'l')
			return STATUS_USAGE;
		on_listen = true;
	}
	if (optind == argc) {
		log_error("guard needs a command: acmegate guard -- COMMAND...");
		return STATUS_USAGE;
	}
	forecast_command(argv[optind], host->config->gate.port);
	return lease_guard(host->config, &host->journal, host->command, argv + optind, on_listen);
}

/* A window that is just closing is waited for. */
static int hook_run(struct host *host, enum hook which, const struct client *client)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct fault fault;
	int status;

	for (int i = 0; i < 100; i++) {
		int rc = host->serves || which == HOOK_POST ? lease_ask(host->state_fd, which, client, &status, &fault) : 0;
		if (rc > 0)
			return status;
		if (rc == 0)
			rc = claim(host, &fault);
		if (!host->serves)
			return STATUS_USAGE;
		if (rc == 0 && which == HOOK_PRE)
			return lease_hold(host->config, &host->journal, host->state_fd, client);
		if (rc == 0) {
			log_notice("no hook holds the port open; there is nothing to close");
			return STATUS_DONE;
		}
		if (fault.kind != FAULT_LATER || fault.code == EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	log_error("%s", fault.text);
	return fault_status(&fault);
}

/* 0: it is not the number of a process. */
static pid_t read_pid(const char *text)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	return errno || end == text || *end || number < 1 || number > INT_MAX ? 0 : (pid_t)number;
}

/* Numbers become descriptors before anything else is done: a number may be given to another process at any time. */
static void watch(struct client *client)
{
	for (uint32_t i = 0; i < client->number; i++)
		client->fd[i] = pidfd_open(client->kin[i].pid, 0);
}

static void name_client(struct client *client, pid_t pid)
{
	client_close(client);
	client->number = 1;
	client->kin[0].pid = pid;
	process_name(pid, client->kin[0].name);
	watch(client);
}

/* false: nobody, or one of them has ended meanwhile. */
static bool find_kin(struct client *client)
{
	struct kin again[MOST_KIN] = { 0 };

	client->number = process_kin(client->kin);
	watch(client);
	for (uint32_t i = 0; i < client->number; i++)
		if (client->fd[i] < 0)
			return false;
	return client->number > 0 && process_kin(again) == client->number && !memcmp(again, client->kin, sizeof(again));
}

static int hook(struct host *host, int argc, char **argv)
{
	static const struct option options[] = { { "client", required_argument, NULL, 'c' }, { 0 } };
	struct client client = NO_CLIENT;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		pid_t pid = option == 'c' ? read_pid(optarg) : 0;

		if (!pid) {
			log_error("hook: expected --client PID");
			return STATUS_USAGE;
		}
		name_client(&client, pid);
	}
	if (optind != argc - 1 || (strcmp(argv[optind], "pre") && strcmp(argv[optind], "post"))) {
		log_error("expected acmegate hook pre, or acmegate hook post");
		return STATUS_USAGE;
	}
	if (!client.number && !find_kin(&client)) {
		log_error("cannot tell which program runs this hook; say its process id with --client PID");
		return STATUS_USAGE;
	}
	return hook_run(host, strcmp(argv[optind], "pre") ? HOOK_POST : HOOK_PRE, &client);
}

/* Without the right to, up to the hard limit. */
static void raise_limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0 || limit.rlim_cur >= most)
		return;
	if (setrlimit(resource, &(const struct rlimit){ most, limit.rlim_max > most ? limit.rlim_max : most }) == 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

/*
 * What a caller may have left us: descriptors, which a command of guard's gets and nobody else, limits, a mask for modes, signals.
 * A limit that the host's firewall would suffer from goes, where we have the right to.
 */
static void leave_caller(int from)
{
	static const __rlimit_resource_t resources[] = { RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NPROC };

	close_range((unsigned int)from, ~0U, 0);
	umask(022);
	for (size_t i = 0; i < LENGTH_OF(resources); i++)
		raise_limit(resources[i], RLIM_INFINITY);
	raise_limit(RLIMIT_NOFILE, 1024);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would take our children's statuses away */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGTTOU, SIG_IGN); /* a log line from the background, on a terminal that is set so */
	log_unblock();
}

/* What could not be printed was not done. */
static int finish(int status)
{
	if (fflush(stdout) < 0 || ferror(stdout)) {
		log_error("standard output: %s", strerror(errno));
		status = status == STATUS_DONE ? STATUS_FAILED : status;
	}
	log_finish();
	return status;
}

static void say_mistakes(const struct mistakes *mistakes, bool matter)
{
	for (uint32_t i = 0; i < mistakes->number && i < MOST_MISTAKES; i++)
		log_line(matter ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", mistakes->text[i]);
	if (mistakes->number > MOST_MISTAKES)
		log_line(matter ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "and %u mistakes more", mistakes->number - MOST_MISTAKES);
}

/* What an earlier run left is closed first, and then the mistakes are told: with those in it the configuration names what it can. */
static int begin(struct host *host, const struct command *command, struct fault *fault)
{
	if (!host->serves && access(host->config->gate.state, F_OK) < 0 && errno == ENOENT)
		return without_trace(host, fault);
	host->state_fd = safe_directory(host->config->gate.state, fault);
	if (host->state_fd < 0)
		return without_state(host, fault);
	return command->claims || (!host->serves && !command->closes) ? claim(host, fault) : 0;
}

/* Clients show what their hooks write to standard error as errors: all words of a hook go to standard output. */
static void speak_as_hook(void)
{
	if (dup2(STDOUT_FILENO, STDERR_FILENO) >= 0)
		log_start(NULL, log_is_verbose());
}

static int run(const struct command *command, const char *file, int argc, char **argv)
{
	static struct config config;
	static struct mistakes mistakes;
	struct command_process guarded = { 0 };
	struct host host = { .config = &config, .state_fd = -1, .journal.fd = -1, .journal.single = -1, .command = &guarded };
	struct fault wrong, fault;
	int rc, status;

	if (command->run == guard && lease_fork_command(&guarded, &fault) < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	if (command->run == hook)
		speak_as_hook();
	leave_caller(command->run == guard ? COMMAND_CHANNEL + 1 : STDERR_FILENO + 1);
	config_translate_with(international_ascii);
	host.serves = config_load(&config, file, command->part, &mistakes, &wrong) == 0;
	international_end();
	rc = begin(&host, command, &fault);
	say_mistakes(&mistakes, !host.serves || !command->tolerates);
	if (rc < 0)
		log_error("%s", fault.text);
	if (!host.serves && (host.state_fd < 0 || !command->closes))
		return fault_status(&wrong);
	status = rc < 0 ? fault_status(&fault) : command->run(&host, argc, argv);
	return status == STATUS_DONE && mistakes.number && !(command->tolerates && host.serves) ? STATUS_USAGE : status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },	    { "version", no_argument, NULL, 'V' }, { 0 },
	};
	const char *file = CONFIG_FILE;
	bool verbose = false;
	int option;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	while ((option = getopt_long(argc, argv, "+c:vh", options, NULL)) >= 0) {
		if (option == 'c')
			file = optarg;
		else if (option == 'v')
			verbose = true;
		else if (option == 'h')
			return finish(usage(stdout, STATUS_DONE));
		else
			return option == 'V' ? finish(version()) : usage(stderr, STATUS_USAGE);
	}
	/*
	 * No core dump of what root has in memory, and no ptrace by a storer that turned hostile. Capabilities stay: with fewer, a
	 * tool that is executed would gain some, and the kernel then forgets that the tool is to die with us (PR_SET_PDEATHSIG).
	 */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	log_start(NULL, verbose);
	for (size_t i = 0; optind < argc && i < LENGTH_OF(commands); i++)
		if (!strcmp(argv[optind], commands[i].name))
			return finish(run(&commands[i], file, argc - optind, argv + optind));
	return usage(stderr, STATUS_USAGE);
}
