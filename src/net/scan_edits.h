/* SPDX-License-Identifier: Apache-2.0 */
/* scan_edits: what scan changes in the header of a letter that its writer submits (`scan`). */
#ifndef NET_SCAN_EDITS_H
#define NET_SCAN_EDITS_H

/* Bits. */
enum scan_edits {
	SCAN_ADD_MISSING = 1, /* Date and Message-ID */
	SCAN_ADD_FROM = 2, /* From too, with the sender, when there is one */
	SCAN_PRIVACY = 4, /* fields that tell of the client go away (format/header_edit.h) */
	SCAN_EDITS = 7
};

#endif
