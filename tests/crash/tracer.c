// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * tracer - runs acmegate, tells its processes apart, and lets one of them meet with an accident at its N-th system call.
 *
 *	tracer [-v] [-o FILE] [-t SECONDS] [ACCIDENT...] -- COMMAND...
 *
 *	count					none: the system calls are counted only
 *	kill ROLE N				SIGKILL, right after its N-th system call has been carried out
 *	killall ROLE N				the same for all processes at once
 *	stop ROLE N				SIGSTOP at that point
 *	fail ROLE N ERRNO once|always		the N-th system call is not carried out and gives this error; with "always", those
 *						of the same name that follow too (EINTR: 100 of them, as nothing interrupts for ever)
 *
 * ROLE is main (the command itself), gate, signer, storer, responder or client (acmegate-agent ROLE, from its exec on), surveyor, iptables, tool
 * (iptables itself), hook (any other program), or forkN: the N-th child of main, until it execs; gforkN: the same of the gate. What it becomes
 * is told at the end; one of the gate's that never execs is the watchdog. The second program of a name has a 2 behind it. Threads count for
 * their process, and children of another child for that child.
 *
 * -v lists each call. -o: where to write, instead of stderr. -t: what still runs after so many seconds (60) is killed.
 *
 *	call ROLE N NAME	(-v)
 *	accident TIME ROLE N NAME	TIME is CLOCK_REALTIME, as in the probe
 *	exit TIME ROLE STATUS	128 and the signal if it was one
 *	role ROLE CALLS BECAME
 *	left N			processes that had to be killed when the time was up
 *
 * When all accidents have happened, the processes run on without stops at their system calls. Ends when all have ended;
 * the status is 0, or 2 for a wrong command line, 1 for other errors, 77 where this cannot be done.
 */
#include <stdio.h>

#if !defined(__x86_64__) || !defined(__linux__)
int main(void)
{
	fprintf(stderr, "tracer: made for Linux on x86-64 only\n");
	return 77;
}
#else
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LENGTH_OF(a) (sizeof(a) / sizeof((a)[0]))
#define MOST_TASKS 256
#define MOST_ACCIDENTS 8
#define STORM 100 /* interruptions in a row */

static const char *const names[] = {
#include "syscalls.h"
};

/* The part of a process from one exec to the next, or from the fork. */
struct role {
	char name[16], became[16];
	long calls;
	pid_t pid;
};

struct task {
	pid_t tid;
	struct role *role;
	bool begun; /* its first stop was seen */
	bool held;  /* for a massacre */
	long call;  /* number of the one it is in, 0: none */
	uint64_t nr;
	int error; /* to be given at the end of this one */
};

enum what { KILL, KILLALL, STOP, FAIL };
static const char *const whats[] = { [KILL] = "kill", [KILLALL] = "killall", [STOP] = "stop", [FAIL] = "fail" };

struct accident {
	enum what what;
	char role[16];
	long n;
	int error;
	bool always, happened;
	int left; /* how many more calls of this number fail */
	uint64_t nr;
};

