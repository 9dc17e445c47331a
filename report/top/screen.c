/* SPDX-License-Identifier: MIT */
#include "report/top/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/util/big_stack.h"
#include "report/util/error.h"
#include "report/util/printable.h"

#define ESCAPE_WAIT_MS 25 /* the longest wait for the rest of a function key's characters */

static SCREEN *terminal;
static FILE *discard; /* the output of a screen that is only read back */
static bool utf8, colors;
static volatile sig_atomic_t hung_up;

static void hang_up(int number)
{
	(void)number;
	hung_up = 1;
}

static void screen_read_locale(void)
{
	setlocale(LC_CTYPE, "");
	utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void screen_start_colors(bool wanted)
{
	static const short of_style[] = {[STYLE_RED] = COLOR_RED,
					 [STYLE_YELLOW] = COLOR_YELLOW,
					 [STYLE_CYAN] = COLOR_CYAN,
					 [STYLE_GREEN] = COLOR_GREEN};

	colors = wanted && has_colors() && start_color() == OK && use_default_colors() == OK;
	for (short style = STYLE_RED; colors && style <= STYLE_GREEN; style++)
		init_pair(style, of_style[style], -1);
}

struct making {
	char *type; /* null: TERM from the environment */
	FILE *out, *in;
};

static void screen_make_terminal(void *context)
{
	const struct making *making = context;

	terminal = newterm(making->type, making->out, making->in);
}

bool screen_begin(bool color)
{
	const char *type = getenv("TERM");
	struct sigaction action = {.sa_handler = hang_up};
	struct making making = {NULL, stdout, stdin};

	screen_read_locale();
	call_on_big_stack(screen_make_terminal, &making);
	if (!terminal) {
		error_format("TERM", "%s: no such terminal is known; --once prints one screen",
			     type && *type ? type : "not set");
		return false;
	}
	set_escdelay(ESCAPE_WAIT_MS);
	screen_start_colors(color);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	return true;
}

/* ncurses reads the size of a screen without a terminal from the environment. */
static void set_size(const char *name, unsigned size)
{
	char text[16];

	snprintf(text, sizeof text, "%u", size);
	setenv(name, text, 1);
}

bool screen_begin_text(unsigned lines, unsigned columns)
{
	static char type[] = "dumb";
	struct making making = {.type = type};

	screen_read_locale();
	set_size("LINES", lines);
	set_size("COLUMNS", columns);
	discard = fopen("/dev/null", "r+");
	making.in = making.out = discard;
	if (discard)
		call_on_big_stack(screen_make_terminal, &making);
	if (terminal)
		return true;
	error_line("top", "no screen could be made: is terminfo's entry 'dumb' installed?");
	return false;
}

void screen_end(void)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
	if (discard)
		fclose(discard);
	discard = NULL;
}

unsigned screen_lines(void)
{
	return LINES > 0 ? (unsigned)LINES : 1;
}

unsigned screen_columns(void)
{
	return COLS > 0 ? (unsigned)COLS : 1;
}

bool screen_utf8(void)
{
	return utf8;
}

void screen_clear(void)
{
	erase();
}

void screen_show(void)
{
	refresh();
}

void screen_redraw(void)
{
	clearok(curscr, TRUE);
}

static attr_t screen_attributes(unsigned styles)
{
	unsigned style = styles & ~(unsigned)STYLE_BAR;
	attr_t bar = styles & STYLE_BAR ? A_REVERSE : A_NORMAL;

	if (style == STYLE_BOLD)
		return bar | A_BOLD;
	if (style == STYLE_DIM)
		return bar ? bar : A_DIM;
	if (style >= STYLE_RED && style <= STYLE_GREEN && colors)
		return bar | (attr_t)COLOR_PAIR(style);
	return style == STYLE_RED ? bar | A_BOLD : bar;
}

/* One character; returns the bytes that it takes. */
static unsigned screen_put_character(const unsigned char *at)
{
	unsigned length = printable_length(at);

	if (length && printable_is(at, length) && (length == 1 || utf8))
		addnstr((const char *)at, (int)length);
	else
		addch('?');
	return length ? length : 1;
}

void screen_put(unsigned line, unsigned column, unsigned width, const char *text, unsigned styles)
{
	const unsigned char *at = (const unsigned char *)text;
	const char *mark = utf8 ? "\u2026" : "...";
	unsigned used = 0, whole, mark_columns = utf8 ? 1 : 3;

	if (line >= screen_lines() || column >= screen_columns())
		return;
	if (width > screen_columns() - column)
		width = screen_columns() - column;
	whole = *printable_skip(text, width) && width > mark_columns ? width - mark_columns : width;
	attrset((int)screen_attributes(styles));
	move((int)line, (int)column);
	for (; *at && used < whole; used++)
		at += screen_put_character(at);
	if (*at && whole < width) {
		addstr(mark);
		used = width;
	}
	for (; used < width; used++)
		addch(' ');
	attrset(A_NORMAL);
}

void screen_text(unsigned line, char *to, size_t bytes)
{
	wchar_t wide[1024];
	int count = mvinnwstr((int)line, 0, wide, (int)(sizeof wide / sizeof *wide) - 1);
	size_t length;

	wide[count > 0 ? count : 0] = 0;
	length = wcstombs(to, wide, bytes - 1);
	if (length == (size_t)-1)
		length = 0;
	while (length > 0 && to[length - 1] == ' ')
		length--;
	to[length] = '\0';
}

/* ---- keys ---- */

static int code_of(int key)
{
	static const struct {
		int key, code;
	} codes[] = {
		{KEY_UP, SCREEN_UP},         {KEY_DOWN, SCREEN_DOWN},
		{KEY_LEFT, SCREEN_LEFT},     {KEY_RIGHT, SCREEN_RIGHT},
		{KEY_PPAGE, SCREEN_PAGE_UP}, {KEY_NPAGE, SCREEN_PAGE_DOWN},
		{KEY_HOME, SCREEN_HOME},     {KEY_END, SCREEN_END},
		{KEY_BTAB, SCREEN_BACK_TAB}, {KEY_BACKSPACE, SCREEN_BACKSPACE},
		{127, SCREEN_BACKSPACE},     {'\b', SCREEN_BACKSPACE},
		{KEY_DC, SCREEN_DELETE},     {KEY_RESIZE, SCREEN_RESIZED},
		{KEY_ENTER, '\n'},           {'\r', '\n'},
	};

	if (key == ERR)
		return hung_up ? SCREEN_GONE : SCREEN_NONE;
	if (key >= KEY_F(1) && key <= KEY_F(10))
		return SCREEN_F1 + key - KEY_F(1);
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].key == key)
			return codes[i].code;
	return key < 0x100 ? key : SCREEN_OTHER;
}

int screen_key(int wait_ms)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	int key;

	timeout(0);
	key = getch(); /* ncurses may hold a key that poll(2) does not show */
	if (key != ERR || hung_up)
		return code_of(key);
	poll(&input, 1, wait_ms);
	key = getch();
	if (key == ERR && input.revents & (POLLHUP | POLLERR | POLLNVAL))
		return SCREEN_GONE;
	return code_of(key);
}
