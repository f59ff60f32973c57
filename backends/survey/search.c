// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/search.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

/*
 * The kernel lists an interval as two elements: its first value, and the first value behind it. A value belongs to the last element
 * that is not above it. *sure: the value is known. NULL: it is in no interval.
 */
static const struct nft_element *find_interval(const struct registers *r, const struct nft_set *set, size_t at, bool *sure)
{
	const struct nft_element *best = NULL;
	size_t length;

	*sure = true;
	for (const struct nft_element *e = set->element; e < set->element + set->elements && *sure; e++) {
		const unsigned char *bytes = registers_bytes(e->key, at, &length);
		int sign = bytes ? registers_order(r, at, bytes, length) : -1, above = best && bytes ? 1 : 0;

		*sure = sign != NO_ORDER;
		if (sign < 0)
			continue;
		if (above && mnl_attr_get_payload_len(best->key) == length)
			above = memcmp(bytes, mnl_attr_get_payload(best->key), length);
		if (!best || above > 0 || (above == 0 && !(e->flags & NFT_SET_ELEM_INTERVAL_END)))
			best = e;
	}
	return best && !(best->flags & NFT_SET_ELEM_INTERVAL_END) ? best : NULL;
}

/* The fact about the whole key, unmasked. NULL: there is none. */
static const struct field *fact_of_key(const struct registers *r, const struct nft_set *set, size_t at)
{
	const struct nlattr *key = set->elements ? set->element[0].key : NULL;
	size_t i = 0;

	while (i < REGISTER_FACTS && (!r->fact[i].bytes || r->fact[i].at != at))
		i++;
	if (i == REGISTER_FACTS || !key || mnl_attr_get_payload_len(key) != r->fact[i].field->bytes ||
	    r->fact[i].bytes != r->fact[i].field->bytes)
		return NULL;
	for (size_t b = 0; b < r->fact[i].bytes; b++)
		if (r->fact[i].mask[b] != 0xff)
			return NULL;
	return r->fact[i].field;
}

/* Does any interval of the set overlap this range: one that holds its first value, as find_interval(), or one that begins in it? */
static bool touches(const struct nft_set *set, const struct range *range, size_t length)
{
	const struct nft_element *best = NULL;

	for (const struct nft_element *e = set->element; e < set->element + set->elements; e++) {
		const unsigned char *bytes = e->key && mnl_attr_get_payload_len(e->key) == length ? mnl_attr_get_payload(e->key) :
												    NULL;
		int above;

		if (!bytes && (e->flags & NFT_SET_ELEM_CATCHALL))
			continue;
		if (!bytes)
			return true;
		if (memcmp(bytes, range->low, length) > 0) {
			if (!(e->flags & NFT_SET_ELEM_INTERVAL_END) && memcmp(bytes, range->high, length) <= 0)
				return true;
			continue;
		}
		above = best ? memcmp(bytes, mnl_attr_get_payload(best->key), length) : 1;
		if (above > 0 || (above == 0 && !(e->flags & NFT_SET_ELEM_INTERVAL_END)))
			best = e;
	}
	return best && !(best->flags & NFT_SET_ELEM_INTERVAL_END);
}

#define MOST_COMPARISONS 4000000 /* some 10 ms */

/* Is it known that no interval holds the field? */
static bool is_outside(const struct registers *r, const struct nft_set *set, size_t at)
{
	const struct field *field = fact_of_key(r, set, at);

	if (!field || field->count * set->elements > MOST_COMPARISONS)
		return false;
	for (const struct range *range = field->range; range < field->range + field->count; range++)
		if (touches(set, range, field->bytes))
			return false;
	return true;
}

/* Each field of a concatenation begins at a register of four bytes and has its own bounds. */
static enum match in_fields(const struct registers *r, const struct nft_set *set, size_t at, const struct nft_element *e)
{
	size_t length, other, offset = 0;
	const unsigned char *low = registers_bytes(e->key, at, &length), *high = registers_bytes(e->key_end, at, &other);
	enum match match = YES;

	if (!low || !high || length != other)
		return MAYBE;
	for (size_t i = 0; i < set->fields && match != NO; offset += (set->field[i++] + 3) & ~3U) {
		enum match one = offset + set->field[i] > length ?
					 MAYBE :
					 registers_between(r, at + offset, low + offset, high + offset, set->field[i]);

		match = one < match ? one : match;
	}
	return set->fields ? match : MAYBE;
}

/* Does the key equal this element? */
static enum match is_element(const struct registers *r, const struct nft_set *set, size_t at, const struct nft_element *e)
{
	size_t length;
	const unsigned char *bytes = registers_bytes(e->key, at, &length);

	if (e->flags & (NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL))
		return NO;
	if (e->key_end)
		return in_fields(r, set, at, e);
	return !bytes || ((set->flags & NFT_SET_INTERVAL) && !set->fields) ? MAYBE : registers_equal(r, at, bytes, length);
}

/* Elements of dynamic sets come and go. */
static bool is_constant(const struct nft_set *set)
{
	return !(set->flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL));
}

enum match search_finds(const struct search *search, const struct nft_element *e)
{
	enum match match;

	if (e->flags & NFT_SET_ELEM_CATCHALL)
		match = search->others == MAYBE ? MAYBE : match_if(search->others == NO);
	else
		match = search->ordered ? match_if(e == search->hit) :
			search->outside ? NO :
					  is_element(&search->registers, search->set, search->at, e);
	return match == YES && (e->stateful || !is_constant(search->set)) ? MAYBE : match;
}

/* Does the set hold every value that the field can have? Only for sets without intervals and fields with single values. */
static bool holds_all(const struct registers *r, const struct nft_set *set, size_t at)
{
	const struct field *field = fact_of_key(r, set, at);
	bool all = field && field->count && !(set->flags & NFT_SET_INTERVAL);

	for (size_t i = 0; all && i < field->count; i++) {
		bool found = false;

		for (size_t e = 0; e < set->elements && !found; e++)
			found = set->element[e].key && !set->element[e].stateful &&
				mnl_attr_get_payload_len(set->element[e].key) == field->bytes &&
				!memcmp(field->range[i].low, mnl_attr_get_payload(set->element[e].key), field->bytes);
		all = found && !memcmp(field->range[i].low, field->range[i].high, field->bytes);
	}
	return all;
}

void search_begin(struct search *search, const struct registers *registers, const struct nft_set *set, size_t at)
{
	*search = (struct search){ .registers = *registers, .set = set, .at = at };
	if ((set->flags & NFT_SET_INTERVAL) && !set->fields) {
		search->hit = find_interval(registers, set, at, &search->ordered);
		search->outside = !search->ordered && is_outside(registers, set, at);
	}
	for (const struct nft_element *e = set->element; e < set->element + set->elements && search->others != YES; e++) {
		enum match match = (e->flags & NFT_SET_ELEM_CATCHALL) ? NO : search_finds(search, e);

		search->others = match > search->others ? match : search->others;
	}
	if (search->others == MAYBE && is_constant(set) && holds_all(registers, set, at))
		search->others = YES;
}

enum match search_set(const struct registers *registers, const struct nft_set *set, size_t at)
{
	struct search search;
	enum match match;

	search_begin(&search, registers, set, at);
	match = search.others;
	for (const struct nft_element *e = set->element; e < set->element + set->elements && match == NO; e++)
		match = (e->flags & NFT_SET_ELEM_CATCHALL) ? YES : NO;
	return is_constant(set) ? match : MAYBE;
}
