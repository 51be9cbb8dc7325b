/* SPDX-License-Identifier: Apache-2.0 */
/* Taking table files over (see tables.h). */
#include "keeper/tables.h"

#include "base/sealed.h"
#include "net/log.h"
#include "net/loop.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* One parse; the pool thread and this room share nothing else. */
struct parse {
	struct str contents[TABLE_COUNT];
	struct accounts *accounts;
	struct aliases *aliases;
	struct err error;
	int code;
};

static void close_files(struct tables *t)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (t->files[i] >= 0)
			close(t->files[i]);
		t->files[i] = -1;
	}
}

void tables_init(struct tables *t)
{
	*t = (struct tables){0};
	for (size_t i = 0; i < TABLE_COUNT; i++)
		t->files[i] = -1;
}

void tables_free(struct tables *t)
{
	close_files(t);
	accounts_destroy(&t->accounts);
	aliases_destroy(&t->aliases);
}

void tables_keep(struct tables *t, uint32_t number, unsigned table, int fd)
{
	if (number != t->number)
		close_files(t);
	t->number = number;
	if (table >= TABLE_COUNT || t->files[table] >= 0) {
		close(fd);
		return;
	}
	t->files[table] = fd;
}

static int map_file(int fd, const char *name, struct str *contents, struct err *e)
{
	struct stat st;

	if (fd < 0)
		return err_set(e, ERR_INVALID, "%s has not come", name);
	if (fstat(fd, &st) != 0 || sealed_check(fd, (uint64_t)st.st_size, e) != 0)
		return err_set(e, ERR_INVALID, "%s is no sealed memory file", name);
	if (st.st_size > (off_t)TABLE_CONTENTS_MAX)
		return err_set(e, ERR_TOO_BIG, "%s is larger than %u MiB", name, TABLE_CONTENTS_MAX >> 20);
	if (st.st_size == 0)
		return ERR_OK;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		return err_errno(e, "cannot look at %s", name);
	*contents = (struct str){p, (size_t)st.st_size};
	return ERR_OK;
}

static void parse(void *arg)
{
	struct parse *p = arg;
	const struct alias_files files = {.virtuals = p->contents[TABLE_VIRTUALS],
					  .regexps = p->contents[TABLE_REGEXPS],
					  .locals = p->contents[TABLE_LOCALS]};

	p->code = accounts_new(p->contents[TABLE_ACCOUNTS], &p->accounts, &p->error);
	if (p->code == ERR_OK)
		p->code = aliases_new(&files, &p->aliases, &p->error);
}

static void say_warnings(const struct warnings *w)
{
	size_t said = 0;

	for (const struct warning *x = w->first; x; x = x->next, said++)
		log_line(LOG_WARNING, "%s:%zu: %s", x->file, x->line, x->text);
	if (w->n > said)
		log_line(LOG_WARNING, "and %zu more such lines", w->n - said);
}

/* What is in use never changes while a fiber looks at it: no look-up waits. */
static void use(struct tables *t, const struct parse *p)
{
	accounts_destroy(&t->accounts);
	aliases_destroy(&t->aliases);
	t->accounts = p->accounts;
	t->aliases = p->aliases;
	say_warnings(&t->accounts->warnings);
	say_warnings(&t->aliases->warnings);
	log_line(LOG_INFO, "tables taken: %zu accounts, %zu aliases, %zu patterns, %zu local aliases",
		 t->accounts->n, t->aliases->virtuals.n, t->aliases->regexps.n, t->aliases->locals.n);
}

static int co_parse(struct tables *t, struct parse *p, struct err *e)
{
	int code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < TABLE_COUNT; i++)
		code = map_file(t->files[i], table_file_name((enum table_file)i), &p->contents[i], e);
	/* A set is used once, whatever comes of it. */
	close_files(t);
	if (code == ERR_OK) {
		co_run_blocking(parse, p);
		*e = p->error;
		code = p->code;
	}
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (p->contents[i].n > 0)
			munmap((void *)p->contents[i].p, p->contents[i].n);
	return code;
}

int co_tables_take(struct tables *t, uint32_t number, struct err *e)
{
	if (t->taking)
		return err_set(e, ERR_BUSY, "other tables are being read");
	if (number != t->number)
		return err_set(e, ERR_INVALID, "the tables of set %u have not come", number);
	struct parse *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(e, ERR_MEMORY, "no memory for the tables");
	t->taking = true;
	int code = co_parse(t, p, e);

	t->taking = false;
	if (code == ERR_OK)
		use(t, p);
	else
		accounts_destroy(&p->accounts);
	free(p);
	return code;
}
