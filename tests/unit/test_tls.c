// SPDX-License-Identifier: GPL-3.0-or-later
/* acmegate-tls: the certificate, byte by byte, and the process behind its own confinement, with real handshakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/confine.h"
#include "base/log.h"
#include "base/own.h"
#include "tls/certificate.h"
#include "tls/names.h"
#include "tls/openssl.h"
#include "tls/handshake.h"

#include "has_filters.h"

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"
#define ACME "\012acme-tls/1"
#define HTTP "\2h2\010http/1.1"
#define NO_ALERT (-1)

static struct fault fault;
static struct record record;

static struct digest digest_for(const char *name)
{
	struct digest digest = { .token = TOKEN };

	snprintf(digest.name, sizeof(digest.name), "%s", name);
	for (size_t i = 0; i < sizeof(digest.digest); i++)
		digest.digest[i] = (unsigned char)(0xe0 + i);
	return digest;
}

/* --- the certificate ---------------------------------------------------------------------------------------------------- */

static const ASN1_OCTET_STRING *extension(const X509 *certificate, const char *identifier, int critical)
{
	ASN1_OBJECT *object = OBJ_txt2obj(identifier, 1);
	int at = X509_get_ext_by_OBJ(certificate, object, -1);

	ASN1_OBJECT_free(object);
	assert_true(at >= 0);
	assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(certificate, at)), critical);
	return X509_EXTENSION_get_data(X509_get_ext(certificate, at));
}

/* RFC 8737, 3, as CAs check it: nothing but these bytes will do. */
static void check_certificate(const X509 *certificate, const struct digest *digest)
{
	unsigned char name[300] = { 0x30, 0, 0, 0 }, address[NAMES_ADDRESS_MOST];
	const unsigned char identifier[] = { 0x04, 0x20 };
	size_t octets = names_address(digest->name, address), length = octets ? octets : strlen(digest->name), used = 1;
	const ASN1_OCTET_STRING *san = extension(certificate, "2.5.29.17", 0),
				*acme = extension(certificate, "1.3.6.1.5.5.7.1.31", 1);
	char subject[64];

	if (length > 0x7f) {
		memcpy(name + used, (unsigned char[]){ 0x81, (unsigned char)(length + 3) }, 2);
		used += 2;
	} else {
		name[used++] = (unsigned char)(length + 2);
	}
	name[used++] = octets ? 0x87 : 0x82;
	if (length > 0x7f)
		name[used++] = 0x81;
	name[used++] = (unsigned char)length;
	memcpy(name + used, octets ? (const void *)address : digest->name, length);
	assert_int_equal(san->length, used + length);
	assert_memory_equal(san->data, name, used + length);
	assert_int_equal(acme->length, 34);
	assert_memory_equal(acme->data, identifier, 2);
	assert_memory_equal(acme->data + 2, digest->digest, DIGEST_BYTES);
	assert_int_equal(X509_get_ext_count(certificate), 2);
	assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
	assert_int_equal(X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)), 0);
	X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof(subject));
	assert_string_equal(subject, "/CN=acmegate");
	assert_int_equal(X509_verify((X509 *)(uintptr_t)certificate, X509_get0_pubkey(certificate)), 1);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(certificate)), 256);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0);
	assert_true(X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0);
}

static void the_certificate_is_for_one_name(void **state)
{
	static const char *const names[] = { "a.example", "xn--bcher-kva.example", "192.0.2.7", "2001:db8::7", NULL };
	EVP_PKEY *key = certificate_make_key(&fault);
	char longest[201];

	(void)state;
	assert_non_null(key);
	memset(longest, 'a', 200);
	for (size_t i = 49; i < 200; i += 50)
		longest[i] = i == 199 ? 'a' : '.';
	longest[200] = '\0'; /* more than a common name may have */
	for (size_t i = 0; i < LENGTH_OF(names); i++) {
		struct digest digest = digest_for(names[i] ? names[i] : longest);
		X509 *certificate = certificate_make(&digest, key);

		assert_non_null(certificate);
		check_certificate(certificate, &digest);
		X509_free(certificate);
	}
	EVP_PKEY_free(key);
}

static void addresses_have_names_in_the_reverse_tree(void **state)
{
	static const char *const expected[][2] = {
		{ "a.example", "a.example" },
		{ "192.0.2.7", "7.2.0.192.in-addr.arpa" },
		{ "2001:db8::1f", "f.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa" },
	};
	char name[SERVER_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(expected); i++) {
		names_server_name(expected[i][0], name);
		assert_string_equal(name, expected[i][1]);
	}
}

/* --- the process -------------------------------------------------------------------------------------------------------- */

static int warden, client;
static in_port_t port;
static pid_t process;

