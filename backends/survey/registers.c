// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/registers.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

size_t registers_offset(uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (number - NFT_REG_1) * (size_t)16;
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return (number - NFT_REG32_00) * (size_t)4;
	return REGISTER_BYTES;
}

/* A write to registers ends the facts about them. */
static void forget_facts(struct registers *registers, size_t at, size_t length)
{
	for (size_t i = 0; i < REGISTER_FACTS; i++)
		if (registers->fact[i].at < at + length && at < registers->fact[i].at + registers->fact[i].bytes)
			registers->fact[i].bytes = 0;
}

void registers_forget(struct registers *registers, size_t at, size_t length)
{
	memset(registers->known + at, 0, length < REGISTER_BYTES - at ? length : REGISTER_BYTES - at);
	forget_facts(registers, at, length);
}

void registers_load(struct registers *registers, uint32_t number, const void *value, const void *known, size_t length)
{
	size_t at = registers_offset(number), whole = (length + 3) & ~(size_t)3;

	if (!value || at + whole > REGISTER_BYTES) {
		registers_forget(registers, at, value ? length : LONGEST);
		return;
	}
	forget_facts(registers, at, whole);
	memset(registers->value + at, 0, whole);
	memset(registers->known + at, 0xff, whole);
	memcpy(registers->value + at, value, length);
	if (known)
		memcpy(registers->known + at, known, length);
}

/* A field that can have only one value is known. */
static bool know_fact(struct registers *registers, size_t at, size_t length, const struct field *field)
{
	size_t bytes = length < field->bytes ? length : field->bytes;

	if (field->count != 1 || memcmp(field->range->low, field->range->high, field->bytes) != 0 || at + bytes > REGISTER_BYTES)
		return false;
	memcpy(registers->value + at, field->range->low, bytes);
	memset(registers->known + at, 0xff, bytes);
	return true;
}

void registers_note(struct registers *registers, size_t at, size_t length, const struct field *field)
{
	size_t i = 0;

	while (i < REGISTER_FACTS && registers->fact[i].bytes)
		i++;
	if (know_fact(registers, at, length, field) || i == REGISTER_FACTS || !field->count || at + length > REGISTER_BYTES)
		return;
	registers->fact[i].at = at;
	registers->fact[i].bytes = length < field->bytes ? length : field->bytes;
	registers->fact[i].field = field;
	memset(registers->fact[i].mask, 0xff, sizeof(registers->fact[i].mask));
}

/* "ip saddr & 255.0.0.0": a fact about the field holds for its first bits. */
static bool is_prefix(const unsigned char *mask, const unsigned char * xor, size_t length)
{
	bool end = false;

	for (size_t i = 0; i < 8 * length; i++) {
		bool bit = mask[i / 8] >> (7 - i % 8) & 1;

		if (xor[i / 8] || (bit && end))
			return false;
		end = end || !bit;
	}
	return true;
}

void registers_mask(struct registers *r, size_t from, size_t to, size_t length, const unsigned char *mask, const unsigned char * xor)
{
	for (size_t i = 0; i < REGISTER_FACTS; i++) {
		size_t at = r->fact[i].at, bytes = r->fact[i].bytes;

		if (!bytes || at + bytes <= to || to + length <= at)
			continue;
		if (from != to || at < to || at + bytes > to + length || !is_prefix(mask + (at - to), xor+(at - to), bytes))
			r->fact[i].bytes = 0;
		else
			memcpy(r->fact[i].mask, mask + (at - to), bytes);
	}
	if (from != to)
		forget_facts(r, to, length);
}

int registers_order(const struct registers *r, size_t at, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (r->known[at + i] != 0xff)
			return NO_ORDER;
	return memcmp(r->value + at, bytes, length);
}

/* The same for the field that begins in this register. MAYBE also where no fact is known. */
static enum match fact_between(const struct registers *r, size_t at, const unsigned char *low, const unsigned char *high,
			       size_t length)
{
	for (size_t i = 0; i < REGISTER_FACTS; i++)
		if (r->fact[i].bytes >= length && r->fact[i].at == at)
			return field_between(r->fact[i].field, r->fact[i].mask, low, high, length);
	return MAYBE;
}

/* The number of bytes from at on, up to length, a fact is about. 0: there is no fact. */
static size_t fact_bytes(const struct registers *r, size_t at, size_t length)
{
	for (size_t i = 0; i < REGISTER_FACTS; i++)
		if (r->fact[i].bytes && r->fact[i].at == at)
			return r->fact[i].bytes < length ? r->fact[i].bytes : length;
	return 0;
}

enum match registers_equal(const struct registers *r, size_t at, const unsigned char *bytes, size_t length)
{
	enum match match = YES;
	size_t step;

	for (size_t i = 0; i < length; i += step) {
		size_t part = fact_bytes(r, at + i, length - i);
		enum match one = part			  ? fact_between(r, at + i, bytes + i, bytes + i, part) :
				 r->known[at + i] == 0xff ? YES :
							    MAYBE;

		step = part ? part : 1;
		match = one < match ? one : match;
		if (match == NO)
			return NO;
	}
	for (size_t i = 0; i < length; i++)
		if ((r->value[at + i] ^ bytes[i]) & r->known[at + i])
			return NO;
	return match;
}

enum match registers_between(const struct registers *r, size_t at, const void *low, const void *high, size_t length)
{
	if (registers_order(r, at, low, length) == NO_ORDER)
		return fact_between(r, at, low, high, length);
	return match_if(registers_order(r, at, low, length) >= 0 && registers_order(r, at, high, length) <= 0);
}

const unsigned char *registers_bytes(const struct nlattr *value, size_t at, size_t *length)
{
	*length = value ? mnl_attr_get_payload_len(value) : 0;
	return *length && at + *length <= REGISTER_BYTES ? mnl_attr_get_payload(value) : NULL;
}
