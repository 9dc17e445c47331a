/* SPDX-License-Identifier: MIT */
/* The subcommands, but for record: each takes its own argv, and returns an exit code. */
#ifndef MEMSHIM_CLI_COMMAND_H
#define MEMSHIM_CLI_COMMAND_H

int command_report(int argc, char **argv);
int command_events(int argc, char **argv);
int command_export(int argc, char **argv);
int command_ipcs(int argc, char **argv);
int command_reap(int argc, char **argv);
int command_graph(int argc, char **argv);
int command_top(int argc, char **argv);
int command_map(int argc, char **argv);
int command_ls(int argc, char **argv);
int command_env(int argc, char **argv);
int command_help(int argc, char **argv);

/* The options of one command, or of memshim itself where there is no such command. */
int help_show(const char *command);

#endif
