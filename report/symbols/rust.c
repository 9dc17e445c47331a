/* SPDX-License-Identifier: MIT */
/*
 * Rust's "v0" mangling (RFC 2603): a tree in prefix notation, with back references to earlier parts
 * of the name. Hashes of crates and paths of impl blocks are left out, as rustc's own tools do. A
 * hostile file may contain any name, so depth, steps and length are bounded.
 */
#include "report/symbols/rust.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "report/symbols/rust_text.h"

#define DEPTH_MOST 64
#define STEPS_MOST 4096 /* back references may repeat exponentially */

static void rust_put_path(struct rust *r, bool in_value);
static void rust_put_type(struct rust *r);
static void rust_put_argument(struct rust *r);

/* A back reference: puts the part at an earlier offset of the name here, too. */
static void rust_put_back(struct rust *r, void (*put_it)(struct rust *r, bool), bool argument)
{
	const char *here;
	uint64_t offset = rust_read_base62(r);

	if (r->bad || r->quiet)
		return;
	here = r->at;
	if (offset >= (uint64_t)(here - r->begin)) {
		r->bad = true;
		return;
	}
	r->at = r->begin + offset;
	put_it(r, argument);
	r->at = here;
}

static bool rust_enter(struct rust *r)
{
	if (++r->depth > DEPTH_MOST || ++r->steps > STEPS_MOST)
		r->bad = true;
	return !r->bad;
}

/* ---- constants, lifetimes ---- */

static void rust_put_lifetime(struct rust *r, uint64_t index)
{
	char text[] = "'a";

	if (index == 0) {
		rust_put(r, "'_");
		return;
	}
	if (index > r->bound || r->bound - index >= 26) {
		r->bad = true;
		return;
	}
	text[1] = (char)('a' + (r->bound - index));
	rust_put(r, text);
}

static void rust_put_const_value(struct rust *r, char type)
{
	const char *digits;
	uint64_t value = 0;
	bool negative = rust_take(r, 'n');

	for (digits = r->at; r->at < r->end && isxdigit((unsigned char)*r->at); r->at++)
		value = value << 4 | (uint64_t)(isdigit((unsigned char)*r->at) ? *r->at - '0'
									       : *r->at - 'a' + 10);
	if (r->at - digits > 16 || !rust_take(r, '_'))
		r->bad = true;
	if (type == 'b') {
		rust_put(r, value ? "true" : "false");
		return;
	}
	if (negative)
		rust_put(r, "-");
	rust_put_number(r, value);
}

static void rust_put_const(struct rust *r, bool unused)
{
	char type;

	(void)unused;
	if (!rust_enter(r))
		return;
	type = rust_next(r);
	if (type == 'B')
		rust_put_back(r, rust_put_const, false);
	else if (type == 'p')
		rust_put(r, "_");
	else if (strchr("abchijlmnostxy", type) && type)
		rust_put_const_value(r, type);
	else
		r->bad = true;
	r->depth--;
}

/* ---- types ---- */

static const char *basic_type(char tag)
{
	static const char *const names[] = {
		['a' - 'a'] = "i8",   ['b' - 'a'] = "bool",  ['c' - 'a'] = "char",
		['d' - 'a'] = "f64",  ['e' - 'a'] = "str",   ['f' - 'a'] = "f32",
		['h' - 'a'] = "u8",   ['i' - 'a'] = "isize", ['j' - 'a'] = "usize",
		['l' - 'a'] = "i32",  ['m' - 'a'] = "u32",   ['n' - 'a'] = "i128",
		['o' - 'a'] = "u128", ['p' - 'a'] = "_",     ['s' - 'a'] = "i16",
		['t' - 'a'] = "u16",  ['u' - 'a'] = "()",    ['v' - 'a'] = "...",
		['x' - 'a'] = "i64",  ['y' - 'a'] = "u64",   ['z' - 'a'] = "!",
	};

	return tag >= 'a' && tag <= 'z' ? names[tag - 'a'] : NULL;
}

/* Puts items up to "E", separated by commas. Returns their number. */
static unsigned rust_put_list(struct rust *r, void (*put_it)(struct rust *r))
{
	unsigned count = 0;

	while (!r->bad && !rust_take(r, 'E')) {
		if (count++ > 0)
			rust_put(r, ", ");
		put_it(r);
	}
	return count;
}

