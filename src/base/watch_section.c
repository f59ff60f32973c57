// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/watch_section.h"

#include <string.h>

#define SEPARATORS " \t"

int watch_begin(struct loader *loader, const char *name)
{
	struct config *config = loader->config;
	int other = config_find_watch(config, name);

	if (!config_is_label(name))
		return loader_wrong(loader, "[watch NAME]: expected 1 to %d of a-z, 0-9, '.', '_', '-'", LABEL_SIZE - 1);
	if (other >= 0)
		return loader_wrong(loader, "[watch %s] is already in line %u", name, config->watch[other].line);
	if (config->watches == MAX_WATCHES)
		return loader_wrong(loader, "more than %d sections [watch NAME]", MAX_WATCHES);
	loader->watch = &config->watch[config->watches++];
	*loader->watch = (struct watchlist){ .line = loader->line };
	snprintf(loader->watch->name, sizeof(loader->watch->name), "%s", name);
	memset(loader->seen[SECTION_WATCH], 0, sizeof(loader->seen[SECTION_WATCH]));
	return 0;
}

void watch_finish(struct loader *loader)
{
	if (!loader->spoiled && !loader->watch->files[0])
		loader_wrong(loader, "[watch %s] has no files = PATTERN, the certificates to look at", loader->watch->name);
	if (loader->spoiled)
		loader->config->watches--;
	loader->watch = NULL;
}

int watch_set_files(struct loader *loader, const struct key *key, const char *value)
{
	char *files = loader->watch->files;

	for (const char *word = value + strspn(value, SEPARATORS); *word; word += strspn(word, SEPARATORS)) {
		const size_t length = strcspn(word, SEPARATORS), used = strlen(files);

		if (word[0] != '/' || length >= PATH_SIZE)
			return loader_wrong(loader, "%s: '%.*s': expected absolute paths of at most %d characters", key->name,
					    (int)length, word, PATH_SIZE - 1);
		if (used + length + 1 >= WATCH_SIZE)
			return loader_wrong(loader,
					    "%s: expected at most %d characters in all; another section [watch NAME] has room",
					    key->name, WATCH_SIZE - 2);
		memcpy(files + used, word, length);
		memcpy(files + used + length, " ", 2);
		word += length;
	}
	return files[0] ? 0 : loader_wrong(loader, "%s: expected absolute paths, with * and ? where names differ", key->name);
}
