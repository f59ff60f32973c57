// SPDX-License-Identifier: GPL-3.0-or-later
#include "import/estate.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct estate_item *estate_add(struct estate_list *list, bool account, struct fault *fault)
{
	struct estate_item *item = &list->item[list->items];

	if (list->items == ESTATE_ITEMS) {
		fault_set(fault, FAULT_FAILED, "there are more than %d accounts and certificates", ESTATE_ITEMS);
		return NULL;
	}
	memset(item, 0, sizeof(*item));
	item->data = calloc(1, WIRE_DATA);
	if (!item->data) {
		fault_errno(fault, FAULT_LATER, "reading accounts and certificates");
		return NULL;
	}
	item->data->account = account;
	item->length = sizeof(*item->data);
	list->items++;
	return item;
}

void estate_free(struct estate_list *list)
{
	for (size_t i = 0; i < list->items; i++) {
		if (list->item[i].data)
			explicit_bzero(list->item[i].data, WIRE_DATA);
		free(list->item[i].data);
		free(list->item[i].found);
	}
	list->items = 0;
}

static void note_file(struct estate_item *item, const char *path)
{
	size_t used = strlen(item->files);

	snprintf(item->files + used, sizeof(item->files) - used, "%s%s", used ? ", " : "", path);
}

/* A newline ends each file, for the next one may be PEM too. */
int estate_read(struct estate_item *item, const char *path, bool key, struct fault *fault)
{
	OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const size_t room = WIRE_DATA - item->length - 1;
	struct stat s;
	ssize_t n;

	if (fd < 0 || fstat(fd, &s) < 0)
		return fault_errno(fault, FAULT_FAILED, "%s", path);
	if (!S_ISREG(s.st_mode))
		return fault_set(fault, FAULT_FAILED, "%s is not a regular file", path);
	if (s.st_size > (off_t)room)
		return fault_set(fault, FAULT_FAILED,
				 "%s is too long for what it should be: a certificate and its key have %d KiB at most", path,
				 WIRE_DATA / 1024);
	n = read(fd, (char *)item->data + item->length, room);
	if (n < 0)
		return fault_errno(fault, FAULT_FAILED, "reading %s", path);
	if (n == 0)
		return fault_set(fault, FAULT_FAILED, "%s is empty", path);
	item->length += (size_t)n;
	((char *)item->data)[item->length++] = '\n';
	if (key)
		item->data->key_length += (uint32_t)n + 1;
	note_file(item, path);
	return 0;
}

void estate_name(char name[LABEL_SIZE], const char *from)
{
	size_t used = 0;

	from += strspn(from, "*_.-");
	for (; *from && used < LABEL_SIZE - 1; from++) {
		char c = (char)tolower((unsigned char)*from);

		name[used++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ? c : '-';
	}
	name[used] = '\0';
}

int estate_each(const char *directory, int (*act)(void *context, const char *path, const char *name, struct fault *fault),
		void *context, struct fault *fault)
{
	OWN_DIR DIR *dir = opendir(directory);
	const struct dirent *entry;
	char path[PATH_MAX];

	if (!dir)
		return fault_errno(fault, FAULT_FAILED, "%s", directory);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= (int)sizeof(path))
			return fault_set(fault, FAULT_FAILED, "%s: the names in it are too long", directory);
		if (act(context, path, entry->d_name, fault) < 0)
			return -1;
	}
	return 0;
}

int estate_of_files(struct estate_list *list, char *const *file, int n, const char *directory, struct fault *fault)
{
	struct estate_item *item = estate_add(list, false, fault);

	if (!item)
		return -1;
	snprintf(item->directory, sizeof(item->directory), "%s", directory);
	for (int i = 0; i < n; i++)
		if (estate_read(item, file[i], false, fault) < 0)
			return -1;
	return 0;
}

int estate_of_account(struct estate_list *list, const char *file, const char *url, const char *directory, struct fault *fault)
{
	struct estate_item *item = estate_add(list, true, fault);
	size_t length = strlen(url);

	if (!item || estate_read(item, file, true, fault) < 0)
		return -1;
	snprintf(item->directory, sizeof(item->directory), "%s", directory);
	if (length >= URL_SIZE || length > WIRE_DATA - item->length)
		return fault_set(fault, FAULT_USAGE, "--account-url: expected the https URL of the account");
	memcpy((char *)item->data + item->length, url, length);
	item->length += length;
	return 0;
}
