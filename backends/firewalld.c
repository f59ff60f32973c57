// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewalld.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "nft_batch.h"

#define SERVICE "org.fedoraproject.FirewallD1"
#define PATH "/org/fedoraproject/FirewallD1"
#define ZONES SERVICE ".zone"
#define CONFIG SERVICE ".config"
#define KEPT "/etc/firewalld/zones"
#define TABLE "firewalld"

#define CALL_LIMIT 3000000	/* microseconds: meanwhile nobody listens to the client */
#define MOST_ZONES 32
#define MOST_OURS 128		/* rules in the kernel */
#define ZONE_SIZE 64

/* libsystemd, loaded when it is needed: of a host's runs that need it are few. */
static struct library {
	__typeof__(sd_bus_open_system) *open;
	__typeof__(sd_bus_flush_close_unref) *close;
	__typeof__(sd_bus_message_new_method_call) *make;
	__typeof__(sd_bus_message_appendv) *append;
	__typeof__(sd_bus_message_set_auto_start) *set_auto_start;
	__typeof__(sd_bus_call) *call;
	__typeof__(sd_bus_message_unref) *unref;
	__typeof__(sd_bus_message_read) *read;
	__typeof__(sd_bus_message_enter_container) *enter;
	__typeof__(sd_bus_message_exit_container) *leave;
	__typeof__(sd_bus_message_skip) *skip;
	__typeof__(sd_bus_error_free) *free_error;
} sd;

struct ruleset {
	struct netlink netlink; /* no socket: no nf_tables */
	sd_bus *bus;
	bool removed;
	size_t zones;
	char zone[MOST_ZONES][ZONE_SIZE];
};

/* --- D-Bus ---------------------------------------------------------------------------------------------------------- */

static int load(struct fault *fault)
{
	static const char *const names[] = {
		"sd_bus_open_system", "sd_bus_flush_close_unref", "sd_bus_message_new_method_call", "sd_bus_message_appendv",
		"sd_bus_message_set_auto_start", "sd_bus_call", "sd_bus_message_unref", "sd_bus_message_read",
		"sd_bus_message_enter_container", "sd_bus_message_exit_container", "sd_bus_message_skip", "sd_bus_error_free",
	};
	_Static_assert(LENGTH_OF(names) * sizeof(void *) == sizeof(sd), "a name for each function");
	void *library = sd.open ? NULL : dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL), *found[LENGTH_OF(names)];

	if (sd.open)
		return 0;
	if (!library)
		return fault_set(fault, FAULT_FAILED, "talking to firewalld takes libsystemd.so.0");
	for (size_t i = 0; i < LENGTH_OF(names); i++) {
		found[i] = dlsym(library, names[i]);
		if (!found[i])
			return fault_set(fault, FAULT_FAILED, "libsystemd.so.0 has no %s", names[i]);
	}
	memcpy(&sd, found, sizeof(sd));
	return 0;
}

/* 1: firewalld can be asked. 0: there is no bus. */
static int open_bus(struct ruleset *ruleset, struct fault *fault)
{
	int rc;

	if (load(fault) < 0)
		return -1;
	rc = ruleset->bus ? 0 : sd.open(&ruleset->bus);
	errno = -rc;
	if (rc < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? 0 : fault_errno(fault, FAULT_FAILED, "connecting to D-Bus");
	return 1;
}

/* Never starts firewalld. The answer is the caller's; NULL: fault, with ESRCH when nobody of that name is there. */
static sd_bus_message *ask(struct ruleset *ruleset, const char *path, const char *interface, const char *method,
			   struct fault *fault, const char *types, ...)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *request = NULL, *answer = NULL;
	va_list arguments;
	int rc = sd.make(ruleset->bus, &request, SERVICE, path, interface, method);

	va_start(arguments, types);
	if (rc >= 0)
		rc = sd.append(request, types, arguments);
	va_end(arguments);
	if (rc >= 0)
		rc = sd.set_auto_start(request, false);
	if (rc >= 0)
		rc = sd.call(ruleset->bus, request, CALL_LIMIT, &error, &answer);
	if (rc < 0) {
		fault_set(fault, rc == -ETIMEDOUT ? FAULT_LATER : FAULT_FAILED, "firewalld (%s): %s", method,
			  error.message ? error.message : strerror(-rc));
		fault->code = error.name && (strstr(error.name, "ServiceUnknown") || strstr(error.name, "NameHasNoOwner")) ? ESRCH :
															      -rc;
	}
	sd.free_error(&error);
	if (request)
		sd.unref(request);
	return rc < 0 ? NULL : answer;
}