static struct role roles[MOST_TASKS];
static struct task tasks[MOST_TASKS];
static struct accident accidents[MOST_ACCIDENTS];
static size_t role_count, accident_count;
static int forks, gate_forks;
static bool verbose, massacre;
static FILE *out;
static volatile sig_atomic_t late;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "tracer: %s: %s\n", what, strerror(errno));
	exit(errno == EPERM || errno == ENOSYS ? 77 : 1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *call_name(uint64_t nr)
{
	return nr < LENGTH_OF(names) && names[nr] ? names[nr] : "?";
}

/* --- who is who --------------------------------------------------------------------------------------------------- */

static struct task *find_task(pid_t tid)
{
	for (size_t i = 0; i < MOST_TASKS; i++)
		if (tasks[i].tid == tid)
			return &tasks[i];
	return NULL;
}

static struct task *add_task(pid_t tid)
{
	struct task *task = find_task(0);

	if (!task) {
		fprintf(stderr, "tracer: too many processes\n");
		exit(1);
	}
	*task = (struct task){ .tid = tid };
	return task;
}

static struct role *add_role(const char *name, pid_t pid)
{
	struct role *role = &roles[role_count++];

	if (role_count == MOST_TASKS) {
		fprintf(stderr, "tracer: too many programs\n");
		exit(1);
	}
	snprintf(role->name, sizeof(role->name), "%s", name);
	role->pid = pid;
	return role;
}

static bool is_thread_of(pid_t tid, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	return access(path, F_OK) == 0;
}

static struct role *role_of_child(const struct task *parent, pid_t child)
{
	const bool main = parent->role == &roles[0], gate = parent->role && !strcmp(parent->role->name, "gate");
	char name[16];

	if ((!main && !gate) || is_thread_of(child, parent->role->pid))
		return parent->role;
	snprintf(name, sizeof(name), main ? "fork%d" : "gfork%d", main ? ++forks : ++gate_forks);
	return add_role(name, child);
}

/* The name under which a program is known here, from its command line. */
static void name_program(pid_t pid, char name[16])
{
	char path[64], line[256] = "";
	const char *program;
	size_t length, n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	file = fopen(path, "re");
	if (file) {
		n = fread(line, 1, sizeof(line) - 1, file);
		fclose(file);
	}
	length = strlen(line);
	program = strstr(line, "acmegate-");
	program = program ? program + strlen("acmegate-") : strstr(line, "tables") ? "tool" : "hook";
	snprintf(name, 16, "%.13s", !strcmp(program, "agent") && length + 1 < n ? line + length + 1 : program);
}

/* The second one is another part of a run: iptables2. */
static void number_program(char name[16])
{
	const size_t length = strlen(name);
	int same = 0;

	for (size_t i = 0; i < role_count; i++)
		same += !strncmp(roles[i].name, name, length) &&
			strspn(roles[i].name + length, "0123456789") == strlen(roles[i].name + length);
	if (same)
		snprintf(name + length, 16 - length, "%d", same + 1);
}

static void on_exec(struct task *task)
{
	char name[16] = "main";
	struct role *old = task->role;

	if (!old)
		old = task->role = add_role(name, task->tid);
	else if (old->calls || old != &roles[0]) {
		name_program(task->tid, name);
		if (!old->became[0])
			snprintf(old->became, sizeof(old->became), "%s", name);
		number_program(name);
		task->role = add_role(name, task->tid);
	}
	task->role->calls = task->call = 1; /* the exec itself, which has yet to return */
}

/* --- accidents ---------------------------------------------------------------------------------------------------- */

static void say_happened(const struct accident *accident, const struct task *task, double when)
{
	fprintf(out, "accident %.6f %s %ld %s\n", when, accident->role, task->call, call_name(task->nr));
	fflush(out);
}

static bool all_happened(void)
{
	for (size_t i = 0; i < accident_count; i++)
		if (!accidents[i].happened || accidents[i].left > 0)
			return false;
	return accident_count > 0;
}

/*
 * Calls that do not return or have no errors cannot fail: brk reports a failure by the old end. rt_sigprocmask fails for arguments that make no
 * sense, and futex not with these errors; libraries (libc, and libsystemd behind the names of users) abort when they do.
 */
static bool can_fail(uint64_t nr)
{
	static const uint64_t never[] = { SYS_exit,   SYS_exit_group,	   SYS_rt_sigreturn,   SYS_restart_syscall,
					  SYS_brk,    SYS_getpid,	   SYS_gettid,	       SYS_getppid,
					  SYS_getuid, SYS_geteuid,	   SYS_getgid,	       SYS_getegid,
					  SYS_umask,  SYS_set_tid_address, SYS_rt_sigprocmask, SYS_futex };

	for (size_t i = 0; i < LENGTH_OF(never); i++)
		if (nr == never[i])
			return false;
	return true;
}

static int error_for(struct task *task)
{
	for (size_t i = 0; i < accident_count; i++) {
		struct accident *accident = &accidents[i];

		if (accident->what != FAIL || !task->role || strcmp(accident->role, task->role->name) || !can_fail(task->nr))
			continue;
		if (!accident->happened && accident->n == task->call) {
			accident->happened = true;
			accident->nr = task->nr;
			accident->left = !accident->always ? 0 : accident->error == EINTR ? STORM : INT32_MAX;
			say_happened(accident, task, now());
			return accident->error;
		}
		if (accident->left > 0 && accident->nr == task->nr) {
			accident->left -= accident->left < INT32_MAX;
			return accident->error;
		}
	}
	return 0;
}

static void on_entry(struct task *task, uint64_t nr)
{
	task->nr = nr;
	task->call = task->role ? ++task->role->calls : 0;
	if (verbose && task->role)
		fprintf(out, "call %s %ld %s\n", task->role->name, task->call, call_name(nr));
	task->error = error_for(task);
	/* Linux frees the descriptor whatever close() returns. */
	if (task->error && nr != SYS_close && ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user, regs.orig_rax), -1L) < 0 &&
	    errno != ESRCH)
		die("changing a system call");
}

