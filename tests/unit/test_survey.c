// SPDX-License-Identifier: GPL-3.0-or-later
/* The asking half of the surveyor, with a surveyor that dies, falls silent and lies: a forked child that plays one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "backends/nft/survey.h"
#include "base/kernel.h"
#include "base/launch.h"
#include "nth_call.h"
#include "other_names.h"
#include "own_net.h"

static struct fault fault;
static struct opening opening;
static struct survey_answer word;
static uint32_t generation;
static int channel, netlink_fd; /* of the child */
static int started;
static void (*play)(const struct survey_question *question); /* the child's part, after a question */

static void say(uint32_t kind, size_t payload)
{
	word.kind = kind;
	if (send(channel, &word, SURVEY_ANSWER_SIZE(payload), MSG_NOSIGNAL) < 0)
		_exit(9);
}

static void say_done(void)
{
	memset(&word, 0, sizeof(word));
	word.done.generation = generation;
	memset(word.done.digest, 0x5a, sizeof(word.done.digest));
	word.done.admitted = 5;
	say(SAY_DONE, sizeof(word.done));
}

int __wrap_launch_start(const struct launch *launch, const struct descriptor *given, size_t n, struct fault *f);
int __wrap_launch_start(const struct launch *launch, const struct descriptor *given, size_t n, struct fault *f)
{
	(void)launch;
	static struct survey_question question;
	pid_t parent = getpid(), pid = fork();

	assert_int_equal(n, 3);
	started++;
	if (pid < 0)
		return fault_errno(f, FAULT_LATER, "starting the surveyor");
	if (pid) {
		int fd = pidfd_open(pid, 0);

		return fd < 0 ? fault_errno(f, FAULT_LATER, "starting the surveyor") : fd;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	channel = dup(given[0].from);
	netlink_fd = dup(given[1].from);
	close(given[0].from);
	close(given[0].from - 1); /* the asker's end: socketpair() gave both */
	while (getppid() == parent && recv(channel, &question, sizeof(question), 0) == (ssize_t)sizeof(question))
		play(&question);
	_exit(0);
}

/* Time goes on faster for some tests. */
static long skip;
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	static long skipped;
	int rc = __real_clock_gettime(clock, time);

	time->tv_sec += skipped += skip;
	return rc;
}

static int set_up(void **state)
{
	struct netlink netlink;

	(void)state;
	started = 0;
	own_net_table(NFPROTO_INET, "one");
	if (netlink_open(&netlink, &fault) != 1 || netlink_generation(&netlink, &generation, &fault) < 0)
		return -1;
	netlink_close(&netlink);
	return opening_make(&opening, 80, 60, &fault);
}

static int tear_down(void **state)
{
	(void)state;
	nth_stop();
	skip = 0;
	survey_end();
	own_net_flush();
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return 0;
}

static void assert_fault(const char *words)
{
	if (!strstr(fault.text, words))
		fail_msg("%s instead of %s", fault.text, words);
}

/* --- an honest one ---------------------------------------------------------------------------------------------------- */

static void name_two(const struct survey_question *question)
{
	if (question->verb != ASK_CHOOSE || question->opening.port != 80)
		_exit(8);
	memset(&word, 'x', sizeof(word)); /* texts without an end */
	word.spot.holder = HOLDER_OWNER;
	word.spot.bound = BOUND_BY_ADDRESS;
	word.spot.number = 7;
	say(SAY_SPOT, sizeof(word.spot));
	word.spot.number = 8;
	say(SAY_SPOT, sizeof(word.spot));
	memset(&word, 'x', sizeof(word));
	word.done.generation = generation;
	say(SAY_DONE, sizeof(word.done));
}

