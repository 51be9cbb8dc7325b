/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber_stack: memory for stacks, with a guard below each.
 *
 * Stacks are 256 KiB of address space each; only touched pages cost memory.
 * With MADV_GUARD_INSTALL (Linux 6.13) guards need no mapping of their own, so
 * any number of stacks fits; otherwise mprotect splits mappings and the number
 * of stacks is capped below vm.max_map_count.  A stack that is given back
 * keeps its top pages and drops the rest.
 */
#ifndef NET_FIBER_STACK_H
#define NET_FIBER_STACK_H

#include <stdbool.h>
#include <stddef.h>

#define FIBER_STACK_SIZE ((size_t)256 << 10)

enum stack_guard { STACK_GUARD_AUTO, STACK_GUARD_MPROTECT };

/* How guards are made from now on; AUTO asks the kernel what it can. */
void fiber_stack_use_guard(enum stack_guard guard);
/* The lowest usable address of a new stack and its usable size; NULL when there
 * is no memory or the number of stacks is at its ceiling. */
void *fiber_stack_map(size_t *size);
void fiber_stack_unmap(void *stack);
/* Drops what a deep call chain touched, except for the topmost pages. */
void fiber_stack_trim(void *stack);
/* Bytes touched since the stack was painted by fiber_stack_paint (tests). */
void fiber_stack_paint(void *stack);
size_t fiber_stack_used(const void *stack);

#endif
