/* SPDX-License-Identifier: MIT */
/* Call stacks, modules and names. */
#ifndef MEMSHIM_MODEL_STACKS_H
#define MEMSHIM_MODEL_STACKS_H

#include "report/reader/facts.h"
#include "report/util/hash.h"

struct model;

#define FRAMES_MOST (1u << 20) /* a file that claims more is damaged */

/* The load address of a module in an image. */
struct model_load {
	UT_hash_handle hh;
	struct load_key {
		uint32_t instance, module;
	} key;
	uint64_t address;
	bool moved; /* it was loaded again at another address: an event may mean either */
};

/* How well the addresses of a module can be named, best first. */
enum module_names {
	NAMES_LINES,     /* functions and lines */
	NAMES_FUNCTIONS, /* no lines */
	NAMES_EXPORTED,  /* stripped: only exported symbols */
	NAMES_CHANGED,   /* the file is not the one that was loaded */
	NAMES_MISSING,   /* there is no such file, or it cannot be read */
	NAMES_SLOW,      /* reading it took too long */
	NAMES_LARGE,     /* reading it took too much memory */
	NAMES_BROKEN,    /* reading it failed: it is damaged */
	NAMES_UNREAD,    /* no process could be started to read it */
	NAMES_NOT_ASKED,
};

struct model_module {
	struct module_facts facts;
	enum module_names names;
	uint32_t nameless; /* frames in it without a name */
};

/* The source of an address; inlined functions give several places, innermost first. */
struct frame_place {
	const char *function; /* null unknown */
	const char *file;     /* null unknown */
	uint32_t line;        /* 0 unknown */
	bool inlined;         /* into the function of the next place */
};
#define FRAME_PLACES_MAX 16u

/* The places of one address of a module. The texts belong to the caller of model_add_name. */
struct model_name {
	UT_hash_handle hh;
	struct name_key {
		uint64_t offset;
		uint32_t module, exact; /* module 0: the address `offset` of the image `exact` */
	} key;
	uint32_t count;
	struct frame_place places[];
};

/* One frame of a call stack, for the views. */
struct stack_frame {
	const struct model_module *module; /* null: in no loaded file */
	const struct model_name *name;     /* null: no name is known */
	uint64_t offset;                   /* from the module's load address */
	uint64_t pc;                       /* 0: not known */
	bool exact;                        /* a signal interrupted there: pc is no return address */
	bool is_signal;                    /* a signal's arrival, between handler and interrupted */
	bool cut;                          /* the outermost recorded frame; the stack has more */
};
#define STACK_FRAMES_MAX 64u

/* Call stacks, and the names of their frames. */
struct model_stacks {
	struct frame_facts *frames; /* by number; number 0 where there is none */
	uint32_t frame_capacity;
	struct model_module **modules; /* by number */
	uint32_t module_capacity;
	struct model_name *names;
	struct model_load *loads;
	uint32_t deepest_cut; /* frames of the deepest stack that was cut; 0: none was */
};

/* Rows of call stacks; a row may come twice. */
void model_add_module(struct model *model, const struct module_facts *facts);
void model_add_frame(struct model *model, const struct frame_facts *facts);
void model_add_load(struct model *model, const struct load_facts *facts);

/* Adds the name of code that is in no file. A name that came before holds. */
void model_add_jit_name(struct model *model, const struct jit_name_facts *facts);

/* Adds the names of an address; there may be none. */
void model_add_name(struct model *model, const struct name_key *key,
		    const struct frame_place *places, uint32_t count);

const struct model_name *model_name(const struct model *model, const struct name_key *key);

/* Whether the frames of this stack are known. */
bool model_knows_stack(const struct model *model, uint32_t stack);

/* Writes the frames of an image's stack, innermost first; returns their number. */
uint32_t model_stack(const struct model *model, uint32_t instance, uint32_t stack,
		     struct stack_frame frames[STACK_FRAMES_MAX]);

void stacks_free(struct model *model);

#endif