static void hold_all(void)
{
	massacre = true;
	for (size_t i = 0; i < MOST_TASKS; i++)
		if (tasks[i].tid && !tasks[i].held)
			(void)ptrace(PTRACE_INTERRUPT, tasks[i].tid, 0, 0);
}

/* Nobody runs any more, so nobody can notice that another one has died. */
static void kill_if_all_held(void)
{
	for (size_t i = 0; i < MOST_TASKS; i++)
		if (tasks[i].tid && !tasks[i].held)
			return;
	for (size_t i = 0; i < accident_count; i++)
		if (accidents[i].what == KILLALL && accidents[i].happened)
			fprintf(out, "accident %.6f all %ld massacre\n", now(), accidents[i].n);
	fflush(out);
	for (size_t i = 0; i < MOST_TASKS; i++)
		if (tasks[i].tid)
			kill(tasks[i].tid, SIGKILL);
	massacre = false;
}

static void on_return(struct task *task)
{
	if (task->error && ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user, regs.rax), (long)-task->error) < 0 &&
	    errno != ESRCH)
		die("changing a result");
	task->error = 0;
	for (size_t i = 0; i < accident_count; i++) {
		struct accident *accident = &accidents[i];

		if (accident->what == FAIL || accident->happened || !task->role || accident->n != task->call ||
		    strcmp(accident->role, task->role->name))
			continue;
		accident->happened = true;
		say_happened(accident, task, now());
		if (accident->what == KILLALL) {
			task->held = true;
			hold_all();
		} else {
			kill(task->role->pid, accident->what == KILL ? SIGKILL : SIGSTOP);
		}
	}
	task->call = 0;
}

/* --- stops -------------------------------------------------------------------------------------------------------- */

static void go_on(const struct task *task, int with_signal)
{
	/* A failing call has its result still to come. Gone meanwhile: its end is reported by itself. */
	(void)ptrace(all_happened() && !verbose && !task->error ? PTRACE_CONT : PTRACE_SYSCALL, task->tid, 0, (long)with_signal);
}

static void on_system_call(struct task *task)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(task, info.entry.nr);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		on_return(task);
}

static void on_child(const struct task *parent)
{
	unsigned long tid;
	struct task *child;

	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, &tid) < 0)
		return;
	child = find_task((pid_t)tid);
	if (!child)
		child = add_task((pid_t)tid);
	child->role = role_of_child(parent, (pid_t)tid);
	if (child->begun && !massacre)
		go_on(child, 0); /* it stopped before its parent told of it */
}

static void on_stop(struct task *task, int status)
{
	int signal_number = WSTOPSIG(status), event = status >> 16, deliver = 0;
	bool first = !task->begun;

	task->begun = true;
	if (signal_number == (SIGTRAP | 0x80))
		on_system_call(task);
	else if (event == PTRACE_EVENT_EXEC)
		on_exec(task);
	else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE)
		on_child(task);
	else if (event == PTRACE_EVENT_STOP && signal_number != SIGTRAP && !massacre) {
		(void)ptrace(PTRACE_LISTEN, task->tid, 0, 0); /* stopped, and stays so until SIGCONT */
		return;
	} else if (!event)
		deliver = signal_number;
	if (massacre) {
		task->held = true;
		kill_if_all_held();
	} else if (task->role || !first) {
		go_on(task, deliver);
	} /* else: until its parent has told of it */
}

static void on_end(struct task *task, int status)
{
	int result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	if (task->role && task->role->pid == task->tid) {
		fprintf(out, "exit %.6f %s %d\n", now(), task->role->name, result);
		fflush(out);
	}
	task->tid = 0;
	if (massacre)
		kill_if_all_held();
}

static int kill_the_rest(void)
{
	int left = 0;

	for (size_t i = 0; i < MOST_TASKS; i++)
		if (tasks[i].tid) {
			left += tasks[i].role && tasks[i].role->pid == tasks[i].tid;
			kill(tasks[i].tid, SIGKILL);
		}
	return left;
}

