/*
 * Why a transfer failed, in words for the log, and whether it was for want of something here.
 */
#ifndef FAILURE_H
#define FAILURE_H

#include "adapters/curl/transfer.h"

/* The transfer ends with that result, for that reason. */
void failure_set(struct transfer *transfer, enum http_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The transfer ends since this process or host is short of that: "descriptors". */
void failure_set_shortage(struct transfer *transfer, const char *short_of);

/* What is short here when a system call fails with that error, or NULL. */
const char *failure_shortage_of(int error);

/* What was short here when the call failed with that code before it was sent, or NULL. */
const char *failure_shortage(const struct transfer_setup *setup,
    const struct transfer *transfer, CURLcode code);

/* Say in a few words why libcurl failed.  Its own messages may hold the URL; only the one
 * on certificates, which holds no more than the host, is used. */
void failure_describe(const struct transfer_setup *setup, struct transfer *transfer,
    CURLcode code);

#endif
