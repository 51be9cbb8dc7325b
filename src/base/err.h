/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: why something failed, as a code for the program and a sentence for a
 * person.
 *
 * Functions return 0 or one of the negative codes below; those whose failure a
 * person will read also take a struct err (never NULL) and fill its sentence.
 * A failure is either returned or logged, never both.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	ERR_OK = 0,
	ERR_INVALID = -1, /* the input breaks its grammar or a rule */
	ERR_TOO_BIG = -2, /* a limit was reached */
	ERR_NOT_FOUND = -3,
	ERR_EXISTS = -4,
	ERR_DENIED = -5,
	ERR_IO = -6, /* the system refused: errno is in the sentence */
	ERR_CLOSED = -7, /* the other side ended the connection */
	ERR_TIMEOUT = -8, /* a deadline passed */
	ERR_CANCELLED = -9, /* this fiber was told to end */
	ERR_ROOM_GONE = -10, /* the neighbour died before it answered */
	ERR_BUSY = -11, /* a ceiling is reached, try later */
	ERR_CORRUPT = -12, /* stored bytes fail their check */
	ERR_FULL = -13, /* no space on the disk */
	ERR_MEMORY = -14,
};

struct err {
	int code;
	char text[384];
};

/* Sets code and sentence, returns code. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, int code, const char *fmt, ...);
/* Sets ERR_IO (ERR_FULL for ENOSPC and EDQUOT) and "sentence: what errno says";
 * reads errno first. */
__attribute__((format(printf, 2, 3))) int err_errno(struct err *e, const char *fmt, ...);
/* Puts "context: " before the sentence that is there; returns its code. */
__attribute__((format(printf, 2, 3))) int err_prefix(struct err *e, const char *fmt, ...);

#endif
