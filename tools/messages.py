#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes messages.h and messages.c of src/net/messages.def (see there), and messages_again.c for the fuzzer."""
import hashlib
import sys

NUMBERS = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "i64": "int64_t"}


class Message:
    def __init__(self, kind, name, again, comment):
        self.kind, self.name, self.again, self.comment = kind, name, again, comment
        self.parts = {"q": [], "a": []}


def parse(path):
    messages, part, comment = [], None, []
    with open(path, encoding="ascii") as f:
        for number, line in enumerate(f, 1):
            text = line.strip()
            if text.startswith(("/*", "*")):
                continue
            if text.startswith("#"):
                comment.append(text[1:].strip())
                continue
            words = text.split()
            if not words:
                comment = []
                continue
            if words[0] in ("question", "note"):
                messages.append(Message(words[0], words[1], words[2:] == ["again"], comment))
                part, comment = "q", []
            elif words[0] == "answer":
                if messages[-1].kind != "question":
                    sys.exit(f"{path}:{number}: an answer without a question")
                part = "a"
            elif words[0] == "fd" and words[2:] == ["optional"]:
                messages[-1].parts[part].append(("fd?", words[1], 0))
            elif words[0] in NUMBERS or words[0] == "fd":
                messages[-1].parts[part].append((words[0], words[1], 0))
            elif words[0] in ("str", "blob"):
                messages[-1].parts[part].append((words[0], words[1], int(words[2])))
            else:
                sys.exit(f"{path}:{number}: unknown field type {words[0]}")
    return messages


def struct_of(name, fields):
    out = [f"struct {name} {{"]
    for kind, field, _ in fields:
        ctype = NUMBERS.get(kind) or ("int" if kind.startswith("fd") else "struct str")
        out.append(f"\t{ctype} {field};")
    if not fields:
        out.append("\tchar nothing;")
    return out + ["};"]


def put_of(name, fields):
    out = [f"static void put_{name}(struct chan_frame *f, const struct {name} *m)", "{"]
    for kind, field, limit in fields:
        if kind == "fd":
            out.append(f"\tchan_frame_add_fd(f, m->{field});")
        elif kind == "fd?":
            out.append(f"\tbuf_put_u8(&f->bytes, m->{field} >= 0);")
            out.append(f"\tif (m->{field} >= 0)")
            out.append(f"\t\tchan_frame_add_fd(f, m->{field});")
        elif kind in ("str", "blob"):
            out.append(f"\tchan_frame_add_str(f, m->{field}, {limit});")
        elif kind == "i64":
            out.append(f"\tbuf_put_u64(&f->bytes, (uint64_t)m->{field});")
        else:
            out.append(f"\tbuf_put_{kind}(&f->bytes, m->{field});")
    if not fields:
        out += ["\t(void)f;", "\t(void)m;"]
    return out + ["}", ""]


def get_of(name, fields):
    fds = [f for f in fields if f[0] in ("fd", "fd?")]
    refused, count = "!reader_done(&r)", f"{sum(f[0] == 'fd' for f in fds)}u"
    out = [f"static bool get_{name}(struct chan_parcel *p, struct {name} *m)", "{",
           "\tstruct reader r = reader_of(p->payload);"]
    out += ["", f"\t*m = (struct {name}){{0}};"]
    for kind, field, limit in fields:
        if kind in ("str", "blob"):
            out.append(f"\tm->{field} = read_str(&r, {limit});")
        elif kind == "i64":
            out.append(f"\tm->{field} = (int64_t)read_u64(&r);")
        elif kind == "fd?":
            out += [f"\tuint8_t has_{field} = read_u8(&r);", ""]
            refused, count = f"{refused} || has_{field} > 1", f"{count} + has_{field}"
        elif kind != "fd":
            out.append(f"\tm->{field} = read_{kind}(&r);")
    out += [f"\tif ({refused} || p->fd_count != {count})", "\t\treturn false;"]
    if fds:
        out += ["\tconst int *fd = p->fds;", ""]
    for kind, field, _ in fds:
        out.append(f"\tm->{field} = " + ("*fd++;" if kind == "fd" else f"has_{field} ? *fd++ : -1;"))
    if fds:
        out.append("\tp->fd_count = 0; /* the caller owns them now */")
    return out + ["\treturn true;", "}", ""]


def prototypes(m):
    n = m.name
    if m.kind == "note":
        return [
            f"int {n}_send(struct chan *c, const struct {n}_note *m)",
            f"bool {n}_take(struct chan_parcel *p, struct {n}_note *m)",
        ]
    return [
        f"int co_ask_{n}(struct chan *c, const struct {n}_question *q, int64_t deadline,\n"
        f"\t\tstruct chan_parcel *store, struct {n}_answer *a, struct err *e)",
        f"bool {n}_take(struct chan_parcel *p, struct {n}_question *q)",
        f"void {n}_answer(struct chan_parcel *p, const struct {n}_answer *a)",
    ]


