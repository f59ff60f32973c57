// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/payload.h"

#include <string.h>

#include "acme/document.h"

/* As the configuration has them, with ", " between them. */
static json_t *list_contacts(const char *contact)
{
	json_t *list = json_array();

	for (size_t length; *contact; contact += length + strspn(contact + length, ", ")) {
		length = strcspn(contact, ", ");
		if (json_array_append_new(list, json_sprintf("mailto:%.*s", (int)length, contact)) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

char *payload_update_account(const char *contact)
{
	OWN_JSON json_t *root = document_begin();

	if (json_object_set_new(root, "contact", list_contacts(contact)) < 0)
		return NULL;
	return json_dumps(root, JSON_COMPACT);
}

char *payload_new_account(const char *contact, bool agreed, bool only_existing, const char *binding)
{
	OWN_JSON json_t *root = document_begin();

	if (!root || (agreed && json_object_set_new(root, "termsOfServiceAgreed", json_true()) < 0) ||
	    (only_existing && json_object_set_new(root, "onlyReturnExisting", json_true()) < 0) ||
	    (*contact && json_object_set_new(root, "contact", list_contacts(contact)) < 0) ||
	    (binding && json_object_set_new(root, "externalAccountBinding", json_loads(binding, 0, NULL)) < 0))
		return NULL;
	return json_dumps(root, JSON_COMPACT);
}

char *payload_new_order(const char (*names)[NAME_SIZE], size_t count, const char *profile, const char *replaces)
{
	OWN_JSON json_t *root = document_begin();
	json_t *identifiers = json_array();

	if (json_object_set_new(root, "identifiers", identifiers) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *type = config_is_address(names[i]) ? "ip" : "dns";

		if (json_array_append_new(identifiers, json_pack("{ssss}", "type", type, "value", names[i])) < 0)
			return NULL;
	}
	if ((*profile && json_object_set_new(root, "profile", json_string(profile)) < 0) ||
	    (*replaces && json_object_set_new(root, "replaces", json_string(replaces)) < 0))
		return NULL;
	return json_dumps(root, JSON_COMPACT);
}