static int listen_here(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, length) | listen(fd, 1024) |
				 getsockname(fd, (struct sockaddr *)&any, &length),
			 0);
	port = any.sin_port;
	return fd;
}

static void in_process(const int from[3])
{
	static const struct reception reception = {
		.hear = names_receive, .greet = handshake_greet, .receive = handshake_receive, .leave = handshake_leave
	};
	const int to[] = { FD_WARDEN, FD_CLIENT, FD_LISTEN_4 };
	int high[LENGTH_OF(to)];

	for (size_t i = 0; i < LENGTH_OF(to); i++)
		high[i] = fcntl(from[i], F_DUPFD, 40);
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	for (int fd = STDERR_FILENO + 1; fd < 40; fd++)
		close(fd);
	for (size_t i = 0; i < LENGTH_OF(to); i++)
		dup2(high[i], to[i]);
	log_start("tls", true);
	if (confine(ROLE_TLS, NULL, -1, &fault) < 0 || handshake_start(&fault) < 0)
		_exit(99);
	_exit(visitors_serve(&reception, &fault) < 0 ? STATUS_FAILED : STATUS_DONE);
}

static void publish(const struct digest *digest)
{
	assert_int_equal(wire_send(client, VERB_DIGEST, 0, digest, sizeof(*digest), &fault), 0);
}

static int begin(void **state)
{
	static const char *const names[] = { "a.example", "192.0.2.7", "2001:db8::7" };
	int wardens[2], clients[2], listener = listen_here();

	(void)state;
	if (wire_pair(wardens, &fault) < 0 || wire_pair(clients, &fault) < 0)
		return -1;
	warden = wardens[0];
	client = clients[0];
	for (size_t i = 0; i < LENGTH_OF(names); i++) {
		struct digest digest = digest_for(names[i]);

		publish(&digest);
	}
	process = fork();
	if (!process)
		in_process((int[]){ wardens[1], clients[1], listener });
	close(wardens[1]);
	close(clients[1]);
	close(listener);
	return wire_receive(warden, &record, &fault) == 1 && record.verb == VERB_READY ? 0 : -1;
}

static int status_at_end(void)
{
	int status;

	waitpid(process, &status, 0);
	process = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int end(void **state)
{
	(void)state;
	close_fd(&warden);
	if (process && status_at_end() != STATUS_DONE)
		return -1;
	close_fd(&client);
	return 0;
}

static int dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = port };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

struct hello {
	const char *name, *protocols; /* NULL: no such extension */
	int version;		      /* the highest; 0: any */
};

/* The alert that came, NO_ALERT: a handshake, whose certificate is that for `proved`. */
static int shake(const struct hello *hello, const struct digest *proved)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int fd = dial(), rc, alert = NO_ALERT;
	SSL *ssl;

	SSL_CTX_set_security_level(context, 0); /* for TLS 1.1 */
	if (hello->version)
		assert_int_equal(SSL_CTX_set_min_proto_version(context, hello->version) &
					 SSL_CTX_set_max_proto_version(context, hello->version),
				 1);
	ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	if (hello->name)
		SSL_set_tlsext_host_name(ssl, hello->name);
	if (hello->protocols)
		assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)hello->protocols,
						     (unsigned int)strlen(hello->protocols)),
				 0);
	ERR_clear_error();
	rc = SSL_connect(ssl);
	if (rc == 1) {
		X509 *certificate = SSL_get1_peer_certificate(ssl);
		const unsigned char *protocol;
		unsigned int length;
		char byte;

		SSL_get0_alpn_selected(ssl, &protocol, &length);
		assert_int_equal(length, 10);
		assert_memory_equal(protocol, "acme-tls/1", 10);
		assert_non_null(proved);
		check_certificate(certificate, proved);
		assert_int_equal(SSL_read(ssl, &byte, 1), 0); /* no data: the end */
		assert_int_equal(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN);
		assert_false(SSL_SESSION_is_resumable(SSL_get0_session(ssl)));
		X509_free(certificate);
	} else {
		alert = ERR_GET_REASON(ERR_peek_error()) - SSL_AD_REASON_OFFSET;
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	return alert;
}

static void who_means_it_is_shown_the_certificate(void **state)
{
	static const struct {
		struct hello hello;
		const char *name;
	} good[] = {
		{ { "a.example", ACME, 0 }, "a.example" },
		{ { "A.Example", ACME, TLS1_2_VERSION }, "a.example" },
		{ { "a.example", ACME, TLS1_3_VERSION }, "a.example" },
		{ { "7.2.0.192.in-addr.arpa", ACME, 0 }, "192.0.2.7" },
		{ { "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", ACME, 0 }, "2001:db8::7" },
	};
	const struct hit *hit = (const void *)record.data;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(good); i++) {
		struct digest digest = digest_for(good[i].name);

		assert_int_equal(shake(&good[i].hello, &digest), NO_ALERT);
		assert_int_equal(wire_receive(client, &record, &fault), 1);
		assert_int_equal(record.verb, VERB_HIT);
		assert_string_equal(hit->token, TOKEN);
		assert_string_equal(hit->address, "127.0.0.1");
	}
}

