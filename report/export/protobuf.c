/* SPDX-License-Identifier: MIT */
#include "report/export/protobuf.h"

#include <stdlib.h>
#include <string.h>

#include "report/util/array.h"

#define VARINT_BYTES_MAX 10u

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2 };

static size_t varint_write(unsigned char *to, uint64_t number)
{
	size_t count = 0;

	for (; number >= 0x80; number >>= 7)
		to[count++] = (unsigned char)(number | 0x80);
	to[count++] = (unsigned char)number;
	return count;
}

static void protobuf_raw(struct protobuf *message, const void *bytes, size_t count)
{
	if (message->no_memory ||
	    !ARRAY_RESERVE(message->bytes, message->capacity, message->count + count)) {
		message->no_memory = true;
		return;
	}
	memcpy(message->bytes + message->count, bytes, count);
	message->count += count;
}

static void protobuf_varint(struct protobuf *message, uint64_t number)
{
	unsigned char bytes[VARINT_BYTES_MAX];

	protobuf_raw(message, bytes, varint_write(bytes, number));
}

static void protobuf_key(struct protobuf *message, unsigned field, enum wire_type type)
{
	protobuf_varint(message, (uint64_t)field << 3 | type);
}

void protobuf_number(struct protobuf *message, unsigned field, uint64_t number)
{
	protobuf_key(message, field, WIRE_VARINT);
	protobuf_varint(message, number);
}

void protobuf_fixed64(struct protobuf *message, unsigned field, uint64_t number)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(number >> 8 * i);
	protobuf_key(message, field, WIRE_FIXED64);
	protobuf_raw(message, bytes, sizeof bytes);
}

void protobuf_bytes(struct protobuf *message, unsigned field, const void *bytes, size_t count)
{
	protobuf_key(message, field, WIRE_LENGTH);
	protobuf_varint(message, count);
	protobuf_raw(message, bytes, count);
}

void protobuf_text(struct protobuf *message, unsigned field, const char *text)
{
	protobuf_bytes(message, field, text, strlen(text));
}

void protobuf_packed(struct protobuf *message, unsigned field, const uint64_t *numbers,
		     size_t count)
{
	protobuf_open(message, field);
	for (size_t i = 0; i < count; i++)
		protobuf_varint(message, numbers[i]);
	protobuf_close(message);
}

void protobuf_open(struct protobuf *message, unsigned field)
{
	protobuf_key(message, field, WIRE_LENGTH);
	message->starts[message->depth++] = message->count;
}

/* Moves the contents to make room for their length. */
void protobuf_close(struct protobuf *message)
{
	size_t start = message->starts[--message->depth], count = message->count - start, bytes;
	unsigned char length[VARINT_BYTES_MAX];

	bytes = varint_write(length, count);
	protobuf_raw(message, length, bytes);
	if (message->no_memory)
		return;
	memmove(message->bytes + start + bytes, message->bytes + start, count);
	memcpy(message->bytes + start, length, bytes);
}

void protobuf_free(struct protobuf *message)
{
	free(message->bytes);
	*message = (struct protobuf){0};
}
