// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/document.h"

#include <stdbool.h>
#include <sys/random.h>

void document_release(json_t **document)
{
	json_decref(*document);
}

/*
 * jansson opens /dev/urandom for the seed of its hash tables. The sandbox may forbid that, and jansson then takes the time of day,
 * which a CA could predict. Only the first seed counts.
 */
static void seed(void)
{
	static bool done;
	size_t value = 0;

	if (done || getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value))
		return;
	json_object_seed(value);
	done = true;
}

json_t *document_parse(const char *text, size_t length)
{
	json_t *root;

	seed();
	root = json_loadb(text ? text : "", text ? length : 0, 0, NULL);
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

json_t *document_begin(void)
{
	seed();
	return json_object();
}

const char *document_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}
