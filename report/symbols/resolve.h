/* SPDX-License-Identifier: MIT */
/* The symbol child: answers questions about modules and addresses by libdw, until nobody asks. */
#ifndef MEMSHIM_SYMBOLS_RESOLVE_H
#define MEMSHIM_SYMBOLS_RESOLVE_H

#include "report/symbols/symbols.h"

_Noreturn void resolve_serve(int socket, const struct symbols_options *options);

#endif
