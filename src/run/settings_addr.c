/* SPDX-License-Identifier: Apache-2.0 */
/* Settings made of addresses: listeners, networks, the resolver, the smarthost. */
#include "run/settings_value.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <sys/un.h>

/* Copies a view so that inet_pton can read it; false when no address is so long. */
static bool to_number(int family, struct str text, void *out)
{
	char z[INET6_ADDRSTRLEN];

	if (text.n >= sizeof(z))
		return false;
	if (text.n)
		memcpy(z, text.p, text.n);
	z[text.n] = 0;
	return inet_pton(family, z, out) == 1;
}

bool setting_parse_address(struct str host, uint16_t port, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memset(out, 0, sizeof(*out));
	if (to_number(AF_INET, host, &v4.sin_addr)) {
		memcpy(out, &v4, sizeof(v4));
		*len = sizeof(v4);
		return true;
	}
	if (to_number(AF_INET6, host, &v6.sin6_addr)) {
		memcpy(out, &v6, sizeof(v6));
		*len = sizeof(v6);
		return true;
	}
	return false;
}

/* HOST, HOST:PORT, [HOST] or [HOST]:PORT. */
struct host_port {
	struct str host;
	bool bracketed;
	bool has_port;
	uint16_t port;
};

static bool split_port(struct str text, struct host_port *out)
{
	uint32_t port;

	out->has_port = text.n > 0;
	if (!out->has_port)
		return true;
	if (text.p[0] != ':' || text.n > 6 || !str_to_u32(str_skip(text, 1), &port) || port > 65535)
		return false;
	out->port = (uint16_t)port;
	return true;
}

static bool split_host_port(struct str text, struct host_port *out)
{
	size_t end;

	*out = (struct host_port){.bracketed = text.n && text.p[0] == '['};
	if (out->bracketed) {
		end = str_find(text, ']');
		if (end == STR_NONE)
			return false;
		out->host = str_skip(str_head(text, end), 1);
		return split_port(str_skip(text, end + 1), out);
	}
	end = str_find(text, ':');
	out->host = str_head(text, end);
	/* A second colon makes an IPv6 address, in which no port can be told. */
	if (end != STR_NONE && str_find(str_skip(text, end + 1), ':') != STR_NONE)
		return false;
	return split_port(end == STR_NONE ? STR("") : str_skip(text, end), out);
}

static bool parse_unix(struct str path, struct listener_addr *out)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	if (path.n == 0 || path.p[0] != '/' || path.n >= sizeof(un.sun_path))
		return false;
	memcpy(un.sun_path, path.p, path.n);
	memcpy(&out->addr, &un, sizeof(un));
	out->len = sizeof(un);
	return true;
}

static bool parse_listener(struct setting_parse *p, struct str word, struct listener_addr *out)
{
	struct host_port hp;
	uint32_t port;

	if (str_starts(word, STR("unix:")))
		return parse_unix(str_skip(word, 5), out);
	if (str_to_u32(word, &port) && port <= 65535)
		snprintf(p->instead, sizeof(p->instead), ":%" PRIu32, port);
	if (!split_host_port(word, &hp) || !hp.has_port)
		return false;
	out->all = hp.host.n == 0 && !hp.bracketed;
	if (out->all)
		hp.host = STR("::");
	/* Brackets and IPv6 belong together: RFC 3986 3.2.2. */
	return setting_parse_address(hp.host, hp.port, &out->addr, &out->len) &&
	       (out->all || hp.bracketed == (out->addr.ss_family == AF_INET6));
}

bool setting_parse_listeners(struct setting_parse *p)
{
	struct str rest = p->text;

	if (rest.n == 0 || str_eq_nocase(rest, STR("off")))
		return true;
	size_t most = rest.n / 2 + 1 < SETTING_LISTENERS_MAX ? rest.n / 2 + 1 : SETTING_LISTENERS_MAX;
	struct listener_addr *list = arena_calloc(p->arena, most, sizeof(*list));

	p->no_memory = !list;
	p->out->list = list;
	while (list && rest.n) {
		struct str word = str_cut_word(&rest);
		struct listener_addr *one = &list[p->out->count];

		p->wrong = word;
		if (p->out->count == most || !parse_listener(p, word, one))
			return false;
		one->text = arena_str(p->arena, word);
		p->no_memory |= !one->text.p;
		p->out->count++;
	}
	return !p->no_memory;
}

