/* SPDX-License-Identifier: MIT */
#include "report/symbols/rust_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void rust_put_bytes(struct rust *r, const char *text, size_t bytes)
{
	if (r->quiet || r->bad)
		return;
	if (r->used + bytes >= RUST_BYTES_MOST) {
		r->bad = true;
		return;
	}
	memcpy(r->out + r->used, text, bytes);
	r->used += bytes;
}

void rust_put(struct rust *r, const char *text)
{
	rust_put_bytes(r, text, strlen(text));
}

void rust_put_number(struct rust *r, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	rust_put(r, text);
}

char rust_next(struct rust *r)
{
	if (r->at < r->end && !r->bad)
		return *r->at++;
	r->bad = true;
	return '\0';
}

bool rust_take(struct rust *r, char wanted)
{
	bool is = r->at < r->end && !r->bad && *r->at == wanted;

	r->at += is;
	return is;
}

uint64_t rust_read_base62(struct rust *r)
{
	uint64_t value = 0;
	char c;

	if (rust_take(r, '_'))
		return 0;
	while ((c = rust_next(r)) != '_' && !r->bad) {
		if (isdigit((unsigned char)c))
			value = value * 62 + (uint64_t)(c - '0');
		else if (islower((unsigned char)c))
			value = value * 62 + (uint64_t)(c - 'a') + 10;
		else if (isupper((unsigned char)c))
			value = value * 62 + (uint64_t)(c - 'A') + 36;
		else
			r->bad = true;
	}
	return value + 1;
}

uint64_t rust_read_optional(struct rust *r, char tag)
{
	return rust_take(r, tag) ? rust_read_base62(r) + 1 : 0;
}

struct rust_identifier rust_read_identifier(struct rust *r)
{
	struct rust_identifier name = {.number = rust_read_optional(r, 's')};

	name.punycode = rust_take(r, 'u');
	if (r->at == r->end || !isdigit((unsigned char)*r->at))
		r->bad = true;
	else if (!rust_take(r, '0'))
		while (r->at < r->end && isdigit((unsigned char)*r->at) &&
		       name.bytes < RUST_BYTES_MOST)
			name.bytes = name.bytes * 10 + (size_t)(*r->at++ - '0');
	rust_take(r, '_');
	name.text = r->at;
	if (name.bytes > (size_t)(r->end - r->at))
		r->bad = true;
	else
		r->at += name.bytes;
	return name;
}

void rust_put_identifier(struct rust *r, const struct rust_identifier *name)
{
	if (r->bad)
		return;
	if (name->punycode)
		rust_put(r, "punycode{");
	rust_put_bytes(r, name->text, name->bytes);
	if (name->punycode)
		rust_put(r, "}");
}