static int tell(struct ruleset *ruleset, const char *path, const char *interface, const char *method, const char *zone,
		const char *rule, struct fault *fault)
{
	sd_bus_message *answer = zone ? ask(ruleset, path, interface, method, fault, "ss", zone, rule) :
					ask(ruleset, path, interface, method, fault, "s", rule);

	if (answer)
		sd.unref(answer);
	return answer ? 0 : -1;
}

static void add_zone(struct ruleset *ruleset, const char *zone)
{
	for (size_t i = 0; i < ruleset->zones; i++)
		if (!strcmp(ruleset->zone[i], zone))
			return;
	if (ruleset->zones < MOST_ZONES && strlen(zone) < ZONE_SIZE)
		snprintf(ruleset->zone[ruleset->zones++], ZONE_SIZE, "%s", zone);
}

/* a{sa{sas}}: each zone in use, with its interfaces and sources */
static int read_active(struct ruleset *ruleset, sd_bus_message *answer)
{
	const char *zone;
	int rc = sd.enter(answer, 'a', "{sa{sas}}");

	while (rc >= 0 && (rc = sd.enter(answer, 'e', "sa{sas}")) > 0) {
		rc = sd.read(answer, "s", &zone);
		if (rc >= 0) {
			add_zone(ruleset, zone);
			rc = sd.skip(answer, "a{sas}");
		}
		if (rc >= 0)
			rc = sd.leave(answer);
	}
	return rc;
}

static int find_zones(struct ruleset *ruleset, struct fault *fault)
{
	sd_bus_message *answer = ask(ruleset, PATH, SERVICE, "getDefaultZone", fault, "");
	const char *zone;
	int rc;

	ruleset->zones = 0;
	if (!answer)
		return -1;
	rc = sd.read(answer, "s", &zone);
	if (rc > 0)
		add_zone(ruleset, zone);
	sd.unref(answer);
	answer = rc > 0 ? ask(ruleset, PATH, ZONES, "getActiveZones", fault, "") : NULL;
	if (rc > 0 && !answer)
		return -1;
	if (answer) {
		rc = read_active(ruleset, answer);
		sd.unref(answer);
	}
	return rc < 0 ? fault_set(fault, FAULT_FAILED, "firewalld names its zones in a way that acmegate does not know") : 0;
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static void write_rule(const struct opening *opening, char *text, size_t size)
{
	snprintf(text, size, "rule priority=\"-32768\" port port=\"%u\" protocol=\"tcp\" nflog prefix=\"%s\" group=\"65535\" accept",
		 (unsigned int)opening->target, opening->tag);
}

/* 1, 0 or -1. */
static int stands(struct ruleset *ruleset, const char *zone, const char *rule, struct fault *fault)
{
	sd_bus_message *answer = ask(ruleset, PATH, ZONES, "queryRichRule", fault, "ss", zone, rule);
	int yes = 0, rc = answer ? sd.read(answer, "b", &yes) : -1;

	if (answer)
		sd.unref(answer);
	if (answer && rc < 0)
		return fault_set(fault, FAULT_FAILED, "firewalld gave no answer that acmegate knows");
	return rc < 0 ? -1 : yes;
}

/* 1: some were missing. */
static int add_missing(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	char rule[256];
	int added = 0;

	write_rule(opening, rule, sizeof(rule));
	for (size_t i = 0; i < ruleset->zones; i++) {
		int there = stands(ruleset, ruleset->zone[i], rule, fault);
		sd_bus_message *answer;

		if (there > 0)
			continue;
		answer = there < 0 ? NULL : ask(ruleset, PATH, ZONES, "addRichRule", fault, "ssi", ruleset->zone[i], rule,
						(int)opening->seconds);
		if (!answer)
			return -1;
		sd.unref(answer);
		if (stands(ruleset, ruleset->zone[i], rule, fault) != 1)
			return fault_set(fault, FAULT_LATER, "firewalld has not made the rule in zone %s", ruleset->zone[i]);
		added = 1;
	}
	return added;
}

static int firewalld_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	return add_missing(ruleset, opening, fault) < 0 ? -1 : 0;
}

static int firewalld_mend(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	return find_zones(ruleset, fault) < 0 ? -1 : add_missing(ruleset, opening, fault);
}

static int firewalld_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	char rule[256];
	int rc;

	if (plan->owned[0] && !strstr(plan->owned, " inet " TABLE " "))
		return fault_set(fault, FAULT_FAILED, "%s", plan->owned);
	rc = open_bus(ruleset, fault);
	if (rc == 0)
		rc = fault_set(fault, FAULT_FAILED, "there is no D-Bus to ask firewalld by");
	if (rc < 0 || find_zones(ruleset, fault) < 0)
		return plan->owned[0] ? fault_at(fault, "%s", plan->owned) : -1;
	plan->owned[0] = '\0';
	write_rule(opening, rule, sizeof(rule));
	for (size_t i = 0; i < ruleset->zones && plan->lines < PLAN_LINES; i++)
		snprintf(plan->line[plan->lines++], sizeof(plan->line[0]), "firewall-cmd --zone=%s --timeout=%u --add-rich-rule='%s'",
			 ruleset->zone[i], opening->seconds, rule);
	plan->unbound = plan->unbound || opening->own_listener;
	return 0;
}

