/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * registers.h - the registers of nf_tables, of which some bits are known, and facts about fields that lie in them. Their numbering is
 * that of nft_parse_register() in nf_tables_api.c.
 */
#ifndef ACMEGATE_BACKENDS_SURVEY_REGISTERS_H
#define ACMEGATE_BACKENDS_SURVEY_REGISTERS_H

#include "backends/survey/facts.h"

#define REGISTER_BYTES 64

#define REGISTER_FACTS 4

struct registers {
	unsigned char value[REGISTER_BYTES], known[REGISTER_BYTES];
	struct {
		size_t at, bytes;	   /* 0 bytes: free */
		const struct field *field; /* its first bytes are there, */
		unsigned char mask[16];	   /* masked by this */
	} fact[REGISTER_FACTS];
};

#define LONGEST 16 /* bytes that an expression fills without giving their length: an interface name, an address */

/* REGISTER_BYTES: there is no such register. */
size_t registers_offset(uint32_t number);

void registers_forget(struct registers *registers, size_t at, size_t length);

/* Bits of value are known where known has 1; known NULL: all are. value NULL: none is. The rest of the last four bytes becomes zero. */
void registers_load(struct registers *registers, uint32_t number, const void *value, const void *known, size_t length);

/* Notes that the registers from at on hold the first length bytes of this field. */
void registers_note(struct registers *registers, size_t at, size_t length, const struct field *field);

/* Keeps a fact where the registers are masked in place by a prefix; other facts end. */
void registers_mask(struct registers *r, size_t from, size_t to, size_t length, const unsigned char *mask, const unsigned char * xor);

/* As memcmp() of the registers with these bytes, if every bit is known; else NO_ORDER. */
#define NO_ORDER INT32_MIN
int registers_order(const struct registers *r, size_t at, const void *bytes, size_t length);

/* NO: they differ in what is known. */
enum match registers_equal(const struct registers *r, size_t at, const unsigned char *bytes, size_t length);

/* Are they within these bounds? Those are of the same length. */
enum match registers_between(const struct registers *r, size_t at, const void *low, const void *high, size_t length);

/* The bytes of a value that fits into the registers from there on, or NULL. */
const unsigned char *registers_bytes(const struct nlattr *value, size_t at, size_t *length);

#endif
