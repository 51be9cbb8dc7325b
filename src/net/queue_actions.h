/* SPDX-License-Identifier: Apache-2.0 */
/* queue_actions: what `mailstead queue` asks spool to do (`queue_change`). */
#ifndef NET_QUEUE_ACTIONS_H
#define NET_QUEUE_ACTIONS_H

enum queue_action {
	QUEUE_FLUSH, /* try again now */
	QUEUE_HOLD, /* no more tries until it is released */
	QUEUE_RELEASE,
	QUEUE_DELETE, /* its open recipients get nothing, nobody is told */
	QUEUE_ACTIONS
};

#endif
