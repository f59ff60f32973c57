// SPDX-License-Identifier: GPL-3.0-or-later
/* HTTPS with a server of the test's own on the loopback: its answers, its silence, its certificate, and proxies in front of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "agent/http.h"
#include "tiny_ca.h"

enum { SERVER, PROXY_407, PROXY_403, PROXY_502, PROXY, LISTENERS };

static int listener[LISTENERS];
static in_port_t port[LISTENERS];
static SSL_CTX *tls;
static pid_t server;
static int ca_fd;
static struct fault fault;
static struct http *http;
static struct exchange exchange;

/* --- the server --------------------------------------------------------------------------------------------------- */

static void make_listener(int which)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	listener[which] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener[which] < 0 || bind(listener[which], (struct sockaddr *)&address, length) < 0 ||
	    listen(listener[which], 64) < 0 || getsockname(listener[which], (struct sockaddr *)&address, &length) < 0)
		abort();
	port[which] = ntohs(address.sin_port);
}

static int file_of(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	return fd;
}

static void make_certificate(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	const struct tiny_order order = { .san = "IP:127.0.0.1,DNS:ca.example" };
	X509_REQ *request = X509_REQ_new();
	char pem[TINY_PEM_SIZE], path[64];
	unsigned char *der = NULL;
	int length, fd;

	X509_REQ_set_pubkey(request, key);
	X509_REQ_sign(request, key, EVP_sha256());
	length = i2d_X509_REQ(request, &der);
	tiny_ca_issue(der, (size_t)length, &order, pem);
	fd = file_of(pem);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls || SSL_CTX_use_certificate_chain_file(tls, path) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1)
		abort();
	close(fd);
	OPENSSL_free(der);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	tiny_ca_root(pem);
	ca_fd = file_of(pem);
}

static void put(SSL *ssl, const char *text)
{
	(void)SSL_write(ssl, text, (int)strlen(text));
}

static void put_many(SSL *ssl, const char *text, size_t bytes)
{
	for (size_t sent = 0; sent < bytes; sent += strlen(text))
		put(ssl, text);
}

static void put_header_of(SSL *ssl, size_t bytes)
{
	put(ssl, "HTTP/1.1 200 OK\r\nX-Long: ");
	put_many(ssl, "xxxxxxxxxxxxxxxx", bytes);
	put(ssl, "\r\nContent-Length: 0\r\n\r\n");
}

static const char plain[] = "HTTP/1.1 200 OK\r\nReplay-Nonce: nonce\r\nLocation: https://ca.example/there\r\nRetry-After: 7\r\n"
			    "Link: <https://ca.example/first>;rel=\"alternate\"\r\nLink: <https://ca.example/second>;rel=\"alternate\"\r\n"
			    "Content-Length: 5\r\n\r\nhello";

/* false: nothing more on this connection. */
static bool reply(SSL *ssl, const char *path, const char *request)
{
	char text[8192];
	int hops;

	if (!strcmp(path, "/plain"))
		put(ssl, plain);
	else if (!strcmp(path, "/echo")) {
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(request), request);
		put(ssl, text);
	} else if (!strcmp(path, "/once"))
		put(ssl, "HTTP/1.1 302 Found\r\nReplay-Nonce: old\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n");
	else if (!strcmp(path, "/to-http"))
		put(ssl, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n");
	else if (sscanf(path, "/hop%d", &hops) == 1) {
		snprintf(text, sizeof(text), "HTTP/1.1 302 Found\r\nLocation: /hop%d\r\nContent-Length: 0\r\n\r\n", hops - 1);
		put(ssl, hops > 0 ? text : plain);
	} else if (!strcmp(path, "/large")) {
		put(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
		put_many(ssl, "xxxxxxxxxxxxxxxx", 1000000);
	} else if (!strcmp(path, "/headers")) {
		put(ssl, "HTTP/1.1 200 OK\r\n");
		put_many(ssl, "X-One-Of-Many: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", 80000);
		put(ssl, "Content-Length: 0\r\n\r\n");
	} else if (!strcmp(path, "/long-header"))
		put_header_of(ssl, 400000);
	else if (!strcmp(path, "/silent"))
		pause();
	else if (!strcmp(path, "/cut"))
		put(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
	else if (!strcmp(path, "/garbage"))
		put(ssl, "nonsense\r\n\r\n");
	return strcmp(path, "/cut") && strcmp(path, "/garbage");
}

/* The head of a request, and the body that follows: what the test sends is in one piece. */
static int take_request(SSL *ssl, char *text, int size)
{
	int used = 0, n;

	while ((n = SSL_read(ssl, text + used, size - 1 - used)) > 0) {
		const char *head, *length;

		used += n;
		text[used] = '\0';
		head = strstr(text, "\r\n\r\n");
		length = head ? strcasestr(text, "Content-Length: ") : NULL;
		if (head && (!length || strlen(head + 4) >= strtoul(length + 16, NULL, 10)))
			return used;
	}
	return 0;
}

static void serve(int fd)
{
	SSL *ssl = SSL_new(tls);
	char text[4096], path[64];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) != 1)
		_exit(0);
	while (take_request(ssl, text, sizeof(text)) > 0 && sscanf(text, "%*s %63s", path) == 1)
		if (!reply(ssl, path, text))
			break;
	_exit(0);
}

