/* SPDX-License-Identifier: MIT */
/* `memshim record`: runs COMMAND with the shim and saves what it logs. */
#ifndef MEMSHIM_RECORDER_RECORDER_H
#define MEMSHIM_RECORDER_RECORDER_H

/* argv[0] is "record". Returns the exit status: COMMAND's own, 128+N, or an enum exit_code. */
int command_record(int argc, char **argv);

#endif