/* --- closing, where firewalld lives --------------------------------------------------------------------------------- */

static bool has_tag(const char *text, const char *wanted)
{
	char tag[TAG_SIZE];

	for (const char *at = strstr(text, TAG_PREFIX); at; at = strstr(at + 1, TAG_PREFIX)) {
		snprintf(tag, sizeof(tag), "%s", at);
		if (opening_is_tag(tag, wanted))
			return true;
	}
	return false;
}

/* Removes the rules with our tag that this list has, in the words of firewalld; returns how many. */
static int remove_listed(struct ruleset *ruleset, sd_bus_message *list, const char *path, const char *interface, const char *zone,
			 const char *tag, struct fault *fault)
{
	const char *rule;
	int removed = 0, rc = sd.enter(list, 'a', "s");

	while (rc >= 0 && (rc = sd.read(list, "s", &rule)) > 0) {
		if (!has_tag(rule, tag))
			continue;
		if (tell(ruleset, path, interface, "removeRichRule", zone, rule, fault) < 0)
			return -1;
		removed++;
	}
	return rc < 0 ? fault_set(fault, FAULT_FAILED, "firewalld lists its rules in a way that acmegate does not know") : removed;
}

/* What runs (zone), or what is kept on disk (path of a zone), because somebody has saved all that runs. */
static int close_zone(struct ruleset *ruleset, const char *name, bool kept, const char *tag, struct fault *fault)
{
	const char *path = kept ? name : PATH, *interface = kept ? CONFIG ".zone" : ZONES, *zone = kept ? NULL : name;
	sd_bus_message *list = kept ? ask(ruleset, path, interface, "getRichRules", fault, "") :
				      ask(ruleset, path, interface, "getRichRules", fault, "s", zone);
	int removed = list ? remove_listed(ruleset, list, path, interface, zone, tag, fault) : -1;

	if (list)
		sd.unref(list);
	return removed;
}

static int close_zones(struct ruleset *ruleset, bool kept, const char *tag, struct fault *fault)
{
	sd_bus_message *list = kept ? ask(ruleset, PATH "/config", CONFIG, "listZones", fault, "") :
				      ask(ruleset, PATH, ZONES, "getZones", fault, "");
	const char *name;
	int result = 0, rc = list ? sd.enter(list, 'a', kept ? "o" : "s") : -1;

	while (rc >= 0 && result >= 0 && (rc = sd.read(list, kept ? "o" : "s", &name)) > 0) {
		int removed = close_zone(ruleset, name, kept, tag, fault);

		result = removed < 0 ? -1 : result + removed;
	}
	if (list)
		sd.unref(list);
	return rc < 0 ? -1 : result;
}

/* --- closing, where firewalld is dead ------------------------------------------------------------------------------- */

struct ours {
	const char *tag;
	size_t rules;
	bool next;	/* the rule that comes next accepts what the one with our tag has logged */
	char chain[128];
	struct {
		char chain[128];
		uint64_t handle;
	} rule[MOST_OURS];
};

static bool logs_tag(const struct nlattr *expressions, const char *wanted)
{
	int left = expressions ? mnl_attr_get_payload_len(expressions) : 0;

	for (const struct nlattr *attr = expressions ? mnl_attr_get_payload(expressions) : NULL; attr && mnl_attr_ok(attr, left);
	     left -= (int)((attr->nla_len + 3U) & ~3U), attr = mnl_attr_next(attr)) {
		const struct nlattr *e[NFTA_EXPR_MAX + 1], *l[NFTA_LOG_MAX + 1];

		attrs_of_nest(attr, e, NFTA_EXPR_MAX);
		if (strcmp(attr_text(e[NFTA_EXPR_NAME]), "log"))
			continue;
		attrs_of_nest(e[NFTA_EXPR_DATA], l, NFTA_LOG_MAX);
		if (opening_is_tag(attr_text(l[NFTA_LOG_PREFIX]), wanted))
			return true;
	}
	return false;
}

