// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/address_section.h"

#include <ctype.h>
#include <string.h>

#include "base/names.h"

#define SEPARATORS " \t,"
#define TTL_LEAST 30
#define TTL_MOST 86400

const char *const address_families[ADDRESS_FAMILIES + 1] = {
	[ADDRESS_BOTH] = "both",
	[ADDRESS_IPV4] = "ipv4",
	[ADDRESS_IPV6] = "ipv6",
};

static bool is_below(const char *name, const char *zone)
{
	const size_t n = strlen(name), z = strlen(zone);

	return n >= z && !strcmp(name + n - z, zone) && (n == z || name[n - z - 1] == '.');
}

static int add(struct loader *loader, const struct key *key, const char *word, size_t length)
{
	struct dns_address *address = &loader->dns->address;
	char *name;

	if (address->names == MAX_ADDRESS_NAMES)
		return loader_wrong(loader, "%s: at most %d names", key->name, MAX_ADDRESS_NAMES);
	if (length >= NAME_SIZE)
		return loader_wrong(loader, "%s: a name has at most %d characters", key->name, NAME_SIZE - 1);
	name = address->name[address->names];
	for (size_t i = 0; i < length; i++)
		name[i] = (char)tolower((unsigned char)word[i]);
	name[length] = '\0';
	if (config_is_address(name) || name[0] == '*')
		return loader_wrong(loader, "%s: '%s': expected the name of this host", key->name, name);
	if (names_check(loader, key, name) < 0)
		return -1;
	for (uint32_t i = 0; i < loader->config->dnses; i++)
		for (uint32_t j = 0; j < loader->config->dns[i].address.names; j++)
			if (!strcmp(loader->config->dns[i].address.name[j], name))
				return loader_wrong(loader, "%s: '%s' is given twice", key->name, name);
	address->names++;
	return 0;
}

int address_set_names(struct loader *loader, const struct key *key, const char *value)
{
	for (const char *word = value + strspn(value, SEPARATORS); *word; word += strspn(word, SEPARATORS)) {
		const size_t length = strcspn(word, SEPARATORS);

		if (add(loader, key, word, length) < 0)
			return -1;
		word += length;
	}
	return loader->dns->address.names ? 0 : loader_wrong(loader, "%s: expected the name of this host", key->name);
}

/* It need not be there yet. What the kernel lets no interface be called is a mistake. */
int address_set_interface(struct loader *loader, const struct key *key, const char *value)
{
	struct dns_address *address = &loader->dns->address;

	if (!*value || strlen(value) >= INTERFACE_SIZE || value[strcspn(value, " \t/:,")] || !strcmp(value, ".") ||
	    !strcmp(value, ".."))
		return loader_wrong(loader, "%s: expected the name of one interface, as ip link has it", key->name);
	snprintf(address->interface, sizeof(address->interface), "%s", value);
	return 0;
}

int address_set_ttl(struct loader *loader, const struct key *key, const char *value)
{
	unsigned long n;

	if (config_number(value, TTL_LEAST, TTL_MOST, 10, &n) < 0)
		return loader_wrong(loader, "%s: expected %d to %d seconds", key->name, TTL_LEAST, TTL_MOST);
	loader->dns->address.ttl = (uint32_t)n;
	return 0;
}

int address_check(struct loader *loader, const struct dns *dns)
{
	const struct dns_address *address = &dns->address;

	if (!address->names && (address->interface[0] || address->family != ADDRESS_BOTH || address->ttl))
		return loader_wrong(loader, "[dns %s] has address_... and no address = NAME, the name of this host", dns->name);
	if (address->names && dns->type != DNS_RFC2136)
		return loader_wrong(loader, "[dns %s]: address has no meaning with type = %s", dns->name, dns_types[dns->type]);
	for (uint32_t i = 0; i < address->names; i++)
		if (dns->zone[0] && !is_below(address->name[i], dns->zone))
			return loader_wrong(loader,
					    "[dns %s]: address = %s is not in zone = %s, which is all that the key may change: name it in a "
					    "section of its own",
					    dns->name, address->name[i], dns->zone);
	return 0;
}