static void spots_are_kept_while_nothing_changes(void **state)
{
	const struct survey *survey;
	struct opening other;

	(void)state;
	play = name_two;
	survey = survey_choose(&opening, &fault);
	if (!survey)
		fail_msg("%s", fault.text);
	assert_int_equal(survey->spots, 2);
	assert_int_equal(survey->spot[1].number, 8);
	assert_int_equal(strlen(survey->spot[0].table), SURVEY_NAME - 1);
	assert_int_equal(strlen(survey->spot[0].why), sizeof(survey->spot[0].why) - 1);
	assert_int_equal(strlen(survey->spot[0].lost), sizeof(survey->spot[0].lost) - 1);
	assert_int_equal(strlen(survey->shut), sizeof(survey->shut) - 1);
	assert_int_equal(strlen(survey->client), sizeof(survey->client) - 1);
	nth_fail_on("send", 1, EPIPE); /* nobody is asked */
	assert_ptr_equal(survey_choose(&opening, &fault), survey);
	other = opening;
	other.target = 8080;
	assert_null(survey_choose(&other, &fault));
	nth_stop();
	assert_ptr_equal(survey_choose(&opening, &fault), survey);
	own_net_table(NFPROTO_INET, "two");
	nth_fail_on("send", 1, EPIPE);
	assert_null(survey_choose(&opening, &fault));
	assert_fault("asking the surveyor");
}

static void digest_it(const struct survey_question *question)
{
	if (question->verb != ASK_DIGEST)
		_exit(8);
	say_done();
}

static void a_digest_is_kept_while_nothing_changes(void **state)
{
	unsigned char digest[SURVEY_DIGEST_SIZE], wanted[SURVEY_DIGEST_SIZE];

	(void)state;
	play = digest_it;
	memset(wanted, 0x5a, sizeof(wanted));
	assert_int_equal(survey_digest(digest, &fault), 0);
	assert_memory_equal(digest, wanted, sizeof(wanted));
	nth_fail_on("send", 1, EPIPE);
	assert_int_equal(survey_digest(digest, &fault), 0);
	nth_stop();
	own_net_table(NFPROTO_INET, "two");
	nth_fail_on("send", 1, EPIPE);
	assert_int_equal(survey_digest(digest, &fault), -1);
}

static void admit_some(const struct survey_question *question)
{
	if (question->peers != 2 || question->peer[1].address[0] != 192)
		_exit(8);
	say_done();
}

static void peers_that_are_not_admitted_lose_their_bit(void **state)
{
	const struct peer peers[] = { { .family = NFPROTO_IPV4 }, { .family = NFPROTO_IPV4, .address = { 192 } } };
	uint64_t admitted = 6;

	(void)state;
	play = admit_some;
	assert_int_equal(survey_peers(&opening, peers, 2, &admitted, &fault), 0);
	assert_int_equal(admitted, 4);
	assert_int_equal(started, 1);
}

static void read_listing(const struct survey_question *question)
{
	static char text[SURVEY_TEXT];
	size_t length = 0;

	if (question->verb != ASK_LISTING || question->family != NFPROTO_IPV6 || strcmp(question->table, "filter"))
		_exit(8);
	while (length < question->length) {
		ssize_t n = recv(channel, text, sizeof(text), 0);

		if (n <= 0 || text[0] != 'x' || text[n - 1] != 'x')
			_exit(7);
		length += (size_t)n;
	}
	if (length != question->length)
		_exit(6);
	memset(&word, 0, sizeof(word));
	word.spot.number = 3;
	if (!question->peers)
		say(SAY_SPOT, sizeof(word.spot));
	say_done();
}

static void a_listing_goes_over_in_parts(void **state)
{
	static char text[3 * SURVEY_TEXT / 2 + 1];
	const struct peer peer = { .family = NFPROTO_IPV6 };
	const struct survey *survey;
	uint64_t admitted = 2;

	(void)state;
	play = read_listing;
	memset(text, 'x', sizeof(text) - 1);
	survey = survey_listing(text, NFPROTO_IPV6, "filter", &opening, &fault);
	assert_non_null(survey);
	assert_int_equal(survey->spots, 1);
	assert_int_equal(survey->spot[0].number, 3);
	assert_int_equal(survey_peers_listed(text, NFPROTO_IPV6, "filter", &opening, &peer, 1, &admitted, &fault), 0);
	assert_int_equal(admitted, 0);
	nth_fail_on("send", 2, EPIPE); /* the question is taken, its text is not */
	assert_null(survey_listing(text, NFPROTO_IPV6, "filter", &opening, &fault));
	nth_fail_on("send", 2, EPIPE);
	assert_int_equal(survey_peers_listed(text, NFPROTO_IPV6, "filter", &opening, &peer, 1, &admitted, &fault), -1);
}

