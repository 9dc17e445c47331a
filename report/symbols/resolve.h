/* SPDX-License-Identifier: MIT */
/* The main loop of the symbol child: answers questions with libdw until the socket closes. */
#ifndef MEMSHIM_SYMBOLS_RESOLVE_H
#define MEMSHIM_SYMBOLS_RESOLVE_H

#include "report/symbols/symbols.h"

_Noreturn void resolve_serve(int socket, const struct symbols_options *options);

#endif