/* Puts a binder, "for<'a, 'b>". Returns the number of its lifetimes. */
static uint64_t rust_put_bound(struct rust *r)
{
	uint64_t count = rust_read_optional(r, 'G');

	if (count > 26)
		r->bad = true;
	for (uint64_t i = 0; i < count && !r->bad; i++) {
		r->bound++;
		rust_put(r, i == 0 ? "for<" : ", ");
		rust_put_lifetime(r, 1);
	}
	if (count)
		rust_put(r, "> ");
	return count;
}

static void rust_put_function(struct rust *r)
{
	uint64_t bound = rust_put_bound(r);
	struct rust_identifier abi;

	if (rust_take(r, 'U'))
		rust_put(r, "unsafe ");
	if (rust_take(r, 'K')) {
		rust_put(r, "extern \"");
		if (rust_take(r, 'C')) {
			rust_put(r, "C");
		} else {
			abi = rust_read_identifier(r);
			rust_put_identifier(r, &abi);
		}
		rust_put(r, "\" ");
	}
	rust_put(r, "fn(");
	rust_put_list(r, rust_put_type);
	rust_put(r, ")");
	if (!rust_take(r, 'u')) {
		rust_put(r, " -> ");
		rust_put_type(r);
	}
	r->bound -= bound;
}

static bool rust_put_open_path(struct rust *r);

static void rust_put_open_again(struct rust *r, bool unused)
{
	(void)unused;
	rust_put_open_path(r);
}

/* Puts a path. Returns true when its arguments lack the ">", since the caller may add some. */
static bool rust_put_open_path(struct rust *r)
{
	bool open;

	if (!rust_enter(r))
		return false;
	if (rust_take(r, 'B')) {
		const char *here = r->at;
		uint64_t offset = rust_read_base62(r);

		open = !r->bad && offset < (uint64_t)(here - r->begin) && r->begin[offset] == 'I';
		r->at = here;
		rust_put_back(r, rust_put_open_again, false);
	} else if ((open = rust_take(r, 'I'))) {
		rust_put_path(r, false);
		rust_put(r, "<");
		rust_put_list(r, rust_put_argument);
	} else {
		rust_put_path(r, false);
	}
	r->depth--;
	return open;
}

/* Puts "dyn" and its traits, with their associated types. */
static void rust_put_traits(struct rust *r)
{
	struct rust_identifier name;
	uint64_t bound;
	bool open;

	rust_put(r, "dyn ");
	bound = rust_put_bound(r);
	for (unsigned count = 0; !r->bad && !rust_take(r, 'E'); count++) {
		if (count > 0)
			rust_put(r, " + ");
		for (open = rust_put_open_path(r); rust_take(r, 'p'); open = true) {
			name = rust_read_identifier(r);
			rust_put(r, open ? ", " : "<");
			rust_put_identifier(r, &name);
			rust_put(r, " = ");
			rust_put_type(r);
		}
		if (open)
			rust_put(r, ">");
	}
	r->bound -= bound;
	if (!rust_take(r, 'L'))
		r->bad = true;
	else
		rust_read_base62(r);
}

static void rust_put_reference(struct rust *r, const char *sign)
{
	uint64_t lifetime = rust_take(r, 'L') ? rust_read_base62(r) : 0;

	rust_put(r, "&");
	if (lifetime) {
		rust_put_lifetime(r, lifetime);
		rust_put(r, " ");
	}
	rust_put(r, sign);
	rust_put_type(r);
}

static void rust_put_type_again(struct rust *r, bool unused)
{
	(void)unused;
	rust_put_type(r);
}

static void rust_put_array(struct rust *r, bool has_length)
{
	rust_put(r, "[");
	rust_put_type(r);
	if (has_length) {
		rust_put(r, "; ");
		rust_put_const(r, false);
	}
	rust_put(r, "]");
}

