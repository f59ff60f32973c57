// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/jwk.h"

#include <string.h>

#include "store/openssl.h"

#define COORDINATE 48 /* bytes, at most */

OWN_OPENSSL(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OWN_OPENSSL(OSSL_PARAM, OSSL_PARAM_free)
OWN_OPENSSL(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)

/* The numbers of a key live as long as this: OSSL_PARAM_BLD refers to them. */
struct numbers {
	BIGNUM *number[JWK_PARTS];
};

static void free_numbers(struct numbers *numbers)
{
	for (size_t i = 0; i < JWK_PARTS; i++)
		BN_clear_free(numbers->number[i]);
}
#define OWN_NUMBERS __attribute__((cleanup(free_numbers)))

static int push(OSSL_PARAM_BLD *build, struct numbers *numbers, const struct jwk *jwk, enum jwk_part part, const char *name)
{
	BIGNUM *number = BN_bin2bn(jwk->part[part].byte, (int)jwk->part[part].length, NULL);

	numbers->number[part] = number;
	return number && jwk->part[part].length && OSSL_PARAM_BLD_push_BN(build, name, number);
}

static int push_rsa(OSSL_PARAM_BLD *build, struct numbers *numbers, const struct jwk *jwk)
{
	static const char *const names[] = {
		[JWK_N] = OSSL_PKEY_PARAM_RSA_N,	  [JWK_E] = OSSL_PKEY_PARAM_RSA_E,
		[JWK_D] = OSSL_PKEY_PARAM_RSA_D,	  [JWK_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
		[JWK_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,	  [JWK_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
		[JWK_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2, [JWK_QI] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};

	for (unsigned int i = 0; i < LENGTH_OF(names); i++)
		if (!push(build, numbers, jwk, (enum jwk_part)i, names[i]))
			return 0;
	return 1;
}

/* point: lives as long as build. */
static int push_ec(OSSL_PARAM_BLD *build, struct numbers *numbers, const struct jwk *jwk, unsigned char point[1 + 2 * COORDINATE])
{
	const size_t width = jwk->part[JWK_X].length;

	if (!width || width > COORDINATE || jwk->part[JWK_Y].length != width)
		return 0;
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1, jwk->part[JWK_X].byte, width);
	memcpy(point + 1 + width, jwk->part[JWK_Y].byte, width);
	return OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, jwk->curve, 0) &&
	       OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * width) &&
	       push(build, numbers, jwk, JWK_D, OSSL_PKEY_PARAM_PRIV_KEY);
}

static EVP_PKEY *make(const struct jwk *jwk, OSSL_PARAM *params)
{
	OWN(EVP_PKEY_CTX_free) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, jwk->curve[0] ? "EC" : "RSA", NULL);
	OWN(EVP_PKEY_CTX_free) EVP_PKEY_CTX *check = NULL;
	EVP_PKEY *pkey = NULL;

	if (!context || !params || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		return NULL;
	check = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (check && EVP_PKEY_pairwise_check(check) == 1)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

struct key *jwk_read(const struct jwk *jwk, struct fault *fault)
{
	OWN_NUMBERS struct numbers numbers = { 0 };
	OWN(OSSL_PARAM_BLD_free) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OWN(OSSL_PARAM_free) OSSL_PARAM *params = NULL;
	unsigned char point[1 + 2 * COORDINATE];
	EVP_PKEY *pkey = NULL;

	if (build && (jwk->curve[0] ? push_ec(build, &numbers, jwk, point) : push_rsa(build, &numbers, jwk)))
		params = OSSL_PARAM_BLD_to_param(build);
	pkey = make(jwk, params);
	if (pkey)
		return openssl_take_key(pkey, fault);
	ERR_clear_error();
	fault_set(fault, FAULT_FAILED, "it is not a whole private key: a number is missing, or they do not belong together");
	return NULL;
}
