/* SPDX-License-Identifier: Apache-2.0 */
/* The build's program that writes the manual page: manpage TEMPLATE VERSION. */
#include "cli/manpage.h"

#include "base/file.h"

#define PAGE_MAX (1024 * 1024)

int main(int argc, char **argv)
{
	struct buf template, page;
	struct err err;
	int rc;

	if (argc != 3) {
		fputs("usage: manpage TEMPLATE VERSION\n", stderr);
		return 2;
	}
	buf_init(&template, PAGE_MAX);
	buf_init(&page, PAGE_MAX);
	rc = file_read(argv[1], &template, &err);
	if (rc == 0)
		rc = manpage_write(buf_str(&template), argv[2], command_rows, CMD_COUNT, &page, &err);
	if (rc == 0 && (fwrite(page.p, 1, page.n, stdout) != page.n || fflush(stdout) == EOF))
		rc = err_errno(&err, "cannot write the page");
	if (rc < 0)
		fprintf(stderr, "manpage: %s\n", err.text);
	buf_free(&template);
	buf_free(&page);
	return rc < 0;
}