static void be_proxy(int fd, int which)
{
	static const char *const answers[LISTENERS] = {
		[PROXY_407] =
			"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
		[PROXY_403] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
		[PROXY_502] = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
		[PROXY] = "HTTP/1.1 200 Connected\r\n\r\n",
	};
	char text[4096] = "";
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	/* The one that connects wants a user and a password. */
	if (which == PROXY && !strstr(text, "Proxy-Authorization: Basic dXNlcjp3b3Jk"))
		which = PROXY_407;
	if (n > 0 && send(fd, answers[which], strlen(answers[which]), MSG_NOSIGNAL) > 0 && which == PROXY)
		serve(fd);
	(void)shutdown(fd, SHUT_WR);
	(void)recv(fd, text, sizeof(text), 0);
	_exit(0);
}

static _Noreturn void be_server(void)
{
	struct pollfd list[LISTENERS];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		for (int i = 0; i < LISTENERS; i++)
			list[i] = (struct pollfd){ .fd = listener[i], .events = POLLIN };
		poll(list, LISTENERS, -1);
		for (int i = 0; i < LISTENERS; i++) {
			int fd = list[i].revents ? accept4(listener[i], NULL, NULL, SOCK_CLOEXEC) : -1;

			if (fd >= 0 && fork() == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				if (i == SERVER)
					serve(fd);
				be_proxy(fd, i);
			}
			close_fd(&fd);
		}
	}
}

/* --- names and memory --------------------------------------------------------------------------------------------- */

static int lookups;

int __real_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **list);
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **list);
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	lookups++;
	return strcmp(name, "ca.example") ? EAI_NONAME : __real_getaddrinfo("127.0.0.1", service, hints, list);
}

static const char *fails = "";

