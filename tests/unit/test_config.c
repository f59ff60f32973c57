// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "between.h"

#include "base/cas.h"
#include "base/config_load.h"
#include "base/config_share.h"
#include "base/safe.h"

/* Parts of a good file, two lines each. */
#define ACME "[acme]\ndirectory = letsencrypt\n"
#define SECOND "[ca second]\ndirectory = zerossl\n"
#define USER "[gate]\nuser = nobody\n"
#define DNS "[dns own]\n"
#define PROGRAM DNS "type = exec\nprogram = /bin/true one -two\n"
#define CERT "[certificate a]\nnames = a.example\n"
#define HOOKS8(x) HOOKS4(x "a") HOOKS4(x "b")
#define HOOKS4(x) \
	"deploy = /bin/echo " x "1\n" \
	"deploy = /bin/echo " x "2\n" \
	"deploy = /bin/echo " x "3\n" \
	"deploy = /bin/echo " x "4\n"
#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define X190 X50 X50 X50 X10 X10 X10 X10

static struct fault fault;
static struct config config;
static struct mistakes mistakes_found;
static char directory[PATH_SIZE - 16], file[PATH_SIZE];

static int begin(void **state)
{
	const char *temporary = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/test-config-XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/conf", directory);
	memset(&fault, 0, sizeof(fault));
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(directory);
}

static int load_bytes(const char *text, size_t length)
{
	OWN_FD int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	if (config_load(&config, file, CONFIG_WHOLE, &mistakes_found, &fault) < 0)
		return -1;
	return mistakes_found.number ? fault_set(&fault, FAULT_USAGE, "%s", mistakes_found.text[0]) : 0;
}

static int load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static void assert_good(const char *text)
{
	fault.text[0] = '\0';
	if (load(text) < 0)
		fail_msg("%s", fault.text);
}

/* "FILE:LINE: ", or "FILE: " for line 0, and somewhere behind it the word. */
static void assert_wrong(int rc, unsigned int line, const char *word)
{
	char where[PATH_SIZE + 16];

	snprintf(where, sizeof(where), line ? "%s:%u: " : "%s: ", file, line);
	assert_int_equal(rc, -1);
	assert_int_equal(fault.kind, FAULT_USAGE);
	if (strncmp(fault.text, where, strlen(where)) || !strstr(fault.text, word))
		fail_msg("expected '%s' and '%s' in '%s'", where, word, fault.text);
}

static void assert_top(void)
{
	assert_string_equal(config.file, file);
	assert_string_equal(config.acme.directory, "https://ca.example/directory");
	assert_string_equal(config.acme.contact, "admin@example.org");
	assert_true(config.acme.accept_terms);
	assert_string_equal(config.acme.ca_file, "/dev/null");
	assert_string_equal(config.acme.trust_file, "/dev/null");
	assert_string_equal(config.acme.hosts, "api.ca.example [::1]");
	assert_string_equal(config.acme.proxy, "http://proxy.example:3128");
	assert_string_equal(config.acme.eab_kid, "kid 1");
	assert_string_equal(config.acme.eab_key_file, "/dev/null");
	assert_int_equal(config.acme.account_key, KEY_P384);
	assert_int_equal(config.gate.backend, BACKEND_NFTABLES);
	assert_int_equal(config.gate.port, 8080);
	assert_int_equal(config.gate.max_open, 600);
	assert_string_equal(config.gate.user, "nobody");
	assert_int_not_equal(config.gate.uid, 0);
	assert_string_equal(config.gate.state, "/srv/acmegate");
	assert_string_equal(config.gate.command, "/bin/true one two");
	assert_int_equal(config.responder.mode, RESPONDER_WEBROOT);
	assert_int_equal(config.responder.port, 9000);
	assert_string_equal(config.responder.webroot, "/srv/www");
}

static void assert_certificates(void)
{
	assert_int_equal(config.certificates, 2);
	assert_string_equal(config.certificate[0].name, "www");
	assert_int_equal(config.certificate[0].first_name, 0);
	assert_int_equal(config.certificate[0].names, 4);
	assert_string_equal(config.name[0], "a.example");
	assert_string_equal(config.name[1], "b.example");
	assert_string_equal(config.name[2], "c.example");
	assert_string_equal(config.name[3], "d.example");
	assert_int_equal(config.certificate[0].key, KEY_RSA4096);
	assert_string_equal(config.certificate[0].profile, "tlsserver");
	assert_string_equal(config.certificate[0].chain, "ISRG Root X1");
	assert_int_equal(config.certificate[0].owner, 0);
	assert_int_equal(config.certificate[0].group, 0);
	assert_int_equal(config.certificate[0].mode, 0640);
	assert_int_equal(config.certificate[0].first_hook, 0);
	assert_int_equal(config.certificate[0].hooks, 2);
	assert_string_equal(config.hook[0], "/bin/true --now");
	assert_string_equal(config.hook[1], "/bin/echo");
	assert_int_equal(config.certificate[0].line, 26);
	assert_string_equal(config.certificate[1].name, "x.y_z-1");
	assert_int_equal(config.certificate[1].first_name, 4);
	assert_int_equal(config.certificate[1].names, 1);
	assert_int_equal(config.certificate[1].key, KEY_P384);
	assert_string_equal(config.name[4], "e.example");
	assert_int_equal(config.names, 5);
	assert_int_equal(config_find(&config, "x.y_z-1"), 1);
	assert_int_equal(config_find(&config, "x.y"), -1);
}

static void a_full_file_is_read(void **state)
{
	(void)state;
	assert_good("# comment\n; another\n\n[acme]\n"
		    "directory = https://ca.example/directory\ncontact = admin@example.org\naccept_terms = yes\n"
		    "ca_file = /dev/null\nproxy = http://proxy.example:3128\neab_kid = kid 1\n"
		    "eab_key_file = /dev/null\naccount_key = p384\ntrust_file = /dev/null\nhosts = api.ca.example [::1]\n"
		    "[gate]\nbackend = nftables\nport = 8080\nmax_open = 600\nuser = nobody\nstate = /srv/acmegate\n"
		    "command = /bin/true one two\n"
		    "[responder]\nmode = webroot\nport = 9000\nwebroot = /srv/www\n"
		    "[certificate www]\nnames = a.example, B.Example\n\tc.example\n\n"
		    "# not a name\n    d.example\n"
		    "key = rsa4096\nprofile = tlsserver\nchain = ISRG Root X1\nowner = root\ngroup = root\n"
		    "mode = 0640\ndeploy = /bin/true --now\ndeploy = /bin/echo\n"
		    "[certificate x.y_z-1]\nkey: p384\nnames: e.example\n");
	assert_top();
	assert_certificates();
}

static void a_key_serves_for_so_many_certificates(void **state)
{
	static const struct {
		const char *line;
		uint32_t reuse;
	} cases[] = {
		{ "", 0 },
		{ "reuse_key = no\n", 0 },
		{ "reuse_key = 0\n", 1 },
		{ "reuse_key = 3\n", 4 },
		{ "reuse_key = 1000\n", 1001 },
		{ "reuse_key = yes\n", REUSE_ALWAYS },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		snprintf(text, sizeof(text), ACME USER CERT "%s", cases[i].line);
		assert_good(text);
		assert_int_equal(config.certificate[0].reuse, cases[i].reuse);
	}
}

/* Two certificates with requests of so many bytes, and these lines in the second one. */
static int load_requests(size_t first, size_t second, const char *lines)
{
	char name[2][PATH_SIZE + 8], all[4 * PATH_SIZE];
	const size_t lengths[] = { first, second };
	int rc;

	for (int i = 0; i < 2; i++) {
		FILE *out;

		snprintf(name[i], sizeof(name[i]), "%s.csr%d", file, i);
		out = fopen(name[i], "w");
		assert_non_null(out);
		for (size_t j = 0; j < lengths[i]; j++)
			fputc('a' + i, out);
		fclose(out);
	}
	snprintf(all, sizeof(all), ACME USER CERT "csr = %s\n[certificate b]\nnames = b.example\ncsr = %s\n%s", name[0], name[1],
		 lines);
	rc = load(all);
	unlink(name[0]);
	unlink(name[1]);
	return rc;
}

static void a_request_is_bytes(void **state)
{
	(void)state;
	assert_int_equal(load_requests(5, 3, ""), 0);
	assert_memory_equal(config.csr, "aaaaabbb", 8);
	assert_int_equal(config.certificate[1].csr_at, 5);
	assert_int_equal(config.certificate[1].csr_length, 3);
	assert_int_equal(load_requests(5, CSR_SIZE - 1, ""), 0);
	assert_int_equal(load_requests(5, CSR_SIZE, ""), -1);
	assert_non_null(strstr(fault.text, "of 1 to 24575 bytes"));
	assert_int_equal(load_requests(5, 0, ""), -1);
	assert_int_equal(config.csr_used, 5);
	assert_int_equal(load_requests(5, 3, "key = p256\n"), -1);
	assert_non_null(strstr(fault.text, "the key is elsewhere"));
	assert_int_equal(config.csr_used, 5); /* that of the first is still there */
	assert_int_equal(load_requests(5, 3, "reuse_key = yes\n"), -1);
	assert_non_null(strstr(fault.text, "the key is elsewhere"));
}

/* The hooks of all certificates lie one behind the other, and those of one that is left out are gone. */
static void hooks_are_of_their_certificate(void **state)
{
	(void)state;
	assert_good(ACME USER CERT HOOKS8("a") "[certificate b]\nnames = b.example\n[certificate c]\nnames = c.example\n" HOOKS4("c"));
	assert_int_equal(config.hooks, 12);
	assert_int_equal(config.certificate[1].hooks, 0);
	assert_int_equal(config.certificate[2].first_hook, 8);
	assert_int_equal(config.certificate[2].hooks, 4);
	assert_string_equal(config.hook[11], "/bin/echo c4");
	assert_int_equal(load(ACME USER CERT
			      "deploy = /bin/echo a\nmode = 7\n[certificate b]\nnames = b.example\ndeploy = /bin/true\n"),
			 -1);
	assert_int_equal(config.certificates, 1);
	assert_int_equal(config.hooks, 1);
	assert_int_equal(config.certificate[0].first_hook, 0);
	assert_string_equal(config.hook[0], "/bin/true");
}

