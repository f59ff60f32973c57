/* SPDX-License-Identifier: GPL-3.0-or-later */
/* value.h - the values of the configuration's keys: each function checks one kind, and puts it into the field of the key. */
#ifndef ACMEGATE_BASE_VALUE_H
#define ACMEGATE_BASE_VALUE_H

#include "base/loader.h"

/* 0, or -1 for a mistake, which is noted. */
int value_text(struct loader *loader, const struct key *key, const char *value);
int value_label(struct loader *loader, const struct key *key, const char *value);
int value_directory(struct loader *loader, const struct key *key, const char *value);
int value_contact(struct loader *loader, const struct key *key, const char *value);
int value_proxy(struct loader *loader, const struct key *key, const char *value);
int value_hosts(struct loader *loader, const struct key *key, const char *value);
int value_path(struct loader *loader, const struct key *key, const char *value);
int value_file(struct loader *loader, const struct key *key, const char *value);
int value_command(struct loader *loader, const struct key *key, const char *value);
int value_program(struct loader *loader, const struct key *key, const char *value);
int value_metrics(struct loader *loader, const struct key *key, const char *value);
int value_hook(struct loader *loader, const struct key *key, const char *value);
int value_bool(struct loader *loader, const struct key *key, const char *value);
int value_max_open(struct loader *loader, const struct key *key, const char *value);
int value_mode(struct loader *loader, const struct key *key, const char *value);
int value_port(struct loader *loader, const struct key *key, const char *value);
int value_forms(struct loader *loader, const struct key *key, const char *value);
int value_password(struct loader *loader, const struct key *key, const char *value);
int value_reuse(struct loader *loader, const struct key *key, const char *value);
int value_csr(struct loader *loader, const struct key *key, const char *value);
int value_choice(struct loader *loader, const struct key *key, const char *value);
int value_owner(struct loader *loader, const struct key *key, const char *value);
int value_group(struct loader *loader, const struct key *key, const char *value);

#endif
