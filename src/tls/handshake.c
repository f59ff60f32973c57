// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/handshake.h"

#include <string.h>

#include "base/log.h"
#include "tls/certificate.h"
#include "tls/names.h"
#include "tls/openssl.h"

#define PROTOCOL "acme-tls/1"
#define PROTOCOL_BYTES (sizeof(PROTOCOL) - 1)

static struct {
	SSL_CTX *context;
	EVP_PKEY *key;
	SSL *ssl[VISITORS_MOST];		   /* by place; NULL: there is none, or the handshake is over */
	const struct digest *asked[VISITORS_MOST]; /* what was proved */
} self;

OWN_OPENSSL(X509, X509_free)

/* --- the first message -------------------------------------------------------------------------------------------- */

/* An extension that has one list of one item, with a length of two bytes and the item's of so many: the item. NULL: another form. */
static const unsigned char *only_item(const unsigned char *data, size_t size, size_t header, size_t *length)
{
	if (size < 2 + header || (size_t)(data[0] << 8 | data[1]) != size - 2)
		return NULL;
	*length = header == 1 ? data[2] : (size_t)(data[3] << 8 | data[4]);
	return *length == size - 2 - header ? data + 2 + header : NULL;
}

/* The CA offers this protocol, and no other (RFC 8737, 3). */
static bool offers_protocol(SSL *ssl)
{
	const unsigned char *data, *item;
	size_t size, length;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &size))
		return false;
	item = only_item(data, size, 1, &length);
	return item && length == PROTOCOL_BYTES && !memcmp(item, PROTOCOL, PROTOCOL_BYTES);
}

static const struct digest *find_name(SSL *ssl)
{
	const unsigned char *data, *item;
	size_t size, length;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) || size < 3 || data[2] != TLSEXT_NAMETYPE_host_name)
		return NULL;
	item = only_item(data, size, 3, &length);
	return item ? names_find((const char *)item, length) : NULL;
}

static int refuse(size_t place, int *alert, int with, const char *why)
{
	log_debug("%s %s", visitors_address(place), why);
	*alert = with;
	return SSL_CLIENT_HELLO_ERROR;
}

/* Here and not where the protocol is selected: a client that offers none at all never gets there, and would get the handshake. */
static int on_hello(SSL *ssl, int *alert, void *unused)
{
	const size_t place = (size_t)(uintptr_t)SSL_get_app_data(ssl);
	const struct digest *digest = offers_protocol(ssl) ? find_name(ssl) : NULL;
	OWN(X509_free) X509 *certificate = NULL;

	(void)unused;
	if (!offers_protocol(ssl))
		return refuse(place, alert, SSL_AD_NO_APPLICATION_PROTOCOL, "did not offer " PROTOCOL);
	if (!digest)
		return refuse(place, alert, SSL_AD_UNRECOGNIZED_NAME, "asked for a name that is not validated");
	certificate = certificate_make(digest, self.key);
	if (!certificate || SSL_use_certificate(ssl, certificate) != 1 || SSL_use_PrivateKey(ssl, self.key) != 1)
		return refuse(place, alert, SSL_AD_INTERNAL_ERROR, "got no certificate: OpenSSL made none");
	self.asked[place] = digest;
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int on_protocols(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in, unsigned int size,
			void *unused)
{
	(void)ssl, (void)in, (void)size, (void)unused;
	*out = (const unsigned char *)PROTOCOL;
	*length = PROTOCOL_BYTES;
	return SSL_TLSEXT_ERR_OK;
}

/* --- connections -------------------------------------------------------------------------------------------------- */

/* Without openssl.cnf, which may name modules. No ticket, no cache: nothing outlives the handshake. */
int handshake_start(struct fault *fault)
{
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	self.key = certificate_make_key(fault);
	if (!self.key)
		return -1;
	self.context = SSL_CTX_new(TLS_server_method());
	if (!self.context || !SSL_CTX_set_min_proto_version(self.context, TLS1_2_VERSION) ||
	    !SSL_CTX_set_num_tickets(self.context, 0))
		return fault_set(fault, FAULT_LATER, "OpenSSL makes no context for TLS");
	SSL_CTX_set_options(self.context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(self.context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(self.context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_client_hello_cb(self.context, on_hello, NULL);
	SSL_CTX_set_alpn_select_cb(self.context, on_protocols, NULL);
	return 0;
}

void handshake_leave(size_t place)
{
	SSL_free(self.ssl[place]);
	self.ssl[place] = NULL;
}

/* The alert, or the last message of the handshake, has to arrive: so the connection is shut, and not reset. */
static void end(size_t place, bool proved)
{
	const struct digest *digest = self.asked[place];
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (proved) {
		(void)SSL_shutdown(self.ssl[place]);
		visitors_tell_hit(place, digest->token);
		log_debug("%s was shown the certificate for %s", visitors_address(place), digest->name);
	} else {
		log_debug("no handshake with %s: %s", visitors_address(place), reason ? reason : "it ended");
	}
	handshake_leave(place);
	visitors_finish(place);
}

/* Our bytes fit into the empty send buffer of a fresh connection; a peer for which it does not gets nothing. */
void handshake_receive(size_t place)
{
	int rc, error;

	ERR_clear_error();
	rc = SSL_accept(self.ssl[place]);
	error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(self.ssl[place], rc);
	if (error == SSL_ERROR_NONE || error == SSL_ERROR_SSL)
		end(place, rc == 1);
	else if (error != SSL_ERROR_WANT_READ)
		visitors_drop(place);
}

void handshake_greet(size_t place)
{
	SSL *ssl = SSL_new(self.context);

	self.ssl[place] = ssl;
	self.asked[place] = NULL;
	if (!ssl || SSL_set_fd(ssl, visitors_fd(place)) != 1) {
		visitors_drop(place);
		return;
	}
	SSL_set_app_data(ssl, (void *)(uintptr_t)place);
	handshake_receive(place);
}