static void there_is_a_bound_for_all_hooks(void **state)
{
	OWN_FREE char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)state;
	fputs(ACME USER, stream);
	for (int i = 0; i <= MAX_HOOKS / 4; i++)
		fprintf(stream, "[certificate c%d]\nnames = c%d.example\n" HOOKS4("x"), i, i);
	fclose(stream);
	assert_int_equal(load(text), -1);
	assert_non_null(strstr(fault.text, "4096 in all"));
	assert_int_equal(config.hooks, MAX_HOOKS);
	assert_int_equal(config.certificates, MAX_HOOKS / 4);
}

/* text: of the file. Loads a configuration with it. */
static int load_password(const char *text, mode_t mode, enum config_part part)
{
	char word[PATH_SIZE + 8], all[PATH_SIZE + 256];
	int fd, rc;

	snprintf(word, sizeof(word), "%s.word", file);
	fd = open(word, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
	close(fd);
	snprintf(all, sizeof(all), ACME USER CERT "forms = pem, pkcs12\npkcs12_password_file = %s\n", word);
	rc = load(all);
	if (part != CONFIG_WHOLE)
		rc = config_load(&config, file, part, &mistakes_found, &fault);
	unlink(word);
	return rc;
}

static void a_password_is_one_line_that_others_cannot_read(void **state)
{
	static const char *const wrong[] = {
		"", "\n", "\r\n", "a\nb\n", "a\n\n", "a\tb", "p\xc3\xa4ss", X50 X50 X10 X10 "12345678", X190 X190 "\n"
	};

	(void)state;
	assert_int_equal(load_password("a word\n", 0640, CONFIG_WHOLE), 0);
	assert_true(config.certificate[0].pkcs12);
	assert_string_equal(config.certificate[0].password, "a word");
	assert_int_equal(load_password("x\r\n", 0600, CONFIG_WHOLE), 0);
	assert_string_equal(config.certificate[0].password, "x");
	assert_int_equal(load_password(X50 X50 X10 X10 "1234567\r\n", 0600, CONFIG_WHOLE), 0);
	assert_int_equal(strlen(config.certificate[0].password), PASSWORD_SIZE - 1);
	assert_int_equal(load_password("word", 0604, CONFIG_WHOLE), -1);
	assert_non_null(strstr(fault.text, "everybody can read the password"));
	assert_int_equal(load_password("word", 0620, CONFIG_WHOLE), -1);
	assert_non_null(strstr(fault.text, "chmod go-w"));
	for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
		assert_int_equal(load_password(wrong[i], 0600, CONFIG_WHOLE), -1);
		assert_non_null(strstr(fault.text, "expected one line of 1 to 127 ASCII characters"));
	}
	/* A command that renews nothing forgets it. */
	assert_int_equal(load_password("word", 0600, CONFIG_GATE), 0);
	assert_true(config.certificate[0].pkcs12);
	assert_string_equal(config.certificate[0].password, "");
}

static void a_short_file_has_defaults(void **state)
{
	(void)state;
	assert_good(ACME USER CERT);
	assert_string_equal(config.acme.directory, "https://acme-v02.api.letsencrypt.org/directory");
	assert_string_equal(config.acme.contact, "");
	assert_false(config.acme.accept_terms);
	assert_string_equal(config.acme.ca_file, "");
	assert_int_equal(config.acme.account_key, KEY_P256);
	assert_int_equal(config.gate.backend, BACKEND_AUTO);
	assert_int_equal(config.gate.port, 80);
	assert_int_equal(config.gate.max_open, 60);
	assert_string_equal(config.gate.state, LOCALSTATEDIR "/lib/acmegate");
	assert_string_equal(config.gate.command, "");
	assert_int_equal(config.responder.mode, RESPONDER_STANDALONE);
	assert_int_equal(config.responder.port, 8402);
	assert_int_equal(config.certificate[0].key, KEY_P256);
	assert_int_equal(config.certificate[0].mode, 0600);
	assert_int_equal(config.certificate[0].owner, 0);
	assert_int_equal(config.certificate[0].hooks, 0);
	/* nothing of the file before it is left */
	assert_good(CERT USER ACME);
	assert_int_equal(config.certificates, 1);
	assert_int_equal(config.names, 1);
}

static void layout_does_not_matter(void **state)
{
	(void)state;
	assert_good("[acme]\r\ndirectory = letsencrypt\r\n" USER "[certificate a]\r\nnames = a.example\r\n\tb.example");
	assert_int_equal(config.names, 2);
	assert_string_equal(config.name[1], "b.example");
	assert_good(ACME USER "[certificate a]\nnames = a.example,,b.example ,\n\t, c.example\n");
	assert_int_equal(config.names, 3);
	assert_good(ACME USER "[certificate a]\nnames = a.example\nkey = p384\n[acme]\ncontact = a@b.example\n");
	assert_string_equal(config.acme.contact, "a@b.example");
	assert_good(ACME USER "[certificate a]\nnames = a.example\n[acme]\ncontact = a@b.example,c@d.example ,\te@f.example,\n");
	assert_string_equal(config.acme.contact, "a@b.example, c@d.example, e@f.example");
}

static void addresses_have_one_spelling(void **state)
{
	(void)state;
	assert_good(ACME USER "[certificate a]\nnames = 192.0.2.1 2001:0DB8:0:0:0::1\n ::FFFF:192.0.2.2 fe80::A\n");
	assert_string_equal(config.name[0], "192.0.2.1");
	assert_string_equal(config.name[1], "2001:db8::1");
	assert_string_equal(config.name[2], "::ffff:192.0.2.2");
	assert_string_equal(config.name[3], "fe80::a");
	for (int i = 0; i < 4; i++)
		assert_true(config_is_address(config.name[i]));
	assert_false(config_is_address("a.example"));
	assert_false(config_is_address("1.2.3"));
	assert_false(config_is_address(""));
	assert_wrong(load(CERT " 2001:db8::1\n 2001:DB8:0::1\n"), 4, "twice");
}

