#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every check of tools/ passes a good tree and fails a bad one, and says where."""
import json
import pathlib
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
C = "/* SPDX-License-Identifier: Apache-2.0 */\n/* Something for a test to look at. */\n"
PY = '# SPDX-License-Identifier: Apache-2.0\n"""Something for a test to look at."""\n'


def function(name, body_lines):
    return f"int {name}(void)\n{{\n" + "\tg();\n" * body_lines + "\treturn 0;\n}\n"


class Tree(unittest.TestCase):
    check = ""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name) / "place" / "tree"
        self.root.mkdir(parents=True)
        self.addCleanup(self.folder.cleanup)

    def run_check(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([TOP / "tools" / f"check_{self.check}.py", "--root", self.root], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)

    def passes(self, files):
        done = self.run_check(files)
        self.assertEqual((done.returncode, done.stdout.strip().splitlines()[1:]), (0, []), done.stdout)

    def finds(self, files, *sentences):
        done = self.run_check(files)
        self.assertEqual(done.returncode, 1, done.stdout)
        for sentence in sentences:
            self.assertIn(sentence, done.stdout)


class Includes(Tree):
    check = "includes"
    headers = {"src/base/str.h": C, "src/net/loop.h": C, "src/run/walls.h": C, "src/gate/gate.h": C, "src/cli/cli.h": C}

    def test_downwards_passes(self):
        self.passes({**self.headers, "src/gate/gate.c": '#include <stdio.h>\n#include "gate/gate.h"\n#include "run/walls.h"\n',
                     "src/main.c": '#include "gate/gate.h"\n#include "cli/cli.h"\n',
                     "src/net/loop.c": '/* #include "run/walls.h" is no include */\n#include "base/str.h"\n'})

    def test_upwards_fails(self):
        self.finds({**self.headers, "src/net/loop.c": '#include "base/str.h"\n#include "run/walls.h"\n'},
                   "src/net/loop.c:2: src/net may not include src/run")

    def test_room_to_room_fails(self):
        self.finds({**self.headers, "src/spool/spool.c": '#include "gate/gate.h"\n'}, "src/spool may not include src/gate")

    def test_command_to_room_fails(self):
        self.finds({**self.headers, "src/cli/setup.c": '#  include "gate/gate.h"\n'}, "src/cli may not include src/gate")

    def test_without_folder_fails(self):
        self.finds({**self.headers, "src/net/loop.c": '#include "loop.h"\n'}, 'not written as "folder/name.h"')

    def test_missing_file_fails(self):
        self.finds({**self.headers, "src/net/loop.c": '#include "base/gone.h"\n'}, "does not exist")

    def test_generated_header_passes(self):
        self.passes({**self.headers, "src/net/meson.build": "output: ['made.h', 'made.c']\n",
                     "src/run/a.c": '#include "net/made.h"\n'})

    def test_unknown_folder_fails(self):
        self.finds({"src/attic/old.c": C}, "src/attic/old.c:1: not in a folder")


class Co(Tree):
    check = "co"

    def test_marked_callers_pass(self):
        self.passes({"src/net/a.c": """
int co_read(int fd)
{
	return co_wait(fd);
}
static void session_fiber(void *p)
{
	co_read(1);
}
static void serve(void *p)
{
	co_read(1);
}
/* fiber */
static void other(void *p)
{
	co_read(1); /* calls co_read(1) */
}
static int start(void)
{
	table[0] = co_read;
	log_line("co_read(1)");
	return fiber_start(loop, serve, NULL);
}
#define CO_TRY(x) co_read(x)
"""})

    def test_unmarked_caller_fails(self):
        self.finds({"src/net/a.c": "int sly(int fd)\n{\n\treturn 1 +\n\t\tco_wait(fd);\n}\n"},
                   "src/net/a.c:4: sly calls co_wait")

    def test_call_through_a_table_fails(self):
        self.finds({"src/net/a.c": "int sly(struct ops *o)\n{\n\treturn o->co_read(1);\n}\n"}, "sly calls co_read")

    def test_inline_function_fails(self):
        self.finds({"src/net/a.h": "static inline int sly(int fd)\n{\n\treturn co_wait(fd);\n}\n"}, "sly calls co_wait")

    def test_macro_fails(self):
        self.finds({"src/net/a.h": "#define SLY(fd) \\\n\tdo { co_wait(fd); } while (0)\n"}, "macro SLY calls co_wait")


class Length(Tree):
    check = "length"

    def test_short_passes(self):
        self.passes({"src/base/a.c": function("a", 10)})

    def test_long_function_fails(self):
        self.finds({"src/base/a.c": function("a", 97) + function("b", 0) * 3}, "a has 101 lines, above 100")
        self.assertEqual(self.run_check({"src/base/a.c": function("a", 96) + function("b", 0) * 3}).returncode, 0)

    def test_high_median_fails(self):
        self.finds({"src/base/a.c": function("a", 12)}, "the median function has 16 lines")

    def test_tests_do_not_count_for_the_median(self):
        self.finds({"src/base/a.c": function("a", 12), "src/base/test_a.c": function("t", 1) * 9}, "the median function")

    def test_long_file_fails_unless_listed(self):
        text = "int x;\n" * 801
        self.finds({"src/base/a.c": text}, "801 lines, above 800")
        self.assertEqual(self.run_check({"tools/long-files.list": "801 src/base/a.c # one table\n"}).returncode, 0)
        self.finds({"src/base/a.c": text + "int y;\n"}, "802 lines, the list allows 801")

    def test_list_must_shrink(self):
        self.finds({"src/base/a.c": "int x;\n" * 810, "tools/long-files.list": "900 src/base/a.c\n"}, "lower its number")
        self.finds({"src/base/a.c": "int x;\n"}, "take it off the list")
        (self.root / "src/base/a.c").unlink()
        self.finds({}, "src/base/a.c does not exist")


class Headers(Tree):
    check = "headers"

    def test_good_files_pass(self):
        self.passes({"src/base/a.h": C + "void a_destroy(struct a **a);\nvoid a_free(struct a *a);\nvoid all_free(void);\n",
                     "src/base/a.c": C + "void a_destroy(struct a **a)\n{\n\ta_free(*a);\n\tfree(*a);\n}\n",
                     "src/base/test_a.c": C.splitlines()[0] + "\n", "tools/x.py": "#!/usr/bin/python3\n" + PY,
                     "tools/run": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n", "notes.txt": "anything\n",
                     "src/net/a.def": "# SPDX-License-Identifier: Apache-2.0\n"})

    def test_no_licence_fails(self):
        self.finds({"src/base/a.c": "/* A purpose without licence. */\n"}, "src/base/a.c:1: must be the line")
        self.finds({"tools/run": "#!/bin/sh\necho\n"}, "tools/run:2: must be the line")

    def test_no_purpose_fails(self):
        self.finds({"src/base/a.c": C.splitlines()[0] + "\n#include <stdio.h>\n/* A comment that comes too late. */\n"},
                   "src/base/a.c:2: a comment must say")
        self.finds({"tools/x.py": PY.splitlines()[0] + "\nimport os\n"}, "tools/x.py:2: a docstring must say")

    def test_destroy_without_address_fails(self):
        self.finds({"src/base/a.h": C + "void a_destroy(struct a *a);\n"}, "src/base/a.h:3: a_destroy must take the address")

    def test_destroy_that_returns_fails(self):
        self.finds({"src/base/a.h": C + "int a_destroy(struct a **a);\n"}, "a_destroy must return nothing")

    def test_free_with_address_fails(self):
        self.finds({"src/base/a.h": C + "void a_free(struct a **a);\n"}, "a_free must take a pointer to")


class Constructs(Tree):
    check = "constructs"

    def test_good_files_pass(self):
        self.passes({"src/base/a.c": "typedef struct b *(*cb)(struct a *);\nint f(void)\n{\n\tif (g())\n\t\tgoto out;\n"
                                     "\tif (h())\n\t\tgoto out;\nout:\n\treturn 0;\n}\n"})

    def test_unfinished_work_fails(self):
        for word in ("TO" "DO", "FIX" "ME", "XX" "X"):
            with self.subTest(word):
                self.finds({"docs/a.md": f"\n{word}: later\n"}, f"docs/a.md:2: {word}")

    def test_typedef_fails(self):
        self.finds({"src/base/a.h": C + "typedef struct a {\n\tint x;\n} a_t;\n"}, "src/base/a.h:3: write struct NAME")

    def test_goto_backwards_fails(self):
        self.finds({"src/base/a.c": "int f(void)\n{\nagain:\n\tg();\n\tgoto again;\n}\n"}, "f jumps back to again")

    def test_two_labels_fail(self):
        self.finds({"src/base/a.c": "int f(void)\n{\n\tif (g())\n\t\tgoto a;\n\tgoto b;\na:\n\th();\nb:\n\treturn 0;\n}\n"},
                   "goto to 2 labels (a, b)")


class State(Tree):
    check = "state"

    def compile(self, source, text):
        obj = self.root / "build/release/src" / pathlib.PurePath(source).parent / "lib.a.p" / (pathlib.PurePath(source).name + ".o")
        obj.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-x", "c", "-O2", "-fPIE", "-c", "-o", obj, "-"], input=text, text=True, check=True)

    def test_constants_pass(self):
        self.compile("net/a.c", 'const char *const names[] = {"a", "b"};\nconst int n = 3;\nint f(void)\n{\n\treturn n;\n}\n')
        self.passes({})

    def test_allowed_places_pass(self):
        for source in ("run/a.c", "net/log.c", "net/fiber.c", "net/loop.c", "net/test_a.c"):
            self.compile(source, "int counter = 1;\n")
        self.passes({})

    def test_variables_fail(self):
        for kind, text in (("data", "int counter = 1;"), ("bss", "static int *p; int f(void) { return *p++; }"),
                           ("static local", "int f(void) { static int calls; return calls++; }"),
                           ("thread", "_Thread_local int t;"), ("table", 'const char *names[] = {"a"};')):
            with self.subTest(kind):
                self.compile("net/a.c", text + "\n")
                self.finds({}, "src/net/a.c:1:", "is a variable of the whole process")

    def test_no_objects_fails(self):
        self.finds({}, "build it first")


class Format(Tree):
    check = "format"

    def test_both(self):
        style = {".clang-format": (TOP / ".clang-format").read_text()}
        self.passes({**style, "src/base/a.c": "int f(void)\n{\n\treturn 0;\n}\n"})
        self.finds({**style, "src/base/a.c": "int f(void) {\n  return 0;\n}\n"}, "src/base/a.c:1")


class Places(Tree):
    check = "places"

    def test_good_files_pass(self):
        self.passes({"README.md": "See https://www.rfc-editor.org/rfc/rfc5321 and /etc/mailstead, /tmp/x.\n"})

    def test_folder_of_this_machine_fails(self):
        self.finds({"README.md": f"\ncd {self.root.parent}/other\n"}, "README.md:2: names this machine's folder")

    def test_host_of_packages_fails(self):
        for host in ("registry", "deb", "security"):
            with self.subTest(host):
                self.finds({"a.list": f"http{'s' if host != 'deb' else ''}:/" f"/{host}.example.org/\n"}, "names a host of packages")


class Analysers(Tree):
    """Both analysers see a bug of their kind, in a build folder like ours."""
    good = C + "int f(int n);\nint f(int n)\n{\n\treturn n;\n}\n"
    bad = C + ("#include <stdlib.h>\nint f(int n);\nint f(int n)\n{\n\tint *p = malloc(sizeof(*p));\n\n"
               "\tif (!p)\n\t\treturn 0;\n\tif (n > 3)\n\t\treturn 1;\n\tfree(p);\n\treturn 0;\n}\n")

    def database(self, configuration, text):
        build = self.root / "build" / configuration
        return {"src/base/a.c": text, ".clang-tidy": (TOP / ".clang-tidy").read_text(),
                "tools/cppcheck.list": "# none\n", f"build/{configuration}/compile_commands.json": json.dumps(
                    [{"directory": str(build), "command": "cc -c ../../src/base/a.c", "file": "../../src/base/a.c"}])}

    def test_cppcheck(self):
        self.check = "cppcheck"
        self.passes(self.database("release", self.good))
        self.finds(self.database("release", self.bad), "memleak")
        self.finds({"tools/cppcheck.list": "# about\n# why\nmemleak\nuninitvar\n"}, "tools/cppcheck.list:4: say in a comment")

    def test_cppcheck_obeys_its_list(self):
        self.check = "cppcheck"
        self.passes({**self.database("release", self.bad), "tools/cppcheck.list": "# about\n# why\nmemleak\n"})

    def test_tidy(self):
        self.check = "tidy"
        self.passes(self.database("clang-asan", self.good))
        self.finds(self.database("clang-asan", self.bad), "clang-analyzer-unix.Malloc")
        self.finds({}, "clang-analyzer-unix.Malloc")        # what was found once is not remembered as good

    def test_tidy_knows_that_a_failure_is_not_0(self):
        self.check = "tidy"
        text = C + ('#include "base/err.h"\nint f(struct err *e, int n);\nstatic int get(struct err *e, int n, int *out)\n{\n'
                    '\tif (n > 3)\n\t\treturn err_set(e, ERR_INVALID, "%d", n);\n\t*out = n;\n\treturn 0;\n}\n'
                    'int f(struct err *e, int n)\n{\n\tint value;\n\n\treturn get(e, n, &value) == 0 ? value : 0;\n}\n')
        files = {**self.database("clang-asan", text), "src/base/err.h": (TOP / "src/base/err.h").read_text()}
        build = self.root / "build/clang-asan"
        files["build/clang-asan/compile_commands.json"] = json.dumps(
            [{"directory": str(build), "command": "cc -I../../src -c ../../src/base/a.c", "file": "../../src/base/a.c"}])
        self.finds(files, "clang-analyzer-core")
        self.passes({"tools/analyse.h": (TOP / "tools/analyse.h").read_text()})

    def test_tidy_remembers_what_was_good(self):
        self.check = "tidy"
        self.passes(self.database("clang-asan", self.good))
        self.assertIn("1 files, 0 looked at", self.run_check({}).stdout)
        self.assertIn("1 files, 1 looked at", self.run_check({"src/base/a.c": self.good + "\n"}).stdout)
        self.assertIn("1 files, 1 looked at", self.run_check({"src/base/a.h": C}).stdout)

    def test_without_build(self):
        for check in ("cppcheck", "tidy"):
            self.check = check
            self.finds({}, "build it first")


class Banned(unittest.TestCase):
    """src/base/banned.h: what it names does not compile, and the rest does."""

    def compile(self, compiler, statement):
        text = f"void f(char *a, const char *b);\nvoid f(char *a, const char *b)\n{{\n\t{statement};\n}}\n"
        return subprocess.run([compiler, "-Werror", "-D_GNU_SOURCE", "-include", TOP / "src/base/banned.h", "-fsyntax-only", "-x", "c", "-"],
                              input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def test_both_compilers(self):
        for compiler in ("gcc", "clang"):
            self.assertEqual(self.compile(compiler, "memcpy(a, b, 2)").returncode, 0)
            for name in ("strcpy", "sprintf", "strtok", "system", "getaddrinfo", "localtime", "alloca", "atoi"):
                with self.subTest(f"{compiler} {name}"):
                    done = self.compile(compiler, f"(void){name}")
                    self.assertNotEqual(done.returncode, 0)
                    self.assertRegex(done.stdout, "poisoned|deprecated")


if __name__ == "__main__":
    unittest.main()
