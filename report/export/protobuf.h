/* SPDX-License-Identifier: MIT */
/*
 * Writes messages of protocol buffers into memory. A nested message is opened, filled and closed;
 * closing writes its length in front of it.
 */
#ifndef MEMSHIM_EXPORT_PROTOBUF_H
#define MEMSHIM_EXPORT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOBUF_DEPTH_MAX 8u

struct protobuf {
	unsigned char *bytes;
	size_t count, capacity;
	size_t starts[PROTOBUF_DEPTH_MAX]; /* of the open messages' contents */
	unsigned depth;
	bool no_memory; /* what was written since is lost */
};

/* A varint field: an integer, a bool or an enum. */
void protobuf_number(struct protobuf *message, unsigned field, uint64_t number);
void protobuf_fixed64(struct protobuf *message, unsigned field, uint64_t number);
void protobuf_bytes(struct protobuf *message, unsigned field, const void *bytes, size_t count);
void protobuf_text(struct protobuf *message, unsigned field, const char *text);
void protobuf_packed(struct protobuf *message, unsigned field, const uint64_t *numbers,
		     size_t count);

void protobuf_open(struct protobuf *message, unsigned field);
void protobuf_close(struct protobuf *message);

void protobuf_free(struct protobuf *message);

#endif
