/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule of outline_check(), broken one at a time in an outline that is good. */
#include "base/unit.h"
#include "format/header.h"
#include "format/outline.h"

#include <string.h>

/* 0 mixed( 1 text, 2 message( 3 text ), 4 multipart( 5 text ) ) */
static const struct str letter = STR_INIT(
	"Subject: s\nTo: g: a@b, c@d;\nContent-Type: multipart/mixed; boundary=b\nContent-Language: en\n\n"
	"--b\nContent-Type: text/plain; x=y\nContent-Disposition: inline; z=1\n\none\n"
	"--b\nContent-Type: message/rfc822\n\nSubject: in\n\ninner text\n"
	"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\n--b--\n");

#define P(n) (o->parts[n].at)
#define ENV(n) (o->parts[n].envelope)
#define FIRST_TO(n) (ENV(0)->lists[ENVELOPE_TO].first n)

/* Each does one thing for each number, and says what; NULL behind the last. */
static const char *break_tree(struct outline *o, int number)
{
	switch (number) {
	case 0:
		o->length++;
		return "1: another length";
	case 1:
		o->part_count = 0;
		return "2: no part";
	case 2:
		o->part_count = MIME_PARTS_MAX + 1;
		return "2: too many parts";
	case 3:
		o->field_count = MIME_FIELDS_MAX + 1;
		return "7: too many fields";
	case 4:
		P(0).parent = 0;
		return "2: the first part has a parent";
	case 5:
		P(1).parent = MIME_NO_PARENT;
		return "2: a second part without parent";
	case 6:
		P(1).parent = 1;
		return "2: its own parent";
	case 7:
		P(1).parent = 4;
		return "2: the parent comes later";
	case 8:
		P(5).parent = 2;
		return "2: the parent is not on the path";
	case 9:
		P(2).parent = 1;
		return "2, 4: a leaf as parent";
	case 10:
		P(0).header_start = 1;
		return "2: the letter does not begin at 0";
	case 11:
		P(0).body_end--;
		return "2: the letter does not end at its end";
	case 12:
		P(1).body_start = P(1).header_start - 1;
		return "3: header ends before it starts";
	case 13:
		P(1).body_end = P(1).body_start - 1;
		return "3: body ends before it starts";
	case 14:
		P(5).body_end = o->length + 1;
		return "3: beyond the letter";
	case 15:
		P(5).body_end = P(4).body_end + 1;
		return "3: beyond the parent";
	case 16:
		P(1).header_start = P(0).body_start - 1;
		return "3: before the parent's body";
	case 17:
		P(2).header_start = P(1).body_end - 1;
		return "3: inside the elder sibling";
	case 18:
		P(3).body_end--;
		return "4: the letter inside does not fill its message";
	case 19:
		P(3).header_start++;
		return "4: the letter inside begins later";
	case 20:
		P(5).parent = 0;
		return "4: a multipart without child";
	case 21:
		P(3).parent = 0;
		return "4: a message without child";
	case 22:
		P(1).kind = MIME_MULTIPART;
		return "4: a childless text as multipart";
	case 23:
		P(1).lines = P(1).body_end - P(1).body_start + 1;
		return "3: more lines than bytes";
	case 24:
		P(4).parent = 2;
		return "4: a message with two children";
	}
	return NULL;
}

static const char *break_part(struct outline *o, int number)
{
	switch (number) {
	case 0:
		P(1).kind = (enum mime_kind)99;
		return "5: no kind";
	case 1:
		o->parts[1].type = STR("multipart");
		return "5: a leaf that says multipart";
	case 2:
		o->parts[1].type = STR("MESSAGE");
		o->parts[1].subtype = STR("Global");
		return "5: a leaf that says message/global";
	case 3:
		o->parts[0].type = STR("text");
		return "5: a multipart that says text";
	case 4:
		o->parts[2].subtype = STR("partial");
		return "5: a message of another kind";
	case 5:
		o->parts[1].type.p = NULL;
		return "5: a subtype alone";
	case 6:
		o->parts[1].subtype.n = 0;
		return "5: an empty subtype";
	case 7:
		ENV(0) = NULL;
		return "6: the letter without envelope";
	case 8:
		ENV(3) = NULL;
		return "6: the letter inside without envelope";
	case 9:
		ENV(1) = ENV(0);
		return "6: a part with an envelope";
	case 10:
		o->field_count--;
		return "7: fewer fields than the parts have";
	case 11:
		P(1).fields--;
		return "7: more fields than the parts have";
	case 12:
		P(1).first_field++;
		return "7: a gap in the table";
	case 13:
		o->fields[0].length = 1000;
		return "7: a field longer than its header";
	case 14:
		o->fields[0].value = o->fields[0].length + 1;
		return "7: a value outside its field";
	case 15:
		o->fields[0].id = HEADER_COUNT;
		return "7: an unknown name";
	case 16:
		o->fields[0].length = 0;
		o->fields[0].value = 0;
		return "7: an empty field";
	case 17:
		o->preview = STR("a\x01");
		return "8: control character in the preview";
	case 18:
		o->preview = STR("a\xC3");
		return "8: preview is no UTF-8";
	}
	return NULL;
}

