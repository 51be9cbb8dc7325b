/* SPDX-License-Identifier: Apache-2.0 */
/* Mapping stacks and their guards (see fiber_stack.h). */
#include "net/fiber_stack.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define GUARD_SIZE ((size_t)4096)
#define KEEP_SIZE ((size_t)16384) /* top of a pooled stack that stays resident */
/* mprotect makes two mappings of each stack; the kernel allows 65,530. */
#define MPROTECT_STACKS 30000
#define PAINT 0xA5

static struct {
	enum stack_guard guard;
	bool no_guard_install; /* the kernel said EINVAL */
	size_t protected_stacks;
} stacks;

void fiber_stack_use_guard(enum stack_guard guard)
{
	stacks.guard = guard;
}

static bool install_guard(void *low)
{
	if (stacks.guard == STACK_GUARD_AUTO && !stacks.no_guard_install) {
		if (madvise(low, GUARD_SIZE, MADV_GUARD_INSTALL) == 0)
			return true;
		stacks.no_guard_install = true;
	}
	if (stacks.protected_stacks >= MPROTECT_STACKS || mprotect(low, GUARD_SIZE, PROT_NONE) != 0)
		return false;
	stacks.protected_stacks++;
	return true;
}

void *fiber_stack_map(size_t *size)
{
	char *low = mmap(NULL, FIBER_STACK_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (low == MAP_FAILED)
		return NULL;
	if (!install_guard(low)) {
		munmap(low, FIBER_STACK_SIZE);
		return NULL;
	}
	*size = FIBER_STACK_SIZE - GUARD_SIZE;
	return low + GUARD_SIZE;
}

void fiber_stack_unmap(void *stack)
{
	munmap((char *)stack - GUARD_SIZE, FIBER_STACK_SIZE);
	if (stacks.protected_stacks > 0)
		stacks.protected_stacks--;
}

void fiber_stack_trim(void *stack)
{
	madvise(stack, FIBER_STACK_SIZE - GUARD_SIZE - KEEP_SIZE, MADV_DONTNEED);
}

void fiber_stack_paint(void *stack)
{
	memset(stack, PAINT, FIBER_STACK_SIZE - GUARD_SIZE - KEEP_SIZE);
}

size_t fiber_stack_used(const void *stack)
{
	const unsigned char *p = stack;
	size_t n = 0;

	while (n < FIBER_STACK_SIZE - GUARD_SIZE && p[n] == PAINT)
		n++;
	return FIBER_STACK_SIZE - GUARD_SIZE - n;
}
