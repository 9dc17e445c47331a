/* SPDX-License-Identifier: MIT */
/* The IPC table as JSON. */
#ifndef MEMSHIM_VIEW_IPCS_JSON_H
#define MEMSHIM_VIEW_IPCS_JSON_H

#include "report/model/ipc.h"
#include "report/view/ipcs_text.h"

void ipcs_json(struct out *out, const struct ipc_table *table, const struct ipcs_options *options);

#endif
