/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * safe.h - files that decide what root does must be root's, and nobody else may write them or put others in their place: each
 * directory and each symbolic link on the way from the root to them is checked as they are.
 *
 * "Root" stands for root or the user who runs acmegate (tests of parts run without root).
 */
#ifndef ACMEGATE_BASE_SAFE_H
#define ACMEGATE_BASE_SAFE_H

#include "base/fault.h"

/* Opens a regular file for reading after checking it and the way to it. The descriptor is the caller's. FAULT_USAGE. */
int safe_open(const char *path, struct fault *fault) MUST_CHECK;

/* Checks that path is an executable file as above. FAULT_USAGE. */
int safe_program(const char *path, struct fault *fault) MUST_CHECK;

/* Opens (and makes, mode 0711, if only the last part is missing) a directory as above. FAULT_USAGE. */
int safe_directory(const char *path, struct fault *fault) MUST_CHECK;

#endif
