/* SPDX-License-Identifier: Apache-2.0 */
/* Which commands a session knows, and what it calls itself capable of. */
#include "mailbox/imap_session.h"

const char imap_capabilities[] = "IMAP4rev1 LITERAL+ ID ENABLE IDLE NAMESPACE UNSELECT UIDPLUS MOVE CHILDREN "
				 "SPECIAL-USE LIST-EXTENDED";

static const struct imap_handler handlers[IMAP_COMMAND_COUNT] = {
	[IMAP_CAPABILITY] = {co_cmd_capability, IMAP_NEWS_ALL},
	[IMAP_NOOP] = {co_cmd_noop, IMAP_NEWS_ALL},
	[IMAP_LOGOUT] = {co_cmd_logout, IMAP_NEWS_ALL},
	[IMAP_ID] = {co_cmd_id, IMAP_NEWS_ALL},
	[IMAP_ENABLE] = {co_cmd_enable, IMAP_NEWS_ALL},
	[IMAP_NAMESPACE] = {co_cmd_namespace, IMAP_NEWS_ALL},
	[IMAP_LIST] = {co_cmd_list, IMAP_NEWS_ALL},
	[IMAP_LSUB] = {co_cmd_lsub, IMAP_NEWS_ALL},
	[IMAP_STATUS] = {co_cmd_status, IMAP_NEWS_ALL},
	[IMAP_APPEND] = {co_cmd_append, IMAP_NEWS_ALL},
	[IMAP_SELECT] = {co_cmd_select, IMAP_NEWS_ALL},
	[IMAP_EXAMINE] = {co_cmd_select, IMAP_NEWS_ALL},
	[IMAP_UNSELECT] = {co_cmd_unselect, IMAP_NEWS_ALL},
	[IMAP_CLOSE] = {co_cmd_close, IMAP_NEWS_ALL},
	[IMAP_CHECK] = {co_cmd_check, IMAP_NEWS_ALL},
	[IMAP_EXPUNGE] = {co_cmd_expunge, IMAP_NEWS_ALL},
	[IMAP_IDLE] = {co_cmd_idle, IMAP_NEWS_ALL},
	[IMAP_STORE] = {co_cmd_store, IMAP_NEWS_KEEP},
	[IMAP_COPY] = {co_cmd_copy, IMAP_NEWS_ALL},
	[IMAP_MOVE] = {co_cmd_copy, IMAP_NEWS_ALL},
	[IMAP_SEARCH] = {co_cmd_search, IMAP_NEWS_KEEP},
	[IMAP_FETCH] = {co_cmd_fetch, IMAP_NEWS_KEEP},
	[IMAP_CREATE] = {co_cmd_create, IMAP_NEWS_ALL},
	[IMAP_DELETE] = {co_cmd_delete, IMAP_NEWS_ALL},
	[IMAP_RENAME] = {co_cmd_rename, IMAP_NEWS_ALL},
	[IMAP_SUBSCRIBE] = {co_cmd_subscribe, IMAP_NEWS_ALL},
	[IMAP_UNSUBSCRIBE] = {co_cmd_unsubscribe, IMAP_NEWS_ALL},
};

const struct imap_handler *imap_handler_of(enum imap_command_id id)
{
	return &handlers[id];
}