static void rust_put_compound(struct rust *r, char tag)
{
	switch (tag) {
	case 'A':
	case 'S':
		rust_put_array(r, tag == 'A');
		break;
	case 'T':
		rust_put(r, "(");
		rust_put(r, rust_put_list(r, rust_put_type) == 1 ? ",)" : ")");
		break;
	case 'R':
	case 'Q':
		rust_put_reference(r, tag == 'Q' ? "mut " : "");
		break;
	case 'P':
	case 'O':
		rust_put(r, tag == 'P' ? "*const " : "*mut ");
		rust_put_type(r);
		break;
	case 'F':
		rust_put_function(r);
		break;
	case 'D':
		rust_put_traits(r);
		break;
	case 'B':
		rust_put_back(r, rust_put_type_again, false);
		break;
	default:
		r->at--;
		rust_put_path(r, false);
	}
}

static void rust_put_type(struct rust *r)
{
	char tag;

	if (!rust_enter(r))
		return;
	tag = rust_next(r);
	if (basic_type(tag))
		rust_put(r, basic_type(tag));
	else if (!r->bad)
		rust_put_compound(r, tag);
	r->depth--;
}

/* ---- paths ---- */

static void rust_put_argument(struct rust *r)
{
	if (rust_take(r, 'L'))
		rust_put_lifetime(r, rust_read_base62(r));
	else if (rust_take(r, 'K'))
		rust_put_const(r, false);
	else
		rust_put_type(r);
}

/* Reads the path of an impl block and puts nothing. */
static void skip_impl(struct rust *r)
{
	r->quiet++;
	rust_read_optional(r, 's');
	rust_put_path(r, false);
	r->quiet--;
}

static void rust_put_nested(struct rust *r, bool in_value)
{
	char space = rust_next(r);
	struct rust_identifier name;

	rust_put_path(r, in_value);
	name = rust_read_identifier(r);
	if (!isupper((unsigned char)space)) {
		if (name.bytes)
			rust_put(r, "::");
		rust_put_identifier(r, &name);
		return;
	}
	rust_put(r, space == 'C' ? "::{closure" : space == 'S' ? "::{shim" : "::{");
	if (name.bytes)
		rust_put(r, ":");
	rust_put_identifier(r, &name);
	rust_put(r, "#");
	rust_put_number(r, name.number);
	rust_put(r, "}");
}

static void rust_put_qualified(struct rust *r, bool has_trait)
{
	rust_put(r, "<");
	rust_put_type(r);
	if (has_trait) {
		rust_put(r, " as ");
		rust_put_path(r, false);
	}
	rust_put(r, ">");
}

static void rust_put_path(struct rust *r, bool in_value)
{
	struct rust_identifier name;
	char tag;

	if (!rust_enter(r))
		return;
	tag = rust_next(r);
	if (tag == 'C') {
		name = rust_read_identifier(r);
		rust_put_identifier(r, &name);
	} else if (tag == 'M' || tag == 'X') {
		skip_impl(r);
		rust_put_qualified(r, tag == 'X');
	} else if (tag == 'Y') {
		rust_put_qualified(r, true);
	} else if (tag == 'N') {
		rust_put_nested(r, in_value);
	} else if (tag == 'I') {
		rust_put_path(r, in_value);
		rust_put(r, in_value ? "::<" : "<");
		rust_put_list(r, rust_put_argument);
		rust_put(r, ">");
	} else if (tag == 'B') {
		rust_put_back(r, rust_put_path, in_value);
	} else {
		r->bad = true;
	}
	r->depth--;
}

char *demangle_rust(const char *name)
{
	struct rust r = {.begin = name + 2, .at = name + 2};

	if (strncmp(name, "_R", 2) != 0 || !isupper((unsigned char)name[2]))
		return NULL;
	r.end = r.begin + strcspn(r.begin, "."); /* LLVM adds a suffix such as ".llvm.123" */
	r.out = malloc(RUST_BYTES_MOST);
	if (!r.out)
		return NULL;
	rust_put_path(&r, true);
	if (!r.bad && r.at < r.end) { /* the crate that instantiated a generic function */
		r.quiet++;
		rust_put_path(&r, false);
		r.quiet--;
	}
	if (r.bad || r.at != r.end) {
		free(r.out);
		return NULL;
	}
	r.out[r.used] = '\0';
	return r.out;
}