/* firewalld makes two rules of one: the first logs, and the accept comes right behind it. */
static int visit_rule(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[NFTA_RULE_EXPRESSIONS + 1];
	struct ours *ours = arg;
	const char *chain;
	bool first;

	(void)fault;
	attrs_of_message(message, attrs, NFTA_RULE_EXPRESSIONS);
	chain = attr_text(attrs[NFTA_RULE_CHAIN]);
	if (generic->nfgen_family != NFPROTO_INET || strcmp(attr_text(attrs[NFTA_RULE_TABLE]), TABLE))
		return 0;
	first = logs_tag(attrs[NFTA_RULE_EXPRESSIONS], ours->tag);
	if ((first || (ours->next && !strcmp(chain, ours->chain))) && ours->rules < MOST_OURS) {
		snprintf(ours->rule[ours->rules].chain, sizeof(ours->rule[0].chain), "%s", chain);
		ours->rule[ours->rules++].handle = attr_u64(attrs[NFTA_RULE_HANDLE], 0);
	}
	ours->next = first;
	snprintf(ours->chain, sizeof(ours->chain), "%s", chain);
	return 0;
}

static int attempt_close(struct ruleset *ruleset, const void *tag, struct fault *fault)
{
	struct ours ours = { .tag = tag };
	uint32_t generation;
	struct batch batch;
	char buffer[512];
	int rc;

	if (netlink_generation(&ruleset->netlink, &generation, fault) < 0 ||
	    netlink_dump(&ruleset->netlink, netlink_request(&ruleset->netlink, buffer, NFT_MSG_GETRULE), visit_rule, &ours, fault) < 0)
		return -1;
	if (!ours.rules)
		return 0;
	rc = batch_begin(&batch, &ruleset->netlink, generation, fault);
	for (size_t i = 0; rc == 0 && i < ours.rules; i++)
		batch_delete(&batch, NFT_MSG_DELRULE, NFPROTO_INET, TABLE, ours.rule[i].chain, ours.rule[i].handle);
	if (rc == 0)
		rc = batch_commit(&batch, NULL, NULL, fault);
	batch_free(&batch);
	ruleset->removed = ruleset->removed || rc == 0;
	return rc < 0 ? -1 : fault_set(fault, FAULT_RACED, "closing in the table of firewalld"); /* the next attempt reads back */
}

/* Is our tag in a file that firewalld will read when it starts again? */
static int check_kept(const char *tag, struct fault *fault)
{
	OWN_DIR DIR *list = opendir(KEPT);
	const struct dirent *entry;

	while (list && (entry = readdir(list))) {
		OWN_FD int fd = openat(dirfd(list), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		const size_t length = strlen(entry->d_name);
		char text[32 * 1024];
		ssize_t n = length > 4 && !strcmp(entry->d_name + length - 4, ".xml") && fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

		text[n < 0 ? 0 : n] = '\0';
		if (has_tag(text, tag))
			return fault_set(fault, FAULT_FAILED, "%s/%s: somebody has saved acmegate's rule there, and firewalld is not "
							      "running; start it, and run acmegate recover", KEPT, entry->d_name);
	}
	return 0;
}

static void close_bus(struct ruleset *ruleset)
{
	if (ruleset->bus)
		sd.close(ruleset->bus);
	ruleset->bus = NULL;
}

/* The bus may be another one by now. */
static int firewalld_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	int there;

	ruleset->removed = false;
	close_bus(ruleset);
	there = open_bus(ruleset, fault);
	for (int kept = 0; kept < 2 && there > 0; kept++) {
		int rc = close_zones(ruleset, kept, tag, fault);
		there = rc >= 0 || fault->code != ESRCH;
		ruleset->removed = ruleset->removed || rc > 0;
		if (rc < 0 && there)
			return -1;
	}
	/* What is left in the kernel when firewalld has removed its rules, or is not there to do so. */
	if ((ruleset->netlink.socket && netlink_insist(attempt_close, ruleset, tag, fault) < 0) ||
	    (there <= 0 && check_kept(tag, fault) < 0))
		return -1;
	return ruleset->removed;
}

/* --- the rest ------------------------------------------------------------------------------------------------------- */

static int firewalld_attach(struct ruleset **out, const struct config *config, struct fault *fault)
{
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));

	(void)config;
	if (!ruleset)
		return fault_errno(fault, FAULT_LATER, "attaching to firewalld");
	if (netlink_open(&ruleset->netlink, fault) < 0) {
		free(ruleset);
		return -1;
	}
	*out = ruleset;
	return 1;
}

static void firewalld_detach(struct ruleset *ruleset)
{
	close_bus(ruleset);
	netlink_close(&ruleset->netlink);
	free(ruleset);
}

const struct backend firewalld_backend = {
	.name = "firewalld",
	.on_demand = true,
	.last = true,
	.attach = firewalld_attach,
	.plan = firewalld_plan,
	.open = firewalld_open,
	.mend = firewalld_mend,
	.close = firewalld_close,
	.detach = firewalld_detach,
};
