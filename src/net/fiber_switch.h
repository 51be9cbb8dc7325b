/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber_switch: stacks of their own, and switching between them.
 *
 * The lowest part of the fibers: a context is a stack that runs one entry
 * function for ever (the scheduler hands it one job after another).  ucontext
 * enters a new stack once; every later switch is sigsetjmp and siglongjmp,
 * which make no system call.  Switches are announced to AddressSanitizer and
 * stacks to Valgrind.
 */
#ifndef NET_FIBER_SWITCH_H
#define NET_FIBER_SWITCH_H

#include <setjmp.h>
#include <stddef.h>

struct fiber_context {
	sigjmp_buf env;
	void *stack; /* lowest usable address; NULL for the loop's own context */
	size_t size;
	struct fiber_context *from; /* who switched here last */
	void *fake_stack; /* AddressSanitizer's, while switched away */
	unsigned valgrind_stack; /* Valgrind's number of the stack */
	void (*entry)(void *arg);
	void *arg;
};

/* Makes c ready to run entry(arg), which must never return, on the given stack;
 * it starts at the first switch to it.  0 or ERR_IO. */
int fiber_context_init(struct fiber_context *c, void *stack, size_t size, void (*entry)(void *), void *arg);
/* Forgets the stack, which may then be unmapped.  c must not be running. */
void fiber_context_free(struct fiber_context *c);
/* Goes on in `to`; returns when something switches back to `from`. */
void fiber_context_switch(struct fiber_context *from, struct fiber_context *to);

#endif
