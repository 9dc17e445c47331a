/* SPDX-License-Identifier: MIT */
/* Why shmat, shmdt and shmctl failed, by the log. */
#ifndef MEMSHIM_MODEL_EXPLAIN_ATTACH_H
#define MEMSHIM_MODEL_EXPLAIN_ATTACH_H

#include "report/model/explain.h"

struct explanation explain_shmat(const struct failed *f);
struct explanation explain_shmdt(const struct failed *f);
struct explanation explain_shmctl(const struct failed *f);

#endif