static char remarks[4][SURVEY_REMARK];
static size_t remarked;

static void take_remark(void *arg, const char *text)
{
	assert_ptr_equal(arg, &remarked);
	snprintf(remarks[remarked++ % 4], SURVEY_REMARK, "%s", text);
}

static void remark(const struct survey_question *question)
{
	if (question->verb != ASK_REMARKS)
		_exit(8);
	memset(&word, 'x', sizeof(word));
	memcpy(word.remark, "if \x1b[0m\xff~", 8);
	say(SAY_REMARK, sizeof(word.remark));
	say_done();
}

static void remark_without_end(const struct survey_question *question)
{
	(void)question;
	for (int i = 0; i < 65; i++)
		say(SAY_REMARK, sizeof(word.remark));
	say_done();
}

static void remarks_are_printable(void **state)
{
	const struct peer ca = { .family = NFPROTO_IPV4 };

	(void)state;
	remarked = 0;
	play = remark;
	assert_int_equal(survey_remarks(&opening, &ca, 1, take_remark, &remarked, &fault), 0);
	assert_int_equal(remarked, 1);
	assert_int_equal(strlen(remarks[0]), SURVEY_REMARK - 1);
	assert_int_equal(strncmp(remarks[0], "if ?[0m?~", 8), 0);
	survey_end();
	play = remark_without_end;
	assert_int_equal(survey_remarks(&opening, &ca, 1, take_remark, &remarked, &fault), -1);
	assert_fault("may not say");
	assert_int_equal(remarked, 65);
}

/* --- reading for it ----------------------------------------------------------------------------------------------------- */

static uint16_t asked_type;
static uint32_t asked_length;

static struct nlmsghdr *build_request(void)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(word.request);

	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	message->nlmsg_type = asked_type;
	message->nlmsg_flags = NLM_F_REQUEST;
	message->nlmsg_seq = 1;
	return message;
}

static void read_first(const struct survey_question *question)
{
	static char buffer[4096];
	struct nlmsghdr *message = build_request();

	(void)question;
	say(SAY_READ, asked_length ? asked_length : message->nlmsg_len);
	if (recv(channel, buffer, sizeof(buffer), 0) != 1 || recv(netlink_fd, buffer, sizeof(buffer), 0) <= 0)
		_exit(7);
	say_done();
}

static void it_reads_and_never_changes(void **state)
{
	static const uint16_t changes[] = {
		NFT_MSG_NEWTABLE,    NFT_MSG_DELTABLE, NFT_MSG_NEWRULE, NFT_MSG_DELRULE, 25 /* NFT_MSG_GETRULE_RESET */,
		NFT_MSG_GETOBJ_RESET
	};
	unsigned char digest[SURVEY_DIGEST_SIZE];

	(void)state;
	play = read_first;
	asked_length = 0;
	asked_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
	if (survey_digest(digest, &fault) < 0)
		fail_msg("%s", fault.text);
	for (size_t i = 0; i < LENGTH_OF(changes); i++) {
		survey_end();
		asked_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | changes[i]);
		assert_int_equal(survey_digest(digest, &fault), -1);
		assert_fault("the surveyor said what it may not say (1,");
	}
	survey_end();
	asked_type = NFNL_SUBSYS_IPSET << 8 | NFT_MSG_GETGEN;
	assert_int_equal(survey_digest(digest, &fault), -1);
	asked_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
	for (asked_length = 1; asked_length <= 24; asked_length++) { /* another length than it says */
		if (asked_length == NLMSG_HDRLEN + sizeof(struct nfgenmsg))
			continue;
		survey_end();
		assert_int_equal(survey_digest(digest, &fault), -1);
		assert_fault("may not say");
	}
	asked_length = 0;
	survey_end();
	nth_fail("mnl_socket_sendto", 2, ENOBUFS);
	assert_int_equal(survey_digest(digest, &fault), -1);
	assert_fault("asking for the ruleset");
	survey_end();
	nth_fail("send", 2, EPIPE);
	assert_int_equal(survey_digest(digest, &fault), -1);
	assert_fault("telling the surveyor to read");
}

/* --- one that lies ------------------------------------------------------------------------------------------------------ */