/* Each mistake with the line it stands in. */
static const struct {
	const char *text;
	unsigned int line;
	const char *word;
} mistakes[] = {
	/* keys and sections */
	{ "[acme]\ncolour = red\n", 2, "colour" },
	{ "[acme]\nport = 80\n", 2, "port" },
	{ ACME "Directory = x\n", 3, "Directory" },
	{ ACME "[gates]\nuser = nobody\n", 3, "gates" },
	{ ACME "[certificates a]\nnames = a.example\n", 3, "certificates a" },
	{ "directory = letsencrypt\n", 1, "section" },
	{ ACME "directory = letsencrypt\n", 3, "twice" },
	{ ACME "[gate]\nport = 80\n[acme]\ndirectory = letsencrypt\n", 6, "twice" },
	{ "[gate]\nport = 80\nport = 80\n", 3, "twice" },
	{ CERT "key = p256\nkey = p256\n", 4, "twice" },
	{ CERT "names = b.example\n", 3, "twice" },
	{ CERT "key = p256\n more\n", 4, "one line" },
	{ ACME " more\n", 3, "one line" },
	{ CERT "[certificate b]\nnames = b.example\n[certificate a]\nnames = c.example\n", 5, "line 1" },
	{ ACME "nonsense\n" USER CERT, 3, "KEY = VALUE" },
	{ ACME "= value\n", 3, "" },
	/* names of certificates */
	{ ACME "[certificate ]\nnames = a.example\n", 3, "certificate" },
	{ ACME "[certificate A]\nnames = a.example\n", 3, "a-z" },
	{ ACME "[certificate a/b]\nnames = a.example\n", 3, "a-z" },
	{ ACME "[certificate ..]\nnames = a.example\n", 3, "a-z" },
	{ ACME "[certificate .a]\nnames = a.example\n", 3, "a-z" },
	{ ACME "[certificate -a]\nnames = a.example\n", 3, "a-z" },
	{ ACME "[certificate a b]\nnames = a.example\n", 3, "a-z" },
	{ ACME "[certificate xxx" X10 X10 X10 "]\nnames = a.example\n", 3, "32" },
	{ ACME "[certificate " X10 X10 X10 X10 "]\nnames = a.example\n", 3, "48" },
	/* CAs */
	{ ACME "[ca acme]\ndirectory = zerossl\n" USER CERT, 3, "section [acme]" },
	{ ACME "[ca A]\ndirectory = zerossl\n" USER CERT, 3, "a-z" },
	{ ACME SECOND SECOND USER CERT, 5, "line 3" },
	{ ACME "[ca b]\ncontact = a@b.example\n" USER CERT, 5, "no directory" },
	{ ACME "[ca b]\n" USER CERT, 4, "no key" },
	{ ACME "[ca b]\ndirectory = letsencrypt\n" USER CERT, 3, "same directory as [acme]" },
	{ "[ca b]\ndirectory = letsencrypt\n" USER CERT ACME, 1, "same directory as [acme]" },
	{ ACME SECOND "[ca b]\ndirectory = zerossl\n" USER CERT, 5, "same directory as [ca second]" },
	{ ACME SECOND "eab_kid = kid\n" USER CERT, 6, "go together" },
	{ ACME SECOND "ca = acme\n" USER CERT, 5, "no key 'ca'" },
	{ ACME SECOND "port = 80\n" USER CERT, 5, "no key 'port'" },
	{ ACME SECOND "directory = google\n" USER CERT, 5, "twice" },
	{ ACME USER CERT "ca = b\n", 7, "no section [ca b]" },
	{ ACME USER CERT "ca = acme, acme\n", 7, "twice" },
	{ ACME USER CERT "ca = ,\n", 7, "names of CAs" },
	{ ACME USER CERT "ca = " X50 "\n", 7, "32" },
	{ ACME USER CERT "ca = a b c d e f g h i\n", 7, "at most 8" },
	{ ACME "ca = b\n" USER CERT, 3, "no section [ca b]" },
	{ "[acme]\nca = second, acme\n" SECOND USER CERT, 2, "has no directory" },
	{ ACME "[ca a]\ndirectory = https://a\n[ca b]\ndirectory = https://b\n[ca c]\ndirectory = https://c\n"
	       "[ca d]\ndirectory = https://d\n[ca e]\ndirectory = https://e\n[ca f]\ndirectory = https://f\n"
	       "[ca g]\ndirectory = https://g\n[ca h]\ndirectory = https://h\n" USER CERT,
	  17, "more than 7" },
	/* empty things */
	{ "[acme]\n[gate]\nuser = nobody\n", 2, "no key" },
	{ ACME "[gate]\n\n# nothing\n[certificate a]\nnames = a.example\n", 6, "no key" },
	{ CERT "[acme]\n", 3, "no key" },
	{ "[certificate a]\nkey = p256\n" ACME, 3, "no names" },
	{ ACME "[certificate a]\nkey = p256\n", 4, "no names" },
	{ "[certificate a]\nnames = ,\n", 2, "no names" },
	/* values */
	{ "[acme]\ndirectory =\n", 2, "https" },
	{ "[acme]\ndirectory = http://ca.example/\n", 2, "https" },
	{ "[acme]\ndirectory = https://\n", 2, "https" },
	{ "[acme]\ndirectory = https://ca.example/ x\n", 2, "https" },
	{ "[acme]\ndirectory = https://ca.example/\xc3\xa4\n", 2, "ASCII" },
	{ "[acme]\ncontact = admin\n", 2, "e-mail" },
	{ "[acme]\ncontact = a@example\n", 2, "e-mail" },
	{ "[acme]\ncontact = @b.example\n", 2, "e-mail" },
	{ "[acme]\ncontact = a@b.example, c\n", 2, "e-mail" },
	{ "[acme]\ncontact = a@b.example, \"c@d.example\"\n", 2, "e-mail" },
	{ "[acme]\ncontact = ,\n", 2, "contact" },
	{ "[acme]\ncontact = a@b.c,a@b.d,a@b.e,a@b.f,a@b.g,a@b.h,a@b.i,a@b.j,a@b.k,a@b.l,a@b.m\n", 2, "1 to 10" },
	{ "[acme]\ncontact = mailto:a@b.example\n", 2, "e-mail" },
	{ "[acme]\naccept_terms = maybe\n", 2, "yes or no" },
	{ "[acme]\naccept_terms = 1\n", 2, "yes or no" },
	{ "[acme]\nca_file = ca.pem\n", 2, "absolute" },
	{ "[acme]\ntrust_file = root.pem\n", 2, "absolute" },
	{ "[acme]\nhosts = a/b\n", 2, "names of hosts" },
	{ "[acme]\nca_file = /nonexistent/ca.pem\n", 2, "No such file" },
	{ "[acme]\nproxy = socks5://proxy.example\n", 2, "http://" },
	{ "[acme]\neab_kid = " X50 X50 X10 X10 "xxxxxxxx\n", 2, "127" },
	{ "[acme]\naccount_key = ed25519\n", 2, "p256" },
	{ "[gate]\nbackend = pf\n", 2, "auto" },
	{ "[gate]\nbackend = ufw\n", 2, "firewalld or command" },
	{ "[gate]\ncommand = true\n", 2, "absolute" },
	{ "[gate]\ncommand = /nowhere/open\n", 2, "/nowhere" },
	{ "[responder]\nmode = proxy\n", 2, "standalone, redirect or webroot" },
	{ "[responder]\nport = 0\n", 2, "65535" },
	{ "[responder]\nwebroot = srv/www\n", 2, "absolute" },
	{ "[responder]\nnames = a.example\n", 2, "no key" },
	{ "[status]\nmetrics = acmegate.prom\n", 2, "absolute" },
	{ "[status]\nalert = mail root\n", 2, "absolute" },
	{ "[status]\nalert = /bin/sh -c 'true'\n", 2, "no shell" },
	{ "[status]\nmetrics = /var/lib/acmegate\n", 2, ".prom" },
	{ "[status]\npage = index.html\n", 2, "absolute" },
	{ "[status]\nmode = 0666\n", 2, "octal" },
	{ "[status]\ngroup = nobodys-group\n", 2, "no group" },
	{ "[gate]\nport = 0\n", 2, "65535" },
	{ "[gate]\nport = 65536\n", 2, "65535" },
	{ "[gate]\nport = -80\n", 2, "65535" },
	{ "[gate]\nport = +80\n", 2, "65535" },
	{ "[gate]\nport = 80x\n", 2, "65535" },
	{ "[gate]\nport = 0x50\n", 2, "65535" },
	{ "[gate]\nport = 18446744073709551696\n", 2, "65535" },
	{ "[gate]\nport =\n", 2, "65535" },
	{ "[gate]\nmax_open = 4\n", 2, "600" },
	{ "[gate]\nmax_open = 601\n", 2, "600" },
	{ "[gate]\nmax_open = 60s\n", 2, "600" },
	{ "[gate]\nuser = no body\n", 2, "letters" },
	{ "[gate]\nstate = var/lib\n", 2, "absolute" },
	{ CERT "key = rsa1024\n", 3, "rsa2048" },
	{ CERT "profile = a/b\n", 3, "letters" },
	{ CERT "profile = xxx" X10 X10 X10 "\n", 3, "32" },
	{ CERT "owner = acmegate-nobody-here\n", 3, "user" },
	{ CERT "group = acmegate-nobody-here\n", 3, "group" },
	{ CERT "mode = 0644x\n", 3, "mode" },
	{ CERT "forms = pkcs12\npkcs12_password_file = /dev/null\n", 3, "pem, or pem, pkcs12" },
	{ CERT "forms = pem, der\n", 3, "pem, or pem, pkcs12" },
	{ CERT "forms = pem pkcs12\n", 3, "go together" },
	{ CERT "pkcs12_password_file = word\n", 3, "absolute" },
	{ CERT "forms = pem, pkcs12\npkcs12_password_file = /nonexistent/word\n", 4, "make a file with one line, the password" },
	{ CERT "pkcs12_password_file = /dev/null\n", 3, "not a regular file" },
	{ CERT "reuse_key = often\n", 3, "yes, no, or for how many renewals, 0 to 1000" },
	{ CERT "reuse_key = 1001\n", 3, "0 to 1000" },
	{ CERT "reuse_key = -1\n", 3, "0 to 1000" },
	{ CERT "csr = mail.csr\n", 3, "absolute" },
	{ CERT "csr = /nonexistent/mail.csr\n", 3, "openssl req -new" },
	{ CERT "csr = /dev/null\n", 3, "not a regular file" },
	{ CERT "mode = 0666\n", 3, "mode" },
	{ CERT "mode = 0620\n", 3, "mode" },
	{ CERT "mode = 0700\n", 3, "mode" },
	{ CERT "mode = 0240\n", 3, "mode" },
	{ CERT "mode = 4600\n", 3, "mode" },
	{ CERT "deploy = true\n", 3, "absolute" },
	{ CERT "deploy = /nonexistent/program\n", 3, "No such file" },
	{ CERT "deploy = /dev/null\n", 3, "executable" },
	{ CERT "deploy = /bin/sh -c 'reload a'\n", 3, "write a script" },
	{ CERT "deploy = /bin/echo \"a b\"\n", 3, "write a script" },
	{ CERT "deploy = /bin/true && /bin/true\n", 3, "write a script" },
	{ CERT "deploy = /bin/echo a | /bin/cat\n", 3, "write a script" },
	{ CERT "deploy = /bin/true\n /bin/echo\n", 4, "expected one line" },
	{ CERT "deploy = /bin/true a\ndeploy = /bin/true\ndeploy = /bin/true a\n", 5, "given twice" },
	{ CERT HOOKS8("a") "deploy = /bin/true\n", 11, "at most 8 for one certificate" },
	{ CERT "deploy = /bin/echo $RENEWED_LINEAGE\n", 3, "write a script" },
	{ CERT "deploy = /bin/echo >/tmp/file\n", 3, "write a script" },
	/* challenges */
	{ CERT "challenge = dns-02\n", 3, "'dns-02': expected one or more of http-01, dns-01" },
	{ CERT "challenge = ,\n", 3, "expected one or more of http-01, dns-01" },
	{ "[certificate a]\nnames = *.a.example\nchallenge = tls-alpn-01\n", 3, "wildcard" },
	{ CERT "challenge = dns-01 http-01 dns-01\n", 3, "dns-01 is given twice" },
	{ CERT "challenge = dns-01\n", 1, "needs dns = NAME" },
	{ CERT "challenge = dns-persist-01, dns-account-01\n", 1, "needs dns = NAME" },
	{ CERT "persist_until = 2027-02-30\n", 3, "expected a date as in 2027-12-31" },
	{ CERT "challenge = dns-persist-01\ndns = own\n", 4, "has no effect without challenge = dns-01" },
	{ CERT "challenge = dns-01\ndns = own\n", 1, "no section [dns own]" },
	{ CERT "dns = own\n", 3, "has no effect without challenge = dns-01" },
	{ CERT "challenge = dns-01\n" DNS "server = a b\n", 5, "an address or a name of a server" },
	{ CERT "challenge = dns-01\n" DNS "server = 192.0.2.53\n", 5, "[dns own] has no key_file" },
	{ "[certificate a]\nnames = a.example 192.0.2.1\nchallenge = dns-01\n", 3, "an address cannot be validated through the DNS" },
	{ "[certificate a]\nnames = *.a.example\nchallenge = http-01\n", 3, "wildcard" },
	{ "[certificate a]\nnames = a.*.example\n", 2, "letters" },
	{ "[certificate a]\nnames = *.*.example\n", 2, "letters" },
	{ "[certificate a]\nnames = *a.example\n", 2, "letters" },
	{ "[certificate a]\nnames = *.example\n", 2, "dot" },
	{ "[dns Own]\nserver = 192.0.2.53\n", 1, "[dns NAME]: expected" },
	{ DNS "type = exec\n", 2, "[dns own] has no program = /PROGRAM" },
	{ DNS "type = exec\nprogram = true\n", 3, "absolute" },
	{ DNS "type = exec\nprogram = /nonexistent/program\n", 3, "No such file" },
	{ DNS "type = exec\nprogram = /bin/sh -c 'a'\n", 3, "write a script" },
	{ PROGRAM "user = root\n", 4, "expected another user than root" },
	{ PROGRAM "user = no-such-user\n", 4, "no user 'no-such-user'" },
	{ PROGRAM "environment_file = env\n", 4, "absolute" },
	{ PROGRAM "environment_file = /nonexistent/env\n", 4, "No such file" },
	{ PROGRAM "environment_file = /etc/passwd\n", 4, "chmod 0600 /etc/passwd" },
	{ PROGRAM "timeout = 0\n", 4, "1 to 240 seconds" },
	{ PROGRAM "timeout = 241\n", 4, "1 to 240 seconds" },
	{ PROGRAM "server = 192.0.2.53\n", 4, "server has no meaning with type = exec" },
	{ DNS "type = httpreq\nurl = https://a.example\nprogram = /bin/true\n", 4, "program has no meaning with type = httpreq" },
	{ DNS "type = httpreq\nurl = https://a.example\nuser = daemon\n", 4, "user has no meaning" },
	{ DNS "type = httpreq\nurl = https://a.example\ntimeout = 5\n", 4, "timeout has no meaning" },
	/* certificates of other clients */
	{ "[watch Own]\nfiles = /a\n", 1, "[watch NAME]: expected" },
	{ "[watch own]\n", 1, "the section above has no key" },
	{ "[watch own]\nfiles = a.pem\n", 2, "'a.pem': expected absolute paths" },
	{ "[watch own]\nfiles = /a.pem b.pem\n", 2, "'b.pem': expected absolute paths" },
	{ "[watch own]\nfiles =\n", 2, "expected absolute paths, with * and ?" },
	{ "[watch own]\nfile = /a.pem\n", 2, "has no key 'file'" },
	{ "[watch own]\nfiles = /a.pem\n[watch own]\nfiles = /b.pem\n", 3, "[watch own] is already in line 1" },
	/* the address of this host */
	{ DNS "address = 192.0.2.1\n", 2, "expected the name of this host" },
	{ DNS "address = *.example.org\n", 2, "expected the name of this host" },
	{ DNS "address =\n", 2, "expected the name of this host" },
	{ DNS "address = host\n", 2, "address: 'host': expected a full name with at least one dot" },
	{ DNS "address = a.example A.example\n", 2, "'a.example' is given twice" },
	{ DNS "address_interface = eth0 eth1\n", 2, "the name of one interface" },
	{ DNS "address_interface = interface-with-a-long-name\n", 2, "the name of one interface" },
	{ DNS "address_family = inet\n", 2, "expected both, ipv4 or ipv6" },
	{ DNS "address_ttl = 29\n", 2, "30 to 86400 seconds" },
	{ DNS "address_ttl = 86401\n", 2, "30 to 86400 seconds" },
	{ DNS "type = rfc2137\n", 2, "expected rfc2136" },
	{ DNS "type = acme-dns\n", 2, "[dns own] has no url = https://HOST" },
	{ DNS "type = acme-dns\nurl = https://a.example\n", 3, "[dns own] has no credentials_file = FILE" },
	{ DNS "type = httpreq\nserver = 192.0.2.53\nurl = https://a.example\n", 4, "server has no meaning with type = httpreq" },
	{ DNS "type = httpreq\nalgorithm = hmac-sha256\nurl = https://a.example\n", 4, "algorithm has no meaning" },
	{ DNS "type = httpreq\nurl = https://a.example\ntoken_file = /a\n", 4, "token_file has no meaning" },
	{ DNS "type = httpreq\nurl = https://a.example\ncredentials_file = /nonexistent/a\n", 4, "/nonexistent" },
	{ DNS "type = digitalocean\n", 2, "[dns own] has no token_file" },
	{ DNS "type = digitalocean\ntoken_file = a\n", 3, "absolute" },
	{ DNS "server = 192.0.2.53\nurl = https://a.example\nkey_file = /nonexistent\n", 4, "/nonexistent" },
	{ DNS "url = http://a.example\n", 2, "http only to 127.0.0.1" },
	{ DNS "url = http://127.0.0.1.example/\n", 2, "http only to 127.0.0.1" },
	{ DNS "url = http://127.0.0.1@a.example/\n", 2, "http only to 127.0.0.1" },
	{ DNS "url = http://localhost:1@a.example/\n", 2, "http only to 127.0.0.1" },
	{ DNS "url = https://user:word@a.example/\n", 2, "without a user" },
	{ DNS "url = https:///path\n", 2, "https://HOST" },
	{ DNS "url = https://a.example/?a\n", 2, "https://HOST" },
	{ DNS "url = ftp://a.example\n", 2, "https://HOST" },
	{ DNS "allow_from = 192.0.2.1\n", 2, "expected networks" },
	{ DNS "allow_from = 192.0.2.0/33\n", 2, "expected networks" },
	{ DNS "allow_from = 192.0.2.0/24 2001:db8::/129\n", 2, "expected networks" },
	{ DNS "zone = a..example\n", 2, "the name of a zone" },
	{ DNS "propagation = 901\n", 2, "1 to 900" },
	{ DNS "propagation = 0\n", 2, "1 to 900" },
	{ DNS "algorithm = hmac-md5\n", 2, "broken" },
	{ DNS "algorithm = HMAC-SHA1.\n", 2, "tsig-keygen" },
	{ DNS "algorithm = sha3\n", 2, "hmac-sha512" },
	{ DNS "key_file = key\n", 2, "absolute" },
	{ DNS "key_file = /nonexistent/key\n", 2, "tsig-keygen" },
	{ DNS "key_file = /dev/null\n", 2, "not a regular file" },
	{ DNS "server = ns.example\n", 2, "no key_file" },
	{ DNS "propagation = 30\n", 2, "no server" },
	/* host names */
	{ "[certificate a]\nnames = a.example\n b.example\n *.example.org\n", 4, "wildcard" },
	{ "[certificate a]\nnames = localhost\n", 2, "dot" },
	{ "[certificate a]\nnames = a.example\n a.example\n", 3, "twice" },
	{ "[certificate a]\nnames = a.example A.EXAMPLE\n", 2, "twice" },
	{ "[certificate a]\nnames = a..example\n", 2, "host name" },
	{ "[certificate a]\nnames = .example.org\n", 2, "host name" },
	{ "[certificate a]\nnames = a.example.\n", 2, "'a.example.': write it without the dot at its end" },
	{ "[certificate a]\nnames = a.example..\n", 2, "host name" },
	{ "[certificate a]\nnames = -a.example\n", 2, "host name" },
	{ "[certificate a]\nnames = a-.example\n", 2, "host name" },
	{ "[certificate a]\nnames = a_b.example\n", 2, "letters" },
	{ "[certificate a]\nnames = http://a.example/\n", 2, "letters" },
	{ "[certificate a]\nnames = a.example:80\n", 2, "letters" },
	{ "[certificate a]\nnames = 2001:db8::g\n", 2, "letters" },
	{ "[certificate a]\nnames = [2001:db8::1]\n", 2, "letters" },
	{ "[certificate a]\nnames = b\xc3\xbc"
	  "cher.example\n",
	  2, "xn--" },
	{ "[certificate a]\nnames = xxxx" X50 X10 ".example\n", 2, "host name" },
	/* lines */
	{ ACME "contact = " X190 "\n", 3, "e-mail" },
	{ ACME "contact = a@b.example" X190 X190 "\n", 3, "253" },
	{ ACME X190 " = x\n" USER CERT, 3, "KEY = VALUE" },
	{ ACME X190 "\n" USER CERT, 3, "KEY = VALUE" },
	{ CERT " b.example " X50 X190 ".example\n", 3, "host name" },
	{ CERT "deploy = /nonexistent/" X190 X190 "\nowner = root\nowner = root\n", 3, "nonexistent" },
	/* the whole */
	{ USER CERT, 0, "directory is missing" },
	{ ACME USER, 0, "no [certificate NAME]" },
	{ "", 0, "directory is missing" },
	{ ACME "eab_kid = kid\n" USER CERT, 0, "go together" },
	{ ACME "eab_key_file = /dev/null\n" USER CERT, 0, "go together" },
	{ ACME "[gate]\nuser = acmegate-nobody-here\n" CERT, 0, "acmegate-nobody-here" },
	{ ACME "[gate]\nuser = root\n" CERT, 0, "must not be root" },
	{ ACME "[gate]\nuser = nobody\nbackend = command\n" CERT, 0, "needs command" },
	{ ACME USER "[responder]\nmode = webroot\n" CERT, 0, "needs webroot" },
	{ ACME USER "[responder]\nmode = redirect\nport = 80\n" CERT, 0, "another" },
};

