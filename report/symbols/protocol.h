/* SPDX-License-Identifier: MIT */
/*
 * The messages between the reporter and its symbol child, over a SOCK_SEQPACKET socket:
 *
 *     reporter                              child
 *     question: a module         ────▶      opens it
 *                                ◀────      answer: a file is needed   (any number of times)
 *     handed, and a descriptor   ────▶
 *                                ◀────      answer: which names the module has
 *     question: its addresses    ────▶
 *                                ◀────      answer: the places of one   (for each address)
 *
 * The reporter sends a question only after the last one is answered in full. It checks every field
 * of an answer: a hostile file may control the child.
 */
#ifndef MEMSHIM_SYMBOLS_PROTOCOL_H
#define MEMSHIM_SYMBOLS_PROTOCOL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/symbols/symbols.h"

#define QUESTION_ADDRESSES 64u
#define ANSWER_TEXT_BYTES 49152u
#define ANSWER_NAME_BYTES 16384u /* longer names are cut */
#define BUILD_ID_MAX_BYTES 64u

enum question_kind { QUESTION_MODULE, QUESTION_PLACES };

struct question {
	enum question_kind kind;
	uint32_t count; /* of addresses */
	struct module_facts module;
	struct symbol_address addresses[QUESTION_ADDRESSES];
};

enum server_file { SERVER_DEBUGINFO, SERVER_EXECUTABLE };

enum answer_kind {
	ANSWER_MODULE, /* names, short_of_memory; text: the file that the names come from */
	ANSWER_PLACES, /* count, places, short_of_memory; text: of the places */
	ANSWER_OPEN,   /* a request: open a file. text: its path */
	ANSWER_FETCH,  /* a request: get a file from a server. server_file, build_id; text: its name
			  for messages */
};

struct answer {
	enum answer_kind kind;
	enum module_names names;
	enum server_file server_file;
	bool short_of_memory;
	uint32_t count;
	uint32_t build_id_bytes;
	unsigned char build_id[BUILD_ID_MAX_BYTES];
	struct answer_place {
		/* Bytes in text, with the null byte; 0: unknown. The texts follow each other. */
		uint32_t function_bytes, file_bytes;
		uint32_t line;
		bool inlined;
	} places[FRAME_PLACES_MAX];
	uint32_t text_bytes;
	char text[ANSWER_TEXT_BYTES]; /* only its first text_bytes are sent */
};
#define ANSWER_HEAD_BYTES offsetof(struct answer, text)

/* The reply to ANSWER_OPEN and ANSWER_FETCH. A descriptor comes with it when `error` is 0. */
struct handed {
	int error;           /* errno */
	char path[PATH_MAX]; /* of a fetched file */
};

#endif
