/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine says about itself. */
#include "run/settings_machine.h"

#include "base/file.h"
#include "run/settings_value.h"

#include <sched.h>
#include <sys/utsname.h>

#define MOST_PROCESSES 4
#define RESOLV_CONF_MAX (64 * 1024)

struct str settings_variable(char *const *environment, struct str name)
{
	for (; environment && *environment; environment++) {
		struct str value = str_of(*environment);
		struct str key = str_cut(&value, '=');

		if (str_eq(key, name) && (*environment)[key.n] == '=')
			return (struct str){*environment + key.n + 1, value.n};
	}
	return str_of(NULL);
}

struct str settings_nameserver(struct str resolv_conf)
{
	while (resolv_conf.n) {
		struct str line = str_trim_line(str_cut(&resolv_conf, '\n'));
		struct sockaddr_storage addr;
		socklen_t len;

		if (!str_eq(str_cut_word(&line), STR("nameserver")))
			continue;
		struct str server = str_cut_word(&line);

		if (setting_parse_address(server, 53, &addr, &len))
			return server;
	}
	return STR("");
}

struct str settings_language(struct str lang)
{
	return str_starts(lang, STR("zh_CN")) ? STR("zh_CN") : STR("en");
}

static void add_machine_name(struct buf *out)
{
	struct utsname names;

	if (uname(&names) == 0 && setting_is_hostname(str_of(names.nodename)))
		buf_add_z(out, names.nodename);
}

static void add_processors(struct buf *out)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	buf_printf(out, "%d", n < MOST_PROCESSES ? n : MOST_PROCESSES);
}

static void add_nameserver(struct buf *out)
{
	struct buf text;
	struct err err;

	buf_init(&text, RESOLV_CONF_MAX);
	if (file_read("/etc/resolv.conf", &text, &err) == 0)
		buf_add_str(out, settings_nameserver(buf_str(&text)));
	buf_free(&text);
}

void settings_machine(enum setting_computed what, char *const *environment, struct buf *out)
{
	switch (what) {
	case SETTING_FIXED:
		break;
	case SETTING_MACHINE_NAME:
		add_machine_name(out);
		break;
	case SETTING_PROCESSORS:
		add_processors(out);
		break;
	case SETTING_NAMESERVER:
		add_nameserver(out);
		break;
	case SETTING_LANG:
		buf_add_str(out, settings_language(settings_variable(environment, STR("LANG"))));
		break;
	}
}