static void each_mistake_is_told_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH_OF(mistakes); i++) {
		fault.kind = FAULT_NONE;
		fault.text[0] = '\0';
		assert_wrong(load(mistakes[i].text), mistakes[i].line, mistakes[i].word);
	}
}

static void the_first_mistake_is_told(void **state)
{
	(void)state;
	assert_wrong(load(ACME "nonsense\ncolour = red\n"), 3, "");
	assert_wrong(load("[acme\ndirectory = letsencrypt\n"), 1, "");
	assert_wrong(load(CERT "[certificate b\nnames = b.example\n"), 3, "");
}

#define WRONG(name) "[certificate " name "]\nnames = " name ".example\n"

/* Each of these certificates is left out, and the others are served. */
static void a_certificate_with_a_mistake_is_left_out(void **state)
{
	static const char *const bad[] = {
		WRONG("b") " a..example\n",
		WRONG("b") "deploy = /nonexistent/program\n",
		WRONG("b") "nonsense\n",
		WRONG("b") "colour = red\n",
		WRONG("b") "names = c.example\n",
		"[certificate b]\n",
		"[certificate b]\nkey = p256\n",
		"[certificate a]\nnames = b.example\nkey = p384\n",
		"[certificate B]\nnames = b.example\n",
		"[certificate " X10 X10 X10 X10 "]\nnames = b.example\n",
		WRONG("b") "chain = " X190 "\n",
		WRONG("b") "\a\n",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(bad); i++) {
		snprintf(text, sizeof(text), ACME USER CERT " a2.example\n%s[certificate c]\nnames = c.example\nmode = 0640\n",
			 bad[i]);
		assert_int_equal(load(text), -1);
		assert_int_equal(mistakes_found.number, 1);
		assert_int_equal(config_load(&config, file, CONFIG_WHOLE, &mistakes_found, &fault), 0);
		assert_int_equal(config.certificates, 2);
		assert_int_equal(config.names, 3);
		assert_string_equal(config.certificate[1].name, "c");
		assert_string_equal(config.name[config.certificate[1].first_name], "c.example");
		assert_int_equal(config.certificate[1].mode, 0640);
		assert_int_equal(config.certificate[0].key, KEY_P256);
	}
}