/* Clears the bits behind the prefix; true when one was set. */
static bool clear_host_bits(struct network *net, unsigned bits)
{
	bool any = false;

	for (unsigned bit = net->prefix; bit < bits; bit++) {
		unsigned char mask = (unsigned char)(0x80 >> bit % 8);

		any |= (net->addr[bit / 8] & mask) != 0;
		net->addr[bit / 8] &= (unsigned char)~mask;
	}
	return any;
}

/* ADDRESS, ADDRESS/PREFIX; IPv6 also in brackets, as Postfix writes it. */
static bool parse_network(struct setting_parse *p, struct str word, struct network *out)
{
	size_t slash = str_find(word, '/');
	struct str host = str_head(word, slash);
	unsigned bits;

	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_skip(str_head(host, host.n - 1), 1);
	else if (to_number(AF_INET, host, out->addr))
		out->family = AF_INET;
	if (!out->family && to_number(AF_INET6, host, out->addr))
		out->family = AF_INET6;
	if (!out->family)
		return false;
	bits = out->family == AF_INET ? 32 : 128;
	out->prefix = bits;
	if (slash != STR_NONE && (!str_to_u32(str_skip(word, slash + 1), &out->prefix) || out->prefix > bits))
		return false;
	if (!clear_host_bits(out, bits))
		return true;
	char z[INET6_ADDRSTRLEN];

	if (inet_ntop(out->family, out->addr, z, sizeof(z)))
		snprintf(p->instead, sizeof(p->instead), "%s/%u", z, out->prefix);
	return false;
}

/* Blanks, commas or both stand between networks. */
static struct str cut_network(struct str *rest)
{
	size_t n = 0;

	while (n < rest->n && !memchr(", \t", rest->p[n], 3))
		n++;
	struct str word = str_head(*rest, n);

	*rest = str_skip(*rest, n + 1);
	return word;
}

bool setting_parse_networks(struct setting_parse *p)
{
	struct str rest = p->text;

	if (rest.n == 0)
		return true;
	size_t most = rest.n / 3 + 1 < SETTING_NETWORKS_MAX ? rest.n / 3 + 1 : SETTING_NETWORKS_MAX;
	struct network *list = arena_calloc(p->arena, most, sizeof(*list));

	p->no_memory = !list;
	p->out->list = list;
	while (list && rest.n) {
		struct str word = cut_network(&rest);

		if (word.n == 0)
			continue;
		p->wrong = word;
		if (p->out->count == most || !parse_network(p, word, &list[p->out->count]))
			return false;
		p->out->count++;
	}
	return list;
}

bool setting_parse_resolver(struct setting_parse *p)
{
	struct host_port hp = {.host = p->text};
	struct sockaddr_storage addr;
	socklen_t len;

	if (str_eq_nocase(p->text, STR("recursive")))
		return true;
	/* An IPv6 address may stand alone without brackets. */
	if (!setting_parse_address(p->text, 53, &addr, &len) &&
	    (!split_host_port(p->text, &hp) || (hp.has_port && hp.port == 0) ||
	     !setting_parse_address(hp.host, hp.has_port ? hp.port : 53, &addr, &len)))
		return false;
	struct sockaddr_storage *copy = arena_alloc(p->arena, sizeof(*copy));

	p->no_memory = !copy;
	if (!copy)
		return false;
	*copy = addr;
	p->out->list = copy;
	p->out->count = 1;
	return true;
}

bool setting_parse_relay(struct setting_parse *p)
{
	struct sockaddr_storage addr;
	struct host_port hp;
	socklen_t len;

	if (p->text.n == 0)
		return true;
	if (!split_host_port(p->text, &hp) || (hp.has_port && hp.port == 0))
		return false;
	/* An address has no MX records, so it stands in brackets. */
	if (!setting_is_hostname(hp.host) &&
	    !(hp.bracketed && setting_parse_address(hp.host, 0, &addr, &len)))
		return false;
	struct relay_addr *relay = arena_alloc(p->arena, sizeof(*relay));

	p->no_memory = !relay;
	if (!relay)
		return false;
	relay->host = arena_str(p->arena, hp.host);
	relay->port = hp.port;
	relay->direct = hp.bracketed;
	p->no_memory = !relay->host.p;
	p->out->list = relay;
	p->out->count = 1;
	return !p->no_memory;
}
