/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns: reading DNS data as RFC 1035 lays it out.
 *
 * Record data comes from strangers: every length is checked, names in record data
 * are uncompressed (as libunbound gives them), and what cannot be read is shown in
 * the generic form of RFC 3597.
 */
#ifndef FORMAT_DNS_H
#define FORMAT_DNS_H

#include "base/buf.h"

/* The types that have a form of their own here. */
enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_DS = 43,
	DNS_RRSIG = 46,
	DNS_DNSKEY = 48,
	DNS_TLSA = 52,
	DNS_CAA = 257,
};

/* The number of "MX", "TYPE65" or any other name it knows, case ignored; 0: none. */
uint16_t dns_type_of(struct str name);
/* The name of a type, or "TYPEn" in text (8 bytes are enough). */
const char *dns_type_name(uint16_t type, char text[16]);
/* "NXDOMAIN" for 3; "RCODEn" in text. */
const char *dns_rcode_name(uint8_t rcode, char text[16]);

/* Takes an uncompressed name off the reader and adds it as text with a final dot;
 * bytes that are special in zone files are escaped (RFC 1035 5.1).  False when it
 * is malformed. */
bool dns_name_read(struct reader *r, struct buf *out);
/* Adds one record's data in zone-file form. */
void dns_data_show(uint16_t type, struct str data, struct buf *out);
/* The name of an address to ask PTR for (RFC 1035 3.5, RFC 3596 2.5): "1.2.0.192.in-addr.arpa."
 * for "192.0.2.1"; false when text is no address. */
bool dns_reverse_name(struct str text, struct buf *out);

/* How many records of that type stand in the answer section of a message; the walk
 * ends quietly at the first malformed one. */
unsigned dns_answer_count(struct str message, uint16_t type);

#endif
