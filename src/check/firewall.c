// SPDX-License-Identifier: GPL-3.0-or-later
/* firewall.c - the way of the CA's packets through every base chain, as the gate's plan has it, and whose chains these are. */
#include "check/check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WORD_SIZE 64
#define PLACE_SIZE (3 * WORD_SIZE)

/* Names of tables and chains begin so; of more than one, the first. */
static const struct {
	const char *begin, *owner, *where;
} owners[] = {
	{ "firewalld", "firewalld", "firewall-cmd, /etc/firewalld" },
	{ "ufw", "ufw", "/etc/ufw" },
	{ "docker", "Docker", "it makes them anew" },
	{ "f2b-", "fail2ban", "/etc/fail2ban" },
	{ "fail2ban", "fail2ban", "/etc/fail2ban" },
	{ "crowdsec", "CrowdSec's bouncer", "/etc/crowdsec/bouncers" },
	{ "geoip", "a geo-blocker", "geoip" },
	{ "geo-", "a geo-blocker", "by its name" },
	{ "geoblock", "a geo-blocker", "by its name" },
	{ "country", "a geo-blocker", "by its name" },
	{ "csf", "csf", "/etc/csf" },
	{ "localinput", "csf", "/etc/csf" },
	{ "denyin", "csf", "/etc/csf" },
	{ "cc_deny", "csf", "/etc/csf" },
	{ "kube-", "kube-proxy", "Kubernetes" },
	{ "cali-", "Calico", "Kubernetes" },
	{ "cilium", "Cilium", "Kubernetes" },
	{ "libvirt", "libvirt", "virsh net-list" },
	{ "nixos-fw", "NixOS", "networking.firewall" },
	{ "fw4", "OpenWrt", "/etc/config/firewall" },
	{ "net2fw", "Shorewall", "/etc/shorewall" },
	{ "net-fw", "Shorewall", "/etc/shorewall" },
};

/* Has this file a line that begins with these words? */
static bool has_line(const char *path, const char *words)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *at = line + strspn(line, " \t");

		found = !strncasecmp(at, words, strlen(words)) && !isalnum((unsigned char)at[strlen(words)]);
	}
	if (file)
		fclose(file);
	return found;
}

/* family: as nft names it. Fills text with ", made by OWNER (WHERE)", or "". */
static void find_owner(const char *family, const char *table, const char *chain, bool xtables, char *text, size_t size)
{
	char words[2 * WORD_SIZE];

	text[0] = '\0';
	for (size_t i = 0; i < LENGTH_OF(owners); i++)
		if (!strncasecmp(table, owners[i].begin, strlen(owners[i].begin)) ||
		    !strncasecmp(chain, owners[i].begin, strlen(owners[i].begin))) {
			snprintf(text, size, ", made by %s (%s)", owners[i].owner, owners[i].where);
			return;
		}
	snprintf(words, sizeof(words), "table %s %s", family, table);
	if (xtables && has_line("/etc/ufw/ufw.conf", "enabled=yes"))
		snprintf(text, size, ", made by ufw (/etc/ufw)");
	else if (!xtables && has_line("/etc/nftables.conf", words))
		snprintf(text, size, ", made by /etc/nftables.conf");
}

static const char *versions_of(const char *family)
{
	return !strcmp(family, "ip") ? "IPv4" : !strcmp(family, "ip6") ? "IPv6" : "IPv4 and IPv6";
}

static void say_chain(struct examination *e, const char *family, const char *table, const char *chain, const char *where, bool xtables)
{
	char subject[PLACE_SIZE], owner[160];

	snprintf(subject, sizeof(subject), "%s %s %s", family, table, chain);
	find_owner(family, table, chain, xtables, owner, sizeof(owner));
	sheet_add(&e->sheet, MARK_OK, subject, NULL, "may block TCP port %u over %s%s; for a validation acmegate adds a rule %s",
		  e->config->gate.port, versions_of(family), owner, where);
}