/* Its other CAs serve a certificate; without any it is left out. */
static void a_ca_with_a_mistake_stops_what_depends_on_it(void **state)
{
	static const char *const bad[] = { "colour = red\n", "eab_kid = kid\n", "contact = nobody\n" };
	char text[1024];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(bad); i++) {
		snprintf(text, sizeof(text),
			 ACME SECOND "%s" USER CERT "ca = second\n[certificate b]\nnames = b.example\nca = second acme\n"
				     "[certificate c]\nnames = c.example\n",
			 bad[i]);
		assert_int_equal(load(text), -1);
		assert_int_equal(mistakes_found.number, 2);
		assert_non_null(strstr(mistakes_found.text[1], ":8: [certificate a]: each of its CAs has a mistake"));
		assert_int_equal(config_load(&config, file, CONFIG_WHOLE, &mistakes_found, &fault), 0);
		assert_int_equal(config.certificates, 2);
		assert_string_equal(config.certificate[2].name, "");
		for (int k = 0; k < 2; k++) {
			assert_string_equal(config.certificate[k].name, k ? "c" : "b");
			assert_string_equal(config.name[config.certificate[k].first_name], k ? "c.example" : "b.example");
			assert_int_equal(config.certificate[k].cas, 1);
			assert_int_equal(config.certificate[k].ca[0], 0);
		}
	}
}

static void assert_cas(const struct certificate *certificate, const char *expected)
{
	char text[32] = "";

	for (uint32_t i = 0; i < certificate->cas; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u", certificate->ca[i]);
	assert_string_equal(text, expected);
}

static void certificates_name_their_cas(void **state)
{
	(void)state;
	assert_good(ACME "profile = classic\n" SECOND "profile = short\nchain = Root\naccept_terms = yes\n" USER CERT
			 "ca = second, acme\nprofile = mine\n[certificate b]\nnames = b.example\n");
	assert_int_equal(config.cas, 2);
	assert_cas(&config.certificate[0], "10");
	assert_cas(&config.certificate[1], "0");
	assert_int_equal(config.turn, 0);
	assert_false(config.acme.accept_terms);
	assert_string_equal(config.certificate[0].profile, "classic");
	assert_string_equal(config.certificate[1].profile, "classic");
	cas_turn_to(&config, 1);
	assert_string_equal(config.acme.name, "second");
	assert_string_equal(config.acme.directory, "https://acme.zerossl.com/v2/DV90");
	assert_true(config.acme.accept_terms);
	assert_string_equal(config.certificate[0].profile, "mine");
	assert_string_equal(config.certificate[0].chain, "Root");
	assert_string_equal(config.certificate[1].profile, "short");
	assert_int_equal(cas_place(&config, &config.certificate[0], "https://acme.zerossl.com/v2/DV90"), 0);
	assert_int_equal(cas_place(&config, &config.certificate[0], "https://acme-v02.api.letsencrypt.org/directory"), 1);
	assert_int_equal(cas_place(&config, &config.certificate[1], "https://acme.zerossl.com/v2/DV90"), -1);
	assert_false(cas_is_unused(&config, 1));
	assert_true(config_has_public_ca(&config));
	assert_good(ACME "[ca private]\ndirectory = https://ca.example/\n" USER CERT);
	assert_true(cas_is_unused(&config, 1));
	assert_false(config_has_public_ca(&config));
}

static void certificates_without_a_ca_have_the_default(void **state)
{
	(void)state;
	assert_good(USER CERT "[acme]\nca = third second\n" SECOND "[ca third]\ndirectory = google\n");
	assert_cas(&config.certificate[0], "21");
	assert_string_equal(config.acme.name, "third");
	assert_good(SECOND "[ca third]\ndirectory = google\n" USER CERT "[certificate b]\nnames = b.example\nca = third\n");
	assert_cas(&config.certificate[0], "12");
	assert_cas(&config.certificate[1], "2");
	assert_string_equal(config.acme.name, "second");
	assert_good(ACME SECOND USER CERT);
	assert_cas(&config.certificate[0], "0");
}

/* To open takes [gate] and [responder] without a mistake, to close takes nothing. */
static void each_command_asks_for_what_it_needs(void **state)
{
	static const struct {
		const char *text;
		int whole, gate;
	} files[] = {
		{ ACME USER CERT, 0, 0 },
		{ "[acme]\naccept_terms = maybe\n" USER CERT, -1, 0 },
		{ ACME USER "[certificate b]\nnames = .\n", -1, 0 },
		{ ACME USER "port = 0\n" CERT, -1, -1 },
		{ ACME USER CERT "[responder]\nmode = webroot\n", -1, -1 },
		{ ACME USER CERT "[responder]\nport = web\n", -1, -1 },
		{ ACME USER CERT "[gates]\nport = 81\n", -1, -1 },
		{ ACME USER CERT "[gate\nport = 81\n", -1, -1 },
		{ "", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(files); i++) {
		assert_int_equal(load(files[i].text), files[i].whole);
		assert_int_equal(config_load(&config, file, CONFIG_GATE, &mistakes_found, &fault), files[i].gate);
		assert_int_equal(config_load(&config, file, CONFIG_CLOSING, &mistakes_found, &fault), 0);
	}
}

static void what_is_wrong_keeps_its_default(void **state)
{
	(void)state;
	assert_wrong(load("nonsense\n[gate]\nstate = relative\nbackend = pf\nport = 8080\ncommand = /nowhere/open\nmax_open = 1\n"
			  "colour = red\n[gate\nport = 1\n[gates]\nport = 2\n" ACME "[certificate x]\n"),
		     1, "KEY = VALUE");
	assert_int_equal(config_load(&config, file, CONFIG_CLOSING, &mistakes_found, &fault), 0);
	assert_int_equal(mistakes_found.number, 9);
	assert_string_equal(config.gate.state, LOCALSTATEDIR "/lib/acmegate");
	assert_string_equal(config.gate.command, "");
	assert_int_equal(config.gate.backend, BACKEND_AUTO);
	assert_int_equal(config.gate.port, 8080);
	assert_int_equal(config.gate.max_open, 60);
	assert_int_equal(config.certificates, 0);
	assert_int_equal(chmod(file, 0602), 0);
	assert_int_equal(config_load(&config, file, CONFIG_CLOSING, &mistakes_found, &fault), -1);
	assert_int_equal(mistakes_found.number, 1);
	assert_int_equal(config.gate.port, 80);
}

static void a_nul_byte_is_refused(void **state)
{
	static const char text[] = ACME USER CERT "# a\0b\n";

	(void)state;
	assert_wrong(load_bytes(text, sizeof(text) - 1), 7, "NUL");
	assert_wrong(load_bytes("\0", 1), 1, "NUL");
}

/* Bytes that inih skips at the beginning of a line must not hide a section from acmegate. */
static void bytes_before_a_section_do_no_harm(void **state)
{
	static const char *const before[] = { "\xef\xbb\xbf", "\f", "\v", "\r", " \f" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(before); i++) {
		snprintf(text, sizeof(text), "%s" CERT USER ACME, before[i]);
		if (load(text) < 0)
			assert_wrong(-1, 1, "");
		else
			assert_int_equal(config.certificates, 1);
	}
}

static void long_lines_and_names_fit(void **state)
{
	char text[8192], label[64], name[300];

	(void)state;
	memset(label, 'x', 63);
	label[63] = '\0';
	/* the longest name that there can be, in each place of a line */
	snprintf(name, sizeof(name), "%s.%s.%s.%.53s.example", label, label, label, label);
	assert_int_equal(strlen(name), NAME_SIZE - 1);
	for (int before = 0; before < 200; before++) {
		snprintf(text, sizeof(text), ACME USER "[certificate a]\nnames = %.*s.example, %s b.example ; %s\n  c.example\n",
			 before % 60 + 1, label, name, X190 X190);
		memset(strstr(text, "names =") + 5, ' ', 1);
		assert_good(text);
		assert_int_equal(config.certificate[0].names, 4);
		assert_string_equal(config.name[1], name);
		assert_string_equal(config.name[2], "b.example");
		assert_string_equal(config.name[3], "c.example");
	}
	snprintf(text, sizeof(text), ACME USER "[certificate a]\nnames =%*s%s\n", 170, "", name);
	assert_good(text);
	assert_string_equal(config.name[0], name);
	snprintf(text, sizeof(text), ACME USER "[certificate a]\nnames = a.example\n  %s\nkey = p384\n", name);
	assert_good(text);
	assert_string_equal(config.name[1], name);
	assert_int_equal(config.certificate[0].key, KEY_P384);
	snprintf(text, sizeof(text), ACME USER "[certificate a]\nnames = x%s\n", name);
	assert_wrong(load(text), 6, "at most 253");
}

/* Every value can be as long as the manual says, and so can a comment. */
static void long_values_fit(void **state)
{
	char text[8192];
	OWN_FREE char *many = NULL;
	size_t size;
	FILE *stream = open_memstream(&many, &size);

	(void)state;
	snprintf(text, sizeof(text),
		 "[acme] ; %s\ndirectory = https://ca.example/%.*s\n" USER CERT "# %s\n  ;%s\ndeploy = /bin/true %s\n", X190 X190,
		 511 - 19, X190 X190 X190, X190 X190, X190 X190, X190 " " X190 " x # x");
	assert_good(text);
	assert_int_equal(strlen(config.acme.directory), URL_SIZE - 1);
	assert_string_equal(config.hook[0], "/bin/true " X190 " " X190 " x # x");
	assert_int_equal(config.certificate[0].names, 1);
	fputs(ACME USER "[certificate a]\nnames =", stream);
	for (int i = 0; i < MAX_NAMES_EACH; i++)
		fprintf(stream, " host%d.somewhere.example%s", i, i % 2 ? "," : "");
	fputs("\n", stream);
	fclose(stream);
	assert_good(many);
	assert_int_equal(config.certificate[0].names, MAX_NAMES_EACH);
	assert_string_equal(config.name[77], "host77.somewhere.example");
}

static void lines_have_a_limit(void **state)
{
	char text[8192], line[4098];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[0] = '#';
	snprintf(text, sizeof(text), ACME USER CERT "%.4094s\n", line);
	assert_good(text);
	snprintf(text, sizeof(text), ACME USER CERT "%.4095s\n", line);
	assert_wrong(load(text), 7, "4095");
	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = i % 2 ? 'x' : ' ';
	snprintf(text, sizeof(text), ACME USER CERT "deploy = /bin/true%.300s\n", line);
	assert_wrong(load(text), 7, "more than one character");
}

static int translations;

/* "\xc3\xbc" to "xn--", and one that there is no name for. */
static int translate(const char *name, char ascii[NAME_SIZE], struct fault *why)
{
	translations++;
	if (strstr(name, "bad"))
		return fault_set(why, FAULT_USAGE, "no such character");
	snprintf(ascii, NAME_SIZE, "%s", strstr(name, "hostile") ? "../../etc" : "xn--bcher-kva.example");
	return 0;
}

static void international_names_are_translated(void **state)
{
#define BUECHER \
	"B\xc3\xbc" \
	"cher.example"
	(void)state;
	assert_good(ACME USER CERT); /* nobody is asked */
	config_translate_with(translate);
	assert_good(ACME USER CERT " " BUECHER "\n");
	assert_string_equal(config.name[1], "xn--bcher-kva.example");
	assert_int_equal(translations, 1);
	assert_wrong(load(ACME USER CERT " " BUECHER "\n xn--bcher-kva.example\n"), 8, "twice");
	assert_wrong(load(ACME USER CERT " xn--bcher-kva.example " BUECHER "\n"), 7, "(xn--bcher-kva.example) is given twice");
	assert_non_null(strstr(mistakes_found.text[0], "'" BUECHER "'"));
	assert_wrong(load(ACME USER CERT " bad" BUECHER "\n"), 7, "no such character");
	assert_wrong(load(ACME USER CERT " hostile" BUECHER "\n"), 7, "host name");
	assert_wrong(load(ACME "contact = b\xc3\xbc@b.example\n" USER CERT), 3, "ASCII");
	/* Closing depends on no translator: it uses no names. */
	assert_int_equal(load(ACME USER CERT " bad" BUECHER "\n other" BUECHER "\n"), -1);
	translations = 0;
	assert_int_equal(config_load(&config, file, CONFIG_GATE, &mistakes_found, &fault), 0);
	assert_int_equal(mistakes_found.number, 0);
	assert_int_equal(config_load(&config, file, CONFIG_CLOSING, &mistakes_found, &fault), 0);
	assert_int_equal(mistakes_found.number, 0);
	assert_int_equal(translations, 0);
	config_translate_with(NULL);
}

/* A file with so many certificates of so many names each. */
static char *make_many(unsigned int certificates, unsigned int names)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	fputs(ACME USER, stream);
	for (unsigned int i = 0; i < certificates; i++) {
		fprintf(stream, "[certificate c%u]\nnames = a%u.example\n", i, i);
		for (unsigned int j = 1; j < names; j++)
			fprintf(stream, " a%u-%u.example\n", i, j);
	}
	fclose(stream);
	return text;
}

static void there_are_limits(void **state)
{
	OWN_FREE char *full = make_many(MAX_CERTIFICATES, 1), *more = make_many(MAX_CERTIFICATES + 1, 1);
	OWN_FREE char *names = make_many(1, MAX_NAMES_EACH), *names_more = make_many(1, MAX_NAMES_EACH + 1);
	OWN_FREE char *all = make_many(81, MAX_NAMES_EACH), *all_more = make_many(82, MAX_NAMES_EACH);

	(void)state;
	assert_good(full);
	assert_int_equal(config.certificates, MAX_CERTIFICATES);
	assert_wrong(load(more), 4 + 2 * MAX_CERTIFICATES + 1, "more than 2000 certificates");
	assert_good(names);
	assert_int_equal(config.certificate[0].names, MAX_NAMES_EACH);
	assert_wrong(load(names_more), 4 + 1 + MAX_NAMES_EACH + 1, "100");
	assert_good(all);
	assert_int_equal(config.names, 8100);
	assert_wrong(load(all_more), 4 + 81 * (1 + MAX_NAMES_EACH) + 1 + 92, "in all");
}

static long resident(const void *from, const void *to)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)from / page * page;
	static unsigned char in[sizeof(config) / 4096 + 2];
	long pages = 0;

	assert_int_equal(mincore((void *)begin, (uintptr_t)to - begin, in), 0);
	for (size_t i = 0; i < ((uintptr_t)to - begin + page - 1) / page; i++)
		pages += in[i] & 1;
	return pages * (long)page;
}