static const char *break_list(struct outline *o, int number)
{
	static const struct str no_languages[OUTLINE_LANGUAGES_MAX + 1];

	switch (number) {
	case 0:
		FIRST_TO(->kind) = ADDR_MAILBOX;
		return "9: a mailbox without host";
	case 1:
		FIRST_TO(->next->kind) = ADDR_GROUP_START;
		return "9: a group with a host";
	case 2:
		FIRST_TO(->next) = FIRST_TO(->next->next->next);
		return "10: fewer addresses than counted";
	case 3:
		FIRST_TO(->next->next->next) = NULL;
		ENV(0)->lists[ENVELOPE_TO].count--;
		return "9: an open group";
	case 4:
		*ENV(0)->lists[ENVELOPE_TO].last = *FIRST_TO();
		ENV(0)->lists[ENVELOPE_TO].last->next = NULL;
		return "9: a group in a group";
	case 5:
		FIRST_TO(->kind) = (enum addr_kind)7;
		return "9: no kind of address";
	case 6:
		FIRST_TO(->next->mailbox.p) = NULL;
		return "9: a host without mailbox";
	case 7:
		o->parts[1].params.count++;
		return "10: fewer parameters than counted";
	case 8:
		o->parts[1].params.first->name.n = 0;
		return "8: a parameter without name";
	case 9:
		o->parts[1].params.first->value.p = NULL;
		return "8: a parameter without value";
	case 10:
		o->parts[0].languages = no_languages;
		o->parts[0].language_count = OUTLINE_LANGUAGES_MAX + 1;
		return "10: too many languages";
	case 11:
		o->parts[0].languages = no_languages;
		return "8: an empty language";
	case 12:
		FIRST_TO(->kind) = ADDR_GROUP_END;
		FIRST_TO(->mailbox.p) = NULL;
		return "9: the end of a group that is not open";
	}
	return NULL;
}

static int check_broken(const char *(*breach)(struct outline *, int), int number, const char **what)
{
	struct outline o;
	struct arena a;
	struct err e;

	arena_init(&a, OUTLINE_ARENA_MAX);
	assert_int_equal(outline_build(&o, &a, letter, NULL), 0);
	assert_int_equal(outline_check(&o, letter.n, &e), 0);
	assert_int_equal(o.part_count, 6);
	*what = breach(&o, number);
	int rc = outline_check(&o, letter.n, &e);

	arena_free(&a);
	return rc;
}

static void refuses_each_breach(void **state)
{
	static const char *(*const breaches[])(struct outline *, int) = {break_tree, break_part, break_list};
	int count = 0;

	for (size_t i = 0; i < 3; i++) {
		const char *what = "";

		for (int number = 0; what; number++) {
			int rc = check_broken(breaches[i], number, &what);

			if (what && rc != ERR_CORRUPT) {
				print_error("accepted: %s\n", what);
				fail();
			}
			count += what != NULL;
		}
	}
	assert_int_equal(count, 57);
}

/* Every string that is rendered, one after the other. */
static struct str *string_of(struct outline *o, int number)
{
	struct str *all[] = {
		&o->parts[1].type,
		&o->parts[1].subtype,
		&o->parts[1].params.first->name,
		&o->parts[1].params.first->value,
		&o->parts[1].id,
		&o->parts[1].description,
		&o->parts[1].encoding,
		&o->parts[1].md5,
		&o->parts[1].location,
		&o->parts[1].disposition,
		&o->parts[1].disposition_params.first->name,
		&o->parts[1].disposition_params.first->value,
		(struct str *)&o->parts[0].languages[0],
		&ENV(0)->date,
		&ENV(0)->subject,
		&ENV(0)->in_reply_to,
		&ENV(3)->message_id,
		&FIRST_TO(->mailbox),
		&FIRST_TO(->next->name),
		&FIRST_TO(->next->route),
		&FIRST_TO(->next->mailbox),
		&FIRST_TO(->next->host),
		&o->preview,
	};

	return (size_t)number < sizeof(all) / sizeof(all[0]) ? all[number] : NULL;
}

static void refuses_line_ends_everywhere(void **state)
{
	static const struct str bad[] = {STR_INIT("a\r"), STR_INIT("\nb"), STR_INIT("a\0b"),
					 STR_INIT("good")};
	struct outline o;
	struct arena a;
	struct err e;

	arena_init(&a, OUTLINE_ARENA_MAX);
	assert_int_equal(outline_build(&o, &a, letter, NULL), 0);
	int number = 0;

	for (struct str *s; (s = string_of(&o, number)); number++) {
		struct str original = *s;

		for (size_t i = 0; i < 4; i++) {
			*s = bad[i];
			assert_int_equal(outline_check(&o, letter.n, &e), i < 3 ? ERR_CORRUPT : 0);
		}
		*s = original;
	}
	assert_int_equal(number, 23);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_breach),
		cmocka_unit_test(refuses_line_ends_everywhere),
	};

	return cmocka_run_group_tests_name("outline_check", tests, NULL, NULL);
}
