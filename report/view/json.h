/* SPDX-License-Identifier: MIT */
/* Members of JSON objects: each function writes a comma if needed, the name and the value. */
#ifndef MEMSHIM_VIEW_JSON_H
#define MEMSHIM_VIEW_JSON_H

#include "report/view/out.h"

struct json {
	struct out *out;
	bool comma; /* write one before the next member */
};

static inline void json_name(struct json *json, const char *name)
{
	if (json->comma)
		out_char(json->out, ',');
	json->comma = true;
	if (!name) /* an element of an array */
		return;
	out_char(json->out, '"');
	out_text(json->out, name);
	OUT(json->out, "\":");
}

/* `name` is null for elements of an array; `bracket` is a bracket or a brace. */
static inline void json_open(struct json *json, const char *name, char bracket)
{
	json_name(json, name);
	out_char(json->out, bracket);
	json->comma = false;
}

static inline void json_close(struct json *json, char bracket)
{
	out_char(json->out, bracket);
	json->comma = true;
}

static inline void json_number(struct json *json, const char *name, uint64_t number)
{
	json_name(json, name);
	out_number(json->out, number);
}

static inline void json_signed(struct json *json, const char *name, int64_t number)
{
	json_name(json, name);
	out_signed(json->out, number);
}

static inline void json_text(struct json *json, const char *name, const char *text)
{
	json_name(json, name);
	out_json(json->out, text);
}

static inline void json_address(struct json *json, const char *name, uint64_t address)
{
	json_name(json, name);
	out_char(json->out, '"');
	out_hex(json->out, address);
	out_char(json->out, '"');
}

static inline void json_bool(struct json *json, const char *name, bool value)
{
	json_name(json, name);
	out_text(json->out, value ? "true" : "false");
}

static inline void json_null(struct json *json, const char *name)
{
	json_name(json, name);
	OUT(json->out, "null");
}

static inline void json_number_or_null(struct json *json, const char *name, bool known,
				       uint64_t number)
{
	if (known)
		json_number(json, name, number);
	else
		json_null(json, name);
}

static inline void json_signed_or_null(struct json *json, const char *name, bool known,
				       int64_t number)
{
	if (known)
		json_signed(json, name, number);
	else
		json_null(json, name);
}

/* A null text is null. */
static inline void json_text_or_null(struct json *json, const char *name, const char *text)
{
	if (text)
		json_text(json, name, text);
	else
		json_null(json, name);
}

/* Address 0 is null. */
static inline void json_address_or_null(struct json *json, const char *name, uint64_t address)
{
	if (address)
		json_address(json, name, address);
	else
		json_null(json, name);
}

#endif