static void name_a_holder(const struct survey_question *question)
{
	(void)question;
	memset(&word, 0, sizeof(word));
	word.spot.holder = HOLDER_OWNER + 1;
	say(SAY_SPOT, sizeof(word.spot));
	say_done();
}

static void name_a_bound(const struct survey_question *question)
{
	(void)question;
	memset(&word, 0, sizeof(word));
	word.spot.bound = BOUND_BY_ADDRESS + 1;
	say(SAY_SPOT, sizeof(word.spot));
	say_done();
}

static void name_too_many(const struct survey_question *question)
{
	(void)question;
	memset(&word, 0, sizeof(word));
	for (int i = 0; i <= SURVEY_MOST; i++)
		say(SAY_SPOT, sizeof(word.spot));
	say_done();
}

static void say_half_a_spot(const struct survey_question *question)
{
	(void)question;
	say(SAY_SPOT, sizeof(word.spot) - 1);
}

static void say_half_a_word(const struct survey_question *question)
{
	(void)question;
	(void)!send(channel, "\4", 1, MSG_NOSIGNAL);
}

static void say_half_of_done(const struct survey_question *question)
{
	(void)question;
	say(SAY_DONE, sizeof(word.done) + 1);
}

static void say_half_a_fault(const struct survey_question *question)
{
	(void)question;
	say(SAY_FAULT, sizeof(word.fault) - 1);
}

static void remark_unasked(const struct survey_question *question)
{
	(void)question;
	say(SAY_REMARK, sizeof(word.remark));
}

static void say_what_nobody_knows(const struct survey_question *question)
{
	(void)question;
	say(77, 0);
}

static void read_nothing(const struct survey_question *question)
{
	(void)question;
	say(SAY_READ, 0);
}

static void die_of_a_signal(const struct survey_question *question)
{
	(void)question;
	raise(SIGKILL);
}

static void end_with_3(const struct survey_question *question)
{
	(void)question;
	_exit(3);
}

static void close_and_stay(const struct survey_question *question)
{
	(void)question;
	shutdown(channel, SHUT_RDWR);
	pause();
}

static void a_lie_is_a_fault_and_the_next_surveyor_is_asked(void **state)
{
	static const struct {
		void (*play)(const struct survey_question *question);
		const char *words;
	} lies[] = {
		{ name_a_holder, "makes no sense" },
		{ name_a_bound, "makes no sense" },
		{ name_too_many, "more than 64 spots" },
		{ say_half_a_spot, "may not say" },
		{ say_half_a_word, "may not say (" },
		{ say_half_of_done, "may not say (4" },
		{ say_half_a_fault, "may not say (5" },
		{ remark_unasked, "may not say (3" },
		{ say_what_nobody_knows, "may not say (77" },
		{ read_nothing, "may not say (1" },
		{ die_of_a_signal, "the surveyor died of signal 9" },
		{ end_with_3, "the surveyor ended, with status 3" },
		{ close_and_stay, "the surveyor died of signal 9" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(lies); i++) {
		play = lies[i].play;
		memset(&fault, 0, sizeof(fault));
		assert_null(survey_choose(&opening, &fault));
		assert_fault(lies[i].words);
		assert_int_equal(fault.kind, FAULT_FAILED);
		play = name_two;
		assert_non_null(survey_choose(&opening, &fault));
		survey_end();
	}
	assert_int_equal(started, 2 * LENGTH_OF(lies));
	play = name_two; /* spots are for whoever asked for some */
	assert_int_equal(survey_digest((unsigned char[SURVEY_DIGEST_SIZE]){ 0 }, &fault), -1);
}

static void have_a_fault(const struct survey_question *question)
{
	memset(&word, 'x', sizeof(word));
	word.fault.kind = question->opening.public_ca ? FAULT_LATER : FAULT_NONE;
	word.fault.code = ENOENT;
	say(SAY_FAULT, sizeof(word.fault));
}

/* Its own fault is an answer: it can be asked again. */
static void a_fault_of_its_own_is_passed_on(void **state)
{
	(void)state;
	play = have_a_fault;
	assert_null(survey_choose(&opening, &fault));
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_int_equal(fault.code, ENOENT);
	assert_int_equal(strlen(fault.text), sizeof(fault.text) - 1);
	opening.public_ca = true;
	assert_null(survey_choose(&opening, &fault));
	assert_int_equal(fault.kind, FAULT_LATER);
	assert_int_equal(started, 1);
}

static void answer_and_die(const struct survey_question *question)
{
	(void)question;
	say_done();
	_exit(0);
}

static void one_that_has_died_since_is_replaced(void **state)
{
	unsigned char digest[SURVEY_DIGEST_SIZE];
	uint64_t admitted = 1;
	siginfo_t ended;

	(void)state;
	play = answer_and_die;
	assert_int_equal(survey_digest(digest, &fault), 0);
	own_net_table(NFPROTO_INET, "two");
	waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT);
	assert_int_equal(survey_peers(&opening, (struct peer[1]){ { 0 } }, 1, &admitted, &fault), 0);
	assert_int_equal(started, 2);
}

