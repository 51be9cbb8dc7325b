/* SPDX-License-Identifier: Apache-2.0 */
/*
 * banned: functions that do not compile in this project.
 *
 * Included before everything else by the build (-include), so the poison also
 * reaches code that includes the libc headers itself.  Each has a better
 * answer: bounded copies in buf and arena, the clock and date modules, DNS
 * through resolver, programs through runner, no shell anywhere.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <arpa/inet.h>
#include <dlfcn.h>
#include <grp.h>
#include <locale.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets
#pragma GCC poison strtok strtok_r localtime gmtime ctime asctime inet_ntoa inet_addr
#pragma GCC poison strerror getpwnam getpwuid getgrnam getgrgid
#pragma GCC poison gethostbyname setlocale popen system
#undef alloca
#pragma GCC poison atoi atol atoll alloca tmpnam mktemp dlopen

/* libuv's header has these two names for things of its own, so only calls are errors. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
	__attribute__((deprecated("names are looked up by the resolver room")));
int getnameinfo(const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen, char *serv,
		socklen_t servlen, int flags)
	__attribute__((deprecated("names are looked up by the resolver room")));

#endif
