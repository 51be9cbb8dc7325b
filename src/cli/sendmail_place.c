/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the socket. */
#include "cli/sendmail_place.h"

#include "base/file.h"
#include "run/settings_file.h"

#include <stdio.h>

#define DEFAULT_DATA_DIR "/var/lib/mailstead"

/* The last data_dir of a file whose other lines may mean anything. */
static void find_data_dir(const char *file, struct buf *out)
{
	struct settings_reader r;
	struct settings_line line;
	struct buf text;
	struct err e;

	buf_init(&text, SETTINGS_FILE_MAX);
	if (file_read(file, &text, &e) == 0) {
		settings_reader_init(&r, buf_str(&text));
		while (settings_reader_next(&r, &line))
			if (!line.wrong && str_eq(line.key, STR("data_dir"))) {
				buf_clear(out);
				settings_join(line.raw, true, out);
			}
	}
	buf_free(&text);
}

static int set_place(struct sendmail_place *p, struct str data, struct str host, struct err *e)
{
	int n = snprintf(p->socket, sizeof(p->socket), "%.*s/run/submit", STR_ARG(data));

	snprintf(p->host, sizeof(p->host), "%.*s", STR_ARG(host));
	if (n < (int)sizeof(p->socket))
		return 0;
	return err_set(e, ERR_INVALID, "data_dir is too long for a socket: %.*s",
		       STR_ARG(str_head(data, 200)));
}

static int find_by_defaults(const char *file, struct sendmail_place *p, struct err *e)
{
	struct buf data;

	buf_init(&data, SETTING_VALUE_MAX);
	buf_add_z(&data, DEFAULT_DATA_DIR);
	find_data_dir(file, &data);
	int code = set_place(p, buf_str(&data), STR("localhost"), e);

	buf_free(&data);
	return code;
}

int sendmail_place_find(const struct settings_sources *sources, struct sendmail_place *p, struct err *e)
{
	struct settings s;
	int code = settings_load(&s, sources, e);

	if (code == 0)
		code = set_place(p, settings_text(&s, SET_DATA_DIR), settings_text(&s, SET_HOSTNAME), e);
	else if (!sources->file_must_exist)
		code = find_by_defaults(sources->file, p, e);
	settings_free(&s);
	return code ? ERR_INVALID : 0;
}