/* Returns how many were killed because their time was up. */
static int follow(void)
{
	int left = 0, status;

	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);
		struct task *task;

		if (late && !left) {
			left = kill_the_rest();
			massacre = false;
		}
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			return left; /* no children: all have ended */
		task = find_task(tid);
		if (!WIFSTOPPED(status)) {
			if (task)
				on_end(task, status);
			continue;
		}
		on_stop(task ? task : add_task(tid), status);
	}
}

/* --- beginning ---------------------------------------------------------------------------------------------------- */

static void on_alarm(int signal_number)
{
	(void)signal_number;
	late = 1;
}

static void start(char **command)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		raise(SIGSTOP);
		execvp(command[0], command);
		fprintf(stderr, "tracer: %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		die("starting");
	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0) {
		int error = errno;

		kill(pid, SIGKILL);
		errno = error;
		die("ptrace");
	}
	add_task(pid)->begun = true;
	kill(pid, SIGCONT);
}

static int usage(void)
{
	fprintf(stderr, "usage: tracer [-v] [-o FILE] [-t SECONDS] [count | kill ROLE N | killall ROLE N | stop ROLE N | "
			"fail ROLE N ERRNO once|always]... -- COMMAND...\n");
	return 2;
}

static int find_error(const char *text)
{
	static const struct {
		const char *name;
		int value;
	} known[] = {
		{ "EIO", EIO },		{ "ENOSPC", ENOSPC }, { "EMFILE", EMFILE }, { "ENOMEM", ENOMEM }, { "EINTR", EINTR },
		{ "ENOBUFS", ENOBUFS }, { "EPERM", EPERM },   { "EAGAIN", EAGAIN }, { "EROFS", EROFS },	  { "EDQUOT", EDQUOT },
	};

	for (size_t i = 0; i < LENGTH_OF(known); i++)
		if (!strcmp(text, known[i].name))
			return known[i].value;
	return atoi(text);
}

/* Returns how many words it took, 0: it is none. */
static int take_accident(char **words, int n)
{
	struct accident *accident = &accidents[accident_count];

	for (size_t i = 0; n >= 3 && i < LENGTH_OF(whats) && accident_count < MOST_ACCIDENTS; i++) {
		if (strcmp(words[0], whats[i]))
			continue;
		accident->what = (enum what)i;
		snprintf(accident->role, sizeof(accident->role), "%s", words[1]);
		accident->n = atol(words[2]);
		if (i == FAIL && n >= 5) {
			accident->error = find_error(words[3]);
			accident->always = !strcmp(words[4], "always");
		}
		accident_count++;
		if (accident->n < 1 || (i == FAIL && accident->error < 1))
			return 0;
		return i == FAIL ? 5 : 3;
	}
	return 0;
}

static void report(int left)
{
	for (size_t i = 0; i < role_count; i++)
		fprintf(out, "role %s %ld %s\n", roles[i].name, roles[i].calls,
			roles[i].became[0]		   ? roles[i].became :
			strncmp(roles[i].name, "gfork", 5) ? "-" :
							     "watchdog");
	fprintf(out, "left %d\n", left);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval limit = { .it_value = { 60, 0 }, .it_interval = { 1, 0 } };
	int option, at;

	out = stderr;
	while ((option = getopt(argc, argv, "+vo:t:")) >= 0) {
		if (option == 'v')
			verbose = true;
		else if (option == 't')
			limit.it_value.tv_sec = atol(optarg);
		else if (option != 'o' || !(out = fopen(optarg, "we")))
			return usage();
	}
	/* getopt takes "--" away if nothing stands before it. */
	for (at = optind; at < argc && strcmp(argv[optind - 1], "--") && strcmp(argv[at], "--");) {
		int taken = strcmp(argv[at], "count") ? take_accident(argv + at, argc - at) : 1;

		if (!taken)
			return usage();
		at += taken;
	}
	at += at < argc && !strcmp(argv[at], "--");
	if (at >= argc)
		return usage();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigaction(SIGALRM, &action, NULL);
	start(argv + at);
	setitimer(ITIMER_REAL, &limit, NULL);
	report(follow());
	return fclose(out) ? 1 : 0;
}
#endif
