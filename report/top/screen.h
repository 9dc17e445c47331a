/* SPDX-License-Identifier: MIT */
/*
 * The terminal, by ncurses: text at a place, and keys. The only file that knows ncurses, whose
 * names are everybody's names. Text may be anything: what must not reach a terminal is shown as
 * '?'.
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
	STYLE_BAR = 1 << 4, /* with any of these: on a bar of another background */
};

/* What screen_key returns besides characters. */
enum screen_code {
	SCREEN_NONE = 0, /* nothing was typed in time */
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
	SCREEN_F1, /* up to F10 in a row */
	SCREEN_F10 = SCREEN_F1 + 9,
	SCREEN_RESIZED,
	SCREEN_GONE, /* the terminal is not there any more */
	SCREEN_OTHER,
};

/* Takes the terminal; false after one line. */
bool screen_begin(bool color);
/* No terminal at all, for the text of one screen; false after one line. */
bool screen_begin_text(unsigned lines, unsigned columns);
void screen_end(void);

unsigned screen_lines(void);
unsigned screen_columns(void);
bool screen_utf8(void);

void screen_clear(void);
/* The text, cut or padded to `width` columns. */
void screen_put(unsigned line, unsigned column, unsigned width, const char *text, unsigned styles);
void screen_show(void);
/* After something else wrote on the terminal. */
void screen_redraw(void);

/* Waits at most `wait_ms` for a key. */
int screen_key(int wait_ms);

/* A line of the screen as text, without blanks at its end. */
void screen_text(unsigned line, char *to, size_t bytes);

#endif