#define WRAP(type, name, parameters, arguments) \
	type *__real_##name parameters; \
	type *__wrap_##name parameters; \
	type *__wrap_##name parameters \
	{ \
		return strcmp(fails, #name) ? __real_##name arguments : NULL; \
	}
WRAP(CURL, curl_easy_init, (void), ())
WRAP(CURLM, curl_multi_init, (void), ())
WRAP(struct curl_slist, curl_slist_append, (struct curl_slist * list, const char *text), (list, text))

static const char *bundle; /* the system's file of CAs, NULL: what libcurl was built with */

curl_version_info_data *__real_curl_version_info(CURLversion version);
curl_version_info_data *__wrap_curl_version_info(CURLversion version);
curl_version_info_data *__wrap_curl_version_info(CURLversion version)
{
	static curl_version_info_data data;

	data = *__real_curl_version_info(version);
	data.cainfo = bundle ? bundle : data.cainfo;
	return &data;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	(void)state;
	fails = "";
	bundle = NULL;
	lookups = 0;
	http = http_start(ca_fd, "", &fault);
	memset(&exchange, 0, sizeof(exchange));
	return http ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	http_free(http);
	exchange_free(&exchange);
	return 0;
}

static void start_again(int fd, const char *proxy)
{
	http_free(http);
	http = http_start(fd, proxy, &fault);
	assert_non_null(http);
}

static void begin(enum method method, const char *host, int which, const char *path)
{
	static char url[URL_SIZE];

	exchange_reset(&exchange);
	snprintf(url, sizeof(url), "https://%s:%d%s", host, port[which], path);
	exchange.method = method;
	exchange.url = url;
	http_begin(http, &exchange);
}

static void await(void)
{
	struct exchange *done = NULL;

	assert_int_equal(http_next(http, 60000, (const int[]){ -1, -1 }, &done, &fault), 1);
	assert_ptr_equal(done, &exchange);
}

static void get(const char *path)
{
	begin(METHOD_GET, "127.0.0.1", SERVER, path);
	await();
}

static void assert_failed(enum fault_kind kind, const char *words)
{
	if (exchange.status || exchange.kind != kind || !strstr(exchange.reason, words))
		fail_msg("status %u, kind %d: %s", exchange.status, exchange.kind, exchange.reason);
}

static void an_answer(void **state)
{
	(void)state;
	get("/plain");
	assert_int_equal(exchange.status, 200);
	assert_string_equal(exchange.data, "hello");
	assert_string_equal(exchange.nonce, "nonce");
	assert_string_equal(exchange.location, "https://ca.example/there");
	assert_string_equal(exchange.alternate[0], "https://ca.example/first");
	assert_string_equal(exchange.alternate[1], "https://ca.example/second");
	assert_int_equal(exchange.retry_seconds, 7);
	begin(METHOD_HEAD, "127.0.0.1", SERVER, "/silent"); /* whatever a server does, there is no body to wait for */
	http_cancel(http, &exchange);
	get("/echo");
	assert_non_null(strstr(exchange.data, "GET /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(exchange.data, "User-Agent: acmegate/"));
	exchange.body = "{}";
	exchange.length = 2;
	begin(METHOD_POST, "127.0.0.1", SERVER, "/echo");
	await();
	assert_non_null(strstr(exchange.data, "POST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(exchange.data, "Content-Type: application/jose+json\r\n"));
	assert_null(strstr(exchange.data, "Expect:"));
	assert_non_null(strstr(exchange.data, "\r\n\r\n{}"));
	get("/echo");
	assert_non_null(strstr(exchange.data, "GET /echo HTTP/1.1\r\n"));
	assert_null(strstr(exchange.data, "jose"));
}

static void redirects(void **state)
{
	(void)state;
	get("/once");
	assert_int_equal(exchange.status, 200);
	assert_string_equal(exchange.nonce, "nonce");
	begin(METHOD_POST, "127.0.0.1", SERVER, "/once");
	await();
	assert_int_equal(exchange.status, 302);
	get("/to-http");
	assert_failed(FAULT_FAILED, "it redirects to a URL that is not https");
	get("/hop3");
	assert_int_equal(exchange.status, 200);
	get("/hop4");
	assert_failed(FAULT_FAILED, "redirects");
}

static void too_much(void **state)
{
	(void)state;
	get("/large");
	assert_failed(FAULT_FAILED, "the answer is larger than 262144 bytes");
	get("/headers");
	assert_failed(FAULT_FAILED, "the headers of the answer are larger than 65536 bytes");
	get("/long-header");
	assert_int_equal(exchange.status, 0);
	assert_int_equal(exchange.kind, FAULT_FAILED);
	get("/plain");
	assert_int_equal(exchange.status, 200);
}

static void too_little(void **state)
{
	(void)state;
	get("/cut");
	assert_failed(FAULT_LATER, "");
	assert_true(exchange.reason[0]);
	get("/garbage");
	assert_failed(FAULT_FAILED, "");
	assert_true(exchange.reason[0] && !exchange.stalled);
}

static void silence(void **state)
{
	struct exchange *done;
	int ends[2];

	(void)state;
	exchange.most = 300;
	get("/silent");
	assert_failed(FAULT_LATER, "");
	assert_true(exchange.stalled);
	exchange.most = 0;
	get("/plain"); /* by a connection of its own */
	assert_int_equal(exchange.status, 200);
	begin(METHOD_GET, "127.0.0.1", SERVER, "/silent");
	assert_int_equal(http_next(http, 50, (const int[]){ -1, -1 }, &done, &fault), 0);
	assert_int_equal(http_next(http, 0, (const int[]){ -1, -1 }, &done, &fault), 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(http_next(http, 60000, (const int[]){ -1, ends[0] }, &done, &fault), 0);
	assert_int_equal(http_next(http, 60000, (const int[]){ ends[0], -1 }, &done, &fault), 0);
	http_cancel(http, &exchange);
	close(ends[0]);
	close(ends[1]);
	begin(METHOD_GET, "127.0.0.1", SERVER, "/silent"); /* http_free() ends it */
}

static void nobody_listens(void **state)
{
	in_port_t kept = port[SERVER];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0); /* and does not listen */
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	port[SERVER] = ntohs(address.sin_port);
	get("/plain");
	port[SERVER] = kept;
	close(fd);
	assert_failed(FAULT_LATER, "");
	assert_true(exchange.reason[0]);
}

static void names(void **state)
{
	(void)state;
	begin(METHOD_GET, "ca.example", SERVER, "/plain");
	await();
	assert_int_equal(exchange.status, 200);
	assert_int_equal(lookups, 1);
	begin(METHOD_GET, "ca.example", SERVER, "/plain");
	await();
	assert_int_equal(exchange.status, 200);
	assert_int_equal(lookups, 1);
	begin(METHOD_GET, "other.example", SERVER, "/plain");
	await();
	assert_failed(FAULT_LATER, "looking up other.example: ");
	get("/plain");
	assert_int_equal(exchange.status, 200);
	assert_int_equal(lookups, 2);
}

static void certificates(void **state)
{
	(void)state;
	start_again(-1, "");
	get("/plain");
	assert_failed(FAULT_FAILED, "comes from no CA that this host knows");
	get("/plain"); /* now with the bundle at once */
	assert_failed(FAULT_FAILED, "comes from no CA that this host knows");
	bundle = "/nonexistent"; /* a host without ca-certificates */
	start_again(-1, "");
	get("/plain");
	assert_failed(FAULT_FAILED, "install the package ca-certificates");
}

static void the_file_of_roots(void **state)
{
	int nonsense = file_of("nonsense"), empty = file_of(""), large = file_of(""), directory = open("/", O_RDONLY | O_CLOEXEC);

	(void)state;
	start_again(nonsense, "");
	get("/plain");
	assert_failed(FAULT_FAILED, "[acme] ca_file holds no certificate that can be read");
	assert_null(http_start(empty, "", &fault));
	assert_int_equal(fault.kind, FAULT_USAGE);
	assert_int_equal(ftruncate(large, 1024 * 1024 + 1), 0);
	assert_null(http_start(large, "", &fault));
	assert_int_equal(fault.kind, FAULT_USAGE);
	assert_null(http_start(directory, "", &fault));
	assert_true(fault.text[0]);
	assert_null(http_start(1000, "", &fault));
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_int_equal(fault.code, EBADF);
	close(nonsense);
	close(empty);
	close(large);
	close(directory);
}

static void proxies(void **state)
{
	static const struct {
		int which;
		const char *login;
		enum fault_kind kind;
		const char *words;
	} way[] = {
		{ PROXY_407, "", FAULT_FAILED, "the proxy wants a user and a password (status 407)" },
		{ PROXY_403, "", FAULT_FAILED, "the proxy does not connect us (status 403)" },
		{ PROXY_502, "", FAULT_LATER, "the proxy does not connect us (status 502)" },
		{ PROXY, "", FAULT_FAILED, "the proxy wants a user and a password (status 407)" },
		{ PROXY, "user:word@", FAULT_NONE, NULL },
	};
	char proxy[64];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(way); i++) {
		snprintf(proxy, sizeof(proxy), "http://%s127.0.0.1:%d", way[i].login, port[way[i].which]);
		start_again(ca_fd, proxy);
		get("/plain");
		if (way[i].words)
			assert_failed(way[i].kind, way[i].words);
		else
			assert_int_equal(exchange.status, 200);
		begin(METHOD_GET, "ca.example", SERVER, "/plain");
		await();
		assert_int_equal(exchange.status, way[i].words ? 0 : 200);
	}
	assert_int_equal(lookups, 0); /* the proxy looks up names */
}

static void no_memory(void **state)
{
	(void)state;
	fails = "curl_easy_init";
	get("/plain");
	assert_failed(FAULT_LATER, "not enough memory for libcurl");
	fails = "curl_slist_append";
	assert_null(http_start(ca_fd, "", &fault));
	assert_int_equal(fault.kind, FAULT_LATER);
	fails = "curl_multi_init";
	assert_null(http_start(ca_fd, "", &fault));
	assert_int_equal(fault.kind, FAULT_LATER);
	fails = "";
	get("/plain");
	assert_int_equal(exchange.status, 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_answer),	 TEST(redirects),      TEST(too_much),	TEST(too_little),
		TEST(silence),		 TEST(nobody_listens), TEST(names),	TEST(certificates),
		TEST(the_file_of_roots), TEST(proxies),	       TEST(no_memory),
	};
	int rc;

	for (int i = 0; i < LISTENERS; i++)
		make_listener(i);
	make_certificate();
	server = fork();
	if (server == 0)
		be_server();
	rc = cmocka_run_group_tests_name("http", tests, NULL, NULL);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	SSL_CTX_free(tls);
	return rc;
}
