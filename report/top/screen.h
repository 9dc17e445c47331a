/* SPDX-License-Identifier: MIT */
/*
 * The terminal: text at a position, and keys. No other file includes ncurses, because its names
 * have no prefix. Text may contain any bytes: screen_put shows unprintable ones as '?'.
 */
#ifndef MEMSHIM_TOP_SCREEN_H
#define MEMSHIM_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

enum screen_style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_RED,
	STYLE_YELLOW,
	STYLE_CYAN,
	STYLE_GREEN,
	STYLE_BAR = 1 << 4, /* combined with any other: draws a bar in another background */
};

/* Codes of screen_key besides characters. */
enum screen_code {
	SCREEN_NONE = 0, /* no key within the wait */
	SCREEN_ESCAPE = 27,
	SCREEN_UP = 0x100,
	SCREEN_DOWN,
	SCREEN_LEFT,
	SCREEN_RIGHT,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_BACK_TAB,
	SCREEN_BACKSPACE,
	SCREEN_DELETE,
	SCREEN_F1, /* F1 to F10 are consecutive */
	SCREEN_F10 = SCREEN_F1 + 9,
	SCREEN_RESIZED,
	SCREEN_GONE, /* the terminal was closed */
	SCREEN_OTHER,
};

/* Takes the terminal; false after a message. */
bool screen_begin(bool color);
/* A screen without a terminal, for the text of one screen; false after a message. */
bool screen_begin_text(unsigned lines, unsigned columns);
void screen_end(void);

unsigned screen_lines(void);
unsigned screen_columns(void);
bool screen_utf8(void);

void screen_clear(void);
/* Puts the text, cut or padded to `width` columns. */
void screen_put(unsigned line, unsigned column, unsigned width, const char *text, unsigned styles);
void screen_show(void);
/* Redraws all after another program wrote to the terminal. */
void screen_redraw(void);

/* Waits at most `wait_ms` for a key. */
int screen_key(int wait_ms);

/* Copies a line of the screen, without trailing blanks. */
void screen_text(unsigned line, char *to, size_t bytes);

#endif