static void be_silent(const struct survey_question *question)
{
	(void)question;
	pause();
}

static void one_that_says_nothing_is_not_waited_for(void **state)
{
	(void)state;
	play = be_silent;
	nth_fail("recv", 2, EAGAIN); /* SO_RCVTIMEO; the first is that of the generation */
	assert_null(survey_choose(&opening, &fault));
	assert_fault("the surveyor gave no answer in 60 s");
	assert_int_equal(fault.kind, FAULT_LATER);
	nth_fail("recv", 2, EIO);
	assert_null(survey_choose(&opening, &fault));
	assert_fault("asking the surveyor");
}

static void one_that_always_has_something_to_say_is_cut_short(void **state)
{
	(void)state;
	play = name_too_many;
	skip = 50;
	assert_null(survey_choose(&opening, &fault));
	assert_fault("did not end its answer in 120 s");
	assert_int_equal(fault.kind, FAULT_LATER);
}

/* Descriptors have other meanings in a child of the asker: it leaves them alone, and starts its own. */
static void a_child_of_the_asker_starts_its_own(void **state)
{
	unsigned char digest[SURVEY_DIGEST_SIZE];
	int status;
	pid_t pid;

	(void)state;
	play = digest_it;
	assert_int_equal(survey_digest(digest, &fault), 0);
	pid = fork();
	if (pid == 0) {
		int rc = survey_digest(digest, &fault);

		survey_end();
		_exit(rc < 0 || started != 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	pid = fork();
	if (pid == 0) {
		survey_end(); /* not its own */
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	own_net_table(NFPROTO_INET, "two");
	play = NULL;
	assert_int_equal(survey_digest(digest, &fault), 0); /* the first one still answers */
	assert_int_equal(started, 1);
}

static void the_next_question_is_answered_after_any_failure(void **state)
{
	bool happened = true;
	unsigned int failed = 0;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		unsigned char digest[SURVEY_DIGEST_SIZE];
		int rc, first = dup(0), second;

		close(first);
		play = digest_it;
		nth_fail("", n, EMFILE);
		rc = survey_digest(digest, &fault);
		nth_stop();
		happened = nth_happened();
		failed += rc < 0;
		if (rc < 0)
			assert_true(fault.text[0]);
		assert_int_equal(survey_digest(digest, &fault), 0);
		survey_end();
		second = dup(0);
		close(second);
		assert_int_equal(second, first);
	}
	assert_true(failed > 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(spots_are_kept_while_nothing_changes),
		TEST(a_digest_is_kept_while_nothing_changes),
		TEST(peers_that_are_not_admitted_lose_their_bit),
		TEST(a_listing_goes_over_in_parts),
		TEST(remarks_are_printable),
		TEST(it_reads_and_never_changes),
		TEST(a_lie_is_a_fault_and_the_next_surveyor_is_asked),
		TEST(a_fault_of_its_own_is_passed_on),
		TEST(one_that_has_died_since_is_replaced),
		TEST(one_that_says_nothing_is_not_waited_for),
		TEST(one_that_always_has_something_to_say_is_cut_short),
		TEST(a_child_of_the_asker_starts_its_own),
		TEST(the_next_question_is_answered_after_any_failure),
	};

	return own_net() ? cmocka_run_group_tests_name("survey", tests, NULL, NULL) : 0;
}