/* Unused parts take no memory, and used ones can be given back. */
static void memory_is_that_of_what_there_is(void **state)
{
	OWN_FREE char *full = make_many(MAX_CERTIFICATES, 1);
	static struct config copy;

	(void)state;
	config_forget_certificates(&config);
	assert_good(ACME USER CERT);
	assert_between(resident(config.certificate, &config + 1), 1, 64 * 1024);
	config_copy(&copy, &config);
	assert_between(resident(copy.certificate, &copy + 1), 1, 64 * 1024);
	assert_string_equal(copy.certificate[0].name, "a");
	assert_string_equal(copy.name[0], "a.example");
	assert_good(full);
	assert_true(resident(config.certificate, &config + 1) > 1024 * 1024);
	config_copy(&copy, &config);
	assert_string_equal(copy.certificate[MAX_CERTIFICATES - 1].name, config.certificate[MAX_CERTIFICATES - 1].name);
	assert_string_equal(copy.name[MAX_CERTIFICATES - 1], config.name[MAX_CERTIFICATES - 1]);
	config_forget_certificates(&config);
	assert_int_equal(config.certificates, 0);
	assert_between(resident(config.certificate, &config + 1), 0, 16 * 1024);
	assert_int_equal(config.gate.port, 80);
}

static void the_same_name_may_stand_in_two_certificates(void **state)
{
	(void)state;
	assert_good(ACME USER CERT "[certificate b]\nnames = a.example\n");
	assert_int_equal(config.names, 2);
}

static void assert_refused(const char *word)
{
	fault = (struct fault){ 0 };
	assert_int_equal(config_load(&config, file, CONFIG_WHOLE, &mistakes_found, &fault), -1);
	assert_int_equal(fault.kind, FAULT_USAGE);
	assert_non_null(strstr(fault.text, word));
}

static void only_safe_files_are_read(void **state)
{
	char path[PATH_SIZE];

	(void)state;
	assert_refused("No such file");
	assert_good(ACME USER CERT);
	assert_int_equal(chmod(file, 0660), 0);
	assert_refused("can be written by others");
	assert_int_equal(chmod(file, 0602), 0);
	assert_refused("can be written by others");
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(config_load(&config, file, CONFIG_WHOLE, &mistakes_found, &fault), 0);
	assert_int_equal(chmod(directory, 0770), 0);
	assert_refused("can be written by others");
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(config_load(&config, file, CONFIG_WHOLE, &mistakes_found, &fault), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(file, 65534, 0), 0);
		assert_refused("belongs to user 65534");
	}
	unlink(file);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_refused("not a regular file");
	unlink(file);
	snprintf(path, sizeof(path), "%s", directory);
	fault = (struct fault){ 0 };
	assert_int_equal(config_load(&config, path, CONFIG_WHOLE, &mistakes_found, &fault), -1);
	assert_non_null(strstr(fault.text, "not a regular file"));
}

