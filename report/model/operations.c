/* SPDX-License-Identifier: MIT */
#include "report/model/operations.h"

#include <stdlib.h>

#include "report/model/model.h"

void model_add_use(struct model *model, const struct use_facts *facts)
{
	struct model_operations *to = &model->operations;

	if (MODEL_RESERVE(model, to->uses, to->use_capacity, to->use_count + 1))
		to->uses[to->use_count++] = *facts;
}

void model_add_wait(struct model *model, const struct wait_facts *facts)
{
	struct model_operations *to = &model->operations;

	if (MODEL_RESERVE(model, to->waits, to->wait_capacity, to->wait_count + 1))
		to->waits[to->wait_count++] = *facts;
}

void operations_free(struct model_operations *operations)
{
	free(operations->uses);
	free(operations->waits);
}