static void all_others_are_refused(void **state)
{
	static const struct {
		struct hello hello;
		int alert;
	} bad[] = {
		{ { "a.example", NULL, 0 }, 120 },
		{ { "a.example", HTTP, 0 }, 120 },
		{ { "a.example", ACME HTTP, 0 }, 120 },
		{ { "a.example", "\012acme-tls/2", 0 }, 120 },
		{ { NULL, NULL, 0 }, 120 },
		{ { NULL, ACME, 0 }, 112 },
		{ { "b.example", ACME, 0 }, 112 },
		{ { "a.example.", ACME, 0 }, 112 },
		{ { "a.exampl", ACME, 0 }, 112 },
		{ { "192.0.2.7", ACME, 0 }, 112 },
		{ { "a.example", ACME, TLS1_1_VERSION }, 70 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(bad); i++)
		assert_int_equal(shake(&bad[i].hello, NULL), bad[i].alert);
}

/* A client's later word about a name counts, while the process serves. */
static void later_digests_are_known(void **state)
{
	struct digest digest = digest_for("a.example");

	(void)state;
	digest.digest[0] = 1;
	publish(&digest);
	digest = digest_for("b.example");
	publish(&digest);
	while (shake(&(struct hello){ "b.example", ACME, 0 }, &digest) != NO_ALERT) /* it has not read it yet */
		;
	digest = digest_for("a.example");
	digest.digest[0] = 1;
	assert_int_equal(shake(&(struct hello){ "a.example", ACME, 0 }, &digest), NO_ALERT);
}

static void garbage_and_the_silent_are_in_nobodys_way(void **state)
{
	static const char garbage[] = "\x16\x03\x01\x00\x05hello", http[] = "GET / HTTP/1.1\r\n\r\n";
	struct digest digest = digest_for("a.example");
	int silent[300], fd;
	char text[64];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(silent); i++)
		silent[i] = dial();
	fd = dial();
	assert_int_equal(send(fd, garbage, sizeof(garbage) - 1, 0), sizeof(garbage) - 1);
	assert_true(recv(fd, text, sizeof(text), 0) > 0); /* an alert */
	assert_int_equal(text[0], 21);
	close(fd);
	fd = dial();
	assert_int_equal(send(fd, http, sizeof(http) - 1, 0), sizeof(http) - 1);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 0); /* the end, and no word */
	close(fd);
	assert_int_equal(shake(&(struct hello){ "a.example", ACME, 0 }, &digest), NO_ALERT);
	assert_int_equal(recv(silent[LENGTH_OF(silent) - 1], text, sizeof(text), 0), -1); /* after five seconds */
	assert_int_equal(errno, ECONNRESET);
	for (size_t i = 0; i < LENGTH_OF(silent); i++)
		close(silent[i]);
}

static void what_the_client_may_not_send_ends_it(void **state)
{
	static const char *const names[] = { "", "a example", "A.example", "a\nb" };
	struct digest digest;

	for (size_t i = 0; i < LENGTH_OF(names); i++) {
		digest = digest_for(names[i]);
		publish(&digest);
		assert_int_equal(status_at_end(), STATUS_FAILED);
		end(state);
		assert_int_equal(begin(state), 0);
	}
	digest = digest_for("a.example");
	digest.token[0] = '\n';
	publish(&digest);
	assert_int_equal(status_at_end(), STATUS_FAILED);
	end(state);
	assert_int_equal(begin(state), 0);
	assert_int_equal(wire_send(client, VERB_CLOSE, 0, NULL, 0, &fault), 0);
	assert_int_equal(status_at_end(), STATUS_FAILED);
}

static void ends_with_the_client(void **state)
{
	(void)state;
	close_fd(&client);
	assert_int_equal(status_at_end(), STATUS_DONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_certificate_is_for_one_name),
		cmocka_unit_test(addresses_have_names_in_the_reverse_tree),
		TEST(who_means_it_is_shown_the_certificate),
		TEST(all_others_are_refused),
		TEST(later_digests_are_known),
		TEST(garbage_and_the_silent_are_in_nobodys_way),
		TEST(what_the_client_may_not_send_ends_it),
		TEST(ends_with_the_client),
	};

	const size_t without_process = 2;

	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (!has_filters())
		print_message("# no filters of system calls here: no process of acmegate-tls is tested\n");
	return _cmocka_run_group_tests("tls", tests, has_filters() ? LENGTH_OF(tests) : without_process, NULL, NULL);
}
