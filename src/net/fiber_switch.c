/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switching stacks (see fiber_switch.h).
 *
 * _FORTIFY_SOURCE is off in this file only (src/net/meson.build): its longjmp
 * check takes a jump to another stack for an error.
 */
#include "net/fiber_switch.h"

#include "base/err.h"

#include <stdint.h>
#include <ucontext.h>

#if defined(__has_include) && __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

#ifdef MAILSTEAD_SANITIZED
#include <sanitizer/common_interface_defs.h>

static void leaving(struct fiber_context *from, struct fiber_context *to)
{
	to->from = from;
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->size);
}

/* The loop's own stack learns its bounds from the first switch away from it. */
static void arrived(struct fiber_context *here)
{
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(here->fake_stack, &bottom, &size);
	if (!here->from->stack) {
		here->from->stack = (void *)(uintptr_t)bottom;
		here->from->size = size;
	}
}
#else
static void leaving(struct fiber_context *from, struct fiber_context *to)
{
	to->from = from;
}

static void arrived(struct fiber_context *here)
{
	(void)here;
}
#endif

/* What a new stack needs to know; makecontext passes only ints. */
struct first_entry {
	struct fiber_context *self;
	ucontext_t back;
};

static void trampoline(unsigned high, unsigned low)
{
	struct first_entry *f = (void *)((uintptr_t)high << 32 | low);
	struct fiber_context *self = f->self;

	arrived(self);
	if (sigsetjmp(self->env, 0) == 0) {
		leaving(self, self->from);
		setcontext(&f->back);
	}
	/* The first real switch; *f is gone by now. */
	arrived(self);
	self->entry(self->arg);
	__builtin_trap();
}

int fiber_context_init(struct fiber_context *c, void *stack, size_t size, void (*entry)(void *), void *arg)
{
	struct fiber_context creator = {.stack = NULL};
	struct first_entry first = {.self = c};
	ucontext_t start;
	uintptr_t p = (uintptr_t)&first;

	*c = (struct fiber_context){.stack = stack, .size = size, .entry = entry, .arg = arg};
	c->valgrind_stack = VALGRIND_STACK_REGISTER(stack, (char *)stack + size);
	if (getcontext(&start) != 0)
		return ERR_IO;
	start.uc_stack.ss_sp = stack;
	start.uc_stack.ss_size = size;
	start.uc_link = NULL;
	makecontext(&start, (void (*)(void))trampoline, 2, (unsigned)(p >> 32), (unsigned)p);
	leaving(&creator, c);
	swapcontext(&first.back, &start);
	arrived(&creator);
	return ERR_OK;
}

void fiber_context_free(struct fiber_context *c)
{
	VALGRIND_STACK_DEREGISTER(c->valgrind_stack);
	c->stack = NULL;
}

void fiber_context_switch(struct fiber_context *from, struct fiber_context *to)
{
	if (sigsetjmp(from->env, 0) == 0) {
		leaving(from, to);
		siglongjmp(to->env, 1);
	}
	arrived(from);
}