static void the_whole_way_is_checked(void **state)
{
	static const char *const ways[] = { "open/b/conf", "link/conf", "link2/conf", "b/../link2/../b/conf", "b2/conf" };
	char path[PATH_SIZE + 64], target[PATH_SIZE + 64];
	int fd;

	(void)state;
	assert_int_equal(chdir(directory), 0);
	assert_true(mkdir("open", 0755) == 0 && mkdir("open/b", 0755) == 0 && mkdir("b", 0755) == 0);
	fd = open("open/b/conf", O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0 && close(fd) == 0 && link("open/b/conf", "b/conf") == 0);
	snprintf(target, sizeof(target), "%s/link", directory);
	assert_true(symlink("open/b", "link") == 0 && symlink(target, "link2") == 0 && symlink("open/up", "b2") == 0);
	assert_int_equal(symlink("../b/", "open/up"), 0);
	for (mode_t mode = 0755; mode <= 0777; mode += 022) {
		assert_int_equal(chmod("open", mode), 0);
		for (size_t i = 0; i < LENGTH_OF(ways); i++) {
			snprintf(path, sizeof(path), "%s/%s", directory, ways[i]);
			fault = (struct fault){ 0 };
			fd = safe_open(path, &fault);
			assert_int_equal(fd >= 0, mode == 0755);
			assert_true(fd >= 0 ? close(fd) == 0 : strstr(fault.text, "/open can be written by others") != NULL);
		}
		fd = safe_open("b/conf", &fault);
		assert_true(fd >= 0 && close(fd) == 0);
		fd = safe_directory("open/b/", &fault);
		assert_int_equal(fd >= 0, mode == 0755);
		assert_true(fd < 0 || close(fd) == 0);
		fd = safe_directory("open/new", &fault);
		assert_int_equal(fd >= 0, mode == 0755);
		assert_true(fd < 0 || close(fd) == 0);
		assert_int_equal(rmdir("open/new") == 0, mode == 0755);
	}
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(safe_open("loop", &fault), -1);
	assert_int_equal(safe_directory("loop/x", &fault), -1);
	for (const char **name = (const char *[]){ "link", "link2", "b2", "loop", "open/up", "open/b/conf", "b/conf", NULL }; *name;
	     name++)
		assert_int_equal(unlink(*name), 0);
	assert_true(rmdir("open/b") == 0 && rmdir("open") == 0 && rmdir("b") == 0 && chdir("/") == 0);
}

/*
 * Older kernels refuse a shared mapping (s instead of p) of this file. A line of maps: "FROM-TO r--p OFFSET DEVICE INODE
 * /memfd:acmegate-config (deleted)".
 */
static void assert_private(const void *mapping)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[PATH_SIZE + 128], rights[5] = "";
	uintmax_t from = 0;

	assert_non_null(maps);
	while (from != (uintptr_t)mapping && fgets(line, sizeof(line), maps))
		assert_int_equal(sscanf(line, "%jx-%*x %4s", &from, rights), 2);
	fclose(maps);
	assert_int_equal(from, (uintptr_t)mapping);
	assert_string_equal(rights, "r--p");
}