/* nft 'insert rule FAMILY TABLE CHAIN position HANDLE ...', or add without a position. false: another line. */
static bool read_nft(struct examination *e, const char *line)
{
	char family[WORD_SIZE], table[WORD_SIZE], chain[WORD_SIZE], where[96] = "behind all others";
	unsigned long long handle;
	int used = 0;

	if (sscanf(line, "nft '%*[a-z] rule %63s %63s %63s%n", family, table, chain, &used) != 3)
		return false;
	/* NOLINTNEXTLINE(cert-err34-c): the number is the kernel's */
	if (sscanf(line + used, " position %llu", &handle) == 1)
		snprintf(where, sizeof(where), "ahead of that with handle %llu", handle);
	say_chain(e, family, table, chain, where, false);
	return true;
}

/* .../iptables -w -t TABLE -I CHAIN NUMBER ..., or ip6tables */
static bool read_iptables(struct examination *e, const char *line)
{
	const char *tool = strstr(line, "tables"), *insert = strstr(line, " -I "), *option = strstr(line, " -t ");
	char table[WORD_SIZE] = "filter", chain[WORD_SIZE], where[96];
	unsigned int number;

	/* NOLINTNEXTLINE(cert-err34-c): the number is our own */
	if (!tool || tool == line || !insert || sscanf(insert, " -I %63s %u", chain, &number) != 2)
		return false;
	if (option && option < insert)
		(void)!sscanf(option, " -t %63s", table);
	snprintf(where, sizeof(where), "at place %u", number);
	say_chain(e, strstr(line, "ip6tables") && strstr(line, "ip6tables") < insert ? "ip6" : "ip", table, chain, where, true);
	return true;
}

/* Remarks of the plan, by words in them. */
static const struct {
	const char *words, *subject;
	enum mark mark;
	const char *remedy;
} remarks[] = {
	{ "nothing to open", "", MARK_OK, NULL },
	{ "is a bridge of containers", "", MARK_OK, NULL },
	{ "acmegate's client", "output", MARK_WARNING, "allow that user's packets there; the row \"ca\" says whether they arrive" },
	{ "program of XDP", "XDP", MARK_WARNING,
	  "find out whose it is, and have it let TCP port 80 through; acmegate cannot open it" },
	{ "to the CA", "routes", MARK_WARNING, "add a route, or a rule of routing, for the answers of this host; ip rule, ip route" },
	{ "", "", MARK_WARNING, "see to it if a validation fails; acmegate(8), DIAGNOSTICS, explains it" },
};

static void take_remark(struct examination *e, const char *text)
{
	size_t i = 0;

	while (!strstr(text, remarks[i].words)) /* the last fits all */
		i++;
	if (!strcmp(remarks[i].subject, "output"))
		snprintf(e->client_stopped, sizeof(e->client_stopped), "let the user %s through: %.*s", e->config->gate.user,
			 FAULT_TEXT_SIZE / 2, text);
	sheet_add(&e->sheet, remarks[i].mark, remarks[i].subject, remarks[i].remedy, "%s", text);
}

/* A line of a helper: firewall-cmd, or the administrator's own command. Sets and tables are no chains, and redirections explain themselves. */
static void take_line(struct examination *e, const char *line)
{
	if (line[0] == '#')
		take_remark(e, line + 1 + (line[1] == ' '));
	else if (!read_nft(e, line) && !read_iptables(e, line) && strncmp(line, "nft '", strlen("nft '")) != 0)
		sheet_add(&e->sheet, MARK_OK, "", NULL, "for a validation acmegate runs %s", line);
}

static void take_lines(struct examination *e, const char *text)
{
	while (*text) {
		char line[FAULT_TEXT_SIZE + 128];
		size_t length = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (line[0])
			take_line(e, line);
		text += length + (text[length] == '\n');
	}
}

/* Renewals have a listener of their own; hook and guard open for another program's, which takes other rules where the chain has an owner. */
void check_firewall(struct examination *e)
{
	const bool own = e->listens;
	const char *text;
	struct fault fault;

	if (e->busy) {
		sheet_add(&e->sheet, MARK_OK, "", NULL, "another acmegate is at work on this host: look again when it has finished");
		return;
	}
	if (e->ungated.kind != FAULT_NONE) {
		sheet_add(&e->sheet, MARK_WRONG, "", "run it as root, with acmegate installed completely", "%s", e->ungated.text);
		return;
	}
	if (gate_ask_plan(&e->gate, own, &text, &fault) < 0)
		sheet_add(&e->sheet, MARK_WRONG, "", "acmegate plan shows it; acmegate(8), DIAGNOSTICS, explains it", "%s",
			  fault.text);
	take_lines(e, text);
}