def header(messages, build):
    out = ["/* Made by tools/messages.py of src/net/messages.def. */", "#ifndef NET_MESSAGES_H",
           "#define NET_MESSAGES_H", "", '#include "net/chan.h"', "", "enum msg_type {"]
    out += [f"\tMSG_{m.name.upper()} = {i}," for i, m in enumerate(messages, 1)]
    out += ["\tMSG_END", "};", ""]
    for m in messages:
        out += ["/*"] + [f" * {c}" for c in m.comment] + [" */"] if m.comment else []
        if m.kind == "note":
            out += struct_of(m.name + "_note", m.parts["q"])
        else:
            out += struct_of(m.name + "_question", m.parts["q"])
            out += struct_of(m.name + "_answer", m.parts["a"])
        out += [p + ";" for p in prototypes(m)] + [""]
    out += ["/* Differs when anything in messages.def does: only the same build may talk. */",
            f"#define MESSAGES_BUILD {build}ULL", "",
            "/* The name of a message type, for log lines. */", "const char *msg_name(unsigned type);",
            "/* True when a message of this type wants an answer. */", "bool msg_is_question(unsigned type);",
            "", "#endif"]
    return out


def source(messages):
    out = ["/* Made by tools/messages.py of src/net/messages.def. */", '#include "net/messages.h"', "",
           '#include "base/err.h"', ""]
    for m in messages:
        n, protos = m.name, prototypes(m)
        if m.kind == "note":
            out += put_of(n + "_note", m.parts["q"]) + get_of(n + "_note", m.parts["q"])
            out += [protos[0], "{", f"\tstruct chan_frame *f = chan_frame_new(MSG_{n.upper()});", "",
                    f"\tput_{n}_note(f, m);", "\treturn chan_send_note(c, f);", "}", "",
                    protos[1], "{", f"\treturn get_{n}_note(p, m);", "}", ""]
            continue
        out += put_of(n + "_question", m.parts["q"]) + get_of(n + "_question", m.parts["q"])
        out += put_of(n + "_answer", m.parts["a"]) + get_of(n + "_answer", m.parts["a"])
        again = "true" if m.again else "false"
        out += [protos[0], "{", f"\tstruct chan_frame *f = chan_frame_new(MSG_{n.upper()});", "",
                f"\tput_{n}_question(f, q);",
                f"\tint code = co_chan_ask(c, f, {again}, deadline, store, e);", "",
                f"\tif (code == ERR_OK && !get_{n}_answer(store, a)) {{", "\t\tchan_parcel_free(store);",
                f"\t\tcode = err_set(e, ERR_INVALID, \"%s gave a malformed answer to {n}\", chan_name(c));",
                "\t}", "\treturn code;", "}", "",
                protos[1], "{", f"\tif (get_{n}_question(p, q))", "\t\treturn true;",
                f"\tchan_refuse(p, ERR_INVALID, \"malformed {n}\");", "\treturn false;", "}", "",
                protos[2], "{", f"\tstruct chan_frame *f = chan_frame_new(MSG_{n.upper()});", "",
                f"\tput_{n}_answer(f, a);", "\tchan_send_answer(p, f);", "}", ""]
    out += ["static const char *const names[] = {"]
    out += [f'\t[MSG_{m.name.upper()}] = "{m.name}",' for m in messages]
    out += ["};", "", "static const bool questions[MSG_END] = {"]
    out += [f"\t[MSG_{m.name.upper()}] = true," for m in messages if m.kind == "question"]
    out += ["};", "", "const char *msg_name(unsigned type)", "{",
            '\treturn type > 0 && type < MSG_END ? names[type] : "unknown message";', "}", "",
            "bool msg_is_question(unsigned type)", "{", "\treturn type < MSG_END && questions[type];", "}"]
    return out


def again(messages):
    """For src/net/fuzz_messages.c: each message decoded and encoded again."""
    out = ["/* Made by tools/messages.py of src/net/messages.def. */", '#include "net/messages.c" /* NOLINT(bugprone-suspicious-include): for its static functions */', "",
           '#include "net/messages_again.h"', "", "#include <unistd.h>", ""]
    rows = []
    for m in messages:
        kinds = [("note", "q")] if m.kind == "note" else [("question", "q"), ("answer", "a")]
        for kind, part in kinds:
            name, fields = f"{m.name}_{kind}", m.parts[part]
            rows.append(f"\t{{MSG_{m.name.upper()}, CHAN_{kind.upper()}, again_{name}}},")
            out += [f"static struct chan_frame *again_{name}(struct chan_parcel *p)", "{", f"\tstruct {name} m;", "",
                    f"\tif (!get_{name}(p, &m))", "\t\treturn NULL;",
                    f"\tstruct chan_frame *f = chan_frame_new(MSG_{m.name.upper()});", "", f"\tput_{name}(f, &m);"]
            for how, field, _ in fields:
                if how.startswith("fd"):
                    out += [f"\tif (m.{field} >= 0)", f"\t\tclose(m.{field});"]
            out += ["\treturn f;", "}", ""]
    return out + ["const struct message_again messages_again[] = {"] + rows + ["\t{0, 0, NULL},", "};"]


def main():
    messages = parse(sys.argv[1])
    with open(sys.argv[1], "rb") as f:
        build = int.from_bytes(hashlib.sha256(f.read()).digest()[:8], "little")
    for path in sys.argv[2:]:
        lines = (header(messages, build) if path.endswith(".h") else
                 again(messages) if path.endswith("_again.c") else source(messages))
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")


main()