static const struct config *share(enum role role)
{
	const struct config *copy;
	char byte = 'x';
	int fd = config_share(&config, role, &fault);

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_int_equal(pwrite(fd, &byte, 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	copy = config_share_receive(fd);
	assert_non_null(copy);
	assert_private(copy);
	close(fd);
	return copy;
}

static void unshare_config(const struct config *copy)
{
	assert_int_equal(munmap((void *)(uintptr_t)copy, sizeof(*copy)), 0);
}

static void the_storer_learns_of_all_cas(void **state)
{
	const struct config *copy;

	(void)state;
	assert_good(ACME SECOND "profile = short\nproxy = http://u:p@proxy.example:3128\n" USER CERT
				"ca = acme second\nprofile = mine\n");
	copy = share(ROLE_STORER);
	assert_int_equal(copy->cas, 2);
	assert_string_equal(copy->ca[1].directory, config.ca[1].directory);
	assert_string_equal(copy->ca[1].profile, "short");
	assert_string_equal(copy->ca[1].proxy, "");
	assert_string_equal(copy->certificate[0].own_profile, "mine");
	assert_cas(&copy->certificate[0], "01");
	unshare_config(copy);
	copy = share(ROLE_CLIENT);
	assert_string_equal(copy->ca[1].directory, "");
	assert_string_equal(copy->acme.directory, config.ca[0].directory);
	unshare_config(copy);
}

/* Takes what a role gets out of both, and compares the rest: the role got zeros. */
static void each_role_gets_what_it_uses(void **state)
{
	const struct config *copy;

	(void)state;
	assert_good(ACME "contact = me@example.org\nproxy = http://u:p@proxy.example:3128\nhosts = api.example\n" USER CERT
			 " b.example\ndeploy = /bin/true\ndeploy = /bin/echo\n[certificate b]\nnames = c.example\nmode = 0640\n");
	copy = share(ROLE_CLIENT);
	assert_string_equal(copy->acme.directory, config.acme.directory);
	assert_string_equal(copy->acme.proxy, "http://u:p@proxy.example:3128");
	assert_string_equal(copy->acme.hosts, "");
	assert_string_equal(copy->gate.state, "");
	assert_int_equal(copy->certificates, 2);
	assert_int_equal(copy->certificate[0].hooks, 0);
	assert_int_equal(copy->certificate[1].mode, 0);
	assert_memory_equal(copy->name, config.name, sizeof(config.name));
	unshare_config(copy);
	copy = share(ROLE_SIGNER);
	assert_string_equal(copy->acme.proxy, "");
	assert_string_equal(copy->acme.hosts, "api.example");
	assert_string_equal(copy->acme.contact, "me@example.org");
	assert_int_equal(copy->certificate[0].hooks, 0);
	assert_memory_equal(copy->name, config.name, sizeof(config.name));
	unshare_config(copy);
	copy = share(ROLE_STORER);
	assert_string_equal(copy->acme.proxy, "");
	assert_string_equal(copy->acme.contact, "");
	assert_string_equal(copy->gate.state, config.gate.state);
	assert_string_equal(copy->certificate[1].name, "b");
	assert_int_equal(copy->certificate[1].mode, 0640);
	assert_int_equal(copy->certificate[0].hooks, 2);
	assert_string_equal(copy->hook[0], "");
	assert_memory_equal(copy->name, config.name, sizeof(config.name));
	unshare_config(copy);
	assert_false(config_share_has(ROLE_RESPONDER) || config_share_has(ROLE_SWEEPER) || config_share_has(ROLE_TRANSLATOR));
}

static void a_request_is_shared_with_signer_and_storer(void **state)
{
	const struct config *copy;

	(void)state;
	assert_int_equal(load_requests(5, 3, ""), 0);
	copy = share(ROLE_SIGNER);
	assert_memory_equal(copy->csr, "aaaaabbb", 9);
	assert_string_equal(copy->certificate[1].csr, config.certificate[1].csr);
	unshare_config(copy);
	copy = share(ROLE_STORER);
	assert_memory_equal(copy->csr, "aaaaabbb", 9);
	assert_string_equal(copy->certificate[1].csr, "");
	unshare_config(copy);
	copy = share(ROLE_CLIENT);
	assert_int_equal(copy->csr[0], 0);
	assert_int_equal(copy->certificate[0].csr_length, 0);
	unshare_config(copy);
}

/* A key file that is put beside the configuration, and a certificate whose name is validated with it. */
static int load_key(const char *text, mode_t mode, const char *more, enum config_part part)
{
	char key[PATH_SIZE + 8], all[PATH_SIZE + 512];
	int fd, rc;

	snprintf(key, sizeof(key), "%s.key", file);
	fd = open(key, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
	close(fd);
	snprintf(all, sizeof(all),
		 ACME USER DNS "server = NS1.Example.\nkey_file = %s\n%s" CERT "  *.b.example\nchallenge = http-01, dns-01\n", key,
		 more);
	rc = load(all);
	if (rc == 0 && part != CONFIG_WHOLE)
		rc = config_load(&config, file, part, &mistakes_found, &fault);
	unlink(key);
	return rc;
}

#define SECRET "c2VjcmV0LW9mLXRoaXJ0eS10d28tYnl0ZXMtZm9yLWFjbWU"
#define BIND(algorithm) "# a comment\nkey \"Acme.Gate.\" {\n\talgorithm " algorithm "; // another\n\tsecret \"" SECRET "=\";\n};\n"

static void keys_of_name_servers(void **state)
{
	static const struct {
		const char *text, *more;
		enum tsig_algorithm algorithm;
	} good[] = {
		{ BIND("hmac-sha256"), "", TSIG_SHA256 },
		{ BIND("HMAC-SHA384."), "algorithm = hmac_sha384\n", TSIG_SHA384 },
		{ "key acme.gate { secret " SECRET "; algorithm sha512; };", "propagation = 30\nzone = Example.ORG.\n", TSIG_SHA512 },
		{ "key:\n- id: acme.gate.\n  algorithm: hmac-sha512\n  secret: " SECRET "=\n", "", TSIG_SHA512 },
		{ "# hmac-sha256:acme.gate:x\nkey:\n  - id: acme.gate\n    secret: \"" SECRET "=\"\n", "algorithm = sha256\n",
		  TSIG_SHA256 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(good); i++) {
		assert_int_equal(load_key(good[i].text, 0600, good[i].more, CONFIG_WHOLE), 0);
		assert_string_equal(config.dns[0].key_name, "acme.gate");
		assert_string_equal(config.dns[0].secret, SECRET "=");
		assert_int_equal(config.dns[0].algorithm, good[i].algorithm);
		assert_string_equal(config.dns[0].server, "ns1.example");
	}
	assert_int_equal(load_key(good[2].text, 0600, good[2].more, CONFIG_CLOSING), 0);
	assert_string_equal(config.dns[0].zone, "example.org");
	assert_int_equal(config.dns[0].propagation, 30);
	assert_string_equal(config.dns[0].secret, SECRET "="); /* recovery removes values */
	assert_int_equal(load_key(good[0].text, 0600, "", CONFIG_GATE), 0);
	assert_null(memmem(&config, sizeof(config), SECRET, 20));
}

static void programs_that_change_the_dns(void **state)
{
	const struct dns_program *program = &config.dns[0].program;
	const struct config *copy;
	char env[PATH_SIZE + 8], text[PATH_SIZE + 512];
	int fd;

	(void)state;
	snprintf(env, sizeof(env), "%s.env", file);
	fd = open(env, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, "TOKEN=" SECRET "\n", 54) == 54);
	close(fd);
	snprintf(text, sizeof(text),
		 ACME USER PROGRAM "user = daemon\nenvironment_file = %s\ntimeout = 240\n" CERT "challenge = dns-01\n", env);
	assert_good(text);
	unlink(env);
	assert_int_equal(config.dns[0].type, DNS_EXEC);
	assert_string_equal(program->command, "/bin/true one -two");
	assert_string_equal(program->user, "daemon");
	assert_true(program->uid != 0 && program->gid != 0);
	assert_int_equal(program->seconds, 240);
	assert_null(memmem(&config, sizeof(config), SECRET, 20)); /* they are read when the program starts */
	copy = share(ROLE_CLIENT);
	assert_null(memmem(copy->dns, sizeof(copy->dns), "/bin/true", 9));
	unshare_config(copy);
	assert_good(ACME USER PROGRAM CERT "challenge = dns-01\n");
	assert_string_equal(program->user, "");
	assert_int_equal(program->seconds, 0);
}

static void files_of_other_clients(void **state)
{
	static char text[4096];
	int n;

	(void)state;
	assert_int_equal(load(ACME USER CERT
			      "[watch certbot]\nfiles = /live/*/cert.pem  /a.pem\n  /b.pem\nfiles = /c.pem\n[watch b]\nfiles = /d\n"),
			 0);
	assert_int_equal(config.watches, 2);
	assert_string_equal(config.watch[0].files, "/live/*/cert.pem /a.pem /b.pem /c.pem ");
	assert_string_equal(config.watch[1].name, "b");
	assert_int_equal(config_find_watch(&config, "b"), 1);
	/* a mistake stops nothing but its section */
	assert_int_equal(load(ACME USER CERT "[watch certbot]\nfiles = live\n[watch b]\nfiles = /d\n"), -1);
	assert_int_equal(config_load(&config, file, CONFIG_WHOLE, &mistakes_found, &fault), 0);
	assert_int_equal(config.watches, 1);
	assert_string_equal(config.watch[0].name, "b");
	assert_int_equal(config.certificates, 1);
	n = snprintf(text, sizeof(text), ACME USER CERT);
	for (int i = 0; i <= MAX_WATCHES; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "[watch w%d]\nfiles = /a\n", i);
	assert_int_equal(load(text), -1);
	assert_int_equal(config.watches, MAX_WATCHES);
	assert_non_null(strstr(mistakes_found.text[0], "more than 16 sections [watch NAME]"));
	n = snprintf(text, sizeof(text), ACME USER CERT "[watch w]\n");
	for (int i = 0; i < 6; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "files = /%0200d\n", i);
	assert_int_equal(load(text), -1);
	assert_int_equal(config.watches, 0);
	assert_non_null(strstr(mistakes_found.text[0], "at most 1022 characters in all"));
}

static void keys_that_cannot_be_used(void **state)
{
	static const struct {
		const char *text, *more, *words;
		mode_t mode;
	} bad[] = {
		{ BIND("hmac-md5"), "", "hmac-md5 is not used here", 0600 },
		{ BIND("hmac-sha1"), "", "make another key", 0600 },
		{ BIND("hmac-sha224"), "", "expected hmac-sha256", 0600 },
		{ BIND("hmac-sha256"), "algorithm = hmac-sha512\n", "has hmac-sha256", 0600 },
		{ BIND("hmac-sha256") BIND("hmac-sha256"), "", "more than one key", 0600 },
		{ BIND("hmac-sha256"), "", "everybody can read the key", 0604 },
		{ "key acme.gate { secret " SECRET "; };", "", "says no algorithm", 0600 },
		{ "key acme.gate { algorithm hmac-sha256; };", "", "expected a key as tsig-keygen", 0600 },
		{ "key \"a b\" { algorithm hmac-sha256; };", "", "not the name of a key", 0600 },
		{ "key acme.gate { secret \"not:Base64\"; };", "", "not Base64", 0600 },
		{ "key acme.gate { secret \"\"; };", "", "not Base64", 0600 },
		{ "key", "", "expected a key", 0600 },
		{ "", "", "expected a key", 0600 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(bad); i++) {
		assert_int_equal(load_key(bad[i].text, bad[i].mode, bad[i].more, CONFIG_WHOLE), -1);
		if (!strstr(fault.text, bad[i].words))
			fail_msg("%s: %s", bad[i].words, fault.text);
		assert_null(memmem(&config, sizeof(config), SECRET, 20));
	}
}

static void a_key_is_shared_with_acmegate_dns(void **state)
{
	static const enum role others[] = { ROLE_CLIENT, ROLE_SIGNER, ROLE_STORER, ROLE_VIEWER, ROLE_IMPORTER };
	const struct config *copy;

	(void)state;
	assert_int_equal(load_key(BIND("hmac-sha256"), 0600, "", CONFIG_WHOLE), 0);
	copy = share(ROLE_DNS);
	assert_string_equal(copy->dns[0].secret, SECRET "=");
	assert_int_equal(copy->certificate[0].dns, 0);
	unshare_config(copy);
	for (size_t i = 0; i < LENGTH_OF(others); i++) {
		copy = share(others[i]);
		assert_null(memmem(copy, sizeof(*copy), SECRET, 20));
		unshare_config(copy);
	}
}

/* The signer alone. */
static void a_password_is_shared_with_the_signer(void **state)
{
	static const enum role others[] = { ROLE_CLIENT, ROLE_STORER };
	const struct config *copy;

	(void)state;
	assert_int_equal(load_password("word-7261", 0600, CONFIG_WHOLE), 0);
	copy = share(ROLE_SIGNER);
	assert_string_equal(copy->certificate[0].password, "word-7261");
	unshare_config(copy);
	for (size_t i = 0; i < LENGTH_OF(others); i++) {
		copy = share(others[i]);
		assert_null(memmem(copy, sizeof(*copy), "word-7261", 9));
		unshare_config(copy);
	}
}

static void a_child_refuses_other_files(void **state)
{
	OWN_FD int fd = memfd_create("test", MFD_CLOEXEC);

	(void)state;
	assert_null(config_share_receive(-1));
	assert_null(config_share_receive(fd));
	assert_int_equal(ftruncate(fd, sizeof(config) - 1), 0);
	assert_null(config_share_receive(fd));
	assert_int_equal(ftruncate(fd, sizeof(config) + 1), 0);
	assert_null(config_share_receive(fd));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* The port that leads to the CA, and whether the CA is a public one. */
static void the_way_to_the_ca(void **state)
{
	static const struct {
		const char *directory, *proxy;
		uint16_t port;
		bool public_ca;
	} cases[] = {
		{ "https://ca.example/dir", "", 443, false },
		{ "https://ca.example:14000/dir", "", 14000, false },
		{ "https://[2001:db8::1]/dir", "", 443, false },
		{ "https://[2001:db8::1]:8443/dir", "", 8443, false },
		{ "https://ca.example/dir:99", "", 443, false },
		{ "https://acme-v02.api.letsencrypt.org/directory", "", 443, true },
		{ "https://acme-v02.api.letsencrypt.org/directory", "http://proxy.example", 80, true },
		{ "https://acme-v02.api.letsencrypt.org/directory", "http://proxy.example:3128", 3128, true },
		{ "", "", 0, false },
	};
	static struct config one;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		snprintf(one.acme.directory, sizeof(one.acme.directory), "%s", cases[i].directory);
		snprintf(one.acme.proxy, sizeof(one.acme.proxy), "%s", cases[i].proxy);
		assert_int_equal(config_ca_port(&one), cases[i].port);
		assert_int_equal(config_has_public_ca(&one), cases[i].public_ca);
	}
}

/* The CA that a rehearsal asks. */
static void the_staging_ca(void **state)
{
	static const char *const known = "https://acme-staging-v02.api.letsencrypt.org/directory";

	(void)state;
	assert_good(ACME USER "[certificate a]\nnames = a.example\n");
	assert_string_equal(config_staging(&config.acme), known);
	assert_good("[acme]\ndirectory = letsencrypt-staging\n" USER "[certificate a]\nnames = a.example\n");
	assert_string_equal(config_staging(&config.acme), known);
	assert_good(ACME "staging = https://ca.example/staging\n" USER "[certificate a]\nnames = a.example\n");
	assert_string_equal(config_staging(&config.acme), "https://ca.example/staging");
	assert_good("[acme]\ndirectory = zerossl\n" USER "[certificate a]\nnames = a.example\n");
	assert_null(config_staging(&config.acme));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_way_to_the_ca),
		TEST(the_staging_ca),
		TEST(a_full_file_is_read),
		TEST(a_short_file_has_defaults),
		TEST(a_key_serves_for_so_many_certificates),
		TEST(a_request_is_bytes),
		TEST(a_request_is_shared_with_signer_and_storer),
		TEST(a_password_is_one_line_that_others_cannot_read),
		TEST(a_password_is_shared_with_the_signer),
		TEST(keys_of_name_servers),
		TEST(keys_that_cannot_be_used),
		TEST(a_key_is_shared_with_acmegate_dns),
		TEST(programs_that_change_the_dns),
		TEST(files_of_other_clients),
		TEST(hooks_are_of_their_certificate),
		TEST(there_is_a_bound_for_all_hooks),
		TEST(layout_does_not_matter),
		TEST(addresses_have_one_spelling),
		TEST(each_mistake_is_told_with_its_line),
		TEST(the_first_mistake_is_told),
		TEST(a_certificate_with_a_mistake_is_left_out),
		TEST(a_ca_with_a_mistake_stops_what_depends_on_it),
		TEST(certificates_name_their_cas),
		TEST(certificates_without_a_ca_have_the_default),
		TEST(the_storer_learns_of_all_cas),
		TEST(each_command_asks_for_what_it_needs),
		TEST(what_is_wrong_keeps_its_default),
		TEST(a_nul_byte_is_refused),
		TEST(bytes_before_a_section_do_no_harm),
		TEST(long_lines_and_names_fit),
		TEST(long_values_fit),
		TEST(international_names_are_translated),
		TEST(lines_have_a_limit),
		TEST(there_are_limits),
		TEST(memory_is_that_of_what_there_is),
		TEST(the_same_name_may_stand_in_two_certificates),
		TEST(only_safe_files_are_read),
		TEST(the_whole_way_is_checked),
		TEST(each_role_gets_what_it_uses),
		TEST(a_child_refuses_other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
